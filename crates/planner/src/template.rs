//! The task definition's template: what `aws ecs describe-task-definition` exports, with what an environment adds.

use std::collections::BTreeMap;

use bivouac_model::{ContentHash, RenderedTaskDefinition};
use serde_json::{Map, Value as Json, json};

use crate::project::{Resources, Size};

/// "Task definition size: 64 KiB" (Amazon ECS service quotas).
pub const MAX_TASK_DEFINITION_BYTES: usize = 64 * 1024;
/// "Containers in a task definition: 10" (Amazon ECS service quotas).
const MAX_CONTAINERS: usize = 10;
/// The fields that DescribeTaskDefinition adds and RegisterTaskDefinition refuses (ECS API reference, `TaskDefinition`).
const EXPORT_ONLY: [&str; 9] = [
    "compatibilities",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "tags",
    "taskDefinitionArn",
];
/// The docker label whose change replaces the task, as the annotation of `kubectl rollout restart` does.
const RESTART_LABEL: &str = "bivouac.restarted-at";

/// A template that can be rendered for any environment of its project.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    fields: Map<String, Json>,
    /// Which of `containerDefinitions` get the image and the environment.
    chosen: Vec<usize>,
    hash: ContentHash,
    resources: Resources,
    family: String,
}

/// Why a text is no template, or cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTemplate {
    /// Not JSON.
    #[error("it is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON, but not of the shape.
    #[error("{0}")]
    Shape(String),
    /// Too large for ECS.
    #[error(
        "the task definition takes {0} bytes once flags and configuration are in it; ECS allows {MAX_TASK_DEFINITION_BYTES}"
    )]
    TooLarge(usize),
}

fn shape<T>(text: impl Into<String>) -> Result<T, InvalidTemplate> {
    Err(InvalidTemplate::Shape(text.into()))
}

/// What is put into the template for one environment.
#[derive(Clone, Copy, Debug)]
pub struct Filling<'a> {
    /// The image, by digest.
    pub image: &'a str,
    /// Environment variables that are set or replaced.
    pub environment: &'a BTreeMap<String, String>,
    /// Another size than the template's.
    pub size: Option<Size>,
    /// A new value makes another revision.
    pub restarted_at: Option<&'a str>,
}

impl Template {
    /// Reads a template and checks it against the names of the containers that get the image.
    ///
    /// Accepts what `aws ecs describe-task-definition` prints, with or without the `taskDefinition` around it.
    ///
    /// # Errors
    /// [`InvalidTemplate`] says in a sentence what is wrong.
    pub fn parse(text: &str, containers: &[String]) -> Result<Self, InvalidTemplate> {
        let mut fields = match serde_json::from_str(text)? {
            Json::Object(fields) => fields,
            _ => return shape("it is not a JSON object"),
        };
        if let Some(Json::Object(inner)) = fields.remove("taskDefinition") {
            fields = inner;
        }
        for name in EXPORT_ONLY {
            fields.remove(name);
        }
        let Some(Json::String(family)) = fields.remove("family") else {
            return shape("it has no `family`");
        };
        let valid = !family.is_empty() && family.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !valid {
            return shape(format!("`family` is `{family}`; allowed: letters, digits, `-` and `_`"));
        }
        let chosen = chosen_containers(&fields, containers)?;
        if fields.get("networkMode").and_then(Json::as_str).unwrap_or("awsvpc") != "awsvpc" {
            return shape("`networkMode` has to be `awsvpc`, which Fargate requires");
        }
        fields.insert("networkMode".into(), json!("awsvpc"));
        fields.insert("requiresCompatibilities".into(), json!(["FARGATE"]));
        let resources = resources(&fields)?;
        let text = Json::Object(fields.clone()).to_string();
        let chosen_names = containers.join("\n");
        let hash = ContentHash::of([text.as_bytes(), chosen_names.as_bytes(), family.as_bytes()]);
        Ok(Self { fields, chosen, hash, resources, family })
    }

    /// The hash of the template and of the names of the containers.
    pub fn hash(&self) -> &ContentHash {
        &self.hash
    }

    /// The template's own family, which an environment's family begins with.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// What a task of it takes.
    pub fn resources(&self) -> Resources {
        self.resources
    }

