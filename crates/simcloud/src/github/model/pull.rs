//! A pull request and what stands on it: labels, comments, reactions, and the list of what happened to it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{LineComment, Review};

#[derive(Debug, Clone)]
pub(in crate::github) struct Pull {
    pub id: u64,
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub author: String,
    /// `owner/name` of the repository the head branch lives in.
    pub head_repository: String,
    pub head_ref: String,
    pub head_sha: String,
    /// Its commits, oldest first; the last is the head.
    pub commits: Vec<String>,
    pub draft: bool,
    pub locked: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    pub closed_by: Option<String>,
    pub merged_at: Option<DateTime<Utc>>,
    pub merged_by: Option<String>,
    /// Names of its labels as they were first written, in the order they came.
    pub labels: Vec<String>,
    /// Ids of its comments, oldest first.
    pub comments: Vec<u64>,
    /// What happened to it, oldest first.
    pub events: Vec<IssueEvent>,
    /// Its reviews by their ids.
    pub reviews: BTreeMap<u64, Review>,
    /// The comments on lines of its code by their ids.
    pub line_comments: BTreeMap<u64, LineComment>,
}

impl Pull {
    pub fn has_label(&self, name: &str) -> bool {
        self.labels.iter().any(|label| label.eq_ignore_ascii_case(name))
    }
}

/// A label of a repository.
#[derive(Debug, Clone)]
pub(in crate::github) struct Label {
    pub id: u64,
    pub name: String,
}

/// One entry of a pull request's history, as `issues/{issue_number}/events` lists it.
#[derive(Debug, Clone)]
pub(in crate::github) struct IssueEvent {
    pub id: u64,
    pub actor: String,
    /// `labeled`, `unlabeled`, `closed`, `reopened`, `merged`, …
    pub kind: &'static str,
    /// The label that came or went.
    pub label: Option<String>,
    /// The commit that merging made.
    pub commit: Option<String>,
    /// The app that did it for the actor.
    pub app: Option<u64>,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(in crate::github) struct Comment {
    pub id: u64,
    pub number: u64,
    pub author: String,
    pub body: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The app whose installation token wrote it.
    pub app: Option<u64>,
    pub reactions: Vec<Reaction>,
    /// Why it was minimized, in the words of GraphQL's `ReportedContentClassifiers`.
    pub hidden: Option<&'static str>,
}

impl Comment {
    /// Adds a reaction. Answers the one there is already when the user has reacted so before.
    pub fn add_reaction(&mut self, new: Reaction) -> Option<&Reaction> {
        let same = |one: &Reaction| one.login.eq_ignore_ascii_case(&new.login) && one.content == new.content;
        match self.reactions.iter().position(same) {
            Some(index) => self.reactions.get(index),
            None => {
                self.reactions.push(new);
                None
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(in crate::github) struct Reaction {
    pub id: u64,
    pub login: String,
    pub content: &'static str,
    pub created_at: DateTime<Utc>,
}
