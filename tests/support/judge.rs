//! AWS's own models beside the embedded cloud: every call that a test sends and every answer that it gets is checked, and
//! the test fails at the end of the cloud if one of them breaks the models.
//!
//! Use it with
//!
//! ```ignore
//! #[path = "support/judge.rs"]
//! mod judge;
//! ```

// Each integration test is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{Request, Response};
use bivouac_awsmodel::{Judge, Requests};
use bivouac_simcloud::{Options, Recorder};

/// The judge as a recorder of the embedded cloud.
#[derive(Debug)]
struct Recording(Judge);

impl Recorder for Recording {
    fn record(&self, request: &Request<Bytes>, answer: Option<&Response<Bytes>>) {
        self.0.record(request, answer);
    }

    fn finish(&self) {
        self.0.finish();
    }
}

/// The same cloud with the judge: every call has to be as AWS's models say, and every answer too.
pub fn judged(options: Options) -> Options {
    with(options, Requests::Conform)
}

/// The same for a test that sends wrong calls on purpose: those have to be refused.
pub fn judged_strangers(options: Options) -> Options {
    with(options, Requests::MayBeRefused)
}

fn with(options: Options, requests: Requests) -> Options {
    // A test that brings a recorder of its own keeps it.
    let recorder = options.recorder.unwrap_or_else(|| Arc::new(Recording(Judge::from_environment(requests))));
    Options { recorder: Some(recorder), ..options }
}
