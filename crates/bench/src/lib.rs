//! Measurements of Bivouac, apart from the product: this package alone may depend on what we only compare with.
//!
//! | bench | says |
//! |---|---|
//! | `queue` | no-op reconciles a second and bytes a key, beside kube-runtime 5, in one run |
//! | `steady` | the calls of a pass over settled environments, by operation, and of one that finds suspects |
//! | `reap` | the calls of reaping a thousand services without a record, and the time it takes under AWS's request rates |
//! | `latency` | how long from the record to CreateService, for one wish and for twenty at once |
//! | `memory` | what the daemon's process holds at 5,000 settled environments, and the processor time of a pass |
//!
//! `cargo bench -p bivouac-bench --bench queue` runs one of them. A load is a module of this library; a bench is a plain
//! program in `benches/` that runs loads, prints a table, and ends with 1 when a figure is not met. The planner's is in
//! its own package, so that it builds without what these need.

pub mod duty;
pub mod field;
pub mod figure;
pub mod process;
pub mod queue_load;
pub mod table;
pub mod watch;
pub mod wish;
