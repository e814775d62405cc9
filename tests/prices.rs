//! What the price book answers: golden bills, traps, properties, names, and the generated table.

#![allow(clippy::unwrap_used, reason = "clippy's exception for tests does not reach the functions they share")]

#[path = "prices/dated.rs"]
mod dated;
#[path = "prices/golden.rs"]
mod golden;
#[path = "prices/grammar.rs"]
mod grammar;
#[path = "prices/media.rs"]
mod media;
#[path = "prices/naive.rs"]
mod naive;
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
#[path = "prices/traps.rs"]
mod traps;

use costtop::config::PriceConfig;
use costtop::price::names::Wanted;
use costtop::price::{ModelListing, PriceBook};
use costtop::usage::{RawText, Terms, Tokens, Usage};

/// The embedded prices alone.
fn embedded() -> PriceBook {
    PriceBook::new(&PriceConfig::default()).unwrap()
}

/// What a name leads to, by the prices that have no end.
fn lookup(book: &PriceBook, model: &str) -> Option<ModelListing> {
    book.lookup(&Wanted { model, ..Wanted::default() }, None)
}

/// A book over one price file of this text.
fn with_file(text: &str) -> PriceBook {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    PriceBook::new(&PriceConfig { files: vec![file.path().to_owned().into()], ..PriceConfig::default() }).unwrap()
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
