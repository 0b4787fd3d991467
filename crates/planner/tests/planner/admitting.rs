//! Admission: what the caps allow, in which order, and with what words.

use std::collections::BTreeMap;

use bivouac_model::{Desired, DesiredState, FargateQuotas, ItemKey, Phase, Place, Record, Room, Status, Usd};
use bivouac_planner::admission::{Caps, Ledger, Listed};
use bivouac_planner::{Action, CapacityPolicy, Policy};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::fixtures::{policy, seconds, start, up};
use crate::world::World;

/// What the fixture's template takes, at its dearest.
fn small() -> Place {
    Place { cpu: 512, hourly: Usd::from_dollars(0.5 * 0.04048 + 0.004_445 + 0.005) }
}

fn item(pr: u32) -> ItemKey {
    ItemKey { repo: "apache/superset".into(), pr: pr.to_string().into() }
}

fn record(pr: u32, status: Option<Status>) -> Record {
    let wish = DesiredState { requested_by: Some(format!("user-{}", pr % 3)), ..up() };
    Record { key: item(pr), desired: Ok(wish), generation: None, status }
}

/// A status of somebody who holds a place until `hours` from the start.
fn holding(place: Place, hours: i64) -> Status {
    let mut status = World::ready().status().clone();
    (status.machinery.place, status.hourly_cost_usd) = (Some(place), place.hourly);
    (status.cost_usd, status.updated_at) = (Usd::ZERO, start());
    status.expires_at = start() + TimeDelta::hours(hours);
    status
}

fn with(caps: Caps) -> Policy {
    Policy { caps, capacity: CapacityPolicy::OnDemand, ..policy() }
}

fn plenty() -> Caps {
    Caps { max_environments: 1000, max_per_user: 1000, monthly_budget: Usd::from_dollars(1e6), max_vcpus: Some(1e4) }
}

fn observed(policy: &Policy, records: &[Record]) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.observe(policy, records, std::iter::empty(), start());
    ledger
}

fn ask(ledger: &mut Ledger, policy: &Policy, pr: u32, place: Place, now: DateTime<Utc>) -> Room {
    ledger.ask(policy, &record(pr, None), place, now + TimeDelta::hours(48), now)
}

fn words(room: &Room) -> (&'static str, &str) {
    match room {
        Room::Granted => ("Granted", ""),
        Room::Queued { reason, message } => (reason, message),
    }
}

#[test]
fn the_smaller_of_quota_and_configuration_counts() {
    let mut policy = with(plenty());
    for (capacity, quota, configured, fits) in [
        (CapacityPolicy::OnDemand, Some((1.0, 9.0)), None, 2),
        (CapacityPolicy::Spot, Some((1.0, 2.0)), None, 4),
        (CapacityPolicy::SpotWithFallback, Some((1.5, 2.0)), None, 3),
        (CapacityPolicy::OnDemand, Some((9.0, 9.0)), Some(1.0), 2),
        (CapacityPolicy::OnDemand, Some((0.5, 9.0)), Some(8.0), 1),
        (CapacityPolicy::OnDemand, None, Some(2.5), 5),
        // Neither is known: what AWS gives every new account.
        (CapacityPolicy::OnDemand, None, None, 12),
        (CapacityPolicy::OnDemand, Some((0.0, 9.0)), None, 0),
    ] {
        (policy.capacity, policy.caps.max_vcpus) = (capacity, configured);
        let mut ledger = observed(&policy, &[]);
        ledger.allow(quota.map(|(on_demand, spot)| FargateQuotas { on_demand, spot }));
        let granted =
            (1..=20).take_while(|pr| ask(&mut ledger, &policy, *pr, small(), start()) == Room::Granted).count();
        assert_eq!(granted, fits, "{capacity:?} {quota:?} {configured:?}");
    }
}

#[test]
fn asking_again_is_answered_the_same_and_takes_nothing_more() {
    let policy = with(Caps { max_environments: 1, ..plenty() });
    let mut ledger = observed(&policy, &[]);
    for _ in 0..3 {
        assert_eq!(ask(&mut ledger, &policy, 1, small(), start()), Room::Granted);
        assert_eq!(words(&ask(&mut ledger, &policy, 2, small(), start())).0, "MaxEnvironments");
    }
}

