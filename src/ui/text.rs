//! Text that fits its place: numbers and times become short, fixed words; names are cut by grapheme with `…`.

mod amount;

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

pub use amount::{amount, dollars, per_hour, per_request};

/// Stands for what is not known.
pub const UNKNOWN: &str = "–";

/// Columns a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `room` columns; what does not fit ends in `…`.
#[must_use]
pub fn fit(text: &str, room: usize) -> Cow<'_, str> {
    if text.len() <= room && text.is_ascii() || text.width() <= room {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let next = used + grapheme.width();
        if next + 1 > room {
            break;
        }
        out.push_str(grapheme);
        used = next;
    }
    if room > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

/// The end of `text` in at most `room` columns; what does not fit begins with `…`.
#[must_use]
pub fn fit_end(text: &str, room: usize) -> Cow<'_, str> {
    if text.width() <= room {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let mut from = text.len();
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += grapheme.width();
        if used + 1 > room {
            break;
        }
        from = at;
    }
    if room == 0 { Cow::Borrowed("") } else { Cow::Owned(format!("…{}", &text[from..])) }
}

/// `text` in lines of at most `room` columns, broken at spaces; a word that is longer than a line is cut.
#[must_use]
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, room).into_owned()),
        }
    }
    lines
}

/// Where `needle` stands in `text`, whatever the case: the bytes it covers.
#[must_use]
pub fn find_any_case(text: &str, needle: &str) -> Option<Range<usize>> {
    let wanted: Vec<char> = needle.chars().flat_map(char::to_lowercase).collect();
    if wanted.is_empty() {
        return None;
    }
    text.char_indices().find_map(|(start, _)| {
        let mut rest = wanted.as_slice();
        for (at, character) in text[start..].char_indices() {
            for lower in character.to_lowercase() {
                rest = rest.strip_prefix(&[lower])?;
                if rest.is_empty() {
                    return Some(start..start + at + character.len_utf8());
                }
            }
        }
        None
    })
}

/// A whole number with thousands separators: `1,234,567`.
#[must_use]
pub fn grouped(value: i128) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    if value < 0 {
        out.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count in at most five characters: `999`, `12k`, `1.2M`, `3.4G`; cut, never rounded up.
#[must_use]
pub fn count(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let magnitude = value.unsigned_abs();
    for (unit, letter) in [(1_000_000_000_000, 'T'), (1_000_000_000, 'G'), (1_000_000, 'M'), (1_000, 'k')] {
        if magnitude >= unit {
            let (whole, tenth) = (magnitude / unit, magnitude % unit * 10 / unit);
            return if whole < 100 {
                format!("{sign}{whole}.{tenth}{letter}")
            } else {
                format!("{sign}{whole}{letter}")
            };
        }
    }
    format!("{sign}{magnitude}")
}

/// Percent without decimals, cut: 99.9 % of a budget is not yet all of it.
#[must_use]
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return UNKNOWN.to_owned();
    }
    let percent = (share * 100.0 + 1e-9).floor();
    if percent > 9999.0 { ">9999".to_owned() } else { format!("{percent:.0}") }
}

/// A span of time in one or two units: `42s`, `6.5s`, `4m`, `2h05`, `3d4h`.
#[must_use]
pub fn span(ms: i64) -> String {
    let seconds = ms / 1000;
    match seconds {
        ..10 if ms % 1000 != 0 => format!("{}.{}s", seconds, ms % 1000 / 100),
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h{:02}", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Minutes and seconds since an instant, for short whiles: `00:42`, `61:05`.
#[must_use]
pub fn stopwatch(ms: i64) -> String {
    let seconds = (ms / 1000).max(0);
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_cut_by_grapheme() {
        assert_eq!(fit("claude", 6), "claude");
        assert_eq!(fit("claude", 5), "clau…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("👩\u{200d}💻 ana", 3), "👩\u{200d}💻…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(fit("abc", 1), "…");
        assert_eq!(fit_end("claude", 6), "claude");
        assert_eq!(fit_end("claude", 4), "…ude");
        assert_eq!(fit_end("日本語", 5), "…本語");
        assert_eq!(fit_end("abc", 0), "");
    }

    #[test]
    fn counts_are_short_and_never_rounded_up() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.0k"),
            (1999, "1.9k"),
            (390_400, "390k"),
            (999_999, "999k"),
            (1_250_000, "1.2M"),
            (12_600_000, "12.6M"),
            (-2_100, "-2.1k"),
        ] {
            assert_eq!(count(value), text);
        }
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(-1234), "-1,234");
        assert_eq!(grouped(0), "0");
    }

    #[test]
    fn shares_and_spans() {
        assert_eq!(percent(0.999), "99");
        assert_eq!(percent(1.0), "100");
        assert_eq!(percent(0.29), "29");
        assert_eq!(percent(f64::INFINITY), "–");
        assert_eq!(span(6_500), "6.5s");
        assert_eq!(span(13_000), "13s");
        assert_eq!(span(7_500_000), "2h05");
        assert_eq!(stopwatch(42_999), "00:42");
    }

    #[test]
    fn sentences_are_wrapped_and_matches_found() {
        assert_eq!(wrap("a bee sees  cedars", 5), ["a bee", "sees", "ceda…"]);
        assert!(wrap(" ", 5).is_empty());
        assert_eq!(find_any_case("claude-OPUS-4", "opus"), Some(7..11));
        assert_eq!(find_any_case("ÄRGER im Büro", "ärger"), Some(0..6));
        assert_eq!(find_any_case("aab", "ab"), Some(1..3));
        assert_eq!(find_any_case("abc", "abcd"), None);
        assert_eq!(find_any_case("abc", ""), None);
    }

    proptest! {
        #[test]
        fn a_match_is_a_piece_of_the_text(text in "\\PC{0,20}", needle in "\\PC{1,3}") {
            if let Some(range) = find_any_case(&text, &needle) {
                prop_assert!(text.get(range).is_some());
            } else {
                prop_assert!(!text.contains(&needle));
            }
        }

        #[test]
        fn what_is_cut_fits(text in "\\PC{0,40}", room in 0usize..30) {
            prop_assert!(width(&fit(&text, room)) <= room);
            prop_assert!(width(&fit_end(&text, room)) <= room);
        }
    }
}
