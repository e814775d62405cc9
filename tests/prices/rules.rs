//! The billing rules one by one, the worked examples of docs/prices.md, and the traps that tutorials set.

use costtop::config::PriceConfig;
use costtop::money::Cost;
use costtop::price::rules::Doubt;
use costtop::price::{PriceBook, Pricer};
use costtop::time::Timestamp;
use costtop::usage::{RawText, Restated, Terms, Usage};

use super::{dollars, embedded, request};

/// The book of the small map of the fixtures.
fn small() -> PriceBook {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/prices/map.json");
    PriceBook::new(&PriceConfig { files: vec![std::path::PathBuf::from(path).into()], ..PriceConfig::default() })
        .unwrap()
}

#[test]
fn worked_examples() {
    let book = embedded();
    let examples = [
        ("anthropic/claude-opus-4-6", "", [242, 2663, 3369, 0, 12, 0, 0], "0.023897750000"),
        ("anthropic/claude-opus-4-6", "", [3, 43408, 530, 537, 631, 0, 0], "0.046176500000"),
        ("anthropic/claude-sonnet-5-5", "", [399, 74282, 0, 0, 69, 0, 0], "0.008916200000"),
        ("anthropic/claude-opus-4-7", "batch", [51, 85442, 154, 0, 7581, 0, 0], "0.116731750000"),
        ("anthropic/claude-sonnet-4-6", "", [3000, 0, 0, 0, 500, 0, 3], "0.046500000000"),
        ("anthropic/claude-haiku-5-5", "", [1, 100_000, 0, 0, 1000, 0, 0], "0.007500500000"),
        ("openai/gpt-5.4", "", [47300, 66160, 0, 0, 42, 0, 0], "0.135420000000"),
        ("openai/gpt-5.6-terra", "", [5000, 10000, 15000, 0, 1200, 0, 0], "0.063900000000"),
        ("openai/gpt-5.5", "", [172_001, 100_000, 0, 0, 1000, 0, 0], "1.865010000000"),
        ("gemini/gemini-2.5-pro", "", [150_001, 50000, 0, 0, 1500, 0, 0], "0.410002500000"),
        ("bedrock/us.anthropic.claude-opus-4-6-v1", "", [2508, 1500, 4436, 0, 2211, 0, 0], "0.105919000000"),
    ];
    for (model, tier, counts, expected) in examples {
        assert_eq!(dollars(&book, &request(model, tier, counts)), expected, "{model} {counts:?}");
    }
    let mut fast = request("anthropic/claude-opus-5", "", [1200, 50000, 4000, 0, 900, 0, 0]);
    (fast.terms.speed, fast.terms.inference_geo) = (RawText::plain(b"fast"), RawText::plain(b"us"));
    assert_eq!(dollars(&book, &fast), "0.172700000000");
}

/// Tutorials bill Opus 4.6 at $15/$75, Haiku 4.5 at $0.80/$4, subtract the cache from Anthropic's input, and write at the input rate.
#[test]
fn teaching_traps() {
    let book = embedded();
    let opus = request("claude-opus-4-6", "", [12, 48211, 903, 0, 345, 0, 0]);
    assert_eq!(dollars(&book, &opus), "0.038434250000");
    assert_eq!(dollars(&book, &request("claude-opus-4-6", "", [1_000_000, 0, 0, 0, 0, 0, 0])), "5.000000000000");
    assert_eq!(dollars(&book, &request("claude-haiku-4-5", "", [0, 0, 0, 0, 1_000_000, 0, 0])), "5.000000000000");
    assert_eq!(dollars(&book, &request("claude-opus-4-6", "", [0, 0, 1_000_000, 0, 0, 0, 0])), "6.250000000000");
    assert_eq!(dollars(&book, &request("claude-opus-4-6", "", [0, 0, 0, 1_000_000, 0, 0, 0])), "10.000000000000");
    // OpenAI charges writes from GPT-5.6 on only: before, they are ordinary input.
    assert_eq!(dollars(&book, &request("gpt-5.4", "", [0, 0, 1_000, 0, 0, 0, 0])), "0.002500000000");
    // Prices are per token, thresholds strict, and the cache counts towards them.
    assert_eq!(dollars(&book, &request("claude-haiku-5-5", "", [0, 100_000, 0, 0, 0, 0, 0])), "0.001000000000");
    assert_eq!(dollars(&book, &request("claude-haiku-5-5", "", [0, 100_001, 0, 0, 0, 0, 0])), "0.005000050000");
}

