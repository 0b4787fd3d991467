//! `exec`: a shell in a running container, by ECS Exec.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use bivouac_model::{ItemKey, ServiceView, Task};
use serde::Serialize;

use super::args::Exec;
use super::session::Session;
use super::tasks::{newest_live, project, service};
use crate::exit::Failure;

/// What is run in the container unless something else is named.
const SHELL: &str = "/bin/sh";

/// What `exec -o json` prints.
#[derive(Debug, Serialize)]
struct Line<'a> {
    environment: String,
    task: &'a str,
    container: &'a str,
    command: Vec<String>,
}

/// Prints the line that opens a shell in a container, or runs it.
///
/// # Errors
/// `Failed` when no task runs or the service lacks `enableExecuteCommand`. `Usage` when there is no such container, or the AWS
/// command line is not installed. With `--run` it does not return otherwise: the AWS command line's exit code is ours.
pub async fn exec(session: &mut Session, asked: Exec) -> Result<(), Failure> {
    let key = asked.env.resolve(&session.config)?;
    session.record(&key).await?;
    let service = service(&session.config, &key)?;
    let task = running(session, &key, &service).await?;
    let container = container(session, &key, &task, asked.container.as_deref())?;
    let command = line(session, &task, &container, asked.command.as_deref().unwrap_or(SHELL));
    if asked.run {
        return Err(run(&command));
    }
    let printed =
        Line { environment: key.to_string(), task: &task.id, container: &container, command: command.clone() };
    if !session.terminal.structured(session.format, &printed)? {
        let quoted: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        session.terminal.say(&quoted.join(" "))?;
    }
    Ok(())
}

/// The task that runs, of a service that lets people in.
async fn running(session: &Session, key: &ItemKey, service: &str) -> Result<Task, Failure> {
    let names = [service.to_owned()];
    let views = session.workload.cluster.services(&names).await?;
    let enabled = match views.get(service) {
        Some(ServiceView::Active(service)) => service.exec,
        _ => {
            return Err(Failure::Failed(format!(
                "{key} has no service {service} in ECS. `bivouac get` shows its phase"
            )));
        }
    };
    if !enabled {
        let project = project(&session.config, key)?;
        let advice = match project.exec {
            true => format!("`exec = true` counts for tasks that start from now on: run `bivouac restart {key}`"),
            false => format!(
                "set `exec = true` in the [[project]] of {}, restart the daemon, and run `bivouac restart {key}`. The task role \
                 needs the ssmmessages permissions of ECS Exec",
                project.repo
            ),
        };
        return Err(Failure::Failed(format!(
            "the service {service} lacks enableExecuteCommand. To change that, {advice}"
        )));
    }
    let tasks = session.workload.cluster.service_tasks(service).await?;
    newest_live(&tasks)
        .filter(|task| task.is_running())
        .cloned()
        .ok_or_else(|| Failure::Failed(format!("no task of {key} runs. `bivouac describe {key}` says why")))
}

/// The container that is meant: the one that is named, or the first that gets the image.
fn container(session: &Session, key: &ItemKey, task: &Task, named: Option<&str>) -> Result<String, Failure> {
    let names: Vec<&str> = task.containers.iter().map(|container| container.name.as_str()).collect();
    let wanted = match named {
        Some(named) => named.to_owned(),
        None => project(&session.config, key)?.containers.first().cloned().unwrap_or_default(),
    };
    // A task whose containers ECS has not listed yet has none.
    if names.is_empty() || names.contains(&wanted.as_str()) {
        return Ok(wanted);
    }
    Err(Failure::Usage(format!("there is no container `{wanted}`: the task has {}", names.join(", "))))
}

fn line(session: &Session, task: &Task, container: &str, command: &str) -> Vec<String> {
    let (region, cluster) = (session.workload.region.as_str(), session.config.aws.cluster.as_str());
    let words = ["aws", "ecs", "execute-command", "--region", region, "--cluster", cluster, "--task", &task.id];
    let more = ["--container", container, "--interactive", "--command", command];
    words.into_iter().chain(more).map(str::to_owned).collect()
}

/// Becomes the program of a line, so that the terminal and its signals are wholly that program's. Returns only if it cannot.
fn run(line: &[String]) -> Failure {
    let (program, arguments) = (&line[0], &line[1..]);
    let error = Command::new(program).args(arguments).exec();
    match error.kind() {
        std::io::ErrorKind::NotFound => Failure::Usage(
            "`aws` is not installed. Install the AWS CLI and its Session Manager plugin, or run without --run to see the line"
                .into(),
        ),
        _ => Failure::Failed(format!("`{program}` cannot be started: {error}")),
    }
}

/// A word as a POSIX shell reads it.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, shown) in
            [("/bin/sh", "/bin/sh"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''"), ("$(x)", "'$(x)'")]
        {
            assert_eq!(quoted(word), shown);
        }
    }
}
