//! The body of a delivery: as much of it as is allowed, and not for ever.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::says::{Said, says};

/// "Payloads are capped at 25 MB" (GitHub, "Webhook events and payloads").
pub(super) const MAX_BODY: usize = 25 * 1024 * 1024;

/// Above this a body is rare: GitHub's example payloads have a tenth of it at most, and a comment of 65,536 characters with
/// its pull request three tenths.
pub(super) const USUAL_BODY: usize = 1024 * 1024;

/// How many larger ones are read at once: 200 MB of memory.
const LARGE_AT_ONCE: usize = 8;

/// How long a body may take to come. GitHub itself gives up after ten seconds.
const COMES_WITHIN: Duration = Duration::from_secs(10);

/// Reads bodies.
pub(super) struct Bodies {
    large: Semaphore,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { large: Semaphore::new(LARGE_AT_ONCE) }
    }
}

impl Bodies {
    /// Reads a body of at most `most` bytes. `claimed` is the length that the headers name.
    ///
    /// # Errors
    /// The answer: too large, too slow, or broken off.
    pub async fn read(&self, claimed: Option<usize>, body: Body, most: usize) -> Result<Vec<u8>, Said> {
        let too_large = || says(StatusCode::PAYLOAD_TOO_LARGE, "too large");
        if claimed.is_some_and(|claimed| claimed > most) {
            return Err(too_large());
        }
        // One that does not say how large it is may be large.
        let large = claimed.is_none_or(|claimed| claimed > USUAL_BODY);
        let permit = if large { Some(self.large.try_acquire()) } else { None };
        if let Some(Err(_)) = permit {
            return Err(says(StatusCode::SERVICE_UNAVAILABLE, "busy; redeliver it in a minute"));
        }
        let read = async {
            let mut bytes = Vec::with_capacity(claimed.unwrap_or_default().min(USUAL_BODY));
            let mut stream = body.into_data_stream();
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(|_| says(StatusCode::BAD_REQUEST, "the body broke off"))?;
                if bytes.len() + chunk.len() > most {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        let late = |_| says(StatusCode::REQUEST_TIMEOUT, "the body did not come in time");
        timeout(COMES_WITHIN, read).await.map_err(late)?
    }
}
