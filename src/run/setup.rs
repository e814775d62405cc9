//! What a running costtop is started with, and why it ends by itself.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::Sources;
use super::persist::PersistError;
use crate::alarm::ScopeError;
use crate::config::Config;
use crate::engine::bill::CostMode;
use crate::price::PriceBook;
use crate::source::SourceError;
use crate::ui::snapshot::Mark;

/// What a dashboard or a server runs on.
pub struct Setup {
    /// Where lines come from.
    pub sources: Sources,
    /// What the operator decided.
    pub config: Config,
    /// Prices.
    pub book: Arc<PriceBook>,
    /// Which cost counts.
    pub mode: CostMode,
    /// The folder of the state; `None`: none.
    pub state: Option<PathBuf>,
    /// Skip what is there.
    pub from_end: bool,
    /// Let the system wake us.
    pub notify: bool,
    /// Where events are written, too.
    pub log: Option<PathBuf>,
    /// What is worth an event before anything is read: mark, one word, one sentence.
    pub said: Vec<(Mark, &'static str, String)>,
}

/// Why the engine's thread ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The state.
    #[error(transparent)]
    Persist(#[from] PersistError),
    /// A source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A budget's glob.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The ledger's temporary file.
    #[error("the temporary file for the ledger failed ({0}): free space in TMPDIR, or set it to another folder")]
    Rows(#[from] io::Error),
    /// A thread died: what comes in is not counted any more.
    #[error("reading stopped by itself: this is a defect of costtop, please report it with the lines printed above")]
    Cut,
    /// The file of `--log`.
    #[error("cannot write the log ({0}): name a file that can be written")]
    Log(io::Error),
}
