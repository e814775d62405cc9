//! What a provider says was used and billed: the answers of its admin API enter, dated rows of figures leave. It compares nothing.
//!
//! | report | API | cache in `input` | amounts |
//! |---|---|---|---|
//! | `OpenAI` usage | `/v1/organization/usage/completions`, `…/embeddings`, `…/moderations` | inside | |
//! | `OpenAI` cost | `/v1/organization/costs` | | dollars |
//! | Anthropic usage | `/v1/organizations/usage_report/messages` | outside | |
//! | Anthropic cost | `/v1/organizations/cost_report` | | cents, as decimal text |
//!
//! Pages may follow one another, one a line or not, or stand in a list; a bucket alone is read as well.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::value::RawValue;

mod shape;

use shape::{Bucket, Page};

use super::figure::Sums;
use crate::label::{Label, clean};
use crate::time::{DAY_MS, Timestamp, Zone, parse_rfc3339};

/// Who bills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provider {
    /// `OpenAI`.
    OpenAi,
    /// Anthropic.
    Anthropic,
}

impl Provider {
    /// The word of logs and of the price map.
    pub const fn name(self) -> &'static str {
        match self {
            Provider::OpenAi => "openai",
            Provider::Anthropic => "anthropic",
        }
    }

    /// As people write it.
    pub const fn title(self) -> &'static str {
        match self {
            Provider::OpenAi => "OpenAI",
            Provider::Anthropic => "Anthropic",
        }
    }
}

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Tokens and requests.
    Usage,
    /// Money.
    Cost,
}

impl Kind {
    /// The word of the output.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::Cost => "cost",
        }
    }
}

/// One row of a report.
#[derive(Clone, Debug)]
pub struct Stated {
    /// When its bucket begins.
    pub start: Timestamp,
    /// The model, or what else was billed; `None` where the report is not grouped so.
    pub model: Option<Label>,
    /// The API key's id.
    pub key: Option<Label>,
    /// Billed at batch rates.
    pub is_batch: bool,
    /// What it says.
    pub sums: Sums,
}

/// All rows of one kind of one provider.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its rows, in the order of the file.
    pub rows: Vec<Stated>,
    /// Where its first bucket begins.
    pub since: Timestamp,
    /// Where its last bucket ends.
    pub until: Timestamp,
    /// No bucket is longer than a day.
    pub is_daily: bool,
    /// Its last page says that there are more.
    pub is_cut: bool,
}

/// Everything a file holds.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// By provider and kind.
    pub reports: BTreeMap<(Provider, Kind), Report>,
    /// Buckets that stand in the file twice, word for word; they count once.
    pub repeats: usize,
    /// Kinds of results that have no tokens to compare.
    pub passed_over: BTreeSet<String>,
}

/// Why a file is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Not JSON.
    #[error("not JSON ({0}): save the API's answer as it came")]
    Json(String),
    /// JSON of something else.
    #[error(
        "{0} holds no usage or cost report: save what the admin API answers (OpenAI: organization/usage/completions or \
         organization/costs, Anthropic: usage_report/messages or cost_report)"
    )]
    Other(String),
    /// The API refused.
    #[error("the API answered with an error instead of a report: '{0}': ask again with an admin key")]
    Refused(String),
    /// A figure that is none.
    #[error("bucket of {bucket}: '{field}' is '{value}', no {wanted}")]
    Figure {
        /// Where its bucket begins.
        bucket: String,
        /// The field.
        field: &'static str,
        /// What stands there.
        value: String,
        /// What should.
        wanted: &'static str,
    },
    /// Not dollars.
    #[error("bucket of {0}: the currency is '{1}': only USD can be compared")]
    Currency(String, String),
    /// Nothing at all.
    #[error("no bucket in it: ask the API for a span that has usage")]
    Empty,
}

