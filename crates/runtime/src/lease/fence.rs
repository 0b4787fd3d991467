//! The fence: what a writer asks before each write.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{Reading, tenure::Tenure};

/// The lease is not held any more. Stop; write nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the leader lease was lost")]
pub struct LeaseLost;

/// Says whether the lease is still held. A clone is another handle on the same fence.
///
/// # Guarantees
///
/// - [`check`](Self::check) reads the clock itself, so it is right also when no task of the lease got to run.
/// - Once lost, a fence stays lost. The next time of leading has a new one.
///
/// # Caveats
///
/// - A write that is sent just after a check may arrive up to its own timeout later. Keep that timeout below
///   [`LeaseTiming::margin`](super::LeaseTiming::margin).
/// - A process may be paused at any instruction, also between the last check and the system call that sends. So check at
///   each poll of a write, and once more where its bytes are handed to the socket. Then only two things are left. Bytes
///   that the kernel had taken when the pause began go on their way without the process: the margin is for those. A pause
///   that begins in the few instructions between the last check and the system call is not noticed.
#[derive(Clone)]
pub struct Fence {
    kind: Kind,
    lost: CancellationToken,
}

#[derive(Clone)]
enum Kind {
    Leased { tenure: Arc<Mutex<Tenure>>, now: Arc<dyn Fn() -> Reading + Send + Sync> },
    Unfenced,
}

impl Fence {
    pub(super) fn new(tenure: Arc<Mutex<Tenure>>, now: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        Self { kind: Kind::Leased { tenure, now: Arc::new(now) }, lost: CancellationToken::new() }
    }

    /// A fence that always holds: for what runs alone by its nature, such as a test or a dry run.
    #[must_use]
    pub fn unfenced() -> Self {
        Self { kind: Kind::Unfenced, lost: CancellationToken::new() }
    }

    /// To be called before each write.
    ///
    /// # Errors
    ///
    /// [`LeaseLost`] once the lease is lost, released or run out by this machine's clocks; from then on always.
    pub fn check(&self) -> Result<(), LeaseLost> {
        match self.time_left() {
            None => Ok(()),
            Some(left) if !left.is_zero() => Ok(()),
            Some(_) => {
                self.end();
                Err(LeaseLost)
            }
        }
    }

    /// For how long the fence surely holds if no renewal succeeds any more; zero if it is lost, `None` if it never ends.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        match &self.kind {
            Kind::Unfenced => None,
            Kind::Leased { tenure, now } => {
                let tenure = locked(tenure);
                Some(tenure.left(now()))
            }
        }
    }

    /// Is cancelled when the lease is lost or released. For stopping work early; a write still has to
    /// [check](Self::check).
    #[must_use]
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Ends it for good.
    pub(super) fn end(&self) {
        if let Kind::Leased { tenure, .. } = &self.kind {
            locked(tenure).end();
        }
        self.lost.cancel();
    }
}

pub(super) fn locked(tenure: &Mutex<Tenure>) -> MutexGuard<'_, Tenure> {
    // Nothing that is done under this lock can panic.
    tenure.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fence").field("time_left", &self.time_left()).finish_non_exhaustive()
    }
}
