//! Looking for names: what the sources' patterns match enters, the slots of new files leave. Reads nothing of a file.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::file::{Followed, Role, Stamp, open};
use super::packed::Archive;
use super::status::unreadable;
use super::{Follower, Sink};
use crate::source::discover::Remark;
use crate::source::identity::FileKey;
use crate::source::unpack::Packing;

impl Follower {
    /// Looks for names; the slots of files that are new.
    pub(super) fn scan(&mut self, sink: Sink<'_>) -> Vec<u32> {
        if self.all_named && self.discovery.is_unchanged(self.sources.iter().map(|source| &source.spec)) {
            return Vec::new();
        }
        self.all_named = true;
        self.scans += 1;
        let mut new = Vec::new();
        let mut names = HashMap::new();
        for source in 0..self.sources.len() {
            let (mut found, mut remarks) = (Vec::new(), Vec::new());
            self.discovery.scan(&self.sources[source].spec, &mut found, &mut remarks);
            self.sources[source].trouble = None;
            for found in found {
                let known = self.by_name.get(&found.path).copied().filter(|_| found.unchanged);
                let slot = match known {
                    Some(slot) if self.files.contains_key(&slot) => Some(slot),
                    _ => match self.meet(source, &found.path, sink) {
                        Ok(Some((slot, is_new))) => {
                            new.extend(is_new.then_some(slot));
                            Some(slot)
                        }
                        Ok(None) => {
                            self.all_named = false;
                            None
                        }
                        Err(error) => {
                            remarks.push(Remark::Unreadable(found.path.clone(), error));
                            None
                        }
                    },
                };
                if let Some((slot, file)) = slot.and_then(|slot| Some((slot, self.files.get_mut(&slot)?))) {
                    if file.seen != self.scans {
                        file.seen = self.scans;
                        if file.path != found.path {
                            file.path.clone_from(&found.path);
                        }
                    }
                    names.insert(found.path, slot);
                }
            }
            self.all_named &= !remarks.iter().any(|remark| matches!(remark, Remark::Unreadable(..)));
            self.remark(source, remarks);
        }
        self.by_name = names;
        self.nameless.clear();
        for (slot, file) in &mut self.files {
            if file.named && file.seen != self.scans {
                file.active = self.now;
                self.newest = Some(self.now);
            }
            file.named = file.seen == self.scans;
            self.nameless.extend((!file.named).then_some(*slot));
        }
        if !new.is_empty() && !self.tombs.is_empty() {
            // Those read before come first, then the larger: what is a part of them is then compared with the living.
            let known: HashSet<FileKey> = self.tombs.iter().map(|tomb| tomb.key).collect();
            new.sort_by_key(|slot| {
                let file = self.files.get(slot);
                let is_known = file.is_some_and(|file| known.contains(&file.key));
                (!is_known, Reverse(file.map_or(0, |file| file.stamp.size)))
            });
        }
        new
    }

    /// The slot of what a name stands for, and whether it is new. `None`: no regular file, or gone again.
    fn meet(&mut self, source: usize, path: &Path, sink: Sink<'_>) -> io::Result<Option<(u32, bool)>> {
        let metadata = match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        if let Some(slot) = self.by_key.get(&FileKey::of(&metadata)) {
            return Ok(Some((*slot, false)));
        }
        if !metadata.is_file() {
            if self.remarked.insert(path.to_owned()) {
                let text = format!("'{}' is no regular file and is not read", path.display());
                self.note(source, text, sink);
            }
            return Ok(None);
        }
        // Where no more may be held, it is opened when its turn comes.
        let has_room = !self.options.once && self.open < self.options.max_open;
        let (file, metadata) = if has_room {
            let file = match open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                other => other?,
            };
            let metadata = file.metadata()?;
            (Some(file), metadata)
        } else {
            (None, metadata)
        };
        let key = FileKey::of(&metadata);
        if let Some(slot) = self.by_key.get(&key) {
            return Ok(Some((*slot, false)));
        }
        if !metadata.is_file() {
            return Ok(None);
        }
        let old = self.scans == 1 || metadata.modified().is_ok_and(|modified| modified < self.options.started);
        let archive = Packing::of(path).map(|packing| Box::new(Archive::new(packing)));
        // What a packed file unpacks to is not known before it is read.
        let size = if archive.is_some() { u64::MAX } else { metadata.len() };
        let slot = self.next_slot;
        self.next_slot += 1;
        self.by_key.insert(key, slot);
        self.open += usize::from(file.is_some());
        self.unfinished.insert(slot);
        self.newest = Some(self.now);
        let followed = Followed {
            source,
            path: path.to_owned(),
            key,
            file,
            role: Role::Fresh,
            stamp: Stamp { size: metadata.len(), ..Stamp::default() },
            history_until: if old { size } else { 0 },
            owner: self.owners.name(metadata.uid()),
            seen: self.scans,
            named: true,
            links: metadata.nlink(),
            quiet: 0,
            active: self.now,
            drained: 0,
            more: true,
            failed: false,
            archive,
            filed: None,
        };
        self.files.insert(slot, followed);
        Ok(Some((slot, true)))
    }

    fn remark(&mut self, source: usize, remarks: Vec<Remark>) {
        for remark in remarks {
            match remark {
                // Nothing there is waiting, not trouble; in a one-shot command it is.
                Remark::Unreadable(_, error) if error.kind() == io::ErrorKind::NotFound && !self.options.once => {}
                Remark::Unreadable(path, error) => self.sources[source].trouble = Some(unreadable(&path, &error)),
            }
        }
    }
}
