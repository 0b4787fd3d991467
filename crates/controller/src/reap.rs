//! The reaper's part of a pass: services that no record answers for.
//!
//! The lists name them, a description tells whose they are, the planner judges. What two passes condemn is deleted here, each
//! after one more look for a record that may have appeared.

use std::collections::{BTreeSet, HashMap};
use std::error::Error as StdError;
use std::time::Duration;

use bivouac_model::{EnvKey, ItemKey, Service, ServiceView};
use bivouac_planner::reap::{Alarm, Fate, Judgement, Scene, Verdict, judge, suspects};
use bivouac_ports::Result;
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::audit::tell_of;
use crate::controller::Controller;
use crate::reconcile::is_surely_undone;
use crate::world::World;

/// For how long a description is believed of a service that stays. Tags change by hand, so minutes are soon enough; and a
/// cluster shared with five thousand services of others then costs less than one call a second. What is to go is described
/// anew in every pass.
const DESCRIBED_FOR: Duration = Duration::from_secs(600);

/// What was done, in the audit.
const ACTION: &str = "reap";

/// How an observation was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// When, by the clock.
    pub now: DateTime<Utc>,
    /// When it began, by a clock that nobody sets.
    pub began: Instant,
    /// Whether the clock jumped since the one before.
    pub clock_jumped: bool,
}

/// What the reaper remembers from pass to pass. A new one begins anew, which only makes it wait for a second pass.
#[derive(Debug)]
pub(crate) struct Reaper {
    apart: Duration,
    trust_empty_table: bool,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    described: HashMap<String, Described>,
    /// Since when every complete observation condemned it.
    condemned: HashMap<String, Instant>,
    raised: BTreeSet<&'static str>,
}

/// A suspect as it was described; `None`: it was not ACTIVE.
#[derive(Debug)]
struct Described {
    at: Instant,
    service: Option<Service>,
}

/// What the reaper did in one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// The services that were deleted.
    pub deleted: Vec<Verdict>,
    /// How many are to go and wait: for another observation, or for their turn.
    pub waiting: usize,
    /// What could not be deleted, and why, a line each.
    pub refused: Vec<String>,
    /// What a person has to look at.
    pub alarms: Vec<Alarm>,
}

impl Reaper {
    /// One that saw nothing yet. `apart` is the time between the two observations.
    pub fn new(apart: Duration) -> Self {
        Self { apart, trust_empty_table: false, memory: Mutex::default() }
    }

    /// A person said that the table is empty because it should be.
    pub fn trust_empty_table(&mut self) {
        self.trust_empty_table = true;
    }

    /// Half a view: what was condemned has to be seen twice again.
    pub async fn forget(&self) {
        self.memory.lock().await.condemned.clear();
    }
}

impl Memory {
    fn is_stale(&self, name: &str, now: Instant) -> bool {
        self.described.get(name).is_none_or(|known| known.service.is_none() || now - known.at >= DESCRIBED_FOR)
    }

    /// Keeps what is condemned, since when, and forgets the rest.
    fn remember(&mut self, judgement: &Judgement, began: Instant) {
        let condemned = judgement.verdicts.iter().filter(|verdict| verdict.fate != Fate::Keep);
        self.condemned = condemned
            .map(|verdict| (verdict.service.clone(), *self.condemned.get(&verdict.service).unwrap_or(&began)))
            .collect();
    }
}

impl Controller {
    /// Judges every suspect of a world and deletes what was condemned before too. Called twice at about the same time, the
    /// second call deletes nothing more. Dropped half-way, the next pass finds the rest.
    ///
    /// # Errors
    /// When a suspect could not be looked at: nothing was deleted then, and what was condemned has to be seen twice again.
    pub(crate) async fn reap(&self, world: &World, sight: Sight) -> Result<Reaped> {
        let mut memory = self.reaper.memory.lock().await;
        let judgement = match self.judged(&mut memory, world, sight).await {
            Ok(judgement) => judgement,
            Err(error) => {
                memory.condemned.clear();
                return Err(error);
            }
        };
        memory.remember(&judgement, sight.began);
        self.raise(&mut memory, &judgement.alarms);
        let mut reaped = Reaped { alarms: judgement.alarms, ..Reaped::default() };
        for verdict in judgement.verdicts {
            match verdict.fate {
                Fate::Keep => {}
                Fate::Condemn => reaped.waiting += 1,
                Fate::Reap => match self.delete_suspect(&verdict).await {
                    Ok(true) => reaped.deleted.push(verdict),
                    Ok(false) => reaped.waiting += 1,
                    Err(error) => {
                        let error = &error;
                        tracing::warn!(service = verdict.service, error = error as &dyn StdError, "not deleted");
                        reaped.refused.push(format!("{}: {error}", verdict.service));
                        if self.fenced.fence().check().is_err() {
                            break;
                        }
                    }
                },
            }
        }
        Ok(reaped)
    }

