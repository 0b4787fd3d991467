//! What the collector deleted, as the audit tells it.

use std::sync::Arc;

use bivouac_model::ItemKey;
use bivouac_ports::Journal;
use chrono::{DateTime, Utc};

use super::story::REPOSITORY;

/// Lines of the audit that are looked at: more than a second of the story makes.
const LINES: usize = 5;

/// The audit of images, read along.
pub struct Collected {
    journal: Arc<dyn Journal>,
    key: ItemKey,
    last: Option<DateTime<Utc>>,
}

impl Collected {
    /// What is told from now on.
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        // The images of a whole repository are no pull request's.
        Self { journal, key: ItemKey { repo: REPOSITORY.into(), pr: "images".into() }, last: None }
    }

    /// What was not told before, oldest first. Nothing when the journal does not answer; it is asked again.
    pub async fn news(&mut self) -> Vec<String> {
        let Ok(mut events) = self.journal.newest(&self.key, LINES).await else { return Vec::new() };
        events.retain(|event| self.last.is_none_or(|last| event.at > last));
        events.reverse();
        self.last = events.last().map(|event| event.at).or(self.last);
        events.into_iter().map(|event| event.message).collect()
    }
}
