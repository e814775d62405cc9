//! The billing formula (docs/prices.md). An entry and the terms of a request make a [`Plan`]; tokens and an instant make its [`Bill`], exactly.

use chrono::{DateTime, Datelike, Offset, TimeZone};

use super::band::{Band, HalfAtto, bands, whole};
use super::entry::{Kind, ModelPrice, OffPeak, Uplift};
use super::rate::{Rate, Ratio, divide_half_even};
use crate::config::Validity;
use crate::label::Label;
use crate::time::Timestamp;
use crate::usage::{Media, Medium, Tokens};

/// Anthropic's list price of a web search, for its models whose entry has none.
const ANTHROPIC_SEARCH: &str = "0.01";

/// A tier's rate this many times the standard one is likelier a slip of the table than a price.
const ODD_FACTOR: u64 = 10;

/// Half-attodollars in a pico-dollar: amounts are kept in halves, because a missing batch rate is half the standard one.
pub(super) const HALF_ATTO_PER_PICO: u128 = 2_000_000;

/// The service tier that a bill depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tier {
    /// Standard, default, auto, scale: list price.
    Standard,
    /// Half price, more or less: see the rules.
    Batch,
    /// Any other, by the map's word; safe to draw.
    Named(String),
    /// Reserved capacity, paid by the hour: tokens give no price.
    Provisioned,
}

impl Tier {
    /// Reads a log's word, Gemini's `trafficType` among them.
    #[must_use]
    pub fn read(word: &str) -> Tier {
        let lower = word.trim().to_ascii_lowercase();
        let lower = lower.strip_prefix("traffic_type_").unwrap_or(&lower);
        match lower.strip_prefix("on_demand_").unwrap_or(lower) {
            "" | "default" | "standard" | "auto" | "scale" | "on_demand" | "null" | "none" | "unspecified" => {
                Tier::Standard
            }
            "batch" | "batches" => Tier::Batch,
            "fast" => Tier::Named("priority".to_owned()),
            "provisioned_throughput" | "reserved" => Tier::Provisioned,
            other => Tier::Named(Label::from_bytes(other.as_bytes()).to_string()),
        }
    }

    /// The word of reports.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Tier::Standard => "standard",
            Tier::Batch => "batch",
            Tier::Named(name) => name,
            Tier::Provisioned => "provisioned",
        }
    }
}

/// What a request says of how it is billed, as text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions<'a> {
    /// Service tier.
    pub tier: &'a str,
    /// `OpenAI` data residency.
    pub data_residency: &'a str,
    /// Vertex location.
    pub vertex_location: &'a str,
    /// Anthropic's `inference_geo`.
    pub inference_geo: &'a str,
    /// Anthropic's `speed`.
    pub speed: &'a str,
}

/// Why a price may be wrong although there is one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Fast mode costs more, but the table does not say how much.
    #[error("fast mode: the table has no factor for this model, billed at 1x")]
    FastUnknown,
    /// The table knows no such tier for this model.
    #[error("tier '{0}': the table has no such rate for this model, billed at the standard rate")]
    TierUnknown(String),
    /// The tier's rate is out of proportion.
    #[error("tier '{tier}': the {kind} rate is {times} times the standard one, perhaps a slip of the table")]
    TierOdd {
        /// The tier.
        tier: String,
        /// The rate.
        kind: &'static str,
        /// How many times, rounded down.
        times: u64,
    },
    /// The price depends on the date, and the log has none.
    #[error("the price depends on the date and the log gives none, billed at the price without an end")]
    Dateless,
    /// The rate depends on the hour, and the log has none.
    #[error("the price depends on the time of day and the log gives none, billed at the peak rate")]
    Undated,
    /// The table does not tell this kind from text.
    #[error("{}: the table has no such rate for this model, billed like text", .0.name())]
    MediumAssumed(Kind),
    /// Not in the table: Anthropic's list price.
    #[error("web searches: the table has no price for this model, billed at $0.01 each as Anthropic lists")]
    SearchAssumed,
}

