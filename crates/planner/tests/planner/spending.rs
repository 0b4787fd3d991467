//! What an environment costs, whatever happens to its record.

use bivouac_model::{Desired, DesiredState, ItemKey, LedgerView, Month, Phase, Record, SpendingEntry, Status, Usd};
use bivouac_planner::admission::{Caps, Ledger};
use bivouac_planner::{Policy, ended};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::fixtures::{policy, seconds, start, up};
use crate::world::World;

#[path = "../../../model/tests/golden/items.rs"]
mod golden;

fn asked() -> DesiredState {
    DesiredState { requested_by: Some("Ada".into()), ..up() }
}

fn entry(world: &World) -> SpendingEntry {
    world.spending.entry().expect("an entry").clone()
}

fn cost(world: &World) -> Usd {
    world.status().cost_at(world.now)
}

/// Equal but for what rounds.
fn close(one: Usd, other: Usd) -> bool {
    one.micros().abs_diff(other.micros()) <= 10
}

fn hours(world: &mut World, hours: i64) {
    world.advance(TimeDelta::hours(hours));
    world.settle();
}

#[test]
fn an_item_that_is_overwritten_whole_goes_on_from_the_ledger() {
    let mut world = World::new(asked());
    world.settle();
    for _ in 0..2 {
        hours(&mut world, 3);
        let before = world.status().clone();
        assert!(cost(&world) > Usd::ZERO);
        world.overwrite(asked());
        world.settle();
        assert_eq!(world.phase(), Phase::Ready);
        assert!(close(cost(&world), before.cost_at(world.now)), "{} {before:?}", cost(&world));
        assert!(world.status().machinery.booked);
    }
    let (hourly, ran) = (world.status().hourly_cost_usd, world.now - start());
    assert!(cost(&world) >= hourly.per_hour_over((ran - seconds(120)).to_std().unwrap()));
    assert!(world.settle().is_idle());
}

#[test]
fn what_a_client_puts_into_the_cost_is_ignored_and_put_right() {
    let mut world = World::new(asked());
    world.settle();
    hours(&mut world, 3);
    let before = world.status().clone();
    for (wrong, at) in [(0.0, None), (1e6, None), (-5.0, None), (0.0, Some(start() - seconds(900_000)))] {
        let status = world.record.status.as_mut().unwrap();
        status.cost_usd = Usd::from_dollars(wrong);
        status.updated_at = at.unwrap_or(status.updated_at);
        let planned = world.planned_from_a_glance();
        assert!(planned.changes(world.record.status.as_ref()), "the lists show it");
        assert_eq!(planned.ledger, None, "the ledger is right already");
        world.settle();
        assert!(close(cost(&world), before.cost_at(world.now)), "{wrong}: {}", cost(&world));
        assert!(world.settle().is_idle());
    }
}

#[test]
fn a_new_record_of_the_same_pull_request_goes_on_from_the_ledger() {
    let mut world = World::new(asked());
    world.settle();
    hours(&mut world, 5);
    world.wish(|wish| wish.desired = Desired::Down);
    world.settle();
    for _ in 0..20 {
        hours(&mut world, 1);
    }
    assert_eq!(world.phase(), Phase::Terminated);
    let before = cost(&world);
    assert!(before > Usd::ZERO && entry(&world).hourly.is_zero());
    world.overwrite(asked());
    hours(&mut world, 1);
    assert_eq!(world.phase(), Phase::Ready);
    hours(&mut world, 1);
    assert!(cost(&world) > before);
}

#[test]
fn at_rest_the_ledger_is_not_written_until_the_month_turns() {
    let mut world = World::new(DesiredState { pinned: true, ..asked() });
    world.policy.max_ttl = std::time::Duration::from_secs(90 * 86_400);
    world.settle();
    let first = entry(&world);
    // It is 15 January 2027.
    hours(&mut world, 24 * 10);
    assert_eq!(entry(&world), first);
    world.advance(TimeDelta::days(10));
    assert!(world.planned_from_a_glance().ledger.is_some(), "February has no entry yet");
    world.settle();
    let second = entry(&world);
    assert_eq!((second.month, second.hourly), (first.month.next(), first.hourly));
    assert!(close(second.before, first.in_month(first.month, world.now)));
    assert!(close(second.in_month(second.month, world.now), first.in_month(second.month, world.now)));
    hours(&mut world, 24);
    assert_eq!(entry(&world), second);
}

