//! A field of environments: the embedded cloud and its GitHub, with as many pull requests as wanted, and the configuration
//! of an example. The adapters that work on it are the product's own, over HTTP.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bivouac::compose::{Connected, Place, connect};
use bivouac::config::{Config, Variables};
use bivouac_aws::{Endpoints, StaticCredentials};
use bivouac_controller::{Controller, Doors, Planned, Settings};
use bivouac_model::{ItemKey, Phase, Record};
use bivouac_planner::{Deadlines, Policy};
use bivouac_ports::{Meter, NoMeter};
use bivouac_runtime::Fence;
use bivouac_simcloud::github::{Fault, FaultRule, Hub, HubOptions, Limits, Rights};
use bivouac_simcloud::{Options, SimCloud, Timings};
use futures::{StreamExt, stream};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::table::{Table, item_bytes};

/// Whose configuration it is.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/examples/superset/bivouac.toml");
/// The repository of the example.
const REPO: &str = "apache/superset";
/// Its repository of images.
const ECR: &str = "superset-ci";
/// The token of the forge.
const TOKEN: &str = "bench-token";
/// Every commit.
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
/// Records written at once.
const WRITERS: usize = 16;
/// How often to look whether they are up.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A scan reads the whole table of an engine that does one thing at a time. The writers get so many times as long as a scan took.
const LEFT_TO_WRITERS: u32 = 4;
/// How long all environments may take to come up: generous, the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(600);

/// A cloud, a forge, and what a daemon has to know of them.
#[derive(Debug)]
pub struct Field {
    /// ECS, EC2, ECR and DynamoDB.
    pub cloud: SimCloud,
    /// GitHub.
    pub hub: Hub,
    /// Where both are; quotas as in production.
    pub place: Place,
    /// The policy of the example, without a health check: five thousand web servers are not what is measured.
    pub policy: Arc<Policy>,
    table: Table,
}

impl Field {
    /// A field with nothing on it, tables made.
    ///
    /// # Panics
    ///
    /// When the cloud does not start.
    pub async fn open() -> Self {
        let options = Options { timings: at_once(), serve_tasks: false, ..Options::default() };
        let cloud = SimCloud::start(options).await.expect("the cloud starts");
        let hub = Hub::start(HubOptions { limits: Limits::none(), ..HubOptions::default() });
        let hub = hub.await.expect("the forge starts");
        let config = Config::load(&Self::config_path(), &overrides(&hub)).expect("the example's configuration");
        cloud.ecs().create_cluster(&config.aws.cluster);
        config.aws.subnets.iter().for_each(|subnet| cloud.ec2().create_subnet(subnet));
        config.aws.security_groups.iter().for_each(|group| cloud.ec2().create_security_group(group));
        cloud.ecr().create_repository(ECR);
        cloud.ecs().set_vcpu_quota(Some(1e5), Some(1e5));
        hub.add_repository(REPO).expect("a repository");
        hub.add_token(TOKEN, "bivouac-bot", Rights::commenter());
        let mut place = Place::of(&config).expect("a place");
        place.sdk.endpoints = Endpoints { aws: Some(cloud.aws_url()), dynamodb: Some(cloud.dynamodb_url()) };
        place.sdk.credentials = Some(StaticCredentials::of_no_account());
        let policy = Arc::new(config.policy().expect("the example's template"));
        let table = Table::new(&cloud.dynamodb_url(), &format!("{}-environments", place.prefix));
        let field = Self { cloud, hub, place, policy, table };
        field.connect(Arc::new(NoMeter)).await.doors.records.init().await.expect("tables");
        field
    }

    /// The file of the configuration.
    #[must_use]
    pub fn config_path() -> PathBuf {
        EXAMPLE.into()
    }

    /// The environment of a process that shall run `bivouac run` on this field.
    #[must_use]
    pub fn variables(&self) -> Variables {
        let (aws, dynamodb) = (self.cloud.aws_url(), self.cloud.dynamodb_url());
        let mut variables = overrides(&self.hub);
        let of_the_sdk = [
            ("AWS_ACCESS_KEY_ID", "embedded"),
            ("AWS_SECRET_ACCESS_KEY", "embedded"),
            ("AWS_ENDPOINT_URL_ECS", &aws),
            ("AWS_ENDPOINT_URL_EC2", &aws),
            ("AWS_ENDPOINT_URL_ECR", &aws),
            ("AWS_ENDPOINT_URL_SERVICE_QUOTAS", &aws),
            ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb),
            ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", &dynamodb),
        ];
        variables.extend(of_the_sdk.map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables
    }

