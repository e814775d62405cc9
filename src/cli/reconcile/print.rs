//! A reconciliation as text: comparisons and causes enter, a table or JSON leaves. It decides nothing.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::cause::Cause;
use super::compare::{Comparison, Row};
use super::figure::{Figure, Tolerance, percent};
use crate::label::clean;
use crate::money::Money;
use crate::output::figures::{aligned, number_of};
use crate::time::{Timestamp, Zone};

/// Everything that is printed.
pub struct Outcome {
    /// One for each report of the export, with what may explain it.
    pub parts: Vec<(Comparison, Vec<Cause>)>,
    /// How far apart figures may be.
    pub tolerance: Tolerance,
    /// What was passed over while reading.
    pub notes: Vec<String>,
    /// When it was made.
    pub generated_at: Timestamp,
}

impl Outcome {
    /// Whether everything is close enough.
    pub fn is_within(&self) -> bool {
        self.parts.iter().all(|(comparison, _)| comparison.is_within(self.tolerance))
    }

    /// For people.
    pub fn table(&self, out: &mut dyn Write) -> io::Result<()> {
        let tolerance = self.tolerance.percent();
        for (place, (comparison, causes)) in self.parts.iter().enumerate() {
            if place > 0 {
                writeln!(out)?;
            }
            let (provider, kind) = (comparison.provider.title(), comparison.kind.name());
            let when = |at| Zone::UTC.format(at, "%Y-%m-%d %H:%M");
            let (since, until) = (when(comparison.since), when(comparison.until));
            writeln!(out, "{provider} {kind} report, {since} to {until} UTC, tolerance {tolerance} %")?;
            writeln!(out)?;
            for line in self.lines(comparison) {
                writeln!(out, "{line}")?;
            }
            let coverage = Coverage::of(comparison);
            let past = comparison.past(self.tolerance).count() as u64;
            writeln!(
                out,
                "\n{}, {past} past the tolerance; on both sides {}, theirs only {}, ours only {}",
                number_of(comparison.rows.len() as u64, "row", "rows"),
                coverage.both,
                coverage.theirs,
                coverage.ours
            )?;
            for cause in causes {
                writeln!(out, "likely: {}", cause.text)?;
            }
        }
        for note in &self.notes {
            writeln!(out, "note: {note}")?;
        }
        let verdict = if self.is_within() { "within" } else { "past" };
        writeln!(out, "\n{verdict} {tolerance} %")
    }

    fn lines(&self, comparison: &Comparison) -> Vec<String> {
        let by: Vec<&str> = comparison.by.iter().map(|by| by.name()).collect();
        let head = ["figure", "theirs", "ours", "ours less theirs", "%", ""];
        let mut cells: Vec<Vec<String>> = vec![by.iter().chain(&head).map(|it| (*it).to_owned()).collect()];
        let mut total = comparison.total.clone();
        total.key = comparison.by.iter().map(|_| Some(String::new())).collect();
        if let Some(first) = total.key.first_mut() {
            *first = Some("total".to_owned());
        }
        for row in comparison.rows.iter().chain([&total]) {
            let mut key: Vec<String> =
                row.key.iter().map(|part| part.as_deref().map_or("(none)".into(), clean).into_owned()).collect();
            for figure in &comparison.figures {
                let (theirs, ours) = (row.theirs(*figure), row.ours(*figure));
                if theirs == 0 && ours == 0 {
                    continue;
                }
                let side = match (&row.theirs, &row.ours) {
                    (Some(_), None) => " theirs only",
                    (None, Some(_)) => " ours only",
                    _ => "",
                };
                let mark = if self.tolerance.holds(theirs, ours) { "" } else { "past" };
                let difference = figure.show(ours - theirs);
                let difference = if ours > theirs { format!("+{difference}") } else { difference };
                let mut line = key.clone();
                line.extend([
                    figure.title().to_owned(),
                    figure.show(theirs),
                    figure.show(ours),
                    difference,
                    percent(theirs, ours).unwrap_or_else(|| "-".to_owned()),
                    format!("{mark}{side}"),
                ]);
                cells.push(line);
                // A row's name stands once.
                key.iter_mut().for_each(String::clear);
            }
        }
        let right: Vec<bool> = by.iter().map(|_| false).chain([false, true, true, true, true, false]).collect();
        aligned(&cells, &right, "  ")
    }

