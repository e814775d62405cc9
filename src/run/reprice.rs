//! After a start: rows of the state that had no price are priced where there is one now. Rows and lines enter, sentences leave.

use std::io;

use super::decode::Shared;
use super::open::said;
use super::places::Places;
use crate::engine::Engine;
use crate::engine::reprice::Repriced;
use crate::output::figures::number_of;
use crate::price::PriceBook;
use crate::ui::text::dollars;

/// What stands in a state of the prices it was last counted with; while it is the same, no row is looked at.
pub(super) const META_PRICES: &str = "prices";

/// The prices of `book` and the rules of this program, in a few letters.
pub(super) fn fingerprint(book: &PriceBook) -> String {
    format!("{} {:016x}", env!("CARGO_PKG_VERSION"), book.fingerprint())
}

/// Prices what had no price; one sentence for each model.
///
/// # Errors
/// The ledger's temporary file is in trouble.
pub(super) fn reprice(engine: &mut Engine, places: &Places, shared: &Shared) -> io::Result<Vec<String>> {
    let told = engine.reprice(&shared.book, |row| {
        let found =
            places.find(row.place, |path, line| said(path, line, row, shared, |usage| shared.book.price(usage)));
        found.ok().map(|(priced, _)| priced)
    })?;
    Ok(told.iter().flat_map(sentences).collect())
}

fn sentences(told: &Repriced) -> Vec<String> {
    let Repriced { model, requests, cost, left } = told;
    let requests_of = |count: u64| number_of(count, "request", "requests");
    let mut sentences = Vec::new();
    if *requests > 0 {
        sentences.push(format!("{} of '{model}' now priced: {}", requests_of(*requests), dollars(*cost)));
    }
    if *left > 0 {
        sentences.push(format!(
            "{} of '{model}' stay unpriced: the price depends on what only their lines said, and those are gone",
            requests_of(*left)
        ));
    }
    sentences
}
