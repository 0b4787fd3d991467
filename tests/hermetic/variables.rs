//! Which environment variables a record may set: by the table, by a comment, and after the rules became stricter.

use bivouac_model::{Phase, Record};
use bivouac_planner::{Policy, Template};
use bivouac_policy::VariableRules;
use bivouac_simcloud::Options;
use wildmatch::WildMatch;

use crate::system::{REPO, System, map, message_of, phase_of, policy, reason_of, s};

/// A policy without a prefix of flags, which allows all of configuration, and whose template has a secret.
fn open() -> Policy {
    let template = include_str!("../../deploy/examples/superset/task-definition.json");
    let mut template: serde_json::Value = serde_json::from_str(template).expect("JSON");
    let secret = serde_json::json!([{
        "name": "DATABASE_URL",
        "valueFrom": "arn:aws:secretsmanager:us-west-2:123456789012:secret:database",
    }]);
    template["containerDefinitions"][0]["secrets"] = secret;
    let mut policy = policy();
    for project in policy.projects.values_mut() {
        project.template = Template::parse(&template.to_string(), &["superset".into()]).expect("a template");
        project.variables = VariableRules { config_allow: vec![WildMatch::new("*")], ..VariableRules::default() };
    }
    policy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_sets_neither_the_loader_nor_credentials_nor_a_secret() {
    let mut system = System::without_daemon(Options::default(), open()).await;
    system.launch();
    let good = system.pull_request();
    let mut written = Vec::new();
    for name in ["LD_PRELOAD", "PATH", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "DATABASE_URL"] {
        for attribute in ["flags", "config"] {
            let pr = system.pull_request();
            system.put(pr, &[(attribute, map(&[(name, "hunter2")]))]).await;
            written.push((pr, format!("{attribute} holds the name `{name}`")));
        }
    }
    let pr = system.pull_request();
    system.put(pr, &[("flags", map(&[("SITE_NAME", "hunter2")]))]).await;
    written.push((pr, "flags holds the name `SITE_NAME`; allowed: `FEATURE_*`".to_owned()));
    system.put(good, &[("flags", map(&[("FEATURE_X", "true")])), ("config", map(&[("SITE_NAME", "x")]))]).await;
    for (pr, says) in written {
        let record = system.until_phase(pr, Phase::Invalid).await;
        let message = message_of(&record);
        assert!(message.contains(&says) && !message.contains("hunter2"), "{says}: {message}");
        assert_eq!(reason_of(&record), "InvalidRecord");
    }
    system.until_phase(good, Phase::Ready).await;
    assert_eq!(system.services().len(), 1, "{:#?}", system.services());
    system.until_settled().await;
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bot_answers_with_the_sentence_of_the_record_and_writes_nothing() {
    let mut system = System::without_daemon(Options::default(), open()).await;
    for project in &mut system.bot_settings.projects {
        let known = &system.policy.projects[&project.repo];
        (project.variables, project.secrets) = (known.variables.clone(), known.template.secrets().clone());
    }
    system.launch();
    system.launch_bot().await;
    let pr = system.pull_request();
    let comment = system.hub.comment(REPO, pr, "maintainer", "/testenv up DATABASE_URL=hunter2").expect("a comment");
    system.until_reaction(pr, comment, "confused").await;
    let said = system.until_comment(pr, "is a secret of the task definition").await;
    assert!(said.contains("config holds the name `DATABASE_URL`"), "{said}");
    let comment = system.hub.comment(REPO, pr, "maintainer", "/testenv up LD_PRELOAD=hunter2").expect("a comment");
    system.until_reaction(pr, comment, "confused").await;
    assert!(system.record(pr).await.is_none(), "nothing is written");
    system.hub.comment(REPO, pr, "maintainer", "/testenv up FEATURE_X=true SITE_NAME=x").expect("a comment");
    system.until_phase(pr, Phase::Ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_with_a_flag_that_is_refused_now_goes_on_as_long_as_it_would_have() {
    let strict = open();
    let mut loose = strict.clone();
    for project in loose.projects.values_mut() {
        // What the release before allowed.
        project.variables.flags_allow = vec![WildMatch::new("*")];
    }
    let mut system = System::without_daemon(Options::default(), loose).await;
    system.launch();
    let pr = system.pull_request();
    system.put(pr, &[("flags", map(&[("DEBUG", "true")])), ("ttl", s("4h"))]).await;
    let before = system.until_phase(pr, Phase::Ready).await;
    let tasks = system.services()[0].tasks.clone();
    system.stop().await;

    system.policy = std::sync::Arc::new(strict);
    system.launch();
    let held = system.until_phase(pr, Phase::Invalid).await;
    assert!(message_of(&held).contains("What ran before is left as it is"), "{}", message_of(&held));
    system.until_settled().await;
    assert_eq!(system.services()[0].tasks, tasks, "nothing is killed or replaced");
    let expires = |record: &Record| record.status.as_ref().map(|status| status.expires_at);
    assert_eq!(expires(&held), expires(&before), "nothing is extended");

    system.set(pr, "flags", map(&[("FEATURE_DEBUG", "true")])).await;
    let again = system.until_phase(pr, Phase::Ready).await;
    assert_eq!(phase_of(&again), Some(Phase::Ready));
    system.set(pr, "desired", s("down")).await;
    system.until_phase(pr, Phase::Terminated).await;
    system.stop().await;
}
