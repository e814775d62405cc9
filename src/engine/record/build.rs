//! Building batches: usages with their prices enter one by one, a batch leaves in which every text and every profile stands about once.

use std::hash::BuildHasher as _;

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::{Batch, Intake, Place, RawNames, Record, Spoken, Surroundings};
use crate::engine::identity::RecordIds;
use crate::label::Label;
use crate::price::Priced;
use crate::time::Timestamp;
use crate::usage::{Dimension, OwnLabel, RawText, Usage, UserField};

/// Longer texts are not remembered within a batch: whoever writes them fills no memory.
const LONGEST_KNOWN: usize = 4096;
/// A power of two.
const RECENT: usize = 512;
/// A power of two.
const KNOWN_PROFILES: usize = 1024;

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
    pub fn push(&mut self, usage: &Usage<'_>, priced: Priced, ids: RecordIds, mut place: Place, around: &Surroundings) {
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

    /// A record of a request speaks for these scopes ([`IdentityKey::scopes`](crate::engine::identity::IdentityKey::scopes); 0 is none): once
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
