use std::{collections::HashSet, io};

use futures::{FutureExt, future::join_all, poll};
use proptest::prelude::*;
use tokio::time::sleep;

use super::*;

type Calls = Arc<Mutex<Vec<Vec<u32>>>>;

/// Answers each key below 100 with its square after 50 ms; says "denied" to every call with a 7 in it, panics at 13.
fn squares(limits: BatchLimits) -> (Batcher<u32, u32, io::Error>, Calls) {
    let calls = Calls::default();
    let noted = Arc::clone(&calls);
    let batcher = Batcher::new(limits, move |keys: Vec<u32>| {
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        noted.lock().unwrap().push(sorted);
        async move {
            sleep(Duration::from_millis(50)).await;
            assert!(!keys.contains(&13), "on purpose");
            if keys.contains(&7) {
                return Err(io::Error::other("denied"));
            }
            let found = keys.into_iter().filter(|key| *key < 100);
            Ok(found.map(|key| (key, key * key)).collect())
        }
    });
    (batcher, calls)
}

async fn get_all(
    batcher: &Batcher<u32, u32, io::Error>,
    keys: impl IntoIterator<Item = u32>,
) -> Vec<Answer<u32, io::Error>> {
    join_all(keys.into_iter().map(|key| batcher.get(key))).await
}

#[tokio::test(start_paused = true)]
async fn keys_asked_together_go_out_together_ten_at_a_time() {
    let (batcher, calls) = squares(BatchLimits::of(10));
    let answers = get_all(&batcher, 20..45).await;
    for (key, answer) in (20..45).zip(answers) {
        assert_eq!(answer.unwrap(), Some(key * key));
    }
    let sizes: Vec<usize> = calls.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 10, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_key_asked_twice_is_loaded_once_and_one_not_found_is_none() {
    let (batcher, calls) = squares(BatchLimits::of(10));
    let answers = get_all(&batcher, [3, 3, 500]).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [Some(9), Some(9), None]);
    assert_eq!(*calls.lock().unwrap(), [[3, 500]]);
}

#[tokio::test(start_paused = true)]
async fn the_window_closes_when_idle_and_at_the_latest_when_it_is_old() {
    let (batcher, calls) = squares(BatchLimits::of(1_000));
    let start = Instant::now();
    batcher.get(1).await.unwrap();
    // 10 ms idle, 50 ms for the call, and tokio's timers may be a millisecond late each.
    assert!((60..=62).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    // One every 8 ms never leaves 10 ms idle.
    let trickle = (0..30u32).map(|n| {
        let batcher = batcher.clone();
        async move {
            sleep(Duration::from_millis(8 * u64::from(n))).await;
            batcher.get(20 + n).await
        }
    });
    join_all(trickle).await;
    let calls = calls.lock().unwrap();
    assert_eq!(calls[1].len(), 13, "those of the first 100 ms: {calls:?}");
}

#[tokio::test(start_paused = true)]
async fn an_error_reaches_all_of_its_batch_and_nobody_else() {
    let (batcher, _) = squares(BatchLimits::of(3));
    let answers = get_all(&batcher, [6, 7, 8, 9, 10, 11]).await;
    let (failed, fine) = answers.split_at(3);
    for answer in failed {
        assert!(matches!(answer, Err(BatchError::Failed(error)) if error.to_string() == "denied"));
    }
    assert!(fine.iter().all(|answer| matches!(answer, Ok(Some(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_loader_is_an_error_and_the_next_batch_is_fine() {
    let (batcher, _) = squares(BatchLimits::of(10));
    let answers = get_all(&batcher, [12, 13]).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(BatchError::BrokenOff))));
    assert_eq!(batcher.get(5).await.unwrap(), Some(25));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_harms_nobody() {
    let (batcher, calls) = squares(BatchLimits::of(10));
    // The one that opens the window is dropped while it waits, another while the call is on its way.
    let mut opener = Box::pin(batcher.get(1));
    let mut second = Box::pin(batcher.get(2));
    let mut stays = Box::pin(batcher.get(3));
    assert!(poll!(&mut opener).is_pending());
    assert!(poll!(&mut second).is_pending());
    assert!(poll!(&mut stays).is_pending());
    drop(opener);
    sleep(Duration::from_millis(30)).await;
    drop(second);
    assert_eq!(stays.await.unwrap(), Some(9));
    assert_eq!(*calls.lock().unwrap(), [[2, 3]], "nobody wanted 1 any more");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_nobody_waits_for_is_not_sent() {
    let (batcher, calls) = squares(BatchLimits::of(10));
    assert!(batcher.get(1).now_or_never().is_none());
    assert_eq!(batcher.get(2).await.unwrap(), Some(4));
    assert_eq!(*calls.lock().unwrap(), [[2]]);
    assert!(batcher.get(1).now_or_never().is_none());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(calls.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_does_not_join_a_call_that_is_on_its_way() {
    let (batcher, calls) = squares(BatchLimits::of(10));
    let late = async {
        sleep(Duration::from_millis(30)).await;
        batcher.get(4).await
    };
    let (early, late) = futures::join!(batcher.get(4), late);
    assert_eq!((early.unwrap(), late.unwrap()), (Some(16), Some(16)));
    assert_eq!(calls.lock().unwrap().len(), 2, "what the late one gets is younger than its question");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever asks whenever: the right answer, and no call too large, empty, or with a key twice.
    #[test]
    fn everybody_gets_the_answer(
        asks in prop::collection::vec((20..120u32, 0..400u64), 1..120),
        keys in 1..12usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (answers, calls) = runtime.block_on(async {
            let (batcher, calls) = squares(BatchLimits::of(keys));
            let answers = join_all(asks.iter().map(|&(key, at)| {
                let batcher = batcher.clone();
                async move {
                    sleep(Duration::from_millis(at)).await;
                    (key, batcher.get(key).await.unwrap())
                }
            })).await;
            (answers, calls)
        });
        for (key, answer) in answers {
            prop_assert_eq!(answer, (key < 100).then_some(key * key));
        }
        for call in calls.lock().unwrap().iter() {
            prop_assert!(!call.is_empty() && call.len() <= keys);
            prop_assert_eq!(call.iter().collect::<HashSet<_>>().len(), call.len());
        }
    }
}
