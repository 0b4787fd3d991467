//! The body of a delivery: as much of it as is allowed, and not for ever.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use futures::StreamExt as _;
use tokio::time::{Instant, timeout_at};

use super::budget::{BEGINNING, Budget, Reservation};
use super::says::{Said, says};

/// "Payloads are capped at 25 MB" (GitHub, "Webhook events and payloads").
pub(super) const MAX_BODY: usize = 25 * 1024 * 1024;

/// Above this a body is rare: GitHub's example payloads have a tenth of it at most, and a comment of 65,536 characters with
/// its pull request three tenths.
pub(super) const USUAL_BODY: usize = 1024 * 1024;

/// How long a body may take to come. GitHub itself gives up after ten seconds.
const COMES_WITHIN: Duration = Duration::from_secs(10);

/// How long a body may take for its first bytes, and stall afterwards: several retransmissions of a lost packet, the first of
/// which comes after a second at most (RFC 6298, 2.1).
const STALLS_FOR: Duration = Duration::from_secs(5);

/// The least number of bytes a second, after [`STALLS_FOR`]. A body of the usual 30 KB has two more seconds, and a byte now and
/// then does not hold a connection for ten.
const LEAST_RATE: u32 = 16 * 1024;

/// What a buffer begins with. It doubles from there.
const FIRST_STEP: usize = 16 * 1024;

/// Reads bodies.
#[derive(Default)]
pub(super) struct Bodies {
    budget: Budget,
}

/// A body that was read and is not verified yet, with its part of the budget.
pub(super) struct Unverified {
    bytes: Vec<u8>,
    _reserved: Reservation,
}

impl std::ops::Deref for Unverified {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Bodies {
    /// Reads a body of at most `most` bytes. `claimed` is the length that the headers name.
    ///
    /// # Errors
    /// The answer: too large, too slow, broken off, or more than the budget has left.
    pub async fn read(&self, claimed: Option<usize>, body: Body, most: usize) -> Result<Unverified, Said> {
        let too_large = || says(StatusCode::PAYLOAD_TOO_LARGE, "too large");
        if claimed.is_some_and(|claimed| claimed > most) {
            return Err(too_large());
        }
        // No more than what is claimed, if that is true.
        let expected = claimed.unwrap_or(most);
        let began = Instant::now();
        let mut reserved = self.budget.open();
        let mut bytes = Vec::new();
        let mut stream = body.into_data_stream();
        loop {
            let late = |_| says(StatusCode::REQUEST_TIMEOUT, "the body did not come in time");
            let Some(chunk) = timeout_at(deadline(began, bytes.len()), stream.next()).await.map_err(late)? else {
                return Ok(Unverified { bytes, _reserved: reserved });
            };
            let chunk = chunk.map_err(|_| says(StatusCode::BAD_REQUEST, "the body broke off"))?;
            let length = bytes.len() + chunk.len();
            if length > most {
                return Err(too_large());
            }
            if length > bytes.capacity() {
                make_room(&mut bytes, &mut reserved, length, expected.max(length))?;
            }
            bytes.extend_from_slice(&chunk);
        }
    }
}

/// When a body that has sent this much counts as too slow.
fn deadline(began: Instant, length: usize) -> Instant {
    let earned = Duration::from_secs_f64(length as f64 / f64::from(LEAST_RATE));
    began + (STALLS_FOR + earned).min(COMES_WITHIN)
}

/// Makes room for `length` bytes in all, in a step that doubles what there is and ends at `expected`.
fn make_room(bytes: &mut Vec<u8>, reserved: &mut Reservation, length: usize, expected: usize) -> Result<(), Said> {
    let step = bytes.capacity().saturating_mul(2).max(FIRST_STEP).clamp(length, expected);
    // What would be a beginning is not refused for the step that it would take.
    let step = if length <= BEGINNING { step.min(BEGINNING) } else { step };
    if !reserved.grow_to(step) && !reserved.grow_to(length) {
        return Err(says(StatusCode::SERVICE_UNAVAILABLE, "busy; redeliver it in a minute"));
    }
    bytes.reserve_exact(reserved.bytes() - bytes.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn bodies(budget: Budget) -> Bodies {
        Bodies { budget }
    }

    fn of(chunks: Vec<Vec<u8>>) -> Body {
        Body::from_stream(futures::stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)))
    }

