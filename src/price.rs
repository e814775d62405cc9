//! What a usage costs: the table, the names that lead to it, the billing rules. A `Usage` enters, money leaves; a price file is read once, at the start.

mod band;
pub mod book;
pub mod embedded;
pub mod entry;
pub mod grammar;
mod layer;
pub mod line;
pub mod names;
pub mod pricer;
pub mod quote;
pub mod rate;
pub mod rules;

pub use book::{ModelListing, PriceBook, PriceError, Table};
pub use pricer::Pricer;
pub use quote::{Amount, Quote, Term};

use crate::money::Cost;

/// The money of one record as the price book found it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Priced {
    /// From the table; `None` is unpriced.
    pub computed: Option<Cost>,
    /// What the prompt would have cost uncached, less what it cost; pico-dollars, negative when writing cost more.
    pub saved_pico: i64,
    /// Billed at a batch rate.
    pub batch: bool,
}
