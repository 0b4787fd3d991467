//! A pull request, as the forge has it now.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{PrNumber, RepoName};

/// A pull request. Who may do what to it is another question: nothing here is authorisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: PrNumber,
    /// Neither closed nor merged.
    pub is_open: bool,
    /// The commit at its head, in full.
    pub head_sha: String,
    /// Its branch lives in another repository (or in one that is deleted), so that people without any right to the
    /// repository itself can push to it.
    pub is_from_fork: bool,
    /// The branch that its commits are pushed to; `None` when that repository is deleted.
    pub branch: Option<Branch>,
    /// Who opened it; empty when the account is gone.
    pub author: String,
    /// The names of its labels.
    pub labels: BTreeSet<String>,
    /// The time of the answer that this was read from, by the forge's clock, in whole seconds. `None`: the forge sent no time.
    /// The pull request was so at this time or a moment before it.
    pub seen_at: Option<DateTime<Utc>>,
}

/// A branch of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Branch {
    /// The repository, which may be a fork.
    pub repo: RepoName,
    /// The name, without `refs/heads/`.
    pub name: String,
}
