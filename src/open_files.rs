//! Open files: how many this process may have, how many its settings need, and how it shares them out if they are too few.
//!
//! Each connection is an open file. A process that has used them up can neither ask an environment nor AWS, so what strangers
//! and what its own work may take is bounded below the limit.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::Config;

/// Files that are open whatever is configured: the standard streams (3), the runtime (4), signals (2), listeners (2) and a
/// connection that each of them has accepted and not admitted yet (2), the stream of the table (2), the lease (2), the lists
/// of a resync that are read at once (10), the collector (4), names that are being resolved (4), files that are being read (3).
const ALWAYS: u64 = 38;

/// Connections of one reconcile: to DynamoDB (2), ECS (2), EC2, ECR, the forge and the environment. A start uses several at a
/// time, and another reconcile takes its turn while it waits for a slow one. The clients keep them for the next one.
const A_RECONCILE: u64 = 8;

/// Probes that may be under way besides those of the reconciles at work (`crates/controller/src/closer.rs`).
const PROBES_BESIDE: u64 = 78;

/// Connections of one delivery that the bot works on: to DynamoDB and to the forge.
const A_DELIVERY: u64 = 2;

/// How many deliveries the bot works on at once (`crates/bot/src/letters.rs`).
const DELIVERIES: u64 = 64;

/// Connections to the bot that it takes when there are files enough. GitHub needs a handful; the rest is what a stranger can
/// take before the oldest idle connection is dropped.
pub const BOT_CONNECTIONS: usize = 256;

/// The limits of this process, soft and hard. `None`: there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What holds now.
    pub soft: Option<u64>,
    /// Up to what this process may raise it.
    pub hard: Option<u64>,
}

impl Limit {
    /// Reads it.
    pub fn read() -> Self {
        let limit = getrlimit(Resource::Nofile);
        Self { soft: limit.current, hard: limit.maximum }
    }

    /// What a daemon has that raises it.
    pub fn raised(self) -> u64 {
        self.hard.or(self.soft).unwrap_or(u64::MAX)
    }
}

/// Raises the soft limit to the hard one, and returns what holds then. Called twice, it changes nothing. If the system
/// refuses, that is logged and the limit stays as it is.
pub fn raise() -> u64 {
    let before = getrlimit(Resource::Nofile);
    if before.current != before.maximum {
        let wanted = rustix::process::Rlimit { current: before.maximum, maximum: before.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, wanted) {
            tracing::debug!(error = &error as &dyn std::error::Error, "the limit of open files cannot be raised");
        }
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// What settings need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    bot: bool,
    ops: bool,
    /// Connections to the ops endpoints.
    ops_connections: usize,
    /// Reconciles at once.
    concurrency: usize,
}

/// How many of what may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Connections to the bot.
    pub bot: usize,
    /// Connections to the ops endpoints.
    pub ops: usize,
    /// Reconciles.
    pub concurrency: usize,
}

impl Needs {
    /// Those of a configuration.
    pub fn of(config: &Config) -> Self {
        Self {
            bot: config.bot.listen.is_some() && config.has_webhook_secret(),
            ops: config.ops.listen.is_some(),
            ops_connections: bivouac_ops::Limits::OPS.connections,
            concurrency: bivouac_controller::Settings::default().concurrency,
        }
    }

    fn bot_connections(&self) -> usize {
        if self.bot { BOT_CONNECTIONS } else { 0 }
    }

    fn ops_connections(&self) -> usize {
        if self.ops { self.ops_connections } else { 0 }
    }

    /// Open files in all.
    pub fn files(&self) -> u64 {
        let deliveries = if self.bot { DELIVERIES * A_DELIVERY } else { 0 };
        let connections = self.bot_connections() + self.ops_connections();
        ALWAYS + connections as u64 + self.concurrency as u64 * A_RECONCILE + PROBES_BESIDE + deliveries
    }

    /// How `files` are shared out: each as it needs if there are enough. If not, the ops endpoints keep a few, the bot has a
    /// quarter of the rest at most, and what is left is for our own work. Each has one at least.
    pub fn shares(&self, files: u64) -> Shares {
        if files >= self.files() {
            let (bot, ops) = (self.bot_connections(), self.ops_connections());
            return Shares { bot, ops, concurrency: self.concurrency };
        }
        let part = |of: u64, divided_by: u64, most: usize| -> usize {
            usize::try_from(of / divided_by).unwrap_or(usize::MAX).clamp(1, most.max(1))
        };
        let left = files.saturating_sub(ALWAYS);
        // One reconcile comes before any connection.
        let spare = left.saturating_sub(A_RECONCILE);
        let ops = part(spare, 8, self.ops_connections());
        let bot = part(spare.saturating_sub(ops as u64), 4, self.bot_connections());
        let left = left.saturating_sub((ops + bot) as u64);
        Shares { bot, ops, concurrency: part(left, A_RECONCILE, self.concurrency) }
    }

    /// What is to be said of a limit of `files`. `None`: it is enough.
    pub fn shortage(&self, files: u64) -> Option<String> {
        let needed = self.files();
        if files >= needed {
            return None;
        }
        let Shares { bot, ops, concurrency } = self.shares(files);
        Some(format!(
            "{files} open files are allowed, and these settings need {needed}: at most {bot} connections to the bot and {ops} \
             to the ops endpoints are open, and {concurrency} environments are worked on at once"
        ))
    }
}

/// How to raise the limit.
pub const RAISE: &str = "raise the hard limit of open files: `LimitNOFILE=` of a systemd unit, `ulimits` of a container \
                         definition, or `ulimit -Hn` of a shell";

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Needs = Needs { bot: true, ops: true, ops_connections: 16, concurrency: 50 };

    #[test]
    fn the_usual_limit_is_enough_for_the_defaults() {
        assert!(ALL.files() <= 1024, "{}", ALL.files());
        assert_eq!(ALL.shares(1024), Shares { bot: 256, ops: 16, concurrency: 50 });
        assert_eq!(ALL.shortage(1024), None);
        assert_eq!(ALL.shortage(ALL.files()), None);
    }

    #[test]
    fn whatever_the_limit_is_its_parts_are_within_it_and_each_has_one() {
        for needs in [ALL, Needs { bot: false, ..ALL }, Needs { ops: false, ..ALL }] {
            for files in 0..=1024 {
                let Shares { bot, ops, concurrency } = needs.shares(files);
                let all = ALWAYS + (bot + ops) as u64 + concurrency as u64 * A_RECONCILE;
                assert!(all <= files.max(ALWAYS + 2 + A_RECONCILE), "{files}: {all}");
                assert!((1..=50).contains(&concurrency), "{files}");
                assert!((!needs.bot || bot >= 1) && bot <= 256 && ops <= 16, "{files}");
                assert_eq!(needs.shortage(files).is_some(), files < needs.files());
            }
        }
    }

    #[test]
    fn raising_the_limit_twice_is_raising_it_once() {
        let hard = Limit::read().raised();
        assert_eq!((raise(), raise()), (hard, hard));
    }
}