#[test]
fn a_record_of_a_release_without_a_ledger_is_taken_over_once() {
    let mut world = World::new(asked());
    world.spending = LedgerView::Unknown;
    world.settle();
    world.advance(TimeDelta::hours(4));
    assert!(!world.status().machinery.booked);
    let before = world.status().clone();

    world.spending = LedgerView::Empty;
    assert!(world.planned_from_a_glance().ledger.is_some(), "the lists show it");
    world.settle();
    let taken = entry(&world);
    assert!(close(taken.spending().cost_at(world.now), before.cost_at(world.now)), "{taken:?}");
    assert_eq!((taken.revision, taken.requested_by.as_deref()), (1, Some("Ada")));
    assert!(world.status().machinery.booked && world.settle().is_idle());
    assert_eq!(entry(&world), taken);
}

/// Records that the release before left, in each phase.
#[test]
fn the_ledger_begins_with_what_a_record_of_the_release_before_says() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/golden");
    let mut taken = 0;
    for (name, item) in golden::items(&directory) {
        let mut world = World::new(asked());
        let read = golden::record(&item);
        let status = read.status.clone().expect("a status");
        world.record = Record { key: world.record.key.clone(), ..read };
        world.now = status.updated_at + TimeDelta::hours(2);
        let planned = world.planned_from_a_glance();
        let costs = status.cost_at(world.now);
        assert_eq!(planned.ledger.is_some(), costs > Usd::ZERO, "{name}");
        if let Some(entry) = &planned.ledger {
            assert!(close(entry.spending().cost_at(world.now), costs), "{name}: {entry:?} {costs}");
            taken += 1;
        }
        assert!(close(planned.status.cost_usd, costs), "{name}");
        let machinery = &planned.status.machinery;
        assert_eq!(machinery.comment, status.machinery.comment, "{name}");
        assert_eq!(machinery.first_seen_at.is_some(), status.machinery.first_seen_at.is_some(), "{name}");
    }
    assert!(taken > 3);
}

/// A rolling upgrade, a downgrade, and an upgrade again: whichever release leads counts on.
#[test]
fn what_another_release_spent_meanwhile_is_taken_over() {
    let mut world = World::new(asked());
    world.settle();
    hours(&mut world, 2);
    // The old release drops what it does not know, and writes the cost as it knows it.
    let ledger = std::mem::replace(&mut world.spending, LedgerView::Unknown);
    world.record.status.as_mut().unwrap().machinery.booked = false;
    world.wish(|wish| wish.desired = Desired::Asleep);
    hours(&mut world, 3);
    let asleep = cost(&world);
    hours(&mut world, 5);
    world.wish(|wish| wish.desired = Desired::Up);
    hours(&mut world, 1);
    hours(&mut world, 4);
    let before = cost(&world);
    assert!(before > asleep && !world.status().machinery.booked);

    world.spending = ledger;
    world.settle();
    assert!(cost(&world) >= before, "nothing that the old release counted is lost");
    assert!(world.status().machinery.booked && world.settle().is_idle());
}

#[test]
fn a_ledger_that_is_not_there_costs_nothing_but_its_safety() {
    let mut world = World::new(asked());
    world.spending = LedgerView::Unknown;
    world.settle();
    hours(&mut world, 3);
    assert!(cost(&world) > Usd::ZERO);
    assert!(world.settle().is_idle(), "no work waits for it, and nothing is written again and again");
}

/// A record whose environment ran, as of the start.
fn record(pr: u32, status: Option<Status>) -> Record {
    let key = ItemKey { repo: "apache/superset".into(), pr: pr.to_string().into() };
    Record { key, desired: Ok(asked()), generation: None, status }
}

