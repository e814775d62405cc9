//! The state on disk: opaque, versioned blobs enter, one transaction for each commit, and come back checked after a restart.
//! Knows neither money nor logs; draws nothing; keeps no text but labels, paths and keys (docs/state.md).

mod apply;
mod checksum;
pub mod copy;
mod load;
pub mod location;
mod lock;
mod position;
mod schema;
mod snapshot;
pub mod state;
pub mod writer;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

use crate::engine::identity::IdentityKey;
use crate::engine::saved::Changes;
use crate::source::Position;
use crate::source::file_system::is_network;
use crate::time::Timestamp;

pub use lock::{Owner, owner};
pub use snapshot::Snapshot;
pub use state::State;
pub use writer::{Outcome, Writer};

/// The key in [`Loaded::meta`] of what came in.
pub const META_INTAKE: &str = "intake";
/// The key of the event days whose rows were dropped.
pub const META_DROPPED: &str = "dropped_days";

/// The database's name in the state's folder.
const DATABASE: &str = "state.db";

/// Everything of one commit; it becomes durable whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Upserted by generation.
    pub positions: Vec<SavedPosition>,
    /// Generations to delete; before `positions` are written.
    pub forgotten: Vec<u32>,
    /// New interned labels.
    pub names: Vec<(u32, String)>,
    /// New profiles.
    pub profiles: Vec<(u32, Vec<u8>)>,
    /// Event days whose ledger rows are deleted, before `rows` are appended: the horizon, or a day written anew.
    pub dropped_days: Vec<i32>,
    /// Ledger rows, appended; of a row's versions the one appended last counts.
    pub rows: Vec<RowBlob>,
    /// Upserted by (tier, time).
    pub cells: Vec<CellBlob>,
    /// Upserted by id; empty bytes delete.
    pub sessions: Vec<(u32, Vec<u8>)>,
    /// Upserted by key; `None` deletes.
    pub alarms: Vec<(String, Option<Vec<u8>>)>,
    /// Upserted by key: intake counts, the next generation and the like.
    pub meta: Vec<(&'static str, Vec<u8>)>,
}

impl Commit {
    /// What changed in an engine.
    #[must_use]
    pub fn of(changes: Changes) -> Commit {
        let dropped = changes.all_dropped.map(|days| (META_DROPPED, days.into_bytes()));
        Commit {
            names: changes.names,
            profiles: changes.profiles,
            dropped_days: changes.dropped_days,
            rows: changes.rows.into_iter().map(|(day, rows, bytes)| RowBlob { day, rows, bytes }).collect(),
            cells: changes.cells.into_iter().map(|(tier, time, bytes)| CellBlob { tier, time, bytes }).collect(),
            sessions: changes.sessions,
            meta: [(META_INTAKE, changes.intake)].into_iter().chain(dropped).collect(),
            ..Commit::default()
        }
    }
}

/// Where a file was read to, with the state of the decoder at that place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPosition {
    /// The place.
    pub position: Position,
    /// When it was saved; `None` in states of earlier versions.
    pub saved: Option<Timestamp>,
    /// What the decoder knows there; empty for formats without memory.
    pub context: Vec<u8>,
}

/// Ledger rows of one commit and one event day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowBlob {
    /// Days since 1970-01-01 of the rows' event time.
    pub day: i32,
    /// How many rows.
    pub rows: u32,
    /// The rows, in the engine's encoding.
    pub bytes: Vec<u8>,
}

/// The cells of one time in one tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellBlob {
    /// Which tier; 0 is the finest.
    pub tier: u8,
    /// Start of the cell's time, in the engine's unit.
    pub time: i64,
    /// The cells, in the engine's encoding; empty deletes.
    pub bytes: Vec<u8>,
}

/// What a state holds, but for the ledger's rows, which are streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The key under which every identity of this state was hashed.
    pub identity: IdentityKey,
    /// Number of the last commit; 0 for a new state.
    pub sequence: u64,
    /// By generation.
    pub positions: Vec<SavedPosition>,
    /// By id.
    pub names: Vec<(u32, String)>,
    /// By id.
    pub profiles: Vec<(u32, Vec<u8>)>,
    /// By tier, the finest first; within a tier the newest first.
    pub cells: Vec<CellBlob>,
    /// By id.
    pub sessions: Vec<(u32, Vec<u8>)>,
    /// By key.
    pub alarms: Vec<(String, Vec<u8>)>,
    /// By key.
    pub meta: Vec<(String, Vec<u8>)>,
    /// A damaged state was set aside and this one is new.
    pub recovered: Option<Recovered>,
    /// What the operator should know, one sentence each.
    pub notes: Vec<String>,
}

