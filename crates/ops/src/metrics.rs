//! The metrics: one place that counts, behind the door [`Meter`].

mod announced;
mod labels;

use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bivouac_model::Phase;
use bivouac_ports::{Meter, MonthCost};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::Readiness;
use crate::answers::Answers;
use announced::{Announced, Known, Unasked};
use labels::{
    AwsAnswer, AwsCall, ByAudience, ByPhase, ByQueue, ByReason, ByResult, ByUser, ByVersion, Codes, ForgeAnswer,
    ForgeCall, OTHER, fold,
};

/// A gauge of dollars.
type Dollars = Gauge<f64, AtomicU64>;

/// The service whose calls are counted as the forge's.
const FORGE: &str = "github";

/// How a reconcile can end: the four outcomes of [`Meter::reconciled`], and a panic.
const RECONCILE_RESULTS: [&str; 5] = ["done", "requeue", "backoff", "terminal", "panic"];

/// How a pass can end, by [`Meter::passed`].
const PASS_RESULTS: [&str; 2] = ["ok", "error"];

/// What becomes of a revision, by [`Meter::task_definitions_removed`].
const REMOVALS: [&str; 2] = ["deregistered", "deleted"];

/// Bounds of a reconcile, in seconds. Under 5 ms it made no call; one call is 30–100 ms; 0.5 and 1 are our own aims from
/// the wish to CreateService (median and 99th percentile); above 5 it waited for a token of an AWS rate bucket, of which
/// the slowest, task definitions, gives one a second; a minute is a queue of 60 there.
const RECONCILE_SECONDS: [f64; 13] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// Bounds of a call, in seconds: Prometheus's own defaults, made for the latency of a network service. Their end, 10, is
/// above the few seconds after which an attempt is given up.
const CALL_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Bounds of a pass, in seconds. A pass over 100 environments is 6 calls, one over 5,000 is 165 calls, whose rate buckets
/// refill at 20 a second; 30 is the resync of the default configuration: a pass above it delays the next one.
const PASS_SECONDS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// The metrics of this process. A clone counts into the same.
///
/// Every method of its [`Meter`] is safe from any thread, returns at once and never fails. The crate's front page lists
/// the metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    counted: Arc<Counted>,
    /// Whose answers the readiness follows, if it does.
    answers: Option<Arc<Answers>>,
}

#[derive(Debug)]
struct Counted {
    registry: Registry,
    codes: Codes,
    reconciles: Family<ByResult, Counter>,
    reconcile_took: Histogram,
    queue_depth: Family<ByQueue, Gauge>,
    aws_calls: Family<AwsAnswer, Counter>,
    aws_took: Family<AwsCall, Histogram>,
    forge_calls: Family<ForgeAnswer, Counter>,
    forge_took: Family<ForgeCall, Histogram>,
    forge_quota: Unasked,
    forge_content: Family<ByAudience, Gauge>,
    passes: Family<ByResult, Counter>,
    pass_took: Histogram,
    environments: Family<ByPhase, Gauge>,
    images_deleted: Counter,
    image_bytes_freed: Counter,
    task_definitions_removed: Family<ByResult, Counter>,
    month_cost: Known,
    month_cost_projected: Known,
    month_budget: Known,
    user_month_cost: Family<ByUser, Dollars>,
    services_reaped: Family<ByReason, Counter>,
    guardrail_alarms: Family<ByReason, Gauge>,
    lease_held: Gauge,
    lease_unreadable: Gauge,
}

