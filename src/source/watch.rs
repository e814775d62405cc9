//! Hints that something changed. Folders enter, touched names leave; it only wakes, polling decides, so losing every hint costs a second.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::file_system::is_network;
use super::identity::FileKey;

/// More names than this are not kept one by one: everything is looked at.
const MAX_NAMES: usize = 4096;

/// What was touched since the last look.
#[derive(Debug, Default)]
pub struct Hints {
    /// Files that were written to.
    pub written: HashSet<PathBuf>,
    /// Names came, went or moved, or hints were lost: list again.
    pub names: bool,
    /// The watcher failed: what, and what to do.
    pub trouble: Option<String>,
}

/// A watcher of single folders.
#[derive(Debug)]
pub struct Watch {
    watcher: RecommendedWatcher,
    hints: Arc<Mutex<Hints>>,
    folders: HashMap<PathBuf, FileKey>,
    /// Folders on network file systems, which were told of.
    remote: HashSet<PathBuf>,
    refused: bool,
}

impl Watch {
    /// A watcher, and the receiver it wakes. An error says why there can be none.
    pub fn new() -> Result<(Watch, Receiver<()>), String> {
        let (wake, woken) = bounded(1);
        let hints = Arc::new(Mutex::new(Hints::default()));
        let theirs = Arc::clone(&hints);
        let watcher =
            notify::recommended_watcher(move |event| note(&theirs, &wake, event)).map_err(|error| trouble(&error))?;
        Ok((Watch { watcher, hints, folders: HashMap::new(), remote: HashSet::new(), refused: false }, woken))
    }

    /// Watches a folder; one that was replaced under its name is watched anew.
    pub fn folder(&mut self, path: &Path, key: FileKey) {
        let before = self.folders.get(path);
        if before == Some(&key) || self.refused {
            return;
        }
        if is_network(path) {
            // It is looked at once a second as everything is; a watcher here would tell of this machine's writes only.
            if self.remote.insert(path.to_owned()) {
                let text =
                    format!("'{}' is on a network file system: changes are polled once a second", path.display());
                lock(&self.hints).trouble = Some(text);
            }
            return;
        }
        if before.is_some() {
            // Its old watch went with the old folder; there may be nothing to take back.
            let _ = self.watcher.unwatch(path);
        }
        match self.watcher.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => drop(self.folders.insert(path.to_owned(), key)),
            Err(error) => {
                self.folders.remove(path);
                // A folder that went away between listing and watching is no failure of the watcher.
                if !matches!(error.kind, notify::ErrorKind::PathNotFound) {
                    self.refused = matches!(error.kind, notify::ErrorKind::MaxFilesWatch);
                    lock(&self.hints).trouble = Some(trouble(&error));
                }
            }
        }
    }

    /// What was touched since the last call.
    #[must_use]
    pub fn take(&self) -> Hints {
        std::mem::take(&mut lock(&self.hints))
    }
}

fn lock(hints: &Mutex<Hints>) -> std::sync::MutexGuard<'_, Hints> {
    hints.lock().unwrap_or_else(PoisonError::into_inner)
}

fn trouble(error: &notify::Error) -> String {
    let remedy = match error.kind {
        notify::ErrorKind::MaxFilesWatch => "raise fs.inotify.max_user_watches",
        _ => "check fs.inotify.max_user_instances and the limit of open files",
    };
    let kind = match &error.kind {
        notify::ErrorKind::MaxFilesWatch => "the limit of watches is reached".to_owned(),
        notify::ErrorKind::Io(error) => error.to_string(),
        other => format!("{other:?}"),
    };
    format!("changes are polled once a second, as the system's watcher failed ({kind}): {remedy}")
}

fn note(hints: &Mutex<Hints>, wake: &Sender<()>, event: notify::Result<notify::Event>) {
    let mut hints = lock(hints);
    match event {
        Err(error) => {
            hints.trouble = Some(trouble(&error));
            hints.names = true;
        }
        // The flag stands before the kinds, as such an event may carry no path.
        Ok(event) if event.need_rescan() => hints.names = true,
        Ok(event) => match event.kind {
            // Our own reading opens and closes files: that is no news.
            EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write) => return,
            EventKind::Access(_) | EventKind::Modify(ModifyKind::Data(_)) if hints.written.len() < MAX_NAMES => {
                hints.written.extend(event.paths);
            }
            _ => hints.names = true,
        },
    }
    drop(hints);
    // Full means that a wake-up is already on its way.
    let _ = wake.try_send(());
}
