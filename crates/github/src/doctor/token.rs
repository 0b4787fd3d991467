//! What a personal access token may do: by its scopes, or, for a fine-grained one, by trying what only reads.

use bivouac_model::RepoName;
use bivouac_ports::{Error, Meaning};
use serde::Deserialize;

use super::webhook::{self, Config};
use super::{Finding, Needs, Switched};
use crate::answer::User;
use crate::client::{Ask, Client};
use crate::operation::{
    GET_PERMISSION, GET_REPOSITORY, GET_USER, LIST_COMMENTS, LIST_DEPLOYMENTS, LIST_HOOKS, LIST_PULLS, Operation,
};

/// `full-repository`.
#[derive(Debug, Deserialize)]
struct Repository {
    private: bool,
}

/// `hook`.
#[derive(Debug, Deserialize)]
struct Hook {
    active: bool,
    events: Vec<String>,
    config: Config,
    last_response: Option<LastResponse>,
}

/// `hook-response`; all `null` before the first delivery.
#[derive(Debug, Deserialize)]
struct LastResponse {
    code: Option<i64>,
}

/// The scopes of a classic token; a fine-grained one has none.
struct Scopes(Option<Vec<String>>);

impl Scopes {
    /// Whether it is a classic token without all of these.
    fn lack(&self, any: &[&str]) -> bool {
        self.0.as_ref().is_some_and(|all| !all.iter().any(|one| any.contains(&one.as_str())))
    }

    fn are_told(&self) -> bool {
        self.0.is_some()
    }
}

pub(super) async fn check(client: &Client, needs: &Needs, switched: Switched) -> Vec<Finding> {
    let answer = match client.ask(Ask::get(&GET_USER, "/user".to_owned())).await.map_err(Error::from) {
        Ok(answer) => answer,
        Err(error) => {
            let mend =
                "make a new token: this one is revoked, has expired or is of another GitHub than `github.api_url`";
            return vec![Finding::unknown_to_github("GitHub takes our token", &error, client.api_url(), mend)];
        }
    };
    let login = match answer.read::<User>(&GET_USER) {
        Ok(user) => user.login,
        Err(error) => return vec![Finding::unknown_to_github("GitHub takes our token", &error, client.api_url(), "")],
    };
    // Only classic tokens have the header (docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps).
    let scopes = answer.header("x-oauth-scopes");
    let scopes = Scopes(scopes.map(|all| all.split(',').map(|one| one.trim().to_owned()).collect()));
    let kind = if scopes.are_told() { "classic" } else { "fine-grained" };
    let mut findings = vec![Finding::ok(format!("we are {login}, with a {kind} token"))];
    if needs.teams && scopes.are_told() {
        let lack = scopes.lack(&["read:org", "write:org", "admin:org"]);
        findings.push(Finding::of("the token reads members of teams", !lack, "add the scope read:org"));
    } else if needs.teams {
        let mend = "grant the organization permission \"Members\" (read-only)";
        findings.push(Finding::unknown("the token reads members of teams", mend));
    }
    for repo in &needs.repos {
        findings.extend(repository(client, repo, &login, &scopes, switched).await);
        if needs.bot {
            findings.push(super::pushes(client, repo).await);
            findings.extend(hooks(client, repo, needs).await);
        }
    }
    findings
}

async fn repository(
    client: &Client,
    repo: &RepoName,
    login: &str,
    scopes: &Scopes,
    switched: Switched,
) -> Vec<Finding> {
    let seen = format!("{repo}: can be seen");
    let is_private = match read::<Repository>(client, repo, &GET_REPOSITORY, "").await {
        Ok(repository) => repository.private,
        Err(error) if matches!(error.meaning(), Meaning::Denied | Meaning::NotFound) => {
            let mend = format!("let {login} and its token see {repo}, or mend `repo` of the project");
            return vec![Finding::refused(seen, &error, mend)];
        }
        Err(error) => return vec![Finding::untold(seen, &error)],
    };
    let mut findings = vec![Finding::ok(seen)];
    let me = format!("/collaborators/{login}/permission");
    for (what, operation, path) in [
        ("pull requests can be read", &LIST_PULLS, "/pulls?per_page=1"),
        ("comments can be read", &LIST_COMMENTS, "/issues/comments?per_page=1"),
        ("permissions of people can be read", &GET_PERMISSION, me.as_str()),
    ] {
        findings.push(tried(client, repo, what, operation, path).await);
    }
    let comments = if is_private { &["repo"][..] } else { &["repo", "public_repo"] };
    let grant = "\"Pull requests\" (read and write)";
    findings.push(writing(repo, "comments can be written", scopes, comments, grant));
    if switched.deployments {
        findings
            .push(tried(client, repo, "deployments can be read", &LIST_DEPLOYMENTS, "/deployments?per_page=1").await);
        let any =
            if is_private { &["repo", "repo_deployment"][..] } else { &["repo", "public_repo", "repo_deployment"] };
        findings.push(writing(repo, "deployments can be written", scopes, any, "\"Deployments\" (read and write)"));
    }
    findings
}

