//! Making a thing once, though an answer may be lost.

use std::time::Duration;

use bivouac_ports::Error;
use serde::de::DeserializeOwned;

use crate::answer::Answer;
use crate::client::Failure;
use crate::operation::Operation;

/// When to look whether something was made whose answer was lost: once after each pause.
#[derive(Clone, Debug)]
pub(crate) struct Doubt(Vec<Duration>);

impl Doubt {
    pub fn new(pauses: Vec<Duration>) -> Self {
        Self(pauses)
    }

    /// What was made. After a lost answer it is looked for by `find`, and never made again here: who calls again looks
    /// first as well.
    ///
    /// # Errors
    /// Why it was not made, or, in doubt, why it is not known.
    pub async fn settle<T: DeserializeOwned, F: Future<Output = Result<Option<T>, Error>>>(
        &self,
        operation: &'static Operation,
        outcome: Result<Answer, Failure>,
        find: impl Fn() -> F,
    ) -> Result<T, Error> {
        let made = outcome.and_then(|answer| {
            // It was done, even if what came back cannot be read.
            answer.read(operation).map_err(|error| Failure { error, unsure: true })
        });
        let failure = match made {
            Ok(made) => return Ok(made),
            Err(failure) if !failure.unsure => return Err(failure.error),
            Err(failure) => failure,
        };
        for pause in &self.0 {
            tokio::time::sleep(*pause).await;
            match find().await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                // GitHub is down; the first failure tells more.
                Err(_) => break,
            }
        }
        Err(failure.error)
    }
}
