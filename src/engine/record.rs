//! What enters the engine: batches of priced records with the labels they use. A batch stands alone, so batches apply in any order.

use serde::{Deserialize, Serialize};
use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::varint::{put_varint, take_u32, take_varint};
use crate::format::mapping::Mappings;
use crate::label::{Label, redact};
use crate::money::{Cost, Money};
use crate::price::Priced;
use crate::time::Timestamp;
use crate::usage::{Dimension, Format, Origin, OwnLabel, RawText, Rejection, Tokens, Usage, UserField};

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
    pub ids: super::identity::RecordIds,
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

/// What a record is called and under which terms it ran: text as it stood in the log but for credentials, for those who print it back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawNames {
    /// Request, response and call id, session, and the request this one repeats.
    pub ids: [Vec<u8>; 5],
    /// Region, data residency, Vertex location, inference geography, speed.
    pub terms: [Vec<u8>; 5],
    /// The most output tokens asked for; 0 is unknown.
    pub max_tokens: u32,
}

impl RawNames {
    /// Appends the saved form of what `usage` says: its length, then each text with its length.
    fn save(usage: &Usage<'_>, out: &mut Vec<u8>) {
        let (ids, terms) = (&usage.ids, &usage.terms);
        let mut body = Vec::new();
        for text in [
            ids.request,
            ids.response,
            ids.call,
            usage.dimensions.session,
            usage.retry_of,
            terms.region,
            terms.data_residency,
            terms.vertex_location,
            terms.inference_geo,
            terms.speed,
        ] {
            let bytes = text.bytes();
            let bytes = redact(&bytes);
            put_varint(bytes.len() as u64, &mut body);
            body.extend_from_slice(&bytes);
        }
        put_varint(usage.max_tokens.into(), &mut body);
        out.extend_from_slice(&(body.len() as u32).to_le_bytes());
        out.extend_from_slice(&body);
    }

    /// The call id's place; request and response stand before it.
    pub const CALL: usize = 2;
    /// Bytes before a saved form that tell its length.
    pub const HEAD: usize = 4;

    /// Reads a saved form without its length; `None` for other bytes.
    #[must_use]
    pub fn load(mut bytes: &[u8]) -> Option<RawNames> {
        let bytes = &mut bytes;
        let mut names = RawNames::default();
        for text in names.ids.iter_mut().chain(&mut names.terms) {
            let length = usize::try_from(take_varint(bytes)?).ok()?;
            let (taken, rest) = bytes.split_at_checked(length)?;
            text.extend_from_slice(taken);
            *bytes = rest;
        }
        names.max_tokens = take_u32(bytes)?;
        Some(names)
    }
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

/// Builds batches; its tables are reused from batch to batch.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    batch: Batch,
    /// Texts as the lines wrote them, one after another. One buffer for all: small allocations beside labels, which another thread
    /// frees, would share cache lines with it.
    texts: Vec<u8>,
    index: HashTable<Known>,
    /// The last text of each place: most lines repeat what one of the last lines said.
    recent: Recent,
    /// The same for whole profiles.
    known: KnownProfiles,
    /// Scopes of this batch that were spoken for.
    spoken: FxHashSet<u128>,
    /// Memory for the records of the next batch.
    room: Vec<Record>,
    keep_names: bool,
}

/// A text seen in this batch and its label's index; 0 is none.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    start: u32,
    end: u32,
    label: u32,
}

impl Known {
    #[inline]
    fn is(&self, texts: &[u8], written: &[u8]) -> bool {
        same(&texts[self.start as usize..self.end as usize], written)
    }
}

/// Texts found without asking the index: 6 KiB, which stay in the first cache.
#[derive(Debug)]
struct Recent([Known; RECENT]);

/// Longer texts are not remembered within a batch: whoever writes them fills no memory.
const LONGEST_KNOWN: usize = 4096;

/// A power of two.
const RECENT: usize = 512;

impl Default for Recent {
    fn default() -> Recent {
        Recent([Known::default(); RECENT])
    }
}

