//! Comments whose delivery never came: said while the bot or the table was down, or refused.
//!
//! One list a repository, from where it was read before. What is in it goes the way of a delivery, into the inbox, under the
//! name that the comment's own delivery has there too; so it is handled once, whichever comes first. How far the list was
//! read is remembered in the store, and moves only when the inbox has all of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bivouac_model::{EnvKey, PrNumber, RepoName};
use bivouac_ports::{Letter, OpenPullRequests, PostedComment, ReadPosition, Result};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::doors::Doors;
use crate::endpoint::MAX_CONTENT;
use crate::handle::Handler;
use crate::letter::{Asked, Fact, News, Source};
use crate::payload::{Said, is_person};
use crate::settings::{ProjectRules, Settings};

/// How far the list is read back behind what was read before. The forge's lists lag behind its comments, by seconds as a rule.
/// Ours: so much that nothing slips through, and so little that the list stays short.
pub(crate) const AGAIN: TimeDelta = TimeDelta::minutes(5);
/// Commands of one person in one reading that are taken without asking who it is. Ours: more than a person says in the
/// minutes between two readings.
const FEW: usize = 20;
/// How often a list that goes on is read further at once. Ours: nearly ten thousand comments and a hundred calls, which is more
/// than twenty accounts can write between two readings.
const MOST_READINGS: usize = 10;
/// The most comments that are remembered as taken. More than are read at once.
const REMEMBERED: usize = 4096;

/// How many commands each person has in one reading.
struct Counts {
    /// When the list was read. What a person may do is asked once since then.
    since: Instant,
    by_author: HashMap<String, usize>,
}

/// Reads the comments of all repositories, again and again.
pub(crate) struct Comments {
    doors: Doors,
    handler: Arc<Handler>,
    settings: Arc<Settings>,
    /// Where deliveries are handled at once; when it is full they are found in the inbox.
    letters: mpsc::Sender<Letter>,
    /// Comments that need not be offered to the inbox again.
    taken: BTreeSet<This>,
    /// Where the lists go on that were longer than what is read at once. Kept in memory: the next process begins a few minutes
    /// before the position in the store, and reads on from there.
    unfinished: HashMap<RepoName, Reading>,
}

/// A text of a person: its repository, where it stands, its number.
type This = (RepoName, &'static str, u64);

/// A list that is being read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// What was created before this was read earlier.
    since: DateTime<Utc>,
    /// What was changed before this is read.
    from: DateTime<Utc>,
}

impl Comments {
    pub fn new(doors: Doors, handler: Arc<Handler>, settings: Arc<Settings>, letters: mpsc::Sender<Letter>) -> Self {
        Self { doors, handler, settings, letters, taken: BTreeSet::new(), unfinished: HashMap::new() }
    }

    /// Puts what was missed in a repository into the inbox. The first time ever nothing was missed: reading begins then.
    /// Called twice, the second finds nothing. Dropped half-way, the next call does all of it again, to no other effect.
    ///
    /// # Errors
    /// When the forge or the store does not answer. The next call begins where this one did.
    pub async fn read(&mut self, rules: &ProjectRules, open: Option<&OpenPullRequests>) -> Result<()> {
        let (repo, inbox) = (&rules.repo, Arc::clone(&self.doors.inbox));
        let list = format!("comments/{repo}");
        let Some(position) = inbox.read_position(&list).await? else {
            let now = self.doors.clock.now();
            return inbox.advance(&list, &ReadPosition { begun_at: now, read_until: now }).await;
        };
        let again = position.begun_at.max(position.read_until - AGAIN);
        // The minutes before are read again only where the list was read to its end: there may be more in them than is read at once.
        let mut reading = self.unfinished.remove(repo).unwrap_or(Reading { since: again, from: again });
        for _ in 0..MOST_READINGS {
            let (last, is_complete) = match self.read_some(rules, open, reading).await {
                Ok(read) => read,
                Err(error) => {
                    self.unfinished.insert(repo.clone(), reading);
                    return Err(error);
                }
            };
            // Whatever was created before the last change that was seen was seen too. What was created then and is changed
            // later is not obeyed anyway.
            if let Some(read_until) = last.filter(|last| *last > position.read_until) {
                inbox.advance(&list, &ReadPosition { read_until, ..position }).await?;
            }
            let Some(last) = last.filter(|_| !is_complete) else { return Ok(()) };
            // It always moves: no second has more changes than are read at once.
            reading.from = last.max(reading.from + TimeDelta::seconds(1));
        }
        tracing::info!(%repo, "there are more comments than are read at once; the next comparison goes on");
        self.unfinished.insert(repo.clone(), reading);
        Ok(())
    }
    /// Reads a part of the list. Returns the time of its last change, and whether the list ends there.
    async fn read_some(
        &mut self,
        rules: &ProjectRules,
        open: Option<&OpenPullRequests>,
        reading: Reading,
    ) -> Result<(Option<DateTime<Utc>>, bool)> {
        let posted = self.doors.conversation.comments_since(&rules.repo, reading.from).await?;
        self.offer_all(rules, Source::Comment, &posted.comments, reading.since, open).await?;
        let last = posted.comments.last().map(|comment| comment.updated_at);
        Ok((last, posted.is_complete))
    }

