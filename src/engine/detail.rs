//! What only charges tell of a question: lists of them, how their costs are distributed, the scope in steps of five seconds.
//!
//! Charges enter as they are read from the ledger's rows, then as differences; nothing is read here.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::ledger::Ledger;
use super::list::Part;
use super::names::NameId;
use super::recent::{Burn, Clock, step_of};
use super::spread::Buckets;
use super::top::{Listed, Tops};
use super::view::ChargeOrder;
use crate::money::{Cost, Money};
use crate::time::Timestamp;

/// Groups of one table whose costs are counted in a distribution of their own; where there are more, none is.
const MOST_SPREADS: usize = 2_048;

/// The groups of a charge in both tables, and what they spent in one step.
type StepSums = FxHashMap<[Option<NameId>; 2], Money>;

/// The charges of one question.
#[derive(Debug)]
pub(super) struct Detail {
    pub(super) clock: Clock,
    /// Rows of segments before this one are in; `None`: all are.
    next: Option<usize>,
    tops: Tops,
    /// The list on the screen; without one, the dearest charge is wanted.
    pub(super) order: ChargeOrder,
    /// The lists while they are filled again, and how far that is.
    again: Option<(usize, Tops)>,
    spread: Buckets,
    spreads: [Option<FxHashMap<NameId, Buckets>>; 2],
    /// Money by step, for the chart.
    pub(super) ring: BTreeMap<i64, Part>,
    /// Money of the last five minutes by step and groups, where profiles do not tell it.
    steps: Option<BTreeMap<i64, StepSums>>,
    pub(super) burn: Burn,
}

impl Detail {
    /// Nothing is in yet. With `keeps_steps`, the groups' burn rates are kept here.
    pub(super) fn new(clock: Clock, keeps_steps: bool, tables: [bool; 2]) -> Detail {
        Detail {
            clock,
            next: Some(0),
            tops: Tops::new(),
            order: ChargeOrder::Costliest,
            again: None,
            spread: Buckets::default(),
            spreads: tables.map(|is_shown| is_shown.then(FxHashMap::default)),
            ring: BTreeMap::new(),
            steps: keeps_steps.then(BTreeMap::new),
            burn: Burn::default(),
        }
    }

    pub(super) fn is_built(&self) -> bool {
        self.next.is_none()
    }

    pub(super) fn has_work(&self) -> bool {
        self.next.is_some() || self.again.is_some() || self.tops.is_eaten(self.order)
    }

    /// Which of `segments` is to be read next, and whether for the lists alone.
    pub(super) fn next(&self, segments: usize) -> (usize, bool) {
        match (self.next, &self.again) {
            (Some(next), _) => (next, false),
            (None, Some((next, _))) => (*next, true),
            (None, None) if self.tops.is_eaten(self.order) => (0, true),
            (None, None) => (segments, true),
        }
    }

    /// The segments before `next` have been read; with `is_all` there are no more.
    pub(super) fn read_until(&mut self, next: usize, is_all: bool) {
        if self.next.is_some() {
            self.next = (!is_all).then_some(next);
        } else if is_all {
            self.tops = self.again.take().map_or_else(Tops::new, |(_, tops)| tops);
        } else {
            self.again.get_or_insert_with(|| (0, Tops::new())).0 = next;
        }
    }

    /// The row has been read: what is posted of it counts.
    pub(super) fn has_read(&self, number: u32) -> bool {
        self.next.is_none_or(|next| Ledger::is_before(number, next))
    }

    /// The lists are being filled again, and the row has been read for that.
    pub(super) fn is_listing_again(&self, number: u32) -> bool {
        self.again.as_ref().is_some_and(|(next, _)| Ledger::is_before(number, *next))
    }

    /// A charge read for the lists alone.
    pub(super) fn list_again(&mut self, charge: Listed) {
        self.again.get_or_insert_with(|| (0, Tops::new())).1.change(charge, 1);
    }

    /// A difference for the lists that are being filled again.
    pub(super) fn relist(&mut self, charge: Listed, sign: i64) {
        if let Some((_, tops)) = &mut self.again {
            tops.change(charge, sign);
        }
    }

    /// Adds a charge of the window, or takes it back.
    pub(super) fn count(&mut self, charge: Listed, cost: Option<Cost>, ids: [Option<NameId>; 2], sign: i64) {
        self.tops.change(charge, sign);
        let Some(cost) = cost else { return };
        self.spread.record(cost, sign);
        for (slot, id) in self.spreads.iter_mut().zip(ids) {
            let (Some(spreads), Some(id)) = (slot.as_mut(), id) else { continue };
            if spreads.len() >= MOST_SPREADS && !spreads.contains_key(&id) {
                *slot = None;
                continue;
            }
            spreads.entry(id).or_default().record(cost, sign);
        }
    }

    /// Adds a charge to the steps of five seconds, or takes it back.
    pub(super) fn step(&mut self, time: Timestamp, part: &Part, ids: [Option<NameId>; 2], sign: i64) {
        let step = step_of(time);
        if !self.clock.charts(step) {
            return;
        }
        let sum = self.ring.entry(step).or_default();
        sum.add(part, sign);
        if sum.is_zero() {
            self.ring.remove(&step);
        }
        if let Some(steps) = self.steps.as_mut().filter(|_| self.clock.may_burn(step)) {
            let money = if sign < 0 { -part.money } else { part.money };
            *steps.entry(step).or_default().entry(ids).or_default() += money;
            if self.clock.burns(step) {
                self.burn.add(ids, money);
            }
        }
    }

    /// Moves the steps' end to `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let (before, clock) = (self.clock.now(), Clock::at(now));
        if clock.now() <= before {
            return;
        }
        self.clock = clock;
        if let Some(steps) = &mut self.steps {
            for (_, sums) in steps.range(before + 1..=clock.now()) {
                for (ids, money) in sums {
                    self.burn.add(*ids, *money);
                }
            }
            while let Some(entry) = steps.first_entry()
                && !clock.may_burn(*entry.key())
            {
                for (ids, money) in entry.remove() {
                    self.burn.add(ids, -money);
                }
            }
        }
        while let Some(entry) = self.ring.first_entry()
            && !clock.charts(*entry.key())
        {
            entry.remove();
        }
    }

    /// Money by step and group of one table over the last five minutes, steps just ahead of the clock included.
    pub(super) fn for_each_step(&self, table: usize, mut each: impl FnMut(i64, NameId, Money)) {
        for (step, sums) in self.steps.iter().flatten() {
            for (ids, money) in sums {
                if let Some(id) = ids[table] {
                    each(*step, id, *money);
                }
            }
        }
    }

    pub(super) fn tops(&self) -> &Tops {
        &self.tops
    }

    pub(super) fn spread(&self) -> &Buckets {
        &self.spread
    }

    /// How the costs of one group are distributed, where that is kept.
    pub(super) fn spread_of(&self, table: usize, id: NameId) -> Option<&Buckets> {
        self.spreads[table].as_ref()?.get(&id)
    }
}
