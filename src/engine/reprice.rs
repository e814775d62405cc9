//! Requests that had no price get one when a table has it. A price book and rows enter, differences to cells and sessions leave.
//!
//! What has a price keeps it: history is not changed by prices or discounts of another day (docs/prices.md).

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Engine;
use super::names::{NameId, Names};
use super::rows::Row;
use crate::label::Label;
use crate::money::{Cost, Money};
use crate::price::{PriceBook, Priced, Pricer};
use crate::time::Timestamp;
use crate::usage::{Dimension, RawText, Terms, Usage};

/// What became of the requests of one model that had no price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repriced {
    /// The model.
    pub model: Label,
    /// Requests that have a price now.
    pub requests: u64,
    /// What they cost.
    pub cost: Money,
    /// Requests that stay without: there is a price, but it depends on what only their lines said, and those are gone.
    pub left: u64,
}

impl Row {
    /// What the row keeps of the record whose tokens won, as a log would say it.
    #[must_use]
    pub fn usage<'n>(&self, names: &'n Names) -> Usage<'n> {
        let text = |dimension| {
            let name = names.named(names.of(self.profile, dimension));
            name.map_or(RawText::NONE, |name| RawText::plain(name.as_str().as_bytes()))
        };
        Usage {
            origin: self.origin,
            cache_hit: self.cache_hit,
            time: self.tokens_dated.then(|| Timestamp::from_ms(self.tokens_time)),
            tokens: self.tokens,
            model: text(Dimension::Model),
            provider: text(Dimension::Provider),
            terms: Terms { tier: text(Dimension::Tier), ..Terms::default() },
            status: self.status,
            reported: self.reported,
            subscription: self.subscription,
            ..Usage::default()
        }
    }
}

impl Engine {
    /// Prices rows that the table had no price for; `again` prices one from its line, where the row does not keep all that a price can
    /// depend on (`None`: the line is gone). Cells, sessions and totals move by the differences.
    ///
    /// # Errors
    /// The rows' file cannot be read or written. Nothing of this engine may be saved then.
    pub fn reprice(
        &mut self,
        book: &Arc<PriceBook>,
        mut again: impl FnMut(&Row) -> Option<Priced>,
    ) -> io::Result<Vec<Repriced>> {
        let mut pricer = Pricer::new(Arc::clone(book));
        let mut found: Vec<(u32, Row, Option<Priced>)> = Vec::new();
        // Rows do not keep how a log splits the output: for models whose price depends on it, their lines are asked.
        let mut asks_lines: FxHashMap<(NameId, NameId), bool> = FxHashMap::default();
        let Engine { ledger, names, .. } = self;
        ledger.for_each_row(|number, row| {
            if row.computed.is_none() && !row.tokens.is_empty() {
                let priced = pricer.price(&row.usage(names));
                if priced.computed.is_some() {
                    let [model, provider] =
                        [Dimension::Model, Dimension::Provider].map(|dimension| names.of(row.profile, dimension));
                    let asks = *asks_lines
                        .entry((model, provider))
                        .or_insert_with(|| book.depends_on_split(&row.usage(names)));
                    found.push((number, *row, Some(priced).filter(|_| row.whole_terms && !asks)));
                }
            }
        })?;
        let mut by_model: BTreeMap<NameId, (u64, Money, u64)> = BTreeMap::new();
        let mut posts = Vec::new();
        for (number, row, priced) in found {
            let priced = priced.or_else(|| again(&row));
            let model = by_model.entry(self.names.of(row.profile, Dimension::Model)).or_default();
            match priced {
                None => model.2 += 1,
                // The line says that there is no price for it: what it was printed without, or another region's.
                Some(Priced { computed: None, .. }) => {}
                Some(priced) => {
                    self.ledger.set_price(number, priced, &mut self.names, &mut posts)?;
                    for post in posts.drain(..) {
                        // A request counts where its price is what it costs; beside a reported cost only the drift moves.
                        if post.sign > 0 && post.sums.computed > Money::ZERO {
                            model.0 += 1;
                            model.1 += priced.computed.map_or(Money::ZERO, |cost: Cost| cost.into());
                        }
                        self.post(&post);
                    }
                }
            }
        }
        self.version += 1;
        let told = by_model.into_iter().filter(|(_, (requests, _, left))| *requests + *left > 0);
        Ok(told
            .map(|(model, (requests, cost, left))| Repriced {
                model: self.names.label(model).clone(),
                requests,
                cost,
                left,
            })
            .collect())
    }
}
