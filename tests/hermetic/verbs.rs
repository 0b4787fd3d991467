//! The verbs of the command line, as a process beside a daemon.

use bivouac_model::Phase;

use crate::program::Program;
use crate::reaping::program;
use crate::system::{REPO, System, phase_of, s};

async fn done(program: &Program, arguments: &[&str]) -> String {
    let (code, out, said) = program.outcome(arguments).await;
    assert_eq!(code, Some(0), "{arguments:?}: {said}");
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_put_to_sleep_woken_restarted_and_extended() {
    let system = System::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let program = program(&system, &directory);
    let pr = system.pull_request();
    system.put(pr, &[("ttl", s("2h"))]).await;
    let first = system.until_phase(pr, Phase::Ready).await.status.unwrap();
    let env = format!("{REPO}#{pr}");

    assert_eq!(done(&program, &["sleep", &env, "--wait"]).await, format!("{env} is asleep\n"));
    system.until_no_task_runs().await;
    let asleep = system.until(pr, "free", |record| record.status.as_ref().unwrap().url.is_none()).await.status.unwrap();
    assert_eq!(asleep.hourly_cost_usd, bivouac_model::Usd::ZERO);
    assert_eq!(asleep.expires_at, first.expires_at, "its time goes on");
    system.until_comment(pr, "/testenv wake").await;
    system.until_settled().await;
    let later = system.record(pr).await.unwrap().status.unwrap();
    assert_eq!(later.cost_usd, asleep.cost_usd, "what sleeps costs nothing");

    let said = done(&program, &["wake", &env, "--wait"]).await;
    assert!(said.starts_with(&format!("{env} is Ready at http://")), "{said}");
    let woken = system.record(pr).await.unwrap().status.unwrap();
    assert_eq!(system.services().len(), 1);

    done(&program, &["restart", &env, "--wait"]).await;
    let restarted = system
        .until(pr, "ready with another task", |record| {
            phase_of(record) == Some(Phase::Ready) && record.status.as_ref().unwrap().url != woken.url
        })
        .await
        .status
        .unwrap();
    assert_ne!(restarted.machinery.task_definition, woken.machinery.task_definition);

    done(&program, &["extend", &env, "3h"]).await;
    let longer = system
        .until(pr, "extended", |record| record.status.as_ref().unwrap().expires_at > restarted.expires_at)
        .await
        .status
        .unwrap();
    assert_eq!(longer.expires_at - restarted.expires_at, chrono::TimeDelta::hours(3));
    done(&program, &["pin", &env]).await;
    done(&program, &["unpin", &env]).await;
    system.until_settled().await;
    let audit = system.audit(pr).await;
    for verb in ["sleep", "wake", "restart", "extend", "pin", "unpin"] {
        let told = audit.iter().filter(|line| line.ends_with(&format!(" {verb} Requested"))).count();
        assert_eq!(told, 1, "{verb}: {audit:?}");
    }

    done(&program, &["down", &env, "--wait"]).await;
    let (code, _, said) = program.outcome(&["wake", &env]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("`up` starts one"), "{said}");
    system.until_settled().await;
    assert!(system.services().is_empty());
}
