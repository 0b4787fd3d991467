//! The sticky comment: how it is worded, how strangers' texts stay data in it, and how it is recognised again.

mod commands;
mod escape;
mod marker;
mod phrase;
mod render;
#[cfg(test)]
mod tests;

pub use render::Renderer;

pub(crate) use render::same_but_for_cost;

/// The longest comment that GitHub takes, in characters: "Body is too long (maximum is 65536 characters)".
pub const MAX_CHARACTERS: usize = 65_536;
