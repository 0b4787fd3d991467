//! A stream that breaks while the system runs: nothing is lost, and news comes by it again.
//!
//! The resync is an hour away, so what comes to be ready was told by the stream.

use std::time::Duration;

use bivouac_model::Phase;
use bivouac_simcloud::{Fault, Options, Rule, Service};

use crate::system::{System, policy, s};
use crate::wait::until;

/// Far beyond any test.
const RESYNC: Duration = Duration::from_secs(3600);

/// A system whose stream has told something already.
async fn watching() -> System {
    let mut system = System::without_daemon(Options::default(), policy()).await;
    system.launch_with(RESYNC);
    let pr = system.pull_request();
    // The first pass may find this one; the change of it comes by the stream.
    system.put(pr, &[]).await;
    system.until_phase(pr, Phase::Ready).await;
    system.set(pr, "desired", s("asleep")).await;
    system.until_phase(pr, Phase::Asleep).await;
    system
}

/// Breaks the calls that this rule hits, writes while they are broken, mends them after so many hits, and waits for all
/// that was written.
async fn breaks(rule: Rule, hits: u64) {
    let system = watching().await;
    system.cloud.faults().add(rule);
    let broken = async |times: u64| {
        until("a broken call", async || {
            let hits = system.cloud.faults().hits();
            if hits >= times { Ok(()) } else { Err(format!("{hits} broken calls")) }
        })
        .await;
    };
    broken(1).await;
    let written = [system.pull_request(), system.pull_request()];
    for pr in written {
        system.put(pr, &[]).await;
    }
    broken(hits).await;
    system.cloud.faults().clear();
    for pr in written {
        system.until_phase(pr, Phase::Ready).await;
    }
    // And it goes on.
    let after = system.pull_request();
    system.put(after, &[]).await;
    system.until_phase(after, Phase::Ready).await;
    system.until_settled().await;
}

/// More than the SDK's own three attempts, so that our reader sees it fail.
const LASTING: u64 = 5;

fn reading(fault: Fault) -> Rule {
    Rule::operation(Service::DynamoDbStreams, "GetRecords", fault)
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled() {
    breaks(reading(Fault::Throttle), LASTING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_service() {
    breaks(reading(Fault::FailBefore), LASTING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost() {
    breaks(reading(Fault::DropAfter), LASTING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_iterator_that_expired() {
    breaks(reading(Fault::Refuse("ExpiredIteratorException")), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_was_trimmed() {
    breaks(reading(Fault::Refuse("TrimmedDataAccessException")), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_was_not_found_for_a_while() {
    breaks(reading(Fault::Refuse("ResourceNotFoundException")), 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_of_the_stream_is_answered() {
    breaks(Rule::service(Service::DynamoDbStreams, Fault::FailBefore), LASTING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_hangs() {
    // The first attempt is given up after five seconds, the call with the second one after eight.
    breaks(reading(Fault::Delay(RESYNC)), 2).await;
}
