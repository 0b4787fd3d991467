//! Sources that fail, hang or are slow: what goes on without them, and how long anybody waits for them.

use std::sync::Arc;
use std::time::Duration;

use bivouac_model::{Desired, Phase, PullRequestState, ServiceView, Ttl};
use tokio::time::Instant;

use crate::state::{Source, World, env};

const EC2: &[&str] = &["DescribeNetworkInterfaces"];
const REGISTRY: &[&str] = &["DescribeImages", "BatchGetImage", "BatchDeleteImage"];
const FORGE: &[&str] = &["ListPullRequests", "GetPullRequest", "say", "react"];
const QUOTAS: &[&str] = &["GetServiceQuota"];
const LISTS: &[&str] = &["ListServices", "DescribeTasks"];

/// As long as the SDK gives a call with its retries.
const AWS_HANGS: Source = Source::Hangs(Duration::from_secs(8));
/// As long as our client of GitHub waits.
const FORGE_HANGS: Source = Source::Hangs(Duration::from_secs(12));

/// A resync, and what deleting takes.
const IN_TIME: Duration = Duration::from_secs(30 + 15);

fn hours(hours: u64) -> Option<Ttl> {
    Ttl::new(Duration::from_secs(hours * 3600))
}

/// Waits until the end of the environment of a pull request is so far away.
async fn until_shortly_before_the_end(world: &Arc<World>, pr: u64, before: Duration) {
    let left = (world.status(pr).expect("a status").expires_at - world.now()).to_std().expect("it is yet to come");
    tokio::time::sleep(left - before).await;
}

async fn ends_in_time(world: &Arc<World>, pr: u64) {
    let end = world.status(pr).expect("a status").expires_at;
    world.until("gone", || world.cloud(pr, |cloud| cloud.service == ServiceView::Absent)).await;
    let late = (world.now() - end).to_std().unwrap_or_default();
    assert!(late <= IN_TIME, "gone {late:?} after its time");
}

