//! What people are told, in words and rounded figures: the table and Markdown draw the same texts.

use super::grid::{Grid, Kind};
use super::text::{bytes, count, percent, places, share, thousands, usd, when};
use super::{Document, state_name};
use crate::engine::counters::Counters;
use crate::money::Money;
use crate::usage::Rejection;

/// A charge without a name belongs to this row.
const NONE: &str = "(none)";

/// The span asked for, and the zone its days are of.
pub fn span(document: &Document) -> String {
    let zone = document.query.zone;
    let bounds = match (document.query.since, document.query.until) {
        (None, None) => "all time".to_owned(),
        (Some(since), None) => format!("since {}", when(since, zone)),
        (None, Some(until)) => format!("before {}", when(until, zone)),
        (Some(since), Some(until)) => format!("{} to {}", when(since, zone), when(until, zone)),
    };
    format!("{bounds} ({})", zone.name())
}

/// The span found; `None` without events.
pub fn events(document: &Document) -> Option<String> {
    let (first, last) = (document.report.first_event?, document.report.last_event?);
    let zone = document.query.zone;
    Some(format!("first event {}, last event {}", when(first, zone), when(last, zone)))
}

/// The totals: name, figure, what it is made of.
pub fn totals(document: &Document) -> Vec<[String; 3]> {
    let sums = &document.report.totals;
    let places = places(sums.cost());
    let line = |name: &str, figure: String, parts: &[(String, &str)]| {
        let parts: Vec<String> = parts.iter().map(|(figure, what)| format!("{figure} {what}")).collect();
        [name.to_owned(), figure, parts.join(", ")]
    };
    let mut lines = vec![
        line(
            "cost",
            cost(sums, places),
            &[(usd(sums.reported, places), "reported"), (usd(sums.computed, places), "computed")],
        ),
        line(
            "requests",
            thousands(sums.requests),
            &[
                (thousands(sums.errors), "errors"),
                (thousands(sums.gateway_hits), "gateway hits"),
                (thousands(sums.batch_requests), "batch"),
                (count(document.report.sessions), "sessions"),
            ],
        ),
        line(
            "prompt",
            thousands(sums.prompt()),
            &[
                (thousands(sums.input), "input"),
                (thousands(sums.cache_read), "cache read"),
                (thousands(sums.cache_write_5m), "written for 5m"),
                (thousands(sums.cache_write_1h), "for 1h"),
            ],
        ),
        line("output", thousands(sums.output), &[(thousands(sums.reasoning), "reasoning")]),
        line("cache hit", percent(sums.cache_hit_ratio()), &[(usd(sums.saved, places), "saved by cache")]),
    ];
    if sums.subscription != Money::ZERO {
        lines.push(line(
            "list price",
            usd(sums.subscription, places),
            &[("≈".to_owned(), "of the cost: subscriptions pay it, budgets leave it out")],
        ));
    }
    if sums.unpriced_requests != 0 {
        lines.push(line(
            "unpriced",
            thousands(sums.unpriced_requests),
            &[(thousands(sums.unpriced_tokens), "tokens without a price, not in the cost")],
        ));
    }
    lines
}

/// Groups with a foot of totals; `None` when nothing was grouped.
pub fn groups(document: &Document) -> Option<Grid> {
    let (report, by) = (&document.report, &document.query.by);
    if by.is_empty() {
        return None;
    }
    let places = places(report.totals.cost());
    let figures = |sums: &Counters, sessions: u64| {
        [
            cost(sums, places),
            percent(share(sums.cost(), report.totals.cost())),
            thousands(sums.requests),
            thousands(sums.errors),
            thousands(sums.input),
            thousands(sums.cache_read),
            thousands(sums.cache_write_5m + sums.cache_write_1h),
            thousands(sums.output),
            percent(sums.cache_hit_ratio()),
            count(sessions),
        ]
    };
    let columns = by
        .iter()
        .map(|by| (by.name().to_owned(), Kind::Name))
        .chain(
            [
                ("cost", 0),
                ("share", 2),
                ("requests", 1),
                ("errors", 8),
                ("input", 5),
                ("cache read", 6),
                ("cache write", 7),
                ("output", 4),
                ("hit", 3),
                ("sessions", 9),
            ]
            .map(|(name, rank)| (name.to_owned(), Kind::Figure(rank))),
        )
        .collect();
    let rows = document
        .ordered_groups()
        .into_iter()
        .map(|group| {
            let key = group.key.iter().map(|value| value.as_ref().map_or(NONE, |label| label.as_str()).to_owned());
            key.chain(figures(&group.sums, group.sessions)).collect()
        })
        .collect();
    let total = (0..by.len()).map(|at| if at == 0 { "total".to_owned() } else { String::new() });
    let foot = Some(total.chain(figures(&report.totals, report.sessions)).collect());
    Some(Grid { columns, rows, foot })
}

