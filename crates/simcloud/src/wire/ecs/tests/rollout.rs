//! Deployments: which task goes first, what fails them, what becomes of them.

use serde_json::{Value, json};

use super::{ECR, Rig, create_service};
use crate::Fate;

fn update(rig: &mut Rig, more: &Value) {
    let mut input = json!({"cluster": "c", "service": "web"});
    for (key, value) in more.as_object().unwrap() {
        input[key] = value.clone();
    }
    rig.must("UpdateService", input);
}

#[test]
fn by_default_the_new_task_is_healthy_before_the_old_one_goes() {
    let mut rig = Rig::new();
    rig.create("web");
    rig.pass(70);
    let second = rig.register("web", "nginx:2");
    update(&mut rig, &json!({"taskDefinition": second}));
    rig.pass(35);
    let service = rig.service("web");
    assert_eq!(service["runningCount"], 2, "both run for a while");
    assert_eq!(service["deployments"].as_array().unwrap().len(), 2);
    assert_eq!(service["deployments"][0]["status"], "PRIMARY");
    assert_eq!(service["deployments"][1]["status"], "ACTIVE");
    rig.pass(60);
    let service = rig.service("web");
    assert_eq!(service["runningCount"], 1);
    assert_eq!(service["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    let task = &rig.tasks("web", "RUNNING")[0];
    assert_eq!(task["taskDefinitionArn"], second);
    assert_eq!(rig.world.ec2.interfaces.len(), 1);
}

#[test]
fn with_at_most_a_hundred_percent_the_old_task_goes_first() {
    let mut rig = Rig::new();
    rig.register("web", "nginx:1");
    let mut input = create_service("web");
    input["availabilityZoneRebalancing"] = json!("DISABLED");
    input["deploymentConfiguration"] = json!({"maximumPercent": 100, "minimumHealthyPercent": 0});
    rig.must("CreateService", input);
    rig.pass(70);
    update(&mut rig, &json!({"forceNewDeployment": true}));
    for _ in 0..60 {
        rig.pass(1);
        assert!(rig.listed_tasks("web", "RUNNING").len() <= 1);
    }
    rig.pass(60);
    assert_eq!(rig.service("web")["deployments"][0]["rolloutState"], "COMPLETED");
}

#[test]
fn the_network_starts_a_deployment_and_the_same_task_definition_does_not() {
    let mut rig = Rig::new();
    rig.create("web");
    rig.pass(70);
    let id = |rig: &mut Rig| rig.service("web")["deployments"][0]["id"].clone();
    let first = id(&mut rig);
    update(&mut rig, &json!({"taskDefinition": "web", "desiredCount": 1}));
    assert_eq!(id(&mut rig), first);
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}});
    update(&mut rig, &json!({"networkConfiguration": network}));
    assert_ne!(id(&mut rig), first);
}

#[test]
fn the_circuit_breaker_stops_a_first_deployment_after_three_failures() {
    let mut rig = Rig::new();
    rig.register("web", &format!("{ECR}/app:none"));
    let mut input = create_service("web");
    input["deploymentConfiguration"] = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    rig.must("CreateService", input);
    rig.pass(600);
    let deployment = rig.service("web")["deployments"][0].clone();
    assert_eq!(deployment["rolloutState"], "FAILED");
    assert_eq!(deployment["failedTasks"], 3);
    assert_eq!(deployment["rolloutStateReason"], "ECS deployment circuit breaker: tasks failed to start.");
    assert_eq!(rig.tasks("web", "STOPPED").len(), 3);
    rig.pass(3000);
    assert!(rig.listed_tasks("web", "RUNNING").is_empty(), "it starts nothing more");
}

#[test]
fn the_circuit_breaker_rolls_back_to_the_last_complete_deployment() {
    let mut rig = Rig::new();
    rig.register("web", "nginx:1");
    let mut input = create_service("web");
    input["deploymentConfiguration"] = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    rig.must("CreateService", input);
    rig.pass(70);
    let good = rig.service("web")["deployments"][0]["id"].clone();
    let broken = rig.register("web", &format!("{ECR}/app:none"));
    update(&mut rig, &json!({"taskDefinition": broken}));
    rig.pass(300);
    let service = rig.service("web");
    assert_eq!(service["deployments"][0]["id"], good);
    assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(service["runningCount"], 1);
    let events = rig.events("web");
    assert!(events.iter().any(|event| event.contains("rolling back to deployment")));
}

#[test]
fn without_a_circuit_breaker_it_tries_ever_more_slowly() {
    let mut rig = Rig::new();
    rig.fate("web", Fate::PullFails { reason: "no route to host".into() });
    rig.create("web");
    rig.pass(3600);
    let service = rig.service("web");
    assert_eq!(service["deployments"][0]["rolloutState"], "IN_PROGRESS");
    let failed = service["deployments"][0]["failedTasks"].as_u64().unwrap();
    assert!((4..20).contains(&failed), "{failed}");
    let events = rig.events("web");
    assert!(events.iter().any(|event| event.contains("unable to consistently start tasks")));
}

