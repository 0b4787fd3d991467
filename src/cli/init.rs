//! `init`: the tables.

use serde::Serialize;

use super::session::Session;
use crate::exit::Failure;

/// What `init -o json` prints.
#[derive(Debug, Serialize)]
struct Initialised {
    /// What was done, a sentence each; empty when all was there.
    done: Vec<String>,
}

/// Creates what is missing of the tables and waits until it is there. Safe to repeat, and to run twice at once.
///
/// # Errors
/// When a table exists with another key schema, or may not be made.
pub async fn init(session: &mut Session) -> Result<(), Failure> {
    let done = session.store.init().await?;
    if session.terminal.structured(session.format, &Initialised { done: done.clone() })? {
        return Ok(());
    }
    for sentence in &done {
        session.terminal.say(sentence)?;
    }
    if done.is_empty() {
        session.terminal.say("the tables are there; nothing to do")?;
    }
    Ok(())
}
