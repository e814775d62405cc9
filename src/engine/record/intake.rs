//! What came in and what became of it, in numbers: every record ends as exactly one of them.

use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::usage::Rejection;

/// What came in and what became of it. `records` = charges + updates + duplicates + merged + `not_usage` + rejected + late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    /// Files (and connections) opened.
    pub files: u64,
    /// Bytes of whole lines.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Last lines without a newline that were no whole record, and packed files that broke off.
    pub torn: u64,
    /// Places where lines may have been lost before anybody could read them.
    pub gaps: u64,
    /// Datagrams that the kernel dropped: they came too fast, nobody knows what was in them.
    pub dropped: u64,
    /// Statements, of usage or not.
    pub records: u64,
    /// Charges that stand now.
    pub charges: u64,
    /// Records that changed a charge.
    pub updates: u64,
    /// Records that said nothing new.
    pub duplicates: u64,
    /// Records of another kind that joined a charge.
    pub merged: u64,
    /// Records that are not about usage.
    pub not_usage: u64,
    /// Records refused, by class; order of [`Rejection::ALL`].
    pub rejected: [u64; Rejection::ALL.len()],
    /// Records for a day that has been dropped.
    pub late: u64,
    /// What those would cost; it is in no sum.
    pub late_cost: Money,
    /// Records without a time.
    pub undated: u64,
    /// Records without an id.
    pub no_id: u64,
    /// Requests whose response id stopped linking.
    pub id_reused: u64,
    /// Records from more than two minutes ahead.
    pub clock_skew: u64,
}

impl Intake {
    /// All refused records.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.iter().sum()
    }

    /// Counts one refusal.
    pub fn reject(&mut self, class: Rejection) {
        self.records += 1;
        self.rejected[class as usize] += 1;
    }

    /// Adds another count to this one.
    pub fn add(&mut self, other: &Intake) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.lines += other.lines;
        self.torn += other.torn;
        self.gaps += other.gaps;
        self.dropped += other.dropped;
        self.records += other.records;
        self.charges += other.charges;
        self.updates += other.updates;
        self.duplicates += other.duplicates;
        self.merged += other.merged;
        self.not_usage += other.not_usage;
        for (sum, count) in self.rejected.iter_mut().zip(other.rejected) {
            *sum += count;
        }
        self.late += other.late;
        self.late_cost += other.late_cost;
        self.undated += other.undated;
        self.no_id += other.no_id;
        self.id_reused += other.id_reused;
        self.clock_skew += other.clock_skew;
    }
}
