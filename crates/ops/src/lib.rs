//! What operations see: health, readiness and metrics.
//!
//! [`serve`] answers three paths over HTTP/1.1, in plain text:
//!
//! | path | answers |
//! |---|---|
//! | `/healthz` | 200 `ok`: the process is alive and its executor runs |
//! | `/readyz` | 200 when every condition of [`Readiness`] holds, else 503; one line a condition, `[+]tables ok`, `[-]tables not yet` or `[-]tables lost: the last calls failed` |
//! | `/metrics` | 200, the metrics below in the OpenMetrics 1.0 text format |
//!
//! Any other path is 404, any method but GET and HEAD is 405, and a request's body is never read.
//!
//! A listener takes a limited number of connections ([`Limits`]). For one more, it drops the connection that has been idle
//! for the longest time, first of the network that has the most. Two listeners share no limit.
//!
//! # Metrics
//!
//! Each is announced (HELP and TYPE) from the first scrape on. A counter whose labels are known beforehand also starts
//! at 0 with each of them, so that `rate()` sees its first step.
//!
//! | metric | type | labels | meaning |
//! |---|---|---|---|
//! | `reconcile_total` | counter | `result`: `done`, `requeue`, `backoff`, `terminal`, `panic`, `other` | reconciles that ended |
//! | `reconcile_duration_seconds` | histogram | | how long a reconcile took |
//! | `workqueue_depth` | gauge | `queue` | keys that wait to be reconciled; absent while another process leads |
//! | `aws_api_calls_total` | counter | `service`, `operation`, `code` | attempts of calls to AWS; `code` is `ok`, AWS's error code, `timeout`, `no answer`, or `given up` by its caller |
//! | `aws_api_call_duration_seconds` | histogram | `service`, `operation` | how long an attempt of a call to AWS took |
//! | `forge_api_calls_total` | counter | `operation`, `code` | calls to the forge; `code` is `ok` or the error's code |
//! | `forge_api_call_duration_seconds` | histogram | `operation` | how long a call to the forge took |
//! | `forge_quota_remaining` | gauge | | calls that the forge still allows this hour; absent until it has said so |
//! | `forge_content_writes` | gauge | `audience`: `environment`, `member`, `stranger` | writes to the forge within the last hour for this audience and for those after it in this list, at the last one; GitHub allows 500 in all, of which `member` may be 250 and `stranger` 50 |
//! | `pass_total` | counter | `result`: `ok`, `error`, `other` | passes over the whole cluster that ended |
//! | `pass_duration_seconds` | histogram | | how long a pass took |
//! | `environments` | gauge | `phase` | environments in each phase at the last complete pass; absent while another process leads |
//! | `images_deleted_total` | counter | | images that were deleted, since nothing needed them |
//! | `image_bytes_freed_total` | counter | | their bytes; layers that others share stay |
//! | `task_definitions_removed_total` | counter | `result`: `deregistered`, `deleted`, `other` | revisions that nothing used |
//! | `month_cost_usd` | gauge | | what environments cost this calendar month (UTC) until the last complete pass; this and the next three are absent while another process leads |
//! | `month_cost_projected_usd` | gauge | | the same, with what is promised to those who run until their time or the month is over |
//! | `month_budget_usd` | gauge | | `guardrails.monthly_budget_usd` |
//! | `user_month_cost_usd` | gauge | `user` | the part of the ten people whose environments cost most |
//! | `services_reaped_total` | counter | `reason` | services without a record that were deleted |
//! | `guardrail_alarm` | gauge | `reason`: `EmptyTable`, `ClockJumped`, `InstanceChanged`, `AccountRefused`, `PastItsTime` | 1 while the last complete pass saw it |
//! | `lease_held` | gauge | | 1 while this process leads, else 0 |
//! | `lease_unreadable` | gauge | | 1 while the item of the lease cannot be read, so that no process leads, else 0 |
//! | `build_info` | info | `version` | always 1 |
//!
//! What a label can hold is bounded: `user` has ten values at a time; `service`, `operation` and `queue` are words of our code, `result` and `phase` are
//! folded to `other` when unknown, and `code`, which comes over the wire, is clipped to 64 characters and folded to
//! `other` once 256 different ones were seen.

mod activity;
mod answers;
mod connections;
mod limits;
mod metrics;
mod readiness;
mod server;

pub use limits::Limits;
pub use metrics::Metrics;
pub use readiness::Readiness;
pub use server::{serve, serve_router};

/// What the endpoints show. A clone shows the same.
#[derive(Clone, Debug)]
pub struct Ops {
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// What `/readyz` shows.
    pub readiness: Readiness,
}
