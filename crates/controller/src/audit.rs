//! The audit of what the controller did, kept beside the reconciles: a journal that is slow or down holds no AWS work up.
//!
//! A line is made of the write that changed a phase or a reason: its time and the revision of the status are what tells
//! it apart, so a line that is written twice stands once.
//!
//! Promised: no line without the write that it tells of; none twice; and, while this process lives and leads, every line
//! in the end, also of a write whose answer was lost. Not promised: the lines that wait when the process dies or loses the
//! lease, since the record, once written, does not say whether its line was. One that is stopped tries once more first.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use bivouac_model::{Event, ItemKey, Phase, Record, Status};
use bivouac_ports::{Meaning, Result};
use bivouac_runtime::{Outcome, WorkQueue};
use chrono::{DateTime, Utc};
use futures::future::join_all;

use crate::controller::Controller;
use crate::doors::Doors;
use crate::fenced::Fenced;
use crate::reconcile::back_off;

/// Who did it.
const ACTOR: &str = "controller";
/// What was done.
const ACTION: &str = "reconcile";
/// The most lines of one environment that wait for a journal that is down, before the oldest is given up. An environment
/// comes up in five and goes in two, so a journal that was down for a day still tells all of it.
const MOST_UNTOLD: usize = 100;
/// How long the last try takes at most, out of the 2 s that the drain leaves of the 10 s after SIGTERM.
const LAST_TRY: Duration = Duration::from_secs(1);

/// Lines on their way to the journal.
pub(crate) struct Audit {
    /// Environments with lines to be told.
    pub(crate) queue: WorkQueue<ItemKey>,
    lines: Mutex<HashMap<ItemKey, Lines>>,
}

#[derive(Default)]
struct Lines {
    /// In the order in which it happened.
    untold: Vec<Event>,
    /// Of the last write, if it failed: it may have been done all the same, which the next look at the record tells.
    unsure: Option<Effect>,
}

/// What a write of a status changes, for the audit.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    revision: u64,
    phase: Phase,
    event: Event,
}

impl Effect {
    /// What writing `status` over `record` at `now` changes; `None` where phase and reason stay.
    ///
    /// A status knows its time to the second, which would put an answer before the wish of the same second.
    pub(crate) fn of(record: &Record, status: &Status, now: DateTime<Utc>) -> Option<Self> {
        let before = record.status.as_ref();
        if before.is_some_and(|before| before.phase == status.phase && before.reason == status.reason) {
            return None;
        }
        // As the record store counts it.
        let revision = before.map_or(0, |before| before.machinery.revision).saturating_add(1);
        let wish = record.desired.as_ref().ok();
        let event = Event {
            environment: record.key.clone(),
            at: now,
            tie: format!("revision-{revision}"),
            actor: ACTOR.to_owned(),
            action: ACTION.to_owned(),
            reason: status.reason.to_string(),
            message: if status.message.is_empty() {
                format!("It is {}.", status.phase)
            } else {
                status.message.clone()
            },
            head_sha: wish.and_then(|wish| wish.head_sha.clone()),
            url: wish.and_then(|wish| wish.request_url.clone()),
            decision: None,
        };
        Some(Self { revision, phase: status.phase, event })
    }

    /// Whether a record that was read afterwards shows that the write was done. Only the comment's own writes can have
    /// come after it, and they change neither phase nor reason.
    fn shows_in(&self, record: &Record) -> bool {
        record.status.as_ref().is_some_and(|status| {
            status.machinery.revision >= self.revision
                && status.phase == self.phase
                && status.reason == self.event.reason
        })
    }
}

