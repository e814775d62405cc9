//! One line of JSON enters, the values that a format asks for leave, borrowed. What nobody asks for is checked and skipped, never built.
//!
//! The grammar is that of RFC 8259, with four leniencies: strings may hold raw control characters and invalid UTF-8, lone
//! surrogates pass, a byte order mark may stand first, and `NaN` and `Infinity` (which Python prints) are values that no number
//! reader takes.

mod bytes;
mod lead;

use crate::money::{Cost, PICO_PER_USD};
use crate::usage::{RawText, Rejection};
use bytes::{
    AMOUNT_DIGITS, COUNT_DIGITS, blanks, colon, container_end, ends_number, pico, plain_end, quotes_and_backslashes,
    short_digits, string_end,
};

pub use lead::Lead;

/// Deepest nesting of a line.
pub const MAX_DEPTH: u32 = 64;
/// Bytes of a string looked at together.
const BLOCK: usize = 16;

/// Why a walk ended before the line did.
///
/// A word big: in a result it shares its place with a value's address, which would else be taken apart into bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Stop {
    /// No JSON, or cut off.
    Syntax,
    /// Nested deeper than [`MAX_DEPTH`].
    Depth,
    /// The reader has seen enough: the line is not about usage.
    Left,
}

impl Stop {
    /// The class under which a line that ended so is refused; `None` if it was left on purpose.
    #[must_use]
    pub const fn rejection(self) -> Option<Rejection> {
        match self {
            Stop::Syntax => Some(Rejection::Json),
            Stop::Depth => Some(Rejection::Depth),
            Stop::Left => None,
        }
    }
}

/// A value as it stands in the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// Absent or `null`.
    #[default]
    Null,
    /// `true`.
    True,
    /// `false`.
    False,
    /// A number's text, `NaN` and infinities included.
    Number(&'a [u8]),
    /// A string.
    Text(RawText<'a>),
    /// An object or an array: what stands there is not what was asked for.
    Nested,
}

impl<'a> Scalar<'a> {
    /// Whether there is nothing.
    #[must_use]
    pub const fn is_null(self) -> bool {
        matches!(self, Scalar::Null)
    }

    /// This value, or `other` where there is none.
    #[must_use]
    pub const fn or(self, other: Scalar<'a>) -> Scalar<'a> {
        if self.is_null() { other } else { self }
    }

    /// The text; a number counts as its text, everything else as none.
    #[must_use]
    pub const fn text(self) -> RawText<'a> {
        match self {
            Scalar::Text(text) => text,
            Scalar::Number(number) => RawText::plain(number),
            _ => RawText::NONE,
        }
    }

    /// The text; a number or a truth counts as its text, everything else as none.
    #[must_use]
    pub const fn plain(self) -> RawText<'a> {
        match self {
            Scalar::True => RawText::plain(b"true"),
            Scalar::False => RawText::plain(b"false"),
            other => other.text(),
        }
    }

    /// `true`, also as the text that Python prints (`True`) or as `"true"`.
    #[must_use]
    pub fn is_true(self) -> bool {
        match self {
            Scalar::True => true,
            Scalar::Text(text) => text.bytes().eq_ignore_ascii_case(b"true"),
            _ => false,
        }
    }
}

/// A number of which only the value is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count<'a> {
    /// A plain whole number.
    Whole(u32),
    /// A number written otherwise, or something else; null if there is nothing.
    Other(Scalar<'a>),
}

impl<'a> Count<'a> {
    /// Whether there is nothing.
    #[must_use]
    pub const fn is_null(self) -> bool {
        matches!(self, Count::Other(Scalar::Null))
    }

