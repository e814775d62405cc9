//! Which standing sums are kept: those of the screen and of the screens to which a person may return, so that going back is instant.

use std::io;

use super::Engine;
use super::chart::lead_ms;
use super::recent::Clock;
use super::standing::{Known, Question, Span, Standing};
use super::view::{End, ViewQuery};
use crate::time::{MINUTE_MS, Timestamp};

/// Questions whose sums are kept: a way down from the overview, and one beside it.
const MOST_KEPT: usize = 5;
/// Cells read at once: some 10 ms.
const CELLS_AT_ONCE: usize = 1 << 16;
/// Segments of rows read at once: 5 ms where few charges are of the scope, 20 where all are.
const SEGMENTS_AT_ONCE: usize = 48;

impl Engine {
    /// Where a question's window ends. By itself at the clock; where nothing falls inside, at the newest event.
    pub(super) fn window_end(&self, query: &ViewQuery) -> (Timestamp, bool) {
        match (query.end, self.newest) {
            (End::At(until), _) => (until, false),
            (End::Now, Some(newest)) if newest.minute() <= self.now.minute() - query.window.minutes() => (newest, true),
            (End::Now, _) => (self.now, false),
        }
    }

    fn span(&self, query: &ViewQuery, until: Timestamp, as_of: bool) -> Span {
        let until = match query.end {
            End::Now => until.minute() + 1,
            End::At(_) => until.plus_ms(-1).minute() + 1,
        };
        let length = query.window.minutes();
        let needed =
            if query.chart_steps == 0 { 0 } else { lead_ms(length * MINUTE_MS, query.chart_steps) / MINUTE_MS + 2 };
        // More than is needed at once, so that another width of the chart does not begin anew.
        let lead = needed.max(length / 16 + 7);
        let today = self.today.0.minute()..self.today.1.minute();
        Span { from: until - length, until, lead, today, as_of }
    }

    /// The sums of a question, moved to where they should be; where there are none, new ones with nothing in them. They are the last.
    pub(super) fn stand(&mut self, query: &ViewQuery, until: Timestamp, as_of: bool) -> usize {
        self.asked += 1;
        let question = Question::of(query);
        let span = self.span(query, until, as_of);
        let filters = [0, 1].map(|table: usize| query.tables[table].filter.as_str());
        let clock = Clock::at(self.now);
        let known = self.kept.iter().position(|standing| standing.serves(&question, &span, query.chart_steps > 0));
        let place = known.filter(|place| self.follow(*place, span.until)).unwrap_or_else(|| {
            let mut standing = Standing::new(question.clone(), span, query.charges.rows > 0, filters, clock);
            let names = &self.names;
            self.recent.for_each_burning(|profile, money| standing.burn(profile, money, names));
            // What is of no more use makes room: an older form of the same question, else what was asked longest ago. The newest
            // overview stays.
            let overview = self.kept.iter().filter(|kept| kept.matcher.is_all()).map(|kept| kept.asked).max();
            let place = self.kept.iter().position(|kept| kept.question == question).or_else(|| {
                let full = self.kept.len() >= MOST_KEPT;
                let oldest = (0..self.kept.len())
                    .filter(|place| standing.matcher.is_all() || Some(self.kept[*place].asked) != overview)
                    .min_by_key(|place| self.kept[*place].asked);
                oldest.filter(|_| full)
            });
            if let Some(place) = place {
                self.kept[place] = standing;
                return place;
            }
            self.kept.push(standing);
            self.kept.len() - 1
        });
        let standing = &mut self.kept[place];
        standing.asked = self.asked;
        if query.charges.rows > 0 {
            standing.want_charges(clock);
        }
        place
    }

    /// Moves built sums to `until`; `false`: they must be built anew.
    fn follow(&mut self, place: usize, until: i64) -> bool {
        let Engine { kept, cells, ledger, names, lists, trouble, .. } = self;
        let standing = &mut kept[place];
        if !standing.is_built() {
            return true;
        }
        standing.advance(until, cells, ledger, names, lists).unwrap_or_else(|error| {
            *trouble = Some(error);
            false
        })
    }

    /// A minute has passed: all sums that end at the clock move, so that going back to them is instant.
    pub(super) fn advance_kept(&mut self) {
        let until = self.now.minute() + 1;
        let mut place = 0;
        while place < self.kept.len() {
            if self.kept[place].follows() && !self.follow(place, until) {
                self.kept.swap_remove(place);
            } else {
                place += 1;
            }
        }
    }

    /// Reads on for the sums at `place`.
    pub(super) fn read(&mut self, place: usize) -> io::Result<()> {
        let Engine { kept, cells, ledger, names, lists, rows_missing, .. } = self;
        let standing = &mut kept[place];
        let read = standing.read_cells(cells, CELLS_AT_ONCE, &mut Known { names, lists });
        // One after the other, unless there is little of both.
        if !*rows_missing && read < CELLS_AT_ONCE / 8 {
            standing.read_charges(ledger, names, lists, SEGMENTS_AT_ONCE)?;
        }
        Ok(())
    }

    /// Goes on with what the question asked last still needs; `true` while there is more to do.
    ///
    /// # Errors
    /// The rows' file cannot be read, now or when a question was answered.
    pub fn work(&mut self) -> io::Result<bool> {
        if let Some(error) = self.trouble.take() {
            return Err(error);
        }
        let Some(place) = self.kept.iter().position(|standing| standing.asked == self.asked) else { return Ok(false) };
        if self.has_work(place) {
            self.read(place)?;
        }
        self.read_drift()?;
        Ok(self.has_work(place) || self.has_drift_left())
    }

    /// [`Engine::work`] has something to do.
    #[must_use]
    pub fn is_working(&self) -> bool {
        let last = self.kept.iter().position(|standing| standing.asked == self.asked);
        self.trouble.is_some() || self.has_drift_left() || last.is_some_and(|place| self.has_work(place))
    }

    fn has_work(&self, place: usize) -> bool {
        let standing = &self.kept[place];
        if self.rows_missing { standing.has_cells_left() } else { standing.has_work() }
    }
}

impl Standing {
    /// These sums answer a question, once they have moved to its span. With `charted`, its chart must be there, too.
    fn serves(&self, question: &Question, span: &Span, charted: bool) -> bool {
        let own = &self.question;
        let tables = own.by.iter().zip(question.by).all(|(own, wanted)| wanted.is_none() || *own == wanted);
        let same = (own.window, own.end) == (question.window, question.end) && own.scope == question.scope;
        let of_today = self.matcher.is_all() || self.span.today == span.today;
        same && tables
            && (own.split || !question.split)
            && self.span.as_of == span.as_of
            && self.span.until <= span.until
            && of_today
            && (!charted || self.span.lead >= span.lead)
    }
}