    /// The CloudWatch log groups that its containers write to, each once, in the order of the containers. Those of other log
    /// drivers are not known (ECS API reference, `LogConfiguration`).
    pub fn log_groups(&self) -> Vec<String> {
        let mut groups: Vec<String> = Vec::new();
        let containers = self.fields.get("containerDefinitions").and_then(Json::as_array);
        for log in containers.into_iter().flatten().filter_map(|container| container.get("logConfiguration")) {
            let is_cloudwatch = log.get("logDriver").and_then(Json::as_str) == Some("awslogs");
            let group = log.pointer("/options/awslogs-group").and_then(Json::as_str).filter(|_| is_cloudwatch);
            if let Some(group) = group.filter(|group| !groups.iter().any(|known| known == group)) {
                groups.push(group.to_owned());
            }
        }
        groups
    }

    /// The ports that the containers which get the image map, in the order of the template.
    pub fn ports(&self) -> Vec<u16> {
        let containers = self.fields.get("containerDefinitions").and_then(Json::as_array).into_iter().flatten();
        let chosen = containers.enumerate().filter(|(at, _)| self.chosen.contains(at));
        let mappings = chosen.filter_map(|(_, container)| container.get("portMappings")?.as_array()).flatten();
        mappings.filter_map(|mapping| u16::try_from(mapping.get("containerPort")?.as_u64()?).ok()).collect()
    }

    /// The role by which ECS pulls images and writes logs; `None`: it names none.
    pub fn execution_role(&self) -> Option<&str> {
        self.fields.get("executionRoleArn").and_then(Json::as_str).filter(|role| !role.is_empty())
    }

    /// The task definition of an environment.
    ///
    /// # Errors
    /// [`InvalidTemplate::TooLarge`] over 64 KiB.
    pub fn render(&self, family: &str, filling: Filling<'_>) -> Result<RenderedTaskDefinition, InvalidTemplate> {
        let mut fields = self.fields.clone();
        fields.insert("family".into(), json!(family));
        if let Some(size) = filling.size {
            fields.insert("cpu".into(), json!(size.cpu.to_string()));
            fields.insert("memory".into(), json!(size.memory.to_string()));
        }
        let containers = fields.get_mut("containerDefinitions").and_then(Json::as_array_mut);
        for (at, container) in containers.into_iter().flatten().enumerate() {
            if let (true, Some(container)) = (self.chosen.contains(&at), container.as_object_mut()) {
                fill_container(container, filling);
            }
        }
        let input = Json::Object(fields);
        let text = input.to_string();
        if text.len() > MAX_TASK_DEFINITION_BYTES {
            return Err(InvalidTemplate::TooLarge(text.len()));
        }
        let content = ContentHash::of([text.as_bytes()]);
        Ok(RenderedTaskDefinition { family: family.into(), input, content, tags: Vec::new() })
    }
}

fn chosen_containers(fields: &Map<String, Json>, wanted: &[String]) -> Result<Vec<usize>, InvalidTemplate> {
    let definitions = match fields.get("containerDefinitions") {
        Some(Json::Array(definitions)) if !definitions.is_empty() => definitions,
        _ => return shape("it has no `containerDefinitions`"),
    };
    if definitions.len() > MAX_CONTAINERS {
        return shape(format!("it has {} containers; ECS allows {MAX_CONTAINERS}", definitions.len()));
    }
    let mut names = Vec::new();
    for (at, definition) in definitions.iter().enumerate() {
        match definition.get("name").and_then(Json::as_str) {
            Some(name) if names.contains(&name) => return shape(format!("it names the container `{name}` twice")),
            Some(name) => names.push(name),
            None => return shape(format!("the container at place {} has no `name`", at + 1)),
        }
        for list in ["environment", "secrets"] {
            let fits = match definition.get(list) {
                None | Some(Json::Null) => true,
                Some(Json::Array(entries)) => {
                    entries.iter().all(|entry| entry.get("name").is_some_and(Json::is_string))
                }
                Some(_) => false,
            };
            if !fits {
                return shape(format!(
                    "`{list}` of the container `{}` is not a list of objects with a `name`",
                    names[at]
                ));
            }
        }
    }
    if wanted.is_empty() {
        return shape("`containers` names none of its containers");
    }
    wanted
        .iter()
        .map(|wanted| {
            names.iter().position(|name| name == wanted).ok_or_else(|| {
                InvalidTemplate::Shape(format!("it has no container `{wanted}`; it has {}", names.join(", ")))
            })
        })
        .collect()
}

