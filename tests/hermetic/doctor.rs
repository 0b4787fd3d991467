//! `bivouac doctor` as a process: all is well, and each thing that can be broken is found, alone, with how to mend it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bivouac_simcloud::github::{
    AppOptions, Grants, HookTarget, Hub, HubOptions, Level, Limits, Permission, Resource, Rights,
};
use bivouac_simcloud::{Fault, Options, Rule, Service, SimCloud};
use serde_json::Value;
use tempfile::TempDir;

use crate::judge::judged;
use crate::program::{Program, copy_files};

/// What nobody may read in a report.
const SECRET: &str = "hunter2-hunter2";
const REPO: &str = "apache/superset";
const EVENTS: [&str; 5] = ["issue_comment", "pull_request", "pull_request_review", "registry_package", "workflow_run"];
const HOOK: &str = "http://127.0.0.1:9/webhooks/github";
const APP_KEY: &str = include_str!("../../crates/simcloud/src/github/tests/app_key.pem");
const APP_PUBLIC_KEY: &str = include_str!("../../crates/simcloud/src/github/tests/app_key.pub.pem");

/// What a region other than us-east-1 has other prices of.
const PRICES: [&str; 7] =
    ["vcpu_hour", "gb_hour", "arm_vcpu_hour", "arm_gb_hour", "storage_gb_hour", "public_ipv4_hour", "ecr_gb_month"];

/// An account, a forge, and the Superset example as it would be run on them.
struct Patient {
    cloud: SimCloud,
    hub: Hub,
    program: Program,
    _directory: TempDir,
}

/// What the doctor said.
struct Said {
    code: Option<i32>,
    report: Value,
}

impl Patient {
    /// Nothing is there but what the configuration does not name.
    async fn bare() -> Self {
        let cloud = SimCloud::start(judged(Options { serve_tasks: false, ..Options::default() }));
        let cloud = cloud.await.expect("the cloud");
        let hub = Hub::start(HubOptions { limits: Limits::none(), ..HubOptions::default() }).await.expect("the forge");
        let directory = tempfile::tempdir().expect("a directory");
        let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/examples/superset");
        copy_files(&example, directory.path());
        let variables = [
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("AWS_ENDPOINT_URL", cloud.aws_url()),
            ("AWS_ENDPOINT_URL_DYNAMODB", cloud.dynamodb_url()),
            ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", cloud.dynamodb_url()),
            ("BIVOUAC__GITHUB__API_URL", hub.url().to_owned()),
            ("BIVOUAC__GITHUB__TOKEN_FILE", "token".to_owned()),
            ("BIVOUAC__GITHUB__WEBHOOK_SECRET_FILE", "webhook-secret".to_owned()),
        ];
        let prices = PRICES.map(|price| (format!("BIVOUAC__PRICES__{}", price.to_uppercase()), "0.01".to_owned()));
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(prices).collect();
        let program = Program { directory: directory.path().to_owned(), variables };
        let patient = Self { cloud, hub, program, _directory: directory };
        patient.hide("token", &format!("ghp_{SECRET}\n"), 0o600);
        patient.hide("webhook-secret", SECRET, 0o600);
        patient.hub.add_repository(REPO).expect("a repository");
        patient.hub.set_permission(REPO, "bivouac-bot", Permission::Admin).expect("a permission");
        let rights = Rights::classic(["repo", "read:org"]);
        patient.hub.add_token(&format!("ghp_{SECRET}"), "bivouac-bot", rights);
        // Nobody listens there, so the ping of a new webhook would fail.
        patient.hub.hold_deliveries();
        let target = HookTarget::Repository(REPO.to_owned());
        patient.hub.add_webhook(target, HOOK, Some(SECRET), &EVENTS).expect("a webhook");
        patient
    }

    /// Everything but what `furnish` leaves out.
    async fn with(furnish: impl FnOnce(&SimCloud)) -> Self {
        let patient = Self::bare().await;
        furnish(&patient.cloud);
        patient.program.run(&["init"]);
        patient
    }

