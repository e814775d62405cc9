//! Theirs beside ours: one report and our charges enter, rows with both figures leave. It does not say why they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::By;
use super::export::{Kind, Provider, Report};
use super::figure::{Figure, Sums, Tolerance, add};
use super::ours::{Key, Ours, Own, Question, WEB_SEARCH, canonical, day};
use crate::engine::Engine;
use crate::price::PriceBook;
use crate::time::{DAY_MS, Timestamp};

/// One group of both sides.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// One part for each grouping.
    pub key: Key,
    /// What the provider says; `None`: nothing.
    pub theirs: Option<Sums>,
    /// What costtop counted; `None`: nothing.
    pub ours: Option<Own>,
}

impl Row {
    /// Their figure, zero where they have none.
    pub fn theirs(&self, figure: Figure) -> i128 {
        self.theirs.as_ref().and_then(|it| it.get(&figure)).copied().unwrap_or_default()
    }

    /// Our figure, zero where we have none.
    pub fn ours(&self, figure: Figure) -> i128 {
        self.ours.as_ref().and_then(|it| it.sums.get(&figure)).copied().unwrap_or_default()
    }

    /// Whether all `figures` are close enough.
    pub fn is_within(&self, figures: &[Figure], tolerance: Tolerance) -> bool {
        figures.iter().all(|figure| tolerance.holds(self.theirs(*figure), self.ours(*figure)))
    }
}

/// One report beside what costtop counted.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Who bills.
    pub provider: Provider,
    /// Tokens or money.
    pub kind: Kind,
    /// Groupings that the report has.
    pub by: Vec<By>,
    /// Where its first bucket begins.
    pub since: Timestamp,
    /// Where its last bucket ends.
    pub until: Timestamp,
    /// What is compared.
    pub figures: Vec<Figure>,
    /// By key.
    pub rows: Vec<Row>,
    /// Over all rows.
    pub total: Row,
    /// Tokens (or pico-dollars) of theirs by UTC day, in hours of the epoch at which it begins.
    pub days: BTreeMap<i64, i128>,
    /// Ours by hour of the epoch.
    pub hours: BTreeMap<i64, i128>,
    /// The first and last event of our logs.
    pub reach: Option<(Timestamp, Timestamp)>,
    /// Tokens that they bill at batch rates.
    pub their_batches: bool,
    /// Pages are missing.
    pub is_cut: bool,
}

impl Comparison {
    /// Puts our charges beside `report`. `wanted` are the groupings asked for; those that the report lacks are left out.
    ///
    /// # Errors
    /// The ledger's temporary file.
    pub fn new(
        (provider, kind): (Provider, Kind),
        report: &Report,
        wanted: &[By],
        key_names: &BTreeMap<String, String>,
        engine: &mut Engine,
        book: &PriceBook,
    ) -> io::Result<Comparison> {
        let by: Vec<By> = wanted.iter().copied().filter(|by| has(report, *by)).collect();
        let models: BTreeSet<String> =
            report.rows.iter().filter_map(|row| row.model.as_ref()).map(|it| canonical(it.as_str())).collect();
        let (since, until) = (report.since, report.until);
        let searches_apart = by.contains(&By::Model) && kind == Kind::Cost && models.contains(WEB_SEARCH);
        let question = Question { provider, models: &models, since, until, by: &by, book, searches_apart };
        let ours = Ours::collect(engine, &question)?;

        let figures: BTreeSet<Figure> = report.rows.iter().flat_map(|row| row.sums.keys().copied()).collect();
        let mut rows: BTreeMap<Key, Row> = BTreeMap::new();
        let mut days: BTreeMap<i64, i128> = BTreeMap::new();
        for stated in &report.rows {
            let key: Key = by
                .iter()
                .map(|by| match by {
                    By::Day => Some(day(stated.start)),
                    By::Model => stated.model.as_ref().map(|it| canonical(it.as_str())),
                    By::Key => stated.key.as_ref().map(|it| {
                        let id = it.as_str();
                        key_names.get(id).map_or(id, String::as_str).to_owned()
                    }),
                })
                .collect();
            add(rows.entry(key).or_default().theirs.get_or_insert_default(), &stated.sums);
            *days.entry(stated.start.ms().div_euclid(DAY_MS) * 24).or_default() += weight(&stated.sums);
        }
        for (key, own) in ours.groups {
            rows.entry(key).or_default().ours = Some(restricted(own, &figures));
        }
        let mut total = Row::default();
        for (key, row) in &mut rows {
            row.key.clone_from(key);
            if let Some(theirs) = &row.theirs {
                add(total.theirs.get_or_insert_default(), theirs);
            }
            if let Some(ours) = &row.ours {
                total.ours.get_or_insert_default().add(ours);
            }
        }
        let mut rows: Vec<Row> = rows.into_values().collect();
        // Groups of nothing on either side say nothing.
        rows.retain(|row| figures.iter().any(|figure| row.theirs(*figure) != 0 || row.ours(*figure) != 0));
        let hour = |(tokens, cost): (i128, i128)| if kind == Kind::Cost { cost } else { tokens };
        Ok(Comparison {
            provider,
            kind,
            by,
            since,
            until,
            figures: figures.into_iter().collect(),
            rows,
            total,
            days,
            hours: ours.hours.into_iter().map(|(at, sums)| (at, hour(sums))).collect(),
            reach: ours.reach,
            their_batches: report.rows.iter().any(|row| row.is_batch),
            is_cut: report.is_cut,
        })
    }

    /// Whether every row and the whole are close enough.
    pub fn is_within(&self, tolerance: Tolerance) -> bool {
        self.total.is_within(&self.figures, tolerance) && self.past(tolerance).next().is_none()
    }

    /// Rows that are too far apart.
    pub fn past(&self, tolerance: Tolerance) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| !row.is_within(&self.figures, tolerance))
    }
}

/// Whether a report can be grouped so.
pub fn has(report: &Report, by: By) -> bool {
    match by {
        By::Day => report.is_daily,
        By::Model => report.rows.iter().any(|row| row.model.is_some()),
        By::Key => report.rows.iter().any(|row| row.key.is_some()),
    }
}

/// All tokens, or the money: what days are weighed by.
fn weight(sums: &Sums) -> i128 {
    let tokens = sums.iter().filter(|(figure, _)| !matches!(figure, Figure::Requests | Figure::Searches));
    tokens.map(|(_, value)| value).sum()
}

/// Our figures as the report has them: where it does not tell writes apart from input, ours are input too.
fn restricted(mut own: Own, figures: &BTreeSet<Figure>) -> Own {
    let writes = [Figure::CacheWrite, Figure::CacheWrite5m, Figure::CacheWrite1h];
    if figures.contains(&Figure::Input) && !writes.iter().any(|figure| figures.contains(figure)) {
        let written = own.sums.get(&Figure::CacheWrite).copied().unwrap_or_default();
        *own.sums.entry(Figure::Input).or_default() += written;
    }
    own.sums.retain(|figure, _| figures.contains(figure));
    own
}
