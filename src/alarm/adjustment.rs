//! Corrections of budgets, by a person or by a record in a log: an amount, for whom and why enters once; the sums of the budgets it means move
//! by it.
//!
//! An adjustment moves budgets and nothing else: what was spent stays what was spent. It is kept for at least as long as a budget can count it.

mod record;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::budget::Budgets;
use super::scope::Parts;
use super::state::Alarms;
use crate::engine::names::{NONE, NameId, Names};
use crate::label::Label;
use crate::money::Money;
use crate::time::{DAY_MS, MINUTE_MS, Timestamp};
use crate::usage::Dimension;
pub use record::{EXAMPLE, Names as StatedNames, Stated};

/// Two months: the longest period and the one before it.
const KEPT_MS: i64 = 62 * DAY_MS;
/// At most so many are kept, or the older ones are forgotten; more in two months is a script gone wrong, and is refused. 4 MB as JSON.
const MOST: usize = 1 << 14;
/// One this far ahead of the clock waits for its time, as charges do (DESIGN 5.4).
const AHEAD_MS: i64 = 2 * MINUTE_MS;

/// One correction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Chosen by who sends it: the same one again is the same correction.
    pub id: Label,
    /// In whose period it counts.
    pub time: Timestamp,
    /// The budget; `None`: every budget that counts for whom it is.
    pub budget: Option<Label>,
    /// For whom: what a charge of theirs would say.
    pub of: Vec<(Dimension, Label)>,
    /// For which session.
    pub session: Option<Label>,
    /// Added to what was spent; less than nothing gives money back.
    pub amount: Money,
    /// Why.
    pub reason: Option<Label>,
    /// Who did it.
    pub by: Label,
}

/// Why an adjustment is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdjustError {
    /// No budget of that name.
    #[error("no budget '{name}': {remedy}")]
    NoBudget {
        /// As it was named.
        name: Label,
        /// Those that there are, or that there is none.
        remedy: String,
    },
    /// A budget for each user needs to know which user.
    #[error("budget '{0}' is kept for each {1}: say which {1}")]
    NoKey(Label, &'static str),
    /// It lies in no period that is kept.
    #[error("no budget counts this: its period is over, or no budget is kept for whom it names")]
    Nowhere,
    /// Its time is before that of one that was forgotten: nobody knows any more whether it was taken.
    #[error("it is older than what is remembered of adjustments")]
    Late,
    /// Too many.
    #[error("{MOST} adjustments in two months are enough: change the limit of the budget instead")]
    TooMany,
}

/// What became of an adjustment that a log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is new, and budgets count it now.
    Counts,
    /// It is new; its time has not come.
    Waits,
    /// It was taken before.
    Known,
}

/// All corrections that are remembered, and the sum of all there ever were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustments {
    total: Money,
    /// Those that budgets have counted, or would have.
    kept: Vec<Adjustment>,
    /// Those whose time has not come.
    #[serde(default)]
    waiting: Vec<Adjustment>,
    /// The latest time of one that was forgotten.
    #[serde(default)]
    forgotten: Option<Timestamp>,
    /// The ids of all that are remembered.
    #[serde(skip)]
    ids: HashSet<Label>,
}

impl Adjustments {
    /// What [`Adjustments::save`] wrote. Those whose time came since then wait no longer.
    ///
    /// # Errors
    /// No such JSON.
    pub fn load(text: &str, now: Timestamp) -> Result<Adjustments, serde_json::Error> {
        let mut loaded: Adjustments = serde_json::from_str(text)?;
        loaded.ids = loaded.kept.iter().chain(&loaded.waiting).map(|adjustment| adjustment.id.clone()).collect();
        loaded.ripe(now);
        Ok(loaded)
    }

