//! The pass over everything: what every event missed, found by looking.

use std::collections::BTreeMap;
use std::error::Error as StdError;

use bivouac_model::{ItemKey, Observed, Phase, Record, ServiceView, Status};
use bivouac_planner::{Plan, plan};
use bivouac_ports::Result;
use tokio::time::Instant;

use crate::controller::Controller;
use crate::owed::Announcement;
use crate::reap::Sight;
use crate::sources::Sources;
use crate::world::{OpenLists, World, is_wanted_down};

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
    /// One pass: looks at everything, plans for every record, and wakes the keys that need more than a glance; then reaps
    /// the services that no record answers for.
    ///
    /// Costs no call for each environment and no write when all is as recorded. Take-downs that are due by the records alone
    /// begin as soon as the table has answered, whatever else answers. A pass that fails changes nothing besides; the next
    /// one is a resync away.
    pub async fn pass(&self) -> Result<()> {
        let began = Instant::now();
        let begin = |records: &[Record], sight: Sight| {
            self.due_by_record(records, sight).for_each(|key| self.wake(key, "due"));
        };
        let (world, sight) = match self.observe(&self.closer.sources, begin).await {
            Ok(seen) => seen,
            Err(error) => {
                self.doors.meter.passed("error", 0, began.elapsed());
                tracing::warn!(error = &error as &dyn StdError, "the pass saw only a part, so it decides nothing");
                return Err(error);
            }
        };
        let mut phases: BTreeMap<Phase, usize> = Phase::ALL.into_iter().map(|phase| (phase, 0)).collect();
        let mut woken = 0;
        for planned in self.plan_all(&world, sight) {
            *phases.entry(planned.plan.status.phase).or_default() += 1;
            if planned.is_due() {
                woken += 1;
                self.wake(&planned.key, "resync");
            } else {
                self.announce_soon(&planned.key, Announcement::of(planned.plan));
            }
        }
        let counts: Vec<(&'static str, usize)> =
            phases.into_iter().map(|(phase, count)| (phase.as_str(), count)).collect();
        self.doors.meter.phases(&counts);
        self.end_accounts(&world).await;
        self.tell_cost();
        if let Err(error) = self.reap(&world, sight).await {
            tracing::warn!(error = &error as &dyn StdError, "the reaper saw only a part, so it deletes nothing");
        }
        self.doors.meter.passed("ok", world.records.len(), began.elapsed());
        tracing::debug!(environments = world.records.len(), woken, "pass done");
        self.closer.signs.retain(&world.records);
        self.edits.retain(&world.records);
        self.refusals.retain(&world.records);
        self.keep(world.into_open());
        Ok(())
    }

    /// A complete observation. As soon as the table has answered, as many services may be deleted as one pass may, and
    /// `saw_records` is called.
    ///
    /// # Errors
    /// When the table or the cluster could not be listed completely.
    pub(crate) async fn observe(
        &self,
        sources: &Sources,
        saw_records: impl FnOnce(&[Record], Sight) + Send,
    ) -> Result<(World, Sight)> {
        let began = Instant::now();
        let began_at = self.doors.clock.now();
        let mut sight = Sight { now: began_at, began, clock_jumped: false };
        let saw = |records: &[Record]| {
            sight.now = self.doors.clock.now();
            sight.clock_jumped = self.clock.observe(sight.now);
            self.allowance.renew();
            saw_records(records, sight);
        };
        let world = World::observe(&self.doors, &self.policy, sources, saw);
        let (world, (), ()) = tokio::join!(world, self.read_quota(), self.read_spending());
        let world = match world {
            Ok(world) => world,
            Err(error) => {
                self.reaper.forget().await;
                return Err(error);
            }
        };
        self.count_places(&world, began_at);
        Ok((world, sight))
    }

    /// The keys that the records alone show to be due: take-downs, records without a status, and what cannot be followed and
    /// has outlived its last known time. None of it needs more than the record and its service. A record that has no room for
    /// a status is not due by this: once a pass is enough.
    pub(crate) fn due_by_record<'a>(
        &'a self,
        records: &'a [Record],
        sight: Sight,
    ) -> impl Iterator<Item = &'a ItemKey> {
        let mut allowed = self.allowance.left();
        let unseen = Observed { clock_jumped: sight.clock_jumped, ..Observed::default() };
        let is_due = move |record: &&Record| {
            let Some(written) = &record.status else { return !self.is_unrecorded(&record.key) };
            match written.phase {
                Phase::Terminated => return false,
                Phase::Terminating => return true,
                _ => {}
            }
            let goes = plan(record, &unseen, &self.policy, sight.now).status.phase == Phase::Terminating;
            let is_over = written.expires_at <= sight.now && !sight.clock_jumped;
            if !goes && !is_over {
                return false;
            }
            // There is no turn for more of them before the next pass.
            let has_turn = is_wanted_down(record) || allowed > 0;
            allowed = allowed.saturating_sub(usize::from(!is_wanted_down(record)));
            has_turn
        };
        records.iter().filter(is_due).map(|record| &record.key)
    }

    /// What a glance says of every record. One at a time: a pass over thousands keeps none of them.
    pub(crate) fn plan_all(&self, world: &World, sight: Sight) -> impl Iterator<Item = Planned> {
        let allowed = self.allowance.left();
        let mut rooms = self.rooms();
        let mut going = 0;
        world.records.iter().map(move |record| {
            // Those for whom there is no room this time need not be looked at closely either.
            let allowance_spent = going >= allowed && !is_wanted_down(record);
            let observed = Observed {
                allowance_spent,
                clock_jumped: sight.clock_jumped,
                room: rooms.remove(&record.key),
                idle: self.closer.signs.of(&record.key),
                refusal: self.refusals.of(record, sight.now),
                spending: self.spending_of(&record.key),
                ..world.observed(&self.policy, record)
            };
            let is_listed = observed.service == ServiceView::Listed;
            let plan = plan(record, &observed, &self.policy, sight.now);
            let planned = Planned { key: record.key.clone(), written: record.status.clone(), plan };
            going += usize::from(is_listed && planned.is_take_down() && !allowance_spent);
            planned
        })
    }

    /// What the controller would do now, for every record or one: looks, writes nothing and takes no lease.
    ///
    /// # Errors
    /// When something could not be looked at.
    pub async fn preview(&self, only: Option<&ItemKey>) -> Result<Vec<Planned>> {
        let began = self.doors.clock.now();
        let sources = Sources::patient();
        let world = World::observe(&self.doors, &self.policy, &sources, |_| ());
        self.books.expire();
        let (world, (), ()) = tokio::join!(world, self.read_quota(), self.read_spending());
        let world = world?;
        self.count_places(&world, began);
        self.preview_of(&world, only).await
    }

    pub(crate) async fn preview_of(&self, world: &World, only: Option<&ItemKey>) -> Result<Vec<Planned>> {
        world.open().tell_since(&OpenLists::default());
        let mut planned = Vec::new();
        for record in world.records.iter().filter(|record| only.is_none_or(|only| *only == record.key)) {
            let plan = self.look_through(record, world.observed(&self.policy, record)).await?;
            planned.push(Planned { key: record.key.clone(), written: record.status.clone(), plan });
        }
        Ok(planned)
    }
}
