//! One decoder: a chunk of lines enters, a batch of priced records leaves with the position that covers it.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use memchr::memchr;

use super::beside::{self, Meant};
use super::bodies::Bodies;
use super::contexts::Contexts;
use crate::alarm::Adjustment;
use crate::engine::identity::{IdentityKey, RecordIds, link};
use crate::engine::record::{Batch, BatchBuilder, Place, Record, Surroundings};
use crate::format::context::Context;
use crate::format::labels::LabelPaths;
use crate::format::{At, Beside, Decoder, Skip};
use crate::label::Label;
use crate::output::other;
use crate::price::{PriceBook, Pricer};
use crate::source::budget::Reservation;
use crate::source::{Chunk, Frame, Position, Receipt, SourceId};
use crate::time::{Timestamp, Zone};
use crate::usage::{Dimension, Origin, RawText, Rejection, Usage};

/// Memory of applied records that waits for its decoder: for the batch that is made and the one behind it.
const ROOMS: usize = 2;
/// Memory for more records than these goes back to the system: few chunks hold so many.
const ROOMIEST: usize = 2048;

/// What decoders share.
#[derive(Clone)]
pub struct Shared {
    /// Where times without a zone are.
    pub zone: Zone,
    /// The key of identities.
    pub key: IdentityKey,
    /// Prices.
    pub book: Arc<PriceBook>,
    /// What is known of each source.
    pub around: Arc<[Surroundings]>,
    /// Where lines may have the operator's own labels; `None`: nowhere.
    pub labels: Option<Arc<LabelPaths>>,
    /// Batches carry raw names beside the records.
    pub keep_names: bool,
    /// Bodies that came within the last hour.
    pub bodies: Arc<Bodies>,
}

/// A batch with where it came from.
pub struct Decoded {
    /// The records.
    pub batch: Batch,
    /// Which source.
    pub source: SourceId,
    /// Which file generation or connection.
    pub generation: u32,
    /// What to save with it.
    pub position: Option<Position>,
    /// Returns to the byte budget when the batch has been applied.
    pub reserved: Option<Reservation>,
    /// Who waits until the batch is safe.
    pub receipt: Option<Receipt>,
    /// Corrections of budgets, which are no records of the batch.
    pub adjustments: Vec<Adjustment>,
    /// Where the memory of the records came from.
    rooms: Sender<Vec<Record>>,
}

impl Decoded {
    /// Gives the memory of the records, which were applied, back to the decoder. Asked of the system again for each batch, it would be
    /// cleared again each time.
    pub fn give_back(&mut self) {
        let records = std::mem::take(&mut self.batch.records);
        if records.capacity() <= ROOMIEST {
            // Where enough waits, or nobody any more, it goes back to the system.
            let _ = self.rooms.try_send(records);
        }
    }
}

/// One decoder with its tables.
pub struct LineDecoder {
    shared: Shared,
    decoder: Decoder,
    pricer: Pricer,
    builder: BatchBuilder,
    contexts: Contexts,
    adjustments: Vec<Adjustment>,
    rooms: (Sender<Vec<Record>>, Receiver<Vec<Record>>),
}

impl LineDecoder {
    /// A decoder with empty tables.
    #[must_use]
    pub fn new(shared: Shared) -> LineDecoder {
        let (mut decoder, pricer) = (Decoder::new(shared.zone), Pricer::new(Arc::clone(&shared.book)));
        decoder.look_for(shared.labels.clone());
        let builder = BatchBuilder::new(shared.keep_names);
        LineDecoder {
            shared,
            decoder,
            pricer,
            builder,
            contexts: Contexts::default(),
            adjustments: Vec::new(),
            rooms: bounded(ROOMS),
        }
    }

    fn finish(&mut self, history: bool) -> Batch {
        if let Ok(room) = self.rooms.1.try_recv() {
            self.builder.reuse(room);
        }
        self.builder.finish(history)
    }

