//! Task definitions as people export and write them (`tests/field`), on the whole system.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bivouac::compose::EMBEDDED_CLUSTER;
use bivouac_model::Phase;
use bivouac_planner::{Filling, Policy, Size, Template};
use bivouac_simcloud::Options;
use serde_json::{Value, json};

use crate::system::{System, policy, s};

fn field(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/field").join(name);
    std::fs::read_to_string(path).expect("a file of the field")
}

fn template(name: &str) -> Template {
    Template::parse(&field(name), &["web".into()]).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The policy of the tests with another template.
fn with(template: Template) -> Policy {
    let mut policy = policy();
    policy.projects.values_mut().next().expect("a project").template = template;
    policy
}

/// A call of ECS that has to succeed.
pub async fn ecs(system: &System, operation: &str, input: Value) -> Value {
    let request = reqwest::Client::new().post(system.cloud.aws_url());
    let request = request.header("x-amz-target", format!("AmazonEC2ContainerServiceV20141113.{operation}"));
    let request = request.header("content-type", "application/x-amz-json-1.1").body(input.to_string());
    let answer = request.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{operation}: {}", answer.status());
    serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
}

fn tags(of: &Value) -> BTreeMap<&str, &str> {
    let text = |tag: &'_ Value, name: &str| tag[name].as_str().map(str::to_owned).unwrap_or_default();
    let list = of.as_array().expect("a list of tags");
    assert!(list.iter().all(|tag| !text(tag, "key").is_empty()), "{of}");
    list.iter().map(|tag| (tag["key"].as_str().expect("a key"), tag["value"].as_str().expect("a value"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_the_wrong_type_are_converted_and_run() {
    for file in ["t06a_env_number", "t06b_task_cpu_number", "t06c_container_strings"] {
        let template = template(&format!("td-wrong-types/{file}.json"));
        let mut system = System::without_daemon(Options::default(), with(template)).await;
        system.launch();
        let pr = system.pull_request();
        system.put(pr, &[]).await;
        system.until_phase(pr, Phase::Ready).await;
        system.until_settled().await;
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_below_the_limits_of_a_container_runs() {
    let mut policy = with(template("size-container-limits/t10_container_memory.json"));
    let project = policy.projects.values_mut().next().expect("a project");
    project.sizes = [("small".to_owned(), Size { cpu: 256, memory: 512 })].into();
    let mut system = System::without_daemon(Options::default(), policy).await;
    system.launch();
    let pr = system.pull_request();
    system.put(pr, &[("size", s("small"))]).await;
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
    let task_definition = system.services()[0].tasks[0].task_definition.clone();
    let answer = ecs(&system, "DescribeTaskDefinition", json!({ "taskDefinition": task_definition })).await;
    let registered = &answer["taskDefinition"];
    let container = &registered["containerDefinitions"][0];
    assert_eq!((&registered["cpu"], &registered["memory"]), (&json!("256"), &json!("512")));
    assert_eq!((&container["cpu"], &container["memory"]), (&json!(256), &json!(512)));
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_the_template_and_of_the_configuration_are_on_all_that_is_made() {
    for file in ["t03_wrapped_tags", "t03b_input_tags"] {
        let mut policy = with(template(&format!("td-tags/{file}.json")));
        policy.tags = [("Team".to_owned(), "previews".to_owned())].into();
        let mut system = System::without_daemon(Options::default(), policy).await;
        system.launch();
        let pr = system.pull_request();
        system.put(pr, &[]).await;
        system.until_phase(pr, Phase::Ready).await;
        system.until_settled().await;

        let service = system.services().remove(0);
        let cluster = EMBEDDED_CLUSTER;
        let input = json!({ "cluster": cluster, "services": [service.name], "include": ["TAGS"] });
        let answer = ecs(&system, "DescribeServices", input).await;
        let of_service = tags(&answer["services"][0]["tags"]);
        let input = json!({ "cluster": cluster, "tasks": [service.tasks[0].id], "include": ["TAGS"] });
        let answer = ecs(&system, "DescribeTasks", input).await;
        let of_task = tags(&answer["tasks"][0]["tags"]);
        for tags in [&of_service, &of_task] {
            assert_eq!((tags["Team"], tags["bivouac:managed"]), ("previews", "test"), "{tags:?}");
        }
        let input = json!({ "taskDefinition": service.tasks[0].task_definition, "include": ["TAGS"] });
        let answer = ecs(&system, "DescribeTaskDefinition", input).await;
        let of_definition = tags(&answer["tags"]);
        assert_eq!((of_definition["CostCenter"], of_definition["Team"]), ("1234", "previews"), "{of_definition:?}");
        assert_eq!(of_definition.get("project").copied(), (file == "t03_wrapped_tags").then_some("visual"));
        assert!(of_definition.contains_key("bivouac:managed") && of_definition.contains_key("bivouac:content"));
        system.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn task_definitions_that_fargate_refuses_are_refused_by_the_embedded_cloud() {
    // Those that AWS's model of the call refuses are not sent: the judge of this cloud would find them first.
    let cases = [
        ("t12b_priv", "Fargate requires that the 'privileged' setting be 'false'."),
        ("t12d_hostport", "When networkMode=awsvpc, the host ports and container ports in port mappings must match."),
        ("t12e_hostvolume", "Fargate compatible task definitions do not support sourcePath"),
        ("t12f_missingvolume", "Unknown volume 'nowhere'."),
        ("t12h_extrahosts", "Extra hosts are not supported on container when networkMode=awsvpc."),
        ("t12i_dup_env_secret", "variables set on the container, such as 'DB'."),
        ("t12j_depends_missing", "Cannot depend on container + 'db' because it does not exist"),
        ("t12m_cap", "NET_ADMIN is not allowed on Fargate."),
        ("t12o_port_twice", "TCP host port '8080' is mapped multiple times in task."),
        ("t12q_container_memory", "The 'memory' setting for container 'web' is greater than for the task."),
        ("t13a_volumes_from", "Invalid 'volumesFrom' setting. Unknown container: 'assets'"),
        ("t13b_health_check", "Health check retries must be less than or equal to the maximum allowed value 10"),
        ("t13e_container_name", "Container.name contains invalid characters."),
        ("t13f_port", "Invalid 'containerPort' setting for container 'web'."),
    ];
    let system = System::without_daemon(Options::default(), policy()).await;
    for (file, words) in cases {
        let template = template(&format!("td-fargate-refuses/{file}.json"));
        let filling = Filling { image: "nginx", environment: &BTreeMap::new(), size: None, restarted_at: None };
        let rendered = template.render("field", filling).expect("it is small");
        let refused = system.doors.cluster.register(&rendered).await.expect_err(file);
        assert!(refused.to_string().contains(words), "{file}: {refused}");
    }
}
