//! What `bivouac doctor` is told: everything that is missing, and nothing that is not.

use bivouac_github::{Finding, Needs, Standing};
use bivouac_simcloud::github::{Grants, HookTarget, Permission as Granted, Resource};

use super::*;

const HOOK: &str = "http://127.0.0.1:9/webhooks/github";
const EVENTS: [&str; 5] = ["issue_comment", "pull_request", "pull_request_review", "registry_package", "workflow_run"];

fn needs() -> Needs {
    let webhook_url = Some(HOOK.to_owned());
    Needs { repos: vec![REPO.parse().unwrap()], bot: true, teams: true, webhook_url }
}

/// What is in this state, in one text, a line each, with what was seen and what mends it.
fn told(findings: &[Finding], state: Standing) -> String {
    for finding in findings {
        assert_eq!(finding.mend.is_empty(), finding.state == Standing::Ok, "{finding:?}");
    }
    let told = findings.iter().filter(|finding| finding.state == state);
    told.map(|finding| format!("{}: {} {}\n", finding.what, finding.seen, finding.mend)).collect()
}

#[track_caller]
fn assert_told(findings: &[Finding], state: Standing, words: &[&str]) {
    let told = told(findings, state);
    for word in words {
        assert!(told.contains(word), "{word} is not told as {state:?}: {findings:#?}");
    }
}

/// From an app that asks for little and is installed nowhere to one that lacks nothing.
pub async fn the_doctor_finds_what_an_app_lacks(forge: &Forge) {
    forge.prepare();
    let app = |permissions, events: &[&str]| AppOptions {
        public_key_pem: Some(APP_PUBLIC_KEY.to_owned()),
        permissions,
        events: events.iter().map(|&event| event.to_owned()).collect(),
        ..AppOptions::new(79, "bivouac-doctor", "acme")
    };
    forge.hub.register_app(app(Grants::none(), &["pull_request"])).unwrap();
    let process = || {
        let credentials = Credentials::App { id: 79, private_key: APP_KEY.into() };
        let settings = Settings { deployments: true, check_run: true, ..forge.settings(credentials) };
        GitHub::new(settings, Arc::new(NoMeter)).unwrap()
    };
    let findings = process().check(&needs()).await;
    let lacks = ["Pull requests", "Deployments", "Checks", "Members", "issue_comment", "workflow_run", "install it"];
    assert_told(&findings, Standing::Missing, &lacks);
    assert!(!told(&findings, Standing::Missing).contains("pull_request is sent"), "{findings:#?}");

    let all = [Resource::Issues, Resource::PullRequests, Resource::Deployments, Resource::Checks, Resource::Members];
    let all = all.into_iter().fold(Grants::none(), |all, one| all.with(one, Level::Write));
    forge.hub.register_app(app(all, &EVENTS)).unwrap();
    forge.hub.install_app(79, "apache").unwrap();
    forge.hub.add_webhook(HookTarget::App(79), HOOK, None, &EVENTS).unwrap();
    let findings = process().check(&needs()).await;
    assert_eq!(told(&findings, Standing::Missing).lines().count(), 1, "{findings:#?}");
    assert_told(&findings, Standing::Missing, &["the webhook's secret"]);
    let elsewhere = Needs { webhook_url: Some("https://elsewhere.example".to_owned()), ..needs() };
    assert_told(&process().check(&elsewhere).await, Standing::Missing, &["https://elsewhere.example"]);
}

/// A classic token has scopes, which tell; of a fine-grained one, what only reads is tried, and the rest is unknown.
pub async fn the_doctor_finds_what_a_token_lacks(forge: &Forge) {
    forge.prepare();
    let process = |token: &str| {
        let settings = Settings { deployments: true, ..forge.settings(Credentials::Token(token.into())) };
        GitHub::new(settings, Arc::new(NoMeter)).unwrap()
    };
    forge.hub.add_token("ghp_classic", BOT, Rights::classic(["user"]));
    let findings = process("ghp_classic").check(&needs()).await;
    assert_told(&findings, Standing::Ok, &[BOT]);
    assert_told(&findings, Standing::Missing, &["read:org", "public_repo", "repo_deployment", "Metadata"]);

    forge.hub.set_permission(REPO, BOT, Granted::Admin).unwrap();
    forge.hub.add_token("ghp_classic", BOT, Rights::classic(["repo", "read:org"]));
    let findings = process("ghp_classic").check(&needs()).await;
    assert_eq!(told(&findings, Standing::Missing).lines().count(), 1, "{findings:#?}");
    assert_told(&findings, Standing::Missing, &["add a webhook"]);
    let target = HookTarget::Repository(REPO.to_owned());
    let hook = forge.hub.add_webhook(target, HOOK, Some("s3cret"), &["issue_comment", "pull_request"]).unwrap();
    forge.hub.set_webhook_active(hook, false).unwrap();
    let findings = process("ghp_classic").check(&needs()).await;
    assert_told(&findings, Standing::Missing, &["activate", "registry_package", "workflow_run"]);
    assert_told(&findings, Standing::Ok, &["is signed", "issue_comment", "leads to the bot"]);

    let findings = process(TOKEN).check(&needs()).await;
    assert_told(
        &findings,
        Standing::Unknown,
        &["Members", "comments can be written", "deployments can be written", "Webhooks"],
    );
    assert_told(&findings, Standing::Ok, &["can be seen", "pull requests can be read", "permissions of people"]);
}

/// Bad credentials, no such repository, an outage: each is one finding, and none is silence.
pub async fn the_doctor_says_what_it_cannot_see(forge: &Forge) {
    forge.prepare();
    let findings = forge.process("ghp_unknown").check(&needs()).await;
    assert_told(&findings, Standing::Missing, &["credentials"]);
    let nowhere = Needs { repos: vec!["apache/nowhere".parse().unwrap()], ..Needs::default() };
    assert_told(&forge.process(TOKEN).check(&nowhere).await, Standing::Missing, &["apache/nowhere: can be seen"]);
    forge.hub.set_down(true);
    let findings = forge.process(TOKEN).check(&needs()).await;
    assert_told(&findings, Standing::Missing, &["unavailable"]);
    forge.hub.set_down(false);
}