    /// Goes on in the contexts that were saved with `positions`.
    pub fn resume<'a>(&mut self, positions: impl Iterator<Item = &'a Position>) {
        self.contexts.resume(positions);
    }

    /// Decodes and prices a chunk.
    pub fn decode(&mut self, chunk: Chunk) -> Decoded {
        let around = self.shared.around.get(usize::from(chunk.source)).cloned().unwrap_or_default();
        self.decoder.pin(around.format);
        self.decoder.map(around.mappings.as_ref());
        if chunk.frame != Frame::Lines {
            return self.body(chunk, &around);
        }
        let context = self.contexts.before(&chunk);
        self.decoder.go_on_with(context);
        let mut rest = chunk.bytes.as_slice();
        let mut offset = chunk.offset;
        while !rest.is_empty() {
            let (line, whole) = match memchr(b'\n', rest) {
                Some(end) => (&rest[..=end], true),
                None => (rest, false),
            };
            rest = &rest[line.len()..];
            if chunk.again {
                self.decoder.decode(offset, line, &mut |_, _| {});
                self.decoder.take_beside();
            } else {
                self.line(line, whole, offset, &around, &chunk);
            }
            offset += line.len() as u64;
        }
        let left = self.contexts.after(&chunk, offset, self.decoder.go_on_with(Context::default()));
        let intake = self.builder.intake();
        intake.torn += left.torn;
        for _ in 0..left.too_long {
            intake.reject(Rejection::TooLong);
        }
        if !chunk.again {
            intake.bytes += chunk.bytes.len() as u64;
        }
        intake.torn += chunk.broken;
        intake.gaps += chunk.gaps;
        intake.dropped += chunk.dropped;
        for _ in 0..chunk.too_long {
            intake.lines += 1;
            intake.reject(Rejection::TooLong);
        }
        Decoded {
            batch: self.finish(chunk.history),
            source: chunk.source,
            generation: chunk.generation,
            position: chunk.position.map(|position| Position {
                open_since: left.open_since,
                context: left.saved,
                ..position
            }),
            reserved: chunk.reserved,
            receipt: chunk.receipt,
            adjustments: std::mem::take(&mut self.adjustments),
            rooms: self.rooms.0.clone(),
        }
    }

    /// Decodes and prices a whole body: nothing of it goes on in another chunk.
    fn body(&mut self, chunk: Chunk, around: &Surroundings) -> Decoded {
        let intake = self.builder.intake();
        intake.bytes += chunk.bytes.len() as u64;
        let LineDecoder { shared, decoder, pricer, builder, .. } = self;
        let mut known = None;
        let mut name = |index| {
            let (body, since) = *known.get_or_insert_with(|| {
                let body = shared.key.body(&chunk.bytes);
                (body, shared.bodies.since(body, Timestamp::now()))
            });
            shared.key.in_body(body, since, index)
        };
        decoder.decode_body(chunk.frame, chunk.offset, &chunk.bytes, &mut |at, result| {
            let mut ids = |usage: &Usage<'_>, place: Place| {
                let ids = shared.key.identify(usage, place);
                if ids.links == link::PLACE { name(place.index) } else { ids }
            };
            record(result, at, true, &mut ids, (&shared.key, builder, pricer), around, &chunk);
        });
        for (index, beside) in (0..).zip(decoder.take_beside()) {
            let id = || name(index).call;
            adjust(&beside, id, (shared, builder, &mut self.adjustments), around);
        }
        // A body stands alone: what it leaves open never ends.
        let open = decoder.go_on_with(Context::default());
        builder.intake().torn += open.parts().torn();
        Decoded {
            batch: self.finish(chunk.history),
            source: chunk.source,
            generation: chunk.generation,
            position: None,
            reserved: chunk.reserved,
            receipt: chunk.receipt,
            adjustments: std::mem::take(&mut self.adjustments),
            rooms: self.rooms.0.clone(),
        }
    }

    fn line(&mut self, line: &[u8], whole: bool, offset: u64, around: &Surroundings, chunk: &Chunk) {
        self.builder.intake().lines += 1;
        let LineDecoder { shared, decoder, pricer, builder, .. } = self;
        decoder.decode(offset, line, &mut |at, result| {
            let mut ids = |usage: &Usage<'_>, place: Place| shared.key.identify(usage, place);
            record(result, at, whole, &mut ids, (&shared.key, builder, pricer), around, chunk);
        });
        for (index, beside) in (0..).zip(decoder.take_beside()) {
            let place = Place { generation: chunk.generation, offset: beside.offset, index };
            let id = || shared.key.identify(&Usage::default(), place).call;
            adjust(&beside, id, (shared, builder, &mut self.adjustments), around);
        }
    }
}