    /// Puts all commands and hints that people wrote since then into the inbox.
    ///
    /// # Errors
    /// The first error. One text that cannot be taken holds up no other, and the next reading has to begin before it.
    pub async fn offer_all(
        &mut self,
        rules: &ProjectRules,
        source: Source,
        posted: &[PostedComment],
        since: DateTime<Utc>,
        open: Option<&OpenPullRequests>,
    ) -> Result<()> {
        let mut counts = Counts { since: Instant::now(), by_author: HashMap::new() };
        let mut failed = None;
        for comment in posted {
            if let Some(news) = self.command(rules, source, comment, since)
                && let Err(error) = self.offer(news, source, comment, open, &mut counts).await
            {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Puts a command into the inbox, unless it was edited after it was handled.
    async fn offer(
        &mut self,
        news: News,
        source: Source,
        comment: &PostedComment,
        open: Option<&OpenPullRequests>,
        counts: &mut Counts,
    ) -> Result<()> {
        let key = news.key();
        // The forge does not say whether a review was edited.
        let may_be_edited = source == Source::Review || comment.updated_at != comment.created_at;
        if may_be_edited && self.handler.was_handled(&key, source, comment.id).await? {
            self.remember((key.repo, source.as_str(), comment.id));
            return Ok(());
        }
        self.take(news, open, counts).await
    }

    /// The command in a text that a person wrote since then, or what was meant as one.
    fn command(
        &self,
        rules: &ProjectRules,
        source: Source,
        comment: &PostedComment,
        since: DateTime<Utc>,
    ) -> Option<News> {
        let author = comment.author.clone().filter(|author| comment.is_by_person && is_person(author))?;
        // An old comment that was edited is in the list too, and is no command.
        if comment.created_at < since || self.taken.contains(&(rules.repo.clone(), source.as_str(), comment.id)) {
            return None;
        }
        let (id, at, url) = (comment.id, comment.created_at, comment.url.clone());
        let said = Said { source, id, author, at, url, body: &comment.body };
        // A number that no pull request has is no reason to read nothing.
        let mut news = said.read(rules, comment.issue, &self.settings).ok().flatten()?;
        if let (Some(why), Fact::Comment(comment)) = (not_obeyed(source, comment), &mut news.fact) {
            if source == Source::Comment {
                comment.asked.truncate(1);
            }
            // A review keeps each line, so that its own delivery, should it still come, finds them all answered.
            comment.asked.iter_mut().for_each(|asked: &mut Asked| asked.command = Err(why.to_owned()));
        }
        Some(news)
    }

    async fn take(&mut self, news: News, open: Option<&OpenPullRequests>, counts: &mut Counts) -> Result<()> {
        let (key, name) = (news.key(), news.name_of_comment());
        let (source, number, author) = match &news.fact {
            Fact::Comment(comment) => (comment.source, comment.id, &comment.author),
            Fact::Hint(hint) => (hint.source, hint.id, &hint.author),
            Fact::Changed(_) => return Ok(()),
        };
        let Some(id) = name else { return Ok(()) };
        let this = (key.repo.clone(), source.as_str(), number);
        let count = counts.by_author.entry(author.to_ascii_lowercase()).or_default();
        *count += 1;
        if *count > FEW && !self.handler.is_member(&key, author, counts.since).await? {
            self.handler.note_stranger(author);
            self.remember(this);
            return Ok(());
        }
        if source == Source::Comment && !self.is_pull_request(&key, open).await? {
            self.remember(this);
            return Ok(());
        }
        let content = news.seal();
        if content.len() > MAX_CONTENT {
            tracing::warn!(environment = %key, bytes = content.len(), "a comment does not fit into a letter, and is not read");
            self.remember(this);
            return Ok(());
        }
        let letter = Letter { id, received_at: self.doors.clock.now(), content };
        let received = self.doors.inbox.take(&letter).await?;
        self.remember(this);
        if received == bivouac_ports::Received::New {
            tracing::info!(environment = %key, "a comment was found whose delivery did not come");
            // A full queue loses nothing: the inbox is read every half minute.
            let _ = self.letters.try_send(letter);
        }
        Ok(())
    }

    /// Comments of issues are in the same list.
    async fn is_pull_request(&self, key: &EnvKey, open: Option<&OpenPullRequests>) -> Result<bool> {
        let pr: &PrNumber = &key.pr;
        if open.is_some_and(|open| open.contains_key(pr)) {
            return Ok(true);
        }
        Ok(self.doors.forge.pull_request(key).await?.is_some())
    }

    fn remember(&mut self, this: This) {
        if self.taken.len() >= REMEMBERED {
            self.taken.clear();
        }
        self.taken.insert(this);
    }
}

/// Why what a text asks for is not obeyed. Others may edit a text, and it stays its author's.
fn not_obeyed(source: Source, comment: &PostedComment) -> Option<&'static str> {
    match source {
        // REST has no time of an edit in a review (docs.github.com/rest/pulls/reviews).
        Source::Review => Some(
            "the message about this review was lost, and GitHub does not say whether a review was edited; write the command \
             in a comment",
        ),
        _ if comment.updated_at != comment.created_at => {
            Some("the comment was edited before it was read; write the command in a new comment")
        }
        _ => None,
    }
}
