//! The tables and how they grow: a connection enters, one with the newest schema leaves. Never goes backwards.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::StoreError;
use super::checksum::Head;
use crate::engine::identity::IdentityKey;

/// "ctop": marks the file as costtop's, so that file(1) and we can tell.
const APPLICATION_ID: i64 = 0x6374_6f70;

/// Step N leads from version N to N + 1. Released steps never change; a new version is a new line.
const STEPS: &[fn(&Transaction<'_>) -> rusqlite::Result<()>] = &[version_1, version_2, version_3];

fn version_1(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TABLE head (only INTEGER PRIMARY KEY CHECK (only = 1), sequence INTEGER NOT NULL,
            identity BLOB NOT NULL, totals BLOB NOT NULL, checksum INTEGER NOT NULL);
         CREATE TABLE position (generation INTEGER PRIMARY KEY, bytes BLOB NOT NULL, checksum INTEGER NOT NULL);
         CREATE TABLE name (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL, checksum INTEGER NOT NULL);
         CREATE TABLE profile (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL, checksum INTEGER NOT NULL);
         CREATE TABLE ledger (id INTEGER PRIMARY KEY, day INTEGER NOT NULL, rows INTEGER NOT NULL,
            checksum INTEGER NOT NULL, bytes BLOB NOT NULL);
         CREATE INDEX ledger_day ON ledger (day);
         CREATE TABLE cell (tier INTEGER NOT NULL, time INTEGER NOT NULL, bytes BLOB NOT NULL,
            checksum INTEGER NOT NULL, PRIMARY KEY (tier, time)) WITHOUT ROWID;
         CREATE TABLE session (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL, checksum INTEGER NOT NULL);
         CREATE TABLE alarm (key TEXT PRIMARY KEY, bytes BLOB NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE meta (key TEXT PRIMARY KEY, bytes BLOB NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;",
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    Head::new(IdentityKey::random()).save(transaction)
}

/// The blobs of profiles and ledger rows have places for the operator's own labels. The older forms are still read; the version only
/// keeps a program that knows no others from taking a new one for damage.
#[expect(clippy::unnecessary_wraps, reason = "a step, which may fail")]
fn version_2(_: &Transaction<'_>) -> rusqlite::Result<()> {
    Ok(())
}

/// Days whose ledger rows were dropped are named in the meta table and have sums in a tier of their own; numbers of rows have gaps, and
/// rows may be dead. A program that knows none of that would count what comes late a second time.
#[expect(clippy::unnecessary_wraps, reason = "a step, which may fail")]
fn version_3(_: &Transaction<'_>) -> rusqlite::Result<()> {
    Ok(())
}

/// The version this program writes.
pub(super) const VERSION: i64 = STEPS.len().cast_signed() as i64;

/// Opens the database that `make_private` has made. On a network file system the write-ahead log is not used.
pub(super) fn open_for_writing(path: &Path, network: bool) -> Result<Connection, StoreError> {
    refuse_stump(path)?;
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        let journal = if network { "DELETE" } else { "WAL" };
        connection.pragma_update_and_check(None, "journal_mode", journal, |_| Ok(()))?;
        // An acknowledged commit survives a power cut.
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Pages of 4 KiB; with 4 MiB in the log a checkpoint is a small part of a commit.
        connection.pragma_update_and_check(None, "wal_autocheckpoint", 1000, |_| Ok(()))?;
        // A first reading commits megabytes; the log does not keep that size.
        connection.pragma_update_and_check(None, "journal_size_limit", 16 << 20, |_| Ok(()))?;
        Ok(connection)
    };
    let connection = open().map_err(|source| StoreError::sqlite(path, source))?;
    // The file itself was opened for writing a moment ago: a header that forbids writing is damage.
    if connection.is_readonly("main").map_err(|source| StoreError::sqlite(path, source))? {
        return Err(StoreError::Damaged { path: path.to_path_buf(), reason: "its header forbids writing".to_owned() });
    }
    Ok(connection)
}

/// Opens the database for looking only.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    refuse_stump(path)?;
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        Ok(connection)
    };
    open().map_err(|source| StoreError::sqlite(path, source))
}

/// Opens the database for looking only where nobody can be writing it: no lock, no shared memory, no look at a log.
pub(super) fn open_still(path: &Path) -> Result<Connection, StoreError> {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    refuse_stump(path)?;
    let mut address = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => address.push(char::from(*byte)),
            // A String takes everything.
            other => drop(write!(address, "%{other:02x}")),
        }
    }
    address.push_str("?immutable=1");
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(address, flags)?;
        prepare(&connection)?;
        Ok(connection)
    };
    open().map_err(|source| StoreError::sqlite(path, source))
}

