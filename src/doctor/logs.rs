//! The log groups that the templates name: whether they are there, and whether their lines may be read.

use std::collections::BTreeMap;

use bivouac_model::LogStream;
use bivouac_policy::{ContainerLog, LogTarget};
use bivouac_ports::{LogStore, Meaning};
use chrono::DateTime;

use super::bounded;
use super::report::{Area, Check};
use super::words::{self, Refusal};
use crate::config::Config;

pub(super) const LOGS: Area = Area("logs");

/// A stream that no task has: whether we may ask for it is all that matters.
const NO_STREAM: &str = "bivouac-doctor";

/// A log group of the templates.
#[derive(Default)]
struct Named {
    region: Option<String>,
    /// ECS creates it with the first task.
    created_by_ecs: bool,
}

/// A check for each log group, and one for each container whose log cannot be read.
pub(super) async fn logs(config: &Config, store: &dyn LogStore, region: &str) -> Vec<Check> {
    let mut groups: BTreeMap<String, Named> = BTreeMap::new();
    let mut checks = Vec::new();
    // What cannot be read of a template is another check's to report.
    let templates = config.projects.iter().filter_map(|project| Some((project, project.template().ok()?)));
    for (project, template) in templates {
        for log in template.logs() {
            if let Some(sentence) = log.unreadable() {
                let check = format!("{} {}", project.repo, log.container);
                checks.push(LOGS.warning(check, sentence, "`bivouac logs` reads CloudWatch Logs alone"));
            }
            let ContainerLog { target: LogTarget::CloudWatch { group, region, creates_group, .. }, .. } = log else {
                continue;
            };
            let named = groups.entry(group).or_insert(Named { region, created_by_ecs: true });
            named.created_by_ecs &= creates_group;
        }
    }
    let looks = groups.into_iter().map(|(group, named)| async move { look(store, &group, &named, region).await });
    checks.extend(futures::future::join_all(looks).await);
    checks
}

async fn look(store: &dyn LogStore, group: &str, named: &Named, ours: &str) -> Check {
    let region = named.region.as_deref().filter(|region| *region != ours);
    match bounded("CloudWatch Logs DescribeLogGroups", store.has_group(region, group)).await {
        Ok(true) => may_read(store, group, region).await,
        Ok(false) if named.created_by_ecs => {
            LOGS.ok(group, "it is not there yet, and ECS creates it with the first task (`awslogs-create-group`)")
        }
        Ok(false) => {
            let place = region.unwrap_or(ours);
            let message =
                format!("the log group {group} is not there in {place}, so no task of the template can start");
            let mend = format!("create it with `aws logs create-log-group --region {place} --log-group-name {group}`");
            LOGS.problem(group, message, mend)
        }
        Err(error) => {
            let mend =
                format!("{}; only `bivouac logs`, `logs` in comments and this check need it", words::mend(&error));
            LOGS.warning(group, error.to_string(), mend)
        }
    }
}

/// IAM decides before anything is looked for, so a stream that is not there tells whether we may read.
async fn may_read(store: &dyn LogStore, group: &str, region: Option<&str>) -> Check {
    let stream = LogStream { region: region.map(str::to_owned), group: group.into(), stream: NO_STREAM.into() };
    let (from, to) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
    match bounded("CloudWatch Logs FilterLogEvents", store.events(&stream, from, to)).await {
        Ok(_) => LOGS.ok(group, "it is there, and its lines may be read"),
        Err(error) if error.meaning() == Meaning::NotFound => LOGS.ok(group, "it is there, and its lines may be read"),
        Err(error) => {
            let way = match words::refusal(&error) {
                Some(Refusal::Permission(action)) => words::allow(&format!("{action} on {group}")),
                _ => words::mend(&error),
            };
            LOGS.warning(group, error.to_string(), format!("{way}; only `bivouac logs` and `logs` in comments need it"))
        }
    }
}
