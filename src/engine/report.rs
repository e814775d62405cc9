//! The report: totals and groups over any span, exact to the charge.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::FxHashSet;

use super::Engine;
use super::bill::Bill;
use super::counters::Counters;
use super::names::{NONE, NameId, Names};
use super::record::Intake;
use crate::label::Label;
use crate::time::{Period, Timestamp, Zone};
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

/// A part of a group's key: a name, or where a period begins (in milliseconds).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum KeyPart {
    Name(NameId),
    Time(i64),
}

#[derive(Default)]
struct Group {
    sums: Counters,
    sessions: FxHashSet<NameId>,
}

impl Engine {
    /// Totals and groups over the charges as they stand.
    ///
    /// # Errors
    /// The rows' file cannot be read.
    pub fn report(&mut self, query: &ReportQuery) -> io::Result<Report> {
        let mut report = Report { intake: self.intake.clone(), ..Report::default() };
        let mut all = Group::default();
        let mut groups: BTreeMap<Vec<KeyPart>, Group> = BTreeMap::new();
        let mut periods = Periods::new(query.zone);
        let mut unpriced: BTreeMap<NameId, i64> = BTreeMap::new();
        let Engine { ledger, names, .. } = self;
        ledger.for_each_bill(names, |bill, _, names| {
            if query.since.is_some_and(|since| bill.time < since) || query.until.is_some_and(|until| bill.time >= until)
            {
                return Ok(());
            }
            let sums = bill.sums();
            let first = report.first_event.get_or_insert(bill.time);
            *first = (*first).min(bill.time);
            report.last_event = report.last_event.max(Some(bill.time));
            if sums.unpriced_requests > 0 {
                *unpriced.entry(names.of(bill.profile, Dimension::Model)).or_default() += sums.unpriced_tokens;
            }
            all.add(bill, &sums);
            if !query.by.is_empty() {
                let key = query.by.iter().map(|by| periods.part(*by, bill, names)).collect();
                groups.entry(key).or_default().add(bill, &sums);
            }
            Ok(())
        })?;
        report.totals = all.sums;
        report.sessions = all.sessions.len() as u64;
        report.groups = groups
            .into_iter()
            .map(|(key, group)| ReportGroup {
                key: key.iter().zip(&query.by).map(|(part, by)| self.key_label(*part, *by, query.zone)).collect(),
                sums: group.sums,
                sessions: group.sessions.len() as u64,
            })
            .collect();
        report.groups.sort_by(|a, b| b.sums.cost().cmp(&a.sums.cost()).then_with(|| a.key.cmp(&b.key)));
        report.unpriced_models = unpriced
            .into_iter()
            .map(|(model, tokens)| (self.names.label(model).clone(), tokens.cast_unsigned()))
            .collect();
        report.unpriced_models.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(report)
    }

    fn key_label(&self, part: KeyPart, by: GroupBy, zone: Zone) -> Option<Label> {
        let at = match part {
            KeyPart::Name(id) => return self.names.named(id).cloned(),
            KeyPart::Time(ms) => Timestamp::from_ms(ms),
        };
        let pattern = match by {
            GroupBy::Day | GroupBy::Week => "%Y-%m-%d",
            GroupBy::Month => "%Y-%m",
            _ if zone == Zone::UTC => "%Y-%m-%dT%H:%M:%SZ",
            _ => "%Y-%m-%dT%H:%M:%S%:z",
        };
        Some(Label::new(&zone.format(at, pattern)))
    }
}

impl Group {
    fn add(&mut self, bill: &Bill, sums: &Counters) {
        self.sums.add(sums, 1);
        if bill.session != NONE {
            self.sessions.insert(bill.session);
        }
    }
}

/// Where periods begin; neighbouring charges share theirs.
struct Periods {
    zone: Zone,
    recent: BTreeMap<Period, (Timestamp, Timestamp)>,
}

impl Periods {
    fn new(zone: Zone) -> Periods {
        Periods { zone, recent: BTreeMap::new() }
    }

    fn part(&mut self, by: GroupBy, bill: &Bill, names: &Names) -> KeyPart {
        let period = match by {
            GroupBy::Dimension(dimension) => return KeyPart::Name(names.of(bill.profile, dimension)),
            GroupBy::Session => return KeyPart::Name(bill.session),
            GroupBy::Minute => return KeyPart::Time(bill.time.minute() * crate::time::MINUTE_MS),
            GroupBy::Hour => Period::Hour,
            GroupBy::Day => Period::Day,
            GroupBy::Week => Period::Week,
            GroupBy::Month => Period::Month,
        };
        let bounds = self.recent.entry(period).or_insert((Timestamp::MAX, Timestamp::MIN));
        if bill.time < bounds.0 || bill.time >= bounds.1 {
            *bounds = self.zone.period(period, bill.time);
        }
        KeyPart::Time(bounds.0.ms())
    }
}
