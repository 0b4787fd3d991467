//! Task definitions that ECS refuses for Fargate, with its words, and the same things where it allows them.

use serde_json::{Value, json};

use super::{Rig, create_service};

/// A task definition that has each thing that is refused elsewhere, where Fargate allows it.
fn sound() -> Value {
    json!({
        "family": "shop", "networkMode": "awsvpc", "cpu": "1024", "memory": "2048", "pidMode": "task",
        "requiresCompatibilities": ["FARGATE"], "placementConstraints": [], "ephemeralStorage": { "sizeInGiB": 21 },
        "executionRoleArn": "arn:aws:iam::123456789012:role/service/ecsTaskExecutionRole", "taskRoleArn": "app",
        "runtimePlatform": { "operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64" },
        "volumes": [{ "name": "data", "host": {} }],
        "containerDefinitions": [
            {
                "name": "web", "image": "nginx", "privileged": false, "stopTimeout": 120, "links": [], "extraHosts": [],
                "cpu": 512, "memory": 2048, "memoryReservation": 512,
                "portMappings": [
                    { "containerPort": 8080, "hostPort": 8080 },
                    { "containerPort": 53, "protocol": "tcp" }, { "containerPort": 53, "protocol": "udp" },
                ],
                "environment": [{ "name": "PORT", "value": "8080" }],
                "secrets": [
                    { "name": "KEY", "valueFrom": "arn:aws:secretsmanager:us-west-2:123456789012:secret:app-AbCdEf:key::" },
                    { "name": "DSN", "valueFrom": "arn:aws:ssm:us-west-2:123456789012:parameter/db" },
                    { "name": "SALT", "valueFrom": "/shop/salt" },
                ],
                "mountPoints": [{ "sourceVolume": "data", "containerPath": "/data" }],
                "dependsOn": [
                    { "containerName": "db", "condition": "HEALTHY" },
                    { "containerName": "migrate", "condition": "SUCCESS" },
                ],
                "linuxParameters": { "capabilities": { "add": ["SYS_PTRACE"], "drop": ["ALL"] } },
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": { "awslogs-group": "/ecs/shop", "awslogs-region": "us-west-2", "awslogs-stream-prefix": "ecs" },
                },
            },
            {
                "name": "db", "image": "postgres:17", "cpu": 512,
                "healthCheck": { "command": ["CMD-SHELL", "pg_isready"] },
                "logConfiguration": { "logDriver": "splunk", "options": { "splunk-token": "t" } },
            },
            { "name": "migrate", "image": "nginx", "essential": false },
        ],
    })
}

/// The task definition with the value at a pointer set, or taken away by `null`.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = sound();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Object(fields) if value.is_null() => drop(fields.remove(key)),
        Value::Object(fields) => drop(fields.insert(key.to_owned(), value)),
        Value::Array(list) => list.push(value),
        other => panic!("{other}"),
    }
    body
}

#[test]
fn a_task_definition_that_fargate_allows_is_registered() {
    let mut rig = Rig::new();
    rig.must("RegisterTaskDefinition", sound());
    rig.must("RegisterTaskDefinition", with("/ephemeralStorage/sizeInGiB", json!(200)));
    let mut windows = with("/runtimePlatform/operatingSystemFamily", json!("WINDOWS_SERVER_2022_CORE"));
    windows["family"] = json!("windows");
    rig.must("RegisterTaskDefinition", windows);
}

