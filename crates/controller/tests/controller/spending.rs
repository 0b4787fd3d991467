//! What was spent, whatever happens to the record, to the process, and to the ledger.

use std::time::Duration;

use bivouac_model::{Desired, ItemKey, Month, Phase, SpendingEntry, Usd};
use chrono::{DateTime, TimeDelta, Utc};

use crate::state::{Trouble, World, env};

/// The newest entry of an environment.
fn entry(world: &World, pr: u64) -> Option<SpendingEntry> {
    let key = ItemKey::from(&env(pr));
    world.state().spending.values().filter(|entry| entry.environment == key).max_by_key(|entry| entry.month).cloned()
}

fn spent(world: &World, pr: u64) -> Usd {
    entry(world, pr).map_or(Usd::ZERO, |entry| entry.spending().cost_at(world.now()))
}

fn said(world: &World, pr: u64) -> Usd {
    world.status(pr).map_or(Usd::ZERO, |status| status.cost_at(world.now()))
}

/// What its tasks cost from when each was asked for until it stopped: no ledger may say less.
fn ran(world: &World, pr: u64, hourly: Usd) -> Usd {
    let now = world.now();
    let time = |from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>| {
        from.map_or(Duration::ZERO, |from| (to.unwrap_or(now) - from).to_std().unwrap_or_default())
    };
    world.cloud(pr, |cloud| {
        let tasks = cloud.all_tasks();
        tasks.iter().map(|task| hourly.per_hour_over(time(task.started_at, task.stopped_at))).sum()
    })
}

fn close(one: Usd, other: Usd) -> bool {
    one.micros().abs_diff(other.micros()) <= 10
}

/// A client puts the whole item, as the `put-item` of docs/reference/records.md does.
fn overwrite(world: &World, pr: u64) {
    world.state().records.get_mut(&ItemKey::from(&env(pr))).expect("a record").status = None;
    world.write(pr, |_| {});
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_overwritten_twice_still_costs_everything() {
    let world = World::new();
    world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let before = spent(&world, 7);
        overwrite(&world, 7);
        world.until("ready again", || world.is(7, Phase::Ready)).await;
        assert!(said(&world, 7) >= before && close(said(&world, 7), spent(&world, 7)));
    }
    let hourly = world.status(7).unwrap().hourly_cost_usd;
    assert!(said(&world, 7) >= hourly.per_hour_over(Duration::from_secs(7200)));
}

#[tokio::test(start_paused = true)]
async fn at_rest_the_ledger_is_not_written() {
    let world = World::new();
    world.start(None);
    (1..=5).for_each(|pr| world.write(pr, |_| {}));
    world.until("ready", || (1..=5).all(|pr| world.is(pr, Phase::Ready))).await;
    // Until the collector has looked around, too.
    tokio::time::sleep(Duration::from_secs(400)).await;
    let entries = world.state().spending.clone();
    let writes = world.state().writes.len();
    tokio::time::sleep(Duration::from_secs(1200)).await;
    assert_eq!(world.state().spending, entries);
    assert_eq!(world.state().writes.len(), writes);
}

/// It has run since December, and its record is new.
#[tokio::test(start_paused = true)]
async fn a_month_that_is_over_is_counted_to_its_end_before_the_next_begins() {
    let world = World::new();
    let january = Month::of(world.now());
    let december = SpendingEntry {
        environment: ItemKey::from(&env(7)),
        month: january.previous(),
        before: Usd::from_dollars(3.0),
        spent: Usd::from_dollars(1.0),
        hourly: Usd::from_dollars(0.01),
        as_of: january.begins() - TimeDelta::hours(100),
        requested_by: Some("ada".into()),
        revision: 3,
    };
    world.state().spending.insert((december.month, december.environment.clone()), december.clone());
    world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    let entries: Vec<SpendingEntry> = world.state().spending.values().cloned().collect();
    let [closed, next] = &entries[..] else { panic!("two months: {entries:#?}") };
    assert_eq!((closed.as_of, closed.spent, closed.revision), (january.begins(), Usd::from_dollars(2.0), 4));
    assert_eq!((next.month, next.before, next.requested_by.as_deref()), (january, Usd::from_dollars(5.0), Some("ada")));
    let in_january = (world.now() - january.begins()).to_std().unwrap();
    let until_it_was_seen = Usd::from_dollars(0.01).per_hour_over(in_january - Duration::from_secs(300));
    assert!(spent(&world, 7) - next.before >= until_it_was_seen, "{next:?}");
    assert!(close(said(&world, 7), spent(&world, 7)));
}

