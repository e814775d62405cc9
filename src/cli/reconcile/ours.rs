//! What costtop counted of one provider: the ledger's charges enter, sums by day, model and key leave. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::By;
use super::export::Provider;
use super::figure::{Figure, Sums, add};
use crate::engine::Engine;
use crate::engine::bill::{Bill, CostSource};
use crate::price::PriceBook;
use crate::price::names::{Wanted, table_provider, undated};
use crate::time::{Timestamp, Zone};
use crate::usage::{Dimension, RawText, Tokens, Usage};

/// A shift between time zones moves a charge by so much at most.
pub const FARTHEST_ZONE_HOURS: i64 = 14;

const HOUR_MS: i64 = 3_600_000;

/// How Anthropic's cost report calls what is no model's.
pub const WEB_SEARCH: &str = "web_search";

/// One part of a group's key for each grouping; `None` where nobody is named.
pub type Key = Vec<Option<String>>;

/// What costtop knows of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// Every figure; cost is the chosen one.
    pub sums: Sums,
    /// What the table alone would make of the cost.
    pub computed_pico: i128,
    /// How much of the cost is as logs report it.
    pub reported_pico: i128,
    /// Requests without a price.
    pub unpriced: i128,
    /// Requests at batch rates.
    pub batches: i128,
}

/// Everything costtop counted of a provider in a span.
#[derive(Clone, Debug, Default)]
pub struct Ours {
    /// By key.
    pub groups: BTreeMap<Key, Own>,
    /// Tokens and pico-dollars by hour of the epoch, some hours beyond the span on both sides.
    pub hours: BTreeMap<i64, (i128, i128)>,
    /// The first and last event of all logs, whatever provider.
    pub reach: Option<(Timestamp, Timestamp)>,
}

/// Which charges, and how they are grouped.
pub struct Question<'a> {
    /// Who bills.
    pub provider: Provider,
    /// Models that the report names, in their canonical form.
    pub models: &'a BTreeSet<String>,
    /// From this instant on.
    pub since: Timestamp,
    /// Before this one.
    pub until: Timestamp,
    /// Groupings.
    pub by: &'a [By],
    /// Prices, which know whose a model is.
    pub book: &'a PriceBook,
    /// The report has a row of its own for web searches: their fees leave our models' rows for it.
    pub searches_apart: bool,
}

impl Ours {
    /// Reads every charge.
    ///
    /// # Errors
    /// The ledger's temporary file.
    pub fn collect(engine: &mut Engine, question: &Question<'_>) -> io::Result<Ours> {
        let mut ours = Ours::default();
        let mut billed_by: BTreeMap<(String, String), bool> = BTreeMap::new();
        let margin = FARTHEST_ZONE_HOURS * HOUR_MS;
        let (from, to) = (question.since.plus_ms(-margin), question.until.plus_ms(margin));
        let (ledger, names) = engine.ledger();
        ledger.for_each_charge(names, |bill, names| {
            let (first, last) = ours.reach.get_or_insert((bill.time, bill.time));
            (*first, *last) = ((*first).min(bill.time), (*last).max(bill.time));
            // A gateway answered it, or a flat fee pays for it: no provider bills it.
            if bill.cache_hit || bill.subscription || bill.time < from || bill.time >= to {
                return Ok(());
            }
            let name =
                |dimension| names.named(names.of(bill.profile, dimension)).map(|label| label.as_str().to_owned());
            let model = name(Dimension::Model).unwrap_or_default();
            let provider = name(Dimension::Provider).unwrap_or_default();
            let is_theirs = *billed_by
                .entry((provider, model.clone()))
                .or_insert_with_key(|(provider, model)| question.is_theirs(provider, model));
            if !is_theirs {
                return Ok(());
            }
            let own = Own::of(bill);
            let hour = ours.hours.entry(bill.time.ms().div_euclid(HOUR_MS)).or_default();
            hour.0 += i128::from(bill.tokens.total());
            hour.1 += own.sums.get(&Figure::Cost).copied().unwrap_or_default();
            if bill.time < question.since || bill.time >= question.until {
                return Ok(());
            }
            let key = |model: &str| -> Key {
                let part = |by: &By| match by {
                    By::Day => Some(day(bill.time)),
                    By::Model => Some(canonical(model)).filter(|model| !model.is_empty()),
                    By::Key => name(Dimension::Key),
                };
                question.by.iter().map(part).collect()
            };
            if question.searches_apart && bill.tokens.web_searches > 0 {
                let fees = question.search_fees(bill, &model);
                ours.groups.entry(key(WEB_SEARCH)).or_default().add_cost(fees);
                ours.groups.entry(key(&model)).or_default().add_cost(-fees);
            }
            ours.groups.entry(key(&model)).or_default().add(&own);
            Ok(())
        })?;
        Ok(ours)
    }
}

