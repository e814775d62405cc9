//! Values of a log enter; token counts, costs, times and durations leave, exact. Nothing passes through a float.

use crate::money::{Cost, Money, PICO_PER_USD};
use crate::time::{Timestamp, Zone, parse_rfc3339};
use crate::usage::Rejection;

use super::scanner::{Amount, Count, Scalar};

/// A count of tokens: a whole number from 0 to `u32::MAX`, also as `12.0`, `1e3`, `"12"`; absent is 0.
///
/// # Errors
/// [`Rejection::Number`] for everything else.
pub fn tokens(value: Scalar<'_>) -> Result<u32, Rejection> {
    match value {
        Scalar::Null => Ok(0),
        Scalar::Number(text) => one_request(text).ok_or(Rejection::Number),
        Scalar::Text(text) => one_request(&text.bytes()).ok_or(Rejection::Number),
        Scalar::True | Scalar::False | Scalar::Nested => Err(Rejection::Number),
    }
}

/// A running total of tokens: as [`tokens`], but as large as a session makes it.
///
/// # Errors
/// As [`tokens`].
pub fn running(value: Scalar<'_>) -> Result<u64, Rejection> {
    match value {
        Scalar::Null => Ok(0),
        Scalar::Number(text) => whole(text).ok_or(Rejection::Number),
        Scalar::Text(text) => whole(&text.bytes()).ok_or(Rejection::Number),
        Scalar::True | Scalar::False | Scalar::Nested => Err(Rejection::Number),
    }
}

/// A cost in dollars, as a number or as text; absent is none.
///
/// # Errors
/// [`Rejection::Number`] for what is no amount, negative or above what one charge can cost.
pub fn cost(value: Scalar<'_>) -> Result<Option<Cost>, Rejection> {
    match value {
        Scalar::Null => Ok(None),
        Scalar::Number(text) => Cost::parse(text).map(Some).map_err(|_| Rejection::Number),
        Scalar::Text(text) => Cost::parse(&text.bytes()).map(Some).map_err(|_| Rejection::Number),
        Scalar::True | Scalar::False | Scalar::Nested => Err(Rejection::Number),
    }
}

/// A cost as [`cost`], where a dollar is 10^`places` of what is written.
///
/// # Errors
/// As [`cost`].
pub fn cost_parts(value: Scalar<'_>, places: u8) -> Result<Option<Cost>, Rejection> {
    match value {
        Scalar::Null => Ok(None),
        Scalar::Number(text) => Cost::parse_parts(text, places).map(Some).map_err(|_| Rejection::Number),
        Scalar::Text(text) => Cost::parse_parts(&text.bytes(), places).map(Some).map_err(|_| Rejection::Number),
        Scalar::True | Scalar::False | Scalar::Nested => Err(Rejection::Number),
    }
}

/// A count of tokens as [`Scanner::count`](super::scanner::Scanner::count) found it: what [`tokens`] says of it.
///
/// # Errors
/// As [`tokens`].
#[inline]
pub fn count(value: Count<'_>) -> Result<u32, Rejection> {
    match value {
        Count::Whole(count) => Ok(count),
        Count::Other(Scalar::Null) => Ok(0),
        Count::Other(value) => tokens(value),
    }
}

/// A cost as [`Scanner::amount`](super::scanner::Scanner::amount) found it: what [`cost`] says of it.
///
/// # Errors
/// As [`cost`].
#[inline]
pub fn amount(value: Amount<'_>) -> Result<Option<Cost>, Rejection> {
    match value {
        Amount::Read(amount) => Ok(Some(amount)),
        Amount::Other(value) => cost(value),
    }
}

/// A small number that only informs, as [`Scanner::count`](super::scanner::Scanner::count) found it: what [`lenient`] says of it.
#[must_use]
#[inline]
pub fn lenient_count(value: Count<'_>) -> u32 {
    match value {
        Count::Whole(count) => count,
        Count::Other(Scalar::Null) => 0,
        Count::Other(value) => lenient(value),
    }
}

/// An instant: RFC 3339 (in `zone` where it names none), or a count since 1970 in s, ms, µs or ns, told apart by size. Cut to
/// milliseconds. What is unreadable, zero or before 1970 as a count is none.
#[must_use]
pub fn time(value: Scalar<'_>, zone: Zone) -> Option<Timestamp> {
    match value {
        Scalar::Number(text) => epoch(text),
        Scalar::Text(text) => {
            let bytes = text.bytes();
            parse_rfc3339(&bytes, zone).or_else(|| epoch(&bytes))
        }
        _ => None,
    }
}

/// A small number that only informs (a status, milliseconds, a limit): cut to a whole one; what is unreadable is 0.
#[must_use]
pub fn lenient(value: Scalar<'_>) -> u32 {
    if let Scalar::Null = value {
        return 0;
    }
    if let Scalar::Number(text) = value
        && let Some(plain) = digits(text)
    {
        return plain;
    }
    scaled(value).map_or(0, |units| u32::try_from(units / i128::from(PICO_PER_USD)).unwrap_or(0))
}