    /// In the best of health.
    async fn sound() -> Self {
        Self::with(|cloud| {
            cloud.ecs().create_cluster("previews");
            cloud.ec2().create_subnet("subnet-1");
            cloud.ec2().create_security_group("sg-1");
            cloud.ecr().create_repository("superset-ci");
            cloud.logs().create_group("/ecs/superset-ci");
        })
        .await
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.program.variables.insert(name.to_owned(), value.into());
    }

    fn hide(&self, name: &str, text: &str, mode: u32) {
        let path = self.program.directory.join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
    }

    async fn examined(&self) -> Said {
        let (code, output, said) = self.program.outcome(&["doctor", "-o", "json"]).await;
        assert!(!output.contains(SECRET) && !said.contains(SECRET), "a secret is told: {output} {said}");
        assert!(!said.contains("panicked"), "{said}");
        let report: Value = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output} {said}"));
        assert_eq!(report["ok"], code == Some(0), "{code:?} {report:#}");
        Said { code, report }
    }

    /// The one thing that is wrong: its area, and all of these words in what was seen and how to mend it.
    async fn suffers_from(&self, area: &str, words: &[&str]) {
        let said = self.examined().await;
        let problems = said.of("problem");
        assert_eq!(said.code, Some(1), "{:#}", said.report);
        assert!(problems.iter().all(|check| check["area"] == area), "{area} alone: {problems:#?}");
        said.tells("problem", area, words);
    }
}

impl Said {
    fn of(&self, result: &str) -> Vec<Value> {
        let checks = self.report["checks"].as_array().expect("checks");
        checks.iter().filter(|check| check["result"] == result).cloned().collect()
    }

