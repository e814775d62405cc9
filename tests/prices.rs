//! What the price book answers: golden bills, traps, properties, names, and the generated table.

#![allow(clippy::unwrap_used, reason = "clippy's exception for tests does not reach the functions they share")]

#[path = "prices/golden.rs"]
mod golden;
#[path = "prices/names.rs"]
mod names;
#[path = "prices/operator.rs"]
mod operator;
#[path = "prices/properties.rs"]
mod properties;
#[path = "prices/rules.rs"]
mod rules;
#[path = "prices/table.rs"]
mod table;

use costtop::config::PriceConfig;
use costtop::price::PriceBook;
use costtop::usage::{RawText, Terms, Tokens, Usage};

/// The embedded prices alone.
fn embedded() -> PriceBook {
    PriceBook::new(&PriceConfig::default()).unwrap()
}

/// Tokens in the order input, read, 5m, 1h, output, reasoning, searches.
fn tokens(counts: [u32; 7]) -> Tokens {
    let [input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches] = counts;
    Tokens { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches }
}

/// A request to `model` at `tier`.
fn request<'a>(model: &'a str, tier: &'a str, counts: [u32; 7]) -> Usage<'a> {
    Usage {
        model: RawText::plain(model.as_bytes()),
        terms: Terms { tier: RawText::plain(tier.as_bytes()), ..Terms::default() },
        tokens: tokens(counts),
        ..Usage::default()
    }
}

/// The computed cost as decimal dollars, or why there is none.
fn dollars(book: &PriceBook, usage: &Usage<'_>) -> String {
    let quote = book.quote(usage);
    assert_eq!(book.price(usage), quote.priced);
    match quote.priced.computed {
        Some(cost) => cost.to_string(),
        None => quote.unpriced.unwrap().to_string(),
    }
}
