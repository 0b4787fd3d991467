use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use proptest::prelude::*;
use tokio::time::sleep;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Runs `reconcile` on `queue` until nothing is left to do but timers later than `until`.
async fn run_for<K, R, F>(workers: Workers, queue: &WorkQueue<K>, until: Duration, reconcile: R) -> Drained<K>
where
    K: Hash + Eq + Clone + Debug + Send + Sync + 'static,
    R: Fn(K) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let stop = CancellationToken::new();
    let stopped = async {
        sleep(until).await;
        stop.cancel();
    };
    futures::join!(workers.run(queue, reconcile, stop.clone()), stopped).0
}

fn plain_backoff() -> Backoff {
    Backoff { jitter: 0.0, ..Backoff::default() }
}

/// When the reconciler was called, in tenths of a second.
type Calls = Arc<Mutex<Vec<u64>>>;

/// A reconciler that notes into `calls` and answers what `answer` says for the n-th call.
fn recorder(
    calls: &Calls,
    answer: impl Fn(usize) -> Outcome + Send + Sync + 'static,
) -> impl Fn(&'static str) -> futures::future::Ready<Outcome> + Send + Sync + 'static {
    let (calls, start) = (Arc::clone(calls), Instant::now());
    move |_| {
        let mut calls = calls.lock().unwrap();
        calls.push(start.elapsed().as_millis() as u64 / 100);
        futures::future::ready(answer(calls.len() - 1))
    }
}

#[tokio::test(start_paused = true)]
async fn each_outcome_decides_when_the_key_is_looked_at_again() {
    let queue = WorkQueue::new();
    queue.add("a");
    let calls = Calls::default();
    let reconcile = recorder(&calls, |call| match call {
        0 => Outcome::RequeueAfter(10 * SECOND),
        1 | 2 => Outcome::backoff("Throttled"),
        3 => Outcome::backoff_at_least("Throttled", 30 * SECOND),
        4 => Outcome::RequeueAfter(SECOND),
        5 => Outcome::backoff("Throttled"),
        6 => Outcome::Done,
        _ => Outcome::terminal("NotReached"),
    });
    let workers = Workers::new(2).backoff(plain_backoff());
    let drained = run_for(workers, &queue, 600 * SECOND, reconcile).await;
    // Requeue 10 s; back off 0.5 s and 1 s; at least 30 s; success 1 s; back off 0.5 s again: it started over.
    assert_eq!(*calls.lock().unwrap(), [0, 100, 105, 115, 415, 425, 430]);
    assert_eq!(drained, Drained { abandoned: vec![], left_ready: 0 });
    let snapshot = queue.snapshot();
    assert_eq!((snapshot.waiting, snapshot.running, snapshot.retries_total), (0, 0, 4));
}

#[tokio::test(start_paused = true)]
async fn a_terminal_key_rests_until_it_is_added() {
    let queue = WorkQueue::new();
    queue.add("a");
    let calls = Calls::default();
    let reconcile = recorder(&calls, |_| Outcome::terminal("TemplateInvalid"));
    let stop = CancellationToken::new();
    let events = async {
        sleep(500 * SECOND).await;
        queue.add("a");
        sleep(500 * SECOND).await;
        stop.cancel();
    };
    futures::join!(Workers::new(1).run(&queue, reconcile, stop.clone()), events);
    assert_eq!(*calls.lock().unwrap(), [0, 5_000]);
}

#[derive(Default)]
struct Labels(Mutex<Vec<(&'static str, Duration)>>);

impl WorkerObserver for Labels {
    fn reconciled(&self, ended: Reconciled, took: Duration) {
        self.0.lock().unwrap().push((ended.label(), took));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_and_backed_off_and_everything_goes_on() {
    let queue = WorkQueue::new();
    queue.add("a");
    queue.add("b");
    let labels = Arc::new(Labels::default());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let reconcile = move |key| {
        let call = counted.fetch_add(1, SeqCst);
        // The first one panics before there is a future, the second inside it.
        assert!(call != 0, "on purpose");
        async move {
            sleep(SECOND).await;
            assert!(call != 1, "on purpose too");
            if key == "a" { Outcome::Done } else { Outcome::RequeueAfter(1_000 * SECOND) }
        }
    };
    let workers = Workers::new(1).backoff(plain_backoff()).observed_by(labels.clone());
    run_for(workers, &queue, 100 * SECOND, reconcile).await;
    let seen: Vec<_> = labels.0.lock().unwrap().iter().map(|(label, took)| (*label, took.as_secs())).collect();
    assert_eq!(seen, [("panic", 0), ("panic", 1), ("done", 1), ("requeue", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_runs_and_starts_nothing_new() {
    let queue = WorkQueue::new();
    for key in ["quick", "slow", "never", "later"] {
        queue.add(key);
    }
    let finished = Arc::<Mutex<Vec<&str>>>::default();
    let noted = Arc::clone(&finished);
    let reconcile = move |key| {
        let noted = Arc::clone(&noted);
        async move {
            match key {
                "quick" => sleep(2 * SECOND).await,
                "slow" => sleep(5 * SECOND).await,
                _ => futures::future::pending().await,
            }
            noted.lock().unwrap().push(key);
            Outcome::Done
        }
    };
    let start = Instant::now();
    let workers = Workers::new(3).drain_within(6 * SECOND);
    let drained = run_for(workers, &queue, SECOND, reconcile).await;
    assert_eq!(drained, Drained { abandoned: vec!["never"], left_ready: 1 });
    assert_eq!(*finished.lock().unwrap(), ["quick", "slow"]);
    assert_eq!(start.elapsed().as_secs(), 7, "one second until the stop, six to drain");
}

#[tokio::test(start_paused = true)]
async fn a_stop_with_nothing_running_is_immediate() {
    let start = Instant::now();
    let drained = run_for(Workers::new(4), &WorkQueue::<u8>::new(), SECOND, |_| async { Outcome::Done }).await;
    assert_eq!((drained.abandoned.len(), start.elapsed().as_secs()), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any adds at any times, any reconcile durations: every add is followed by a look that begins after it, and
    /// neither the concurrency nor "one at a time for each key" is ever broken.
    #[test]
    fn every_add_is_followed_by_a_look(
        adds in prop::collection::vec((0..6usize, 0..40u64, 0..30u64), 1..80),
        durations in prop::collection::vec(0..50u64, 1..10),
        concurrency in 1..4usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let problem = runtime.block_on(async move {
            let queue = WorkQueue::new();
            let keys: Arc<[[AtomicUsize; 3]; 6]> = Arc::default();
            let (all, calls) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
            let broken = Arc::new(AtomicUsize::new(0));
            let (shared, broke) = (Arc::clone(&keys), Arc::clone(&broken));
            let reconcile = move |key: usize| {
                let (shared, all, broke) = (Arc::clone(&shared), Arc::clone(&all), Arc::clone(&broke));
                let call = calls.fetch_add(1, SeqCst);
                let took = Duration::from_millis(durations[call % durations.len()]);
                async move {
                    let [wished, looked, running] = &shared[key];
                    if running.fetch_add(1, SeqCst) > 0 || all.fetch_add(1, SeqCst) >= concurrency {
                        broke.fetch_add(1, SeqCst);
                    }
                    let saw = wished.load(SeqCst);
                    sleep(took).await;
                    looked.store(saw, SeqCst);
                    running.fetch_sub(1, SeqCst);
                    all.fetch_sub(1, SeqCst);
                    match call % 7 {
                        0 => Outcome::backoff("Throttled"),
                        1 => Outcome::RequeueAfter(took),
                        2 => Outcome::terminal("Why"),
                        _ => Outcome::Done,
                    }
                }
            };
            let wishes = async {
                for (key, delay, pause) in adds {
                    keys[key][0].fetch_add(1, SeqCst);
                    queue.add_after(key, Duration::from_millis(delay));
                    sleep(Duration::from_millis(pause)).await;
                }
            };
            futures::join!(run_for(Workers::new(concurrency), &queue, 1_000 * SECOND, reconcile), wishes);
            let lost = keys.iter().any(|[wished, looked, _]| wished.load(SeqCst) != looked.load(SeqCst));
            (broken.load(SeqCst), lost)
        });
        prop_assert_eq!(problem, (0, false));
    }
}
