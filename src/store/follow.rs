//! A state that another process owns, followed while it goes on: what each of its commits added leaves, checked. Changes nothing.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use super::checksum::{self, Head, Key, Table};
use super::{DATABASE, Loaded, RowBlob, StoreError, load, lock, schema};

/// What became durable since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Number of the last commit.
    pub sequence: u64,
    /// New labels, by id.
    pub names: Vec<(u32, String)>,
    /// New profiles, by id.
    pub profiles: Vec<(u32, Vec<u8>)>,
    /// Appended rows, oldest first.
    pub rows: Vec<RowBlob>,
    /// All of [`Loaded::meta`], by key.
    pub meta: Vec<(String, Vec<u8>)>,
}

/// Reads what the owner of a state commits.
#[derive(Debug)]
pub struct Follower {
    connection: Connection,
    path: PathBuf,
    head: Head,
    /// Greatest ids seen.
    last_name: i64,
    last_profile: i64,
    last_row: i64,
    /// `SQLite`'s own count of commits by others.
    data_version: i64,
}

impl Follower {
    /// Opens the state in `folder` for looking; `None` while there is none. Everything but the rows is loaded; stream these with
    /// [`Follower::for_each_row_blob`] before the first [`Follower::news`].
    pub fn open(folder: &Path) -> Result<Option<(Follower, Loaded)>, StoreError> {
        let path = folder.join(DATABASE);
        if !path.exists() {
            return Ok(None);
        }
        let connection = schema::open_for_reading(&path)?;
        let failed = |source| StoreError::sqlite(&path, source);
        // Ended by the first look for news, so that totals and rows are of one commit.
        connection.execute_batch("BEGIN").map_err(failed)?;
        if schema::is_empty(&connection).map_err(failed)? {
            return Ok(None);
        }
        if schema::check_version(&connection, &path)? < schema::VERSION {
            // Its owner is an older costtop.
            return Err(StoreError::Older { path });
        }
        let (head, loaded) = load::everything(&connection, &path)?;
        let last = |ids: &[u32]| ids.iter().copied().max().map_or(-1, i64::from);
        let last_name = last(&loaded.names.iter().map(|name| name.0).collect::<Vec<_>>());
        let last_profile = last(&loaded.profiles.iter().map(|profile| profile.0).collect::<Vec<_>>());
        let last_row = connection
            .query_row("SELECT id FROM ledger ORDER BY id DESC LIMIT 1", [], |row| row.get(0))
            .optional()
            .map_err(failed)?
            .unwrap_or(0);
        Ok(Some((Follower { connection, path, head, last_name, last_profile, last_row, data_version: -1 }, loaded)))
    }

    /// As [`super::Store::for_each_row_blob`].
    pub fn for_each_row_blob(&self, each: impl FnMut(i32, u32, &[u8])) -> Result<(), StoreError> {
        load::rows(&self.connection, &self.path, &self.head, each)
    }

    /// What was committed since the last call; `None`: nothing. Costs a look at one number where nothing was.
    ///
    /// [`StoreError::Damaged`] also when another state lies there now: open anew.
    pub fn news(&mut self) -> Result<Option<News>, StoreError> {
        let path = self.path.clone();
        let failed = |source| StoreError::sqlite(&path, source);
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("COMMIT").map_err(failed)?;
        }
        let version = schema::number(&self.connection, "data_version").map_err(failed)?;
        if version == self.data_version {
            return Ok(None);
        }
        self.connection.execute_batch("BEGIN").map_err(failed)?;
        let news = self.read();
        self.connection.execute_batch("COMMIT").map_err(failed)?;
        let news = news?;
        self.data_version = version;
        Ok(news)
    }

    fn read(&mut self) -> Result<Option<News>, StoreError> {
        let damaged = |reason: &str| StoreError::Damaged { path: self.path.clone(), reason: reason.to_owned() };
        let failed = |source| StoreError::sqlite(&self.path, source);
        let head = Head::read(&self.connection).map_err(failed)?;
        let head = head.ok_or_else(|| damaged("head does not match its checksum"))?;
        if head.identity != self.head.identity || head.sequence < self.head.sequence {
            return Err(damaged("another state lies there now"));
        }
        if head.sequence == self.head.sequence {
            return Ok(None);
        }
        let mut news = News { sequence: head.sequence, ..News::default() };
        let wrong = |table: Table| damaged(&format!("a row of table '{table:?}' does not match its checksum"));
        let by_id = |sql: &str, table: Table, after: i64| -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
            let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
            let mut rows = statement.query([after]).map_err(failed)?;
            let mut out = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let read = || Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, i64>(2)?));
                let (id, bytes, checksum) = read().map_err(failed)?;
                if checksum::of(head.identity, table, Key::Id(id), &bytes) != checksum {
                    return Err(wrong(table));
                }
                out.push((id, bytes));
            }
            Ok(out)
        };
        let names = "SELECT id, bytes, checksum FROM name WHERE id > ? ORDER BY id";
        for (id, bytes) in by_id(names, Table::Name, self.last_name)? {
            news.names.push((id, String::from_utf8(bytes).map_err(|_| wrong(Table::Name))?));
        }
        let profiles = "SELECT id, bytes, checksum FROM profile WHERE id > ? ORDER BY id";
        news.profiles = by_id(profiles, Table::Profile, self.last_profile)?;
        let mut last_row = self.last_row;
        {
            let sql = "SELECT id, day, rows, checksum, bytes FROM ledger WHERE id > ? ORDER BY id";
            let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
            let mut rows = statement.query([self.last_row]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let read = || Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?, row.get(4)?));
                let (id, day, count, checksum, bytes): (i64, i32, u32, i64, Vec<u8>) = read().map_err(failed)?;
                if checksum::of(head.identity, Table::Ledger, Key::Row { id, day, rows: count }, &bytes) != checksum {
                    return Err(wrong(Table::Ledger));
                }
                last_row = id;
                news.rows.push(RowBlob { day, rows: count, bytes });
            }
        }
        news.meta = load::all_meta(&self.connection, &self.path, &head)?;
        self.last_row = last_row;
        self.last_name = news.names.last().map_or(self.last_name, |name| name.0.into());
        self.last_profile = news.profiles.last().map_or(self.last_profile, |profile| profile.0.into());
        self.head = head;
        Ok(Some(news))
    }

    /// Who owns the state now; `None`: nobody does any more.
    pub fn owner(folder: &Path) -> Result<Option<Owner>, StoreError> {
        lock::owner(folder)
    }
}

/// The process that owns a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its process id, where it could be read.
    pub pid: Option<u32>,
}
