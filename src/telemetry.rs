//! Logs: for people on a terminal, JSON otherwise, always on standard error, so that output can be piped.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;

use crate::cli::output::colours_wanted;

/// The variable that says what is logged, as `RUST_LOG` does, which counts without it:
/// `BIVOUAC_LOG=debug`, `BIVOUAC_LOG=bivouac_controller=trace,info`.
pub const LEVEL_VARIABLE: &str = "BIVOUAC_LOG";

/// Starts logging. `default` counts when no variable says otherwise. A second call changes nothing.
pub fn start(default: &str) {
    let asked = [LEVEL_VARIABLE, "RUST_LOG"].into_iter().find_map(|name| std::env::var(name).ok());
    // A directive that cannot be read is left out, with a word on standard error; the others count.
    let filter = EnvFilter::builder().parse_lossy(asked.filter(|text| !text.is_empty()).as_deref().unwrap_or(default));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let started = if stderr().is_terminal() {
        logs.with_ansi(colours_wanted()).with_target(false).try_init()
    } else {
        logs.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
    drop(started);
}
