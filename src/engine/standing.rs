//! The sums of one question, moved by differences and by minutes that enter or leave: a frame never walks history.
//!
//! Cells feed what dimensions tell; charges, read from the ledger's rows, what only they tell (`detail`). Both are read in steps, so
//! that a long history holds nothing up; what comes in meanwhile counts at once where reading has passed, else when it gets there.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use rustc_hash::FxHashMap;

use super::Post;
use super::cells::{Cells, Placed};
use super::counters::Counters;
use super::detail::Detail;
use super::groups::{Groups, Moment, TREND};
use super::ledger::Ledger;
use super::list::{CLASSES, ListPrices, Part};
use super::names::{NameId, Names, ProfileId};
use super::recent::{Burn, Clock};
use super::scope::Matcher;
use super::spread::Buckets;
use super::tier::Value;
use super::top::Listed;
use super::view::{By, End, Scope, ViewQuery, Window};
use crate::money::{Cost, Money};
use crate::time::{MINUTE_MS, Timestamp};
use crate::usage::Dimension;

/// What standing sums answer. Order, filter and visible rows are no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) window: Window,
    pub(super) end: End,
    pub(super) scope: Scope,
    /// What the rows of the tables are; `None`: not shown.
    pub(super) by: [Option<By>; 2],
    pub(super) split: bool,
}

impl Question {
    pub(super) fn of(query: &ViewQuery) -> Question {
        let by = [0, 1].map(|table| Some(&query.tables[table]).filter(|table| table.rows > 0).map(|table| table.by));
        let (window, end, split) = (query.window, query.end, query.split);
        Question { window, end, scope: query.scope.clone(), by, split }
    }

    /// Cells alone do not tell it.
    fn needs_charges(&self) -> bool {
        !self.scope.is_all() || self.split || self.by.contains(&Some(By::Session))
    }
}

/// Which minutes a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// First minute inside.
    pub(super) from: i64,
    /// First minute after.
    pub(super) until: i64,
    /// Minutes before the window that the chart's first step looks back on.
    pub(super) lead: i64,
    /// The local day, in minutes.
    pub(super) today: Range<i64>,
    /// It ends at the newest event.
    pub(super) as_of: bool,
}

/// Where figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Cells,
    Charges,
}

/// A charge, or all charges of one cell.
pub(super) struct Spent<'a> {
    pub(super) minute: i64,
    pub(super) profile: ProfileId,
    pub(super) sums: &'a Counters,
    /// What only a charge tells.
    pub(super) charge: Option<(Timestamp, NameId, u32)>,
}

impl<'a> Spent<'a> {
    fn cell(minute: i64, profile: ProfileId, sums: &'a Counters) -> Spent<'a> {
        Spent { minute, profile, sums, charge: None }
    }

    fn session(&self) -> NameId {
        self.charge.map_or(super::names::NONE, |(_, session, _)| session)
    }

    /// What it cost, if it is one charge that has a price.
    pub(super) fn request_cost(&self) -> Option<Cost> {
        (self.sums.unpriced_requests == 0).then(|| self.cost())
    }

    fn cost(&self) -> Cost {
        Cost::from_pico(u64::try_from(self.sums.cost().pico()).unwrap_or(u64::MAX))
    }

    pub(super) fn listed(&self) -> Option<Listed> {
        self.charge.map(|(time, _, number)| Listed { number, time, cost: self.cost() })
    }
}

/// What happens to the charges of a minute when the window moves.
#[derive(Clone, Copy, Debug)]
enum Move {
    Leave,
    Enter,
    /// From one part of the trend to another.
    Shift(usize, usize),
}

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

    /// Reads on, about `cells_at_once` cells; how many it were.
    pub(super) fn read_cells(&mut self, cells: &Cells, cells_at_once: usize, known: &mut Known<'_>) -> usize {
        let Some(next) = self.cells_until else { return 0 };
        let first = self.first_minute().max(next);
        let last = if self.matcher.is_all() { self.span.until } else { self.span.until.max(self.span.today.end) };
        let mut read = 0;
        for minute in cells.blocks(first, last) {
            if read >= cells_at_once {
                self.cells_until = Some(minute);
                return read;
            }
            cells.for_minute(minute, |profile, sums| {
                read += 1;
                self.take(&Spent::cell(minute, profile, sums), 1, known);
            });
            if self.has_cell_spread() && (self.span.from..self.span.until).contains(&minute) {
                self.spread_minute(minute, 1, cells);
            }
        }
        self.cells_until = None;
        read
    }

