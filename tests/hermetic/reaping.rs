//! The reaper on the embedded cloud: what no record answers for goes on time, and nothing of anybody else's.

use std::path::PathBuf;
use std::time::Duration;

use bivouac::compose::EMBEDDED_CLUSTER;
use bivouac_controller::{Controller, Settings};
use bivouac_model::Phase;
use bivouac_planner::Policy;
use bivouac_planner::reap::{AdoptMode, Adoption, Alarm};
use bivouac_runtime::Fence;
use bivouac_simcloud::{Options, Service};
use serde_json::{Value, json};
use wildmatch::WildMatch;

use crate::program::{Program, copy_files};
use crate::system::{REPO, RESYNC, System, n, policy, s};
use crate::wait::until;

/// The ceiling of what has no record: longer than it takes to become Ready.
const TTL: Duration = Duration::from_secs(3);

fn short() -> Policy {
    Policy { ttl: TTL, ..policy() }
}

async fn start(policy: Policy) -> System {
    let mut system = System::without_daemon(Options::default(), policy).await;
    system.launch();
    system
}

/// An environment that lives for an hour.
async fn living(system: &System) -> u64 {
    let pr = system.pull_request();
    system.put(pr, &[("ttl", s("1h"))]).await;
    system.until_phase(pr, Phase::Ready).await;
    pr
}

/// Somebody deletes the record.
async fn forget(system: &System, pr: u64) {
    let delete = system.table.delete_item().table_name("bivouac-environments");
    delete.key("repo", s(REPO)).key("pr", n(pr)).send().await.expect("delete-item");
}

fn name(pr: u64) -> String {
    format!("pr-{pr}-service")
}

fn runs(system: &System, name: &str) -> bool {
    system.services().iter().any(|service| service.name == name && service.status == "ACTIVE")
}

async fn until_gone(system: &System, name: &str) {
    until(name, async || if runs(system, name) { Err("it still runs".to_owned()) } else { Ok(()) }).await;
}

/// A service that somebody else made, without a tag.
async fn foreign(system: &System, name: &str, task_definition: &str) {
    let body = json!({
        "cluster": EMBEDDED_CLUSTER, "serviceName": name, "taskDefinition": task_definition, "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
    });
    let request = reqwest::Client::new()
        .post(system.cloud.aws_url())
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonEC2ContainerServiceV20141113.CreateService")
        .body(body.to_string());
    let answer = request.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{:?}", answer.text().await);
}

