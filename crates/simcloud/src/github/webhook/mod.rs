//! Webhooks: who is told of what, the deliveries that come of it, and the log of them.
//!
//! As at GitHub: a delivery is made once and never again by itself, deliveries come in no promised order, each may take
//! 10 s, and somebody may ask for one to be sent again, under the same GUID. The body is what was true when the event
//! happened; the signature is made with the webhook's secret at the moment of sending.

mod control;
mod courier;
mod delivery;
mod payload;
mod signature;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::HubError;
use super::model::fold;

pub(super) use courier::{PATIENCE, run};
pub use delivery::{Delivery, Outcome};
pub(super) use payload::{Made, about_comment, about_pull, registry_package, workflow_run};
pub use payload::{Package, WorkflowRun};

/// How many deliveries are remembered. GitHub keeps three days of them; ours is as many as requests are.
const REMEMBERED: usize = 10_000;

/// Whose webhook it is, and so what it hears of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookTarget {
    /// A repository, `owner/name`.
    Repository(String),
    /// All repositories of an organization or user.
    Account(String),
    /// The webhook of an app: all repositories where it is installed. Bodies tell the `installation`.
    App(u64),
    /// Every repository of this hub, as that of an enterprise does.
    Everything,
}

#[derive(Debug, Clone)]
pub(super) struct Hook {
    pub id: u64,
    pub target: HookTarget,
    /// The number of what it belongs to: repository, account or app.
    pub target_id: u64,
    pub url: String,
    pub secret: Option<String>,
    /// Names of events; `*` is every one.
    pub events: Vec<String>,
    pub active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Hook {
    /// `X-GitHub-Hook-Installation-Target-Type`.
    fn target_type(&self) -> &'static str {
        match self.target {
            HookTarget::Repository(_) => "repository",
            HookTarget::Account(_) => "organization",
            HookTarget::App(_) => "integration",
            HookTarget::Everything => "business",
        }
    }

    fn hears(&self, event: &str) -> bool {
        // The subscriptions of an app are the app's.
        let app = matches!(self.target, HookTarget::App(_));
        self.active && (app || self.events.iter().any(|name| name == event || name == "*"))
    }
}

/// An event before it is put into envelopes.
pub(super) struct Event {
    pub name: &'static str,
    pub action: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    pub body: Value,
}

/// All webhooks and deliveries.
#[derive(Debug)]
pub(super) struct Post {
    hooks: BTreeMap<u64, Hook>,
    log: VecDeque<Delivery>,
    outbox: Vec<u64>,
    holding: bool,
    copies: usize,
    /// What makes the GUIDs of two hubs differ.
    salt: String,
    made: u64,
}

impl Post {
    pub fn new(seed: u64, started: DateTime<Utc>) -> Self {
        Post {
            hooks: BTreeMap::new(),
            log: VecDeque::new(),
            outbox: Vec::new(),
            holding: false,
            copies: 1,
            salt: format!("{seed} {}", started.timestamp_micros()),
            made: 0,
        }
    }

    pub fn add_hook(&mut self, hook: Hook) {
        self.hooks.insert(hook.id, hook);
    }

    pub fn hook_mut(&mut self, id: u64) -> Result<&mut Hook, HubError> {
        self.hooks.get_mut(&id).ok_or(HubError::NoWebhook { id })
    }

    /// Removes a webhook. What it has not been sent yet fails now.
    pub fn remove_hook(&mut self, id: u64) {
        self.hooks.remove(&id);
        let unsent = std::mem::take(&mut self.outbox);
        for delivery in self.log.iter_mut().filter(|one| one.hook == id) {
            if delivery.outcome == Outcome::Held || unsent.contains(&delivery.id) {
                delivery.outcome = Outcome::Failed { reason: "the webhook was removed".to_owned() };
            }
        }
        self.outbox = unsent;
    }

    /// The webhooks of a repository stay its own under its new name.
    pub fn rename(&mut self, old: &str, new: &str) {
        for hook in self.hooks.values_mut() {
            match &mut hook.target {
                HookTarget::Repository(name) if fold(name) == fold(old) => new.clone_into(name),
                _ => {}
            }
        }
    }