impl Export {
    /// Reads a whole file.
    pub fn read(text: &[u8]) -> Result<Export, ExportError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let text = std::str::from_utf8(text).map_err(|error| ExportError::Json(error.to_string()))?;
        let mut export = Export::default();
        let mut seen = HashSet::new();
        for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
            export.value(value.map_err(|error| json(&error))?, &mut seen)?;
        }
        if export.reports.is_empty() && export.passed_over.is_empty() { Err(ExportError::Empty) } else { Ok(export) }
    }

    /// A page, a bucket, or a list of either.
    fn value<'a>(&mut self, value: &'a RawValue, seen: &mut HashSet<&'a str>) -> Result<(), ExportError> {
        if value.get().starts_with('[') {
            let list: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(|error| json(&error))?;
            return list.into_iter().try_for_each(|value| self.value(value, seen));
        }
        let other = || ExportError::Other(format!("'{}'", clean(&value.get().chars().take(60).collect::<String>())));
        let page: Page<'_> = serde_json::from_str(value.get()).map_err(|_| other())?;
        if let Some(error) = page.error {
            return Err(ExportError::Refused(clean(&error.get().chars().take(200).collect::<String>()).into_owned()));
        }
        let buckets = match page.data {
            Some(buckets) => buckets,
            None if page.results.is_some() => vec![value],
            None => return Err(other()),
        };
        for raw in buckets {
            let bucket: Bucket<'_> = serde_json::from_str(raw.get()).map_err(|error| json(&error))?;
            if seen.insert(raw.get()) {
                self.bucket(&bucket, page.has_more == Some(true)).map_err(|error| error.unwrap_or_else(other))?;
            } else {
                self.repeats += 1;
            }
        }
        Ok(())
    }

    /// `Err(None)`: no bucket of a report.
    fn bucket(&mut self, bucket: &Bucket<'_>, is_cut: bool) -> Result<(), Option<ExportError>> {
        let time = |seconds: Option<i64>, text: &Option<String>| match (seconds, text) {
            (Some(seconds), _) => seconds.checked_mul(1000).map(Timestamp::from_ms),
            (None, Some(text)) => parse_rfc3339(text.as_bytes(), Zone::UTC),
            (None, None) => None,
        };
        let start = time(bucket.start_time, &bucket.starting_at).ok_or(None)?;
        let until = time(bucket.end_time, &bucket.ending_at).filter(|until| *until > start).ok_or(None)?;
        let provider = if bucket.start_time.is_some() { Provider::OpenAi } else { Provider::Anthropic };
        for result in &bucket.results {
            let Some(kind) = result.kind(provider) else {
                let object = result.object.clone().unwrap_or_else(|| "a result without tokens or an amount".to_owned());
                self.passed_over.insert(clean(&object).into_owned());
                continue;
            };
            let stated = result.stated(provider, kind, start).map_err(Some)?;
            let report = self.report(provider, kind, start, until);
            report.rows.push(stated);
            report.is_cut = is_cut;
        }
        // A day on which nothing was used still says so, of what the file is about elsewhere.
        if bucket.results.is_empty() {
            for ((other, _), report) in &mut self.reports {
                if *other == provider {
                    report.cover(start, until);
                }
            }
        }
        Ok(())
    }

    fn report(&mut self, provider: Provider, kind: Kind, start: Timestamp, until: Timestamp) -> &mut Report {
        let new = Report { rows: Vec::new(), since: start, until, is_daily: true, is_cut: false };
        let report = self.reports.entry((provider, kind)).or_insert(new);
        report.cover(start, until);
        report
    }
}

impl Report {
    fn cover(&mut self, start: Timestamp, until: Timestamp) {
        self.since = self.since.min(start);
        self.until = self.until.max(until);
        self.is_daily &= until.ms() - start.ms() <= DAY_MS;
    }
}

