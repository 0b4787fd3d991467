//! The rules of Fargate for the containers of a task.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::fargate::{Mistakes, Task};
use super::mistake::{Mistake, shown};
use super::rules::Rule;

/// "the log drivers awslogs, splunk and awsfirelens" (Amazon ECS API reference, `LogConfiguration`, for Fargate).
const LOG_DRIVERS: [&str; 3] = ["awslogs", "splunk", "awsfirelens"];
/// "Required" for Fargate ("Using the awslogs log driver", Amazon ECS developer guide).
const LOG_OPTIONS: [&str; 3] = ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"];
/// "The max stop timeout value is 120 seconds" for Fargate (Amazon ECS API reference, `ContainerDefinition`).
const LONGEST_STOP: i64 = 120;

/// "Up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens are allowed" (the same, `name`).
const LONGEST_NAME: usize = 255;
/// The members of a health check with their ranges (Amazon ECS API reference, `HealthCheck`).
const HEALTH_CHECK: [(&str, i64, i64); 4] =
    [("interval", 5, 300), ("timeout", 2, 60), ("retries", 1, 10), ("startPeriod", 0, 300)];
/// The members that Fargate has not at all: the rule, the path within a container, and why.
const ABSENT: [(Rule, &str, &str); 12] = [
    (Rule::Privileged, "privileged", "false, or nothing: Fargate runs no privileged containers"),
    (Rule::Links, "links", "nothing: containers of one task reach each other on localhost"),
    (Rule::ExtraHosts, "extraHosts", "nothing: with awsvpc a container has no hosts file of its own"),
    (Rule::Dns, "dnsServers", "nothing: with awsvpc the network's DNS counts"),
    (Rule::Dns, "dnsSearchDomains", "nothing: with awsvpc the network's DNS counts"),
    (Rule::SecurityOptions, "dockerSecurityOptions", "nothing: Fargate has no security options"),
    (Rule::Network, "disableNetworking", "false, or nothing: with awsvpc every container has the task's network"),
    (Rule::Hostname, "hostname", "nothing: with awsvpc the task has a name of its own"),
    (Rule::LinuxParameters, "linuxParameters.sharedMemorySize", "nothing: Fargate sizes /dev/shm itself"),
    (Rule::LinuxParameters, "linuxParameters.maxSwap", "nothing: Fargate has no swap"),
    (Rule::LinuxParameters, "linuxParameters.swappiness", "nothing: Fargate has no swap"),
    (Rule::LinuxParameters, "linuxParameters.devices", "nothing: Fargate has no devices"),
];

pub(super) fn check(task: &Task<'_>, mistakes: &mut Mistakes) {
    let mut ports = BTreeMap::new();
    for (index, container) in task.containers.iter().enumerate() {
        let one = One { container, path: format!("containerDefinitions[{index}]") };
        for (rule, member, allowed) in ABSENT {
            let found = container.pointer(&format!("/{}", member.replace('.', "/")));
            mistakes.add_unless_absent(rule, one.path(member), found, allowed);
        }
        if !task.chosen.contains(&index) && one.text("image").is_none_or(str::is_empty) {
            let found = container.get("image").map_or_else(|| "missing".to_owned(), shown);
            mistakes.0.push(Mistake::new(Rule::Image, one.path("image"), found, "an image, by name and tag or digest"));
        }
        one.name(mistakes);
        one.ports(&mut ports, mistakes);
        one.secrets(mistakes);
        one.capabilities(mistakes);
        one.mounts(task, mistakes);
        one.volumes_from(task, mistakes);
        one.health_check(mistakes);
        one.ulimits(mistakes);
        one.resources(mistakes);
        one.logs(mistakes);
    }
    essential(task, mistakes);
    dependencies(task, mistakes);
}

/// One container with its path.
struct One<'a> {
    container: &'a Json,
    path: String,
}

impl<'a> One<'a> {
    fn path(&self, member: &str) -> String {
        format!("{}.{member}", self.path)
    }

