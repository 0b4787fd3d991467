//! Whether what happens on GitHub reaches the bot.

use serde::Deserialize;

use super::{Finding, Needs};

/// The events that the bot listens to, with the permission each takes and what is lost without it
/// (docs.github.com/webhooks/webhook-events-and-payloads, "Availability").
pub(super) const EVENTS: [(&str, &str, &str); 5] = [
    ("issue_comment", "Issues", "commands are not heard"),
    ("pull_request", "Pull requests", "closing, pushes and labels are seen minutes late"),
    ("pull_request_review", "Pull requests", "commands in reviews are not heard"),
    ("registry_package", "Packages", "images are seen only when they are looked for"),
    ("workflow_run", "Actions", "the end of a build is no hint to look for its image"),
];

/// `webhook-config`.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    url: String,
    #[serde(default)]
    content_type: String,
    /// Asterisks where there is one.
    secret: Option<String>,
    insecure_ssl: Option<Insecure>,
}

/// Text or number, as the description has it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Insecure {
    Text(String),
    Number(f64),
}

impl Config {
    /// Whether this webhook leads to the bot.
    pub fn is_for(&self, needs: &Needs) -> bool {
        match &needs.webhook_url {
            Some(url) => self.url.trim_end_matches('/') == url.trim_end_matches('/'),
            None => !self.url.is_empty(),
        }
    }

    /// What is wrong with it, `whose` it is being told.
    pub fn findings(&self, whose: &str, needs: &Needs) -> Vec<Finding> {
        let expected = needs.webhook_url.as_deref().unwrap_or("the address of the bot, ending in /webhooks/github");
        let verifies = match &self.insecure_ssl {
            Some(Insecure::Text(text)) => text == "0",
            Some(Insecure::Number(number)) => *number == 0.0,
            None => true,
        };
        vec![
            Finding::of(
                format!("{whose}: the webhook leads to the bot"),
                self.is_for(needs),
                format!("set the webhook's URL to {expected}"),
            ),
            Finding::of(
                format!("{whose}: the webhook sends JSON"),
                self.content_type == "json",
                "set the webhook's content type to application/json",
            ),
            Finding::of(
                format!("{whose}: the webhook is signed"),
                self.secret.as_deref().is_some_and(|secret| !secret.is_empty()),
                "set the webhook's secret; without one every delivery is refused",
            ),
            Finding::of(
                format!("{whose}: the webhook verifies certificates"),
                verifies,
                "enable SSL verification for the webhook",
            ),
        ]
    }
}

/// One finding for each event. `how` says how one subscribes.
pub(super) fn events(whose: &str, heard: &[String], how: impl Fn(&str, &str) -> String) -> Vec<Finding> {
    let finding = |(event, permission, lost): (&str, &str, &str)| {
        let is_heard = heard.iter().any(|one| one == event || one == "*");
        let mend = format!("{}; until then {lost}", how(event, permission));
        Finding::of(format!("{whose}: the event {event} is sent"), is_heard, mend)
    };
    EVENTS.into_iter().map(finding).collect()
}
