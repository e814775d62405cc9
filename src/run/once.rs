//! One-shot commands: read everything that is there, then answer.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use super::decode::{Decoded, Shared};
use super::pipeline::{Message, Pipeline};
use super::{Sources, spill};
use crate::config::Config;
use crate::engine::bill::CostMode;
use crate::engine::identity::IdentityKey;
use crate::engine::{Engine, Options, Post};
use crate::price::PriceBook;
use crate::source::budget::ByteBudget;
use crate::source::{self, SourceError, SourceState};
use crate::time::Timestamp;

/// Bytes on their way: enough to keep two threads busy.
const BYTES_ON_THEIR_WAY: usize = 4 << 20;

/// Why reading failed.
#[derive(Debug, thiserror::Error)]
pub enum OnceError {
    /// A source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A source that was named is not there or cannot be read.
    #[error("source '{name}': {why}")]
    Lost {
        /// As it was named.
        name: String,
        /// What, and what to do.
        why: String,
    },
    /// The temporary file failed.
    #[error("the temporary file for the ledger failed ({0}): free space in TMPDIR, or set it to another folder")]
    Rows(#[from] io::Error),
}

/// Everything read, and what went wrong beside it.
pub struct Read {
    /// The engine with all charges.
    pub engine: Engine,
    /// Sentences for stderr.
    pub notes: Vec<String>,
}

/// Reads all sources to their ends. `each` sees every batch before it is applied, and every difference it made.
pub fn read(
    sources: Sources,
    config: &Config,
    book: &Arc<PriceBook>,
    mode: CostMode,
    now: Timestamp,
    mut each: impl FnMut(&mut Decoded) -> io::Result<()>,
    mut posted: impl FnMut(&[Post], &Engine),
) -> Result<Read, OnceError> {
    let (rows, trouble) = spill::rows();
    let mut notes: Vec<String> =
        trouble.map(|error| format!("no temporary file ({error}): all rows stay in memory")).into_iter().collect();
    let mut engine = Engine::new(Options { zone: config.zone, mode, ..Options::default() }, rows, now);
    let shared = Shared { zone: config.zone, key: IdentityKey::random(), book: Arc::clone(book), around: sources.around };
    let options = source::Options { once: true, notify: false, budget: ByteBudget::new(BYTES_ON_THEIR_WAY), ..source::Options::default() };
    let pipeline = Pipeline::start(sources.specs, options, &shared)?;
    let mut posts = Vec::new();
    let mut generations = HashSet::new();
    let (mut applied, mut expected) = (0, None);
    while expected != Some(applied) {
        let Ok(message) = pipeline.messages().recv() else { break };
        match message {
            Message::Decoded(mut decoded) => {
                each(&mut decoded)?;
                if generations.insert(decoded.generation) {
                    engine.intake_mut().files += 1;
                }
                engine.apply(&decoded.batch, now, &mut posts)?;
                posted(&posts, &engine);
                posts.clear();
                applied += 1;
            }
            Message::Status(status) => {
                if let SourceState::Lost(why) = status.state {
                    return Err(OnceError::Lost { name: status.name.to_string(), why });
                }
            }
            Message::Note { text, .. } => notes.push(text),
            Message::CaughtUp { .. } => {}
            Message::Ended { chunks } => expected = Some(chunks),
        }
    }
    pipeline.stop();
    Ok(Read { engine, notes })
}
