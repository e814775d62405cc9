//! What is compared: counts and money by name. Sums are whole numbers; money is in pico-dollars. Nothing is rounded but what is shown.

use std::collections::BTreeMap;

use crate::money::Money;
use crate::output::figures::dollars;
use crate::output::text::count;

/// One figure of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Model requests.
    Requests,
    /// Uncached input.
    Input,
    /// Cache reads.
    CacheRead,
    /// Cache writes of any duration, where the report does not tell them apart.
    CacheWrite,
    /// Five-minute writes.
    CacheWrite5m,
    /// One-hour writes.
    CacheWrite1h,
    /// Output, reasoning included.
    Output,
    /// Web searches.
    Searches,
    /// Pico-dollars.
    Cost,
}

impl Figure {
    /// The key of the JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Figure::Requests => "requests",
            Figure::Input => "input_tokens",
            Figure::CacheRead => "cache_read_tokens",
            Figure::CacheWrite => "cache_write_tokens",
            Figure::CacheWrite5m => "cache_write_5m_tokens",
            Figure::CacheWrite1h => "cache_write_1h_tokens",
            Figure::Output => "output_tokens",
            Figure::Searches => "web_searches",
            Figure::Cost => "cost_usd",
        }
    }

    /// The word of the table.
    pub const fn title(self) -> &'static str {
        match self {
            Figure::Requests => "requests",
            Figure::Input => "input",
            Figure::CacheRead => "cache read",
            Figure::CacheWrite => "cache write",
            Figure::CacheWrite5m => "cache write 5m",
            Figure::CacheWrite1h => "cache write 1h",
            Figure::Output => "output",
            Figure::Searches => "web searches",
            Figure::Cost => "cost",
        }
    }

    /// An amount as the table shows it.
    pub fn show(self, value: i128) -> String {
        if self == Figure::Cost {
            let text = Money::from_pico(value).to_string();
            return text.strip_prefix('-').map_or_else(|| dollars(&text), |text| format!("-{}", dollars(text)));
        }
        let sign = if value < 0 { "-" } else { "" };
        format!("{sign}{}", count(u64::try_from(value.unsigned_abs()).unwrap_or(u64::MAX)))
    }
}

/// Figures by name.
pub type Sums = BTreeMap<Figure, i128>;

/// Adds `more` to `sums`.
pub fn add(sums: &mut Sums, more: &Sums) {
    for (figure, value) in more {
        *sums.entry(*figure).or_default() += value;
    }
}

/// A part of the whole that a difference may have, in millionths: 1 % is 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance(pub u32);

impl Tolerance {
    /// Reads `1%`, `0.5%` or `0`; to a ten-thousandth of a percent.
    pub fn parse(text: &str) -> Result<Tolerance, String> {
        let refuse = || format!("'{text}' is no tolerance: write a percentage from 0% to 100%, such as 1%");
        let number = text.strip_suffix('%').unwrap_or(text).trim();
        let percent = Money::parse(number.as_bytes()).map_err(|_| refuse())?.pico();
        // A percent is 10,000 millionths; a pico-unit of it is 10^-8 of one.
        let (millionths, rest) = (percent / 100_000_000, percent % 100_000_000);
        u32::try_from(millionths).ok().filter(|it| *it <= 1_000_000 && rest == 0).map(Tolerance).ok_or_else(refuse)
    }

    /// Whether the two are close enough, seen from `theirs`.
    pub fn holds(self, theirs: i128, ours: i128) -> bool {
        let difference = (ours - theirs).unsigned_abs();
        difference.saturating_mul(1_000_000) <= u128::from(self.0).saturating_mul(theirs.unsigned_abs())
    }

    /// In percent: `1`, `0.5`.
    pub fn percent(self) -> String {
        let text = format!("{}.{:04}", self.0 / 10_000, self.0 % 10_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// `ours` less `theirs` in percent of `theirs`, to a hundredth: `+1.25`; `None` where there is nothing to compare with.
pub fn percent(theirs: i128, ours: i128) -> Option<String> {
    let (difference, whole) = ((ours - theirs).unsigned_abs(), theirs.unsigned_abs());
    let hundredths = difference.checked_mul(20_000)?.checked_add(whole)?.checked_div(whole.checked_mul(2)?)?;
    let sign = match ours.cmp(&theirs) {
        std::cmp::Ordering::Less => "-",
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Greater => "+",
    };
    let is_lost = hundredths == 0 && difference > 0;
    Some(if is_lost { format!("{sign}<0.01") } else { format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_a_percentage() {
        let parse = |text| Tolerance::parse(text).map(|it| it.0).ok();
        assert_eq!(
            [parse("1%"), parse("0.5 %"), parse("0"), parse("100%")],
            [Some(10_000), Some(5_000), Some(0), Some(1_000_000)]
        );
        assert_eq!([parse("-1%"), parse("101%"), parse("x"), parse("0.00001%"), parse("")], [None; 5]);
        assert_eq!(Tolerance(5_000).percent(), "0.5");
        assert!(Tolerance(10_000).holds(1_000, 990) && !Tolerance(10_000).holds(1_000, 989));
        assert!(Tolerance(0).holds(0, 0) && !Tolerance(1_000_000).holds(0, 1));
    }

    #[test]
    fn percents_have_a_sign_and_never_vanish() {
        assert_eq!(percent(1_000, 1_012).as_deref(), Some("+1.20"));
        assert_eq!(percent(1_000_000, 999_999).as_deref(), Some("-<0.01"));
        assert_eq!(percent(5, 5).as_deref(), Some("0.00"));
        assert_eq!(percent(0, 5), None);
    }
}
