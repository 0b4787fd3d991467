//! The program `bivouac`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bivouac::process::run()
}