/// An environment whose time ends while sources are in trouble, seen by a process that runs or by one that starts meanwhile.
async fn ends_while(calls: &[&'static str], hangs: bool, restarted: bool) {
    let world = World::new();
    let process = world.start(None);
    world.write(7, |wish| wish.ttl = Ttl::new(Duration::from_secs(600)));
    world.until("ready", || world.is(7, Phase::Ready)).await;
    until_shortly_before_the_end(&world, 7, Duration::from_secs(120)).await;
    for call in calls {
        let hanging = if FORGE.contains(call) { FORGE_HANGS } else { AWS_HANGS };
        world.state().trouble(&[*call], if hangs { hanging } else { Source::Fails });
    }
    if restarted {
        process.kill();
        world.start(None);
    }
    ends_in_time(&world, 7).await;
    world.until("a tombstone", || world.phase(7) == Some(Phase::Terminated)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_over_goes_in_time_whatever_fails_but_the_table_and_its_service() {
    for calls in [EC2, REGISTRY, FORGE, QUOTAS, LISTS] {
        ends_while(calls, false, true).await;
        ends_while(calls, true, true).await;
    }
    let all = [EC2, REGISTRY, FORGE, QUOTAS, LISTS].concat();
    for (hangs, restarted) in [(false, false), (false, true), (true, false), (true, true)] {
        ends_while(&all, hangs, restarted).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_ready_stays_so_with_its_address_while_ec2_does_not_answer() {
    for trouble in [Source::Fails, AWS_HANGS] {
        let world = World::new();
        let process = world.start(None);
        world.write(7, |_| {});
        world.until("ready", || world.is(7, Phase::Ready)).await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        world.state().trouble(EC2, trouble);
        let (before, writes) = (world.status(7), world.state().writes.len());
        tokio::time::sleep(Duration::from_secs(1800)).await;
        process.kill();
        world.start(None);
        tokio::time::sleep(Duration::from_secs(1800)).await;
        assert_eq!(world.status(7), before);
        assert_eq!(world.state().writes.len(), writes, "nothing was written");
        // A command is obeyed meanwhile.
        world.write(7, |wish| wish.ttl = hours(72));
        let expires_at = before.as_ref().map(|status| status.expires_at);
        world.until("extended", || world.status(7).map(|status| status.expires_at) > expires_at).await;
        let (status, before) = (world.status(7).expect("a status"), before.expect("a status"));
        assert_eq!((status.phase, status.url, status.public_ip), (Phase::Ready, before.url, before.public_ip));
        world.write(7, |wish| wish.desired = Desired::Down);
        world.until("gone", || world.is(7, Phase::Terminated)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_starts_while_ec2_does_not_answer_becomes_ready_afterwards() {
    let world = World::new();
    world.start(None);
    world.state().trouble(EC2, AWS_HANGS);
    world.write(7, |_| {});
    world.until("waiting", || world.status(7).is_some_and(|status| status.reason == "AddressUnknown")).await;
    assert_eq!(world.phase(7), Some(Phase::Starting));
    tokio::time::sleep(Duration::from_secs(3500)).await;
    assert_eq!(world.phase(7), Some(Phase::Starting), "no deadline is held against it");
    world.state().sources.clear();
    world.until("ready", || world.is(7, Phase::Ready)).await;
}

/// How many passes there are in two hundred seconds, five seconds apart.
async fn passes(calls: &[&'static str], source: Source) -> usize {
    let world = World::new();
    world.resync(Duration::from_secs(5));
    world.start(None);
    world.write(7, |_| {});
    world.until("ready", || world.is(7, Phase::Ready)).await;
    world.state().trouble(calls, source);
    let scans = || world.state().asked["Scan"];
    let before = scans();
    // The collector comes after five minutes and scans for itself.
    tokio::time::sleep(Duration::from_secs(200)).await;
    scans() - before
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_costs_no_pass() {
    for (calls, source) in [(FORGE, FORGE_HANGS), (REGISTRY, AWS_HANGS), (EC2, AWS_HANGS), (QUOTAS, AWS_HANGS)] {
        // Even if its client never gives up.
        for source in [source, Source::Hangs(Duration::from_secs(3600))] {
            let passes = passes(calls, source).await;
            assert!((39..=45).contains(&passes), "{passes} passes while {calls:?} hangs");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_slow_is_used() {
    let slow = Source::Slow(Duration::from_secs(7));
    for calls in [&[EC2], &[REGISTRY], &[FORGE], &[EC2, REGISTRY, FORGE] as &[&[&'static str]]] {
        // A write that takes longer than the lease's margin is given up, whatever it writes to.
        let is_read = |call: &&str| !matches!(*call, "BatchDeleteImage" | "say" | "react");
        let calls: Vec<_> = calls.concat().into_iter().filter(is_read).collect();
        let world = World::new();
        world.start(None);
        world.state().trouble(&calls, slow);
        world.write(7, |_| {});
        world.until("ready", || world.phase(7) == Some(Phase::Ready)).await;
        // A new image and a closed pull request are found by the lists, which always come late.
        world.push_image(7, 2);
        world.until("rolled", || world.runs(7) == Some(2) && world.phase(7) == Some(Phase::Ready)).await;
        world.state().pull_requests.insert(env(7), PullRequestState::Closed);
        world.until("gone", || world.phase(7) == Some(Phase::Terminated)).await;
        let tagged = |cloud: &mut crate::cloud::Cloud| cloud.images.keys().any(|tag| tag.as_str() == "pr-7-ci");
        assert!(!world.cloud(7, tagged), "its tag is removed");
    }
}

/// How long an `up` takes to be ready and a `down` to be gone, beside so many other environments in trouble.
async fn up_and_down(world: &Arc<World>) -> (Duration, Duration) {
    let began = Instant::now();
    world.write(1, |_| {});
    world.until("ready", || world.phase(1) == Some(Phase::Ready)).await;
    let (up, began) = (began.elapsed(), Instant::now());
    world.write(1, |wish| wish.desired = Desired::Down);
    world.until("gone", || world.phase(1) == Some(Phase::Terminated)).await;
    (up, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_hundred_applications_that_hang_delay_no_other_environment() {
    let alone = {
        let world = World::new();
        world.start(None);
        tokio::time::sleep(Duration::from_secs(60)).await;
        up_and_down(&world).await
    };
    let world = World::new();
    world.start(None);
    for pr in 101..=220 {
        world.state().hanging.insert(pr);
        world.write(pr, |_| {});
    }
    let starting = |pr: u64| world.status(pr).is_some_and(|status| status.reason == "WaitingForHealth");
    world.until("all hang", || (101..=220).all(starting)).await;
    let (up, down) = up_and_down(&world).await;
    // Both the cloud and a reconcile that waits for it come again after three seconds, and may have been just before or after.
    let step = Duration::from_secs(7);
    assert!(up <= alone.0 + step, "an `up` took {up:?}, and {:?} alone", alone.0);
    assert!(down <= alone.1 + step, "a `down` took {down:?}, and {:?} alone", alone.1);
    // They are what they were: none was stopped for want of a probe, and none is ready.
    assert!((101..=220).all(|pr| world.phase(pr) == Some(Phase::Starting)));
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_hangs_delays_no_take_down() {
    let world = World::new();
    world.start(None);
    world.write(1, |_| {});
    world.until("ready", || world.phase(1) == Some(Phase::Ready)).await;
    world.state().trouble(REGISTRY, AWS_HANGS);
    for pr in 101..=300 {
        world.write(pr, |_| {});
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let began = Instant::now();
    world.write(1, |wish| wish.desired = Desired::Down);
    world.until("deleted", || world.cloud(1, |cloud| cloud.active().is_none())).await;
    assert!(began.elapsed() <= Duration::from_secs(1), "it was deleted after {:?}", began.elapsed());
    assert_eq!(world.status(101).map(|status| status.reason.to_string()).as_deref(), Some("RegistryUnavailable"));
}
