//! The grammar of `LiteLLM`'s price map. JSON of one model enters, a [`ModelPrice`] leaves; what no bill depends on is skipped.

use serde_json::Value;

use super::entry::{Kind, ModelPrice, OffPeak, OffPeakWindow, PromptBand, Rates, TableRate, Uplift};
use super::rate::{Rate, Ratio};
use crate::label::clean;
use crate::usage::Medium;

/// Keys of the map that are no models.
const NOT_MODELS: [&str; 2] = ["sample_spec", "fallback_generalizations"];

/// Names of the map's price fields without suffixes.
const BASES: [(&str, Kind); 14] = [
    ("input_cost_per_token", Kind::Input),
    ("output_cost_per_token", Kind::Output),
    ("cache_read_input_token_cost", Kind::CacheRead),
    ("cache_creation_input_token_cost_above_1hr", Kind::CacheWrite1h),
    ("cache_creation_input_token_cost", Kind::CacheWrite5m),
    ("output_cost_per_reasoning_token", Kind::Reasoning),
    ("input_cost_per_audio_token", Kind::AudioInput),
    ("cache_read_input_audio_token_cost", Kind::AudioRead),
    ("output_cost_per_audio_token", Kind::AudioOutput),
    ("input_cost_per_image_token", Kind::ImageInput),
    ("cache_read_input_image_token_cost", Kind::ImageRead),
    ("output_cost_per_image_token", Kind::ImageOutput),
    ("input_cost_per_video_token", Kind::VideoInput),
    ("output_cost_per_video_token", Kind::VideoOutput),
];

/// Units other than tokens and requests, as field names begin.
const OTHER_UNITS: [&str; 14] = [
    "input_cost_per_query",
    "input_cost_per_second",
    "output_cost_per_second",
    "cost_per_second",
    "input_cost_per_character",
    "output_cost_per_character",
    "input_cost_per_image",
    "output_cost_per_image",
    "input_cost_per_pixel",
    "output_cost_per_pixel",
    "input_cost_per_audio_per_second",
    "input_cost_per_video_per_second",
    "output_cost_per_video_per_second",
    "ocr_cost_per_page",
];

/// Why a price file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// Not JSON.
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON, but no object of models.
    #[error("not an object of models: use the grammar of LiteLLM's model_prices_and_context_window.json")]
    NotModels,
    /// An object, but nothing in it is a price.
    #[error("no entry states a price: use the grammar of LiteLLM's model_prices_and_context_window.json")]
    NoPrices,
    /// An entry that is no object.
    #[error(
        "'{0}' is no entry of a price map: write an object such as {{\"input_cost_per_token\": 3e-06, \"output_cost_per_token\": 1.5e-05}}"
    )]
    NotModel(String),
    /// A field that is not what the grammar has there.
    #[error("model '{model}', field '{field}': '{value}' is {wanted}")]
    Field {
        /// The model's key.
        model: String,
        /// The field.
        field: String,
        /// What stands there, its beginning.
        value: String,
        /// What should.
        wanted: &'static str,
    },
}

