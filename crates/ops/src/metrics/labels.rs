//! The labels, and what keeps their number bounded.
//!
//! Each new set of labels is a time series that every scrape carries and Prometheus keeps, so what comes from outside
//! must not make them up as it likes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::EncodeLabelSet;

/// What stands for everything that is not known.
pub(super) const OTHER: &str = "other";

/// The longest code that is kept, in characters. The longest error name in the models of ECS, ECR and DynamoDB has 46
/// (`PlatformTaskDefinitionIncompatibilityException`); a text that is longer is a message, not a code.
const LONGEST_CODE: usize = 64;

/// How many different codes are kept. The models of ECS, ECR, DynamoDB and its streams name 120 errors; EC2 models none
/// and documents its own, of which our few calls can meet a handful.
const MOST_CODES: usize = 256;

/// `result` alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByResult {
    pub(super) result: &'static str,
}

/// `audience` alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByAudience {
    pub(super) audience: &'static str,
}

/// `queue` alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByQueue {
    pub(super) queue: &'static str,
}

/// `user` alone: one of the few that are told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByUser {
    pub(super) user: String,
}

/// `reason` alone: one of the planner's words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByReason {
    pub(super) reason: &'static str,
}

/// `phase` alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByPhase {
    pub(super) phase: &'static str,
}

/// `version` alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByVersion {
    pub(super) version: String,
}

/// How calls to AWS ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AwsAnswer {
    pub(super) service: &'static str,
    pub(super) operation: &'static str,
    pub(super) code: Arc<str>,
}

/// Which call to AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AwsCall {
    pub(super) service: &'static str,
    pub(super) operation: &'static str,
}

/// How calls to the forge ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ForgeAnswer {
    pub(super) operation: &'static str,
    pub(super) code: Arc<str>,
}

/// Which call to the forge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ForgeCall {
    pub(super) operation: &'static str,
}

/// The word itself if it is one of `known`, else `other`.
pub(super) fn fold(known: &[&'static str], word: &'static str) -> &'static str {
    if known.contains(&word) { word } else { OTHER }
}

/// The error codes seen so far: the one label whose values come over the wire.
#[derive(Debug, Default)]
pub(super) struct Codes {
    seen: Mutex<BTreeSet<Arc<str>>>,
}

impl Codes {
    /// The code as a label: clipped, printable, and one of a bounded number.
    pub(super) fn label(&self, code: &str) -> Arc<str> {
        let code: String =
            code.chars().take(LONGEST_CODE).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect();
        let mut seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(known) = seen.get(code.as_str()) {
            return Arc::clone(known);
        }
        // For Prometheus an empty label is no label.
        if code.is_empty() || seen.len() >= MOST_CODES {
            return OTHER.into();
        }
        let code: Arc<str> = code.into();
        seen.insert(Arc::clone(&code));
        code
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_of_aws_stay_as_they_are() {
        let codes = Codes::default();
        for code in ["ok", "no answer", "ThrottlingException", "InvalidNetworkInterfaceID.NotFound", "503"] {
            assert_eq!(&*codes.label(code), code);
        }
    }

    #[test]
    fn an_empty_code_is_other() {
        assert_eq!(&*Codes::default().label(""), OTHER);
    }

    #[test]
    fn what_was_known_before_the_flood_keeps_its_name() {
        let codes = Codes::default();
        codes.label("ok");
        let seen: BTreeSet<_> = (0..10 * MOST_CODES).map(|n| codes.label(&format!("Made.Up.{n}"))).collect();
        assert_eq!(seen.len(), MOST_CODES, "255 beside `ok`, and `other`");
        assert_eq!(&*codes.label("ok"), "ok");
        assert_eq!(&*codes.label("Made.Up.0"), "Made.Up.0");
        assert_eq!(&*codes.label("AccessDeniedException"), OTHER);
    }

    proptest! {
        #[test]
        fn any_code_becomes_a_short_printable_label(code in any::<String>()) {
            let label = Codes::default().label(&code);
            prop_assert!(!label.is_empty() && label.len() <= LONGEST_CODE);
            prop_assert!(label.chars().all(|c| c.is_ascii_graphic() || c == ' '));
        }

        #[test]
        fn the_same_code_is_the_same_label(code in any::<String>()) {
            let codes = Codes::default();
            prop_assert_eq!(codes.label(&code), codes.label(&code));
        }
    }
}
