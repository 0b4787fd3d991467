//! The examples under `deploy/examples` are what people copy: each is whole, and agrees with itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml_edit::{DocumentMut, Item, TableLike};

/// Every section and key of the configuration. An example shows all of them, and no other.
const KEYS: &[(&str, &[&str])] = &[
    ("aws", &["region", "cluster", "subnets", "security_groups", "capacity"]),
    ("github", &["api_url", "token_file", "webhook_secret_file"]),
    ("controller", &["resync", "instance", "lease"]),
    ("bot", &["listen"]),
    ("ops", &["listen"]),
    (
        "guardrails",
        &[
            "ttl",
            "max_ttl",
            "max_environments",
            "max_per_user",
            "monthly_budget_usd",
            "max_deletions_per_pass",
            "untagged_image_grace",
        ],
    ),
    (
        "project",
        &[
            "repo",
            "ecr_repository",
            "task_definition",
            "containers",
            "port",
            "health_path",
            "service_name",
            "image_tag",
            "image_commit",
            "flag_prefix",
            "config_allow",
            "ready_note",
        ],
    ),
];

/// What `aws ecs describe-task-definition` gives and `register-task-definition` does not take.
const EXPORT_ONLY: &[&str] = &[
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
];

/// The account number that AWS's own documentation uses for nobody's account.
const NOBODY: &str = "123456789012";

fn configurations() -> Vec<(PathBuf, DocumentMut)> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples");
    let directories = fs::read_dir(&examples).expect("the examples are there");
    let directories = directories.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    let files = directories.flat_map(|path| fs::read_dir(path).expect("an example"));
    let files = files.map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("readable");
            let document = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, document)
        })
        .collect();
    found.sort_by(|(left, _), (right, _)| left.cmp(right));
    assert!(found.len() >= 3, "hello, superset and superset with workers: {}", found.len());
    found
}

/// The one project of an example.
fn project(document: &DocumentMut) -> &dyn TableLike {
    let projects = document["project"].as_array_of_tables().expect("[[project]]");
    assert_eq!(projects.len(), 1);
    projects.get(0).expect("one")
}

/// The task definition that the project names, with the containers that get the pull request's image.
fn template(path: &Path, document: &DocumentMut) -> (Value, Vec<String>) {
    let project = project(document);
    let name = project.get("task_definition").and_then(Item::as_str).expect("a file name");
    let text = fs::read_to_string(path.with_file_name(name)).expect("the template is there");
    let containers = project.get("containers").and_then(Item::as_array).expect("a list");
    let containers = containers.iter().map(|name| name.as_str().expect("a name").to_owned()).collect();
    (serde_json::from_str(&text).expect("JSON"), containers)
}

#[test]
fn an_example_has_every_key_and_no_other() {
    for (path, document) in configurations() {
        let sections: BTreeSet<&str> = document.iter().map(|(name, _)| name).collect();
        assert_eq!(sections, KEYS.iter().map(|(name, _)| *name).collect(), "{}", path.display());
        for (section, keys) in KEYS {
            let table = document[*section].as_table_like().unwrap_or_else(|| project(&document));
            let found: BTreeSet<&str> = table.iter().map(|(name, _)| name).collect();
            assert_eq!(found, keys.iter().copied().collect(), "[{section}] of {}", path.display());
        }
    }
}

#[test]
fn a_template_has_the_containers_and_the_port_that_the_configuration_names() {
    for (path, document) in configurations() {
        let (template, names) = template(&path, &document);
        let port = project(&document).get("port").and_then(Item::as_integer).expect("a port");
        let containers = template["containerDefinitions"].as_array().expect("containers");
        for name in &names {
            let count = containers.iter().filter(|each| each["name"] == name.as_str()).count();
            assert_eq!(count, 1, "container {name} of {}", path.display());
        }
        let listens = containers
            .iter()
            .filter(|each| names.iter().any(|name| each["name"] == name.as_str()))
            .flat_map(|each| each["portMappings"].as_array().expect("port mappings"))
            .any(|mapping| mapping["containerPort"] == port);
        assert!(listens, "no container of the pull request's image listens on {port}: {}", path.display());
    }
}

#[test]
fn a_template_is_what_ecs_exports_for_fargate() {
    for (path, document) in configurations() {
        let (template, _) = template(&path, &document);
        for key in EXPORT_ONLY {
            assert!(!template[key].is_null(), "{key} of {}", path.display());
        }
        assert_eq!(template["networkMode"], "awsvpc");
        assert_eq!(template["requiresCompatibilities"], serde_json::json!(["FARGATE"]));
        for container in template["containerDefinitions"].as_array().expect("containers") {
            let logs = &container["logConfiguration"];
            // Fargate takes awslogs only with a stream prefix.
            assert_eq!(logs["logDriver"], "awslogs", "{}", path.display());
            assert!(logs["options"]["awslogs-stream-prefix"].is_string(), "{}", path.display());
        }
    }
}

#[test]
fn no_example_names_an_account_of_somebody() {
    for (path, document) in configurations() {
        let text = template(&path, &document).0.to_string();
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() == NOBODY.len());
        let numbers: BTreeSet<&str> = numbers.collect();
        assert_eq!(numbers, BTreeSet::from([NOBODY]), "{}", path.display());
    }
}