fn booked(pr: u32, spent: f64, hourly: f64) -> SpendingEntry {
    SpendingEntry {
        environment: record(pr, None).key,
        month: Month::of(start()),
        before: Usd::from_dollars(100.0),
        spent: Usd::from_dollars(spent),
        hourly: Usd::from_dollars(hourly),
        as_of: start(),
        requested_by: Some("Ada".into()),
        revision: 1,
    }
}

#[test]
fn the_months_budget_counts_environments_whose_record_was_deleted() {
    let caps = Caps { monthly_budget: Usd::from_dollars(10.0), ..policy().caps };
    let policy = Policy { caps, ..policy() };
    let mut ledger = Ledger::default();
    ledger.observe(&policy, &[record(1, None)], std::iter::empty(), start());
    ledger.booked(booked(2, 4.0, 0.0));
    ledger.booked(booked(3, 5.5, 0.25));
    let later = start() + TimeDelta::hours(2);
    let bill = ledger.bill(&policy, later);
    assert_eq!(bill.spent, Usd::from_dollars(10.0));
    assert_eq!(bill.by_user, [("ada".to_owned(), Usd::from_dollars(10.0))]);
    let open: Vec<_> = ledger.without_a_record().into_iter().map(|entry| entry.environment).collect();
    assert_eq!(open, [record(3, None).key], "what counts on has to be looked at");

    ledger.booked(SpendingEntry { revision: 2, ..ended(&booked(3, 5.5, 0.25), later) });
    assert_eq!(ledger.bill(&policy, later + TimeDelta::days(5)).spent, Usd::from_dollars(10.0));
    assert!(ledger.without_a_record().is_empty());
    let february = start() + TimeDelta::days(20);
    assert_eq!(ledger.bill(&policy, february).spent, Usd::ZERO);
}

#[test]
fn a_record_that_says_less_than_the_ledger_takes_nothing_off_the_bill() {
    let policy = policy();
    let mut status = World::ready().status().clone();
    (status.cost_usd, status.hourly_cost_usd, status.updated_at) = (Usd::ZERO, Usd::ZERO, start());
    status.machinery.booked = true;
    let mut ledger = Ledger::default();
    ledger.observe(&policy, &[record(1, Some(status))], std::iter::empty(), start());
    ledger.booked(booked(1, 4.0, 0.5));
    ledger.booked(SpendingEntry { revision: 0, spent: Usd::ZERO, ..booked(1, 0.0, 0.0) });
    assert_eq!(ledger.bill(&policy, start() + TimeDelta::hours(2)).spent, Usd::from_dollars(5.0));
}

#[test]
fn a_record_that_a_client_dresses_up_as_another_releases_takes_nothing_off_the_bill() {
    let mut world = World::new(asked());
    world.settle();
    hours(&mut world, 5);
    let before = cost(&world);
    let now = world.now;
    let status = world.record.status.as_mut().unwrap();
    (status.cost_usd, status.hourly_cost_usd, status.updated_at) = (Usd::ZERO, Usd::ZERO, now);
    (status.machinery.booked, status.machinery.revision) = (false, 1);
    world.settle();
    assert!(before > Usd::ZERO && cost(&world) >= before, "{before:?} {:?}", cost(&world));
    hours(&mut world, 5);
    assert!(10 * cost(&world).micros() > 19 * before.micros(), "an hour costs the same still: {:?}", cost(&world));
}

/// What happens to a record, a ledger, and those who write them.
#[derive(Clone, Copy, Debug)]
enum Event {
    Hours(i64),
    Days(i64),
    Wish(Desired),
    Overwritten,
    CostWritten(i32),
    StatusMapGone,
    /// The ledger has the entry, and the process dies before the record has the status. A lost answer looks the same.
    KilledBetween,
    /// A write that was made from an older entry arrives now.
    LateWrite,
    Reclaimed,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let wishes = prop::sample::select(vec![Desired::Up, Desired::Asleep, Desired::Down]);
    let event = prop_oneof![
        4 => (1..30i64).prop_map(Event::Hours),
        1 => (1..12i64).prop_map(Event::Days),
        3 => wishes.prop_map(Event::Wish),
        3 => Just(Event::Overwritten),
        1 => (-100..1000i32).prop_map(Event::CostWritten),
        1 => Just(Event::StatusMapGone),
        2 => Just(Event::KilledBetween),
        2 => Just(Event::LateWrite),
        1 => Just(Event::Reclaimed),
    ];
    prop::collection::vec(event, 1..16)
}

