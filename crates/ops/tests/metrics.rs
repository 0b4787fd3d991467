//! What `/metrics` says, read back by a reader that knows the rules of the format.

#[path = "support/exposition.rs"]
mod exposition;
mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use bivouac_model::{Phase, Usd};
use bivouac_ops::Metrics;
use bivouac_ports::{Meter, MonthCost};
use exposition::Exposition;
use proptest::prelude::*;
use support::Server;

const MS: Duration = Duration::from_millis(1);

fn read(metrics: &Metrics) -> Exposition {
    let text = metrics.scrape().expect("a scrape");
    Exposition::parse(&text).unwrap_or_else(|rule| panic!("{rule}\n{text}"))
}

/// Makes every metric have a sample.
fn fill(metrics: &Metrics) {
    metrics.api_call("ECS", "ListServices", "ok", 30 * MS);
    metrics.api_call("github", "CreateComment", "502", 300 * MS);
    metrics.reconciled("done", 2 * MS);
    metrics.queue_depth("environments", 7);
    metrics.passed("ok", 3, 900 * MS);
    metrics.phases(&[("Ready", 2), ("Failed", 1)]);
    metrics.images_deleted(3, 1_000);
    metrics.task_definitions_removed("deregistered", 2);
    metrics.month_cost(&cost(&["ada"]));
    metrics.service_reaped("Orphaned");
    metrics.guardrail_alarm("EmptyTable", true);
    metrics.lease_held(true);
    metrics.forge_quota(4_999);
    metrics.forge_content("member", 12, 250);
}

fn cost(dearest: &[&str]) -> MonthCost {
    let usd = Usd::from_dollars;
    let dearest = dearest.iter().map(|user| ((*user).to_owned(), usd(1.25))).collect();
    MonthCost { spent: usd(2.5), projected: usd(7.75), budget: usd(100.0), dearest }
}

/// Each family with its type and what the names of its samples are.
const FAMILIES: [(&str, &str); 24] = [
    ("reconcile", "counter"),
    ("reconcile_duration_seconds", "histogram"),
    ("workqueue_depth", "gauge"),
    ("aws_api_calls", "counter"),
    ("aws_api_call_duration_seconds", "histogram"),
    ("forge_api_calls", "counter"),
    ("forge_api_call_duration_seconds", "histogram"),
    ("forge_quota_remaining", "gauge"),
    ("forge_content_writes", "gauge"),
    ("pass", "counter"),
    ("pass_duration_seconds", "histogram"),
    ("environments", "gauge"),
    ("images_deleted", "counter"),
    ("image_bytes_freed", "counter"),
    ("task_definitions_removed", "counter"),
    ("month_cost_usd", "gauge"),
    ("month_cost_projected_usd", "gauge"),
    ("month_budget_usd", "gauge"),
    ("user_month_cost_usd", "gauge"),
    ("services_reaped", "counter"),
    ("guardrail_alarm", "gauge"),
    ("lease_held", "gauge"),
    ("lease_unreadable", "gauge"),
    ("build", "info"),
];

#[test]
fn every_family_is_announced_from_the_first_scrape_on() {
    let metrics = Metrics::new("1.2.3");
    let fresh = read(&metrics);
    fill(&metrics);
    let full = read(&metrics);
    for exposition in [&fresh, &full] {
        let announced: BTreeSet<(&str, &str)> =
            exposition.0.iter().map(|(name, family)| (name.as_str(), family.kind.as_str())).collect();
        assert_eq!(announced, BTreeSet::from(FAMILIES));
    }
    assert!(full.0.values().all(|family| !family.samples.is_empty()), "{full:?}");
}