    /// `costtop.reconcile.v1`.
    pub fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let parts: Vec<Value> = self.parts.iter().map(|(comparison, causes)| self.part(comparison, causes)).collect();
        let document = json!({
            "schema": "costtop.reconcile.v1",
            "generated_at": self.generated_at.to_string(),
            "tolerance_percent": self.tolerance.percent(),
            "within": self.is_within(),
            "reports": parts,
            "notes": self.notes,
        });
        serde_json::to_writer_pretty(&mut *out, &document)?;
        writeln!(out)
    }

    fn part(&self, comparison: &Comparison, causes: &[Cause]) -> Value {
        let coverage = Coverage::of(comparison);
        let rows: Vec<Value> = comparison
            .rows
            .iter()
            .map(|row| {
                let key: Map<String, Value> = comparison
                    .by
                    .iter()
                    .zip(&row.key)
                    .map(|(by, part)| (by.name().to_owned(), json!(part.as_deref().map(clean))))
                    .collect();
                let side = match (&row.theirs, &row.ours) {
                    (Some(_), None) => "theirs",
                    (None, Some(_)) => "ours",
                    _ => "both",
                };
                json!({
                    "key": key,
                    "side": side,
                    "within": row.is_within(&comparison.figures, self.tolerance),
                    "figures": self.figures(comparison, row),
                })
            })
            .collect();
        let causes: Vec<Value> =
            causes.iter().map(|it| json!({"cause": it.name, "rows": it.rows, "text": it.text})).collect();
        json!({
            "provider": comparison.provider.name(),
            "report": comparison.kind.name(),
            "since": comparison.since.to_string(),
            "until": comparison.until.to_string(),
            "by": comparison.by.iter().map(|by| by.name()).collect::<Vec<_>>(),
            "within": comparison.is_within(self.tolerance),
            "totals": self.figures(comparison, &comparison.total),
            "rows": rows,
            "coverage": {"both": coverage.both, "theirs_only": coverage.theirs, "ours_only": coverage.ours},
            "causes": causes,
        })
    }

    fn figures(&self, comparison: &Comparison, row: &Row) -> Value {
        let figures: Map<String, Value> = comparison
            .figures
            .iter()
            .map(|figure| {
                let (theirs, ours) = (row.theirs(*figure), row.ours(*figure));
                let value = json!({
                    "theirs": amount(*figure, theirs),
                    "ours": amount(*figure, ours),
                    "difference": amount(*figure, ours - theirs),
                    "percent": percent(theirs, ours),
                    "within": self.tolerance.holds(theirs, ours),
                });
                (figure.key().to_owned(), value)
            })
            .collect();
        Value::Object(figures)
    }
}

/// Money as decimal text, counts as numbers.
fn amount(figure: Figure, value: i128) -> Value {
    match (figure, i64::try_from(value)) {
        (Figure::Cost, _) => json!(Money::from_pico(value).to_string()),
        (_, Ok(value)) => json!(value),
        (_, Err(_)) => json!(value.to_string()),
    }
}

/// Which side has how many rows.
struct Coverage {
    both: usize,
    theirs: usize,
    ours: usize,
}

impl Coverage {
    fn of(comparison: &Comparison) -> Coverage {
        let count = |theirs: bool, ours: bool| {
            comparison.rows.iter().filter(|row| row.theirs.is_some() == theirs && row.ours.is_some() == ours).count()
        };
        Coverage { both: count(true, true), theirs: count(true, false), ours: count(false, true) }
    }
}
