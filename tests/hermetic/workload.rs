//! `logs`, `exec` and `open` as processes, against the tasks and log groups of the embedded cloud.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bivouac::compose::EMBEDDED_CLUSTER;
use bivouac_model::Phase;
use bivouac_planner::Template;
use bivouac_simcloud::Options;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::Program;
use crate::system::{REPO, System, policy};
use crate::templates::ecs;
use crate::wait::until;

const GROUP: &str = "/ecs/superset-ci";

/// An environment of two containers that is Ready, and the program beside it.
struct Scene {
    system: System,
    program: Program,
    directory: TempDir,
    env: String,
    task: String,
}

impl Scene {
    async fn new(exec: bool) -> Self {
        let mut template: Value =
            serde_json::from_str(include_str!("../../deploy/examples/superset/task-definition.json")).expect("JSON");
        let mut worker = template["containerDefinitions"][0].clone();
        (worker["name"], worker["portMappings"], worker["essential"]) = (json!("worker"), json!([]), json!(false));
        // Both fit: the first takes what the task has.
        for limit in ["cpu", "memory", "memoryReservation"] {
            worker.as_object_mut().expect("an object").remove(limit);
        }
        template["containerDefinitions"].as_array_mut().expect("a list").push(worker);
        let template = template.to_string();
        let mut policy = policy();
        for project in policy.projects.values_mut() {
            project.template = Template::parse(&template, &["superset".into(), "worker".into()]).expect("a template");
            project.exec = exec;
        }
        let mut system = System::without_daemon(Options::default(), policy).await;
        system.launch();
        let directory = tempfile::tempdir().expect("a directory");
        let program = crate::reaping::program(&system, &directory);
        std::fs::write(directory.path().join("task-definition.json"), template).expect("written");
        let pr = system.pull_request();
        system.put(pr, &[]).await;
        system.until_phase(pr, Phase::Ready).await;
        system.until_settled().await;
        let task = system.services()[0].tasks[0].id.clone();
        Self { system, program, directory, env: format!("{REPO}#{pr}"), task }
    }

    /// A container of the task writes a line now.
    fn writes(&self, container: &str, line: &str) {
        let stream = format!("ecs/{container}/{}", self.task);
        let now = self.system.cloud.clock().now();
        assert!(self.system.cloud.logs().write(GROUP, &stream, now, line), "the group is there");
    }

    /// What `logs` prints, without what the embedded application says of each request.
    async fn logs(&self, options: &[&str]) -> String {
        let (code, out, said) = self.program.outcome(&[&["logs", &self.env], options].concat()).await;
        assert_eq!(code, Some(0), "{options:?}: {said}");
        let own = |line: &&str| !line.contains("GET /");
        out.lines().filter(own).map(|line| format!("{line}\n")).collect()
    }

    /// A program on the path that keeps its arguments in a file, one a line, and ends with this code.
    fn fake(&mut self, name: &str, code: u8) -> std::path::PathBuf {
        let bin = self.directory.path().join("bin");
        std::fs::create_dir_all(&bin).expect("a directory");
        let (script, kept) = (bin.join(name), self.directory.path().join(format!("{name}.arguments")));
        // Renamed, so that whoever reads it finds all of it.
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" > '{0}.new'\n/bin/mv '{0}.new' '{0}'\nexit {code}\n",
            kept.display()
        );
        std::fs::write(&script, text).expect("written");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("executable");
        self.program.variables.insert("PATH".to_owned(), bin.display().to_string());
        kept
    }
}

