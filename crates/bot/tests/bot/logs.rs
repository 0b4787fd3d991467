//! `/testenv logs`: lines of the log, where the project allows them, and nothing that nobody should see.

use std::time::Duration;

use bivouac_model::Phase;
use bivouac_policy::LogsInComments;
use bivouac_ports::Meaning;

use crate::doors::{Fault, locked};
use crate::payloads::says;
use crate::world::World;

const TASK: &str = "0123456789abcdef0123456789abcdef";

/// An environment whose task wrote these lines.
async fn world(when: LogsInComments, phase: Phase, lines: &[&str]) -> World {
    let mut world = World::new();
    world.settings.projects[0].logs.in_comments = when;
    let up = says(7, 1, "ada", "/testenv up SUPERSET_API_TOKEN=correct-horse SUPERSET_MODE=plain");
    world.deliver(&[up]).await;
    world
        .status(7, |status| {
            status.phase = phase;
            status.message = "The application ended".into();
            status.machinery.tasks = vec![TASK.into()];
        })
        .await;
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    locked(&world.shelf.lines).insert(format!("ecs/superset/{TASK}"), lines);
    world
}

async fn answer(world: &World) -> String {
    world.deliver(&[says(7, 2, "ada", "/testenv logs")]).await;
    assert_eq!(world.reactions(2), ["eyes", "rocket"]);
    world.reply(7, "ada").expect("an answer")
}

#[tokio::test(start_paused = true)]
async fn no_line_is_shown_unless_the_project_allows_it() {
    for (when, phase, shown) in [
        (LogsInComments::Never, Phase::Failed, false),
        (LogsInComments::Failure, Phase::Ready, false),
        (LogsInComments::Failure, Phase::Failed, true),
        (LogsInComments::Always, Phase::Ready, true),
    ] {
        let world = world(when, phase, &["Traceback"]).await;
        let said = answer(&world).await;
        assert_eq!(said.contains("Traceback"), shown, "{when:?} {phase}: {said}");
        assert_eq!(world.faults.calls("events") > 0, shown, "what is not shown is not read");
        assert!(said.contains("`/ecs/superset-ci`"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_forty_lines_are_shown_without_secrets_or_mentions() {
    let mut lines: Vec<String> = (0..100).map(|line| format!("line {line}.")).collect();
    lines.push("started with correct-horse in plain mode".into());
    lines.push("AWS key AKIAIOSFODNN7EXAMPLE, password=hunter2".into());
    lines.push("</pre></details> @apache/superset-committers ```".into());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let said = answer(&world(LogsInComments::Always, Phase::Ready, &lines).await).await;
    assert!(
        said.contains("The last 40 lines of the log") && said.contains("line 63.") && !said.contains("line 62."),
        "{said}"
    );
    for secret in ["correct-horse", "AKIAIOSFODNN7EXAMPLE", "hunter2", "@apache", "```"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    assert!(said.contains("in plain mode"), "{said}");
    assert_eq!((said.matches("</pre>").count(), said.matches("</details>").count()), (1, 1), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_said_and_fails_no_command() {
    for (fault, words) in [
        (Fault::Before(Meaning::Denied), "lacks the permission `logs:FilterLogEvents`"),
        (Fault::Before(Meaning::Unavailable), "try again in a minute"),
        (Fault::Slow(Duration::from_secs(3600)), "try again in a minute"),
        (Fault::Before(Meaning::Invalid), "CloudWatch Logs refuses it"),
        (Fault::Before(Meaning::NotFound), "Nothing was written to the log yet"),
    ] {
        let world = world(LogsInComments::Always, Phase::Ready, &["a line"]).await;
        world.faults.once("events", fault);
        let said = answer(&world).await;
        assert!(said.contains(words), "{fault:?}: {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_task_or_a_log_driver_there_is_a_sentence() {
    let mut world = world(LogsInComments::Always, Phase::Ready, &[]).await;
    world.settings.projects[0].logs.containers[0].target = bivouac_policy::LogTarget::FireLens;
    assert!(answer(&world).await.contains("FireLens"));
    world.status(7, |status| status.machinery.tasks.clear()).await;
    world.deliver(&[says(7, 3, "ada", "/testenv logs")]).await;
    let said = world.reply(7, "ada").unwrap();
    assert!(said.contains("None of its tasks has started yet"), "{said}");
}
