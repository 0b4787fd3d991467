//! The engine room of a reconciling controller, generic over the key.
//!
//! Nothing here knows what is being reconciled. A caller brings a key type, an async function of that key, and a place
//! to keep a lease; this crate brings the parts that every controller needs and that are easy to get wrong:
//!
//! | module | its one job |
//! |---|---|
//! | [`queue`] | which key is handed out next, and never twice at once |
//! | [`workers`] | runs a reconciler for each key handed out, survives its panics, drains on stop |
//! | [`backoff`] | how long a failing key waits |
//! | [`lease`] | at most one leader, and a fence to ask before each write |
//! | [`resync`] | the steady tick that finds what every event missed |
//! | [`turns`] | how many keys are worked on at once, those that wait for something slow left out |
//! | [`batch`] | many single questions become one call |
//!
//! Data goes one way: something calls [`WorkQueue::add`], a worker of [`Workers`] takes the key, the reconciler answers
//! with an [`Outcome`], and the outcome decides when the key is looked at again.
//!
//! All times are tokio's, so a test that pauses tokio's clock drives this crate with it.

pub mod backoff;
pub mod batch;
pub mod lease;
pub mod queue;
pub mod resync;
pub mod turns;
pub mod workers;

pub use backoff::Backoff;
pub use batch::{BatchError, BatchLimits, Batcher};
pub use lease::{Fence, Held, Lease, LeaseLost, LeaseStore, LeaseTiming};
pub use queue::{QueueSnapshot, Work, WorkQueue};
pub use resync::Resync;
pub use turns::{Turn, Turns};
pub use workers::{Drained, Outcome, Reconciled, WorkerObserver, Workers};