fn kept(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).expect("it was called").lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_name_their_container_and_are_narrowed_by_container_number_and_time() {
    let scene = Scene::new(false).await;
    scene.writes("superset", "first");
    scene.writes("worker", "second");
    let all = scene.logs(&[]).await;
    assert_eq!(all, "[superset] superset: started\n[worker] worker: started\n[superset] first\n[worker] second\n");
    assert_eq!(scene.logs(&["--container", "worker"]).await, "worker: started\nsecond\n");
    assert_eq!(scene.logs(&["-c", "worker", "--tail", "1"]).await, "second\n");
    assert_eq!(scene.logs(&["-c", "worker", "--since", "1h"]).await, "worker: started\nsecond\n");
    until("lines that are older than a second", async || {
        let shown = scene.logs(&["-c", "worker", "--since", "1s"]).await;
        shown.is_empty().then_some(()).ok_or(shown)
    })
    .await;
    let (code, out, said) = scene.program.outcome(&["logs", &scene.env, "-c", "cache"]).await;
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_eq!(said, "error: there is no container `cache`: the task definition has superset, worker\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn followed_logs_show_what_is_new_until_they_are_interrupted() {
    let scene = Scene::new(false).await;
    scene.writes("worker", "before");
    let following = scene.program.start(&["logs", &scene.env, "--follow", "--tail", "1"]);
    following.printed("[worker] before").await;
    scene.writes("worker", "after");
    scene.writes("superset", "after it");
    following.printed("[worker] after").await;
    following.printed("[superset] after it").await;
    let worker = |lines: Vec<String>| lines.into_iter().filter(|line| line.starts_with("[worker]")).collect::<Vec<_>>();
    assert_eq!(
        worker(following.lines()),
        ["[worker] before", "[worker] after"],
        "each line once, and none before the tail"
    );
    assert!(following.interrupt().await.success(), "an interruption is no failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_lines_of_the_task_before_are_kept_and_a_missing_group_has_a_sentence() {
    let mut scene = Scene::new(false).await;
    let (code, _, said) = scene.program.outcome(&["logs", &scene.env, "--previous"]).await;
    assert_eq!((code, said), (Some(1), format!("error: no earlier task of {} is known\n", scene.env)));
    scene.writes("worker", "of the first task");
    let stopped = scene.task.clone();
    ecs(&scene.system, "StopTask", json!({ "cluster": EMBEDDED_CLUSTER, "task": stopped })).await;
    scene.task = until("another task", async || {
        let tasks = scene.system.services().remove(0).tasks;
        let other = tasks.iter().find(|task| task.id != stopped && task.status == "RUNNING");
        other.map(|task| task.id.clone()).ok_or_else(|| format!("{tasks:#?}"))
    })
    .await;
    scene.writes("worker", "of the second task");
    assert_eq!(scene.logs(&["-c", "worker"]).await, "worker: started\nof the second task\n");
    assert_eq!(
        scene.logs(&["-c", "worker", "--previous"]).await,
        "worker: started\nof the first task\nworker: got SIGTERM, stopping\n"
    );
    scene.system.cloud.logs().delete_group(GROUP);
    let (code, out, said) = scene.program.outcome(&["logs", &scene.env]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{said}");
    let create = format!("aws logs create-log-group --region us-west-2 --log-group-name {GROUP}");
    assert_eq!(said, format!("error: the log group {GROUP} is not there in us-west-2. Create it with `{create}`\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_prints_the_line_of_the_aws_command_line_and_runs_it() {
    let mut scene = Scene::new(true).await;
    let env = scene.env.clone();
    let (code, out, said) = scene.program.outcome(&["exec", &env]).await;
    let line = format!(
        "aws ecs execute-command --region us-west-2 --cluster {EMBEDDED_CLUSTER} --task {} --container superset \
         --interactive --command",
        scene.task
    );
    assert_eq!((code, out), (Some(0), format!("{line} /bin/sh\n")), "{said}");
    let (_, out, _) = scene.program.outcome(&["exec", &env, "--command", "superset version"]).await;
    assert_eq!(out, format!("{line} 'superset version'\n"), "a shell takes it as one word");

    scene.program.variables.insert("PATH".to_owned(), scene.directory.path().display().to_string());
    let said = scene.program.refused(&["exec", &env, "--run"]).await;
    assert!(said.starts_with("`aws` is not installed."), "{said}");
    let arguments = scene.fake("aws", 7);
    let run = ["exec", &env, "--container", "worker", "--command", "superset version", "--run"];
    let (code, out, said) = scene.program.outcome(&run).await;
    assert_eq!((code, out.as_str(), said.as_str()), (Some(7), "", ""), "its exit code is ours");
    let expected = ["ecs", "execute-command", "--region", "us-west-2", "--cluster", EMBEDDED_CLUSTER, "--task"];
    let more = ["--container", "worker", "--interactive", "--command", "superset version"];
    assert_eq!(kept(&arguments), [expected.as_slice(), &[scene.task.as_str()], &more].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_says_how_to_allow_it() {
    let scene = Scene::new(false).await;
    let (code, out, said) = scene.program.outcome(&["exec", &scene.env]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(said.contains("lacks enableExecuteCommand") && said.contains("set `exec = true`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_prints_the_address_and_gives_it_to_the_browser() {
    let mut scene = Scene::new(false).await;
    let arguments = scene.fake("xdg-open", 0);
    let (code, out, said) = scene.program.outcome(&["open", &scene.env]).await;
    assert_eq!(code, Some(0), "{said}");
    let url = out.strip_suffix('\n').expect("a line");
    assert!(reqwest::get(url).await.expect("the address opens").status().is_success(), "{url}");
    until("the browser", async || arguments.exists().then_some(()).ok_or_else(|| "it was not started".to_owned()))
        .await;
    assert_eq!(kept(&arguments), [url]);
}