    /// Reads on, about `segments` segments of rows.
    pub(super) fn read_charges(
        &mut self,
        ledger: &mut Ledger,
        names: &mut Names,
        lists: &mut ListPrices,
        segments: usize,
    ) -> io::Result<()> {
        let Some(detail) = self.detail.as_ref().filter(|detail| detail.has_work()) else { return Ok(()) };
        let mut read = 0;
        let span = self.charges_span();
        let matcher = self.matcher.clone();
        let (mut segment, again) = detail.next(ledger.rows().segments());
        while segment < ledger.rows().segments() {
            if read >= segments {
                break;
            }
            if ledger.overlaps(segment, &span) {
                read += 1;
                ledger.for_each_bill_of(
                    segment,
                    &span,
                    names,
                    |profile, session, names| matcher.takes(profile, session, names),
                    |bill, names| {
                        let sums = bill.sums();
                        let spent = Spent {
                            minute: bill.time.minute(),
                            profile: bill.profile,
                            sums: &sums,
                            charge: Some((bill.time, bill.session, bill.number)),
                        };
                        if again {
                            self.list_again(&spent);
                        } else {
                            self.take(&spent, 1, &mut Known { names, lists });
                        }
                    },
                )?;
            }
            segment += 1;
        }
        if let Some(detail) = &mut self.detail {
            detail.read_until(segment, segment >= ledger.rows().segments());
        }
        Ok(())
    }

    /// Where the charges lie of which anything is told, in milliseconds.
    fn charges_span(&self) -> Range<i64> {
        let mut first = self.span.from;
        let mut last = self.span.until;
        if self.source() == Source::Charges {
            first = self.first_minute();
            last = last.max(self.span.today.end);
        }
        let mut span = first.saturating_mul(MINUTE_MS)..last.saturating_mul(MINUTE_MS);
        if let Some(detail) = &self.detail {
            span.start = span.start.min(detail.clock.chart_start_ms());
            // What is ahead of the clock waits for its time.
            span.end = span.end.max(detail.clock.chart_end_ms());
        }
        span
    }

    /// Only the lists are read again.
    fn list_again(&mut self, spent: &Spent<'_>) {
        let inside = (self.span.from..self.span.until).contains(&spent.minute);
        if let (true, Some(detail), Some(listed)) = (inside, &mut self.detail, spent.listed()) {
            detail.list_again(listed);
        }
    }

    /// Adds what a profile spent in the last five minutes, or takes it back.
    pub(super) fn burn(&mut self, profile: ProfileId, money: Money, names: &Names) {
        if self.source() == Source::Cells && self.matcher.takes_profile(profile, names) {
            self.burn.add(self.ids(profile, super::names::NONE, names), money);
        }
    }

    /// Adds a difference. Cells count where they begin, as a whole.
    pub(super) fn post(&mut self, post: &Post, cell: Placed, known: &mut Known<'_>) {
        if self.cells_until.is_none_or(|next| cell.minute < next) {
            self.take(&Spent::cell(cell.minute, post.profile, &post.sums), post.sign, known);
            let model = known.names.of(post.profile, Dimension::Model);
            let inside = (self.span.from..self.span.until).contains(&cell.minute);
            if inside
                && cell.in_spread
                && self.has_cell_spread()
                && self.matcher.takes_profile(post.profile, known.names)
            {
                let spent = Spent::cell(cell.minute, post.profile, &post.sums);
                if let Some(cost) = spent.request_cost() {
                    self.spread.entry(model).or_default().record(cost, post.sign);
                }
            }
        }
        if self.detail.as_ref().is_some_and(|detail| detail.has_read(post.number)) {
            let spent = Spent {
                minute: post.time.minute(),
                profile: post.profile,
                sums: &post.sums,
                charge: Some((post.time, post.session, post.number)),
            };
            self.take(&spent, post.sign, known);
        }
        if let Some(detail) = &mut self.detail
            && detail.is_listing_again(post.number)
            && (self.span.from..self.span.until).contains(&post.time.minute())
            && self.matcher.takes(post.profile, post.session, known.names)
        {
            let spent = Spent {
                minute: post.time.minute(),
                profile: post.profile,
                sums: &post.sums,
                charge: Some((post.time, post.session, post.number)),
            };
            if let Some(listed) = spent.listed() {
                detail.relist(listed, post.sign);
            }
        }
    }

