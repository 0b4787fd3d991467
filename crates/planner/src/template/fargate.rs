//! The rules of Fargate for a task: the one function that start and `doctor` ask.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::containers;
use super::limits::{self, Misfit};
use super::mistake::{Mistake, shown};
use super::offers::offered;
use super::rules::Rule;
use crate::project::{Resources, Size};

/// The configuration's part in the rules.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The named sizes: each has to fit.
    pub sizes: &'a BTreeMap<String, Size>,
    /// Tasks may run on Spot.
    pub spot: bool,
    /// The tags of `[aws.tags]`.
    pub tags: &'a BTreeMap<String, String>,
}

/// Collects mistakes by their place.
#[derive(Default)]
pub(super) struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    pub fn add(&mut self, rule: Rule, path: String, found: &Json, allowed: impl Into<String>) {
        self.0.push(Mistake::new(rule, path, shown(found), allowed));
    }

    /// Adds a mistake where a member holds anything but nothing: `null`, an empty list, `false`, an empty text.
    pub fn add_unless_absent(&mut self, rule: Rule, path: String, found: Option<&Json>, allowed: &str) {
        let nothing = |found: &&Json| match found {
            Json::Null => true,
            Json::Bool(flag) => !flag,
            Json::Array(list) => list.is_empty(),
            Json::String(text) => text.is_empty(),
            Json::Object(fields) => fields.is_empty(),
            Json::Number(_) => false,
        };
        if let Some(found) = found.filter(|found| !nothing(found)) {
            self.add(rule, path, found, allowed);
        }
    }
}

/// A task definition as the rules read it.
pub(super) struct Task<'a> {
    pub fields: &'a Map<String, Json>,
    pub containers: &'a [Json],
    pub chosen: &'a [usize],
}

const NOTHING: &str = "nothing, since Fargate";

/// Returns every mistake of a task definition, in its own size and in every configured one.
pub(super) fn check(task: &Task<'_>, resources: Option<Resources>, terms: &Terms<'_>) -> Vec<Mistake> {
    let mut mistakes = Mistakes::default();
    whole_task(task, &mut mistakes);
    volumes(task, &mut mistakes);
    roles(task, &mut mistakes);
    containers::check(task, &mut mistakes);
    if let Some(resources) = resources {
        windows(task, resources, terms, &mut mistakes);
        own_size(task, resources, &mut mistakes);
        for (name, size) in terms.sizes {
            other_size(task, resources, name, *size, &mut mistakes);
        }
    }
    mistakes.0
}

fn whole_task(task: &Task<'_>, mistakes: &mut Mistakes) {
    let member = |name: &str| task.fields.get(name);
    if let Some(mode) = member("networkMode").filter(|mode| !mode.is_null() && mode.as_str() != Some("awsvpc")) {
        mistakes.add(Rule::NetworkMode, "networkMode".into(), mode, "\"awsvpc\", which Fargate requires");
    }
    if let Some(mode) = member("pidMode").filter(|mode| !mode.is_null() && mode.as_str() != Some("task")) {
        mistakes.add(Rule::ProcessMode, "pidMode".into(), mode, "\"task\", or nothing");
    }
    let ipc = format!("{NOTHING} has no modes of IPC");
    mistakes.add_unless_absent(Rule::ProcessMode, "ipcMode".into(), member("ipcMode"), &ipc);
    let placement = format!("{NOTHING} places tasks itself");
    let constraints = member("placementConstraints");
    mistakes.add_unless_absent(Rule::Placement, "placementConstraints".into(), constraints, &placement);
    let accelerators = format!("{NOTHING} has no accelerators");
    let found = member("inferenceAccelerators");
    mistakes.add_unless_absent(Rule::Gpu, "inferenceAccelerators".into(), found, &accelerators);
    // "The minimum supported value is 21 GiB and the maximum supported value is 200 GiB" (API reference, EphemeralStorage).
    let storage = member("ephemeralStorage").and_then(|storage| storage.get("sizeInGiB"));
    if let Some(size) = storage.filter(|size| size.as_i64().is_some_and(|size| !(21..=200).contains(&size))) {
        let allowed = "21 to 200; leave `ephemeralStorage` out for the 20 that every task has";
        mistakes.add(Rule::EphemeralStorage, "ephemeralStorage.sizeInGiB".into(), size, allowed);
    }
}

fn volumes(task: &Task<'_>, mistakes: &mut Mistakes) {
    let volumes = task.fields.get("volumes").and_then(Json::as_array).into_iter().flatten();
    for (index, volume) in volumes.enumerate() {
        let path = |member: &str| format!("volumes[{index}].{member}");
        let host = volume.pointer("/host/sourcePath");
        let allowed = format!("{NOTHING} has no path of a host; an empty `host`, or EFS");
        mistakes.add_unless_absent(Rule::HostVolume, path("host.sourcePath"), host, &allowed);
        let docker = volume.get("dockerVolumeConfiguration");
        let allowed = format!("{NOTHING} has no volumes of Docker");
        mistakes.add_unless_absent(Rule::DockerVolume, path("dockerVolumeConfiguration"), docker, &allowed);
    }
}

