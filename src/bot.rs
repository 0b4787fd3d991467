//! The bot, put together: its settings out of the configuration, its doors, and the server it listens on.

use std::sync::Arc;
use std::time::Duration;

use bivouac_bot::{Bot, Doors, Policy, ProjectLogs, ProjectRules, Required, RollForward, Secrets, Settings};
use bivouac_model::command::table::{COMMANDS, Who};
use bivouac_planner::Template;
use bivouac_policy::{LogsInComments, Mask};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config, Rule, SecretError};

/// The settings of the bot; `None`: it is off, by `bot.listen` or for want of a webhook secret. Secrets are read here, so
/// that a missing one is told before anything starts, and follow their files from then on. What the templates say of a project is taken from `policy`, which is
/// that of the same configuration.
///
/// # Errors
/// When a secret cannot be read.
pub fn settings(config: &Config, policy: &bivouac_planner::Policy) -> Result<Option<Settings>, SecretError> {
    if config.bot.listen.is_none() || !config.has_webhook_secret() {
        return Ok(None);
    }
    let mut secrets = Secrets::default();
    if let Some(secret) = &config.github.webhook_secret {
        secrets = secrets.with_general(secret.follow()?);
    }
    for project in &config.projects {
        if let Some(secret) = &project.webhook_secret {
            secrets = secrets.with_project(project.repo.clone(), secret.follow()?);
        }
    }
    let template = |project: &config::ProjectConfig| policy.projects.get(&project.repo).map(|known| &known.template);
    let project = |project: &config::ProjectConfig| ProjectRules {
        repo: project.repo.clone(),
        variables: project.variables.clone(),
        secrets: template(project).map(|template| template.secrets().clone()).unwrap_or_default(),
        sizes: config.sizes.keys().cloned().collect(),
        logs: template(project).map(|template| logs(template, project.logs_in_comments)).unwrap_or_default(),
    };
    Ok(Some(Settings {
        command: config.bot.command.clone(),
        secrets,
        projects: config.projects.iter().map(project).collect(),
        policy: rules(&config.bot),
        label: config.bot.label.clone(),
        roll_forward: match config.bot.roll_forward {
            config::RollForward::Auto => RollForward::Auto,
            config::RollForward::Trusted => RollForward::Trusted,
            config::RollForward::Never => RollForward::Never,
        },
        default_ttl: config.guardrails.ttl,
        compare_every: config.bot.compare,
        ..Settings::default()
    }))
}

/// The logs of a project, as the bot reads them.
pub fn logs(template: &Template, in_comments: LogsInComments) -> ProjectLogs {
    ProjectLogs { containers: template.logs(), in_comments, mask: Mask::new(template.secret_values()) }
}

/// The general rule is for what is not everybody's by nature; a rule for a command is for that command, whichever.
fn rules(bot: &config::Bot) -> Policy {
    let required =
        |rule: &Rule| Required { permission: rule.permission, teams: rule.teams.clone(), users: rule.users.clone() };
    COMMANDS.iter().fold(Policy::default(), |policy, row| match (bot.commands.get(&row.verb), row.who) {
        (Some(rule), _) => policy.with(row.verb, required(rule)),
        (None, Who::Write) => policy.with(row.verb, required(&bot.rule)),
        (None, Who::Everyone) => policy,
    })
}

/// What a stranger may take of the listener for webhooks.
pub const LIMITS: bivouac_ops::Limits = bivouac_ops::Limits {
    connections: crate::open_files::BOT_CONNECTIONS,
    // GitHub sends a head at once. A mobile network between a person and a proxy is not on this way.
    head_within: Duration::from_secs(10),
    // Longer than a proxy keeps its connections (nginx, Apache and AWS load balancers: 60 s), so that no delivery is sent on a
    // connection that is being closed.
    idle: Duration::from_secs(75),
    // Ten seconds for the body and one for the answer, which GitHub waits no longer for; twice that for a slow reader.
    answer_within: Duration::from_secs(22),
};

/// Takes webhooks on `listener` and handles them until `stop`; letters under way are finished or stay in the inbox.
pub async fn serve(
    listener: TcpListener,
    limits: bivouac_ops::Limits,
    doors: Doors,
    settings: Settings,
    stop: CancellationToken,
) {
    let bot = Arc::new(Bot::new(doors, settings));
    let router = bot.router();
    tokio::join!(bivouac_ops::serve_router(listener, router, limits, stop.clone()), bot.run(stop));
}

#[cfg(test)]
mod tests {
    use bivouac_model::command::Verb;
    use bivouac_ports::Permission;

    use super::*;

    const TEMPLATE: &str = include_str!("../deploy/examples/superset/task-definition.json");
    const REST: &str = r#"
[aws]
cluster = "previews"
subnets = ["subnet-1"]
security_groups = ["sg-1"]

[[project]]
repo = "apache/superset"
ecr_repository = "superset-ci"
task_definition = "td.json"
containers = ["superset"]
config_allow = ["SUPERSET_*"]
"#;

    /// What becomes of a configuration with `more` before the rest of it, beside a template.
    fn read(more: &str, variables: &[(&str, &str)]) -> Result<Option<Settings>, SecretError> {
        let directory = tempfile::tempdir().unwrap();
        let secret = r#""secrets": [{"name": "DATABASE_URL", "valueFrom": "arn"}], "mountPoints""#;
        let template = TEMPLATE.replacen("\"mountPoints\"", secret, 1);
        std::fs::write(directory.path().join("td.json"), template).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let config = Config::parse(&directory.path().join("bivouac.toml"), &format!("{more}{REST}"), &variables);
        let config = config.unwrap_or_else(|errors| panic!("{errors}"));
        settings(&config, &config.policy().unwrap())
    }