#[tokio::test(start_paused = true)]
async fn what_a_deleted_record_spent_stays_and_its_account_ends_with_its_service() {
    let world = World::new();
    world.start(None);
    world.write(8, |wish| wish.pinned = true);
    world.write(7, |wish| wish.requested_by = Some("ada".into()));
    world.until("ready", || world.is(7, Phase::Ready) && world.is(8, Phase::Ready)).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let before = spent(&world, 7);
    world.state().records.remove(&ItemKey::from(&env(7)));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    // Its service runs on until its time is over or a person deletes it, and costs what it costs.
    assert!(spent(&world, 7) > before && !entry(&world, 7).unwrap().hourly.is_zero());
    world.cloud(7, |cloud| cloud.delete());
    world.until("ended", || entry(&world, 7).unwrap().hourly.is_zero()).await;
    let ended = entry(&world, 7).unwrap();
    assert_eq!(ended.requested_by.as_deref(), Some("ada"));
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert_eq!(entry(&world, 7).unwrap(), ended);
    // A new record of the same pull request goes on from it.
    world.write(7, |_| {});
    world.until("ready again", || world.is(7, Phase::Ready)).await;
    assert!(said(&world, 7) >= ended.spent);
}

#[tokio::test(start_paused = true)]
async fn records_of_a_release_without_a_ledger_are_taken_over_once() {
    let world = World::new();
    world.state().ledger = false;
    let old = world.start(None);
    (1..=3).for_each(|pr| world.write(pr, |_| {}));
    world.write(4, |wish| wish.desired = Desired::Up);
    world.until("ready", || (1..=4).all(|pr| world.is(pr, Phase::Ready))).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    world.write(4, |wish| wish.desired = Desired::Down);
    world.until("gone", || world.is(4, Phase::Terminated)).await;
    old.stop();
    let before: Vec<Usd> = (1..=4).map(|pr| said(&world, pr)).collect();
    assert!(before.iter().all(|cost| *cost > Usd::ZERO));

    world.state().ledger = true;
    world.start(None);
    world.until("taken over", || (1..=4).all(|pr| entry(&world, pr).is_some())).await;
    for (pr, before) in (1..=4).zip(before) {
        assert!(spent(&world, pr) >= before && close(spent(&world, pr), said(&world, pr)), "{pr}");
        assert_eq!(entry(&world, pr).unwrap().revision, 1, "{pr}");
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!((1..=4).all(|pr| entry(&world, pr).unwrap().revision == 1), "once");
}

/// A ledger that fails holds no AWS work up, and nothing that was spent meanwhile is lost.
#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_closed_holds_no_aws_work_up_and_catches_up() {
    let world = World::new();
    world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    world.state().ledger = false;
    world.write(7, |wish| wish.desired = Desired::Asleep);
    world.until("asleep", || world.is(7, Phase::Asleep)).await;
    world.write(8, |_| {});
    world.until("ready", || world.is(8, Phase::Ready)).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(entry(&world, 8), None);
    let writes = world.state().writes.len();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(world.state().writes.len() <= writes + 2 * 130, "nothing is written again and again");
    let before = said(&world, 8);
    world.state().ledger = true;
    world.until("caught up", || entry(&world, 8).is_some() && entry(&world, 7).unwrap().hourly.is_zero()).await;
    assert!(spent(&world, 8) >= before);
    assert!(close(spent(&world, 7), said(&world, 7)) && world.is(7, Phase::Asleep));
}

