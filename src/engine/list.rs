//! List prices of tokens by class: sums and their profile enter, what those tokens cost at base rates leaves. The bill is not made here.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::counters::Counters;
use super::names::{NONE, NameId, Names, ProfileId};
use super::view::TokenClass;
use crate::money::Money;
use crate::price::PriceBook;
use crate::price::book::BaseRates;
use crate::price::entry::Kind;
use crate::usage::Dimension;

/// Half-attodollars in a pico-dollar.
const HALF_ATTO_PER_PICO: i128 = 2_000_000;
/// Models whose rates are remembered; beyond, the memory is emptied and fills again.
const REMEMBERED: usize = 4096;

/// How many classes there are.
pub(super) const CLASSES: usize = TokenClass::ALL.len();

/// Base rates by model and provider, looked up once.
#[derive(Default)]
pub(super) struct ListPrices {
    book: Option<Arc<PriceBook>>,
    known: FxHashMap<(NameId, NameId), Option<BaseRates>>,
}

impl ListPrices {
    pub(super) fn new(book: Arc<PriceBook>) -> ListPrices {
        ListPrices { book: Some(book), known: FxHashMap::default() }
    }

    /// The prices, where there are any.
    pub(super) fn book(&self) -> Option<&Arc<PriceBook>> {
        self.book.as_ref()
    }

    /// The base rates of a profile's model; `None` where no table has them.
    pub(super) fn rates(&mut self, profile: ProfileId, names: &Names) -> Option<BaseRates> {
        self.rates_of(names.of(profile, Dimension::Model), names.of(profile, Dimension::Provider), names)
    }

    /// The base rates of a model, whoever provides it.
    pub(super) fn rates_of_model(&mut self, model: NameId, names: &Names) -> Option<BaseRates> {
        self.rates_of(model, NONE, names)
    }

    fn rates_of(&mut self, model: NameId, provider: NameId, names: &Names) -> Option<BaseRates> {
        if let Some(rates) = self.known.get(&(model, provider)) {
            return *rates;
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let book = self.book.as_ref()?;
        let rates = book.base_rates(names.label(model).as_str(), names.label(provider).as_str());
        self.known.insert((model, provider), rates);
        rates
    }

    /// What the money of `sums` is made of.
    pub(super) fn part(&mut self, profile: ProfileId, sums: &Counters, names: &Names) -> Part {
        let tokens = tokens(sums);
        let mut list = [0; CLASSES];
        if let Some(rates) = self.rates(profile, names) {
            let at = |kind: Kind, count: i64| i128::from(rates[kind as usize].unwrap_or(0)) * i128::from(count);
            list[TokenClass::Output as usize] =
                at(Kind::Output, sums.output - sums.reasoning) + at(Kind::Reasoning, sums.reasoning);
            list[TokenClass::Input as usize] = at(Kind::Input, sums.input);
            list[TokenClass::CacheWrite as usize] =
                at(Kind::CacheWrite5m, sums.cache_write_5m) + at(Kind::CacheWrite1h, sums.cache_write_1h);
            list[TokenClass::CacheRead as usize] = at(Kind::CacheRead, sums.cache_read);
        }
        Part { money: sums.cost(), list, tokens }
    }
}

/// Tokens by class.
pub(super) fn tokens(sums: &Counters) -> [i64; CLASSES] {
    let mut tokens = [0; CLASSES];
    tokens[TokenClass::Output as usize] = sums.output;
    tokens[TokenClass::Input as usize] = sums.input;
    tokens[TokenClass::CacheWrite as usize] = sums.cache_write_5m + sums.cache_write_1h;
    tokens[TokenClass::CacheRead as usize] = sums.cache_read;
    tokens
}

/// Half-attodollars as money, rounded half-even.
pub(super) fn money_of(half_atto: i128) -> Money {
    let (quotient, rest) = (half_atto.div_euclid(HALF_ATTO_PER_PICO), half_atto.rem_euclid(HALF_ATTO_PER_PICO));
    let up = 2 * rest > HALF_ATTO_PER_PICO || (2 * rest == HALF_ATTO_PER_PICO && quotient % 2 != 0);
    Money::from_pico(quotient + i128::from(up))
}

/// Money and what it was spent on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) money: Money,
    /// By class at base rates, in half-attodollars; zero where nobody asked.
    pub(super) list: [i128; CLASSES],
    /// By class; zero where nobody asked.
    pub(super) tokens: [i64; CLASSES],
}

impl Part {
    /// Money of which nobody asks what it was for.
    pub(super) fn plain(money: Money) -> Part {
        Part { money, ..Part::default() }
    }

    pub(super) fn add(&mut self, other: &Part, sign: i64) {
        self.money += if sign < 0 { -other.money } else { other.money };
        for (sum, list) in self.list.iter_mut().zip(other.list) {
            *sum += i128::from(sign) * list;
        }
        for (sum, tokens) in self.tokens.iter_mut().zip(other.tokens) {
            *sum += sign * tokens;
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        *self == Part::default()
    }

    /// The money by class, in the shares of the list prices; where no table prices anything, in the shares of the tokens.
    pub(super) fn classes(&self) -> [Money; CLASSES] {
        let weights = if self.list.iter().any(|list| *list > 0) { self.list } else { self.tokens.map(i128::from) };
        let weights = weights.map(|weight| weight.max(0));
        let sum: i128 = weights.iter().sum();
        // A share in parts per billion: the product with a great sum of money would not fit 128 bits otherwise.
        let share = |weight: i128| if sum == 0 { 0 } else { weight.saturating_mul(1_000_000_000) / sum };
        let mut classes = weights.map(|weight| Money::from_pico(self.money.pico() * share(weight) / 1_000_000_000));
        settle(&mut classes, self.money);
        classes
    }
}

/// Gives what is missing from `whole` to the largest class.
pub(super) fn settle(classes: &mut [Money; CLASSES], whole: Money) {
    let missing = whole - classes.iter().copied().sum::<Money>();
    let largest = (0..CLASSES).max_by_key(|class| (classes[*class], CLASSES - class)).unwrap_or(0);
    classes[largest] += missing;
}
