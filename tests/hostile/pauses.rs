//! A leader that is stopped for longer than its lease and goes on when another leads: not one write of it arrives any more.

use std::time::Instant;

use bivouac_simcloud::Options;
use bivouac_simcloud::github::{Level, Permission, Resource, Rights};
use tempfile::TempDir;

use crate::program::Daemon;
use crate::reaping::program;
use crate::recorder::{Call, Kind, Recorder};
use crate::system::{REPO, System, policy, s};
use crate::wait::until;

/// How often the leader is stopped. The two take turns.
const ROUNDS: usize = 3;
/// Environments that begin in each round: more than the twenty registrations that AWS takes at once, so that writes wait for
/// their turn, and many comments and deployments, of which GitHub takes one a second.
const RECORDS: usize = 24;
/// How often the one that was stopped has to have asked for the lease before its writes are counted. It asks five times in a
/// lease, so this is longer than two of them.
const LOOKS: usize = 12;
/// May write comments and deployments.
const TOKEN: &str = "a-deployer";

/// A daemon behind recorders.
struct Replica {
    daemon: Daemon,
    recorders: [Recorder; 3],
    _directory: TempDir,
}

impl Replica {
    async fn start(system: &System) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut program = program(system, &directory);
        let (aws, dynamodb) = (system.cloud.aws_url(), system.cloud.dynamodb_url());
        let recorders = [aws.as_str(), dynamodb.as_str(), system.hub.url()].map(Recorder::before);
        let [aws, dynamodb, github] = &recorders;
        for (name, value) in [
            ("AWS_ENDPOINT_URL", aws.url().as_str()),
            ("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb.url()),
            ("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", &dynamodb.url()),
            ("BIVOUAC__GITHUB__API_URL", &github.url()),
            ("BIVOUAC__GITHUB__TOKEN", TOKEN),
            ("BIVOUAC__GITHUB__DEPLOYMENTS", "true"),
            ("BIVOUAC__GUARDRAILS__MAX_ENVIRONMENTS", "1000"),
            ("BIVOUAC__GUARDRAILS__MAX_PER_USER", "1000"),
            ("BIVOUAC__GUARDRAILS__MAX_VCPUS", "1000"),
            ("BIVOUAC__GUARDRAILS__MONTHLY_BUDGET_USD", "1000000"),
            ("BIVOUAC__PROJECT__0__IMAGE_COMMIT", "unchecked"),
            ("BIVOUAC__BOT__LISTEN", ""),
            ("BIVOUAC__OPS__LISTEN", "127.0.0.1:0"),
        ] {
            program.variables.insert(name.to_owned(), value.to_owned());
        }
        Self { daemon: program.daemon().await, recorders, _directory: directory }
    }

    /// What has arrived of one kind after a moment, the oldest first.
    fn after(&self, moment: Instant, kind: Kind) -> Vec<Call> {
        let mut calls: Vec<Call> = self.recorders.iter().flat_map(Recorder::calls).collect();
        calls.retain(|call| call.kind == kind && call.at > moment);
        calls.sort_by_key(|call| call.at);
        calls
    }

    async fn until_it_leads(&self) {
        let wait = async || match self.after_start(Kind::Write) {
            0 => Err("it has written nothing".to_owned()),
            _ => Ok(()),
        };
        until("a first write", wait).await;
    }

    fn after_start(&self, kind: Kind) -> usize {
        self.recorders.iter().flat_map(Recorder::calls).filter(|call| call.kind == kind).count()
    }
}

/// One environment more is asked for.
async fn ask(system: &System) -> u64 {
    let pr = system.pull_request();
    let head = system.hub.pull_request(REPO, pr).expect("a pull request").head_sha;
    system.put(pr, &[("head_sha", s(&head))]).await;
    pr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_stopped_writes_nothing_after_the_next_one_has_begun() {
    let system = System::without_daemon(Options::default(), policy()).await;
    system.hub.set_permission(REPO, "bivouac-bot", Permission::Write).expect("a permission");
    system.hub.add_token(TOKEN, "bivouac-bot", Rights::commenter().with(Resource::Deployments, Level::Write));
    ask(&system).await;
    let mut leader = Replica::start(&system).await;
    leader.until_it_leads().await;
    let mut standby = Replica::start(&system).await;
    for round in 1..=ROUNDS {
        let began = Instant::now();
        for _ in 0..RECORDS {
            ask(&system).await;
        }
        // Deployments come last: comments, task definitions and statuses are on their way by then.
        until("a leader at work", async || {
            let writes = leader.after(began, Kind::Write);
            let is_at_work = writes.iter().any(|call| call.what.contains("/deployments"));
            if is_at_work { Ok(()) } else { Err(format!("{} writes", writes.len())) }
        })
        .await;
        leader.daemon.pause();
        let stopped = Instant::now();
        let first = until("a write of the next leader", async || {
            let writes = standby.after(stopped, Kind::Write);
            writes.first().cloned().ok_or_else(|| format!("{} looks", standby.after(stopped, Kind::Lease).len()))
        })
        .await;
        leader.daemon.resume();
        let resumed = Instant::now();
        until("the old leader in line again", async || {
            let looks = leader.after(resumed, Kind::Lease).len();
            if looks >= LOOKS { Ok(()) } else { Err(format!("{looks} looks")) }
        })
        .await;
        let late = leader.after(first.at, Kind::Write);
        let told: Vec<String> =
            late.iter().map(|call| format!("{} after {:?}", call.what, call.at - first.at)).collect();
        assert!(told.is_empty(), "round {round}: written after the next leader's {}: {told:#?}", first.what);
        std::mem::swap(&mut leader, &mut standby);
    }
}
