//! Looking at a state without owning it: a folder enters, one commit of it leaves, checked. Takes no lock, changes and sets aside nothing.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{DATABASE, Loaded, StoreError, checksum, copy, load, location, schema};

/// A state as it was at one moment, read while its owner goes on writing. Takes no lock, changes and sets aside nothing.
#[derive(Debug)]
pub struct Snapshot {
    connection: Connection,
    path: PathBuf,
    head: checksum::Head,
}

impl Snapshot {
    /// Reads the state in `folder`; `None` if there is none yet.
    pub fn open(folder: &Path) -> Result<Option<(Snapshot, Loaded)>, StoreError> {
        Snapshot::read(folder, schema::open_for_reading)
    }

    /// The same where nobody can be writing, also where nothing at all can be written, which a look at a living database needs.
    pub(super) fn open_still(folder: &Path) -> Result<Option<(Snapshot, Loaded)>, StoreError> {
        match Snapshot::open(folder) {
            Err(error) if error.is_of_the_disk() && location::is_whole(&folder.join(DATABASE)) => {
                Snapshot::read(folder, schema::open_still)
            }
            read => read,
        }
    }

    fn read(
        folder: &Path,
        connect: impl Fn(&Path) -> Result<Connection, StoreError>,
    ) -> Result<Option<(Snapshot, Loaded)>, StoreError> {
        let path = folder.join(DATABASE);
        if let Some(reason) = copy::what_is_missing(folder) {
            return Err(StoreError::Damaged { path, reason });
        }
        if !path.exists() {
            return Ok(None);
        }
        let connection = connect(&path)?;
        // Held until the snapshot is dropped: what is loaded and what is streamed are of one commit.
        connection.execute_batch("BEGIN").map_err(|source| StoreError::sqlite(&path, source))?;
        if schema::is_empty(&connection).map_err(|source| StoreError::sqlite(&path, source))? {
            return Ok(None);
        }
        schema::check_version(&connection, &path)?;
        let (head, loaded) = load::everything(&connection, &path)?;
        Ok(Some((Snapshot { connection, path, head }, loaded)))
    }

    /// As [`super::Store::for_each_row_blob`].
    pub fn for_each_row_blob(&self, each: impl FnMut(i32, u32, &[u8])) -> Result<(), StoreError> {
        load::rows(&self.connection, &self.path, &self.head, each)
    }

    /// One value of [`Loaded::meta`] in the state in `folder`, without reading the rest; `None` where there is no state or no such value.
    pub fn meta(folder: &Path, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Snapshot::read_meta(folder, key, schema::open_for_reading)
    }

    /// As [`Snapshot::open_still`], of one value. What the disk does not let be read is as if it were not there.
    pub(crate) fn meta_still(folder: &Path, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let read = match Snapshot::meta(folder, key) {
            Err(error) if error.is_of_the_disk() && location::is_whole(&folder.join(DATABASE)) => {
                Snapshot::read_meta(folder, key, schema::open_still)
            }
            read => read,
        };
        match read {
            Err(error) if error.is_of_the_disk() => Ok(None),
            read => read,
        }
    }

    fn read_meta(
        folder: &Path,
        key: &str,
        connect: impl Fn(&Path) -> Result<Connection, StoreError>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let path = folder.join(DATABASE);
        if !path.exists() {
            return Ok(None);
        }
        let connection = connect(&path)?;
        if schema::is_empty(&connection).map_err(|source| StoreError::sqlite(&path, source))? {
            return Ok(None);
        }
        schema::check_version(&connection, &path)?;
        load::meta(&connection, &path, key)
    }
}
