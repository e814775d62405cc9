//! Exact money: decimal text comes in, pico-dollars go through, decimal text leaves. No float is ever summed.
//!
//! A rate such as $0.0255 per million tokens is 25,500 pico-dollars per token, exactly; nano-dollars would round it.

use std::borrow::Cow;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Pico-dollars in one dollar.
pub const PICO_PER_USD: u64 = 1_000_000_000_000;
/// Decimal places of a dollar amount that a pico-dollar resolves.
const PLACES: usize = 12;

/// What one charge costs, in pico-dollars: never negative, at most $18.4 million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u64);

/// A signed sum of costs, in pico-dollars. `i128` cannot overflow by adding charges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i128);

/// Why a text is not an amount of dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number with an optional exponent.
    #[error("not a decimal number")]
    Syntax,
    /// A charge cannot be negative.
    #[error("negative")]
    Negative,
    /// More than 18.4 million dollars in one charge.
    #[error("too large")]
    TooLarge,
}

impl Cost {
    /// No dollars.
    pub const ZERO: Cost = Cost(0);

    /// A cost of `pico` pico-dollars.
    #[must_use]
    pub const fn from_pico(pico: u64) -> Cost {
        Cost(pico)
    }

    /// Pico-dollars.
    #[must_use]
    pub const fn pico(self) -> u64 {
        self.0
    }

    /// Reads decimal dollars: digits, point, exponent (`0.25`, `5e-07`, `1.5E3`), rounded half-even to the pico-dollar.
    ///
    /// # Errors
    /// See [`AmountError`]. `-0` is zero.
    pub fn parse(text: &[u8]) -> Result<Cost, AmountError> {
        Cost::try_from_money(Money::parse(text)?)
    }

    /// The same where a dollar is 10^`places` of what is written: 2 for cents.
    ///
    /// # Errors
    /// As [`Cost::parse`].
    pub fn parse_parts(text: &[u8], places: u8) -> Result<Cost, AmountError> {
        Cost::try_from_money(Money::parse_parts(text, places)?)
    }

    fn try_from_money(money: Money) -> Result<Cost, AmountError> {
        if money.0 < 0 {
            return Err(AmountError::Negative);
        }
        u64::try_from(money.0).map(Cost).map_err(|_| AmountError::TooLarge)
    }
}

impl Money {
    /// No dollars.
    pub const ZERO: Money = Money(0);

    /// A sum of `pico` pico-dollars.
    #[must_use]
    pub const fn from_pico(pico: i128) -> Money {
        Money(pico)
    }

    /// Pico-dollars.
    #[must_use]
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// Dollars as a float: for drawing and ratios only, never to be summed.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / PICO_PER_USD as f64
    }

    /// Reads signed decimal dollars, rounded half-even to the pico-dollar; at most 10^19 dollars either way.
    ///
    /// # Errors
    /// [`AmountError::Syntax`] or [`AmountError::TooLarge`].
    pub fn parse(text: &[u8]) -> Result<Money, AmountError> {
        Money::parse_parts(text, 0)
    }

    /// The same where a dollar is 10^`places` of what is written: 2 for cents.
    ///
    /// # Errors
    /// As [`Money::parse`].
    pub fn parse_parts(text: &[u8], places: u8) -> Result<Money, AmountError> {
        let (negative, digits) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some((b'+', rest)) => (false, rest),
            _ => (false, text),
        };
        let pico = match parse_short(digits).filter(|_| places == 0) {
            Some(pico) => i128::from(pico),
            None => parse_scaled(digits, places)?,
        };
        Ok(Money(if negative { -pico } else { pico }))
    }
}

/// What nearly every log prints: at most six digits, a point, at most twelve digits. `None`: ask [`parse_scaled`].
fn parse_short(text: &[u8]) -> Option<i64> {
    let (whole, rest) = text.split_at(text.iter().position(|byte| *byte == b'.')?);
    let places = &rest[1..];
    if whole.is_empty() || whole.len() > 6 || places.is_empty() || places.len() > PLACES {
        return None;
    }
    let mut value = 0;
    for byte in whole.iter().chain(places) {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    for _ in places.len()..PLACES {
        value *= 10;
    }
    Some(value)
}

/// Unsigned decimal text times 10^(12 - `parts`), half-even.
fn parse_scaled(text: &[u8], parts: u8) -> Result<i128, AmountError> {
    let mut mantissa: u128 = 0;
    let mut scale = i32::from(parts); // the value is mantissa * 10^-scale
    let mut sticky = false; // non-zero digits were dropped
    let mut at = 0;
    let mut digits = 0;
    let mut point = false;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                if mantissa < 10u128.pow(35) {
                    mantissa = mantissa * 10 + u128::from(byte - b'0');
                    scale += i32::from(point);
                } else {
                    sticky |= byte != b'0';
                    scale -= i32::from(!point);
                }
            }
            b'.' if !point => point = true,
            _ => break,
        }
        at += 1;
    }
    if digits == 0 {
        return Err(AmountError::Syntax);
    }
    if let Some(b'e' | b'E') = text.get(at) {
        scale = scale.saturating_sub(parse_exponent(&text[at + 1..])?);
    } else if at != text.len() {
        return Err(AmountError::Syntax);
    }
    if mantissa == 0 {
        return Ok(0);
    }
    let shift = i32::try_from(PLACES).unwrap_or(12).saturating_sub(scale);
    let value = if shift >= 0 {
        let factor = (shift <= 31).then(|| 10u128.pow(shift.unsigned_abs())).ok_or(AmountError::TooLarge)?;
        mantissa.checked_mul(factor).ok_or(AmountError::TooLarge)?
    } else {
        divide_half_even(mantissa, shift.unsigned_abs(), sticky)
    };
    if value > 10u128.pow(31) {
        return Err(AmountError::TooLarge);
    }
    i128::try_from(value).map_err(|_| AmountError::TooLarge)
}

