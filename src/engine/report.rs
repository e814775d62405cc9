//! The report: totals and groups over any span, exact to the charge.

use std::collections::BTreeMap;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Engine;
use super::bill::CostSource;
use super::counters::Counters;
use super::drift::{DriftRow, Drifts};
use super::names::{NONE, NameId, Names, OTHER, ProfileId};
use super::record::Intake;
use crate::label::Label;
use crate::money::Money;
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
    pub fn name(self) -> &'static str {
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
    /// Corrections of budgets by persons.
    pub adjusted: Money,
    /// By cost, then key.
    pub groups: Vec<ReportGroup>,
    /// What came in (over everything read, whatever the span).
    pub intake: Intake,
    /// Models without a price and their tokens, most tokens first.
    pub unpriced_models: Vec<(Label, u64)>,
    /// Reported against computed costs by model and provider, the greatest drift first.
    pub drift: Vec<DriftRow>,
    /// The oldest event of the span.
    pub first_event: Option<Timestamp>,
    /// The newest event of the span.
    pub last_event: Option<Timestamp>,
}

/// A part of a group's key: a name, or where a period begins (in milliseconds).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
        let mut totals = Counters::default();
        let mut sessions = Seen::default();
        let mut groups = Groups::new(query);
        let mut unpriced: BTreeMap<NameId, i64> = BTreeMap::new();
        let mut drifts = Drifts::default();
        let Engine { ledger, names, dropped, .. } = self;
        ledger.for_each_charge(names, |bill, names| {
            if query.since.is_some_and(|since| bill.time < since) || query.until.is_some_and(|until| bill.time >= until)
            {
                return Ok(());
            }
            let first = report.first_event.get_or_insert(bill.time);
            *first = (*first).min(bill.time);
            report.last_event = report.last_event.max(Some(bill.time));
            if bill.source == CostSource::Unpriced {
                let tokens = bill.tokens.total().cast_signed();
                *unpriced.entry(names.of(bill.profile, Dimension::Model)).or_default() += tokens;
            }
            drifts.note(bill, names);
            let place = groups.of(bill.time, bill.profile, bill.session, names);
            let is_new = sessions.note(bill.session, place);
            match place.and_then(|place| groups.all.get_mut(place)) {
                Some(group) => {
                    bill.add_to(&mut group.sums);
                    if is_new {
                        group.sessions.insert(bill.session);
                    }
                }
                None => bill.add_to(&mut totals),
            }
            Ok(())
        })?;
        // Charges whose rows are gone: whole local days, which count where they begin, and whose sessions nobody knows any more.
        dropped.sums.for_each(.., |minute, profile, sums| {
            let begin = Timestamp::from_ms(minute * crate::time::MINUTE_MS);
            if query.since.is_some_and(|since| begin < since) || query.until.is_some_and(|until| begin >= until) {
                return;
            }
            let first = report.first_event.get_or_insert(begin);
            *first = (*first).min(begin);
            report.last_event = report.last_event.max(Some(begin));
            if sums.unpriced_requests > 0 {
                *unpriced.entry(names.of(profile, Dimension::Model)).or_default() += sums.unpriced_tokens;
            }
            match groups.of(begin, profile, OTHER, names).and_then(|place| groups.all.get_mut(place)) {
                Some(group) => group.sums.add(sums, 1),
                None => totals.add(sums, 1),
            }
        });
        if !dropped.sums.is_empty() {
            let in_span = |at: Timestamp| query.since.is_none_or(|since| at >= since);
            let began = |at: Timestamp| query.until.is_none_or(|until| at < until);
            let known = self.sessions.iter().filter(|(_, session)| in_span(session.last) && began(session.first));
            for (id, _) in known {
                sessions.note(id, None);
            }
        }
        // Every charge is in one group, or there are no groups.
        groups.all.iter().for_each(|group| totals.add(&group.sums, 1));
        report.drift = drifts.rows(&self.names, self.lists.book());
        report.totals = totals;
        report.sessions = sessions.count;
        let mut by_key: Vec<(Vec<KeyPart>, usize)> = groups.places.into_iter().collect();
        by_key.sort_unstable();
        report.groups = by_key
            .into_iter()
            .map(|(key, place)| ReportGroup {
                key: key.iter().zip(&query.by).map(|(part, by)| self.key_label(*part, *by, query.zone)).collect(),
                sums: groups.all[place].sums,
                sessions: groups.all[place].sessions.len() as u64,
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

/// Groups by key, with a short way for keys that the profile alone decides.
struct Groups<'a> {
    by: &'a [GroupBy],
    periods: Periods,
    all: Vec<Group>,
    places: FxHashMap<Vec<KeyPart>, usize>,
    /// Each profile's group where it has been met, if all groupings are dimensions.
    of_profile: Vec<Option<u32>>,
    by_profile: bool,
}

impl<'a> Groups<'a> {
    fn new(query: &'a ReportQuery) -> Groups<'a> {
        Groups {
            by: &query.by,
            periods: Periods::new(query.zone),
            all: Vec::new(),
            places: FxHashMap::default(),
            of_profile: Vec::new(),
            by_profile: query.by.iter().all(|by| matches!(by, GroupBy::Dimension(_))),
        }
    }

    /// The place of a charge's group; `None` where nothing is grouped.
    fn of(&mut self, time: Timestamp, profile: ProfileId, session: NameId, names: &Names) -> Option<usize> {
        if self.by.is_empty() {
            return None;
        }
        let id = profile;
        let profile = profile as usize;
        if let Some(Some(place)) = self.of_profile.get(profile) {
            return Some(*place as usize);
        }
        let key = self.by.iter().map(|by| self.periods.part(*by, time, id, session, names)).collect();
        let place = *self.places.entry(key).or_insert(self.all.len());
        if place == self.all.len() {
            self.all.push(Group::default());
        }
        if self.by_profile {
            if profile >= self.of_profile.len() {
                self.of_profile.resize(names.profiles().max(profile + 1), None);
            }
            self.of_profile[profile] = u32::try_from(place).ok();
        }
        Some(place)
    }
}

/// Distinct sessions, and the group that each was met in last: most stay in one.
#[derive(Default)]
struct Seen {
    /// By name; 0 where it was not met, 1 where it was met in no group, else two more than the group's place.
    last: Vec<u32>,
    count: u64,
}

impl Seen {
    /// Whether the session, if there is one, was met in another group last, or never.
    fn note(&mut self, id: NameId, group: Option<usize>) -> bool {
        if id == NONE {
            return false;
        }
        let id = id as usize;
        if id >= self.last.len() {
            self.last.resize((id + 1).next_power_of_two(), 0);
        }
        // A group has a charge, and of those there are less than 4 billion.
        let group = group.map_or(1, |place| place as u32 + 2);
        let before = std::mem::replace(&mut self.last[id], group);
        self.count += u64::from(before == 0);
        before != group
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

    fn part(&mut self, by: GroupBy, time: Timestamp, profile: ProfileId, session: NameId, names: &Names) -> KeyPart {
        let period = match by {
            GroupBy::Dimension(dimension) => return KeyPart::Name(names.of(profile, dimension)),
            GroupBy::Session => return KeyPart::Name(session),
            GroupBy::Minute => return KeyPart::Time(time.minute() * crate::time::MINUTE_MS),
            GroupBy::Hour => Period::Hour,
            GroupBy::Day => Period::Day,
            GroupBy::Week => Period::Week,
            GroupBy::Month => Period::Month,
        };
        let bounds = self.recent.entry(period).or_insert((Timestamp::MAX, Timestamp::MIN));
        if time < bounds.0 || time >= bounds.1 {
            *bounds = self.zone.period(period, time);
        }
        KeyPart::Time(bounds.0.ms())
    }
}
