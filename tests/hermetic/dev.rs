//! `bivouac dev` does what it promises on its first screen: the printed `curl` works, and what comes of it is shown.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::wait::until;

/// The program, without its story, and what it printed so far. Ended when this is dropped.
struct Dev {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Dev {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bivouac"))
            .args(["dev", "--empty"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let printed = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                printed.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    /// Waits for a line that is as it should be, and answers what was found in it.
    async fn line<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        until(what, async || {
            let lines = self.lines.lock().unwrap();
            lines.iter().find_map(|line| find(line)).ok_or_else(|| lines.join("\n"))
        })
        .await
    }

    /// The same of a JSON object that has all of `fields`.
    async fn event(&self, fields: Value) -> Value {
        self.line(&fields.to_string(), |line| {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            fields.as_object().unwrap().iter().all(|(name, value)| event[name] == *value).then_some(event)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_without_an_error_when_no_one_reads_on() {
    for format in ["table", "json"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bivouac"))
            .args(["dev", "-o", format])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
        let ended = until("its end", async || match child.try_wait().expect("a child") {
            Some(status) => Ok(status),
            None => Err("it still runs".to_owned()),
        });
        let status = ended.await;
        let mut errors = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut errors).expect("text");
        assert!(status.success() && !errors.contains("panicked"), "{status}: {errors}");
    }
}

/// What a shell makes of a line: words, and what stands between single quotes as it is.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// What `curl` does with these words.
async fn curl(line: &str) {
    let words = words(line);
    assert_eq!(words[0], "curl", "{line}");
    let after = |option: &str| words[words.iter().position(|word| word == option).expect(option) + 1].as_str();
    let url = words.iter().find(|word| word.starts_with("http://")).expect("an address");
    let (name, value) = after("-H").split_once(": ").expect("a header");
    let request = reqwest::Client::new().post(url).header(name, value).header("user-agent", "curl/8.0");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(after("-d").to_owned());
    let answer = request.send().await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
}

#[tokio::test]
async fn the_printed_curl_brings_an_environment_up_and_the_conversation_is_told() {
    let dev = Dev::start(&["-o", "json"]);
    let listening = dev.event(json!({ "event": "listening" })).await;
    assert!(listening["bot"].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:")), "{listening}");
    curl(listening["curl"].as_str().unwrap()).await;

    let environment = "acme/hello#1";
    let said =
        dev.event(json!({ "event": "comment", "environment": environment, "author": "maya", "action": "created" }));
    let said = said.await;
    assert_eq!(said["body"], "/testenv up FEATURE_BLUE=true");
    for content in ["eyes", "rocket"] {
        let reaction =
            json!({ "event": "reaction", "author": "bivouac-bot", "comment": said["id"], "content": content });
        dev.event(reaction).await;
    }
    let ready = dev.event(json!({ "event": "environment", "environment": environment, "phase": "Ready" })).await;
    let page = reqwest::get(ready["url"].as_str().unwrap()).await.expect("the address opens");
    assert!(page.status().is_success(), "{page:?}");
    let told = dev.event(json!({ "event": "comment", "author": "bivouac-bot", "environment": environment })).await;
    assert!(told["body"].as_str().unwrap().contains("/testenv help"), "the comment offers the commands: {told}");

    // The same words with the other token.
    let token = |who: usize| listening["people"][who]["token"].as_str().unwrap();
    assert_eq!(
        (&listening["people"][0]["permission"], &listening["people"][1]["permission"]),
        (&json!("write"), &json!("read"))
    );
    curl(&listening["curl"].as_str().unwrap().replace(token(0), token(1))).await;
    let refused = dev.event(json!({ "event": "comment", "author": "otto" })).await;
    dev.event(json!({ "event": "reaction", "comment": refused["id"], "content": "confused" })).await;
}

#[tokio::test]
async fn what_is_printed_for_people_can_be_pasted_and_tells_the_conversation() {
    let dev = Dev::start(&[]);
    let printed =
        dev.line("the second line of the command", |line| line.contains("-d '").then(|| line.to_owned())).await;
    let first = dev.line("its first line", |line| line.trim().starts_with("curl ").then(|| line.to_owned())).await;
    let first = first.trim().strip_suffix('\\').expect("it goes on in the next line").to_owned();
    curl(&(first + &printed)).await;
    for line in [
        "maya on #1: /testenv up FEATURE_BLUE=true",
        "bivouac-bot on #1: 👀",
        "bivouac-bot on #1: 🚀",
        "bivouac-bot on #1, edited: ✅ Your test environment is ready",
    ] {
        // A time goes before it.
        dev.line(line, |printed| printed.ends_with(&format!("  {line}")).then_some(())).await;
    }
}