/// A record beside usage: counted, passed on where names are kept, and taken where it corrects budgets. Without an id it is known by its
/// place, as a charge would be, so that one that is read again is the same.
fn adjust(
    beside: &Beside,
    id: impl FnOnce() -> u128,
    (shared, builder, adjustments): (&Shared, &mut BatchBuilder, &mut Vec<Adjustment>),
    around: &Surroundings,
) {
    let meant = beside::read(beside, around, shared.labels.as_deref(), shared.zone, Timestamp::now());
    if let Meant::Refused(class, _) = meant {
        return builder.intake().reject(class);
    }
    builder.intake().records += 1;
    builder.intake().not_usage += 1;
    let (of, time) = match &meant {
        Meant::Adjustment(adjustment) => (adjustment.of.as_slice(), Some(adjustment.time)),
        _ => (&[][..], beside.time),
    };
    if shared.keep_names {
        // The file that it stood in is another one for whoever reads it next.
        let stated = of.iter().filter(|(of, _)| !matches!(of, Dimension::Own(_) | Dimension::Source));
        let stated = stated.map(|(of, label)| (of.name(), label.as_str()));
        if let Some(line) = other::line(&beside.record, time, stated) {
            builder.push_other(line.as_bytes());
        }
    }
    if let Meant::Adjustment(mut adjustment) = meant {
        builder.intake().undated += u64::from(beside.time.is_none());
        if adjustment.id.as_str().is_empty() {
            adjustment.id = Label::new(&format!("{:032x}", id()));
        }
        adjustments.push(*adjustment);
    }
}

/// One record's fate: into the batch, or among the counts. `whole` is false at the end of a file that died or a stream that broke off.
#[inline]
fn record(
    result: Result<&Usage<'_>, Skip>,
    at: At,
    whole: bool,
    ids: &mut impl FnMut(&Usage<'_>, Place) -> RecordIds,
    (key, builder, pricer): (&IdentityKey, &mut BatchBuilder, &mut Pricer),
    around: &Surroundings,
    chunk: &Chunk,
) {
    match result {
        Ok(usage) => {
            let owned = with_owner(usage, around, chunk.owner.as_ref());
            let usage = owned.as_ref().unwrap_or(usage);
            let place = Place { generation: chunk.generation, offset: at.offset, index: at.index };
            builder.push(usage, pricer.price(usage), ids(usage, place), place, around);
            if matches!(usage.origin, Origin::OpenTelemetry | Origin::Transcript) {
                builder.speak(key.scopes(usage), usage.time);
            }
        }
        // Counted once it has been looked at.
        Err(Skip::Beside) => {}
        Err(Skip::NotUsage) => {
            builder.intake().records += 1;
            builder.intake().not_usage += 1;
        }
        Err(Skip::Rejected(Rejection::Json)) if !whole => builder.intake().torn += 1,
        Err(Skip::Rejected(class)) => builder.intake().reject(class),
    }
}

/// A coding agent's files name no user: it is the operating system's owner of the file, unless the configuration says otherwise.
///
/// `None`: the usage stands as it is.
#[must_use]
pub fn with_owner<'a>(usage: &Usage<'a>, around: &Surroundings, owner: Option<&'a Label>) -> Option<Usage<'a>> {
    let owner = owner.filter(|_| {
        usage.origin == Origin::Transcript
            && usage.dimensions.user.is_empty()
            && around.default_of(Dimension::User).is_none()
    })?;
    let mut usage = *usage;
    usage.dimensions.user = RawText::plain(owner.as_str().as_bytes());
    Some(usage)
}
