//! What ECS refuses, in its own words.

use serde_json::{Value, json};

use super::{Rig, create_service};

#[test]
fn a_repeated_create_needs_the_same_token_and_content() {
    let mut rig = Rig::new();
    rig.register("web", "nginx");
    let mut input = create_service("web");
    input["clientToken"] = json!("t-1");
    let first = rig.must("CreateService", input.clone());
    let again = rig.must("CreateService", input.clone());
    assert_eq!(again["service"]["serviceArn"], first["service"]["serviceArn"]);
    assert_eq!(rig.listed_tasks("web", "RUNNING").len(), 1);
    let not_idempotent = "Creation of service was not idempotent.";
    let mut other = input.clone();
    other["desiredCount"] = json!(2);
    assert_eq!(rig.refused("CreateService", other).message, not_idempotent);
    assert_eq!(rig.refused("CreateService", create_service("web")).message, not_idempotent);
    input["clientToken"] = json!("x".repeat(37));
    assert_eq!(rig.refused("CreateService", input).code, "InvalidParameterException");
}

fn refused_with(key: &str, value: Value) -> crate::model::Refusal {
    let mut rig = Rig::new();
    rig.register("web", "nginx");
    let mut input = create_service("web");
    input[key] = value;
    rig.refused("CreateService", input)
}

