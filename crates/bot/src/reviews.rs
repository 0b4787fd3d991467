//! Reviews whose delivery never came, as [`Comments`] finds comments.
//!
//! The forge has no list of all reviews of a repository. It has a list of the pull requests that changed, and a review is a
//! change. So one call says where to look, and a bounded number of calls looks there. What is found goes into the inbox under the
//! name that the review's own delivery has there too.
//!
//! A command that is found in this way is not obeyed, and its author gets a reply: others may edit a review, and the REST API does
//! not say whether somebody did. A delivery carries the text as it was submitted, so it is given some time to come first.

use std::collections::HashMap;

use bivouac_model::EnvKey;
use bivouac_ports::{ChangedPull, OpenPullRequests, ReadPosition, Result};
use chrono::{DateTime, TimeDelta, Utc};

use crate::comments::{AGAIN, Comments};
use crate::doors::Doors;
use crate::letter::Source;
use crate::settings::ProjectRules;

/// The most pull requests whose reviews are read in one comparison. Ours: more than change between two comparisons. After an
/// outage, the next comparisons read the others.
const MOST_READ: usize = 20;

/// Reads the reviews of all repositories, again and again.
pub(crate) struct Reviews {
    doors: Doors,
    /// The last change of each pull request whose reviews were read. A process that begins reads them again.
    read: HashMap<EnvKey, DateTime<Utc>>,
}

impl Reviews {
    pub fn new(doors: Doors) -> Self {
        Self { doors, read: HashMap::new() }
    }

    /// Puts what was missed in a repository into the inbox. `wait` is the age of a review whose own delivery is still waited for.
    /// The first time ever nothing was missed: reading begins then.
    /// Dropped half-way, the next call does all of it again, to no other effect.
    ///
    /// # Errors
    /// When the forge or the store does not answer. The next call reads what this one did not.
    pub async fn read(
        &mut self,
        comments: &mut Comments,
        rules: &ProjectRules,
        open: Option<&OpenPullRequests>,
        wait: TimeDelta,
    ) -> Result<()> {
        let (repo, inbox) = (&rules.repo, self.doors.inbox.clone());
        let list = format!("reviews/{repo}");
        let now = self.doors.clock.now();
        let Some(position) = inbox.read_position(&list).await? else {
            return inbox.advance(&list, &ReadPosition { begun_at: now, read_until: now }).await;
        };
        let since = position.begun_at.max(position.read_until - AGAIN);
        let mut changed = self.doors.conversation.changed_pulls(repo, since).await?;
        let key = |pull: &ChangedPull| EnvKey { repo: repo.clone(), pr: pull.pr };
        // Those that were read since their last change come last. They are read again all the same, since the forge's lists lag
        // and its times are whole seconds; where nothing changed that costs nothing of the quota.
        changed.sort_by_key(|pull| (self.read.get(&key(pull)) == Some(&pull.updated_at), pull.updated_at));
        let is_unread = |pull: &&ChangedPull| self.read.get(&key(pull)) != Some(&pull.updated_at);
        let unread = changed.iter().filter(is_unread).count();
        let mut waited_for: Option<DateTime<Utc>> = None;
        for pull in changed.iter().take(MOST_READ) {
            let key = key(pull);
            let (young, due): (Vec<_>, Vec<_>) =
                self.doors.conversation.reviews(&key).await?.into_iter().partition(|one| one.created_at > now - wait);
            comments.offer_all(rules, Source::Review, &due, since, open).await?;
            waited_for = waited_for.into_iter().chain(young.iter().map(|one| one.created_at)).min();
            if young.is_empty() {
                self.read.insert(key, pull.updated_at);
            }
        }
        if unread > MOST_READ {
            tracing::info!(%repo, unread, "reviews of more pull requests are to be read than at once; the next comparison goes on");
            return Ok(());
        }
        let last = changed.iter().map(|pull| pull.updated_at).max();
        let last = last.map(|last| waited_for.map_or(last, |young| young.min(last)));
        if let Some(read_until) = last.filter(|last| *last > position.read_until) {
            inbox.advance(&list, &ReadPosition { read_until, ..position }).await?;
        }
        self.read.retain(|key, updated_at| key.repo != *repo || *updated_at >= since);
        Ok(())
    }
}
