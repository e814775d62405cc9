//! The answers as the APIs write them: JSON enters, one result's figures leave. What is not compared is passed over.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ExportError, Kind, Provider, Stated, json};
use crate::cli::reconcile::figure::{Figure, Sums};
use crate::label::{Label, clean};
use crate::money::Money;
use crate::time::Timestamp;

/// A page, a bucket, or an error.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub(super) data: Option<Vec<&'a RawValue>>,
    pub(super) has_more: Option<bool>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow, alias = "result")]
    pub(super) results: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Bucket<'a> {
    pub(super) start_time: Option<i64>,
    pub(super) end_time: Option<i64>,
    pub(super) starting_at: Option<String>,
    pub(super) ending_at: Option<String>,
    #[serde(borrow, alias = "result", default)]
    pub(super) results: Vec<Billed<'a>>,
}

/// Every field of every result that is compared; absent is null.
#[derive(Deserialize)]
pub(super) struct Billed<'a> {
    pub(super) object: Option<String>,
    model: Option<String>,
    line_item: Option<String>,
    api_key_id: Option<String>,
    batch: Option<bool>,
    service_tier: Option<String>,
    cost_type: Option<String>,
    currency: Option<String>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    #[serde(borrow)]
    num_model_requests: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    input_uncached_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    input_cached_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    input_cache_write_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    uncached_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_read_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_creation: Option<Writes<'a>>,
    #[serde(borrow)]
    server_tool_use: Option<Tools<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Writes<'a> {
    #[serde(borrow)]
    ephemeral_5m_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    ephemeral_1h_input_tokens: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Tools<'a> {
    #[serde(borrow)]
    web_search_requests: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Amount<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
    currency: Option<String>,
}

impl Billed<'_> {
    pub(super) fn kind(&self, provider: Provider) -> Option<Kind> {
        let has_tokens = match provider {
            Provider::OpenAi => self.input_tokens.is_some() || self.input_uncached_tokens.is_some(),
            Provider::Anthropic => self.uncached_input_tokens.is_some(),
        };
        match (self.amount, has_tokens) {
            (Some(_), _) => Some(Kind::Cost),
            (None, true) => Some(Kind::Usage),
            (None, false) => None,
        }
    }

    pub(super) fn stated(&self, provider: Provider, kind: Kind, start: Timestamp) -> Result<Stated, ExportError> {
        let sums = match (provider, kind) {
            (Provider::OpenAi, Kind::Usage) => self.openai(start)?,
            (Provider::Anthropic, Kind::Usage) => self.anthropic(start)?,
            (_, Kind::Cost) => Sums::from([(Figure::Cost, self.cost(provider, start)?.pico())]),
        };
        // "gpt-5.4-2026-03-05, cached input": what stands before the comma was used.
        let item = self.line_item.as_deref().map(|item| item.split(", ").next().unwrap_or(item));
        let apart = self.cost_type.as_deref().filter(|kind| *kind != "tokens");
        let label = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Label::new);
        Ok(Stated {
            start,
            model: self.model.as_deref().or(item).or(apart).and_then(label),
            key: self.api_key_id.as_deref().and_then(label),
            is_batch: self.batch == Some(true) || self.service_tier.as_deref() == Some("batch"),
            sums,
        })
    }

    fn openai(&self, start: Timestamp) -> Result<Sums, ExportError> {
        let read = |field, value| whole(start, field, value);
        let cached = read("input_cached_tokens", self.input_cached_tokens)?;
        let written = read("input_cache_write_tokens", self.input_cache_write_tokens)?;
        let uncached = match self.input_uncached_tokens {
            Some(_) => read("input_uncached_tokens", self.input_uncached_tokens)?,
            None => (read("input_tokens", self.input_tokens)? - cached - written).max(0),
        };
        let mut sums = Sums::from([
            (Figure::Input, uncached),
            (Figure::CacheRead, cached),
            (Figure::Output, read("output_tokens", self.output_tokens)?),
        ]);
        if self.input_cache_write_tokens.is_some() {
            sums.insert(Figure::CacheWrite, written);
        }
        if self.num_model_requests.is_some() {
            sums.insert(Figure::Requests, read("num_model_requests", self.num_model_requests)?);
        }
        Ok(sums)
    }

    fn anthropic(&self, start: Timestamp) -> Result<Sums, ExportError> {
        let read = |field, value| whole(start, field, value);
        let writes = self.cache_creation.as_ref();
        let searches = self.server_tool_use.as_ref().and_then(|it| it.web_search_requests);
        let short = writes.and_then(|it| it.ephemeral_5m_input_tokens);
        let long = writes.and_then(|it| it.ephemeral_1h_input_tokens);
        Ok(Sums::from([
            (Figure::Input, read("uncached_input_tokens", self.uncached_input_tokens)?),
            (Figure::CacheRead, read("cache_read_input_tokens", self.cache_read_input_tokens)?),
            (Figure::CacheWrite5m, read("ephemeral_5m_input_tokens", short)?),
            (Figure::CacheWrite1h, read("ephemeral_1h_input_tokens", long)?),
            (Figure::Output, read("output_tokens", self.output_tokens)?),
            (Figure::Searches, read("web_search_requests", searches)?),
        ]))
    }

    /// `{"value": 0.06, "currency": "usd"}` in dollars, or `"123.45"` in cents.
    fn cost(&self, provider: Provider, start: Timestamp) -> Result<Money, ExportError> {
        let Some(raw) = self.amount else { return Ok(Money::ZERO) };
        let amount = match provider {
            Provider::OpenAi => serde_json::from_str::<Amount<'_>>(raw.get()).map_err(|error| json(&error))?,
            Provider::Anthropic => Amount { value: raw, currency: self.currency.clone() },
        };
        if let Some(currency) = amount.currency.filter(|it| !it.eq_ignore_ascii_case("usd")) {
            return Err(ExportError::Currency(start.to_string(), clean(&currency).into_owned()));
        }
        let text = amount.value.get().trim_matches('"').trim();
        // Cents are dollars two places on; the text is moved, so that nothing is rounded twice.
        let dollars = match (provider, text.contains(['e', 'E'])) {
            (Provider::OpenAi, _) => Money::parse(text.as_bytes()),
            (Provider::Anthropic, false) => Money::parse(format!("{text}e-2").as_bytes()),
            (Provider::Anthropic, true) => Money::parse(text.as_bytes()).map(|it| Money::from_pico(it.pico() / 100)),
        };
        dollars.map_err(|_| figure(start, "amount", text, "amount"))
    }
}

fn figure(start: Timestamp, field: &'static str, value: &str, wanted: &'static str) -> ExportError {
    ExportError::Figure { bucket: start.to_string(), field, value: clean(value).chars().take(60).collect(), wanted }
}

/// A whole number of tokens, also as text or as `12.0`; absent is none.
fn whole(start: Timestamp, field: &'static str, value: Option<&RawValue>) -> Result<i128, ExportError> {
    let Some(value) = value.map(RawValue::get).filter(|value| *value != "null") else { return Ok(0) };
    let text = value.trim_matches('"').trim();
    let digits = text.strip_suffix(".0").unwrap_or(text);
    let number = digits.parse::<u64>().map_err(|_| figure(start, field, text, "whole number"))?;
    Ok(number.into())
}
