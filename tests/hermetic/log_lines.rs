//! Logs on the whole system: `bivouac logs` as a process, the lines in comments, and a missing log group.

use std::time::Duration;

use bivouac_model::Phase;
use bivouac_planner::LogsInComments;
use bivouac_simcloud::{Fate, Options};

use crate::system::{System, message_of, policy, s};

/// A secret that the record names, and one that only its form gives away.
const PLANTED: &str = "correct-horse-battery";

async fn system(when: LogsInComments) -> System {
    let mut policy = policy();
    for project in policy.projects.values_mut() {
        project.logs_in_comments = when;
    }
    let mut system = System::without_daemon(Options::default(), policy).await;
    system.launch();
    system
}

/// A failed environment whose application wrote more than it should, and its comment.
async fn failed(system: &System) -> String {
    let pr = system.pull_request();
    let fate = Fate::ExitsWith { code: 3, after: Duration::from_secs(2) };
    system.cloud.ecs().fate(&format!("pr-{pr}-service"), fate);
    system.put(pr, &[("config", crate::system::map(&[("SUPERSET_API_TOKEN", PLANTED)]))]).await;
    let cloud = system.cloud.logs();
    // Each task that starts writes the same. The first is there when its stream is.
    let mut written = std::collections::BTreeSet::new();
    let record = crate::wait::until("a failure", async || {
        for stream in cloud.streams("/ecs/superset-ci") {
            if written.insert(stream.clone()) {
                let now = system.cloud.clock().now();
                for line in [
                    format!("using {PLANTED}"),
                    "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
                    "</pre></details> @apache/superset-committers".to_owned(),
                ] {
                    assert!(cloud.write("/ecs/superset-ci", &stream, now, &line));
                }
            }
        }
        match system.record(pr).await {
            Some(record) if crate::system::phase_of(&record) == Some(Phase::Failed) => Ok(record),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(!record.status.expect("a status").machinery.tasks.is_empty(), "the task is remembered");
    system.until_comment(pr, "Failed").await;
    system.until_settled().await;
    system.until_comment(pr, "Failed").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_comment_of_a_failure_has_the_last_lines_without_secrets_where_the_project_allows_it() {
    let comment = failed(&system(LogsInComments::Failure).await).await;
    assert!(comment.contains("lines of the log</summary>") && comment.contains("ends with exit code 3"), "{comment}");
    for secret in [PLANTED, "wJalrXUtnFEMI", "@apache"] {
        assert!(!comment.contains(secret), "{secret} in {comment}");
    }
    // The second block folds the commands.
    assert_eq!((comment.matches("</pre>").count(), comment.matches("</details>").count()), (1, 2), "{comment}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_comment_of_a_failure_has_no_line_unless_the_project_allows_it() {
    let comment = failed(&system(LogsInComments::Never).await).await;
    assert!(!comment.contains("<pre>") && !comment.contains("fatal: the application"), "{comment}");
    assert!(!comment.contains(PLANTED), "{comment}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_log_group_is_missing_says_which() {
    let system = system(LogsInComments::Never).await;
    system.cloud.logs().require_groups(true);
    let pr = system.pull_request();
    system.put(pr, &[("ttl", s("1h"))]).await;
    let record = system.until_phase(pr, Phase::Failed).await;
    assert!(message_of(&record).contains("CreateLogStream"), "{}", message_of(&record));
}
