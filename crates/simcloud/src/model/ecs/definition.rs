//! Task definitions: families, revisions, and what Fargate demands of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::{Refusal, Scope};
use super::demands::{check_containers, check_family, check_size, fargate_size};
use super::fargate;
use super::input::Input;
use super::members;
use super::tags::{Tag, Tags};

/// Service quotas of ECS: "Task definition size".
const MAX_BYTES: usize = 64 * 1024;

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
    pub(crate) log_configuration: Option<LogConfiguration>,
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

/// Where a container logs to.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogConfiguration {
    pub(crate) log_driver: Option<String>,
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
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
        let mappings = self.containers.iter().flat_map(|container| &container.port_mappings);
        mappings.filter_map(|mapping| mapping.container_port).collect()
    }

    pub(crate) fn has_health_check(&self) -> bool {
        self.containers.iter().any(|c| c.essential && c.health_check.is_some())
    }

    pub(crate) fn is_windows(&self) -> bool {
        let family = self.body.get("runtimePlatform").and_then(|platform| platform.get("operatingSystemFamily"));
        family.and_then(Value::as_str).is_some_and(|family| family.starts_with("WINDOWS"))
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
        let input = Input::read(&body)?;
        let family = body.get("family").and_then(Value::as_str).unwrap_or_default().to_owned();
        check_family(&family)?;
        members::check(&input)?;
        let containers: Vec<Container> = match body.get("containerDefinitions") {
            None => Vec::new(),
            Some(list) => Vec::deserialize(list).map_err(|_| serialization())?,
        };
        check_containers(&containers)?;
        let fargate_required = lists(&body, "requiresCompatibilities", "FARGATE");
        let awsvpc = body.get("networkMode").and_then(Value::as_str) == Some("awsvpc");
        let sized = fargate_size(&body);
        if fargate_required {
            check_size(scope, &body, &containers, awsvpc)?;
        }
        if awsvpc {
            fargate::check_task(&input)?;
        }
        if fargate_required {
            fargate::check_fargate(&input)?;
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
        let registered =
            Revision { definition, status: Status::Active, tags, deregistered_at: None, delete_requested_at: None };
        held.revisions.insert(revision, registered.clone());
        Ok(registered)
    }

    /// The revision that a name means: `family` (its latest ACTIVE one), `family:revision` or an ARN.
    pub(crate) fn find(&self, name: &str) -> Option<&Revision> {
        let (family, revision) = parse(name);
        let family = self.families.get(family)?;
        match revision {
            Some(revision) => family.revisions.get(&revision.parse().ok()?),
            None => family.revisions.values().rev().find(|r| r.status == Status::Active),
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
        self.families.values().flat_map(|family| family.revisions.values())
    }

    /// The revisions of one family, by number.
    pub(crate) fn of_family(&self, family: &str) -> impl DoubleEndedIterator<Item = &Revision> {
        self.families.get(family).into_iter().flat_map(|family| family.revisions.values())
    }

    /// Families with whether any revision of theirs is ACTIVE.
    pub(crate) fn families(&self) -> impl Iterator<Item = (&Arc<str>, bool)> {
        self.families.iter().map(|(name, family)| (name, family.revisions.values().any(|r| r.status == Status::Active)))
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
    short.split_once(':').map_or((short, None), |(family, revision)| (family, Some(revision)))
}

fn serialization() -> Refusal {
    Refusal::new("SerializationException", "")
}

fn lists(body: &Map<String, Value>, key: &str, wanted: &str) -> bool {
    let list = body.get(key).and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|item| item.as_str() == Some(wanted)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        Scope { region: "us-west-2".into(), account: "123456789012".into() }
    }

    fn register(definitions: &mut Definitions, body: Value) -> Result<Revision, Refusal> {
        let Value::Object(body) = body else { panic!("not an object") };
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
            ("containerDefinitions", json!([{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]), "unique"),
        ];
        for (key, value, message) in cases {
            let mut body = body();
            body[key] = value;
            let refused = register(&mut definitions, body).unwrap_err();
            assert!(refused.message.contains(message), "{key}: {refused}");
        }
        let many: Vec<_> = (0..11).map(|n| json!({"name": format!("c{n}"), "image": "i"})).collect();
        let mut body = body();
        body["containerDefinitions"] = many.into();
        assert!(register(&mut definitions, body).is_err());
    }
}