/// What is wrong with a field: its name, what stands there, what should.
type Wrong = (String, String, &'static str);

const PRICE: &str = "no price: use dollars a token (or a call), from 0 to 1; $2.50 per million tokens are 2.5e-06";
const FACTOR: &str = "no factor: use a number from 0 to 1000, such as 1.1";
const RANGES: &str = "no list of ranges: use [{\"range\": [0, 256000], \"input_cost_per_token\": 5e-08}]";
const HOURS: &str = "no off-peak price: use {\"hours_utc\": \"16:30-00:30\", \"input_cost_per_token\": 1.5e-07}";
const SEARCHES: &str = "no price of searches: use {\"search_context_size_medium\": 0.01}";

/// Longest value that an error repeats, in characters.
const SHOWN: usize = 60;

/// Reads a whole map: every entry that states a price, of tokens, requests or another unit, in the file's order.
pub fn read_map(text: &[u8]) -> Result<Vec<(String, ModelPrice)>, GrammarError> {
    // Editors of some systems put a byte order mark in front, which JSON has none of.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let map: Value = serde_json::from_slice(text).map_err(|error| GrammarError::Json(error.to_string()))?;
    let map = map.as_object().ok_or(GrammarError::NotModels)?;
    let mut models = Vec::new();
    for (name, fields) in map {
        if NOT_MODELS.contains(&name.as_str()) || name.starts_with('_') {
            continue;
        }
        if !fields.is_object() {
            return Err(GrammarError::NotModel(clean(name).into_owned()));
        }
        let price = read_model(fields).map_err(|(field, value, wanted)| GrammarError::Field {
            model: clean(name).into_owned(),
            field,
            value: clean(&value).chars().take(SHOWN).collect(),
            wanted,
        })?;
        if price.other_unit || price.per_request.is_some() || !price.rates.is_empty() || !price.bands.is_empty() {
            models.push((name.clone(), price));
        }
    }
    if models.is_empty() { Err(GrammarError::NoPrices) } else { Ok(models) }
}

/// One model's fields.
fn read_model(fields: &Value) -> Result<ModelPrice, Wrong> {
    let mut price = ModelPrice {
        provider: fields.get("litellm_provider").and_then(Value::as_str).unwrap_or_default().to_owned(),
        ..ModelPrice::default()
    };
    for (field, value) in fields.as_object().into_iter().flatten() {
        if let Some((kind, above, tier)) = split_field(field)
            && !value.is_null()
        {
            price.set(TableRate { kind, above, tier: tier.to_owned(), rate: rate(field, value)? });
        }
    }
    let mut has_other_ranges = false;
    if let Some(bands) = stated(fields, "tiered_pricing") {
        let refuse = || ("tiered_pricing".to_owned(), text(bands), RANGES);
        for band in bands.as_array().ok_or_else(refuse)? {
            let above = band.pointer("/range/0").and_then(Value::as_f64).filter(|above| *above >= 0.0);
            let rates = plain_rates(band)?;
            // Searches have ranges of results, and a price for a query in each.
            if above.is_none() && rates == Rates::default() && states_other_unit(band) {
                has_other_ranges = true;
                continue;
            }
            price.bands.push(PromptBand { above: above.ok_or_else(refuse)? as u64, rates });
        }
        price.bands.sort_by_key(|band| band.above);
    }
    if let Some(off_peak) = stated(fields, "off_peak_pricing") {
        if !off_peak.is_object() {
            return Err(("off_peak_pricing".to_owned(), text(off_peak), HOURS));
        }
        price.off_peak = Some(read_off_peak(off_peak)?);
    }
    price.search = read_search(fields)?;
    if let Some(fee) = stated(fields, "input_cost_per_request") {
        price.per_request = Some(rate("input_cost_per_request", fee)?);
    }
    for (cause, field) in [
        (Uplift::GeoUs, "provider_specific_entry/us"),
        (Uplift::Fast, "provider_specific_entry/fast"),
        (Uplift::ResidencyEu, "regional_processing_uplift_multiplier_eu"),
        (Uplift::ResidencyUs, "regional_processing_uplift_multiplier_us"),
        (Uplift::RegionalEndpoint, "regional_endpoint_uplift_multiplier"),
    ] {
        if let Some(value) = fields.pointer(&format!("/{field}")).filter(|it| !it.is_null()) {
            let ratio = Ratio::parse(&text(value)).ok_or_else(|| (field.to_owned(), text(value), FACTOR))?;
            price.uplifts.push((cause, ratio));
        }
    }
    // Google splits what is not text; others' models that draw or speak may answer without a word on it.
    price.output = match fields.get("mode").and_then(Value::as_str) {
        _ if price.is_google() => None,
        Some("image_generation" | "image_edit") => Some(Medium::Image),
        Some("audio_speech") => Some(Medium::Audio),
        Some("video_generation") => Some(Medium::Video),
        _ => None,
    }
    .filter(|medium| price.states(Kind::of(*medium)[2]));
    let by_other_unit = has_other_ranges || states_other_unit(fields);
    let by_token = price.rates.iter().any(|it| it.rate > Rate::ZERO) || !price.bands.is_empty();
    if by_other_unit && !by_token {
        price.other_unit = true;
        price.rates.clear();
    }
    Ok(price)
}

/// Whether something is billed by another unit than tokens.
fn states_other_unit(fields: &Value) -> bool {
    let price = |unit: &&str| fields.get(*unit).map(text).and_then(|it| Rate::parse(&it));
    OTHER_UNITS.iter().filter_map(price).any(|rate| rate > Rate::ZERO)
}

/// A field that is there and not null.
fn stated<'v>(fields: &'v Value, field: &str) -> Option<&'v Value> {
    fields.get(field).filter(|value| !value.is_null())
}