impl Loaded {
    /// The value of that key in [`Loaded::meta`].
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        self.meta.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_slice())
    }

    /// What a state holds to which nothing was written.
    fn nothing(identity: IdentityKey) -> Loaded {
        Loaded {
            identity,
            sequence: 0,
            positions: Vec::new(),
            names: Vec::new(),
            profiles: Vec::new(),
            cells: Vec::new(),
            sessions: Vec::new(),
            alarms: Vec::new(),
            meta: Vec::new(),
            recovered: None,
            notes: Vec::new(),
        }
    }
}

/// A damaged state that was renamed, never deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Where it is now.
    pub set_aside: PathBuf,
    /// What was found.
    pub reason: String,
    /// When the copy was made from which the state goes on; `None`: it began anew.
    pub restored: Option<Timestamp>,
    /// Cells that could still be read: what it said was spent.
    pub cells: Vec<CellBlob>,
    /// No cell is missing among them.
    pub is_whole: bool,
}

/// Why a state could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Neither `XDG_STATE_HOME` nor a home folder.
    #[error("no place for the state: set XDG_STATE_HOME or HOME, or run with --no-state")]
    NoHome,
    /// The name of a state becomes the name of a folder.
    #[error(
        "state name '{}': use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter, a digit or '_'",
        .0.escape_debug()
    )]
    Name(String),
    /// Another process owns it.
    #[error(
        "state '{}' is in use{}: stop that process, or run with --state OTHER or --no-state",
        .folder.display(),
        .pid.map_or_else(String::new, |pid| format!(" by process {pid}"))
    )]
    InUse {
        /// The state's folder.
        folder: PathBuf,
        /// The owner, where it could be read.
        pid: Option<u32>,
    },
    /// Written by a later costtop.
    #[error("state '{}' has schema version {found}, this costtop knows up to {known}: upgrade costtop, or use --state OTHER", .path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest this program knows.
        known: i64,
    },
    /// What was read is not what was written.
    #[error("state '{}' is damaged ({reason}): move it away or use --state OTHER; sources that still exist are read again", .path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file system refused.
    #[error("state '{}': cannot {what}: {source}; check owner, permissions and free space, or run with --no-state", .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Its answer.
        source: std::io::Error,
    },
    /// `SQLite` refused, and not because of damage.
    #[error("state '{}': {source}; check free space and permissions, or run with --no-state", .path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// Its answer.
        source: rusqlite::Error,
    },
    /// It was begun, or gone on with, by somebody else while this process could not write it.
    #[error("state '{}' holds what this run does not know of: restart costtop, which goes on from it and reads the logs again", .path.display())]
    Moved {
        /// The database.
        path: PathBuf,
    },
    /// The writer has ended.
    #[error("the writer of the state has ended: {0}; restart costtop")]
    Ended(String),
}

impl StoreError {
    /// The disk refuses: it is full, read-only, out of reach or belongs to somebody else. That may pass, and nothing that was written is wrong.
    #[must_use]
    pub fn is_of_the_disk(&self) -> bool {
        use std::io::ErrorKind;
        match self {
            StoreError::Io { source, .. } => {
                source.raw_os_error() == Some(libc::EIO)
                    || matches!(
                        source.kind(),
                        ErrorKind::PermissionDenied
                            | ErrorKind::ReadOnlyFilesystem
                            | ErrorKind::StorageFull
                            | ErrorKind::QuotaExceeded
                            | ErrorKind::FileTooLarge
                    )
            }
            StoreError::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(
                    ErrorCode::DiskFull
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::ReadOnly
                        | ErrorCode::CannotOpen
                        | ErrorCode::PermissionDenied
                )
            ),
            _ => false,
        }
    }

    /// What is wrong, in a few words: the whole error says where, too, and what to do.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            StoreError::Io { what, source, .. } => format!("cannot {what}: {source}"),
            StoreError::Sqlite { source, .. } => source.to_string(),
            StoreError::Damaged { reason, .. } => format!("damaged: {reason}"),
            StoreError::Moved { .. } => "restart costtop: another process wrote the state".to_owned(),
            error => error.to_string(),
        }
    }

    /// Sorts an error of `SQLite`: the disk's or the lock's trouble passes, everything else is damage.
    fn sqlite(path: &Path, source: rusqlite::Error) -> StoreError {
        let passes = matches!(
            source.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::FileLockingProtocolFailed
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::PermissionDenied
                    | ErrorCode::OutOfMemory
                    | ErrorCode::OperationInterrupted
                    | ErrorCode::OperationAborted
            )
        );
        if passes {
            StoreError::Sqlite { path: path.to_path_buf(), source }
        } else {
            StoreError::Damaged { path: path.to_path_buf(), reason: source.to_string() }
        }
    }
}

