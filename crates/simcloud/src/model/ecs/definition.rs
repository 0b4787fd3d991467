//! Task definitions: families, revisions, and what Fargate demands of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::{Refusal, Scope};
use super::tags::{Tag, Tags};

/// Service quotas of ECS: task definition size and containers.
const MAX_BYTES: usize = 64 * 1024;
const MAX_CONTAINERS: usize = 10;
const MAX_FAMILY: usize = 255;

/// Where a revision is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Active,
    Inactive,
    DeleteInProgress,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::DeleteInProgress => "DELETE_IN_PROGRESS",
        }
    }
}

/// What the simulation reads of a container definition.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Container {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) image: String,
    #[serde(default = "yes")]
    pub(crate) essential: bool,
    #[serde(default)]
    pub(crate) cpu: i64,
    pub(crate) memory: Option<i64>,
    #[serde(default)]
    pub(crate) port_mappings: Vec<PortMapping>,
    #[serde(default)]
    pub(crate) environment: Vec<Environment>,
    pub(crate) health_check: Option<Value>,
    log_configuration: Option<LogConfiguration>,
}

/// A port that a container listens on.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortMapping {
    pub(crate) container_port: Option<u16>,
}

/// An environment variable.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Environment {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) value: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogConfiguration {
    log_driver: Option<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

/// A registered revision. Its content never changes.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) arn: String,
    pub(crate) family: Arc<str>,
    pub(crate) revision: u32,
    /// All that was registered, unknown fields included, but for the tags.
    pub(crate) body: Map<String, Value>,
    pub(crate) containers: Vec<Container>,
    /// In units of 1/1024 vCPU.
    pub(crate) cpu: u32,
    pub(crate) fargate: bool,
    pub(crate) awsvpc: bool,
    pub(crate) registered_at: DateTime<Utc>,
}

impl Definition {
    /// The ports on which its containers listen.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let mappings = self
            .containers
            .iter()
            .flat_map(|container| &container.port_mappings);
        mappings
            .filter_map(|mapping| mapping.container_port)
            .collect()
    }

    pub(crate) fn has_health_check(&self) -> bool {
        self.containers
            .iter()
            .any(|c| c.essential && c.health_check.is_some())
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.body.get(key)?.as_str()
    }
}

/// A revision with what can change about it.
#[derive(Clone, Debug)]
pub(crate) struct Revision {
    pub(crate) definition: Arc<Definition>,
    pub(crate) status: Status,
    pub(crate) tags: Tags,
    pub(crate) deregistered_at: Option<DateTime<Utc>>,
    pub(crate) delete_requested_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
struct Family {
    revisions: BTreeMap<u32, Revision>,
    /// Revisions are counted on also over deleted ones.
    last: u32,
}

/// All families of the account.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    families: BTreeMap<Arc<str>, Family>,
}