    /// Adds what was spent to everything it is a part of.
    fn take(&mut self, spent: &Spent<'_>, sign: i64, known: &mut Known<'_>) {
        let names = known.names;
        let inside = (self.span.from..self.span.until).contains(&spent.minute);
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
        let source = if spent.charge.is_some() { Source::Charges } else { Source::Cells };
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

    /// Minutes to the one before `until` enter, as many leave. `false`: so many that it is quicker to build anew.
    pub(super) fn advance(
        &mut self,
        until: i64,
        cells: &Cells,
        ledger: &mut Ledger,
        names: &mut Names,
        lists: &mut ListPrices,
    ) -> io::Result<bool> {
        let length = self.span.until - self.span.from;
        if (until - self.span.until).saturating_mul(TREND + 1) > length.max(TREND + 1) {
            return Ok(false);
        }
        while self.span.until < until {
            // The first minute of each part moves to the part before.
            let mut edges: Vec<i64> = (1..TREND).map(|part| (part * length + TREND - 1) / TREND).collect();
            edges.retain(|place| *place < length);
            edges.dedup();
            let mut moves = vec![(self.span.from, Move::Leave), (self.span.until, Move::Enter)];
            moves.extend(edges.into_iter().map(|place| {
                let part = |place: i64| (place * TREND / length) as usize;
                (self.span.from + place, Move::Shift(part(place), part(place - 1)))
            }));
            self.span.from += 1;
            self.span.until += 1;
            for (minute, how) in moves {
                self.move_cells(minute, how, cells, &mut Known { names, lists });
                if self.detail.is_some() {
                    self.move_charges(minute, how, ledger, names, lists)?;
                }
            }
            let first = self.span.from - self.span.lead;
            while self.curve.first_key_value().is_some_and(|(minute, _)| *minute < first) {
                self.curve.pop_first();
            }
        }
        Ok(true)
    }

    fn move_cells(&mut self, minute: i64, how: Move, cells: &Cells, known: &mut Known<'_>) {
        cells.for_minute(minute, |profile, sums| self.carry(&Spent::cell(minute, profile, sums), how, known));
        if self.has_cell_spread() {
            match how {
                Move::Leave => self.spread_minute(minute, -1, cells),
                Move::Enter => self.spread_minute(minute, 1, cells),
                Move::Shift(..) => {}
            }
        }
    }

    fn move_charges(
        &mut self,
        minute: i64,
        how: Move,
        ledger: &mut Ledger,
        names: &mut Names,
        lists: &mut ListPrices,
    ) -> io::Result<()> {
        let has_trends = (0..2).any(|table| self.tables[table].is_some() && self.source_of(table) == Source::Charges);
        if matches!(how, Move::Shift(..)) && !has_trends {
            return Ok(());
        }
        let matcher = self.matcher.clone();
        let span = minute * MINUTE_MS..(minute + 1) * MINUTE_MS;
        ledger.for_each_bill_in(
            &span,
            names,
            |profile, session, names| matcher.takes(profile, session, names),
            |bill, names| {
                let sums = bill.sums();
                let charge = Some((bill.time, bill.session, bill.number));
                let spent = Spent { minute, profile: bill.profile, sums: &sums, charge };
                self.carry(&spent, how, &mut Known { names, lists });
                if let (Move::Leave | Move::Enter, Some(detail), Some(listed)) = (how, &mut self.detail, spent.listed())
                    && detail.is_listing_again(bill.number)
                {
                    detail.relist(listed, if matches!(how, Move::Leave) { -1 } else { 1 });
                }
            },
        )
    }

    /// The window moves over what was spent.
    fn carry(&mut self, spent: &Spent<'_>, how: Move, known: &mut Known<'_>) {
        let source = if spent.charge.is_some() { Source::Charges } else { Source::Cells };
        if source == Source::Cells {
            match how {
                _ if self.matcher.is_all() => {}
                Move::Leave => self.everything.add(spent.sums, -1),
                Move::Enter => self.everything.add(spent.sums, 1),
                Move::Shift(..) => {}
            }
            if !self.matcher.takes_profile(spent.profile, known.names) {
                return;
            }
        }
        match how {
            Move::Leave => self.sum(spent, -1, 0, source, known),
            Move::Enter => {
                self.sum(spent, 1, self.part(spent.minute), source, known);
                if source == self.source() {
                    self.chart(spent, 1, known);
                }
            }
            Move::Shift(from, to) => {
                let ids = self.ids(spent.profile, spent.session(), known.names);
                for (table, id) in ids.into_iter().enumerate() {
                    let is_from_here = source == self.source_of(table);
                    if let (Some(id), Some(groups)) = (id.filter(|_| is_from_here), &mut self.tables[table]) {
                        groups.shift(id, spent.sums.cost(), from, to);
                    }
                }
            }
        }
    }
}

/// The group of a charge.
pub(super) fn group_of(by: By, profile: ProfileId, session: NameId, names: &Names) -> NameId {
    match by {
        By::Dimension(dimension) => names.of(profile, dimension),
        By::Session => session,
    }
}
