//! The door on the forge: pull requests, the sticky comment and the people, on GitHub's REST interface.
//!
//! What is kept here, whoever calls and however often:
//! - One comment a pull request. It is created only after all comments were read and none was ours, and never again after
//!   an answer that was lost: then it is looked for first. See [`GitHub`]'s `say`.
//! - One reply a person and pull request, by the same means.
//! - Nobody has a permission because GitHub did not answer, or answered something else.
//! - Deployments and check runs, where they are switched on, neither hold up a comment nor fail it.
//! - Nothing is retried blindly. octocrab's own retry, which repeats POSTs, is compiled out (feature `retry`).
//! - Content is written at least a second apart, and not at all while GitHub asks us to wait. Each audience has a share of what
//!   GitHub allows in an hour and in a minute, so that answers never use what the comment of an environment needs.
//! - A token never shows: not in `Debug`, not in an error.
//!
//! octocrab signs a request of an app only if its address has no host (0.54, `Octocrab::execute`); so all are relative.

mod activities;
mod answer;
mod author;
mod beside;
mod budget;
mod client;
mod comment;
mod comments;
mod conversation;
mod doctor;
mod doubt;
mod forge;
mod identity;
mod installations;
mod labels;
mod login;
mod operation;
mod pace;
mod people;
mod posted;
mod pulls;
mod reactions;
mod redirect;
mod refusal;
mod replies;
mod repository;
mod reviews;
mod settings;
mod sticky;
mod texts;
mod turnstile;

pub use budget::ContentLimits;
pub use comment::{MAX_CHARACTERS, Renderer};
pub use doctor::{Finding, Needs, Standing};
pub use forge::GitHub;
pub use settings::{Credentials, Settings, SetupError};
