//! What nobody uses falls asleep, by what its application says; and never on doubt.

use std::time::Duration;

use bivouac_model::{ConditionStatus, Desired, DesiredState, LastUse, Phase, Ttl, Usd};
use bivouac_planner::{Action, Look, Next};
use chrono::{DateTime, TimeDelta, Utc};

use crate::cloud::App;
use crate::fixtures::{hours, seconds, up};
use crate::world::{Fault, World};

mod truth;

const HOUR: i64 = 3600;

/// Falls asleep after two hours; its application answers at `/idle`.
fn watched(desired: DesiredState) -> World {
    let mut world = World::new(desired);
    world.policy.idle_after = hours(2);
    world.policy.projects.values_mut().for_each(|project| project.idle_path = Some("/idle".into()));
    world
}

fn counted() -> DesiredState {
    DesiredState { generation: Some(1), ..up() }
}

/// Watched and ready, with the moment in which it became so.
fn ready(desired: DesiredState) -> (World, DateTime<Utc>) {
    let mut world = watched(desired);
    while world.record.status.as_ref().is_none_or(|status| status.phase != Phase::Ready) {
        world.reconcile();
        world.advance(seconds(3));
    }
    let since = world.status().machinery.phase_since.expect("it is ready since then");
    (world, since)
}

/// Time passes as it does for a controller: reconciles come when the last plan asked for one, and passes every 30 s.
fn live(world: &mut World, time: TimeDelta) {
    let end = world.now + time;
    let mut next = world.reconcile().plan.requeue_after;
    while world.now < end {
        let wait = next.map_or(30, |wait| i64::try_from(wait.as_secs()).unwrap().clamp(1, 30));
        let wait = seconds(wait).min(end - world.now);
        world.advance(wait);
        let due = next.is_some_and(|next| next.as_secs() <= u64::try_from(wait.num_seconds()).unwrap());
        let glance = world.planned_from_a_glance();
        if due || !glance.is_empty(world.record.status.as_ref()) {
            next = world.reconcile().plan.requeue_after;
        } else {
            next = next.map(|next| next.saturating_sub(wait.to_std().unwrap()));
        }
    }
}

fn live_until(world: &mut World, moment: DateTime<Utc>) {
    let time = moment - world.now;
    live(world, time);
}

/// It is used now, and at every moment until somebody says otherwise.
fn in_use(world: &mut World) {
    world.last_use = LastUse::Ago(Duration::ZERO);
}

fn asked(world: &World) -> usize {
    world.use_looks.borrow().len()
}

fn idle_condition(world: &World) -> Option<(ConditionStatus, String)> {
    let conditions = &world.status().machinery.conditions;
    let idle = conditions.iter().find(|condition| condition.kind == "Idle");
    idle.map(|condition| (condition.status, condition.message.clone()))
}

/// Asleep for want of use, nothing costs, and it is at rest.
fn assert_asleep(world: &mut World) {
    assert_eq!((world.phase(), world.reason()), (Phase::Asleep, "Idle"));
    assert_eq!(world.status().message, "Nobody used it for 2h. `/testenv wake` starts it again.");
    assert_eq!((world.status().hourly_cost_usd, world.status().url.as_deref()), (Usd::ZERO, None));
    assert_eq!(world.cloud.active().unwrap().desired_count, 0);
    assert!(world.cloud.live_tasks().is_empty());
    assert_eq!(idle_condition(world), Some((ConditionStatus::True, "Nobody used it for 2h.".into())));
    assert_eq!(world.record.desired.as_ref().unwrap().desired, Desired::Up, "what clients wrote stays");
    assert!(world.planned_from_a_glance().is_empty(world.record.status.as_ref()), "a glance settles it");
    assert!(world.reconcile().is_idle(), "and so does a close look");
}

#[test]
fn what_nobody_used_for_so_long_falls_asleep_to_the_moment() {
    let (mut world, since) = ready(up());
    world.last_use = LastUse::At(since);
    live_until(&mut world, since + seconds(2 * HOUR - 1));
    assert_eq!((world.phase(), asked(&world)), (Phase::Ready, 0), "before that it cannot be idle");
    live(&mut world, seconds(30));
    assert_eq!(asked(&world), 1);
    assert_asleep(&mut world);
    let comment = world.comment.clone().expect("a comment");
    assert_eq!((comment.phase, comment.url), (Phase::Asleep, None));
    assert!(comment.message.contains("/testenv wake"), "{}", comment.message);
    live(&mut world, seconds(10 * HOUR));
    assert_asleep(&mut world);
    assert_eq!(asked(&world), 1, "what sleeps is not asked");
}

