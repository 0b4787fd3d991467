//! Metrics that show their HELP and TYPE before they have a value.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::{MetricType, TypedMetric};

/// A metric that is announced also while it is empty.
///
/// The library leaves a family without members out of the exposition. Who sets up a dashboard on a fresh process would
/// then not see that the metric exists.
#[derive(Debug)]
pub(super) struct Announced<M>(pub(super) M);

impl<M: EncodeMetric> EncodeMetric for Announced<M> {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        self.0.metric_type()
    }

    fn is_empty(&self) -> bool {
        false
    }
}

/// A gauge without a value until somebody knows one: a 0 that only means "not asked yet" would raise an alarm.
/// A clone is the same gauge.
#[derive(Clone, Debug, Default)]
pub(super) struct Unasked(Arc<OnceLock<Gauge>>);

impl Unasked {
    /// The value from now on.
    pub(super) fn set(&self, value: i64) {
        let first = || {
            let gauge = Gauge::default();
            gauge.set(value);
            gauge
        };
        self.0.get_or_init(first).set(value);
    }
}

impl EncodeMetric for Unasked {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.0.get().map_or(Ok(()), |gauge| gauge.encode(encoder))
    }

    fn metric_type(&self) -> MetricType {
        Gauge::<i64>::TYPE
    }
}

/// A gauge of dollars that has no value while this process knows none. A clone is the same gauge.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Arc<Mutex<Option<f64>>>);

impl Known {
    /// The value from now on; `None`: none is known any more.
    pub(super) fn set(&self, dollars: Option<f64>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = dollars;
    }
}

impl EncodeMetric for Known {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        let dollars = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(dollars) = dollars else { return Ok(()) };
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(dollars);
        gauge.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        Gauge::<f64, AtomicU64>::TYPE
    }
}
