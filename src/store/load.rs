//! Reading a state back: a connection enters, checked values leave. What does not match its checksum leaves as damage only.

use std::path::Path;

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Row};

use super::checksum::{self, Head, Key, Table, Total};
use super::{CellBlob, Loaded, SavedPosition, StoreError, position};

/// Either `SQLite` failed, or what it gave is not what was written.
enum Failure {
    Sqlite(rusqlite::Error),
    Wrong(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::Sqlite(error)
    }
}

impl Failure {
    fn at(self, path: &Path) -> StoreError {
        match self {
            Failure::Sqlite(source) => StoreError::sqlite(path, source),
            Failure::Wrong(reason) => StoreError::Damaged { path: path.to_path_buf(), reason },
        }
    }
}

type Checked<T> = Result<T, Failure>;

/// Everything but the ledger's rows.
pub(super) fn everything(connection: &Connection, path: &Path) -> Result<(Head, Loaded), StoreError> {
    all(connection).map_err(|failure| failure.at(path))
}

fn all(connection: &Connection) -> Checked<(Head, Loaded)> {
    let head = Head::read(connection)?.ok_or_else(|| Failure::Wrong("head does not match its checksum".to_owned()))?;
    let loaded = Loaded {
        identity: head.identity,
        sequence: head.sequence,
        positions: positions(connection, &head)?,
        names: names(connection, &head)?,
        profiles: by_id(connection, &head, Table::Profile, "SELECT id, bytes, checksum FROM profile ORDER BY id")?,
        cells: cells(connection, &head)?,
        sessions: by_id(connection, &head, Table::Session, "SELECT id, bytes, checksum FROM session ORDER BY id")?,
        alarms: by_text(connection, &head, Table::Alarm, "SELECT key, bytes, checksum FROM alarm ORDER BY key")?,
        meta: by_text(connection, &head, Table::Meta, "SELECT key, bytes, checksum FROM meta ORDER BY key")?,
        recovered: None,
        notes: Vec::new(),
    };
    Ok((head, loaded))
}

/// One value of the meta table, checked by itself.
pub(super) fn meta(connection: &Connection, path: &Path, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    one(connection, key).map_err(|failure| failure.at(path))
}

fn one(connection: &Connection, key: &str) -> Checked<Option<Vec<u8>>> {
    let head = Head::read(connection)?.ok_or_else(|| Failure::Wrong("head does not match its checksum".to_owned()))?;
    let sql = "SELECT bytes, checksum FROM meta WHERE key = ?";
    let found = connection.query_row(sql, [key], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?))).optional()?;
    let Some((bytes, checksum)) = found else { return Ok(None) };
    check(&head, &mut Total::default(), Table::Meta, Key::Text(key), &bytes, checksum)?;
    Ok(Some(bytes))
}

/// Checks one row and adds it to the table's total.
fn check(head: &Head, total: &mut Total, table: Table, key: Key<'_>, bytes: &[u8], checksum: i64) -> Checked<()> {
    if checksum::of(head.identity, table, key, bytes) != checksum {
        return Err(Failure::Wrong(format!("a row of table '{table:?}' does not match its checksum")));
    }
    total.add(checksum);
    Ok(())
}

fn check_total(head: &Head, table: Table, found: Total) -> Checked<()> {
    let expected = head.total(table);
    if expected == found {
        return Ok(());
    }
    let reason =
        format!("table '{table:?}' has {} rows where {} were written, or other ones", found.count, expected.count);
    Err(Failure::Wrong(reason))
}

/// Reads a table of (key, bytes, checksum).
fn table<K: FromSql, T>(
    connection: &Connection,
    head: &Head,
    table: Table,
    sql: &str,
    key: impl for<'a> Fn(&'a K) -> Key<'a>,
    mut make: impl FnMut(K, Vec<u8>) -> Option<T>,
) -> Checked<Vec<T>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let (mut out, mut total) = (Vec::new(), Total::default());
    while let Some(row) = rows.next()? {
        let (id, bytes): (K, Vec<u8>) = (row.get(0)?, row.get(1)?);
        check(head, &mut total, table, key(&id), &bytes, row.get(2)?)?;
        let value = make(id, bytes)
            .ok_or_else(|| Failure::Wrong(format!("a row of table '{table:?}' is of an unknown version")))?;
        out.push(value);
    }
    check_total(head, table, total)?;
    Ok(out)
}

