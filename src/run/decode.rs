//! One decoder: a chunk of lines enters, a batch of priced records leaves with the position that covers it.

use std::sync::Arc;

use memchr::memchr;

use crate::engine::identity::IdentityKey;
use crate::engine::record::{Batch, BatchBuilder, Place, Surroundings};
use crate::format::{Decoder, Skip};
use crate::label::Label;
use crate::price::{PriceBook, Pricer};
use crate::source::budget::Reservation;
use crate::source::{Chunk, Position, SourceId};
use crate::time::Zone;
use crate::usage::{Dimension, Origin, RawText, Rejection, Usage};

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
    /// Batches carry raw names beside the records.
    pub keep_names: bool,
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
}

/// One decoder with its tables.
pub struct LineDecoder {
    shared: Shared,
    decoder: Decoder,
    pricer: Pricer,
    builder: BatchBuilder,
}

impl LineDecoder {
    /// A decoder with empty tables.
    #[must_use]
    pub fn new(shared: Shared) -> LineDecoder {
        let (decoder, pricer) = (Decoder::new(shared.zone), Pricer::new(Arc::clone(&shared.book)));
        let builder = BatchBuilder::new(shared.keep_names);
        LineDecoder { shared, decoder, pricer, builder }
    }

    /// Decodes and prices a chunk.
    pub fn decode(&mut self, chunk: Chunk) -> Decoded {
        let around = self.shared.around.get(usize::from(chunk.source)).cloned().unwrap_or_default();
        self.decoder.pin(around.format);
        let mut rest = chunk.bytes.as_slice();
        let mut offset = chunk.offset;
        while !rest.is_empty() {
            let (line, whole) = match memchr(b'\n', rest) {
                Some(end) => (&rest[..=end], true),
                None => (rest, false),
            };
            rest = &rest[line.len()..];
            self.line(line, whole, Place { generation: chunk.generation, offset, index: 0 }, &around, &chunk);
            offset += line.len() as u64;
        }
        let intake = self.builder.intake();
        intake.bytes += chunk.bytes.len() as u64;
        for _ in 0..chunk.too_long {
            intake.lines += 1;
            intake.reject(Rejection::TooLong);
        }
        Decoded {
            batch: self.builder.finish(chunk.history),
            source: chunk.source,
            generation: chunk.generation,
            position: chunk.position,
            reserved: chunk.reserved,
        }
    }

    fn line(&mut self, line: &[u8], whole: bool, place: Place, around: &Surroundings, chunk: &Chunk) {
        self.builder.intake().lines += 1;
        let LineDecoder { shared, decoder, pricer, builder } = self;
        decoder.decode(line, &mut |index, result| match result {
            Ok(usage) => {
                let owned = with_owner(usage, around, chunk.owner.as_ref());
                let usage = owned.as_ref().unwrap_or(usage);
                let place = Place { index, ..place };
                let ids = shared.key.identify(usage, place);
                builder.push(usage, pricer.price(usage), ids, place, around);
            }
            Err(Skip::NotUsage) => {
                builder.intake().records += 1;
                builder.intake().not_usage += 1;
            }
            // The end of a file that died or a stream that broke off.
            Err(Skip::Rejected(Rejection::Json)) if !whole => builder.intake().torn += 1,
            Err(Skip::Rejected(class)) => builder.intake().reject(class),
        });
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
            && around.defaults[Dimension::User as usize].is_none()
    })?;
    let mut usage = *usage;
    usage.dimensions.user = RawText::plain(owner.as_str().as_bytes());
    Some(usage)
}