#[test]
fn the_budget_counts_what_was_spent_and_what_is_promised_in_each_month() {
    // start() is 15 January 2027, so February is in reach of two weeks and more.
    let hourly = small().hourly;
    let month = hourly.per_hour_over(std::time::Duration::from_secs(48 * 3600));
    let budget = |times: f64| with(Caps { monthly_budget: Usd::from_dollars(month.dollars() * times), ..plenty() });
    // Two times two days fit, a third does not.
    let policy = budget(2.5);
    let mut ledger = observed(&policy, &[]);
    let rooms: Vec<Room> = (1..=3).map(|pr| ask(&mut ledger, &policy, pr, small(), start())).collect();
    assert_eq!(rooms[..2], [Room::Granted, Room::Granted]);
    let message = format!(
        "It is number 1 in the queue: the monthly budget of {} is spent or promised to what runs.",
        policy.caps.monthly_budget
    );
    assert_eq!(words(&rooms[2]), ("MonthlyBudget", message.as_str()));

    // What is over was spent all the same, until the month is over.
    let mut gone = holding(small(), 0);
    (gone.phase, gone.machinery.place, gone.hourly_cost_usd) = (Phase::Terminated, None, Usd::ZERO);
    gone.cost_usd = Usd::from_dollars(month.dollars() * 2.0);
    let mut ledger = observed(&policy, &[record(9, Some(gone))]);
    assert_eq!(words(&ask(&mut ledger, &policy, 1, small(), start())).0, "MonthlyBudget");
    let february = start() + TimeDelta::days(20);
    assert_eq!(ask(&mut ledger, &policy, 1, small(), february), Room::Granted);

    // Who is pinned or extended until next month has promised next month's money, too.
    let mut ledger = observed(&policy, &[record(9, Some(holding(small(), 24 * 24)))]);
    assert_eq!(words(&ask(&mut ledger, &policy, 1, small(), start())).0, "MonthlyBudget");
    let last_day = start() + TimeDelta::days(16);
    let mut ledger = observed(&budget(1.2), &[record(9, Some(holding(small(), 16 * 24 + 90)))]);
    assert_eq!(words(&ask(&mut ledger, &budget(1.2), 1, small(), last_day)).0, "MonthlyBudget", "February is full");
}

#[test]
fn what_can_never_fit_is_told_so_and_holds_nobody() {
    let policy = with(Caps { max_vcpus: Some(1.0), ..plenty() });
    let large = Place { cpu: 2048, hourly: small().hourly };
    let mut queued = holding(small(), 48);
    (queued.phase, queued.machinery.place) = (Phase::Queued, None);
    let mut first = observed(&policy, &[]);
    let room = ask(&mut first, &policy, 1, large, start());
    assert_eq!(words(&room), ("VcpuQuota", "It cannot start: it needs 2 vCPU, and 1 may run at once."));
    assert_eq!(ask(&mut first, &policy, 2, small(), start()), Room::Granted);

    let policy = with(Caps { monthly_budget: Usd::from_dollars(0.5), ..plenty() });
    let room = ask(&mut observed(&policy, &[]), &policy, 1, small(), start());
    let said = "It cannot start: until its time is over it costs more than the monthly budget of $0.50.";
    assert_eq!(words(&room), ("MonthlyBudget", said));
}

#[test]
fn a_budget_of_nothing_starts_nothing_even_where_nothing_has_a_price() {
    let policy = with(Caps { monthly_budget: Usd::ZERO, ..plenty() });
    let free = Place { cpu: 256, hourly: Usd::ZERO };
    let room = ask(&mut observed(&policy, &[]), &policy, 1, free, start());
    assert_eq!(words(&room), ("MonthlyBudget", "It cannot start: the monthly budget is zero."));
}

#[test]
fn what_runs_and_is_recorded_nowhere_counts() {
    let policy = with(Caps { max_environments: 2, ..plenty() });
    let lost = record(1, None);
    let asleep = {
        let mut status = holding(small(), 48);
        status.machinery.place = None;
        status.phase = Phase::Asleep;
        status
    };
    let services = [
        Listed { name: "pr-1-service", has_tasks: false },
        Listed { name: "pr-2-service", has_tasks: true },
        Listed { name: "pr-3-service", has_tasks: false },
        Listed { name: "somebody-elses", has_tasks: true },
    ];
    let mut ledger = Ledger::default();
    ledger.observe(&policy, &[lost, record(3, Some(asleep))], services.into_iter(), start());
    let room = ask(&mut ledger, &policy, 4, small(), start());
    assert_eq!(words(&room).1, "It is number 1 in the queue: 2 environments run, and at most 2 may at once.");
}

#[test]
fn a_place_that_was_granted_and_never_recorded_is_free_again() {
    let policy = with(Caps { max_environments: 1, ..plenty() });
    let mut ledger = observed(&policy, &[]);
    let (one, two) = (record(1, None), record(2, None));
    assert_eq!(ask(&mut ledger, &policy, 1, small(), start()), Room::Granted);
    // The write may be under way still.
    let soon = start() + seconds(10);
    ledger.observe(&policy, &[one.clone(), two.clone()], std::iter::empty(), soon);
    ledger.saw(&policy, &one, soon);
    assert_ne!(ask(&mut ledger, &policy, 2, small(), soon), Room::Granted);
    let later = start() + seconds(90);
    ledger.observe(&policy, &[one, two], std::iter::empty(), later);
    assert_eq!(ask(&mut ledger, &policy, 2, small(), later), Room::Granted);
}

