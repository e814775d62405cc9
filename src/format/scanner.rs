//! One line of JSON enters, the values that a format asks for leave, borrowed. What nobody asks for is checked and skipped, never built.
//!
//! The grammar is that of RFC 8259, with four leniencies: strings may hold raw control characters and invalid UTF-8, lone
//! surrogates pass, a byte order mark may stand first, and `NaN` and `Infinity` (which Python prints) are values that no number
//! reader takes.

use memchr::memchr2;

use crate::money::{Cost, PICO_PER_USD};
use crate::usage::{RawText, Rejection};

/// Deepest nesting of a line.
pub const MAX_DEPTH: u32 = 64;
/// Bytes of a string looked at together.
const BLOCK: usize = 16;
/// Strings are searched block by block up to this length beyond the first one; `memchr` pays off beyond it.
const SHORT: usize = 32;

/// Digits of a number that is read while it is passed over: any nine fit 32 bits.
const COUNT_DIGITS: usize = 9;
/// Whole dollars of an amount that is read so: a million of them are 10^18 pico-dollars, which fit 64 bits.
const AMOUNT_DIGITS: usize = 6;
/// Decimal places of a dollar that a pico-dollar resolves.
const PLACES: usize = 12;

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

/// What stands between one value and the next when a member is written without blanks: `,"key":`, or `"key":` for the first one.
///
/// Most lines of a log have the same keys in the same order, so the next key can be guessed, and a guess is told by a comparison of
/// words: nothing is searched.
#[derive(Clone, Copy, Debug)]
pub struct Lead {
    length: usize,
    text: [u8; LONGEST_LEAD],
    /// 0xff where there is text.
    mask: [u8; LONGEST_LEAD],
}

/// The longest lead: two blocks.
const LONGEST_LEAD: usize = 2 * BLOCK;

impl Lead {
    /// The lead of `key`, which needs no escapes and has at most 28 bytes; with a comma unless it is the first.
    #[must_use]
    pub const fn new(key: &[u8], is_first: bool) -> Lead {
        let mut text = [0; LONGEST_LEAD];
        let mut length = 0;
        if !is_first {
            text[length] = b',';
            length += 1;
        }
        text[length] = b'"';
        length += 1;
        let mut at = 0;
        while at < key.len() {
            text[length] = key[at];
            length += 1;
            at += 1;
        }
        text[length] = b'"';
        text[length + 1] = b':';
        length += 2;
        let mut mask = [0; LONGEST_LEAD];
        let mut at = 0;
        while at < length {
            mask[at] = 0xff;
            at += 1;
        }
        Lead { length, text, mask }
    }

    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        if let Some(text) = text.first_chunk() {
            return same_under(&self.mask, text, &self.text);
        }
        // Near the end of a line. A NUL byte stands in no lead.
        let mut padded = [0; LONGEST_LEAD];
        padded[..text.len()].copy_from_slice(text);
        same_under(&self.mask, &padded, &self.text)
    }
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

/// The first byte from `at` on that is no blank.
#[inline]
fn blanks(line: &[u8], mut at: usize) -> usize {
    // Nearly always the first byte is none, and one comparison tells.
    while let Some(&byte) = line.get(at)
        && byte <= b' '
        && matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
    {
        at += 1;
    }
    at
}

/// From behind a key to its value.
#[inline]
fn colon(line: &[u8], at: usize) -> Result<usize, Stop> {
    let at = blanks(line, at);
    if line.get(at) == Some(&b':') { Ok(blanks(line, at + 1)) } else { Err(Stop::Syntax) }
}

/// The closing quote of the string whose first byte is at `at`, and whether it holds escapes.
#[inline(always)]
#[expect(clippy::inline_always, reason = "twice a key, and the result of a call would come back through memory")]
fn string_end(line: &[u8], at: usize) -> Result<(usize, bool), Stop> {
    let at = quote_or_backslash(line, at).ok_or(Stop::Syntax)?;
    if line[at] == b'"' { Ok((at, false)) } else { escaped_end(line, at).map(|end| (end, true)) }
}

/// The closing quote of a string whose first backslash is at `at`.
fn escaped_end(line: &[u8], mut at: usize) -> Result<usize, Stop> {
    while line[at] == b'\\' {
        at += match line.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if line.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => 6,
            _ => return Err(Stop::Syntax),
        };
        at = quote_or_backslash(line, at).ok_or(Stop::Syntax)?;
    }
    Ok(at)
}

/// The next quote or backslash. A block at a time at first, since most strings are short.
#[inline]
fn quote_or_backslash(line: &[u8], at: usize) -> Option<usize> {
    let rest = line.get(at..)?;
    let Some(block) = rest.first_chunk::<BLOCK>() else { return far_quote_or_backslash(line, at) };
    let hits = quotes_and_backslashes(block);
    if hits != 0 { Some(at + hits.trailing_zeros() as usize) } else { far_quote_or_backslash(line, at + BLOCK) }
}

