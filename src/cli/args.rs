//! The grammar of the command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bivouac_model::{EnvKey, InvalidKey, ItemKey, Phase, PrNumber, Ttl, parse_duration};
use clap::{Args, Parser, Subcommand};

use super::output::Format;
use crate::config::Config;
use crate::exit::Failure;

/// The configuration that counts when none is named.
pub const DEFAULT_CONFIG: &str = "bivouac.toml";

/// Test environments for pull requests on AWS ECS, kept true by a reconciling controller.
#[derive(Debug, Parser)]
#[command(
    name = "bivouac",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  bivouac up apache/superset#123 --flag FEATURE_X=true --wait
  bivouac get --watch
  bivouac describe 123                   # with one project configured

Exit codes: 0 done, 1 failed, 2 usage or configuration.
`bivouac COMMAND --help` says more about a command."
)]
pub struct Cli {
    /// The configuration [default: ./bivouac.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "BIVOUAC_CONFIG",
        hide_env_values = true,
        help_heading = "Global options"
    )]
    pub config: Option<PathBuf>,

    /// How results are printed
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        help_heading = "Global options"
    )]
    pub output: Format,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole system on an embedded cloud: nothing to install, no account, no token
    Dev(Dev),
    /// Run the controller
    Run(Run),
    /// Ask for an environment
    Up(Up),
    /// Ask for an environment to be taken down
    Down(Down),
    /// Let an environment live longer
    #[command(after_help = "Examples:\n  bivouac extend apache/superset#123 24h\n  bivouac extend 123 90m")]
    Extend(Extend),
    /// Keep an environment beyond its time, up to guardrails.max_ttl
    #[command(after_help = "Examples:\n  bivouac pin apache/superset#123")]
    Pin(Named),
    /// Let the time of a pinned environment count again
    #[command(after_help = "Examples:\n  bivouac unpin apache/superset#123")]
    Unpin(Named),
    /// Stop the task of an environment and keep the rest; its time goes on, its cost does not
    #[command(after_help = "Examples:\n  bivouac sleep apache/superset#123 --wait")]
    Sleep(Awaited),
    /// Start a sleeping environment again, at a new address
    #[command(after_help = "Examples:\n  bivouac wake apache/superset#123 --wait")]
    Wake(Awaited),
    /// Replace the running task of an environment
    #[command(after_help = "Examples:\n  bivouac restart apache/superset#123 --wait")]
    Restart(Awaited),
    /// List environments
    Get(Get),
    /// Show all that is known of an environment
    Describe(Describe),
    /// Print the log of an environment's containers
    Logs(Logs),
    /// Print the line that opens a shell in a container, or run it
    Exec(Exec),
    /// Open the address of an environment in a browser
    #[command(after_help = "Examples:\n  bivouac open apache/superset#123")]
    Open(Named),
    /// Show what the controller would do now, and why; writes nothing
    Plan(PlanArgs),
    /// One pass of the guardrails, then exit: for cron, or to see what they would delete
    Reap(Reap),
    /// Create the tables; safe to repeat
    #[command(after_help = "Examples:\n  bivouac init")]
    Init,
    /// Check everything that has to be right, and say how to mend what is not
    Doctor(Doctor),
    /// Print the completions of a shell
    Completions(Completions),
    /// Print the manual page, or write one for each command
    Man(Man),
}

/// `dev`.
#[derive(Debug, Args)]
#[command(
    long_about = "\
The whole system on an embedded cloud: nothing to install, no account, no token.

Starts ECS, EC2, ECR, DynamoDB and GitHub on this machine's loopback addresses, prints where everything listens, and
runs the controller's and the bot's ordinary code against them. A short story of three pull requests runs by itself, told
by comments; the printed curl writes one more. Every environment opens in a browser. Everything is gone when it ends.",
    after_help = "\
Examples:
  bivouac dev
  bivouac dev --for 60s
  bivouac dev --empty -o json            # a JSON object a line"
)]
pub struct Dev {
    /// End by itself after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub run_for: Option<Duration>,
    /// Without the story; one pull request waits for a comment
    #[arg(long)]
    pub empty: bool,
}

/// `run`.
#[derive(Debug, Args)]
#[command(
    long_about = "\
Run the controller, until SIGTERM or Ctrl-C.

Looks at everything each controller.resync, at single environments as soon as the table's stream tells of them, and
works only while it holds the lease: a second one is a standby. Health, readiness and metrics are at ops.listen.",
    after_help = "\
Examples:
  bivouac run --config bivouac.toml
  BIVOUAC__CONTROLLER__RESYNC=10s bivouac run
  bivouac run -o json                    # says where it listens as a JSON object"
)]
pub struct Run {}

/// `doctor`.
#[derive(Debug, Args)]
#[command(
    long_about = "\
Check configuration, templates, secrets, AWS credentials and permissions, tables, cluster, network, registry and GitHub,
and say how to mend what is not as it should be.

