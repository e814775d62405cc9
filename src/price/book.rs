//! The operator's prices over the embedded ones. The configuration enters, plans for billing leave; price files are read when the book is made.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::Hasher as _;
use std::path::PathBuf;
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use siphasher::sip::SipHasher13;

use super::embedded;
use super::entry::{Kind, ModelPrice};
use super::grammar::GrammarError;
use super::layer::Layer;
use super::names::{self, Attempt, Match, Tables, Wanted};
use super::quote::Quote;
use super::rate::Ratio;
use super::rules::{Conditions, Plan, PlanDiscount, Tier, Unpriced};
use super::{Priced, Pricer};
use crate::config::{PriceConfig, Validity};
use crate::money::Cost;
use crate::time::Timestamp;
use crate::usage::{Origin, RawText, Restated, Usage};

/// A discount of 100 %, in millionths of a percent.
const WHOLE_MILLIONTHS: u64 = 100_000_000;

/// Why the configured prices cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// A price file cannot be read.
    #[error("price file '{}': {source}: correct [prices] files or the file's permissions", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A price file says what no price map says.
    #[error("price file '{}': {source}", path.display())]
    Grammar {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: GrammarError,
    },
    /// A discount of more than everything.
    #[error("[[prices.discount]] number {0}: more than 100 percent: use 0 to 100")]
    Discount(usize),
    /// A discount's glob.
    #[error("[[prices.discount]] number {number}: '{glob}' is no glob: {reason}")]
    Glob {
        /// Which discount, from 1.
        number: usize,
        /// What stands there.
        glob: String,
        /// What is wrong.
        reason: String,
    },
}

/// Where a price comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Table {
    /// `[prices.model]`.
    Configuration,
    /// A price file.
    File(PathBuf),
    /// The one in the binary.
    Embedded,
}

impl Table {
    /// The day of its prices, where it is known.
    #[must_use]
    pub fn date(&self) -> Option<&'static str> {
        (*self == Table::Embedded).then(embedded::date)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Table::Configuration => f.write_str("configuration"),
            Table::File(path) => path.display().fmt(f),
            Table::Embedded => write!(f, "embedded table of {}", embedded::date()),
        }
    }
}

/// One model of the book and what it costs.
#[derive(Clone, Debug)]
pub struct ModelListing {
    /// Its name in the table.
    pub name: String,
    /// Which table.
    pub table: Table,
    /// How the asked name led there; empty for the very name.
    pub steps: Vec<names::Step>,
    /// When this price holds.
    pub valid: Validity,
    /// What the table says.
    pub price: Arc<ModelPrice>,
}

/// Rates by [`Kind`], in half-attodollars per token.
pub type BaseRates = [Option<u64>; Kind::COUNT];

struct Discount {
    provider: Option<String>,
    model: Option<GlobMatcher>,
    plan: PlanDiscount,
}

/// Every price there is. It never changes, so threads share it; each bills through its own [`Pricer`].
pub struct PriceBook {
    /// The configuration's models, then price files, the last first; the embedded table stands below them all.
    layers: Vec<Layer>,
    /// Instants at which some price begins or ends, ascending: between two of them every name leads to one price.
    turns: Vec<Timestamp>,
    aliases: HashMap<String, String>,
    discounts: Vec<Discount>,
    /// Of the configuration that made it.
    digest: u64,
}

impl fmt::Debug for PriceBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceBook").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

impl PriceBook {
    /// Reads the price files and checks the discounts.
    ///
    /// # Errors
    /// See [`PriceError`]; each names the file or the place in the configuration, and the remedy.
    pub fn new(config: &PriceConfig) -> Result<PriceBook, PriceError> {
        let mut layers = vec![Layer::configured(config)];
        for file in config.files.iter().rev() {
            layers.push(Layer::read(file)?);
        }
        let mut turns: Vec<Timestamp> = layers.iter().flat_map(Layer::turns).collect();
        turns.sort_unstable();
        turns.dedup();
        let discounts =
            config.discounts.iter().enumerate().map(|(at, it)| discount(at + 1, it)).collect::<Result<_, _>>()?;
        let aliases = config.aliases.iter().map(|(name, model)| (name.to_lowercase(), model.clone())).collect();
        let digest = SipHasher13::new().hash(format!("{config:?}").as_bytes());
        Ok(PriceBook { layers, turns, aliases, discounts, digest })
    }

