//! Where bytes come from: files that grow and rotate, databases, sockets, stdin. Whole lines leave, with where they stood; nothing here knows JSON.

pub mod access;
pub mod budget;
mod database;
mod datagram;
pub mod discover;
pub mod file_system;
mod files;
pub mod follow;
mod http;
pub mod identity;
pub mod lines;
mod owner;
mod socket;
pub mod spec;
mod start;
mod stdin;
pub mod unpack;
mod watch;

pub use owner::user_name;
pub use start::{Handle, Options, SourceError, SourceSpec, start};

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

use crate::label::{Label, arrived};
use budget::Reservation;

/// A configured source's place in the list of sources.
pub type SourceId = u16;

/// Whole lines from one place, in order, and the position that covers them.
#[derive(Debug)]
pub struct Chunk {
    /// Which source.
    pub source: SourceId,
    /// Which file generation or connection; unique within one state.
    pub generation: u32,
    /// What the bytes are.
    pub frame: Frame,
    /// Offset of the first byte in its generation; of a packed file, in what it unpacks to.
    pub offset: u64,
    /// Lines with their newlines. The last may lack one: a dead generation's or an ended stream's torn end, or what a
    /// crash left before a hole of NUL bytes. Empty where only counts or `position` are told.
    pub bytes: Vec<u8>,
    /// Longer than a line may be: discarded to their ends.
    pub too_long: u64,
    /// Packed files that broke off or are not what was packed.
    pub broken: u64,
    /// Places where lines may have been lost that nobody can read any more.
    pub gaps: u64,
    /// Datagrams that the kernel dropped because they came too fast.
    pub dropped: u64,
    /// How long a line may be here.
    pub longest_line: u64,
    /// Counted before a restart; read again because a record that begins in these lines goes on behind them.
    pub again: bool,
    /// Nothing follows in this generation.
    pub ends: bool,
    /// Was there when the source was opened: rings no bell.
    pub history: bool,
    /// The operating-system user that owns the file.
    pub owner: Option<Label>,
    /// To be saved with what these lines became. `None`: nothing to resume (stdin, sockets).
    pub position: Option<Position>,
    /// These bytes' part of the byte budget; it returns when this is dropped.
    pub reserved: Option<Reservation>,
    /// Who waits until what these bytes became is safe.
    pub receipt: Option<Receipt>,
}

/// What the bytes of a chunk are, as the sender declared them. A chunk that is not of lines is a whole body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Frame {
    /// Lines.
    #[default]
    Lines,
    /// JSON values one after the other, whatever stands between them: NDJSON, an array, or one object over many lines.
    Values,
    /// An export request of OpenTelemetry.
    Otlp(Signal, Encoding),
}

/// What an OpenTelemetry request exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Log records.
    Logs,
    /// Spans.
    Traces,
    /// Data points.
    Metrics,
}

/// How an OpenTelemetry request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Protobuf.
    Protobuf,
    /// JSON.
    Json,
}

/// Waits for one body: told what became of its records once that is safe. Dropped untold, the body was not kept.
#[derive(Debug)]
pub struct Receipt(tokio::sync::oneshot::Sender<Receiving>);

/// What became of a body's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receiving {
    /// Records in it.
    pub records: u64,
    /// Of these, rejected.
    pub rejected: u64,
}

impl Receipt {
    /// A receipt, and where its body's sender waits.
    #[must_use]
    pub fn new() -> (Receipt, tokio::sync::oneshot::Receiver<Receiving>) {
        let (told, waits) = tokio::sync::oneshot::channel();
        (Receipt(told), waits)
    }

    /// What the body became is safe.
    pub fn safe(self, receiving: Receiving) {
        // A sender that went away asks again, and is counted once.
        let _ = self.0.send(receiving);
    }
}

/// A request over HTTP that is no intake: a question, or an order, to the process that owns the state.
#[derive(Debug)]
pub struct Ask {
    /// `GET` or `POST`.
    pub method: Method,
    /// The path, `/v1/snapshot`.
    pub path: String,
    /// What stands behind `?`, as it came.
    pub query: String,
    /// The body.
    pub body: Vec<u8>,
    /// Who asks: `unix uid 1000`, `127.0.0.1`; with a token or certificate, its name.
    pub peer: Label,
    /// Where the answer goes; dropped unanswered, the process is ending.
    pub reply: tokio::sync::oneshot::Sender<Reply>,
}

/// How something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Changes nothing.
    Get,
    /// Changes something.
    Post,
}

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Chunk {
    /// Nothing of a generation's file at an offset: to be told what is no line.
    #[must_use]
    pub fn empty(source: SourceId, generation: u32, offset: u64) -> Chunk {
        Chunk {
            source,
            generation,
            frame: Frame::Lines,
            offset,
            bytes: Vec::new(),
            too_long: 0,
            broken: 0,
            gaps: 0,
            dropped: 0,
            longest_line: lines::MAX_FILE_LINE,
            again: false,
            ends: false,
            history: true,
            owner: None,
            position: None,
            reserved: None,
            receipt: None,
        }
    }
}

/// Where a file generation was read to, and what is needed to recognise it (docs/following.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which generation.
    pub generation: u32,
    /// The name it was last seen under.
    pub path: PathBuf,
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// The next byte to read; always after a newline (or at a counted torn end).
    pub offset: u64,
    /// Bytes of the head that are hashed: at most 1024, at most `offset`.
    pub head_length: u32,
    /// Their hash.
    pub head_hash: u64,
    /// Bytes before `offset` that are hashed: at most 4096.
    pub mark_length: u32,
    /// Their hash.
    pub mark_hash: u64,
    /// No longer written under a known name; kept to recognise copies.
    pub dead: bool,
    /// Where the first record begins that goes on behind `offset`; whoever goes on reads again from there.
    pub open_since: Option<u64>,
    /// What the decoder knows there beside the lines to come; its own affair. Empty for most.
    pub context: Arc<[u8]>,
}

/// How a source is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceState {
    /// Nothing there yet.
    Waiting,
    /// Followed.
    Live,
    /// Ended by itself (stdin closed).
    Ended,
    /// In trouble; what and what to do.
    Lost(#[serde(deserialize_with = "arrived::sentence")] String),
}

/// One source as screens show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Which source.
    pub source: SourceId,
    /// As the operator named it.
    pub name: Label,
    /// How it is doing.
    pub state: SourceState,
    /// Files or connections open.
    pub files: u64,
    /// Bytes that lay there when it was opened, or that are known to be unread.
    pub total_bytes: u64,
    /// Bytes read so far.
    pub read_bytes: u64,
    /// Datagrams that the kernel dropped: what is counted from here is a lower bound.
    pub dropped: u64,
}

/// What sources tell.
#[derive(Debug)]
pub enum Event {
    /// Lines.
    Chunk(Chunk),
    /// A source changed.
    Status(SourceStatus),
    /// A notable thing for the event list: rotation, truncation, trouble.
    Note {
        /// Which source.
        source: SourceId,
        /// One sentence.
        text: String,
    },
    /// Somebody asks over HTTP.
    Ask(Ask),
    /// Everything that was there at the start has been sent.
    CaughtUp,
    /// Every source has ended; nothing will follow.
    Ended,
}
