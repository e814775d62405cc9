//! The engine: a plain value without I/O, clock, thread or colour. Batches of records enter, answers to queries leave.

pub mod counters;
pub mod identity;
pub mod names;
pub mod record;
pub mod report;
pub mod view;

use counters::Counters;
use names::{NameId, ProfileId};

use crate::time::Timestamp;

/// A difference: what one record changed, for one (time, profile, session). Everything downstream of the ledger lives on these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    /// Event time of the charge.
    pub time: Timestamp,
    /// All its dimensions but the session.
    pub profile: ProfileId,
    /// Its session.
    pub session: NameId,
    /// 1 adds, −1 takes back.
    pub sign: i64,
    /// The charge's sums, unsigned by `sign`.
    pub sums: Counters,
    /// Read as history: rings no bell.
    pub history: bool,
}