impl Recent {
    /// Where a text stands if it is there. Ends of texts differ where their beginnings do not: `user-017`, `user-018`.
    #[inline]
    fn place(&mut self, written: &[u8]) -> &mut Known {
        let word = match (written.first_chunk::<8>(), written.last_chunk::<8>(), written.last_chunk::<4>()) {
            (Some(first), Some(last), _) => u64::from_le_bytes(*first).rotate_left(23) ^ u64::from_le_bytes(*last),
            (_, _, Some(last)) => u64::from(u32::from_le_bytes(*last)) << 8 | u64::from(written[0]),
            _ => written.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        let hash = (word ^ written.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &mut self.0[(hash >> 48) as usize % RECENT]
    }
}

/// Which of a batch's profiles stands at each place: 4 KiB, which stay in the first cache.
#[derive(Debug)]
struct KnownProfiles([u32; KNOWN_PROFILES]);

/// A power of two.
const KNOWN_PROFILES: usize = 1024;

impl Default for KnownProfiles {
    fn default() -> KnownProfiles {
        KnownProfiles([u32::MAX; KNOWN_PROFILES])
    }
}

impl KnownProfiles {
    /// Where a profile stands if it is there.
    #[inline]
    fn place(&mut self, dimensions: &[u32; Dimension::COUNT]) -> &mut u32 {
        let (pairs, last) = dimensions.as_chunks::<2>();
        let hash = pairs.iter().fold(last.iter().sum::<u32>(), |hash, [one, other]| {
            hash.wrapping_mul(0x9e37_79b1).wrapping_add(*one).wrapping_add(other.wrapping_mul(0x85eb_ca77))
        });
        &mut self.0[(hash.wrapping_mul(0x9e37_79b1) >> 16) as usize % KNOWN_PROFILES]
    }
}

impl BatchBuilder {
    /// An empty builder; with `keep_names`, batches carry raw names.
    #[must_use]
    pub fn new(keep_names: bool) -> BatchBuilder {
        BatchBuilder { keep_names, ..BatchBuilder::default() }
    }

    /// Adds one record.
    pub fn push(
        &mut self,
        usage: &Usage<'_>,
        priced: Priced,
        ids: super::identity::RecordIds,
        mut place: Place,
        around: &Surroundings,
    ) {
        if self.keep_names {
            place.offset = self.batch.names.len() as u64;
            RawNames::save(usage, &mut self.batch.names);
        }
        let given = &usage.dimensions;
        let user = around.user_order.iter().fold(RawText::NONE, |chosen, field| {
            chosen.or(match field {
                UserField::EndUser => given.end_user,
                UserField::User => given.user,
                UserField::UserEmail => given.user_email,
                UserField::KeyAlias => given.key_alias,
            })
        });
        let key = given.key_alias.or(given.key_hash);
        // Line by line: in a loop each place would be worked out again for every record.
        let mut dimensions = [0; Dimension::COUNT];
        dimensions[const { Dimension::User.place() }] = self.label(&user);
        dimensions[const { Dimension::Team.place() }] = self.label(&given.team);
        dimensions[const { Dimension::Project.place() }] = self.label(&given.project);
        dimensions[const { Dimension::Feature.place() }] = self.label(&given.feature);
        dimensions[const { Dimension::Agent.place() }] = self.label(&given.agent);
        dimensions[const { Dimension::Host.place() }] = self.label(&given.host);
        dimensions[const { Dimension::Key.place() }] = self.label(&key);
        dimensions[const { Dimension::Model.place() }] = self.label(&usage.model);
        dimensions[const { Dimension::Provider.place() }] = self.label(&usage.provider);
        dimensions[const { Dimension::Tier.place() }] = self.label(&usage.terms.tier);
        if let Some(own) = given.own {
            for (place, text) in dimensions[OwnLabel::PLACES].iter_mut().zip(own) {
                *place = self.label(text);
            }
        }
        for (dimension, label) in &around.defaults {
            if dimensions[dimension.place()] == 0 {
                dimensions[dimension.place()] = self.label(&RawText::plain(label.as_str().as_bytes()));
            }
        }
        if let Some(source) = &around.source {
            let source = RawText::plain(source.as_str().as_bytes());
            dimensions[const { Dimension::Source.place() }] = self.label(&source);
        }
        let record = Record {
            ids,
            origin: usage.origin,
            side_chain: usage.side_chain,
            is_final: usage.is_final,
            cache_hit: usage.cache_hit,
            revision: usage.revision,
            time: usage.time,
            tokens: usage.tokens,
            profile: self.profile(&dimensions),
            session: self.label(&given.session),
            stop_reason: self.label(&usage.stop_reason),
            status: usage.status,
            latency_ms: usage.latency_ms,
            reported: usage.reported,
            priced,
            whole_terms: priced.computed.is_none() && usage.is_told_by_labels(),
            subscription: usage.subscription || around.subscription,
            place,
        };
        self.batch.records.push(record);
    }

    /// A record of a request speaks for these scopes ([`IdentityKey::scopes`](super::identity::IdentityKey::scopes); 0 is none): once
    /// a batch each.
    pub fn speak(&mut self, scopes: [u128; 2], time: Option<Timestamp>) {
        for scope in scopes {
            if scope != 0 && self.spoken.insert(scope) {
                self.batch.spoken.push(Spoken { scope, time });
            }
        }
    }

    /// Adds a record that is no charge, as a line.
    pub fn push_other(&mut self, line: &[u8]) {
        self.batch.others.extend_from_slice(line);
        self.batch.others.push(b'\n');
    }

    /// The counts beside the records.
    pub fn intake(&mut self) -> &mut Intake {
        &mut self.batch.intake
    }

    /// Records so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.records.len()
    }

    /// No record so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.records.is_empty()
    }