#[test]
fn what_a_service_cannot_be_made_of() {
    let network =
        |subnet: &str, group: &str| json!({"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}});
    let cases = [
        ("cluster", json!("nowhere"), "ClusterNotFoundException", "Cluster not found."),
        ("taskDefinition", json!("none"), "ClientException", "TaskDefinition not found."),
        (
            "networkConfiguration",
            Value::Null,
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (
            "networkConfiguration",
            network("subnet-9", "sg-1"),
            "InvalidParameterException",
            "(ErrorCode: InvalidSubnetID.NotFound)",
        ),
        (
            "networkConfiguration",
            network("subnet-1", "sg-9"),
            "InvalidParameterException",
            "(ErrorCode: InvalidGroup.NotFound)",
        ),
        (
            "capacityProviderStrategy",
            json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]),
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy is not supported.",
        ),
        (
            "deploymentConfiguration",
            json!({"maximumPercent": 100}),
            "InvalidParameterException",
            "Availability Zone rebalancing",
        ),
        ("serviceName", json!("a/b"), "InvalidParameterException", "Invalid service name"),
        ("desiredCount", json!("many"), "SerializationException", ""),
    ];
    for (key, value, code, message) in cases {
        let refused = refused_with(key, value);
        assert_eq!(refused.code, code, "{key}: {refused}");
        assert!(refused.message.contains(message), "{key}: {refused}");
    }
}

#[test]
fn an_inactive_task_definition_starts_nothing_but_keeps_what_runs() {
    let mut rig = Rig::new();
    rig.create("web");
    rig.pass(70);
    rig.must("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}));
    let task = rig.listed_tasks("web", "RUNNING").remove(0);
    rig.must("StopTask", json!({"cluster": "c", "task": task}));
    rig.pass(60);
    assert_eq!(rig.tasks("web", "RUNNING")[0]["lastStatus"], "RUNNING");
    let mut input = create_service("other");
    input["taskDefinition"] = json!("web:1");
    assert_eq!(rig.refused("CreateService", input).message, "TaskDefinition is inactive");
}

#[test]
fn task_definitions_are_deleted_only_after_they_were_deregistered() {
    let mut rig = Rig::new();
    rig.register("web", "nginx");
    let input = json!({"taskDefinitions": ["web:1", "web:7"]});
    let answer = rig.must("DeleteTaskDefinitions", input.clone());
    assert_eq!(answer["failures"].as_array().unwrap().len(), 2);
    rig.must("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"}));
    let answer = rig.must("DeleteTaskDefinitions", input);
    assert_eq!(answer["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    rig.pass(3700);
    let refused = rig.refused("DescribeTaskDefinition", json!({"taskDefinition": "web:1"}));
    assert_eq!(refused.message, "Unable to describe task definition.");
    assert_eq!(rig.register("web", "nginx").rsplit(':').next(), Some("2"));
}

#[test]
fn clusters_say_what_they_are_associated_with() {
    let mut rig = Rig::new();
    let answer = rig.must("DescribeClusters", json!({"clusters": ["c", "none"]}));
    assert_eq!(answer["clusters"][0]["capacityProviders"], json!(["FARGATE", "FARGATE_SPOT"]));
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
    rig.must(
        "PutClusterCapacityProviders",
        json!({"cluster": "c", "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": []}),
    );
    rig.register("web", "nginx");
    let mut input = create_service("web");
    input.as_object_mut().unwrap().remove("launchType");
    input["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    let refused = rig.refused("CreateService", input);
    assert!(refused.message.contains("not associated with the cluster"), "{refused}");
}

#[test]
fn what_is_gone_is_refused_as_each_call_models_it() {
    let mut rig = Rig::new();
    let arn = rig.create("web")["service"]["serviceArn"].clone();
    rig.must("DeleteService", json!({"cluster": "c", "service": "web", "force": true}));
    rig.pass(60);
    let refused = rig.refused("DeleteService", json!({"cluster": "c", "service": "web"}));
    assert_eq!(refused.code, "ServiceNotFoundException");
    let refused = rig.refused("TagResource", json!({"resourceArn": arn, "tags": []}));
    assert_eq!(refused.code, "ResourceNotFoundException");
    let refused = rig.refused("ListTagsForResource", json!({"resourceArn": arn}));
    assert_eq!(refused.code, "InvalidParameterException");
    let refused = rig.refused("StopTask", json!({"cluster": "c", "task": "0"}));
    assert_eq!(refused.code, "InvalidParameterException");
}

#[test]
fn a_value_outside_an_enumeration_and_a_missing_member_are_named() {
    let mut rig = Rig::new();
    let mut register = |change: fn(&mut Value)| {
        let mut body = super::task_definition("web", "nginx");
        change(&mut body);
        rig.refused("RegisterTaskDefinition", body).to_string()
    };
    let platform = register(|body| body["runtimePlatform"] = json!({ "cpuArchitecture": "arm64" }));
    assert_eq!(platform, "InvalidParameterException: cpuArchitecture should be one of [X86_64,ARM64]");
    let ulimit = register(|body| {
        body["containerDefinitions"][0]["ulimits"] = json!([{ "name": "memory", "softLimit": 1, "hardLimit": 1 }]);
    });
    assert_eq!(ulimit, "ClientException: Unrecognized ulimit name memory");
    let limits = register(|body| {
        body["containerDefinitions"][0]["ulimits"] = json!([{ "name": "nofile", "softLimit": 2, "hardLimit": 1 }]);
    });
    assert_eq!(limits, "ClientException: Soft limit exceeds hard limit for ulimit nofile");
    let check = register(|body| body["containerDefinitions"][0]["healthCheck"] = json!({ "interval": 10 }));
    assert_eq!(check, "ClientException: HealthCheck.command should not be null or empty.");
    let refused = rig.refused("DescribeClusters", json!({ "clusters": ["c"], "include": ["CONFIGURATION"] }));
    let fields = "include should be one of [ATTACHMENTS,CONFIGURATIONS,SETTINGS,STATISTICS,TAGS]";
    assert_eq!((refused.code, refused.message.as_str()), ("InvalidParameterException", fields));
    let same = json!({ "key": "team", "value": "shop" });
    let cluster = "arn:aws:ecs:us-west-2:123456789012:cluster/c";
    let refused = rig.refused("TagResource", json!({ "resourceArn": cluster, "tags": vec![same; 51] }));
    assert_eq!(refused.code, "InvalidParameterException", "{refused}");
}