/// What would change something is not tried: the scopes tell, and a fine-grained token tells nothing.
fn writing(repo: &RepoName, what: &str, scopes: &Scopes, any: &[&str], grant: &str) -> Finding {
    let what = format!("{repo}: {what}");
    if scopes.are_told() {
        Finding::of(what, !scopes.lack(any), format!("add the scope {}", any.join(" or ")))
    } else {
        Finding::unknown(what, format!("a fine-grained token does not tell; it needs {grant} there"))
    }
}

async fn tried(client: &Client, repo: &RepoName, what: &str, operation: &'static Operation, path: &str) -> Finding {
    let what = format!("{repo}: {what}");
    match read::<serde::de::IgnoredAny>(client, repo, operation, path).await {
        Ok(_) => Finding::ok(what),
        Err(error) if matches!(error.meaning(), Meaning::Denied | Meaning::NotFound) => {
            Finding::refused(what, &error, format!("the token needs {}", operation.permission))
        }
        Err(error) => Finding::untold(what, &error),
    }
}

async fn hooks(client: &Client, repo: &RepoName, needs: &Needs) -> Vec<Finding> {
    let what = format!("{repo}: a webhook leads to the bot");
    let all: Vec<Hook> = match read(client, repo, &LIST_HOOKS, "/hooks?per_page=100").await {
        Ok(all) => all,
        Err(error) if matches!(error.meaning(), Meaning::Denied | Meaning::NotFound) => {
            let mend = "the token may not look: grant \"Webhooks\" (read-only), or see for yourself in the settings of the \
                        repository or its organization";
            return vec![Finding::unknown(what, mend)];
        }
        Err(error) => return vec![Finding::untold(what, &error)],
    };
    // Without a known address any that listens to comments may be it.
    let ours = |hook: &&Hook| {
        let hears = hook.events.iter().any(|event| event == "*" || event == "issue_comment");
        hook.config.is_for(needs) && (hears || needs.webhook_url.is_some())
    };
    let Some(hook) = all.iter().filter(ours).max_by_key(|hook| hook.active) else {
        let mend = "add a webhook in the settings of the repository, unless its organization has one";
        return vec![Finding::missing(what, mend)];
    };
    let whose = repo.to_string();
    let mut findings = hook.config.findings(&whose, needs);
    findings.push(Finding::of(format!("{repo}: the webhook is active"), hook.active, "activate the webhook"));
    findings.extend(webhook::events(&whose, &hook.events, |event, _| format!("let the webhook send {event}")));
    if let Some(code) = hook.last_response.as_ref().and_then(|last| last.code) {
        let what = format!("{repo}: the last delivery was taken");
        findings.push(if (200..300).contains(&code) {
            Finding::ok(what)
        } else {
            // The bot may not have run then.
            let mend = "start the bot, and see the webhook's recent deliveries";
            Finding {
                seen: format!("the bot, or what stands before it, answered {code}"),
                ..Finding::unknown(what, mend)
            }
        });
    }
    findings
}

async fn read<T: serde::de::DeserializeOwned>(
    client: &Client,
    repo: &RepoName,
    operation: &'static Operation,
    path: &str,
) -> Result<T, Error> {
    let ask = Ask::get(operation, format!("/repos/{repo}{path}"));
    client.ask_in(repo, ask).await?.read(operation)
}
