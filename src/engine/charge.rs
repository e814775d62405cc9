//! Single charges for screens: a bill and its names enter, a row of a list or all that is known of it leaves.

use std::io;

use super::Engine;
use super::bill::{Bill, CostSource};
use super::names::{NONE, Names, ProfileId};
use super::view::{ChargeDetail, ChargeId, ChargeRow, RecordFacts, SessionFacts};
use crate::label::Label;
use crate::usage::{Dimension, OwnLabels};

impl Engine {
    /// Everything known about a charge; `None` where there is none of that number.
    ///
    /// # Errors
    /// The rows' file cannot be read.
    pub fn charge(&mut self, id: ChargeId) -> io::Result<Option<ChargeDetail>> {
        if !self.ledger.has(id)? {
            return Ok(None);
        }
        let Some((bill, mut classes)) = self.ledger.charge_of(id, &mut self.names)? else { return Ok(None) };
        let names = &self.names;
        classes.sort_by_key(|class| (class.number != bill.number, class.row.place));
        let reported = match bill.source {
            CostSource::Reported => Some(bill.cost),
            _ => classes.iter().filter_map(|class| class.row.reported).max(),
        };
        let records = classes.iter().map(|class| RecordFacts {
            origin: class.row.origin,
            side_chain: class.row.side_chain,
            place: class.row.place,
            source: names.named(names.of(class.row.profile, Dimension::Source)).cloned(),
        });
        Ok(Some(ChargeDetail {
            row: row(&bill, names),
            dimensions: known_dimensions(bill.profile, self.options.own, names),
            reported,
            computed: bill.computed,
            saved_pico: bill.saved_pico,
            batch: bill.batch,
            records: records.collect(),
        }))
    }

    /// The session of a scope as a whole.
    pub(super) fn session_facts(&self, session: super::names::NameId) -> Option<SessionFacts> {
        self.sessions.get(session).map(|facts| SessionFacts {
            first: facts.first,
            last: facts.last,
            turns: facts.turns,
            cost: facts.cost,
            dimensions: known_dimensions(facts.profile, self.options.own, &self.names),
        })
    }
}

/// A charge as lists show it.
pub(super) fn row(bill: &Bill, names: &Names) -> ChargeRow {
    let named = |dimension| names.named(names.of(bill.profile, dimension)).cloned();
    ChargeRow {
        id: bill.number,
        time: bill.time,
        cost: bill.cost,
        source: bill.source,
        model: named(Dimension::Model),
        user: named(Dimension::User),
        project: named(Dimension::Project),
        session: (bill.session != NONE).then(|| (bill.session, names.label(bill.session).clone())),
        tokens: bill.tokens,
        status: bill.status,
        latency_ms: bill.latency_ms,
        stop_reason: names.named(bill.stop_reason).cloned(),
        cache_hit: bill.cache_hit,
        subscription: bill.subscription,
    }
}

fn known_dimensions(profile: ProfileId, own: OwnLabels, names: &Names) -> Vec<(Dimension, Label)> {
    let known = |dimension: Dimension| Some((dimension, names.named(names.of(profile, dimension))?.clone()));
    let own = own.into_iter().flatten().map(Dimension::Own);
    Dimension::ALL.into_iter().chain(own).filter_map(known).collect()
}