#[test]
fn who_grows_keeps_what_runs_while_there_is_no_room_for_more() {
    let mut world = World::ready();
    world.policy.caps = Caps { max_vcpus: Some(0.75), ..plenty() };
    world.wish(|wish| {
        wish.size = Some("large".into());
        wish.generation = Some(2);
    });
    world.settle();
    let status = world.status();
    assert_eq!((status.phase, status.url.is_some()), (Phase::Ready, true));
    assert!(
        status.message.contains("It cannot start: it needs 1 vCPU, and 0.75 may run at once."),
        "{}",
        status.message
    );
    assert_eq!(status.machinery.place.map(|place| place.cpu), Some(512));
    // As soon as there is room, it is rolled.
    world.policy.caps = plenty();
    world.settle();
    assert_eq!((world.phase(), world.status().machinery.place.map(|place| place.cpu)), (Phase::Ready, Some(1024)));
    // And what it does not need any more is free.
    world.wish(|wish| wish.size = None);
    world.settle();
    assert_eq!(world.status().machinery.place.map(|place| place.cpu), Some(512));
}

#[test]
fn a_place_is_recorded_before_anything_starts_and_left_when_nothing_runs() {
    let mut world = World::new(up());
    let first = world.reconcile();
    assert!(matches!(first.actions[0], Action::Register(_)));
    assert!(world.status().machinery.place.is_some());
    world.settle();
    world.wish(|wish| wish.desired = Desired::Asleep);
    world.settle();
    assert_eq!((world.phase(), world.status().machinery.place), (Phase::Asleep, None));
    // Waking is a start.
    world.policy.caps = Caps { max_environments: 1, ..plenty() };
    let other = record(8, Some(holding(small(), 48)));
    world.ledger.borrow_mut().saw(&world.policy.clone(), &other, world.now);
    world.wish(|wish| wish.desired = Desired::Up);
    world.settle();
    assert_eq!((world.phase(), world.cloud.live_tasks().len()), (Phase::Queued, 0));
    assert_eq!(world.planned_from_a_glance().next, bivouac_planner::Next::Wait(bivouac_planner::WaitingOn::Room));
    // In the queue its time goes on, and is over in time.
    world.advance(TimeDelta::hours(49));
    world.settle();
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "Expired"));
}

#[test]
fn who_waits_keeps_its_turn_while_the_registry_is_silent() {
    let mut world = World::new(up());
    world.policy.caps = Caps { max_environments: 1, ..plenty() };
    let other = record(8, Some(holding(small(), 100)));
    world.ledger.borrow_mut().saw(&world.policy.clone(), &other, world.now);
    world.settle();
    let since = |world: &World| {
        let conditions = &world.status().machinery.conditions;
        conditions.iter().find(|condition| condition.kind == "Admitted").map(|condition| condition.last_transition_at)
    };
    let began = since(&world);
    assert!(began.is_some() && world.phase() == Phase::Queued);
    world.registry = false;
    world.settle();
    world.registry = true;
    world.settle();
    assert_eq!((world.phase(), since(&world)), (Phase::Queued, began));
}

fn holds(record: &Record) -> bool {
    record.status.as_ref().is_some_and(|status| status.machinery.place.is_some())
}

fn end(record: &mut Record, at: DateTime<Utc>) {
    let status = record.status.as_mut().expect("it was written");
    status.cost_usd = status.cost_at(at);
    (status.phase, status.machinery.place) = (Phase::Terminated, None);
    (status.hourly_cost_usd, status.updated_at) = (Usd::ZERO, at);
    status.machinery.revision += 1;
}

