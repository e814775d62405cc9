//! Rows of a proxy's table of spend: the requests of its other log, counted once and at the same cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use costtop::config::PriceConfig;
use costtop::engine::bill::CostMode;
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::Surroundings;
use costtop::engine::report::ReportQuery;
use costtop::engine::{Engine, Options};
use costtop::format::{Decoder, Format, Line, Skip};
use costtop::money::Cost;
use costtop::price::PriceBook;
use costtop::run::decode::{LineDecoder, Shared};
use costtop::source::Chunk;
use costtop::time::{Timestamp, Zone};
use costtop::usage::{Origin, Rejection};

use super::{LITELLM, skip, slow_reader, text};

pub const SPEND: &str = include_str!("../fixtures/formats/litellm_spend.jsonl");

/// What a request is told by: cost, tokens, names.
fn said(log: &str, format: Format) -> BTreeMap<String, String> {
    let mut decoder = Decoder::new(Zone::UTC);
    let mut all = BTreeMap::new();
    for line in log.lines() {
        slow_reader::compare(line.as_bytes());
        let kind = decoder.decode(0, line.as_bytes(), &mut |_, result| {
            let usage = result.unwrap_or_else(|skip| panic!("{skip:?}: {line}"));
            assert_eq!(usage.origin, Origin::Gateway);
            let who = &usage.dimensions;
            let names = [
                usage.ids.response,
                usage.model,
                usage.provider,
                who.end_user,
                who.user,
                who.key_alias,
                who.key_hash,
                who.team,
                usage.terms.inference_geo,
                usage.terms.speed,
            ];
            let said = format!(
                "{:?} {:?} {} {} {:?}",
                usage.tokens,
                usage.reported.map(Cost::pico),
                usage.cache_hit,
                usage.status,
                names.map(text)
            );
            all.insert(text(usage.ids.call), said);
        });
        assert_eq!(kind, Line::Known(format), "{line}");
    }
    all
}

#[test]
fn a_row_says_what_the_proxys_other_log_says() {
    let (rows, payloads) = (said(SPEND, Format::LiteLlmSpend), said(LITELLM, Format::LiteLlm));
    assert_eq!((rows.len(), payloads.len()), (58, 60));
    for (call, row) in &rows {
        assert_eq!(Some(row), payloads.get(call), "{call}");
    }
}

#[test]
fn both_logs_together_count_once() {
    let totals = |logs: &[&str]| {
        let book = Arc::new(PriceBook::new(&PriceConfig::default()).unwrap());
        let shared = Shared {
            zone: Zone::UTC,
            key: IdentityKey(1, 2),
            book,
            around: [Surroundings::default()].into(),
            labels: None,
            keep_names: false,
            bodies: Arc::default(),
        };
        let mut decoder = LineDecoder::new(shared);
        let now = Timestamp::from_ms(1_795_300_000_000);
        let (rows, _) = costtop::run::spill::rows(1 << 20);
        let options = Options { zone: Zone::UTC, mode: CostMode::Auto, ..Options::default() };
        let mut engine = Engine::new(options, rows, now);
        for (generation, log) in (1..).zip(logs) {
            let chunk = Chunk { bytes: log.as_bytes().to_vec(), ..Chunk::empty(0, generation, 0) };
            engine.apply(&decoder.decode(chunk).batch, now, &mut Vec::new()).unwrap();
        }
        let query = ReportQuery { by: Vec::new(), since: None, until: None, zone: Zone::UTC };
        let report = engine.report(&query).unwrap();
        report.totals
    };
    let payloads = totals(&[LITELLM]);
    assert_eq!(payloads.requests, 60);
    assert_eq!(totals(&[LITELLM, SPEND]), payloads);
    assert_eq!(totals(&[SPEND, LITELLM]), payloads);
    assert_eq!(totals(&[SPEND]).requests, 58);
}

#[test]
fn a_rows_metadata_is_an_object_or_the_text_of_one() {
    let row = |metadata: &str| {
        format!(
            r#"{{"call_type":"c","spend":0.1,"request_id":"chatcmpl-0000000000000001","model":"openai/gpt-5","custom_llm_provider":"openai","prompt_tokens":100,"completion_tokens":5,"cache_hit":"None","metadata":{metadata}}}"#
        )
    };
    let usage = r#"{"user_api_key_alias":"ci","usage_object":{"prompt_tokens_details":{"cached_tokens":60}}}"#;
    for metadata in [
        usage.to_owned(),
        serde_json::to_string(usage).unwrap(),
        serde_json::to_string(&usage.replace('u', "\\u0075")).unwrap(),
    ] {
        super::usage(&row(&metadata), |usage| {
            assert_eq!((usage.tokens.input, usage.tokens.cache_read), (40, 60), "{metadata}");
            assert_eq!([usage.dimensions.key_alias, usage.model].map(text), ["ci", "gpt-5"]);
        });
    }
    for nothing in ["null", "\"\"", "{}", "\"{}\"", "7"] {
        super::usage(&row(nothing), |usage| assert_eq!(usage.tokens.input, 100));
    }
    assert_eq!(skip(&row(r#""{\"usage_object\":""#)), Skip::Rejected(Rejection::Json));
    assert_eq!(skip(&row(r#""{} {}""#)), Skip::Rejected(Rejection::Json));
}