fn divide_half_even(mantissa: u128, places: u32, sticky: bool) -> u128 {
    if places > 37 {
        return 0; // below 10^36 / 10^38: less than half a pico-dollar
    }
    let divisor = 10u128.pow(places);
    let (quotient, rest) = (mantissa / divisor, mantissa % divisor);
    let twice = rest * 2;
    let up = twice > divisor || (twice == divisor && (sticky || quotient % 2 == 1));
    quotient + u128::from(up)
}

fn parse_exponent(text: &[u8]) -> Result<i32, AmountError> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(AmountError::Syntax);
    }
    let magnitude = digits
        .iter()
        .fold(0i32, |sum, digit| sum.saturating_mul(10).saturating_add(i32::from(digit - b'0')).min(1_000_000));
    Ok(if negative { -magnitude } else { magnitude })
}

/// Decimal dollars with twelve places: `12.000000000001`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, magnitude) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let unit = u128::from(PICO_PER_USD);
        write!(f, "{sign}{}.{:0width$}", magnitude / unit, magnitude % unit, width = PLACES)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Money::from(*self).fmt(f)
    }
}

impl From<Cost> for Money {
    fn from(cost: Cost) -> Money {
        Money(i128::from(cost.0))
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        self.0 += other.0;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        self.0 -= other.0;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(items: I) -> Money {
        items.fold(Money::ZERO, Add::add)
    }
}

/// Decimal text, so that no reader makes a float of it.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        Money::parse(text.as_bytes()).map_err(D::Error::custom)
    }
}

/// Decimal text, so that no reader makes a float of it.
impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cost, D::Error> {
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        Cost::parse(text.as_bytes()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pico(text: &str) -> Result<i128, AmountError> {
        Money::parse(text.as_bytes()).map(Money::pico)
    }

    #[test]
    fn reads_what_logs_print() {
        assert_eq!(pico("0.02306055"), Ok(23_060_550_000));
        assert_eq!(pico("5e-07"), Ok(500_000));
        assert_eq!(pico("2.55E-8"), Ok(25_500));
        assert_eq!(pico("1.5e3"), Ok(1_500_000_000_000_000));
        assert_eq!(pico("-10.00"), Ok(-10_000_000_000_000));
        assert_eq!(pico(".5"), Ok(500_000_000_000));
        assert_eq!(pico("0.007272000000000001"), Ok(7_272_000_000));
    }

    #[test]
    fn ties_go_to_the_even_pico_dollar() {
        assert_eq!(pico("0.0000000000005"), Ok(0));
        assert_eq!(pico("0.0000000000015"), Ok(2));
        assert_eq!(pico("0.0000000000025"), Ok(2));
        assert_eq!(pico("0.00000000000250000000000000000000000000000000000001"), Ok(3));
        assert_eq!(pico("1e-400"), Ok(0));
    }

    #[test]
    fn parts_of_a_dollar_are_exact() {
        let parts = |text: &str, places| Cost::parse_parts(text.as_bytes(), places).map(Cost::pico);
        assert_eq!(parts("1.5", 2), Ok(15_000_000_000));
        assert_eq!(parts("23060.55", 6), Ok(23_060_550_000));
        assert_eq!(parts("2.5e-9", 2), Ok(25));
        assert_eq!(parts("0.00000000005", 2), Ok(0), "half a pico-dollar goes to the even one");
        assert_eq!(parts("0.00000000015", 2), Ok(2));
        assert_eq!(parts("7", 9), Ok(7_000));
        assert_eq!(parts("-1", 2), Err(AmountError::Negative));
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", "-", ".", "1.2.3", "1e", "1e+", "NaN", "inf", "0x1", "1 ", " 1", "1_0"] {
            assert_eq!(pico(text), Err(AmountError::Syntax), "{text:?}");
        }
        assert_eq!(pico("1e400"), Err(AmountError::TooLarge));
        assert_eq!(Cost::parse(b"-0.1"), Err(AmountError::Negative));
        assert_eq!(Cost::parse(b"-0"), Ok(Cost::ZERO));
        assert_eq!(Cost::parse(b"18446745"), Err(AmountError::TooLarge));
    }

    proptest! {
        #[test]
        fn the_short_way_is_the_long_way(text in r"[0-9]{0,8}\.?[0-9]{0,14}") {
            if let Some(pico) = parse_short(text.as_bytes()) {
                prop_assert_eq!(parse_scaled(text.as_bytes(), 0), Ok(i128::from(pico)));
            }
        }

        #[test]
        fn what_is_printed_reads_back(value in -(10i128.pow(30))..10i128.pow(30)) {
            let money = Money::from_pico(value);
            prop_assert_eq!(Money::parse(money.to_string().as_bytes()), Ok(money));
        }
    }
}
