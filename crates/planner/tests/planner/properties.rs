//! Whatever happens, in whatever order: what is true of every world.

use bivouac_model::{Desired, DesiredState, ImageTag, Phase, PullRequestState, ServiceView, StopCode, Ttl};
use bivouac_planner::Next;
use chrono::TimeDelta;
use proptest::prelude::*;

use crate::cloud::App;
use crate::fixtures::{hours, image, seconds, start, up};
use crate::world::{Fault, World};

/// What clients, people, AWS and misfortune do.
#[derive(Clone, Debug)]
enum Event {
    Wish { desired: Desired, flag: u8, tag: u8, ttl: Option<u64>, counted: bool },
    Requested(i64),
    Pin(bool),
    Restart(u8),
    Overwrite(Desired, u8),
    StatusLost,
    Spoil,
    StaleWrite,
    Reconcile,
    Fail(Fault),
    Pass(i64),
    App(App),
    TaskStops(StopCode),
    MoveTag(u8),
    RemoveTag,
    Close,
    Reopen,
    Forge(bool),
    Registry(bool),
    Ec2(bool),
    Definitions(bool),
    Spot(bool),
    DeletedByHand,
    OtherHashVersion,
    Clock(i64),
}

fn desired() -> impl Strategy<Value = Desired> {
    prop_oneof![4 => Just(Desired::Up), 1 => Just(Desired::Asleep), 2 => Just(Desired::Down)]
}

fn fault() -> impl Strategy<Value = Fault> {
    (0..4usize, 0..4u8).prop_map(|(at, kind)| match kind {
        0 => Fault::Lost(at),
        1 => Fault::AnswerLost(at),
        2 => Fault::CrashBefore(at),
        _ => Fault::CrashAfter(at),
    })
}

fn event() -> impl Strategy<Value = Event> {
    let wish = (desired(), 0..3u8, 0..3u8, proptest::option::of(1..200u64), any::<bool>())
        .prop_map(|(desired, flag, tag, ttl, counted)| Event::Wish { desired, flag, tag, ttl, counted });
    let app = prop_oneof![
        3 => Just(App::Well),
        1 => Just(App::Sick),
        1 => Just(App::Crashes),
        1 => Just(App::OutOfMemory),
        1 => Just(App::CannotPull)
    ];
    let stop = prop_oneof![
        Just(StopCode::EssentialContainerExited),
        Just(StopCode::SpotInterruption),
        Just(StopCode::UserInitiated)
    ];
    prop_oneof![
        4 => wish,
        1 => prop_oneof![Just(-7200i64), Just(-3600), Just(0), Just(3600)].prop_map(Event::Requested),
        1 => any::<bool>().prop_map(Event::Pin),
        1 => any::<u8>().prop_map(Event::Restart),
        1 => (desired(), 0..3u8).prop_map(|(desired, flag)| Event::Overwrite(desired, flag)),
        1 => Just(Event::StatusLost),
        1 => Just(Event::Spoil),
        1 => Just(Event::StaleWrite),
        6 => Just(Event::Reconcile),
        5 => fault().prop_map(Event::Fail),
        8 => prop_oneof![5 => 1..40i64, 2 => 40..1000i64, 1 => 1000..200_000i64].prop_map(Event::Pass),
        2 => app.prop_map(Event::App),
        1 => stop.prop_map(Event::TaskStops),
        1 => (1..4u8).prop_map(Event::MoveTag),
        1 => Just(Event::RemoveTag),
        1 => Just(Event::Close),
        1 => Just(Event::Reopen),
        1 => any::<bool>().prop_map(Event::Forge),
        1 => any::<bool>().prop_map(Event::Registry),
        1 => any::<bool>().prop_map(Event::Ec2),
        1 => any::<bool>().prop_map(Event::Definitions),
        1 => any::<bool>().prop_map(Event::Spot),
        1 => Just(Event::DeletedByHand),
        1 => Just(Event::OtherHashVersion),
        1 => prop_oneof![Just(-3600i64), Just(0), Just(3600)].prop_map(Event::Clock),
    ]
}

