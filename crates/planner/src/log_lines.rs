//! Which lines of a log the comment of a failed environment shows.

use bivouac_model::{LogStream, Phase, Record, Status};
use bivouac_policy::{LogsInComments, Mask};

use crate::project::Project;
use crate::reason;

/// The reasons of failures that the application itself may have written something about.
const OF_THE_APPLICATION: [&str; 5] = [
    reason::APPLICATION_EXITED,
    reason::OUT_OF_MEMORY,
    reason::HEALTH_CHECK_FAILED,
    reason::DEPLOYMENT_FAILED,
    reason::TASK_STOPPED,
];

/// What is read for the comment of a failed environment: the streams of the task that failed, and what is masked in them.
#[derive(Clone, Debug)]
pub struct FailureLog {
    /// Container and stream.
    pub streams: Vec<(String, LogStream)>,
    /// What is masked.
    pub mask: Mask,
}

/// Returns what the comment shows of a log. `None`: the project does not allow it, or the failure is none of the application's.
/// Then an older task would be the last one.
pub fn failure_log(project: &Project, record: &Record) -> Option<FailureLog> {
    let status = record.status.as_ref()?;
    let is_shown = project.logs_in_comments != LogsInComments::Never && is_of_the_application(status);
    let task = status.machinery.tasks.first().filter(|_| is_shown)?;
    let logs = project.template.logs();
    let streams = logs.iter().filter_map(|log| Some((log.container.clone(), log.stream(task)?))).collect();
    let mask = Mask::new(project.template.secret_values());
    // What cannot be read has flags and configuration that are not known, so nothing of them can be masked.
    let mask = mask.with(record.desired.as_ref().ok()?);
    Some(FailureLog { streams, mask })
}

fn is_of_the_application(status: &Status) -> bool {
    status.phase == Phase::Failed && OF_THE_APPLICATION.contains(&&*status.reason)
}