/// A duration as milliseconds, cut, where a second is 10^`places` of what is written; what is unreadable is 0.
#[must_use]
pub fn parts_as_ms(value: Scalar<'_>, places: u8) -> u32 {
    in_ms(value, places).and_then(|ms| u32::try_from(ms).ok()).unwrap_or(0)
}

/// An instant as a count since 1970, where a second is 10^`places` of what is written. Cut to milliseconds; what is unreadable, zero or
/// before 1970 is none.
#[must_use]
pub fn time_in(value: Scalar<'_>, places: u8) -> Option<Timestamp> {
    let ms = in_ms(value, places).filter(|ms| *ms > 0)?;
    i64::try_from(ms).ok().map(Timestamp::from_ms)
}

fn in_ms(value: Scalar<'_>, places: u8) -> Option<i128> {
    let per_second = 10i128.pow(u32::from(places)) * i128::from(PICO_PER_USD);
    scaled(value).map(|units| units / (per_second / 1000))
}

/// Pico-dollars that may be negative, as costtop itself printed them; what is unreadable or beyond what one charge can hold is none.
#[must_use]
pub fn signed_pico(value: Scalar<'_>) -> Option<i64> {
    i64::try_from(scaled(value)?).ok()
}

/// A value times 10^12, by the parser of amounts: both are exact decimals.
fn scaled(value: Scalar<'_>) -> Option<i128> {
    match value {
        Scalar::Number(text) => Money::parse(text).ok().map(Money::pico),
        Scalar::Text(text) => Money::parse(&text.bytes()).ok().map(Money::pico),
        _ => None,
    }
}

/// Seconds up to the year 5138, milliseconds from 1973 to 5138, and so on by thousands.
fn epoch(text: &[u8]) -> Option<Timestamp> {
    const UNIT: i128 = PICO_PER_USD as i128;
    let value = Money::parse(text).ok()?.pico();
    if value <= 0 {
        return None;
    }
    let per_ms = match value / UNIT {
        0..100_000_000_000 => UNIT / 1000,
        100_000_000_000..100_000_000_000_000 => UNIT,
        100_000_000_000_000..100_000_000_000_000_000 => UNIT * 1000,
        _ => UNIT * 1_000_000,
    };
    i64::try_from(value / per_ms).ok().map(Timestamp::from_ms)
}

/// At most nine digits and nothing else: nearly every number of a log.
fn digits(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    text.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

/// What one request can use.
fn one_request(text: &[u8]) -> Option<u32> {
    digits(text).or_else(|| u32::try_from(whole(text)?).ok())
}

/// Decimal text that stands for a whole number.
fn whole(text: &[u8]) -> Option<u64> {
    if let Some(plain) = digits(text) {
        return Some(plain.into());
    }
    let (negative, text) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    // The value is mantissa * 10^(zeros - places + exponent); trailing zeros stay out of the mantissa.
    let mut mantissa: u64 = 0;
    let (mut zeros, mut places, mut digits) = (0i64, 0i64, 0usize);
    let mut point = false;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                places += i64::from(point);
                zeros += 1;
                if byte != b'0' {
                    mantissa = shifted(mantissa, zeros)?.checked_add(u64::from(byte - b'0'))?;
                    zeros = 0;
                }
            }
            b'.' if !point => point = true,
            _ => break,
        }
        at += 1;
    }
    let exponent = match text.get(at) {
        None => 0,
        Some(b'e' | b'E') => exponent(&text[at + 1..])?,
        Some(_) => return None,
    };
    if digits == 0 {
        return None;
    }
    if mantissa == 0 {
        return Some(0);
    }
    if negative {
        return None;
    }
    shifted(mantissa, zeros - places + exponent)
}

/// `mantissa` with `places` zeros behind it; `None` if that is no `u64`.
fn shifted(mantissa: u64, places: i64) -> Option<u64> {
    if mantissa == 0 {
        return (places >= 0).then_some(0);
    }
    mantissa.checked_mul(10u64.checked_pow(u32::try_from(places).ok()?)?)
}