/// `<base>[_above_<N>[k]_tokens][_<tier>]`; `None` for every other field.
fn split_field(field: &str) -> Option<(Kind, u64, &str)> {
    let (base, kind) = BASES.iter().find(|(base, _)| field.starts_with(base))?;
    let mut rest = field.get(base.len()..)?;
    let mut above = 0;
    if let Some(after) = rest.strip_prefix("_above_") {
        let (number, after) = after.split_once("_tokens")?;
        let (digits, unit) = number.strip_suffix('k').map_or((number, 1), |digits| (digits, 1000));
        above = digits.parse::<u32>().ok().map(u64::from)? * unit;
        rest = after;
    }
    if rest.is_empty() {
        return Some((*kind, above, ""));
    }
    let tier = rest.strip_prefix('_')?;
    tier.bytes().all(|byte| byte.is_ascii_lowercase()).then_some((*kind, above, tier))
}

/// A number's shortest text, or a string: both stand in maps.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn rate(field: &str, value: &Value) -> Result<Rate, Wrong> {
    Rate::parse(&text(value)).ok_or_else(|| (field.to_owned(), text(value), PRICE))
}

fn plain_rates(fields: &Value) -> Result<Rates, Wrong> {
    let mut rates = Rates::default();
    for (field, kind) in BASES {
        if let Some(value) = stated(fields, field) {
            rates[kind as usize] = Some(rate(field, value)?);
        }
    }
    Ok(rates)
}

/// A call's price is that of the middle context size: logs do not say which was asked for, and most entries price all alike.
fn read_search(fields: &Value) -> Result<Option<Rate>, Wrong> {
    let Some(sizes) = stated(fields, "search_context_cost_per_query") else { return Ok(None) };
    if !sizes.is_object() {
        return Err(("search_context_cost_per_query".to_owned(), text(sizes), SEARCHES));
    }
    ["search_context_size_medium", "search_context_size_low", "search_context_size_high"]
        .into_iter()
        .find_map(|size| stated(sizes, size).map(|value| rate(size, value)))
        .transpose()
}

fn read_off_peak(fields: &Value) -> Result<OffPeak, Wrong> {
    let refuse = |value: &Value| ("off_peak_pricing".to_owned(), text(value), HOURS);
    let mut windows = Vec::new();
    let whole = std::iter::once(fields).filter(|it| it.get("hours_utc").is_some());
    for window in fields.get("windows").and_then(Value::as_array).into_iter().flatten().chain(whole) {
        let mut weekdays = 0;
        match window.get("weekdays").filter(|days| !days.is_null()) {
            Some(days) => {
                let days = days.as_array().ok_or_else(|| refuse(window))?;
                for day in days {
                    let day = day.as_u64().filter(|day| (1..=7).contains(day)).ok_or_else(|| refuse(window))?;
                    weekdays |= 1 << (day - 1);
                }
            }
            None => weekdays = 0x7f,
        }
        let hours = match window.get("hours_utc") {
            Some(Value::Array(hours)) => hours.iter().map(|hours| hours.as_str().unwrap_or_default()).collect(),
            Some(Value::String(hours)) => vec![hours.as_str()],
            None | Some(Value::Null) => vec!["00:00-00:00"],
            Some(_) => return Err(refuse(window)),
        };
        let minutes = hours.into_iter().map(minutes).collect::<Option<Vec<_>>>().ok_or_else(|| refuse(window))?;
        windows.push(OffPeakWindow { weekdays, minutes });
    }
    let weekday_zone = match stated(fields, "weekday_timezone") {
        Some(zone) => Some(text(zone).parse().map_err(|_| refuse(zone))?),
        None => None,
    };
    Ok(OffPeak { rates: plain_rates(fields)?, windows, weekday_zone })
}

/// `HH:MM-HH:MM` as minutes of the day.
fn minutes(hours: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| -> Option<u16> {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then(|| (hour * 60 + minute) % 1440)
    };
    let (start, end) = hours.split_once('-')?;
    Some((minute(start)?, minute(end)?))
}
