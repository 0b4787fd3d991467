//! What is told beside the comment: deployments and check runs.
//!
//! They are the repository's and not the pull request's, and counted here all together: on one hub, only one of these
//! about deployments and one about check runs can be kept after each other.

use bivouac_simcloud::github::{CheckRunView, DeploymentView, Grants, Permission as Granted, Resource};

use super::*;

const DEPLOYMENTS: &str = "/repos/{owner}/{repo}/deployments";
const STATUSES: &str = "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses";
const CHECK_RUNS: &str = "/repos/{owner}/{repo}/check-runs";
const LATER: &str = "89abcdef0123456789abcdef0123456789abcdef";
const APP: u64 = 78;

impl Forge {
    /// A process with a token that may deploy.
    fn deployer(&self) -> (EnvKey, GitHub) {
        let (key, _) = self.prepare();
        self.hub.set_permission(REPO, BOT, Granted::Write).unwrap();
        self.hub.add_token("ghp_deployer", BOT, Rights::commenter().with(Resource::Deployments, Level::Write));
        (key, self.telling(Credentials::Token("ghp_deployer".into())))
    }

    /// A process of an app that may write checks.
    fn checker(&self) -> (EnvKey, GitHub) {
        let (key, _) = self.prepare();
        let permissions = [Resource::Issues, Resource::PullRequests, Resource::Checks, Resource::Deployments];
        let permissions = permissions.into_iter().fold(Grants::none(), |all, one| all.with(one, Level::Write));
        let public_key_pem = Some(APP_PUBLIC_KEY.to_owned());
        let app = AppOptions { public_key_pem, permissions, ..AppOptions::new(APP, "bivouac-checks", "acme") };
        self.hub.register_app(app).unwrap();
        self.hub.install_app(APP, "apache").unwrap();
        (key, self.telling(Credentials::App { id: APP, private_key: APP_KEY.into() }))
    }

    fn telling(&self, credentials: Credentials) -> GitHub {
        let check_run = matches!(credentials, Credentials::App { .. });
        let settings = Settings { deployments: !check_run, check_run, ..self.settings(credentials) };
        GitHub::new(settings, Arc::new(NoMeter)).unwrap()
    }

    fn deployments(&self) -> Vec<DeploymentView> {
        self.hub.deployments(REPO).unwrap()
    }

    /// Waits until the only deployment went through these states.
    async fn deployed(&self, states: &[&str]) -> DeploymentView {
        let all = || self.deployments();
        until(&format!("{states:?}"), || all().len() == 1 && all()[0].states == states).await;
        all().remove(0)
    }

    /// Waits until the only check run stands so.
    async fn checked(&self, status: &str, conclusion: Option<&str>) -> CheckRunView {
        let all = || self.hub.check_runs(REPO).unwrap();
        let stands = |run: &CheckRunView| run.status == status && run.conclusion == conclusion;
        until(&format!("{status} {conclusion:?}"), || all().len() == 1 && stands(&all()[0])).await;
        all().remove(0)
    }
}

fn at(phase: Phase, key: &EnvKey) -> CommentView {
    let url = (phase == Phase::Ready).then(|| FIRST.to_owned());
    CommentView { phase, url, ..view(key, FIRST) }
}

/// It is nobody's who did not ask for it.
pub async fn nothing_is_told_beside_the_comment_unless_it_is_switched_on(forge: &Forge) {
    let (key, github) = forge.prepare();
    forge.hub.set_permission(REPO, BOT, Granted::Write).unwrap();
    github.say(&view(&key, FIRST), None).await.unwrap();
    assert_eq!(forge.hub.calls().count("GET", DEPLOYMENTS), 0);
    assert!(forge.deployments().is_empty());
}

/// One deployment from the first word to the last, and a status only where it differs.
pub async fn a_deployment_follows_its_environment(forge: &Forge) {
    let (key, github) = forge.deployer();
    let mut said = None;
    for (phase, states) in [
        (Phase::Provisioning, &["in_progress"][..]),
        (Phase::Ready, &["in_progress", "success"]),
        (Phase::Failed, &["in_progress", "success", "failure"]),
        (Phase::Terminated, &["in_progress", "success", "failure", "inactive"]),
    ] {
        said = Some(github.say(&at(phase, &key), said.as_ref()).await.unwrap());
        let deployment = forge.deployed(states).await;
        assert_eq!(deployment.environment_url, if phase == Phase::Ready { FIRST } else { "" });
        assert_eq!((deployment.sha.as_str(), deployment.environment.as_str()), (SHA, "testenv"));
        assert!(deployment.transient && !deployment.production);
    }
    // Another process finds it as it should be, and writes nothing.
    forge.hub.reset_calls();
    let process = forge.telling(Credentials::Token("ghp_deployer".into()));
    process.say(&at(Phase::Terminated, &key), said.as_ref()).await.unwrap();
    until("the look", || forge.hub.calls().count("GET", STATUSES) > 0).await;
    assert_eq!(forge.hub.calls().content_writes(), 0);
    forge.deployed(&["in_progress", "success", "failure", "inactive"]).await;
}

