//! Every write passes here: none is sent without the lease, and none can arrive after another process leads.

use std::time::Duration;

use bivouac_ports::{Error, Meaning, Result, WriteGuard};
use bivouac_runtime::Fence;
use bivouac_runtime::lease::{Clock as _, MachineClock};

/// The fence, and how long a write may take.
pub(crate) struct Fenced {
    fence: Fence,
    longest: Duration,
}

impl Fenced {
    /// `longest` has to be below the lease's margin ([`bivouac_runtime::LeaseTiming::margin`]): a write that is sent just
    /// before the lease is given up is then over before anybody else can have it.
    pub fn new(fence: Fence, longest: Duration) -> Self {
        Self { fence, longest }
    }

    /// The fence itself.
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Sends a write if the lease is held, and gives it up in time.
    ///
    /// The process may be paused at any moment of it, for longer than the lease lasts. So fence and time are looked at before
    /// each poll of the write, and by the adapters where its bytes leave: see [`WriteGuard`].
    ///
    /// # Errors
    /// `Conflict` when the lease is lost: the write was not done if it had not begun, and may have been done otherwise.
    /// `Unavailable` when the time was up: then it may have been done. Otherwise the write's own.
    pub async fn write<T>(&self, write: impl Future<Output = Result<T>>) -> Result<T> {
        let guard = self.guard();
        match tokio::time::timeout(self.longest, guard.run(write)).await {
            Ok(answer) => answer,
            Err(_) => Err(late()),
        }
    }

    /// Holds from now on while the lease is held and the time of a write is not over, by each of this machine's clocks:
    /// tokio's, which the timeout above counts by, stands still while the machine is suspended.
    fn guard(&self) -> WriteGuard {
        let (fence, longest, clock) = (self.fence.clone(), self.longest, MachineClock::default());
        let began = clock.now();
        let lost = move || fence.check().map_err(|lost| Error::new(Meaning::Conflict, "lease", lost.to_string()));
        let late = move || if clock.now().perhaps_since(began) > longest { Err(late()) } else { Ok(()) };
        WriteGuard::new(lost).with_deadline(late)
    }
}

fn late() -> Error {
    Error::new(Meaning::Unavailable, "write", "no answer within the lease's margin")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::poll_fn;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Poll;

    use bivouac_runtime::lease::{Lease, LeaseRecord, LeaseStore, LeaseTiming, Written};

    use super::*;

    /// A lease that nobody else wants.
    struct Mine;

    impl LeaseStore for Mine {
        type Error = Infallible;

        async fn read(&self) -> Result<Option<LeaseRecord>, Infallible> {
            Ok(None)
        }

        async fn try_claim(&self, _: Option<u64>, _: &LeaseRecord) -> Result<Written, Infallible> {
            Ok(Written::Done)
        }

        async fn renew(&self, _: &LeaseRecord) -> Result<Written, Infallible> {
            Ok(Written::Done)
        }

        async fn release(&self, _: &LeaseRecord) -> Result<Written, Infallible> {
            Ok(Written::Done)
        }
    }

    const LONGEST: Duration = Duration::from_secs(4);

    /// A write that sends when it is polled for the second time, and what happens before that.
    async fn sends_after(meanwhile: impl FnOnce(), fence: Fence) -> (Result<()>, u32) {
        let (sent, mut meanwhile) = (AtomicU32::new(0), Some(meanwhile));
        let write = poll_fn(|context| match meanwhile.take() {
            Some(meanwhile) => {
                meanwhile();
                context.waker().wake_by_ref();
                Poll::Pending
            }
            None => {
                sent.fetch_add(1, Ordering::SeqCst);
                Poll::Ready(Ok(()))
            }
        });
        let answer = Fenced::new(fence, LONGEST).write(write).await;
        (answer, sent.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_was_under_way_when_the_lease_ended_goes_no_further() {
        let mut lease = Lease::new(Mine, "test", LeaseTiming::of(Duration::from_secs(15)));
        let held = lease.acquire().await;
        let fence = held.fence();
        let (answer, sent) = sends_after(|| (), fence.clone()).await;
        assert_eq!((answer.is_ok(), sent), (true, 1), "the lease holds");
        let (answer, sent) = sends_after(|| drop(held), fence.clone()).await;
        assert_eq!((answer.expect_err("lost").meaning(), sent), (Meaning::Conflict, 0));
        let (answer, sent) = sends_after(|| panic!("it never began"), fence).await;
        assert_eq!((answer.expect_err("lost").meaning(), sent), (Meaning::Conflict, 0));
    }

    #[tokio::test]
    async fn a_write_that_was_paused_beyond_its_time_goes_no_further() {
        // tokio's clock cannot be put forward within a poll, so the pause is a real one, of a write that may take no time.
        let fenced = Fenced::new(Fence::unfenced(), Duration::ZERO);
        let guard = fenced.guard();
        let clock = MachineClock::default();
        let began = clock.now();
        while clock.now().perhaps_since(began).is_zero() {
            std::hint::spin_loop();
        }
        let late = guard.run(async { Ok(()) }).await.expect_err("its time is over");
        assert_eq!(late.meaning(), Meaning::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_without_an_answer_ends_with_its_time() {
        let fenced = Fenced::new(Fence::unfenced(), LONGEST);
        let began = tokio::time::Instant::now();
        let late = fenced.write(std::future::pending::<Result<()>>()).await.expect_err("it is late");
        assert_eq!((late.meaning(), began.elapsed().as_secs()), (Meaning::Unavailable, 4));
    }

    #[tokio::test]
    async fn an_adapter_sees_the_guard_of_its_write() {
        let fenced = Fenced::new(Fence::unfenced(), LONGEST);
        let seen = fenced.write(async { Ok(WriteGuard::current().is_some()) }).await;
        assert!(seen.expect("no fence") && WriteGuard::current().is_none());
    }
}
