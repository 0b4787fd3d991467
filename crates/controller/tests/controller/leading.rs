//! One process at a time writes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bivouac_controller::{Leadership, lead};
use bivouac_model::{Desired, Phase};
use bivouac_planner::admission::Caps;
use bivouac_ports::{Error, LeaseView, Leases, Meaning, NoMeter, Result};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::state::{World, plenty};

#[derive(Default)]
struct Table {
    leases: Mutex<HashMap<String, LeaseView>>,
    unreachable: Mutex<Vec<String>>,
}

/// Who came to lead, and when; and when its lease was lost.
type Led = Arc<Mutex<Vec<(String, Instant, Option<Instant>)>>>;

/// One process's way to the table.
struct Way {
    table: Arc<Table>,
    of: String,
}

impl Way {
    fn open(&self) -> Result<()> {
        match self.table.unreachable.lock().unwrap().contains(&self.of) {
            true => Err(Error::new(Meaning::Unavailable, "leases", "no way to the table")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Leases for Way {
    async fn read(&self, name: &str) -> Result<Option<LeaseView>> {
        self.open()?;
        Ok(self.table.leases.lock().unwrap().get(name).cloned())
    }

    async fn write(&self, name: &str, lease: &LeaseView, seen: Option<u64>) -> Result<()> {
        self.open()?;
        let mut leases = self.table.leases.lock().unwrap();
        if leases.get(name).map(|lease| lease.version) != seen {
            return Err(Error::new(Meaning::Conflict, "leases", "somebody else wrote meanwhile"));
        }
        leases.insert(name.to_owned(), lease.clone());
        Ok(())
    }
}

fn claim(world: &Arc<World>, table: &Arc<Table>, who: &str, stop: &CancellationToken, led: &Led) {
    let leases = Arc::new(Way { table: Arc::clone(table), of: who.into() });
    let leadership = Leadership { name: "default".into(), holder: who.into(), period: Duration::from_secs(15) };
    let (world, stop, led, who) = (Arc::clone(world), stop.clone(), Arc::clone(led), who.to_owned());
    tokio::spawn(async move {
        let work = |fence: bivouac_runtime::Fence| {
            led.lock().unwrap().push((who.clone(), Instant::now(), None));
            let led = Arc::clone(&led);
            let process = world.start_with(None, None, fence.clone());
            let stop = stop.clone();
            async move {
                tokio::select! {
                    () = fence.lost().cancelled() => {
                        led.lock().unwrap().last_mut().unwrap().2 = Some(Instant::now());
                    }
                    () = stop.cancelled() => process.kill(),
                }
            }
        };
        lead(leases, &leadership, Arc::new(NoMeter), stop.clone(), work).await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_lost_its_lease_writes_nothing_more_and_the_next_one_goes_on() {
    let (world, table, led) = (World::new(), Arc::new(Table::default()), Led::default());
    let leaders = || led.lock().unwrap().iter().map(|(who, ..)| who.clone()).collect::<Vec<_>>();
    let stop = CancellationToken::new();
    claim(&world, &table, "one", &stop, &led);
    world.until("led", || !led.lock().unwrap().is_empty()).await;
    claim(&world, &table, "two", &stop, &led);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    assert_eq!(leaders(), ["one"], "while it renews, nobody else leads");

    table.unreachable.lock().unwrap().push("one".into());
    // It gives up by itself, before anybody else may lead; what is to be done then waits for the next leader.
    world.until("given up", || led.lock().unwrap()[0].2.is_some()).await;
    assert_eq!(leaders(), ["one"]);
    world.write(7, |wish| wish.desired = Desired::Down);
    world.until("led by two", || leaders().len() == 2).await;
    let (gave_up, took_over) = {
        let led = led.lock().unwrap();
        (led[0].2.unwrap(), led[1].1)
    };
    assert!(gave_up < took_over);
    let in_between = world.state().writes.iter().filter(|(_, at)| *at >= gave_up && *at < took_over).count();
    assert_eq!(in_between, 0, "a stale leader writes nothing");
    world.until("gone", || world.is(7, Phase::Terminated)).await;
    assert_eq!(leaders(), ["one", "two"]);
    stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn two_replicas_let_no_more_in_than_one_does() {
    let (world, table, led) = (World::new(), Arc::new(Table::default()), Led::default());
    world.caps(Caps { max_environments: 1, ..plenty() });
    let stop = CancellationToken::new();
    claim(&world, &table, "one", &stop, &led);
    world.until("led", || !led.lock().unwrap().is_empty()).await;
    claim(&world, &table, "two", &stop, &led);
    (1..=2).for_each(|pr| world.write(pr, |_| {}));
    let ready = || (1..=3).find(|pr| world.phase(*pr) == Some(Phase::Ready));
    world.until("one of two runs", || ready().is_some()).await;

    table.unreachable.lock().unwrap().push("one".into());
    world.write(3, |_| {});
    world.until("led by two", || led.lock().unwrap().len() == 2).await;
    world.until("the third waits, too", || world.phase(3) == Some(Phase::Queued)).await;
    let first = ready().expect("it runs still");
    world.write(first, |wish| wish.desired = Desired::Down);
    world.until("the next runs", || ready().is_some_and(|pr| pr != first && pr != 3)).await;
    assert_eq!(world.state().most, 1);
    stop.cancel();
}
