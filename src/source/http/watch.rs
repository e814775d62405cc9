//! What a connection is doing: bytes that pass and requests that begin and end enter; how long it may go on leaves. It closes nothing.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The head of a request, and the first byte of a connection, come within this.
pub(in crate::source) const HEAD: Duration = Duration::from_secs(10);
/// A connection on which nothing is asked for so long is closed.
pub(in crate::source) const IDLE: Duration = Duration::from_secs(300);
/// A body comes at least so fast, in bytes a second, once [`HEAD`] has passed.
pub(super) const LEAST_RATE: u64 = 1000;
/// A body may be slow for so long before its connection has to make room for another one.
const SLOW: Duration = Duration::from_secs(2);

/// Shared by a connection's task and the door that let it in.
#[derive(Debug)]
pub(in crate::source) struct Watch(Mutex<State>);

#[derive(Debug)]
struct State {
    doing: Doing,
    /// Since when.
    since: Instant,
    /// Requests that are being answered.
    running: usize,
    /// Bytes of bodies since the first of the running requests began.
    bytes: u64,
    /// HTTP/2: bytes between two requests are not the head of one.
    framed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Nothing, since it opened or since the last answer.
    Idle,
    /// Sends the head of a request; a new connection has to.
    Head,
    /// Sends a body.
    Body,
    /// Waits for the answer.
    Waits,
}

/// How a connection wastes its place, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::source) enum Wasted {
    /// Its last answer was given.
    Idle,
    /// Its body comes too slowly.
    Slow,
    /// It has not said what it wants.
    Mute,
}

impl Watch {
    pub(in crate::source) fn new() -> Arc<Watch> {
        let state = State { doing: Doing::Head, since: Instant::now(), running: 0, bytes: 0, framed: false };
        Arc::new(Watch(Mutex::new(state)))
    }

    /// A panic elsewhere leaves plain numbers, which stay valid.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) {
        let mut state = self.lock();
        if state.doing == Doing::Idle && !state.framed {
            state.turn(Doing::Head);
        }
    }

    /// A request's head is whole; it is answered when this is dropped.
    pub(super) fn begin(self: &Arc<Watch>, framed: bool) -> Running {
        let mut state = self.lock();
        state.framed |= framed;
        if state.running == 0 {
            state.turn(Doing::Body);
        }
        state.running += 1;
        Running(Arc::clone(self))
    }

    /// When the connection has to be closed, unless something happens before.
    pub(super) fn until(&self) -> Option<Instant> {
        let state = self.lock();
        match state.doing {
            Doing::Head => Some(state.since + HEAD),
            Doing::Idle => Some(state.since + IDLE),
            // Whoever reads a body and whoever waits for an answer counts the time itself.
            Doing::Body | Doing::Waits => None,
        }
    }

    /// How much it deserves to make room for another one; `None` while it works. Whoever never said a whole word goes first, the oldest of
    /// them; whoever was answered before goes last.
    pub(in crate::source) fn wastes(&self) -> Option<(Wasted, Duration)> {
        let state = self.lock();
        let passed = state.since.elapsed();
        let wasted = match state.doing {
            Doing::Head => Wasted::Mute,
            Doing::Body if passed > SLOW && state.bytes < LEAST_RATE * passed.as_secs() => Wasted::Slow,
            Doing::Idle => Wasted::Idle,
            Doing::Body | Doing::Waits => return None,
        };
        Some((wasted, passed))
    }

    /// For a protocol without requests: it works from its first byte on.
    pub(in crate::source) fn works(&self) {
        self.lock().turn(Doing::Waits);
    }
}

impl State {
    fn turn(&mut self, doing: Doing) {
        self.doing = doing;
        self.since = Instant::now();
        self.bytes = 0;
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Running(Arc<Watch>);

impl Running {
    /// Bytes of its body came.
    pub(super) fn came(&self, bytes: u64) {
        self.0.lock().bytes += bytes;
    }

    /// Its body is whole.
    pub(super) fn waits(&self) {
        let mut state = self.0.lock();
        if state.running == 1 {
            state.turn(Doing::Waits);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.running -= 1;
        if state.running == 0 {
            state.turn(Doing::Idle);
        }
    }
}

/// A stream that tells its watch of what is read.
pub(super) struct Watched<S>(pub(super) S, pub(super) Arc<Watch>);

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        let read = Pin::new(&mut self.0).poll_read(context, to);
        if to.filled().len() > before {
            self.1.read();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
