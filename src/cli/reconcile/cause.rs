//! Why theirs and ours differ, as far as figures tell: a comparison enters, sentences leave. Each is a likelihood, and says what to try.

use super::By;
use super::compare::{Comparison, Row};
use super::export::Kind;
use super::figure::{Figure, Tolerance, percent};
use super::ours::FARTHEST_ZONE_HOURS;
use crate::label::clean;
use crate::time::{DAY_MS, Timestamp, Zone};

/// Figures as near as this are the same figure counted in another way, whatever the tolerance: a tenth of a percent.
const SAME: Tolerance = Tolerance(1_000);
/// Keys of rows that a sentence names.
const SHOWN: usize = 3;

/// A likely cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The word of the JSON.
    pub name: &'static str,
    /// How many rows it would explain; 0: it is about the whole.
    pub rows: usize,
    /// What, and what to try.
    pub text: String,
}

/// Likely causes, those about the whole first, then those of most rows.
pub fn likely(comparison: &Comparison, tolerance: Tolerance, zone: Zone, now: Timestamp) -> Vec<Cause> {
    let mut causes = Vec::new();
    let batches = comparison.total.ours.as_ref().map_or(0, |own| own.batches);
    if comparison.their_batches && batches == 0 {
        let text = "they have batch requests, our logs mark none: our costs of them are twice theirs; give the batch result files, or tier = \"batch\"";
        causes.push(Cause { name: "batch_rate", rows: 0, text: text.to_owned() });
    }
    if comparison.is_within(tolerance) {
        return causes;
    }
    causes.extend(whole(comparison, now));
    let shift = day_boundary(comparison, tolerance);
    if let Some(hours) = shift {
        let text = format!(
            "moved by {hours:+} h, our days are theirs: their days begin at midnight UTC, and times without a zone in our logs were read in {}: \
             check 'timezone', or write times with a zone",
            zone.name()
        );
        causes.push(Cause { name: "day_boundary", rows: 0, text });
        return causes;
    }
    let mut rows: Vec<(&'static str, String, Vec<&Row>)> = Vec::new();
    for row in comparison.past(tolerance) {
        let (name, text) = of_row(comparison, row);
        match rows.iter_mut().find(|(other, ..)| *other == name) {
            Some((.., rows)) => rows.push(row),
            None => rows.push((name, text, vec![row])),
        }
    }
    if rows.is_empty() {
        let (name, text) = of_row(comparison, &comparison.total);
        rows.push((name, text, Vec::new()));
    }
    rows.sort_by_key(|(.., rows)| std::cmp::Reverse(rows.len()));
    causes.extend(rows.into_iter().map(|(name, text, rows)| {
        let mut names: Vec<String> =
            rows.iter().take(SHOWN).map(|row| shown(row)).filter(|it| !it.is_empty()).collect();
        if rows.len() > SHOWN {
            names.push(format!("{} more", rows.len() - SHOWN));
        }
        let names = if names.is_empty() { String::new() } else { format!("{}: ", names.join(", ")) };
        Cause { name, rows: rows.len(), text: format!("{names}{text}") }
    }));
    causes
}

/// Causes that no row shows.
fn whole(comparison: &Comparison, now: Timestamp) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut say = |name, text| causes.push(Cause { name, rows: 0, text });
    if comparison.is_cut {
        say("missing_page", "the last page says has_more: fetch the next pages too, with page=NEXT_PAGE".to_owned());
    }
    let (since, until) = (comparison.since, comparison.until);
    match comparison.reach {
        None => say("no_logs", "our logs hold no charge at all: name the SOURCE that has them".to_owned()),
        Some((first, last)) if last < since || first >= until => say(
            "log_span",
            format!("our logs reach from {first} to {last}, the report from {since} to {until}: no day is in both"),
        ),
        Some((first, last)) => {
            // A quiet night at either end is no gap.
            if first.ms() - since.ms() >= DAY_MS {
                say("log_span", format!("our logs begin at {first}, the report at {since}: add the older logs"));
            }
            if until.ms() - last.ms() > DAY_MS && until <= now {
                say("log_span", format!("our logs end at {last}, the report at {until}: add the newer logs"));
            }
        }
    }
    if until > now {
        say("open_bucket", format!("the last bucket ends at {until}, after now: providers are hours late, ask again"));
    }
    if let Some(place) = comparison.by.iter().position(|by| *by == By::Key) {
        let has_both = comparison.rows.iter().any(|row| row.theirs.is_some() && row.ours.is_some());
        let their_key = comparison.rows.iter().find(|row| row.theirs.is_some()).and_then(|row| row.key[place].clone());
        if let (false, Some(id)) = (has_both, their_key) {
            say("key_names", format!("no key has the same name on both sides: say --key {}=NAME for each", clean(&id)));
        }
    }
    causes
}