    fn text(&self, member: &str) -> Option<&'a str> {
        self.container.get(member)?.as_str()
    }

    /// The entries of a list, each with its path.
    fn list(&self, member: &str) -> impl Iterator<Item = (String, &'a Json)> {
        let path = self.path(member);
        let list = self.container.pointer(&format!("/{}", member.replace('.', "/"))).and_then(Json::as_array);
        list.into_iter().flatten().enumerate().map(move |(index, entry)| (format!("{path}[{index}]"), entry))
    }

    fn name(&self, mistakes: &mut Mistakes) {
        // A missing name is a mistake of the file's shape.
        let name = self.text("name").unwrap_or_default();
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if !name.bytes().all(plain) || name.len() > LONGEST_NAME {
            let allowed = format!("letters, digits, `-` and `_`, {LONGEST_NAME} at most");
            mistakes.add(Rule::ContainerName, self.path("name"), &name.into(), allowed);
        }
    }

    fn ports(&self, taken: &mut BTreeMap<(String, i64), String>, mistakes: &mut Mistakes) {
        for (path, mapping) in self.list("portMappings") {
            let Some(port) = mapping.get("containerPort").and_then(Json::as_i64) else {
                if mapping.get("containerPortRange").is_none_or(Json::is_null) {
                    let path = format!("{path}.containerPort");
                    mistakes.0.push(Mistake::new(
                        Rule::PortRange,
                        path,
                        "missing",
                        "the port that the container listens on",
                    ));
                }
                continue;
            };
            if !(1..=65_535).contains(&port) {
                mistakes.add(Rule::PortRange, format!("{path}.containerPort"), &port.into(), "1 to 65535");
                continue;
            }
            // 0 asks Docker for any port. With awsvpc it can only be the container's own, so it is left out (`fill`).
            let host =
                mapping.get("hostPort").filter(|host| host.as_i64().is_some_and(|host| host != 0 && host != port));
            if let Some(host) = host {
                let allowed = format!("{port}, the `containerPort`, or nothing");
                mistakes.add(Rule::HostPort, format!("{path}.hostPort"), host, allowed);
            }
            let protocol = mapping.get("protocol").and_then(Json::as_str).unwrap_or("tcp").to_owned();
            let path = format!("{path}.containerPort");
            match taken.get(&(protocol.clone(), port)) {
                Some(first) => {
                    let allowed =
                        format!("a port that no other container listens on; `{first}` is the same {protocol} port");
                    mistakes.add(Rule::PortOnce, path, &port.into(), allowed);
                }
                None => drop(taken.insert((protocol, port), path)),
            }
        }
    }

    fn secrets(&self, mistakes: &mut Mistakes) {
        let name = |entry: &'a Json| entry.get("name").and_then(Json::as_str);
        let plain: BTreeSet<&str> = self.list("environment").filter_map(|(_, entry)| name(entry)).collect();
        let mut seen = BTreeSet::new();
        for (path, secret) in self.list("secrets") {
            let Some(key) = name(secret) else { continue };
            let twice = !seen.insert(key);
            if plain.contains(key) || twice {
                let allowed = if twice { "each name once" } else { "a name that is not in `environment` too" };
                mistakes.add(Rule::SecretName, format!("{path}.name"), &key.into(), allowed);
            }
        }
        for (path, secret) in self.list("secrets").chain(self.list("logConfiguration.secretOptions")) {
            let from = secret.get("valueFrom").and_then(Json::as_str).unwrap_or_default();
            if !is_secret(from) {
                // The value may be the secret itself, so it is not repeated.
                let found = match from {
                    arn if arn.starts_with("arn:") => shown(&from.into()),
                    "" => "missing".to_owned(),
                    other => format!("{} characters that name no secret", other.chars().count()),
                };
                let allowed = "the ARN of a secret (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME) or of a parameter \
                               (arn:aws:ssm:REGION:ACCOUNT:parameter/NAME), or the name of a parameter of this region";
                mistakes.0.push(Mistake::new(Rule::SecretFrom, format!("{path}.valueFrom"), found, allowed));
            }
        }
    }

    fn capabilities(&self, mistakes: &mut Mistakes) {
        for (path, capability) in self.list("linuxParameters.capabilities.add") {
            if capability.as_str() != Some("SYS_PTRACE") {
                mistakes.add(Rule::Capability, path, capability, "\"SYS_PTRACE\" alone");
            }
        }
    }

    fn mounts(&self, task: &Task<'_>, mistakes: &mut Mistakes) {
        let volumes = task.fields.get("volumes").and_then(Json::as_array).into_iter().flatten();
        let names: Vec<&str> = volumes.filter_map(|volume| volume.get("name")?.as_str()).collect();
        for (path, mount) in self.list("mountPoints") {
            let Some(name) = mount.get("sourceVolume").filter(|name| !name.is_null()) else { continue };
            if !name.as_str().is_some_and(|name| names.contains(&name)) {
                let allowed = match names.as_slice() {
                    [] => "a volume of the task, which has none".to_owned(),
                    names => format!("a volume of the task: {}", names.join(", ")),
                };
                mistakes.add(Rule::MountedVolume, format!("{path}.sourceVolume"), name, allowed);
            }
        }
    }

    fn volumes_from(&self, task: &Task<'_>, mistakes: &mut Mistakes) {
        let names: Vec<&str> = task.containers.iter().filter_map(|container| container.get("name")?.as_str()).collect();
        for (path, from) in self.list("volumesFrom") {
            let source = from.get("sourceContainer").unwrap_or(&Json::Null);
            if !source.as_str().is_some_and(|source| names.contains(&source)) {
                let allowed = format!("a container of the task: {}", names.join(", "));
                mistakes.add(Rule::VolumesFrom, format!("{path}.sourceContainer"), source, allowed);
            }
        }
    }

    fn health_check(&self, mistakes: &mut Mistakes) {
        let Some(check) = self.container.get("healthCheck").filter(|check| !check.is_null()) else { return };
        if check.get("command").and_then(Json::as_array).is_none_or(Vec::is_empty) {
            let path = self.path("healthCheck.command");
            let allowed = "a command, such as [\"CMD-SHELL\", \"curl -f http://localhost/health\"]";
            mistakes.0.push(Mistake::new(Rule::HealthCheck, path, "missing", allowed));
        }
        for (member, least, most) in HEALTH_CHECK {
            let found = check.get(member);
            if let Some(found) = found.filter(|found| found.as_i64().is_some_and(|n| !(least..=most).contains(&n))) {
                let allowed = format!("{least} to {most}");
                mistakes.add(Rule::HealthCheck, self.path(&format!("healthCheck.{member}")), found, allowed);
            }
        }
    }

    fn ulimits(&self, mistakes: &mut Mistakes) {
        for (path, ulimit) in self.list("ulimits") {
            let limit = |name: &str| ulimit.get(name).and_then(Json::as_i64);
            if let (Some(soft), Some(hard)) = (limit("softLimit"), limit("hardLimit"))
                && soft > hard
            {
                let allowed = format!("at most {hard}, the `hardLimit`");
                mistakes.add(Rule::Ulimit, format!("{path}.softLimit"), &soft.into(), allowed);
            }
        }
    }

    fn resources(&self, mistakes: &mut Mistakes) {
        for (path, requirement) in self.list("resourceRequirements") {
            if let Some(kind) = requirement.get("type").filter(|kind| !kind.is_null()) {
                let allowed = "nothing: Fargate has no GPU and no accelerators";
                mistakes.add(Rule::Gpu, format!("{path}.type"), kind, allowed);
            }
        }
        let stop = self.container.get("stopTimeout");
        if let Some(stop) = stop.filter(|stop| stop.as_i64().is_some_and(|stop| stop > LONGEST_STOP)) {
            mistakes.add(Rule::StopTimeout, self.path("stopTimeout"), stop, format!("at most {LONGEST_STOP} seconds"));
        }
    }

    fn logs(&self, mistakes: &mut Mistakes) {
        let Some(logs) = self.container.get("logConfiguration").filter(|logs| !logs.is_null()) else { return };
        let driver = logs.get("logDriver").unwrap_or(&Json::Null);
        if !driver.as_str().is_some_and(|driver| LOG_DRIVERS.contains(&driver)) {
            let path = self.path("logConfiguration.logDriver");
            mistakes.add(Rule::LogDriver, path, driver, LOG_DRIVERS.join(", "));
        } else if driver.as_str() == Some("awslogs") {
            for option in LOG_OPTIONS {
                let value = logs.get("options").and_then(|options| options.get(option)).and_then(Json::as_str);
                if value.is_none_or(str::is_empty) {
                    let path = self.path(&format!("logConfiguration.options.{option}"));
                    let allowed = "a text, which awslogs needs on Fargate";
                    mistakes.0.push(Mistake::new(Rule::LogOptions, path, "missing", allowed));
                }
            }
        }
    }
}

