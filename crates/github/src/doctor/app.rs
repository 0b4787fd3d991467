//! What a GitHub App may do: what it asks for, and what was granted where it is installed.

use std::collections::BTreeMap;

use bivouac_model::RepoName;
use bivouac_ports::Meaning;
use serde::Deserialize;

use super::webhook::{self, Config};
use super::{Finding, Needs, Switched};
use crate::client::{Ask, Client};
use crate::operation::{GET_APP, GET_APP_HOOK, GET_INSTALLATION};

/// `integration`.
#[derive(Debug, Deserialize)]
struct Registered {
    slug: String,
    html_url: String,
    permissions: Permissions,
    events: Vec<String>,
}

/// `installation`.
#[derive(Debug, Deserialize)]
struct Installed {
    html_url: String,
    permissions: Permissions,
    suspended_at: Option<String>,
}

/// `app-permissions`: names and words.
type Permissions = BTreeMap<String, String>;

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    None,
    Read,
    Write,
}

pub(super) async fn check(client: &Client, needs: &Needs, switched: Switched) -> Vec<Finding> {
    let answer = client.ask(Ask::get(&GET_APP, "/app".to_owned())).await.map_err(bivouac_ports::Error::from);
    let app = match answer.and_then(|answer| answer.read::<Registered>(&GET_APP)) {
        Ok(app) => app,
        Err(error) => {
            let mend =
                "see whether `github.app_id` and the private key belong together; the app's settings make a new key";
            return vec![Finding::unknown_to_github(
                "GitHub takes us for a GitHub App",
                &error,
                client.api_url(),
                mend,
            )];
        }
    };
    let mut findings = vec![Finding::ok(format!("we are the GitHub App {}", app.slug))];
    findings.extend(granted("the app asks for", &app.permissions, needs, switched, &|permission, level| {
        format!("set the permission \"{permission}\" to {level} in the app's settings")
    }));
    if needs.bot {
        findings.extend(webhook::events("the app", &app.events, |event, permission| {
            format!("subscribe to {event} in the app's settings (it takes the permission \"{permission}\", read-only)")
        }));
        findings.extend(hook(client, needs).await);
    }
    for repo in &needs.repos {
        findings.extend(installation(client, repo, &app, needs, switched).await);
    }
    findings
}

/// What is needed, held against what there is.
fn granted(
    how: &str,
    permissions: &Permissions,
    needs: &Needs,
    switched: Switched,
    mend: &dyn Fn(&str, &str) -> String,
) -> Vec<Finding> {
    let level = |name: &str| match permissions.get(name).map(String::as_str) {
        Some("read") => Level::Read,
        Some("write" | "admin") => Level::Write,
        _ => Level::None,
    };
    let finding = |what: &str, holds: bool, permission: &str, wanted: &str| {
        Finding::of(format!("{how} {what}"), holds, mend(permission, wanted))
    };
    let read = |name| level(name) >= Level::Read;
    let write = |name| level(name) >= Level::Write;
    let mut findings = vec![
        finding("reading metadata", read("metadata"), "Metadata", "read-only"),
        finding("reading pull requests", read("pull_requests"), "Pull requests", "read and write"),
        // Either opens what belongs to issues and pull requests alike.
        finding("writing comments", write("pull_requests") || write("issues"), "Pull requests", "read and write"),
    ];
    if switched.deployments {
        findings.push(finding("writing deployments", write("deployments"), "Deployments", "read and write"));
    }
    if switched.check_run {
        findings.push(finding("writing checks", write("checks"), "Checks", "read and write"));
    }
    if needs.teams {
        findings.push(finding("reading members of teams", read("members"), "Members", "read-only"));
    }
    findings
}

async fn hook(client: &Client, needs: &Needs) -> Vec<Finding> {
    let answer = client.ask(Ask::get(&GET_APP_HOOK, "/app/hook/config".to_owned())).await;
    match answer.map_err(bivouac_ports::Error::from).and_then(|answer| answer.read::<Config>(&GET_APP_HOOK)) {
        Ok(config) => config.findings("the app", needs),
        Err(error) if error.meaning() == Meaning::NotFound => {
            vec![Finding::missing(
                "the app: the webhook leads to the bot",
                "activate the webhook in the app's settings",
            )]
        }
        Err(error) => vec![Finding::untold("the app: the webhook leads to the bot", &error)],
    }
}

async fn installation(
    client: &Client,
    repo: &RepoName,
    app: &Registered,
    needs: &Needs,
    switched: Switched,
) -> Vec<Finding> {
    let what = format!("{repo}: the app is installed");
    let path = client.located(repo, format!("/repos/{repo}/installation"));
    let answer = client.ask(Ask::get(&GET_INSTALLATION, path)).await;
    let answer = answer.map_err(bivouac_ports::Error::from);
    let installed = match answer.and_then(|answer| answer.read::<Installed>(&GET_INSTALLATION)) {
        Ok(installed) => installed,
        Err(error) if error.meaning() == Meaning::NotFound => {
            return vec![Finding::missing(what, format!("install it: {}/installations/new", app.html_url))];
        }
        Err(error) => return vec![Finding::untold(what, &error)],
    };
    if installed.suspended_at.is_some() {
        return vec![Finding::missing(what, format!("it is suspended: lift that at {}", installed.html_url))];
    }
    let mut findings = vec![Finding::ok(what)];
    let how = format!("{repo}: the installation grants");
    if needs.bot {
        findings.push(super::pushes(client, repo).await);
    }
    findings.extend(granted(&how, &installed.permissions, needs, switched, &|permission, level| {
        let at = &installed.html_url;
        format!("the app has to ask for \"{permission}\" ({level}), and an owner to accept it at {at}")
    }));
    findings
}