/// The cause of one row: its word, and a sentence without the row's name.
fn of_row(comparison: &Comparison, row: &Row) -> (&'static str, String) {
    match (&row.theirs, &row.ours) {
        (Some(_), None) => (
            "missing_source",
            "they bill it, and no log of ours has it: a SOURCE is missing, or it is not logged".to_owned(),
        ),
        (None, Some(_)) => (
            "not_billed",
            "our logs have it, and they do not bill it: another account or organisation, or another name for the model"
                .to_owned(),
        ),
        _ if comparison.kind == Kind::Cost => of_cost(comparison, row),
        _ => of_usage(row, &comparison.figures),
    }
}

fn of_usage(row: &Row, figures: &[Figure]) -> (&'static str, String) {
    let (theirs, ours) = (|figure| row.theirs(figure), |figure| row.ours(figure));
    let writes =
        |of: &dyn Fn(Figure) -> i128| of(Figure::CacheWrite) + of(Figure::CacheWrite5m) + of(Figure::CacheWrite1h);
    let cache = theirs(Figure::CacheRead) + writes(&theirs);
    let input = theirs(Figure::Input);
    if cache > 0 && !SAME.holds(input, ours(Figure::Input)) {
        let read = theirs(Figure::CacheRead);
        if [cache, read].iter().any(|cache| SAME.holds(input + cache, ours(Figure::Input))) {
            let text = "our input is theirs with the cache tokens in it: the log counts them inside its input and they were added once more";
            return ("cache_inside", text.to_owned());
        }
        if [cache, read].iter().any(|cache| SAME.holds((input - cache).max(0), ours(Figure::Input))) {
            let text =
                "our input is theirs without the cache tokens: they were taken off an input that did not hold them";
            return ("cache_outside", text.to_owned());
        }
    }
    let others = [Figure::Input, Figure::CacheRead, Figure::Output];
    if others.iter().all(|figure| SAME.holds(theirs(*figure), ours(*figure)))
        && SAME.holds(writes(&theirs), writes(&ours))
        && writes(&theirs) > 0
    {
        let text = "the writes agree, their durations do not: the log does not tell 5-minute from 1-hour writes";
        return ("write_split", text.to_owned());
    }
    let counts: Vec<(i128, i128)> =
        figures.iter().map(|figure| (theirs(*figure), ours(*figure))).filter(|(theirs, _)| *theirs > 0).collect();
    let times = |factor: i128| counts.iter().all(|(theirs, ours)| SAME.holds(theirs * factor, *ours));
    if let Some(factor) = (2..=4).find(|factor| times(*factor)) {
        let text = format!(
            "every figure of ours is {factor} times theirs: the same requests came {factor} times under different ids, or without any"
        );
        return ("counted_twice", text);
    }
    if counts.iter().all(|(theirs, ours)| ours <= theirs) {
        let text = "ours is less in every figure: some of these requests are in no log of ours, or came from a source that is missing";
        return ("missing_source", text.to_owned());
    }
    if counts.iter().all(|(theirs, ours)| ours >= theirs) {
        let text = "ours is more in every figure: requests of another account or organisation are in the logs, or some count twice \
                    because they have no id";
        return ("not_billed", text.to_owned());
    }
    ("unknown", "no known pattern: 'costtop explain' shows how each line was read".to_owned())
}

