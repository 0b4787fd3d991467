//! A policy with one project, and the values that every test needs.

use std::collections::BTreeMap;
use std::time::Duration;

use bivouac_model::{DesiredState, EnvKey, Image, ImageDigest};
use bivouac_planner::admission::Caps;
use bivouac_planner::{CapacityPolicy, Deadlines, ImageCommit, Pattern, Policy, Prices, Project, Size, Template};
use chrono::{DateTime, TimeDelta, Utc};

pub(crate) const REPO: &str = "apache/superset";
pub(crate) const REPOSITORY: &str = "superset-ci";
pub(crate) const URI: &str = "123456789012.dkr.ecr.us-west-2.amazonaws.com/superset-ci";

const TEMPLATE: &str = r#"{
    "family": "superset", "networkMode": "awsvpc", "cpu": "512", "memory": "1024",
    "requiresCompatibilities": ["FARGATE"], "executionRoleArn": "arn:aws:iam::123456789012:role/exec",
    "containerDefinitions": [{"name": "app", "image": "replaced", "portMappings": [{"containerPort": 8080}]}]
}"#;

pub(crate) fn key() -> EnvKey {
    "apache/superset#7".parse().unwrap()
}

/// The moment in which every world begins.
pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

pub(crate) fn seconds(seconds: i64) -> TimeDelta {
    TimeDelta::seconds(seconds)
}

pub(crate) fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

pub(crate) fn policy() -> Policy {
    let project = Project {
        repo: REPO.parse().unwrap(),
        ecr_repository: REPOSITORY.into(),
        template: Template::parse(TEMPLATE, &["app".into()]).unwrap(),
        port: 8080,
        health_path: Some("/health".into()),
        idle_path: None,
        service_name: Pattern::service_name("pr-{pr}-service").unwrap(),
        image_tag: Pattern::image_tag("pr-{pr}-ci").unwrap(),
        image_commit: ImageCommit::PushTime,
        variables: bivouac_planner::VariableRules {
            flag_prefix: "SUPERSET_".into(),
            config_allow: vec![wildmatch::WildMatch::new("SUPERSET_*")],
            ..bivouac_planner::VariableRules::default()
        },
        sizes: BTreeMap::from([("large".to_owned(), Size { cpu: 1024, memory: 2048 })]),
        ready_note: None,
        exec: false,
        logs_in_comments: bivouac_planner::LogsInComments::Never,
    };
    Policy {
        instance: "default".into(),
        tags: BTreeMap::new(),
        projects: BTreeMap::from([(project.repo.clone(), project)]),
        ttl: hours(48),
        max_ttl: hours(168),
        expiry_notice: hours(1),
        caps: Caps::default(),
        idle_after: Duration::ZERO,
        max_deletions_per_pass: 20,
        adopt: Vec::new(),
        untagged_image_grace: hours(24),
        purge_after: hours(30 * 24),
        capacity: CapacityPolicy::SpotWithFallback,
        prices: Prices::default(),
        deadlines: Deadlines::default(),
        command: "/testenv".into(),
        checks_own_branches: false,
    }
}

pub(crate) fn up() -> DesiredState {
    DesiredState::default()
}

/// A commit, told apart from others in its first digits, and never of zeros alone, which name none.
pub(crate) fn commit(number: u8) -> String {
    format!("c{number:03x}").repeat(10)
}

pub(crate) fn image(digest: u8) -> Image {
    let digest = ImageDigest::new(&format!("sha256:{}", format!("{digest:02x}").repeat(32)));
    Image { digest, pushed_at: None, repository_uri: URI.into() }
}
