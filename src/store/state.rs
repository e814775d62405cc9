//! A state that is open, or one whose disk takes nothing yet: what can be read of it enters once, commits enter until the disk takes them.
//! Where nothing can be written nothing is refused; and no state is written to that others have changed meanwhile.

use std::path::{Path, PathBuf};

use super::lock::Lock;
use super::{Commit, DATABASE, Loaded, Snapshot, Store, StoreError};
use crate::engine::identity::IdentityKey;

/// What a dashboard or a server owns.
#[derive(Debug)]
pub enum State {
    /// It can be written.
    Open(Store),
    /// Its disk takes nothing: full, read-only, or not ours.
    Awaited(Awaited),
}

/// A state that is to be opened as soon as its disk allows it.
#[derive(Debug)]
pub struct Awaited {
    folder: PathBuf,
    /// Where the disk allows at least that.
    lock: Option<Lock>,
    /// What is gone on from: the state of this key after so many commits. After none it is one that is still to be made.
    identity: IdentityKey,
    sequence: u64,
    /// What was read, until its rows are.
    snapshot: Option<Snapshot>,
    refused: StoreError,
}

impl From<Store> for State {
    fn from(store: Store) -> State {
        State::Open(store)
    }
}

impl State {
    /// Opens the state in `folder` as [`Store::open`] does. Where its disk refuses, what can be read of it is gone on from, else nothing.
    ///
    /// # Errors
    /// What no disk is to blame for: another owner, a newer version.
    pub fn open(folder: &Path) -> Result<(State, Loaded), StoreError> {
        match Store::open(folder) {
            Ok((store, loaded)) => Ok((State::Open(store), loaded)),
            Err(refused) if refused.is_of_the_disk() => Awaited::begin(folder, refused),
            Err(error) => Err(error),
        }
    }

    /// Why nothing can be written yet.
    #[must_use]
    pub fn refused(&self) -> Option<&StoreError> {
        match self {
            State::Open(_) => None,
            State::Awaited(awaited) => Some(&awaited.refused),
        }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        match self {
            State::Open(store) => store.path().parent().unwrap_or(store.path()),
            State::Awaited(awaited) => &awaited.folder,
        }
    }

    /// As [`Store::for_each_row_blob`].
    pub fn for_each_row_blob(&self, each: impl FnMut(i32, u32, &[u8])) -> Result<(), StoreError> {
        match self {
            State::Open(store) => store.for_each_row_blob(each),
            State::Awaited(awaited) => {
                awaited.snapshot.as_ref().map_or(Ok(()), |snapshot| snapshot.for_each_row_blob(each))
            }
        }
    }

    /// Everything that can be read without writing has been read.
    pub(super) fn has_been_read(&mut self) {
        if let State::Awaited(awaited) = self {
            awaited.snapshot = None;
        }
    }

    /// As [`Store::commit`], opening what can be opened by now.
    pub(super) fn commit(&mut self, commit: &Commit) -> Result<u64, StoreError> {
        if let State::Awaited(awaited) = self {
            *self = State::Open(awaited.open()?);
        }
        match self {
            State::Open(store) => store.commit(commit),
            State::Awaited(_) => Err(StoreError::Ended("it has no state".to_owned())),
        }
    }

    /// As [`Store::close`]. One that could not be opened has nothing to close.
    pub(super) fn close(self) -> Result<(), StoreError> {
        match self {
            State::Open(store) => store.close(),
            State::Awaited(_) => Ok(()),
        }
    }
}

impl Awaited {
    fn begin(folder: &Path, refused: StoreError) -> Result<(State, Loaded), StoreError> {
        let lock = Lock::find(folder)?;
        let read = match Snapshot::open_still(folder) {
            // What is damaged can be set aside once the disk takes that; until then it is not known.
            Err(error) if !error.is_of_the_disk() && !matches!(error, StoreError::Damaged { .. }) => return Err(error),
            read => read,
        };
        let (snapshot, mut loaded) = match read {
            Ok(Some((snapshot, loaded))) => (Some(snapshot), loaded),
            _ => (None, Loaded::nothing(IdentityKey::random())),
        };
        loaded.notes.push(format!("state is not durable: {refused}"));
        let awaited = Awaited {
            folder: folder.to_owned(),
            lock,
            identity: loaded.identity,
            sequence: loaded.sequence,
            snapshot,
            refused,
        };
        Ok((State::Awaited(awaited), loaded))
    }

    /// What was read makes no sense: nothing is gone on from, with this key.
    #[must_use]
    pub fn begin_anew(self, identity: IdentityKey) -> Awaited {
        Awaited { identity, sequence: 0, snapshot: None, ..self }
    }

    /// The state, if it can be written and is what was gone on from.
    fn open(&mut self) -> Result<Store, StoreError> {
        super::location::make_folder(&self.folder)?;
        let lock = match self.lock.take().filter(|lock| lock.is_of(&self.folder)) {
            Some(lock) => lock,
            None => Lock::take(&self.folder)?,
        };
        self.lock = Some(lock);
        Lock::sign(&self.folder);
        let path = self.folder.join(DATABASE);
        if let Some(reason) = super::copy::what_is_missing(&self.folder) {
            return Err(StoreError::Damaged { path, reason });
        }
        let (connection, mut head, loaded) = Store::open_locked(&path)?;
        let is_same = loaded.sequence == self.sequence && (self.sequence == 0 || loaded.identity == self.identity);
        if !is_same {
            return Err(StoreError::Moved { path });
        }
        // One that nothing was written to takes the key under which everything is hashed since; the first commit writes it.
        head.identity = self.identity;
        let Some(lock) = self.lock.take() else { return Err(StoreError::Moved { path }) };
        Ok(Store { connection, path, head, lock })
    }
}