    /// Tells this book from another one: two with the same number have the same prices, aliases and discounts.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = SipHasher13::new();
        hasher.write_u64(self.digest);
        hasher.write_u64(embedded::digest());
        self.layers.iter().for_each(|layer| hasher.write_u64(layer.digest));
        hasher.finish()
    }

    /// A biller for one thread.
    #[must_use]
    pub fn pricer(self: &Arc<Self>) -> Pricer {
        Pricer::new(Arc::clone(self))
    }

    /// What `usage` costs. Every call looks the name up anew: loops use a [`Pricer`].
    #[must_use]
    pub fn price(&self, usage: &Usage<'_>) -> Priced {
        price_with(&self.resolve(usage).plan, usage)
    }

    /// What `usage` costs, term by term, and how that was found.
    #[must_use]
    pub fn quote(&self, usage: &Usage<'_>) -> Quote {
        Quote::new(self.resolve(usage), usage)
    }

    /// What a model costs, by a name as it may stand in a log; without a time, by the prices that have no end.
    #[must_use]
    pub fn lookup(&self, wanted: &Wanted<'_>, at: Option<Timestamp>) -> Option<ModelListing> {
        let tables = AtTime { book: self, when: When::At(at) };
        names::resolve(wanted, self.alias(wanted), &tables).map(|found| self.listing(found))
    }

    /// Every rule that [`PriceBook::lookup`] tries, up to the one that finds the entry.
    #[must_use]
    pub fn trace(&self, wanted: &Wanted<'_>, at: Option<Timestamp>) -> Vec<Attempt> {
        names::trace(wanted, self.alias(wanted), &AtTime { book: self, when: When::At(at) }).0
    }

    /// The model that the configuration says a name means.
    #[must_use]
    pub fn alias(&self, wanted: &Wanted<'_>) -> Option<&str> {
        if self.aliases.is_empty() || wanted.model.len() > names::MAX_NAME {
            return None;
        }
        self.aliases.get(&wanted.model.trim().to_lowercase()).map(String::as_str)
    }

    /// Every price of this very name in any table, the strongest table first and the oldest price first.
    #[must_use]
    pub fn everywhere(&self, name: &str) -> Vec<ModelListing> {
        let listing = |table: &Table, name: &str, valid, price| ModelListing {
            name: name.to_owned(),
            table: table.clone(),
            steps: Vec::new(),
            valid,
            price,
        };
        let mut all = Vec::new();
        for layer in &self.layers {
            let own = layer.periods(name).iter();
            all.extend(own.map(|it| listing(&layer.table, &it.name, it.valid, Arc::clone(&it.price))));
        }
        if let Some((name, price)) = embedded::find(name) {
            all.push(listing(&Table::Embedded, name, Validity::default(), Arc::new(price)));
        }
        all
    }

    /// What a model's tokens cost at list price: standard tier, short prompt, peak hours, no factor and no discount. `None` where
    /// there is no price; a kind without a rate is free. Of prices that hold for a time, the one without an end.
    #[must_use]
    pub fn base_rates(&self, model: &str, provider: &str) -> Option<BaseRates> {
        let found = self.lookup(&Wanted { model, provider, region: "" }, None)?;
        if found.steps.contains(&names::Step::FreeVariant) {
            return Some([Some(0); Kind::COUNT]);
        }
        let plan = Plan::new(&found.price, &Conditions::default(), Vec::new());
        plan.rates(None).ok()
    }

    /// Whether what `usage` costs depends on how a log splits its output into text and other media.
    #[must_use]
    pub fn depends_on_split(&self, usage: &Usage<'_>) -> bool {
        self.resolve(usage).plan.depends_on_split()
    }

    /// Every model, each name once, by the table that counts: the configuration's, then the files', then the embedded ones.
    #[must_use]
    pub fn models(&self, at: Option<Timestamp>) -> Vec<ModelListing> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for layer in &self.layers {
            for it in layer.all(at) {
                if seen.insert(it.name.to_lowercase()) {
                    let (name, price) = (it.name.clone(), Arc::clone(&it.price));
                    let table = layer.table.clone();
                    all.push(ModelListing { name, table, steps: Vec::new(), valid: it.valid, price });
                }
            }
        }
        for name in embedded::names().filter(|name| !seen.contains(&name.to_lowercase())) {
            if let Some((name, price)) = embedded::find(name) {
                let (name, price, valid) = (name.to_owned(), Arc::new(price), Validity::default());
                all.push(ModelListing { name, table: Table::Embedded, steps: Vec::new(), valid, price });
            }
        }
        all
    }

    /// Which of the spans between two turns an instant lies in; the undated have one of their own. Within one span prices do not change.
    pub(super) fn span(&self, at: Option<Timestamp>) -> u32 {
        if self.turns.is_empty() {
            return 0;
        }
        at.map_or(u32::MAX, |at| self.turns.partition_point(|turn| *turn <= at) as u32)
    }

    fn listing(&self, found: Match<(Arc<ModelPrice>, Validity)>) -> ModelListing {
        let table = self.layers.get(found.layer).map_or(Table::Embedded, |layer| layer.table.clone());
        let (price, valid) = found.entry;
        ModelListing { name: found.name, table, steps: found.steps, valid, price }
    }

    /// Finds the entry and works out the plan.
    pub(super) fn resolve(&self, usage: &Usage<'_>) -> Resolved {
        let terms = &usage.terms;
        let [model, provider, region, tier, data_residency, vertex_location, inference_geo, speed] = [
            usage.model,
            usage.provider,
            terms.region,
            terms.tier,
            terms.data_residency,
            terms.vertex_location,
            terms.inference_geo,
            terms.speed,
        ]
        .map(text);
        let wanted = Wanted { model: &model, provider: &provider, region: &region };
        let conditions = Conditions {
            tier: &tier,
            data_residency: &data_residency,
            vertex_location: &vertex_location,
            inference_geo: &inference_geo,
            speed: &speed,
        };
        let Some(found) = self.lookup(&wanted, usage.time) else {
            let why = if self.at_other_times(&wanted) { Unpriced::OtherTimes } else { Unpriced::Unknown };
            return Resolved { found: None, is_dated: false, plan: Plan::refused(Tier::read(&tier), why) };
        };
        let discounts = self.discounts_for(&provider, &model, &found);
        let plan = if found.steps.contains(&names::Step::FreeVariant) {
            Plan::new(&free(&found.price), &conditions, discounts)
        } else {
            Plan::new(&found.price, &conditions, discounts)
        };
        let periods = self.layers.iter().flat_map(|layer| layer.periods(&found.name));
        let is_dated = periods.into_iter().any(|it| it.valid != Validity::default());
        Resolved { found: Some(found), is_dated, plan }
    }

    /// Whether a model that has no price now has one at another time.
    #[must_use]
    pub fn at_other_times(&self, wanted: &Wanted<'_>) -> bool {
        let tables = AtTime { book: self, when: When::Ever };
        !self.turns.is_empty() && names::resolve(wanted, self.alias(wanted), &tables).is_some()
    }

    fn discounts_for(&self, provider: &str, model: &str, found: &ModelListing) -> Vec<PlanDiscount> {
        let fits = |it: &&Discount| {
            let names = [provider, found.price.provider.as_str()];
            it.provider.as_ref().is_none_or(|want| names.iter().any(|name| name.eq_ignore_ascii_case(want)))
                && it.model.as_ref().is_none_or(|glob| glob.is_match(model) || glob.is_match(&found.name))
        };
        self.discounts.iter().filter(fits).map(|it| it.plan).collect()
    }
}

