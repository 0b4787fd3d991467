//! The metrics, under the names the field uses.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bivouac_model::Phase;
use bivouac_ports::Meter;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::labels::{AnsweredCallLabels, CallLabels, Codes, PhaseLabel, QueueLabel, ResultLabel};

/// Seconds. From the five milliseconds of a local answer to the thirty seconds at which our operation timeouts have long
/// fired: the default buckets of Prometheus' client libraries, and two more.
const CALL_BUCKETS: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0];
/// Seconds. A reconcile with nothing to do is done within microseconds; one with a write waits for AWS.
const RECONCILE_BUCKETS: [f64; 13] = [0.0001, 0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Seconds. A pass over 5,000 environments needs 165 calls, held to 20 a second by the quotas of ECS.
const PASS_BUCKETS: [f64; 11] = [0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

type HistogramMaker = fn() -> Histogram;

/// Everything that is counted. Clones share one state; no method waits.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    codes: Codes,
    api_calls: Family<AnsweredCallLabels, Counter>,
    api_call_seconds: Family<CallLabels, Histogram, HistogramMaker>,
    reconciles: Family<ResultLabel, Counter>,
    reconcile_seconds: Histogram,
    queue_depth: Family<QueueLabel, Gauge>,
    passes: Family<ResultLabel, Counter>,
    pass_seconds: Histogram,
    pass_environments: Gauge,
    environments: Family<PhaseLabel, Gauge>,
    lease_held: Gauge,
    forge_quota: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// Nothing counted yet. `version` is what `build_info` says.
    pub fn new(version: &'static str) -> Self {
        let mut registry = Registry::default();
        let api_calls = Family::default();
        let api_call_seconds = Family::new_with_constructor((|| Histogram::new(CALL_BUCKETS)) as HistogramMaker);
        let (reconciles, reconcile_seconds) = (Family::default(), Histogram::new(RECONCILE_BUCKETS));
        let (passes, pass_seconds) = (Family::default(), Histogram::new(PASS_BUCKETS));
        let (queue_depth, environments) = (Family::default(), Family::<PhaseLabel, Gauge>::default());
        let (pass_environments, lease_held, forge_quota) = (Gauge::default(), Gauge::default(), Gauge::default());
        // Counters get `_total` from the encoder, and `build` its `_info`.
        registry.register("reconcile", "Reconciles that ended, by result", reconciles.clone());
        registry.register("reconcile_duration_seconds", "How long a reconcile took", reconcile_seconds.clone());
        registry.register("workqueue_depth", "Keys that wait in a queue", queue_depth.clone());
        registry.register("aws_api_calls", "Calls to AWS and the forge that were answered, by code", api_calls.clone());
        registry.register("aws_api_call_duration_seconds", "How long a call took", api_call_seconds.clone());
        registry.register("lease_held", "Whether this process leads", lease_held.clone());
        registry.register("passes", "Passes over the whole cluster, by result", passes.clone());
        registry.register("pass_duration_seconds", "How long a pass over the whole cluster took", pass_seconds.clone());
        registry.register("pass_environments", "Environments that the last pass saw", pass_environments.clone());
        registry.register("environments", "Environments, by phase", environments.clone());
        registry.register("forge_quota_remaining", "Calls the forge still allows this hour", forge_quota.clone());
        registry.register("build", "What this process was built from", Info::new([("version", version)]));
        let metrics = Self(Arc::new(Inner {
            registry,
            codes: Codes::default(),
            api_calls,
            api_call_seconds,
            reconciles,
            reconcile_seconds,
            queue_depth,
            passes,
            pass_seconds,
            pass_environments,
            environments,
            lease_held,
            forge_quota,
        }));
        metrics.phases(&[]);
        metrics
    }

    /// All metrics as OpenMetrics text.
    ///
    /// # Errors
    /// Only if a metric has no textual form, which none of ours lacks.
    pub fn openmetrics(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(text)
    }
}

/// A count as a gauge holds it.
fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Meter for Metrics {
    fn api_call(&self, service: &'static str, operation: &'static str, code: &str, took: Duration) {
        let code = self.0.codes.bounded(code);
        self.0.api_calls.get_or_create(&AnsweredCallLabels { service, operation, code }).inc();
        self.0.api_call_seconds.get_or_create(&CallLabels { service, operation }).observe(took.as_secs_f64());
    }

    fn reconciled(&self, result: &'static str, took: Duration) {
        self.0.reconciles.get_or_create(&ResultLabel { result }).inc();
        self.0.reconcile_seconds.observe(took.as_secs_f64());
    }

    fn queue_depth(&self, queue: &'static str, depth: usize) {
        self.0.queue_depth.get_or_create(&QueueLabel { name: queue }).set(gauge(depth));
    }

    fn passed(&self, result: &'static str, environments: usize, took: Duration) {
        self.0.passes.get_or_create(&ResultLabel { result }).inc();
        self.0.pass_seconds.observe(took.as_secs_f64());
        self.0.pass_environments.set(gauge(environments));
    }

    fn phases(&self, counts: &[(&'static str, usize)]) {
        // Each phase is always there, so that a graph of one that emptied shows 0 and not its last value.
        for phase in Phase::ALL.map(Phase::as_str) {
            let count = counts.iter().filter(|(counted, _)| *counted == phase).map(|(_, count)| count).sum();
            self.0.environments.get_or_create(&PhaseLabel { phase }).set(gauge(count));
        }
    }

    fn lease_held(&self, held: bool) {
        self.0.lease_held.set(i64::from(held));
    }

    #[allow(clippy::cast_precision_loss)] // A quota is some thousands.
    fn forge_quota(&self, remaining: u64) {
        self.0.forge_quota.set(remaining as f64);
    }
}
