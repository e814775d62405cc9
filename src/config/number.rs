//! Exact numbers: the decimal text of a configuration enters, a scaled integer leaves. Nothing is rounded; what does not fit is refused.

/// Why a text is not a number of the wanted fineness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NumberError {
    /// Not decimal digits with an optional point and exponent.
    #[error("not a decimal number")]
    Syntax,
    /// Below zero.
    #[error("negative")]
    Negative,
    /// More decimal places than are kept.
    #[error("too fine")]
    TooFine,
    /// More than fits.
    #[error("too large")]
    TooLarge,
}

/// `text` times 10^`places`, exactly.
pub(super) fn scaled(text: &str, places: i32) -> Result<u64, NumberError> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().map_err(|_| NumberError::Syntax)?),
        None => (text, 0),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(part.bytes());
    if digits().next().is_none() || !digits().all(|digit| digit.is_ascii_digit()) {
        return Err(NumberError::Syntax);
    }
    let significant: Vec<u8> = digits().skip_while(|digit| *digit == b'0').collect();
    let Some(last) = significant.iter().rposition(|digit| *digit != b'0') else { return Ok(0) };
    if negative {
        return Err(NumberError::Negative);
    }
    let trailing = significant.len() - 1 - last;
    let length = |count: usize| i64::try_from(count).map_err(|_| NumberError::TooFine);
    let shift = i64::from(places) + i64::from(exponent) - length(part.len())? + length(trailing)?;
    let shift = u32::try_from(shift).map_err(|_| NumberError::TooFine)?;
    let mut value: u64 = 0;
    for digit in &significant[..=last] {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(digit - b'0')))
            .ok_or(NumberError::TooLarge)?;
    }
    10u64.checked_pow(shift).and_then(|factor| value.checked_mul(factor)).ok_or(NumberError::TooLarge)
}

/// The decimal text of `value` times 10^-`places`, with at least `least` places: the reverse of [`scaled`].
pub(super) fn decimal(value: u64, places: usize, least: usize) -> String {
    let unit = 10u64.pow(places as u32);
    let part = format!("{:0places$}", value % unit);
    let kept = part.trim_end_matches('0').len().max(least);
    format!("{}.{}", value / unit, &part[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_rounded() {
        assert_eq!(scaled("600.00", 12), Ok(600_000_000_000_000));
        assert_eq!(scaled("0.1", 6), Ok(100_000));
        assert_eq!(scaled("1e-3", 6), Ok(1_000));
        assert_eq!(scaled("+1.50E2", 0), Ok(150));
        assert_eq!(scaled("100e-2", 0), Ok(1));
        assert_eq!(scaled("0.0000010", 6), Ok(1));
        assert_eq!(scaled("0.00000010", 6), Err(NumberError::TooFine));
        assert_eq!(scaled("-0.0", 6), Ok(0));
        assert_eq!(scaled("-1", 6), Err(NumberError::Negative));
        assert_eq!(scaled("18446744.073709551615", 12), Ok(u64::MAX));
        assert_eq!(scaled("18446744.073709551616", 12), Err(NumberError::TooLarge));
        assert_eq!(scaled("1e400", 6), Err(NumberError::TooLarge));
        for text in ["", ".", "inf", "nan", "0x10", "1_0", "$5", "1.2.3", "1e", "--1", "1,5"] {
            assert_eq!(scaled(text, 6), Err(NumberError::Syntax), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(value: u64, places in 0u8..13) {
            prop_assert_eq!(scaled(&decimal(value, places.into(), 0), places.into()), Ok(value));
            prop_assert_eq!(scaled(&decimal(value, places.max(2).into(), 2), places.max(2).into()), Ok(value));
        }
    }
}
