//! What environments cost, whatever clients do to the records.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bivouac_model::{Month, Phase, Record, SpendingEntry, Usd};
use bivouac_planner::{Policy, Prices};
use bivouac_simcloud::Options;
use chrono::Utc;

use crate::reaping::program;
use crate::system::{REPO, System, n, phase_of, policy, reason_of, s};
use crate::wait::until;

/// A dollar a second, so that a test of seconds shows what is lost.
pub fn dear() -> Policy {
    let mut policy = policy();
    policy.prices = Prices { public_ipv4_hour: 3600.0, ..Prices::default() };
    policy.caps.monthly_budget = Usd::from_dollars(1e8);
    policy
}

pub async fn start(policy: Policy) -> System {
    let mut system = System::without_daemon(Options::default(), policy).await;
    system.launch();
    system
}

pub fn cost(record: &Record) -> Usd {
    record.status.as_ref().map_or(Usd::ZERO, |status| status.cost_at(Utc::now()))
}

/// The newest entry of the ledger.
async fn entry(system: &System, pr: u64) -> Option<SpendingEntry> {
    let month = Month::of(Utc::now());
    let entries = system.doors.spending.months(&[month.previous(), month]).await.expect("the ledger");
    let name = format!("{REPO}#{pr}");
    entries.into_iter().filter(|entry| entry.environment.to_string() == name).max_by_key(|entry| entry.month)
}

pub async fn until_it_cost(system: &System, pr: u64, dollars: f64) -> Usd {
    let record = system.until(pr, "that dear", |record| cost(record) >= Usd::from_dollars(dollars)).await;
    cost(&record)
}

/// The example of a client in docs/reference/records.md.
pub async fn put_whole(system: &System, pr: u64) {
    system.put(pr, &[("requested_by", s("ada")), ("ttl", s("48h"))]).await;
}

async fn until_ready_again(system: &System, pr: u64) -> Record {
    system
        .until(pr, "ready, with its comment", |record| {
            phase_of(record) == Some(Phase::Ready)
                && record.status.as_ref().is_some_and(|status| status.machinery.comment.is_some())
        })
        .await
}