Every check is made, whatever the others find. Nothing is written anywhere; what cannot be tried without writing is named.",
    after_help = "\
Examples:
  bivouac doctor
  bivouac doctor -o wide                 # a line for each check
  bivouac doctor -o json

Exit codes: 0 no problem, 1 problems, 2 the configuration cannot be read."
)]
pub struct Doctor {}

/// `logs`.
#[derive(Debug, Args)]
#[command(
    long_about = "\
Print the log of an environment's containers, out of CloudWatch Logs.

Reads the streams that the template's log driver `awslogs` writes. Lines of several containers are ordered by time and name
their container. Without a running task, the lines of the task that stopped last are printed.",
    after_help = "\
Examples:
  bivouac logs apache/superset#123 --follow
  bivouac logs 123 --container superset --tail 100
  bivouac logs 123 --since 10m -o wide   # with times
  bivouac logs 123 --previous            # of the task before
  bivouac logs 123 -o json               # a JSON object a line"
)]
pub struct Logs {
    /// The environment: owner/name#123, or 123 with one project configured
    #[arg(value_name = "ENV")]
    pub env: EnvRef,
    /// Go on and print what is new, also of tasks that replace this one
    #[arg(short, long)]
    pub follow: bool,
    /// Only of this container
    #[arg(short, long, value_name = "NAME")]
    pub container: Option<String>,
    /// Only lines that are newer than this, such as 10m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub since: Option<Duration>,
    /// Only the last lines of each container
    #[arg(long, value_name = "LINES")]
    pub tail: Option<usize>,
    /// Of the task that stopped last
    #[arg(short, long)]
    pub previous: bool,
}

/// `exec`.
#[derive(Debug, Args)]
#[command(
    long_about = "\
Print the `aws ecs execute-command` line that opens a shell in a container of an environment.

The service has to allow it: set `exec = true` in the project. `--run` needs the AWS CLI with its Session Manager plugin.",
    after_help = "\
Examples:
  bivouac exec apache/superset#123
  bivouac exec 123 --run
  bivouac exec 123 --container superset --command \"superset version\" --run"
)]
pub struct Exec {
    /// The environment: owner/name#123, or 123 with one project configured
    #[arg(value_name = "ENV")]
    pub env: EnvRef,
    /// The container [default: the first of the project's `containers`]
    #[arg(short, long, value_name = "NAME")]
    pub container: Option<String>,
    /// What is run in it [default: /bin/sh]
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<String>,
    /// Run the line instead of printing it
    #[arg(long)]
    pub run: bool,
}

/// `completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bivouac completions bash > /etc/bash_completion.d/bivouac
  bivouac completions zsh > \"${fpath[1]}/_bivouac\"
  bivouac completions fish > ~/.config/fish/completions/bivouac.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  bivouac man | man -l -\n  bivouac man --directory /usr/local/share/man/man1")]
pub struct Man {
    /// Write the pages of all commands there
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// `plan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  bivouac plan\n  bivouac plan apache/superset#123 -o json")]
pub struct PlanArgs {
    /// The environment; all without
    #[arg(value_name = "ENV")]
    pub env: Option<EnvRef>,
}

/// `reap`.
#[derive(Debug, Args)]
#[command(
    long_about = "\
One pass of the guardrails, then exit: environments that are over, services that no record answers for, images and task
definitions that nothing needs.

What goes has to be condemned by two complete looks, one controller.resync apart; it says so while it waits. The daemon
does all of it by itself: while one leads, this only shows what it would do.",
    after_help = "\
Examples:
  bivouac reap --dry-run                 # writes nothing
  bivouac reap -o json
  bivouac reap --trust-empty-table       # the table is empty because it should be"
)]
pub struct Reap {
    /// Only say what would be deleted, and why
    #[arg(long)]
    pub dry_run: bool,
    /// Delete also though the table has no record at all
    #[arg(long)]
    pub trust_empty_table: bool,
}

/// `up`.
#[derive(Debug, Args)]
#[command(
    long_about = "\
Ask for an environment.