    /// The webhooks of one target, oldest first.
    pub fn hooks_of(&self, target: &HookTarget) -> impl Iterator<Item = &Hook> {
        self.hooks.values().filter(move |hook| match (&hook.target, target) {
            (HookTarget::Repository(a), HookTarget::Repository(b)) => fold(a) == fold(b),
            (HookTarget::Account(a), HookTarget::Account(b)) => fold(a) == fold(b),
            (a, b) => a == b,
        })
    }

    /// Everybody who wants such an event, wherever it happens, oldest first.
    pub fn listeners(&self, event: &str) -> impl Iterator<Item = &Hook> {
        self.hooks.values().filter(move |hook| hook.hears(event))
    }

    /// The last delivery to a webhook that is settled.
    pub fn last_of(&self, hook: u64) -> Option<&Delivery> {
        self.log.iter().rev().find(|one| one.hook == hook && one.outcome.is_settled())
    }

    /// Puts an event into an envelope for one webhook. What has the same GUID is the same event.
    pub fn mail(&mut self, hook: u64, event: &Event, now: DateTime<Utc>) {
        let guid = self.guid();
        let (outcome, copies) = match self.copies {
            0 => (Outcome::Lost, 1),
            copies if self.holding => (Outcome::Held, copies),
            copies => (Outcome::Waiting, copies),
        };
        let delivery = Delivery {
            id: 0,
            guid,
            hook,
            event: event.name.to_owned(),
            action: event.action.clone(),
            repository: event.repository.clone(),
            at: now,
            redelivery: false,
            body: Arc::from(event.body.to_string()),
            outcome,
        };
        for _ in 0..copies {
            self.note(delivery.clone());
        }
    }

    /// Sends the last delivery of that GUID once more, and answers the new one's number.
    pub fn again(&mut self, guid: &str, now: DateTime<Utc>) -> Result<u64, HubError> {
        let first = self.log.iter().rev().find(|one| one.guid == guid);
        let first = first.ok_or_else(|| HubError::NoDelivery { guid: guid.to_owned() })?;
        self.hooks.get(&first.hook).ok_or(HubError::NoWebhook { id: first.hook })?;
        let again = Delivery { at: now, redelivery: true, outcome: Outcome::Waiting, ..first.clone() };
        Ok(self.note(again))
    }

    fn note(&mut self, mut delivery: Delivery) -> u64 {
        self.made += 1;
        delivery.id = self.made;
        if delivery.outcome == Outcome::Waiting {
            self.outbox.push(delivery.id);
        }
        if self.log.len() == REMEMBERED {
            self.log.pop_front();
        }
        let id = delivery.id;
        self.log.push_back(delivery);
        id
    }

    /// What is to be sent now, with its webhook.
    pub fn take(&mut self) -> Vec<(Delivery, Hook)> {
        let unsent = std::mem::take(&mut self.outbox);
        let find = |id: u64| self.log.iter().find(|one| one.id == id).filter(|one| one.outcome == Outcome::Waiting);
        let parcels = unsent.into_iter().filter_map(find);
        parcels.filter_map(|one| Some((one.clone(), self.hooks.get(&one.hook)?.clone()))).collect()
    }

    pub fn settle(&mut self, id: u64, outcome: Outcome) {
        if let Some(delivery) = self.log.iter_mut().find(|one| one.id == id) {
            delivery.outcome = outcome;
        }
    }

    /// Lets the first held delivery of that GUID go.
    pub fn release_first(&mut self, guid: &str) -> Option<u64> {
        let first = self.log.iter_mut().find(|one| one.outcome == Outcome::Held && one.guid == guid)?;
        first.outcome = Outcome::Waiting;
        self.outbox.push(first.id);
        Some(first.id)
    }

    /// Lets all held deliveries go.
    pub fn release_all(&mut self) {
        for delivery in self.log.iter_mut().filter(|one| one.outcome == Outcome::Held) {
            delivery.outcome = Outcome::Waiting;
            self.outbox.push(delivery.id);
        }
    }

    pub fn log(&self) -> impl Iterator<Item = &Delivery> {
        self.log.iter()
    }

    pub fn set_holding(&mut self, holding: bool) {
        self.holding = holding;
    }

    pub fn set_copies(&mut self, copies: usize) {
        self.copies = copies;
    }

    /// Looks like a GUID of version 4, and never comes twice, also after a restart: a receiver that remembers GUIDs would
    /// otherwise take a new event for an old one.
    fn guid(&mut self) -> String {
        let digest = Sha256::digest(format!("{} {}", self.salt, self.made));
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
    }
}
