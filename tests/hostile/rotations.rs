//! Secrets are rotated under a running daemon, which is not restarted: it goes on with the new ones, and the old ones are
//! good for nothing.

use std::path::Path;

use bivouac_model::Phase;
use bivouac_simcloud::Options;
use bivouac_simcloud::github::{AppOptions, Grants, HookTarget, Level, Outcome, Permission, Resource, Rights};
use tempfile::TempDir;

use crate::program::Program;
use crate::reaping::program;
use crate::system::{REPO, System, policy};
use crate::wait::until;

const FIRST_KEY: &str = include_str!("../../crates/simcloud/src/github/tests/app_key.pem");
const FIRST_PUBLIC_KEY: &str = include_str!("../../crates/simcloud/src/github/tests/app_key.pub.pem");
const SECOND_KEY: &str = include_str!("second_app_key.pem");
const SECOND_PUBLIC_KEY: &str = include_str!("second_app_key.pub.pem");

/// A repository beside the one of all tests, with environments too.
const OTHER: &str = "acme/other";

/// A cloud with a maintainer, and a program that has its secrets in files.
async fn scene() -> (System, TempDir, Program) {
    let system = System::without_daemon(Options::default(), policy()).await;
    system.hub.add_user("maintainer");
    for person in ["maintainer", "bivouac-bot"] {
        system.hub.set_permission(REPO, person, Permission::Write).expect("a permission");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let mut program = program(&system, &directory);
    program.variables.remove("BIVOUAC__GITHUB__TOKEN");
    for (name, value) in [
        ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", system.cloud.dynamodb_url().as_str()),
        ("BIVOUAC__GITHUB__TOKEN_FILE", "token"),
        ("BIVOUAC__GITHUB__WEBHOOK_SECRET_FILE", "webhook"),
        ("BIVOUAC__GUARDRAILS__MAX_VCPUS", "1000"),
        ("BIVOUAC__PROJECT__0__IMAGE_COMMIT", "unchecked"),
        ("BIVOUAC__BOT__LISTEN", "127.0.0.1:0"),
        ("BIVOUAC__OPS__LISTEN", "127.0.0.1:0"),
    ] {
        program.variables.insert(name.to_owned(), value.to_owned());
    }
    (system, directory, program)
}

/// Replaces a file, as whoever rotates a secret does.
fn replace(directory: &TempDir, name: &str, text: &str) {
    let new = directory.path().join("new");
    std::fs::write(&new, text).expect("written");
    std::fs::rename(new, directory.path().join(name)).expect("replaced");
}

/// What the newest delivery of a webhook was answered.
async fn answered(system: &System, hook: u64) -> u16 {
    system.hub.all_delivered().await.expect("deliveries");
    let newest = system.hub.deliveries().into_iter().rfind(|one| one.hook == hook).expect("a delivery");
    match newest.outcome {
        Outcome::Answered { status, .. } => status,
        other => panic!("{other:?}"),
    }
}

/// Comments until the newest delivery of a webhook is answered like this.
async fn until_answered(system: &System, pr: u64, hook: u64, expected: u16) {
    until("the answer", async || {
        system.hub.comment(REPO, pr, "maintainer", "Looks good.").expect("a comment");
        match answered(system, hook).await {
            status if status == expected => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_a_webhook_secret_are_rotated_without_a_restart() {
    let (system, directory, program) = scene().await;
    system.hub.add_token("first-token", "bivouac-bot", Rights::commenter());
    replace(&directory, "token", "first-token\n");
    replace(&directory, "webhook", "first-secret\n");
    let daemon = program.daemon().await;
    let url = format!("{}/webhooks/github", daemon.listening["bot"].as_str().expect("an address"));
    let add = |secret| system.hub.add_webhook(HookTarget::Everything, &url, Some(secret), &["*"]).expect("a webhook");
    let (first, second) = (add("first-secret"), add("second-secret"));
    let pr = system.pull_request();
    system.tick();
    system.hub.person("maintainer").comment(REPO, pr, "/testenv up").expect("a comment");
    let ready = system.until_phase(pr, Phase::Ready).await;
    system.until_comment(pr, &ready.status.and_then(|status| status.url).expect("an address")).await;
    assert_eq!((answered(&system, first).await / 100, answered(&system, second).await), (2, 401));

    // Both are good while one replaces the other.
    replace(&directory, "webhook", "first-secret\nsecond-secret\n");
    until_answered(&system, pr, second, 202).await;
    assert_eq!(answered(&system, first).await, 202);
    replace(&directory, "webhook", "second-secret\n");
    until_answered(&system, pr, first, 401).await;
    assert_eq!(answered(&system, second).await, 202);
    // A file that is gone or empty changes nothing: neither is everybody let in, nor is anybody shut out.
    std::fs::remove_file(directory.path().join("webhook")).expect("removed");
    let calls = system.hub.deliveries().len();
    until("some more deliveries", async || {
        until_answered(&system, pr, second, 202).await;
        assert_eq!(answered(&system, first).await, 401);
        let more = system.hub.deliveries().len() - calls;
        if more > 40 { Ok(()) } else { Err(more.to_string()) }
    })
    .await;
    system.hub.remove_webhook(first);

    // The token is replaced and the old one revoked in the same moment: what is refused meanwhile is sent again.
    system.hub.add_token("second-token", "bivouac-bot", Rights::commenter());
    replace(&directory, "token", "second-token\n");
    system.hub.revoke_token("first-token");
    let pr = system.pull_request();
    system.tick();
    let command = system.hub.person("maintainer").comment(REPO, pr, "/testenv up").expect("a comment");
    let ready = system.until_phase(pr, Phase::Ready).await;
    system.until_comment(pr, &ready.status.and_then(|status| status.url).expect("an address")).await;
    system.until_reaction(pr, command, "rocket").await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_an_app_is_rotated_without_a_restart() {
    const APP: u64 = 4711;
    let (system, directory, mut program) = scene().await;
    let register = |key: &str| {
        let permissions = [Resource::Issues, Resource::PullRequests];
        let permissions = permissions.into_iter().fold(Grants::none(), |all, one| all.with(one, Level::Write));
        let public_key_pem = Some(key.to_owned());
        let app = AppOptions { public_key_pem, permissions, ..AppOptions::new(APP, "bivouac-app", "acme") };
        system.hub.register_app(app).expect("an app");
    };
    register(FIRST_PUBLIC_KEY);
    system.hub.install_app(APP, "acme").expect("installed");
    replace(&directory, "key.pem", FIRST_KEY);
    program.variables.remove("BIVOUAC__GITHUB__TOKEN_FILE");
    program.variables.remove("BIVOUAC__GITHUB__WEBHOOK_SECRET_FILE");
    for (name, value) in [
        ("BIVOUAC__GITHUB__APP_ID", APP.to_string()),
        ("BIVOUAC__GITHUB__PRIVATE_KEY_FILE", "key.pem".to_owned()),
        ("BIVOUAC__BOT__LISTEN", String::new()),
    ] {
        program.variables.insert(name.to_owned(), value);
    }
    let daemon = program.daemon().await;
    let comment = async |pr: u64| {
        system.put(pr, &[]).await;
        until("a comment of the app", async || {
            let comments = system.hub.comments(REPO, pr).expect("comments");
            let ours = comments.iter().any(|one| one.author == "bivouac-app[bot]" && one.body.contains("ready"));
            if ours { Ok(()) } else { Err(format!("{comments:#?}")) }
        })
        .await;
    };
    comment(system.pull_request()).await;

    register(SECOND_PUBLIC_KEY);
    // Half a key is no key: the old one stays, and the whole one is found.
    replace(&directory, "key.pem", &SECOND_KEY[..SECOND_KEY.len() / 2]);
    replace(&directory, "key.pem", SECOND_KEY);
    system.hub.reset_calls();
    until("a token that was made with the second key", async || {
        let requests = system.hub.requests();
        let mut tokens = requests.iter().filter(|one| one.target.ends_with("/access_tokens"));
        if tokens.any(|one| one.status == Some(201)) { Ok(()) } else { Err(format!("{} requests", requests.len())) }
    })
    .await;
    comment(system.pull_request()).await;
    let refused: Vec<_> = system.hub.requests().into_iter().filter(|one| one.status == Some(401)).collect();
    assert!(refused.is_empty(), "the old key was used again: {refused:#?}");
    assert!(daemon.terminate().await.success());
}

/// Adds a project to the configuration that lies there.
fn with_other_project(directory: &Path) {
    let path = directory.join("bivouac.toml");
    let text = std::fs::read_to_string(&path).expect("the configuration");
    let more = format!(
        "[[project]]\nrepo = \"{OTHER}\"\necr_repository = \"other\"\ntask_definition = \"task-definition.json\"\n\
         containers = [\"superset\"]\nservice_name = \"other-{{pr}}\"\n"
    );
    std::fs::write(path, format!("{text}{more}")).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_one_project_commands_no_other_one() {
    let (system, directory, mut program) = scene().await;
    system.hub.add_repository(OTHER).expect("a repository");
    for person in ["maintainer", "bivouac-bot"] {
        system.hub.set_permission(OTHER, person, Permission::Write).expect("a permission");
    }
    with_other_project(directory.path());
    system.hub.add_token("a-token", "bivouac-bot", Rights::commenter());
    for (name, text) in [("token", "a-token"), ("webhook", "general"), ("shop", "of-the-shop")] {
        replace(&directory, name, text);
    }
    program.variables.insert("BIVOUAC__PROJECT__0__WEBHOOK_SECRET_FILE".to_owned(), "shop".to_owned());
    let daemon = program.daemon().await;
    let url = format!("{}/webhooks/github", daemon.listening["bot"].as_str().expect("an address"));
    let add = |repo: &str, secret| {
        let target = HookTarget::Repository(repo.to_owned());
        system.hub.add_webhook(target, &url, Some(secret), &["*"]).expect("a webhook")
    };
    let (shop, shop_by_general) = (add(REPO, "of-the-shop"), add(REPO, "general"));
    let (other, other_by_shop) = (add(OTHER, "general"), add(OTHER, "of-the-shop"));
    let sha = "89abcdef0123456789abcdef0123456789abcdef";
    let pr = system.hub.open_pull_request(OTHER, "A change", "contributor", sha, None).expect("a pull request");
    let ours = system.pull_request();
    // Those who may not speak for a repository are the only ones who tell of the commands.
    system.hub.set_webhook_active(shop, false).expect("a webhook");
    system.hub.set_webhook_active(other, false).expect("a webhook");
    let maintainer = system.hub.person("maintainer");
    maintainer.comment(REPO, ours, "/testenv up").expect("a comment");
    maintainer.comment(OTHER, pr, "/testenv up").expect("a comment");
    for hook in [shop_by_general, other_by_shop] {
        assert_eq!(answered(&system, hook).await, 401);
    }
    system.hub.set_webhook_active(shop, true).expect("a webhook");
    system.hub.set_webhook_active(other, true).expect("a webhook");
    for (repo, pr, hook) in [(REPO, ours, shop), (OTHER, pr, other)] {
        maintainer.comment(repo, pr, "/testenv status").expect("a comment");
        assert_eq!(answered(&system, hook).await, 202, "{repo}");
    }
    assert!(system.record(ours).await.is_none(), "the command that was refused was obeyed");
    assert!(daemon.terminate().await.success());
}
