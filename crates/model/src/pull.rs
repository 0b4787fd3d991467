//! A pull request, as the forge has it now.

use std::collections::BTreeSet;

use crate::PrNumber;

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
    /// Who opened it; empty when the account is gone.
    pub author: String,
    /// The names of its labels.
    pub labels: BTreeSet<String>,
}