/// Why there is no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpriced {
    /// No table has the model.
    #[error("no table has this model: add [prices.model.\"NAME\"], an alias or a price file")]
    Unknown,
    /// The tables have it, but for other times.
    #[error("the prices of this model hold at other times: add one whose 'from' and 'until' span this one")]
    OtherTimes,
    /// A rate that is needed is not stated.
    #[error("the table has no {0} rate for this model: a price file in [prices] can state it")]
    Missing(&'static str),
    /// Not billed by the token.
    #[error("this model is billed by another unit than tokens")]
    OtherUnit,
    /// Reserved capacity.
    #[error("provisioned throughput is paid by the hour, not by the token")]
    Provisioned,
    /// Beyond what one charge can hold.
    #[error("more than 18 million dollars in one request")]
    TooLarge,
}

/// A contract discount that fits the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanDiscount {
    /// What is left to pay.
    pub remainder: Ratio,
    /// When.
    pub valid: Validity,
}

/// Everything about the bill that does not depend on tokens and time: worked out once, used for every request alike.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The tier as it was read.
    pub tier: Tier,
    /// The factors that hold, with what brought them about.
    pub uplifts: Vec<(Uplift, Ratio)>,
    /// What may be wrong.
    pub doubts: Vec<Doubt>,
    /// In the order of the configuration; the last that holds at the time counts.
    pub discounts: Vec<PlanDiscount>,
    refusal: Option<Unpriced>,
    bands: Vec<Band>,
    off_peak: Option<(OffPeak, Vec<Band>)>,
    inclusive: bool,
    factor: Ratio,
    search: Option<HalfAtto>,
    per_request: HalfAtto,
    /// What output is that a log does not split.
    output: Option<Medium>,
}

/// What a bill comes to, and by which rates.
#[derive(Clone, Copy)]
struct Worked<'a> {
    counts: [u32; Kind::COUNT],
    band: &'a Band,
    off_peak: bool,
    remainder: Ratio,
    cost_pico: u64,
    saved_pico: i64,
}

/// One request's bill, in half-attodollars before factors.
#[derive(Clone, Copy, Debug)]
pub struct Bill {
    /// Tokens by [`Kind`]; output without reasoning.
    pub counts: [u32; Kind::COUNT],
    /// Rates by [`Kind`], in half-attodollars per token.
    pub rates: [Option<u64>; Kind::COUNT],
    /// The prompt size beyond which these rates hold; 0 for any.
    pub above: u64,
    /// Off-peak rates hold.
    pub off_peak: bool,
    /// The price of a web search, in half-attodollars.
    pub search: Option<u64>,
    /// The fee of a request, in half-attodollars.
    pub per_request: u64,
    /// What a discount leaves.
    pub remainder: Ratio,
    /// Pico-dollars, rounded once.
    pub cost_pico: u64,
    /// What caching saved, in pico-dollars, rounded once.
    pub saved_pico: i64,
}

impl Plan {
    /// No price, and why.
    #[must_use]
    pub fn refused(tier: Tier, why: Unpriced) -> Plan {
        Plan {
            tier,
            uplifts: Vec::new(),
            doubts: Vec::new(),
            discounts: Vec::new(),
            refusal: Some(why),
            bands: Vec::new(),
            off_peak: None,
            inclusive: false,
            factor: Ratio::ONE,
            search: None,
            per_request: 0,
            output: None,
        }
    }

    /// Works out the rates of `price` under `conditions`.
    #[must_use]
    pub fn new(price: &ModelPrice, conditions: &Conditions<'_>, discounts: Vec<PlanDiscount>) -> Plan {
        let tier = Tier::read(conditions.tier);
        if price.other_unit {
            return Plan::refused(tier, Unpriced::OtherUnit);
        }
        if tier == Tier::Provisioned {
            return Plan::refused(tier, Unpriced::Provisioned);
        }
        let mut doubts = tier_doubts(price, &tier);
        doubts.extend(medium_doubts(price));
        let uplifts = uplifts(price, conditions, &mut doubts);
        let mut search = price.search.map(whole);
        if search.is_none() && (price.provider == "anthropic" || price.provider.ends_with("anthropic_models")) {
            search = Rate::parse(ANTHROPIC_SEARCH).map(whole);
            doubts.push(Doubt::SearchAssumed);
        }
        Plan {
            factor: uplifts.iter().fold(Ratio::ONE, |product, (_, ratio)| product.times(*ratio)),
            bands: bands(price, &tier, None),
            off_peak: price.off_peak.clone().map(|it| {
                let rates = bands(price, &tier, Some(&it.rates));
                (it, rates)
            }),
            inclusive: price.provider == "xai",
            per_request: price.per_request.map_or(0, whole),
            output: price.output,
            refusal: None,
            tier,
            uplifts,
            doubts,
            discounts,
            search,
        }
    }