#[test]
fn what_is_used_stays_up_and_is_asked_when_it_could_be_idle_at_the_earliest() {
    let (mut world, since) = ready(up());
    in_use(&mut world);
    let revision = world.status().machinery.revision;
    live(&mut world, seconds(11 * HOUR));
    assert_eq!(world.phase(), Phase::Ready);
    let moments: Vec<_> = world.use_looks.borrow().iter().map(|at| (*at - since).num_seconds() / 60).collect();
    assert_eq!(moments, [120, 240, 360, 480, 600]);
    assert_eq!(world.status().machinery.revision, revision, "no look is written down");
    let last = *world.use_looks.borrow().last().unwrap();
    world.last_use = LastUse::At(last + seconds(1800));
    // The use of half an hour after the last question is found at the next one, which puts it off to its own end.
    live_until(&mut world, last + seconds(2 * HOUR + 1800 - 1));
    assert_eq!(world.phase(), Phase::Ready);
    live(&mut world, seconds(60));
    assert_asleep(&mut world);
}

#[test]
fn nobody_is_asked_more_often_than_once_a_minute() {
    let (mut world, _) = ready(up());
    world.last_use = LastUse::Ago(Duration::from_secs(2 * 3600 - 3));
    live(&mut world, seconds(2 * HOUR));
    // Always three seconds short of it, as nothing real says.
    let before = asked(&world);
    live(&mut world, seconds(600));
    assert_eq!(asked(&world) - before, 10);
    assert_eq!(world.phase(), Phase::Ready);
}

#[test]
fn doubt_is_use() {
    for said in [
        LastUse::Unknown("it answers with status 500".into()),
        LastUse::Unknown("it does not answer within 5 seconds".into()),
        LastUse::At(DateTime::from_timestamp(4_000_000_000, 0).unwrap()),
        LastUse::Ago(Duration::MAX),
    ] {
        let (mut world, _) = ready(up());
        world.last_use = said.clone();
        live(&mut world, seconds(20 * HOUR));
        assert_eq!(world.phase(), Phase::Ready, "{said:?}");
        assert_eq!(asked(&world), 10, "{said:?}");
        let (status, message) = idle_condition(&world).expect("the record says so");
        assert_eq!(status, ConditionStatus::Unknown);
        assert!(message.starts_with("It does not fall asleep by itself, since `/idle` says nothing: "), "{message}");
        let revision = world.status().machinery.revision;
        live(&mut world, seconds(5 * HOUR));
        assert_eq!(world.status().machinery.revision, revision, "once");
        in_use(&mut world);
        live(&mut world, seconds(3 * HOUR));
        assert_eq!(idle_condition(&world), None, "it was mended");
    }
}

#[test]
fn a_clock_in_doubt_puts_nobody_to_sleep() {
    let (mut world, since) = ready(up());
    world.last_use = LastUse::At(since);
    world.advance(seconds(3 * HOUR));
    let mut observed = world.glance();
    assert!(matches!(world.plan(&observed).next, Next::Look(Look::Idle { .. })));
    observed.clock_jumped = true;
    assert_eq!(world.plan(&observed).next, Next::Settled);
    observed.idle = Some(world.last_use.clone().as_of(world.now));
    assert_eq!(world.plan(&observed).next, Next::Settled);
    observed.clock_jumped = false;
    assert!(world.plan(&observed).status.machinery.idle.is_some(), "seen steady, it falls asleep");
}

#[test]
fn an_old_answer_puts_nobody_to_sleep() {
    let (mut world, since) = ready(up());
    world.advance(seconds(3 * HOUR));
    let sign = LastUse::At(since).as_of(world.now - seconds(60));
    let observed = bivouac_model::Observed { idle: Some(sign), ..world.glance() };
    assert!(matches!(world.plan(&observed).next, Next::Look(Look::Idle { .. })), "it may have been used since");
}

