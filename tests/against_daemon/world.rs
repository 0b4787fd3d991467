//! Everything around the daemon.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_ecs::types::TaskDefinitionStatus;
use bivouac_awsmodel::Proxy;
use bivouac_simcloud::github::{CommentView, HookTarget, Hub, HubOptions, Permission, Rights};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::emulators;
use crate::fargate::Fargate;
use crate::program::{Daemon, Program, copy_files};
use crate::wait::until;

/// What the example says.
pub const REPO: &str = "apache/superset";
const REGION: &str = "us-west-2";
pub const PORT: u16 = 8080;

/// Letters and digits only: DynamoDB Local refuses others.
const ACCESS_KEY: &str = "test";
const TOKEN: &str = "a-token-of-the-test";
const WEBHOOK_SECRET: &str = "a-webhook-secret";
/// Whose token it is.
pub const BOT: &str = "bivouac-bot";
/// The head of the pull request at first.
pub const HEAD: &str = "0123456789abcdef0123456789abcdef01234567";

/// A client of an AWS service, at an emulator.
macro_rules! client {
    ($sdk:ident, $url:expr) => {{
        let credentials = $sdk::config::Credentials::new(ACCESS_KEY, ACCESS_KEY, None, None, "test");
        let config = $sdk::Config::builder()
            .behavior_version_latest()
            .region($sdk::config::Region::new(REGION))
            .credentials_provider(credentials)
            .endpoint_url($url)
            .build();
        $sdk::Client::from_conf(config)
    }};
}

/// Everything around the daemon, with names that no other test has.
pub struct World {
    pub program: Program,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub ecs: aws_sdk_ecs::Client,
    pub ecr: aws_sdk_ecr::Client,
    pub hub: Hub,
    pub fargate: Fargate,
    pub name: String,
    pub pr: u64,
    /// AWS's models as the judge of every call. They come last, so that everything else has ended.
    _recordings: [Proxy; 2],
    _directory: TempDir,
}