/// Which prices count.
#[derive(Clone, Copy)]
enum When {
    /// Those that hold at an instant.
    At(Option<Timestamp>),
    /// All.
    Ever,
}

/// The tables as they stand at an instant.
struct AtTime<'a> {
    book: &'a PriceBook,
    when: When,
}

impl Tables for AtTime<'_> {
    type Entry = (Arc<ModelPrice>, Validity);

    fn layers(&self) -> usize {
        self.book.layers.len() + 1
    }

    fn find(&self, layer: usize, name: &str) -> Option<(String, Self::Entry)> {
        match self.book.layers.get(layer) {
            Some(layer) => {
                let dated = match self.when {
                    When::At(at) => layer.find(name, at),
                    When::Ever => layer.periods(name).first(),
                };
                dated.map(|it| (it.name.clone(), (Arc::clone(&it.price), it.valid)))
            }
            None => embedded::find(name).map(|(name, price)| (name.to_owned(), (Arc::new(price), Validity::default()))),
        }
    }

    fn price<'e>(&self, entry: &'e Self::Entry) -> &'e ModelPrice {
        &entry.0
    }
}

/// An entry, if there is one, and how it bills.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// Where the price stands.
    pub(super) found: Option<ModelListing>,
    /// Its price was or will be another at another time.
    pub(super) is_dated: bool,
    /// How it bills.
    pub(super) plan: Plan,
}

