//! The sums of one question, moved by differences and by minutes that enter or leave: a frame never walks history.
//!
//! Cells feed what dimensions tell; charges, read from the ledger's rows, what only they tell (`detail`). Both are read in steps, so
//! that a long history holds nothing up; what comes in meanwhile counts at once where reading has passed, else when it gets there.

mod moving;
mod question;
mod reading;
mod spent;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Post;
use super::cells::{Cells, Placed};
use super::counters::Counters;
use super::detail::Detail;
use super::groups::{Groups, Moment, TREND};
use super::list::{CLASSES, ListPrices, Part};
use super::names::{NONE, NameId, Names, ProfileId};
use super::recent::{Burn, Clock};
use super::scope::Matcher;
use super::spread::Buckets;
use super::tier::Value;
use super::view::{By, End};
use crate::money::Money;
use crate::usage::Dimension;
use spent::Spent;

pub(super) use question::{Question, Span};
pub(super) use spent::Source;

/// Prices and names, which sums need to be told.
pub(super) struct Known<'a> {
    pub(super) names: &'a Names,
    pub(super) lists: &'a mut ListPrices,
}

/// One question's sums.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) question: Question,
    pub(super) matcher: Matcher,
    pub(super) span: Span,
    /// In the window, of everything; where the scope is less than that.
    pub(super) everything: Counters,
    /// In the scope and the window.
    pub(super) total: Counters,
    /// What its tokens cost at base rates, by class, in half-attodollars; where the question asks for it.
    pub(super) listed: [i128; CLASSES],
    /// In the scope, since local midnight.
    pub(super) today: Counters,
    /// Money of the scope by the minute in which its cell begins, from `lead` minutes before the window on.
    pub(super) curve: BTreeMap<i64, Part>,
    pub(super) tables: [Option<Groups>; 2],
    /// Costs of requests by model, where cells know them for the scope.
    pub(super) spread: FxHashMap<NameId, Buckets>,
    /// The last five minutes, where profiles tell them.
    pub(super) burn: Burn,
    pub(super) detail: Option<Detail>,
    /// Cells that begin before this minute are in; `None`: all are.
    cells_until: Option<i64>,
    /// When it was asked last, in questions.
    pub(super) asked: u64,
}

impl Standing {
    /// Nothing is in yet. `filters` are the tables'.
    pub(super) fn new(question: Question, span: Span, charges: bool, filters: [&str; 2], clock: Clock) -> Standing {
        let matcher = Matcher::new(&question.scope);
        let tables = [0, 1].map(|table| {
            let by = question.by[table]?;
            Some(Groups::new(filters[table], by != By::MODEL))
        });
        let mut standing = Standing {
            matcher,
            span,
            everything: Counters::default(),
            total: Counters::default(),
            listed: [0; CLASSES],
            today: Counters::default(),
            curve: BTreeMap::new(),
            tables,
            spread: FxHashMap::default(),
            burn: Burn::default(),
            detail: None,
            cells_until: Some(i64::MIN),
            asked: 0,
            question,
        };
        if charges || standing.question.needs_charges() {
            standing.want_charges(clock);
        }
        standing
    }

    /// Single charges are asked for, too.
    pub(super) fn want_charges(&mut self, clock: Clock) {
        if self.detail.is_none() {
            let by_session = self.question.by.contains(&Some(By::Session)) || self.matcher.session().is_some();
            self.detail = Some(Detail::new(clock, by_session, self.question.by.map(|by| by.is_some())));
        }
    }

    /// Everything is in.
    pub(super) fn is_built(&self) -> bool {
        self.cells_until.is_none() && self.detail.as_ref().is_none_or(Detail::is_built)
    }

    /// There is reading to do: to be built, or to fill lists again.
    pub(super) fn has_work(&self) -> bool {
        self.cells_until.is_some() || self.detail.as_ref().is_some_and(Detail::has_work)
    }

    /// There are cells to read.
    pub(super) fn has_cells_left(&self) -> bool {
        self.cells_until.is_some()
    }

    /// Ends at the clock and moves with it.
    pub(super) fn follows(&self) -> bool {
        self.question.end == End::Now && !self.span.as_of
    }

    /// The first minute of which it tells something.
    pub(super) fn first_minute(&self) -> i64 {
        let window = self.span.from.saturating_sub(self.span.lead);
        if self.matcher.is_all() { window } else { window.min(self.span.today.start) }
    }

    /// Cells tell how costs are distributed in this scope.
    pub(super) fn has_cell_spread(&self) -> bool {
        self.matcher.is_all() || self.matcher.is_only_model()
    }

    /// From which charges the totals are made.
    pub(super) fn source(&self) -> Source {
        if self.matcher.session().is_some() { Source::Charges } else { Source::Cells }
    }

    /// From which charges a table is made.
    pub(super) fn source_of(&self, table: usize) -> Source {
        if self.question.by[table] == Some(By::Session) { Source::Charges } else { self.source() }
    }

    /// The groups of a charge in both tables.
    pub(super) fn ids(&self, profile: ProfileId, session: NameId, names: &Names) -> [Option<NameId>; 2] {
        self.question.by.map(|by| by.map(|by| group_of(by, profile, session, names)))
    }