#[test]
fn the_front_page_documents_every_metric_with_its_labels() {
    let metrics = Metrics::new("1.2.3");
    fill(&metrics);
    let page = include_str!("../src/lib.rs");
    for (family, kind) in FAMILIES {
        let name = match kind {
            "counter" => format!("{family}_total"),
            "info" => format!("{family}_info"),
            _ => family.to_owned(),
        };
        let row = page.lines().find(|line| line.starts_with(&format!("//! | `{name}` | {kind} |")));
        let row = row.unwrap_or_else(|| panic!("{name} has no row"));
        let shown = &read(&metrics).0[family].samples;
        for label in shown.iter().flat_map(|(_, labels, _)| labels.keys()).filter(|label| *label != "le") {
            assert!(row.contains(&format!("`{label}`")), "{name} does not document {label}");
        }
    }
    let rows = page.lines().filter(|line| line.starts_with("//! | `") && !line.starts_with("//! | `/")).count();
    assert_eq!(rows, FAMILIES.len(), "no row for a metric that is gone");
}

#[test]
fn a_fresh_process_says_zero_where_it_knows_and_nothing_where_it_does_not() {
    let fresh = read(&Metrics::new("1.2.3"));
    for result in ["done", "requeue", "backoff", "terminal", "panic"] {
        assert_eq!(fresh.value("reconcile_total", &[("result", result)]), Some(0.0), "{result}");
    }
    for result in ["ok", "error"] {
        assert_eq!(fresh.value("pass_total", &[("result", result)]), Some(0.0), "{result}");
    }
    assert_eq!(fresh.value("lease_held", &[]), Some(0.0));
    assert_eq!(fresh.value("lease_unreadable", &[]), Some(0.0));
    assert_eq!(fresh.value("build_info", &[("version", "1.2.3")]), Some(1.0));
    assert_eq!(fresh.value("forge_quota_remaining", &[]), None);
    assert!(fresh.all("environments").is_empty() && fresh.all("workqueue_depth").is_empty());
}

#[test]
fn the_cost_of_the_month_is_told_in_dollars_and_only_by_who_leads() {
    let metrics = Metrics::new("1.2.3");
    metrics.lease_held(true);
    metrics.month_cost(&cost(&["ada", "grace"]));
    metrics.month_cost(&cost(&["grace"]));
    let shown = read(&metrics);
    let told = ["month_cost_usd", "month_cost_projected_usd", "month_budget_usd"].map(|name| shown.value(name, &[]));
    assert_eq!(told, [Some(2.5), Some(7.75), Some(100.0)]);
    assert_eq!(shown.value("user_month_cost_usd", &[("user", "grace")]), Some(1.25));
    assert_eq!(shown.value("user_month_cost_usd", &[("user", "ada")]), None, "not among the dearest any more");
    metrics.lease_held(false);
    let shown = read(&metrics);
    assert!(shown.all("month_cost_usd").is_empty() && shown.all("user_month_cost_usd").is_empty());
}

#[test]
fn calls_to_the_forge_are_counted_apart_from_those_to_aws() {
    let metrics = Metrics::new("1.2.3");
    metrics.api_call("ECS", "UpdateService", "ok", 40 * MS);
    metrics.api_call("ECS", "UpdateService", "ThrottlingException", 6 * MS);
    metrics.api_call("github", "EditComment", "ok", 200 * MS);
    metrics.forge_quota(0);
    let shown = read(&metrics);
    let call = [("service", "ECS"), ("operation", "UpdateService")];
    for code in ["ok", "ThrottlingException"] {
        assert_eq!(shown.value("aws_api_calls_total", &[call[0], call[1], ("code", code)]), Some(1.0), "{code}");
    }
    assert_eq!(shown.value("aws_api_call_duration_seconds_count", &call), Some(2.0));
    let took = shown.value("aws_api_call_duration_seconds_sum", &call).expect("a sum");
    assert!((took - 0.046).abs() < 1e-9, "in seconds: {took}");
    assert_eq!(shown.value("forge_api_calls_total", &[("operation", "EditComment"), ("code", "ok")]), Some(1.0));
    assert_eq!(shown.value("forge_api_call_duration_seconds_count", &[("operation", "EditComment")]), Some(1.0));
    assert_eq!(shown.value("forge_quota_remaining", &[]), Some(0.0), "a quota used up is a number");
    assert_eq!(shown.all("aws_api_calls_total").len(), 2);
}