/// `cpu` and `memory` of the task, which Fargate requires, as texts or numbers; `1 vCPU` and `2 GB` are allowed too.
fn resources(fields: &Map<String, Json>) -> Result<Resources, InvalidTemplate> {
    let amount = |name: &str, unit: &str| {
        let value = match fields.get(name) {
            Some(Json::String(text)) => text.trim().to_lowercase(),
            Some(Json::Number(number)) => number.to_string(),
            _ => return None,
        };
        match value.strip_suffix(unit) {
            Some(amount) => {
                let amount: f64 = amount.trim().parse().ok()?;
                // A Fargate size is at most 16 vCPU and 120 GB, far inside.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                (amount > 0.0 && amount <= 1024.0).then_some((amount * 1024.0).round() as u32)
            }
            None => value.parse().ok().filter(|amount| *amount > 0),
        }
    };
    let (Some(cpu), Some(memory)) = (amount("cpu", "vcpu"), amount("memory", "gb")) else {
        return shape("it needs `cpu` and `memory` of the task, which Fargate requires, such as \"512\" and \"1024\"");
    };
    let storage = fields.get("ephemeralStorage").and_then(|storage| storage.get("sizeInGiB")).and_then(Json::as_u64);
    let storage = storage.and_then(|gb| u32::try_from(gb).ok()).unwrap_or(crate::prices::FREE_STORAGE_GB);
    let arm = fields.get("runtimePlatform").and_then(|platform| platform.get("cpuArchitecture"));
    Ok(Resources { cpu, memory, storage, arm: arm.and_then(Json::as_str) == Some("ARM64") })
}

fn fill_container(container: &mut Map<String, Json>, filling: Filling<'_>) {
    container.insert("image".into(), json!(filling.image));
    let replaced = |entry: &Json| {
        entry.get("name").and_then(Json::as_str).is_some_and(|name| filling.environment.contains_key(name))
    };
    // ECS refuses a name that stands in both lists, so an override also replaces a secret of its name.
    if let Some(Json::Array(secrets)) = container.get_mut("secrets") {
        secrets.retain(|entry| !replaced(entry));
    }
    let mut environment = match container.remove("environment") {
        Some(Json::Array(environment)) => environment,
        _ => Vec::new(),
    };
    environment.retain(|entry| !replaced(entry));
    environment.extend(filling.environment.iter().map(|(name, value)| json!({ "name": name, "value": value })));
    container.insert("environment".into(), Json::Array(environment));
    if let Some(restarted_at) = filling.restarted_at {
        let labels = container.entry("dockerLabels").or_insert_with(|| json!({}));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(RESTART_LABEL.into(), json!(restarted_at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_groups_are_those_of_cloudwatch_each_once() {
        let logging = |name: &str, driver: &str, group: &str| {
            let options = json!({ "awslogs-group": group, "awslogs-region": "us-west-2" });
            json!({ "name": name, "logConfiguration": { "logDriver": driver, "options": options } })
        };
        let template = json!({
            "family": "shop", "cpu": "256", "memory": "512",
            "containerDefinitions": [
                { "name": "silent" },
                logging("web", "awslogs", "/ecs/web"),
                logging("sidecar", "splunk", "/elsewhere"),
                logging("worker", "awslogs", "/ecs/worker"),
                logging("cron", "awslogs", "/ecs/web"),
            ],
        });
        let template = Template::parse(&template.to_string(), &["web".to_owned()]).unwrap();
        assert_eq!(template.log_groups(), ["/ecs/web", "/ecs/worker"]);
    }

    fn template(containers: &str, rest: &str) -> Template {
        let text = format!(
            r#"{{"family": "f", "cpu": "256", "memory": "512", "containerDefinitions": [{containers}]{rest}}}"#
        );
        Template::parse(&text, &["web".into()]).unwrap()
    }

    #[test]
    fn the_ports_are_those_of_the_chosen_containers() {
        let chosen =
            r#"{"name": "web", "portMappings": [{"containerPort": 8080}, {"hostPort": 1}, {"containerPort": 99999}]}"#;
        let other = r#"{"name": "cache", "portMappings": [{"containerPort": 6379}]}"#;
        assert_eq!(template(&format!("{other}, {chosen}"), "").ports(), [8080]);
        assert!(template(r#"{"name": "web", "portMappings": null}"#, "").ports().is_empty());
    }

    #[test]
    fn the_execution_role_is_there_or_not() {
        let web = r#"{"name": "web"}"#;
        assert_eq!(
            template(web, r#", "executionRoleArn": "arn:aws:iam::1:role/r""#).execution_role(),
            Some("arn:aws:iam::1:role/r")
        );
        for none in ["", r#", "executionRoleArn": """#, r#", "executionRoleArn": null"#] {
            assert_eq!(template(web, none).execution_role(), None);
        }
    }
}