impl Question<'_> {
    /// What of a charge was for web searches, in pico-dollars.
    fn search_fees(&self, bill: &Bill, model: &str) -> i128 {
        let tokens = Tokens { web_searches: bill.tokens.web_searches, ..Tokens::default() };
        let model = RawText::plain(model.as_bytes());
        let priced = self.book.price(&Usage { model, time: Some(bill.time), tokens, ..Usage::default() });
        i128::from(priced.computed.unwrap_or_default().min(bill.cost).pico())
    }

    /// Whether the provider itself bills a charge: by the provider that the log names, else by the price table, else by the report's models.
    fn is_theirs(&self, provider: &str, model: &str) -> bool {
        let own = |provider: &str| {
            let family = table_provider(provider);
            family == self.provider.name() || (self.provider == Provider::OpenAi && family == "text_completion_openai")
        };
        if !provider.is_empty() {
            return own(provider);
        }
        if let Some(found) = self.book.lookup(&Wanted { model, ..Wanted::default() }, None)
            && !found.price.provider.is_empty()
        {
            return own(&found.price.provider);
        }
        self.models.contains(&canonical(model))
    }
}

impl Own {
    fn of(bill: &Bill) -> Own {
        let tokens = &bill.tokens;
        let failed = bill.status >= 400 && tokens.is_empty();
        let (short, long) = (i128::from(tokens.cache_write_5m), i128::from(tokens.cache_write_1h));
        let cost = i128::from(bill.cost.pico());
        let is_reported = bill.source == CostSource::Reported;
        Own {
            sums: Sums::from([
                (Figure::Requests, i128::from(!failed)),
                (Figure::Input, tokens.input.into()),
                (Figure::CacheRead, tokens.cache_read.into()),
                (Figure::CacheWrite, short + long),
                (Figure::CacheWrite5m, short),
                (Figure::CacheWrite1h, long),
                (Figure::Output, tokens.output.into()),
                (Figure::Searches, tokens.web_searches.into()),
                (Figure::Cost, cost),
            ]),
            computed_pico: bill.computed.map_or(cost, |it| it.pico().into()),
            reported_pico: if is_reported { cost } else { 0 },
            unpriced: i128::from(bill.source == CostSource::Unpriced),
            batches: bill.batch.into(),
        }
    }

    fn add_cost(&mut self, pico: i128) {
        *self.sums.entry(Figure::Cost).or_default() += pico;
        self.computed_pico += pico;
    }

    /// Adds another's figures.
    pub fn add(&mut self, other: &Own) {
        add(&mut self.sums, &other.sums);
        self.computed_pico += other.computed_pico;
        self.reported_pico += other.reported_pico;
        self.unpriced += other.unpriced;
        self.batches += other.batches;
    }
}

/// The UTC day: that is where providers' buckets begin.
pub fn day(at: Timestamp) -> String {
    Zone::UTC.date(at).to_string()
}

/// A model's name as both sides may write it: lower case, without `provider/` and a trailing date.
pub fn canonical(model: &str) -> String {
    let lower = model.trim().to_ascii_lowercase();
    let bare = lower.rsplit('/').next().unwrap_or_default();
    undated(bare).unwrap_or(bare).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_call_a_model_the_same() {
        for (name, canonical_name) in [
            ("gpt-5.4-2026-03-05", "gpt-5.4"),
            ("openai/gpt-5.4", "gpt-5.4"),
            ("Claude-Opus-4-6", "claude-opus-4-6"),
            ("anthropic/claude-haiku-4-5-20251001", "claude-haiku-4-5"),
            ("claude-opus-4-6@20260205", "claude-opus-4-6"),
            ("gpt-5.4-mini", "gpt-5.4-mini"),
            ("", ""),
        ] {
            assert_eq!(canonical(name), canonical_name);
        }
    }
}
