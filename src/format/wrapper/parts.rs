//! Texts that a wrapper cut and values that were printed over many lines: parts enter in the order of the file, whole texts leave with the
//! place where they begin. Nothing longer than a line may be is held.

use super::Lane;
use super::value::{self, Framed, Value};
use crate::source::lines::MAX_FILE_LINE;
use crate::usage::Rejection;

/// Lanes of one file.
const LANES: usize = 4;

/// Beginnings of texts that go on in a later line, of one file or connection.
#[derive(Clone, Debug)]
pub struct Parts {
    lanes: [Option<Part>; LANES],
    /// A value over many lines.
    value: Option<Value>,
    limit: u64,
}

impl Default for Parts {
    fn default() -> Parts {
        Parts::new(MAX_FILE_LINE)
    }
}

#[derive(Clone, Debug)]
struct Part {
    offset: u64,
    text: Vec<u8>,
    /// Too long: what follows is passed over, to the end of the text.
    given_up: bool,
}

/// What became of a part.
pub(in crate::format) enum Joined {
    /// It is a text by itself.
    Alone,
    /// It ends this text, which begins at that offset.
    Whole(u64, Vec<u8>),
    /// It is kept, or belongs to what was given up.
    Held,
    /// With it the text that begins at that offset is longer than a line may be.
    TooLong(u64),
}

impl Parts {
    /// Nothing begun. Texts may be of `limit` bytes, and so far apart may their first and last part stand.
    #[must_use]
    pub fn new(limit: u64) -> Parts {
        Parts { lanes: [const { None }; LANES], value: None, limit }
    }

    /// The line at `offset`, which may begin, continue or end a value over many lines.
    pub(in crate::format) fn frame(&mut self, offset: u64, line: &[u8]) -> Framed {
        value::frame(&mut self.value, self.limit, offset, line)
    }

    /// Whether the last line belongs to a value that goes on.
    pub(in crate::format) fn is_framing(&self) -> bool {
        self.value.is_some()
    }

    pub(in crate::format) fn join(&mut self, lane: Lane, offset: u64, text: &[u8], goes_on: bool) -> Joined {
        let limit = self.limit;
        let slot = &mut self.lanes[lane as usize];
        let Some(part) = slot else {
            if !goes_on {
                return Joined::Alone;
            }
            *slot = Some(Part { offset, text: text.to_vec(), given_up: false });
            return Joined::Held;
        };
        let begun = part.offset;
        let is_too_long =
            !part.given_up && ((part.text.len() + text.len()) as u64 > limit || offset.saturating_sub(begun) > limit);
        if is_too_long {
            part.give_up();
        }
        if goes_on {
            if !part.given_up {
                part.text.extend_from_slice(text);
            }
            return if is_too_long { Joined::TooLong(begun) } else { Joined::Held };
        }
        let whole = slot.take().filter(|part| !part.given_up);
        match whole {
            Some(mut part) => {
                part.text.extend_from_slice(text);
                Joined::Whole(begun, part.text)
            }
            None if is_too_long => Joined::TooLong(begun),
            None => Joined::Held,
        }
    }

    /// Whether nothing waits for its end.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(Option::is_none) && self.value.is_none()
    }

    /// Bytes held.
    #[must_use]
    pub fn held(&self) -> usize {
        let value = self.value.as_ref().map_or(0, |value| value.text.capacity());
        self.lanes.iter().flatten().map(|part| part.text.capacity()).sum::<usize>() + value
    }

    /// Where the first of the texts begins that go on: whoever reads the file again must begin there.
    #[must_use]
    pub fn since(&self) -> Option<u64> {
        self.waiting().min()
    }

    /// The texts that are held and will not be whole, each a line that broke off.
    #[must_use]
    pub fn torn(&self) -> u64 {
        self.waiting().count() as u64
    }

    /// Gives up what at `offset` has grown beyond the limit without a further part, so that [`Parts::since`] stays near. Tells
    /// `refuse` of each.
    pub fn give_up_far(&mut self, offset: u64, refuse: impl FnMut(Rejection)) {
        let limit = self.limit;
        self.give_up(|begun| offset.saturating_sub(begun) > limit, refuse);
    }

    /// Gives up everything, because too much is held elsewhere.
    pub fn give_up_all(&mut self, refuse: impl FnMut(Rejection)) {
        self.give_up(|_| true, refuse);
    }

    /// Gives up what begins at an offset that `which` chooses.
    fn give_up(&mut self, which: impl Fn(u64) -> bool, mut refuse: impl FnMut(Rejection)) {
        for part in self.lanes.iter_mut().flatten().filter(|part| !part.given_up && which(part.offset)) {
            part.give_up();
            refuse(Rejection::TooLong);
        }
        if let Some(value) = self.value.as_mut().filter(|value| !value.given_up && which(value.offset)) {
            value.give_up();
            refuse(Rejection::TooLong);
        }
    }

    /// Where texts begin that wait for their ends.
    fn waiting(&self) -> impl Iterator<Item = u64> {
        let parts = self.lanes.iter().flatten().filter(|part| !part.given_up).map(|part| part.offset);
        parts.chain(self.value.iter().filter(|value| !value.given_up).map(|value| value.offset))
    }
}

impl Part {
    fn give_up(&mut self) {
        self.given_up = true;
        self.text = Vec::new();
    }
}