    /// Memory of records that were applied: the next batch gets it, so that it need not be asked of the system again.
    pub fn reuse(&mut self, mut room: Vec<Record>) {
        room.clear();
        self.room = room;
    }

    /// The batch so far; the next begins empty.
    pub fn finish(&mut self, history: bool) -> Batch {
        self.index.clear();
        self.spoken.clear();
        self.texts.clear();
        self.recent = Recent::default();
        self.known = KnownProfiles::default();
        self.batch.history = history;
        // Chunks of one file are alike: with room from the start and some to spare, the next batch is not copied to a place twice as
        // large when it has a record more than this one.
        let roomy = |count: usize| count + count / 8;
        let mut records = std::mem::take(&mut self.room);
        records.reserve_exact(roomy(self.batch.records.len()));
        let labels = Vec::with_capacity(roomy(self.batch.labels.len()));
        let profiles = Vec::with_capacity(roomy(self.batch.profiles.len()));
        let next = Batch { labels, profiles, records, ..Batch::default() };
        std::mem::replace(&mut self.batch, next)
    }

    /// The index of a profile. One that lost its place to another may stand in the batch twice.
    #[inline]
    fn profile(&mut self, dimensions: &[u32; Dimension::COUNT]) -> u32 {
        let profiles = &mut self.batch.profiles;
        let place = self.known.place(dimensions);
        if profiles.get(*place as usize).is_none_or(|known| known != dimensions) {
            *place = profiles.len() as u32;
            profiles.push(*dimensions);
        }
        *place
    }

    #[inline]
    fn label(&mut self, text: &RawText<'_>) -> u32 {
        if text.is_empty() { 0 } else { self.label_of_some(text) }
    }

    #[inline(never)]
    fn label_of_some(&mut self, text: &RawText<'_>) -> u32 {
        let written = text.as_written();
        let known = *self.recent.place(written);
        if known.label != 0 && known.is(&self.texts, written) { known.label } else { self.label_of_other(text) }
    }

    #[inline(never)]
    fn label_of_other(&mut self, text: &RawText<'_>) -> u32 {
        let written = text.as_written();
        let BatchBuilder { batch, texts, index, recent, .. } = self;
        if batch.labels.is_empty() {
            batch.labels.push(Label::new(""));
        }
        if written.len() > LONGEST_KNOWN {
            batch.labels.push(text.label());
            return batch.labels.len() as u32 - 1;
        }
        let hash = FxBuildHasher.hash_one(written);
        let known = if let Some(known) = index.find(hash, |known| known.is(texts, written)) {
            *known
        } else {
            // A batch is far smaller than 4 GiB.
            let start = texts.len() as u32;
            texts.extend_from_slice(written);
            let known = Known { start, end: texts.len() as u32, label: batch.labels.len() as u32 };
            batch.labels.push(text.label());
            let hash_of = |known: &Known| FxBuildHasher.hash_one(&texts[known.start as usize..known.end as usize]);
            index.insert_unique(hash, known, hash_of);
            known
        };
        *recent.place(written) = known;
        known.label
    }
}

/// Whether two texts are equal. Most are short: for them the library's call takes longer than the comparison.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        // The first and the last word; they may overlap.
        8..=16 => a.first_chunk::<8>() == b.first_chunk::<8>() && a.last_chunk::<8>() == b.last_chunk::<8>(),
        4..=7 => a.first_chunk::<4>() == b.first_chunk::<4>() && a.last_chunk::<4>() == b.last_chunk::<4>(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_the_same_when_their_bytes_are(text in proptest::collection::vec(any::<u8>(), 0..24), at: usize, bit in 0..8u32) {
            prop_assert!(same(&text, &text.clone()));
            let mut other = text.clone();
            other.push(0);
            prop_assert!(!same(&text, &other));
            other.pop();
            if !text.is_empty() {
                other[at % text.len()] ^= 1 << bit;
                prop_assert!(!same(&text, &other));
            }
        }
    }
}
