//! Bodies on their way in, and the room they share: what each is lent and how fast it fills it enters; room leaves, or nobody's patience
//! lasts. Where room is short, whoever keeps it longest for what it sends has to go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::watch::{HEAD, Pace, SPAN};
use crate::source::budget::Reservation;
use crate::source::start::Outlet;

/// What a body is lent before it has shown that it comes.
pub(super) const FIRST: usize = 64 << 10;
/// Bodies that may at once wait for more with their first part in hand: an eighth of the pool, so that the rest is always for those who can end.
const BEGUN_AT_ONCE: usize = 64;
/// Room is asked for again after this…
const RETRY: Duration = Duration::from_millis(2);
/// …and after this another one is cut for it: the last one has let go.
const CUT_APART: Duration = Duration::from_millis(20);

/// All bodies that come in at the listeners of one process.
#[derive(Debug)]
pub(in crate::source) struct Filling {
    bodies: Mutex<(u64, HashMap<u64, Body>)>,
    begun: Arc<Semaphore>,
}

#[derive(Debug)]
struct Body {
    since: Instant,
    lent: usize,
    came: usize,
    pace: Pace,
    /// It waits for us.
    waits: bool,
    cut: Arc<Notify>,
}

impl Body {
    /// How long, in milliseconds, it will go on filling what it was lent; `None` while that is short, or not to be told yet.
    fn keeps(&mut self, now: Instant) -> Option<u128> {
        if self.waits || now.saturating_duration_since(self.since) < SPAN {
            return None;
        }
        let left = self.lent.saturating_sub(self.came) as u128;
        let keeps = left * 1000 / u128::from(self.pace.rate(now)).max(1);
        (keeps > HEAD.as_millis()).then_some(keeps)
    }
}

impl Default for Filling {
    fn default() -> Filling {
        Filling { bodies: Mutex::default(), begun: Arc::new(Semaphore::new(BEGUN_AT_ONCE)) }
    }
}

impl Filling {
    /// A panic elsewhere leaves plain numbers, which stay valid.
    fn lock(&self) -> MutexGuard<'_, (u64, HashMap<u64, Body>)> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A body begins.
    pub(super) fn begin(self: &Arc<Filling>) -> Place {
        let cut = Arc::new(Notify::new());
        let now = Instant::now();
        let body = Body { since: now, lent: 0, came: 0, pace: Pace::new(now), waits: false, cut: Arc::clone(&cut) };
        let mut bodies = self.lock();
        bodies.0 += 1;
        let number = bodies.0;
        bodies.1.insert(number, body);
        Place { filling: Arc::clone(self), number, cut, permit: None }
    }

    /// Lets the one go that keeps its room longest.
    fn cut_one(&self) {
        let now = Instant::now();
        let mut bodies = self.lock();
        let longest = bodies.1.values_mut().filter_map(|body| Some((body.keeps(now)?, body))).max_by_key(|it| it.0);
        if let Some((_, body)) = longest {
            // It lets go as soon as it has its turn; nobody cuts it twice meanwhile.
            body.waits = true;
            body.cut.notify_one();
        }
    }
}

/// One body's place among them.
pub(super) struct Place {
    filling: Arc<Filling>,
    number: u64,
    cut: Arc<Notify>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    fn with(&self, change: impl FnOnce(&mut Body)) {
        if let Some(body) = self.filling.lock().1.get_mut(&self.number) {
            change(body);
        }
    }

    /// Bytes of it came.
    pub fn came(&self, bytes: usize) {
        self.with(|body| {
            body.came += bytes;
            body.pace.came(bytes as u64, Instant::now());
        });
    }

    /// Resolves when it has to let its room go.
    pub async fn is_cut(&self) {
        self.cut.notified().await;
    }

    /// Waits for `bytes`; `None` once everything ends. With `in_part`, the body will ask for more before it is whole.
    pub async fn lend(&mut self, bytes: usize, in_part: bool, outlet: &Outlet) -> Option<Reservation> {
        let mut cut: Option<Instant> = None;
        self.with(|body| body.waits = true);
        while !outlet.stopped() {
            if let Some(reserved) = self.lend_now(bytes, in_part, outlet) {
                return Some(reserved);
            }
            if cut.is_none_or(|cut| cut.elapsed() >= CUT_APART) {
                self.filling.cut_one();
                cut = Some(Instant::now());
            }
            sleep(RETRY).await;
        }
        None
    }

    /// As [`Place::lend`]; `None` where that is not to be had now.
    pub fn lend_now(&mut self, bytes: usize, in_part: bool, outlet: &Outlet) -> Option<Reservation> {
        let permit = if in_part { Some(Arc::clone(&self.filling.begun).try_acquire_owned().ok()?) } else { None };
        let reserved = outlet.budget.try_acquire(bytes)?;
        self.permit = permit;
        self.with(|body| {
            body.lent += bytes;
            body.waits = false;
        });
        Some(reserved)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.filling.lock().1.remove(&self.number);
    }
}
