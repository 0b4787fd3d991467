//! The bot, put together: its settings out of the configuration, its doors, and the server it listens on.

use std::sync::Arc;

use bivouac_bot::{Bot, Doors, Policy, ProjectRules, Required, RollForward, Secrets, Settings};
use bivouac_model::command::table::{COMMANDS, Who};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config, Rule, SecretError};

/// The settings of the bot; `None`: it is off, by `bot.listen` or for want of a webhook secret. The secret is read here, so
/// that a missing one is told before anything starts.
///
/// # Errors
/// When the secret cannot be read.
pub fn settings(config: &Config) -> Result<Option<Settings>, SecretError> {
    let (Some(_), Some(secret)) = (config.bot.listen, &config.github.webhook_secret) else { return Ok(None) };
    let secret = secret.read()?;
    // Several, one a line, while one replaces another.
    let secrets = secret.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty()).map(SecretString::from);
    let project = |project: &config::ProjectConfig| ProjectRules {
        repo: project.repo.clone(),
        config_allow: project.config_allow.clone(),
        sizes: config.sizes.keys().cloned().collect(),
    };
    Ok(Some(Settings {
        command: config.bot.command.clone(),
        secrets: Secrets::new(secrets),
        projects: config.projects.iter().map(project).collect(),
        policy: policy(&config.bot),
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

/// The general rule is for what is not everybody's by nature; a rule for a command is for that command, whichever.
fn policy(bot: &config::Bot) -> Policy {
    let required =
        |rule: &Rule| Required { permission: rule.permission, teams: rule.teams.clone(), users: rule.users.clone() };
    COMMANDS.iter().fold(Policy::default(), |policy, row| match (bot.commands.get(&row.verb), row.who) {
        (Some(rule), _) => policy.with(row.verb, required(rule)),
        (None, Who::Write) => policy.with(row.verb, required(&bot.rule)),
        (None, Who::Everyone) => policy,
    })
}

/// Takes webhooks on `listener` and handles them until `stop`; letters under way are finished or stay in the inbox.
pub async fn serve(listener: TcpListener, doors: Doors, settings: Settings, stop: CancellationToken) {
    let bot = Arc::new(Bot::new(doors, settings));
    let router = bot.router();
    tokio::join!(bivouac_ops::serve_router(listener, router, stop.clone()), bot.run(stop));
}