    /// This value, or `other` where there is none.
    #[must_use]
    pub const fn or(self, other: Count<'a>) -> Count<'a> {
        if self.is_null() { other } else { self }
    }
}

/// An amount of dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount<'a> {
    /// A plain decimal fraction that pico-dollars hold exactly.
    Read(Cost),
    /// A number written otherwise, or something else; null if there is nothing.
    Other(Scalar<'a>),
}

/// A cursor over one line. Every method leaves it behind the value it was called on.
#[derive(Clone, Copy, Debug)]
pub struct Scanner<'a> {
    line: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    /// A cursor on the first value of `line`.
    #[must_use]
    pub fn new(line: &'a [u8]) -> Scanner<'a> {
        let at = if line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Scanner { line, at: blanks(line, at), depth: 0 }
    }

    /// The first byte of the value ahead; `None` at the end of the line.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// Whether the value ahead is a text that begins with `text`, as it is written.
    #[must_use]
    pub fn is_text_of(&self, text: &[u8]) -> bool {
        self.line.get(self.at..).and_then(|rest| rest.strip_prefix(b"\"")).is_some_and(|rest| rest.starts_with(text))
    }

    /// Nothing but blanks may follow.
    pub fn end(&mut self) -> Result<(), Stop> {
        self.at = blanks(self.line, self.at);
        if self.at == self.line.len() { Ok(()) } else { Err(Stop::Syntax) }
    }

    /// Hands each member of the object ahead to `each`, with escapes in its key resolved and the cursor on its value, which `each`
    /// must consume. Anything but an object is skipped; returns whether there was one.
    #[inline]
    pub fn object(&mut self, mut each: impl FnMut(&[u8], &mut Scanner<'a>) -> Result<(), Stop>) -> Result<bool, Stop> {
        if !self.open_object()? {
            return Ok(false);
        }
        let mut key = self.first_key()?;
        while let Some(name) = key {
            if name.is_escaped() {
                each(&name.bytes(), self)?;
            } else {
                each(name.as_written(), self)?;
            }
            key = self.next_key()?;
        }
        Ok(true)
    }

    /// Steps into the object ahead: a walk by hand, as [`Scanner::object`] does it. Anything else is skipped; returns whether it was one.
    #[inline]
    pub fn open_object(&mut self) -> Result<bool, Stop> {
        if self.peek() != Some(b'{') {
            self.skip()?;
            return Ok(false);
        }
        self.enter()?;
        Ok(true)
    }

    /// From the opening brace to the value of the first member; its key. `None`: the object is empty, and the cursor behind it.
    #[inline]
    pub fn first_key(&mut self) -> Result<Option<RawText<'a>>, Stop> {
        if self.peek() == Some(b'}') {
            self.leave();
            return Ok(None);
        }
        self.key().map(Some)
    }

    /// From behind a member's value to the value of the next one; its key. `None`: that was the last, and the cursor is behind the object.
    #[inline]
    pub fn next_key(&mut self) -> Result<Option<RawText<'a>>, Stop> {
        self.at = blanks(self.line, self.at);
        match self.peek() {
            Some(b',') => {
                self.at = blanks(self.line, self.at + 1);
                self.key().map(Some)
            }
            Some(b'}') => {
                self.leave();
                Ok(None)
            }
            _ => Err(Stop::Syntax),
        }
    }