/// The one way from a plan to money: the hot path and quotes both take it.
pub(super) fn price_with(plan: &Plan, usage: &Usage<'_>) -> Priced {
    if usage.cache_hit {
        return Priced { computed: Some(Cost::ZERO), ..Priced::default() };
    }
    let cost = match usage.origin {
        Origin::Metrics => plan.cost_sum(&usage.tokens, &usage.media, usage.time),
        _ => plan.cost(&usage.tokens, &usage.media, usage.time),
    };
    let mut priced = match cost {
        Ok((pico, saved_pico)) => Priced { computed: Some(Cost::from_pico(pico)), saved_pico, batch: plan.is_batch() },
        // What used nothing costs nothing, whatever its model; but what is billed by another unit may well have been used.
        Err(why) => Priced {
            computed: (usage.tokens.is_empty() && (usage.status >= 400 || why != Unpriced::OtherUnit))
                .then_some(Cost::ZERO),
            saved_pico: 0,
            batch: plan.is_batch(),
        },
    };
    match usage.restated {
        Some(Restated::Computed(cost)) => priced.computed = Some(cost),
        Some(Restated::Unpriced) => priced.computed = None,
        None => {}
    }
    priced.saved_pico = usage.saved_pico.unwrap_or(priced.saved_pico);
    priced
}

/// The text of a log for comparing, never for drawing.
fn text(raw: RawText<'_>) -> Cow<'_, str> {
    match raw.bytes() {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// All its rates at zero: a variant that costs nothing.
fn free(price: &ModelPrice) -> ModelPrice {
    let mut price = price.clone();
    for rate in &mut price.rates {
        rate.rate = super::rate::Rate::ZERO;
    }
    price.bands.clear();
    price.off_peak = None;
    price
}

fn discount(number: usize, config: &crate::config::Discount) -> Result<Discount, PriceError> {
    let remainder = WHOLE_MILLIONTHS.checked_sub(config.percent_millionths).ok_or(PriceError::Discount(number))?;
    let compile = |glob: &String| {
        let glob_error =
            |error: globset::Error| PriceError::Glob { number, glob: glob.clone(), reason: error.to_string() };
        GlobBuilder::new(glob).case_insensitive(true).build().map(|it| it.compile_matcher()).map_err(glob_error)
    };
    Ok(Discount {
        provider: config.provider.clone(),
        model: config.model.as_ref().map(compile).transpose()?,
        plan: PlanDiscount { remainder: Ratio::new(remainder, WHOLE_MILLIONTHS), valid: config.valid },
    })
}
