//! Templates as people export and write them (`tests/field`), read as `run` and `doctor` read them.

use std::path::Path;

use super::{Config, Variables};

const CONFIGURATION: &str = r#"
[aws]
cluster = "c"
subnets = ["subnet-1"]
security_groups = ["sg-1"]
[[project]]
repo = "a/b"
ecr_repository = "field"
task_definition = "td.json"
containers = ["web"]
"#;

/// The policy of a configuration beside a template, or everything that is wrong, without the place.
fn policy(template: &[u8], more: &str) -> Result<bivouac_planner::Policy, Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("td.json"), template).unwrap();
    let path = directory.path().join("bivouac.toml");
    let config = Config::parse(&path, &format!("{more}{CONFIGURATION}"), &Variables::new());
    config.and_then(|config| config.policy()).map_err(|errors| {
        let sentence =
            |sentence: &str| sentence.rsplit_once("td.json): ").map_or(sentence, |(_, rest)| rest).to_owned();
        errors.problems().iter().map(|problem| sentence(&problem.sentence)).collect()
    })
}

fn field(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/field").join(name)).unwrap()
}

#[test]
fn task_definitions_that_fargate_refuses_are_refused_with_field_and_reason() {
    let container = "`containerDefinitions[0].";
    let cases = [
        ("t12b_priv", "privileged` is true; allowed: false, or nothing: Fargate runs no privileged containers"),
        ("t12d_hostport", "portMappings[0].hostPort` is 80; allowed: 8080, the `containerPort`, or nothing"),
        ("t12e_hostvolume", ""),
        (
            "t12f_missingvolume",
            "mountPoints[0].sourceVolume` is \"nowhere\"; allowed: a volume of the task, which has none",
        ),
        (
            "t12h_extrahosts",
            "extraHosts` is a list; allowed: nothing: with awsvpc a container has no hosts file of its own",
        ),
        ("t12i_dup_env_secret", "secrets[0].name` is \"DB\"; allowed: a name that is not in `environment` too"),
        ("t12j_depends_missing", "dependsOn[0].containerName` is \"db\"; allowed: a container of the task: web"),
        ("t12m_cap", "linuxParameters.capabilities.add[0]` is \"NET_ADMIN\"; allowed: \"SYS_PTRACE\" alone"),
        ("t12o_port_twice", ""),
        ("t12q_container_memory", ""),
        ("t13a_volumes_from", "volumesFrom[0].sourceContainer` is \"assets\"; allowed: a container of the task: web"),
        ("t13b_health_check", "healthCheck.retries` is 20; allowed: 1 to 10"),
        ("t13c_architecture", ""),
        ("t13d_protocol", "portMappings[0].protocol` is \"http\"; allowed: tcp, udp"),
        ("t13e_container_name", ""),
        ("t13f_port", "portMappings[1].containerPort` is missing; allowed: the port that the container listens on"),
    ];
    for (file, sentence) in cases {
        let sentences = policy(&field(&format!("td-fargate-refuses/{file}.json")), "").expect_err(file);
        let [only] = sentences.as_slice() else { panic!("{file}: {sentences:#?}") };
        let expected = match file {
            "t12e_hostvolume" => "`volumes[0].host.sourcePath` is \"/etc/ssl/certs\"; allowed: nothing, since Fargate has no \
                                  path of a host; an empty `host`, or EFS"
                .to_owned(),
            "t12o_port_twice" => "`containerDefinitions[1].portMappings[0].containerPort` is 8080; allowed: a port that no \
                                  other container listens on; `containerDefinitions[0].portMappings[0].containerPort` is the \
                                  same tcp port"
                .to_owned(),
            "t13c_architecture" => {
                "`runtimePlatform.cpuArchitecture` is \"arm64\"; allowed: X86_64, ARM64".to_owned()
            }
            "t13e_container_name" => "`containerDefinitions[1].name` is \"log router\"; allowed: letters, digits, `-` and `_`, \
                                      255 at most"
                .to_owned(),
            "t12q_container_memory" => {
                assert!(only.starts_with("`containerDefinitions[0].memory` is "), "{only}");
                assert!(only.ends_with("; allowed: at most 512, the task's `memory`"), "{only}");
                continue;
            }
            _ => format!("{container}{sentence}"),
        };
        assert_eq!(*only, expected, "{file}");
    }
}