fn positions(connection: &Connection, head: &Head) -> Checked<Vec<SavedPosition>> {
    let sql = "SELECT generation, bytes, checksum FROM position ORDER BY generation";
    table(connection, head, Table::Position, sql, |id: &u32| Key::Id(*id), |id, bytes| position::decode(id, &bytes))
}

fn names(connection: &Connection, head: &Head) -> Checked<Vec<(u32, String)>> {
    let sql = "SELECT id, bytes, checksum FROM name ORDER BY id";
    let text = |id, bytes| String::from_utf8(bytes).ok().map(|text| (id, text));
    table(connection, head, Table::Name, sql, |id: &u32| Key::Id(*id), text)
}

fn by_id(connection: &Connection, head: &Head, which: Table, sql: &str) -> Checked<Vec<(u32, Vec<u8>)>> {
    table(connection, head, which, sql, |id: &u32| Key::Id(*id), |id, bytes| Some((id, bytes)))
}

fn by_text(connection: &Connection, head: &Head, which: Table, sql: &str) -> Checked<Vec<(String, Vec<u8>)>> {
    table(connection, head, which, sql, |key: &String| Key::Text(key), |key, bytes| Some((key, bytes)))
}

/// One tier after the other, each backwards along the primary key, so that nothing is sorted.
fn cells(connection: &Connection, head: &Head) -> Checked<Vec<CellBlob>> {
    let tiers = connection
        .prepare("SELECT DISTINCT tier FROM cell ORDER BY tier")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<u8>>>()?;
    let (mut out, mut total) = (Vec::new(), Total::default());
    let mut statement =
        connection.prepare("SELECT time, bytes, checksum FROM cell WHERE tier = ? ORDER BY time DESC")?;
    for tier in tiers {
        let mut rows = statement.query([tier])?;
        while let Some(row) = rows.next()? {
            let cell = CellBlob { tier, time: row.get(0)?, bytes: row.get(1)? };
            check(head, &mut total, Table::Cell, Key::Cell(tier, cell.time), &cell.bytes, row.get(2)?)?;
            out.push(cell);
        }
    }
    check_total(head, Table::Cell, total)?;
    Ok(out)
}

/// The cells of a damaged state that are what was written, as far as the table can be walked; `true` if none is missing.
pub(super) fn readable_cells(connection: &Connection, head: &Head, out: &mut Vec<CellBlob>) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare("SELECT tier, time, bytes, checksum FROM cell")?;
    let mut rows = statement.query([])?;
    let mut total = Total::default();
    while let Some(row) = rows.next()? {
        let read = || Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let read: rusqlite::Result<(u8, i64, Vec<u8>, i64)> = read();
        let Ok((tier, time, bytes, checksum)) = read else { continue };
        if check(head, &mut total, Table::Cell, Key::Cell(tier, time), &bytes, checksum).is_ok() {
            out.push(CellBlob { tier, time, bytes });
        }
    }
    Ok(total == head.total(Table::Cell))
}

/// The ledger's blobs in the order in which they were appended.
pub(super) fn rows(
    connection: &Connection,
    path: &Path,
    head: &Head,
    each: impl FnMut(i32, u32, &[u8]),
) -> Result<(), StoreError> {
    stream(connection, head, each).map_err(|failure| failure.at(path))
}

fn stream(connection: &Connection, head: &Head, mut each: impl FnMut(i32, u32, &[u8])) -> Checked<()> {
    let mut statement = connection.prepare("SELECT id, day, rows, checksum, bytes FROM ledger ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut total = Total::default();
    while let Some(row) = rows.next()? {
        let (key, day, count) = row_key(row)?;
        let bytes = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
        check(head, &mut total, Table::Ledger, key, bytes, row.get(3)?)?;
        each(day, count, bytes);
    }
    check_total(head, Table::Ledger, total)
}

fn row_key(row: &Row<'_>) -> rusqlite::Result<(Key<'static>, i32, u32)> {
    let (id, day, rows) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok((Key::Row { id, day, rows }, day, rows))
}
