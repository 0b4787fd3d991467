//! The program `bivouac`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A pass takes and gives back tens of megabytes of small pieces on every thread. The system's allocator keeps an arena for
/// each thread and gives little back, so that the process holds three times what is in use; see `--bench memory`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    bivouac::exit::exit(bivouac::cli::main().await)
}