/// An open state that this process alone may write.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    head: checksum::Head,
    /// Held until the store is dropped, after the connection (fields drop in order).
    lock: lock::Lock,
}

impl Store {
    /// Opens the state in `folder`, making it if it is not there. A damaged one is set aside and its newest copy takes its place, see
    /// [`Loaded::recovered`].
    pub fn open(folder: &Path) -> Result<(Store, Loaded), StoreError> {
        location::make_folder(folder)?;
        let lock = lock::Lock::take(folder)?;
        let path = folder.join(DATABASE);
        let opened = match copy::what_is_missing(folder) {
            None => Store::open_locked(&path),
            Some(reason) => {
                // Something to set aside, so that it can be seen that it was nothing.
                location::make_private(&path)?;
                Err(StoreError::Damaged { path: path.clone(), reason })
            }
        };
        match opened {
            Ok((connection, head, loaded)) => Ok((Store { connection, path, head, lock }, loaded)),
            Err(StoreError::Damaged { reason, .. }) => {
                let (connection, head, loaded) = Store::recover(&path, reason, true)?;
                Ok((Store { connection, path, head, lock }, loaded))
            }
            Err(error) => Err(error),
        }
    }

    /// Renames what is damaged and goes on from the newest copy that is whole, else anew.
    fn recover(path: &Path, reason: String, restore: bool) -> Result<(Connection, checksum::Head, Loaded), StoreError> {
        let set_aside = location::set_aside(path, Timestamp::now())?;
        let (cells, is_whole) = copy::salvage(&set_aside);
        let copies = if restore { path.parent().map(copy::copies).unwrap_or_default() } else { Vec::new() };
        let begun = (|| {
            let mut restored = None;
            for copy in copies {
                if copy::restore(&copy, path)? {
                    restored = Some(copy.made);
                    break;
                }
            }
            Ok((restored, Store::open_locked(path)?))
        })();
        let (restored, (connection, head, mut loaded)) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                // On a disk that takes nothing it stays where it was: what it says was spent is compared when there is room.
                location::put_back(&set_aside, path)?;
                return Err(error);
            }
        };
        loaded.recovered = Some(Recovered { set_aside, reason, restored, cells, is_whole });
        Ok((connection, head, loaded))
    }

    fn open_locked(path: &Path) -> Result<(Connection, checksum::Head, Loaded), StoreError> {
        location::make_private(path)?;
        let network = is_network(path);
        let mut connection = schema::open_for_writing(path, network)?;
        schema::migrate(&mut connection, path)?;
        let (head, mut loaded) = load::everything(&connection, path)?;
        if network {
            loaded.notes.push(format!(
                "state '{}' is on a network file system: slower commits (no write-ahead log there); XDG_STATE_HOME moves it",
                path.display()
            ));
        }
        Ok((connection, head, loaded))
    }

    /// The database's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Calls `each` with (event day, rows, bytes) of every ledger blob, oldest commit first, one in memory at a time.
    ///
    /// Damage may show only at the end: on [`StoreError::Damaged`] discard what `each` was given and call
    /// [`Store::set_aside`].
    pub fn for_each_row_blob(&self, each: impl FnMut(i32, u32, &[u8])) -> Result<(), StoreError> {
        load::rows(&self.connection, &self.path, &self.head, each)
    }

    /// Gives up a damaged state: it is renamed and its newest copy opened under the same lock, else, or without `restore`, a new one.
    pub fn set_aside(self, reason: String, restore: bool) -> Result<(Store, Loaded), StoreError> {
        let Store { connection, path, lock, .. } = self;
        drop(connection);
        let (connection, head, loaded) = Store::recover(&path, reason, restore)?;
        Ok((Store { connection, path, head, lock }, loaded))
    }

    /// Makes a commit durable; blocks for the disk. Returns its number. After an error it may be repeated: a commit that
    /// had become durable in spite of the error is recognised by its number.
    pub fn commit(&mut self, commit: &Commit) -> Result<u64, StoreError> {
        apply::apply(&mut self.connection, &mut self.head, commit)
            .map_err(|source| StoreError::sqlite(&self.path, source))?;
        Ok(self.head.sequence)
    }

    /// Empties the write-ahead log into the database, then lets go of the lock.
    pub fn close(self) -> Result<(), StoreError> {
        // Answers (busy, pages in the log, pages copied) as a row; a reader may keep it busy, which loses nothing.
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|source| StoreError::sqlite(&self.path, source))?;
        self.connection.close().map_err(|(_, source)| StoreError::sqlite(&self.path, source))?;
        drop(self.lock);
        Ok(())
    }
}