    /// A check of the area with this result holds all of the words.
    #[track_caller]
    fn tells(&self, result: &str, area: &str, words: &[&str]) {
        let checks = self.of(result);
        let holds = |check: &Value| {
            let text = format!("{} {} {}", check["check"], check["message"], check["mend"]);
            check["area"] == area && words.iter().all(|word| text.contains(word))
        };
        assert!(checks.iter().any(holds), "{words:?} is no {result} of {area}: {:#}", self.report);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_system_has_no_problem() {
    let patient = Patient::sound().await;
    let said = patient.examined().await;
    assert_eq!(said.code, Some(0), "{:#}", said.report);
    assert!(said.of("problem").is_empty() && said.of("warning").is_empty(), "{:#}", said.report);
    for check in said.report["checks"].as_array().expect("checks") {
        let is_mended = matches!(check["result"].as_str(), Some("ok" | "skipped"));
        assert_eq!(check["mend"].is_null(), is_mended, "{check:#}");
    }
    said.tells("ok", "aws", &["account 123456789012", "us-west-2"]);
    said.tells("ok", "aws", &["service quotas", "Fargate: 6 vCPU on demand, 6 vCPU Spot"]);
    said.tells("ok", "network", &["an internet gateway leads to subnet-1"]);
    said.tells("ok", "permissions", &["ecs:DescribeTasks", "dynamodb:Scan", "ec2:DescribeNetworkInterfaces"]);
    said.tells("skipped", "permissions", &["not tried", "ecs:CreateService", "iam:PassRole", "dynamodb:UpdateItem"]);
    let areas = ["configuration", "template", "secrets", "tables", "cluster", "registry", "github", "bot"];
    for area in areas {
        said.tells("ok", area, &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_that_are_missing() {
    let mut patient = Patient::sound().await;
    patient.program.variables.remove("BIVOUAC__PRICES__GB_HOUR");
    let said = patient.examined().await;
    assert_eq!(said.code, Some(0), "it runs all the same: {:#}", said.report);
    said.tells("warning", "prices", &["us-west-2", "says nothing of gb_hour", "us-east-1's list prices", "budget"]);
    patient.set("BIVOUAC__AWS__REGION", "us-east-1");
    patient.examined().await.tells("ok", "prices", &["the list prices of us-east-1"]);
}

/// Whether it asks or not, the world stays as it is.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written() {
    let patient = Patient::sound().await;
    patient.cloud.calls().reset();
    patient.hub.reset_calls();
    patient.examined().await;
    assert!(patient.cloud.calls().reading() > 20, "{:?}", patient.cloud.calls().counts());
    assert_eq!(patient.cloud.calls().modifying(), 0, "{:?}", patient.cloud.calls().counts());
    assert_eq!(patient.hub.calls().effects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_words_where_there_is_no_terminal() {
    let patient = Patient::with(|cloud| cloud.ecs().create_cluster("previews")).await;
    let (code, output, said) = patient.program.outcome(&["doctor"]).await;
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("problem   network") && output.contains("    → name subnets in `aws.subnets`"), "{output}");
    assert!(!output.contains('✓') && !output.contains('\u{1b}'), "{output}");
    assert!(said.starts_with("error: ") && said.contains("each says how to mend it"), "{said}");
    let (code, wide, _) = patient.program.outcome(&["doctor", "-o", "wide"]).await;
    assert_eq!(code, Some(1));
    assert!(wide.lines().any(|line| line.starts_with("problem") && line.contains("aws.subnets")), "{wide}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_read_is_a_usage_error() {
    let mut patient = Patient::bare().await;
    patient.set("BIVOUAC__AWS__CAPACITY", "cheap");
    patient.set("BIVOUAC__CONTROLLER__RESYNC", "soon");
    let (code, output, said) = patient.program.outcome(&["doctor"]).await;
    assert_eq!((code, output.as_str()), (Some(2), ""), "{said}");
    assert!(said.contains("BIVOUAC__AWS__CAPACITY") && said.contains("BIVOUAC__CONTROLLER__RESYNC"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_fall_asleep_is_told_why_and_what_to_set() {
    let mut patient = Patient::sound().await;
    patient.examined().await.tells("ok", "sleep", &["idle_after", "0s"]);
    patient.set("BIVOUAC__GUARDRAILS__IDLE_AFTER", "2h");
    let said = patient.examined().await;
    assert_eq!(said.code, Some(0), "it works all the same: {:#}", said.report);
    said.tells("warning", "sleep", &[REPO, "do not fall asleep by themselves", "load balancer", "`idle_path`"]);
    patient.set("BIVOUAC__PROJECT__0__IDLE_PATH", "/idle");
    patient.examined().await.tells("ok", "sleep", &[REPO, "asleep after 2h", "`/idle`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_covers_more_than_its_commit_is_a_warning() {
    let mut patient = Patient::sound().await;
    patient.examined().await.tells("ok", "approval", &[REPO, "its own commit"]);
    patient.set("BIVOUAC__PROJECT__0__IMAGE_COMMIT", "unchecked");
    let said = patient.examined().await;
    assert_eq!(said.code, Some(0), "it works all the same: {:#}", said.report);
    said.tells("warning", "approval", &[REPO, "one approval covers every later image", "push-time"]);
    patient.set("BIVOUAC__PROJECT__0__IMAGE_TAG", "{pr}-{sha7}");
    patient.set("BIVOUAC__PROJECT__0__IMAGE_COMMIT", "tag");
    patient.examined().await.tells("warning", "approval", &[REPO, "seven digits", "{sha}"]);
    patient.set("BIVOUAC__PROJECT__0__IMAGE_TAG", "{pr}-{sha}");
    patient.examined().await.tells("ok", "approval", &[REPO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_variables_that_no_record_may_set_is_a_warning() {
    let mut patient = Patient::sound().await;
    patient.set("BIVOUAC__PROJECT__0__CONFIG_ALLOW", "SUPERSET_*,AWS_*");
    let said = patient.examined().await;
    assert_eq!(said.code, Some(0), "{:#}", said.report);
    said.tells("warning", "variables", &[REPO, "`config_allow` names `AWS_*`", "LD_*"]);
    patient.set("BIVOUAC__PROJECT__0__FLAG_PREFIX", "LD_");
    patient.examined().await.tells("warning", "variables", &["`flag_prefix` names `LD_`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_without_the_container() {
    let mut patient = Patient::sound().await;
    patient.set("BIVOUAC__PROJECT__0__CONTAINERS", "web");
    patient.suffers_from("template", &["it has no container `web`"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_fargate_refuses() {
    let patient = Patient::sound().await;
    let file = patient.program.directory.join("task-definition.json");
    let template = std::fs::read_to_string(&file).expect("the template");
    let refused =
        r#""name": "superset", "privileged": true, "secrets": [{"name": "KEY", "valueFrom": "arn:aws:ssm:x"}]"#;
    std::fs::write(&file, template.replacen(r#""name": "superset""#, refused, 1)).expect("written");
    patient.suffers_from("template", &["`containerDefinitions[0].privileged` is true"]).await;
    patient.suffers_from("template", &["`containerDefinitions[0].secrets[0].valueFrom` is "]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_lends_its_execution_role_is_a_warning() {
    let patient = Patient::sound().await;
    let file = patient.program.directory.join("task-definition.json");
    let template = std::fs::read_to_string(&file).expect("the template");
    let warns = |said: &Said| said.report.to_string().contains("taskRoleArn");
    assert!(!warns(&patient.examined().await), "the example names no task role");
    let mut template: Value = serde_json::from_str(&template).expect("JSON");
    let definition =
        if template.get("taskDefinition").is_some() { &mut template["taskDefinition"] } else { &mut template };
    definition["taskRoleArn"] = definition["executionRoleArn"].clone();
    std::fs::write(&file, template.to_string()).expect("written");
    patient.examined().await.tells(
        "warning",
        "template",
        &["`taskRoleArn` is the execution role", "every pull request"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_for_arm_beside_images_for_x86_is_a_warning() {
    let patient = Patient::sound().await;
    let examined = patient.examined().await;
    assert!(!examined.report.to_string().contains("processor of"), "without an image nothing is known");
    patient.cloud.ecr().push_image("superset-ci", "pr-1-ci");
    let agrees = ["processor of apache/superset", "is for amd64, as the template"];
    patient.examined().await.tells("ok", "registry", &agrees);
    let file = patient.program.directory.join("task-definition.json");
    let template = std::fs::read_to_string(&file).expect("the template");
    let mut template: Value = serde_json::from_str(&template).expect("JSON");
    let definition =
        if template.get("taskDefinition").is_some() { &mut template["taskDefinition"] } else { &mut template };
    definition["runtimePlatform"] = serde_json::json!({ "cpuArchitecture": "ARM64" });
    std::fs::write(&file, template.to_string()).expect("written");
    let differs = ["is for amd64, and the template asks for ARM64", "cpuArchitecture"];
    patient.examined().await.tells("warning", "registry", &differs);
    // Newer, and an index as BuildKit pushes it.
    patient.cloud.ecr().push_index("superset-ci", "pr-2-ci");
    let said = patient.examined().await;
    said.tells("warning", "registry", &differs);
    assert_eq!(said.code, Some(0), "{:#}", said.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_no_container_maps_is_a_warning() {
    let mut patient = Patient::sound().await;
    patient.set("BIVOUAC__PROJECT__0__PORT", "9000");
    let said = patient.examined().await;
    assert_eq!(said.code, Some(0), "{:#}", said.report);
    said.tells("warning", "template", &["no container maps the port 9000; mapped: ", "portMappings"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subnet_that_is_not_there() {
    let mut patient = Patient::sound().await;
    patient.set("BIVOUAC__AWS__SUBNETS", "subnet-1, subnet-gone");
    patient.suffers_from("network", &["there is no subnet-gone", "aws.subnets"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_subnet() {
    let patient = Patient::sound().await;
    patient.cloud.ec2().make_private("subnet-1");
    patient.suffers_from("network", &["no route of subnet-1 leads to an internet gateway", "0.0.0.0/0"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_security_group_of_another_network() {
    let mut patient = Patient::sound().await;
    patient.cloud.ec2().create_security_group_in("sg-other", "vpc-other", Some((8080, 8080)));
    patient.set("BIVOUAC__AWS__SECURITY_GROUPS", "sg-other");
    patient.suffers_from("network", &["sg-other is in vpc-other", "of one VPC"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_security_group_that_lets_nobody_in() {
    let mut patient = Patient::sound().await;
    patient.cloud.ec2().create_security_group_in("sg-ssh", "vpc-0000000000000001", Some((22, 22)));
    patient.set("BIVOUAC__AWS__SECURITY_GROUPS", "sg-ssh");
    patient.suffers_from("network", &["sg-ssh lets no address in on TCP port 8080", "inbound rule"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there() {
    let mut patient = Patient::sound().await;
    patient.set("BIVOUAC__AWS__CLUSTER", "elsewhere");
    patient
        .suffers_from("cluster", &["there is no cluster elsewhere", "aws ecs create-cluster --cluster-name elsewhere"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capacity_provider_that_the_cluster_lacks() {
    let mut patient = Patient::sound().await;
    patient.cloud.ecs().create_cluster_with("poor", &["FARGATE"]);
    patient.set("BIVOUAC__AWS__CLUSTER", "poor");
    patient
        .suffers_from("cluster", &["needs FARGATE_SPOT", "aws ecs put-cluster-capacity-providers --cluster poor"])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_not_there() {
    let mut patient = Patient::sound().await;
    patient.set("BIVOUAC__AWS__TABLE_PREFIX", "elsewhere");
    for table in ["environments", "events", "leases"] {
        let missing = format!("there is no table elsewhere-{table}");
        patient.suffers_from("tables", &[&missing, "run `bivouac init`"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ecr_repository_that_is_not_there() {
    let mut patient = Patient::sound().await;
    patient.set("BIVOUAC__PROJECT__0__ECR_REPOSITORY", "superset-gone");
    let words = ["no ECR repository superset-gone", "aws ecr create-repository --repository-name superset-gone"];
    patient.suffers_from("registry", &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_iam_denies() {
    let patient = Patient::sound().await;
    for (service, operation, action) in [
        (Service::Ecs, "ListServices", "ecs:ListServices on previews"),
        (Service::Ec2, "DescribeNetworkInterfaces", "ec2:DescribeNetworkInterfaces"),
        (Service::DynamoDb, "Scan", "dynamodb:Scan on bivouac-environments"),
    ] {
        patient.cloud.faults().add(Rule::operation(service, operation, Fault::Deny));
        patient.suffers_from("permissions", &["denied", &format!("allow the IAM action {action}")]).await;
        patient.cloud.faults().clear();
    }
}

/// What only the doctor asks for is no problem of the controller.
#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_only_the_doctor_needs_is_a_warning() {
    let patient = Patient::sound().await;
    patient.cloud.faults().add(Rule::operation(Service::Ec2, "DescribeRouteTables", Fault::Deny));
    let said = patient.examined().await;
    assert_eq!(said.code, Some(0), "{:#}", said.report);
    said.tells("warning", "network", &["ec2:DescribeRouteTables", "only `bivouac doctor` needs it"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_that_may_not_be_read_are_a_warning() {
    let patient = Patient::sound().await;
    for (fault, mend) in [
        (Fault::Deny, "allow the IAM action servicequotas:GetServiceQuota"),
        (Fault::Throttle, "wait a minute"),
        (Fault::Refuse("NoSuchResourceException"), "region and account"),
    ] {
        patient.cloud.faults().add(Rule::service(Service::ServiceQuotas, fault));
        let said = patient.examined().await;
        assert_eq!(said.code, Some(0), "{:#}", said.report);
        said.tells("warning", "aws", &["service quotas", mend, "`guardrails.max_vcpus` is what counts"]);
        patient.cloud.faults().clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_under_which_nothing_can_start() {
    let mut patient = Patient::sound().await;
    patient.cloud.ecs().set_vcpu_quota(Some(64.5), Some(0.0));
    patient.set("BIVOUAC__AWS__CAPACITY", "spot-with-fallback");
    patient.examined().await.tells("ok", "aws", &["Fargate: 64.5 vCPU on demand, 0 vCPU Spot"]);
    patient.set("BIVOUAC__AWS__CAPACITY", "spot");
    patient.suffers_from("aws", &["0 vCPU Spot: no task can start", "ask AWS for more"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_aws_does_not_take() {
    let patient = Patient::sound().await;
    patient.cloud.faults().add(Rule::everywhere(Fault::Refuse("UnrecognizedClientException")));
    patient.suffers_from("aws", &["credentials", "AWS_PROFILE"]).await;
    let said = patient.examined().await;
    for area in ["tables", "cluster", "network", "registry", "permissions"] {
        said.tells("skipped", area, &["without credentials that AWS accepts"]);
    }
    said.tells("ok", "github", &["bivouac-bot"]);
}

/// A source of credentials that does not answer is one problem, and not one of every check.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_cannot_be_loaded() {
    let mut patient = Patient::sound().await;
    patient.program.variables.remove("AWS_ACCESS_KEY_ID");
    // Nothing listens there.
    patient.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/credentials");
    patient.suffers_from("aws", &["credentials", "could not be loaded", "AWS_PROFILE"]).await;
    assert_eq!(patient.examined().await.of("problem").len(), 1);
}

/// It takes as long as a call may take; whoever it does not concern answers meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn an_aws_that_hangs() {
    let patient = Patient::sound().await;
    patient.cloud.faults().add(Rule::service(Service::Ecs, Fault::Delay(Duration::from_secs(3600))));
    let began = Instant::now();
    let said = patient.examined().await;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(said.code, Some(1), "{:#}", said.report);
    said.tells("problem", "aws", &["no answer in time", "whether this machine reaches AWS"]);
    said.tells("problem", "permissions", &["ecs:ListServices", "no answer in time"]);
    for area in ["tables", "network", "registry", "github"] {
        said.tells("ok", area, &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_that_is_not_there() {
    let mut patient = Patient::sound().await;
    patient.set("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let said = patient.examined().await;
    assert_eq!(said.code, Some(1), "{:#}", said.report);
    said.tells("problem", "aws", &["no connection", "AWS_ENDPOINT_URL"]);
    // It has an address of its own.
    said.tells("ok", "tables", &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_github_that_is_down() {
    let patient = Patient::sound().await;
    patient.hub.set_down(true);
    patient.suffers_from("github", &["unavailable", "whether this machine reaches GitHub"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_region() {
    let mut patient = Patient::sound().await;
    patient.set("BIVOUAC__AWS__REGION", "");
    // Else the SDK asks the machine whether it is one of AWS's.
    patient.set("AWS_EC2_METADATA_DISABLED", "true");
    patient.suffers_from("aws", &["no region is named", "set `aws.region`"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_missing_empty_or_everybodys() {
    let mut patient = Patient::sound().await;
    patient.set("BIVOUAC__GITHUB__TOKEN_FILE", "no-such-token");
    patient.suffers_from("secrets", &["cannot read the secret", "no-such-token"]).await;
    patient.examined().await.tells("skipped", "github", &["the secret cannot be read"]);
    patient.hide("no-such-token", " \n", 0o600);
    patient.suffers_from("secrets", &["no-such-token is empty"]).await;
    patient.set("BIVOUAC__GITHUB__TOKEN_FILE", "token");
    patient.hide("token", &format!("ghp_{SECRET}"), 0o644);
    let said = patient.examined().await;
    assert_eq!(said.code, Some(0), "{:#}", said.report);
    said.tells("warning", "secrets", &["GitHub token", "mode 644", "chmod o-r"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_the_permission() {
    let patient = Patient::sound().await;
    patient.hub.add_token(&format!("ghp_{SECRET}"), "bivouac-bot", Rights::classic(["read:org", "read:repo_hook"]));
    patient.suffers_from("github", &["comments can be written", "add the scope repo or public_repo"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_github_does_not_know() {
    let patient = Patient::sound().await;
    patient.hub.revoke_token(&format!("ghp_{SECRET}"));
    patient.suffers_from("github", &["GitHub takes our token", "make a new token"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_url_that_is_not_the_interface() {
    let mut patient = Patient::sound().await;
    let url = format!("{}/api", patient.hub.url());
    patient.set("BIVOUAC__GITHUB__API_URL", &url);
    patient.suffers_from("github", &["GitHub takes our token", "`github.api_url`", &url, "https://HOST/api/v3"]).await;
    let said = patient.examined().await;
    assert!(!said.report.to_string().contains("make a new token"), "{:#}", said.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_was_renamed_or_transferred() {
    let patient = Patient::sound().await;
    patient.hub.rename_repository(REPO, "superset-2").expect("renamed");
    patient.suffers_from("github", &[REPO, "apache/superset-2", "renamed or transferred", "bivouac.toml:"]).await;
    patient.hub.transfer_repository("apache/superset-2", "preset").expect("transferred");
    let said = patient.examined().await;
    said.tells("problem", "github", &["it is preset/superset-2 now", "set `repo ="]);
    said.tells("ok", "github", &["pull requests can be read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_an_event() {
    let mut patient = Patient::sound().await;
    let permissions = Grants::none().with(Resource::Issues, Level::Write).with(Resource::PullRequests, Level::Write);
    patient
        .hub
        .register_app(AppOptions {
            public_key_pem: Some(APP_PUBLIC_KEY.to_owned()),
            permissions,
            events: EVENTS[..4].iter().map(|&event| event.to_owned()).collect(),
            ..AppOptions::new(79, "bivouac-app", "apache")
        })
        .expect("an app");
    patient.hub.install_app(79, "apache").expect("installed");
    patient.hub.add_webhook(HookTarget::App(79), HOOK, Some(SECRET), &EVENTS[..4]).expect("its webhook");
    patient.hide("app.pem", APP_KEY, 0o600);
    patient.program.variables.remove("BIVOUAC__GITHUB__TOKEN_FILE");
    let text = std::fs::read_to_string(patient.program.directory.join("bivouac.toml")).expect("the example");
    let text = text.replace("token_file = \"/run/secrets/github\"", "app_id = 79\nprivate_key_file = \"app.pem\"");
    std::fs::write(patient.program.directory.join("bivouac.toml"), text).expect("written");
    patient.suffers_from("github", &["the event workflow_run is sent", "subscribe to workflow_run"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_webhook_secret_the_bot_is_off() {
    let patient = Patient::sound().await;
    let path = patient.program.directory.join("bivouac.toml");
    let text = std::fs::read_to_string(&path).expect("the example");
    std::fs::write(&path, text.replace("webhook_secret_file = \"/run/secrets/webhook\"", "")).expect("written");
    let mut variables = patient.program.variables.clone();
    variables.remove("BIVOUAC__GITHUB__WEBHOOK_SECRET_FILE");
    let program = Program { variables, ..patient.program.clone() };
    let (code, output, _) = program.outcome(&["doctor", "-o", "json"]).await;
    let said = Said { code, report: serde_json::from_str(&output).expect("JSON") };
    assert_eq!(said.code, Some(0), "{output}");
    said.tells("warning", "bot", &["the bot is off", "github.webhook_secret_file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_secret_of_a_project() {
    let mut patient = Patient::sound().await;
    patient.set("BIVOUAC__PROJECT__0__WEBHOOK_SECRET_FILE", "of-the-project");
    patient.suffers_from("secrets", &["webhook secret of apache/superset", "of-the-project"]).await;
    patient.hide("of-the-project", SECRET, 0o600);
    let said = patient.examined().await;
    assert_eq!(said.code, Some(0), "{:#}", said.report);
    said.tells("ok", "secrets", &["webhook secret of apache/superset"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_log_group_is_found_and_so_is_a_missing_right() {
    let patient = Patient::sound().await;
    patient.examined().await.tells("ok", "logs", &["/ecs/superset-ci", "lines may be read"]);
    patient.cloud.faults().add(Rule::operation(Service::Logs, "FilterLogEvents", Fault::Deny));
    patient.examined().await.tells("warning", "logs", &["logs:FilterLogEvents on /ecs/superset-ci", "bivouac logs"]);
    patient.cloud.faults().clear();
    patient.cloud.logs().delete_group("/ecs/superset-ci");
    patient.suffers_from("logs", &["/ecs/superset-ci", "aws logs create-log-group"]).await;
}