/// The same from where the first block of a string is behind, or the line ends within it.
fn far_quote_or_backslash(line: &[u8], mut at: usize) -> Option<usize> {
    let limit = at + SHORT;
    while at < limit
        && let Some(block) = line.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>)
    {
        let hits = quotes_and_backslashes(block);
        if hits != 0 {
            return Some(at + hits.trailing_zeros() as usize);
        }
        at += BLOCK;
    }
    memchr2(b'"', b'\\', line.get(at..)?).map(|found| at + found)
}

/// A block as one value of the processor.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
fn register(block: &[u8; BLOCK]) -> std::arch::x86_64::__m128i {
    let whole = u128::from_le_bytes(*block);
    // SAFETY: this function exists only where the whole program is compiled for the instruction; it touches no memory.
    unsafe { std::arch::x86_64::_mm_set_epi64x((whole >> 64) as i64, whole as i64) }
}

/// Whether two texts are equal where the mask has its bits.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
fn same_under(mask: &[u8; LONGEST_LEAD], text: &[u8; LONGEST_LEAD], other: &[u8; LONGEST_LEAD]) -> bool {
    use std::arch::x86_64::{
        _mm_and_si128, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_setzero_si128, _mm_xor_si128,
    };
    let blocks = |bytes: &[u8; LONGEST_LEAD]| {
        let blocks = bytes.as_chunks::<BLOCK>().0;
        (register(&blocks[0]), register(&blocks[1]))
    };
    let (mask, text, other) = (blocks(mask), blocks(text), blocks(other));
    // SAFETY: as in `register`.
    unsafe {
        let first = _mm_and_si128(_mm_xor_si128(text.0, other.0), mask.0);
        let second = _mm_and_si128(_mm_xor_si128(text.1, other.1), mask.1);
        let equal = _mm_cmpeq_epi8(_mm_or_si128(first, second), _mm_setzero_si128());
        _mm_movemask_epi8(equal) == 0xffff
    }
}

/// Whether two texts are equal where the mask has its bits.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
fn same_under(mask: &[u8; LONGEST_LEAD], text: &[u8; LONGEST_LEAD], other: &[u8; LONGEST_LEAD]) -> bool {
    let mut differs = 0;
    for place in 0..LONGEST_LEAD {
        differs |= (text[place] ^ other[place]) & mask[place];
    }
    differs == 0
}

/// One bit for each byte of the block, the first lowest: it is a quote or a backslash.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
fn quotes_and_backslashes(block: &[u8; BLOCK]) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};
    let bytes = register(block);
    // SAFETY: as in `register`.
    unsafe {
        let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"'.cast_signed()));
        let backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed()));
        _mm_movemask_epi8(_mm_or_si128(quotes, backslashes)).cast_unsigned()
    }
}

/// One bit for each byte of the block, the first lowest: it is a quote or a backslash.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
fn quotes_and_backslashes(block: &[u8; BLOCK]) -> u32 {
    block.iter().enumerate().fold(0, |bits, (place, byte)| bits | u32::from(matches!(byte, b'"' | b'\\')) << place)
}

/// The end of a number or literal.
#[inline]
fn plain_end(line: &[u8], at: usize) -> Result<usize, Stop> {
    let rest = line.get(at..).unwrap_or_default();
    match rest.first() {
        Some(b'0'..=b'9') => number_end(line, at),
        Some(b'n') if rest.starts_with(b"null") => Ok(at + 4),
        Some(b't') if rest.starts_with(b"true") => Ok(at + 4),
        Some(b'f') if rest.starts_with(b"false") => Ok(at + 5),
        Some(b'-') if rest.starts_with(b"-Infinity") => Ok(at + 9),
        Some(b'-') => number_end(line, at + 1),
        Some(b'N') if rest.starts_with(b"NaN") => Ok(at + 3),
        Some(b'I') if rest.starts_with(b"Infinity") => Ok(at + 8),
        _ => Err(Stop::Syntax),
    }
}

/// The end of a number without its sign.
#[inline]
fn number_end(line: &[u8], start: usize) -> Result<usize, Stop> {
    let digits = |mut at: usize| {
        let first = at;
        while line.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if at > first { Ok(at) } else { Err(Stop::Syntax) }
    };
    let mut at = digits(start)?;
    if line[start] == b'0' && at > start + 1 {
        return Err(Stop::Syntax);
    }
    if line.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = line.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = line.get(at) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}