/// Whether a text can be the `valueFrom` of a secret: an ARN of Secrets Manager or of a parameter, or a parameter's name (Amazon
/// ECS API reference, `Secret`; names of parameters: "a-zA-Z0-9_.-" and "/", Systems Manager, `PutParameter`).
fn is_secret(text: &str) -> bool {
    if !text.starts_with("arn:") {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.-/".contains(&b);
        return !text.is_empty() && text.bytes().all(allowed);
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [_, partition, service, region, account, resource] = parts.as_slice() else { return false };
    let whose = partition.starts_with("aws")
        && region.split('-').count() >= 3
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit());
    let name = match *service {
        // Behind the name stand a key, a stage and a version, each of which may be empty.
        "secretsmanager" => resource.strip_prefix("secret:"),
        "ssm" => resource.strip_prefix("parameter/"),
        _ => None,
    };
    let graphic = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b"<>{}$".contains(&b));
    whose && name.is_some_and(graphic)
}

fn is_essential(container: &Json) -> bool {
    container.get("essential").and_then(Json::as_bool).unwrap_or(true)
}

fn essential(task: &Task<'_>, mistakes: &mut Mistakes) {
    if !task.containers.is_empty() && !task.containers.iter().any(is_essential) {
        let path = "containerDefinitions[].essential".to_owned();
        let allowed = "true for one container at least, or the task has nothing to run";
        mistakes.0.push(Mistake::new(Rule::Essential, path, "false everywhere", allowed));
    }
}

