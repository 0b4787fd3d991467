//! What operations see: health, readiness and metrics.
//!
//! [`serve`] answers three questions over HTTP: is the process alive (`/healthz`), can it do its work (`/readyz`), and
//! what has it done (`/metrics`, OpenMetrics). Who does the work says so through [`Liveness`], [`Readiness`] and, as
//! everybody's [`bivouac_ports::Meter`], [`Metrics`]; none of these ever waits.

mod labels;
mod liveness;
mod metrics;
mod readiness;
mod serve;

pub use liveness::{Heartbeat, Liveness};
pub use metrics::Metrics;
pub use readiness::Readiness;
pub use serve::{Error, Ops, serve};