/// Where the map's own calculator bills against the provider's rules, the provider's rules hold.
#[test]
fn bills_that_the_maps_own_calculator_gets_wrong() {
    let book = embedded();
    assert_eq!(dollars(&book, &request("claude-opus-4-6", "batch", [1000, 0, 0, 10000, 0, 0, 0])), "0.052500000000");
    let mut geo = request("claude-opus-4-6", "batch", [1000, 0, 10000, 0, 0, 0, 0]);
    geo.terms.inference_geo = RawText::plain(b"us");
    assert_eq!(dollars(&book, &geo), "0.037125000000");
    assert_eq!(dollars(&book, &request("claude-haiku-4-5", "", [1000, 0, 0, 0, 100, 0, 3])), "0.031500000000");
    assert_eq!(dollars(&book, &request("claude-opus-4-6", "", [1000, 0, 10000, 0, 0, 0, 0])), "0.067500000000");
    assert_eq!(dollars(&book, &request("claude-opus-4-6", "", [150_100, 0, 0, 0, 3050, 0, 0])), "0.826750000000");
}

#[test]
fn a_price_in_doubt_says_so() {
    let book = embedded();
    let doubts = |usage: &Usage<'_>| book.quote(usage).doubts;
    let mut fast = request("claude-opus-4-6", "", [1000, 0, 0, 0, 100, 0, 0]);
    fast.terms.speed = RawText::plain(b"fast");
    assert_eq!(doubts(&fast), [Doubt::FastUnknown]);
    let odd = Doubt::TierOdd { tier: "priority".to_owned(), kind: "input", times: 50 };
    assert_eq!(doubts(&request("gpt-5-nano", "priority", [1; 7])), [odd]);
    assert_eq!(doubts(&request("gpt-5.4", "turbo", [1; 7])), [Doubt::TierUnknown("turbo".to_owned())]);
    assert_eq!(doubts(&request("claude-haiku-4-5", "", [0, 0, 0, 0, 0, 0, 1])), [Doubt::SearchAssumed]);
    assert_eq!(doubts(&request("claude-haiku-4-5", "", [1, 0, 0, 0, 0, 0, 0])), []);
    assert_eq!(doubts(&request("deepseek-v4-pro", "", [1; 7])), [Doubt::Undated]);
}

#[test]
fn quiet_hours_start_inside_and_end_outside() {
    let book = small();
    let at = |text: &str| {
        let at = chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let usage = request("night-owl", "", [1_000_000, 0, 0, 0, 0, 0, 0]);
        dollars(&book, &Usage { time: Some(Timestamp::from_ms(at)), ..usage })
    };
    let (peak, quiet) = ("0.300000000000", "0.150000000000");
    assert_eq!(at("2026-11-18T09:59:59.999Z"), peak);
    assert_eq!(at("2026-11-18T10:00:00Z"), quiet);
    assert_eq!(at("2026-11-18T23:59:59Z"), quiet);
    assert_eq!(at("2026-11-18T00:59:59Z"), quiet);
    assert_eq!(at("2026-11-18T01:00:00Z"), peak);
    assert_eq!(at("2026-11-21T05:00:00Z"), quiet);
    // Sunday 17:00 UTC is Monday in Shanghai, Friday 17:00 UTC is Saturday there; both are quiet by the hour. Sunday 08:00 UTC is not Monday yet.
    assert_eq!(at("2026-11-22T08:00:00Z"), quiet);
    assert_eq!(at("2026-11-23T08:00:00Z"), peak);
    assert_eq!(at("1969-12-31T09:30:00Z"), peak);
    assert_eq!(dollars(&book, &request("night-owl", "", [1_000_000, 0, 0, 0, 0, 0, 0])), peak);
}

#[test]
fn tiered_prices_hold_for_the_whole_request() {
    let book = small();
    assert_eq!(dollars(&book, &request("alpha-bands", "", [256_000, 0, 0, 0, 0, 0, 0])), "0.012800000000");
    assert_eq!(dollars(&book, &request("alpha-bands", "", [256_001, 0, 0, 0, 1, 0, 0])), "0.064002250000");
    assert_eq!(dollars(&book, &request("alpha-bands", "", [2_000_000, 0, 0, 0, 0, 0, 0])), "0.500000000000");
    assert_eq!(dollars(&book, &request("alpha-bands", "batch", [200_000, 0, 0, 0, 0, 0, 0])), "0.005000000000");
}

#[test]
fn a_needed_rate_that_is_missing_is_no_price() {
    let book = embedded();
    assert_eq!(book.price(&request("gpt-5.4", "", [1, 0, 0, 0, 1, 0, 1])).computed, None, "web search without a price");
    assert_eq!(book.price(&request("amazon.rerank-v1:0", "", [1, 0, 0, 0, 0, 0, 0])).computed, None);
    assert_eq!(book.price(&request("amazon.rerank-v1:0", "", [0; 7])).computed, None);
    assert_eq!(book.price(&request("gpt-5.4", "PROVISIONED_THROUGHPUT", [1; 7])).computed, None);
    assert_eq!(book.price(&request("no-such-model", "", [0; 7])).computed, Some(Cost::ZERO));
}

