//! A daemon as a process with a limited number of open files, the clouds it talks to, and strangers at its ports.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_simcloud::github::{HookTarget, Hub, HubOptions, Limits, Permission, Rights};
use bivouac_simcloud::{Options, ServiceView, SimCloud, Timings};
use tempfile::TempDir;

use crate::judge::judged;
use crate::program::{Daemon, Program, copy_files};
use crate::system::{client, n, s};
use crate::wait::until;

/// The repository of the example.
pub const REPO: &str = "apache/superset";
const TOKEN: &str = "a-token-of-the-test";
const WEBHOOK_SECRET: &str = "a-webhook-secret";
const BOT: &str = "bivouac-bot";
/// The one with write access.
pub const MAINTAINER: &str = "maintainer";
const HEAD: &str = "0123456789abcdef0123456789abcdef01234567";

/// Everything around the daemon.
pub struct Scene {
    pub cloud: SimCloud,
    pub hub: Hub,
    pub program: Program,
    table: Client,
    _directory: TempDir,
}

impl Scene {
    /// An account, a forge and the tables. `settings` override the Superset example.
    pub async fn new(settings: &[(&str, &str)]) -> Self {
        let options = Options { timings: Timings::quick(), ..Options::default() };
        let cloud = SimCloud::start(judged(options)).await.expect("the cloud");
        cloud.ecs().create_cluster("previews");
        cloud.ec2().create_subnet("subnet-1");
        cloud.ec2().create_security_group("sg-1");
        cloud.ecr().create_repository("superset-ci");
        cloud.ecs().set_vcpu_quota(Some(1000.0), Some(1000.0));
        let hub = Hub::start(HubOptions { limits: Limits::none(), ..HubOptions::default() }).await.expect("the forge");
        hub.add_repository(REPO).expect("a repository");
        hub.add_token(TOKEN, BOT, Rights::commenter());
        for person in [BOT, MAINTAINER] {
            hub.add_user(person);
            hub.set_permission(REPO, person, Permission::Write).expect("a permission");
        }
        let directory = tempfile::tempdir().expect("a directory");
        copy_files(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/examples/superset"), directory.path());
        let (aws, dynamodb) = (cloud.aws_url(), cloud.dynamodb_url());
        let variables = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_ENDPOINT_URL", &aws),
            ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb),
            ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", &dynamodb),
            ("BIVOUAC_CONFIG", "bivouac.toml"),
            ("BIVOUAC__GITHUB__API_URL", hub.url()),
            ("BIVOUAC__GITHUB__TOKEN", TOKEN),
            ("BIVOUAC__GITHUB__WEBHOOK_SECRET", WEBHOOK_SECRET),
            ("BIVOUAC__CONTROLLER__RESYNC", "1s"),
            ("BIVOUAC__CONTROLLER__LEASE", "3s"),
            ("BIVOUAC__GUARDRAILS__MAX_ENVIRONMENTS", "100"),
            ("BIVOUAC__GUARDRAILS__MONTHLY_BUDGET_USD", "100000"),
            ("BIVOUAC__DEADLINES__SOON", "1s"),
            ("BIVOUAC__DEADLINES__LATER", "1s"),
            ("BIVOUAC__OPS__LISTEN", "127.0.0.1:0"),
            ("BIVOUAC__BOT__LISTEN", "127.0.0.1:0"),
        ];
        let all = variables.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables: BTreeMap<_, _> = all.collect();
        let program = Program { directory: directory.path().to_owned(), variables };
        let table = client(&dynamodb);
        let scene = Self { cloud, hub, program, table, _directory: directory };
        let (code, _, errors) = scene.program.outcome(&["init"]).await;
        assert_eq!(code, Some(0), "{errors}");
        scene
    }

    /// Sends the signed deliveries of the forge to this daemon.
    pub fn deliver_to(&self, daemon: &Daemon) {
        let url = format!("http://{}/webhooks/github", daemon.address("bot"));
        let repository = HookTarget::Repository(REPO.into());
        self.hub.add_webhook(repository, &url, Some(WEBHOOK_SECRET), &["*"]).expect("a webhook");
    }

    /// Opens a pull request with an image, and writes a record for it.
    pub async fn environment(&self) -> u64 {
        let pr = self.hub.open_pull_request(REPO, "A change", "contributor", HEAD, None).expect("a pull request");
        self.cloud.ecr().push_image("superset-ci", &format!("pr-{pr}-ci"));
        let item = HashMap::from([("repo".to_owned(), s(REPO)), ("pr".to_owned(), n(pr))]);
        let put = self.table.put_item().table_name("bivouac-environments").set_item(Some(item));
        put.send().await.expect("put-item");
        pr
    }

    /// Sets one attribute of a record.
    pub async fn set(&self, pr: u64, name: &str, value: &str) {
        let update = self.table.update_item().table_name("bivouac-environments").key("repo", s(REPO)).key("pr", n(pr));
        let update = update.update_expression("SET #n = :v").expression_attribute_names("#n", name);
        update.expression_attribute_values(":v", s(value)).send().await.expect("update-item");
    }

    /// The attributes of type S of a record.
    pub async fn item(&self, pr: u64) -> BTreeMap<String, String> {
        let get = self.table.get_item().table_name("bivouac-environments").key("repo", s(REPO)).key("pr", n(pr));
        let item = get.consistent_read(true).send().await.expect("get-item").item.unwrap_or_default();
        let text = |(name, value): (String, AttributeValue)| Some((name, value.as_s().ok()?.clone()));
        item.into_iter().filter_map(text).collect()
    }

    /// Waits until all of these are `Ready` and run one task each that was started after `tasks`.
    pub async fn until_ready(&self, prs: &[u64], tasks: &[String]) {
        until("ready environments", async || {
            let running = self.tasks();
            for pr in prs {
                let item = self.item(*pr).await;
                let mine = running.get(&format!("pr-{pr}-service"));
                let is_new = mine.is_some_and(|mine| mine.len() == 1 && !tasks.contains(&mine[0]));
                if item.get("phase").map(String::as_str) != Some("Ready") || !is_new {
                    return Err(format!("#{pr}: {item:#?} {mine:?}"));
                }
            }
            Ok(())
        })
        .await;
    }

    /// The tasks of each service.
    pub fn tasks(&self) -> BTreeMap<String, Vec<String>> {
        let services = self.cloud.ecs().services("previews").into_iter();
        let ids = |service: &ServiceView| service.tasks.iter().map(|task| task.id.clone()).collect();
        services.map(|service| (service.name.clone(), ids(&service))).collect()
    }
}
