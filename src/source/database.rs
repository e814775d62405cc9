//! Databases of `SQLite` in which a program keeps its messages: rows enter, a line for each leaves, its names before what it holds. Opened
//! for reading only and held by no transaction, so that whoever writes waits for nobody; a database in trouble is a status, and tried again.
//!
//! A row is changed in place until its message is finished, and no order is kept of that. So the newest rows, [`WINDOW`] of them, are
//! looked at whenever something was written: those are read again whose time of change is another. Whoever counts them knows them by name.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crossbeam_channel::{Receiver, after, select};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row, params};

use super::budget::Reservation;
use super::identity::FileKey;
use super::lines::MAX_FILE_LINE;
use super::start::{Outlet, stream_status};
use super::{Chunk, Event, Position, SourceId, SourceState, user_name};
use crate::label::Label;

/// How often it is asked whether something was written; that costs a look at shared memory.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a one-shot command waits for a lock.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rows that may still change.
const WINDOW: i64 = 4096;
/// Bytes of lines that are sent together.
const CHUNK: usize = 256 << 10;
/// Rows read by one statement: no longer is the writer's log kept from shrinking.
const PAGE: i64 = 512;
/// Bytes of a row's text.
const LONGEST: i64 = MAX_FILE_LINE.cast_signed();
/// What is read of a row.
const ROWS: &str =
    "SELECT rowid, time_updated, id, session_id, CASE WHEN octet_length(data) <= ?2 THEN data END FROM message";

/// A database that is followed.
#[derive(Debug)]
pub(super) struct Database {
    source: SourceId,
    name: Label,
    path: PathBuf,
    connection: Option<Connection>,
    key: Option<FileKey>,
    generation: u32,
    owner: Option<Label>,
    /// The greatest row that was read.
    newest: i64,
    /// Every change before this time was read; in the database's own unit.
    changed: i64,
    /// The latest change that was read.
    latest: i64,
    /// Of rows of the window, the time of their change that was read.
    window: BTreeMap<i64, i64>,
    /// The database's version that was read to its end.
    version: Option<i64>,
    state: SourceState,
    bytes: u64,
}

/// Why a database cannot be read now.
enum Trouble {
    Gone,
    Stopped,
    Told(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Trouble {
        Trouble::Told(in_words(&error))
    }
}

/// What is sent together.
struct Lines {
    bytes: Vec<u8>,
    too_long: u64,
    reserved: Reservation,
}

impl Database {
    /// Reads on from where one of `positions` was saved.
    pub(super) fn new(source: SourceId, name: Label, path: PathBuf, positions: &[Position]) -> Database {
        // Of several files that had the name, the last.
        let saved = positions.iter().filter(|position| position.path == path);
        let saved = saved.max_by_key(|position| position.generation);
        Database {
            source,
            name,
            connection: None,
            key: saved.map(|position| FileKey { device: position.device, inode: position.inode }),
            generation: saved.map_or(0, |position| position.generation),
            owner: None,
            newest: saved.map_or(0, |position| position.offset.cast_signed()),
            changed: saved.map_or(0, |position| position.mark_hash.cast_signed()),
            latest: 0,
            window: BTreeMap::new(),
            version: None,
            state: SourceState::Waiting,
            bytes: 0,
            path,
        }
    }

    /// Sends what was written since the last look; `false` once it is time to stop.
    fn poll(&mut self, manner: Manner, outlet: &Outlet) -> bool {
        let before = self.bytes;
        let state = match self.read(manner, outlet) {
            Ok(()) => SourceState::Live,
            Err(Trouble::Stopped) => return false,
            Err(Trouble::Gone) if !manner.once => SourceState::Waiting,
            Err(Trouble::Gone) => SourceState::Lost("no such file: name one that is there".to_owned()),
            Err(Trouble::Told(why)) => {
                self.connection = None;
                SourceState::Lost(why)
            }
        };
        if state == self.state && self.bytes == before {
            return true;
        }
        self.state = state;
        outlet.send(stream_status(self.source, &self.name, self.state.clone(), 1, self.bytes))
    }

    fn read(&mut self, manner: Manner, outlet: &Outlet) -> Result<(), Trouble> {
        self.open(manner, outlet)?;
        let Some(connection) = self.connection.take() else { return Err(Trouble::Gone) };
        let version = connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        if self.version != Some(version) {
            if manner.skips {
                self.skip(&connection)?;
            }
            self.changes(&connection, manner, outlet)?;
            self.new_rows(&connection, manner, outlet)?;
            self.version = Some(version);
        }
        self.connection = Some(connection);
        Ok(())
    }