/// What the ledger is to say: every second once, at the price that the ledger had then. Exact, so it is in micro-dollars an
/// hour times seconds.
struct Truth {
    sum: i128,
    until: DateTime<Utc>,
}

impl Truth {
    fn count(&mut self, world: &World) {
        let hourly = world.spending.entry().map_or(0, |entry| entry.hourly.micros());
        self.sum += i128::from(hourly) * i128::from((world.now - self.until).num_seconds());
        self.until = world.now;
    }

    /// How many micro-dollars an amount is away from it.
    fn off(&self, said: Usd) -> i128 {
        (i128::from(said.micros()) - self.sum / 3600).abs()
    }
}

/// The revision that stands where an entry would be written.
fn standing(world: &World, entry: &SpendingEntry) -> Option<u64> {
    world.spending.entry().filter(|there| there.month == entry.month).map(|there| there.revision)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// The ledger never says less than what ran, and counts no interval twice.
    #[test]
    fn every_hour_counts_once_whatever_happens(events in events()) {
        let mut world = World::new(DesiredState { pinned: true, ..asked() });
        world.policy.max_ttl = std::time::Duration::from_secs(300 * 86_400);
        let mut truth = Truth { sum: 0, until: world.now };
        let mut late: Option<(SpendingEntry, Option<u64>)> = None;
        for event in events {
            let step = |world: &mut World, truth: &mut Truth, time: TimeDelta| {
                world.advance(time);
                truth.count(world);
            };
            match event {
                Event::Hours(hours) => step(&mut world, &mut truth, TimeDelta::hours(hours)),
                Event::Days(days) => step(&mut world, &mut truth, TimeDelta::days(days)),
                Event::Wish(desired) => world.wish(|wish| wish.desired = desired),
                Event::Overwritten => world.overwrite(DesiredState { pinned: true, ..asked() }),
                Event::CostWritten(cents) => {
                    if let Some(status) = &mut world.record.status {
                        status.cost_usd = Usd::from_dollars(f64::from(cents) / 100.0);
                    }
                }
                Event::StatusMapGone => {
                    if let Some(status) = &mut world.record.status {
                        status.machinery = Default::default();
                    }
                }
                Event::KilledBetween => {
                    let planned = world.planned_from_a_glance();
                    late = planned.ledger.clone().map(|entry| {
                        let seen = standing(&world, &entry);
                        (entry, seen)
                    });
                    truth.count(&world);
                    world.book(planned.ledger.as_ref());
                }
                Event::LateWrite => {
                    // It was made from an entry that another write replaced, so its condition fails.
                    if let Some((entry, seen)) = late.take() {
                        prop_assert!(standing(&world, &entry) != seen, "{entry:?}");
                    }
                }
                Event::Reclaimed => world.cloud.images.clear(),
            }
            // The world goes on until it is at rest, and each second of that counts too.
            for _ in 0..60 {
                truth.count(&world);
                let reconciled = world.reconcile();
                if reconciled.is_idle() && reconciled.plan.requeue_after.is_none_or(|again| again.as_secs() > 600) {
                    break;
                }
                step(&mut world, &mut truth, seconds(10));
            }
            if let Some(entry) = world.spending.entry() {
                let said = entry.spending().cost_at(world.now);
                prop_assert!(truth.off(said) <= 100, "{said}, off by {} after {event:?}: {entry:?}", truth.off(said));
                let runs = world.cloud.active().is_some_and(|service| service.desired_count > 0)
                    && world.cloud.live_tasks().iter().any(|task| task.is_running());
                prop_assert!(!runs || entry.hourly > Usd::ZERO, "it runs and costs nothing: {entry:?}");
                if let Some(status) = &world.record.status {
                    prop_assert!(status.spending().agrees(&entry.spending(), world.now), "{status:?} {entry:?}");
                }
            }
        }
    }
}
