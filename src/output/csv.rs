//! RFC 4180: one row a group, or one row of totals when nothing was grouped. Columns sum to the totals; absent is empty.

use std::borrow::Cow;
use std::io::{self, Write};

use super::fields::{Beside, FIELDS, Figure};
use super::{Document, Exporter};
use crate::engine::counters::Counters;
use crate::label::Label;

/// Writes comma-separated values with a heading row.
pub struct Csv;

impl Exporter for Csv {
    fn write(&self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        let by = &document.query.by;
        let names: Vec<&str> = by.iter().map(|by| by.name()).chain(FIELDS.iter().map(|field| field.name)).collect();
        write!(out, "{}\r\n", names.join(","))?;
        if by.is_empty() {
            return row(out, &[], &document.report.totals, Beside::of_all(&document.report));
        }
        document
            .ordered_groups()
            .into_iter()
            .try_for_each(|group| row(out, &group.key, &group.sums, Beside::of_group(group)))
    }
}

fn row(out: &mut dyn Write, key: &[Option<Label>], sums: &Counters, beside: Beside) -> io::Result<()> {
    for value in key {
        if let Some(value) = value {
            write!(out, "{}", cell(value))?;
        }
        out.write_all(b",")?;
    }
    for (place, field) in FIELDS.iter().enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        match (field.figure)(sums, beside) {
            Figure::Count(count) => write!(out, "{count}")?,
            Figure::Usd(money) => write!(out, "{money}")?,
            Figure::Ratio(Some(ratio)) => write!(out, "{ratio}")?,
            Figure::Ratio(None) => {}
        }
    }
    out.write_all(b"\r\n")
}

/// A label as a cell that no spreadsheet takes for a formula (OWASP, "CSV Injection"; the full-width signs count in East Asian versions of Excel).
fn cell(label: &Label) -> Cow<'_, str> {
    let text = label.as_str();
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula || text.contains(['"', ',', '\r', '\n']) || text.trim() != text {
        let guard = if formula { "'" } else { "" };
        return Cow::Owned(format!("\"{guard}{}\"", text.replace('"', "\"\"")));
    }
    Cow::Borrowed(text)
}
