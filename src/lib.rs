//! Bivouac, put together: the configuration, the command line, and the wiring of adapters to ports.

pub mod bot;
pub mod cli;
pub mod compose;
pub mod config;
pub mod daemon;
pub mod dev;
pub mod doctor;
pub mod exit;
pub mod open_files;
pub mod probe;
pub mod process;
pub mod telemetry;