#[test]
fn rounding_is_half_even_and_once() {
    let book = small();
    // 25,500 pico-dollars a token; the flex rate is 12,750; a fine rate shows in the sum only.
    assert_eq!(dollars(&book, &request("zeta-chat", "", [1, 0, 0, 0, 0, 0, 0])), "0.000000025500");
    assert_eq!(dollars(&book, &request("zeta-chat", "ON_DEMAND_FLEX", [1, 0, 0, 0, 0, 0, 0])), "0.000000012750");
    let mut config = PriceConfig::default();
    let flat = costtop::config::FlatPrice { input: 1, output: 3, ..costtop::config::FlatPrice::default() };
    config.models.insert("fine".to_owned(), vec![flat]);
    let book = PriceBook::new(&config).unwrap();
    assert_eq!(dollars(&book, &request("fine", "batch", [1, 0, 0, 0, 0, 0, 0])), "0.000000000000");
    assert_eq!(dollars(&book, &request("fine", "batch", [3, 0, 0, 0, 0, 0, 0])), "0.000000000002");
    assert_eq!(dollars(&book, &request("fine", "batch", [0, 0, 0, 0, 1, 0, 0])), "0.000000000002");
    assert_eq!(dollars(&book, &request("fine", "batch", [1, 0, 0, 0, 1, 0, 0])), "0.000000000002");
}

#[test]
fn caching_saves_what_it_saves() {
    let book = embedded();
    let saved = |tier, counts| book.price(&request("claude-opus-4-6", tier, counts)).saved_pico;
    assert_eq!(saved("", [0, 1_000_000, 0, 0, 0, 0, 0]), 4_500_000_000_000);
    assert_eq!(saved("", [7, 0, 1_000_000, 0, 9, 0, 0]), -1_250_000_000_000);
    assert_eq!(saved("batch", [0, 1_000_000, 0, 0, 0, 0, 0]), 2_250_000_000_000);
    assert_eq!(saved("", [1_000, 0, 0, 0, 1_000, 0, 0]), 0);
}

#[test]
fn a_gateway_hit_costs_nothing_and_saves_nothing() {
    let book = embedded();
    let hit = Usage { cache_hit: true, ..request("claude-opus-4-6", "batch", [9; 7]) };
    let priced = book.price(&hit);
    assert_eq!((priced.computed, priced.saved_pico, priced.batch), (Some(Cost::ZERO), 0, false));
    assert!(book.quote(&hit).terms.is_empty());
}

#[test]
fn restated_amounts_are_kept() {
    let book = embedded();
    let usage = request("claude-opus-4-6", "", [0, 1_000_000, 0, 0, 0, 0, 0]);
    let restated = |it| book.price(&Usage { restated: Some(it), ..usage });
    assert_eq!(restated(Restated::Computed(Cost::from_pico(7))).computed, Some(Cost::from_pico(7)));
    assert_eq!(restated(Restated::Computed(Cost::from_pico(7))).saved_pico, 4_500_000_000_000);
    assert_eq!(restated(Restated::Unpriced).computed, None);
}

#[test]
fn xai_counts_the_threshold_itself() {
    let book = embedded();
    assert_eq!(dollars(&book, &request("xai/grok-4.5", "", [200_000, 0, 0, 0, 0, 0, 0])), "0.800000000000");
    assert_eq!(dollars(&book, &request("xai/grok-4.5", "", [199_999, 0, 0, 0, 0, 0, 0])), "0.399998000000");
}

#[test]
fn a_pricer_remembers_the_text_not_the_bytes() {
    let book = std::sync::Arc::new(embedded());
    let mut pricer: Pricer = book.pricer();
    let escaped = Usage { model: RawText::escaped(br"gpt\u002d5.4"), ..request("", "", [1_000, 0, 0, 0, 0, 0, 0]) };
    let plain = Usage { model: RawText::plain(br"gpt\u002d5.4"), ..escaped };
    for _ in 0..3 {
        assert_eq!(pricer.price(&escaped).computed, Some(Cost::from_pico(2_500_000_000)));
        assert_eq!(pricer.price(&plain).computed, None);
    }
    // A text may not move from one field into the next.
    let terms = Terms { speed: RawText::plain(b"us"), ..Terms::default() };
    let other = Terms { inference_geo: RawText::plain(b"us"), ..Terms::default() };
    let opus = request("claude-opus-4-6", "", [1_000, 0, 0, 0, 0, 0, 0]);
    assert_eq!(pricer.price(&Usage { terms, ..opus }).computed, Some(Cost::from_pico(5_000_000_000)));
    assert_eq!(pricer.price(&Usage { terms: other, ..opus }).computed, Some(Cost::from_pico(5_500_000_000)));
}
