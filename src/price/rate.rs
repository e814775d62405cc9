//! Rates and ratios, exact: decimal text enters, integers leave. Nothing is rounded here below 10^-18 dollars.

use std::fmt;

/// Decimal places of a dollar that a rate resolves.
const PLACES: i32 = 18;
/// Attodollars in one dollar.
const ATTO_PER_USD: u64 = 1_000_000_000_000_000_000;

/// Dollars per token (or per call), in units of 10^-18 dollars; at most one dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

impl Rate {
    /// Costs nothing, by a statement of the table.
    pub const ZERO: Rate = Rate(0);

    /// `pico` pico-dollars per token, capped at a dollar.
    #[must_use]
    pub const fn from_pico(pico: u64) -> Rate {
        let atto = pico.saturating_mul(1_000_000);
        Rate(if atto > ATTO_PER_USD { ATTO_PER_USD } else { atto })
    }

    /// Units of 10^-18 dollars.
    #[must_use]
    pub const fn atto(self) -> u64 {
        self.0
    }

    /// Reads decimal dollars, half-even at 10^-18: that is where a price map's float noise (`8.000000000000001e-07`) ends.
    /// `None` for anything else, for negative values and for more than a dollar.
    #[must_use]
    pub fn parse(text: &str) -> Option<Rate> {
        parse_scaled(text.trim(), PLACES)
            .and_then(|atto| u64::try_from(atto).ok())
            .filter(|atto| *atto <= ATTO_PER_USD)
            .map(Rate)
    }

    /// Reads dollars per million tokens, as [`Rate::per_million`] writes them.
    #[must_use]
    pub fn parse_per_million(text: &str) -> Option<Rate> {
        parse_scaled(text, PLACES - 6).and_then(|atto| u64::try_from(atto).ok()).map(Rate)
    }

    /// Dollars per million tokens, every place that is not zero.
    #[must_use]
    pub fn per_million(self) -> String {
        decimal(self.0, 12)
    }

    /// Dollars per call, every place that is not zero.
    #[must_use]
    pub fn per_call(self) -> String {
        decimal(self.0, 18)
    }
}

/// A positive fraction in lowest terms: an uplift (11/10) or what a discount leaves (23/25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ratio {
    /// Numerator.
    pub num: u64,
    /// Denominator, never 0.
    pub den: u64,
}

impl Ratio {
    /// Changes nothing.
    pub const ONE: Ratio = Ratio { num: 1, den: 1 };

    /// `num / den` in lowest terms; a zero denominator gives [`Ratio::ONE`].
    #[must_use]
    pub fn new(num: u64, den: u64) -> Ratio {
        let divisor = gcd(num, den);
        if den == 0 { Ratio::ONE } else { Ratio { num: num / divisor, den: den / divisor } }
    }

    /// Reads a decimal factor to a millionth, at most 1,000.
    #[must_use]
    pub fn parse(text: &str) -> Option<Ratio> {
        let millionths = u64::try_from(parse_scaled(text.trim(), 6)?).ok()?;
        (millionths <= 1_000_000_000).then(|| Ratio::new(millionths, 1_000_000))
    }

    /// Both factors one after another.
    #[must_use]
    pub fn times(self, other: Ratio) -> Ratio {
        Ratio::new(self.num.saturating_mul(other.num), self.den.saturating_mul(other.den))
    }
}

/// As a decimal factor, to a millionth: `1.1`.
impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(self.num.saturating_mul(1_000_000) / self.den, 6))
    }
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    if a == 0 { 1 } else { a }
}

/// `value` × 10^-`places`, without trailing zeros.
fn decimal(value: u64, places: u32) -> String {
    let unit = 10u64.pow(places);
    let fraction = format!("{:0width$}", value % unit, width = places as usize);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{}{dot}{fraction}", value / unit)
}

/// Unsigned decimal text with an optional exponent, times 10^`places`, half-even.
fn parse_scaled(text: &str, places: i32) -> Option<u128> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = whole.len() + fraction.len();
    if digits == 0 || digits > 30 || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mantissa: u128 = format!("{whole}{fraction}").parse().ok()?;
    if mantissa == 0 {
        return Some(0);
    }
    let shift = places.checked_add(exponent)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    if shift >= 0 {
        return mantissa.checked_mul(10u128.checked_pow(shift.unsigned_abs())?);
    }
    let Some(divisor) = 10u128.checked_pow(shift.unsigned_abs()) else { return Some(0) };
    Some(divide_half_even(mantissa, divisor))
}

/// `value / divisor`, to the nearest, ties to even.
pub(super) fn divide_half_even(value: u128, divisor: u128) -> u128 {
    // One bill's half-attodollars fit into 64 bits up to nine dollars, and dividing those is ten times as fast.
    let (quotient, rest) = match (u64::try_from(value), u64::try_from(divisor)) {
        (Ok(value), Ok(divisor)) => (u128::from(value / divisor), u128::from(value % divisor)),
        _ => (value / divisor, value % divisor),
    };
    let twice = rest * 2;
    quotient + u128::from(twice > divisor || (twice == divisor && quotient % 2 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_price_maps_write() {
        assert_eq!(Rate::parse("5e-07").map(Rate::atto), Some(500_000_000_000));
        assert_eq!(Rate::parse("0.000015000020000000002").map(Rate::atto), Some(15_000_020_000_000));
        assert_eq!(Rate::parse("8.000000000000001e-07"), Rate::parse("0.0000008"));
        assert_eq!(Rate::parse("2.55e-8").map(Rate::per_million).as_deref(), Some("0.0255"));
        assert_eq!(Rate::parse("0.035").map(Rate::per_call).as_deref(), Some("0.035"));
        for text in ["", "-1", "1.5.2", "x", "1e", "2", "1e400", "NaN"] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ratios_are_reduced() {
        assert_eq!(Ratio::parse("1.1"), Some(Ratio { num: 11, den: 10 }));
        assert_eq!(Ratio::parse("2.0").map(|ratio| ratio.to_string()).as_deref(), Some("2"));
        assert_eq!(Ratio::new(92_000_000, 100_000_000), Ratio { num: 23, den: 25 });
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(atto in 0..=ATTO_PER_USD) {
            let rate = Rate(atto);
            prop_assert_eq!(Rate::parse_per_million(&rate.per_million()), Some(rate));
            prop_assert_eq!(Rate::parse(&rate.per_call()), Some(rate));
        }

        /// A JSON reader keeps a rate as a float; its shortest text gives the same rate as the text that stood in the file.
        #[test]
        fn a_float_loses_nothing_of_a_rate(digits in 1u64..10u64.pow(15), exponent in -24i32..-17) {
            let text = format!("{digits}e{exponent}");
            let float: f64 = text.parse().unwrap();
            prop_assert_eq!(Rate::parse(&format!("{float:e}")), Rate::parse(&text));
        }
    }
}
