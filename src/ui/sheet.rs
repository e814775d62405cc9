//! What is read and not chosen from: a session, a charge, its price and its source as lines of label and value. A snapshot enters, lines
//! leave, cut to no width but wrapped where they are sentences.

pub mod over;

use super::layout::Panel;
use super::snapshot::{OpenCharge, Snapshot, SourceLine};
use super::text::{self, UNKNOWN};
use super::theme::Role;
use crate::engine::bill::CostSource;
use crate::engine::view::{By, SessionFacts, View};
use crate::label::clean;
use crate::money::{Cost, Money};
use crate::time::{Timestamp, Zone};
use crate::usage::Origin;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A label and a value at its side.
    Fact(&'static str, String, Role),
    /// A label of the log's and a value at its side.
    Named(String, String),
    /// A term of a bill: name, count and rate, dollars at the right.
    Term(String, String, String, Role),
    /// A sentence, or part of one.
    Words(String, Role),
    /// Nothing.
    Blank,
}

/// The lines of a panel that is read only, for `width` columns.
#[must_use]
pub fn lines(panel: Panel, snapshot: &Snapshot, width: usize) -> Vec<Line> {
    match (panel, &snapshot.open) {
        (Panel::Facts, _) => {
            snapshot.view.session.as_ref().map_or_else(Vec::new, |facts| session(facts, &snapshot.view, snapshot.zone))
        }
        (Panel::Request, Some(open)) => request(open, snapshot.zone),
        (Panel::Terms, Some(open)) => terms(open, width),
        (Panel::Origin, Some(open)) => origin(open, width),
        _ => Vec::new(),
    }
}

/// Dollars to the last digit that is not zero, cents always: `2.1034`.
fn exact(cost: Money) -> String {
    let text = cost.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    format!("{sign}${whole}.{fraction:0<2}")
}

fn moment(zone: Zone, at: Timestamp) -> String {
    zone.format(at, "%a %e %b %Y  %H:%M:%S")
}

fn fact(label: &'static str, value: impl Into<String>) -> Line {
    Line::Fact(label, value.into(), Role::Text)
}

/// Whose it is, how long it went on, what it cost.
fn session(facts: &SessionFacts, view: &View, zone: Zone) -> Vec<Line> {
    let mut lines = vec![
        Line::Fact("cost", format!("{}{}", text::dollars(facts.cost), whole_window(facts, view)), Role::Accent),
        fact("turns", text::grouped(i128::from(facts.turns))),
    ];
    if facts.turns > 0 {
        let mean = Money::from_pico(facts.cost.pico() / i128::from(facts.turns));
        lines.push(fact("a turn", format!("{} on average", text::dollars(mean))));
    }
    lines.push(fact("first", moment(zone, facts.first)));
    lines.push(fact("last", moment(zone, facts.last)));
    lines.push(fact("lasted", text::span(facts.last.ms() - facts.first.ms())));
    let dimensions = facts.dimensions.iter();
    lines.extend(dimensions.map(|(dimension, label)| fact(dimension.name(), label.as_str())));
    lines
}

/// Where part of a session lies outside of the window, the window's figures are less than the session's.
fn whole_window(facts: &SessionFacts, view: &View) -> String {
    if view.window.cost() == facts.cost {
        return String::new();
    }
    format!("  · {} in {}", text::dollars(view.window.cost()), view.query.window.name())
}

fn request(open: &OpenCharge, zone: Zone) -> Vec<Line> {
    let (charge, row) = (&open.charge, &open.charge.row);
    let cost = match row.source {
        CostSource::Unpriced => Line::Fact("cost", "unpriced".to_owned(), Role::Warn),
        CostSource::Reported => {
            Line::Fact("cost", format!("{}  as the log says", exact(row.cost.into())), Role::Accent)
        }
        CostSource::Computed => Line::Fact("cost", format!("{}  computed", exact(row.cost.into())), Role::Accent),
    };
    let mut lines = vec![cost];
    if row.subscription {
        lines.push(fact("billing", "≈ list price: a subscription pays"));
    }
    if let (Some(reported), Some(computed)) = (charge.reported, charge.computed) {
        lines.push(drift(reported, computed));
    }
    lines.push(fact("time", format!("{}.{:03}", moment(zone, row.time), row.time.ms().rem_euclid(1000))));
    match row.status {
        0 => {}
        failed @ 400.. => lines.push(Line::Fact("status", format!("▲ {failed} failed"), Role::Alarm)),
        status => lines.push(fact("status", status.to_string())),
    }
    if row.latency_ms > 0 {
        lines.push(fact("took", text::span(i64::from(row.latency_ms))));
    }
    if let Some(reason) = &row.stop_reason {
        lines.push(fact("stopped by", reason.as_str()));
    }
    for (is, words) in [(row.cache_hit, "answered from the gateway's cache"), (charge.batch, "billed at batch rates")] {
        if is {
            lines.push(Line::Fact("", words.to_owned(), Role::Good));
        }
    }
    lines.push(Line::Blank);
    lines.extend(tokens(open));
    lines.push(Line::Blank);
    if let Some((_, session)) = &row.session {
        lines.push(fact(By::Session.name(), session.as_str()));
    }
    lines.extend(charge.dimensions.iter().map(|(dimension, label)| fact(dimension.name(), label.as_str())));
    lines
}