fn dependencies(task: &Task<'_>, mistakes: &mut Mistakes) {
    let name = |container: &'_ Json| container.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
    let names: Vec<String> = task.containers.iter().map(name).collect();
    let mut edges: Vec<Vec<usize>> = Vec::new();
    for (index, container) in task.containers.iter().enumerate() {
        let one = One { container, path: format!("containerDefinitions[{index}]") };
        let mut waits_for = Vec::new();
        for (path, dependency) in one.list("dependsOn") {
            let of = dependency.get("containerName").unwrap_or(&Json::Null);
            let Some(target) = names.iter().position(|name| of.as_str() == Some(name)) else {
                let allowed = format!("a container of the task: {}", names.join(", "));
                mistakes.add(Rule::Dependency, format!("{path}.containerName"), of, allowed);
                continue;
            };
            waits_for.push(target);
            let condition = dependency.get("condition").unwrap_or(&Json::Null);
            let other = &task.containers[target];
            let path = format!("{path}.condition");
            match condition.as_str().unwrap_or_default() {
                "HEALTHY" if other.get("healthCheck").is_none_or(Json::is_null) => {
                    let allowed = format!("\"START\", or a `healthCheck` of {}", names[target]);
                    mistakes.add(Rule::DependencyHealth, path, condition, allowed);
                }
                "SUCCESS" | "COMPLETE" if is_essential(other) => {
                    let allowed = format!("\"START\" or \"HEALTHY\", or `essential` false for {}", names[target]);
                    mistakes.add(Rule::DependencyEnd, path, condition, allowed);
                }
                _ => {}
            }
        }
        edges.push(waits_for);
    }
    if let Some(index) = (0..edges.len()).find(|index| reaches(&edges, *index)) {
        let path = format!("containerDefinitions[{index}].dependsOn");
        let found = format!("a circle through {}", names[index]);
        mistakes.0.push(Mistake::new(Rule::DependencyCircle, path, found, "containers that wait in one direction"));
    }
}

/// Whether a container waits for itself, by way of others.
fn reaches(edges: &[Vec<usize>], from: usize) -> bool {
    let (mut open, mut seen) = (edges[from].clone(), BTreeSet::new());
    while let Some(next) = open.pop() {
        if next == from {
            return true;
        }
        if seen.insert(next) {
            open.extend(&edges[next]);
        }
    }
    false
}