#[test]
fn a_clock_that_was_set_back_is_no_reason_to_ask_all_the_time() {
    let (mut world, _) = ready(up());
    in_use(&mut world);
    live(&mut world, seconds(5 * HOUR));
    let before = asked(&world);
    world.skew = seconds(-HOUR);
    live(&mut world, seconds(4 * HOUR));
    assert_eq!(world.phase(), Phase::Ready);
    assert!(asked(&world) - before <= 2, "{}", asked(&world) - before);
}

#[test]
fn who_is_pinned_asleep_on_purpose_or_of_another_project_is_not_asked() {
    type Change = fn(&mut World);
    let changes: [(&str, Change, Phase); 4] = [
        ("pinned", |world| world.wish(|wish| wish.pinned = true), Phase::Ready),
        ("asleep", |world| world.wish(|wish| wish.desired = Desired::Asleep), Phase::Asleep),
        ("off", |world| world.policy.idle_after = Duration::ZERO, Phase::Ready),
        ("no path", |world| world.policy.projects.values_mut().for_each(|p| p.idle_path = None), Phase::Ready),
    ];
    for (what, change, phase) in changes {
        let (mut world, since) = ready(up());
        world.last_use = LastUse::At(since);
        change(&mut world);
        live(&mut world, seconds(10 * HOUR));
        assert_eq!((world.phase(), asked(&world)), (phase, 0), "{what}");
        assert_ne!(world.reason(), "Idle", "{what}");
    }
}

#[test]
fn one_that_is_not_well_is_mended_and_not_put_to_sleep() {
    let (mut world, since) = ready(up());
    world.last_use = LastUse::At(since);
    world.advance(seconds(HOUR));
    world.cloud.app = App::Sick;
    world.reconcile();
    assert_eq!(world.phase(), Phase::Degraded);
    live(&mut world, seconds(5 * HOUR));
    assert_eq!((world.phase(), asked(&world)), (Phase::Degraded, 0));
    world.cloud.app = App::Well;
    live(&mut world, seconds(60));
    assert_eq!(world.phase(), Phase::Ready);
    live(&mut world, seconds(2 * HOUR));
    assert_asleep(&mut world);
}

/// Asleep for want of use.
fn asleep(desired: DesiredState) -> World {
    let (mut world, since) = ready(desired);
    world.last_use = LastUse::At(since);
    live(&mut world, seconds(3 * HOUR));
    assert_asleep(&mut world);
    world
}

#[test]
fn the_same_wish_with_a_newer_generation_wakes_it_for_as_long_again() {
    let mut world = asleep(counted());
    world.wish(|wish| wish.generation = Some(2));
    world.settle();
    assert_eq!((world.phase(), idle_condition(&world)), (Phase::Ready, None));
    assert_eq!(world.status().machinery.idle, None);
    let since = world.status().machinery.phase_since.unwrap();
    // It still says what it said before: whoever woke it uses it.
    live_until(&mut world, since + seconds(2 * HOUR - 1));
    assert_eq!(world.phase(), Phase::Ready);
    live(&mut world, seconds(30));
    assert_asleep(&mut world);
}

#[test]
fn whatever_else_is_wanted_of_it_wakes_it_too_also_of_who_does_not_count() {
    type Change = fn(&mut DesiredState);
    let changes: [Change; 7] = [
        |wish| drop(wish.flags.insert("FEATURE_X".into(), "true".into())),
        |wish| drop(wish.config.insert("SUPERSET_X".into(), "1".into())),
        |wish| wish.restarted_at = Some("now".into()),
        |wish| wish.pinned = true,
        |wish| wish.ttl = Ttl::new(hours(60)),
        |wish| wish.request_url = Some("https://github.com/apache/superset/pull/7#issuecomment-9".into()),
        |wish| wish.size = Some("large".into()),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut world = asleep(up());
        world.wish(change);
        in_use(&mut world);
        live(&mut world, seconds(120));
        assert_eq!(world.phase(), Phase::Ready, "{at}");
        assert_eq!(world.cloud.created, 1);
    }
}

