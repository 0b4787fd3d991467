//! What GitHub lets us do, and whether its events reach the bot.

use bivouac_github::{Finding, Needs, Standing};
use bivouac_ports::{Error, Forge as _, RepoNames};

use super::report::{Area, Check};
use super::{PATIENCE, within};
use crate::compose::{self, ComposeError};
use crate::config::Config;

const GITHUB: Area = Area("github");

pub(super) async fn github(config: &Config) -> Vec<Check> {
    let github = match compose::github(config, PATIENCE) {
        Ok(github) => github,
        // The check of the secrets tells why.
        Err(ComposeError::Secret(_)) => return vec![GITHUB.skipped("credentials", "the secret cannot be read")],
        Err(ComposeError::NoCredentials) => {
            let mend = "set `github.token_file`, or `github.app_id` with `github.private_key_file`";
            return vec![GITHUB.problem("credentials", "the configuration names no GitHub credentials", mend)];
        }
        Err(error) => {
            let mend = "mend `[github]` of the configuration, or what its files hold";
            return vec![GITHUB.problem("credentials", crate::exit::chain(&error), mend)];
        }
    };
    let bot = config.bot.listen.is_some() && config.has_webhook_secret();
    let rules = std::iter::once(&config.bot.rule).chain(config.bot.commands.values());
    let needs = Needs {
        repos: config.projects.iter().map(|project| project.repo.clone()).collect(),
        bot,
        teams: bot && rules.into_iter().any(|rule| !rule.teams.is_empty()),
        // Where the world finds the bot is not in the configuration.
        webhook_url: None,
    };
    // Each repository takes some calls, one after the other.
    let repositories = u32::try_from(needs.repos.len()).unwrap_or(u32::MAX);
    let patience = PATIENCE.saturating_mul(repositories.saturating_add(1));
    let findings = async { Ok::<_, Error>(github.check(&needs).await) };
    match within(patience, "GitHub", findings).await {
        Ok(findings) => findings.into_iter().map(check).chain(moved(config, &github.names())).collect(),
        Err(error) => {
            let mend = format!("see whether this machine reaches {}, and look again", config.github.api_url);
            vec![GITHUB.problem("answers", error.to_string(), mend)]
        }
    }
}

/// The projects whose repositories have another name than the configured one, each with the line to change.
fn moved(config: &Config, names: &RepoNames) -> Vec<Check> {
    let moved = config.projects.iter().filter_map(|project| {
        let (from, moved) = (&project.repo, names.moved_from(&project.repo)?);
        let now = if moved.is_replaced { ", and another repository has this name" } else { "" };
        let message = format!("it is {} now{now}: it was renamed or transferred", moved.to);
        let mend = format!(
            "set `repo = \"{}\"` at {}, after what runs under the old name is taken down. Until then nothing is started, and \
             what runs ends when it expires or its pull request closes",
            moved.to,
            config.place_of_repo(project)
        );
        Some(GITHUB.problem(from.to_string(), message, mend))
    });
    moved.collect()
}

/// A finding is about a repository or the app, which stands before a colon, or about who we are.
fn check(finding: Finding) -> Check {
    let Finding { what, state, seen, mend } = finding;
    let (about, what) = what.split_once(": ").unwrap_or(("account", &what));
    let told = |otherwise: &str| format!("{what}: {}", if seen.is_empty() { otherwise } else { &seen });
    match state {
        Standing::Ok => GITHUB.ok(about, what),
        Standing::Missing => GITHUB.problem(about, told("no"), mend),
        Standing::Unknown => GITHUB.warning(about, told("this cannot be told from here"), mend),
    }
}
