//! A guess at the next key of a line, told by a comparison of words.

use super::BLOCK;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use super::bytes::register;

/// What stands between one value and the next when a member is written without blanks: `,"key":`, or `"key":` for the first one.
///
/// Most lines of a log have the same keys in the same order, so the next key can be guessed, and a guess is told by a comparison of
/// words: nothing is searched.
#[derive(Clone, Copy, Debug)]
pub struct Lead {
    pub(super) length: usize,
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
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        if let Some(text) = text.first_chunk() {
            return same_under(&self.mask, text, &self.text);
        }
        // Near the end of a line. A NUL byte stands in no lead.
        let mut padded = [0; LONGEST_LEAD];
        padded[..text.len()].copy_from_slice(text);
        same_under(&self.mask, &padded, &self.text)
    }
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