#[cfg(test)]
mod tests {
    use super::super::RowBlob;
    use super::*;
    use std::io;

    fn full(folder: &Path) -> StoreError {
        let source = io::Error::from(io::ErrorKind::StorageFull);
        StoreError::Io { path: folder.to_owned(), what: "make the folder", source }
    }

    fn named(id: u32) -> Commit {
        let rows = vec![RowBlob { day: 1, rows: 1, bytes: vec![id as u8] }];
        Commit { names: vec![(id, format!("name {id}"))], rows, ..Commit::default() }
    }

    fn names(folder: &Path) -> Vec<u32> {
        let (_, loaded) = Store::open(folder).unwrap();
        loaded.names.into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn what_is_made_later_keeps_the_key_that_was_used_since_the_start() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("not/there/yet");
        let (mut state, loaded) = Awaited::begin(&folder, full(&folder)).unwrap();
        assert_eq!((loaded.sequence, folder.exists()), (0, false), "looking makes nothing");
        assert!(loaded.notes[0].contains("not durable"), "{:?}", loaded.notes);
        assert_eq!(state.commit(&named(1)).unwrap(), 1);
        assert_eq!(state.commit(&named(2)).unwrap(), 2);
        state.close().unwrap();
        let (_, again) = Store::open(&folder).unwrap();
        assert_eq!((again.identity, again.sequence), (loaded.identity, 2));
    }

    #[test]
    fn what_was_kept_is_gone_on_with_and_its_rows_are_read() {
        let folder = tempfile::tempdir().unwrap();
        State::from(Store::open(folder.path()).unwrap().0).commit(&named(1)).unwrap();
        let (mut state, loaded) = Awaited::begin(folder.path(), full(folder.path())).unwrap();
        assert_eq!((loaded.sequence, loaded.names.len()), (1, 1));
        let mut rows = Vec::new();
        state.for_each_row_blob(|_, _, bytes| rows.extend_from_slice(bytes)).unwrap();
        assert_eq!(rows, [1]);
        assert!(
            matches!(Store::open(folder.path()), Err(StoreError::InUse { .. })),
            "it is owned while it is waited for"
        );
        state.has_been_read();
        assert_eq!(state.commit(&named(2)).unwrap(), 2);
        state.close().unwrap();
        assert_eq!(names(folder.path()), [1, 2]);
    }

    #[test]
    fn a_state_that_others_wrote_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let begun = |folder: &Path| Awaited::begin(folder, full(folder)).unwrap().0;
        let alone = |state: &mut State| {
            for _ in 0..2 {
                assert!(matches!(state.commit(&named(9)), Err(StoreError::Moved { .. })));
            }
        };
        let mut unseen = begun(&folder.path().join("unseen"));
        let other = folder.path().join("other");
        State::from(Store::open(&other).unwrap().0).commit(&named(1)).unwrap();
        // Another disk lies there by now, with a state of its own.
        std::fs::rename(&other, folder.path().join("unseen")).unwrap();
        alone(&mut unseen);
        drop(unseen);
        let mut seen = begun(&folder.path().join("unseen"));
        std::fs::rename(folder.path().join("unseen"), folder.path().join("away")).unwrap();
        State::from(Store::open(&folder.path().join("unseen")).unwrap().0).commit(&named(2)).unwrap();
        alone(&mut seen);
        drop(seen);
        assert_eq!((names(&folder.path().join("away")), names(&folder.path().join("unseen"))), (vec![1], vec![2]));
    }

    #[test]
    fn only_a_disk_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        assert!(matches!(State::open(folder.path()), Err(StoreError::InUse { .. })));
        drop(store);
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(matches!(State::open(&folder.path().join("file/below")), Err(StoreError::Io { .. })));
        let connection = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(State::open(folder.path()), Err(StoreError::Newer { .. })));
        drop(connection);
        assert!(matches!(Awaited::begin(folder.path(), full(folder.path())), Err(StoreError::Newer { .. })));
    }

    /// It is set aside once there is room for what takes its place, with what it says was spent.
    #[test]
    fn what_is_damaged_stays_where_it_is_while_nothing_can_take_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap().0;
        store.commit(&named(1)).unwrap();
        super::super::copy::copy(folder.path(), crate::time::Timestamp::from_ms(1)).unwrap();
        store.close().unwrap();
        let (path, obstacle) = (folder.path().join(DATABASE), folder.path().join("state.db.copying"));
        std::fs::write(&path, "damaged").unwrap();
        std::fs::create_dir(&obstacle).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Io { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"damaged");
        let (mut state, loaded) = Awaited::begin(folder.path(), full(folder.path())).unwrap();
        assert_eq!(loaded.sequence, 0);
        assert!(matches!(state.commit(&named(9)), Err(StoreError::Damaged { .. })));
        drop(state);
        std::fs::remove_dir(&obstacle).unwrap();
        let (_, loaded) = Store::open(folder.path()).unwrap();
        assert_eq!((loaded.names.len(), loaded.recovered.is_some()), (1, true));
    }
}