/// A life in which the item is overwritten and the environment sleeps. `trouble` happens at call `at`.
async fn life(at: usize, trouble: Trouble) -> bool {
    let world = World::new();
    let process = world.start(Some((at, trouble)));
    let mut alive = process.clone();
    let mut most = Usd::ZERO;
    world.write(7, |_| {});
    for step in 0..4 {
        let wanted = if step == 2 { Phase::Asleep } else { Phase::Ready };
        world.until("there or killed", || process.is_dead() || world.is(7, wanted)).await;
        if alive.is_dead() {
            alive = world.start(None);
        }
        world.until("there", || world.is(7, wanted)).await;
        // A lost answer is found out by the next scan.
        tokio::time::sleep(Duration::from_secs(90)).await;
        let spent = spent(&world, 7);
        assert!(close(spent, said(&world, 7)), "{trouble:?} at {at}, {step}: {spent} {}", said(&world, 7));
        // Records and ledger know the time to the second.
        let second = Usd::from_dollars(0.00001);
        assert!(spent + second >= most, "{trouble:?} at {at}, {step}: a cost that shrinks");
        let hourly = entry(&world, 7).unwrap().hourly.max(Usd::from_dollars(0.001));
        if step != 2 {
            assert!(spent >= ran(&world, 7, hourly), "{trouble:?} at {at}, {step}: less than what ran");
        }
        most = spent;
        match step {
            0 => overwrite(&world, 7),
            1 => world.write(7, |wish| wish.desired = Desired::Asleep),
            _ => world.write(7, |wish| wish.desired = Desired::Up),
        }
    }
    // All of it together is no longer than the world is old.
    let hourly = world.status(7).unwrap().hourly_cost_usd;
    let lived = (world.now() - crate::fixtures::start() + TimeDelta::seconds(5)).to_std().unwrap();
    assert!(spent(&world, 7) <= hourly.per_hour_over(lived), "{trouble:?} at {at}: an interval counted twice");
    alive.kill();
    process.met_its_trouble()
}

async fn at_every_call(trouble: Trouble) {
    let mut at = 0;
    while life(at, trouble).await {
        at += 1;
    }
    assert!(at > 40, "a life has more calls than {at}");
}

#[tokio::test(start_paused = true)]
async fn killed_before_any_call_nothing_spent_is_lost_or_counted_twice() {
    at_every_call(Trouble::KilledBefore).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_call_nothing_spent_is_lost_or_counted_twice() {
    at_every_call(Trouble::KilledAfter).await;
}

#[tokio::test(start_paused = true)]
async fn with_any_answer_lost_nothing_spent_is_lost_or_counted_twice() {
    at_every_call(Trouble::AnswerLost).await;
}

#[tokio::test(start_paused = true)]
async fn with_any_call_failing_nothing_spent_is_lost_or_counted_twice() {
    at_every_call(Trouble::Fails).await;
}

/// Another process wrote the entry after this one read it. This one reads it again, and neither write is lost.
#[tokio::test(start_paused = true)]
async fn an_entry_that_somebody_else_wrote_is_read_again() {
    let world = World::new();
    world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let more = Usd::from_dollars(5.0);
    for entry in world.state().spending.values_mut() {
        entry.spent = entry.spent + more;
        entry.revision += 1;
    }
    world.write(7, |wish| wish.desired = Desired::Asleep);
    world.until("asleep", || world.is(7, Phase::Asleep)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let entry = entry(&world, 7).unwrap();
    assert!(entry.spent > more && entry.hourly.is_zero(), "{entry:?}");
    assert!(close(said(&world, 7), entry.spent));
    assert_eq!(entry.month, Month::of(world.now()));
}