/// What some environment runs, for services of others to run too.
async fn some_task_definition(system: &System) -> String {
    let all = system.doors.cluster.all_task_definitions().await.expect("a list");
    all.first().expect("one is registered").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_goes_on_time_and_nothing_else_does() {
    let old = Adoption { pattern: WildMatch::new("old-*"), mode: AdoptMode::Reap };
    let watched = Adoption { pattern: WildMatch::new("watched-*"), mode: AdoptMode::Observe };
    let system = start(Policy { adopt: vec![old, watched], ..short() }).await;
    let (alive, orphan, protected) = (living(&system).await, living(&system).await, living(&system).await);
    let running = some_task_definition(&system).await;
    for name in ["old-1", "watched-1", "web"] {
        foreign(&system, name, &running).await;
    }
    let protect = [("bivouac:protect".to_owned(), "true".to_owned())];
    system.doors.cluster.tag_service(&name(protected), &protect).await.expect("tagged");
    forget(&system, orphan).await;
    forget(&system, protected).await;
    until_gone(&system, &name(orphan)).await;
    until_gone(&system, "old-1").await;
    tokio::time::sleep(RESYNC * 4).await;
    for kept in [&name(alive), &name(protected), "watched-1", "web"] {
        assert!(runs(&system, kept), "{kept} was deleted: {:#?}", system.services());
    }
    assert!(system.audit(orphan).await.contains(&"controller reap Orphaned".to_owned()));
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_deletes_nothing_until_a_person_trusts_it() {
    let mut system = start(short()).await;
    let orphan = living(&system).await;
    forget(&system, orphan).await;
    tokio::time::sleep(TTL + RESYNC * 4).await;
    assert!(runs(&system, &name(orphan)));
    system.stop().await;
    let settings = Settings { resync: Duration::from_millis(200), ..Settings::default() };
    let controller = || Controller::new(system.doors.clone(), system.policy.clone(), settings, Fence::unfenced());
    let doubting = controller();
    for _ in 0..3 {
        let (_, reaped) = doubting.guard_now().await.expect("a pass");
        assert_eq!((reaped.deleted.len(), &reaped.alarms[..]), (0, &[Alarm::EmptyTable { services: 1 }][..]));
        tokio::time::sleep(settings.resync).await;
    }
    let trusting = controller().trusting_an_empty_table();
    let (_, first) = trusting.guard_now().await.expect("a pass");
    assert_eq!((first.deleted.len(), first.waiting), (0, 1), "one look is not enough");
    tokio::time::sleep(settings.resync).await;
    let (_, second) = trusting.guard_now().await.expect("a pass");
    assert_eq!(second.deleted.iter().map(|one| one.service.as_str()).collect::<Vec<_>>(), [name(orphan)]);
    until_gone(&system, &name(orphan)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_another_instance_holds_no_deletion() {
    let mut system = start(short()).await;
    let (orphan, other) = (living(&system).await, living(&system).await);
    let anchor = living(&system).await;
    system.stop().await;
    forget(&system, orphan).await;
    let elsewhere = [("bivouac:managed".to_owned(), "another".to_owned())];
    system.doors.cluster.tag_service(&name(other), &elsewhere).await.expect("tagged");
    forget(&system, other).await;
    system.launch();
    until_gone(&system, &name(orphan)).await;
    tokio::time::sleep(RESYNC * 4).await;
    for pr in [other, anchor] {
        assert!(runs(&system, &name(pr)), "{pr}");
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_and_never_read_is_found_by_reap_alone() {
    let mut system = start(policy()).await;
    let pr = system.pull_request();
    system.put(pr, &[("ttl", s("6s"))]).await;
    system.until_phase(pr, Phase::Ready).await;
    system.stop().await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let settings = Settings { resync: Duration::from_secs(10), ..Settings::default() };
    let controller = Controller::new(system.doors.clone(), system.policy.clone(), settings, Fence::unfenced());
    let (due, _) = controller.guard_now().await.expect("a pass");
    assert_eq!(due.len(), 1);
    system.until_phase(pr, Phase::Terminated).await;
    assert!(system.services().is_empty());
    assert!(system.comments(pr)[0].contains("Its time was over"), "{:?}", system.comments(pr));
}

/// The program beside a running cloud.
pub fn program(system: &System, directory: &tempfile::TempDir) -> Program {
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/examples/superset");
    copy_files(&example, directory.path());
    let template = directory.path().join("bivouac.toml");
    let configuration = format!(
        r#"
[aws]
region = "us-west-2"
cluster = "{EMBEDDED_CLUSTER}"
subnets = ["subnet-1"]
security_groups = ["sg-1"]
[github]
api_url = "{}"
[controller]
instance = "test"
resync = "1s"
lease = "3s"
[guardrails]
adopt = ["old-*"]
[[project]]
repo = "{REPO}"
ecr_repository = "shop"
task_definition = "task-definition.json"
containers = ["superset"]
"#,
        system.hub.url()
    );
    std::fs::write(template, configuration).expect("written");
    let variables = [
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_ENDPOINT_URL", system.cloud.aws_url()),
        ("AWS_ENDPOINT_URL_DYNAMODB", system.cloud.dynamodb_url()),
        ("BIVOUAC__GITHUB__TOKEN", crate::system::TOKEN.to_owned()),
    ];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Program { directory: directory.path().to_owned(), variables }
}

fn names<'a>(items: &'a Value, action: &str) -> Vec<&'a str> {
    let items = items.as_array().expect("items").iter();
    items.filter(|item| item["action"] == action).filter_map(|item| item["service"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_shows_what_it_would_do_without_a_write_and_then_does_it() {
    let mut system = start(policy()).await;
    let directory = tempfile::tempdir().expect("a directory");
    let program = program(&system, &directory);
    let (alive, orphan) = (living(&system).await, living(&system).await);
    let loose = system.cloud.ecr().push_untagged("shop");
    foreign(&system, "old-1", &some_task_definition(&system).await).await;

    // While a daemon leads, it only shows.
    let (code, _, said) = program.outcome(&["reap", "-o", "json"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("leads and reaps by itself"), "{said}");
    let (code, _, said) = program.outcome(&["reap", "--trust-empty-table"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("stop it first"), "{said}");

    system.stop().await;
    forget(&system, orphan).await;
    system.set(alive, "ttl", s("1s")).await;
    system.cloud.calls().reset();
    for arguments in [&["reap", "--dry-run", "-o", "json"][..], &["plan", "-o", "json"][..]] {
        let (code, out, said) = program.outcome(arguments).await;
        assert_eq!(code, Some(0), "{said}");
        let shown: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(names(&shown["services"], "keep"), [name(orphan).as_str(), "old-1"], "{shown:#}");
        assert_eq!(shown["alarms"], json!([]));
        let environments = &shown[if arguments[0] == "plan" { "items" } else { "environments" }];
        assert_eq!(environments.as_array().map(Vec::len), Some(1), "{shown:#}");
        let next = environments[0]["next"].as_str().expect("a step");
        assert!(next.starts_with(&format!("delete service {}", name(alive))), "{shown:#}");
        assert!(shown["images"].to_string().contains(&loose), "{shown:#}");
    }
    assert_eq!(system.cloud.calls().modifying(), 0, "{:?}", system.cloud.calls().counts());

    let (code, out, said) = program.outcome(&["reap"]).await;
    assert_eq!(code, Some(0), "{said}");
    // As it stands when it ends: two looks a second apart may be too few for the tombstone.
    let stands = ["Terminating: Its time is over", "Terminated: Its time was over"];
    assert!(stands.iter().any(|one| out.contains(&format!("environment {REPO}#{alive} {one}"))), "{out}");
    assert!(said.contains("looking again in"), "{said}");
    until_gone(&system, &name(alive)).await;
    assert!(runs(&system, &name(orphan)) && runs(&system, "old-1"), "their time is not over");
    assert!(system.cloud.calls().of(Service::Ecs, "DeleteService") >= 1);
}