    /// The adapters, as the daemon has them.
    ///
    /// # Panics
    ///
    /// When they cannot be made.
    pub async fn connect(&self, meter: Arc<dyn Meter>) -> Connected {
        connect(&self.place, meter).await.expect("adapters")
    }

    /// Opens a pull request whose image is pushed, and answers its number.
    ///
    /// # Panics
    ///
    /// When the forge does not know the repository.
    #[must_use]
    pub fn pull_request(&self) -> u64 {
        let pr = self.hub.open_pull_request(REPO, "A change", "contributor", SHA, None).expect("a pull request");
        self.cloud.ecr().push_image(ECR, &format!("pr-{pr}-ci"));
        pr
    }

    /// Asks for an environment: a plain `put-item` of what a person asks for with a few flags and settings.
    pub async fn ask(&self, pr: u64) {
        let asked = format!("https://github.com/{REPO}/pull/{pr}#issuecomment-{}", 3_100_000_000 + pr);
        let item = json!({
            "repo": {"S": REPO},
            "pr": {"N": pr.to_string()},
            "desired": {"S": "up"},
            "flags": {"M": {"FEATURE_DASHBOARD_RBAC": {"BOOL": true}, "FEATURE_ALERT_REPORTS": {"BOOL": false}}},
            "config": {"M": {"SUPERSET_LOAD_EXAMPLES": {"S": "yes"}}},
            "ttl": {"S": "48h"},
            "head_sha": {"S": SHA},
            "requested_by": {"S": "contributor"},
            "request_url": {"S": asked},
            "generation": {"N": "1"},
        });
        self.table.put(&item).await;
    }

    /// Brings up so many more environments, by the controller itself, until each is `Ready`, its comment says so and the
    /// plan is empty. Returns the time until the last one was `Ready`, to half a second.
    ///
    /// # Panics
    ///
    /// When that does not come about within ten minutes.
    pub async fn settle(&self, more: usize) -> Duration {
        let prs: Vec<u64> = (0..more).map(|_| self.pull_request()).collect();
        stream::iter(&prs).for_each_concurrent(WRITERS, |pr| self.ask(*pr)).await;

        // No quotas and no pause between comments: how fast it comes up is not what is measured.
        let mut place = self.place.clone();
        (place.quotas, place.github.write_gap) = (false, Duration::ZERO);
        let doors = connect(&place, Arc::new(NoMeter)).await.expect("adapters").doors;
        let soon = Deadlines { soon: Duration::from_millis(50), ..self.policy.deadlines };
        let policy = Arc::new(Policy { deadlines: soon, ..Policy::clone(&self.policy) });
        let settings = Settings { resync: 2 * PATIENCE, ..Settings::default() };
        let controller = Arc::new(Controller::new(doors.clone(), policy, settings, Fence::unfenced()));
        let stop = CancellationToken::new();
        let running = tokio::spawn(Arc::clone(&controller).run(None, stop.clone()));
        for pr in prs {
            controller.wake(&ItemKey { repo: REPO.into(), pr: pr.to_string().into() }, "bench");
        }
        let began = Instant::now();
        let deadline = began + PATIENCE;
        loop {
            let scan = Instant::now();
            let Some(busy) = not_ready(&doors).await else { break };
            assert!(Instant::now() < deadline, "not everything is up: {busy}");
            sleep(LOOK_AGAIN.max(scan.elapsed() * LEFT_TO_WRITERS)).await;
        }
        let up = began.elapsed();
        // The comments come after the rest. Few writers are left, and a preview of thousands takes long.
        while let Some(busy) = unsettled(&controller).await {
            assert!(Instant::now() < deadline, "not everything is settled: {busy}");
            sleep(LOOK_AGAIN).await;
        }
        stop.cancel();
        running.await.expect("the controller ends");
        up
    }

