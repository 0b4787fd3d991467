//! What the machine must have. Looked at before anything starts, and told by name, all at once.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::process;

/// One thing that the tests need of the machine.
struct Tool {
    /// Its name, as a person would look for it.
    name: &'static str,
    /// The oldest version that does, as the leading numbers of what the probe prints; empty: any.
    at_least: &'static [u32],
    /// Commands that answer with the version; the first that succeeds counts.
    probes: &'static [&'static [&'static str]],
    /// How to get it, for Debian and its kin, where most people and CI machines are.
    remedy: &'static str,
}

/// Enough for everything that needs no emulator.
const HERMETIC: [Tool; 4] = [
    Tool {
        name: "Rust",
        // `rust-version` of the workspace.
        at_least: &[1, 95],
        probes: &[&["rustc", "--version"]],
        remedy: "install rustup; rust-toolchain.toml chooses the version",
    },
    Tool {
        name: "rustfmt",
        at_least: &[],
        probes: &[&["cargo", "fmt", "--version"]],
        remedy: "rustup component add rustfmt",
    },
    Tool {
        name: "Clippy",
        at_least: &[],
        probes: &[&["cargo", "clippy", "--version"]],
        remedy: "rustup component add clippy",
    },
    Tool {
        name: "a C compiler",
        at_least: &[],
        probes: &[&["cc", "--version"], &["gcc", "--version"], &["clang", "--version"]],
        remedy: "apt-get install gcc libc6-dev",
    },
];

/// What the emulators need besides.
const EMULATORS: [Tool; 5] = [
    Tool {
        name: "Python 3 with venv",
        // The oldest that every pin in tests/emulators/moto/requirements.txt still installs on.
        at_least: &[3, 11],
        probes: &[&["python3", "-c", "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"]],
        remedy: "apt-get install python3 python3-venv",
    },
    Tool {
        name: "Java",
        // The bytecode of DynamoDB Local 1.25 runs on 8 and up; 17 is what we test on.
        at_least: &[17],
        probes: &[&["java", "-version"]],
        remedy: "apt-get install openjdk-17-jre-headless",
    },
    Tool {
        name: "Node.js",
        // Prism 5.16 asks for 24 and works on 20, which we test on.
        at_least: &[20],
        probes: &[&["node", "--version"]],
        remedy: "apt-get install nodejs",
    },
    Tool { name: "npm", at_least: &[], probes: &[&["npm", "--version"]], remedy: "apt-get install npm" },
    Tool { name: "tar", at_least: &[], probes: &[&["tar", "--version"]], remedy: "apt-get install tar" },
];

/// Fails with the name of everything that is missing or too old, and how to get it.
pub fn check(hermetic: bool) -> Result<()> {
    check_with(hermetic, &|words| process::ask(words[0], &words[1..]))
}

/// Whether cargo-nextest is here. Without it `cargo test` does, slower.
pub fn has_nextest() -> bool {
    process::ask("cargo", &["nextest", "--version"]).is_some()
}

fn check_with(hermetic: bool, ask: &dyn Fn(&[&str]) -> Option<String>) -> Result<()> {
    let lacking = |tools: &[Tool]| tools.iter().filter_map(|tool| tool.lack(ask)).collect::<Vec<_>>();
    let always = lacking(&HERMETIC);
    let emulators = if hermetic { Vec::new() } else { lacking(&EMULATORS) };
    if always.is_empty() && emulators.is_empty() {
        return Ok(());
    }
    let mut text = String::from("this machine lacks what the tests need:");
    for line in always.iter().chain(&emulators) {
        write!(text, "\n  - {line}").expect("writing to a string");
    }
    if always.is_empty() {
        text.push_str("\n`cargo xtask test --hermetic` runs what needs only Rust and a C compiler.");
    }
    Err(Error::Lacking(text))
}

impl Tool {
    /// One line that says what is wrong with it on this machine, if anything is.
    fn lack(&self, ask: &dyn Fn(&[&str]) -> Option<String>) -> Option<String> {
        let wanted = self.wanted();
        let Some(answer) = self.probes.iter().find_map(|words| ask(words)) else {
            return Some(format!("{}{wanted}: not found ({})", self.name, self.remedy));
        };
        let found = version(&answer);
        if found.as_slice() >= self.at_least {
            return None;
        }
        let found = found.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        Some(format!("{}{wanted}: found {found} ({})", self.name, self.remedy))
    }

