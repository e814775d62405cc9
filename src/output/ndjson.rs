//! The report in lines: one of totals, one for each group and budget, one of intake. Each says its `type` first.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::fields::Beside;
use super::json::{Budget, Group, Intake, figures, head, tail};
use super::{Document, Exporter};

/// Writes one JSON object a line.
pub struct Ndjson;

impl Exporter for Ndjson {
    fn write(&self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        line(out, &Totals(document))?;
        for group in document.ordered_groups() {
            line(out, &Group { by: &document.query.by, row: group, kind: Some("group") })?;
        }
        for status in &document.budgets {
            line(out, &Budget { status, kind: Some("budget") })?;
        }
        line(out, &Intake { report: &document.report, kind: Some("intake") })
    }
}

fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

struct Totals<'a>(&'a Document);

impl Serialize for Totals<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = &self.0.report;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "totals")?;
        head(&mut map, self.0)?;
        figures(&mut map, &report.totals, Beside::of_all(report))?;
        tail(&mut map, report)?;
        map.end()
    }
}
