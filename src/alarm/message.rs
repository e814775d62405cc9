//! What an alarm says: amounts and periods enter, one plain sentence leaves.

use crate::label::Label;
use crate::money::{Money, PICO_PER_USD};
use crate::time::{Period, Timestamp, Zone};

/// `everything passed 100 % of $600.00 today: $603.18 spent`; `closed`: the period had ended when the charge came.
pub(super) fn of_all(
    budget: &Label,
    amounts: &str,
    spent: &str,
    (period, start): (Period, Timestamp),
    closed: bool,
    zone: Zone,
) -> String {
    let when = match (period, closed) {
        (Period::Hour, false) => "this hour".to_owned(),
        (Period::Day, false) => "today".to_owned(),
        (Period::Week, false) => "this week".to_owned(),
        (Period::Month, false) => "this month".to_owned(),
        (Period::Hour, true) => zone.format(start, "in the hour from %Y-%m-%d %H:%M"),
        (Period::Day, true) => zone.format(start, "on %Y-%m-%d"),
        (Period::Week, true) => zone.format(start, "in the week of %Y-%m-%d"),
        (Period::Month, true) => zone.format(start, "in %Y-%m"),
    };
    format!("{budget} passed {amounts} {when}: {spent}")
}

/// `ci-evals passed 80 % of $150.00 (each user, day): $121.40 spent`.
pub(super) fn of_one(key: &Label, budget: &Label, amounts: &str, spent: &str, period: &str) -> String {
    format!("{key} passed {amounts} ({budget}, {period}): {spent}")
}

/// `$603.18 spent`; of datagrams, some of which the kernel may have dropped, `at least $603.18 spent (UDP loses some)`.
pub(super) fn spent_so_far(spent: Money, is_lower_bound: bool) -> String {
    let spent = dollars(spent);
    if is_lower_bound { format!("at least {spent} spent (UDP loses some)") } else { format!("{spent} spent") }
}

/// `80 % of $150.00`.
pub(super) fn part_of(millionths: u32, limit: Money) -> String {
    let (whole, part) = (millionths / 10_000, millionths % 10_000);
    let part = format!(".{part:04}");
    format!("{whole}{} % of {}", part.trim_end_matches('0').trim_end_matches('.'), dollars(limit))
}

/// Dollars for reading: cents from a dollar on, below as many places as it takes to see something. Cut, not rounded: never more than is true.
pub(super) fn dollars(money: Money) -> String {
    let (sign, pico) = (if money.pico() < 0 { "-" } else { "" }, money.pico().unsigned_abs());
    let (whole, part) = (pico / u128::from(PICO_PER_USD), pico % u128::from(PICO_PER_USD));
    let part = format!("{part:012}");
    let places = if whole > 0 {
        2
    } else {
        let zeros = part.bytes().take_while(|digit| *digit == b'0').count();
        // Two digits that say something, at least four places; trailing zeros go.
        part[..(zeros + 2).clamp(4, 12)].trim_end_matches('0').len().max(2)
    };
    let digits = whole.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}${grouped}.{}", &part[..places])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well_at_any_size() {
        for (text, shown) in [
            ("603.18", "$603.18"),
            ("1234567.899", "$1,234,567.89"),
            ("1", "$1.00"),
            ("0", "$0.00"),
            ("0.5", "$0.50"),
            ("0.12345", "$0.1234"),
            ("0.00001234", "$0.000012"),
            ("0.000000000001", "$0.000000000001"),
            ("-3.5", "-$3.50"),
        ] {
            assert_eq!(dollars(Money::parse(text.as_bytes()).unwrap()), shown);
        }
        assert_eq!(part_of(800_000, Money::parse(b"150").unwrap()), "80 % of $150.00");
        assert_eq!(part_of(1_200_000, Money::parse(b"150").unwrap()), "120 % of $150.00");
        assert_eq!(part_of(125_000, Money::parse(b"150").unwrap()), "12.5 % of $150.00");
    }
}
