//! What can be told without asking anybody: configuration, templates, sleep, approval, prices, secrets, the bot, open files.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bivouac_model::format_duration;

use super::report::{Area, Check};
use super::words::listed;
use crate::config::{
    BIND_IMAGES, Config, Credentials, DELETE_KEY, GIVE_A_PATH, NAME_OTHERS, ProjectConfig, Secret, VARIABLE_PREFIX,
    Variables,
};
use crate::open_files::{Limit, Needs, RAISE};

const CONFIGURATION: Area = Area("configuration");
const TEMPLATE: Area = Area("template");
const SLEEP: Area = Area("sleep");
const APPROVAL: Area = Area("approval");
const VARIABLES: Area = Area("variables");
const PRICES: Area = Area("prices");
const SECRETS: Area = Area("secrets");
const BOT: Area = Area("bot");
const PROCESS: Area = Area("process");

/// What whoever is neither the owner nor of the group may do to a file: read it.
const WORLD_READABLE: u32 = 0o004;

/// The configuration was read, or nothing of this would run.
pub(super) fn configuration(config: &Config, path: &Path, variables: &Variables) -> Vec<Check> {
    let ours =
        |name: &&str| name.get(..VARIABLE_PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(VARIABLE_PREFIX));
    let names: Vec<&str> = variables.keys().map(String::as_str).filter(ours).collect();
    let overridden = match names.as_slice() {
        [] => "no variable overrides it".to_owned(),
        // Names only: a value may be a secret.
        names => format!("overridden by {}", listed(names)),
    };
    let file = CONFIGURATION.ok("file", format!("{} is read", path.display()));
    let retired = config.retired.iter();
    let retired = retired.map(|warning| CONFIGURATION.warning("keys", warning.clone(), DELETE_KEY));
    [file, CONFIGURATION.ok("environment", overridden)].into_iter().chain(retired).collect()
}

/// Each project's template, and what `bivouac run` would refuse of it: the same function judges both (`Config::policy`).
pub(super) fn templates(config: &Config) -> Vec<Check> {
    let policy = match config.policy() {
        Ok(policy) => policy,
        Err(errors) => {
            let fix =
                "change the template, which is what `aws ecs describe-task-definition` prints, or the configuration";
            let problem = |problem: &crate::config::Problem| {
                TEMPLATE.problem(problem.place.to_string(), problem.sentence.clone(), fix)
            };
            return errors.problems().iter().map(problem).collect();
        }
    };
    let checks = |project: &ProjectConfig| {
        let template = policy.projects.get(&project.repo).map(|found| &found.template);
        let ports = template.map(|template| self::template(project, &template.ports()));
        let role = template.filter(|template| template.lends_execution_role()).map(|_| lent_role(project));
        ports.into_iter().chain(role)
    };
    config.projects.iter().flat_map(checks).collect()
}

fn lent_role(project: &ProjectConfig) -> Check {
    let path = project.task_definition.display();
    let message =
        format!("{path}: `taskRoleArn` is the execution role, so the code of every pull request has its permissions");
    TEMPLATE.warning(project.repo.to_string(), message, "leave `taskRoleArn` out, or name a role without permissions")
}

fn template(project: &ProjectConfig, ports: &[u16]) -> Check {
    let (repo, path) = (project.repo.to_string(), project.task_definition.display());
    let containers = listed(&project.containers);
    if ports.contains(&project.port) {
        return TEMPLATE.ok(&repo, format!("{path} has {containers}, with port {}", project.port));
    }
    let message = match ports {
        [] => format!("{path}: no container maps the port {}, or any other", project.port),
        ports => {
            let mapped = listed(&ports.iter().map(u16::to_string).collect::<Vec<_>>());
            format!("{path}: no container maps the port {}; mapped: {mapped}", project.port)
        }
    };
    let fix = "set `port` of the project to the port that the application listens on, and map it in `portMappings`";
    TEMPLATE.warning(&repo, message, fix)
}

/// Whether environments fall asleep when nobody uses them.
pub(super) fn sleep(config: &Config) -> Vec<Check> {
    let after = config.guardrails.idle_after;
    if after.is_zero() {
        return vec![
            SLEEP.ok("idle_after", "environments do not fall asleep by themselves (`guardrails.idle_after` is 0s)"),
        ];
    }
    let check = |project: &ProjectConfig| {
        let repo = project.repo.to_string();
        match (config.sleepless(project), &project.idle_path) {
            (None, Some(path)) => {
                let after = format_duration(after);
                SLEEP.ok(&repo, format!("asleep after {after} without use, as the application says at `{path}`"))
            }
            (said, _) => SLEEP.warning(&repo, said.unwrap_or_default(), GIVE_A_PATH),
        }
    };
    config.projects.iter().map(check).collect()
}

/// Whether this process may have as many open files as the settings need. `run` raises the soft limit to the hard one.
pub(super) fn open_files(config: &Config) -> Check {
    const CHECK: &str = "open files";
    let files = Limit::read().raised();
    let needs = Needs::of(config);
    match needs.shortage(files) {
        Some(shortage) => PROCESS.warning(CHECK, shortage, RAISE),
        None if files == u64::MAX => PROCESS.ok(CHECK, "there is no limit"),
        None => PROCESS.ok(CHECK, format!("{files} are allowed, and {} are needed", needs.files())),
    }
}

