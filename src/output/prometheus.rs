//! Prometheus' text exposition, for the textfile collector. One series a group, or one without labels when nothing was grouped.
//!
//! Sums are gauges without `_total`: a correction or a span that moves on can lower them, and `rate()` over a counter
//! would take that for a restart and add the whole sum again. Only what was read and can never be taken back is a counter.
//! A group without a name has an empty label, which no name of a log can be.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::fields::{Beside, FIELDS, Figure};
use super::{Document, Exporter};
use crate::alarm::{BudgetState, BudgetStatus};
use crate::engine::report::Report;
use crate::label::Label;
use crate::time::Timestamp;
use crate::usage::Rejection;

/// Writes metrics.
pub struct Prometheus;

impl Exporter for Prometheus {
    fn write(&self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let report = &document.report;
        let by: Vec<&str> = document.query.by.iter().map(|by| by.name()).collect();
        let groups: Vec<_> = document
            .ordered_groups()
            .into_iter()
            .map(|group| {
                (
                    labels(by.iter().copied().zip(group.key.iter().map(Option::as_ref))),
                    &group.sums,
                    Beside::of_group(group),
                )
            })
            .collect();
        let totals = vec![(String::new(), &report.totals, Beside::of_all(report))];
        let series = if by.is_empty() { totals } else { groups };
        for field in &FIELDS {
            declare(out, field.name, "gauge", field.help)?;
            for (labels, sums, beside) in &series {
                match (field.figure)(sums, *beside) {
                    Figure::Count(count) => sample(out, field.name, labels, count)?,
                    Figure::Usd(money) => sample(out, field.name, labels, money)?,
                    Figure::Ratio(Some(ratio)) => sample(out, field.name, labels, ratio)?,
                    Figure::Ratio(None) => {}
                }
            }
        }
        budgets(out, &document.budgets)?;
        intake(out, report)?;
        times(out, document)
    }
}

fn budgets(out: &mut dyn Write, budgets: &[BudgetStatus]) -> io::Result<()> {
    if budgets.is_empty() {
        return Ok(());
    }
    let series: Vec<_> = budgets
        .iter()
        .map(|status| (labels([("budget", Some(&status.name)), ("key", status.key.as_ref())]), status))
        .collect();
    declare(out, "budget_spent_usd", "gauge", "Dollars spent in the budget's period.")?;
    series.iter().try_for_each(|(labels, status)| sample(out, "budget_spent_usd", labels, status.spent))?;
    declare(out, "budget_limit_usd", "gauge", "Dollars that may be spent in it.")?;
    series.iter().try_for_each(|(labels, status)| sample(out, "budget_limit_usd", labels, status.limit))?;
    declare(out, "budget_state", "gauge", "0 ok, 1 warned, 2 exceeded.")?;
    series.iter().try_for_each(|(labels, status)| {
        let state = match status.state {
            BudgetState::Ok => 0,
            BudgetState::Warned => 1,
            BudgetState::Exceeded => 2,
        };
        sample(out, "budget_state", labels, state)
    })
}

fn intake(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let intake = &report.intake;
    for (name, help, count) in [
        ("intake_files_total", "Files and connections opened.", intake.files),
        ("intake_bytes_total", "Bytes of whole lines read.", intake.bytes),
        ("intake_lines_total", "Lines read.", intake.lines),
        (
            "intake_torn_total",
            "Last lines without a newline that were no whole record, and packed files that broke off.",
            intake.torn,
        ),
        ("intake_gaps_total", "Places where lines may have been lost before they could be read.", intake.gaps),
        ("intake_undated_total", "Records without a time.", intake.undated),
        ("intake_no_id_total", "Records without an id.", intake.no_id),
        ("intake_id_reused_total", "Requests whose response id stopped linking.", intake.id_reused),
        ("intake_clock_skew_total", "Records from more than two minutes ahead.", intake.clock_skew),
    ] {
        declare(out, name, "counter", help)?;
        sample(out, name, "", count)?;
    }
    declare(out, "intake_records", "gauge", "Records by what became of them; together, all that were read.")?;
    for (fate, count) in [
        ("charge", intake.charges),
        ("update", intake.updates),
        ("duplicate", intake.duplicates),
        ("merged", intake.merged),
        ("not_usage", intake.not_usage),
        ("rejected", intake.rejected_total()),
        ("late", intake.late),
    ] {
        sample(out, "intake_records", &format!("{{fate=\"{fate}\"}}"), count)?;
    }
    declare(out, "intake_late_usd", "gauge", "Dollars of late records, which are in no sum.")?;
    sample(out, "intake_late_usd", "", intake.late_cost)?;
    declare(out, "intake_rejected_total", "counter", "Records refused, by class.")?;
    for (class, count) in Rejection::ALL.iter().zip(intake.rejected) {
        sample(out, "intake_rejected_total", &format!("{{class=\"{}\"}}", class.name()), count)?;
    }
    if !report.unpriced_models.is_empty() {
        declare(out, "unpriced_model_tokens", "gauge", "Tokens of models without a price.")?;
    }
    report
        .unpriced_models
        .iter()
        .try_for_each(|(model, tokens)| sample(out, "unpriced_model_tokens", &labels([("model", Some(model))]), tokens))
}

fn times(out: &mut dyn Write, document: &Document) -> io::Result<()> {
    for (name, help, time) in [
        ("first_event_timestamp_seconds", "The oldest event of the span.", document.report.first_event),
        ("last_event_timestamp_seconds", "The newest event of the span.", document.report.last_event),
        ("report_timestamp_seconds", "When this report was made.", Some(document.generated_at)),
    ] {
        if let Some(time) = time {
            declare(out, name, "gauge", help)?;
            sample(out, name, "", seconds(time))?;
        }
    }
    Ok(())
}

/// Seconds since 1970 with three places, without a float between.
pub(crate) fn seconds(time: Timestamp) -> String {
    let (sign, ms) = (if time.ms() < 0 { "-" } else { "" }, time.ms().unsigned_abs());
    format!("{sign}{}.{:03}", ms / 1000, ms % 1000)
}

/// `# HELP` and `# TYPE` of `costtop_NAME`.
pub(crate) fn declare(out: &mut dyn Write, name: &str, kind: &str, help: &str) -> io::Result<()> {
    writeln!(out, "# HELP costtop_{name} {help}\n# TYPE costtop_{name} {kind}")
}

/// One sample of `costtop_NAME`.
pub(crate) fn sample(out: &mut dyn Write, name: &str, labels: &str, value: impl std::fmt::Display) -> io::Result<()> {
    writeln!(out, "costtop_{name}{labels} {value}")
}

/// `{name="value",…}`; backslash, quote and line feed escaped as the exposition format asks.
pub(crate) fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<&'a Label>)>) -> String {
    let mut text = String::from("{");
    for (name, value) in pairs {
        if text.len() > 1 {
            text.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{name}=\"");
        for character in value.map_or("", Label::as_str).chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    text.push('}');
    text
}
