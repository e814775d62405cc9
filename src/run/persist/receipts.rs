//! Who waits until what it sent is safe: receipts of applied batches enter; the commit that holds a batch tells its receipt, or drops it
//! untold. What came through a stream keeps its part of the byte budget until then, so that a disk that takes nothing holds the senders up.

use std::time::{Duration, Instant};

use crate::source::budget::Reservation;
use crate::source::{Receipt, Receiving};

/// A receipt waits so long for others that share its commit.
const SHARE: Duration = Duration::from_millis(5);

/// Receipts and bytes, by the commit that holds what they are for.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    /// Applied since the last commit was handed over.
    next: Held,
    /// Since when the oldest of them waits.
    since: Option<Instant>,
    in_flight: Held,
    /// The disk refuses: nobody is told, and nobody waits.
    refused: bool,
}

#[derive(Debug, Default)]
struct Held {
    receipts: Vec<(Receipt, Receiving)>,
    bytes: Option<Reservation>,
}

impl Receipts {
    /// A batch was applied that the next commit will hold.
    pub fn applied(&mut self, receipt: Option<(Receipt, Receiving)>, bytes: Option<Reservation>) {
        match (&mut self.next.bytes, bytes) {
            (Some(held), Some(more)) => held.add(more),
            (held, more) => *held = held.take().or(more),
        }
        if let Some(receipt) = receipt.filter(|_| !self.refused) {
            self.since.get_or_insert_with(Instant::now);
            self.next.receipts.push(receipt);
        }
    }

    /// When the next commit is due for their sake.
    pub fn due_in(&self, now: Instant) -> Option<Duration> {
        self.since.map(|since| (since + SHARE).saturating_duration_since(now))
    }

    /// The next commit is handed over.
    pub fn committing(&mut self) {
        self.since = None;
        self.in_flight = std::mem::take(&mut self.next);
    }

    /// The commit is on the disk.
    pub fn safe(&mut self) {
        self.refused = false;
        for (receipt, receiving) in std::mem::take(&mut self.in_flight).receipts {
            receipt.safe(receiving);
        }
    }

    /// The disk refuses: whoever waits has to send again. The bytes stay lent, what they became is not safe yet.
    pub fn refuse(&mut self) {
        self.refused = true;
        self.since = None;
        self.next.receipts.clear();
        self.in_flight.receipts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::budget::ByteBudget;
    use tokio::sync::oneshot::error::TryRecvError;

    const ONE: Receiving = Receiving { records: 1, rejected: 0 };

    #[test]
    fn a_receipt_is_told_by_the_commit_that_holds_its_batch_and_by_no_other() {
        let budget = ByteBudget::new(100);
        let mut receipts = Receipts::default();
        let (first, mut first_told) = Receipt::new();
        receipts.applied(Some((first, ONE)), budget.try_acquire(30));
        assert!(receipts.due_in(Instant::now()).unwrap() <= SHARE);
        receipts.committing();
        let (second, mut second_told) = Receipt::new();
        receipts.applied(Some((second, ONE)), budget.try_acquire(20));
        receipts.applied(None, budget.try_acquire(10));
        assert_eq!(first_told.try_recv(), Err(TryRecvError::Empty));
        receipts.safe();
        assert_eq!(first_told.try_recv(), Ok(ONE));
        assert_eq!(second_told.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(budget.lent(), 30, "what the second commit holds is still lent");
        receipts.committing();
        receipts.safe();
        assert_eq!((second_told.try_recv(), budget.lent()), (Ok(ONE), 0));
    }

    #[test]
    fn while_the_disk_refuses_nobody_is_told_and_bytes_stay_lent() {
        let budget = ByteBudget::new(100);
        let mut receipts = Receipts::default();
        let [(first, mut told), (later, mut told_later), (last, mut told_last)] =
            std::array::from_fn(|_| Receipt::new());
        receipts.applied(Some((first, ONE)), budget.try_acquire(30));
        receipts.committing();
        receipts.refuse();
        receipts.applied(Some((later, ONE)), budget.try_acquire(30));
        assert_eq!(told.try_recv(), Err(TryRecvError::Closed));
        assert_eq!(told_later.try_recv(), Err(TryRecvError::Closed));
        assert_eq!((budget.lent(), receipts.due_in(Instant::now())), (60, None));
        receipts.safe();
        receipts.committing();
        receipts.safe();
        assert_eq!(budget.lent(), 0);
        receipts.applied(Some((last, ONE)), None);
        receipts.committing();
        receipts.safe();
        assert_eq!(told_last.try_recv(), Ok(ONE));
    }
}
