//! What a table says of one model. Entries come from the price map's grammar, the embedded table or the configuration; no token is counted here.

use super::rate::{Rate, Ratio};
use crate::config::FlatPrice;
use crate::usage::Medium;

/// What a rate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Uncached input.
    Input = 0,
    /// Output without reasoning.
    Output = 1,
    /// Reads from the prompt cache.
    CacheRead = 2,
    /// Writes for five minutes.
    CacheWrite5m = 3,
    /// Writes for an hour.
    CacheWrite1h = 4,
    /// The part of the output that is reasoning.
    Reasoning = 5,
    /// Uncached input that is audio; the kinds above are without it where it is counted apart.
    AudioInput = 6,
    /// Cache reads of audio.
    AudioRead = 7,
    /// Output that is audio.
    AudioOutput = 8,
    /// Uncached input that is images.
    ImageInput = 9,
    /// Cache reads of images.
    ImageRead = 10,
    /// Output that is images.
    ImageOutput = 11,
    /// Uncached input that is video.
    VideoInput = 12,
    /// Cache reads of video.
    VideoRead = 13,
    /// Output that is video.
    VideoOutput = 14,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = 15;
    /// Every kind, in the order of the discriminants: those of text, then those of [`Medium::ALL`].
    pub const ALL: [Kind; Kind::COUNT] = [
        Kind::Input,
        Kind::Output,
        Kind::CacheRead,
        Kind::CacheWrite5m,
        Kind::CacheWrite1h,
        Kind::Reasoning,
        Kind::AudioInput,
        Kind::AudioRead,
        Kind::AudioOutput,
        Kind::ImageInput,
        Kind::ImageRead,
        Kind::ImageOutput,
        Kind::VideoInput,
        Kind::VideoRead,
        Kind::VideoOutput,
    ];

    /// Of a medium: its input, its cache reads, its output.
    #[must_use]
    pub const fn of(medium: Medium) -> [Kind; 3] {
        match medium {
            Medium::Audio => [Kind::AudioInput, Kind::AudioRead, Kind::AudioOutput],
            Medium::Image => [Kind::ImageInput, Kind::ImageRead, Kind::ImageOutput],
            Medium::Video => [Kind::VideoInput, Kind::VideoRead, Kind::VideoOutput],
        }
    }

    /// The word of reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Input => "input",
            Kind::Output => "output",
            Kind::CacheRead => "cache read",
            Kind::CacheWrite5m => "cache write 5m",
            Kind::CacheWrite1h => "cache write 1h",
            Kind::Reasoning => "reasoning",
            Kind::AudioInput => "audio input",
            Kind::AudioRead => "audio cache read",
            Kind::AudioOutput => "audio output",
            Kind::ImageInput => "image input",
            Kind::ImageRead => "image cache read",
            Kind::ImageOutput => "image output",
            Kind::VideoInput => "video input",
            Kind::VideoRead => "video cache read",
            Kind::VideoOutput => "video output",
        }
    }

    /// The letter of the embedded table.
    pub(super) const fn letter(self) -> &'static str {
        match self {
            Kind::Input => "i",
            Kind::Output => "o",
            Kind::CacheRead => "r",
            Kind::CacheWrite5m => "w",
            Kind::CacheWrite1h => "h",
            Kind::Reasoning => "t",
            Kind::AudioInput => "a",
            Kind::AudioRead => "c",
            Kind::AudioOutput => "e",
            Kind::ImageInput => "m",
            Kind::ImageRead => "n",
            Kind::ImageOutput => "g",
            Kind::VideoInput => "v",
            Kind::VideoRead => "l",
            Kind::VideoOutput => "k",
        }
    }
}

/// One rate of an entry and when it holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableRate {
    /// What for.
    pub kind: Kind,
    /// Prompts with more tokens than this; 0 is any.
    pub above: u64,
    /// Service tier as the map writes it (`flex`, `batches`); empty is the standard one.
    pub tier: String,
    /// Dollars per token.
    pub rate: Rate,
}

/// Rates that replace the standard ones, by [`Kind`].
pub type Rates = [Option<Rate>; Kind::COUNT];

/// Rates for prompts of a certain size: the whole request is billed at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptBand {
    /// Prompts with more tokens than this, up to the next band.
    pub above: u64,
    /// What is stated.
    pub rates: Rates,
}

/// Hours of the day at which the off-peak rates hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffPeakWindow {
    /// Bit 0 is Monday.
    pub weekdays: u8,
    /// First and first excluded minute of the UTC day; equal is all day, an end before the start wraps.
    pub minutes: Vec<(u16, u16)>,
}