/// Whether an approval covers the images of its own commit alone, and which variables a record may set in vain.
pub(super) fn approval(config: &Config) -> Vec<Check> {
    let checks = |project: &ProjectConfig| {
        let repo = project.repo.to_string();
        let approval = match config.unbound(project) {
            None => APPROVAL.ok(&repo, "an approval covers its own commit"),
            Some(sentence) => APPROVAL.warning(&repo, sentence, BIND_IMAGES),
        };
        let futile = config.futile(project).map(|sentence| VARIABLES.warning(&repo, sentence, NAME_OTHERS));
        std::iter::once(approval).chain(futile)
    };
    config.projects.iter().flat_map(checks).collect()
}

/// Whether the prices that costs and the budget are reckoned from are those of the region.
pub(super) fn prices(config: &Config) -> Check {
    /// Whose list prices the defaults are.
    const HOME: &str = "us-east-1";
    // Prices of Windows matter where a template is for Windows.
    let windows =
        |policy: bivouac_planner::Policy| policy.projects.values().any(|project| project.template.resources().windows);
    let windows = config.policy().is_ok_and(windows);
    let unsaid = config.unsaid_prices.iter().copied().filter(|key| windows || !key.starts_with("windows_"));
    let unsaid: Vec<&str> = unsaid.collect();
    match (&config.aws.region, unsaid.as_slice()) {
        (Some(region), unsaid @ [_, ..]) if region != HOME => {
            let message = format!(
                "the region is {region}, and `[prices]` says nothing of {}: {HOME}'s list prices count, also for the budget",
                listed(unsaid)
            );
            PRICES.warning("prices", message, "set them, from aws.amazon.com/fargate/pricing and /vpc/pricing")
        }
        (_, []) => PRICES.ok("prices", "all are set"),
        _ => PRICES.ok("prices", format!("the list prices of {HOME} where `[prices]` says nothing")),
    }
}

/// Each secret: there, readable, not empty, and not everybody's.
pub(super) fn secrets(config: &Config) -> Vec<Check> {
    let credentials = match &config.github.credentials {
        Some(Credentials::Token(token)) => Some(("GitHub token", token)),
        Some(Credentials::App { private_key, .. }) => Some(("private key of the GitHub App", private_key)),
        None => None,
    };
    let webhook = config.github.webhook_secret.as_ref().map(|secret| ("webhook secret", secret));
    let general = credentials.into_iter().chain(webhook).map(|(name, secret)| (name.to_owned(), secret));
    let of_projects = config.projects.iter().filter_map(|project| {
        let secret = project.webhook_secret.as_ref()?;
        Some((format!("webhook secret of {}", project.repo), secret))
    });
    general.chain(of_projects).map(|(name, secret)| self::secret(&name, secret)).collect()
}

fn secret(name: &str, secret: &Secret) -> Check {
    if let Err(error) = secret.read() {
        let mend = "put the secret into that file, and let the user that Bivouac runs as read it";
        return SECRETS.problem(name, crate::exit::chain(&error), mend);
    }
    let Secret::File(path) = secret else { return SECRETS.ok(name, "stands in a variable") };
    let mode = std::fs::metadata(path).map_or(0, |about| about.permissions().mode());
    let path = path.display();
    if mode & WORLD_READABLE != 0 {
        let message = format!("{path} can be read by every user of this machine (mode {:03o})", mode & 0o777);
        return SECRETS.warning(name, message, format!("chmod o-r {path}"));
    }
    SECRETS.ok(name, format!("{path} can be read"))
}

/// Whether the bot is served, and where.
pub(super) fn bot(config: &Config) -> Vec<Check> {
    let Some(listen) = config.bot.listen else {
        return vec![BOT.ok("listen", "it is switched off (`bot.listen` is empty)")];
    };
    let without = config.projects.iter().filter(|project| project.webhook_secret.is_none());
    let without: Vec<String> = without.map(|project| project.repo.to_string()).collect();
    let mut checks = vec![if config.github.webhook_secret.is_some() || without.is_empty() {
        BOT.ok("webhook secret", "one is configured, so deliveries can be checked")
    } else if config.has_webhook_secret() {
        let message = format!("there is none for {}, so all their deliveries are refused", listed(&without));
        let mend =
            "set `webhook_secret_file` of these projects, or `github.webhook_secret_file` for all that have none";
        BOT.warning("webhook secret", message, mend)
    } else {
        let mend = "set `github.webhook_secret_file`, or switch it off with an empty `bot.listen`";
        BOT.warning("webhook secret", "there is none, so the bot is off and comments offer no commands", mend)
    }];
    let message = if listen.ip().is_loopback() {
        format!("{listen}, which only this machine reaches: whatever GitHub calls has to pass deliveries on to it")
    } else {
        format!("{listen}, where it takes `/webhooks/github`")
    };
    checks.push(BOT.ok("listen", message));
    checks
}
