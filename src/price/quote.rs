//! A bill laid open: what was counted, at which rate, under which conditions, from which table. It is priced as every record is.

use std::fmt;
use std::iter::Sum;

use super::Priced;
use super::book::{ModelListing, Resolved, price_with};
use super::entry::{Kind, Uplift};
use super::rate::{Ratio, divide_half_even};
use super::rules::{Doubt, HALF_ATTO_PER_PICO, Unpriced};
use crate::label::Label;
use crate::money::Cost;
use crate::usage::{Origin, Usage};

/// A part of a bill, in half-attodollars: exact until the bill is rounded to the pico-dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(u128);

impl Amount {
    /// Under a factor, and whether that is exact; `None` beyond what can be held.
    #[must_use]
    pub fn times(self, ratio: Ratio) -> Option<(Amount, bool)> {
        let (product, den) = (self.0.checked_mul(ratio.num.into())?, u128::from(ratio.den));
        Some((Amount(divide_half_even(product, den)), product.is_multiple_of(den)))
    }

    /// Rounded as bills are, half-even, and whether that is exact; `None` beyond what one charge can hold.
    #[must_use]
    pub fn rounded(self) -> Option<(Cost, bool)> {
        let pico = u64::try_from(divide_half_even(self.0, HALF_ATTO_PER_PICO)).ok()?;
        Some((Cost::from_pico(pico), self.0.is_multiple_of(HALF_ATTO_PER_PICO)))
    }
}

/// Decimal dollars, every place that is not zero.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&dollars(self.0))
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Amount {
        Amount(amounts.map(|amount| amount.0).sum())
    }
}

/// One line of a bill: a count at a rate. Factors and discounts come after the sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// `input`, `cache read`, `web search`, …
    pub name: &'static str,
    /// Tokens, searches or requests.
    pub count: u64,
    /// Priced by the token; else by the call.
    pub by_token: bool,
    rate_half_atto: u64,
}

impl Term {
    /// Dollars per million tokens, or per call, with every place that is not zero.
    #[must_use]
    pub fn rate(&self) -> String {
        let scale = if self.by_token { 1_000_000 } else { 1 };
        dollars(u128::from(self.rate_half_atto) * scale)
    }

    /// Dollars, exact, before factors and discounts.
    #[must_use]
    pub fn amount(&self) -> String {
        self.exact().to_string()
    }

    /// The same as a number.
    #[must_use]
    pub fn exact(&self) -> Amount {
        Amount(u128::from(self.rate_half_atto) * u128::from(self.count))
    }
}

/// How one usage was priced.
#[derive(Clone, Debug)]
pub struct Quote {
    /// The model as the log names it.
    pub model: Label,
    /// The entry, its table and how the name led there; `None` for an unknown model.
    pub found: Option<ModelListing>,
    /// The service tier as it was read.
    pub tier: String,
    /// The prompt size beyond which these rates hold; 0 for any.
    pub above: u64,
    /// Off-peak rates hold.
    pub off_peak: bool,
    /// Answered from the gateway's cache: costs nothing.
    pub cache_hit: bool,
    /// What was counted; empty when unpriced.
    pub terms: Vec<Term>,
    /// Factors on the tokens.
    pub factors: Vec<(Uplift, Ratio)>,
    /// What a discount leaves of the whole; 1 without.
    pub remainder: Ratio,
    /// Why the price may be wrong.
    pub doubts: Vec<Doubt>,
    /// Why there is none.
    pub unpriced: Option<Unpriced>,
    /// The money.
    pub priced: Priced,
}

impl Quote {
    pub(super) fn new(resolved: Resolved, usage: &Usage<'_>) -> Quote {
        let Resolved { found, is_dated, plan } = resolved;
        let mut quote = Quote {
            model: usage.model.label(),
            found,
            tier: plan.tier.name().to_owned(),
            above: 0,
            off_peak: false,
            cache_hit: usage.cache_hit,
            terms: Vec::new(),
            factors: plan.uplifts.clone(),
            remainder: Ratio::ONE,
            doubts: plan.doubts.clone(),
            unpriced: None,
            priced: price_with(&plan, usage),
        };
        if plan.depends_on_time() && usage.time.is_none() {
            quote.doubts.push(Doubt::Undated);
        }
        if is_dated && usage.time.is_none() {
            quote.doubts.push(Doubt::Dateless);
        }
        if usage.tokens.web_searches == 0 {
            quote.doubts.retain(|doubt| *doubt != Doubt::SearchAssumed);
        }
        let bill = match usage.origin {
            Origin::Metrics => plan.bill_sum(&usage.tokens, &usage.media, usage.time),
            _ => plan.bill(&usage.tokens, &usage.media, usage.time),
        };
        let counts = bill.as_ref().map_or([0; Kind::COUNT], |bill| bill.counts);
        quote.doubts.retain(|doubt| !matches!(doubt, Doubt::MediumAssumed(kind) if counts[*kind as usize] == 0));
        let bill = match bill {
            _ if usage.cache_hit => return quote,
            Ok(bill) => bill,
            Err(why) => {
                quote.unpriced = quote.priced.computed.is_none().then_some(why);
                return quote;
            }
        };
        (quote.above, quote.off_peak, quote.remainder) = (bill.above, bill.off_peak, bill.remainder);
        for kind in Kind::ALL {
            if let (count @ 1.., Some(rate_half_atto)) = (bill.counts[kind as usize], bill.rates[kind as usize]) {
                quote.terms.push(Term { name: kind.name(), count: count.into(), by_token: true, rate_half_atto });
            }
        }
        let searches = u64::from(usage.tokens.web_searches);
        let fees = [("web search", searches, bill.search.unwrap_or_default()), ("request", 1, bill.per_request)];
        for (name, count, rate_half_atto) in fees.into_iter().filter(|(_, count, rate)| *count > 0 && *rate > 0) {
            quote.terms.push(Term { name, count, by_token: false, rate_half_atto });
        }
        quote
    }
}

/// Half-attodollars as decimal dollars, exact, without trailing zeros.
fn dollars(half_atto: u128) -> String {
    const UNIT: u128 = 2_000_000_000_000_000_000;
    let fraction = format!("{:019}", (half_atto % UNIT) * 5);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{}{dot}{fraction}", half_atto / UNIT)
}