    /// A body that sends this and then nothing more, without an end.
    fn stalled(bytes: usize) -> Body {
        let sent = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b' '; bytes]))]);
        Body::from_stream(sent.chain(futures::stream::pending()))
    }

    async fn status(read: impl Future<Output = Result<Unverified, Said>>) -> StatusCode {
        let said = read.await.err().expect("it is refused");
        axum::response::IntoResponse::into_response(said).status()
    }

    #[tokio::test(start_paused = true)]
    async fn four_hundred_slow_bodies_never_take_more_than_the_budget() {
        let budget = Budget::default();
        let bodies = bodies(budget.clone());
        let reads = (0..400).map(|_| bodies.read(Some(USUAL_BODY), stalled(900 * 1024), USUAL_BODY));
        let all = futures::future::join_all(reads);
        let mut most = 0;
        let mut all = std::pin::pin!(all);
        // Between two wake-ups nothing is reserved or given back.
        let ended = std::future::poll_fn(|cx| {
            let ended = all.as_mut().poll(cx);
            most = most.max(budget.used());
            ended
        });
        let refused: Vec<_> = ended.await.into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 400);
        assert!((32 * 1024 * 1024..=super::super::budget::BUDGET).contains(&most), "{most}");
        assert_eq!(budget.used(), 0, "all of it is given back");
    }

    #[tokio::test(start_paused = true)]
    async fn the_largest_delivery_is_read_in_ordinary_times() {
        let bodies = bodies(Budget::default());
        for claimed in [Some(MAX_BODY), None] {
            let chunks = vec![vec![b' '; 16 * 1024]; MAX_BODY / (16 * 1024)];
            let read = bodies.read(claimed, of(chunks), MAX_BODY).await.expect("it is read");
            assert_eq!(read.len(), MAX_BODY);
            assert!(bodies.budget.used() <= 32 * 1024 * 1024);
        }
        assert_eq!(bodies.budget.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_spent_budget_is_answered_with_a_time_to_come_back_and_spares_the_small() {
        let budget = Budget::of(8 * BEGINNING, 2 * BEGINNING);
        let mut spent = budget.open();
        assert!(spent.grow_to(6 * BEGINNING));
        let bodies = bodies(budget);
        let refused = bodies.read(None, of(vec![vec![0; BEGINNING]; 3]), USUAL_BODY).await.err().expect("refused");
        let response = axum::response::IntoResponse::into_response(refused);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
        assert!(bodies.read(Some(BEGINNING), of(vec![vec![0; BEGINNING]]), USUAL_BODY).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_cut_off_the_sooner_the_less_it_sends() {
        let bodies = bodies(Budget::default());
        for (sent, seconds) in [(1, 5), (32 * 1024, 7), (900 * 1024, 10)] {
            let began = Instant::now();
            let late = status(bodies.read(Some(USUAL_BODY), stalled(sent), USUAL_BODY)).await;
            assert_eq!(late, StatusCode::REQUEST_TIMEOUT);
            assert_eq!(began.elapsed().as_secs(), seconds, "{sent} bytes");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

        /// However a body is cut into pieces and whatever it claims: it is read whole, and no more is reserved than twice its
        /// length or the first step.
        #[test]
        fn a_body_in_any_pieces_is_read_whole(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40_000), 0..12),
            claimed in proptest::option::of(0..600_000usize),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let bodies = bodies(Budget::default());
            let whole = pieces.concat();
            let read = runtime.block_on(bodies.read(claimed, of(pieces), USUAL_BODY)).expect("it is read");
            prop_assert_eq!(&read[..], &whole[..]);
            prop_assert!(read.bytes.capacity() <= bodies.budget.used());
            prop_assert!(bodies.budget.used() <= (2 * whole.len()).max(FIRST_STEP));
            drop(read);
            prop_assert_eq!(bodies.budget.used(), 0);
        }
    }
}
