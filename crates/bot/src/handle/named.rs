//! `up sha=…`: the commit that a command names.

use bivouac_model::command::{Command, Up};
use bivouac_model::{EnvKey, PullRequest};
use bivouac_ports::{Meaning, NamedCommit};

use super::fate::Fate;
use super::{Handler, Later};
use crate::binding::whole;
use crate::letter::Comment;

/// How many digits a whole commit has.
const WHOLE: usize = 40;

/// What a name of a commit comes to.
enum Found {
    /// The one commit of the pull request that it means.
    One(String),
    /// Why it means none, in a sentence of Markdown.
    Not(String),
}

impl Handler {
    /// Puts the whole commit in the place of what an `up` names, and remembers that this command named it, before anything is
    /// written into the record. Returns what becomes of the command if there is no such commit, or it may be another one. Called
    /// twice, the second changes nothing.
    ///
    /// # Errors
    /// [`Later`] when the forge or the store does not answer.
    pub(super) async fn resolve(
        &self,
        key: &EnvKey,
        comment: &Comment,
        pull: &PullRequest,
        command: &mut Command,
    ) -> Result<Option<Fate>, Later> {
        let Command::Up(Up { sha: Some(named), .. }) = command else { return Ok(None) };
        let commit = match self.find(key, pull, named).await? {
            Found::One(commit) => commit,
            Found::Not(why) => return Ok(Some(Fate::Refused(why))),
        };
        // Who can choose what is pushed can make a commit whose name begins with given digits.
        if named.len() < WHOLE && !self.is_trusted_branch(pull) {
            let seen = self.doors.heads.was_seen(key, &commit, whole(comment.at)).await.map_err(Later::Store)?;
            if !seen {
                let (name, given) = (&self.settings.command, crate::answer::quoted(named));
                let why = format!(
                    "{given} is too short for a commit that was pushed after this or at the same time. Look at commit \
                     `{commit}`. To start it, comment `{name} up sha={commit}`"
                );
                return Ok(Some(Fate::HeadNotSeen(why)));
            }
        }
        named.clone_from(&commit);
        let named =
            NamedCommit { sha: commit, command: comment.name(), at: whole(comment.at), head: pull.head_sha.clone() };
        self.doors.heads.record_named(key, &named).await.map_err(Later::Store)?;
        Ok(None)
    }

    async fn find(&self, key: &EnvKey, pull: &PullRequest, named: &str) -> Result<Found, Later> {
        if pull.head_sha.eq_ignore_ascii_case(named) {
            return Ok(Found::One(pull.head_sha.clone()));
        }
        let listed = match self.doors.forge.commits(key).await {
            Ok(listed) => listed,
            Err(error) if error.meaning() == Meaning::NotFound => Vec::new(),
            Err(error) => return Err(Later::Forge(error)),
        };
        let mut found: Vec<String> = listed.into_iter().chain([pull.head_sha.clone()]).collect();
        found.retain(|commit| commit.starts_with(named));
        found.sort_unstable();
        found.dedup();
        let given = crate::answer::quoted(named);
        Ok(match found.len() {
            0 => Found::Not(format!("{given} is no commit of this pull request, or not among its first 250")),
            1 => Found::One(found.swap_remove(0)),
            _ => Found::Not(format!(
                "{given} is the beginning of several commits of this pull request. Write more digits"
            )),
        })
    }
}