/// A whole number of at most `most` digits at `at`, and where they end. `None`: none, more, or one with a leading zero.
#[inline]
fn short_digits(line: &[u8], at: usize, most: usize) -> Option<(u64, usize)> {
    let (count, mut value) = digits(line, at);
    let mut end = at + count;
    while count == WORD
        && let Some(&byte) = line.get(end)
        && byte.is_ascii_digit()
    {
        if end - at >= most {
            return None;
        }
        value = value * 10 + u64::from(byte - b'0');
        end += 1;
    }
    (end <= at + most && (count == 1 || count > 1 && line[at] != b'0')).then_some((value, end))
}

/// Bytes of a word.
const WORD: usize = 8;

/// The digits from `at` on, of the first eight bytes there: how many, and their value. They are looked at and added up together, not
/// one after the other.
#[inline]
fn digits(line: &[u8], at: usize) -> (usize, u64) {
    const ZEROS: u64 = u64::from_le_bytes([b'0'; WORD]);
    const TOP: u64 = u64::from_le_bytes([0x80; WORD]);
    // With this added, what is more than nine reaches a byte's top bit.
    const LIMIT: u64 = u64::from_le_bytes([0x76; WORD]);
    let rest = line.get(at..).unwrap_or_default();
    let word = rest.first_chunk::<WORD>().copied().unwrap_or_else(|| {
        let mut padded = [0; WORD];
        padded[..rest.len()].copy_from_slice(rest);
        padded
    });
    let digits = u64::from_le_bytes(word) ^ ZEROS;
    // Whatever overflows changes bytes behind the first that is no digit.
    let others = (digits.wrapping_add(LIMIT) | digits) & TOP;
    let count = others.trailing_zeros() as usize / 8;
    if count == 0 {
        return (0, 0);
    }
    // The first digit stands lowest: shifted up, zeros stand before it.
    let digits = digits << (8 * (WORD - count));
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    (count, fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

/// At most twelve digits behind a decimal point as pico-dollars, and where they end.
#[inline]
fn pico(line: &[u8], at: usize) -> Option<(u64, usize)> {
    const SCALE: [u64; PLACES + 1] = {
        let mut scale = [1; PLACES + 1];
        let mut place = PLACES;
        while place > 0 {
            scale[place - 1] = scale[place] * 10;
            place -= 1;
        }
        scale
    };
    let (mut count, mut value) = digits(line, at);
    if count == WORD {
        let (more, rest) = digits(line, at + WORD);
        count += more;
        if count > PLACES {
            return None;
        }
        value = value * SCALE[PLACES - more] + rest;
    }
    (count > 0).then(|| (value * SCALE[count], at + count))
}

/// Whether a number that was read up to `end` ends there.
#[inline]
fn ends_number(line: &[u8], end: usize) -> bool {
    !matches!(line.get(end), Some(b'0'..=b'9' | b'.' | b'e' | b'E'))
}

/// The end of the object or array that opens at `at`, `outside` levels deep. Its structure is checked, its values are not kept.
fn container_end(line: &[u8], mut at: usize, outside: u32) -> Result<usize, Stop> {
    let mut depth = 0;
    // One bit per open container, the innermost lowest: set for an object. MAX_DEPTH of them fit.
    let mut objects: u64 = 0;
    loop {
        let closed = match line.get(at).ok_or(Stop::Syntax)? {
            b'"' => {
                at = string_end(line, at + 1)?.0 + 1;
                false
            }
            open @ (b'{' | b'[') => {
                let object = *open == b'{';
                depth += 1;
                if outside + depth > MAX_DEPTH {
                    return Err(Stop::Depth);
                }
                objects = objects << 1 | u64::from(object);
                at = blanks(line, at + 1);
                let empty = line.get(at) == Some(if object { &b'}' } else { &b']' });
                if !empty {
                    if object {
                        at = key_end(line, at)?;
                    }
                    continue;
                }
                true
            }
            _ => {
                at = plain_end(line, at)?;
                false
            }
        };
        if closed {
            depth -= 1;
            objects >>= 1;
            at += 1;
        }
        // Behind a value: what follows closes containers until a comma asks for the next one.
        loop {
            if depth == 0 {
                return Ok(at);
            }
            at = blanks(line, at);
            let in_object = objects & 1 == 1;
            match line.get(at) {
                Some(b',') => {
                    at = blanks(line, at + 1);
                    if in_object {
                        at = key_end(line, at)?;
                    }
                    break;
                }
                Some(b'}') if in_object => {}
                Some(b']') if !in_object => {}
                _ => return Err(Stop::Syntax),
            }
            depth -= 1;
            objects >>= 1;
            at += 1;
        }
    }
}

/// Passes over a key and its colon.
#[inline]
fn key_end(line: &[u8], at: usize) -> Result<usize, Stop> {
    if line.get(at) != Some(&b'"') {
        return Err(Stop::Syntax);
    }
    colon(line, string_end(line, at + 1)?.0 + 1)
}

#[cfg(test)]
mod tests;
