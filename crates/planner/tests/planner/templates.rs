//! The rules that a template is held to: each broken once, with the words that a person reads, and each kept.

use std::collections::{BTreeMap, BTreeSet};

use bivouac_planner::{Filling, InvalidTemplate, Rule, Size, Source, Template, Terms};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A template that keeps every rule, with each thing that a rule is about where Fargate allows it.
fn sound() -> Json {
    json!({
        "family": "shop", "networkMode": "awsvpc", "cpu": "1024", "memory": "2048", "pidMode": "task",
        "requiresCompatibilities": ["FARGATE"], "placementConstraints": [],
        "executionRoleArn": "arn:aws:iam::123456789012:role/service/ecsTaskExecutionRole",
        "taskRoleArn": "arn:aws-us-gov:iam::123456789012:role/app",
        "runtimePlatform": { "operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64" },
        "ephemeralStorage": { "sizeInGiB": 21 },
        "volumes": [{ "name": "data", "host": {} }],
        "tags": [{ "key": "CostCenter", "value": "1234" }, { "key": "aws:cloudformation:stack-name", "value": "s" }],
        "containerDefinitions": [
            {
                "name": "web", "image": "replaced", "essential": true, "privileged": false, "stopTimeout": 120,
                "cpu": 512, "memory": 1024, "memoryReservation": 512, "links": [], "extraHosts": [], "dnsServers": [],
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
                "linuxParameters": { "capabilities": { "add": ["SYS_PTRACE"], "drop": ["ALL"] }, "initProcessEnabled": true },
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": { "awslogs-group": "/ecs/shop", "awslogs-region": "us-west-2", "awslogs-stream-prefix": "ecs" },
                },
            },
            {
                "name": "db", "image": "postgres:17", "cpu": 256, "memory": 1024,
                "healthCheck": { "command": ["CMD-SHELL", "pg_isready"] },
                "logConfiguration": { "logDriver": "splunk", "options": { "splunk-token": "t" } },
            },
            { "name": "migrate", "image": "replaced", "essential": false },
        ],
    })
}

fn sizes(named: &[(&str, u32, u32)]) -> BTreeMap<String, Size> {
    named.iter().map(|(name, cpu, memory)| ((*name).to_owned(), Size { cpu: *cpu, memory: *memory })).collect()
}

