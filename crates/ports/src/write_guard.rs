//! The guard of a write: what has to hold from its start until its bytes leave.
//!
//! A leader may be paused at any moment, and lead no more when it goes on. So its writes look at the lease twice. The
//! future of the write looks each time it is polled ([`WriteGuard::run`]). The adapter looks once more where the request is
//! turned into bytes ([`WriteGuard::current`], [`GuardedBody`]). Both belong to one write, so the guard travels in a
//! task-local variable. A write that no guard runs, such as one of the bot or of the command line, is not limited.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};

use crate::{Error, Result};

tokio::task_local! {
    static CURRENT: WriteGuard;
}

/// Says whether a write may still be made. A clone is another handle on the same guard.
#[derive(Clone)]
pub struct WriteGuard {
    lasting: Check,
    in_time: Option<Check>,
}

type Check = Arc<dyn Fn() -> Result<()> + Send + Sync>;

impl WriteGuard {
    /// A guard that holds for as long as `check` answers `Ok`. `check` is called for each poll and each request, so it has
    /// to be quick.
    pub fn new(check: impl Fn() -> Result<()> + Send + Sync + 'static) -> Self {
        Self { lasting: Arc::new(check), in_time: None }
    }

    /// The same for one write, whose own time `check` knows.
    #[must_use]
    pub fn with_deadline(self, check: impl Fn() -> Result<()> + Send + Sync + 'static) -> Self {
        Self { in_time: Some(Arc::new(check)), ..self }
    }

    /// The same without the time of the one write: for a write that follows from it and is made later.
    #[must_use]
    pub fn without_deadline(self) -> Self {
        Self { in_time: None, ..self }
    }

    /// The guard of the write that is polled right now. `None` outside of [`WriteGuard::run`], and in a task that the write
    /// has spawned.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Looks once.
    ///
    /// # Errors
    /// Those of the check, when the guard does not hold.
    pub fn check(&self) -> Result<()> {
        (self.lasting)()?;
        self.in_time.as_ref().map_or(Ok(()), |in_time| in_time())
    }

    /// Runs `write` under this guard, which is checked before each poll. Once it does not hold, `write` is polled no more and
    /// is dropped with the answer.
    ///
    /// # Errors
    /// Those of the check: the write was not done if it had not begun, and may have been done otherwise. Else the write's own.
    pub async fn run<T>(&self, write: impl Future<Output = Result<T>>) -> Result<T> {
        let mut write = pin!(CURRENT.scope(self.clone(), write));
        poll_fn(|context| match self.check() {
            Err(error) => Poll::Ready(Err(error)),
            Ok(()) => write.as_mut().poll(context),
        })
        .await
    }
}

impl fmt::Debug for WriteGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteGuard").field(&self.check().is_ok()).finish()
    }
}

/// The body of a request under a guard. It fails once the guard does not hold.
///
/// hyper reads a body in the same poll in which it writes head and body to the socket. So this is the last look before the
/// bytes leave: after the connection stands, and in the task of the connection, where the guarded future cannot look.
#[derive(Debug)]
pub struct GuardedBody<B> {
    body: B,
    guard: WriteGuard,
}

impl<B> GuardedBody<B> {
    /// Puts `body` under `guard`.
    pub fn new(body: B, guard: WriteGuard) -> Self {
        Self { body, guard }
    }
}

impl<B> Body for GuardedBody<B>
where
    B: Body + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = B::Data;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Err(error) = self.guard.check() {
            return Poll::Ready(Some(Err(error.into())));
        }
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The refusal of a guard among the causes of an error, where an adapter's library has wrapped it.
pub fn refused_by_guard(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    std::iter::successors(Some(error), |cause| cause.source()).find_map(|cause| cause.downcast_ref::<Error>()).cloned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;
    use crate::Meaning;

    /// A guard, and the switch that ends it.
    fn guard() -> (WriteGuard, Arc<AtomicBool>) {
        let holds = Arc::new(AtomicBool::new(true));
        let switch = Arc::clone(&holds);
        let check = move || match holds.load(Ordering::SeqCst) {
            true => Ok(()),
            false => Err(Error::new(Meaning::Conflict, "lease", "lost")),
        };
        (WriteGuard::new(check), switch)
    }

    #[tokio::test]
    async fn a_write_is_polled_no_more_once_its_guard_is_lost() {
        let (guard, holds) = guard();
        let polls = AtomicU32::new(0);
        let write = poll_fn(|context| {
            // The write is ready at its second poll, and the guard is lost before it.
            if polls.fetch_add(1, Ordering::SeqCst) > 0 {
                return Poll::Ready(Ok(()));
            }
            holds.store(false, Ordering::SeqCst);
            context.waker().wake_by_ref();
            Poll::Pending
        });
        let error = guard.run(write).await.expect_err("the guard is lost");
        assert_eq!((error.meaning(), polls.load(Ordering::SeqCst)), (Meaning::Conflict, 1));
    }

    #[test]
    fn what_follows_from_a_write_has_its_guard_and_not_its_time() {
        let (guard, holds) = guard();
        let late = guard.with_deadline(|| Err(Error::new(Meaning::Unavailable, "write", "late")));
        assert_eq!(late.check().expect_err("late").meaning(), Meaning::Unavailable);
        let later = late.clone().without_deadline();
        assert!(later.check().is_ok());
        holds.store(false, Ordering::SeqCst);
        for guard in [late, later] {
            assert_eq!(guard.check().expect_err("lost").meaning(), Meaning::Conflict);
        }
    }

    #[tokio::test]
    async fn the_guard_is_seen_inside_of_its_write_alone() {
        assert!(WriteGuard::current().is_none());
        let (guard, holds) = guard();
        let seen = guard.run(async {
            let seen = WriteGuard::current().expect("inside of the write");
            holds.store(false, Ordering::SeqCst);
            assert!(seen.check().is_err(), "it is the same guard");
            let spawned = tokio::spawn(async { WriteGuard::current().is_none() });
            assert!(spawned.await.expect("it ends"), "a task that was spawned is another's");
            Ok(())
        });
        assert!(seen.await.is_err(), "polled again after the spawned task ended");
        assert!(WriteGuard::current().is_none());
    }

    #[test]
    fn a_refusal_is_found_among_the_causes() {
        let refusal = Error::new(Meaning::Conflict, "lease", "lost");
        #[derive(Debug)]
        struct Outer(Error);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the connection broke")
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        assert_eq!(refused_by_guard(&Outer(refusal)).map(|error| error.meaning()), Some(Meaning::Conflict));
        assert!(refused_by_guard(&std::fmt::Error).is_none());
    }
}
