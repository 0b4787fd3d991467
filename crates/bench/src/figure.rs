//! How a bench begins, and how it says whether a figure is kept.

use std::process::ExitCode;

/// Measures, and ends with 1 unless every figure is kept.
///
/// # Panics
///
/// When no runtime starts.
pub fn run(measure: impl Future<Output = bool>) -> ExitCode {
    // `cargo test --benches` calls a bench without this flag, to see only that it builds and starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    match runtime.block_on(measure) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Prints a count beside its bound, and answers whether it is kept.
#[must_use]
pub fn is_kept(what: &str, count: u64, most: u64) -> bool {
    let kept = count <= most;
    println!("{what}: {count}, at most {most}: {}", if kept { "kept" } else { "EXCEEDED" });
    kept
}