#[test]
fn each_refusal_of_fargate_has_its_words() {
    let web = "/containerDefinitions/0";
    let db = "/containerDefinitions/1";
    let cases = [
        (
            "/placementConstraints",
            json!([{ "type": "memberOf" }]),
            "Fargate compatible task definitions do not support constraints",
        ),
        ("/inferenceAccelerators", json!([{ "deviceName": "d" }]), "Unsupported field 'inferenceAccelerators'"),
        ("/ipcMode", json!("task"), "Fargate compatible task definitions do not support ipcMode"),
        (
            "/pidMode",
            json!("host"),
            "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.",
        ),
        ("/ephemeralStorage/sizeInGiB", json!(20), "EphemeralStorage size should be at least 21"),
        ("/ephemeralStorage/sizeInGiB", json!(201), "EphemeralStorage size should be at most 200"),
        ("/executionRoleArn", json!("REPLACE_ME_ECS_ROLE_ARN"), "Role is not valid"),
        ("/executionRoleArn", json!("arn:aws:iam::<account>:role/r"), "Role is not valid"),
        ("/taskRoleArn", json!("${ROLE}"), "Role is not valid"),
        (
            "/executionRoleArn",
            Value::Null,
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ),
        (
            "/volumes/0/host",
            json!({ "sourcePath": "/etc" }),
            "Fargate compatible task definitions do not support sourcePath",
        ),
        (
            "/volumes/0/dockerVolumeConfiguration",
            json!({ "scope": "task" }),
            "Fargate compatible task definitions do not support dockerVolumeConfiguration",
        ),
        (
            &format!("{web}/portMappings/0/hostPort"),
            json!(80),
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        (
            &format!("{db}/portMappings"),
            json!([{ "containerPort": 8080 }]),
            "TCP host port '8080' is mapped multiple times in task.",
        ),
        (
            &format!("{web}/environment/-"),
            json!({ "name": "DSN", "value": "x" }),
            "The secret name must be unique and not shared with any new or existing environment variables set on the \
             container, such as 'DSN'.",
        ),
        (
            &format!("{web}/secrets/0/valueFrom"),
            json!("arn:aws:secretsmanager:us-west-2:secret:app"),
            "The Systems Manager parameter name specified for secret KEY is invalid.",
        ),
        (&format!("{web}/privileged"), json!(true), "Fargate requires that the 'privileged' setting be 'false'."),
        (
            &format!("{web}/linuxParameters/capabilities/add"),
            json!(["NET_ADMIN"]),
            "NET_ADMIN is not allowed on Fargate.",
        ),
        (
            &format!("{web}/linuxParameters/sharedMemorySize"),
            json!(64),
            "Fargate compatible task definitions do not support sharedMemorySize",
        ),
        (
            &format!("{web}/linuxParameters/maxSwap"),
            json!(0),
            "Fargate compatible task definitions do not support maxSwap",
        ),
        (
            &format!("{web}/linuxParameters/swappiness"),
            json!(0),
            "Fargate compatible task definitions do not support swappiness",
        ),
        (
            &format!("{web}/linuxParameters/devices"),
            json!([{}]),
            "Fargate compatible task definitions do not support devices",
        ),
        (&format!("{web}/links"), json!(["db"]), "Links are not supported when networkMode=awsvpc."),
        (
            &format!("{web}/extraHosts"),
            json!([{ "hostname": "db", "ipAddress": "10.0.0.1" }]),
            "Extra hosts are not supported on container when networkMode=awsvpc.",
        ),
        (
            &format!("{web}/dnsServers"),
            json!(["10.0.0.2"]),
            "DNS servers are not supported on container when networkMode=awsvpc.",
        ),
        (
            &format!("{web}/dnsSearchDomains"),
            json!(["corp"]),
            "DNS search domains are not supported on container when networkMode=awsvpc.",
        ),
        (
            &format!("{web}/disableNetworking"),
            json!(true),
            "Disable Networking is not supported on container when networkMode=awsvpc.",
        ),
        (&format!("{web}/hostname"), json!("web"), "Hostname is not supported on container when networkMode=awsvpc."),
        (
            &format!("{web}/dockerSecurityOptions"),
            json!(["no-new-privileges"]),
            "Fargate compatible task definitions do not support dockerSecurityOptions",
        ),
        (
            &format!("{web}/resourceRequirements"),
            json!([{ "type": "GPU", "value": "1" }]),
            "Tasks using the Fargate launch type do not support GPU resource requirements.",
        ),
        (&format!("{web}/mountPoints/0/sourceVolume"), json!("nowhere"), "Unknown volume 'nowhere'."),
        (
            &format!("{web}/dependsOn/0/containerName"),
            json!("cache"),
            "Cannot depend on container + 'cache' because it does not exist",
        ),
        (
            &format!("{db}/healthCheck"),
            Value::Null,
            "A dependency container with HEALTHY condition must have health check configured",
        ),
        (
            &format!("{web}/dependsOn/0/condition"),
            json!("COMPLETE"),
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        ),
        (
            &format!("{db}/dependsOn"),
            json!([{ "containerName": "web", "condition": "START" }]),
            "Container dependsOn contains a cycle",
        ),
        (
            &format!("{web}/logConfiguration/logDriver"),
            json!("json-file"),
            "json-file is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]",
        ),
        (
            &format!("{web}/logConfiguration/options/awslogs-stream-prefix"),
            Value::Null,
            "Log driver awslogs requires options: awslogs-stream-prefix",
        ),
        (
            &format!("{web}/stopTimeout"),
            json!(121),
            "Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds.",
        ),
        (
            &format!("{web}/memory"),
            json!(4096),
            "The 'memory' setting for container 'web' is greater than for the task.",
        ),
        (
            &format!("{web}/memoryReservation"),
            json!(2049),
            "Invalid setting for container 'web'. 'memory' must be greater than or equal to 'memoryReservation'.",
        ),
        (
            &format!("{db}/memoryReservation"),
            json!(4096),
            "The 'memoryReservation' setting for container 'db' is greater than for the task.",
        ),
        (
            &format!("{db}/cpu"),
            json!(513),
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
        ),
        (&format!("{db}/image"), Value::Null, "Container.image should not be null or empty."),
        (
            &format!("{web}/volumesFrom"),
            json!([{ "sourceContainer": "assets" }]),
            "Invalid 'volumesFrom' setting. Unknown container: 'assets'",
        ),
        (
            &format!("{db}/healthCheck/interval"),
            json!(301),
            "Health check interval must be less than or equal to the maximum allowed value 300 for container 'db'",
        ),
        (
            &format!("{db}/healthCheck/interval"),
            json!(4),
            "Health check interval must be greater than or equal to the minimum allowed value 5 for container 'db'",
        ),
        (
            &format!("{db}/healthCheck/timeout"),
            json!(61),
            "Health check timeout must be less than or equal to the maximum allowed value 60 for container 'db'",
        ),
        (
            &format!("{db}/healthCheck/retries"),
            json!(11),
            "Health check retries must be less than or equal to the maximum allowed value 10 for container 'db'",
        ),
        (
            &format!("{db}/healthCheck/startPeriod"),
            json!(301),
            "Health check startPeriod must be less than or equal to the maximum allowed value 300 for container 'db'",
        ),
        (
            &format!("{db}/portMappings"),
            json!([{ "hostPort": 5432 }]),
            "Invalid 'containerPort' setting for container 'db'.",
        ),
        (
            &format!("{db}/portMappings"),
            json!([{ "containerPort": 65_536 }]),
            "Invalid 'containerPort' setting for container 'db'.",
        ),
        (&format!("{db}/name"), json!("the db"), "Container.name contains invalid characters."),
        (&format!("{db}/name"), json!("d".repeat(256)), "Container.name should be 255 characters or less"),
        (&format!("{db}/name"), json!("web"), "Container names must be unique within a task definition"),
        (&format!("{db}/image"), json!("i".repeat(256)), "Container.image should be 255 characters or less"),
        ("/family", json!("the shop"), "Family contains invalid characters."),
        ("/family", json!("f".repeat(256)), "Family should be 255 characters or less"),
        (
            "/containerDefinitions",
            json!([{ "name": "a", "image": "i", "essential": false }]),
            "Task definition doesn't have any essential container",
        ),
        ("/networkMode", json!("bridge"), "Fargate only supports network mode ‘awsvpc’."),
    ];
    let mut rig = Rig::new();
    for (pointer, value, words) in cases {
        let refused = rig.refused("RegisterTaskDefinition", with(pointer, value));
        assert_eq!((refused.code, refused.message.as_str()), ("ClientException", words), "{pointer}");
    }
    let without_role = with(&format!("{web}/logConfiguration"), Value::Null);
    let mut without_role = without_role;
    without_role.as_object_mut().unwrap().remove("executionRoleArn");
    let refused = rig.refused("RegisterTaskDefinition", without_role.clone());
    assert_eq!(
        refused.message,
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
    );
    without_role["containerDefinitions"][0]["image"] = json!(format!("{}/web:1", super::ECR));
    let refused = rig.refused("RegisterTaskDefinition", without_role);
    assert_eq!(refused.message, "Fargate requires task definition to have execution role ARN to support ECR images.");
}

#[test]
fn windows_has_one_to_four_vcpus_of_x86_and_no_spot() {
    let mut rig = Rig::new();
    let windows = |cpu: &str, memory: &str, architecture: &str| {
        let mut body = with("/family", json!("windows"));
        body["runtimePlatform"] =
            json!({ "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE", "cpuArchitecture": architecture });
        (body["cpu"], body["memory"]) = (json!(cpu), json!(memory));
        body["containerDefinitions"][0]["cpu"] = json!(0);
        body["containerDefinitions"][1]["cpu"] = json!(0);
        body
    };
    for (cpu, memory) in [("512", "2048"), ("8192", "16384")] {
        let refused = rig.refused("RegisterTaskDefinition", windows(cpu, memory, "X86_64"));
        let words = format!("No Fargate configuration exists for given values: {cpu} CPU, {memory} memory.");
        assert!(refused.message.starts_with(&words), "{refused}");
    }
    let refused = rig.refused("RegisterTaskDefinition", windows("1024", "2048", "ARM64"));
    assert_eq!(refused.message, "Windows tasks on Fargate only support the X86_64 CPU architecture.");
    rig.must("RegisterTaskDefinition", windows("1024", "2048", "X86_64"));
    let mut service = create_service("windows");
    service.as_object_mut().unwrap().remove("launchType");
    for (provider, is_allowed) in [("FARGATE_SPOT", false), ("FARGATE", true)] {
        service["capacityProviderStrategy"] = json!([{ "capacityProvider": provider, "weight": 1 }]);
        let answer = rig.call("CreateService", service.clone());
        assert_eq!(answer.is_ok(), is_allowed, "{provider}: {answer:?}");
    }
}

#[test]
fn a_member_of_another_type_is_refused_without_its_name() {
    let web = "/containerDefinitions/0";
    let cases = [
        ("/cpu", json!(1024), "NUMBER_VALUE cannot be converted to String"),
        ("/ephemeralStorage/sizeInGiB", json!("21"), "STRING_VALUE cannot be converted to Integer"),
        (&format!("{web}/cpu"), json!("128"), "STRING_VALUE cannot be converted to Integer"),
        (&format!("{web}/memory"), json!(0.5), "DECIMAL_VALUE cannot be converted to Integer"),
        (
            &format!("{web}/environment/-"),
            json!({ "name": "A", "value": 6379 }),
            "NUMBER_VALUE cannot be converted to String",
        ),
        (
            &format!("{web}/environment/-"),
            json!({ "name": "A", "value": true }),
            "TRUE_VALUE cannot be converted to String",
        ),
        (&format!("{web}/essential"), json!("true"), "STRING_VALUE cannot be converted to Boolean"),
        (&format!("{web}/command"), json!("serve"), "Unexpected field type"),
        (&format!("{web}/logConfiguration/options/x"), json!(1), "NUMBER_VALUE cannot be converted to String"),
    ];
    let mut rig = Rig::new();
    for (pointer, value, words) in cases {
        let refused = rig.refused("RegisterTaskDefinition", with(pointer, value));
        assert_eq!((refused.code, refused.message.as_str()), ("SerializationException", words), "{pointer}");
    }
}