impl World {
    /// An account as a person has it before the first start, a pull request, and the tables made by `bivouac init`.
    pub async fn new(test: &str) -> Self {
        // Emulators may outlive a run: `cargo xtask emulators` keeps them.
        let name = format!("{test}-{}", std::process::id());
        let recordings = [emulators::judged_moto(), emulators::judged_dynamodb()];
        let [moto, dynamodb_url] = [recordings[0].url().to_owned(), recordings[1].url().to_owned()];
        let ecs = client!(aws_sdk_ecs, &moto);
        let ec2 = client!(aws_sdk_ec2, &moto);
        let ecr = client!(aws_sdk_ecr, &moto);
        let cluster = ecs.create_cluster().cluster_name(&name);
        cluster.capacity_providers("FARGATE").capacity_providers("FARGATE_SPOT").send().await.expect("a cluster");
        ecr.create_repository().repository_name(&name).send().await.expect("a repository");
        let subnets = ec2.describe_subnets().send().await.expect("the subnets of the default VPC");
        let subnet = subnets.subnets()[0].subnet_id().expect("an id");
        let groups = ec2.describe_security_groups().send().await.expect("the default security group");
        let group = groups.security_groups()[0].group_id().expect("an id");

        let hub = Hub::start(HubOptions::default()).await.expect("the embedded GitHub");
        hub.add_repository(REPO).expect("a repository");
        hub.add_token(TOKEN, BOT, Rights::commenter());
        // Only who may push is told what others may do.
        for person in [BOT, "maintainer"] {
            hub.set_permission(REPO, person, Permission::Write).expect("a permission");
        }
        let pr = hub.open_pull_request(REPO, "A change", "contributor", HEAD, None).expect("a pull request");

        let directory = tempfile::tempdir().expect("a directory");
        copy_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples/superset"), directory.path());
        reserve_memory(&directory.path().join("task-definition.json"));
        let variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY),
            ("AWS_ENDPOINT_URL_ECS", &moto),
            ("AWS_ENDPOINT_URL_EC2", &moto),
            ("AWS_ENDPOINT_URL_ECR", &moto),
            ("AWS_ENDPOINT_URL_SERVICE_QUOTAS", &moto),
            ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb_url),
            ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", &dynamodb_url),
            ("BIVOUAC_CONFIG", "bivouac.toml"),
            ("BIVOUAC__AWS__CLUSTER", &name),
            ("BIVOUAC__AWS__SUBNETS", subnet),
            ("BIVOUAC__AWS__SECURITY_GROUPS", group),
            ("BIVOUAC__AWS__TABLE_PREFIX", &name),
            ("BIVOUAC__GITHUB__API_URL", hub.url()),
            ("BIVOUAC__GITHUB__TOKEN", TOKEN),
            ("BIVOUAC__CONTROLLER__RESYNC", "1s"),
            // The shortest there is: whoever comes after a SIGKILL waits for its end.
            ("BIVOUAC__CONTROLLER__LEASE", "3s"),
            ("BIVOUAC__OPS__LISTEN", "127.0.0.1:0"),
            ("BIVOUAC__BOT__LISTEN", "127.0.0.1:0"),
            ("BIVOUAC__GITHUB__WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("BIVOUAC__PROJECT__0__ECR_REPOSITORY", &name),
            // Families are named after services, and moto keeps one set of them for all tests.
            ("BIVOUAC__PROJECT__0__SERVICE_NAME", &format!("{name}-pr-{{pr}}")),
        ];
        let variables: BTreeMap<_, _> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let program = Program { directory: directory.path().to_owned(), variables };
        program.run(&["init"]);

        let dynamodb = client!(aws_sdk_dynamodb, &dynamodb_url);
        let fargate = Fargate::new(&moto, ecs.clone(), ec2, &name, &format!("{name}-pr-{pr}"), PORT).await;
        Self { program, dynamodb, ecs, ecr, hub, fargate, name, pr, _recordings: recordings, _directory: directory }
    }

    /// Pushes an image with a manifest of its own; answers its digest.
    pub async fn push(&self, tag: &str) -> String {
        // The digest of a layer makes the difference; nobody pulls it.
        let layer = format!("sha256:{:0>64}", tag.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": 7023,
                "digest": format!("sha256:{}", "b".repeat(64)),
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": 32654,
                "digest": layer,
            }],
        });
        let put = self.ecr.put_image().repository_name(&self.name).image_tag(tag).image_manifest(manifest.to_string());
        let answer = put.send().await.expect("PutImage");
        let id = answer.image.and_then(|image| image.image_id).expect("an id");
        id.image_digest.expect("a digest")
    }

    fn table(&self) -> String {
        format!("{}-environments", self.name)
    }

    fn key(&self) -> HashMap<String, AttributeValue> {
        let pr = AttributeValue::N(self.pr.to_string());
        [("repo".to_owned(), AttributeValue::S(REPO.into())), ("pr".to_owned(), pr)].into()
    }

    /// `aws dynamodb put-item` with `repo`, `pr` and `image_tag`.
    pub async fn put(&self, image_tag: &str) {
        let put = self.dynamodb.put_item().table_name(self.table()).set_item(Some(self.key()));
        put.item("image_tag", AttributeValue::S(image_tag.into())).send().await.expect("put-item");
    }

    /// `aws dynamodb update-item` of one attribute.
    pub async fn set(&self, name: &str, value: &str) {
        let update = self.dynamodb.update_item().table_name(self.table()).set_key(Some(self.key()));
        let update = update.update_expression("SET #name = :value").expression_attribute_names("#name", name);
        let value = AttributeValue::S(value.into());
        update.expression_attribute_values(":value", value).send().await.expect("update-item");
    }

    /// `aws dynamodb get-item`.
    pub async fn item(&self) -> Option<HashMap<String, AttributeValue>> {
        let get = self.dynamodb.get_item().table_name(self.table()).set_key(Some(self.key()));
        get.consistent_read(true).send().await.expect("get-item").item
    }

    /// Waits until no delivery is left that the bot has not handled.
    pub async fn until_all_handled(&self) {
        until("the end of all letters", async || {
            let query = self.dynamodb.query().table_name(format!("{}-events", self.name)).consistent_read(true);
            let query = query.key_condition_expression("environment = :inbox");
            let query = query.expression_attribute_values(":inbox", AttributeValue::S("inbox".into()));
            let letters = query.send().await.expect("query");
            if letters.items().is_empty() { Ok(()) } else { Err(format!("{:#?}", letters.items())) }
        })
        .await;
    }

    /// Has GitHub tell the daemon everything, signed, from now on; and whoever comes after it, at the same address.
    pub fn tell(&mut self, daemon: &Daemon) {
        let bot = daemon.listening["bot"].as_str().expect("the address of the bot");
        let address = bot.trim_start_matches("http://").to_owned();
        self.program.variables.insert("BIVOUAC__BOT__LISTEN".into(), address);
        let (repository, url) = (HookTarget::Repository(REPO.into()), format!("{bot}/webhooks/github"));
        self.hub.add_webhook(repository, &url, Some(WEBHOOK_SECRET), &["*"]).expect("a webhook");
    }

    /// Waits until the item has this phase and this `url`.
    pub async fn until_phase(&self, phase: &str, url: Option<&str>) {
        until(phase, async || {
            let item = self.item().await.expect("the item");
            let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
            if text("phase") == Some(phase) && text("url") == url { Ok(()) } else { Err(format!("{item:#?}")) }
        })
        .await;
    }

    /// Waits until the service deploys an image by this digest.
    pub async fn until_deployed(&self, digest: &str) {
        until("the deployment", async || {
            let Some(service) = self.fargate.service().await else { return Err("no service".into()) };
            let task_definition = service.task_definition().expect("it deploys something");
            let described = self.ecs.describe_task_definition().task_definition(task_definition).send().await;
            let described = described.expect("DescribeTaskDefinition").task_definition.expect("a task definition");
            let image = described.container_definitions()[0].image().expect("an image").to_owned();
            if image.ends_with(&format!("/{}@{digest}", self.name)) { Ok(()) } else { Err(image) }
        })
        .await;
    }

    /// The services of the cluster that are not INACTIVE. moto lists those too.
    pub async fn services(&self) -> Vec<String> {
        let list = self.ecs.list_services().cluster(&self.name).send().await.expect("ListServices");
        let Some(listed) = list.service_arns.filter(|listed| !listed.is_empty()) else { return Vec::new() };
        let described = self.ecs.describe_services().cluster(&self.name).set_services(Some(listed)).send().await;
        let described = described.expect("DescribeServices").services.unwrap_or_default();
        let live = described.into_iter().filter(|service| service.status() != Some("INACTIVE"));
        live.filter_map(|service| service.service_name).collect()
    }

    pub async fn until_no_service(&self) {
        until("the end of the service", async || match self.fargate.service().await {
            None => Ok(()),
            Some(service) => Err(format!("{service:#?}")),
        })
        .await;
    }

    /// Lets ECS start the task, and waits until the environment is `Ready` at its address. Answers the address for people.
    pub async fn until_ready(&mut self, digest: &str) -> String {
        let address = self.fargate.catch_up().await.expect("a task runs");
        let url = format!("http://{address}:{PORT}/");
        self.until_phase("Ready", Some(&url)).await;
        let answer = reqwest::get(&url).await.expect("the environment answers").text().await.expect("a text");
        assert!(answer.ends_with(digest), "{url} runs {answer}");
        url
    }

    /// Waits until the comments are one comment that says this.
    pub async fn until_comment(&self, what: &str) -> CommentView {
        until("the comment", async || match &self.hub.comments(REPO, self.pr).expect("comments")[..] {
            [comment] if comment.body.contains(what) => Ok(comment.clone()),
            other => Err(format!("{other:#?}")),
        })
        .await
    }

    /// Waits until `bivouac plan` finds nothing to do.
    pub async fn until_nothing_to_do(&self) {
        until("an empty plan", async || {
            let plan = self.program.ask(&["plan"]);
            let items = plan["items"].as_array().expect("items");
            assert_eq!(items.len(), 1, "{plan}");
            if items[0]["next"] == "nothing" { Ok(()) } else { Err(plan.to_string()) }
        })
        .await;
    }

    /// The revisions that are not deregistered.
    pub async fn live_task_definitions(&self) -> Vec<String> {
        let family = format!("superset-ci-{}-pr-{}", self.name, self.pr);
        let list = self.ecs.list_task_definitions().family_prefix(family).status(TaskDefinitionStatus::Active);
        list.send().await.expect("ListTaskDefinitions").task_definition_arns.unwrap_or_default()
    }

    /// What `bivouac get` prints of the environment.
    pub fn get(&self) -> Value {
        self.program.ask(&["get", &format!("{REPO}#{}", self.pr)])
    }
}

/// Gives the containers a `memoryReservation`, which AWS does not need where the task has a size: without one moto's RunTask
/// ends with status 500, because `_calculate_task_resource_requirements` in `moto/ecs/models.py` adds up what is not there.
fn reserve_memory(template: &Path) {
    let text = std::fs::read_to_string(template).expect("the template");
    let mut json: Value = serde_json::from_str(&text).expect("JSON");
    for container in json["containerDefinitions"].as_array_mut().expect("containers") {
        container["memoryReservation"] = 256.into();
    }
    std::fs::write(template, json.to_string()).expect("written");
}
