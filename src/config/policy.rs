//! From the configuration to the planner's policy: the templates are read and checked.

use std::collections::BTreeMap;
use std::path::Path;

use bivouac_model::command::Verb;
use bivouac_model::{EnvKey, PrNumber};
use bivouac_planner::{CapacityPolicy, Filling, MAX_TASK_DEFINITION_BYTES, Policy, Project, Template, Terms};
use bivouac_ports::Permission;

use super::key_path::KeyPath;
use super::problem::{ConfigErrors, Problem};
use super::{Config, PROJECT, ProjectConfig, text};

/// A template is a task definition with white space: what is sixteen times as large is another file.
const MAX_TEMPLATE_BYTES: u64 = 16 * MAX_TASK_DEFINITION_BYTES as u64;

impl Config {
    /// Reads the templates and makes the policy. Reads the same files again when called twice.
    ///
    /// # Errors
    /// Everything that is wrong with the templates, each with the line that names the template.
    pub fn policy(&self) -> Result<Policy, ConfigErrors> {
        let mut problems = Vec::new();
        let mut projects = BTreeMap::new();
        for project in &self.projects {
            match self.project(project) {
                Ok(made) => drop(projects.insert(project.repo.clone(), made)),
                Err(sentences) => {
                    let number = project.number.to_string();
                    let path = KeyPath([PROJECT, &number, "task_definition"].map(str::to_owned).to_vec());
                    let file = project.task_definition.display();
                    let problem = |sentence: String| Problem {
                        place: self.locations.place(&path),
                        sentence: format!("`{path}` ({file}): {sentence}"),
                    };
                    problems.extend(sentences.into_iter().map(problem));
                }
            }
        }
        ConfigErrors::check(problems)?;
        Ok(Policy {
            instance: self.controller.instance.clone(),
            tags: self.aws.tags.clone(),
            projects,
            ttl: self.guardrails.ttl,
            max_ttl: self.guardrails.max_ttl,
            expiry_notice: self.guardrails.expiry_notice,
            caps: self.guardrails.caps,
            idle_after: self.guardrails.idle_after,
            max_deletions_per_pass: self.guardrails.max_deletions_per_pass as usize,
            adopt: self.guardrails.adopt.clone(),
            untagged_image_grace: self.guardrails.untagged_image_grace,
            purge_after: self.guardrails.purge_after,
            capacity: self.aws.capacity,
            prices: self.prices,
            deadlines: self.deadlines,
            command: self.offered_command(),
            checks_own_branches: self.bot.commands.get(&Verb::Up).unwrap_or(&self.bot.rule).permission
                > Permission::Write,
        })
    }

    /// The slash command that the comment offers; empty where nobody answers it: the bot is off, or no webhook can reach it
    /// with a signature.
    fn offered_command(&self) -> String {
        let answers = self.bot.listen.is_some() && self.has_webhook_secret();
        if answers { self.bot.command.clone() } else { String::new() }
    }

    /// The terms that a template is held to.
    fn terms(&self) -> Terms<'_> {
        let spot = matches!(self.aws.capacity, CapacityPolicy::Spot | CapacityPolicy::SpotWithFallback);
        Terms { sizes: &self.sizes, spot, tags: &self.aws.tags }
    }

    fn project(&self, project: &ProjectConfig) -> Result<Project, Vec<String>> {
        let text = read(&project.task_definition).map_err(|sentence| vec![sentence])?;
        let template = Template::examine(&text, &project.containers, &self.terms());
        let template = template.map_err(|error| error.sentences())?;
        let made = Project {
            repo: project.repo.clone(),
            ecr_repository: project.ecr_repository.clone(),
            template,
            port: project.port,
            health_path: project.health_path.clone(),
            idle_path: project.idle_path.clone(),
            service_name: project.service_name.clone(),
            image_tag: project.image_tag.clone(),
            image_commit: project.image_commit,
            variables: project.variables.clone(),
            sizes: self.sizes.clone(),
            ready_note: project.ready_note.clone(),
            exec: project.exec,
            logs_in_comments: project.logs_in_comments,
        };
        fits(&made).map_err(|sentence| vec![sentence])?;
        Ok(made)
    }
}

impl ProjectConfig {
    /// Reads the template of its task definitions, without the rules of Fargate. Reads the file again when called twice.
    ///
    /// # Errors
    /// A sentence: the file cannot be read, or is no template.
    pub fn template(&self) -> Result<Template, String> {
        let text = read(&self.task_definition)?;
        Template::parse(&text, &self.containers).map_err(|error| error.to_string())
    }
}

/// What is too large for the first pull request without a flag is too large for every one.
fn fits(project: &Project) -> Result<(), String> {
    let key =
        PrNumber::new(1).map(|pr| EnvKey { repo: project.repo.clone(), pr }).map_err(|error| error.to_string())?;
    // A registry's host comes before it; how long that is depends on account and region.
    let image = format!("{}@sha256:{}", project.ecr_repository, "0".repeat(64));
    let least = Filling { image: &image, environment: &BTreeMap::new(), size: None, restarted_at: None };
    project.template.render(&project.family(&key), least).map(drop).map_err(|error| error.to_string())
}

/// The text of a template.
fn read(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| format!("cannot read it: {error}"))?.len();
    if size > MAX_TEMPLATE_BYTES {
        return Err(format!("it has {size} bytes; a task definition has {MAX_TASK_DEFINITION_BYTES} at most"));
    }
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read it: {error}"))?;
    text::decode(&bytes).map_err(|error| format!("cannot read it: {error}"))
}