/// The old one's is retired, and one that was never deployed is not deployed to be gone.
pub async fn another_commit_takes_the_place_of_the_one_before(forge: &Forge) {
    let (key, github) = forge.deployer();
    github.say(&at(Phase::Terminated, &key), None).await.unwrap();
    until("the look", || forge.hub.calls().count("GET", DEPLOYMENTS) > 0).await;
    github.say(&at(Phase::Ready, &key), None).await.unwrap();
    forge.deployed(&["success"]).await;
    forge.hub.push(REPO, key.pr.get(), LATER).unwrap();
    let later = CommentView { head_sha: Some(LATER.to_owned()), ..at(Phase::Ready, &key) };
    github.say(&later, None).await.unwrap();
    let states = || forge.deployments().into_iter().map(|one| (one.sha, one.state)).collect::<Vec<_>>();
    let wanted = [(SHA.to_owned(), "inactive"), (LATER.to_owned(), "success")];
    until("the later one", || states() == wanted).await;
}

/// Pull requests share the environment, not the deployment.
pub async fn a_deployment_leaves_other_pull_requests_alone(forge: &Forge) {
    let (key, github) = forge.deployer();
    let other = forge.pull_request();
    for key in [&key, &other] {
        github.say(&at(Phase::Ready, key), None).await.unwrap();
    }
    let states = || forge.deployments().into_iter().map(|one| one.states).collect::<Vec<_>>();
    until("both", || states() == [["success"], ["success"]]).await;
}

/// An answer that was lost makes neither a second deployment nor a second status.
pub async fn a_lost_answer_makes_no_second_deployment(forge: &Forge) {
    let (key, github) = forge.deployer();
    for route in [DEPLOYMENTS, STATUSES] {
        forge.hub.inject(FaultRule::new(Fault::After(502)).method("POST").route(route).times(1));
    }
    github.say(&at(Phase::Ready, &key), None).await.unwrap();
    forge.deployed(&["success"]).await;
    forge.hub.inject(FaultRule::new(Fault::DropAfter).method("POST").route(STATUSES).times(1));
    github.say(&at(Phase::Failed, &key), None).await.unwrap();
    // The one after it comes last, so that all tries for this one are over.
    let other = forge.pull_request();
    github.say(&at(Phase::Ready, &other), None).await.unwrap();
    let states = || forge.deployments().into_iter().map(|one| one.states).collect::<Vec<_>>();
    until("both", || states() == [vec!["success", "failure"], vec!["success"]]).await;
}

/// Neither a missing right nor an outage of these touches the comment; and what failed in passing comes about.
pub async fn what_stands_beside_never_hinders_the_comment(forge: &Forge) {
    let (key, _) = forge.deployer();
    let poor = forge.telling(Credentials::Token(TOKEN.into()));
    let said = poor.say(&at(Phase::Ready, &key), None).await.unwrap();
    until("the refusal", || forge.hub.calls().with_status(403) > 0).await;
    assert!(forge.deployments().is_empty());
    forge.assert_one(&key, FIRST);
    let rich = forge.telling(Credentials::Token("ghp_deployer".into()));
    forge.hub.inject(FaultRule::new(Fault::Before(503)).method("POST").route(DEPLOYMENTS).times(2));
    rich.say(&at(Phase::Ready, &key), Some(&said)).await.unwrap();
    forge.deployed(&["success"]).await;
    forge.assert_one(&key, FIRST);
}

/// One a commit, that follows the environment.
pub async fn a_check_run_follows_its_environment(forge: &Forge) {
    let (key, github) = forge.checker();
    let mut said = None;
    for (phase, status, conclusion) in [
        (Phase::Queued, "queued", None),
        (Phase::Starting, "in_progress", None),
        (Phase::Ready, "completed", Some("success")),
        (Phase::Failed, "completed", Some("failure")),
        (Phase::Terminated, "completed", Some("neutral")),
    ] {
        said = Some(github.say(&at(phase, &key), said.as_ref()).await.unwrap());
        let run = forge.checked(status, conclusion).await;
        assert_eq!((run.name.as_str(), run.head_sha.as_str()), ("testenv", SHA));
        let page = format!("/pull/{}#issuecomment-{}", key.pr, said.as_ref().and_then(|said| said.id).unwrap());
        assert!(run.details_url.is_some_and(|url| url.ends_with(&page)));
    }
    forge.hub.reset_calls();
    let process = forge.telling(Credentials::App { id: APP, private_key: APP_KEY.into() });
    process.say(&at(Phase::Terminated, &key), said.as_ref()).await.unwrap();
    let listed = "/repos/{owner}/{repo}/commits/{ref}/check-runs";
    until("the look", || forge.hub.calls().count("GET", listed) > 0).await;
    assert_eq!(forge.hub.calls().count("POST", CHECK_RUNS), 0);
}

/// Not even when the answer is lost.
pub async fn a_lost_answer_makes_no_second_check_run(forge: &Forge) {
    let (key, github) = forge.checker();
    forge.hub.inject(FaultRule::new(Fault::DropAfter).method("POST").route(CHECK_RUNS).times(1));
    github.say(&at(Phase::Starting, &key), None).await.unwrap();
    forge.checked("in_progress", None).await;
    github.say(&at(Phase::Ready, &key), None).await.unwrap();
    forge.checked("completed", Some("success")).await;
}