async fn delete(system: &System, pr: u64) {
    let delete = system.table.delete_item().table_name("bivouac-environments");
    delete.key("repo", s(REPO)).key("pr", n(pr)).send().await.expect("delete-item");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_put_whole_over_a_running_environment_twice_still_costs_everything() {
    let system = start(dear()).await;
    let directory = tempfile::tempdir().expect("a directory");
    let program = program(&system, &directory);
    let pr = system.pull_request();
    put_whole(&system, pr).await;
    system.until_phase(pr, Phase::Ready).await;
    let mut most = 3.0;
    for _ in 0..2 {
        let before = until_it_cost(&system, pr, most).await;
        put_whole(&system, pr).await;
        let after = cost(&until_ready_again(&system, pr).await);
        assert!(after >= before, "it cost {before}, and {after} after the item was put");
        most = after.dollars() + 2.0;
    }
    system.until_settled().await;

    // The comment, `get`, the record and the ledger say the same.
    system.set(pr, "desired", s("asleep")).await;
    system.until_phase(pr, Phase::Asleep).await;
    system.until_no_task_runs().await;
    system.until_comment(pr, "and nothing more now").await;
    system.until_settled().await;
    let record = system.record(pr).await.expect("a record");
    let asleep = cost(&record);
    // A price ends on a whole second, and `after` was computed within one.
    assert!(asleep >= Usd::from_dollars(most - 2.0 - 1.0), "{asleep}");
    let entry = entry(&system, pr).await.expect("an entry");
    assert_eq!((entry.spending().cost_at(Utc::now()), entry.requested_by.as_deref()), (asleep, Some("ada")));
    system.until_comment(pr, &format!("{asleep} so far, and nothing more now")).await;
    let (code, out, said) = program.outcome(&["get", &format!("{REPO}#{pr}"), "-o", "json"]).await;
    assert_eq!(code, Some(0), "{said}");
    let shown: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(shown["cost_usd"].as_f64(), Some(asleep.dollars()), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cost_that_a_client_writes_is_put_right() {
    let system = start(dear()).await;
    let pr = system.pull_request();
    put_whole(&system, pr).await;
    system.until_phase(pr, Phase::Ready).await;
    let before = until_it_cost(&system, pr, 3.0).await;
    for wrong in ["0", "999999", "-1"] {
        system.set(pr, "cost_usd", n(wrong)).await;
        let right = |record: &Record| cost(record) >= before && cost(record) < Usd::from_dollars(9e4);
        system.until(pr, "put right", right).await;
    }
    system.until_settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_months_budget_counts_what_a_deleted_record_spent() {
    let mut policy = dear();
    policy.caps.monthly_budget = Usd::from_dollars(60.0);
    let system = start(policy).await;
    let (first, second) = (system.pull_request(), system.pull_request());
    system.put(first, &[("requested_by", s("ada")), ("ttl", s("50s"))]).await;
    system.until_phase(first, Phase::Ready).await;
    until_it_cost(&system, first, 10.0).await;
    system.set(first, "desired", s("down")).await;
    system.until_phase(first, Phase::Terminated).await;
    delete(&system, first).await;
    system.until_settled().await;

    // Nothing runs, and of the budget there are 50 dollars left at most.
    system.put(second, &[("requested_by", s("ada")), ("ttl", s("55s"))]).await;
    let waits = system.until_phase(second, Phase::Queued).await;
    assert_eq!(reason_of(&waits), "MonthlyBudget");
    assert!(system.services().is_empty());

    // A new record of the first pull request goes on from what the deleted one spent.
    system.set(second, "desired", s("down")).await;
    system.until_phase(second, Phase::Terminated).await;
    let spent = entry(&system, first).await.expect("an entry").spending().cost_at(Utc::now());
    system.put(first, &[("ttl", s("5s"))]).await;
    system.until_phase(first, Phase::Ready).await;
    let gone = system.until_phase(first, Phase::Terminated).await;
    assert!(cost(&gone) > spent, "{spent} before, and {} now", cost(&gone));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phase_of_a_newer_release_loses_nothing() {
    let system = start(dear()).await;
    let pr = system.pull_request();
    put_whole(&system, pr).await;
    until_ready_again(&system, pr).await;
    let before = until_it_cost(&system, pr, 3.0).await;
    let status = system.record(pr).await.unwrap().status.unwrap();

    // As a release of next year would leave it.
    let theirs: HashMap<&str, AttributeValue> = [
        ("regions", AttributeValue::Ss(vec!["eu-west-1".into(), "us-west-2".into()])),
        ("seal", AttributeValue::B(Blob::new([0, 255]))),
        ("capacity", s("managed-instances")),
    ]
    .into();
    for (name, value) in &theirs {
        system
            .table
            .update_item()
            .table_name("bivouac-environments")
            .key("repo", s(REPO))
            .key("pr", n(pr))
            .update_expression("SET #status.#name = :value, phase = :phase, hibernates_since = :value")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#name", *name)
            .expression_attribute_values(":value", value.clone())
            .expression_attribute_values(":phase", s("Hibernating"))
            .send()
            .await
            .expect("update-item");
    }
    system
        .until(pr, "ready again", |record| record.status.as_ref().is_some_and(|status| status.knows_its_phase()))
        .await;
    let after = system.until_phase(pr, Phase::Ready).await;
    system.until_settled().await;
    assert!(cost(&after) >= before, "{before} {}", cost(&after));
    let now = after.status.unwrap();
    assert_eq!(now.machinery.comment.as_ref().map(|one| one.id), status.machinery.comment.map(|one| one.id));
    assert_eq!(now.machinery.first_seen_at, status.machinery.first_seen_at);
    assert_eq!((system.comments(pr).len(), now.url), (1, status.url));

    let get = system.table.get_item().table_name("bivouac-environments").consistent_read(true);
    let raw = get.key("repo", s(REPO)).key("pr", n(pr)).send().await.expect("get-item").item.expect("an item");
    let map = raw["status"].as_m().expect("a map");
    assert_eq!((&map["regions"], &map["seal"]), (&theirs["regions"], &theirs["seal"]));
    assert!(raw.contains_key("hibernates_since"), "an attribute that this release does not know");
}

/// Records of the release before, which had no ledger.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_begins_with_what_the_records_say() {
    let mut system = System::without_daemon(Options::default(), dear()).await;
    let pr = system.pull_request();
    put_whole(&system, pr).await;
    system.launch();
    system.until_phase(pr, Phase::Ready).await;
    until_it_cost(&system, pr, 2.0).await;
    system.stop().await;
    // What the release before leaves: no ledger, and no mark of one in the record.
    let month = Month::of(Utc::now());
    let forget = system.table.delete_item().table_name("bivouac-events");
    let forget = forget.key("environment", s(&format!("spending#{month}"))).key("at", s(&format!("{REPO}#{pr}")));
    forget.send().await.expect("delete-item");
    let unmark = system.table.update_item().table_name("bivouac-environments").key("repo", s(REPO)).key("pr", n(pr));
    let unmark = unmark.update_expression("REMOVE #status.booked").expression_attribute_names("#status", "status");
    unmark.send().await.expect("update-item");
    let before = cost(&system.record(pr).await.unwrap());

    system.launch();
    until("the ledger to have it", async || match entry(&system, pr).await {
        Some(entry) if entry.spending().cost_at(Utc::now()) >= before => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    put_whole(&system, pr).await;
    let after = cost(&until_ready_again(&system, pr).await);
    assert!(after >= before, "{before} {after}");
    system.until_settled().await;
}
