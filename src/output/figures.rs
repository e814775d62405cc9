//! Dollars, counts and names as plain text. Exact figures and raw bytes enter, text that is safe to print leaves; nothing is rounded.

use std::path::Path;

use crate::label::{clean, redact};
use crate::money::{Cost, Money};
use crate::price::Table;
use crate::price::entry::ModelPrice;
use crate::price::names::Step;

/// Longest id that is printed, in bytes; of longer ones the beginning shows, and their length.
const MAX_ID: usize = 256;

/// Decimal dollars with every place that is not zero, but at least cents: `$5.00`, `$0.00121`.
pub fn dollars(decimal: &str) -> String {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    format!("${whole}.{:0<2}", fraction.trim_end_matches('0'))
}

/// A cost, as [`dollars`].
pub fn cost(cost: Cost) -> String {
    dollars(&cost.to_string())
}

/// A difference with its sign: `+$0.01`.
pub fn difference(money: Money) -> String {
    let text = money.to_string();
    match text.strip_prefix('-') {
        Some(text) => format!("-{}", dollars(text)),
        None => format!("+{}", dollars(&text)),
    }
}

/// `part` of `whole` in signed percent, to the nearest tenth: `+1.2%`; `None` where there is no whole.
pub fn signed_percent(part: Money, whole: Cost) -> Option<String> {
    let (part_pico, whole) = (part.pico().unsigned_abs(), u128::from(whole.pico()));
    let thousandths = part_pico.checked_mul(2000)?.checked_add(whole)?.checked_div(whole.checked_mul(2)?)?;
    let sign = if part < Money::ZERO { '-' } else { '+' };
    Some(match thousandths {
        0 => format!("{sign}<0.1%"),
        _ => format!("{sign}{}.{}%", thousandths / 10, thousandths % 10),
    })
}

/// An id as it stands, byte for byte; what is not printable ASCII is escaped, and a credential replaced.
pub fn id(bytes: &[u8]) -> String {
    let bytes = &*redact(bytes);
    match bytes.get(..MAX_ID) {
        Some(head) if bytes.len() > MAX_ID => format!("{}… ({} bytes)", head.escape_ascii(), bytes.len()),
        _ => bytes.escape_ascii().to_string(),
    }
}

/// A path with its names cleaned one by one.
pub fn path(path: &Path) -> String {
    path.to_string_lossy().split('/').map(clean).collect::<Vec<_>>().join("/")
}

/// How a prompt comes under the rates of long context: at the threshold with xAI, beyond it elsewhere (docs/prices.md).
pub fn crossing(price: Option<&ModelPrice>) -> (&'static str, &'static str) {
    if price.is_some_and(|price| price.provider == "xai") { ("from", "reaches") } else { ("above", "passes") }
}

/// Which table a price comes from.
pub fn table(table: &Table) -> String {
    match table {
        Table::File(file) => format!("price file {}", path(file)),
        Table::Configuration | Table::Embedded => table.to_string(),
    }
}

/// How a log's name led to a table's, each step.
pub fn steps(steps: &[Step]) -> String {
    steps.iter().map(Step::to_string).collect::<Vec<_>>().join(", then ")
}

/// `1 line`, `2 lines`.
pub fn number_of(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", crate::output::text::count(count), if count == 1 { one } else { many })
}

/// Rows of cells as aligned text: the first column to the left, the others as `right` says; nothing hangs over at the end.
pub fn aligned(rows: &[Vec<String>], right: &[bool], gap: &str) -> Vec<String> {
    let width = |text: &String| crate::output::text::width(text);
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..columns).map(|at| rows.iter().filter_map(|row| row.get(at)).map(width).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let mut text = String::new();
        for (at, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths[at].saturating_sub(width(cell)));
            let is_right = right.get(at).copied().unwrap_or(false);
            let parts = if is_right { [pad.as_str(), cell.as_str()] } else { [cell.as_str(), pad.as_str()] };
            text.extend(parts);
            if at + 1 < row.len() {
                text.push_str(gap);
            }
        }
        text.truncate(text.trim_end().len());
        text
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_keep_every_place_and_show_cents() {
        for (decimal, text) in [("5", "$5.00"), ("0.5", "$0.50"), ("0.000242", "$0.000242"), ("1.100000", "$1.10")] {
            assert_eq!(dollars(decimal), text);
        }
        assert_eq!(cost(Cost::from_pico(1)), "$0.000000000001");
        assert_eq!(difference(Money::from_pico(-10_000_000_000)), "-$0.01");
    }

    #[test]
    fn percent_is_signed_and_never_vanishes() {
        let percent = |part: i128, whole| signed_percent(Money::from_pico(part), Cost::from_pico(whole));
        assert_eq!(percent(12, 1000).as_deref(), Some("+1.2%"));
        assert_eq!(percent(-1, 100_000).as_deref(), Some("-<0.1%"));
        assert_eq!(percent(10, 190).as_deref(), Some("+5.3%"));
        assert_eq!(percent(1, 0), None);
    }

    #[test]
    fn no_byte_of_an_id_moves_a_cursor() {
        let every: Vec<u8> = (0..=255).collect();
        assert!(id(&every).bytes().all(|byte| (0x20..0x7f).contains(&byte)));
        assert!(id(&[b'x'; 5000]).ends_with("x… (5000 bytes)"));
        assert_eq!(path(Path::new("logs/a\x1b[2J.jsonl")), "logs/a\u{fffd}[2J.jsonl");
    }
}
