//! The door to the metrics: what the others report, without knowing who counts.

use std::time::Duration;

use bivouac_model::Usd;

/// Counts and measures. Every method returns at once.
pub trait Meter: Send + Sync {
    /// A call to AWS or the forge ended: `code` is `ok`, the error's code, `timeout`, `no answer`, or `given up` when its caller
    /// dropped it before an answer came.
    fn api_call(&self, service: &'static str, operation: &'static str, code: &str, took: Duration);
    /// A reconcile ended: `result` is one of `done`, `requeue`, `backoff`, `terminal`, `panic`.
    fn reconciled(&self, result: &'static str, took: Duration);
    /// How many keys could be worked on now in a queue; sampled every few seconds.
    fn queue_depth(&self, queue: &'static str, depth: usize);
    /// A pass over the whole cluster ended (`ok` or `error`) and saw so many environments.
    fn passed(&self, result: &'static str, environments: usize, took: Duration);
    /// How many environments are in each phase.
    fn phases(&self, counts: &[(&'static str, usize)]);
    /// Whether this process holds the lease.
    fn lease_held(&self, held: bool);
    /// Whether the item of the lease was unreadable when it was last read.
    fn lease_unreadable(&self, unreadable: bool) {
        let _ = unreadable;
    }
    /// How many calls the forge still allows this hour.
    fn forge_quota(&self, remaining: u64);
    /// How much content an audience was given on the forge within the last hour, and how much it may be given.
    fn forge_content(&self, audience: &'static str, written: usize, most: usize) {
        let _ = (audience, written, most);
    }
    /// Images were deleted, which frees so many bytes at most.
    fn images_deleted(&self, images: usize, bytes: u64) {
        let _ = (images, bytes);
    }
    /// Revisions of task definitions were deregistered or deleted.
    fn task_definitions_removed(&self, how: &'static str, revisions: usize) {
        let _ = (how, revisions);
    }
    /// A service that no record answers for was deleted, for this reason.
    fn service_reaped(&self, reason: &'static str) {
        let _ = reason;
    }
    /// What environments cost this calendar month (UTC), at the last complete pass.
    fn month_cost(&self, cost: &MonthCost) {
        let _ = cost;
    }
    /// Whether an alarm is raised that a person has to look at, at the last complete pass.
    fn guardrail_alarm(&self, reason: &'static str, raised: bool) {
        let _ = (reason, raised);
    }
}

/// What environments cost in a calendar month.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthCost {
    /// Until now.
    pub spent: Usd,
    /// With what is promised to those who run, until the end of their time or of the month.
    pub projected: Usd,
    /// What may be.
    pub budget: Usd,
    /// Until now by who asked, the dearest first; only the dearest few.
    pub dearest: Vec<(String, Usd)>,
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMeter;

impl Meter for NoMeter {
    fn api_call(&self, _: &'static str, _: &'static str, _: &str, _: Duration) {}
    fn reconciled(&self, _: &'static str, _: Duration) {}
    fn queue_depth(&self, _: &'static str, _: usize) {}
    fn passed(&self, _: &'static str, _: usize, _: Duration) {}
    fn phases(&self, _: &[(&'static str, usize)]) {}
    fn lease_held(&self, _: bool) {}
    fn forge_quota(&self, _: u64) {}
}
