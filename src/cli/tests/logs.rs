//! `logs`, `exec` and `open`.

use std::sync::Mutex;

use bivouac_model::TaskState;
use bivouac_ports::{Error, Meaning};
use serde_json::Value as Json;

use super::workload::{BEFORE, TASK, task};
use super::*;

/// Two containers with a log, and one without.
const TEMPLATE: &str = r#"{
    "family": "superset", "cpu": "512", "memory": "1024",
    "containerDefinitions": [
        {"name": "superset", "logConfiguration": {"logDriver": "awslogs", "options":
            {"awslogs-group": "/ecs/superset", "awslogs-region": "us-west-2", "awslogs-stream-prefix": "ecs"}}},
        {"name": "worker", "logConfiguration": {"logDriver": "awslogs", "options":
            {"awslogs-group": "/ecs/superset", "awslogs-region": "us-west-2", "awslogs-stream-prefix": "ecs"}}}
    ]
}"#;

/// The controller says something of #7.
fn answers(store: &MemoryStore, status: &Status) {
    memory::answer(&mut store.items.lock().unwrap(), "apache/superset#7", status);
}

/// Waits until this was printed, for a minute at most.
async fn until(out: &Paper, text: &str) {
    for _ in 0..60_000 {
        if out.text().contains(text) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{text} was not printed: {}", out.text());
}

/// A world in which #7 is ready, with a template of its own.
async fn world(template: &str) -> (World, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("td.json");
    std::fs::write(&path, template).unwrap();
    let mut world = World::new();
    world.configuration = CONFIGURATION.replace("task-definition.json", path.to_str().unwrap());
    world.done("up 7").await;
    answers(&world.store, &status(Phase::Ready, 1));
    world.cloud.tasks.lock().unwrap().push(task(TASK, 10, TaskState::Running));
    (world, directory)
}

#[tokio::test]
async fn lines_of_several_containers_are_in_the_order_of_time_and_name_them() {
    let (mut world, _directory) = world(TEMPLATE).await;
    world.cloud.write("superset", TASK, 50, "first");
    world.cloud.write("worker", TASK, 40, "second");
    world.cloud.write("superset", TASK, 30, "third \u{1b}[31mred\u{1b}[0m");
    let shown = world.done("logs 7").await;
    assert_eq!(shown, "[superset] first\n[worker] second\n[superset] third \u{1b}[31mred\u{1b}[0m\n");
    assert_eq!(world.done("logs 7 --container worker").await, "second\n");
    assert_eq!(world.done("logs 7 --tail 1 --container superset").await, "third \u{1b}[31mred\u{1b}[0m\n");
    assert_eq!(world.done("logs 7 --since 45s").await.lines().count(), 2);
    assert_eq!(world.done("logs 7 --tail 0").await, "");
    assert!(
        world.done("logs 7 -o wide --tail 1 -c worker").await.starts_with("2026-11-23T11:59:20.000Z [worker] second")
    );
    let lines = world.done("logs 7 -o json").await;
    let lines: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[1]["container"], &lines[1]["message"]), (&"worker".into(), &"second".into()));
    assert_eq!((&lines[1]["task"], &lines[1]["group"]), (&TASK.into(), &"/ecs/superset".into()));
}

#[tokio::test]
async fn the_task_before_is_found_with_ecs_and_after_it_forgot() {
    let (mut world, _directory) = world(TEMPLATE).await;
    world.cloud.write("superset", TASK, 5, "now");
    world.cloud.write("superset", BEFORE, 1000, "before");
    let (code, said) = world.fails("logs 7 --previous").await;
    assert_eq!((code, said.as_str()), (1, "no earlier task of apache/superset#7 is known"));
    world.cloud.tasks.lock().unwrap().push(task(BEFORE, 60, TaskState::Stopped));
    assert_eq!(world.done("logs 7 --previous -c superset").await, "before\n");
    assert_eq!(world.done("logs 7 -c superset").await, "now\n");
    // Nothing runs: the last lines are what a person looks for.
    world.cloud.tasks.lock().unwrap().retain(|task| task.id == BEFORE);
    assert_eq!(world.done("logs 7 -c superset").await, "before\n");
    assert!(world.err.text().contains("no task runs"), "{}", world.err.text());
    // An hour later ECS knows nothing of it.
    world.cloud.tasks.lock().unwrap().clear();
    let mut remembered = status(Phase::Failed, 1);
    remembered.machinery.tasks = vec![BEFORE.into()];
    answers(&world.store, &remembered);
    assert_eq!(world.done("logs 7 --previous -c superset").await, "before\n");
}

