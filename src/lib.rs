//! Bivouac, put together: the configuration, the command line, and the wiring of adapters to ports.

pub mod cli;
pub mod config;
pub mod exit;
pub mod telemetry;
