//! Being asked to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::error::{Error, Result};

/// Remembers the last signal that asked this process to stop.
///
/// The signals no longer end the process by themselves: whoever waits looks here, ends what it started, and returns
/// [`Error::Interrupted`]. That way every value that owns a process is dropped, also on ctrl-c.
#[derive(Debug, Clone)]
pub struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// Takes over SIGINT, SIGTERM and SIGHUP for the rest of the process's life.
    pub fn listen() -> Result<Self> {
        let last = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let number = usize::try_from(signal).expect("signal numbers are positive");
            signal_hook::flag::register_usize(signal, Arc::clone(&last), number)
                .map_err(Error::system("listen for signals"))?;
        }
        Ok(Self(last))
    }

    /// An error as soon as a signal has come, and ever after.
    pub fn check(&self) -> Result<()> {
        match self.0.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => Err(Error::Interrupted(i32::try_from(signal).unwrap_or(SIGTERM))),
        }
    }
}

#[cfg(test)]
impl Signals {
    /// One that hears nothing, for tests of what waits.
    pub fn deaf() -> Self {
        Self(Arc::new(AtomicUsize::new(0)))
    }

    /// As if `signal` had come.
    pub fn raise(&self, signal: i32) {
        self.0.store(usize::try_from(signal).expect("positive"), Ordering::Relaxed);
    }
}