#[test]
fn a_tag_is_resolved_once_for_each_deployment() {
    let mut rig = Rig::new();
    let first = rig.push("app", "t", 1);
    rig.register("web", &format!("{ECR}/app:t"));
    rig.must("CreateService", create_service("web"));
    rig.pass(70);
    let second = rig.push("app", "t", 2);
    let task = rig.tasks("web", "RUNNING")[0].clone();
    assert_eq!(task["containers"][0]["imageDigest"], first);
    rig.must("StopTask", json!({"cluster": "c", "task": task["taskArn"]}));
    rig.pass(60);
    let task = rig.tasks("web", "RUNNING")[0].clone();
    assert_eq!(task["containers"][0]["imageDigest"], first, "the replacement keeps the digest");
    update(&mut rig, &json!({"forceNewDeployment": true}));
    rig.pass(120);
    let task = rig.tasks("web", "RUNNING")[0].clone();
    assert_eq!(task["containers"][0]["imageDigest"], second);
}

#[test]
fn a_replacement_whose_image_was_deleted_cannot_be_pulled() {
    let mut rig = Rig::new();
    let digest = rig.push("app", "t", 1);
    rig.register("web", &format!("{ECR}/app:t"));
    rig.must("CreateService", create_service("web"));
    rig.pass(70);
    rig.world.ecr.repositories.clear();
    let task = rig.tasks("web", "RUNNING")[0].clone();
    rig.must("StopTask", json!({"cluster": "c", "task": task["taskArn"]}));
    rig.pass(60);
    let reasons: Vec<_> = rig.tasks("web", "STOPPED").iter().map(|task| task["stoppedReason"].clone()).collect();
    let reference = format!("{ECR}/app:t@{digest}");
    let expected = format!(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to \
         resolve ref {reference}: {reference}: not found"
    );
    assert!(reasons.contains(&json!(expected)), "{reasons:?}");
}

#[test]
fn a_deployment_whose_task_ran_once_is_not_failed_by_the_circuit_breaker() {
    let mut rig = Rig::new();
    let after = std::time::Duration::from_secs(5);
    rig.fate("web", Fate::PullFails { reason: "no route to host".into() });
    let crash = Fate::ExitsWith { code: 1, after };
    rig.world.ecs.fates.set("web", crash, Some(1));
    rig.register("web", "nginx");
    let mut input = create_service("web");
    input["deploymentConfiguration"] = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": false}});
    rig.must("CreateService", input);
    rig.pass(1800);
    let deployment = rig.service("web")["deployments"][0].clone();
    assert!(deployment["failedTasks"].as_u64().unwrap() > 3, "{deployment}");
    assert_eq!(deployment["rolloutState"], "IN_PROGRESS");
}

#[test]
fn with_a_health_check_its_verdict_counts_and_not_the_forty_seconds() {
    let mut rig = Rig::new();
    let mut body = super::task_definition("web", "nginx");
    body["containerDefinitions"][0]["healthCheck"] = json!({"command": ["CMD", "true"]});
    rig.must("RegisterTaskDefinition", body);
    rig.must("CreateService", create_service("web"));
    rig.pass(59);
    assert_eq!(rig.tasks("web", "RUNNING")[0]["healthStatus"], "UNKNOWN");
    assert_eq!(rig.service("web")["deployments"][0]["rolloutState"], "IN_PROGRESS");
    rig.pass(1);
    assert_eq!(rig.tasks("web", "RUNNING")[0]["healthStatus"], "HEALTHY");
    assert_eq!(rig.service("web")["deployments"][0]["rolloutState"], "COMPLETED");
}

#[test]
fn a_new_deployment_does_not_wait_out_the_pause_of_the_failing_one() {
    let mut rig = Rig::new();
    rig.register("web", &format!("{ECR}/app:none"));
    rig.must("CreateService", create_service("web"));
    rig.pass(1200);
    let good = rig.register("web", "nginx");
    update(&mut rig, &json!({"taskDefinition": good}));
    rig.pass(31);
    assert_eq!(rig.tasks("web", "RUNNING")[0]["lastStatus"], "RUNNING");
}

#[test]
fn scaling_down_during_a_deployment_keeps_to_the_maximum() {
    let mut rig = Rig::new();
    rig.create("web");
    update(&mut rig, &json!({"desiredCount": 2}));
    rig.pass(30);
    update(&mut rig, &json!({"forceNewDeployment": true}));
    assert_eq!(rig.listed_tasks("web", "RUNNING").len(), 4);
    update(&mut rig, &json!({"desiredCount": 1}));
    assert_eq!(rig.listed_tasks("web", "RUNNING").len(), 2);
}
