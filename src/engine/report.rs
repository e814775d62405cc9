//! The report: totals and groups over any span, exact to the charge.

use super::counters::Counters;
use super::record::Intake;
use crate::label::Label;
use crate::time::{Timestamp, Zone};
use crate::usage::Dimension;

/// What a report can be grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// A dimension.
    Dimension(Dimension),
    /// The session.
    Session,
    /// Minute, as RFC 3339.
    Minute,
    /// Hour of the local wall clock, as RFC 3339.
    Hour,
    /// Local day, as a date.
    Day,
    /// Local week, as its Monday's date.
    Week,
    /// Local month, as YYYY-MM.
    Month,
}

impl GroupBy {
    /// The groupings that are no dimension.
    pub const OTHERS: [GroupBy; 6] =
        [GroupBy::Session, GroupBy::Minute, GroupBy::Hour, GroupBy::Day, GroupBy::Week, GroupBy::Month];

    /// The word of the command line and the key of the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            GroupBy::Dimension(dimension) => dimension.name(),
            GroupBy::Session => "session",
            GroupBy::Minute => "minute",
            GroupBy::Hour => "hour",
            GroupBy::Day => "day",
            GroupBy::Week => "week",
            GroupBy::Month => "month",
        }
    }

    /// The grouping of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<GroupBy> {
        Dimension::named(name)
            .map(GroupBy::Dimension)
            .or_else(|| GroupBy::OTHERS.into_iter().find(|other| other.name() == name))
    }
}

/// What a report is asked for.
#[derive(Clone, Debug)]
pub struct ReportQuery {
    /// Groups, outermost first; none: totals only.
    pub by: Vec<GroupBy>,
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Where days begin.
    pub zone: Zone,
}

/// One group of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportGroup {
    /// Its key, one value for each grouping; `None` where the log named nobody.
    pub key: Vec<Option<Label>>,
    /// Its sums.
    pub sums: Counters,
    /// Distinct sessions in it.
    pub sessions: u64,
}

/// Totals and groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Over the whole span.
    pub totals: Counters,
    /// Distinct sessions in the span.
    pub sessions: u64,
    /// By cost, then key.
    pub groups: Vec<ReportGroup>,
    /// What came in (over everything read, whatever the span).
    pub intake: Intake,
    /// Models without a price and their tokens, most tokens first.
    pub unpriced_models: Vec<(Label, u64)>,
    /// The oldest event of the span.
    pub first_event: Option<Timestamp>,
    /// The newest event of the span.
    pub last_event: Option<Timestamp>,
}