#[test]
fn results_that_nobody_knows_are_other() {
    let metrics = Metrics::new("1.2.3");
    metrics.reconciled("exploded", MS);
    metrics.reconciled("imploded", MS);
    metrics.passed("half", 1, MS);
    let shown = read(&metrics);
    assert_eq!(shown.value("reconcile_total", &[("result", "other")]), Some(2.0));
    assert_eq!(shown.value("pass_total", &[("result", "other")]), Some(1.0));
    assert_eq!(shown.all("reconcile_total").len(), 6);
}

#[test]
fn a_time_falls_into_the_buckets_from_its_own_on() {
    let metrics = Metrics::new("1.2.3");
    metrics.reconciled("done", 500 * MS);
    metrics.reconciled("requeue", Duration::from_secs(3_600));
    let shown = read(&metrics);
    let bucket = |le| shown.value("reconcile_duration_seconds_bucket", &[("le", le)]);
    assert_eq!([bucket("0.25"), bucket("0.5"), bucket("60.0"), bucket("+Inf")], [0.0, 1.0, 1.0, 2.0].map(Some));
}

#[test]
fn the_phases_are_those_of_the_last_pass() {
    let metrics = Metrics::new("1.2.3");
    metrics.phases(&[("Ready", 3), ("Failed", 1)]);
    metrics.phases(&[("Ready", 2), ("Ready", 2), ("Confused", 5)]);
    let shown = read(&metrics);
    let phase = |phase| shown.value("environments", &[("phase", phase)]);
    assert_eq!([phase("Ready"), phase("Failed"), phase("other")], [4.0, 0.0, 5.0].map(Some));
    assert!(Phase::ALL.iter().all(|each| phase(each.as_str()).is_some()), "every phase is there");
    metrics.phases(&[]);
    assert!(read(&metrics).all("environments").iter().all(|(_, count)| *count == 0.0));
}

#[test]
fn a_lease_that_cannot_be_read_is_an_alarm_of_every_replica() {
    let metrics = Metrics::new("1.2.3");
    metrics.lease_unreadable(true);
    metrics.lease_held(false);
    assert_eq!(read(&metrics).value("lease_unreadable", &[]), Some(1.0));
    metrics.lease_unreadable(false);
    assert_eq!(read(&metrics).value("lease_unreadable", &[]), Some(0.0));
}

#[test]
fn who_does_not_lead_knows_no_environments() {
    let metrics = Metrics::new("1.2.3");
    fill(&metrics);
    assert_eq!(read(&metrics).value("lease_held", &[]), Some(1.0));
    metrics.lease_held(false);
    let shown = read(&metrics);
    assert_eq!(shown.value("lease_held", &[]), Some(0.0));
    assert!(shown.all("environments").is_empty() && shown.all("workqueue_depth").is_empty());
    assert_eq!(shown.value("reconcile_total", &[("result", "done")]), Some(1.0), "counters never go back");
}

