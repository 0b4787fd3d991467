//! The slash-command bot: a pull request is the user interface.
//!
//! Webhook → command → authorise → desired state. The bot is one more client of the table of environments: it has no private
//! way in, knows no cloud, and does nothing but write wishes that people may have, and answer them.
//!
//! - [`Bot::router`] takes deliveries: signed, small enough, kept in the inbox, answered within a second.
//! - [`Bot::run`] handles them. A delivery says only *where to look*: the pull request is read as it is now, and so doubled,
//!   lost and late deliveries come to the same. Only the commands of a comment are themselves the news, and a closing, which
//!   ends what was asked for before it; which of two is newer, the record knows, or, where there is none, the journal.
//! - What was decided, who asked, and why, goes to the journal.

mod answer;
mod authorise;
mod binding;
mod bot;
mod comments;
mod compare;
mod doors;
mod endpoint;
mod handle;
mod letter;
mod letters;
mod limits;
mod pace;
mod payload;
mod position;
mod reviews;
mod settings;
mod signature;

pub use bot::Bot;
pub use doors::{Doors, Nudge};
pub use settings::{Policy, ProjectLogs, ProjectRules, Required, RollForward, Settings};
pub use signature::Secrets;
