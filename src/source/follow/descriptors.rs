//! Which files are open: no more than are allowed, and those longest that are about to be read.

use std::io;
use std::time::Instant;

use super::Follower;
use super::file::{Followed, Stamp, open};
use crate::source::identity::FileKey;

impl Follower {
    /// `false`: closed, and unchanged or not under its name.
    pub(super) fn ensure_open(&mut self, file: &mut Followed) -> io::Result<bool> {
        if file.file.is_some() {
            return Ok(true);
        }
        let is_pending = file.more || !file.is_settled();
        if !is_pending {
            match std::fs::metadata(&file.path) {
                Ok(metadata) if FileKey::of(&metadata) == file.key => {
                    if Stamp::of(&metadata) == file.stamp {
                        file.drained = self.polls;
                        return Ok(false);
                    }
                }
                // Moved: the next scan finds its new name, and then it counts as changed.
                Ok(_) => return Ok(forget_stamp(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(forget_stamp(file)),
                Err(error) => return Err(error),
            }
        }
        let handle = match open(&file.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(forget_stamp(file)),
            other => other?,
        };
        if FileKey::of(&handle.metadata()?) != file.key {
            return Ok(forget_stamp(file));
        }
        file.file = Some(handle);
        self.open += 1;
        Ok(true)
    }

    pub(super) fn close(&mut self, slot: u32) {
        if let Some(file) = self.files.get_mut(&slot)
            && file.file.take().is_some()
        {
            self.open -= 1;
        }
    }

    /// Closes the longest quiet of the files that have a name, when too many are open.
    pub(super) fn close_cold(&mut self) {
        if self.open <= self.options.max_open {
            return;
        }
        let mut cold: Vec<(Instant, u32)> = self
            .files
            .iter()
            .filter(|(_, file)| file.file.is_some() && file.named && file.links > 0)
            .map(|(slot, file)| (file.active, *slot))
            .collect();
        cold.sort_unstable();
        // An eighth at once, so that this is seldom done.
        let surplus = self.open - self.options.max_open + self.options.max_open / 8;
        for (_, slot) in cold.into_iter().take(surplus) {
            self.close(slot);
        }
    }
}

fn forget_stamp(file: &mut Followed) -> bool {
    file.stamp = Stamp::default();
    false
}