/// What happens among those who want to run.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Asks(u32),
    Ends(u32),
    Passes,
    Time(u8),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        3 => (1..13u32).prop_map(Happens::Asks),
        2 => (1..13u32).prop_map(Happens::Ends),
        1 => Just(Happens::Passes),
        1 => any::<u8>().prop_map(Happens::Time),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No cap is ever broken, whoever asks in whatever order, and nobody is overtaken by who came later and waits for the same.
    #[test]
    fn no_cap_is_ever_broken_and_nobody_is_overtaken(
        events in proptest::collection::vec(happens(), 0..120),
        max_environments in 1..6usize,
        max_per_user in 1..4usize,
        vcpus in 1..6u32,
        budget in 1..12u32,
    ) {
        let policy = with(Caps {
            max_environments,
            max_per_user,
            monthly_budget: Usd::from_dollars(small().hourly.dollars() * 48.0 * f64::from(budget)),
            max_vcpus: Some(f64::from(vcpus) * 0.5),
        });
        let mut now = start();
        let mut ledger = Ledger::default();
        let mut records: BTreeMap<u32, Record> = BTreeMap::new();
        let mut waiting: Vec<u32> = Vec::new();
        for event in events {
            now += seconds(1);
            match event {
                Happens::Time(minutes) => {
                    now += TimeDelta::minutes(i64::from(minutes) * 10);
                    // What is over is taken down in time.
                    for record in records.values_mut() {
                        let over = record.status.as_ref().map(|status| status.expires_at).filter(|at| *at <= now);
                        if let Some(at) = over.filter(|_| holds(record)) {
                            end(record, at);
                            ledger.wrote(&policy, record, now);
                        }
                    }
                }
                Happens::Passes => {
                    let all: Vec<Record> = records.values().cloned().collect();
                    ledger.observe(&policy, &all, std::iter::empty(), now);
                }
                Happens::Ends(pr) => if let Some(ended) = records.get_mut(&pr) {
                    waiting.retain(|other| *other != pr);
                    end(ended, now);
                    ledger.wrote(&policy, ended, now);
                },
                Happens::Asks(pr) => {
                    let known = records.entry(pr).or_insert_with(|| record(pr, None));
                    if holds(known) {
                        continue;
                    }
                    ledger.saw(&policy, known, now);
                    let was = known.status.clone();
                    let until = now + TimeDelta::hours(48);
                    let room = ledger.ask(&policy, known, small(), until, now);
                    let mut status = holding(small(), 0);
                    status.expires_at = until;
                    status.updated_at = now;
                    status.cost_usd = was.as_ref().map_or(Usd::ZERO, |was| was.cost_usd);
                    status.machinery.revision = was.as_ref().map_or(0, |was| was.machinery.revision) + 1;
                    if let Room::Queued { reason, .. } = &room {
                        let since = was.as_ref().filter(|was| was.phase == Phase::Queued).and_then(|was| {
                            was.machinery.conditions.iter().find(|c| c.kind == "Admitted").map(|c| c.last_transition_at)
                        });
                        (status.phase, status.machinery.place, status.hourly_cost_usd) = (Phase::Queued, None, Usd::ZERO);
                        status.machinery.conditions = vec![bivouac_model::Condition {
                            kind: "Admitted".into(),
                            status: bivouac_model::ConditionStatus::False,
                            reason: (*reason).into(),
                            message: String::new(),
                            last_transition_at: since.unwrap_or(now),
                        }];
                        if !waiting.contains(&pr) { waiting.push(pr); }
                    } else {
                        // Whoever came before and is let wait, waits for something that is only theirs.
                        let ahead: Vec<u32> = waiting.iter().copied().take_while(|other| *other != pr).collect();
                        let rooms = ledger.waiting(&policy, now);
                        for other in ahead {
                            let reason = rooms.get(&item(other)).map(|room| words(room).0);
                            let over = records[&other].status.as_ref().is_some_and(|status| status.expires_at <= now);
                            prop_assert!(over || matches!(reason, Some("MaxPerUser" | "Granted")), "{other} was overtaken: {reason:?}");
                        }
                        waiting.retain(|other| *other != pr);
                    }
                    let known = records.get_mut(&pr).unwrap();
                    known.status = Some(status);
                    ledger.wrote(&policy, known, now);
                }
            }
            // Each of those who wait is answered the same alone as by the scan, which goes through all of them.
            let rooms = ledger.waiting(&policy, now);
            for (key, room) in &rooms {
                let record = &records[&key.pr.parse::<u32>().unwrap()];
                let until = record.status.as_ref().unwrap().expires_at;
                prop_assert_eq!(&ledger.clone().ask(&policy, record, small(), until, now), room);
            }
            let mut admitted = ledger.clone().admitted(&policy, now);
            admitted.sort();
            let mut granted: Vec<ItemKey> =
                rooms.into_iter().filter(|(_, room)| *room == Room::Granted).map(|(key, _)| key).collect();
            granted.sort();
            prop_assert_eq!(admitted, granted);
            let running: Vec<&Record> = records.values().filter(|record| holds(record)).collect();
            prop_assert!(running.len() <= max_environments.min(vcpus as usize));
            for user in 0..3 {
                let had = running.iter().filter(|r| r.desired.as_ref().unwrap().requested_by.as_deref() == Some(&format!("user-{user}"))).count();
                prop_assert!(had <= max_per_user);
            }
            let costs = records.values().filter_map(|record| record.status.as_ref()).map(|status| {
                let left = (status.expires_at - status.updated_at).to_std().unwrap_or_default();
                status.cost_usd + status.hourly_cost_usd.per_hour_over(left)
            });
            // As long as all of it is in one month.
            let slack = Usd::from_dollars(0.001);
            prop_assert!(now - start() > TimeDelta::days(12) || costs.sum::<Usd>() <= policy.caps.monthly_budget + slack);
        }
    }
}