    /// Whether batch rates hold.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.tier == Tier::Batch
    }

    /// Whether the price depends on how a log splits the output.
    #[must_use]
    pub const fn depends_on_split(&self) -> bool {
        self.output.is_some()
    }

    /// Whether the hour decides.
    #[must_use]
    pub fn depends_on_time(&self) -> bool {
        self.off_peak.is_some()
    }

    /// The bill for these tokens at that instant. What of them is in `media` is billed at the rates of its medium.
    pub fn bill(&self, tokens: &Tokens, media: &Media, time: Option<Timestamp>) -> Result<Bill, Unpriced> {
        self.work_out(tokens.prompt(), tokens, media, time).map(|worked| self.stated(&worked))
    }

    /// The same for the sum of many requests: how long each one's prompt was cannot be known, so none is billed as a long one.
    pub fn bill_sum(&self, tokens: &Tokens, media: &Media, time: Option<Timestamp>) -> Result<Bill, Unpriced> {
        self.work_out(0, tokens, media, time).map(|worked| self.stated(&worked))
    }

    /// What the bill comes to and what caching saved, in pico-dollars: [`Plan::bill`] without its terms.
    pub fn cost(&self, tokens: &Tokens, media: &Media, time: Option<Timestamp>) -> Result<(u64, i64), Unpriced> {
        self.work_out(tokens.prompt(), tokens, media, time).map(|worked| (worked.cost_pico, worked.saved_pico))
    }

    /// The same of [`Plan::bill_sum`].
    pub fn cost_sum(&self, tokens: &Tokens, media: &Media, time: Option<Timestamp>) -> Result<(u64, i64), Unpriced> {
        self.work_out(0, tokens, media, time).map(|worked| (worked.cost_pico, worked.saved_pico))
    }

    /// Every rate there is for a short prompt at that instant, by [`Kind`], in half-attodollars per token.
    pub fn rates(&self, time: Option<Timestamp>) -> Result<[Option<u64>; Kind::COUNT], Unpriced> {
        self.bill(&Tokens::default(), &Media::default(), time).map(|bill| bill.rates)
    }

    fn stated(&self, worked: &Worked<'_>) -> Bill {
        Bill {
            counts: worked.counts,
            rates: worked.band.rates,
            above: worked.band.above,
            off_peak: worked.off_peak,
            search: self.search,
            per_request: self.per_request,
            remainder: worked.remainder,
            cost_pico: worked.cost_pico,
            saved_pico: worked.saved_pico,
        }
    }

    #[inline]
    fn work_out(
        &self,
        length: u64,
        tokens: &Tokens,
        media: &Media,
        time: Option<Timestamp>,
    ) -> Result<Worked<'_>, Unpriced> {
        if let Some(why) = &self.refusal {
            return Err(why.clone());
        }
        let (bands, off_peak) = match (&self.off_peak, time) {
            (Some((hours, bands)), Some(time)) if holds(hours, time) => (bands, true),
            _ => (&self.bands, false),
        };
        let crossed = |band: &&Band| length > band.above || (self.inclusive && length == band.above);
        let band = bands.iter().rev().find(crossed).or(bands.first()).ok_or(Unpriced::Missing(Kind::Input.name()))?;

        let reasoning = tokens.reasoning.min(tokens.output);
        let mut counts = [0; Kind::COUNT];
        counts[Kind::Input as usize] = tokens.input;
        counts[Kind::Output as usize] = tokens.output - reasoning;
        counts[Kind::CacheRead as usize] = tokens.cache_read;
        counts[Kind::CacheWrite5m as usize] = tokens.cache_write_5m;
        counts[Kind::CacheWrite1h as usize] = tokens.cache_write_1h;
        counts[Kind::Reasoning as usize] = reasoning;
        let has_media = self.output.is_some() || !media.is_text();
        if has_media {
            self.take_media(&mut counts, &media.within(tokens));
        }
        let amount = |kind: Kind| -> Result<u128, Unpriced> {
            match (counts[kind as usize], band.rates[kind as usize]) {
                (0, _) => Ok(0),
                (_, None) => Err(Unpriced::Missing(kind.name())),
                (count, Some(rate)) => Ok(u128::from(count) * u128::from(rate)),
            }
        };
        let mut prompt =
            amount(Kind::Input)? + amount(Kind::CacheRead)? + amount(Kind::CacheWrite5m)? + amount(Kind::CacheWrite1h)?;
        let mut answer = amount(Kind::Output)? + amount(Kind::Reasoning)?;
        let mut uncached = tokens.prompt();
        let mut uncached_media = 0;
        if has_media {
            for [input, read, output] in Medium::ALL.map(Kind::of) {
                prompt += amount(input)? + amount(read)?;
                answer += amount(output)?;
                let whole = u64::from(counts[input as usize]) + u64::from(counts[read as usize]);
                uncached -= whole;
                uncached_media += u128::from(whole) * u128::from(band.rates[input as usize].unwrap_or_default());
            }
        }
        let mut fees = u128::from(self.per_request);
        if tokens.web_searches > 0 {
            let search = self.search.ok_or(Unpriced::Missing("web search"))?;
            fees += u128::from(tokens.web_searches) * u128::from(search);
        }
        let remainder = self.remainder(time);
        let cost_pico = self.total(prompt + answer, fees, remainder).ok_or(Unpriced::TooLarge)?;
        let input_rate = band.rates[Kind::Input as usize].unwrap_or_default();
        let uncached = u128::from(input_rate) * u128::from(uncached) + uncached_media;
        let difference = uncached.abs_diff(prompt);
        let saved = if difference == 0 { 0 } else { self.total(difference, 0, remainder).ok_or(Unpriced::TooLarge)? };
        let saved = i64::try_from(saved).map_err(|_| Unpriced::TooLarge)?;
        let saved_pico = if uncached < prompt { -saved } else { saved };
        Ok(Worked { counts, band, off_peak, remainder, cost_pico, saved_pico })
    }

    /// Takes out of the counts of text what is of other media.
    fn take_media(&self, counts: &mut [u32; Kind::COUNT], media: &Media) {
        let text = [Kind::Input, Kind::CacheRead, Kind::Output];
        for medium in Medium::ALL {
            let parts = [media.input, media.cache_read, media.output].map(|parts| parts[medium as usize]);
            for ((kind, text), part) in Kind::of(medium).into_iter().zip(text).zip(parts) {
                counts[kind as usize] = part;
                counts[text as usize] -= part;
            }
        }
        if let Some(medium) = self.output
            && !media.is_split
        {
            let [_, _, output] = Kind::of(medium);
            counts[output as usize] = std::mem::take(&mut counts[Kind::Output as usize]);
        }
    }

    /// (tokens × factor + fees) × what the discount leaves, in pico-dollars, rounded here and nowhere else.
    #[inline]
    fn total(&self, tokens: u128, fees: u128, remainder: Ratio) -> Option<u64> {
        if self.factor == Ratio::ONE && remainder == Ratio::ONE {
            return u64::try_from(divide_half_even(tokens.checked_add(fees)?, HALF_ATTO_PER_PICO)).ok();
        }
        let sum = tokens
            .checked_mul(u128::from(self.factor.num))?
            .checked_add(fees.checked_mul(u128::from(self.factor.den))?)?;
        let divisor =
            u128::from(self.factor.den).checked_mul(u128::from(remainder.den))?.checked_mul(HALF_ATTO_PER_PICO)?;
        u64::try_from(divide_half_even(sum.checked_mul(u128::from(remainder.num))?, divisor)).ok()
    }

    /// The last discount that holds; one with a span needs a time.
    fn remainder(&self, time: Option<Timestamp>) -> Ratio {
        let holds = |it: &&PlanDiscount| match time {
            Some(time) => it.valid.contains(time),
            None => it.valid == Validity::default(),
        };
        self.discounts.iter().rev().find(holds).map_or(Ratio::ONE, |it| it.remainder)
    }
}

