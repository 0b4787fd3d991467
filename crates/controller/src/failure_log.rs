//! The last lines of the log in the comment of a failed environment.

use std::borrow::Cow;
use std::time::Duration;

use bivouac_model::{CommentView, Phase, Record};
use bivouac_planner::{MASK_CONTEXT, excerpt, failure_log};
use bivouac_ports::recent_lines;

use crate::controller::Controller;

/// How many lines the comment shows. Ours: the end of a stack trace.
const MOST_LINES: usize = 20;
/// How long the log is waited for. Ours: the comment is to be true soon, with or without lines.
const PATIENCE: Duration = Duration::from_secs(5);

impl Controller {
    /// Returns the view with the last lines of the log, where it tells of a failure whose log the project shows. A log that
    /// does not answer leaves them out: `logs` asks again.
    ///
    /// The lines are no part of the comment's identity. So they are read once for each comment that is written, and lines
    /// that come later edit none.
    pub(crate) async fn with_log<'a>(&self, view: &'a CommentView, record: &Record) -> Cow<'a, CommentView> {
        // The record may have moved on from what the view says.
        let of_view =
            record.status.as_ref().is_some_and(|status| status.phase == view.phase && *status.reason == view.reason);
        if view.phase != Phase::Failed || !of_view {
            return Cow::Borrowed(view);
        }
        let project = self.policy.projects.get(&view.key.repo);
        let Some(log) = project.and_then(|project| failure_log(project, record)) else { return Cow::Borrowed(view) };
        let now = self.doors.clock.now();
        let reading = recent_lines(self.doors.logs.as_ref(), &log.streams, MOST_LINES + MASK_CONTEXT, now);
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(lines)) => {
                Cow::Owned(CommentView { log: Some(excerpt(&lines, &log.mask, MOST_LINES)), ..view.clone() })
            }
            Ok(Err(error)) => {
                tracing::warn!(env = %view.key, error = &error as &dyn std::error::Error, "the log cannot be read");
                Cow::Borrowed(view)
            }
            Err(_) => {
                tracing::warn!(env = %view.key, "the log did not answer in time");
                Cow::Borrowed(view)
            }
        }
    }
}
