//! Which streams are read.

use bivouac_model::{ItemKey, LogStream, Record, Task};
use bivouac_policy::ContainerLog;
use chrono::{DateTime, Utc};

use crate::cli::args::Logs;
use crate::cli::session::Session;
use crate::cli::tasks::{newest_live, newest_stopped, project, service};
use crate::exit::{Failure, chain};

/// A stream of a container of a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) task: String,
    pub(super) container: String,
    pub(super) stream: LogStream,
    /// When the task was created; `None`: nobody knows any more.
    pub(super) began: Option<DateTime<Utc>>,
}

/// The streams, and what there is to say about the others.
pub(super) struct Sources {
    pub(super) all: Vec<Source>,
    pub(super) remarks: Vec<String>,
}

/// A task whose log is read.
struct Chosen {
    id: String,
    began: Option<DateTime<Utc>>,
    remark: Option<String>,
}

impl Sources {
    /// Finds the task and its streams, by the template of the project.
    pub(super) async fn find(session: &Session, key: &ItemKey, asked: &Logs) -> Result<Self, Failure> {
        let record = session.record(key).await?;
        let template = project(&session.config, key)?.template().map_err(Failure::Usage)?;
        let logs = containers(template.logs(), asked.container.as_deref())?;
        let (readable, others): (Vec<_>, Vec<_>) = logs.into_iter().partition(|log| log.unreadable().is_none());
        let mut remarks: Vec<String> = others.iter().filter_map(ContainerLog::unreadable).collect();
        if readable.is_empty() {
            return Err(Failure::Failed(remarks.join("\n")));
        }
        remarks.iter_mut().for_each(|remark| remark.insert_str(0, "note: "));
        let chosen = choose(session, key, &record, asked.previous).await?;
        remarks.extend(chosen.remark);
        let source = |log: ContainerLog| {
            let stream = log.stream(&chosen.id)?;
            Some(Source { task: chosen.id.clone(), container: log.container.clone(), stream, began: chosen.began })
        };
        Ok(Self { all: readable.into_iter().filter_map(source).collect(), remarks })
    }
}

/// All containers, or the one that is named.
fn containers(logs: Vec<ContainerLog>, named: Option<&str>) -> Result<Vec<ContainerLog>, Failure> {
    let Some(named) = named else { return Ok(logs) };
    match logs.iter().find(|log| log.container == named) {
        Some(log) => Ok(vec![log.clone()]),
        None => {
            let known: Vec<&str> = logs.iter().map(|log| log.container.as_str()).collect();
            let known = known.join(", ");
            Err(Failure::Usage(format!("there is no container `{named}`: the task definition has {known}")))
        }
    }
}

/// The task that runs, or with `previous` the one that stopped last. ECS forgets a stopped task after an hour, and the record
/// remembers its id for longer.
async fn choose(session: &Session, key: &ItemKey, record: &Record, previous: bool) -> Result<Chosen, Failure> {
    let remembered: &[String] =
        record.status.as_ref().map(|status| status.machinery.tasks.as_slice()).unwrap_or_default();
    let tasks = match session.workload.cluster.service_tasks(&service(&session.config, key)?).await {
        Ok(tasks) => tasks,
        // The record may be enough.
        Err(error) if !remembered.is_empty() => {
            tracing::warn!("the tasks cannot be listed, so the record says which there were: {}", chain(&error));
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    let of = |task: &Task, remark| Chosen { id: task.id.clone(), began: task.created_at, remark };
    let live = newest_live(&tasks);
    if let (Some(task), false) = (live, previous) {
        return Ok(of(task, None));
    }
    let remark = |id: &str| match previous {
        true => None,
        false => Some(format!("note: no task runs. These are the last lines of the task {id}")),
    };
    if let Some(task) = newest_stopped(&tasks) {
        return Ok(of(task, remark(&task.id)));
    }
    let stopped = remembered.iter().find(|id| live.is_none_or(|task| task.id != **id));
    match stopped {
        Some(id) => Ok(Chosen { id: id.clone(), began: None, remark: remark(id) }),
        None if previous => Err(Failure::Failed(format!("no earlier task of {key} is known"))),
        None => Err(Failure::Failed(format!("no task of {key} has started yet. `bivouac describe {key}` says why"))),
    }
}