fn roles(task: &Task<'_>, mistakes: &mut Mistakes) {
    let role = |name: &str| task.fields.get(name).filter(|role| !role.is_null() && role.as_str() != Some(""));
    match role("executionRoleArn") {
        None => {
            let allowed = "the ARN of a role with the policy AmazonECSTaskExecutionRolePolicy, without which Fargate pulls \
                           nothing from ECR";
            let found = task.fields.get("executionRoleArn").map_or_else(|| "missing".to_owned(), shown);
            mistakes.0.push(Mistake::new(Rule::ExecutionRole, "executionRoleArn".into(), found, allowed));
        }
        Some(found) if !found.as_str().is_some_and(is_role_arn) => {
            let allowed = "the ARN of a role, such as arn:aws:iam::123456789012:role/ecsTaskExecutionRole";
            mistakes.add(Rule::Role, "executionRoleArn".into(), found, allowed);
        }
        Some(_) => {}
    }
    // "The short name or full Amazon Resource Name (ARN) of the IAM role" (API reference, RegisterTaskDefinition).
    let named = |role: &str| is_role_arn(role) || is_role_name(role);
    if let Some(found) = role("taskRoleArn").filter(|role| !role.as_str().is_some_and(named)) {
        let allowed = "the name or the ARN of a role, such as arn:aws:iam::123456789012:role/app";
        mistakes.add(Rule::Role, "taskRoleArn".into(), found, allowed);
    }
}

/// `arn:aws:iam::123456789012:role/path/name`, in any partition.
fn is_role_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let head = next() == "arn" && next().starts_with("aws") && next() == "iam" && next().is_empty();
    let account = next();
    let account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let name = next().strip_prefix("role/").and_then(|path| path.rsplit('/').next());
    head && account && name.is_some_and(is_role_name)
}

/// "Names of … roles … upper and lowercase alphanumeric characters … and + = , . @ _ -", 64 at most (IAM user guide, "IAM and
/// AWS STS quotas").
fn is_role_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// CPU units of the smallest task of Windows ("cpu - For Windows containers on AWS Fargate, the value cannot be less than 1
/// vCPU", fargate-tasks-services.html).
const WINDOWS_LEAST: u32 = 1024;
/// CPU units of the largest: the rows of 8 and 16 vCPU are for Linux alone (table "Task CPU and memory").
const WINDOWS_MOST: u32 = 4096;

fn windows(task: &Task<'_>, resources: Resources, terms: &Terms<'_>, mistakes: &mut Mistakes) {
    if !resources.windows {
        return;
    }
    let fits = |cpu: u32| (WINDOWS_LEAST..=WINDOWS_MOST).contains(&cpu);
    let allowed = "1024 to 4096 for Windows";
    if !fits(resources.cpu) {
        mistakes.0.push(Mistake::new(Rule::Windows, "cpu".into(), resources.cpu.to_string(), allowed));
    }
    for (name, size) in terms.sizes.iter().filter(|(_, size)| !fits(size.cpu)) {
        let allowed = format!("{allowed}, or another `sizes.{name}`");
        mistakes.0.push(Mistake::new(Rule::Windows, "cpu".into(), size.cpu.to_string(), allowed));
    }
    let family = || task.fields.get("runtimePlatform").and_then(|platform| platform.get("operatingSystemFamily"));
    if resources.arm {
        let path = "runtimePlatform.cpuArchitecture".to_owned();
        mistakes.0.push(Mistake::new(Rule::Windows, path, "\"ARM64\"", "\"X86_64\" for Windows"));
    }
    if terms.spot {
        let allowed = "\"LINUX\", or `aws.capacity` = \"on-demand\": Fargate Spot runs no Windows";
        let path = "runtimePlatform.operatingSystemFamily".to_owned();
        mistakes.add(Rule::WindowsSpot, path, family().unwrap_or(&Json::Null), allowed);
    }
}

fn own_size(task: &Task<'_>, resources: Resources, mistakes: &mut Mistakes) {
    if let Err(sentence) = offered(Size { cpu: resources.cpu, memory: resources.memory }) {
        let found = format!("{} with `memory` {}", resources.cpu, resources.memory);
        mistakes.0.push(Mistake::new(
            Rule::TaskSize,
            "cpu".into(),
            found,
            format!("a size that Fargate has. {sentence}"),
        ));
    }
    let memory = u64::from(resources.memory);
    let mut cpu = 0;
    for (index, container) in task.containers.iter().enumerate() {
        let path = |limit: &str| format!("containerDefinitions[{index}].{limit}");
        let amount = |limit: &str| limits::amount(container, limit);
        cpu += amount("cpu").unwrap_or_default();
        if let Some(own) = amount("memory").filter(|own| *own > memory) {
            let allowed = format!("at most {memory}, the task's `memory`");
            mistakes.add(Rule::ContainerMemory, path("memory"), &own.into(), allowed);
        }
        if let Some(reserved) = amount("memoryReservation") {
            let most = amount("memory").unwrap_or(memory).min(memory);
            if reserved > most {
                let allowed = format!("at most {most}, the container's own `memory` and the task's");
                mistakes.add(Rule::MemoryReservation, path("memoryReservation"), &reserved.into(), allowed);
            }
        }
    }
    if cpu > u64::from(resources.cpu) {
        let found = format!("{cpu} together");
        let allowed = format!("at most {}, the task's `cpu`", resources.cpu);
        mistakes.0.push(Mistake::new(Rule::ContainerCpu, "containerDefinitions[].cpu".into(), found, allowed));
    }
}

fn other_size(task: &Task<'_>, resources: Resources, name: &str, size: Size, mistakes: &mut Mistakes) {
    let own = Size { cpu: resources.cpu, memory: resources.memory };
    let mut containers = task.containers.to_vec();
    for Misfit { container, limit, amount, task: most } in limits::fit(&mut containers, task.chosen, own, size) {
        let rule = match limit {
            "cpu" => Rule::ContainerCpu,
            "memory" => Rule::ContainerMemory,
            _ => Rule::MemoryReservation,
        };
        let path = format!("containerDefinitions[{container}].{limit}");
        let allowed = format!(
            "less than {most}, which is all that a task of `sizes.{name}` has, so that the containers that get the image have \
             a share; or another `sizes.{name}`"
        );
        mistakes.add(rule, path, &amount.into(), allowed);
    }
}
