//! Which rates hold for a prompt of a certain size at a tier, fallbacks filled in. An entry enters, [`Band`]s leave; no token is counted here.

use super::entry::{Kind, ModelPrice, PromptBand, Rates};
use super::rate::{Rate, divide_half_even};
use super::rules::Tier;
use crate::usage::Medium;

/// The map's word for batches.
const BATCHES: &str = "batches";

/// Twice a rate's 10^-18 dollars, so that half a rate is exact.
pub(super) type HalfAtto = u64;

/// Rates for prompts of one size.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub(super) above: u64,
    pub(super) rates: [Option<HalfAtto>; Kind::COUNT],
}

pub(super) const fn whole(rate: Rate) -> HalfAtto {
    rate.atto() * 2
}

const fn half(rate: Rate) -> HalfAtto {
    rate.atto()
}

/// `rate` × `now` ÷ `usual`, to the half-attodollar; `None` where that says nothing.
fn in_proportion(rate: Option<HalfAtto>, now: Option<HalfAtto>, usual: Option<HalfAtto>) -> Option<HalfAtto> {
    let product = u128::from(rate?).checked_mul(u128::from(now?))?;
    let usual = usual.filter(|usual| *usual > 0)?;
    HalfAtto::try_from(divide_half_even(product, u128::from(usual))).ok()
}

/// One band for each prompt size with rates of its own. Tiered prices replace the standard ones; `quiet` are off-peak rates.
pub(super) fn bands(price: &ModelPrice, tier: &Tier, quiet: Option<&Rates>) -> Vec<Band> {
    let band = |above: u64, tiered: Option<&PromptBand>| Band {
        above,
        rates: View { price, above, tiered, quiet }.rates(tier),
    };
    if !price.bands.is_empty() {
        return price.bands.iter().map(|it| band(it.above, Some(it))).collect();
    }
    std::iter::once(0).chain(price.thresholds()).map(|above| band(above, None)).collect()
}

/// An entry as it stands for prompts above one size.
#[derive(Clone, Copy)]
struct View<'a> {
    price: &'a ModelPrice,
    above: u64,
    /// The entry's range for these prompts: it replaces the standard rates, all of them but the output's.
    tiered: Option<&'a PromptBand>,
    /// Off-peak rates replace what else would hold, long context and tiers included.
    quiet: Option<&'a Rates>,
}

