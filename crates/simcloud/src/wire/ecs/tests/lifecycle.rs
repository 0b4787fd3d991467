//! From CreateService to a task with an address, and away again.

use serde_json::json;

use super::{Rig, create_service, task_definition};
use crate::model::Effect;

#[test]
fn a_task_goes_through_its_phases_and_serves_at_a_public_address() {
    let mut rig = Rig::new();
    let made = rig.create("web");
    assert_eq!(made["service"]["runningCount"], 0);
    let task = &rig.tasks("web", "RUNNING")[0];
    assert_eq!(task["lastStatus"], "PROVISIONING");
    assert_eq!(task["attachments"][0]["status"], "PRECREATED");
    assert_eq!(task["group"], "service:web");
    let deployment = rig.service("web")["deployments"][0]["id"].clone();
    assert_eq!(task["startedBy"], deployment);

    rig.pass(10);
    assert_eq!(rig.tasks("web", "RUNNING")[0]["lastStatus"], "PENDING");
    assert_eq!(rig.service("web")["pendingCount"], 1);
    rig.pass(20);
    let task = &rig.tasks("web", "RUNNING")[0];
    assert_eq!(task["lastStatus"], "RUNNING");
    assert!(task["containers"][0]["imageDigest"].as_str().unwrap().starts_with("sha256:"));
    let details = task["attachments"][0]["details"].as_array().unwrap();
    let detail = |name: &str| details.iter().find(|d| d["name"] == name).unwrap()["value"].as_str().unwrap().to_owned();
    assert!(detail("privateIPv4Address").starts_with("10."));
    let interface = &rig.world.ec2.interfaces[&detail("networkInterfaceId")];
    let address = interface.public_address.unwrap();
    assert!(rig.world.effects.iter().any(|effect| matches!(
        effect,
        Effect::Serve { address: at, ports, .. } if *at == address && *ports == [8080]
    )));
}

#[test]
fn a_deployment_completes_forty_seconds_after_its_task_runs() {
    let mut rig = Rig::new();
    rig.create("web");
    rig.pass(69);
    assert_eq!(rig.service("web")["deployments"][0]["rolloutState"], "IN_PROGRESS");
    rig.pass(1);
    let deployment = rig.service("web")["deployments"][0].clone();
    assert_eq!(deployment["rolloutState"], "COMPLETED");
    let id = deployment["id"].as_str().unwrap();
    assert!(id.strip_prefix("ecs-svc/").unwrap().bytes().all(|b| b.is_ascii_digit()));
    assert_eq!(deployment["rolloutStateReason"], format!("ECS deployment {id} completed."));
    assert_eq!(rig.events("web")[0], "(service web) has reached a steady state.");
}

#[test]
fn a_stopped_task_is_replaced_at_another_address_and_forgotten_after_an_hour() {
    let mut rig = Rig::new();
    rig.create("web");
    rig.pass(70);
    let first = rig.tasks("web", "RUNNING")[0].clone();
    rig.must("StopTask", json!({"cluster": "c", "task": first["taskArn"], "reason": "test"}));
    rig.pass(60);
    let second = rig.tasks("web", "RUNNING")[0].clone();
    assert_eq!(second["lastStatus"], "RUNNING");
    assert_ne!(second["taskArn"], first["taskArn"]);
    let stopped = rig.tasks("web", "STOPPED")[0].clone();
    assert_eq!(stopped["lastStatus"], "STOPPED");
    assert_eq!(stopped["stopCode"], "UserInitiated");
    assert_eq!(stopped["stoppedReason"], "test");
    assert_eq!(rig.world.ec2.interfaces.len(), 1);
    rig.pass(3600);
    assert!(rig.tasks("web", "STOPPED").is_empty());
    let gone = rig.must("DescribeTasks", json!({"cluster": "c", "tasks": [first["taskArn"]]}));
    assert_eq!(gone["failures"][0]["reason"], "MISSING");
}

