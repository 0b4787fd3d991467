//! There may be a new image: who waits for one is told to look now.

use std::collections::BTreeSet;

use bivouac_model::{Desired, Phase, RepoName};

use super::Handler;

impl Handler {
    /// Nudges every environment of these repositories that waits for an image. Which image it is says the registry, not the
    /// event: a workflow's name for a branch is no tag. A failure is left to the resync.
    ///
    /// Only the records that wait are read, by the index of phases, so a hint costs what waits and not what there is. One that
    /// began to wait within the last second may be missing there, and looks for the image itself.
    pub async fn nudge(&self, repos: &BTreeSet<RepoName>) {
        let records = match self.doors.records.in_phase(Phase::WaitingForImage).await {
            Ok(records) => records,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "a hint came to nothing: the records could not be read");
                return;
            }
        };
        for record in &records {
            let waits = record.desired.as_ref().is_ok_and(|wish| wish.desired != Desired::Down);
            if waits && repos.iter().any(|repo| *repo.as_str() == *record.key.repo) {
                (self.doors.nudge)(&record.key);
            }
        }
    }
}
