//! One connection: whether a request of it is under way, since when, and how long that may take.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::Limits;

/// The state of a connection. Shared by its stream, its requests, and the listener that may drop it.
#[derive(Debug)]
pub(crate) struct Activity {
    state: Mutex<State>,
    /// Notified each time a connection of the listener becomes idle.
    idle: Arc<Notify>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// No request is under way.
    Idle {
        since: Instant,
        /// When the first byte of the next head came. Of the first head it is when the connection was made.
        head_since: Option<Instant>,
    },
    /// A whole head was read, and the answer is not written yet.
    Answering {
        since: Instant,
        /// The answer is complete and may still lie in the write buffer.
        is_complete: bool,
    },
    /// The listener needs its place.
    Dropped,
}

impl Activity {
    /// A connection that was made now.
    pub fn new(idle: Arc<Notify>) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self { state: Mutex::new(State::Idle { since: now, head_since: Some(now) }), idle })
    }

    /// Since when no request has been under way. `None` while one is.
    pub fn idle_since(&self) -> Option<Instant> {
        match *self.state() {
            State::Idle { since, .. } => Some(since),
            State::Answering { .. } | State::Dropped => None,
        }
    }

    /// Takes the place of an idle connection: no request of it begins any more. Returns false while a request is under way,
    /// and when called again.
    pub fn drop_if_idle(&self) -> bool {
        let mut state = self.state();
        let is_idle = matches!(*state, State::Idle { .. });
        if is_idle {
            *state = State::Dropped;
        }
        is_idle
    }

    /// When the connection has used up its time, unless it goes on before.
    pub fn deadline(&self, limits: &Limits) -> Instant {
        match *self.state() {
            State::Idle { since, head_since: None } => since + limits.idle,
            State::Idle { head_since: Some(begun), .. } => begun + limits.head_within,
            State::Answering { since, .. } => since + limits.answer_within,
            State::Dropped => Instant::now(),
        }
    }

    /// Begins a request. Returns `None` if the connection is being dropped.
    pub fn begin(self: &Arc<Self>) -> Option<Answering> {
        let mut state = self.state();
        if matches!(*state, State::Dropped) {
            return None;
        }
        *state = State::Answering { since: Instant::now(), is_complete: false };
        Some(Answering(Arc::clone(self)))
    }

    fn read_bytes(&self) {
        if let State::Idle { head_since: head_since @ None, .. } = &mut *self.state() {
            *head_since = Some(Instant::now());
        }
    }

    fn flushed(&self) {
        let mut state = self.state();
        if let State::Answering { is_complete: true, .. } = *state {
            *state = State::Idle { since: Instant::now(), head_since: None };
            self.idle.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, and a state is whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is under way, until its answer is complete. Dropped, the answer is complete or will never come.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Activity>);

impl Answering {
    /// The body of the answer, which ends this.
    pub fn until_end_of(self, body: Body) -> AnswerBody {
        AnswerBody { body, _answering: self }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let State::Answering { is_complete, .. } = &mut *self.0.state() {
            *is_complete = true;
        }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    body: Body,
    _answering: Answering,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The stream of a connection, which reports what happens on it.
#[derive(Debug)]
pub(crate) struct Watched {
    pub stream: TcpStream,
    pub activity: Arc<Activity>,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.read_bytes();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes the stream once its own buffer is empty.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.activity.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