fn tag() -> ImageTag {
    "pr-7-ci".parse().unwrap()
}

fn happen(world: &mut World, event: Event) {
    match event {
        Event::Wish { desired, flag, tag, ttl, counted } => {
            let newest = world.record.status.as_ref().and_then(|status| status.machinery.observed_generation);
            let next = world.record.generation.max(newest).unwrap_or(0) + 1;
            world.wish(|wish| {
                wish.desired = desired;
                wish.flags.insert("X".into(), flag.to_string());
                wish.image_tag = (tag == 2).then(|| "other".parse().unwrap());
                wish.ttl = ttl.and_then(|ttl| Ttl::new(hours(ttl)));
                wish.generation = counted.then_some(next);
            });
        }
        Event::Requested(ago) => {
            let at = world.now + seconds(ago);
            world.wish(|wish| wish.requested_at = Some(at));
        }
        Event::Pin(pinned) => world.wish(|wish| wish.pinned = pinned),
        Event::Restart(at) => world.wish(|wish| wish.restarted_at = Some(at.to_string())),
        Event::Overwrite(desired, flag) => {
            let flags = [("X".to_owned(), flag.to_string())].into();
            world.overwrite(DesiredState { desired, flags, ..up() });
        }
        Event::StatusLost => world.record.status = None,
        Event::Spoil => world.spoil(),
        Event::StaleWrite => {
            if let Some(newest) = world.record.status.as_ref().and_then(|s| s.machinery.observed_generation) {
                world.wish(|wish| {
                    wish.generation = newest.checked_sub(1);
                    wish.desired = Desired::Up;
                });
            }
        }
        Event::Reconcile => drop(world.reconcile()),
        Event::Fail(fault) => drop(world.reconcile_with(Some(fault))),
        Event::Pass(time) => world.advance(seconds(time)),
        Event::App(app) => world.cloud.app = app,
        Event::TaskStops(code) => world.cloud.stop_tasks(code, "It stopped."),
        Event::MoveTag(digest) => drop(world.cloud.images.insert(tag(), image(digest))),
        Event::RemoveTag => drop(world.cloud.images.remove(&tag())),
        Event::Close => world.pull_request = PullRequestState::Closed,
        Event::Reopen => world.pull_request = PullRequestState::Open,
        Event::Forge(answers) => world.forge = answers,
        Event::Registry(answers) => world.registry = answers,
        Event::Ec2(answers) => world.ec2 = answers,
        Event::Definitions(answers) => world.definitions = answers,
        Event::Spot(there) => world.cloud.spot = there,
        Event::DeletedByHand => world.cloud.delete(),
        Event::OtherHashVersion => {
            if let Some(service) = world.cloud.active_mut() {
                service.hash_version = Some("0".into());
            }
        }
        Event::Clock(skew) => world.skew = TimeDelta::seconds(skew),
    }
}

/// Where a world at rest has to be, as far as that can be said in a few words.
fn check_the_end(world: &World) {
    let status = world.status();
    let runs = matches!(world.cloud.service, ServiceView::Active(_));
    let over = world.clock() >= status.expires_at;
    assert!(!(runs && over), "it outlives its time: {status:#?}");
    assert!(!(runs && world.pull_request == PullRequestState::Closed && world.forge), "it outlives its pull request");
    if status.phase == Phase::Ready {
        let ip = status.public_ip.expect("ready somewhere");
        assert!(world.cloud.live_tasks().iter().any(|task| task.public_ip == Some(ip)), "the address is true");
    } else {
        assert!(status.phase != Phase::Terminated || !runs);
    }
    let Ok(desired) = &world.record.desired else {
        assert_eq!(status.phase, Phase::Invalid);
        return;
    };
    if world.record.generation < status.machinery.observed_generation {
        assert!(status.message.contains("is ignored"), "{}", status.message);
        return;
    }
    let closed = world.pull_request == PullRequestState::Closed && world.forge;
    match desired.desired {
        _ if desired.desired == Desired::Down || closed || over => assert_eq!(status.phase, Phase::Terminated),
        Desired::Up if world.answers() && world.cloud.spot => match (world.image(), world.cloud.app) {
            (bivouac_model::ImageView::Found(image), App::Well) if status.phase != Phase::Failed => {
                assert_eq!(status.phase, Phase::Ready, "{}", status.message);
                assert_eq!(
                    status.machinery.image_digest.as_ref(),
                    Some(&image.digest),
                    "what is announced is what runs"
                );
                let deployed = &world.cloud.active().unwrap().deployments;
                assert_eq!(deployed.len(), 1);
            }
            _ => {}
        },
        _ => {}
    }
    if world.forge && status.phase != Phase::Terminated {
        let view = world.comment.as_ref().expect("somebody was told");
        let newest = status.machinery.comment.as_ref().expect("and it is remembered");
        assert_eq!(view.identity(), newest.said);
        assert_eq!((view.phase, &view.url), (status.phase, &status.url), "the comment tells the truth");
    }
}

