//! How a name was looked for: the rules that were tried, what each came to, and the prices that did not count. Names enter, rows of text leave.

use crate::config::Validity;
use crate::label::clean;
use crate::output::figures::{aligned, table};
use crate::output::rates::{Row, figure};
use crate::output::text::when;
use crate::price::entry::Kind;
use crate::price::names::{Attempt, Wanted};
use crate::price::{ModelListing, PriceBook};
use crate::time::{Timestamp, Zone};

/// Names that one rule made and that are shown; the others are counted.
const SHOWN: usize = 4;

/// The search step by step, and every other price of the same name.
pub fn rows(
    book: &PriceBook,
    wanted: &Wanted<'_>,
    at: Timestamp,
    found: Option<&ModelListing>,
    zone: Zone,
) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(model) = book.alias(wanted) {
        rows.push(("alias", format!("[prices.alias] says it means '{}'", clean(model))));
    }
    if found.is_none_or(|found| !found.steps.is_empty()) {
        let tried: Vec<Vec<String>> = book
            .trace(wanted, Some(at))
            .iter()
            .enumerate()
            .map(|(place, attempt)| vec![(place + 1).to_string(), attempt.rule.to_string(), outcome(attempt)])
            .collect();
        let mut word = "tried";
        for line in aligned(&tried, &[], "  ") {
            rows.push((std::mem::take(&mut word), line));
        }
    }
    let Some(found) = found else { return rows };
    if found.valid != Validity::default() {
        rows.push(("holds", span(found.valid, zone)));
    }
    let mut word = "also";
    let mut is_stronger = true;
    for other in book.everywhere(&found.name) {
        let is_own_table = other.table == found.table;
        if is_own_table {
            is_stronger = false;
            if other.valid == found.valid {
                continue;
            }
        }
        let why = if is_own_table || is_stronger { "holds at other times" } else { "a weaker table" };
        let rate = |kind| other.price.rate(kind, 0, "").map_or_else(|| "-".to_owned(), |it| figure(&it.per_million()));
        let rates = format!("input {}, output {}", rate(Kind::Input), rate(Kind::Output));
        let when =
            if other.valid == Validity::default() { String::new() } else { format!(" {}", span(other.valid, zone)) };
        rows.push((std::mem::take(&mut word), format!("{rates} in the {}{when}: {why}", table(&other.table))));
    }
    rows
}

/// What a rule came to.
fn outcome(attempt: &Attempt) -> String {
    if let Some(why) = attempt.kept {
        return why.to_owned();
    }
    if attempt.names.is_empty() {
        return "makes no other name".to_owned();
    }
    let found_at = attempt.names.iter().position(|name| Some(name) == attempt.found.as_ref());
    let missed = &attempt.names[..found_at.unwrap_or(attempt.names.len())];
    let shown = missed.iter().take(SHOWN).map(|name| clean(name).into_owned()).collect::<Vec<_>>().join(", ");
    let more = missed.len().saturating_sub(SHOWN);
    let text = if more == 0 { shown } else { format!("{shown} and {more} more") };
    match (&attempt.found, missed.len()) {
        (Some(found), 0) => format!("{}: found", clean(found)),
        (Some(found), _) => format!("{text}: in no table; {}: found", clean(found)),
        (None, _) => format!("{text}: in no table"),
    }
}

/// `from 2026-01-01 00:00 until 2026-03-01 00:00`.
fn span(valid: Validity, zone: Zone) -> String {
    let bounds = [("from", valid.from), ("until", valid.until)];
    let text = bounds.into_iter().filter_map(|(word, time)| Some(format!("{word} {}", when(time?, zone))));
    text.collect::<Vec<_>>().join(" ")
}
