//! The process that the program runs in.

use std::process::ExitCode;

use crate::{cli, exit};

/// Runs the program with this process's arguments, on one thread, and answers how it ended. To be called once, by `main`.
///
/// One thread is enough: the daemon waits for AWS and computes for a hundredth of the time, and no step of it computes for
/// longer than some tens of milliseconds. It is also the least memory: a pass takes and gives back tens of megabytes in small
/// pieces, and with several threads the system's allocator keeps an arena for each, most of them empty: half as much again at
/// 5,000 environments (`cargo bench -p bivouac-bench --bench memory`). Only names are resolved beside it.
pub fn run() -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => exit::exit(runtime.block_on(cli::main())),
        Err(error) => exit::exit(Err(error.into())),
    }
}
