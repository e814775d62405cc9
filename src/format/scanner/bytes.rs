//! Where what stands in a line ends: blanks, strings, numbers, whole values. Bytes and a place enter, a place leaves.

use memchr::memchr2;

use super::{BLOCK, MAX_DEPTH, Stop};

/// Strings are searched block by block up to this length beyond the first one; `memchr` pays off beyond it.
pub(super) const SHORT: usize = 32;

/// Digits of a number that is read while it is passed over: any nine fit 32 bits.
pub(super) const COUNT_DIGITS: usize = 9;
/// Whole dollars of an amount that is read so: a million of them are 10^18 pico-dollars, which fit 64 bits.
pub(super) const AMOUNT_DIGITS: usize = 6;
/// Decimal places of a dollar that a pico-dollar resolves.
pub(super) const PLACES: usize = 12;

/// The first byte from `at` on that is no blank.
#[inline]
pub(super) fn blanks(line: &[u8], mut at: usize) -> usize {
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
pub(super) fn colon(line: &[u8], at: usize) -> Result<usize, Stop> {
    let at = blanks(line, at);
    if line.get(at) == Some(&b':') { Ok(blanks(line, at + 1)) } else { Err(Stop::Syntax) }
}

/// The closing quote of the string whose first byte is at `at`, and whether it holds escapes.
#[inline(always)]
#[expect(clippy::inline_always, reason = "twice a key, and the result of a call would come back through memory")]
pub(super) fn string_end(line: &[u8], at: usize) -> Result<(usize, bool), Stop> {
    let at = quote_or_backslash(line, at).ok_or(Stop::Syntax)?;
    if line[at] == b'"' { Ok((at, false)) } else { escaped_end(line, at).map(|end| (end, true)) }
}

/// The closing quote of a string whose first backslash is at `at`.
pub(super) fn escaped_end(line: &[u8], mut at: usize) -> Result<usize, Stop> {
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
pub(super) fn quote_or_backslash(line: &[u8], at: usize) -> Option<usize> {
    let rest = line.get(at..)?;
    let Some(block) = rest.first_chunk::<BLOCK>() else { return far_quote_or_backslash(line, at) };
    let hits = quotes_and_backslashes(block);
    if hits != 0 { Some(at + hits.trailing_zeros() as usize) } else { far_quote_or_backslash(line, at + BLOCK) }
}

/// The same from where the first block of a string is behind, or the line ends within it.
pub(super) fn far_quote_or_backslash(line: &[u8], mut at: usize) -> Option<usize> {
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
pub(super) fn register(block: &[u8; BLOCK]) -> std::arch::x86_64::__m128i {
    let whole = u128::from_le_bytes(*block);
    // SAFETY: this function exists only where the whole program is compiled for the instruction; it touches no memory.
    unsafe { std::arch::x86_64::_mm_set_epi64x((whole >> 64) as i64, whole as i64) }
}

/// One bit for each byte of the block, the first lowest: it is a quote or a backslash.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
pub(super) fn quotes_and_backslashes(block: &[u8; BLOCK]) -> u32 {
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
pub(super) fn quotes_and_backslashes(block: &[u8; BLOCK]) -> u32 {
    block.iter().enumerate().fold(0, |bits, (place, byte)| bits | u32::from(matches!(byte, b'"' | b'\\')) << place)
}

/// The end of a number or literal.
#[inline]
pub(super) fn plain_end(line: &[u8], at: usize) -> Result<usize, Stop> {
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
pub(super) fn number_end(line: &[u8], start: usize) -> Result<usize, Stop> {
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
pub(super) fn short_digits(line: &[u8], at: usize, most: usize) -> Option<(u64, usize)> {
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
pub(super) const WORD: usize = 8;

/// The digits from `at` on, of the first eight bytes there: how many, and their value. They are looked at and added up together, not
/// one after the other.
#[inline]
pub(super) fn digits(line: &[u8], at: usize) -> (usize, u64) {
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
pub(super) fn pico(line: &[u8], at: usize) -> Option<(u64, usize)> {
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
pub(super) fn ends_number(line: &[u8], end: usize) -> bool {
    !matches!(line.get(end), Some(b'0'..=b'9' | b'.' | b'e' | b'E'))
}

/// The end of the object or array that opens at `at`, `outside` levels deep. Its structure is checked, its values are not kept.
pub(super) fn container_end(line: &[u8], mut at: usize, outside: u32) -> Result<usize, Stop> {
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
pub(super) fn key_end(line: &[u8], at: usize) -> Result<usize, Stop> {
    if line.get(at) != Some(&b'"') {
        return Err(Stop::Syntax);
    }
    colon(line, string_end(line, at + 1)?.0 + 1)
}