impl Metrics {
    /// All metrics, with nothing counted yet. `version` is what `build_info` says, such as `0.1.0`.
    #[must_use]
    pub fn new(version: &str) -> Self {
        // Counters are registered without `_total`, histograms without `_seconds` and the info without `_info`: the
        // library adds the suffix that OpenMetrics wants.
        let mut registry = Registry::default();
        let r = &mut registry;
        let reconciles = family(r, "reconcile", "Reconciles that ended, by result");
        let reconcile_took = seconds(r, "reconcile_duration", "How long a reconcile took", &RECONCILE_SECONDS);
        let queue_depth = family(r, "workqueue_depth", "Keys that wait to be reconciled, by queue");
        let aws_calls = family(r, "aws_api_calls", "Attempts of calls to AWS, by how they were answered");
        let aws_took = call_seconds(r, "aws_api_call_duration", "How long an attempt of a call to AWS took");
        let forge_calls = family(r, "forge_api_calls", "Calls to the forge, by how they were answered");
        let forge_took = call_seconds(r, "forge_api_call_duration", "How long a call to the forge took");
        let forge_quota = Unasked::default();
        r.register("forge_quota_remaining", "Calls that the forge still allows this hour", forge_quota.clone());
        let help = "Writes to the forge within the last hour for this audience and for those that come after it";
        let forge_content = family(r, "forge_content_writes", help);
        let passes = family(r, "pass", "Passes over the whole cluster that ended, by result");
        let pass_took = seconds(r, "pass_duration", "How long a pass over the whole cluster took", &PASS_SECONDS);
        let environments = family(r, "environments", "Environments in each phase at the last complete pass");
        let images_deleted = Counter::default();
        r.register("images_deleted", "Images that were deleted, since nothing needed them", images_deleted.clone());
        let image_bytes_freed = Counter::default();
        let help = "Bytes of the images that were deleted; layers that others share stay";
        r.register("image_bytes_freed", help, image_bytes_freed.clone());
        let help = "Revisions of task definitions that nothing used, by what was done with them";
        let task_definitions_removed = family(r, "task_definitions_removed", help);
        let month_cost = known(r, "month_cost_usd", "What environments cost this calendar month, in dollars");
        let help = "The same with what is promised to those who run, in dollars";
        let month_cost_projected = known(r, "month_cost_projected_usd", help);
        let month_budget = known(r, "month_budget_usd", "What a calendar month may cost, in dollars");
        let help = "What the environments of who asked for most cost this calendar month, in dollars";
        let user_month_cost = family(r, "user_month_cost_usd", help);
        let services_reaped = family(r, "services_reaped", "Services without a record that were deleted, by reason");
        let help = "1 while this alarm of the guardrails is raised, else 0; what deletes is held by some";
        let guardrail_alarms = family(r, "guardrail_alarm", help);
        let lease_held = Gauge::default();
        r.register("lease_held", "1 while this process leads, else 0", lease_held.clone());
        let lease_unreadable = Gauge::default();
        let help = "1 while the item of the lease cannot be read, so that no process leads, else 0";
        r.register("lease_unreadable", help, lease_unreadable.clone());
        r.register("build", "Which build this is", Info::new(ByVersion { version: version.to_owned() }));
        start_at_zero(&reconciles, &RECONCILE_RESULTS);
        start_at_zero(&passes, &PASS_RESULTS);
        start_at_zero(&task_definitions_removed, &REMOVALS);
        let counted = Counted {
            registry,
            codes: Codes::default(),
            reconciles,
            reconcile_took,
            queue_depth,
            aws_calls,
            aws_took,
            forge_calls,
            forge_took,
            forge_quota,
            forge_content,
            passes,
            pass_took,
            environments,
            images_deleted,
            image_bytes_freed,
            task_definitions_removed,
            month_cost,
            month_cost_projected,
            month_budget,
            user_month_cost,
            services_reaped,
            guardrail_alarms,
            lease_held,
            lease_unreadable,
        };
        Self { counted: Arc::new(counted), answers: None }
    }

    /// The same metrics, which also have `condition` of `readiness` follow the answers to all calls of `service`.
    ///
    /// Once the condition holds, it is lost when nothing but failures has come for ten seconds, three at least, and holds
    /// again with the first answer. A condition that the caller set and that is refused is an answer.
    #[must_use]
    pub fn followed_by(self, readiness: &Readiness, condition: &'static str, service: &'static str) -> Self {
        let answers = Answers::new(service, readiness.clone(), condition);
        Self { answers: Some(Arc::new(answers)), ..self }
    }

    /// All metrics now, in the OpenMetrics text format.
    ///
    /// Each number is of this moment, but not all of the same one: what is counted meanwhile may show in a part of them.
    ///
    /// # Errors
    /// None that we know of: writing to a string does not fail, and the library has no other.
    pub fn scrape(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.counted.registry)?;
        Ok(text)
    }
}

impl Meter for Metrics {
    fn api_call(&self, service: &'static str, operation: &'static str, code: &str, took: Duration) {
        if let Some(answers) = self.answers.as_ref().filter(|answers| answers.service == service) {
            answers.heard(code, took);
        }
        let counted = &*self.counted;
        let code = counted.codes.label(code);
        let took = took.as_secs_f64();
        if service == FORGE {
            counted.forge_calls.get_or_create(&ForgeAnswer { operation, code }).inc();
            counted.forge_took.get_or_create(&ForgeCall { operation }).observe(took);
        } else {
            counted.aws_calls.get_or_create(&AwsAnswer { service, operation, code }).inc();
            counted.aws_took.get_or_create(&AwsCall { service, operation }).observe(took);
        }
    }

    fn reconciled(&self, result: &'static str, took: Duration) {
        let result = fold(&RECONCILE_RESULTS, result);
        self.counted.reconciles.get_or_create(&ByResult { result }).inc();
        self.counted.reconcile_took.observe(took.as_secs_f64());
    }

    fn queue_depth(&self, queue: &'static str, depth: usize) {
        self.counted.queue_depth.get_or_create(&ByQueue { queue }).set(whole(depth));
    }

    // How many environments it saw is not kept: the sum of `environments` says it, and a pass that failed saw none.
    fn passed(&self, result: &'static str, _environments: usize, took: Duration) {
        let result = fold(&PASS_RESULTS, result);
        self.counted.passes.get_or_create(&ByResult { result }).inc();
        self.counted.pass_took.observe(took.as_secs_f64());
    }

