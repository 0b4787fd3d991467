//! The one contract suite: what the controller relies on in the cluster, in the registry and of the quotas, and the doctor at
//! the site, asked of the real adapters.
//!
//! Each function of [`cluster`], [`registry`], [`quotas`], [`logs`] and [`site`] is one promise of a door of `bivouac-ports`. It takes a
//! [`place::Place`], the embedded cloud or somebody else's emulator, makes names of its own there, and looks at
//! nothing else, so all can run at once and again. What a place is known to do differently stands in [`differences`],
//! with the evidence, and nowhere else.
//!
//! `cluster_promises!`, `registry_promises!`, `quotas_promises!` and `site_promises!` hand the names of all promises to a macro of the test that includes this
//! folder, which makes a test of each.

// The tests that include this use a part of it each.
#![allow(dead_code)]

pub mod cluster;
pub mod differences;
pub mod logs;
pub mod place;
pub mod quotas;
pub mod registry;
pub mod site;
