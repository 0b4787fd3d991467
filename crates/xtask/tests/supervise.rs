//! The promise that no emulator outlives the run that started it, on the real program.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// A supervised shell with a child of its own. Both hold the output open as long as they live.
fn supervised(script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["supervise", "--", "sh", "-c", script]);
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command
}

#[test]
fn when_the_pipe_closes_everything_ends() {
    let mut supervisor = supervised("sleep 600 & echo ready; wait").spawn().expect("xtask starts");
    let mut output = BufReader::new(supervisor.stdout.take().expect("piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("the shell says ready");
    assert_eq!(line, "ready\n");
    drop(supervisor.stdin.take());
    let rest = output.read_to_end(&mut Vec::new()).expect("end of file: nobody holds the output any more");
    assert_eq!(rest, 0);
    assert!(!supervisor.wait().expect("it ends").success());
}

#[test]
fn a_child_that_ends_by_itself_hands_on_its_code() {
    let mut supervisor = supervised("exit 7").spawn().expect("xtask starts");
    let _leash = supervisor.stdin.take();
    assert_eq!(supervisor.wait().expect("it ends").code(), Some(7));
}

#[test]
fn it_refuses_a_process_group_that_is_not_its_own() {
    let program = env!("CARGO_BIN_EXE_xtask");
    let outer = format!("'{program}' supervise -- true; echo code $?");
    let output = Command::new("sh").args(["-c", &outer]).stdin(Stdio::null()).output().expect("sh starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "code 2\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("not by hand"));
}