    /// Which part of the trend a minute of the window lies in.
    fn part(&self, minute: i64) -> usize {
        let length = (self.span.until - self.span.from).max(1);
        ((minute - self.span.from) * TREND / length).clamp(0, TREND - 1) as usize
    }

    /// Adds what a profile spent in the last five minutes, or takes it back.
    pub(super) fn burn(&mut self, profile: ProfileId, money: Money, names: &Names) {
        if self.source() == Source::Cells && self.matcher.takes_profile(profile, names) {
            self.burn.add(self.ids(profile, NONE, names), money);
        }
    }

    /// Adds a difference. Cells count where they begin, as a whole.
    pub(super) fn post(&mut self, post: &Post, cell: Placed, known: &mut Known<'_>) {
        if self.cells_until.is_none_or(|next| cell.minute < next) {
            let spent = Spent::cell(cell.minute, post.profile, &post.sums);
            self.take(&spent, post.sign, known);
            if self.span.holds(cell.minute)
                && cell.in_spread
                && self.has_cell_spread()
                && self.matcher.takes_profile(post.profile, known.names)
                && let Some(cost) = spent.request_cost()
            {
                let model = known.names.of(post.profile, Dimension::Model);
                self.spread.entry(model).or_default().record(cost, post.sign);
            }
        }
        let Some(detail) = &self.detail else { return };
        let spent = Spent::post(post);
        if detail.has_read(post.number) {
            self.take(&spent, post.sign, known);
        }
        if let Some(detail) = &mut self.detail
            && detail.is_listing_again(post.number)
            && self.span.holds(spent.minute)
            && self.matcher.takes(post.profile, post.session, known.names)
            && let Some(listed) = spent.listed()
        {
            detail.relist(listed, post.sign);
        }
    }

    /// Adds what was spent to everything it is a part of.
    fn take(&mut self, spent: &Spent<'_>, sign: i64, known: &mut Known<'_>) {
        let names = known.names;
        let inside = self.span.holds(spent.minute);
        if inside && spent.charge.is_none() && !self.matcher.is_all() {
            self.everything.add(spent.sums, sign);
        }
        let matches = match spent.charge {
            Some((_, session, _)) => self.matcher.takes(spent.profile, session, names),
            None => self.matcher.takes_profile(spent.profile, names),
        };
        if !matches {
            return;
        }
        let source = spent.source();
        let charted = spent.minute >= self.span.from - self.span.lead && spent.minute < self.span.until;
        if source == self.source() {
            if self.span.today.contains(&spent.minute) {
                self.today.add(spent.sums, sign);
            }
            if charted {
                self.chart(spent, sign, known);
            }
        }
        if inside {
            self.sum(spent, sign, self.part(spent.minute), source, known);
        }
        if source == Source::Charges {
            let part = self.what_for(spent, known);
            let ids = self.ids(spent.profile, spent.session(), names);
            if let (Some(detail), Some((time, _, _))) = (&mut self.detail, spent.charge) {
                detail.step(time, &part, ids, sign);
            }
        }
    }

    fn what_for(&self, spent: &Spent<'_>, known: &mut Known<'_>) -> Part {
        if self.question.split {
            known.lists.part(spent.profile, spent.sums, known.names)
        } else {
            Part::plain(spent.sums.cost())
        }
    }

    fn chart(&mut self, spent: &Spent<'_>, sign: i64, known: &mut Known<'_>) {
        let part = self.what_for(spent, known);
        let sum = self.curve.entry(spent.minute).or_default();
        sum.add(&part, sign);
        if sum.is_zero() {
            self.curve.remove(&spent.minute);
        }
    }

    /// Adds to the sums of the window.
    fn sum(&mut self, spent: &Spent<'_>, sign: i64, part: usize, source: Source, known: &mut Known<'_>) {
        if source == self.source() {
            self.total.add(spent.sums, sign);
            if self.question.split {
                let list = known.lists.part(spent.profile, spent.sums, known.names).list;
                for (sum, list) in self.listed.iter_mut().zip(list) {
                    *sum += i128::from(sign) * list;
                }
            }
        }
        let ids = self.ids(spent.profile, spent.session(), known.names);
        for (table, id) in ids.into_iter().enumerate() {
            let is_from_here = source == self.source_of(table);
            let Some(id) = id.filter(|_| is_from_here) else { continue };
            if let Some(groups) = &mut self.tables[table] {
                let time = spent.charge.map(|(time, _, _)| time);
                let model = known.names.of(spent.profile, Dimension::Model);
                groups.add(id, model, spent.sums, sign, Moment { part, time }, known.names);
            }
        }
        if let (Some(detail), Some(listed)) = (&mut self.detail, spent.listed()) {
            detail.count(listed, spent.request_cost(), ids, sign);
        }
    }

    fn spread_minute(&mut self, minute: i64, sign: i64, cells: &Cells) {
        let only = self.matcher.model();
        let spread = &mut self.spread;
        cells.spread_of_minute(minute, |model, buckets| {
            if only.is_some_and(|only| only != model) {
                return;
            }
            let sum = spread.entry(model).or_default();
            if sign < 0 { sum.take_back(buckets) } else { sum.join(buckets) }
        });
    }
}

/// The group of a charge.
pub(super) fn group_of(by: By, profile: ProfileId, session: NameId, names: &Names) -> NameId {
    match by {
        By::Dimension(dimension) => names.of(profile, dimension),
        By::Session => session,
    }
}
