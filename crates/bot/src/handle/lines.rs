//! The lines of a log for the answer to `logs`.

use std::time::Duration;

use bivouac_model::Record;
use bivouac_policy::{ContainerLog, MASK_CONTEXT, excerpt};
use bivouac_ports::{Error, Meaning, recent_lines};

use super::Handler;
use crate::answer::{Lines, quoted, shows_lines};
use crate::settings::ProjectRules;

/// How many lines the answer shows: a screen of a terminal.
const MOST_LINES: usize = 40;
/// How long the log is waited for. Ours: the reader of the answer waits, and so does the next command on the pull request.
const PATIENCE: Duration = Duration::from_secs(15);

impl Handler {
    /// Reads the last lines of the newest task, where the project allows it. No failure of it fails the command.
    pub(super) async fn lines(&self, record: Option<&Record>, rules: &ProjectRules) -> Lines {
        let logs = &rules.logs;
        let Some(record) = record.filter(|record| shows_lines(Some(*record), logs.in_comments)) else {
            return Lines::NotAllowed;
        };
        // Of a record that cannot be read, the secrets are not known either.
        let Ok(desired) = &record.desired else { return Lines::NotAllowed };
        let Some(task) = record.status.as_ref().and_then(|status| status.machinery.tasks.first()) else {
            return Lines::Missing("None of its tasks has started yet, so there is no log.".to_owned());
        };
        let stream = |log: &ContainerLog| Some((log.container.clone(), log.stream(task)?));
        let streams: Vec<_> = logs.containers.iter().filter_map(stream).collect();
        if streams.is_empty() {
            return Lines::Missing(no_stream(&logs.containers));
        }
        let now = self.doors.clock.now();
        let reading = recent_lines(self.doors.logs.as_ref(), &streams, MOST_LINES + MASK_CONTEXT, now);
        let read = match tokio::time::timeout(PATIENCE, reading).await {
            Ok(read) => read,
            Err(_) => Err(Error::new(Meaning::Unavailable, "CloudWatch Logs FilterLogEvents", "no answer in time")),
        };
        match read {
            Ok(lines) => Lines::Shown(excerpt(&lines, &logs.mask.with(desired), MOST_LINES)),
            Err(error) => {
                tracing::warn!(env = %record.key, error = &error as &dyn std::error::Error, "the log cannot be read");
                Lines::Missing(unread(&error))
            }
        }
    }
}

/// Why no container has a log that can be read.
fn no_stream(containers: &[ContainerLog]) -> String {
    let why = containers.iter().filter_map(ContainerLog::unreadable).collect::<Vec<_>>().join(" ");
    if why.is_empty() { "The task definition has no container.".to_owned() } else { why }
}

/// Why the log could not be read, without what AWS says of accounts and roles.
fn unread(error: &Error) -> String {
    match error.meaning() {
        Meaning::Denied => {
            let action = quoted("logs:FilterLogEvents");
            format!("The log cannot be read: the bot lacks the permission {action}. An operator can grant it.")
        }
        Meaning::Throttled | Meaning::Unavailable => {
            "The log cannot be read now: CloudWatch Logs does not answer. Please try again in a minute.".to_owned()
        }
        _ => "The log cannot be read: CloudWatch Logs refuses it. `bivouac doctor` says more to operators.".to_owned(),
    }
}
