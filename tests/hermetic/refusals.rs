//! What `bivouac run` refuses at its start: exit code 2 and one sentence, asked of the binary as a process.

use std::path::PathBuf;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use bivouac_simcloud::{Fault, Options, Rule, Service, SimCloud};
use tempfile::TempDir;

use crate::judge::judged;
use crate::program::{Program, copy_files};
use crate::system::client;

/// What nobody may read in a refusal.
const SECRET: &str = "hunter2-hunter2";

/// An account, and the Superset example as somebody would start it there.
struct Start {
    cloud: SimCloud,
    table: Client,
    program: Program,
    _directory: TempDir,
}

impl Start {
    /// Everything is as it should be, the tables are made.
    async fn sound() -> Self {
        let start = Self::bare().await;
        start.cloud.ecs().create_cluster("previews");
        start.program.run(&["init"]);
        start
    }

    /// Neither cluster nor tables.
    async fn bare() -> Self {
        let cloud = SimCloud::start(judged(Options { serve_tasks: false, ..Options::default() }));
        let cloud = cloud.await.expect("the cloud");
        let directory = tempfile::tempdir().expect("a directory");
        let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/examples/superset");
        copy_files(&example, directory.path());
        let variables = [
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_ENDPOINT_URL", cloud.aws_url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", cloud.dynamodb_url()),
            ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", cloud.dynamodb_url()),
            ("BIVOUAC__AWS__CLUSTER", "previews".to_owned()),
            ("BIVOUAC__GITHUB__TOKEN", format!("ghp_{SECRET}")),
            ("BIVOUAC__OPS__LISTEN", "127.0.0.1:0".to_owned()),
            ("BIVOUAC__BOT__LISTEN", "127.0.0.1:0".to_owned()),
            ("BIVOUAC__GITHUB__WEBHOOK_SECRET", SECRET.to_owned()),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let program = Program { directory: directory.path().to_owned(), variables };
        let table = client(&cloud.dynamodb_url());
        Self { cloud, table, program, _directory: directory }
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.program.directory.join(name)).expect("a file of the example")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.program.directory.join(name), text).expect("written");
    }

    /// The template with one text replaced.
    fn template(&self, from: &str, to: &str) {
        let text = self.file("task-definition.json");
        assert!(text.contains(from), "the example has no {from}");
        self.write("task-definition.json", &text.replace(from, to));
    }

    async fn refused(&self) -> String {
        let said = self.program.refused(&["run"]).await;
        assert!(!said.contains(SECRET), "{said}");
        said
    }

    /// The refusal, which has to contain all of this.
    async fn refused_with(&self, parts: &[&str]) {
        let said = self.refused().await;
        for part in parts {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_start_is_not_refused() {
    let start = Start::sound().await;
    // So that the others are refused for what they are about, and for nothing else. It has no forge: that is waited for.
    let mut variables = start.program.variables.clone();
    variables.insert("BIVOUAC__GITHUB__API_URL".into(), "http://127.0.0.1:9".into());
    let program = Program { variables, ..start.program.clone() };
    assert!(program.daemon().await.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_is_no_json() {
    let start = Start::bare().await;
    start.write("task-definition.json", "family: superset\n");
    start.refused_with(&["task_definition", "it is not JSON", "line 1 column"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_without_the_named_container() {
    let start = Start::bare().await;
    start.template(r#""name": "superset""#, r#""name": "web""#);
    start.refused_with(&["bivouac.toml:", "it has no container `superset`; it has web"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_names_a_container_twice() {
    let start = Start::bare().await;
    let mut template: serde_json::Value = serde_json::from_str(&start.file("task-definition.json")).expect("JSON");
    let definition = match template.get("taskDefinition") {
        Some(_) => &mut template["taskDefinition"],
        None => &mut template,
    };
    let containers = definition["containerDefinitions"].as_array_mut().expect("containers");
    let mut twin = containers[0].clone();
    twin["portMappings"] = serde_json::json!([]);
    containers.push(twin);
    start.write("task-definition.json", &template.to_string());
    start.refused_with(&["it names the container `superset` twice"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_too_large_for_every_pull_request() {
    let start = Start::bare().await;
    let long = format!(r#""name": "superset", "command": ["{}"]"#, "x".repeat(64 * 1024));
    start.template(r#""name": "superset""#, &long);
    start.refused_with(&["the task definition takes ", "ECS allows 65536"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_whose_services_could_have_one_name() {
    let start = Start::bare().await;
    let second = "\n[[project]]\nrepo = \"apache/airflow\"\necr_repository = \"airflow-ci\"\n\
                  task_definition = \"task-definition.json\"\ncontainers = [\"superset\"]\n";
    start.write("bivouac.toml", &(start.file("bivouac.toml") + second));
    start
        .refused_with(&[
            "services of apache/airflow and apache/superset could have the same name",
            "give one of them another `service_name`",
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there() {
    let start = Start::bare().await;
    start.program.run(&["init"]);
    start.refused_with(&["previews"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_the_capacity_provider() {
    let start = Start::bare().await;
    start.program.run(&["init"]);
    start.cloud.ecs().create_cluster_with("previews", &["FARGATE"]);
    start
        .refused_with(&[
            "aws.capacity needs the capacity provider FARGATE_SPOT, which the cluster `previews` lacks",
            "aws ecs put-cluster-capacity-providers --cluster previews",
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_not_there() {
    let start = Start::bare().await;
    start.cloud.ecs().create_cluster("previews");
    start.refused_with(&["there is no table bivouac-environments: `bivouac init` makes it"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_another_key() {
    let start = Start::bare().await;
    start.cloud.ecs().create_cluster("previews");
    let key = AttributeDefinition::builder().attribute_name("pr").attribute_type(ScalarAttributeType::S);
    let element = KeySchemaElement::builder().attribute_name("pr").key_type(KeyType::Hash);
    let request = start.table.create_table().table_name("bivouac-environments");
    let request = request.billing_mode(BillingMode::PayPerRequest);
    let request = request.attribute_definitions(key.build().expect("a key")).key_schema(element.build().expect("one"));
    request.send().await.expect("a table");
    let sentence =
        "table bivouac-environments has the key pr (S, hash) and should have repo (S, hash) and pr (N, range)";
    start.refused_with(&[sentence, "choose another prefix, or remove the table"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_may_not_look() {
    let start = Start::sound().await;
    start.cloud.faults().add(Rule::service(Service::DynamoDb, Fault::Deny));
    start.refused_with(&["DynamoDB DescribeTable denied", "not authorized"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there() {
    let start = Start::sound().await;
    let mut variables = start.program.variables.clone();
    variables.remove("BIVOUAC__GITHUB__TOKEN");
    let file = "no-such-token";
    variables.insert("BIVOUAC__GITHUB__TOKEN_FILE".into(), file.into());
    let said = Program { variables, ..start.program.clone() }.refused(&["run"]).await;
    assert!(said.contains(file), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_of_a_template_is_reported_at_once() {
    let start = Start::sound().await;
    let privileged = r#""name": "superset", "privileged": true, "links": ["db"], "extraHosts": [{"hostname": "db"}]"#;
    start.template(r#""name": "superset""#, privileged);
    let (code, output, said) = start.program.outcome(&["run"]).await;
    assert_eq!((code, output.as_str()), (Some(2), ""), "{said}");
    let parts = [
        "the configuration has 3 errors",
        "`containerDefinitions[0].privileged` is true; allowed: false, or nothing",
        "`containerDefinitions[0].links` is a list; allowed: nothing",
        "`containerDefinitions[0].extraHosts` is a list; allowed: nothing",
    ];
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_powershell_wrote_are_read() {
    let start = Start::sound().await;
    let utf_16 = |text: &str| -> Vec<u8> {
        b"\xff\xfe".iter().copied().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    for file in ["bivouac.toml", "task-definition.json"] {
        let text = start.file(file);
        std::fs::write(start.program.directory.join(file), utf_16(&text)).expect("written");
    }
    std::fs::write(start.program.directory.join("token"), utf_16("ghp_hunter2\r\n")).expect("written");
    let mut variables = start.program.variables.clone();
    variables.remove("BIVOUAC__GITHUB__TOKEN");
    variables.insert("BIVOUAC__GITHUB__TOKEN_FILE".into(), "token".into());
    variables.insert("BIVOUAC__GITHUB__API_URL".into(), "http://127.0.0.1:9".into());
    let program = Program { variables, ..start.program.clone() };
    assert!(program.daemon().await.terminate().await.success());
}
