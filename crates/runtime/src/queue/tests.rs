//! The waiting side of the queue: who is woken, when, and by whom. The rules themselves are tested in `table`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use futures::{FutureExt, poll};
use tokio::time::{Instant, advance, timeout};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

async fn next(queue: &WorkQueue<&'static str>) -> Work<&'static str> {
    // Under paused time this ends as soon as nothing else can happen.
    timeout(10_000 * SECOND, queue.next()).await.expect("the queue handed nothing out").expect("the queue is open")
}

#[tokio::test(start_paused = true)]
async fn the_earliest_time_wins_and_wakes_on_time() {
    let queue = WorkQueue::new();
    let start = Instant::now();
    queue.add_after("a", 60 * SECOND);
    queue.add_after("a", 5 * SECOND);
    queue.add_after("a", 30 * SECOND);
    next(&queue).await.done();
    // tokio's timers have a resolution of one millisecond.
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(queue.snapshot().waiting, 0, "the later times are gone");
}

#[tokio::test(start_paused = true)]
async fn an_earlier_key_shortens_the_wait_of_a_call_that_already_waits() {
    let queue = WorkQueue::new();
    queue.add_after("late", 100 * SECOND);
    let mut waiting = Box::pin(queue.next());
    assert!(poll!(&mut waiting).is_pending());
    queue.add_after("soon", 2 * SECOND);
    let start = Instant::now();
    assert_eq!(*waiting.await.unwrap().key(), "soon");
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn idle_calls_hear_of_a_timer_after_the_timekeeper_left_with_a_key() {
    let queue = WorkQueue::new();
    let mut first = Box::pin(queue.next());
    let mut second = Box::pin(queue.next());
    assert!(poll!(&mut first).is_pending());
    assert!(poll!(&mut second).is_pending());
    queue.add("a");
    let (work, idle) = match poll!(&mut first) {
        Poll::Ready(work) => (work.unwrap(), second),
        Poll::Pending => (second.now_or_never().flatten().expect("one of them got the key"), first),
    };
    work.requeue_after(3 * SECOND);
    let start = Instant::now();
    let again = timeout(100 * SECOND, idle).await.expect("the idle call watches the timers").unwrap();
    assert_eq!((*again.key(), start.elapsed().as_secs()), ("a", 3));
}

#[tokio::test(start_paused = true)]
async fn the_timekeeper_hears_of_an_earlier_timer_while_another_call_is_on_its_way_to_a_key() {
    let queue = WorkQueue::new();
    let mut keeper = Box::pin(queue.next());
    let mut other = Box::pin(queue.next());
    assert!(poll!(&mut keeper).is_pending());
    assert!(poll!(&mut other).is_pending());
    queue.add_after("late", 100 * SECOND);
    // Looks at its new timer and waits again, now behind the other.
    assert!(poll!(&mut keeper).is_pending());
    queue.add("now");
    queue.add_after("soon", 2 * SECOND);
    let now = other.await.unwrap();
    assert_eq!(*now.key(), "now");
    let start = Instant::now();
    assert_eq!((*keeper.await.unwrap().key(), start.elapsed().as_secs()), ("soon", 2));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_timekeeper_passes_the_timers_on() {
    let queue = WorkQueue::new();
    queue.add_after("a", SECOND);
    let mut keeper = Box::pin(queue.next());
    let mut other = Box::pin(queue.next());
    assert!(poll!(&mut keeper).is_pending());
    assert!(poll!(&mut other).is_pending());
    drop(keeper);
    let work = timeout(100 * SECOND, other).await.expect("the other call watches the timers now").unwrap();
    assert_eq!(*work.key(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_running_key_is_not_handed_out_again_until_it_is_back() {
    let queue = WorkQueue::new();
    queue.add("a");
    let work = next(&queue).await;
    queue.add("a");
    queue.add_after("a", SECOND);
    assert!(timeout(100 * SECOND, queue.next()).await.is_err(), "handed out twice at once");
    work.requeue_after(1_000 * SECOND);
    let start = Instant::now();
    next(&queue).await.done();
    assert_eq!(start.elapsed(), Duration::ZERO, "dirty means at once");
    assert!(timeout(100_000 * SECOND, queue.next()).await.is_err(), "once is enough");
}

#[tokio::test(start_paused = true)]
async fn work_that_is_dropped_comes_again() {
    let queue = WorkQueue::new();
    queue.add("a");
    next(&queue).await.retry_after(Duration::ZERO);
    drop(next(&queue).await);
    let work = next(&queue).await;
    assert_eq!((*work.key(), work.failures()), ("a", 1), "a broken off reconcile is no failure, and forgets none");
}

#[tokio::test(start_paused = true)]
async fn a_closed_queue_lets_everybody_go() {
    let queue = WorkQueue::<&str>::new();
    let (one, two, ()) = futures::join!(queue.next(), queue.next(), async { queue.close() });
    assert!(one.is_none() && two.is_none());
    queue.add("a");
    assert!(queue.next().await.is_none());
    assert_eq!(queue.snapshot().ready, 1);
}

#[tokio::test(start_paused = true)]
async fn a_wish_for_the_far_future_is_no_panic() {
    let queue = WorkQueue::new();
    queue.add_after("a", Duration::MAX);
    assert!(timeout(SECOND, queue.next()).await.is_err());
    assert_eq!(queue.snapshot().waiting, 1);
}

#[tokio::test(start_paused = true)]
async fn the_snapshot_tells_depth_and_age() {
    let queue = WorkQueue::new();
    for key in ["a", "b", "b", "c"] {
        queue.add(key);
    }
    queue.add_after("d", 4 * SECOND);
    queue.add_after("e", 60 * SECOND);
    let work = next(&queue).await;
    advance(10 * SECOND).await;
    let expected = QueueSnapshot {
        ready: 3,
        waiting: 1,
        running: 1,
        oldest_ready: 10 * SECOND,
        longest_running: 10 * SECOND,
        adds_total: 6,
        handed_out_total: 1,
        retries_total: 0,
    };
    assert_eq!(queue.snapshot(), expected);
    assert_eq!(queue.running(), ["a"]);
    work.retry_after(SECOND);
    assert_eq!(queue.snapshot().retries_total, 1);
}

/// Real threads and real time: every wish is seen by a look that began after it, and no key is looked at by two.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_between_threads() {
    const KEYS: u32 = 20;
    const WISHES: u32 = 5_000;
    #[derive(Default)]
    struct Seen {
        wished: u32,
        looked: u32,
        running: bool,
    }
    let queue = WorkQueue::new();
    let seen: Arc<Mutex<HashMap<u32, Seen>>> = Arc::default();
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (queue, seen) = (queue.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                while let Some(work) = queue.next().await {
                    let wished = {
                        let mut seen = seen.lock().unwrap();
                        let seen = seen.get_mut(work.key()).unwrap();
                        assert!(!std::mem::replace(&mut seen.running, true), "two at once");
                        seen.wished
                    };
                    tokio::task::yield_now().await;
                    {
                        let mut seen = seen.lock().unwrap();
                        let seen = seen.get_mut(work.key()).unwrap();
                        seen.running = false;
                        seen.looked = wished;
                    }
                    match wished % 4 {
                        0 => work.done(),
                        1 => work.requeue_after(Duration::from_micros(200)),
                        2 => work.retry_after(Duration::from_millis(3)),
                        _ => drop(work),
                    }
                }
            })
        })
        .collect();
    for wish in 0..WISHES {
        let key = fastrand::u32(..KEYS);
        seen.lock().unwrap().entry(key).or_default().wished += 1;
        if wish % 3 == 0 {
            queue.add_after(key, Duration::from_micros(500))
        } else {
            queue.add(key)
        }
        if wish % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let settled = async {
        while seen.lock().unwrap().values().any(|seen| seen.looked != seen.wished) {
            tokio::task::yield_now().await;
        }
    };
    timeout(30 * SECOND, settled).await.expect("a wish was lost");
    queue.close();
    for worker in workers {
        worker.await.unwrap();
    }
}
