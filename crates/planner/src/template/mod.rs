//! The task definition's template: what `aws ecs describe-task-definition` exports, with what an environment adds.
//!
//! - [`types`]: values of the wrong JSON type are converted or named.
//! - [`fargate`] and [`containers`]: the rules of Fargate, listed with their sources in [`rules`].
//! - [`limits`]: the containers' own limits under a named size; [`offers`]: the sizes that Fargate has.
//! - [`tags`]: tags of the template and of the configuration.

mod containers;
mod fargate;
mod limits;
mod mistake;
mod offers;
mod rules;
mod tags;
#[cfg(test)]
mod tests;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use bivouac_model::{ContentHash, RenderedTaskDefinition};
use bivouac_policy::{ContainerLog, looks_secret};
use serde_json::{Map, Value as Json, json};

pub use fargate::Terms;
pub use mistake::Mistake;
pub use offers::offered;
pub use rules::{Rule, Source};
pub use tags::{OUR_TAGS, enough_room, tag as check_tag};

use crate::project::{Resources, Size};
use tags::TemplateTag;

/// "Task definition size: 64 KiB" (Amazon ECS service quotas).
pub const MAX_TASK_DEFINITION_BYTES: usize = 64 * 1024;
/// "Containers in a task definition: 10" (Amazon ECS service quotas).
const MAX_CONTAINERS: usize = 10;
/// The fields that DescribeTaskDefinition adds and RegisterTaskDefinition refuses (ECS API reference, `TaskDefinition`).
const EXPORT_ONLY: [&str; 8] = [
    "compatibilities",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
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
    /// The names in `secrets` of those.
    secrets: BTreeSet<String>,
    hash: ContentHash,
    resources: Resources,
    family: String,
    tags: Vec<TemplateTag>,
}

/// Why a text is no template, or cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTemplate {
    /// Not JSON.
    #[error("it is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON, with all mistakes that were found in it. Never empty.
    #[error("{}", sentences(.0).join("; "))]
    Mistakes(Vec<Mistake>),
    /// Too large for ECS.
    #[error(
        "the task definition takes {0} bytes once flags and configuration are in it; ECS allows {MAX_TASK_DEFINITION_BYTES}"
    )]
    TooLarge(usize),
}

impl InvalidTemplate {
    /// Returns a sentence for each mistake. Never empty.
    pub fn sentences(&self) -> Vec<String> {
        match self {
            Self::Mistakes(mistakes) => sentences(mistakes),
            other => vec![other.to_string()],
        }
    }
}