    /// As JSON.
    #[must_use]
    pub fn save(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// The sum of all there ever were.
    #[must_use]
    pub fn total(&self) -> Money {
        self.total
    }

    /// The sum of those in a span; of one without bounds, of all there ever were. What was forgotten is known as a part of that alone.
    #[must_use]
    pub fn within(&self, since: Option<Timestamp>, until: Option<Timestamp>) -> Money {
        if since.is_none() && until.is_none() {
            return self.total;
        }
        let meant = |time: Timestamp| since.is_none_or(|since| time >= since) && until.is_none_or(|until| time < until);
        self.kept.iter().chain(&self.waiting).filter(|one| meant(one.time)).map(|one| one.amount).sum()
    }

    /// Those whose time has come and that are remembered, in the order in which they came.
    #[must_use]
    pub fn kept(&self) -> &[Adjustment] {
        &self.kept
    }

    /// It was taken before.
    #[must_use]
    pub fn has(&self, id: &Label) -> bool {
        self.ids.contains(id)
    }

    /// Moves the budgets by what a person says and keeps it; returns how many sums it moved. One that was taken before moves none.
    ///
    /// # Errors
    /// [`AdjustError`]: nothing moved.
    pub fn take(
        &mut self,
        adjustment: Adjustment,
        (budgets, names): (&mut Budgets, &mut Names),
        now: Timestamp,
        alarms: &mut Alarms,
    ) -> Result<usize, AdjustError> {
        if self.has(&adjustment.id) {
            return Ok(0);
        }
        self.make_room(now)?;
        let moved = budgets.adjust(&adjustment, names, alarms)?;
        self.keep(&adjustment);
        self.kept.push(adjustment);
        Ok(moved)
    }

    /// Keeps what a record in a log says, whether or not a budget counts it: a log is read once, and budgets come and go.
    ///
    /// # Errors
    /// [`AdjustError::Late`] and [`AdjustError::TooMany`]: it is not kept.
    pub fn find(&mut self, adjustment: Adjustment, now: Timestamp) -> Result<Found, AdjustError> {
        if self.has(&adjustment.id) {
            return Ok(Found::Known);
        }
        if self.forgotten.is_some_and(|forgotten| adjustment.time <= forgotten) {
            return Err(AdjustError::Late);
        }
        self.make_room(now)?;
        self.keep(&adjustment);
        if adjustment.time > now.plus_ms(AHEAD_MS) {
            self.waiting.push(adjustment);
            return Ok(Found::Waits);
        }
        self.kept.push(adjustment);
        Ok(Found::Counts)
    }

    /// Those whose time came since they were found.
    pub fn ripe(&mut self, now: Timestamp) -> &[Adjustment] {
        let from = self.kept.len();
        if !self.waiting.is_empty() {
            self.kept.extend(self.waiting.extract_if(.., |adjustment| adjustment.time <= now));
        }
        &self.kept[from..]
    }

    fn keep(&mut self, adjustment: &Adjustment) {
        self.total += adjustment.amount;
        self.ids.insert(adjustment.id.clone());
    }

    /// Forgets what no budget counts any more, where nothing else makes room for one more.
    fn make_room(&mut self, now: Timestamp) -> Result<(), AdjustError> {
        if self.ids.len() < MOST {
            return Ok(());
        }
        let old = now.plus_ms(-KEPT_MS);
        for gone in self.kept.extract_if(.., |adjustment| adjustment.time <= old) {
            self.ids.remove(&gone.id);
            self.forgotten = self.forgotten.max(Some(gone.time));
        }
        if self.ids.len() < MOST { Ok(()) } else { Err(AdjustError::TooMany) }
    }
}

impl Adjustment {
    /// Whom it names, by number, as a charge of theirs would.
    pub(super) fn parts(&self, names: &mut Names) -> (Parts, NameId) {
        let of = self.of.iter().map(|(dimension, label)| (*dimension, names.intern(label))).collect();
        let session = self.session.as_ref().map_or(NONE, |label| names.intern(label));
        (Parts(of), session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_795_000_000_000);

    fn found(id: usize, minutes: i64) -> Adjustment {
        Adjustment {
            id: Label::new(&id.to_string()),
            time: NOW.plus_ms(minutes * MINUTE_MS),
            budget: None,
            of: Vec::new(),
            session: None,
            amount: Money::from_pico(1),
            reason: None,
            by: Label::new("a log"),
        }
    }

    #[test]
    fn what_lies_ahead_waits_and_counts_once() {
        let mut adjustments = Adjustments::default();
        assert_eq!(adjustments.find(found(1, 60), NOW), Ok(Found::Waits));
        assert_eq!(adjustments.find(found(2, 1), NOW), Ok(Found::Counts));
        // Over a restart, too.
        let saved = adjustments.save();
        let mut adjustments = Adjustments::load(&saved, NOW).expect("what was saved");
        assert_eq!(adjustments.find(found(1, 60), NOW), Ok(Found::Known));
        assert!(adjustments.ripe(NOW).is_empty());
        assert_eq!(adjustments.ripe(NOW.plus_ms(60 * MINUTE_MS)), [found(1, 60)]);
        assert!(adjustments.ripe(NOW.plus_ms(60 * MINUTE_MS)).is_empty());
        assert_eq!((adjustments.kept().len(), adjustments.total().pico()), (2, 2));
        // Its time may come while nobody runs.
        let late = NOW.plus_ms(60 * MINUTE_MS);
        let mut adjustments = Adjustments::load(&saved, late).expect("what was saved");
        assert_eq!((adjustments.kept().len(), adjustments.total().pico()), (2, 2));
        assert!(adjustments.ripe(late).is_empty());
        assert_eq!(adjustments.find(found(1, 60), late), Ok(Found::Known));
    }

    #[test]
    fn what_was_forgotten_is_late_and_counts_no_second_time() {
        let mut adjustments = Adjustments::default();
        let year = -365 * 1440;
        for id in 0..MOST {
            // Half of them of a year ago: a history that is read at once is taken whole.
            let minutes = if id % 2 == 0 { year } else { -1 };
            assert_eq!(adjustments.find(found(id, minutes), NOW), Ok(Found::Counts));
        }
        assert_eq!(adjustments.find(found(MOST, -1), NOW), Ok(Found::Counts), "the old ones made room");
        assert_eq!(adjustments.find(found(0, year), NOW), Err(AdjustError::Late));
        assert_eq!(adjustments.find(found(1, -1), NOW), Ok(Found::Known));
        assert_eq!(adjustments.total().pico(), MOST as i128 + 1);
        for id in 0..MOST / 2 - 1 {
            assert_eq!(adjustments.find(found(MOST + 1 + id, -1), NOW), Ok(Found::Counts));
        }
        assert_eq!(adjustments.find(found(2 * MOST, -1), NOW), Err(AdjustError::TooMany));
    }
}
