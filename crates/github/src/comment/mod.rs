//! The comments: how they are worded, how strangers' texts stay data in them, and how they are recognised again.

mod commands;
mod escape;
mod marker;
mod phrase;
mod render;
pub(crate) mod reply;
#[cfg(test)]
mod tests;

pub use render::Renderer;

pub(crate) use escape::prose;
pub(crate) use marker::{is_marked, percent};
pub(crate) use phrase::{answers, headline};
pub(crate) use render::same_but_for_cost;

/// The longest comment that GitHub takes, in characters: "Body is too long (maximum is 65536 characters)".
pub const MAX_CHARACTERS: usize = 65_536;