#[test]
fn a_flood_of_codes_makes_a_bounded_number_of_series() {
    let metrics = Metrics::new("1.2.3");
    for n in 0..10_000 {
        metrics.api_call("EC2", "DescribeNetworkInterfaces", &format!("Request-{n}.{}", "x".repeat(500)), MS);
    }
    let shown = read(&metrics);
    let calls = shown.all("aws_api_calls_total");
    assert!(calls.len() <= 257, "{}", calls.len());
    assert!(calls.iter().all(|(labels, _)| labels["code"].len() <= 64));
    assert_eq!(calls.iter().map(|(_, count)| count).sum::<f64>(), 10_000.0, "every call is counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_when_many_count_while_others_scrape() {
    const TASKS: usize = 16;
    const EACH: usize = 500;
    let server = Server::start(&[]).await;
    let counting: Vec<_> = (0..TASKS)
        .map(|task| {
            let metrics = server.ops.metrics.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    metrics.api_call("ECS", "DescribeTasks", if n % 2 == 0 { "ok" } else { "ServerException" }, MS);
                    metrics.reconciled("done", MS);
                    metrics.queue_depth("environments", n);
                    metrics.phases(&[("Ready", task)]);
                    if n % 50 == 0 {
                        metrics.lease_held(n % 100 == 0);
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    let mut before = 0.0;
    while before < (TASKS * EACH) as f64 {
        let body = server.get("/metrics").await.body;
        let shown = Exposition::parse(&body).unwrap_or_else(|rule| panic!("{rule}\n{body}"));
        let now = shown.value("reconcile_total", &[("result", "done")]).expect("it starts at zero");
        assert!(now >= before, "a counter went back from {before} to {now}");
        if now == before && counting.iter().all(|task| task.is_finished()) {
            break;
        }
        before = now;
    }
    for task in counting {
        task.await.expect("it counts to its end");
    }
    let shown = Exposition::parse(&server.get("/metrics").await.body).expect("well-formed");
    let all = (TASKS * EACH) as f64;
    assert_eq!(shown.value("reconcile_total", &[("result", "done")]), Some(all));
    assert_eq!(shown.value("reconcile_duration_seconds_count", &[]), Some(all));
    let calls = shown.all("aws_api_calls_total");
    assert_eq!(calls.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [all / 2.0; 2]);
    server.stopped().await;
}

proptest! {
    #[test]
    fn whatever_comes_over_the_wire_the_scrape_stays_well_formed(
        calls in prop::collection::vec((any::<bool>(), any::<String>(), any::<u64>()), 0..20),
        version in any::<String>(),
        depth in any::<usize>(),
        quota in any::<u64>(),
    ) {
        let metrics = Metrics::new(&version);
        metrics.queue_depth("environments", depth);
        metrics.forge_quota(quota);
        for (forge, code, nanos) in &calls {
            let service = if *forge { "github" } else { "ECR" };
            metrics.api_call(service, "Operation", code, Duration::from_nanos(*nanos));
        }
        let shown = Exposition::parse(&metrics.scrape().expect("a scrape")).map_err(TestCaseError::fail)?;
        let names = ["aws_api_calls_total", "forge_api_calls_total"];
        let counted: f64 = names.iter().flat_map(|name| shown.all(name)).map(|(_, count)| count).sum();
        prop_assert_eq!(counted, calls.len() as f64);
        prop_assert_eq!(shown.value("build_info", &[("version", &version)]), Some(1.0));
    }
}

#[test]
fn the_reader_of_these_tests_refuses_what_is_wrong() {
    let head = "# HELP a A.\n# TYPE a counter\n";
    for (rule, text) in [
        ("no EOF", format!("{head}a_total 1\n")),
        ("no TYPE", "# HELP a A.\na_total 1\n# EOF\n".to_owned()),
        ("no HELP", "# TYPE a counter\na_total 1\n# EOF\n".to_owned()),
        ("no family", "a_total 1\n# EOF\n".to_owned()),
        ("no suffix", format!("{head}a 1\n# EOF\n")),
        ("other family", format!("{head}b_total 1\n# EOF\n")),
        ("twice", format!("{head}a_total 1\na_total 1\n# EOF\n")),
        ("open label", format!("{head}a_total{{x=\"1}} 1\n# EOF\n")),
        ("raw quote", format!("{head}a_total{{x=\"1\"2\"}} 1\n# EOF\n")),
        ("no number", format!("{head}a_total one\n# EOF\n")),
        ("two blocks", format!("{head}a_total 1\n# HELP b B.\n# TYPE b gauge\nb 1\n{head}# EOF\n")),
        ("shrinking", "# HELP h H.\n# TYPE h histogram\nh_sum 1\nh_count 1\nh_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\n# EOF\n".to_owned()),
        ("no +Inf", "# HELP h H.\n# TYPE h histogram\nh_sum 1\nh_count 1\nh_bucket{le=\"1.0\"} 1\n# EOF\n".to_owned()),
    ] {
        assert!(Exposition::parse(&text).is_err(), "{rule} passed");
    }
    assert!(Exposition::parse(&format!("{head}a_total{{x=\"1\\\"2\"}} 1\n# EOF\n")).is_ok());
}
