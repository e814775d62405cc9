//! One commit, one transaction: a [`Commit`] enters, rows and the head's totals change together. Its cost follows what the
//! commit holds, never what the state holds.

use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::checksum::{self, Head, Key, Table};
use super::{Commit, position};

/// Writes `commit` and moves `head` on; on an error `head` and the database are as before.
pub(super) fn apply(connection: &mut Connection, head: &mut Head, commit: &Commit) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // A commit can be durable although its caller saw an error (a failed fsync after the last frame): it is not written twice.
    if let Some(found) = Head::read(&transaction)?
        && found.identity == head.identity
        && found.sequence == head.sequence + 1
    {
        *head = found;
        return Ok(());
    }
    let mut next = head.clone();
    next.sequence += 1;
    Writing { transaction: &transaction, head: &mut next }.write(commit)?;
    next.save(&transaction)?;
    transaction.commit()?;
    *head = next;
    Ok(())
}

struct Writing<'a> {
    transaction: &'a Transaction<'a>,
    head: &'a mut Head,
}

/// The statements of a keyed table: the key's columns come first.
struct Statements {
    table: Table,
    find: &'static str,
    put: &'static str,
    delete: &'static str,
}

macro_rules! statements {
    ($table:ident, $name:literal, $key:literal) => {
        statements!($table, $name, $key, concat!($key, " = ?"), "?, ?, ?")
    };
    ($table:ident, $name:literal, $key:literal, $is:expr, $marks:literal) => {
        Statements {
            table: Table::$table,
            find: concat!("SELECT checksum FROM ", $name, " WHERE ", $is),
            put: concat!("INSERT OR REPLACE INTO ", $name, " (", $key, ", bytes, checksum) VALUES (", $marks, ")"),
            delete: concat!("DELETE FROM ", $name, " WHERE ", $is),
        }
    };
}

const POSITION: Statements = statements!(Position, "position", "generation");
const NAME: Statements = statements!(Name, "name", "id");
const PROFILE: Statements = statements!(Profile, "profile", "id");
const CELL: Statements = statements!(Cell, "cell", "tier, time", "tier = ? AND time = ?", "?, ?, ?, ?");
const SESSION: Statements = statements!(Session, "session", "id");
const ALARM: Statements = statements!(Alarm, "alarm", "key");
const META: Statements = statements!(Meta, "meta", "key");

