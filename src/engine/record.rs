//! What enters the engine: batches of priced records with the labels they use. A batch stands alone, so batches apply in any order.

mod build;
mod intake;
mod raw;

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::identity::RecordIds;
use crate::format::mapping::Mappings;
use crate::label::Label;
use crate::money::Cost;
use crate::price::Priced;
use crate::time::Timestamp;
use crate::usage::{Dimension, Format, Origin, Tokens, UserField};

pub use build::BatchBuilder;
pub use intake::Intake;
pub use raw::RawNames;

/// Where a record stands, so that it can be read again and, without ids, told from its twin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file generation, connection or body; unique within one state.
    pub generation: u32,
    /// Byte offset of the line's first byte.
    pub offset: u64,
    /// Which record of the line.
    pub index: u32,
}

/// One statement of usage, priced, its text replaced by indices into [`Batch::labels`] (0 is none).
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// Hashed names; see `engine::identity`.
    pub ids: RecordIds,
    /// Who speaks.
    pub origin: Origin,
    /// A sub-agent's replay.
    pub side_chain: bool,
    /// The last word.
    pub is_final: bool,
    /// Gateway cache hit.
    pub cache_hit: bool,
    /// Version of the statement.
    pub revision: u32,
    /// Event time; `None` takes the arrival.
    pub time: Option<Timestamp>,
    /// Tokens by kind.
    pub tokens: Tokens,
    /// All its dimensions but the session: an index into [`Batch::profiles`].
    pub profile: u32,
    /// The session.
    pub session: u32,
    /// Why the model stopped.
    pub stop_reason: u32,
    /// HTTP status, 0 unknown.
    pub status: u16,
    /// Milliseconds, 0 unknown.
    pub latency_ms: u32,
    /// What the log says it cost.
    pub reported: Option<Cost>,
    /// What the table says.
    pub priced: Priced,
    /// The table has no price, and the record's labels say all that one could depend on.
    pub whole_terms: bool,
    /// Paid by a subscription.
    pub subscription: bool,
    /// Where it stands.
    pub place: Place,
}

/// Brings records that another processor wrote into this one's cache: together that costs one wait instead of one for each.
pub(super) fn warm(records: &[Record]) {
    for record in records {
        // One value from each cache line a record takes, wherever the compiler has put it.
        std::hint::black_box((
            record.ids.response,
            record.ids.span,
            record.time,
            record.tokens.input,
            record.session,
            record.reported,
            record.priced.saved_pico,
            record.place.offset,
            record.is_final,
        ));
    }
}

/// Priced records with the labels they use and the counts of what was read beside them.
#[derive(Debug, Default)]
pub struct Batch {
    /// Index 0 is the empty label and means none.
    pub labels: Vec<Label>,
    /// What the records say of their dimensions, each by its place in a profile: indices into `labels`. Most records repeat another one's.
    pub profiles: Vec<[u32; Dimension::COUNT]>,
    /// In the order of the lines.
    pub records: Vec<Record>,
    /// What the records speak for.
    pub spoken: Vec<Spoken>,
    /// Lines, bytes, not usage, rejected. The fates of `records` are added when they are applied.
    pub intake: Intake,
    /// Read as history: it rings no bell.
    pub history: bool,
    /// Raw names of each record, in their saved form, where they are kept; a record's place then leads here.
    pub names: Vec<u8>,
    /// Adjustments, transfers and outcomes as lines that can be printed, where names are kept.
    pub others: Vec<u8>,
}

impl Batch {
    /// What one of its records says of its dimensions: indices into [`Batch::labels`] by their places in a profile.
    #[must_use]
    pub fn dimensions(&self, record: &Record) -> [u32; Dimension::COUNT] {
        self.profiles.get(record.profile as usize).copied().unwrap_or_default()
    }
}

/// Records of single requests speak for a scope: points of counters over it are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// A session or what exported; see [`IdentityKey::scopes`](super::identity::IdentityKey::scopes).
    pub scope: u128,
    /// Event time of the record that spoke first.
    pub time: Option<Timestamp>,
}

/// The dimensions of a record that do not stand in the line: what the source was told.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The SOURCE as the operator named it.
    pub source: Option<Label>,
    /// Values where the log has none: at most one for a dimension.
    pub defaults: Vec<(Dimension, Label)>,
    /// Which of a log's names is the user, best first.
    pub user_order: Vec<UserField>,
    /// The only format that is read; `None`: whatever a line is.
    pub format: Option<Format>,
    /// A subscription pays for what this source says: its costs are list-price equivalents.
    pub subscription: bool,
    /// Logs of the operator's own.
    pub mappings: Option<Arc<Mappings>>,
}

impl Surroundings {
    /// The value of a dimension where the log has none.
    #[must_use]
    pub fn default_of(&self, dimension: Dimension) -> Option<&Label> {
        self.defaults.iter().find(|(of, _)| *of == dimension).map(|(_, label)| label)
    }
}