impl Definitions {
    /// Registers a new revision: always a new one, also of what is there already.
    pub(crate) fn register(
        &mut self,
        scope: &Scope,
        mut body: Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Result<Revision, Refusal> {
        let size = serde_json::to_string(&body).map_or(0, |text| text.len());
        if size > MAX_BYTES {
            return Err(Refusal::client(format!(
                "Actual length: '{size}'. Max allowed length is '{MAX_BYTES}' bytes."
            )));
        }
        let tags: Vec<Tag> = match body.remove("tags") {
            None | Some(Value::Null) => Vec::new(),
            Some(tags) => serde_json::from_value(tags).map_err(|_| serialization())?,
        };
        let tags = Tags::new(tags)?;
        body.retain(|_, value| !value.is_null());
        let family = body
            .get("family")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        check_family(&family)?;
        let containers: Vec<Container> = match body.get("containerDefinitions") {
            None => Vec::new(),
            Some(list) => Vec::deserialize(list).map_err(|_| serialization())?,
        };
        check_containers(&containers)?;
        let fargate_required = lists(&body, "requiresCompatibilities", "FARGATE");
        let awsvpc = body.get("networkMode").and_then(Value::as_str) == Some("awsvpc");
        let sized = fargate_size(&body);
        if fargate_required {
            check_fargate(scope, &body, &containers, awsvpc)?;
        }
        let family: Arc<str> = family.into();
        let held = self.families.entry(Arc::clone(&family)).or_default();
        held.last += 1;
        let revision = held.last;
        let definition = Arc::new(Definition {
            arn: scope.arn("ecs", &format!("task-definition/{family}:{revision}")),
            family,
            revision,
            cpu: sized.unwrap_or_default(),
            fargate: awsvpc && sized.is_some(),
            awsvpc,
            containers,
            body,
            registered_at: now,
        });
        let registered = Revision {
            definition,
            status: Status::Active,
            tags,
            deregistered_at: None,
            delete_requested_at: None,
        };
        held.revisions.insert(revision, registered.clone());
        Ok(registered)
    }

    /// The revision that a name means: `family` (its latest ACTIVE one), `family:revision` or an ARN.
    pub(crate) fn find(&self, name: &str) -> Option<&Revision> {
        let (family, revision) = parse(name);
        let family = self.families.get(family)?;
        match revision {
            Some(revision) => family.revisions.get(&revision.parse().ok()?),
            None => family
                .revisions
                .values()
                .rev()
                .find(|r| r.status == Status::Active),
        }
    }

    /// As [`Definitions::find`], but only where a revision is named.
    pub(crate) fn find_revision_mut(&mut self, name: &str) -> Option<&mut Revision> {
        let (family, revision) = parse(name);
        let revision = revision?.parse().ok()?;
        self.families.get_mut(family)?.revisions.get_mut(&revision)
    }

    /// Every revision, by family and number.
    pub(crate) fn revisions(&self) -> impl DoubleEndedIterator<Item = &Revision> {
        self.families
            .values()
            .flat_map(|family| family.revisions.values())
    }

    /// The revisions of one family, by number.
    pub(crate) fn of_family(&self, family: &str) -> impl DoubleEndedIterator<Item = &Revision> {
        self.families
            .get(family)
            .into_iter()
            .flat_map(|family| family.revisions.values())
    }

    /// Families with whether any revision of theirs is ACTIVE.
    pub(crate) fn families(&self) -> impl Iterator<Item = (&Arc<str>, bool)> {
        self.families.iter().map(|(name, family)| {
            (
                name,
                family
                    .revisions
                    .values()
                    .any(|r| r.status == Status::Active),
            )
        })
    }

    pub(crate) fn purge(&mut self, family: &str, revision: u32) {
        if let Some(family) = self.families.get_mut(family) {
            family.revisions.remove(&revision);
        }
    }
}

/// `family`, `family:revision` or the ARN of either.
fn parse(name: &str) -> (&str, Option<&str>) {
    let short = name.rsplit_once('/').map_or(name, |(_, short)| short);
    short
        .split_once(':')
        .map_or((short, None), |(family, revision)| (family, Some(revision)))
}

fn serialization() -> Refusal {
    Refusal::new("SerializationException", "")
}

fn lists(body: &Map<String, Value>, key: &str, wanted: &str) -> bool {
    let list = body.get(key).and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|item| item.as_str() == Some(wanted)))
}

fn check_family(family: &str) -> Result<(), Refusal> {
    if family.is_empty() {
        return Err(Refusal::client("Family should not be null or empty."));
    }
    let valid = family
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if !valid || family.len() > MAX_FAMILY {
        return Err(Refusal::client(format!(
            "Family contains invalid characters or is longer than {MAX_FAMILY}: '{family}'"
        )));
    }
    Ok(())
}

fn check_containers(containers: &[Container]) -> Result<(), Refusal> {
    if containers.is_empty() {
        return Err(Refusal::client("Container list cannot be empty."));
    }
    if containers.len() > MAX_CONTAINERS {
        return Err(Refusal::client(format!(
            "A task definition can have at most {MAX_CONTAINERS} containers."
        )));
    }
    for (index, container) in containers.iter().enumerate() {
        let name = &container.name;
        if name.is_empty() {
            return Err(Refusal::client(
                "Container.name should not be null or empty.",
            ));
        }
        if container.image.is_empty() {
            return Err(Refusal::client(
                "Container.image should not be null or empty.",
            ));
        }
        if containers[..index].iter().any(|other| other.name == *name) {
            return Err(Refusal::client(format!(
                "Container.name must be unique: '{name}' is used more than once."
            )));
        }
    }
    if !containers.iter().any(|container| container.essential) {
        return Err(Refusal::client(
            "Invalid setting for container: at least one container must be essential.",
        ));
    }
    Ok(())
}

fn check_fargate(
    scope: &Scope,
    body: &Map<String, Value>,
    containers: &[Container],
    awsvpc: bool,
) -> Result<(), Refusal> {
    if !awsvpc {
        return Err(Refusal::client(
            "Fargate only supports network mode ‘awsvpc’.",
        ));
    }
    if fargate_size(body).is_none() {
        let text = |key| body.get(key).and_then(Value::as_str).unwrap_or("0");
        return Err(Refusal::client(format!(
            "No Fargate configuration exists for given values: {} CPU, {} memory. \
             See the Amazon ECS documentation for the valid values.",
            text("cpu"),
            text("memory")
        )));
    }
    let registry = scope.registry();
    let has_role = body.contains_key("executionRoleArn");
    if !has_role
        && containers
            .iter()
            .any(|container| container.image.starts_with(&registry))
    {
        return Err(Refusal::client(
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ));
    }
    for container in containers {
        let Some(logs) = &container.log_configuration else {
            continue;
        };
        if logs.log_driver.as_deref() != Some("awslogs") {
            continue;
        }
        if !has_role {
            return Err(Refusal::client(
                "Fargate requires task definition to have execution role ARN to support log \
                 driver awslogs.",
            ));
        }
        for option in ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"] {
            if logs.options.get(option).is_none_or(String::is_empty) {
                return Err(Refusal::client(format!(
                    "Log driver awslogs requires options: {option}"
                )));
            }
        }
    }
    Ok(())
}