/// A decimal exponent; far ones are cut, since no token count needs them.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits
        .iter()
        .fold(0i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')).min(1 << 40));
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::RawText;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<u32, Rejection> {
        tokens(Scalar::Number(text.as_bytes()))
    }

    #[test]
    fn whole_numbers_in_every_dress() {
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("0.0", 0),
            ("0e99999999999999999999", 0),
            ("12", 12),
            ("12.0", 12),
            ("1e3", 1000),
            ("1.5E+1", 15),
            ("1200e-2", 12),
            ("4294967295", u32::MAX),
            ("4294967295.000000000000000000000000000000", u32::MAX),
            ("0.000000000000000000000000000012e30", 12),
            ("10000000000000000000000000000000000e-33", 10),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
            assert_eq!(tokens(Scalar::Text(RawText::plain(text.as_bytes()))), Ok(expected), "{text}");
        }
        assert_eq!(tokens(Scalar::Null), Ok(0));
        assert_eq!(tokens(Scalar::Text(RawText::escaped(br"1\u0032"))), Ok(12));
    }

    #[test]
    fn what_is_no_count_of_tokens_is_refused() {
        for text in [
            "-1",
            "1.5",
            "0.1",
            "1e-1",
            "4294967296",
            "1e10",
            "1e400",
            "1e-400",
            "-1e-400",
            "NaN",
            "Infinity",
            "-Infinity",
            "",
            " 1",
            "1 ",
            "+1",
            "0x10",
            "1_000",
            "1,000",
            ".",
            "e3",
            "1e",
            "-",
            "12k",
            "--1",
            "1.2.3",
            "4294967295.0000000000000000001",
            "99999999999999999999999999999999999999",
        ] {
            assert_eq!(read(text), Err(Rejection::Number), "{text:?}");
        }
        assert_eq!(tokens(Scalar::True), Err(Rejection::Number));
        assert_eq!(tokens(Scalar::Nested), Err(Rejection::Number));
    }

    #[test]
    fn costs_come_from_decimal_text() {
        let pico = |value| cost(value).map(|cost| cost.map(Cost::pico));
        assert_eq!(pico(Scalar::Number(b"2.5e-07")), Ok(Some(250_000)));
        assert_eq!(pico(Scalar::Text(RawText::plain(b"0.023060550000"))), Ok(Some(23_060_550_000)));
        assert_eq!(pico(Scalar::Number(b"17.3e-3")), Ok(Some(17_300_000_000)));
        assert_eq!(pico(Scalar::Null), Ok(None));
        for bad in ["-0.1", "NaN", "", "free", "1e30"] {
            assert_eq!(pico(Scalar::Number(bad.as_bytes())), Err(Rejection::Number), "{bad}");
        }
        assert_eq!(pico(Scalar::False), Err(Rejection::Number));
    }

    #[test]
    fn times_in_every_unit_are_one_instant() {
        let at = Some(Timestamp::from_ms(1_795_297_733_099));
        for text in [
            "1795297733.099",
            "1795297733.0999999",
            "1795297733099",
            "1795297733099.9",
            "1795297733099999",
            "1795297733099999999",
            "1.795297733099e9",
        ] {
            assert_eq!(time(Scalar::Number(text.as_bytes()), Zone::UTC), at, "{text}");
            assert_eq!(time(Scalar::Text(RawText::plain(text.as_bytes())), Zone::UTC), at, "{text}");
        }
        assert_eq!(time(Scalar::Text(RawText::plain(b"2026-11-21T21:48:53.099Z")), Zone::UTC), at);
        let zone = "Europe/Berlin".parse().unwrap();
        assert_eq!(time(Scalar::Text(RawText::plain(b"2026-11-21 22:48:53.099")), zone), at);
        for (text, places) in [("1795297733.099", 0), ("1795297733099.9", 3), ("1795297733099999999", 9)] {
            assert_eq!(time_in(Scalar::Number(text.as_bytes()), places), at, "{text}");
        }
        for none in ["0", "-5", "soon", "", "NaN"] {
            assert_eq!(time(Scalar::Text(RawText::plain(none.as_bytes())), Zone::UTC), None, "{none}");
        }
    }

    #[test]
    fn what_only_informs_never_refuses() {
        assert_eq!(parts_as_ms(Scalar::Text(RawText::plain(b"1834500")), 6), 1834);
        assert_eq!(lenient(Scalar::Number(b"200")), 200);
        assert_eq!(lenient(Scalar::Text(RawText::plain(b"429"))), 429);
        assert_eq!(lenient(Scalar::Number(b"1834.9")), 1834);
        assert_eq!(lenient(Scalar::Number(b"-1")), 0);
        assert_eq!(lenient(Scalar::Text(RawText::plain(b"fast"))), 0);
        assert_eq!(parts_as_ms(Scalar::Number(b"0.15019989013671875"), 0), 150);
    }

    proptest! {
        #[test]
        fn every_count_reads_back(count: u32, zeros in 0usize..30, shift in 0i32..12) {
            let zeros = "0".repeat(zeros);
            prop_assert_eq!(read(&count.to_string()), Ok(count));
            prop_assert_eq!(read(&format!("{count}.{zeros}0")), Ok(count));
            prop_assert_eq!(read(&format!("{count}{}e-{shift}", "0".repeat(shift as usize))), Ok(count));
        }

        #[test]
        fn garbage_never_panics(text in "[0-9.eE+\\-]{0,40}") {
            let value = Scalar::Number(text.as_bytes());
            let _ = (tokens(value), cost(value), time(value, Zone::UTC), lenient(value), parts_as_ms(value, 6), time_in(value, 3), cost_parts(value, 2));
        }
    }
}