Writes the desired state into the table, as every client does; the controller does the rest. What is not named goes
back to its default: tag, flags, configuration, ttl and size are replaced wholly, and the lifetime counts anew. A pin
and the authorised commit stay.",
    after_help = "\
Examples:
  bivouac up apache/superset#123
  bivouac up 123 --tag pr-123-ci --flag FEATURE_X=true --set SUPERSET_LOG_LEVEL=debug
  bivouac up 123 --ttl 24h --size small --wait"
)]
pub struct Up {
    /// The environment: owner/name#123, or 123 with one project configured
    #[arg(value_name = "ENV")]
    pub env: EnvRef,
    /// The image tag [default: by the project's pattern]
    #[arg(long, help_heading = "Wish")]
    pub tag: Option<String>,
    /// A feature flag; repeat for more
    #[arg(long = "flag", value_name = "NAME=VALUE", help_heading = "Wish")]
    pub flags: Vec<Pair>,
    /// A configuration override; repeat for more
    #[arg(long = "set", value_name = "NAME=VALUE", help_heading = "Wish")]
    pub overrides: Vec<Pair>,
    /// How long it may live, such as 24h or 90m [default: guardrails.ttl]
    #[arg(long, value_name = "DURATION", help_heading = "Wish")]
    pub ttl: Option<String>,
    /// A size of the configuration [default: the template's]
    #[arg(long, help_heading = "Wish")]
    pub size: Option<String>,
    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `down`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  bivouac down apache/superset#123\n  bivouac down 123 --wait")]
pub struct Down {
    /// The environment: owner/name#123, or 123 with one project configured
    #[arg(value_name = "ENV")]
    pub env: EnvRef,
    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `extend`.
#[derive(Debug, Args)]
pub struct Extend {
    /// The environment: owner/name#123, or 123 with one project configured
    #[arg(value_name = "ENV")]
    pub env: EnvRef,
    /// By how much, such as 24h or 90m
    #[arg(value_name = "DURATION", value_parser = super::change::extension)]
    pub by: Ttl,
}

/// A command that names an environment.
#[derive(Debug, Args)]
pub struct Named {
    /// The environment: owner/name#123, or 123 with one project configured
    #[arg(value_name = "ENV")]
    pub env: EnvRef,
}

/// The same, whose end can be waited for.
#[derive(Debug, Args)]
pub struct Awaited {
    /// The environment: owner/name#123, or 123 with one project configured
    #[arg(value_name = "ENV")]
    pub env: EnvRef,
    /// Whether to wait.
    #[command(flatten)]
    pub waiting: Waiting,
}

/// Whether to wait for a wish to come true.
#[derive(Clone, Copy, Debug, Args)]
pub struct Waiting {
    /// Wait until it is so; Ctrl-C ends the waiting, not the wish
    #[arg(long, help_heading = "Waiting")]
    pub wait: bool,
    /// How long to wait at most
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration, requires = "wait", help_heading = "Waiting")]
    pub timeout: Duration,
}

/// `get`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bivouac get
  bivouac get --phase Failed -o wide
  bivouac get apache/superset#123 -o json
  bivouac get --watch -o json            # a line for each change")]
pub struct Get {
    /// The environment; all without
    #[arg(value_name = "ENV")]
    pub env: Option<EnvRef>,
    /// Only those in this phase
    #[arg(long)]
    pub phase: Option<Phase>,
    /// Go on and print what changes
    #[arg(short, long)]
    pub watch: bool,
}

/// `describe`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  bivouac describe apache/superset#123")]
pub struct Describe {
    /// The environment: owner/name#123, or 123 with one project configured
    #[arg(value_name = "ENV")]
    pub env: EnvRef,
}

/// An environment as people name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvRef {
    /// `owner/name#123`.
    Full(EnvKey),
    /// `#123` or `123`.
    Number(PrNumber),
}

impl FromStr for EnvRef {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let number = text.strip_prefix('#').unwrap_or(text);
        if number.bytes().all(|b| b.is_ascii_digit()) {
            number.parse().map(Self::Number)
        } else {
            text.parse().map(Self::Full)
        }
    }
}

impl EnvRef {
    /// The key that is meant. A repository is found whatever the case of its letters, as on GitHub.
    ///
    /// # Errors
    /// A number alone says enough only where one project is configured.
    pub fn resolve(&self, config: &Config) -> Result<ItemKey, Failure> {
        let key = match self {
            Self::Full(key) => {
                let same = |repo: &str| repo.eq_ignore_ascii_case(key.repo.as_str());
                let known = config.projects.iter().find(|project| same(project.repo.as_str()));
                EnvKey { repo: known.map_or_else(|| key.repo.clone(), |project| project.repo.clone()), pr: key.pr }
            }
            Self::Number(pr) => match config.projects.as_slice() {
                [only] => EnvKey { repo: only.repo.clone(), pr: *pr },
                several => {
                    let names = several.iter().map(|project| project.repo.as_str()).collect::<Vec<_>>().join(", ");
                    return Err(Failure::Usage(format!(
                        "`{pr}` says not which repository, and {} are configured ({names}): write owner/name#{pr}",
                        several.len()
                    )));
                }
            },
        };
        Ok(ItemKey::from(key))
    }
}

/// `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Before the first `=`.
    pub name: String,
    /// After it; may be empty.
    pub value: String,
}

impl FromStr for Pair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self { name: name.into(), value: value.into() }),
            _ => Err("it has to be of the form NAME=VALUE"),
        }
    }
}

fn duration(text: &str) -> Result<Duration, bivouac_model::InvalidDuration> {
    parse_duration(text)
}
