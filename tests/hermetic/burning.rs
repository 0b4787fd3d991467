//! What burns tasks for nothing is stopped, with the cause where people look for it.

use std::time::Duration;

use bivouac_model::Phase;
use bivouac_simcloud::{Fate, Options};

use crate::system::{System, message_of, policy, reason_of, s};

/// Each task answers for a while and then ends, and ECS has forgotten it before the next one does.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loop_that_ecs_forgets_is_counted_and_stopped() {
    let mut options = Options::default();
    options.timings.stopped_visible = Duration::from_millis(1500);
    let mut system = System::without_daemon(options, policy()).await;
    let pr = system.pull_request();
    let fate = Fate::ExitsWith { code: 3, after: Duration::from_millis(2500) };
    system.cloud.ecs().fate(&format!("pr-{pr}-service"), fate);
    system.launch();
    system.put(pr, &[]).await;
    system.until_phase(pr, Phase::Ready).await;
    let counts = |crashes: usize| {
        move |record: &bivouac_model::Record| {
            let machinery = record.status.as_ref().map(|status| &status.machinery);
            machinery.and_then(|machinery| machinery.attempt.as_ref()).is_some_and(|attempt| attempt.crashes == crashes)
        }
    };
    system.until(pr, "seen to crash once", counts(1)).await;
    // Whoever comes next knows of it only what is recorded.
    system.kill().await;
    system.launch();
    let record = system.until_phase(pr, Phase::Failed).await;
    assert_eq!(reason_of(&record), "ApplicationExited");
    let message = "The container `superset` ended with exit code 3. It was started 3 times and is stopped now.";
    assert_eq!(message_of(&record), message);
    let comment = system.until_comment(pr, "It was started 3 times").await;
    assert!(comment.contains("exit code 3"), "{comment}");
    system.until_settled().await;
    system.until_no_task_runs().await;

    // Asked for again it begins anew.
    system.cloud.ecs().clear_fates();
    system.set(pr, "restarted_at", s("2026-11-23T12:00:00Z")).await;
    system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
    system.stop().await;
}
