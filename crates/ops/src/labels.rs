//! The labels of metrics, each with a bounded number of values.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ResultLabel {
    pub result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct QueueLabel {
    /// As Kubernetes' workqueue metrics call it.
    pub name: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct PhaseLabel {
    pub phase: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct CallLabels {
    pub service: &'static str,
    pub operation: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct AnsweredCallLabels {
    pub service: &'static str,
    pub operation: &'static str,
    pub code: String,
}

/// The error codes seen so far. They come from the other side, which may send anything: the first ones are kept, the
/// rest is `other`.
#[derive(Debug, Default)]
pub(crate) struct Codes(Mutex<BTreeSet<String>>);

impl Codes {
    /// ECS, EC2, ECR and DynamoDB answer our calls with some fifty codes in all (their service models); the operations are
    /// about forty, each of which has few of the codes.
    const MOST: usize = 64;
    /// The longest AWS code that is known, `InvalidNetworkInterfaceID.NotFound` and its kind, fits in well.
    const LONGEST: usize = 64;
    /// What stands for the rest.
    pub const OTHER: &'static str = "other";

    /// The code itself while there is room for it, else [`Codes::OTHER`].
    pub fn bounded(&self, code: &str) -> String {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if code.is_empty() || code.len() > Self::LONGEST || !code.bytes().all(word) {
            return Self::OTHER.into();
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains(code) {
            if seen.len() >= Self::MOST {
                return Self::OTHER.into();
            }
            seen.insert(code.to_owned());
        }
        code.to_owned()
    }
}