    fn phases(&self, counts: &[(&'static str, usize)]) {
        let set = |phase, count: usize| {
            self.counted.environments.get_or_create(&ByPhase { phase }).set(whole(count));
        };
        let known = Phase::ALL.map(Phase::as_str);
        let count_of = |phase| counts.iter().filter(|(each, _)| *each == phase).map(|(_, count)| count).sum();
        // A phase that is not mentioned has no environments any more; its old number must not stay.
        for phase in known {
            set(phase, count_of(phase));
        }
        let others = counts.iter().filter(|(phase, _)| !known.contains(phase)).map(|(_, count)| count).sum();
        if others > 0 || self.counted.environments.get(&ByPhase { phase: OTHER }).is_some() {
            set(OTHER, others);
        }
    }

    fn lease_held(&self, held: bool) {
        self.counted.lease_held.set(held.into());
        if !held {
            // Another process makes the passes now. Our last numbers would stay for ever, and a sum over the processes
            // would count each environment twice.
            self.counted.environments.clear();
            self.counted.queue_depth.clear();
            self.counted.guardrail_alarms.clear();
            let counted = &self.counted;
            for gauge in [&counted.month_cost, &counted.month_cost_projected, &counted.month_budget] {
                gauge.set(None);
            }
            self.counted.user_month_cost.clear();
        }
    }

    fn lease_unreadable(&self, unreadable: bool) {
        self.counted.lease_unreadable.set(unreadable.into());
    }

    fn images_deleted(&self, images: usize, bytes: u64) {
        self.counted.images_deleted.inc_by(images as u64);
        self.counted.image_bytes_freed.inc_by(bytes);
    }

    fn task_definitions_removed(&self, how: &'static str, revisions: usize) {
        let result = fold(&REMOVALS, how);
        self.counted.task_definitions_removed.get_or_create(&ByResult { result }).inc_by(revisions as u64);
    }

    fn month_cost(&self, cost: &MonthCost) {
        self.counted.month_cost.set(Some(cost.spent.dollars()));
        self.counted.month_cost_projected.set(Some(cost.projected.dollars()));
        self.counted.month_budget.set(Some(cost.budget.dollars()));
        // Who is not among the dearest any more is not told of any more.
        self.counted.user_month_cost.clear();
        for (user, amount) in &cost.dearest {
            self.counted.user_month_cost.get_or_create(&ByUser { user: user.clone() }).set(amount.dollars());
        }
    }

    fn service_reaped(&self, reason: &'static str) {
        self.counted.services_reaped.get_or_create(&ByReason { reason }).inc();
    }

    fn guardrail_alarm(&self, reason: &'static str, raised: bool) {
        self.counted.guardrail_alarms.get_or_create(&ByReason { reason }).set(raised.into());
    }

    fn forge_quota(&self, remaining: u64) {
        self.counted.forge_quota.set(whole(remaining));
    }

    fn forge_content(&self, audience: &'static str, written: usize, _: usize) {
        let written = i64::try_from(written).unwrap_or(i64::MAX);
        self.counted.forge_content.get_or_create(&ByAudience { audience }).set(written);
    }
}

/// A family by labels, announced from the start.
fn family<S, M>(registry: &mut Registry, name: &str, help: &str) -> Family<S, M>
where
    S: Labels,
    M: Default + Member,
{
    let family = Family::<S, M>::default();
    registry.register(name, help, Announced(family.clone()));
    family
}

/// A gauge of dollars without labels, announced from the start.
fn known(registry: &mut Registry, name: &str, help: &str) -> Known {
    let gauge = Known::default();
    registry.register(name, help, gauge.clone());
    gauge
}

/// A histogram without labels, in seconds.
fn seconds(registry: &mut Registry, name: &str, help: &str, bounds: &[f64]) -> Histogram {
    let histogram = Histogram::new(bounds.iter().copied());
    registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
    histogram
}

/// A histogram of calls by labels, in seconds, announced from the start.
fn call_seconds<S: Labels>(registry: &mut Registry, name: &str, help: &str) -> Family<S, Histogram> {
    let family = Family::<S, Histogram>::new_with_constructor(|| Histogram::new(CALL_SECONDS));
    registry.register_with_unit(name, help, Unit::Seconds, Announced(family.clone()));
    family
}

/// Makes the counters of these results exist.
fn start_at_zero(family: &Family<ByResult, Counter>, results: &[&'static str]) {
    for result in results {
        let _ = family.get_or_create(&ByResult { result });
    }
}

/// What a gauge can hold. Both counts are of things that fit into memory, or of a quota of thousands.
fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// What the labels of a family must be able to do.
trait Labels: EncodeLabelSet + Clone + Eq + Hash + Debug + Send + Sync + 'static {}
impl<S: EncodeLabelSet + Clone + Eq + Hash + Debug + Send + Sync + 'static> Labels for S {}

/// What the members of a family must be able to do.
trait Member: EncodeMetric + TypedMetric + Debug + Send + Sync + 'static {}
impl<M: EncodeMetric + TypedMetric + Debug + Send + Sync + 'static> Member for M {}
