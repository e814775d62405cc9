//! A record whose names have numbers enters, the row that the ledger keeps of it leaves.

use crate::engine::names::{NameId, ProfileId};
use crate::engine::record::Record;
use crate::engine::rows::Row;
use crate::time::Timestamp;

/// A record with its names interned.
pub struct Entry<'a> {
    /// The record.
    pub record: &'a Record,
    /// Its dimensions.
    pub profile: ProfileId,
    /// Its session.
    pub session: NameId,
    /// Its stop reason.
    pub stop_reason: NameId,
    /// When it arrived, for records without a time.
    pub arrival: Timestamp,
    /// Read as history.
    pub history: bool,
}

impl Entry<'_> {
    /// The row of a record that stands by itself; its ring is to be closed by whoever gives it a number.
    pub(super) fn row(&self) -> Row {
        let record = self.record;
        Row {
            ids: record.ids,
            origin: record.origin,
            side_chain: record.side_chain,
            cache_hit: record.cache_hit,
            revision: record.revision,
            dated: record.time.is_some(),
            time: record.time.unwrap_or(self.arrival).ms(),
            tokens_dated: record.time.is_some(),
            tokens_time: record.time.map_or(0, Timestamp::ms),
            is_final: record.is_final,
            tokens: record.tokens,
            status: record.status,
            latency_ms: record.latency_ms,
            stop_reason: self.stop_reason,
            computed: record.priced.computed,
            saved_pico: record.priced.saved_pico,
            batch: record.priced.batch,
            whole_terms: record.whole_terms,
            subscription: record.subscription,
            place: record.place,
            reported: record.reported,
            profile: self.profile,
            session: self.session,
            ragged: false,
            next: 0,
        }
    }
}
