//! Webhooks and deliveries as a test sets and watches them.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Delivery, Event, Hook, HookTarget, Outcome, payload};
use crate::github::shape::{self, Links};
use crate::github::{Hub, HubError, State};

/// How long to wait for deliveries: twice GitHub's own ten seconds, for a busy machine.
const LONGEST_DELIVERY: Duration = Duration::from_secs(20);

impl Hub {
    // ── Webhooks ──

    /// Adds a webhook that is told of these events (`*`: of all), sends it a `ping`, and answers its number.
    /// For [`HookTarget::App`] the events are those of the app, whatever is named here.
    ///
    /// Deliveries are POSTs of JSON with GitHub's headers. With a secret they are signed (`X-Hub-Signature-256`).
    /// Called twice, there are two webhooks, and each is told.
    ///
    /// # Errors
    /// [`HubError::NoRepository`], [`HubError::NoApp`]; [`HubError::NoUser`] for an account that does not exist.
    pub fn add_webhook(
        &self,
        target: HookTarget,
        url: &str,
        secret: Option<&str>,
        events: &[&str],
    ) -> Result<u64, HubError> {
        let links = self.links();
        self.step(|state, now| {
            let target_id = target_id(state, &target)?;
            let id = state.model.issue_id();
            let hook = Hook {
                id,
                target,
                target_id,
                url: url.to_owned(),
                secret: secret.map(str::to_owned),
                events: events.iter().map(|&name| name.to_owned()).collect(),
                active: true,
                created_at: now,
                updated_at: now,
            };
            state.post.add_hook(hook.clone());
            ping(state, links, &hook, now);
            Ok(id)
        })
    }

    /// Gives a webhook another secret, or none. What is on its way keeps its signature.
    ///
    /// # Errors
    /// [`HubError::NoWebhook`]; so for the next.
    pub fn set_webhook_secret(&self, hook: u64, secret: Option<&str>) -> Result<(), HubError> {
        self.step(|state, now| {
            let hook = state.post.hook_mut(hook)?;
            hook.secret = secret.map(str::to_owned);
            hook.updated_at = now;
            Ok(())
        })
    }

    /// Switches a webhook off or on: nothing is made for one that is off.
    ///
    /// # Errors
    /// [`HubError::NoWebhook`].
    pub fn set_webhook_active(&self, hook: u64, active: bool) -> Result<(), HubError> {
        self.step(|state, now| {
            let hook = state.post.hook_mut(hook)?;
            hook.active = active;
            hook.updated_at = now;
            Ok(())
        })
    }

    /// Removes a webhook; what it has not been sent yet fails. One that is not there stays away.
    pub fn remove_webhook(&self, hook: u64) {
        self.step(|state, _| state.post.remove_hook(hook));
    }

    // ── Deliveries ──

    /// The last 10,000 deliveries, oldest first, with what became of them.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.look(|state| state.post.log().cloned().collect())
    }

    /// Keeps back every delivery that is made from now on, until it is released.
    pub fn hold_deliveries(&self) {
        self.step(|state, _| state.post.set_holding(true));
    }

    /// Makes this many of every delivery from now on, under one GUID: 2 doubles them, 0 loses them, 1 is GitHub's way.
    pub fn set_delivery_copies(&self, copies: usize) {
        self.step(|state, _| state.post.set_copies(copies));
    }

    /// Sends held deliveries in exactly this order, each after the receiver answered the one before.
    /// A GUID that has copies sends them all; one that is not held sends nothing. The others stay held.
    /// Dropped half-way, the rest stays held.
    ///
    /// # Errors
    /// [`HubError::TimedOut`] when a delivery did not end in its time.
    pub async fn release_deliveries(&self, guids: &[&str]) -> Result<(), HubError> {
        for guid in guids {
            while let Some(id) = self.step(|state, _| state.post.release_first(guid)) {
                self.delivered(id).await?;
            }
        }
        Ok(())
    }

    /// Stops holding, and sends all that is held, at once.
    pub fn release_all_deliveries(&self) {
        self.step(|state, _| {
            state.post.set_holding(false);
            state.post.release_all();
        });
    }

    /// Sends a delivery again, under the same GUID and with the same body, as the button of a webhook's page does, and
    /// answers the new one's number. Neither holding nor copies apply.
    ///
    /// # Errors
    /// [`HubError::NoDelivery`]; [`HubError::NoWebhook`] when it was removed.
    pub fn redeliver(&self, guid: &str) -> Result<u64, HubError> {
        self.step(|state, now| state.post.again(guid, now))
    }

    /// Sends a delivery that the holder of a webhook's secret made up: this event with this body, in the envelope and with the
    /// signature that GitHub's own deliveries have. Holding and copies apply to it as to those.
    ///
    /// # Errors
    /// [`HubError::NoWebhook`].
    pub fn make_up_delivery(&self, hook: u64, event: &'static str, body: serde_json::Value) -> Result<(), HubError> {
        self.step(|state, now| {
            state.post.hook_mut(hook)?;
            let event = Event { name: event, action: None, repository: None, body };
            state.post.mail(hook, &event, now);
            Ok(())
        })
    }

    /// Waits until nothing more comes of a delivery, and answers it. The time is tokio's. Dropped half-way, nothing happens.
    ///
    /// # Errors
    /// [`HubError::TimedOut`]; a held delivery runs into it.
    pub async fn delivered(&self, id: u64) -> Result<Delivery, HubError> {
        let mut found = None;
        self.wait_until(LONGEST_DELIVERY, |hub| {
            found = hub.look(|state| state.post.log().find(|one| one.id == id).cloned());
            found.as_ref().is_none_or(|one| one.outcome.is_settled())
        })
        .await?;
        found.ok_or_else(|| HubError::NoDelivery { guid: id.to_string() })
    }

    /// Waits until nothing is on its way: every delivery is settled or held.
    ///
    /// # Errors
    /// [`HubError::TimedOut`].
    pub async fn all_delivered(&self) -> Result<(), HubError> {
        self.wait_until(LONGEST_DELIVERY, |hub| {
            hub.look(|state| state.post.log().all(|one| one.outcome != Outcome::Waiting))
        })
        .await
    }

    pub(in crate::github) fn links(&self) -> &Links {
        &self.0.shared.links
    }
}

fn target_id(state: &mut State, target: &HookTarget) -> Result<u64, HubError> {
    match target {
        HookTarget::Repository(name) => state.model.require(name).map(|at| at.id),
        HookTarget::Account(login) => {
            let account = state.model.account(login).map(|account| account.id);
            account.ok_or_else(|| HubError::NoUser { login: login.clone() })
        }
        HookTarget::App(id) => state.apps.get(*id).map(|app| app.id).ok_or(HubError::NoApp { id: *id }),
        // An enterprise is nothing that this model knows; its number is one that no account has.
        HookTarget::Everything => Ok(1),
    }
}

/// A new webhook is told that it is one, whatever it wants to hear of.
fn ping(state: &mut State, links: &Links, hook: &Hook, now: DateTime<Utc>) {
    let at = match &hook.target {
        HookTarget::Repository(name) => state.model.repository(name),
        _ => None,
    };
    let mut body = payload::ping(links, hook, at);
    if let Some(at) = at {
        body["repository"] = shape::repository(&state.model, links, at);
        body["sender"] = shape::user_of(&state.model, links, &at.owner);
    }
    let event = Event { name: "ping", action: None, repository: at.map(|at| at.full_name()), body };
    state.post.mail(hook.id, &event, now);
}
