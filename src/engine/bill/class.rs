//! What all records of one class say together: a new record enters, the class that knows it, too, leaves, whatever came first.

use std::cmp::Ordering;

use crate::engine::names::{NONE, NameId, Names, Profile};
use crate::engine::rows::{FACETS, Row};
use crate::usage::Dimension;

/// A class with the times of its facets.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// The row's number.
    pub number: u32,
    /// The row.
    pub row: Row,
    /// Event times of the records whose dimensions won, by facet; `i64::MAX` is undated.
    pub times: [i64; FACETS],
}

/// Joins what a new record says to its class. Commutative, associative and idempotent in everything but `next` and `ids.links`.
#[must_use]
pub fn join(old: &Class, new: &Row, names: &mut Names) -> Class {
    let times = new.even_times();
    if new.revision != old.row.revision {
        if new.revision < old.row.revision {
            return *old;
        }
        let row = Row { ids: old.row.ids, next: old.row.next, ragged: false, ..*new };
        return Class { number: old.number, row, times };
    }
    let mut row = old.row;
    let order = by_tokens(new, &old.row, names);
    let tokens_from = if order.is_gt() || (order.is_eq() && new.place < old.row.place) { new } else { &old.row };
    row.is_final = tokens_from.is_final;
    row.tokens = tokens_from.tokens;
    row.tokens_dated = tokens_from.tokens_dated;
    row.tokens_time = tokens_from.tokens_time;
    row.status = tokens_from.status;
    row.latency_ms = tokens_from.latency_ms;
    row.stop_reason = tokens_from.stop_reason;
    row.computed = tokens_from.computed;
    row.saved_pico = tokens_from.saved_pico;
    row.batch = tokens_from.batch;
    row.whole_terms = tokens_from.whole_terms;
    row.subscription |= new.subscription;
    row.place = tokens_from.place;
    row.reported = old.row.reported.max(new.reported);
    if by_time(new, &old.row).is_lt() {
        row.time = new.time;
        row.dated = new.dated;
    }
    let (ours, theirs) = (*names.dimensions(old.row.profile), *names.dimensions(new.profile));
    let mut profile = *names.dimensions(tokens_from.profile);
    let mut won = old.times;
    for (index, won) in won.iter_mut().enumerate() {
        let (mine, yours) = (facet(&old.row, &ours, index), facet(new, &theirs, index));
        let takes = yours != NONE
            && (mine == NONE
                || (times[index], names.label(yours).as_str()) < (old.times[index], names.label(mine).as_str()));
        let value = if takes { yours } else { mine };
        *won = if takes { times[index] } else { old.times[index] };
        if index == Dimension::CHOSEN {
            row.session = value;
        } else {
            profile[index] = value;
        }
    }
    row.profile = names.profile(profile);
    let even = row.facet_time();
    row.ragged = (0..FACETS).any(|index| facet(&row, &profile, index) != NONE && won[index] != even);
    Class { number: old.number, row, times: if row.ragged { won } else { [even; FACETS] } }
}

/// Which of two records' tokens win where source and side chain are equal; `Greater`: the first.
pub(super) fn by_tokens(a: &Row, b: &Row, names: &Names) -> Ordering {
    let key = |row: &Row| {
        let t = &row.tokens;
        (
            (row.is_final, row.revision, t.output, t.prompt(), row.tokens_dated, row.tokens_time),
            (t.input, t.cache_read, t.cache_write_5m, t.cache_write_1h, t.reasoning, t.web_searches),
        )
    };
    let text = |row: &Row, dimension: Dimension| names.label(names.of(row.profile, dimension)).as_str();
    key(a)
        .cmp(&key(b))
        .then_with(|| {
            if a.profile == b.profile {
                return Ordering::Equal;
            }
            [Dimension::Provider, Dimension::Model, Dimension::Tier]
                .into_iter()
                .map(|dimension| text(a, dimension).cmp(text(b, dimension)))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        })
        .then_with(|| names.label(a.stop_reason).as_str().cmp(names.label(b.stop_reason).as_str()))
        .then_with(|| {
            (a.status, a.latency_ms, a.computed, a.saved_pico, a.batch).cmp(&(
                b.status,
                b.latency_ms,
                b.computed,
                b.saved_pico,
                b.batch,
            ))
        })
}

/// Event times, the undated last.
pub(super) fn by_time(a: &Row, b: &Row) -> Ordering {
    (!a.dated, a.time).cmp(&(!b.dated, b.time))
}

/// The value of a facet.
pub(super) fn facet(row: &Row, profile: &Profile, facet: usize) -> NameId {
    if facet == Dimension::CHOSEN { row.session } else { profile[facet] }
}
