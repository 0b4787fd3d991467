//! The last push to each pull request, as far as this process heard of it.
//!
//! A command is meant for the commit that its author saw. The forge does not tell when a head was pushed, so the deliveries
//! do. It is a second lock and no more: after a restart nothing is remembered, and a command counts for the head as it is
//! when the command is handled.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bivouac_model::EnvKey;
use chrono::{DateTime, Utc};

/// The most pull requests that are remembered. A command is handled within minutes of being given.
const MOST: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Pushes(Mutex<HashMap<EnvKey, Push>>);

#[derive(Clone, Debug)]
pub(super) struct Push {
    /// The commit it made the head.
    pub head: String,
    /// Who pushed, if it was a person.
    pub by: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Pushes {
    pub fn remember(&self, key: &EnvKey, push: Push) {
        let mut pushes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pushes.len() >= MOST && !pushes.contains_key(key) {
            pushes.clear();
        }
        let newest = pushes.entry(key.clone()).or_insert_with(|| push.clone());
        if push.at >= newest.at {
            *newest = push;
        }
    }

    /// The push that made `head` the head of a pull request after `since`.
    pub fn since(&self, key: &EnvKey, head: &str, since: DateTime<Utc>) -> Option<Push> {
        let pushes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pushes.get(key).filter(|push| push.at > since && push.head == head).cloned()
    }
}
