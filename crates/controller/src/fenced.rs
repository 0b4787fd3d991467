//! Every write passes here: none is sent without the lease, and none can arrive after another process leads.

use std::time::Duration;

use bivouac_ports::{Error, Meaning, Result};
use bivouac_runtime::Fence;

/// The fence, and how long a write may take.
pub(crate) struct Fenced {
    fence: Fence,
    longest: Duration,
}

impl Fenced {
    /// `longest` has to be below the lease's margin ([`bivouac_runtime::LeaseTiming::margin`]): a write that is sent just
    /// before the lease is given up is then over before anybody else can have it.
    pub fn new(fence: Fence, longest: Duration) -> Self {
        Self { fence, longest }
    }

    /// The fence itself.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Sends a write if the lease is held, and gives it up in time.
    ///
    /// # Errors
    /// `Conflict` when the lease is lost, `Unavailable` when the time was up: then it may have been done. Otherwise the
    /// write's own.
    pub async fn write<T>(&self, write: impl Future<Output = Result<T>>) -> Result<T> {
        if let Err(lost) = self.fence.check() {
            return Err(Error::new(Meaning::Conflict, "lease", lost.to_string()));
        }
        match tokio::time::timeout(self.longest, write).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::new(Meaning::Unavailable, "write", "no answer within the lease's margin")),
        }
    }
}