/// CPU units, if cpu and memory are a combination that Fargate offers ("Task CPU and memory"
/// in the ECS developer guide).
fn fargate_size(body: &Map<String, Value>) -> Option<u32> {
    let cpu = units(body.get("cpu")?.as_str()?, "vcpu", 1024.0)?;
    let memory = units(body.get("memory")?.as_str()?, "gb", 1024.0)?;
    let (low, high, step) = match cpu {
        256 => return matches!(memory, 512 | 1024 | 2048).then_some(cpu),
        512 => (1024, 4096, 1024),
        1024 => (2048, 8192, 1024),
        2048 => (4096, 16384, 1024),
        4096 => (8192, 30720, 1024),
        8192 => (16384, 61440, 4096),
        16384 => (32768, 122_880, 8192),
        _ => return None,
    };
    ((low..=high).contains(&memory) && memory.is_multiple_of(step)).then_some(cpu)
}

/// A number of units, or a decimal number before `suffix`, as ECS accepts both.
fn units(text: &str, suffix: &str, factor: f64) -> Option<u32> {
    if let Ok(units) = text.trim().parse() {
        return Some(units);
    }
    let lower = text.trim().to_ascii_lowercase();
    let number: f64 = lower.strip_suffix(suffix)?.trim().parse().ok()?;
    let units = number * factor;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "range checked"
    )]
    (0.0..=1e9).contains(&units).then_some(units as u32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        Scope {
            region: "us-west-2".into(),
            account: "123456789012".into(),
        }
    }

    fn register(definitions: &mut Definitions, body: Value) -> Result<Revision, Refusal> {
        let Value::Object(body) = body else {
            panic!("not an object")
        };
        definitions.register(&scope(), body, DateTime::UNIX_EPOCH)
    }

    fn body() -> Value {
        json!({"family": "web", "networkMode": "awsvpc", "cpu": "256", "memory": "512",
            "requiresCompatibilities": ["FARGATE"], "aFieldOfTomorrow": {"kept": true},
            "containerDefinitions": [{"name": "web", "image": "nginx", "alsoKept": 1}]})
    }

    #[test]
    fn the_same_content_is_a_new_revision_and_keeps_every_field() {
        let mut definitions = Definitions::default();
        register(&mut definitions, body()).unwrap();
        let second = register(&mut definitions, body()).unwrap();
        assert_eq!(second.definition.revision, 2);
        let found = &definitions.find("web").unwrap().definition;
        assert_eq!(found.revision, 2);
        assert_eq!(found.body["aFieldOfTomorrow"]["kept"], true);
        assert_eq!(found.body["containerDefinitions"][0]["alsoKept"], 1);
        let arn = "arn:aws:ecs:us-west-2:123456789012:task-definition/web:1";
        assert_eq!(definitions.find(arn).unwrap().definition.arn, arn);
    }

    #[test]
    fn what_ecs_refuses_is_refused() {
        let mut definitions = Definitions::default();
        let cases: [(&str, Value, &str); 6] = [
            ("family", json!("a b"), "Family"),
            ("containerDefinitions", json!([]), "cannot be empty"),
            ("memory", json!("3000"), "No Fargate configuration"),
            ("networkMode", json!("bridge"), "network mode"),
            ("padding", json!("x".repeat(70_000)), "Max allowed length"),
            (
                "containerDefinitions",
                json!([{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]),
                "unique",
            ),
        ];
        for (key, value, message) in cases {
            let mut body = body();
            body[key] = value;
            let refused = register(&mut definitions, body).unwrap_err();
            assert!(refused.message.contains(message), "{key}: {refused}");
        }
        let many: Vec<_> = (0..11)
            .map(|n| json!({"name": format!("c{n}"), "image": "i"}))
            .collect();
        let mut body = body();
        body["containerDefinitions"] = many.into();
        assert!(register(&mut definitions, body).is_err());
    }

    #[test]
    fn sizes_are_read_in_units_and_in_words() {
        let size = |cpu: &str, memory: &str| {
            let body = json!({"cpu": cpu, "memory": memory});
            fargate_size(body.as_object().unwrap())
        };
        assert_eq!(size("0.5 vCPU", "1 GB"), Some(512));
        assert_eq!(size("1024", "2048"), Some(1024));
        assert_eq!(size("256", "4096"), None);
        assert_eq!(size("nonsense", "1GB"), None);
    }
}