    #[inline]
    fn key(&mut self) -> Result<RawText<'a>, Stop> {
        if self.peek() != Some(b'"') {
            return Err(Stop::Syntax);
        }
        let key = self.quoted()?;
        self.at = colon(self.line, self.at)?;
        Ok(key)
    }

    /// Passes over what leads to the value of a member, if it is written just so. Nothing happens where it is not.
    #[inline]
    pub fn pass(&mut self, lead: &Lead) -> bool {
        if !lead.begins(self.line.get(self.at..).unwrap_or_default()) {
            return false;
        }
        self.at = blanks(self.line, self.at + lead.length);
        true
    }

    /// Hands each element of the array ahead to `each`, which must consume it. Anything but an array is skipped; returns whether
    /// there was one.
    pub fn array(&mut self, mut each: impl FnMut(&mut Scanner<'a>) -> Result<(), Stop>) -> Result<bool, Stop> {
        if self.peek() != Some(b'[') {
            self.skip()?;
            return Ok(false);
        }
        self.enter()?;
        if self.peek() == Some(b']') {
            self.leave();
            return Ok(true);
        }
        loop {
            each(self)?;
            self.at = blanks(self.line, self.at);
            match self.peek() {
                Some(b',') => self.at = blanks(self.line, self.at + 1),
                Some(b']') => {
                    self.leave();
                    return Ok(true);
                }
                _ => return Err(Stop::Syntax),
            }
        }
    }

    /// The value ahead.
    #[inline]
    pub fn scalar(&mut self) -> Result<Scalar<'a>, Stop> {
        match self.peek().ok_or(Stop::Syntax)? {
            b'"' => self.quoted().map(Scalar::Text),
            b'{' | b'[' => {
                self.skip()?;
                Ok(Scalar::Nested)
            }
            first => {
                let start = self.at;
                self.at = plain_end(self.line, start)?;
                Ok(match first {
                    b'n' => Scalar::Null,
                    b't' => Scalar::True,
                    b'f' => Scalar::False,
                    _ => Scalar::Number(&self.line[start..self.at]),
                })
            }
        }
    }

    /// The text ahead; a number counts as its text, everything else as none.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as `quoted`: most of a line's values are texts")]
    pub fn text(&mut self) -> Result<RawText<'a>, Stop> {
        if self.peek() == Some(b'"') { self.quoted() } else { self.text_of_other() }
    }

    #[inline(never)]
    fn text_of_other(&mut self) -> Result<RawText<'a>, Stop> {
        match self.peek().ok_or(Stop::Syntax)? {
            b'{' | b'[' | b'n' | b't' | b'f' => self.skip().map(|()| RawText::NONE),
            _ => {
                let start = self.at;
                self.at = plain_end(self.line, start)?;
                Ok(RawText::plain(&self.line[start..self.at]))
            }
        }
    }

    /// The number ahead, read on the way if it is nothing but a few digits; else what [`Scanner::scalar`] says.
    #[inline]
    pub fn count(&mut self) -> Result<Count<'a>, Stop> {
        match short_digits(self.line, self.at, COUNT_DIGITS) {
            Some((value, end)) if ends_number(self.line, end) => {
                self.at = end;
                Ok(Count::Whole(value as u32))
            }
            _ => self.scalar().map(Count::Other),
        }
    }

    /// The dollars ahead, read on the way if they are a few digits, a point and at most twelve; else what [`Scanner::scalar`] says.
    #[inline]
    pub fn amount(&mut self) -> Result<Amount<'a>, Stop> {
        if let Some((dollars, point)) = short_digits(self.line, self.at, AMOUNT_DIGITS)
            && self.line.get(point) == Some(&b'.')
            && let Some((pico, end)) = pico(self.line, point + 1)
            && ends_number(self.line, end)
        {
            self.at = end;
            return Ok(Amount::Read(Cost::from_pico(dollars * PICO_PER_USD + pico)));
        }
        self.scalar().map(Amount::Other)
    }

    /// One member of the object ahead; null if there is none. The last of that name counts.
    pub fn member(&mut self, wanted: &[u8]) -> Result<Scalar<'a>, Stop> {
        let mut found = Scalar::Null;
        self.object(|key, value| {
            if key == wanted {
                found = value.scalar()?;
                Ok(())
            } else {
                value.skip()
            }
        })?;
        Ok(found)
    }

    /// The bytes of the value ahead, checked.
    pub fn span(&mut self) -> Result<&'a [u8], Stop> {
        let start = self.at;
        self.skip()?;
        Ok(&self.line[start..self.at])
    }

    /// Passes over the value ahead, checked.
    #[inline]
    pub fn skip(&mut self) -> Result<(), Stop> {
        match self.peek().ok_or(Stop::Syntax)? {
            b'"' => self.at = string_end(self.line, self.at + 1)?.0 + 1,
            b'{' | b'[' => self.at = container_end(self.line, self.at, self.depth)?,
            _ => self.at = plain_end(self.line, self.at)?,
        }
        Ok(())
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a few instructions, and the result of a call would come back through memory"
    )]
    fn quoted(&mut self) -> Result<RawText<'a>, Stop> {
        let start = self.at + 1;
        if let Some(block) = self.line.get(start..).and_then(<[u8]>::first_chunk::<BLOCK>) {
            let end = quotes_and_backslashes(block).trailing_zeros() as usize;
            if block.get(end) == Some(&b'"') {
                self.at = start + end + 1;
                return Ok(RawText::plain(&block[..end]));
            }
        }
        self.quoted_beyond_a_block()
    }

    #[inline(never)]
    fn quoted_beyond_a_block(&mut self) -> Result<RawText<'a>, Stop> {
        let start = self.at + 1;
        let (end, escaped) = string_end(self.line, start)?;
        self.at = end + 1;
        let inside = &self.line[start..end];
        Ok(if escaped { RawText::escaped(inside) } else { RawText::plain(inside) })
    }

    #[inline]
    fn enter(&mut self) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Stop::Depth);
        }
        self.at = blanks(self.line, self.at + 1);
        Ok(())
    }

    #[inline]
    fn leave(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }
}

#[cfg(test)]
mod tests;