impl View<'_> {
    /// Stated for prompts above this size, or above the next smaller one that states it, and whether for `tier` itself: it goes before
    /// the standard one of the same size.
    fn beyond(&self, kind: Kind, tier: &str) -> Option<(Rate, bool)> {
        let rates = self.price.rates.iter().filter(|it| it.kind == kind && (1..=self.above).contains(&it.above));
        let stated = rates.filter(|it| it.tier == tier || it.tier.is_empty());
        stated.max_by_key(|it| (it.above, it.tier == tier)).map(|it| (it.rate, it.tier == tier))
    }

    fn quiet(&self, kind: Kind) -> Option<Rate> {
        self.quiet.and_then(|it| it[kind as usize])
    }

    /// Without a tier, whatever the hour and the prompt.
    fn base(&self, kind: Kind) -> Option<Rate> {
        match self.tiered {
            Some(band) if kind != Kind::Output => band.rates[kind as usize],
            Some(band) => band.rates[kind as usize].or_else(|| self.price.rate(kind, 0, "")),
            None => self.price.rate(kind, 0, ""),
        }
    }

    /// Without a tier.
    fn standard(&self, kind: Kind) -> Option<Rate> {
        self.quiet(kind).or_else(|| self.beyond(kind, "").map(|(rate, _)| rate)).or_else(|| self.base(kind))
    }

    fn rates(&self, tier: &Tier) -> [Option<HalfAtto>; Kind::COUNT] {
        let (mut rates, tier) = match tier {
            Tier::Batch => (self.batch(), BATCHES),
            Tier::Named(name) => (self.at(name), name.as_str()),
            Tier::Standard | Tier::Provisioned => (self.at(""), ""),
        };
        for medium in Medium::ALL {
            let [input, read, output] = Kind::of(medium);
            rates[input as usize] = self.medium(input, Kind::Input, tier, &rates);
            rates[output as usize] = self.medium(output, Kind::Output, tier, &rates);
            let text = rates[Kind::CacheRead as usize];
            rates[read as usize] = if self.price.rate(read, 0, "").is_some() {
                self.medium(read, Kind::CacheRead, tier, &rates)
            } else {
                // As much cheaper than the medium's input as a read of text is.
                let like_text = in_proportion(rates[input as usize], text, rates[Kind::Input as usize]);
                self.medium_stated(read, tier).or(like_text).or(text)
            };
        }
        // A model that answers with nothing but pictures or sound has no other rate of output.
        let outputs = [Kind::ImageOutput, Kind::AudioOutput, Kind::VideoOutput];
        let only = rates[Kind::Output as usize].or_else(|| outputs.into_iter().find_map(|kind| rates[kind as usize]));
        for kind in [Kind::Output, Kind::Reasoning].into_iter().chain(outputs) {
            rates[kind as usize] = rates[kind as usize].or(only);
        }
        rates
    }

    /// What the entry says of a medium for this very case: prompts of this size, this tier, this hour.
    fn medium_stated(&self, kind: Kind, tier: &str) -> Option<HalfAtto> {
        let tiered = || self.tiered.filter(|_| tier.is_empty()).and_then(|band| band.rates[kind as usize]);
        let plain = || match self.beyond(kind, tier) {
            Some((rate, is_own)) => Some(rate).filter(|_| is_own),
            None => self.price.rate(kind, 0, tier).filter(|_| self.above == 0),
        };
        self.quiet(kind).or_else(tiered).or_else(plain).map(whole)
    }

    /// A medium's rate: stated for the case, else the standard one as much dearer or cheaper as `text` is in this case (or the input, of a
    /// model that answers with no text), else that of text.
    fn medium(&self, kind: Kind, text: Kind, tier: &str, rates: &[Option<HalfAtto>; Kind::COUNT]) -> Option<HalfAtto> {
        let usual = |kind: Kind| self.price.rate(kind, 0, "").map(whole);
        let like = |text: Kind| in_proportion(usual(kind), rates[text as usize], usual(text));
        self.medium_stated(kind, tier)
            .or_else(|| like(text))
            .or_else(|| like(Kind::Input))
            .or_else(|| usual(kind))
            .or(rates[text as usize])
    }

    fn at(&self, tier: &str) -> [Option<HalfAtto>; Kind::COUNT] {
        let named = |rate: Option<Rate>| rate.filter(|_| !tier.is_empty());
        let stated = |kind: Kind| {
            let rate = self
                .quiet(kind)
                .or_else(|| self.beyond(kind, tier).map(|(rate, _)| rate))
                .or_else(|| named(self.price.rate(kind, 0, tier)))
                .or_else(|| self.base(kind));
            rate.map(whole)
        };
        let (input, output) = (stated(Kind::Input), stated(Kind::Output));
        let write = stated(Kind::CacheWrite5m).or(input);
        let reasoning = named(self.own(Kind::Reasoning, tier));
        let mut found = [None; Kind::COUNT];
        let mut set = |kind: Kind, rate: Option<HalfAtto>| found[kind as usize] = rate;
        set(Kind::Input, input);
        set(Kind::Output, output);
        set(Kind::CacheRead, stated(Kind::CacheRead).or(self.unlisted_read(input)));
        set(Kind::CacheWrite5m, write);
        set(Kind::CacheWrite1h, stated(Kind::CacheWrite1h).or(write));
        set(Kind::Reasoning, reasoning.map(whole).or_else(|| self.reasoning(output)));
        found
    }

    /// A batch rate that is not stated is half the standard one. But where the entry has batch rates at all, a cache rate that is missing
    /// among them is the batch input rate: the provider gives no cache discount on top.
    fn batch(&self) -> [Option<HalfAtto>; Kind::COUNT] {
        let halved = |kind: Kind| match self.beyond(kind, BATCHES) {
            Some((rate, true)) => Some(whole(rate)),
            Some((rate, false)) => Some(half(rate)),
            None => self.price.rate(kind, 0, BATCHES).map(whole).or_else(|| self.standard(kind).map(half)),
        };
        let has_batch_rates = self.own(Kind::Input, BATCHES).is_some();
        let cache = |kind: Kind| {
            if has_batch_rates && self.own(kind, BATCHES).is_none() { None } else { halved(kind) }
        };
        let (input, output) = (halved(Kind::Input), halved(Kind::Output));
        let write = cache(Kind::CacheWrite5m).or(input);
        let read = cache(Kind::CacheRead).or(if has_batch_rates { input } else { self.unlisted_read(input) });
        let reasoning = self.own(Kind::Reasoning, BATCHES);
        let mut found = [None; Kind::COUNT];
        let mut set = |kind: Kind, rate: Option<HalfAtto>| found[kind as usize] = rate;
        set(Kind::Input, input);
        set(Kind::Output, output);
        set(Kind::CacheRead, read);
        set(Kind::CacheWrite5m, write);
        set(Kind::CacheWrite1h, halved(Kind::CacheWrite1h).or(write));
        set(Kind::Reasoning, reasoning.map(whole).or_else(|| self.reasoning(output)));
        found
    }

    /// Stated for the tier itself, above this size or for any.
    fn own(&self, kind: Kind, tier: &str) -> Option<Rate> {
        let beyond = self.beyond(kind, tier).filter(|(_, is_own)| *is_own).map(|(rate, _)| rate);
        beyond.or_else(|| self.price.rate(kind, 0, tier))
    }

    /// Fireworks bills reads at half the input rate where it lists none.
    fn unlisted_read(&self, input: Option<HalfAtto>) -> Option<HalfAtto> {
        if self.price.provider == "fireworks_ai" { input.map(|rate| rate / 2) } else { input }
    }

    /// A reasoning rate of the standard tier. Where it equals the output rate it follows that into every tier; where it differs it holds at
    /// the standard rate, halved with it in a batch, and elsewhere the tier's output rate counts.
    fn reasoning(&self, now: Option<HalfAtto>) -> Option<HalfAtto> {
        let output = self.standard(Kind::Output);
        match self.standard(Kind::Reasoning) {
            Some(reasoning) if Some(reasoning) != output => {
                if now == output.map(whole) {
                    Some(whole(reasoning))
                } else if now == output.map(half) {
                    Some(half(reasoning))
                } else {
                    now
                }
            }
            _ => now,
        }
    }
}