/// Everything that is wrong with a template under these terms.
fn mistakes(template: &Json, sizes: &BTreeMap<String, Size>, spot: bool) -> Vec<(Rule, String)> {
    let terms = Terms { sizes, spot, tags: &BTreeMap::from([("Team".to_owned(), "oss".to_owned())]) };
    match Template::examine(&template.to_string(), &["web".into(), "migrate".into()], &terms) {
        Ok(_) => Vec::new(),
        Err(InvalidTemplate::Mistakes(mistakes)) => {
            mistakes.into_iter().map(|mistake| (mistake.rule, mistake.to_string())).collect()
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_template_that_keeps_every_rule_is_taken() {
    let sizes = sizes(&[("small", 512, 2048), ("large", 4096, 8192)]);
    assert_eq!(mistakes(&sound(), &sizes, true), []);
}

/// Sets the value at a JSON pointer; `null` takes it away.
fn set(template: &mut Json, pointer: &str, value: Json) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    match template.pointer_mut(parent).expect("a parent") {
        Json::Object(fields) if value.is_null() => drop(fields.remove(key)),
        Json::Object(fields) => drop(fields.insert(key.to_owned(), value)),
        Json::Array(list) if key == "-" => list.push(value),
        Json::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        _ => panic!("{pointer} leads nowhere"),
    }
}

const WEB: &str = "/containerDefinitions/0";
const DB: &str = "/containerDefinitions/1";

/// A rule, the changes that break it (a pointer and a value), and the sentence about it.
type Broken = (Rule, Vec<(String, Json)>, &'static str);

fn broken() -> Vec<Broken> {
    let web = |member: &str, value: Json| vec![(format!("{WEB}/{member}"), value)];
    let db = |member: &str, value: Json| vec![(format!("{DB}/{member}"), value)];
    let task = |member: &str, value: Json| vec![(format!("/{member}"), value)];
    vec![
        (Rule::Shape, task("family", json!(null)), "it has no `family`"),
        (
            Rule::Type,
            web("command", json!("serve --now")),
            "`containerDefinitions[0].command` is \"serve --now\"; allowed: a list of texts, such as [\"sh\", \"-c\"]",
        ),
        (
            Rule::Tag,
            task("tags/0/key", json!("bivouac:managed")),
            "`tags[0]` is \"bivouac:managed\" = \"1234\"; allowed: `bivouac:` begins Bivouac's own tags, by which it knows \
             what is its own",
        ),
        (
            Rule::Tag,
            task("tags/0", json!({ "key": "Team", "value": "shop" })),
            "`tags[0].value` is \"shop\"; allowed: \"oss\", as `[aws.tags]` says for \"Team\", or leave one of the two out",
        ),
        (
            Rule::TaskSize,
            vec![("/cpu".into(), json!("1024")), ("/memory".into(), json!("16384"))],
            "`cpu` is 1024 with `memory` 16384; allowed: a size that Fargate has. Fargate has no tasks of 1 vCPU with 16 GB; \
             allowed with it: 2 to 8 in steps of 1 GB",
        ),
        (
            Rule::Image,
            db("image", json!(null)),
            "`containerDefinitions[1].image` is missing; allowed: an image, by name and tag or digest",
        ),
        (
            Rule::Essential,
            vec![(format!("{WEB}/essential"), json!(false)), (format!("{DB}/essential"), json!(false))],
            "`containerDefinitions[].essential` is false everywhere; allowed: true for one container at least, or the task has \
             nothing to run",
        ),
        (
            Rule::ContainerName,
            task("containerDefinitions/-", json!({ "name": "the db", "image": "postgres:17" })),
            "`containerDefinitions[3].name` is \"the db\"; allowed: letters, digits, `-` and `_`, 255 at most",
        ),
        (
            Rule::Listed,
            task("runtimePlatform", json!({ "cpuArchitecture": "arm64" })),
            "`runtimePlatform.cpuArchitecture` is \"arm64\"; allowed: X86_64, ARM64",
        ),
        (
            Rule::Listed,
            db("portMappings", json!([{ "containerPort": 5432, "protocol": "http" }])),
            "`containerDefinitions[1].portMappings[0].protocol` is \"http\"; allowed: tcp, udp",
        ),
        (
            Rule::PortRange,
            db("portMappings", json!([{ "containerPort": 65_536 }])),
            "`containerDefinitions[1].portMappings[0].containerPort` is 65536; allowed: 1 to 65535",
        ),
        (
            Rule::PortRange,
            db("portMappings", json!([{ "hostPort": 5432 }])),
            "`containerDefinitions[1].portMappings[0].containerPort` is missing; allowed: the port that the container listens on",
        ),
        (
            Rule::HostPort,
            web("portMappings/0/hostPort", json!(80)),
            "`containerDefinitions[0].portMappings[0].hostPort` is 80; allowed: 8080, the `containerPort`, or nothing",
        ),
        (
            Rule::PortOnce,
            db("portMappings", json!([{ "containerPort": 8080 }])),
            "`containerDefinitions[1].portMappings[0].containerPort` is 8080; allowed: a port that no other container listens \
             on; `containerDefinitions[0].portMappings[0].containerPort` is the same tcp port",
        ),
        (
            Rule::SecretName,
            web("environment/-", json!({ "name": "KEY", "value": "x" })),
            "`containerDefinitions[0].secrets[0].name` is \"KEY\"; allowed: a name that is not in `environment` too",
        ),
        (
            Rule::SecretName,
            web("secrets/1/name", json!("KEY")),
            "`containerDefinitions[0].secrets[1].name` is \"KEY\"; allowed: each name once",
        ),
        (
            Rule::SecretFrom,
            web("secrets/0/valueFrom", json!("arn:aws:secretsmanager:us-west-2:secret:app")),
            "`containerDefinitions[0].secrets[0].valueFrom` is \"arn:aws:secretsmanager:us-west-2:secret:app\"; allowed: the \
             ARN of a secret (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME) or of a parameter \
             (arn:aws:ssm:REGION:ACCOUNT:parameter/NAME), or the name of a parameter of this region",
        ),
        (
            Rule::Privileged,
            web("privileged", json!(true)),
            "`containerDefinitions[0].privileged` is true; allowed: false, or nothing: Fargate runs no privileged containers",
        ),
        (
            Rule::Capability,
            web("linuxParameters/capabilities/add", json!(["SYS_PTRACE", "NET_ADMIN"])),
            "`containerDefinitions[0].linuxParameters.capabilities.add[1]` is \"NET_ADMIN\"; allowed: \"SYS_PTRACE\" alone",
        ),
        (
            Rule::Links,
            web("links", json!(["db"])),
            "`containerDefinitions[0].links` is a list; allowed: nothing: containers of one task reach each other on localhost",
        ),
        (
            Rule::ExtraHosts,
            web("extraHosts", json!([{ "hostname": "db", "ipAddress": "10.0.0.1" }])),
            "`containerDefinitions[0].extraHosts` is a list; allowed: nothing: with awsvpc a container has no hosts file of its \
             own",
        ),
        (
            Rule::Dns,
            web("dnsServers", json!(["10.0.0.2"])),
            "`containerDefinitions[0].dnsServers` is a list; allowed: nothing: with awsvpc the network's DNS counts",
        ),
        (
            Rule::Network,
            web("disableNetworking", json!(true)),
            "`containerDefinitions[0].disableNetworking` is true; allowed: false, or nothing: with awsvpc every container has \
             the task's network",
        ),
        (
            Rule::Hostname,
            web("hostname", json!("web")),
            "`containerDefinitions[0].hostname` is \"web\"; allowed: nothing: with awsvpc the task has a name of its own",
        ),
        (
            Rule::SecurityOptions,
            web("dockerSecurityOptions", json!(["no-new-privileges"])),
            "`containerDefinitions[0].dockerSecurityOptions` is a list; allowed: nothing: Fargate has no security options",
        ),
        (
            Rule::Gpu,
            web("resourceRequirements", json!([{ "type": "GPU", "value": "1" }])),
            "`containerDefinitions[0].resourceRequirements[0].type` is \"GPU\"; allowed: nothing: Fargate has no GPU and no \
             accelerators",
        ),
        (
            Rule::LinuxParameters,
            web("linuxParameters/sharedMemorySize", json!(64)),
            "`containerDefinitions[0].linuxParameters.sharedMemorySize` is 64; allowed: nothing: Fargate sizes /dev/shm itself",
        ),
        (
            Rule::NetworkMode,
            task("networkMode", json!("bridge")),
            "`networkMode` is \"bridge\"; allowed: \"awsvpc\", which Fargate requires",
        ),
        (Rule::ProcessMode, task("pidMode", json!("host")), "`pidMode` is \"host\"; allowed: \"task\", or nothing"),
        (
            Rule::Placement,
            task("placementConstraints", json!([{ "type": "memberOf", "expression": "attribute:x == y" }])),
            "`placementConstraints` is a list; allowed: nothing, since Fargate places tasks itself",
        ),
        (
            Rule::HostVolume,
            task("volumes/0/host", json!({ "sourcePath": "/etc/ssl" })),
            "`volumes[0].host.sourcePath` is \"/etc/ssl\"; allowed: nothing, since Fargate has no path of a host; an empty \
             `host`, or EFS",
        ),
        (
            Rule::DockerVolume,
            task("volumes/0/dockerVolumeConfiguration", json!({ "scope": "task" })),
            "`volumes[0].dockerVolumeConfiguration` is an object; allowed: nothing, since Fargate has no volumes of Docker",
        ),
        (
            Rule::MountedVolume,
            web("mountPoints/0/sourceVolume", json!("nowhere")),
            "`containerDefinitions[0].mountPoints[0].sourceVolume` is \"nowhere\"; allowed: a volume of the task: data",
        ),
        (
            Rule::VolumesFrom,
            web("volumesFrom", json!([{ "sourceContainer": "assets" }])),
            "`containerDefinitions[0].volumesFrom[0].sourceContainer` is \"assets\"; allowed: a container of the task: web, db, \
             migrate",
        ),
        (
            Rule::HealthCheck,
            db("healthCheck/interval", json!(301)),
            "`containerDefinitions[1].healthCheck.interval` is 301; allowed: 5 to 300",
        ),
        (
            Rule::HealthCheck,
            db("healthCheck/timeout", json!(1)),
            "`containerDefinitions[1].healthCheck.timeout` is 1; allowed: 2 to 60",
        ),
        (
            Rule::HealthCheck,
            db("healthCheck/retries", json!(0)),
            "`containerDefinitions[1].healthCheck.retries` is 0; allowed: 1 to 10",
        ),
        (
            Rule::HealthCheck,
            db("healthCheck/startPeriod", json!(301)),
            "`containerDefinitions[1].healthCheck.startPeriod` is 301; allowed: 0 to 300",
        ),
        (
            Rule::HealthCheck,
            db("healthCheck/command", json!([])),
            "`containerDefinitions[1].healthCheck.command` is missing; allowed: a command, such as [\"CMD-SHELL\", \"curl -f \
             http://localhost/health\"]",
        ),
        (
            Rule::Dependency,
            web("dependsOn/0/containerName", json!("cache")),
            "`containerDefinitions[0].dependsOn[0].containerName` is \"cache\"; allowed: a container of the task: web, db, \
             migrate",
        ),
        (
            Rule::DependencyHealth,
            db("healthCheck", json!(null)),
            "`containerDefinitions[0].dependsOn[0].condition` is \"HEALTHY\"; allowed: \"START\", or a `healthCheck` of db",
        ),
        (
            Rule::DependencyEnd,
            web("dependsOn/0/condition", json!("COMPLETE")),
            "`containerDefinitions[0].dependsOn[0].condition` is \"COMPLETE\"; allowed: \"START\" or \"HEALTHY\", or \
             `essential` false for db",
        ),
        (
            Rule::DependencyCircle,
            db("dependsOn", json!([{ "containerName": "web", "condition": "START" }])),
            "`containerDefinitions[0].dependsOn` is a circle through web; allowed: containers that wait in one direction (this \
             rule rests on memory: AWS publishes no answer for it)",
        ),
        (
            Rule::LogDriver,
            web("logConfiguration/logDriver", json!("json-file")),
            "`containerDefinitions[0].logConfiguration.logDriver` is \"json-file\"; allowed: awslogs, splunk, awsfirelens",
        ),
        (
            Rule::LogOptions,
            web("logConfiguration/options/awslogs-stream-prefix", json!(null)),
            "`containerDefinitions[0].logConfiguration.options.awslogs-stream-prefix` is missing; allowed: a text, which \
             awslogs needs on Fargate",
        ),
        (
            Rule::EphemeralStorage,
            task("ephemeralStorage/sizeInGiB", json!(20)),
            "`ephemeralStorage.sizeInGiB` is 20; allowed: 21 to 200; leave `ephemeralStorage` out for the 20 that every task \
             has",
        ),
        (
            Rule::Required,
            web("ulimits", json!([{ "name": "nofile", "softLimit": 1024 }])),
            "`containerDefinitions[0].ulimits[0].hardLimit` is missing; allowed: a whole number, without quotes",
        ),
        (
            Rule::Required,
            web("environmentFiles", json!([{ "value": "arn:aws:s3:::bucket/app.env" }])),
            "`containerDefinitions[0].environmentFiles[0].type` is missing; allowed: s3",
        ),
        (
            Rule::Listed,
            web("dependsOn/0/condition", json!("healthy")),
            "`containerDefinitions[0].dependsOn[0].condition` is \"healthy\"; allowed: START, COMPLETE, SUCCESS, HEALTHY",
        ),
        (
            Rule::Ulimit,
            web("ulimits", json!([{ "name": "nofile", "softLimit": 2048, "hardLimit": 1024 }])),
            "`containerDefinitions[0].ulimits[0].softLimit` is 2048; allowed: at most 1024, the `hardLimit`",
        ),
        (
            Rule::StopTimeout,
            web("stopTimeout", json!(121)),
            "`containerDefinitions[0].stopTimeout` is 121; allowed: at most 120 seconds",
        ),
        (
            Rule::Role,
            task("executionRoleArn", json!("arn:aws:iam::<account>:role/ecsTaskExecutionRole")),
            "`executionRoleArn` is \"arn:aws:iam::<account>:role/ecsTaskExecutionRole\"; allowed: the ARN of a role, such as \
             arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
        ),
        (
            Rule::Role,
            task("taskRoleArn", json!("${TASK_ROLE}")),
            "`taskRoleArn` is \"${TASK_ROLE}\"; allowed: the name or the ARN of a role, such as \
             arn:aws:iam::123456789012:role/app",
        ),
        (
            Rule::ExecutionRole,
            task("executionRoleArn", json!(null)),
            "`executionRoleArn` is missing; allowed: the ARN of a role with the policy AmazonECSTaskExecutionRolePolicy, \
             without which Fargate pulls nothing from ECR",
        ),
        (
            Rule::ContainerMemory,
            db("memory", json!(4096)),
            "`containerDefinitions[1].memory` is 4096; allowed: at most 2048, the task's `memory`",
        ),
        (
            Rule::MemoryReservation,
            web("memoryReservation", json!(1025)),
            "`containerDefinitions[0].memoryReservation` is 1025; allowed: at most 1024, the container's own `memory` and the \
             task's",
        ),
        (
            Rule::ContainerCpu,
            db("cpu", json!(513)),
            "`containerDefinitions[].cpu` is 1025 together; allowed: at most 1024, the task's `cpu`",
        ),
    ]
}

#[test]
fn a_broken_rule_is_named_with_its_path_its_value_and_what_is_allowed() {
    for (rule, changes, sentence) in broken() {
        let mut template = sound();
        for (pointer, value) in changes {
            set(&mut template, &pointer, value);
        }
        assert_eq!(mistakes(&template, &BTreeMap::new(), true), [(rule, sentence.to_owned())], "{rule:?}");
    }
}

#[test]
fn windows_has_sizes_of_its_own_and_no_spot() {
    let mut template = sound();
    let set = |template: &mut Json, cpu: &str, memory: &str, architecture: &str| {
        template["runtimePlatform"] =
            json!({ "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE", "cpuArchitecture": architecture });
        (template["cpu"], template["memory"]) = (json!(cpu), json!(memory));
    };
    set(&mut template, "1024", "2048", "X86_64");
    assert_eq!(mistakes(&template, &sizes(&[("large", 4096, 8192)]), false), []);
    let sentences = mistakes(&template, &sizes(&[("tiny", 512, 2048), ("huge", 8192, 16384)]), true);
    assert_eq!(
        sentences.iter().map(|(_, sentence)| sentence.as_str()).collect::<Vec<_>>(),
        [
            "`cpu` is 8192; allowed: 1024 to 4096 for Windows, or another `sizes.huge`",
            "`cpu` is 512; allowed: 1024 to 4096 for Windows, or another `sizes.tiny`",
            "`runtimePlatform.operatingSystemFamily` is \"WINDOWS_SERVER_2022_CORE\"; allowed: \"LINUX\", or `aws.capacity` = \
             \"on-demand\": Fargate Spot runs no Windows",
        ]
    );
    set(&mut template, "1024", "2048", "ARM64");
    let arm = "`runtimePlatform.cpuArchitecture` is \"ARM64\"; allowed: \"X86_64\" for Windows".to_owned();
    assert_eq!(mistakes(&template, &BTreeMap::new(), false), [(Rule::Windows, arm)]);
}

#[test]
fn every_rule_is_broken_in_a_test_and_has_a_source() {
    let mut tested: BTreeSet<Rule> = broken().into_iter().map(|(rule, ..)| rule).collect();
    tested.extend([Rule::Windows, Rule::WindowsSpot]);
    let all: BTreeSet<Rule> = Rule::ALL.iter().copied().collect();
    assert_eq!(tested, all);
    let memory: Vec<Rule> = Rule::ALL.iter().copied().filter(|rule| rule.source() == Source::Memory).collect();
    assert_eq!(memory, [Rule::DependencyCircle]);
}

#[test]
fn the_rules_are_documented() {
    const BEGIN: &str = "the_rules_are_documented -->\n";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/task-definition.md");
    let document = std::fs::read_to_string(&path).expect("the document");
    let (before, rest) = document.split_once(BEGIN).expect("its beginning");
    let (table, after) = rest.split_once("<!-- end").expect("its end");
    let rows = Rule::ALL.iter().map(|rule| format!("| {} | {} |\n", rule.sentence(), rule.source()));
    let made = format!("| rule | source |\n|---|---|\n{}", rows.collect::<String>());
    if std::env::var_os("BIVOUAC_RENEW").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{made}<!-- end{after}")).expect("written");
    } else {
        assert_eq!(table, made, "BIVOUAC_RENEW=1 makes it again");
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let mut template = sound();
    set(&mut template, &format!("{WEB}/privileged"), json!("yes"));
    set(&mut template, &format!("{WEB}/links"), json!(["db"]));
    set(&mut template, "/tags/0/key", json!("bivouac:x"));
    set(&mut template, "/family", json!("a b"));
    let rules: Vec<Rule> = mistakes(&template, &BTreeMap::new(), true).into_iter().map(|(rule, _)| rule).collect();
    // A flag of the wrong type counts as set.
    assert_eq!(rules, [Rule::Type, Rule::Tag, Rule::Shape, Rule::Privileged, Rule::Links]);
}

/// The member at a pointer after a template was read and rendered.
fn rendered(template: &Json, size: Option<Size>) -> Json {
    let template = Template::parse(&template.to_string(), &["web".into(), "migrate".into()]).expect("a template");
    let filling = Filling { image: "image", environment: &BTreeMap::new(), size, restarted_at: None };
    template.render("f", filling).expect("it fits").input
}

#[test]
fn values_whose_meaning_is_certain_are_converted() {
    let cases = [
        ("/cpu", json!(1024), json!("1024")),
        ("/memory", json!(2048), json!("2048")),
        ("/containerDefinitions/0/environment/0/value", json!(6379), json!("6379")),
        ("/containerDefinitions/0/environment/0/value", json!(-1), json!("-1")),
        ("/containerDefinitions/0/environment/0/value", json!(true), json!("true")),
        ("/containerDefinitions/0/cpu", json!("128"), json!(128)),
        ("/containerDefinitions/0/memory", json!(" 256 "), json!(256)),
        ("/containerDefinitions/0/memory", json!(256.0), json!(256)),
        ("/containerDefinitions/0/essential", json!("True"), json!(true)),
        ("/containerDefinitions/0/portMappings/0/containerPort", json!("8080"), json!(8080)),
        ("/containerDefinitions/0/logConfiguration/options/max", json!(5), json!("5")),
        ("/ephemeralStorage/sizeInGiB", json!("30"), json!(30)),
    ];
    for (pointer, written, read) in cases {
        let mut template = sound();
        set(&mut template, pointer, written.clone());
        assert_eq!(rendered(&template, None).pointer(pointer), Some(&read), "{pointer} {written}");
    }
}

#[test]
fn values_whose_meaning_is_not_certain_are_named() {
    let cases = [
        ("/containerDefinitions/0/environment/0/value", json!(1.1), "is 1.1; allowed: a text, in quotes"),
        ("/containerDefinitions/0/environment/0/value", json!(["a"]), "is a list; allowed: a text, in quotes"),
        ("/containerDefinitions/0/environment/0/value", json!({}), "is an object; allowed: a text, in quotes"),
        ("/containerDefinitions/0/environment", json!({ "A": "b" }), "is an object; allowed: a list of objects"),
        ("/containerDefinitions/0/memory", json!("0.5 GB"), "is \"0.5 GB\"; allowed: a whole number, without quotes"),
        ("/containerDefinitions/0/memory", json!(0.5), "is 0.5; allowed: a whole number, without quotes"),
        ("/containerDefinitions/0/essential", json!("yes"), "is \"yes\"; allowed: true or false, without quotes"),
        ("/containerDefinitions/0/essential", json!(1), "is 1; allowed: true or false, without quotes"),
        ("/containerDefinitions/0/links", json!([null]), "is null; allowed: a text, in quotes"),
    ];
    for (pointer, written, sentence) in cases {
        let mut template = sound();
        set(&mut template, pointer, written.clone());
        let error = Template::parse(&template.to_string(), &["web".into()]).unwrap_err().to_string();
        assert!(error.contains(sentence), "{pointer} {written}: {error}");
    }
}

#[test]
fn a_secret_that_was_written_in_place_of_its_name_is_not_repeated() {
    let mut template = sound();
    set(&mut template, &format!("{WEB}/secrets/0/valueFrom"), json!("hunter2!hunter2"));
    let found = mistakes(&template, &BTreeMap::new(), true);
    let [(Rule::SecretFrom, sentence)] = found.as_slice() else { panic!("{found:?}") };
    assert!(sentence.contains("is 15 characters that name no secret"), "{sentence}");
    assert!(!sentence.contains("hunter2"), "{sentence}");
}

#[test]
fn a_host_port_of_0_is_left_out() {
    let mut template = sound();
    set(&mut template, &format!("{WEB}/portMappings/0/hostPort"), json!(0));
    assert_eq!(mistakes(&template, &BTreeMap::new(), true), []);
    let rendered = rendered(&template, None);
    assert_eq!(rendered.pointer(&format!("{WEB}/portMappings/0")), Some(&json!({ "containerPort": 8080 })));
}

#[test]
fn tags_of_the_template_are_registered_and_are_no_content() {
    let plain = |template: &Json| {
        let template = Template::parse(&template.to_string(), &["web".into()]).expect("a template");
        let filling = Filling { image: "image", environment: &BTreeMap::new(), size: None, restarted_at: None };
        (template.hash().clone(), template.render("f", filling).expect("it fits"))
    };
    let mut without = sound();
    set(&mut without, "/tags", json!(null));
    let wrapped = json!({ "taskDefinition": without, "tags": sound()["tags"] });
    let (hash, untagged) = plain(&without);
    for tagged in [sound(), wrapped] {
        let (tagged_hash, tagged) = plain(&tagged);
        // AWS's own tags cannot be set.
        assert_eq!(tagged.tags, [("CostCenter".to_owned(), "1234".to_owned())]);
        assert_eq!((tagged_hash, &tagged.content, &tagged.input), (hash.clone(), &untagged.content, &untagged.input));
    }
}

#[test]
fn the_application_follows_the_size_and_other_containers_keep_their_limits() {
    let limits = |rendered: &Json, container: usize| {
        ["cpu", "memory", "memoryReservation"]
            .map(|limit| rendered["containerDefinitions"][container][limit].as_u64().unwrap_or_default())
    };
    let half = rendered(&sound(), Some(Size { cpu: 512, memory: 1536 }));
    // Of 512 CPU units the database keeps 256, and of 1536 MiB its 1024.
    assert_eq!(limits(&half, 0), [256, 512, 384]);
    assert_eq!(limits(&half, 1), [256, 1024, 0]);
    assert_eq!(limits(&half, 2), [0, 0, 0], "no limit stays none");
    let double = rendered(&sound(), Some(Size { cpu: 2048, memory: 4096 }));
    assert_eq!(limits(&double, 0), [1024, 2048, 1024]);
    assert_eq!(limits(&double, 1), [256, 1024, 0]);
}

#[test]
fn a_size_that_leaves_the_application_nothing_is_refused() {
    let refused = mistakes(&sound(), &sizes(&[("small", 256, 512)]), true);
    let sentences: Vec<&str> = refused.iter().map(|(_, sentence)| sentence.as_str()).collect();
    assert_eq!(
        sentences,
        [
            "`containerDefinitions[0].cpu` is 512; allowed: less than 256, which is all that a task of `sizes.small` has, so \
             that the containers that get the image have a share; or another `sizes.small`",
            "`containerDefinitions[1].memory` is 1024; allowed: less than 512, which is all that a task of `sizes.small` has, \
             so that the containers that get the image have a share; or another `sizes.small`",
        ]
    );
}

prop_compose! {
    /// A sound template of up to four containers with limits that fit the largest task.
    fn limited()(
        limits in proptest::collection::vec((0u64..=1024, 0u64..=2048, 0u64..=2048), 1..=4),
        chosen in 1usize..=4,
    ) -> (Json, Vec<String>) {
        let count = limits.len() as u64;
        let containers: Vec<Json> = limits.iter().enumerate().map(|(index, (cpu, memory, reserved))| {
            let memory = memory.max(&6);
            json!({
                "name": format!("c{index}"), "image": "i", "cpu": cpu / count, "memory": memory,
                "memoryReservation": reserved.min(memory).max(&6),
            })
        }).collect();
        let names = (0..chosen.min(limits.len())).map(|index| format!("c{index}")).collect();
        (json!({
            "family": "f", "cpu": "1024", "memory": "2048", "containerDefinitions": containers,
            "executionRoleArn": "arn:aws:iam::123456789012:role/exec",
        }), names)
    }
}

proptest! {
    #[test]
    fn a_size_that_is_taken_makes_a_task_that_fargate_takes(
        (template, names) in limited(),
        size in prop::sample::select(vec![(256, 512), (256, 1024), (512, 1024), (1024, 4096), (4096, 8192)]),
    ) {
        let text = template.to_string();
        let sizes = sizes(&[("other", size.0, size.1)]);
        let terms = Terms { sizes: &sizes, spot: true, tags: &BTreeMap::new() };
        if let Ok(template) = Template::examine(&text, &names, &terms) {
            let filling =
                Filling { image: "i", environment: &BTreeMap::new(), size: Some(sizes["other"]), restarted_at: None };
            let rendered = template.render("f", filling).unwrap().input;
            let mut again = rendered.clone();
            again["family"] = json!("f");
            let none = BTreeMap::new();
            let terms = Terms { sizes: &none, spot: true, tags: &BTreeMap::new() };
            let outcome = Template::examine(&again.to_string(), &names, &terms).map(drop).map_err(|error| error.to_string());
            prop_assert_eq!(outcome, Ok(()), "{}", rendered);
        }
    }

    #[test]
    fn no_json_of_any_shape_is_read_with_a_panic(value in any_json()) {
        let mut template = sound();
        template["containerDefinitions"][0]["linuxParameters"] = value.clone();
        template["containerDefinitions"][1] = value.clone();
        template["volumes"] = value.clone();
        template["tags"] = value;
        let sizes = sizes(&[("small", 256, 512)]);
        let terms = Terms { sizes: &sizes, spot: true, tags: &BTreeMap::new() };
        drop(Template::examine(&template.to_string(), &["web".into()], &terms));
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,8}".prop_map(Json::from),
    ];
    let key = prop::sample::select(vec![
        "name",
        "key",
        "value",
        "host",
        "sourcePath",
        "capabilities",
        "add",
        "cpu",
        "memory",
    ]);
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            proptest::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}
