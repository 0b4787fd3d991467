//! Child processes that cannot be left behind.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{Error, Result};
use crate::signals::Signals;

/// How often a waiting task looks at its child and at the signals: short for a person, nothing for a processor.
pub const GLANCE: Duration = Duration::from_millis(20);

/// How long a process may take to stop when asked before it is killed. Cargo and nextest stop within a second;
/// ten is what `docker stop` gives, too.
pub const GRACE: Duration = Duration::from_secs(10);

/// A child process at the head of a process group of its own.
///
/// Dropping it ends the whole group: SIGTERM, up to ten seconds, SIGKILL. That is what keeps the tests that
/// cargo started from living on when only cargo was asked to stop.
#[derive(Debug)]
pub struct Group {
    child: Child,
    line: String,
    ended: bool,
}

impl Group {
    /// Starts the command in a new process group.
    ///
    /// The group is not the terminal's foreground group, so a command that read the terminal would be stopped by it;
    /// unless the caller gives it a pipe, it has no standard input.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let line = line(command);
        match command.process_group(0).spawn() {
            Ok(child) => Ok(Self { child, line, ended: false }),
            Err(source) => Err(Error::Start { command: line, source }),
        }
    }

    /// How it ended, if it has.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait().map_err(Error::system("wait for a child process"))?;
        self.ended |= status.is_some();
        Ok(status)
    }

    /// Waits for the end, but not longer than `limit`.
    pub fn wait_up_to(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline && matches!(self.try_wait(), Ok(None)) {
            thread::sleep(GLANCE);
        }
    }

    /// Waits for the end, or for a signal to this process; then the group is asked to stop the same way.
    pub fn wait(mut self, signals: &Signals) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            signals.check()?;
            thread::sleep(GLANCE);
        }
    }

    /// The writing end of its standard input, once, if that is a pipe.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The command line, for messages.
    pub fn line(&self) -> &str {
        &self.line
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // The only way to fail is that nobody is left to get it.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ended {
            self.signal(Signal::TERM);
            self.wait_up_to(GRACE);
        }
        // Also when the head of the group is gone: others of it may not be.
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Runs a command to its end with this process's output as its own.
pub fn run(command: &mut Command, signals: &Signals) -> Result<()> {
    signals.check()?;
    let group = Group::spawn(command.stdin(Stdio::null()))?;
    let command = group.line().to_owned();
    let status = group.wait(signals)?;
    if status.success() { Ok(()) } else { Err(Error::Failed { command, status }) }
}

/// What a command prints on its standard output and error together, if it can be started and succeeds.
/// For questions that are answered at once, like `--version`.
pub fn ask(program: &str, args: &[&str]) -> Option<String> {
    let output: io::Result<_> = Command::new(program).args(args).stdin(Stdio::null()).output();
    let output = output.ok().filter(|output| output.status.success())?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Some(text)
}

/// The command as a person would type it.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read};

    use signal_hook::consts::SIGTERM;

    use super::*;

    /// A shell with a child of its own that ignores SIGTERM. It says "ready" and closes nothing: whoever holds the
    /// other end of its output sees the end of file only when the whole group is gone.
    fn stubborn() -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "(trap '' TERM; echo ready; sleep 600) & wait"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    #[test]
    fn dropping_a_group_ends_all_of_it() {
        let mut group = Group::spawn(&mut stubborn()).expect("sh starts");
        let mut output = BufReader::new(group.child.stdout.take().expect("piped"));
        output.read_line(&mut String::new()).expect("the shell says ready");
        drop(group);
        let rest = output.read_to_end(&mut Vec::new()).expect("end of file: no writer is left");
        assert_eq!(rest, 0);
    }

    #[test]
    fn a_signal_ends_the_wait_and_the_group() {
        let signals = Signals::deaf();
        let mut group = Group::spawn(&mut stubborn()).expect("sh starts");
        let mut output = BufReader::new(group.child.stdout.take().expect("piped"));
        output.read_line(&mut String::new()).expect("the shell says ready");
        signals.raise(SIGTERM);
        let ended = group.wait(&signals);
        assert!(matches!(ended, Err(Error::Interrupted(SIGTERM))), "{ended:?}");
        assert_eq!(output.read_to_end(&mut Vec::new()).expect("end of file"), 0);
    }

    #[test]
    fn a_failure_names_the_command() {
        let failed = run(Command::new("sh").args(["-c", "exit 3"]), &Signals::deaf());
        let Err(Error::Failed { command, status }) = failed else { panic!("{failed:?}") };
        assert_eq!((command.as_str(), status.code()), ("sh -c exit 3", Some(3)));
    }

    #[test]
    fn a_program_that_is_not_there_answers_nothing() {
        assert_eq!(ask("bivouac-no-such-program", &["--version"]), None);
    }
}
