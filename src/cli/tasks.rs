//! The tasks of an environment, for the commands that look into them.

use bivouac_model::{ItemKey, Task, TaskState};

use crate::config::{Config, ProjectConfig};
use crate::exit::Failure;

/// The project of an environment.
///
/// # Errors
/// `Usage` when the configuration has none for its repository.
pub fn project<'a>(config: &'a Config, key: &ItemKey) -> Result<&'a ProjectConfig, Failure> {
    let known = config.projects.iter().find(|project| project.repo.as_str().eq_ignore_ascii_case(&key.repo));
    known.ok_or_else(|| Failure::Usage(format!("no `[[project]]` of the configuration is for {}", key.repo)))
}

/// The name of the service of an environment.
///
/// # Errors
/// `Usage` when the key is none of a pull request, or no project is configured for it.
pub fn service(config: &Config, key: &ItemKey) -> Result<String, Failure> {
    let env = key.env().map_err(|error| Failure::Usage(error.to_string()))?;
    let name = project(config, key)?.service_name.fill(env.pr.get(), None);
    name.ok_or_else(|| Failure::Usage(format!("the pattern of service names says nothing for {key}")))
}

/// The newest task that is meant to run.
pub fn newest_live(tasks: &[Task]) -> Option<&Task> {
    tasks.iter().filter(|task| task.wanted && task.state < TaskState::Stopping).max_by_key(|task| task.created_at)
}

/// The task that ended last.
pub fn newest_stopped(tasks: &[Task]) -> Option<&Task> {
    let ended = tasks.iter().filter(|task| !task.wanted || task.state >= TaskState::Stopping);
    ended.max_by_key(|task| (task.stopped_at, task.created_at))
}
