//! Measurements of Bivouac, apart from the product: this package alone may depend on what we only compare with.
//!
//! | bench | says |
//! |---|---|
//! | `queue` | no-op reconciles a second and bytes a key, beside kube-runtime 5, in one run |
//!
//! `cargo bench -p bivouac-bench --bench queue` runs one of them. A load is a module of this library; a bench is a plain
//! program in `benches/` that runs loads and prints a table. Benches of the planner, the passes and the latency join
//! here, each as one module and one file.

pub mod queue_load;
