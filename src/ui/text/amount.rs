//! Amounts of money as people read them. Rounded half up for the eye; what is not zero never reads as zero.

use super::grouped;
use crate::money::{Money, PICO_PER_USD};

/// Whole units of `pico` pico-dollars, rounded half away from zero.
fn rounded(money: Money, pico: i128) -> i128 {
    let magnitude = (money.pico().abs() + pico / 2) / pico;
    if money.pico() < 0 { -magnitude } else { magnitude }
}

const UNIT: i128 = PICO_PER_USD as i128;

/// With two decimals and separators, no sign: `1,234.56`.
fn two_places(money: Money) -> String {
    let cents = rounded(money, UNIT / 100);
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", grouped((cents / 100).abs()), (cents % 100).abs())
}

/// A sum for a figure that stands alone: `$1,234.56`, `$0.011` below ten cents, `<$.001` below a tenth of a cent.
#[must_use]
pub fn dollars(money: Money) -> String {
    let magnitude = money.pico().abs();
    let sign = if money.pico() < 0 { "-" } else { "" };
    if magnitude == 0 || magnitude >= UNIT / 10 {
        let text = two_places(money);
        return match text.strip_prefix('-') {
            Some(positive) => format!("-${positive}"),
            None => format!("${text}"),
        };
    }
    if magnitude < UNIT / 1000 {
        return if money.pico() < 0 { "-<$.001".to_owned() } else { "<$.001".to_owned() };
    }
    format!("{sign}$0.{:03}", rounded(money, UNIT / 1000).abs())
}

/// A sum in a column under `$`: `7.86`, `1,234.56`, `<.01`; without decimals, then in thousands, where `room` is short.
#[must_use]
pub fn amount(money: Money, room: usize) -> String {
    let magnitude = money.pico().abs();
    if magnitude != 0 && magnitude < UNIT / 200 {
        return if money.pico() < 0 { "-<.01".to_owned() } else { "<.01".to_owned() };
    }
    let exact = two_places(money);
    if exact.len() <= room {
        return exact;
    }
    let whole = grouped(rounded(money, UNIT));
    if whole.len() <= room {
        return whole;
    }
    for (unit, letter) in [(1_000, 'k'), (1_000_000, 'M'), (1_000_000_000, 'G'), (1_000_000_000_000, 'T')] {
        let tenths = rounded(money, UNIT * unit / 10);
        let short = format!("{}.{}{letter}", grouped(tenths / 10), (tenths % 10).abs());
        if short.len() <= room {
            return short;
        }
    }
    whole
}

/// A rate in a column under `$/h`: one decimal, `<.1` below five cents, none from a thousand dollars on.
#[must_use]
pub fn per_hour(money: Money, room: usize) -> String {
    let magnitude = money.pico().abs();
    if magnitude != 0 && magnitude < UNIT / 20 {
        return "<.1".to_owned();
    }
    let tenths = rounded(money, UNIT / 10);
    let sign = if tenths < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{}", grouped((tenths / 10).abs()), (tenths % 10).abs());
    if text.len() <= room && magnitude < 1000 * UNIT { text } else { amount_whole(money, room) }
}

fn amount_whole(money: Money, room: usize) -> String {
    let whole = grouped(rounded(money, UNIT));
    if whole.len() <= room { whole } else { amount(money, room) }
}

/// What one request costs, in six columns: `$0.41`, `<$.01`, `$12.30`, `$1,234`.
#[must_use]
pub fn per_request(money: Money) -> String {
    let magnitude = money.pico().abs();
    if magnitude != 0 && magnitude < UNIT / 100 {
        return "<$.01".to_owned();
    }
    format!("${}", amount(money, 5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(text: &str) -> Money {
        Money::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn figures_read_as_people_write_them() {
        for (value, text) in [
            ("1234.56", "$1,234.56"),
            ("0", "$0.00"),
            ("0.0114", "$0.011"),
            ("0.0005", "<$.001"),
            ("0.099", "$0.099"),
            ("88.805", "$88.81"),
            ("-10", "-$10.00"),
            ("999999.999", "$1,000,000.00"),
        ] {
            assert_eq!(dollars(money(value)), text);
        }
    }

    #[test]
    fn columns_stay_in_their_columns() {
        assert_eq!(amount(money("7.86"), 8), "7.86");
        assert_eq!(amount(money("0.004"), 8), "<.01");
        assert_eq!(amount(money("0.005"), 8), "0.01");
        assert_eq!(amount(money("1234567.89"), 9), "1,234,568");
        assert_eq!(amount(money("1234567.89"), 8), "1,234.6k");
        assert_eq!(amount(money("1234567.89"), 5), "1.2M");
        assert_eq!(amount(money("-4.5"), 8), "-4.50");
        assert_eq!(per_hour(money("38.94"), 6), "38.9");
        assert_eq!(per_hour(money("0.01"), 6), "<.1");
        assert_eq!(per_hour(money("0"), 6), "0.0");
        assert_eq!(per_hour(money("2140.4"), 6), "2,140");
        assert_eq!(per_request(money("0.41")), "$0.41");
        assert_eq!(per_request(money("0.009")), "<$.01");
        assert_eq!(per_request(money("1234")), "$1,234");
    }

    proptest! {
        #[test]
        fn nothing_spent_reads_as_zero_and_nothing_else_does(pico in 0i128..10i128.pow(16)) {
            let value = Money::from_pico(pico);
            let zero = |text: &str| text.chars().all(|c| matches!(c, '0' | '.' | '$' | '-'));
            prop_assert_eq!(zero(&dollars(value)), pico == 0);
            prop_assert_eq!(zero(&amount(value, 9)), pico == 0);
            prop_assert_eq!(zero(&per_hour(value, 9)), pico == 0);
            prop_assert_eq!(zero(&per_request(value)), pico == 0);
        }

        #[test]
        fn amounts_fit_six_columns(pico in -10i128.pow(24)..10i128.pow(24)) {
            prop_assert!(amount(Money::from_pico(pico), 7).len() <= 7, "{}", amount(Money::from_pico(pico), 7));
        }
    }
}