    fn wanted(&self) -> String {
        if self.at_least.is_empty() {
            return String::new();
        }
        let numbers = self.at_least.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        format!(" {numbers} or newer")
    }
}

/// The first dotted run of numbers in what a program says of itself: `v20.20.2`, `openjdk version "17.0.15"`.
fn version(answer: &str) -> Vec<u32> {
    let start = answer.find(|c: char| c.is_ascii_digit()).unwrap_or(answer.len());
    let end =
        answer[start..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(answer.len(), |length| start + length);
    answer[start..end].split('.').map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that has everything, in the words of the real programs.
    fn complete(words: &[&str]) -> Option<String> {
        let answer = match words[0] {
            "rustc" => "rustc 1.95.0 (59807616e 2026-03-21)",
            "cargo" if words[1] == "fmt" => "rustfmt 1.9.0-stable",
            "cargo" => "clippy 0.1.95",
            "cc" => "cc (Debian 12.2.0-14) 12.2.0",
            "python3" => "3.11",
            "java" => "openjdk version \"17.0.15\" 2025-04-15",
            "node" => "v20.20.2",
            "npm" => "11.19.1",
            "tar" => "tar (GNU tar) 1.34",
            _ => return None,
        };
        Some(answer.to_owned())
    }

    fn lacking(hermetic: bool, ask: &dyn Fn(&[&str]) -> Option<String>) -> String {
        match check_with(hermetic, ask) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_complete_machine_lacks_nothing() {
        assert_eq!(lacking(false, &complete), "");
    }

    #[test]
    fn everything_missing_is_named_at_once() {
        let bare = |words: &[&str]| {
            if ["java", "npm"].contains(&words[0]) { None } else { complete(words) }
        };
        let text = lacking(false, &bare);
        assert!(text.contains("Java 17 or newer: not found"), "{text}");
        assert!(text.contains("npm: not found"), "{text}");
        assert!(text.contains("--hermetic"), "{text}");
        assert!(!text.contains("Node"), "{text}");
        assert_eq!(lacking(true, &bare), "", "hermetic tests need neither");
    }

    #[test]
    fn an_old_version_is_named_with_what_was_found() {
        let old = |words: &[&str]| match words[0] {
            "java" => Some("java version \"1.8.0_362\"".to_owned()),
            _ => complete(words),
        };
        assert!(lacking(false, &old).contains("Java 17 or newer: found 1.8.0"));
    }

    #[test]
    fn without_a_compiler_hermetic_is_no_way_out() {
        let bare = |words: &[&str]| {
            if words[0] == "cc" { None } else { complete(words) }
        };
        let text = lacking(true, &bare);
        assert!(text.contains("a C compiler: not found"), "{text}");
        assert!(!text.contains("--hermetic"), "{text}");
    }

    #[test]
    fn any_c_compiler_does() {
        let clang = |words: &[&str]| match words[0] {
            "cc" => None,
            "clang" => Some("Debian clang version 14.0.6".to_owned()),
            _ => complete(words),
        };
        assert_eq!(lacking(true, &clang), "");
    }

    #[test]
    fn versions_are_read_as_programs_write_them() {
        assert_eq!(version("v20.20.2\n"), [20, 20, 2]);
        assert_eq!(version("openjdk version \"17.0.15\" 2025-04-15"), [17, 0, 15]);
        assert_eq!(version("openjdk 21-ea 2023"), [21]);
        assert_eq!(version("no number"), Vec::<u32>::new());
    }
}
