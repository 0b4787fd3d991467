//! How a command ends: 0 done, 1 failed, 2 usage or configuration; and what it says then.

use std::error::Error as StdError;
use std::io;
use std::process::ExitCode;

use crate::compose::ComposeError;
use crate::config::{ConfigErrors, SecretError};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A secret is not to be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// It was tried, and did not come to pass.
    #[error("{0}")]
    Failed(String),
    /// A call failed.
    #[error(transparent)]
    Door(#[from] bivouac_ports::Error),
    /// The program cannot be put together as it is configured.
    #[error(transparent)]
    Setup(Box<dyn StdError + Send + Sync>),
    /// What a part of the program ended with.
    #[error(transparent)]
    Part(Box<dyn StdError + Send + Sync>),
    /// The output cannot be written.
    #[error("cannot write the output")]
    Output(#[from] io::Error),
}

impl From<ComposeError> for Failure {
    fn from(error: ComposeError) -> Self {
        match error {
            ComposeError::NoCredentials | ComposeError::Secret(_) | ComposeError::GitHub(_) => {
                Self::Setup(Box::new(error))
            }
            // No region is named, or an endpoint is none: no call was made yet.
            ComposeError::Aws(error) if error.meaning() == bivouac_ports::Meaning::Invalid => {
                Self::Setup(Box::new(error))
            }
            ComposeError::Aws(error) => Self::Door(error),
            other => Self::Part(Box::new(other)),
        }
    }
}

impl Failure {
    /// 1 or 2, as contract 3 has it.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) | Self::Secret(_) | Self::Setup(_) => 2,
            Self::Failed(_) | Self::Door(_) | Self::Part(_) | Self::Output(_) => 1,
        }
    }

    /// Whoever read our output has gone, as `head` does when it has enough: nothing is wrong, and nobody listens.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Says on standard error how a command failed, once and with every cause, and answers its exit code.
pub fn exit(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", chain(&failure));
            ExitCode::from(failure.code())
        }
    }
}

/// An error and its causes in one line; a cause that repeats what was said already is left out.
pub fn chain(error: &dyn StdError) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        cause = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use bivouac_ports::{Error, Meaning};

    use super::*;

    #[test]
    fn every_cause_is_said_once() {
        let socket = io::Error::other("connection refused");
        let door = Error::new(Meaning::Unavailable, "DynamoDB Scan", "no answer").caused_by(socket);
        assert_eq!(chain(&Failure::from(door)), "DynamoDB Scan unavailable: no answer: connection refused");
        let same =
            Error::new(Meaning::Denied, "DynamoDB Scan", "you may not").caused_by(io::Error::other("you may not"));
        assert_eq!(chain(&Failure::from(same)), "DynamoDB Scan denied: you may not");
    }

    #[test]
    fn the_codes_are_those_of_the_contract() {
        assert_eq!(Failure::Usage("x".into()).code(), 2);
        assert_eq!(Failure::Failed("x".into()).code(), 1);
        let aws = |meaning| Failure::from(ComposeError::Aws(Error::new(meaning, "AWS configuration", "no region")));
        assert_eq!((aws(Meaning::Invalid).code(), aws(Meaning::Unavailable).code()), (2, 1));
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(exit(Err(closed)), ExitCode::SUCCESS);
    }
}