/// How the budgets stand; `None` without any.
pub fn budgets(document: &Document) -> Option<Grid> {
    let budgets = &document.budgets;
    if budgets.is_empty() {
        return None;
    }
    let places = places(budgets.iter().map(|budget| budget.limit.max(budget.spent)).max().unwrap_or_default());
    let columns = [
        ("budget", Kind::Name),
        ("key", Kind::Name),
        ("state", Kind::Name),
        ("spent", Kind::Figure(0)),
        ("limit", Kind::Figure(0)),
        ("used", Kind::Figure(1)),
        ("since", Kind::Figure(2)),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .to_vec();
    let rows = budgets
        .iter()
        .map(|budget| {
            vec![
                budget.name.to_string(),
                budget.key.as_ref().map_or_else(String::new, ToString::to_string),
                format!("{}{}", state_name(budget.state), if budget.is_lower_bound { ", a lower bound" } else { "" }),
                usd(budget.spent, places),
                usd(budget.limit, places),
                percent(share(budget.spent, budget.limit)),
                when(budget.period_start, document.query.zone),
            ]
        })
        .collect();
    Some(Grid { columns, rows, foot: None })
}

/// What was read and what became of it; each record is in exactly one of the figures after `=`.
pub fn intake(document: &Document) -> String {
    let intake = &document.report.intake;
    format!(
        "{} files, {} lines, {}; {} records = {} charges + {} updates + {} duplicates + {} merged + {} not usage + {} rejected + {} late",
        count(intake.files),
        count(intake.lines),
        bytes(intake.bytes),
        count(intake.records),
        count(intake.charges),
        count(intake.updates),
        count(intake.duplicates),
        count(intake.merged),
        count(intake.not_usage),
        count(intake.rejected_total()),
        count(intake.late),
    )
}

/// Everything that is not in the cost or whose place in it is uncertain, one part each; empty when all is well.
pub fn losses(document: &Document) -> Vec<String> {
    let intake = &document.report.intake;
    let mut parts = Vec::new();
    if intake.rejected_total() > 0 {
        let classes: Vec<String> = Rejection::ALL
            .iter()
            .zip(intake.rejected)
            .filter(|(_, count)| *count > 0)
            .map(|(class, rejected)| format!("{} {}", class.name(), count(rejected)))
            .collect();
        parts.push(format!("{} rejected ({})", count(intake.rejected_total()), classes.join(", ")));
    }
    for (number, what) in [
        (intake.torn, "torn"),
        (intake.gaps, "gaps suspected"),
        (intake.dropped, "dropped by the kernel: a lower bound"),
        (intake.late, "late"),
        (intake.undated, "undated"),
        (intake.no_id, "without an id"),
        (intake.id_reused, "with a reused id"),
        (intake.clock_skew, "ahead of the clock"),
    ] {
        if number > 0 {
            // What a sum does not hold is worth saying in dollars.
            let money =
                if what == "late" { format!(" ({} not added)", usd(intake.late_cost, 2)) } else { String::new() };
            parts.push(format!("{} {what}{money}", count(number)));
        }
    }
    for (model, tokens) in &document.report.unpriced_models {
        parts.push(format!("no price for '{model}' ({} tokens)", count(*tokens)));
    }
    parts
}

/// Dollars, with a `?` where requests without a price are missing in them, and a `≈` where a subscription pays for some of them, which
/// stand at list price; `unpriced` where nothing else is there.
fn cost(sums: &Counters, places: u32) -> String {
    let dollars = || {
        let list = if sums.subscription == Money::ZERO { "" } else { "≈ " };
        format!("{list}{}", usd(sums.cost(), places))
    };
    if sums.unpriced_requests == 0 {
        return dollars();
    }
    if sums.cost() == Money::ZERO && sums.unpriced_requests == sums.requests {
        return "unpriced".to_owned();
    }
    format!("? {}", dollars())
}
