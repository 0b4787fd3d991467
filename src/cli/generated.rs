//! `completions` and `man`: made from the table of commands itself, so they never lag behind it.

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use super::args::{Cli, Completions, Man};
use crate::exit::Failure;

/// Prints the completions of a shell on standard output.
///
/// # Errors
/// When standard output cannot be written.
pub fn completions(asked: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Cli::command(), "bivouac", &mut script);
    print(&script)
}

/// Prints the manual page of the program on standard output, or writes it with one for each command into a directory, which
/// is made if it is not there. Written twice, the files are the same.
///
/// # Errors
/// When the output or the directory cannot be written.
pub fn man(asked: &Man) -> Result<(), Failure> {
    let mut command = Cli::command();
    // Otherwise the pages of the commands lack the global options.
    command.build();
    match &asked.directory {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            print(&page)
        }
        Some(directory) => {
            let failed = |error: io::Error| {
                Failure::Failed(format!("the manual pages cannot be written to {}: {error}", directory.display()))
            };
            std::fs::create_dir_all(directory).map_err(failed)?;
            clap_mangen::generate_to(Cli::command(), directory).map_err(failed)
        }
    }
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}