#[test]
fn a_deleted_service_drains_unlisted_then_is_inactive_then_missing() {
    let mut rig = Rig::new();
    rig.create("web");
    rig.pass(70);
    let refused = rig.refused("DeleteService", json!({"cluster": "c", "service": "web"}));
    assert_eq!(refused.message, "The service cannot be stopped while it is scaled above 0.");
    rig.must("DeleteService", json!({"cluster": "c", "service": "web", "force": true}));
    assert_eq!(rig.service("web")["status"], "DRAINING");
    let listed = rig.must("ListServices", json!({"cluster": "c"}));
    assert_eq!(listed["serviceArns"], json!([]));
    let refused = rig.refused("CreateService", create_service("web"));
    assert_eq!(refused.message, "Unable to Start a service that is still Draining.");
    rig.pass(60);
    assert_eq!(rig.service("web")["status"], "INACTIVE");
    assert!(rig.world.ec2.interfaces.is_empty());
    let refused = rig.refused("UpdateService", json!({"cluster": "c", "service": "web"}));
    assert_eq!(refused.code, "ServiceNotActiveException");
    rig.pass(3600);
    let gone = rig.must("DescribeServices", json!({"cluster": "c", "services": ["web"]}));
    assert_eq!(gone["failures"][0]["reason"], "MISSING");
}

#[test]
fn an_inactive_name_is_free_and_the_new_service_outlives_the_old_ones_memory() {
    let mut rig = Rig::new();
    rig.create("web");
    rig.must("DeleteService", json!({"cluster": "c", "service": "web", "force": true}));
    rig.pass(60);
    rig.must("CreateService", create_service("web"));
    rig.pass(3700);
    assert_eq!(rig.service("web")["status"], "ACTIVE");
}

#[test]
fn scaling_is_no_deployment() {
    let mut rig = Rig::new();
    rig.create("web");
    rig.pass(70);
    let before = rig.service("web")["deployments"][0]["id"].clone();
    rig.must("UpdateService", json!({"cluster": "c", "service": "web", "desiredCount": 0}));
    rig.pass(60);
    let service = rig.service("web");
    assert_eq!(service["runningCount"], 0);
    assert_eq!(service["deployments"][0]["id"], before);
    rig.must("UpdateService", json!({"cluster": "c", "service": "web", "desiredCount": 3}));
    rig.pass(80);
    let service = rig.service("web");
    assert_eq!(service["runningCount"], 3);
    assert_eq!(service["deployments"].as_array().unwrap().len(), 1);
}

#[test]
fn tags_are_propagated_and_shown_when_asked() {
    let mut rig = Rig::new();
    rig.must("RegisterTaskDefinition", task_definition("web", "nginx"));
    let mut input = create_service("web");
    input["tags"] = json!([{"key": "bivouac:pr", "value": "7"}]);
    input["propagateTags"] = json!("SERVICE");
    let arn = rig.must("CreateService", input)["service"]["serviceArn"].clone();
    let tasks = rig.listed_tasks("web", "RUNNING");
    let shown = rig.must("DescribeTasks", json!({"cluster": "c", "tasks": tasks}));
    assert!(shown["tasks"][0].get("tags").is_none());
    let shown = rig.must("DescribeTasks", json!({"cluster": "c", "tasks": tasks, "include": ["TAGS"]}));
    assert_eq!(shown["tasks"][0]["tags"], json!([{"key": "bivouac:pr", "value": "7"}]));
    let more = json!([{"key": "a", "value": "b"}]);
    rig.must("TagResource", json!({"resourceArn": arn, "tags": more}));
    rig.must("UntagResource", json!({"resourceArn": arn, "tagKeys": ["bivouac:pr"]}));
    let tags = rig.must("ListTagsForResource", json!({"resourceArn": arn}));
    assert_eq!(tags["tags"], more);
}

#[test]
fn run_task_starts_tasks_of_no_service() {
    let mut rig = Rig::new();
    rig.register("job", "busybox");
    let mut input = create_service("job");
    input["startedBy"] = json!("me");
    let ran = rig.must("RunTask", input);
    assert_eq!(ran["tasks"][0]["group"], "family:job");
    let listed = rig.must("ListTasks", json!({"cluster": "c", "startedBy": "me"}));
    assert_eq!(listed["taskArns"][0], ran["tasks"][0]["taskArn"]);
    let listed = rig.must("ListTasks", json!({"cluster": "c", "family": "job"}));
    assert_eq!(listed["taskArns"].as_array().unwrap().len(), 1);
}

#[test]
fn the_same_seed_and_calls_make_the_same_world() {
    let story = || {
        let mut rig = Rig::new();
        rig.create("web");
        rig.pass(200);
        (rig.service("web"), rig.tasks("web", "RUNNING"))
    };
    assert_eq!(story(), story());
}