fn tier_doubts(price: &ModelPrice, tier: &Tier) -> Vec<Doubt> {
    let Tier::Named(name) = tier else { return Vec::new() };
    if price.rates.iter().all(|it| it.tier != *name) {
        return vec![Doubt::TierUnknown(name.clone())];
    }
    let odd = [Kind::Input, Kind::Output].into_iter().filter_map(|kind| {
        let (rate, base) = (price.rate(kind, 0, name)?, price.rate(kind, 0, "")?);
        let times = rate.atto().checked_div(base.atto())?;
        (times > ODD_FACTOR).then(|| Doubt::TierOdd { tier: name.clone(), kind: kind.name(), times })
    });
    odd.collect()
}

/// Of which media the entry does not say what they cost although that differs from text as a rule. Google lists where audio costs more;
/// images and video that are read are converted to tokens of text everywhere else.
fn medium_doubts(price: &ModelPrice) -> Vec<Doubt> {
    let states = |kind: Kind| price.states(kind);
    let odd = |kind: &Kind| match kind {
        Kind::AudioInput => !price.is_google() && !states(Kind::AudioInput),
        // Only where the medium has a price of its own, but its reads have none.
        Kind::AudioRead => states(Kind::AudioInput) && !states(Kind::AudioRead),
        Kind::ImageRead => states(Kind::ImageInput) && !states(Kind::ImageRead),
        Kind::VideoRead => states(Kind::VideoInput) && !states(Kind::VideoRead),
        Kind::AudioOutput | Kind::ImageOutput | Kind::VideoOutput => !states(*kind),
        _ => false,
    };
    Kind::ALL.into_iter().filter(odd).map(Doubt::MediumAssumed).collect()
}

