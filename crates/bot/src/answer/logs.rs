//! The answer to `logs`: the last failure, the last lines where the project allows them, and where the log itself is.

use bivouac_model::{LogExcerpt, Phase, Record, Status};
use bivouac_policy::LogsInComments;

use super::{prose, quoted};
use crate::settings::ProjectLogs;

/// What became of the lines that the answer may show.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lines {
    /// The project does not allow them, or not now.
    NotAllowed,
    /// Masked lines; there may be none yet.
    Shown(LogExcerpt),
    /// Why there are none, in a sentence of Markdown.
    Missing(String),
}

/// Returns whether the answer may show lines of the log.
pub(crate) fn shows_lines(record: Option<&Record>, when: LogsInComments) -> bool {
    let is_unwell = record.and_then(|record| record.status.as_ref()).is_some_and(has_failed);
    match when {
        LogsInComments::Never => false,
        LogsInComments::Failure => is_unwell,
        LogsInComments::Always => true,
    }
}

fn has_failed(status: &Status) -> bool {
    matches!(status.phase, Phase::Failed | Phase::Degraded | Phase::Invalid)
}

/// The cause of a failure is in the record. Lines stand in the answer only where the project allows it. The names of the log
/// groups open nothing to anybody.
pub(crate) fn logs(record: Option<&Record>, command: &str, project: &ProjectLogs, lines: &Lines) -> String {
    let Some(status) = record.and_then(|record| record.status.as_ref()) else {
        return format!("There is nothing to show yet. `{command} status` says where the environment is.");
    };
    let failure = match has_failed(status) && !status.message.is_empty() {
        true => format!("The last failure: {}", prose(&status.message)),
        false => "There is no failure to show.".to_owned(),
    };
    let groups: Vec<String> = project.groups().iter().map(|group| quoted(group)).collect();
    let place = match groups.as_slice() {
        [] => String::new(),
        [group] => format!("the CloudWatch log group {group}"),
        groups => format!("the CloudWatch log groups {}", groups.join(", ")),
    };
    let rest = match (lines, place.is_empty()) {
        (Lines::NotAllowed, true) => String::new(),
        (Lines::NotAllowed, false) => format!(" They find it in {place}."),
        (_, true) => String::new(),
        (_, false) => format!(" Operators find the whole log in {place}."),
    };
    match lines {
        Lines::NotAllowed => {
            format!(
                "{failure}\n\nThe log itself is for operators: it may hold secrets, and this page may be public.{rest}"
            )
        }
        Lines::Shown(excerpt) => match excerpt.block() {
            Some(block) => format!("{failure}\n\n{block}\n\nWhat looks like a secret is masked.{rest}"),
            None => format!("{failure}\n\nNothing was written to the log yet.{rest}"),
        },
        Lines::Missing(why) => format!("{failure}\n\n{why}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use bivouac_model::{Item, ItemKey, Value, decode_record};

    use bivouac_policy::ContainerLog;

    use super::*;

    fn project(groups: &[&str]) -> ProjectLogs {
        let log = |group: &&str| {
            let options = serde_json::json!({"awslogs-group": group, "awslogs-stream-prefix": "ecs"});
            let definition =
                serde_json::json!({"name": "web", "logConfiguration": {"logDriver": "awslogs", "options": options}});
            ContainerLog::of(&definition).unwrap()
        };
        ProjectLogs { containers: groups.iter().map(log).collect(), ..ProjectLogs::default() }
    }

    fn record(phase: &str, message: &str) -> Record {
        let attributes = [("phase", phase), ("expires_at", "2026-11-25T12:00:00Z"), ("message", message)];
        let item: Item =
            attributes.map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))).into_iter().collect();
        decode_record(ItemKey { repo: "apache/superset".into(), pr: "7".into() }, &item)
    }

    #[test]
    fn without_a_record_it_says_where_to_look() {
        assert!(logs(None, "/preview", &project(&[]), &Lines::NotAllowed).contains("`/preview status`"));
    }

    #[test]
    fn a_failure_is_shown_and_the_group_where_the_log_is() {
        let said = logs(
            Some(&record("Failed", "it ran out of memory")),
            "/testenv",
            &project(&["/ecs/superset-ci"]),
            &Lines::NotAllowed,
        );
        assert!(said.starts_with("The last failure: it ran out of memory\n"), "{said}");
        assert!(said.contains("log group `/ecs/superset-ci`."), "{said}");
    }

    #[test]
    fn what_is_well_has_no_failure_and_what_is_unknown_is_not_mentioned() {
        let said = logs(Some(&record("Ready", "it answers")), "/testenv", &project(&[]), &Lines::NotAllowed);
        assert!(said.starts_with("There is no failure to show.") && !said.contains("CloudWatch"), "{said}");
        let several = project(&["/ecs/web", "/ecs/worker", "/ecs/web"]);
        let said = logs(Some(&record("Ready", "")), "/testenv", &several, &Lines::NotAllowed);
        assert!(said.ends_with("the CloudWatch log groups `/ecs/web`, `/ecs/worker`."), "{said}");
    }

    #[test]
    fn lines_are_shown_where_the_project_allows_it() {
        let (failed, ready) = (record("Failed", "it exited"), record("Ready", ""));
        for (when, after_failure, at_any_time) in [
            (LogsInComments::Never, false, false),
            (LogsInComments::Failure, true, false),
            (LogsInComments::Always, true, true),
        ] {
            assert_eq!(shows_lines(Some(&failed), when), after_failure, "{when:?}");
            assert_eq!(shows_lines(Some(&ready), when), at_any_time, "{when:?}");
        }
        let shown = Lines::Shown(LogExcerpt::new(["boom".to_owned()]));
        let said = logs(Some(&failed), "/testenv", &project(&["/ecs/web"]), &shown);
        assert!(
            said.contains("<pre>\nboom\n</pre>") && said.contains("whole log in the CloudWatch log group `/ecs/web`."),
            "{said}"
        );
        let said = logs(Some(&failed), "/testenv", &project(&[]), &Lines::Shown(LogExcerpt::default()));
        assert!(said.ends_with("Nothing was written to the log yet."), "{said}");
    }
}
