//! Threads between the sources and the engine: a router that keeps a generation's chunks in order, and decoders.

use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::decode::{Decoded, LineDecoder, Shared};
use crate::source::{self, Ask, Event, Frame, Handle, SourceError, SourceId, SourceSpec, SourceStatus};

/// Chunks and batches that wait at one place. Enough that no thread waits for another one's turn; few, so that what waits is still
/// in a cache when its turn comes. The bytes are bounded by the sources' budget.
const QUEUE: usize = 8;

/// What reaches the engine.
pub enum Message {
    /// A batch.
    Decoded(Box<Decoded>),
    /// A source changed.
    Status(SourceStatus),
    /// A notable thing.
    Note {
        /// Which source.
        source: SourceId,
        /// One sentence.
        text: String,
    },
    /// Somebody asks over HTTP.
    Ask(Ask),
    /// Everything that was there at the start is in the first `chunks` batches.
    CaughtUp {
        /// Batches sent before.
        chunks: u64,
    },
    /// Nothing follows the first `chunks` batches.
    Ended {
        /// Batches sent before.
        chunks: u64,
    },
}

/// Running sources and decoders. Dropping it stops the sources; the threads end by themselves.
pub struct Pipeline {
    handle: Option<Handle>,
    messages: Receiver<Message>,
    threads: Vec<JoinHandle<()>>,
}

impl Pipeline {
    /// Starts reading.
    pub fn start(specs: Vec<SourceSpec>, options: &source::Options, shared: &Shared) -> Result<Pipeline, SourceError> {
        let (events_in, events) = bounded::<Event>(QUEUE);
        let (messages_in, messages) = bounded::<Message>(QUEUE);
        let mut threads = Vec::new();
        let mut decoders = Vec::new();
        let count = decoder_count();
        for number in 0..count {
            let (chunks_in, chunks) = bounded::<source::Chunk>(QUEUE);
            let out = messages_in.clone();
            let mut decoder = LineDecoder::new(shared.clone());
            decoder
                .resume(options.positions.iter().filter(|position| decoder_of(position.generation, count) == number));
            threads.push(spawn(format!("costtop-decode-{number}"), move || {
                for chunk in chunks {
                    if out.send(Message::Decoded(Box::new(decoder.decode(chunk)))).is_err() {
                        return;
                    }
                }
            })?);
            decoders.push(chunks_in);
        }
        threads.push(spawn("costtop-route".to_owned(), move || route(&events, &decoders, &messages_in))?);
        let handle = source::start(specs, options, events_in)?;
        Ok(Pipeline { handle: Some(handle), messages, threads })
    }

    /// What reaches the engine.
    #[must_use]
    pub fn messages(&self) -> &Receiver<Message> {
        &self.messages
    }

    /// Stops the sources and waits for all threads; batches on their way are dropped and read again another time.
    pub fn stop(mut self) {
        // Nobody receives any more: decoders and router end, then the sources can.
        let (_, nothing) = bounded(0);
        self.messages = nothing;
        if let Some(handle) = self.handle.take() {
            handle.stop();
        }
        for thread in self.threads.drain(..) {
            // A panic was printed by its thread; here it only means that it has ended.
            let _ = thread.join();
        }
    }
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, SourceError> {
    Ok(std::thread::Builder::new().name(name).spawn(work)?)
}

/// One core is left for the engine and the screen.
fn decoder_count() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1)).clamp(1, 8)
}

/// Which of `count` decoders a generation's chunks go to.
const fn decoder_of(generation: u32, count: usize) -> usize {
    generation as usize % count
}

fn route(events: &Receiver<Event>, decoders: &[Sender<source::Chunk>], out: &Sender<Message>) {
    let mut chunks: u64 = 0;
    for event in events {
        let sent = match event {
            Event::Chunk(chunk) => {
                // Lines follow on each other in their generation; a body stands alone.
                let lane = if chunk.frame == Frame::Lines { chunk.generation } else { chunks as u32 };
                chunks += 1;
                let decoder = &decoders[decoder_of(lane, decoders.len())];
                decoder.send(chunk).is_ok()
            }
            Event::Status(status) => out.send(Message::Status(status)).is_ok(),
            Event::Note { source, text } => out.send(Message::Note { source, text }).is_ok(),
            Event::Ask(ask) => out.send(Message::Ask(ask)).is_ok(),
            Event::CaughtUp => out.send(Message::CaughtUp { chunks }).is_ok(),
            Event::Ended => {
                // The senders may live on; the engine knows that it is over.
                let _ = out.send(Message::Ended { chunks });
                return;
            }
        };
        if !sent {
            return;
        }
    }
}
