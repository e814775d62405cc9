//! Which earlier record shares an id. Hashed ids enter, the place where one first stood leaves; ids themselves are not kept.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::engine::identity::RecordIds;

/// Hashes kept, about 30 MB; later ones are only compared with these.
const CAPACITY: usize = 1 << 19;

/// Where the ids of earlier records first stood.
#[derive(Default)]
pub struct Repeats {
    first: HashMap<u128, (u32, u64)>,
    files: Vec<Arc<str>>,
}

impl Repeats {
    /// The first place of one of `ids`, if it is not this one; what is new is kept.
    pub fn first_of(&mut self, ids: &RecordIds, name: &Arc<str>, line: u64) -> Option<(Arc<str>, u64)> {
        let earlier = ids.linking().find_map(|hash| self.first.get(&hash).copied());
        let (file, at) = earlier.unwrap_or_else(|| (self.file(name), line));
        for hash in ids.linking() {
            if self.first.len() < CAPACITY {
                self.first.entry(hash).or_insert((file, at));
            }
        }
        earlier.and_then(|(file, line)| Some((Arc::clone(self.files.get(file as usize)?), line)))
    }

    fn file(&mut self, name: &Arc<str>) -> u32 {
        // Records of one file come together: its name is among the last.
        let known = self.files.iter().rposition(|file| file == name);
        let place = known.unwrap_or_else(|| {
            self.files.push(Arc::clone(name));
            self.files.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }
}
