//! `costtop.report.v1` as one line of JSON. Money is decimal text; absent values are null.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::drift;
use super::fields::{Beside, FIELDS, Figure};
use super::{Document, Exporter, state_name};
use crate::alarm::BudgetStatus;
use crate::engine::counters::Counters;
use crate::engine::drift::{DriftRow, Finding};
use crate::engine::report::{GroupBy, Report, ReportGroup};
use crate::label::Label;
use crate::time::Timestamp;
use crate::usage::Rejection;

/// The schema this program writes; a change of meaning takes a new name.
pub const SCHEMA: &str = "costtop.report.v1";

/// Writes the report as one JSON object.
pub struct Json;

impl Exporter for Json {
    fn write(&self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &Whole(document))?;
        out.write_all(b"\n")
    }
}

struct Whole<'a>(&'a Document);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Document { report, query, budgets, .. } = self.0;
        let mut map = serializer.serialize_map(None)?;
        head(&mut map, self.0)?;
        map.serialize_entry("totals", &Sums(&report.totals, Beside::of_all(report)))?;
        let groups = self.0.ordered_groups();
        map.serialize_entry("groups", &each(&groups, |group| Group { by: &query.by, row: group, kind: None }))?;
        map.serialize_entry("budgets", &each(budgets, |status| Budget { status, kind: None }))?;
        let found: Vec<_> = drift::findings(self.0).collect();
        map.serialize_entry("drift", &each(&found, |(row, finding)| Drifting { row, finding, kind: None }))?;
        map.serialize_entry("intake", &Intake { report, kind: None })?;
        tail(&mut map, report)?;
        map.end()
    }
}

/// Schema, time of making and the span asked for.
pub fn head<M: SerializeMap>(map: &mut M, document: &Document) -> Result<(), M::Error> {
    map.serialize_entry("schema", SCHEMA)?;
    map.serialize_entry("generated_at", &Time(document.generated_at))?;
    map.serialize_entry("since", &document.query.since.map(Time))?;
    map.serialize_entry("until", &document.query.until.map(Time))
}

/// The span found.
pub fn tail<M: SerializeMap>(map: &mut M, report: &Report) -> Result<(), M::Error> {
    map.serialize_entry("first_event", &report.first_event.map(Time))?;
    map.serialize_entry("last_event", &report.last_event.map(Time))
}

/// Every figure of `sums` as entries of `map`.
pub fn figures<M: SerializeMap>(map: &mut M, sums: &Counters, beside: Beside) -> Result<(), M::Error> {
    FIELDS.iter().try_for_each(|field| match (field.figure)(sums, beside) {
        Figure::Count(count) => map.serialize_entry(field.name, &count),
        Figure::Usd(money) => map.serialize_entry(field.name, &Text(money)),
        Figure::Ratio(ratio) => map.serialize_entry(field.name, &ratio),
    })
}

/// `"type"` first, in the formats that have one.
fn kind<M: SerializeMap>(map: &mut M, kind: Option<&str>) -> Result<(), M::Error> {
    kind.map_or(Ok(()), |kind| map.serialize_entry("type", kind))
}

struct Sums<'a>(&'a Counters, Beside);

impl Serialize for Sums<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(FIELDS.len()))?;
        figures(&mut map, self.0, self.1)?;
        map.end()
    }
}

/// One group: its key, then its figures.
pub struct Group<'a> {
    /// The groupings, outermost first.
    pub by: &'a [GroupBy],
    /// The group.
    pub row: &'a ReportGroup,
    /// The value of `type`, if there is to be one.
    pub kind: Option<&'static str>,
}

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        kind(&mut map, self.kind)?;
        map.serialize_entry("key", &Key(self.by, &self.row.key))?;
        figures(&mut map, &self.row.sums, Beside::of_group(self.row))?;
        map.end()
    }
}

struct Key<'a>(&'a [GroupBy], &'a [Option<Label>]);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1).map(|(by, value)| (by.name(), value.as_ref().map(Text))))
    }
}

/// One budget of one key.
pub struct Budget<'a> {
    /// How it stands.
    pub status: &'a BudgetStatus,
    /// The value of `type`, if there is to be one.
    pub kind: Option<&'static str>,
}