fn json(error: &serde_json::Error) -> ExportError {
    ExportError::Json(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::figure::Figure;
    use super::*;

    fn one(text: &str) -> (Provider, Kind, Stated) {
        let export = Export::read(text.as_bytes()).unwrap();
        let ((provider, kind), report) = export.reports.into_iter().next().unwrap();
        (provider, kind, report.rows.into_iter().next().unwrap())
    }

    #[test]
    fn openai_counts_the_cache_inside_the_input() {
        let text = r#"{"data":[{"start_time":1795219200,"end_time":1795305600,"results":[{"object":"organization.usage.completions.result",
            "input_tokens":1000,"input_cached_tokens":700,"output_tokens":"5","num_model_requests":2,"model":null,"batch":true}]}]}"#;
        let (provider, kind, row) = one(text);
        assert_eq!((provider, kind, row.model, row.is_batch), (Provider::OpenAi, Kind::Usage, None, true));
        assert_eq!(row.sums[&Figure::Input], 300);
        assert!(!row.sums.contains_key(&Figure::CacheWrite), "what is not said is not compared");
    }

    #[test]
    fn anthropic_counts_it_outside_and_bills_in_cents() {
        let usage = r#"{"starting_at":"2026-11-20T00:00:00Z","ending_at":"2026-11-21T00:00:00Z","results":[{"uncached_input_tokens":1000,"cache_read_input_tokens":700,
            "cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2},"output_tokens":5,"server_tool_use":{"web_search_requests":3},"service_tier":"batch"}]}"#;
        let (_, kind, row) = one(usage);
        assert_eq!((kind, row.is_batch, row.sums[&Figure::Input]), (Kind::Usage, true, 1000));
        assert_eq!((row.sums[&Figure::CacheWrite1h], row.sums[&Figure::Searches]), (2, 3));
        let cost = r#"[{"data":[{"starting_at":"2026-11-20T00:00:00Z","ending_at":"2026-11-21T00:00:00Z","results":[{"currency":"USD","amount":"123.789120000001","cost_type":"web_search","model":null}]}],"has_more":true}]"#;
        let (_, kind, row) = one(cost);
        assert_eq!((kind, row.sums[&Figure::Cost]), (Kind::Cost, 1_237_891_200_000));
        assert_eq!(row.model, Some(Label::new("web_search")));
    }

    #[test]
    fn an_amount_is_read_digit_by_digit() {
        let text = |value: &str| {
            format!(
                r#"{{"start_time":0,"end_time":86400,"results":[{{"amount":{{"value":{value},"currency":"usd"}},"line_item":"gpt-5.4, input"}}]}}"#
            )
        };
        for (value, pico) in [
            ("0.1", 100_000_000_000),
            ("1234567.123456789012", 1_234_567_123_456_789_012),
            ("\"5e-3\"", 5_000_000_000),
            ("-0.5", -500_000_000_000),
        ] {
            let (_, _, row) = one(&text(value));
            assert_eq!((row.sums[&Figure::Cost], row.model), (pico, Some(Label::new("gpt-5.4"))), "{value}");
        }
        let euros = text("1").replace("usd", "eur");
        assert!(
            Export::read(euros.as_bytes())
                .unwrap_err()
                .to_string()
                .ends_with("the currency is 'eur': only USD can be compared")
        );
    }

    #[test]
    fn a_bucket_that_stands_twice_counts_once() {
        let bucket = r#"{"start_time":0,"end_time":86400,"results":[{"input_tokens":7,"output_tokens":1}]}"#;
        let export = Export::read(format!("{bucket}\n{bucket}\n{{\"data\":[{bucket}]}}").as_bytes()).unwrap();
        assert_eq!((export.repeats, export.reports[&(Provider::OpenAi, Kind::Usage)].rows.len()), (2, 1));
    }

    #[test]
    fn what_is_no_export_is_refused_with_a_remedy() {
        let refused = |text: &str| Export::read(text.as_bytes()).unwrap_err().to_string();
        assert!(refused("x").starts_with("not JSON (expected value at line 1 column 1)"));
        assert!(refused("").starts_with("no bucket in it"));
        assert!(refused(r#"{"model":"gpt-5.4","usage":{}}"#).contains("holds no usage or cost report"));
        assert!(refused(r#"{"error":{"message":"bad key"}}"#).contains("bad key"));
        assert!(refused(r#"{"data":[{"results":[]}]}"#).contains("holds no usage or cost report"));
        let bad = r#"{"start_time":0,"end_time":86400,"results":[{"input_tokens":-7}]}"#;
        assert_eq!(refused(bad), "bucket of 1970-01-01T00:00:00.000Z: 'input_tokens' is '-7', no whole number");
    }
}