fn of_cost(comparison: &Comparison, row: &Row) -> (&'static str, String) {
    let (theirs, ours) = (row.theirs(Figure::Cost), row.ours(Figure::Cost));
    let own = row.ours.clone().unwrap_or_default();
    if own.unpriced > 0 {
        let text = format!("{} of our requests have no price: 'costtop prices MODEL' says why", own.unpriced);
        return ("unpriced", text);
    }
    if own.reported_pico > 0 && SAME.holds(theirs, own.computed_pico) {
        let text =
            "the costs that our logs report are off, the table's agree with theirs: use --cost computed".to_owned();
        return ("reported_cost", text);
    }
    if SAME.holds(theirs * 2, ours) && own.batches == 0 {
        let text = "theirs is half of ours: batch requests whose log does not say so: give the batch result files, or tier = \"batch\"";
        return ("batch_rate", text.to_owned());
    }
    let (all_theirs, all_ours) = comparison
        .rows
        .iter()
        .filter(|row| row.theirs.is_some() && row.ours.is_some())
        .fold((0, 0), |(theirs, ours), row| (theirs + row.theirs(Figure::Cost), ours + row.ours(Figure::Cost)));
    // ours × (all theirs / all ours), without losing a digit that matters.
    let scaled = ours.checked_mul(all_theirs).and_then(|product| product.checked_div(all_ours));
    let is_constant = scaled.is_some_and(|scaled| SAME.holds(theirs, scaled));
    if is_constant && all_theirs < all_ours && all_theirs > 0 {
        let off = percent(all_ours, all_theirs).unwrap_or_default();
        let text = format!(
            "theirs is {off} % of ours on every row: a contract discount on list prices: [[prices.discount]] with percent = {}",
            off.trim_start_matches('-')
        );
        return ("discount", text);
    }
    if SAME.holds(theirs * 10, ours * 11) {
        let text = "theirs is 1.1 times ours: a regional factor that the log does not say (inference_geo, data_residency, vertex_location)";
        return ("regional_factor", text.to_owned());
    }
    if is_constant && all_theirs > all_ours {
        let more = percent(all_ours, all_theirs).unwrap_or_default();
        let text = format!(
            "theirs is {more} % of ours on every row: prices that have changed: 'costtop prices MODEL', [prices] files"
        );
        return ("list_price", text);
    }
    let text = "compare the tokens next, with the usage report: where they agree, the price differs ('costtop prices MODEL'); web searches \
                and other tools may be billed apart";
    ("unknown", text.to_owned())
}

/// By how many hours our charges must move for every day to agree; `None` where days agree already, or never do.
fn day_boundary(comparison: &Comparison, tolerance: Tolerance) -> Option<i64> {
    if !comparison.by.contains(&By::Day) || comparison.days.len() < 2 {
        return None;
    }
    let agrees = |shift: i64| {
        comparison.days.iter().all(|(start, theirs)| {
            let ours: i128 = comparison.hours.range(start - shift..start - shift + 24).map(|(_, value)| value).sum();
            tolerance.holds(*theirs, ours)
        })
    };
    if agrees(0) {
        return None;
    }
    (1..=FARTHEST_ZONE_HOURS).flat_map(|hours| [hours, -hours]).find(|shift| agrees(*shift))
}

/// A row's key in a sentence.
fn shown(row: &Row) -> String {
    let parts: Vec<String> =
        row.key.iter().map(|part| part.as_deref().map_or("(none)".into(), clean).into_owned()).collect();
    parts.join(" ")
}