#[test]
fn a_moved_tag_waits_until_it_wakes() {
    let mut world = asleep(counted());
    world.cloud.images.insert("pr-7-ci".parse().unwrap(), crate::fixtures::image(9));
    live(&mut world, seconds(HOUR));
    assert_asleep(&mut world);
    world.wish(|wish| wish.generation = Some(2));
    world.settle();
    assert_eq!(world.status().machinery.image_digest, Some(crate::fixtures::image(9).digest));
}

#[test]
fn a_wish_to_sleep_and_another_to_wake_go_over_it() {
    let mut world = asleep(up());
    world.wish(|wish| wish.desired = Desired::Asleep);
    world.settle();
    assert_eq!((world.phase(), world.reason(), idle_condition(&world)), (Phase::Asleep, "Asleep", None));
    world.wish(|wish| wish.desired = Desired::Up);
    world.settle();
    assert_eq!(world.phase(), Phase::Ready, "the same wish as before, but it was asked for");
}

#[test]
fn down_and_up_again_begins_anew() {
    let mut world = asleep(up());
    world.wish(|wish| wish.desired = Desired::Down);
    world.settle();
    assert_eq!((world.phase(), idle_condition(&world)), (Phase::Terminated, None));
    world.wish(|wish| wish.desired = Desired::Up);
    world.settle();
    assert_eq!(world.phase(), Phase::Ready);
}

#[test]
fn its_time_goes_on_while_it_sleeps() {
    let mut world = asleep(up());
    let end = world.status().expires_at;
    live_until(&mut world, end - seconds(1));
    assert_eq!((world.phase(), world.status().expires_at), (Phase::Asleep, end));
    live(&mut world, seconds(120));
    assert_eq!((world.phase(), world.reason()), (Phase::Terminated, "Expired"));
}

#[test]
fn what_sleeps_goes_on_sleeping_when_the_configuration_stops_asking() {
    let mut world = asleep(counted());
    world.policy.idle_after = Duration::ZERO;
    live(&mut world, seconds(600));
    assert_asleep(&mut world);
    world.policy.command = String::new();
    live(&mut world, seconds(600));
    assert_eq!(world.status().message, "Nobody used it for 2h. `bivouac wake apache/superset#7` starts it again.");
}

#[test]
fn it_is_recorded_before_it_is_done_and_killed_anywhere_it_ends_the_same() {
    for fault in [Fault::CrashBefore(0), Fault::CrashAfter(0), Fault::Lost(0), Fault::AnswerLost(0)] {
        let (mut world, since) = ready(up());
        world.last_use = LastUse::At(since);
        world.advance(seconds(2 * HOUR));
        let recorded = world.reconcile();
        assert!(recorded.actions.is_empty(), "{:?}", recorded.actions);
        assert!(world.status().machinery.idle.is_some(), "first it is recorded");
        assert_eq!((world.phase(), world.cloud.active().unwrap().desired_count), (Phase::Ready, 1));
        world.reconcile_with(Some(fault));
        // Another process, which never asked; and an application that is used at the last moment is asleep all the same.
        world.sign.replace(None);
        in_use(&mut world);
        live(&mut world, seconds(120));
        assert_asleep(&mut world);
        assert_eq!(asked(&world), 1, "{fault:?}");
    }
}

#[test]
fn a_process_that_knows_nothing_asks_once() {
    let (mut world, _) = ready(up());
    in_use(&mut world);
    live(&mut world, seconds(5 * HOUR));
    let before = asked(&world);
    world.sign.replace(None);
    assert!(matches!(world.planned_from_a_glance().next, Next::Look(Look::Idle { .. })), "its first pass finds it due");
    live(&mut world, seconds(HOUR));
    assert_eq!(asked(&world) - before, 1);
    assert!(world.planned_from_a_glance().is_empty(world.record.status.as_ref()));
}

#[test]
fn what_is_woken_while_it_goes_to_sleep_is_up_in_the_end() {
    let (mut world, since) = ready(counted());
    world.last_use = LastUse::At(since);
    world.advance(seconds(2 * HOUR));
    world.reconcile();
    let put = world.reconcile();
    assert!(matches!(put.actions.as_slice(), [Action::Update { .. }]), "{:?}", put.actions);
    world.wish(|wish| wish.generation = Some(2));
    world.settle();
    assert_eq!((world.phase(), world.status().machinery.idle.as_ref()), (Phase::Ready, None));
}
