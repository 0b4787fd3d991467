//! Bivouac, put together: the configuration, the command line, and the wiring of adapters to ports.

pub mod config;