    /// Opens the file, or another one that took its place.
    fn open(&mut self, manner: Manner, outlet: &Outlet) -> Result<(), Trouble> {
        let Some(metadata) = fs::metadata(&self.path).ok().filter(fs::Metadata::is_file) else {
            self.connection = None;
            return Err(Trouble::Gone);
        };
        let key = FileKey::of(&metadata);
        if self.key != Some(key) {
            (self.newest, self.changed, self.latest, self.generation) = (0, 0, 0, 0);
            (self.connection, self.key) = (None, Some(key));
            self.window.clear();
        }
        if self.generation == 0 {
            self.generation = outlet.next_generation();
        }
        if self.connection.is_some() {
            return Ok(());
        }
        self.owner = user_name(metadata.uid());
        self.version = None;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(if manner.once { PATIENCE } else { Duration::ZERO })?;
        // What stands in a foreign file's schema runs nothing.
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")?;
        let columns: i64 = connection
            .query_row(
                "SELECT count(*) FROM pragma_table_info('message') WHERE name IN ('id', 'session_id', 'time_updated', 'data') \
                 AND EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'message' AND type = 'table')",
                [],
                |row| row.get(0),
            )
            ?;
        if columns < 4 {
            let why = "it has no table 'message' with 'id', 'session_id', 'time_updated' and 'data' as OpenCode writes it: name another file";
            return Err(Trouble::Told(why.to_owned()));
        }
        self.connection = Some(connection);
        Ok(())
    }

    /// What is there is not wanted.
    fn skip(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.newest == 0 {
            let greatest = "SELECT coalesce(max(rowid), 0), coalesce(max(time_updated), 0) FROM message";
            (self.newest, self.changed) = connection.query_row(greatest, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            self.changed = self.changed.saturating_add(1);
        }
        Ok(())
    }

    /// Reads rows again that changed, in the order of their changes.
    fn changes(&mut self, connection: &Connection, manner: Manner, outlet: &Outlet) -> Result<(), Trouble> {
        // Rows that were taken out: their numbers are given again.
        let last: i64 = connection.query_row("SELECT coalesce(max(rowid), 0) FROM message", [], |row| row.get(0))?;
        self.newest = self.newest.min(last);
        let mut window = BTreeMap::new();
        let mut changed = Vec::new();
        let mut statement =
            connection.prepare("SELECT rowid, time_updated FROM message WHERE rowid > ?1 AND rowid <= ?2")?;
        let mut rows = statement.query(params![self.newest.saturating_sub(WINDOW), self.newest])?;
        while let Some(row) = rows.next()? {
            let (number, time): (i64, i64) = (row.get(0)?, row.get(1)?);
            let is_known = self.window.get(&number).map_or(time < self.changed, |known| *known == time);
            if !is_known {
                changed.push((time, number));
            }
            window.insert(number, time);
        }
        self.window = window;
        changed.sort_unstable();
        // All that was seen before, but for what is found changed now.
        let covered = self.changed.max(self.latest);
        let mut statement = connection.prepare(&format!("{ROWS} WHERE rowid = ?1"))?;
        let mut lines = Lines::new(outlet)?;
        for (place, (_, number)) in changed.iter().enumerate() {
            let mut rows = statement.query(params![number, LONGEST])?;
            if let Some(row) = rows.next()? {
                self.take(row, &mut lines)?;
            }
            if lines.bytes.len() >= CHUNK {
                self.changed = changed.get(place + 1).map_or(covered, |(next, _)| covered.min(*next));
                self.send(std::mem::replace(&mut lines, Lines::new(outlet)?), manner, outlet)?;
            }
        }
        self.changed = covered;
        self.send(lines, manner, outlet)
    }

    fn new_rows(&mut self, connection: &Connection, manner: Manner, outlet: &Outlet) -> Result<(), Trouble> {
        let mut statement = connection.prepare(&format!("{ROWS} WHERE rowid > ?1 ORDER BY rowid LIMIT {PAGE}"))?;
        loop {
            let mut lines = Lines::new(outlet)?;
            let before = self.newest;
            let mut rows = statement.query(params![before, LONGEST])?;
            while lines.bytes.len() < CHUNK
                && let Some(row) = rows.next()?
            {
                self.take(row, &mut lines)?;
            }
            drop(rows);
            self.send(lines, manner, outlet)?;
            if self.newest == before {
                return Ok(());
            }
        }
    }

    /// Takes a row of [`ROWS`].
    fn take(&mut self, row: &Row<'_>, lines: &mut Lines) -> rusqlite::Result<()> {
        let (number, time): (i64, i64) = (row.get(0)?, row.get(1)?);
        let text = |column| row.get_ref(column).map(as_bytes);
        lines.push(text(2)?.unwrap_or_default(), text(3)?.unwrap_or_default(), text(4)?);
        (self.newest, self.latest) = (self.newest.max(number), self.latest.max(time));
        self.window.insert(number, time);
        while self.window.len() > WINDOW as usize {
            self.window.pop_first();
        }
        Ok(())
    }

    fn send(&mut self, mut lines: Lines, manner: Manner, outlet: &Outlet) -> Result<(), Trouble> {
        let length = lines.bytes.len();
        if length == 0 && lines.too_long == 0 {
            return Ok(());
        }
        if length > CHUNK {
            lines.reserved.add(outlet.budget.acquire(length - CHUNK).ok_or(Trouble::Stopped)?);
        } else {
            lines.reserved.shrink(length);
        }
        let offset = self.bytes;
        self.bytes += length as u64;
        let chunk = Chunk {
            bytes: lines.bytes,
            too_long: lines.too_long,
            history: manner.history,
            owner: self.owner.clone(),
            position: Some(self.position()),
            reserved: Some(lines.reserved),
            // Not a place in the file: nothing is found there again.
            ..Chunk::empty(self.source, self.generation, offset)
        };
        if outlet.send(Event::Chunk(chunk)) { Ok(()) } else { Err(Trouble::Stopped) }
    }

    /// What a file's position says of bytes is said of rows: up to which they were read, and up to when their changes.
    fn position(&self) -> Position {
        let key = self.key.unwrap_or(FileKey { device: 0, inode: 0 });
        Position {
            generation: self.generation,
            path: self.path.clone(),
            device: key.device,
            inode: key.inode,
            offset: self.newest.cast_unsigned(),
            head_length: 0,
            head_hash: 0,
            mark_length: 0,
            mark_hash: self.changed.cast_unsigned(),
            dead: false,
            open_since: None,
            context: Vec::new().into(),
        }
    }
}

impl Lines {
    fn new(outlet: &Outlet) -> Result<Lines, Trouble> {
        let reserved = outlet.budget.acquire(CHUNK).ok_or(Trouble::Stopped)?;
        Ok(Lines { bytes: Vec::new(), too_long: 0, reserved })
    }

