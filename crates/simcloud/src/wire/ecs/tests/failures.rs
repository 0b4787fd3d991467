//! What a test makes go wrong, as a caller sees it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ECR, Rig, create_service, task_definition};
use crate::Fate;

const FIVE: Duration = Duration::from_secs(5);

fn stopped(rig: &mut Rig) -> Value {
    rig.tasks("web", "STOPPED").first().cloned().expect("a stopped task")
}

#[test]
fn an_absent_image_cannot_be_pulled() {
    let mut rig = Rig::new();
    rig.register("web", &format!("{ECR}/app:none"));
    rig.must("CreateService", create_service("web"));
    rig.pass(32);
    let task = stopped(&mut rig);
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    let reason = task["stoppedReason"].as_str().unwrap();
    assert!(reason.starts_with("CannotPullContainerError: pull image manifest"), "{reason}");
    assert_eq!(task["containers"][0]["reason"], reason);
}

#[test]
fn an_exit_code_and_an_oom_kill_are_told_apart() {
    let mut rig = Rig::new();
    rig.fate("web", Fate::ExitsWith { code: 3, after: FIVE });
    rig.create("web");
    rig.pass(36);
    let task = stopped(&mut rig);
    assert_eq!(task["stopCode"], "EssentialContainerExited");
    assert_eq!(task["containers"][0]["exitCode"], 3);
    assert!(task["containers"][0].get("reason").is_none());

    let mut rig = Rig::new();
    rig.fate("web", Fate::OutOfMemory { after: FIVE });
    rig.create("web");
    rig.pass(36);
    let task = stopped(&mut rig);
    assert_eq!(task["containers"][0]["exitCode"], 137);
    let reason = task["containers"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("OutOfMemoryError"));
}

#[test]
fn a_crash_loop_is_never_throttled_and_never_trips_the_circuit_breaker() {
    let mut rig = Rig::new();
    rig.fate("web", Fate::ExitsWith { code: 1, after: FIVE });
    rig.register("web", "nginx");
    let mut input = create_service("web");
    input["deploymentConfiguration"] = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": false}});
    rig.must("CreateService", input);
    rig.pass(1000);
    assert!(rig.tasks("web", "STOPPED").len() > 15);
    assert_eq!(rig.service("web")["deployments"][0]["rolloutState"], "IN_PROGRESS");
}

#[test]
fn a_missing_secret_is_a_resource_initialization_error() {
    let mut rig = Rig::new();
    rig.fate("nginx:1", Fate::SecretMissing { secret: "arn:aws:secretsmanager:x".into() });
    rig.create("web");
    rig.pass(32);
    let reason = stopped(&mut rig)["stoppedReason"].clone();
    assert!(reason.as_str().unwrap().starts_with("ResourceInitializationError: unable to pull"));
}

#[test]
fn a_lost_health_check_stops_the_task_and_counts_as_a_failure() {
    let mut rig = Rig::new();
    let mut body = task_definition("web", "nginx");
    body["containerDefinitions"][0]["healthCheck"] = json!({"command": ["CMD", "true"]});
    rig.must("RegisterTaskDefinition", body);
    rig.fate("web", Fate::FailsHealthCheck { after: FIVE });
    rig.must("CreateService", create_service("web"));
    rig.pass(36);
    assert_eq!(stopped(&mut rig)["stoppedReason"], "Task failed container health checks");
    assert_eq!(rig.service("web")["deployments"][0]["failedTasks"], 1);
    rig.world.ecs.fates.clear();
    rig.pass(120);
    assert_eq!(rig.tasks("web", "RUNNING")[0]["healthStatus"], "HEALTHY");
    assert_eq!(rig.service("web")["deployments"][0]["rolloutState"], "COMPLETED");
}

fn create_spot(rig: &mut Rig) {
    rig.register("web", "nginx");
    let mut input = create_service("web");
    input.as_object_mut().unwrap().remove("launchType");
    input["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    rig.must("CreateService", input);
}

#[test]
fn spot_waits_for_capacity_and_never_falls_back() {
    let mut rig = Rig::new();
    rig.world.ecs.capacity.spot = false;
    create_spot(&mut rig);
    rig.pass(600);
    assert!(rig.listed_tasks("web", "RUNNING").is_empty());
    let expected = "(service web) was unable to place a task. Reason: Capacity is unavailable at \
                    this time. Please try again later or in a different availability zone. For \
                    more information, see the Troubleshooting section of the Amazon ECS Developer \
                    Guide.";
    assert!(rig.events("web").iter().any(|event| event == expected));
    rig.world.ecs.capacity.spot = true;
    rig.pass(1800);
    assert_eq!(rig.tasks("web", "RUNNING")[0]["capacityProviderName"], "FARGATE_SPOT");
}

#[test]
fn an_interrupted_spot_task_ends_two_minutes_after_its_notice() {
    let mut rig = Rig::new();
    create_spot(&mut rig);
    rig.pass(70);
    let id = rig.world.ecs.tasks.keys().next().unwrap().clone();
    assert!(rig.world.interrupt_task(&id));
    rig.pass(119);
    assert!(rig.tasks("web", "STOPPED").is_empty());
    rig.pass(30);
    let task = stopped(&mut rig);
    assert_eq!(task["stopCode"], "SpotInterruption");
    assert_eq!(task["stoppedReason"], "Your Spot Task was interrupted.");
    rig.pass(60);
    assert_eq!(rig.tasks("web", "RUNNING").len(), 1);
}

#[test]
fn the_vcpu_quota_holds_until_a_task_is_gone() {
    let mut rig = Rig::new();
    rig.world.ecs.capacity.on_demand_vcpus = Some(0.25);
    rig.create("first");
    rig.create("web");
    rig.pass(70);
    assert!(rig.listed_tasks("web", "RUNNING").is_empty());
    let events = rig.events("web");
    assert!(events.iter().any(|event| {
        event.contains("You’ve reached the limit on the number of vCPUs you can run concurrently.")
    }));
    rig.must("DeleteService", json!({"cluster": "c", "service": "first", "force": true}));
    rig.pass(600);
    assert_eq!(rig.tasks("web", "RUNNING")[0]["lastStatus"], "RUNNING");
    assert_eq!(rig.world.ecs.capacity.on_demand_used, 256);
}