proptest! {
    // A case takes up to a second: shrinking it for longer than this would outlast the time that a test has, and say nothing.
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_time: 6_000, ..ProptestConfig::default() })]

    #[test]
    fn every_world_comes_to_rest_where_it_was_wanted(events in proptest::collection::vec(event(), 0..40)) {
        let mut world = World::new(up());
        for event in events {
            happen(&mut world, event);
            prop_assert_eq!(world.cloud.collisions, 0, "never two services for a pull request");
        }
        world.settle();
        // One whose time is over in a moment is not at rest yet.
        let left = world.status().expires_at - world.clock();
        if world.phase() != Phase::Terminated && left > TimeDelta::zero() && left < TimeDelta::minutes(30) {
            world.advance(left);
            world.settle();
        }
        // At rest for good: no action, no write, no edit, however often it is looked at.
        let (before, edits) = (world.record.clone(), world.edits);
        let last = world.reconcile();
        prop_assert!(last.is_idle(), "{:#?}", last);
        prop_assert!(last.plan.comment.is_none() || !world.forge);
        prop_assert_eq!(&world.record, &before);
        prop_assert_eq!(world.edits, edits);
        check_the_end(&world);
        prop_assert_eq!(world.cloud.collisions, 0);
        // The light look agrees with the close one, or asks for it.
        let glance = world.planned_from_a_glance();
        match glance.next {
            Next::Do(_) | Next::Record => prop_assert!(false, "a glance acts: {:?}", glance.next),
            Next::Look(_) => {
                let rests = matches!(world.phase(), Phase::Ready | Phase::Asleep | Phase::Invalid);
                let buried = world.phase() == Phase::Terminated && world.pull_request == PullRequestState::Open;
                // A list that could not be had is asked for again at every pass.
                let known =
                    world.forge && world.definitions && world.pull_request == PullRequestState::Open;
                // What runs was deployed by nobody who remembers, and cannot be compared while the registry is silent.
                let missing = world.cloud.active().is_none() || world.status().machinery.spec.is_none();
                prop_assert!(!(buried || rests && known && !missing), "a settled one needs a closer look: {:#?}", world.record);
            }
            Next::Wait(_) | Next::Settled => prop_assert!(!glance.changes(world.record.status.as_ref())),
        }
    }

    #[test]
    fn no_clock_and_no_record_makes_it_panic(
        now in any::<i64>(),
        first in any::<i64>(),
        requested in any::<i64>(),
        ttl in any::<u64>(),
    ) {
        let mut world = World::ready();
        let time = |seconds: i64| chrono::DateTime::from_timestamp(seconds % 8_000_000_000_000, 0).unwrap_or(start());
        world.record.status.as_mut().unwrap().machinery.first_seen_at = Some(time(first));
        world.wish(|wish| {
            wish.requested_at = Some(time(requested));
            wish.ttl = Ttl::new(std::time::Duration::from_secs(ttl));
        });
        for observed in [world.glance(), bivouac_model::Observed::default()] {
            bivouac_planner::plan(&world.record, &observed, &world.policy, time(now));
            world.policy.max_ttl = std::time::Duration::MAX;
            bivouac_planner::plan(&world.record, &observed, &world.policy, time(now));
        }
    }
}
