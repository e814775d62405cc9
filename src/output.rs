//! Answers as text: a [`Document`] or a final charge enters, bytes leave. Nothing is computed, opened or looked up here.
//!
//! Every text of a log in a [`Document`] is a [`Label`](crate::label::Label); each format escapes what is special to it.

use std::io::{self, Write};

use crate::alarm::{BudgetState, BudgetStatus};
use crate::engine::report::{Report, ReportGroup, ReportQuery};
use crate::time::Timestamp;

pub(crate) mod bill;
mod csv;
pub mod event;
mod fields;
pub(crate) mod figures;
mod grid;
mod json;
mod markdown;
mod ndjson;
pub(crate) mod prometheus;
pub(crate) mod rates;
mod summary;
mod table;
pub(crate) mod text;

/// A report with what was asked and how the budgets stand: all that a format writes.
#[derive(Clone, Debug)]
pub struct Document {
    /// Totals, groups and intake.
    pub report: Report,
    /// What was asked.
    pub query: ReportQuery,
    /// How the budgets stand; empty without any.
    pub budgets: Vec<BudgetStatus>,
    /// When the report was made.
    pub generated_at: Timestamp,
}

impl Document {
    /// The groups by cost, dearest first, then by key; a group without a name before those with one.
    #[must_use]
    pub fn ordered_groups(&self) -> Vec<&ReportGroup> {
        let mut groups: Vec<&ReportGroup> = self.report.groups.iter().collect();
        groups.sort_by(|one, other| other.sums.cost().cmp(&one.sums.cost()).then_with(|| one.key.cmp(&other.key)));
        groups
    }

    /// What is not in the cost or uncertain in it, one part each: rejected, torn, late, …, models without a price.
    /// For the formats that have no place for it; empty when all is well.
    #[must_use]
    pub fn losses(&self) -> Vec<String> {
        summary::losses(self)
    }
}

/// One output format.
pub trait Exporter {
    /// Writes the whole document.
    ///
    /// # Errors
    /// Only those of `out`.
    fn write(&self, document: &Document, out: &mut dyn Write) -> io::Result<()>;
}

/// What the place a report is shown at can do. Files and pipes have no width and no bold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal; `None`: as wide as it gets.
    pub width: Option<usize>,
    /// Headings may be bold.
    pub bold: bool,
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// `costtop.report.v1`.
    Json,
    /// The same in lines: totals, groups, budgets, intake.
    Ndjson,
    /// RFC 4180; one row a group, or one row of totals.
    Csv,
    /// Tables for issues and chats.
    Markdown,
    /// Text exposition for Prometheus' textfile collector.
    Prometheus,
}

impl Format {
    /// In the order help lists them.
    pub const ALL: [Format; 6] =
        [Format::Table, Format::Json, Format::Ndjson, Format::Csv, Format::Markdown, Format::Prometheus];

    /// The word of `--format`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Markdown => "markdown",
            Format::Prometheus => "prometheus",
        }
    }

    /// What writes this format; only the table looks at `look`.
    #[must_use]
    pub fn exporter(self, look: Look) -> Box<dyn Exporter> {
        match self {
            Format::Table => Box::new(table::Table { look }),
            Format::Json => Box::new(json::Json),
            Format::Ndjson => Box::new(ndjson::Ndjson),
            Format::Csv => Box::new(csv::Csv),
            Format::Markdown => Box::new(markdown::Markdown),
            Format::Prometheus => Box::new(prometheus::Prometheus),
        }
    }
}

/// The word for how a budget stands.
const fn state_name(state: BudgetState) -> &'static str {
    match state {
        BudgetState::Ok => "ok",
        BudgetState::Warned => "warned",
        BudgetState::Exceeded => "exceeded",
    }
}
