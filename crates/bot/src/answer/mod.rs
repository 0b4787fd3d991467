//! What people are answered, in Markdown.

mod logs;
mod quote;
mod reply;
mod status;
mod who;

pub(crate) use logs::logs;
pub(crate) use quote::{prose, quoted};
pub(crate) use reply::Reply;
pub(crate) use status::status;
pub(crate) use who::who;
