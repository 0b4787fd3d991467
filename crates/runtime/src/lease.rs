//! A leader lease: at most one leader, and a fence to ask before each write.
//!
//! The record in the [store](LeaseStore) holds an owner and a version, and no time: nobody compares the clock of one
//! machine with that of another. Every write is conditional on the version and raises it.
//!
//! - A **holder** renews. It believes in its lease for one period, less a margin, counted on its own clock from the
//!   moment *before* it sent the last renewal that was confirmed. After that it gives up by itself, without any call.
//! - A **claimant** reads. It claims once it has seen the same version for a whole period, counted on its own
//!   monotonic clock from the moment *after* the answer arrived in which it saw that version first.
//!
//! The holder's count begins before the write, the claimant's after it. So the holder is through with believing before
//! the claimant is through with waiting, by the margin at least, however long the calls take and whichever answers get
//! lost. The margin pays for clocks that run at different speeds (up to a fifth, see [`LeaseTiming`]) and for the writes
//! that the old leader sent just before it gave up.
//!
//! # Caveats
//!
//! - tokio's clock stands still while a machine is suspended. A holder therefore also looks at the clock that counts
//!   suspension (`CLOCK_BOOTTIME` on Linux) and at its wall clock, and believes the one that went furthest. A hypervisor that
//!   stops a virtual machine and hides the pause from both clocks is beyond this: the first renewal tells its holder.
//! - Whoever deletes the record by hand takes the lease from its holder without telling it.

mod claimant;
mod clock;
mod driver;
mod fence;
mod store;
mod tenure;
mod timing;

pub use clock::{Clock, MachineClock, Reading};
pub use driver::{Held, Lease};
pub use fence::{Fence, LeaseLost};
pub use store::{LeaseRecord, LeaseStore, Written};
pub use timing::LeaseTiming;

#[cfg(test)]
mod tests;
