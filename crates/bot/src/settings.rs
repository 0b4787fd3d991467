//! What the configuration says to the bot. Plain data; the composition fills it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bivouac_model::RepoName;
use bivouac_model::command::{Up, Verb, table};
use bivouac_policy::{ContainerLog, LogTarget, LogsInComments, Mask, VariableRules};
use bivouac_ports::{Permission, RepoNames};

use crate::signature::Secrets;

/// The settings of the bot.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What commands begin with, the slash included: `/testenv`.
    pub command: String,
    /// What deliveries are signed with.
    pub secrets: Secrets,
    /// The repositories that are served.
    pub projects: Vec<ProjectRules>,
    /// Which repositories the names of the projects stand for. The bot takes it from the forge.
    pub names: RepoNames,
    /// Who may do what.
    pub policy: Policy,
    /// The label that is a command too: on, it is `up`; off, it is `down`. `None`: no label is.
    pub label: Option<String>,
    /// What a push does to an environment.
    pub roll_forward: RollForward,
    /// `guardrails.ttl`: what an `extend` adds to when the record has no ttl of its own.
    pub default_ttl: Duration,
    /// How often the open pull requests are compared with the records; see [`Settings::COMPARE_EVERY`].
    pub compare_every: Duration,
    /// How long a command is tried while the forge cannot be asked; see [`Settings::GIVE_UP_AFTER`].
    pub give_up_after: Duration,
    /// How long a permission is remembered for commands that neither start nor end a task, at most [`Settings::MOST_TRUST`]. A
    /// refusal is not remembered.
    pub trust_for: Duration,
}

impl Settings {
    /// Below the five minutes within which a pull request that was closed unheard is seen; a look is one call a page, and none
    /// of the quota if nothing changed.
    pub const COMPARE_EVERY: Duration = Duration::from_secs(3 * 60);
    /// Longer than GitHub's usual hiccups and a secondary limit's minute; shorter than a person's patience.
    pub const GIVE_UP_AFTER: Duration = Duration::from_secs(10 * 60);
    /// Long enough for several commands in a row. Ours: a person who was removed is refused before anyone looks.
    pub const TRUST_FOR: Duration = Duration::from_secs(5);
    /// The longest that a permission may be remembered.
    pub const MOST_TRUST: Duration = Duration::from_secs(10);

    /// With everything at its default: `/testenv`, no project, no secret, no label, a lifetime of 48 hours.
    pub fn new() -> Self {
        Self {
            command: "/testenv".to_owned(),
            secrets: Secrets::default(),
            projects: Vec::new(),
            names: RepoNames::default(),
            policy: Policy::default(),
            label: None,
            roll_forward: RollForward::default(),
            default_ttl: Duration::from_secs(48 * 3600),
            compare_every: Self::COMPARE_EVERY,
            give_up_after: Self::GIVE_UP_AFTER,
            trust_for: Self::TRUST_FOR,
        }
    }

    /// The rules of a repository. GitHub does not tell names apart by case; records are written under the configured one.
    pub fn project(&self, repo: &str) -> Option<&ProjectRules> {
        self.projects.iter().find(|project| project.repo.as_str().eq_ignore_ascii_case(repo))
    }

    /// Returns the rules of the repository that a delivery names. One that was renamed has those of its configured name, and
    /// another one under a configured name has none.
    pub(crate) fn project_of(&self, name: &str, id: Option<u64>) -> Option<&ProjectRules> {
        if id.is_some_and(|id| self.names.is_another(name, id)) {
            return None;
        }
        self.project(name).or_else(|| self.project(self.names.configured(name, id)?.as_str()))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

/// What a project allows in an `up`.
#[derive(Clone, Debug)]
pub struct ProjectRules {
    /// The repository on the forge.
    pub repo: RepoName,
    /// Which environment variables a record may set.
    pub variables: VariableRules,
    /// The names of the secrets of the template, which a record replaces only where the rules list them.
    pub secrets: BTreeSet<String>,
    /// The names of the sizes.
    pub sizes: BTreeSet<String>,
    /// Its logs.
    pub logs: ProjectLogs,
}

/// The logs of a project.
#[derive(Clone, Debug, Default)]
pub struct ProjectLogs {
    /// Where each container writes.
    pub containers: Vec<ContainerLog>,
    /// When lines of them stand in the answer to `logs`.
    pub in_comments: LogsInComments,
    /// What is masked in them, beside what the record says.
    pub mask: Mask,
}

impl ProjectLogs {
    /// Returns the CloudWatch log groups, each once. Operators find the logs there.
    pub(crate) fn groups(&self) -> Vec<String> {
        let mut groups: Vec<String> = Vec::new();
        for log in &self.containers {
            if let LogTarget::CloudWatch { group, .. } = &log.target
                && !groups.contains(group)
            {
                groups.push(group.clone());
            }
        }
        groups
    }
}

impl ProjectRules {
    /// What is wrong with an `up`, in a sentence of Markdown; `None`: nothing.
    pub(crate) fn refuses(&self, up: &Up) -> Option<String> {
        // The grammar lets only plain names of variables through, so they can stand in code.
        if let Some(refusal) = self.variables.refusals(&self.secrets, &up.flags, &up.config).first() {
            return Some(refusal.to_string());
        }
        match &up.size {
            Some(size) if !self.sizes.contains(size) => {
                let sizes = listed(self.sizes.iter());
                let known = if sizes.is_empty() { "none is configured".into() } else { format!("there are {sizes}") };
                Some(format!("there is no size {}; {known}", crate::answer::quoted(size)))
            }
            _ => None,
        }
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| crate::answer::quoted(name)).collect::<Vec<_>>().join(", ")
}

/// What a push to a pull request does to its environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RollForward {
    /// Every push rolls it forward, an outsider's too.
    Auto,
    /// Only the push of somebody who might have said `up`.
    #[default]
    Trusted,
    /// None does: every commit needs an `up`.
    Never,
}

/// Who may give which command.
#[derive(Clone, Debug)]
pub struct Policy {
    commands: BTreeMap<Verb, Required>,
}

/// What somebody needs for a command: one of these is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Required {
    /// This permission to the repository, or more. [`Permission::None`]: everybody may.
    pub permission: Permission,
    /// To be in one of these teams (`owner/slug`).
    pub teams: Vec<String>,
    /// To be one of these.
    pub users: Vec<String>,
}