/// The factors that the conditions bring about and the entry carries.
fn uplifts(price: &ModelPrice, conditions: &Conditions<'_>, doubts: &mut Vec<Doubt>) -> Vec<(Uplift, Ratio)> {
    let is = |text: &str, word: &str| text.trim().eq_ignore_ascii_case(word);
    let location = conditions.vertex_location.trim();
    let causes = [
        (Uplift::GeoUs, is(conditions.inference_geo, "us")),
        (Uplift::Fast, is(conditions.speed, "fast")),
        (Uplift::ResidencyEu, is(conditions.data_residency, "eu")),
        (Uplift::ResidencyUs, is(conditions.data_residency, "us")),
        (Uplift::RegionalEndpoint, !location.is_empty() && !is(location, "global")),
    ];
    let mut found = Vec::new();
    for (cause, _) in causes.into_iter().filter(|(_, holds)| *holds) {
        match price.uplift(cause) {
            Some(ratio) => found.push((cause, ratio)),
            None if cause == Uplift::Fast => doubts.push(Doubt::FastUnknown),
            None => {}
        }
    }
    found
}

/// Whether quiet hours hold at that instant: a window's start is inside, its end is not.
fn holds(hours: &OffPeak, time: Timestamp) -> bool {
    let days = time.minute().div_euclid(1440);
    let minute = time.minute().rem_euclid(1440);
    let weekday = match hours.weekday_zone {
        None => (days + 3).rem_euclid(7), // 1970-01-01 was a Thursday
        Some(zone) => DateTime::from_timestamp_millis(time.ms()).map_or(0, |at| {
            let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix();
            i64::from(at.with_timezone(&offset).weekday().num_days_from_monday())
        }),
    };
    hours.windows.iter().filter(|window| window.weekdays >> weekday & 1 == 1).any(|window| {
        window.minutes.iter().any(|&(start, end)| {
            let (start, end) = (i64::from(start), i64::from(end));
            start == end || if start < end { (start..end).contains(&minute) } else { minute >= start || minute < end }
        })
    })
}
