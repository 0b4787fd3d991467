//! Measurements of Bivouac, apart from the product: this package alone may depend on what we only compare with.
//!
//! | bench | says |
//! |---|---|
//! | `queue` | no-op reconciles a second and bytes a key, beside kube-runtime 5, in one run |
//!
//! `cargo bench -p bivouac-bench --bench queue` runs one of them. The loads are modules of this library, so that a
//! bench and a small program of its own process share them; a bench itself is a plain program that prints a table. Benches of the planner,
//! the passes and the latency join here, each as one module and one file in `benches/`.

pub mod queue_load;