impl Audit {
    pub(crate) fn new() -> Self {
        Self { queue: WorkQueue::new(), lines: Mutex::default() }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<ItemKey, Lines>> {
        self.lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A status was written, or may have been.
    pub(crate) fn wrote(&self, effect: Effect, answer: &Result<()>) {
        match answer {
            Ok(()) => {
                // Both were made from the same revision, so the write that failed before was not done.
                if let Some(lines) = self.lines().get_mut(&effect.event.environment) {
                    lines.unsure = lines.unsure.take().filter(|unsure| unsure.revision != effect.revision);
                }
                self.tell_soon(effect.event);
            }
            Err(_) => {
                let key = effect.event.environment.clone();
                self.lines().entry(key).or_default().unsure = Some(effect);
            }
        }
    }

    /// A record was read: it tells whether the write that failed was done.
    pub(crate) fn saw(&self, record: &Record) {
        let unsure = self.lines().get_mut(&record.key).and_then(|lines| lines.unsure.take());
        match unsure {
            Some(effect) if effect.shows_in(record) => self.tell_soon(effect.event),
            _ => self.forget_if_empty(&record.key),
        }
    }

    fn tell_soon(&self, event: Event) {
        let key = event.environment.clone();
        let mut all = self.lines();
        let untold = &mut all.entry(key.clone()).or_default().untold;
        if untold.len() >= MOST_UNTOLD {
            let lost = untold.remove(0);
            tracing::warn!(env = %key, reason = %lost.reason, "a line of the audit is lost: the journal was down for too long");
        }
        untold.push(event);
        drop(all);
        self.queue.add(key);
    }

    fn untold(&self, key: &ItemKey) -> Vec<Event> {
        self.lines().get(key).map(|lines| lines.untold.clone()).unwrap_or_default()
    }

    fn told(&self, event: &Event) {
        if let Some(lines) = self.lines().get_mut(&event.environment) {
            lines.untold.retain(|untold| untold != event);
        }
        self.forget_if_empty(&event.environment);
    }

    fn forget_if_empty(&self, key: &ItemKey) {
        let mut all = self.lines();
        if all.get(key).is_some_and(|lines| lines.untold.is_empty() && lines.unsure.is_none()) {
            all.remove(key);
        }
    }
}

/// A line about something that no record's own status tells. One that the journal does not take is in the log all the same.
///
/// `tie` tells two of one moment apart.
pub(crate) async fn tell_of(
    doors: &Doors,
    fenced: &Fenced,
    environment: ItemKey,
    tie: &str,
    action: &str,
    reason: &str,
    message: String,
) {
    let event = Event {
        environment,
        at: doors.clock.now(),
        tie: tie.to_owned(),
        actor: ACTOR.to_owned(),
        action: action.to_owned(),
        reason: reason.to_owned(),
        message,
        head_sha: None,
        url: None,
        decision: None,
    };
    if let Err(error) = fenced.write(doors.journal.append(std::slice::from_ref(&event))).await {
        tracing::warn!(env = %event.environment, reason, error = &error as &dyn StdError, "the audit did not take a line");
    }
}

impl Controller {
    /// Tells the journal the lines of one environment, in order. Called twice, it tells them once.
    pub(crate) async fn tell(&self, key: ItemKey) -> Outcome {
        for event in self.audit.untold(&key) {
            match self.fenced.write(self.doors.journal.append(std::slice::from_ref(&event))).await {
                Ok(()) => self.audit.told(&event),
                // Trying again cannot help, and the lines after it have to get past.
                Err(error) if error.meaning() == Meaning::Invalid => {
                    tracing::warn!(env = %key, error = &error as &dyn StdError, "a line of the audit was refused");
                    self.audit.told(&event);
                }
                Err(error) => return back_off(&error),
            }
        }
        Outcome::Done
    }

    /// Tries once more what still waits, when there will be no other time.
    pub(crate) async fn tell_the_rest(&self) {
        let keys: Vec<ItemKey> = self.audit.lines().keys().cloned().collect();
        // What is not told by then is lost, as when the process is killed.
        let _ = tokio::time::timeout(LAST_TRY, join_all(keys.into_iter().map(|key| self.tell(key)))).await;
        let left: usize = self.audit.lines().values().map(|lines| lines.untold.len()).sum();
        if left > 0 {
            tracing::warn!(left, "stopped with lines of the audit that the journal did not take; they are lost");
        }
    }
}