/// Rates that hold at quiet hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffPeak {
    /// What is stated.
    pub rates: Rates,
    /// When.
    pub windows: Vec<OffPeakWindow>,
    /// Where the weekday is looked up; UTC when absent.
    pub weekday_zone: Option<chrono_tz::Tz>,
}

/// A factor on all token kinds and what brings it about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Uplift {
    /// Anthropic's `inference_geo` is `us`.
    GeoUs,
    /// Anthropic's `speed` is `fast`.
    Fast,
    /// Data residency in the EU.
    ResidencyEu,
    /// Data residency in the US.
    ResidencyUs,
    /// A Vertex endpoint that is not `global`.
    RegionalEndpoint,
}

impl Uplift {
    /// Every cause.
    pub const ALL: [Uplift; 5] =
        [Uplift::GeoUs, Uplift::Fast, Uplift::ResidencyEu, Uplift::ResidencyUs, Uplift::RegionalEndpoint];

    /// The word of reports and of the embedded table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Uplift::GeoUs => "inference_geo=us",
            Uplift::Fast => "speed=fast",
            Uplift::ResidencyEu => "data_residency=eu",
            Uplift::ResidencyUs => "data_residency=us",
            Uplift::RegionalEndpoint => "regional_endpoint",
        }
    }
}

/// Everything a table says of one model that a bill depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPrice {
    /// `litellm_provider`: whose billing rules hold. Empty for the configuration's own models.
    pub provider: String,
    /// Ascending by kind, threshold, tier.
    pub rates: Vec<TableRate>,
    /// `tiered_pricing`, ascending; empty for most.
    pub bands: Vec<PromptBand>,
    /// `off_peak_pricing`.
    pub off_peak: Option<OffPeak>,
    /// Dollars per web search.
    pub search: Option<Rate>,
    /// Dollars per request, beside its tokens.
    pub per_request: Option<Rate>,
    /// Factors.
    pub uplifts: Vec<(Uplift, Ratio)>,
    /// What the output is where a log does not split it: models that draw or speak answer with nothing else.
    pub output: Option<Medium>,
    /// Billed by the second, image, query or character: tokens give no price.
    pub other_unit: bool,
}

impl ModelPrice {
    /// The rate under exactly this key.
    #[must_use]
    pub fn rate(&self, kind: Kind, above: u64, tier: &str) -> Option<Rate> {
        self.rates.iter().find(|rate| rate.kind == kind && rate.above == above && rate.tier == tier).map(|it| it.rate)
    }

    /// Whether Google bills it.
    #[must_use]
    pub fn is_google(&self) -> bool {
        ["gemini", "vertex_ai"].iter().any(|prefix| self.provider.starts_with(prefix))
    }

    /// Whether it says anything of that kind.
    #[must_use]
    pub fn states(&self, kind: Kind) -> bool {
        self.rates.iter().any(|it| it.kind == kind) || self.bands.iter().any(|it| it.rates[kind as usize].is_some())
    }

    /// Prompt sizes beyond which other rates hold, ascending.
    #[must_use]
    pub fn thresholds(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.rates.iter().map(|rate| rate.above).filter(|above| *above > 0).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The factor for a cause.
    #[must_use]
    pub fn uplift(&self, cause: Uplift) -> Option<Ratio> {
        self.uplifts.iter().find(|(it, _)| *it == cause).map(|(_, ratio)| *ratio)
    }

    /// States a rate; a later statement under the same key wins.
    pub fn set(&mut self, rate: TableRate) {
        self.rates.retain(|it| (it.kind, it.above, &it.tier) != (rate.kind, rate.above, &rate.tier));
        self.rates.push(rate);
        self.rates.sort();
    }
}

impl From<&FlatPrice> for ModelPrice {
    fn from(flat: &FlatPrice) -> ModelPrice {
        let stated = [
            (Kind::Input, Some(flat.input)),
            (Kind::Output, Some(flat.output)),
            (Kind::CacheRead, flat.cache_read),
            (Kind::CacheWrite5m, flat.cache_write),
            (Kind::CacheWrite1h, flat.cache_write_1h),
        ];
        let media =
            Medium::ALL.into_iter().zip(flat.media).flat_map(|(medium, rates)| Kind::of(medium).into_iter().zip(rates));
        let rates = stated.into_iter().chain(media).filter_map(|(kind, pico)| {
            Some(TableRate { kind, above: 0, tier: String::new(), rate: Rate::from_pico(pico?) })
        });
        ModelPrice { rates: rates.collect(), ..ModelPrice::default() }
    }
}
