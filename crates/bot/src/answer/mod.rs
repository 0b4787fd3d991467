//! What people are answered, in Markdown.

mod logs;
mod offer;
mod quote;
mod reply;
mod status;
mod who;

pub(crate) use logs::{Lines, logs, shows_lines};
pub(crate) use offer::offer;
pub(crate) use quote::{prose, quoted};
pub(crate) use reply::Reply;
pub(crate) use status::status;
pub(crate) use who::who;
