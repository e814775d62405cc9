//! Figures as people read them: thousands separated, dollars rounded for the eye only, text cut to a width.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use crate::money::{Money, PICO_PER_USD};
use crate::time::{Timestamp, Zone};

/// `1234567` as `1,234,567`.
pub fn thousands(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 2);
    if count < 0 {
        text.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// As [`thousands`], for counts that are never negative.
pub fn count(count: u64) -> String {
    thousands(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Dollars with `places` (at most 12) decimals, half-even. What is too small to show is `<$0.01`, never `$0.00`.
pub fn usd(money: Money, places: u32) -> String {
    let unit = u128::from(PICO_PER_USD) / 10u128.pow(places);
    let magnitude = money.pico().unsigned_abs();
    let (whole, rest) = (magnitude / unit, magnitude % unit);
    let up = rest * 2 > unit || (rest * 2 == unit && whole % 2 == 1);
    let rounded = whole + u128::from(up);
    let sign = if money.pico() < 0 { "-" } else { "" };
    let width = places as usize;
    if rounded == 0 && magnitude > 0 {
        return format!("{}<$0.{:0>width$}", sign, 1);
    }
    let scale = 10u128.pow(places);
    let dollars = thousands(i64::try_from(rounded / scale).unwrap_or(i64::MAX));
    if places == 0 { format!("{sign}${dollars}") } else { format!("{sign}${dollars}.{:0width$}", rounded % scale) }
}

/// Decimals for a column whose greatest amount is `greatest`: cents from a thousand dollars on, else a hundredth of one.
pub fn places(greatest: Money) -> u32 {
    if greatest.pico() >= 1000 * i128::from(PICO_PER_USD) { 2 } else { 4 }
}

/// A share in percent with one decimal; `-` where there is no whole.
pub fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.1}%", ratio * 100.0))
}

/// `part` of `whole`, for [`percent`].
pub fn share(part: Money, whole: Money) -> Option<f64> {
    (whole > Money::ZERO).then(|| part.to_f64() / whole.to_f64())
}

/// Bytes with a decimal unit.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];
    UNITS
        .iter()
        .find(|(_, size)| bytes >= *size)
        .map_or_else(|| format!("{bytes} B"), |(name, size)| format!("{:.1} {name}", bytes as f64 / *size as f64))
}

/// The local wall clock to the minute.
pub fn when(time: Timestamp, zone: Zone) -> String {
    zone.format(time, "%Y-%m-%d %H:%M")
}

/// Terminal columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `columns` columns; what is cut off shows as `…`.
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut cut = String::new();
    for character in text.chars() {
        cut.push(character);
        // The whole is measured, because a variation selector widens what stands before it.
        if width(&cut) >= columns {
            cut.pop();
            break;
        }
    }
    cut.push('…');
    Cow::Owned(cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dollars(text: &str, places: u32) -> String {
        usd(Money::parse(text.as_bytes()).unwrap(), places)
    }

    #[test]
    fn dollars_round_half_even_and_never_vanish() {
        assert_eq!(dollars("1234.565", 2), "$1,234.56");
        assert_eq!(dollars("1234.575", 2), "$1,234.58");
        assert_eq!(dollars("0", 4), "$0.0000");
        assert_eq!(dollars("0.000049", 4), "<$0.0001");
        assert_eq!(dollars("-0.000049", 4), "-<$0.0001");
        assert_eq!(dollars("-10", 2), "-$10.00");
        assert_eq!(dollars("0.99996", 4), "$1.0000");
        assert_eq!(dollars("999999.5", 0), "$1,000,000");
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        assert_eq!(thousands(-1_234_567), "-1,234,567");
        assert_eq!(thousands(i64::MIN), "-9,223,372,036,854,775,808");
    }

    proptest! {
        #[test]
        fn cut_text_fits(text in "\\PC{0,40}", columns in 1usize..30) {
            prop_assert!(width(&fit(&text, columns)) <= columns);
        }
    }
}