impl Writing<'_> {
    fn write(&mut self, commit: &Commit) -> rusqlite::Result<()> {
        for generation in &commit.forgotten {
            self.delete(&POSITION, Key::Id(*generation))?;
        }
        let mut bytes = Vec::new();
        for saved in &commit.positions {
            position::encode(saved, &mut bytes);
            self.put(&POSITION, Key::Id(saved.position.generation), &bytes)?;
        }
        for (id, name) in &commit.names {
            self.put(&NAME, Key::Id(*id), name.as_bytes())?;
        }
        for (id, profile) in &commit.profiles {
            self.put(&PROFILE, Key::Id(*id), profile)?;
        }
        for day in &commit.dropped_days {
            self.drop_day(*day)?;
        }
        self.append_rows(commit)?;
        for cell in &commit.cells {
            self.put_or_delete(&CELL, Key::Cell(cell.tier, cell.time), &cell.bytes)?;
        }
        for (id, session) in &commit.sessions {
            self.put_or_delete(&SESSION, Key::Id(*id), session)?;
        }
        for (key, alarm) in &commit.alarms {
            match alarm {
                Some(bytes) => self.put(&ALARM, Key::Text(key), bytes)?,
                None => self.delete(&ALARM, Key::Text(key))?,
            }
        }
        for (key, bytes) in &commit.meta {
            self.put(&META, Key::Text(key), bytes)?;
        }
        Ok(())
    }

    fn put_or_delete(&mut self, statements: &Statements, key: Key<'_>, bytes: &[u8]) -> rusqlite::Result<()> {
        if bytes.is_empty() { self.delete(statements, key) } else { self.put(statements, key, bytes) }
    }

    fn put(&mut self, statements: &Statements, key: Key<'_>, bytes: &[u8]) -> rusqlite::Result<()> {
        self.take_old(statements, key)?;
        let checksum = checksum::of(self.head.identity, statements.table, key, bytes);
        let mut put = self.transaction.prepare_cached(statements.put)?;
        let next = bind(&mut put, key)?;
        put.raw_bind_parameter(next, bytes)?;
        put.raw_bind_parameter(next + 1, checksum)?;
        put.raw_execute()?;
        self.head.total_mut(statements.table).add(checksum);
        Ok(())
    }

    fn delete(&mut self, statements: &Statements, key: Key<'_>) -> rusqlite::Result<()> {
        if self.take_old(statements, key)? {
            let mut delete = self.transaction.prepare_cached(statements.delete)?;
            bind(&mut delete, key)?;
            delete.raw_execute()?;
        }
        Ok(())
    }

    /// Takes the checksum of the row that is about to go out of the table's total; whether there is one.
    fn take_old(&mut self, statements: &Statements, key: Key<'_>) -> rusqlite::Result<bool> {
        let mut find = self.transaction.prepare_cached(statements.find)?;
        bind(&mut find, key)?;
        let old: Option<i64> = find.raw_query().next()?.map(|row| row.get(0)).transpose()?;
        if let Some(old) = old {
            self.head.total_mut(statements.table).take(old);
        }
        Ok(old.is_some())
    }

    fn append_rows(&mut self, commit: &Commit) -> rusqlite::Result<()> {
        if commit.rows.is_empty() {
            return Ok(());
        }
        let last: Option<i64> = self
            .transaction
            .prepare_cached("SELECT id FROM ledger ORDER BY id DESC LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let mut append = self
            .transaction
            .prepare_cached("INSERT INTO ledger (id, day, rows, checksum, bytes) VALUES (?, ?, ?, ?, ?)")?;
        for (id, blob) in (last.unwrap_or(0) + 1..).zip(&commit.rows) {
            let key = Key::Row { id, day: blob.day, rows: blob.rows };
            let checksum = checksum::of(self.head.identity, Table::Ledger, key, &blob.bytes);
            append.execute((id, blob.day, blob.rows, checksum, &blob.bytes))?;
            self.head.total_mut(Table::Ledger).add(checksum);
        }
        Ok(())
    }

    fn drop_day(&mut self, day: i32) -> rusqlite::Result<()> {
        let mut find = self.transaction.prepare_cached("SELECT checksum FROM ledger WHERE day = ?")?;
        let mut rows = find.query([day])?;
        while let Some(row) = rows.next()? {
            self.head.total_mut(Table::Ledger).take(row.get(0)?);
        }
        self.transaction.prepare_cached("DELETE FROM ledger WHERE day = ?")?.execute([day]).map(drop)
    }
}

/// Binds the key's columns; returns the next parameter's number.
fn bind(statement: &mut CachedStatement<'_>, key: Key<'_>) -> rusqlite::Result<usize> {
    match key {
        Key::Id(id) => statement.raw_bind_parameter(1, id)?,
        Key::Text(text) => statement.raw_bind_parameter(1, text)?,
        Key::Cell(tier, time) => {
            statement.raw_bind_parameter(1, tier)?;
            statement.raw_bind_parameter(2, time)?;
            return Ok(3);
        }
        Key::Row { id, .. } => statement.raw_bind_parameter(1, id)?,
    }
    Ok(2)
}

#[cfg(test)]
mod tests {
    use super::super::{RowBlob, Store};
    use super::*;

    /// The disk answered with an error, yet the commit was there: the writer repeats it with the head it knew.
    #[test]
    fn a_repeated_commit_that_was_durable_is_not_written_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(folder.path()).unwrap();
        let commit = Commit { rows: vec![RowBlob { day: 1, rows: 1, bytes: vec![1] }], ..Commit::default() };
        let before = store.head.clone();
        store.commit(&commit).unwrap();
        let after = std::mem::replace(&mut store.head, before);
        assert_eq!(store.commit(&commit).unwrap(), 1);
        assert_eq!(store.head, after);
        let mut blobs = 0;
        store.for_each_row_blob(|_, _, _| blobs += 1).unwrap();
        assert_eq!(blobs, 1);
        assert_eq!(store.commit(&commit).unwrap(), 2);
    }
}