impl Serialize for Budget<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let status = self.status;
        let mut map = serializer.serialize_map(None)?;
        kind(&mut map, self.kind)?;
        map.serialize_entry("name", &Text(&status.name))?;
        map.serialize_entry("key", &status.key.as_ref().map(Text))?;
        map.serialize_entry("period_start", &Time(status.period_start))?;
        map.serialize_entry("spent_usd", &Text(status.spent))?;
        map.serialize_entry("limit_usd", &Text(status.limit))?;
        map.serialize_entry("state", state_name(status.state))?;
        // Only where it is: a report of files has none.
        if status.is_lower_bound {
            map.serialize_entry("lower_bound", &true)?;
        }
        map.end()
    }
}

/// Reported costs of one model at one provider that are other ones than the table's.
pub struct Drifting<'a> {
    /// What was compared.
    pub row: &'a DriftRow,
    /// What was found.
    pub finding: &'a Finding,
    /// The value of `type`, if there is to be one.
    pub kind: Option<&'static str>,
}

impl Serialize for Drifting<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (row, finding) = (self.row, self.finding);
        let mut map = serializer.serialize_map(None)?;
        kind(&mut map, self.kind)?;
        map.serialize_entry("provider", &row.provider.as_ref().map(Text))?;
        map.serialize_entry("model", &row.model.as_ref().map(Text))?;
        map.serialize_entry("compared_requests", &row.compared)?;
        map.serialize_entry("drifted_requests", &finding.requests)?;
        map.serialize_entry("reported_usd", &Text(row.reported))?;
        map.serialize_entry("computed_usd", &Text(row.computed))?;
        map.serialize_entry("drift_usd", &Text(finding.drift))?;
        map.serialize_entry("since", &Time(finding.since))?;
        map.serialize_entry("last", &Time(finding.last))?;
        map.serialize_entry("cause", finding.cause.name())?;
        map.serialize_entry("advice", &drift::likely(&finding.cause))?;
        map.end()
    }
}

/// What came in and what became of it.
pub struct Intake<'a> {
    /// The report it belongs to.
    pub report: &'a Report,
    /// The value of `type`, if there is to be one.
    pub kind: Option<&'static str>,
}

impl Serialize for Intake<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let intake = &self.report.intake;
        let mut map = serializer.serialize_map(None)?;
        kind(&mut map, self.kind)?;
        map.serialize_entry("files", &intake.files)?;
        map.serialize_entry("bytes", &intake.bytes)?;
        map.serialize_entry("lines", &intake.lines)?;
        map.serialize_entry("torn", &intake.torn)?;
        map.serialize_entry("records", &intake.records)?;
        map.serialize_entry("charges", &intake.charges)?;
        map.serialize_entry("updates", &intake.updates)?;
        map.serialize_entry("duplicates", &intake.duplicates)?;
        map.serialize_entry("merged", &intake.merged)?;
        map.serialize_entry("not_usage", &intake.not_usage)?;
        map.serialize_entry("rejected", &intake.rejected_total())?;
        map.serialize_entry("rejected_by", &RejectedBy(intake.rejected))?;
        map.serialize_entry("late", &intake.late)?;
        map.serialize_entry("dropped", &intake.dropped)?;
        // Only where a state has dropped days: a report of sources has no horizon.
        if intake.late > 0 {
            map.serialize_entry("late_usd", &Text(intake.late_cost))?;
        }
        map.serialize_entry("undated", &intake.undated)?;
        map.serialize_entry("no_id", &intake.no_id)?;
        map.serialize_entry("id_reused", &intake.id_reused)?;
        map.serialize_entry("clock_skew", &intake.clock_skew)?;
        map.serialize_entry("unpriced_models", &each(&self.report.unpriced_models, |(model, _)| Text(model)))?;
        map.end()
    }
}

/// Only the classes that occurred.
struct RejectedBy([u64; Rejection::ALL.len()]);

impl Serialize for RejectedBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            Rejection::ALL
                .iter()
                .zip(self.0)
                .filter(|(_, count)| *count > 0)
                .map(|(class, count)| (class.name(), count)),
        )
    }
}

/// A list whose items are written through a view of each.
struct Each<'a, T, F>(&'a [T], F);

impl<'a, T, V: Serialize, F: Fn(&'a T) -> V> Serialize for Each<'a, T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(&self.1))
    }
}

/// Ties the closure's argument to the list's lifetime.
fn each<'a, T, V: Serialize, F: Fn(&'a T) -> V>(items: &'a [T], view: F) -> Each<'a, T, F> {
    Each(items, view)
}

struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Anything by its `Display`, as a string: money keeps its twelve places.
struct Text<T>(T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
