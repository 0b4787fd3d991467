//! The pass over everything: what every event missed, found by looking.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::time::Instant;

use bivouac_model::{ItemKey, Phase, Status};
use bivouac_planner::{Next, Plan, plan};
use bivouac_ports::Result;

use crate::announce::Announcement;
use crate::controller::Controller;
use crate::world::{OpenLists, World};

/// What a pass plans for one record.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Which record.
    pub key: ItemKey,
    /// What it says now.
    pub written: Option<Status>,
    /// What would be done next.
    pub plan: Plan,
}

impl Controller {
    /// One pass: looks at everything, plans for every record, and wakes the keys that need more than a glance.
    ///
    /// Costs no call for each environment and no write when all is as recorded. A pass that fails changes nothing; the
    /// next one is a resync away.
    pub async fn pass(&self) -> Result<()> {
        let began = Instant::now();
        let world = match World::observe(&self.doors, &self.policy).await {
            Ok(world) => world,
            Err(error) => {
                self.doors.meter.passed("error", 0, began.elapsed());
                tracing::warn!(error = &error as &dyn StdError, "the pass saw only a part, so it decides nothing");
                return Err(error);
            }
        };
        let now = self.doors.clock.now();
        let mut phases: BTreeMap<Phase, usize> = Phase::ALL.into_iter().map(|phase| (phase, 0)).collect();
        let mut woken = 0;
        for record in &world.records {
            let planned = plan(record, &world.observed(&self.policy, record), &self.policy, now);
            *phases.entry(planned.status.phase).or_default() += 1;
            let rests = matches!(planned.next, Next::Wait(_) | Next::Settled);
            if !rests || planned.changes(record.status.as_ref()) {
                woken += 1;
                self.wake(&record.key, "resync");
            } else {
                self.announce_soon(&record.key, Announcement { view: planned.comment, reaction: planned.reaction });
            }
        }
        let counts: Vec<(&'static str, usize)> =
            phases.into_iter().map(|(phase, count)| (phase.as_str(), count)).collect();
        self.doors.meter.phases(&counts);
        self.doors.meter.passed("ok", world.records.len(), began.elapsed());
        tracing::debug!(environments = world.records.len(), woken, "pass done");
        self.keep(world.into_open());
        Ok(())
    }

    /// What the controller would do now, for every record or one: looks, writes nothing and takes no lease.
    ///
    /// # Errors
    /// When something could not be looked at.
    pub async fn preview(&self, only: Option<&ItemKey>) -> Result<Vec<Planned>> {
        let world = World::observe(&self.doors, &self.policy).await?;
        world.open().tell_since(&OpenLists::default());
        let mut planned = Vec::new();
        for record in world.records.iter().filter(|record| only.is_none_or(|only| *only == record.key)) {
            let plan = self.look_through(record, world.observed(&self.policy, record)).await?;
            planned.push(Planned { key: record.key.clone(), written: record.status.clone(), plan });
        }
        Ok(planned)
    }
}