    /// What would be decided of the suspects of a world; deletes nothing and remembers nothing of it.
    pub(crate) async fn judge_only(&self, world: &World, sight: Sight) -> Result<Judgement> {
        self.judged(&mut *self.reaper.memory.lock().await, world, sight).await
    }

    async fn judged(&self, memory: &mut Memory, world: &World, sight: Sight) -> Result<Judgement> {
        let names = suspects(world.services(), &world.records, &self.policy);
        memory.described.retain(|name, _| names.binary_search(name).is_ok());
        let unknown = names.into_iter().filter(|name| memory.is_stale(name, sight.began)).collect();
        self.describe(memory, unknown, sight.began).await?;
        let judgement = self.judge_described(memory, world, sight);
        let is_old = |name: &str| memory.described.get(name).is_none_or(|known| known.at < sight.began);
        let to_go = judgement.verdicts.iter().filter(|verdict| verdict.fate != Fate::Keep);
        let old: Vec<String> = to_go.map(|verdict| &verdict.service).filter(|name| is_old(name)).cloned().collect();
        if old.is_empty() {
            return Ok(judgement);
        }
        self.describe(memory, old, sight.began).await?;
        Ok(self.judge_described(memory, world, sight))
    }

    async fn describe(&self, memory: &mut Memory, names: Vec<String>, at: Instant) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        for (name, view) in self.doors.cluster.services(&names).await? {
            let service = match view {
                // What it did lately is of no interest, and most of its size.
                ServiceView::Active(service) => Some(Service { events: vec![], deployments: vec![], ..*service }),
                _ => None,
            };
            memory.described.insert(name, Described { at, service });
        }
        Ok(())
    }

    fn judge_described(&self, memory: &Memory, world: &World, sight: Sight) -> Judgement {
        let suspects: Vec<Service> = memory.described.values().filter_map(|known| known.service.clone()).collect();
        let ago = |since: &Instant| sight.began.saturating_duration_since(*since);
        let condemned = memory.condemned.iter().map(|(name, since)| (name.clone(), ago(since))).collect();
        judge(&Scene {
            suspects: &suspects,
            records: &world.records,
            policy: &self.policy,
            now: sight.now,
            condemned: &condemned,
            apart: self.reaper.apart,
            allowance: self.allowance.left(),
            clock_jumped: sight.clock_jumped,
            trust_empty_table: self.reaper.trust_empty_table,
        })
    }

    /// Deletes one; `false`: not now, since somebody wants it or there is no room left.
    async fn delete_suspect(&self, verdict: &Verdict) -> Result<bool> {
        let owner: Option<ItemKey> = verdict.environment.as_deref().and_then(key_of);
        if let Some(key) = &owner
            && self.doors.records.get(key).await?.is_some()
        {
            tracing::info!(service = verdict.service, env = %key, "a record appeared, which adopts the service");
            return Ok(false);
        }
        if !self.allowance.take() {
            return Ok(false);
        }
        let answer = self.fenced.write(self.doors.cluster.delete_service(&verdict.service)).await;
        if let Err(error) = answer {
            if is_surely_undone(&error) {
                self.allowance.give_back();
            }
            return Err(error);
        }
        tracing::info!(service = verdict.service, reason = %verdict.reason, "deleted: {}", verdict.message);
        self.doors.meter.service_reaped(verdict.reason.as_str());
        if let Some(key) = owner {
            let (tie, reason, message) = (&verdict.service, verdict.reason.as_str(), verdict.message.clone());
            tell_of(&self.doors, &self.fenced, key, tie, ACTION, reason, message).await;
        }
        Ok(true)
    }

    /// Counts the alarms, and says each once when it is raised and once when it is over.
    fn raise(&self, memory: &mut Memory, alarms: &[Alarm]) {
        for reason in Alarm::REASONS {
            let raised = alarms.iter().find(|alarm| alarm.reason() == reason);
            self.doors.meter.guardrail_alarm(reason, raised.is_some());
            match raised {
                Some(alarm) if memory.raised.insert(reason) => tracing::warn!(reason, "{}", alarm.message()),
                None if memory.raised.remove(reason) => tracing::info!(reason, "this alarm is over"),
                _ => {}
            }
        }
    }
}

/// The record's key of an owner as tags name it.
fn key_of(owner: &str) -> Option<ItemKey> {
    owner.parse::<EnvKey>().ok().map(|key| ItemKey::from(&key))
}
