//! Whatever happens to one that is watched, in whatever order.

use bivouac_model::{LastUse, Phase, Ttl};
use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::{HOUR, assert_asleep, counted, live, watched};
use crate::cloud::App;
use crate::fixtures::{hours, image, seconds};
use crate::world::{Fault, World};

/// What people, clients and misfortune do to one that is watched.
#[derive(Clone, Debug)]
enum Event {
    Pass(i64),
    Use,
    Says(bool),
    SayAgain,
    Pin(bool),
    Restart(u8),
    MoveTag(u8),
    NewProcess,
    Fail(Fault),
    App(App),
    Clock(i64),
}

fn event() -> impl Strategy<Value = Event> {
    let faults = [Fault::Lost(0), Fault::AnswerLost(0), Fault::CrashBefore(0), Fault::CrashAfter(0)];
    prop_oneof![
        8 => prop_oneof![1..90i64, 90..6000i64, 6000..16_000i64].prop_map(Event::Pass),
        4 => Just(Event::Use),
        2 => any::<bool>().prop_map(Event::Says),
        2 => Just(Event::SayAgain),
        1 => any::<bool>().prop_map(Event::Pin),
        1 => any::<u8>().prop_map(Event::Restart),
        1 => (1..4u8).prop_map(Event::MoveTag),
        2 => Just(Event::NewProcess),
        2 => prop::sample::select(faults.to_vec()).prop_map(Event::Fail),
        1 => prop_oneof![3 => Just(App::Well), 1 => Just(App::Sick)].prop_map(Event::App),
        // From one end to the other in less than the shortest deadline: a clock that goes further fails what starts, which is
        // no question of this test.
        1 => prop_oneof![Just(-400i64), Just(0), Just(400)].prop_map(Event::Clock),
    ]
}

/// One that is watched, and what is true of its use.
struct Truth {
    world: World,
    used_at: DateTime<Utc>,
    says: bool,
    counted: u64,
}

impl Truth {
    fn happen(&mut self, event: Event) {
        let Self { world, .. } = self;
        match event {
            Event::Pass(time) => self.pass(time),
            Event::Use if world.phase() == Phase::Ready => self.used_at = world.now,
            Event::Use => {}
            Event::Says(says) => self.says = says,
            Event::SayAgain => {
                self.counted += 1;
                let generation = Some(self.counted);
                world.wish(|wish| wish.generation = generation);
            }
            Event::Pin(pinned) => world.wish(|wish| wish.pinned = pinned),
            Event::Restart(at) => world.wish(|wish| wish.restarted_at = Some(at.to_string())),
            Event::MoveTag(tag) => {
                drop(world.cloud.images.insert("pr-7-ci".parse().unwrap(), image(tag)));
            }
            Event::NewProcess => drop(world.sign.replace(None)),
            Event::Fail(fault) => drop(world.reconcile_with(Some(fault))),
            Event::App(app) => world.cloud.app = app,
            Event::Clock(skew) => world.skew = seconds(skew),
        }
        self.tell();
    }

    /// By the same clock as the controller's: how far the two may be apart is no question of this test.
    fn tell(&mut self) {
        self.world.last_use = match self.says {
            true => LastUse::At(self.used_at + self.world.skew),
            false => LastUse::Unknown("it answers with status 500".into()),
        };
    }

    /// Time passes, and nobody is put to sleep in it who was used lately.
    fn pass(&mut self, time: i64) {
        let before = self.world.status().machinery.idle.clone();
        live(&mut self.world, seconds(time));
        let idle = self.world.status().machinery.idle.clone();
        if idle.is_some() && idle != before {
            assert!(self.says, "put to sleep on doubt");
            let asked = *self.world.use_looks.borrow().last().expect("it was asked");
            let unused = asked - self.used_at;
            assert!(unused >= seconds(2 * HOUR), "put to sleep {unused} after its last use");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nobody is put to sleep who was used lately or does not say so, and in the end whoever is not used sleeps.
    #[test]
    fn who_sleeps_was_not_used_and_who_is_not_used_sleeps(events in prop::collection::vec(event(), 0..25)) {
        let mut world = watched(counted());
        world.policy.max_ttl = hours(100_000);
        world.wish(|wish| wish.ttl = Ttl::new(hours(90_000)));
        world.settle();
        let used_at = world.now;
        let mut truth = Truth { world, used_at, says: true, counted: 1 };
        for event in events {
            truth.happen(event);
            prop_assert_eq!(truth.world.cloud.collisions, 0);
        }
        let mended = [Event::App(App::Well), Event::Clock(0), Event::Says(true), Event::Pin(false), Event::SayAgain];
        for event in mended.into_iter().chain([Event::Pass(5 * HOUR)]) {
            truth.happen(event);
        }
        let mut world = truth.world;
        assert_asleep(&mut world);
        world.wish(|wish| wish.generation = Some(1000));
        world.settle();
        prop_assert_eq!(world.phase(), Phase::Ready);
    }
}
