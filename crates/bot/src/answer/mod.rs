//! What people are answered, in Markdown.

mod quote;
mod reply;
mod status;

pub(crate) use quote::{prose, quoted};
pub(crate) use reply::Reply;
pub(crate) use status::{logs, status};
