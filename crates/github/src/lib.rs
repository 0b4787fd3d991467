//! The door on the forge: pull requests and the sticky comment, on GitHub's REST interface.
//!
//! What is kept here, whoever calls and however often:
//! - One comment a pull request. It is created only after all comments were read and none was ours, and never again after
//!   an answer that was lost: then it is looked for first. See [`GitHub`]'s `say`.
//! - Nothing is retried blindly. octocrab's own retry, which repeats POSTs, is compiled out (feature `retry`).
//! - Content is written at least a second apart, and not at all while GitHub asks us to wait.
//! - A token never shows: not in `Debug`, not in an error.
//!
//! octocrab signs a request of an app only if its address has no host (0.54, `Octocrab::execute`); so all are relative.

mod answer;
mod author;
mod client;
mod comment;
mod comments;
mod conversation;
mod doubt;
mod forge;
mod installations;
mod labels;
mod login;
mod operation;
mod pace;
mod people;
mod pulls;
mod reactions;
mod refusal;
mod replies;
mod repository;
mod settings;
mod sticky;
mod turnstile;

pub use comment::{MAX_CHARACTERS, Renderer};
pub use forge::GitHub;
pub use settings::{Credentials, Settings, SetupError};
