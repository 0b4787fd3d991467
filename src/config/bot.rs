//! `[bot]`: where webhooks arrive, and who may command what.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bivouac_model::command::Verb;
use bivouac_model::command::table::COMMANDS;
use bivouac_ports::Permission;

use super::process::listen;
use super::reader::Section;

/// `[bot]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// `listen`: where webhooks arrive; empty: off. Default `127.0.0.1:8085`.
    pub listen: Option<SocketAddr>,
    /// `command`: the slash command. Default `/testenv`.
    pub command: String,
    /// `label`: the label of a pull request that is a command too; empty: none. Default `testenv-up`.
    pub label: Option<String>,
    /// `roll_forward`: what becomes of an environment when its pull request is pushed to. Default `trusted`.
    pub roll_forward: RollForward,
    /// `compare`: how often missed events are looked for. Default 5 minutes.
    pub compare: Duration,
    /// `permission`, `teams`, `users`: who may command what no other rule is written for. Default: who may write.
    pub rule: Rule,
    /// `[bot.commands.NAME]`: who may give one command.
    pub commands: BTreeMap<Verb, Rule>,
}

/// `bot.roll_forward`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollForward {
    /// Every push is deployed, whoever made it.
    Auto,
    /// A push of somebody who may command `up` is.
    Trusted,
    /// None is, without a new command.
    Never,
}

/// Who may: anybody with the permission, or in one of the teams, or named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `permission`: what somebody must be able to do to the repository.
    pub permission: Permission,
    /// `teams`, as `owner/slug`.
    pub teams: Vec<String>,
    /// `users`, by login.
    pub users: Vec<String>,
}

const PERMISSIONS: [(&str, Permission); 4] = [
    ("everyone", Permission::None),
    ("read", Permission::Read),
    ("write", Permission::Write),
    ("admin", Permission::Admin),
];

pub(super) fn read(section: Section<'_>) -> Bot {
    let command = section.text_of("command", "a slash and up to 40 small letters, digits and `-`", |text| {
        text.strip_prefix('/').is_some_and(|name| {
            (1..=40).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
    });
    // GitHub allows 50 characters for the name of a label.
    let label = section.text_of("label", "a label's name of at most 50 characters; empty: none", |text| {
        text.chars().count() <= 50 && text.trim() == text
    });
    let roll_forward = section.choice(
        "roll_forward",
        &[("auto", RollForward::Auto), ("trusted", RollForward::Trusted), ("never", RollForward::Never)],
    );
    // A look costs a call for each hundred open pull requests when something changed, and nothing of the quota when not.
    let compare = section.duration("compare", Duration::from_secs(30)..=Duration::from_secs(3600));
    let default = Rule { permission: Permission::Write, teams: Vec::new(), users: Vec::new() };
    let rule = rule(&section, &default);
    let inner = section.section("commands");
    let mut commands = BTreeMap::new();
    for name in inner.names() {
        let one = inner.section(name);
        match COMMANDS.iter().find(|row| row.verb.as_str() == name) {
            Some(row) => drop(commands.insert(row.verb, self::rule(&one, &rule))),
            None => {
                let known = COMMANDS.iter().map(|row| row.verb.as_str()).collect::<Vec<_>>().join(", ");
                inner.problem(name, format!("`{}` is not a command; commands: {known}", inner.name(name)));
            }
        }
        one.done();
    }
    inner.done();
    let bot = Bot {
        listen: listen(&section, SocketAddr::from(([127, 0, 0, 1], 8085))),
        command: command.unwrap_or_else(|| "/testenv".into()),
        label: Some(label.unwrap_or_else(|| "testenv-up".into())).filter(|label| !label.is_empty()),
        roll_forward: roll_forward.unwrap_or(RollForward::Trusted),
        compare: compare.unwrap_or(Duration::from_secs(300)),
        rule,
        commands,
    };
    section.done();
    bot
}

/// What a rule does not say is as `default` has it.
fn rule(section: &Section<'_>, default: &Rule) -> Rule {
    let teams = section.list("teams", "teams, each as owner/slug", |teams| {
        teams.iter().all(|team| team.split_once('/').is_some_and(|(owner, slug)| is_name(owner) && is_name(slug)))
    });
    let users = section.list("users", "logins", |users| users.iter().all(|user| is_name(user)));
    Rule {
        permission: section.choice("permission", &PERMISSIONS).unwrap_or(default.permission),
        teams: teams.unwrap_or_else(|| default.teams.clone()),
        users: users.unwrap_or_else(|| default.users.clone()),
    }
}

/// GitHub's logins and slugs: letters, digits and `-`, and `_` in names that an enterprise manages.
fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