#[test]
fn a_template_in_utf_16_or_with_a_mark_is_read() {
    for file in ["bom/t16_bom.json", "bom/t17_utf16.json"] {
        let policy = policy(&field(file), "").unwrap_or_else(|sentences| panic!("{file}: {sentences:#?}"));
        let template = &policy.projects.values().next().unwrap().template;
        assert!(template.family().starts_with("field-"), "{file}");
        assert_eq!(template.ports(), [8080]);
    }
    assert_eq!(
        policy(b"\xff\xfe{", "").unwrap_err(),
        ["cannot read it: it begins as UTF-16 does, and is cut or broken; save it as UTF-8"]
    );
}

#[test]
fn values_of_the_wrong_type_are_converted() {
    for file in ["t06a_env_number", "t06b_task_cpu_number", "t06c_container_strings"] {
        policy(&field(&format!("td-wrong-types/{file}.json")), "")
            .unwrap_or_else(|sentences| panic!("{file}: {sentences:#?}"));
    }
}

#[test]
fn a_size_below_the_limits_of_a_container_is_taken() {
    let sizes = "[sizes.small]\ncpu = 0.25\nmemory = 0.5\n";
    policy(&field("size-container-limits/t10_container_memory.json"), sizes).unwrap();
}

#[test]
fn every_size_is_held_against_the_template_at_the_start() {
    let template = String::from_utf8(field("size-container-limits/t10_container_memory.json")).unwrap();
    let mut template: serde_json::Value = serde_json::from_str(&template).unwrap();
    template["containerDefinitions"][0]["memory"] = serde_json::json!(1024);
    let sidecar = serde_json::json!({ "name": "cache", "image": "redis", "memory": 1024 });
    template["containerDefinitions"].as_array_mut().unwrap().push(sidecar);
    let sizes = "[sizes.small]\ncpu = 0.25\nmemory = 0.5\n[sizes.large]\ncpu = 2\nmemory = 4\n";
    assert_eq!(
        policy(template.to_string().as_bytes(), sizes).unwrap_err(),
        [
            "`containerDefinitions[1].memory` is 1024; allowed: less than 512, which is all that a task of `sizes.small` has, so \
          that the containers that get the image have a share; or another `sizes.small`"
        ]
    );
}

#[test]
fn tags_are_read_and_their_conflicts_are_refused() {
    let team = "[aws.tags]\nTeam = \"previews\"\n\"cost:center\" = \"\"\n";
    for file in ["t03_wrapped_tags", "t03b_input_tags"] {
        let policy = policy(&field(&format!("td-tags/{file}.json")), team).unwrap();
        assert_eq!(policy.tags.keys().collect::<Vec<_>>(), ["Team", "cost:center"]);
    }
    let refused =
        |tags: &str| policy(&field("td-tags/t03b_input_tags.json"), &format!("[aws.tags]\n{tags}\n")).unwrap_err();
    assert_eq!(
        refused("CostCenter = \"oss\""),
        [
            "`tags[0].value` is \"1234\"; allowed: \"oss\", as `[aws.tags]` says for \"CostCenter\", or leave one of the two out"
        ]
    );
    // The same value is no conflict.
    policy(&field("td-tags/t03b_input_tags.json"), "[aws.tags]\nCostCenter = \"1234\"\n").unwrap();
    assert_eq!(
        refused("\"bivouac:managed\" = \"x\""),
        [
            "`aws.tags`: `bivouac:managed` is refused: `bivouac:` begins Bivouac's own tags, by which it knows what is its own"
        ]
    );
    assert_eq!(
        refused("\"AWS:x\" = \"x\"\nA = \"a*b\""),
        [
            "`aws.tags`: `AWS:x` is refused: `aws:` begins AWS's own tags, which no call may set",
            "`aws.tags`: `A` is refused: allowed in tags: letters, digits, spaces and + - = . _ : / @",
        ]
    );
    let many: String = (0..46).map(|number| format!("k{number} = \"v\"\n")).collect();
    assert_eq!(
        refused(&many),
        ["`aws.tags` has 46 tags; allowed: at most 45 tags, since AWS allows 50 and 5 are Bivouac's"]
    );
}