#[tokio::test]
async fn each_reason_for_no_log_has_a_sentence() {
    for (log, words) in [
        (r#"{"logDriver": "awsfirelens"}"#, "FireLens"),
        (r#"{"logDriver": "splunk"}"#, "Splunk"),
        ("null", "no log driver"),
    ] {
        let template = format!(
            r#"{{"family": "f", "cpu": "512", "memory": "1024", "containerDefinitions": [{{"name": "superset", "logConfiguration": {log}}}]}}"#
        );
        let (code, said) = world(&template).await.0.fails("logs 7").await;
        assert!(code == 1 && said.contains(words), "{said}");
    }
    let (mut world, _directory) = world(TEMPLATE).await;
    let (code, said) = world.fails("logs 7").await;
    assert!(code == 1 && said.contains("the log group /ecs/superset is not there in us-west-2"), "{said}");
    assert!(said.contains("aws logs create-log-group"), "{said}");
    world.cloud.groups.lock().unwrap().insert("/ecs/superset".into(), Default::default());
    assert_eq!(world.done("logs 7").await, "");
    assert!(world.err.text().contains("nothing was written yet by superset and worker"), "{}", world.err.text());
    let denied = "User is not authorized to perform: logs:FilterLogEvents";
    *world.cloud.refused.lock().unwrap() = Some(Error::new(Meaning::Denied, "CloudWatch Logs FilterLogEvents", denied));
    let (code, said) = world.fails("logs 7").await;
    assert!(code == 1 && said.contains("allow the IAM action logs:FilterLogEvents"), "{said}");
    let (code, said) = world.fails("logs 7 --container none").await;
    assert!(code == 2 && said.contains("superset, worker"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_is_followed_is_printed_once_however_late_it_comes_and_ends_with_the_environment() {
    let (world, _directory) = world(TEMPLATE).await;
    world.cloud.write("superset", TASK, 50, "first");
    let (cloud, store) = (Arc::clone(&world.cloud), Arc::clone(&world.store));
    let out = Paper::default();
    let story = async {
        until(&out, "first").await;
        cloud.write("superset", TASK, 20, "second");
        until(&out, "second").await;
        // Written before the second, and received after it.
        cloud.write("worker", TASK, 60, "late");
        until(&out, "late").await;
        *cloud.tasks.lock().unwrap() = vec![task(BEFORE, 0, TaskState::Running)];
        cloud.write("superset", BEFORE, 0, "of the next task");
        until(&out, "of the next task").await;
        answers(&store, &status(Phase::Terminated, 1));
    };
    let (followed, ()) = tokio::join!(world.follow("logs 7 --follow", out.clone()), story);
    followed.unwrap();
    let text = out.text();
    for line in ["first", "second", "late", "of the next task"] {
        assert_eq!(text.matches(line).count(), 1, "{line} in {text}");
    }
}

#[tokio::test]
async fn exec_prints_the_line_and_says_what_is_missing() {
    let (mut world, _directory) = world(TEMPLATE).await;
    let (code, said) = world.fails("exec 7").await;
    assert!(code == 1 && said.contains("lacks enableExecuteCommand") && said.contains("set `exec = true`"), "{said}");
    world.configuration += "exec = true\n";
    let (_, said) = world.fails("exec 7").await;
    assert!(said.contains("bivouac restart apache/superset#7"), "{said}");
    Arc::get_mut(&mut world.cloud).unwrap().exec = true;
    let line = format!(
        "aws ecs execute-command --region us-west-2 --cluster previews --task {TASK} --container superset --interactive --command "
    );
    assert_eq!(world.done("exec 7").await, format!("{line}/bin/sh\n"));
    let line = line.replace("--container superset", "--container worker");
    assert_eq!(world.done("exec 7 -c worker --command ls").await, format!("{line}ls\n"));
    let (code, said) = world.fails("exec 7 -c none").await;
    assert!(code == 2 && said.contains("superset, worker"), "{said}");
    world.cloud.tasks.lock().unwrap().clear();
    assert!(world.fails("exec 7").await.1.contains("no task of apache/superset#7 runs"));
}

/// What was opened by `open`.
static OPENED: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[tokio::test]
async fn open_opens_web_addresses_alone_and_prints_them() {
    let (mut world, _directory) = world(TEMPLATE).await;
    assert_eq!(world.done("open 7").await, "http://192.0.2.7:8080\n");
    assert!(world.err.text().contains("no browser could be opened"), "{}", world.err.text());
    world.browser = Some(|url| {
        OPENED.lock().unwrap().push(url.into());
        Ok(())
    });
    assert_eq!(world.done("open 7").await, "http://192.0.2.7:8080\n");
    assert_eq!(*OPENED.lock().unwrap(), ["http://192.0.2.7:8080"]);
    let mut odd = status(Phase::Ready, 1);
    odd.url = Some("file:///etc/passwd".into());
    answers(&world.store, &odd);
    assert!(world.fails("open 7").await.1.contains("no web address"));
    answers(&world.store, &status(Phase::Starting, 1));
    assert!(world.fails("open 7").await.1.contains("has no address. It is Starting"));
    assert_eq!(OPENED.lock().unwrap().len(), 1, "nothing else was opened");
}

#[tokio::test]
async fn describe_names_group_and_stream() {
    let (mut world, _directory) = world(TEMPLATE).await;
    let mut remembered = status(Phase::Ready, 1);
    remembered.machinery.tasks = vec![TASK.into()];
    answers(&world.store, &remembered);
    let shown = world.done("describe 7").await;
    assert!(shown.contains(&format!("superset  /ecs/superset  ecs/superset/{TASK}")), "{shown}");
}

#[test]
fn completions_and_pages_know_every_command() {
    use clap::CommandFactory as _;
    let command = Cli::command();
    for shell in [
        clap_complete::Shell::Bash,
        clap_complete::Shell::Zsh,
        clap_complete::Shell::Fish,
        clap_complete::Shell::PowerShell,
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "bivouac", &mut script);
        let script = String::from_utf8(script).unwrap();
        for command in command.get_subcommands() {
            assert!(script.contains(command.get_name()), "{shell} lacks {}", command.get_name());
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let asked = crate::cli::args::Man { directory: Some(directory.path().join("man1")) };
    // The second time changes nothing.
    for _ in 0..2 {
        crate::cli::generated::man(&asked).unwrap();
    }
    let page = std::fs::read_to_string(directory.path().join("man1/bivouac.1")).unwrap();
    assert!(page.contains("bivouac"), "{page}");
    for command in command.get_subcommands() {
        let path = directory.path().join(format!("man1/bivouac-{}.1", command.get_name()));
        assert!(path.exists(), "{}", path.display());
    }
}