    /// The same with a webhook secret.
    fn with_secret(more: &str) -> Settings {
        read(more, &[("BIVOUAC__GITHUB__WEBHOOK_SECRET", "hush")]).unwrap().expect("it is on")
    }

    fn required(permission: Permission, teams: &[&str], users: &[&str]) -> Required {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Required { permission, teams: owned(teams), users: owned(users) }
    }

    #[test]
    fn it_is_off_without_an_address_or_a_secret() {
        assert!(read("", &[]).unwrap().is_none());
        let deaf = read("bot.listen = \"\"\n", &[("BIVOUAC__GITHUB__WEBHOOK_SECRET", "hush")]);
        assert!(deaf.unwrap().is_none());
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_told_at_once() {
        let missing = read("github.webhook_secret_file = \"no-such-file\"\n", &[]);
        assert!(matches!(missing, Err(SecretError::Unreadable(..))), "{missing:?}");
    }

    #[test]
    fn each_line_of_the_secret_is_one() {
        let settings = read("", &[("BIVOUAC__GITHUB__WEBHOOK_SECRET", "old\n\n  new\n")]).unwrap().unwrap();
        assert_eq!(format!("{:?}", settings.secrets), "Secrets(2)");
    }

    #[test]
    fn it_is_on_with_a_secret_of_a_project_alone() {
        let settings = read("", &[("BIVOUAC__PROJECT__0__WEBHOOK_SECRET", "hush")]).unwrap().expect("it is on");
        assert_eq!(format!("{:?}", settings.secrets), "Secrets(1)");
        let more = "github.webhook_secret_file = \"no-such-file\"\n";
        assert!(read(more, &[("BIVOUAC__PROJECT__0__WEBHOOK_SECRET", "hush")]).is_err(), "each has to be there");
    }

    #[test]
    fn a_project_allows_what_the_configuration_and_its_template_say() {
        let settings = with_secret("sizes.large = { cpu = 2, memory = 8 }\n");
        let project = settings.project("apache/superset").unwrap();
        assert!(project.variables.config_allow[0].matches("SUPERSET_X"));
        assert!(project.secrets.contains("DATABASE_URL"), "{:?}", project.secrets);
        assert!(project.sizes.contains("large"), "{:?}", project.sizes);
        let groups: Vec<_> = project.logs.containers.iter().filter_map(|log| Some(log.stream("1")?.group)).collect();
        assert_eq!(groups, ["/ecs/superset-ci"]);
    }

    #[test]
    fn what_is_configured_reaches_the_bot() {
        let settings = with_secret(
            "guardrails.ttl = \"12h\"\n\
             [bot]\ncommand = \"/camp\"\nlabel = \"camp\"\nroll_forward = \"never\"\ncompare = \"2m\"\n",
        );
        assert_eq!((settings.command.as_str(), settings.label.as_deref()), ("/camp", Some("camp")));
        assert_eq!(settings.roll_forward, RollForward::Never);
        assert_eq!(settings.compare_every, Duration::from_secs(120));
        assert_eq!(settings.default_ttl, Duration::from_secs(12 * 3600));
        let defaults = with_secret("");
        assert_eq!((defaults.command.as_str(), defaults.roll_forward), ("/testenv", RollForward::Trusted));
        assert_eq!(with_secret("bot.label = \"\"\n").label, None);
        assert_eq!(with_secret("bot.roll_forward = \"auto\"\n").roll_forward, RollForward::Auto);
    }

    #[test]
    fn without_rules_the_table_of_commands_holds() {
        let policy = with_secret("").policy;
        for row in COMMANDS {
            let permission = if row.who == Who::Everyone { Permission::None } else { Permission::Write };
            assert_eq!(*policy.required(row.verb), required(permission, &[], &[]), "{}", row.verb);
        }
    }

    #[test]
    fn the_general_rule_leaves_to_everybody_what_is_everybodys() {
        let policy = with_secret("[bot]\npermission = \"admin\"\nteams = [\"apache/pmc\"]\nusers = [\"ada\"]\n").policy;
        for row in COMMANDS {
            let rule = match row.who {
                Who::Everyone => required(Permission::None, &[], &[]),
                Who::Write => required(Permission::Admin, &["apache/pmc"], &["ada"]),
            };
            assert_eq!(*policy.required(row.verb), rule, "{}", row.verb);
        }
    }

    #[test]
    fn the_rule_of_a_command_is_for_that_command_whichever_it_is() {
        let policy = with_secret(
            "[bot]\nteams = [\"apache/pmc\"]\n\
             [bot.commands.down]\npermission = \"everyone\"\n\
             [bot.commands.status]\npermission = \"read\"\nteams = []\nusers = [\"grace\"]\n",
        )
        .policy;
        // What it does not say is as the general rule has it.
        assert_eq!(*policy.required(Verb::Down), required(Permission::None, &["apache/pmc"], &[]));
        assert_eq!(*policy.required(Verb::Status), required(Permission::Read, &[], &["grace"]));
        assert_eq!(*policy.required(Verb::Up), required(Permission::Write, &["apache/pmc"], &[]));
        assert_eq!(*policy.required(Verb::Help), required(Permission::None, &[], &[]));
    }
}