fn sentences(mistakes: &[Mistake]) -> Vec<String> {
    mistakes.iter().map(ToString::to_string).collect()
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
    /// Reads a template and checks it against the names of the containers that get the image. The rules of Fargate are not
    /// asked: see [`Template::examine`].
    ///
    /// Accepts what `aws ecs describe-task-definition` prints, with or without the `taskDefinition` around it.
    ///
    /// # Errors
    /// [`InvalidTemplate`] with everything that is wrong with the shape and the types.
    pub fn parse(text: &str, containers: &[String]) -> Result<Self, InvalidTemplate> {
        let mut draft = Draft::read(text, containers)?;
        let resources = draft.resources();
        draft.finish(resources, containers)
    }

    /// Reads a template, as [`Template::parse`] does, and holds it to the rules of Fargate, in its own size and in every
    /// configured one.
    ///
    /// # Errors
    /// [`InvalidTemplate`] with all mistakes at once.
    pub fn examine(text: &str, containers: &[String], terms: &Terms<'_>) -> Result<Self, InvalidTemplate> {
        let mut draft = Draft::read(text, containers)?;
        let resources = draft.resources();
        let definitions = draft.fields.get("containerDefinitions").and_then(Json::as_array);
        let task = fargate::Task {
            fields: &draft.fields,
            containers: definitions.map_or(&[], Vec::as_slice),
            chosen: &draft.chosen,
        };
        let broken = fargate::check(&task, resources, terms);
        draft.mistakes.extend(broken);
        draft.mistakes.extend(tags::conflicts(&draft.tags, terms.tags));
        draft.finish(resources, containers)
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

    /// Where each of its containers writes its log, in the order of the template.
    pub fn logs(&self) -> Vec<ContainerLog> {
        let containers = self.fields.get("containerDefinitions").and_then(Json::as_array);
        containers.into_iter().flatten().filter_map(ContainerLog::of).collect()
    }

    /// The values that stand in the template itself under a name that looks secret, to be masked in logs.
    pub fn secret_values(&self) -> Vec<String> {
        let containers = self.fields.get("containerDefinitions").and_then(Json::as_array).into_iter().flatten();
        let variables = containers.filter_map(|container| container.get("environment")?.as_array()).flatten();
        let secret = variables.filter(|entry| entry.get("name").and_then(Json::as_str).is_some_and(looks_secret));
        secret.filter_map(|entry| entry.get("value")?.as_str()).map(str::to_owned).collect()
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

    /// Returns the ports that its containers map, in the order of the template. All containers count: a proxy beside the
    /// application may be what is published.
    pub fn ports(&self) -> Vec<u16> {
        let containers = self.fields.get("containerDefinitions").and_then(Json::as_array).into_iter().flatten();
        let mappings = containers.filter_map(|container| container.get("portMappings")?.as_array()).flatten();
        mappings.filter_map(|mapping| u16::try_from(mapping.get("containerPort")?.as_u64()?).ok()).collect()
    }

    /// The names of the secrets that the containers which get the image also get.
    pub fn secrets(&self) -> &BTreeSet<String> {
        &self.secrets
    }

    /// The role by which ECS pulls images and writes logs; `None`: it names none.
    pub fn execution_role(&self) -> Option<&str> {
        self.fields.get("executionRoleArn").and_then(Json::as_str).filter(|role| !role.is_empty())
    }

    /// Whether the code in the containers gets the execution role, since it is the task role too. Either may be named by its ARN
    /// or, the task role, by its name alone.
    pub fn lends_execution_role(&self) -> bool {
        let role = |field: &str| self.fields.get(field).and_then(Json::as_str).filter(|role| !role.is_empty());
        let name = |role: &str| role.rsplit('/').next().map(str::to_owned);
        match (role("taskRoleArn"), role("executionRoleArn")) {
            (Some(task), Some(execution)) => name(task) == name(execution),
            _ => false,
        }
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
            if let Some(Json::Array(containers)) = fields.get_mut("containerDefinitions") {
                let own = Size { cpu: self.resources.cpu, memory: self.resources.memory };
                // A limit that does not fit was refused at the start (`examine`). ECS says so again.
                limits::fit(containers, &self.chosen, own, size);
            }
        }
        let containers = fields.get_mut("containerDefinitions").and_then(Json::as_array_mut);
        for (at, container) in containers.into_iter().flatten().enumerate() {
            leave_dynamic_host_ports_out(container);
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
        // Tags are no content: other tags alone replace no task.
        let tags = self.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        Ok(RenderedTaskDefinition { family: family.into(), input, content, tags })
    }
}

/// A template on its way: read as far as it can be, with the mistakes that were found.
struct Draft {
    fields: Map<String, Json>,
    chosen: Vec<usize>,
    family: String,
    tags: Vec<TemplateTag>,
    mistakes: Vec<Mistake>,
}

impl Draft {
    /// Fails only where nothing more can be said.
    fn read(text: &str, containers: &[String]) -> Result<Self, InvalidTemplate> {
        let Json::Object(mut fields) = serde_json::from_str(text)? else {
            return Err(InvalidTemplate::Mistakes(vec![Mistake::shape("it is not a JSON object")]));
        };
        if let Some(Json::Object(mut inner)) = fields.remove("taskDefinition") {
            // `--include TAGS` prints them beside the task definition.
            if let Some(tags) = fields.remove("tags") {
                inner.insert("tags".into(), tags);
            }
            fields = inner;
        }
        for name in EXPORT_ONLY {
            fields.remove(name);
        }
        let mut mistakes = types::convert(&mut fields);
        let tags = fields.remove("tags");
        let tags = tags::read(tags.as_ref(), &mut mistakes);
        let family = match fields.remove("family") {
            Some(Json::String(family)) => family,
            _ => {
                mistakes.push(Mistake::shape("it has no `family`"));
                "none".to_owned()
            }
        };
        let valid = (1..=255).contains(&family.len())
            && family.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !valid {
            let sentence = format!("`family` is `{family}`; allowed: letters, digits, `-` and `_`, 255 at most");
            mistakes.push(Mistake::shape(sentence));
        }
        let chosen = chosen_containers(&fields, containers, &mut mistakes);
        Ok(Self { fields, chosen, family, tags, mistakes })
    }

    fn resources(&mut self) -> Option<Resources> {
        let resources = resources(&self.fields);
        if resources.is_none() {
            let sentence =
                "it needs `cpu` and `memory` of the task, which Fargate requires, such as \"512\" and \"1024\"";
            self.mistakes.push(Mistake::shape(sentence));
        }
        resources
    }

    fn finish(self, resources: Option<Resources>, containers: &[String]) -> Result<Template, InvalidTemplate> {
        let Self { mut fields, chosen, family, tags, mistakes } = self;
        let Some(resources) = resources.filter(|_| mistakes.is_empty()) else {
            return Err(InvalidTemplate::Mistakes(mistakes));
        };
        fields.insert("networkMode".into(), json!("awsvpc"));
        fields.insert("requiresCompatibilities".into(), json!(["FARGATE"]));
        let secrets = secrets(&fields, &chosen);
        let text = Json::Object(fields.clone()).to_string();
        let chosen_names = containers.join("\n");
        let hash = ContentHash::of([text.as_bytes(), chosen_names.as_bytes(), family.as_bytes()]);
        Ok(Template { fields, chosen, secrets, hash, resources, family, tags })
    }
}

/// The indexes of the named containers. All that is wrong with the list is added to `mistakes`.
fn chosen_containers(fields: &Map<String, Json>, wanted: &[String], mistakes: &mut Vec<Mistake>) -> Vec<usize> {
    let mut wrong = |sentence: String| mistakes.push(Mistake::shape(sentence));
    let definitions = match fields.get("containerDefinitions") {
        Some(Json::Array(definitions)) if !definitions.is_empty() => definitions,
        _ => {
            wrong("it has no `containerDefinitions`".to_owned());
            return Vec::new();
        }
    };
    if definitions.len() > MAX_CONTAINERS {
        wrong(format!("it has {} containers; ECS allows {MAX_CONTAINERS}", definitions.len()));
    }
    let mut names: Vec<&str> = Vec::new();
    for (at, definition) in definitions.iter().enumerate() {
        let name = definition.get("name").and_then(Json::as_str).unwrap_or_default();
        match name {
            "" => wrong(format!("the container at place {} has no `name`", at + 1)),
            name if names.contains(&name) => wrong(format!("it names the container `{name}` twice")),
            _ => {}
        }
        names.push(name);
        for list in ["environment", "secrets"] {
            let entries = definition.get(list).and_then(Json::as_array).into_iter().flatten();
            if entries.into_iter().any(|entry| !entry.get("name").is_some_and(Json::is_string)) {
                wrong(format!("`{list}` of the container `{name}` is not a list of objects with a `name`"));
            }
        }
    }
    if wanted.is_empty() {
        wrong("`containers` names none of its containers".to_owned());
    }
    let mut chosen = Vec::new();
    for wanted in wanted {
        match names.iter().position(|name| name == wanted) {
            Some(index) => chosen.push(index),
            None => wrong(format!("it has no container `{wanted}`; it has {}", names.join(", "))),
        }
    }
    chosen
}

/// The names in `secrets` of the chosen containers.
fn secrets(fields: &Map<String, Json>, chosen: &[usize]) -> BTreeSet<String> {
    let containers = fields.get("containerDefinitions").and_then(Json::as_array).into_iter().flatten();
    let chosen = containers.enumerate().filter(|(at, _)| chosen.contains(at));
    let secrets = chosen.filter_map(|(_, container)| container.get("secrets")?.as_array()).flatten();
    secrets.filter_map(|secret| secret.get("name")?.as_str()).map(str::to_owned).collect()
}

/// `cpu` and `memory` of the task, which Fargate requires, as texts or numbers; `1 vCPU` and `2 GB` are allowed too.
fn resources(fields: &Map<String, Json>) -> Option<Resources> {
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
    let (cpu, memory) = (amount("cpu", "vcpu")?, amount("memory", "gb")?);
    let storage = fields.get("ephemeralStorage").and_then(|storage| storage.get("sizeInGiB")).and_then(Json::as_u64);
    let storage = storage.and_then(|gb| u32::try_from(gb).ok()).unwrap_or(crate::prices::FREE_STORAGE_GB);
    let platform =
        |member: &str| fields.get("runtimePlatform").and_then(|platform| platform.get(member)).and_then(Json::as_str);
    let windows = platform("operatingSystemFamily").is_some_and(|family| family.starts_with("WINDOWS"));
    Some(Resources { cpu, memory, storage, arm: platform("cpuArchitecture") == Some("ARM64"), windows })
}

/// A host port of 0 asks Docker for any. With awsvpc the host port is the container port or nothing.
fn leave_dynamic_host_ports_out(container: &mut Json) {
    let mappings = container.get_mut("portMappings").and_then(Json::as_array_mut);
    for mapping in mappings.into_iter().flatten().filter_map(Json::as_object_mut) {
        if mapping.get("hostPort").and_then(Json::as_i64) == Some(0) {
            mapping.remove("hostPort");
        }
    }
}

fn fill_container(container: &mut Map<String, Json>, filling: Filling<'_>) {
    container.insert("image".into(), json!(filling.image));
    let replaced = |entry: &Json| {
        entry.get("name").and_then(Json::as_str).is_some_and(|name| filling.environment.contains_key(name))
    };
    // ECS refuses a name that stands in both lists. An override of a secret gets here only if the configuration lists it
    // (`bivouac_policy::VariableRules`).
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