    /// Takes the Spot capacity of the first `count` environments away, and waits until each has another task.
    ///
    /// # Panics
    ///
    /// When one has no task on Spot, or gets no other within a minute.
    pub async fn replace_tasks(&self, count: usize) {
        let ecs = self.cloud.ecs();
        let running = |pr: u64| {
            let tasks = ecs.service(self.cluster(), &service(pr)).map(|service| service.tasks).unwrap_or_default();
            tasks.into_iter().find(|task| task.status == "RUNNING").map(|task| task.id)
        };
        for pr in 1..=count as u64 {
            let before = running(pr);
            assert_eq!(ecs.interrupt_spot(self.cluster(), &service(pr)), 1, "#{pr} has a task on Spot");
            let deadline = Instant::now() + Duration::from_secs(60);
            while running(pr).is_none_or(|now| Some(&now) == before.as_ref()) {
                assert!(
                    Instant::now() < deadline,
                    "#{pr} has no other task: {:#?}",
                    ecs.service(self.cluster(), &service(pr))
                );
                sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Deletes the records of some pull requests, as a person would with `delete-item`.
    pub async fn forget(&self, prs: impl IntoIterator<Item = u64>) {
        let keys = prs.into_iter().map(|pr| json!({ "repo": {"S": REPO}, "pr": {"N": pr.to_string()} }));
        stream::iter(keys).for_each_concurrent(WRITERS, async |key| self.table.delete(&key).await).await;
    }

    /// How many services are ACTIVE.
    #[must_use]
    pub fn active(&self) -> usize {
        let services = self.cloud.ecs().services(self.cluster());
        services.iter().filter(|service| service.status == "ACTIVE").count()
    }

    /// From now on GitHub asks whoever writes a comment to come again in an hour. A comment that was written has its record
    /// looked at once more, a second after the other; so these looks do not fall into what is counted.
    pub fn hold_comments(&self) {
        let later = Fault::SecondaryLimit { status: 403, retry_after: Duration::from_secs(3600) };
        for method in ["POST", "PATCH"] {
            self.hub.inject(FaultRule::new(later).method(method));
        }
    }

    /// How large a record is as DynamoDB counts, on the average of a hundred.
    pub async fn record_bytes(&self) -> usize {
        let items = self.table.some(100).await;
        items.iter().map(item_bytes).sum::<usize>() / items.len().max(1)
    }

    /// The name of the cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.place.ecs.cluster
    }
}

/// The name of a pull request's service.
#[must_use]
pub fn service(pr: u64) -> String {
    format!("pr-{pr}-service")
}

/// A record that is not `Ready` yet, if there is one.
///
/// A scan that fails says nothing: all that comes up at once may keep a busy machine from answering in time.
async fn not_ready(doors: &Doors) -> Option<String> {
    match doors.records.all().await {
        Err(error) => Some(format!("{error:#?}")),
        Ok(records) => records.into_iter().find(|record| !is_up(record)).map(|record| format!("{record:#?}")),
    }
}

/// An environment that has work left, if there is one. Plans once more, as `bivouac plan` does.
async fn unsettled(controller: &Controller) -> Option<String> {
    match controller.preview(None).await {
        Err(error) => Some(format!("{error:#?}")),
        Ok(planned) => planned.into_iter().find(has_work).map(|planned| format!("{planned:#?}")),
    }
}

fn is_up(record: &Record) -> bool {
    record.status.as_ref().is_some_and(|status| status.phase == Phase::Ready)
}

fn has_work(planned: &Planned) -> bool {
    !planned.plan.is_empty(planned.written.as_ref())
}

/// What the field needs other than the example has it.
fn overrides(hub: &Hub) -> Variables {
    [
        ("BIVOUAC__GITHUB__API_URL", hub.url()),
        ("BIVOUAC__GITHUB__TOKEN", TOKEN),
        ("BIVOUAC__BOT__LISTEN", ""),
        ("BIVOUAC__OPS__LISTEN", "127.0.0.1:0"),
        ("BIVOUAC__PROJECT__0__HEALTH_PATH", ""),
        // Thousands are what is measured.
        ("BIVOUAC__GUARDRAILS__MAX_ENVIRONMENTS", "5000"),
        ("BIVOUAC__GUARDRAILS__MAX_PER_USER", "5000"),
        ("BIVOUAC__GUARDRAILS__MONTHLY_BUDGET_USD", "1000000"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Tasks that run as soon as they are placed, and are replaced as soon as they stop.
fn at_once() -> Timings {
    let soon = Duration::from_millis(1);
    Timings {
        provisioning: soon,
        pending: soon,
        deactivating: soon,
        stopping: soon,
        deprovisioning: soon,
        healthy_after: soon,
        restart: soon,
        spot_warning: soon,
        ..Timings::quick()
    }
}
