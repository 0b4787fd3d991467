//! The whole system in one process, for tests: an embedded cloud and forge, and the daemon as the binary composes it.
//!
//! What a test does it does as any client would: it writes items with the plain DynamoDB client, pushes images, closes
//! pull requests. What it sees are records, services, comments.

// Each integration test is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac::compose::{
    Connected, EMBEDDED_CLUSTER, EMBEDDED_SECURITY_GROUP, EMBEDDED_SUBNET, Place, connect, connect_on,
};
use bivouac::daemon::{Daemon, Ear, FIRST_OBSERVATION, TABLES};
use bivouac_bot::{ProjectRules, Secrets};
use bivouac_controller::{Controller, Doors, Leadership, Planned, Settings};
use bivouac_model::{ItemKey, Phase, Record};
use bivouac_ops::Readiness;
use bivouac_planner::admission::Caps;
use bivouac_planner::{CapacityPolicy, Deadlines, ImageCommit, Pattern, Plan, Policy, Prices, Project, Size, Template};
use bivouac_policy::VariableRules;
use bivouac_ports::{Clock, Inbox, NoMeter, SystemClock};
use bivouac_runtime::Fence;
use bivouac_simcloud::github::{HookTarget, Hub, HubOptions, Limits, Permission, Rights};
use bivouac_simcloud::{Options, SimCloud};
use chrono::{TimeDelta, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The repository of all tests.
pub const REPO: &str = "acme/shop";
/// The registry's repository.
pub const ECR: &str = "shop";
/// The token of the forge.
pub const TOKEN: &str = "test-token";
/// The resync of a daemon that is launched without another.
pub const RESYNC: Duration = Duration::from_millis(500);
/// How long a state may take to come about. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// An attribute S.
pub fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// An attribute N.
pub fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// An attribute M of S.
pub fn map(entries: &[(&str, &str)]) -> AttributeValue {
    AttributeValue::M(entries.iter().map(|(name, value)| ((*name).to_owned(), s(value))).collect())
}

/// A running system.
pub struct System {
    pub cloud: SimCloud,
    pub hub: Hub,
    pub table: Client,
    pub doors: Doors,
    pub inbox: Arc<dyn Inbox>,
    pub policy: Arc<Policy>,
    /// What the machine of the daemon takes for the time.
    pub machine: Arc<dyn Clock>,
    /// What the bot is told besides.
    pub bot_settings: bivouac_bot::Settings,
    /// Seconds by which the forge's clock was put forward.
    later: Arc<AtomicI64>,
    /// `controller.collect` of the next daemon.
    pub collect: Duration,
    place: Place,
    daemon: Option<(JoinHandle<()>, CancellationToken)>,
    bot: Option<(JoinHandle<()>, CancellationToken)>,
    bot_address: Option<SocketAddr>,
}

/// The policy of all tests: quick looks, a health check at `/health`.
pub fn policy() -> Policy {
    let template = include_str!("../../deploy/examples/superset/task-definition.json");
    let repo: bivouac_model::RepoName = REPO.parse().unwrap();
    let project = Project {
        repo: repo.clone(),
        ecr_repository: ECR.into(),
        template: Template::parse(template, &["superset".into()]).unwrap(),
        port: 8080,
        health_path: Some("/health".into()),
        idle_path: None,
        service_name: Pattern::service_name("pr-{pr}-service").unwrap(),
        image_tag: Pattern::image_tag("pr-{pr}-ci").unwrap(),
        image_commit: ImageCommit::PushTime,
        variables: variables(),
        sizes: [("large".to_owned(), Size { cpu: 1024, memory: 2048 })].into(),
        ready_note: Some("Sign in as `admin` / `admin`.".into()),
        exec: false,
        logs_in_comments: bivouac_policy::LogsInComments::Never,
    };
    Policy {
        instance: "test".into(),
        tags: std::collections::BTreeMap::new(),
        projects: [(repo, project)].into(),
        ttl: Duration::from_secs(48 * 3600),
        max_ttl: Duration::from_secs(168 * 3600),
        expiry_notice: Duration::from_secs(3600),
        // Caps that no test meets by chance.
        caps: Caps {
            max_environments: 1000,
            max_per_user: 1000,
            monthly_budget: bivouac_model::Usd::from_dollars(1e6),
            max_vcpus: Some(1000.0),
        },
        idle_after: Duration::ZERO,
        max_deletions_per_pass: 20,
        adopt: Vec::new(),
        untagged_image_grace: Duration::from_secs(24 * 3600),
        purge_after: Duration::from_secs(720 * 3600),
        capacity: CapacityPolicy::SpotWithFallback,
        prices: Prices::default(),
        deadlines: Deadlines {
            soon: Duration::from_millis(100),
            later: Duration::from_millis(400),
            spot: Duration::from_secs(2),
            ..Deadlines::default()
        },
        command: "/testenv".into(),
        checks_own_branches: false,
    }
}

/// Which variables a record of all tests may set.
pub fn variables() -> VariableRules {
    VariableRules {
        flag_prefix: "SUPERSET_".into(),
        config_allow: vec![wildmatch::WildMatch::new("SUPERSET_*")],
        ..VariableRules::default()
    }
}

/// The settings of the bot in all tests. Whoever may write may do everything, and nothing is compared while they last.
pub fn bot_settings() -> bivouac_bot::Settings {
    let project = ProjectRules {
        repo: REPO.parse().expect("a repository"),
        variables: variables(),
        secrets: policy().projects.into_values().flat_map(|project| project.template.secrets().clone()).collect(),
        sizes: ["large".to_owned()].into(),
        logs: policy()
            .projects
            .values()
            .map(|project| bivouac::bot::logs(&project.template, project.logs_in_comments))
            .next()
            .unwrap_or_default(),
    };
    bivouac_bot::Settings {
        secrets: Secrets::new(["it's a secret".into()]),
        projects: vec![project],
        label: Some("testenv-up".into()),
        ..bivouac_bot::Settings::default()
    }
}

impl System {
    /// A cloud with everything an account has, tables made, and a daemon.
    pub async fn start() -> Self {
        let mut system = Self::without_daemon(Options::default(), policy()).await;
        system.launch();
        system
    }

    /// With the bot beside the daemon.
    pub async fn with_bot() -> Self {
        let mut system = Self::without_daemon(Options::default(), policy()).await;
        system.launch();
        system.launch_bot().await;
        system
    }

    /// The bot without the daemon, so that nobody else writes or asks, and a pull request.
    pub async fn bot_alone() -> (Self, u64) {
        let mut system = Self::without_daemon(Options::default(), policy()).await;
        system.launch_bot().await;
        system.hub.all_delivered().await.expect("the ping");
        let pr = system.pull_request();
        system.hub.all_delivered().await.expect("that it was opened");
        system.until_all_handled().await;
        system.hub.reset_calls();
        (system, pr)
    }

    /// The same without the daemon.
    pub async fn without_daemon(options: Options, policy: Policy) -> Self {
        let cloud = SimCloud::start(crate::judge::judged(options)).await.expect("the cloud");
        let later = Arc::new(AtomicI64::new(0));
        let put_forward = Arc::clone(&later);
        let clock = Arc::new(move || Utc::now() + TimeDelta::seconds(put_forward.load(Ordering::SeqCst)));
        let options = HubOptions { limits: Limits::none(), clock, ..HubOptions::default() };
        let hub = Hub::start(options).await.expect("the forge");
        cloud.ecs().create_cluster(EMBEDDED_CLUSTER);
        cloud.ec2().create_subnet(EMBEDDED_SUBNET);
        cloud.ec2().create_security_group(EMBEDDED_SECURITY_GROUP);
        cloud.ecr().create_repository(ECR);
        // What is told is what holds: a quota that no test meets by chance.
        cloud.ecs().set_vcpu_quota(Some(1000.0), Some(1000.0));
        hub.add_repository(REPO).expect("a repository");
        hub.add_token(TOKEN, "bivouac-bot", Rights::commenter());
        let mut place = Place::embedded(&cloud.aws_url(), &cloud.dynamodb_url(), hub.url(), TOKEN);
        place.github.write_gap = Duration::from_millis(5);
        place.github.content = bivouac_github::ContentLimits::none();
        let Connected { doors, inbox, .. } = connect(&place, Arc::new(NoMeter)).await.expect("adapters");
        doors.records.init().await.expect("tables");
        let table = client(&cloud.dynamodb_url());
        Self {
            cloud,
            hub,
            table,
            doors,
            inbox,
            policy: Arc::new(policy),
            machine: Arc::new(SystemClock),
            bot_settings: bot_settings(),
            later,
            collect: Settings::default().collect,
            place,
            daemon: None,
            bot: None,
            bot_address: None,
        }
    }

    /// Starts a daemon, as a new process would be.
    pub fn launch(&mut self) {
        self.launch_with(RESYNC);
    }

    /// How far apart the next daemon writes content on the forge.
    pub fn write_gap(&mut self, gap: Duration) {
        self.place.github.write_gap = gap;
    }

    /// The same with another resync.
    pub fn launch_with(&mut self, resync: Duration) {
        let (place, policy, machine) = (self.place.clone(), Arc::clone(&self.policy), Arc::clone(&self.machine));
        let collect = self.collect;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let daemon = tokio::spawn(async move {
            let connected = connect_on(&place, Arc::new(NoMeter), machine).await;
            let Connected { doors, leases, feed, .. } = connected.expect("adapters");
            let daemon = Daemon {
                doors,
                leases,
                feed,
                policy,
                settings: Settings { resync, collect, ..Settings::default() },
                // A call has a fifth of it, and a busy machine takes more than 200 ms for a large item.
                leadership: Leadership { name: "test".into(), holder: "test".into(), period: Duration::from_secs(2) },
                readiness: Readiness::new(&[TABLES, FIRST_OBSERVATION]),
                ear: Ear::default(),
            };
            daemon.run(stopped).await;
        });
        self.daemon = Some((daemon, stop));
    }

    /// Starts the bot beside the daemon, and has the forge tell it everything.
    pub async fn launch_bot(&mut self) {
        if self.bot_address.is_none() {
            self.hub.add_user("maintainer");
            // Only who may push is told what others may do.
            for person in ["maintainer", "bivouac-bot"] {
                self.hub.set_permission(REPO, person, Permission::Write).expect("a permission");
            }
        }
        let address = self.bot_address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connected = connect(&self.place, Arc::new(NoMeter)).await.expect("adapters");
        let settings = self.bot_settings.clone();
        let stop = CancellationToken::new();
        let serving =
            bivouac::bot::serve(listener, bivouac::bot::LIMITS, connected.bot(&Ear::default()), settings, stop.clone());
        self.bot = Some((tokio::spawn(serving), stop));
        if self.bot_address.replace(address).is_none() {
            let url = format!("http://{address}/webhooks/github");
            self.hub.add_webhook(HookTarget::Everything, &url, Some("it's a secret"), &["*"]).expect("a webhook");
        }
    }

    /// The next bot keeps the limits on content that it keeps on GitHub.
    pub fn keep_content_limits(&mut self) {
        self.place.github.content = bivouac_github::ContentLimits::github();
    }

    /// Where deliveries go.
    pub fn endpoint(&self) -> String {
        format!("http://{}/webhooks/github", self.bot_address.expect("the bot was launched"))
    }

    /// Ends the bot in the middle of whatever it does; what it takes deliveries on is closed, as with a process that died.
    pub async fn kill_bot(&mut self) {
        if let Some((bot, _)) = self.bot.take() {
            bot.abort();
            let _ = bot.await;
        }
    }

    /// Ends the daemon in the middle of whatever it does, as SIGKILL would.
    pub async fn kill(&mut self) {
        if let Some((daemon, _)) = self.daemon.take() {
            daemon.abort();
            let _ = daemon.await;
        }
    }

    /// Stops the daemon as SIGTERM does.
    pub async fn stop(&mut self) {
        if let Some((daemon, stop)) = self.daemon.take() {
            stop.cancel();
            daemon.await.expect("a clean stop");
        }
    }

    /// Lets a second pass at the forge, whose times are whole seconds: what is done after it is later.
    pub fn tick(&self) {
        self.later.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until the cloud's clock shows what the forge's does, which was put forward: what is done in the cloud after it is later
    /// than all that was done at the forge.
    pub async fn past_the_forge(&self) {
        let forge = Utc::now() + TimeDelta::seconds(self.later.load(Ordering::SeqCst));
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while Utc::now() < forge {
            assert!(tokio::time::Instant::now() < deadline, "the forge's clock is too far ahead: {forge}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until this many deliveries are kept and not handled.
    pub async fn until_letters(&self, count: usize) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.inbox.waiting(100).await.expect("the inbox").len() != count {
            assert!(tokio::time::Instant::now() < deadline, "there never were {count} letters");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no delivery is left that is not handled.
    pub async fn until_all_handled(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let waiting = self.inbox.waiting(100).await.expect("the inbox");
            if waiting.is_empty() {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "deliveries are never handled: {waiting:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The audit of a pull request, the oldest first: who, what, what became of it.
    pub async fn audit(&self, pr: u64) -> Vec<String> {
        let key = ItemKey { repo: REPO.into(), pr: pr.to_string().into() };
        let events = self.doors.journal.newest(&key, 100).await.expect("events");
        events.iter().rev().map(|event| format!("{} {} {}", event.actor, event.action, event.reason)).collect()
    }

    /// A pull request with an image of the project's tag.
    pub fn pull_request(&self) -> u64 {
        let pr = self.bare_pull_request();
        self.cloud.ecr().push_image(ECR, &format!("pr-{pr}-ci"));
        pr
    }

    /// A pull request without an image.
    pub fn bare_pull_request(&self) -> u64 {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        self.hub.open_pull_request(REPO, "A change", "contributor", sha, None).expect("a pull request")
    }

    /// Writes an item whole, as `aws dynamodb put-item` does.
    pub async fn put(&self, pr: u64, attributes: &[(&str, AttributeValue)]) {
        let mut item: HashMap<String, AttributeValue> = [("repo".to_owned(), s(REPO)), ("pr".to_owned(), n(pr))].into();
        item.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        self.table.put_item().table_name("bivouac-environments").set_item(Some(item)).send().await.expect("put-item");
    }

    /// Sets one attribute, as `aws dynamodb update-item` does.
    pub async fn set(&self, pr: u64, name: &str, value: AttributeValue) {
        self.table
            .update_item()
            .table_name("bivouac-environments")
            .key("repo", s(REPO))
            .key("pr", n(pr))
            .update_expression("SET #n = :v")
            .expression_attribute_names("#n", name)
            .expression_attribute_values(":v", value)
            .send()
            .await
            .expect("update-item");
    }

    /// The record as it is now.
    pub async fn record(&self, pr: u64) -> Option<Record> {
        let key = ItemKey { repo: REPO.into(), pr: pr.to_string().into() };
        self.doors.records.get(&key).await.expect("a record")
    }

    /// Waits until the record is as it should be.
    pub async fn until(&self, pr: u64, what: &str, is: impl Fn(&Record) -> bool) -> Record {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let record = self.record(pr).await;
            if let Some(record) = record.as_ref().filter(|record| is(record)) {
                return record.clone();
            }
            if tokio::time::Instant::now() > deadline {
                let comments = self.hub.comments(REPO, pr);
                panic!("#{pr} never became {what}; it is {record:#?}; {:#?}; {comments:#?}", self.services());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for a phase.
    pub async fn until_phase(&self, pr: u64, phase: Phase) -> Record {
        self.until(pr, phase.as_str(), |record| phase_of(record) == Some(phase)).await
    }

    /// The services that are not INACTIVE.
    pub fn services(&self) -> Vec<bivouac_simcloud::ServiceView> {
        let services = self.cloud.ecs().services(EMBEDDED_CLUSTER);
        services.into_iter().filter(|service| service.status != "INACTIVE").collect()
    }

    /// Waits until nothing runs that costs money.
    pub async fn until_no_task_runs(&self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.services().iter().any(|service| !service.tasks.is_empty()) {
            assert!(tokio::time::Instant::now() < deadline, "tasks still run: {:#?}", self.services());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The bodies of our comments on a pull request.
    pub fn comments(&self, pr: u64) -> Vec<String> {
        let comments = self.hub.comments(REPO, pr).expect("comments");
        comments.into_iter().filter(|comment| comment.author == "bivouac-bot").map(|comment| comment.body).collect()
    }

    /// How we reacted to a comment.
    pub fn reactions(&self, pr: u64, comment: u64) -> Vec<String> {
        let comments = self.hub.comments(REPO, pr).expect("comments");
        let ours = comments.into_iter().filter(|one| one.id == comment).flat_map(|one| one.reactions);
        ours.filter(|(login, _)| login == "bivouac-bot").map(|(_, reaction)| reaction.to_owned()).collect()
    }

    /// Waits until we reacted to a comment like this.
    pub async fn until_reaction(&self, pr: u64, comment: u64, reaction: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.reactions(pr, comment).iter().any(|one| one == reaction) {
            let (reactions, record) = (self.reactions(pr, comment), self.record(pr).await);
            let late = tokio::time::Instant::now() > deadline;
            assert!(!late, "no {reaction}: {reactions:?}; {:#?}; {record:#?}", self.hub.comments(REPO, pr));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the one comment says something.
    pub async fn until_comment(&self, pr: u64, what: &str) -> String {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let comments = self.comments(pr);
            assert!(comments.len() <= 1, "more than one comment: {comments:#?}");
            if let Some(body) = comments.into_iter().find(|body| body.contains(what)) {
                return body;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "no comment says {what:?}: {:#?}; the record is {:#?}",
                self.comments(pr),
                self.record(pr).await
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Plans once more, as `bivouac plan` does, and waits until nothing is left to do. A comment that the forge refuses stays
    /// owed, and is not waited for.
    pub async fn until_settled(&self) {
        let controller =
            Controller::new(self.doors.clone(), Arc::clone(&self.policy), Settings::default(), Fence::unfenced());
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let planned = controller.preview(None).await.expect("a plan");
            let is_settled = |one: &Planned| {
                let written = one.written.as_ref();
                let is_refused = written.is_some_and(bivouac_planner::is_comment_refused);
                let plan = if is_refused { &Plan { comment: None, ..one.plan.clone() } } else { &one.plan };
                plan.is_empty(written)
            };
            let busy: Vec<_> = planned.iter().filter(|one| !is_settled(one)).collect();
            if busy.is_empty() {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "there is always something to do: {busy:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The phase of a record.
pub fn phase_of(record: &Record) -> Option<Phase> {
    record.status.as_ref().map(|status| status.phase)
}

/// The message of a record.
pub fn message_of(record: &Record) -> String {
    record.status.as_ref().map(|status| status.message.clone()).unwrap_or_default()
}

/// The reason of a record.
pub fn reason_of(record: &Record) -> String {
    record.status.as_ref().map(|status| status.reason.clone().into_owned()).unwrap_or_default()
}

/// A plain client of DynamoDB.
pub fn client(endpoint: &str) -> Client {
    let credentials = aws_sdk_dynamodb::config::Credentials::new("test", "test", None, None, "test");
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_dynamodb::config::Region::new("us-west-2"))
        .credentials_provider(credentials)
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
}
