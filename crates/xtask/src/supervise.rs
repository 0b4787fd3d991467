//! The process between us and an emulator.
//!
//! [`Group`] ends its children when it is dropped, but nothing is dropped when this process gets SIGKILL. So an emulator
//! runs under a second copy of this program that holds the reading end of a pipe: when the writing end closes, for
//! whatever reason, the copy ends the emulator and itself.

use std::io;
use std::process::{ChildStdin, Command, ExitCode, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, getpgrp, getpid, kill_current_process_group, kill_process};

use crate::error::{Error, Result};
use crate::process::{GRACE, Group};

/// The hidden subcommand that [`spawn`] calls.
pub const COMMAND: &str = "supervise";

/// An emulator that lives as long as this value, and not longer than this process.
#[derive(Debug)]
pub struct Supervised {
    leash: Option<ChildStdin>,
    group: Group,
}

impl Supervised {
    /// Whether it is still running.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.group.try_wait()?.is_none())
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // Let the supervisor end its child and see it gone, which leaves not even a zombie. If it does not, the group
        // is dropped next.
        self.leash = None;
        self.group.wait_up_to(GRACE);
    }
}

/// Starts `command` under supervision. Its output goes to `output`; directory and environment are kept; it has no input.
pub fn spawn(command: &Command, output: std::fs::File) -> Result<Supervised> {
    let program = std::env::current_exe().map_err(Error::system("find this program"))?;
    let errors = output.try_clone().map_err(Error::system("share a log file"))?;
    let mut supervisor = Command::new(program);
    supervisor.arg(COMMAND).arg("--").arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        supervisor.current_dir(directory);
    }
    supervisor.stdin(Stdio::piped()).stdout(output).stderr(errors);
    let mut group = Group::spawn(&mut supervisor)?;
    let leash = group.take_stdin();
    Ok(Supervised { leash, group })
}

/// The supervisor's own life: runs `words` until they end or our standard input does.
pub fn run(words: &[String]) -> Result<ExitCode> {
    // What is left of our process group is killed at the end. In a group that is not ours, somebody else would die.
    if getpgrp() != getpid() {
        return Err(Error::Usage(format!("`{COMMAND}` is started by the other tasks, not by hand")));
    }
    let (program, args) = words.split_first().ok_or_else(|| Error::Usage("nothing to supervise".into()))?;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|source| Error::Start { command: program.clone(), source })?;
    let pid = Pid::from_child(&child);
    thread::spawn(move || {
        // Nobody writes; whatever ends the reading means that the other side is gone. While this thread lives, the
        // child is running or about to be reaped by the last step of this process: its number is still its own.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = kill_process(pid, Signal::KILL);
    });
    let status = child.wait().map_err(Error::system("wait for the supervised process"))?;
    if let Some(code) = status.code().and_then(|code| u8::try_from(code).ok()) {
        return Ok(ExitCode::from(code));
    }
    // Ended by a signal, ours or another's: so is whatever it had started, and so are we.
    let _ = kill_current_process_group(Signal::KILL);
    Ok(ExitCode::FAILURE)
}