    /// A row as one line: its names before what it holds.
    fn push(&mut self, id: &[u8], session: &[u8], data: Option<&[u8]>) {
        let Some(data) = data else {
            self.too_long += 1;
            return;
        };
        let Some(members) = data.trim_ascii().strip_prefix(b"{") else {
            self.text(data);
            self.bytes.push(b'\n');
            return;
        };
        for (key, value) in [(&b"{\"id\":\""[..], id), (b"\",\"sessionID\":\"", session)] {
            self.bytes.extend_from_slice(key);
            // Names of these have no signs that would end them.
            self.text(value.split(|byte| matches!(byte, b'"' | b'\\')).next().unwrap_or_default());
        }
        self.bytes.extend_from_slice(if members.trim_ascii_start().starts_with(b"}") { b"\"" } else { b"\"," });
        self.text(members);
        self.bytes.push(b'\n');
    }

    /// A newline between values is a blank.
    fn text(&mut self, text: &[u8]) {
        self.bytes.extend(text.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
    }
}

/// Text, however it is kept; `None` for nothing.
fn as_bytes(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        _ => None,
    }
}

/// Trouble as a sentence: what, and what to do.
fn in_words(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase, PermissionDenied,
    };
    let remedy = match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => "another program has locked it: it is tried again",
        Some(DatabaseCorrupt | NotADatabase) => {
            "it is damaged, or no database of SQLite: restore it, or name another file"
        }
        Some(CannotOpen | PermissionDenied) => "allow this user to read it and the files beside it",
        _ => "it is tried again",
    };
    format!("cannot read the database ({error}): {remedy}")
}

/// Whether a file of that name is read as a database.
pub(super) fn is_one(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "db")
}

/// How databases are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// To the end of what is there, then no more.
    pub(super) once: bool,
    /// What is there at the start is passed over.
    pub(super) skips: bool,
    /// It was there at the start.
    pub(super) history: bool,
}

/// Follows until told to stop, or, once, until everything is read.
pub(super) fn run(mut databases: Vec<Database>, mut manner: Manner, outlet: &Outlet, stop: &Receiver<()>) {
    loop {
        for database in &mut databases {
            if !database.poll(manner, outlet) {
                return;
            }
        }
        if std::mem::take(&mut manner.history) {
            outlet.caught_up();
        }
        if manner.once {
            return outlet.ended();
        }
        manner.skips = false;
        select! {
            recv(stop) -> _ => return,
            recv(after(PAUSE)) -> _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
