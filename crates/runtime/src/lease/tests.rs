//! The lease as a whole: first one claimant at a time, then many of them with bad clocks on a bad network.

mod bad_world;
mod memory;

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use self::memory::MemoryStore;
use super::*;

const PERIOD: Duration = Duration::from_secs(15);

fn lease(store: &MemoryStore) -> Lease<MemoryStore> {
    Lease::new(store.clone(), "test", LeaseTiming::of(PERIOD))
}

#[tokio::test(start_paused = true)]
async fn a_fresh_lease_is_had_at_once_and_kept_for_ever() {
    let store = MemoryStore::default();
    let mut lease = lease(&store);
    let start = Instant::now();
    let held = lease.acquire().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    for _ in 0..1_000 {
        sleep(PERIOD / 7).await;
        held.fence().check().expect("renewed all the time");
    }
    assert!(!held.fence().lost().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_passes_on_within_one_look() {
    let store = MemoryStore::default();
    let (mut first, mut second) = (lease(&store), lease(&store));
    let held = first.acquire().await;
    let fence = held.fence();
    let waiting = tokio::spawn(async move {
        second.acquire().await;
        Instant::now()
    });
    sleep(2 * PERIOD).await;
    assert!(!waiting.is_finished(), "two at once");
    let released = Instant::now();
    held.release().await;
    assert_eq!(fence.check(), Err(LeaseLost));
    assert!(fence.lost().is_cancelled());
    let passed_on = timeout(2 * PERIOD, waiting).await.unwrap().unwrap();
    assert!(passed_on - released <= PERIOD / 5 + Duration::from_millis(2), "{:?}", passed_on - released);
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_one_that_died_is_had_after_a_whole_period() {
    let store = MemoryStore::default();
    let mut first = lease(&store);
    let held = first.acquire().await;
    let fence = held.fence();
    drop(held);
    assert_eq!(fence.check(), Err(LeaseLost), "dropped is lost");
    let died = Instant::now();
    lease(&store).acquire().await;
    assert_eq!(died.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_gives_up_before_the_others_may_claim() {
    for silent in [false, true] {
        let store = MemoryStore::default();
        let mut lease = lease(&store);
        let held = lease.acquire().await;
        let fence = held.fence();
        sleep(Duration::from_millis(100)).await;
        store.fail(silent);
        let start = Instant::now();
        fence.lost().cancelled().await;
        // Two thirds of the period from the claim, which was 100 ms before.
        assert!((9_898..=9_902).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
        assert_eq!(fence.check(), Err(LeaseLost));
        store.mend();
        sleep(PERIOD).await;
        assert_eq!(fence.check(), Err(LeaseLost), "lost stays lost");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_costs_nothing() {
    let store = MemoryStore::default();
    let mut lease = lease(&store);
    let held = lease.acquire().await;
    for _ in 0..20 {
        store.fail(false);
        sleep(Duration::from_secs(5)).await;
        store.mend();
        sleep(Duration::from_secs(5)).await;
        held.fence().check().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn renewals_whose_answers_get_lost_are_found_out_and_the_lease_is_kept() {
    let store = MemoryStore::default();
    let mut lease = lease(&store);
    let held = lease.acquire().await;
    for _ in 0..20 {
        store.lose_next_answer();
        sleep(PERIOD).await;
        held.fence().check().unwrap();
    }
    store.lose_next_answer();
    sleep(PERIOD / 5 + Duration::from_millis(10)).await;
    held.release().await;
    assert_eq!(store.record().unwrap().owner, None, "released under the version that was never answered");
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_got_lost_is_taken_up() {
    let store = MemoryStore::default();
    let mut lease = lease(&store);
    store.lose_next_write();
    let start = Instant::now();
    let held = lease.acquire().await;
    assert!(start.elapsed() < PERIOD / 2, "without waiting for itself: {:?}", start.elapsed());
    assert_eq!(store.record().unwrap().version, 2);
    held.fence().check().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_taken_away_is_lost_with_the_next_renewal() {
    let store = MemoryStore::default();
    let mut lease = lease(&store);
    let held = lease.acquire().await;
    store.put(LeaseRecord { owner: Some("thief".to_owned()), version: 99, period: PERIOD });
    timeout(PERIOD / 4, held.fence().lost().cancelled()).await.expect("told within one renewal");
    held.release().await;
    assert_eq!(store.record().unwrap().owner.as_deref(), Some("thief"), "what is not ours is not released");
}

#[test]
fn two_claimants_are_two_whatever_they_are_called() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _inside = runtime.enter();
    let store = MemoryStore::default();
    assert_ne!(lease(&store).owner(), lease(&store).owner());
}

#[test]
fn an_unfenced_fence_holds() {
    let fence = Fence::unfenced();
    assert_eq!((fence.check(), fence.time_left()), (Ok(()), None));
}
