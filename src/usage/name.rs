//! Names that live as long as the process, so that what carries one stays a plain value of a few bytes that knows its name. A
//! configuration is read once and names few things.

use std::sync::OnceLock;

/// Names by place. Places are never emptied.
#[derive(Debug)]
pub(super) struct Names([OnceLock<Box<str>>; 256]);

impl Names {
    pub(super) const fn new() -> Names {
        Names([const { OnceLock::new() }; 256])
    }

    /// The place of `name`; it gets one where it has none.
    ///
    /// # Panics
    /// When a process has met more names than any configuration has.
    pub(super) fn place(&self, name: &str) -> u8 {
        // The first place that is free or holds the name.
        let place = self.0.iter().position(|known| **known.get_or_init(|| name.into()) == *name);
        place.and_then(|place| u8::try_from(place).ok()).expect("few names of one kind in one process")
    }

    /// Whether names of another process may still be added: half the places stay for this one's configuration.
    pub(super) fn has_room(&self) -> bool {
        self.0[self.0.len() / 2].get().is_none()
    }

    pub(super) fn get(&self, place: u8) -> &str {
        self.0[place as usize].get().map_or("", |name| name)
    }

    pub(super) fn known(&self, name: &str) -> Option<&str> {
        self.0.iter().map_while(OnceLock::get).map(|known| &**known).find(|known| *known == name)
    }
}