/// The smallest page of a database: whatever is written to it ends behind so many bytes.
const SMALLEST_PAGE: u64 = 512;

/// `SQLite` takes a database of one byte for an empty one, in which a new state would begin without a word. Nothing at all is a state whose
/// creation was interrupted.
fn refuse_stump(path: &Path) -> Result<(), StoreError> {
    match std::fs::metadata(path).map(|facts| facts.len()) {
        Ok(length @ 1..SMALLEST_PAGE) => {
            Err(StoreError::Damaged { path: path.to_path_buf(), reason: format!("it ends after {length} bytes") })
        }
        // What cannot be looked at cannot be opened either, and opening says why.
        _ => Ok(()),
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    // Three statements for each of nine tables.
    connection.set_prepared_statement_cache_capacity(32);
    // A damaged file is found by its cells' sizes before they are followed; its schema may call no function.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}

/// Nothing was ever written: a new state, or one whose first transaction did not end.
pub(super) fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0 && number(connection, "application_id")? == 0 && number(connection, "user_version")? == 0)
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

/// Refuses what is not costtop's or is newer; returns the version found.
pub(super) fn check_version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let read = |pragma| number(connection, pragma).map_err(|source| StoreError::sqlite(path, source));
    let (application, found) = (read("application_id")?, read("user_version")?);
    if application != APPLICATION_ID {
        let reason = format!("application id {application:#x} is not costtop's");
        return Err(StoreError::Damaged { path: path.to_path_buf(), reason });
    }
    if found > VERSION {
        return Err(StoreError::Newer { path: path.to_path_buf(), found, known: VERSION });
    }
    if found < 1 {
        let reason = format!("schema version {found} never was");
        return Err(StoreError::Damaged { path: path.to_path_buf(), reason });
    }
    Ok(found)
}

/// Brings the schema to this program's version, all steps in one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::sqlite(path, source);
    let from = if is_empty(connection).map_err(failed)? { 0 } else { check_version(connection, path)? };
    if from < VERSION {
        apply(connection, from as usize, STEPS).map_err(failed)?;
    }
    Ok(())
}

fn apply(
    connection: &mut Connection,
    from: usize,
    steps: &[fn(&Transaction<'_>) -> rusqlite::Result<()>],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps.iter().skip(from) {
        step(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", steps.len().cast_signed() as i64)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_leaves_the_old_version_whole() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, 0, &STEPS[..1]).unwrap();
        let before = Head::read(&connection).unwrap().unwrap();
        let broken: &[fn(&Transaction<'_>) -> rusqlite::Result<()>] = &[
            version_1,
            |step| step.execute_batch("ALTER TABLE cell ADD COLUMN host BLOB"),
            |step| step.execute_batch("DROP TABLE name; SELECT nonsense"),
        ];
        assert!(apply(&mut connection, 1, broken).is_err());
        assert_eq!(number(&connection, "user_version").unwrap(), 1);
        assert!(connection.execute_batch("SELECT host FROM cell").is_err());
        apply(&mut connection, 1, &broken[..2]).unwrap();
        assert_eq!(number(&connection, "user_version").unwrap(), 2);
        connection.execute_batch("SELECT host FROM cell; SELECT id FROM name").unwrap();
        assert_eq!(Head::read(&connection).unwrap(), Some(before));
    }

    #[test]
    fn a_state_that_moves_to_a_network_file_system_and_back_keeps_its_commits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        super::super::location::make_private(&path).unwrap();
        for (network, journal) in [(false, "wal"), (true, "delete"), (false, "wal")] {
            let mut connection = open_for_writing(&path, network).unwrap();
            migrate(&mut connection, &path).unwrap();
            let found: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(found, journal);
            assert_eq!(number(&connection, "synchronous").unwrap(), 2);
            let mut head = Head::read(&connection).unwrap().unwrap();
            head.sequence += 1;
            head.save(&connection).unwrap();
        }
        let connection = open_for_reading(&path).unwrap();
        assert_eq!(Head::read(&connection).unwrap().unwrap().sequence, 3);
    }
}