/// What the table says beside what the log said.
fn drift(reported: Cost, computed: Cost) -> Line {
    let (reported, computed) = (Money::from(reported), Money::from(computed));
    let difference = reported - computed;
    if difference == Money::ZERO {
        return fact("the table", "says the same");
    }
    let sign = if difference.pico() < 0 { "" } else { "+" };
    Line::Fact("the table", format!("{}  drift {sign}{}", exact(computed), exact(difference)), Role::Warn)
}

fn tokens(open: &OpenCharge) -> Vec<Line> {
    let tokens = &open.charge.row.tokens;
    let count = |value: u32| text::grouped(i128::from(value));
    let mut lines = vec![fact("input", count(tokens.input))];
    for (label, value) in [
        ("cache read", tokens.cache_read),
        ("cache write 5m", tokens.cache_write_5m),
        ("cache write 1h", tokens.cache_write_1h),
    ] {
        if value > 0 {
            lines.push(fact(label, count(value)));
        }
    }
    let reasoning =
        if tokens.reasoning > 0 { format!("  {} reasoning", count(tokens.reasoning)) } else { String::new() };
    lines.push(fact("output", count(tokens.output) + &reasoning));
    if tokens.web_searches > 0 {
        lines.push(fact("web searches", count(tokens.web_searches)));
    }
    if tokens.prompt() > 0 {
        let hit = f64::from(tokens.cache_read) / tokens.prompt() as f64;
        let saved = Money::from_pico(i128::from(open.charge.saved_pico));
        let saved = match saved.pico() {
            0 => String::new(),
            1.. => format!("  saved {}", text::dollars(saved)),
            _ => format!("  caching cost {}", text::dollars(-saved)),
        };
        lines.push(fact("cache hit", format!("{}%{saved}", text::percent(hit))));
    }
    lines
}

fn words(text: &str, width: usize, role: Role) -> impl Iterator<Item = Line> {
    text::wrap(&clean(text), width).into_iter().map(move |part| Line::Words(part, role))
}

/// How it was priced: the terms, their sum, and what else the bill depended on.
fn terms(open: &OpenCharge, width: usize) -> Vec<Line> {
    let row = &open.charge.row;
    let mut lines: Vec<Line> = Vec::new();
    if open.terms.is_empty() {
        let why = match row.source {
            CostSource::Reported => "the log states the cost; no table was asked",
            CostSource::Unpriced => {
                "no table has a price for this model: it counts in tokens, and in no sum of dollars"
            }
            CostSource::Computed => "the terms cannot be told again: the line is gone",
        };
        lines.extend(words(why, width, Role::Dim));
    }
    for (at, [name, rate, dollars]) in open.terms.iter().enumerate() {
        let cleaned = |text: &String| clean(text).into_owned();
        // The last one is the sum of those above.
        let role = if at + 1 == open.terms.len() { Role::Accent } else { Role::Text };
        lines.push(Line::Term(cleaned(name), cleaned(rate), cleaned(dollars), role));
    }
    if let Some(reported) = open.charge.reported {
        let role = if row.source == CostSource::Reported { Role::Accent } else { Role::Text };
        lines.push(Line::Term("the log".to_owned(), String::new(), exact(reported.into()), role));
    }
    if !open.notes.is_empty() {
        lines.push(Line::Blank);
    }
    for note in &open.notes {
        lines.extend(words(note, width, Role::Dim));
    }
    lines
}

/// The records behind the charge, and the line it came from.
fn origin(open: &OpenCharge, width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    match &open.line {
        SourceLine::Read { place, format, facts } => {
            lines.extend(words(&format!("{place} · {format}"), width, Role::Text));
            lines.extend(facts.iter().map(|(name, value)| Line::Named((*name).to_owned(), clean(value).into_owned())));
        }
        SourceLine::Gone(why) => lines.extend(words(&format!("◆ {why}"), width, Role::Warn)),
    }
    lines.push(Line::Blank);
    let records = &open.charge.records;
    for (at, record) in records.iter().enumerate() {
        let who = match record.origin {
            Origin::Api => "API",
            Origin::Transcript => "transcript",
            Origin::Gateway => "gateway",
            Origin::OpenTelemetry => "OpenTelemetry",
            Origin::Metrics => "metrics",
        };
        let source = record.source.as_ref().map_or(UNKNOWN, |source| source.as_str());
        let index = if record.place.index > 0 { format!(", record {}", record.place.index + 1) } else { String::new() };
        let side = if record.side_chain { "  · a sub-agent's replay" } else { "" };
        let won = if at == 0 && records.len() > 1 { "  · its tokens count" } else { "" };
        let text = format!("{source}  byte {}{index}{side}{won}", text::grouped(i128::from(record.place.offset)));
        lines.push(Line::Named(who.to_owned(), text));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_shown_to_their_last_digit() {
        for (value, text) in [("2.1", "$2.10"), ("0.023060550000", "$0.02306055"), ("0", "$0.00"), ("12", "$12.00")] {
            assert_eq!(exact(Money::parse(value.as_bytes()).unwrap()), text);
        }
        assert_eq!(exact(-Money::parse(b"0.5").unwrap()), "-$0.50");
    }
}
