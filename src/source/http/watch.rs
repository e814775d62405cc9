//! What a connection is doing: bytes that pass and requests that begin and end enter; how long it may go on leaves. It closes nothing.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
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
/// How fast a body comes is measured over so long, or since it began.
pub(super) const SPAN: Duration = Duration::from_secs(1);
/// A body that has just begun may be slow. Short, as a thousand senders that only begin one pass through 64 places within 200 ms.
const BEGUN: Duration = Duration::from_millis(10);

/// Shared by a connection's task and the door that let it in.
#[derive(Debug)]
pub(in crate::source) struct Watch(Mutex<State>);

#[derive(Debug)]
struct State {
    doing: Doing,
    /// Since when.
    since: Instant,
    /// Requests whose body comes.
    sending: usize,
    /// Requests that wait for us.
    waiting: usize,
    /// How fast the bodies come.
    pace: Pace,
    /// HTTP/2: bytes between two requests are not the head of one.
    framed: bool,
}

/// Bytes that came in this span and the one before.
#[derive(Debug)]
pub(super) struct Pace {
    before: (Instant, u64),
    this: (Instant, u64),
}

impl Pace {
    pub(super) fn new(now: Instant) -> Pace {
        Pace { before: (now, 0), this: (now, 0) }
    }

    pub(super) fn came(&mut self, bytes: u64, now: Instant) {
        self.pass(now);
        self.this.1 += bytes;
    }

    fn pass(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.this.0);
        if passed >= SPAN {
            // Of a long silence only its last part counts: whoever sends again is judged by that.
            self.before = if passed < 2 * SPAN { self.this } else { (now.checked_sub(SPAN).unwrap_or(now), 0) };
            self.this = (now, 0);
        }
    }

    /// Bytes a second.
    pub(super) fn rate(&mut self, now: Instant) -> u64 {
        self.pass(now);
        let passed = now.saturating_duration_since(self.before.0).max(SPAN);
        (self.before.1 + self.this.1) * 1000 / millis(passed)
    }

    /// Bytes that are missing to the least rate.
    fn missing(&mut self, now: Instant) -> u64 {
        self.pass(now);
        let passed = now.saturating_duration_since(self.before.0);
        // Whoever sends once a second sends fast enough.
        let counts = if passed < SPAN { passed } else { Duration::from_secs(passed.as_secs()) };
        (LEAST_RATE * millis(counts) / 1000).saturating_sub(self.before.1 + self.this.1)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Nothing, since it opened or since the last answer.
    Idle,
    /// Sends the head of a request; a new connection has to.
    Head,
    /// Sends bodies, and nothing else.
    Body,
    /// Waits for us: for room, for the commit, for the answer.
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
        let now = Instant::now();
        let state =
            State { doing: Doing::Head, since: now, sending: 0, waiting: 0, pace: Pace::new(now), framed: false };
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
        state.sending += 1;
        if state.sending == 1 && state.waiting == 0 {
            state.turn(Doing::Body);
        }
        Running { watch: Arc::clone(self), waits: AtomicBool::new(false) }
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
    /// them; then whose body lacks most to the least rate; whoever was answered before goes last.
    pub(in crate::source) fn wastes(&self) -> Option<(Wasted, u64)> {
        self.lock().wastes(Instant::now())
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
        self.pace = Pace::new(self.since);
    }

    fn wastes(&mut self, now: Instant) -> Option<(Wasted, u64)> {
        let passed = now.saturating_duration_since(self.since);
        match self.doing {
            Doing::Head => Some((Wasted::Mute, millis(passed))),
            Doing::Idle => Some((Wasted::Idle, millis(passed))),
            Doing::Body if passed > BEGUN => {
                Some(self.pace.missing(now)).filter(|missing| *missing > 0).map(|missing| (Wasted::Slow, missing))
            }
            Doing::Body | Doing::Waits => None,
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Running {
    watch: Arc<Watch>,
    /// It waits for us.
    waits: AtomicBool,
}

impl Running {
    /// Bytes of its body came.
    pub(super) fn came(&self, bytes: u64) {
        self.watch.lock().pace.came(bytes, Instant::now());
    }

    /// It waits for us from here on.
    pub(super) fn waits(&self) {
        let mut state = self.watch.lock();
        if !self.waits.swap(true, Ordering::Relaxed) {
            state.sending -= 1;
            state.waiting += 1;
            if state.waiting == 1 {
                state.turn(Doing::Waits);
            }
        }
    }

    /// Its body is read on.
    pub(super) fn reads(&self) {
        let mut state = self.watch.lock();
        if self.waits.swap(false, Ordering::Relaxed) {
            state.waiting -= 1;
            state.sending += 1;
            if state.waiting == 0 {
                state.turn(Doing::Body);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.watch.lock();
        let waited = self.waits.load(Ordering::Relaxed);
        if waited {
            state.waiting -= 1;
        } else {
            state.sending -= 1;
        }
        match (state.sending, state.waiting) {
            (0, 0) => state.turn(Doing::Idle),
            (_, 0) if waited => state.turn(Doing::Body),
            _ => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn wasted(watch: &Watch, after: Duration) -> Option<Wasted> {
        let mut state = watch.lock();
        let now = state.since + after;
        state.wastes(now).map(|(wasted, _)| wasted)
    }

    #[test]
    fn whoever_sends_a_kilobyte_a_second_never_makes_room() {
        let begun = Instant::now();
        for (bytes, every) in [(1000, 1000 * MS), (100, 100 * MS), (3000, 1000 * MS), (1 << 16, 900 * MS)] {
            let mut pace = Pace::new(begun);
            for burst in 0..60 {
                let at = begun + every * burst;
                pace.came(bytes, at);
                for look in [MS, every / 2, every * 99 / 100] {
                    assert_eq!(
                        pace.missing(at + look),
                        0,
                        "{bytes} bytes every {every:?}, burst {burst}, {look:?} after it"
                    );
                }
            }
            // What came before does not help for long.
            assert!(pace.missing(begun + every * 60 + 3 * SPAN) > 0);
        }
    }

    #[test]
    fn whoever_sends_less_makes_room_and_who_sends_again_does_not() {
        let begun = Instant::now();
        let mut pace = Pace::new(begun);
        pace.came(1, begun);
        assert!(pace.missing(begun + BEGUN) > 0);
        for second in 1..30 {
            pace.came(75, begun + SPAN * second);
            assert!(pace.missing(begun + SPAN * second + 500 * MS) > 0, "{second}");
        }
        let again = begun + SPAN * 60;
        pace.came(5000, again);
        assert_eq!(pace.missing(again + 500 * MS), 0);
    }

    #[test]
    fn who_waits_for_us_is_left_alone_also_beside_a_body_that_crawls() {
        let watch = Watch::new();
        assert_eq!(wasted(&watch, MS), Some(Wasted::Mute));
        let first = watch.begin(true);
        assert_eq!(wasted(&watch, BEGUN), None, "it has just begun");
        assert_eq!(wasted(&watch, 5 * SPAN), Some(Wasted::Slow));
        let second = watch.begin(true);
        second.waits();
        assert_eq!(wasted(&watch, 5 * SPAN), None);
        drop(second);
        assert_eq!(wasted(&watch, 5 * SPAN), Some(Wasted::Slow), "the first still sends");
        first.waits();
        assert_eq!(wasted(&watch, 5 * SPAN), None);
        first.reads();
        assert_eq!(wasted(&watch, 5 * SPAN), Some(Wasted::Slow));
        drop(first);
        assert_eq!(wasted(&watch, MS), Some(Wasted::Idle));
    }
}
