//! The guardrails by themselves, for whoever has no daemon or wants to see what they would do: take-downs that are due and
//! services that no record answers for. Nothing is brought up.

use bivouac_model::{ItemKey, Phase, Record};
use bivouac_planner::Next;
use bivouac_planner::reap::Judgement;
use bivouac_ports::Result;
use bivouac_runtime::Outcome;
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::controller::Controller;
use crate::owed::Announcement;
use crate::pass::Planned;
use crate::reap::Reaped;
use crate::sources::Sources;

/// What one complete observation would have done.
#[derive(Debug, Default)]
pub struct Survey {
    /// What would be done next for every record.
    pub environments: Vec<Planned>,
    /// What is decided of the services that no record answers for.
    pub services: Judgement,
}

impl Planned {
    /// Whether it is, or is being, taken down.
    pub fn is_take_down(&self) -> bool {
        matches!(self.plan.status.phase, Phase::Terminating | Phase::Terminated)
    }

    /// Whether there is something to do.
    pub fn is_due(&self) -> bool {
        !matches!(self.plan.next, Next::Wait(_) | Next::Settled) || self.plan.changes(self.written.as_ref())
    }
}

impl Controller {
    /// One pass of the guardrails, now: carries on every take-down that is due, until it is over or the second observation
    /// would be, and deletes the services that an earlier call condemned too, at least a resync ago.
    ///
    /// Call it, wait a resync, and call it again while something [waits](Reaped::waiting). Called twice it finds nothing
    /// left; dropped half-way, the next call carries on.
    ///
    /// # Errors
    /// When not everything could be looked at: no service without a record was deleted then. Take-downs that are due by their
    /// records went on.
    pub async fn guard_now(&self) -> Result<(Vec<ItemKey>, Reaped)> {
        let began = Instant::now();
        let mut due: Vec<ItemKey> = Vec::new();
        let mut owed = Vec::new();
        let by_record = |records: &[Record], sight| {
            let has_status = |key: &&ItemKey| records.iter().any(|one| one.key == **key && one.status.is_some());
            due = self.due_by_record(records, sight).filter(has_status).cloned().collect();
        };
        let seen = self.observe(&self.closer.sources, by_record).await;
        if let Ok((world, sight)) = &seen {
            due.clear();
            for planned in self.plan_all(world, *sight).filter(Planned::is_take_down) {
                if planned.is_due() {
                    due.push(planned.key);
                } else if planned.plan.comment.is_some() || planned.plan.reaction.is_some() {
                    owed.push(planned);
                }
            }
        }
        let until = began + self.settings.resync;
        let work = futures::stream::iter(due.clone());
        work.for_each_concurrent(self.settings.concurrency, |key| self.take_down(key, until)).await;
        if let Ok((world, _)) = &seen {
            self.end_accounts(world).await;
        }
        let reaped = match &seen {
            Ok((world, sight)) => self.reap(world, *sight).await,
            Err(error) => Err(error.clone()),
        };
        // Last words come last: nothing that costs money waits for them. Those of earlier runs may still be owed.
        for Planned { key, plan, .. } in owed {
            self.announce_soon(&key, Announcement::of(plan));
        }
        self.announce_owed(Instant::now() + self.settings.resync).await;
        self.tell_the_rest().await;
        Ok((due, reaped?))
    }

    /// Reconciles one environment until it is at rest or `until`.
    async fn take_down(&self, key: ItemKey, until: Instant) {
        loop {
            let outcome = self.reconcile(key.clone()).await;
            let Outcome::RequeueAfter(wait) = outcome else { return };
            if Instant::now() + wait > until {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// What the controller and its guardrails would do now: looks, writes nothing and takes no lease.
    ///
    /// # Errors
    /// When something could not be looked at.
    pub async fn survey(&self) -> Result<Survey> {
        let (world, sight) = self.observe(&Sources::patient(), |_, _| ()).await?;
        let environments = self.preview_of(&world, None).await?;
        let services = self.judge_only(&world, sight).await?;
        Ok(Survey { environments, services })
    }
}