impl Default for Policy {
    /// What the table of commands says.
    fn default() -> Self {
        let required = |row: &table::Row| match row.who {
            table::Who::Everyone => Permission::None,
            table::Who::Write => Permission::Write,
        };
        let required = |row| Required { permission: required(row), ..Required::default() };
        Self { commands: table::COMMANDS.iter().map(|row| (row.verb, required(row))).collect() }
    }
}

impl Policy {
    /// With another rule for a command.
    #[must_use]
    pub fn with(mut self, verb: Verb, required: Required) -> Self {
        self.commands.insert(verb, required);
        self
    }

    /// What a command needs. What no rule names needs the most.
    pub fn required(&self, verb: Verb) -> &Required {
        const MOST: &Required = &Required { permission: Permission::Admin, teams: Vec::new(), users: Vec::new() };
        self.commands.get(&verb).unwrap_or(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(config_allow: &[&str], sizes: &[&str]) -> ProjectRules {
        ProjectRules {
            repo: "apache/superset".parse().unwrap(),
            variables: VariableRules {
                config_allow: config_allow.iter().map(|pattern| wildmatch::WildMatch::new(pattern)).collect(),
                ..VariableRules::default()
            },
            secrets: ["SUPERSET_SECRET_KEY".to_owned()].into(),
            sizes: sizes.iter().map(|&size| size.to_owned()).collect(),
            logs: ProjectLogs::default(),
        }
    }

    fn up(config: &[&str], size: Option<&str>) -> Up {
        Up {
            config: config.iter().map(|&name| (name.to_owned(), "x".to_owned())).collect(),
            size: size.map(str::to_owned),
            ..Up::default()
        }
    }

    #[test]
    fn only_what_the_patterns_match_may_be_set() {
        let rules = rules(&["SUPERSET_*", "LOG_?"], &["small"]);
        assert_eq!(rules.refuses(&up(&["SUPERSET_X", "LOG_1"], Some("small"))), None);
        let refused = rules.refuses(&up(&["DATABASE_URL"], None)).unwrap();
        assert_eq!(refused, "config holds the name `DATABASE_URL`; allowed: `SUPERSET_*`, `LOG_?`");
        assert!(self::rules(&[], &[]).refuses(&up(&["A"], None)).unwrap().ends_with("allowed: none"));
        let secret = rules.refuses(&up(&["SUPERSET_SECRET_KEY"], None)).unwrap();
        assert!(secret.contains("`SUPERSET_SECRET_KEY`, which is a secret of the task definition"), "{secret}");
    }

    #[test]
    fn an_unknown_size_is_answered_with_the_known_ones() {
        let refused = rules(&[], &["large", "small"]).refuses(&up(&[], Some("huge"))).unwrap();
        assert_eq!(refused, "there is no size `huge`; there are `large`, `small`");
        assert!(rules(&[], &[]).refuses(&up(&[], Some("huge"))).unwrap().ends_with("none is configured"));
    }

    #[test]
    fn by_default_everybody_may_look_and_writers_may_change() {
        let policy = Policy::default();
        assert_eq!(policy.required(Verb::Status).permission, Permission::None);
        assert_eq!(policy.required(Verb::Help).permission, Permission::None);
        for verb in [Verb::Up, Verb::Down, Verb::Extend, Verb::Restart, Verb::Logs] {
            assert_eq!(policy.required(verb).permission, Permission::Write, "{verb}");
        }
    }

    #[test]
    fn a_repository_is_found_in_any_case() {
        let settings = Settings { projects: vec![rules(&[], &[])], ..Settings::new() };
        assert!(settings.project("Apache/Superset").is_some());
        assert!(settings.project("apache/superset2").is_none());
    }
}
