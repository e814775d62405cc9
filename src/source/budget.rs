//! How many bytes may be on their way between reading and the engine. A wish enters, a reservation leaves; it never lends more than it has.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes lent at most, unless told otherwise.
pub const DEFAULT_BYTES: usize = 32 << 20;

/// A counted pool of bytes, shared by all readers. Cloning shares it.
#[derive(Clone, Debug)]
pub struct ByteBudget(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    capacity: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lent: usize,
    closed: bool,
}

/// Bytes lent; they return when this is dropped.
#[derive(Debug)]
pub struct Reservation {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Pool {
    /// A panic elsewhere leaves two plain numbers, which stay valid.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ByteBudget {
    fn default() -> ByteBudget {
        ByteBudget::new(DEFAULT_BYTES)
    }
}

impl ByteBudget {
    /// A pool of `capacity` bytes.
    #[must_use]
    pub fn new(capacity: usize) -> ByteBudget {
        let state = Mutex::default();
        ByteBudget(Arc::new(Pool { capacity: capacity.max(1), state, returned: Condvar::new() }))
    }

    /// Waits for `bytes` (at most the capacity is asked for); `None` once the budget is closed.
    #[must_use]
    pub fn acquire(&self, bytes: usize) -> Option<Reservation> {
        let bytes = bytes.min(self.0.capacity);
        let mut state = self.0.lock();
        while !state.closed && state.lent + bytes > self.0.capacity {
            state = self.0.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.lend(state, bytes)
    }

    /// As [`ByteBudget::acquire`], but `None` also when the bytes are not there now.
    #[must_use]
    pub fn try_acquire(&self, bytes: usize) -> Option<Reservation> {
        let bytes = bytes.min(self.0.capacity);
        let state = self.0.lock();
        if state.lent + bytes > self.0.capacity { None } else { self.lend(state, bytes) }
    }

    fn lend(&self, mut state: MutexGuard<'_, State>, bytes: usize) -> Option<Reservation> {
        if state.closed {
            return None;
        }
        state.lent += bytes;
        Some(Reservation { pool: Arc::clone(&self.0), bytes })
    }

    /// Nothing is lent any more, and whoever waits is told so.
    pub fn close(&self) {
        self.0.lock().closed = true;
        self.0.returned.notify_all();
    }

    /// Bytes that are out.
    #[must_use]
    pub fn lent(&self) -> usize {
        self.0.lock().lent
    }
}

impl Reservation {
    /// Adds what was lent by the same pool.
    pub fn add(&mut self, mut more: Reservation) {
        self.bytes += std::mem::take(&mut more.bytes);
    }

    /// Gives back what is held beyond `bytes`.
    pub fn shrink(&mut self, bytes: usize) {
        let back = self.bytes.saturating_sub(bytes);
        self.bytes -= back;
        self.give(back);
    }

    fn give(&self, bytes: usize) {
        self.pool.lock().lent -= bytes;
        self.pool.returned.notify_all();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.give(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lends_no_more_than_it_has_and_wakes_who_waits() {
        let budget = ByteBudget::new(100);
        let first = budget.acquire(80).unwrap();
        assert!(budget.try_acquire(30).is_none());
        let waiting = {
            let budget = budget.clone();
            std::thread::spawn(move || budget.acquire(30).is_some())
        };
        drop(first);
        assert!(waiting.join().unwrap());
        assert_eq!(budget.lent(), 0);
    }

    #[test]
    fn a_wish_beyond_the_capacity_is_cut_and_closing_ends_all_waiting() {
        let budget = ByteBudget::new(100);
        let mut all = budget.acquire(5000).unwrap();
        assert_eq!(budget.lent(), 100);
        all.shrink(10);
        assert_eq!(budget.lent(), 10);
        budget.close();
        assert!(budget.acquire(1).is_none());
    }
}
