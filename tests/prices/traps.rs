//! One test for each trap that other tools fall into, named after it: what the whole prompt decides, what a tier means, which name is which.

use costtop::price::PriceBook;
use costtop::price::rules::{Doubt, Unpriced};
use costtop::time::{Timestamp, Zone, parse_rfc3339};
use costtop::usage::{RawText, Terms, Usage};

use super::{dollars, embedded, lookup, request, with_file};

const M: u32 = 1_000_000;

fn bill(book: &PriceBook, model: &str, tier: &str, counts: [u32; 7]) -> String {
    dollars(book, &request(model, tier, counts))
}

#[test]
fn the_threshold_is_on_the_whole_prompt_cache_included() {
    let book = embedded();
    // No kind alone passes 272,000; together they do.
    assert_eq!(bill(&book, "gpt-5.5", "", [100_000, 172_000, 0, 0, 0, 0, 0]), "0.586000000000");
    assert_eq!(bill(&book, "gpt-5.5", "", [100_000, 172_001, 0, 0, 0, 0, 0]), "1.172001000000");
}

#[test]
fn the_whole_request_moves_not_the_part_above() {
    let book = embedded();
    // Graduated prices would be 200,000 × 1.25 + 1 × 2.5, and would leave the output alone.
    assert_eq!(bill(&book, "gemini/gemini-2.5-pro", "", [200_001, 0, 0, 0, 1_000, 0, 0]), "0.515002500000");
    assert_eq!(bill(&book, "gemini/gemini-2.5-pro", "", [200_000, 0, 0, 0, 1_000, 0, 0]), "0.260000000000");
}

#[test]
fn output_does_not_count_towards_the_threshold() {
    assert_eq!(bill(&embedded(), "claude-haiku-5-5", "", [100_000, 0, 0, 0, 64_000, 0, 0]), "0.042000000000");
}

#[test]
fn each_provider_has_its_own_comparison() {
    let book = embedded();
    assert_eq!(bill(&book, "xai/grok-4.3", "", [200_000, 0, 0, 0, 0, 0, 0]), "0.500000000000", "xAI: reaches");
    assert_eq!(bill(&book, "gpt-5.4", "", [272_000, 0, 0, 0, 0, 0, 0]), "0.680000000000", "OpenAI: passes");
    assert_eq!(bill(&book, "gemini/gemini-3.1-pro-preview", "", [200_000, 0, 0, 0, 0, 0, 0]), "0.400000000000");
}

#[test]
fn claude_has_no_long_context_premium_any_more_but_bedrock_has_on_sonnet_4_5() {
    let book = embedded();
    assert_eq!(bill(&book, "claude-sonnet-4-6", "", [900_000, 0, 0, 0, 0, 0, 0]), "2.700000000000");
    assert_eq!(bill(&book, "claude-sonnet-4-5", "", [900_000, 0, 0, 0, 0, 0, 0]), "2.700000000000");
    let profile = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
    assert_eq!(bill(&book, profile, "", [900_000, 0, 0, 0, 0, 0, 0]), "5.940000000000");
}

#[test]
fn a_tier_without_long_context_rates_has_the_standard_ones() {
    let book = with_file(
        r#"{"m":{"input_cost_per_token":2e-06,"output_cost_per_token":8e-06,"input_cost_per_token_flex":1e-06,
            "input_cost_per_token_above_200k_tokens":4e-06,"input_cost_per_token_above_200k_tokens_priority":7e-06}}"#,
    );
    assert_eq!(bill(&book, "m", "flex", [200_000, 0, 0, 0, 0, 0, 0]), "0.200000000000");
    assert_eq!(bill(&book, "m", "flex", [200_001, 0, 0, 0, 0, 0, 0]), "0.800004000000");
    assert_eq!(bill(&book, "m", "priority", [200_001, 0, 0, 0, 0, 0, 0]), "1.400007000000");
    assert_eq!(bill(&book, "m", "priority", [200_000, 0, 0, 0, 0, 0, 0]), "0.400000000000");
}

#[test]
fn every_tier_suffix_has_its_rate() {
    let book = with_file(
        r#"{"m":{"input_cost_per_token":1e-06,"output_cost_per_token":1e-06,"input_cost_per_token_flex":2e-06,"input_cost_per_token_priority":3e-06,
            "input_cost_per_token_ultrafast":4e-06,"input_cost_per_token_balanced":5e-06,"input_cost_per_token_decisions":6e-06,
            "input_cost_per_token_batches":7e-06}}"#,
    );
    let tiers =
        [("flex", 2), ("priority", 3), ("fast", 3), ("ultrafast", 4), ("balanced", 5), ("decisions", 6), ("batch", 7)];
    for (tier, rate) in tiers {
        assert_eq!(bill(&book, "m", tier, [M, 0, 0, 0, 0, 0, 0]), format!("{rate}.000000000000"), "{tier}");
    }
    for tier in ["", "default", "standard", "auto", "scale", "ON_DEMAND", "Standard"] {
        assert_eq!(bill(&book, "m", tier, [M, 0, 0, 0, 0, 0, 0]), "1.000000000000", "{tier}");
    }
    assert_eq!(bill(&book, "m", "ON_DEMAND_FLEX", [M, 0, 0, 0, 0, 0, 0]), "2.000000000000");
    assert_eq!(bill(&book, "m", "TRAFFIC_TYPE_ON_DEMAND_PRIORITY", [M, 0, 0, 0, 0, 0, 0]), "3.000000000000");
}

#[test]
fn a_batch_above_a_threshold_is_half_of_what_holds_there() {
    // Stated by the map for gpt-5.4; not stated for gemini-2.5-pro, whose price list has half of the long context rates.
    let book = embedded();
    assert_eq!(bill(&book, "gpt-5.4", "batch", [272_001, 0, 0, 0, 0, 0, 0]), "0.680002500000");
    assert_eq!(bill(&book, "gemini/gemini-2.5-pro", "batch", [200_001, 0, 0, 0, 0, 0, 0]), "0.250001250000");
    assert_eq!(bill(&book, "gemini/gemini-2.5-pro", "batch", [200_000, 0, 0, 0, 0, 0, 0]), "0.125000000000");
}

#[test]
fn a_batch_without_batch_rates_is_half_of_every_rate() {
    let book = embedded();
    let model = "bedrock/us.anthropic.claude-opus-4-6-v1";
    assert_eq!(bill(&book, model, "batch", [M, 0, 0, 0, 0, 0, 0]), "2.750000000000");
    assert_eq!(bill(&book, model, "batch", [0, M, 0, 0, 0, 0, 0]), "0.275000000000", "reads keep their discount");
    assert_eq!(bill(&book, model, "batch", [0, 0, M, 0, 0, 0, 0]), "3.437500000000");
    assert_eq!(bill(&book, model, "batch", [0, 0, 0, M, 0, 0, 0]), "5.500000000000");
}

#[test]
fn a_cache_rate_missing_among_batch_rates_is_the_batch_input_rate() {
    let book = with_file(
        r#"{"m":{"input_cost_per_token":2e-06,"output_cost_per_token":8e-06,"cache_read_input_token_cost":2e-07,"input_cost_per_token_batches":1e-06}}"#,
    );
    assert_eq!(bill(&book, "m", "batch", [0, M, 0, 0, 0, 0, 0]), "1.000000000000");
    assert_eq!(bill(&book, "m", "batch", [0, 0, M, 0, 0, 0, 0]), "1.000000000000");
    assert_eq!(bill(&book, "m", "batch", [0, 0, 0, 0, M, 0, 0]), "4.000000000000");
}

#[test]
fn an_explicit_zero_is_a_price_and_a_missing_rate_is_the_input_rate() {
    let book = with_file(
        r#"{"free":{"input_cost_per_token":2e-06,"output_cost_per_token":0,"cache_read_input_token_cost":0.0},
            "silent":{"input_cost_per_token":2e-06,"output_cost_per_token":8e-06},
            "fire":{"litellm_provider":"fireworks_ai","input_cost_per_token":2e-06,"output_cost_per_token":8e-06},
            "half":{"input_cost_per_token":2e-06}}"#,
    );
    assert_eq!(bill(&book, "free", "", [0, M, 0, 0, M, 0, 0]), "0.000000000000");
    assert_eq!(bill(&book, "silent", "", [0, M, 0, 0, 0, 0, 0]), "2.000000000000");
    assert_eq!(bill(&book, "silent", "", [0, 0, M, 0, 0, 0, 0]), "2.000000000000");
    assert_eq!(bill(&book, "silent", "", [0, 0, 0, M, 0, 0, 0]), "2.000000000000");
    assert_eq!(bill(&book, "fire", "", [0, M, 0, 0, 0, 0, 0]), "1.000000000000", "Fireworks: half");
    assert_eq!(bill(&book, "half", "", [1, 0, 0, 0, 1, 0, 0]), Unpriced::Missing("output").to_string());
    assert_eq!(bill(&book, "half", "", [M, 0, 0, 0, 0, 0, 0]), "2.000000000000", "what is not needed may be missing");
}

#[test]
fn one_hour_writes_have_their_own_rate_and_cache_ratios_are_no_constants() {
    let book = embedded();
    assert_eq!(bill(&book, "claude-sonnet-5-5", "", [0, 0, M, 0, 0, 0, 0]), "2.500000000000");
    assert_eq!(bill(&book, "claude-sonnet-5-5", "", [0, 0, 0, M, 0, 0, 0]), "4.000000000000");
    assert_eq!(bill(&book, "claude-sonnet-5-5", "", [0, M, 0, 0, 0, 0, 0]), "0.100000000000", "0.05 of the input");
    assert_eq!(bill(&book, "claude-fable-5-1", "", [0, M, 0, 0, 0, 0, 0]), "0.250000000000", "0.025 of it");
    assert_eq!(bill(&book, "gpt-4o", "", [0, 100_000, 0, 0, 0, 0, 0]), "0.125000000000", "half of it");
}

#[test]
fn reasoning_is_inside_the_output_and_may_have_its_own_rate() {
    let book = embedded();
    assert_eq!(
        bill(&book, "gpt-5.4", "", [0, 0, 0, 0, 1_000, 0, 0]),
        bill(&book, "gpt-5.4", "", [0, 0, 0, 0, 1_000, 900, 0])
    );
    assert_eq!(bill(&book, "dashscope/qwen-turbo", "", [0, 0, 0, 0, M, 400_000, 0]), "0.320000000000");
    let book = with_file(
        r#"{"m":{"input_cost_per_token":0,"output_cost_per_token":1e-06,"output_cost_per_reasoning_token":3e-06,
            "output_cost_per_token_flex":5e-07,"output_cost_per_reasoning_token_flex":2e-06}}"#,
    );
    assert_eq!(bill(&book, "m", "", [0, 0, 0, 0, M, M, 0]), "3.000000000000");
    assert_eq!(bill(&book, "m", "flex", [0, 0, 0, 0, M, M, 0]), "2.000000000000");
    assert_eq!(bill(&book, "m", "batch", [0, 0, 0, 0, M, M, 0]), "1.500000000000");
}

#[test]
fn a_range_of_tiered_prices_lends_nothing_from_another() {
    let book = with_file(
        r#"{"m":{"cache_read_input_token_cost":9e-06,"output_cost_per_token":8e-06,"output_cost_per_reasoning_token":9e-06,"tiered_pricing":[
            {"range":[32000,128000],"input_cost_per_token":2e-06},
            {"range":[0,32000],"input_cost_per_token":1e-06,"cache_read_input_token_cost":1e-07,"output_cost_per_token":4e-06}]}}"#,
    );
    assert_eq!(bill(&book, "m", "", [32_000, 0, 0, 0, 0, 0, 0]), "0.032000000000", "the end is inside");
    assert_eq!(bill(&book, "m", "", [32_001, 0, 0, 0, 0, 0, 0]), "0.064002000000");
    assert_eq!(
        bill(&book, "m", "", [0, 40_000, 0, 0, 0, 0, 0]),
        "0.080000000000",
        "no read rate: the range's input rate"
    );
    assert_eq!(bill(&book, "m", "", [0, 10_000, 0, 0, 0, 0, 0]), "0.001000000000");
    assert_eq!(
        bill(&book, "m", "", [M, 0, 0, 0, M, 0, 0]),
        "10.000000000000",
        "beyond the last: the last, and the entry's output"
    );
    assert_eq!(bill(&book, "m", "", [1, 0, 0, 0, M, M, 0]), "4.000001000000", "reasoning: the range's output");
}

#[test]
fn off_peak_rates_replace_what_else_would_hold_at_that_hour() {
    let book = with_file(
        r#"{"m":{"input_cost_per_token":2e-06,"output_cost_per_token":8e-06,"input_cost_per_token_above_200k_tokens":4e-06,
            "input_cost_per_token_flex":1e-06,"off_peak_pricing":{"hours_utc":"22:00-06:00","input_cost_per_token":5e-07}}}"#,
    );
    let at = |time: &str, tier, input| {
        let time = parse_rfc3339(time.as_bytes(), Zone::UTC);
        dollars(&book, &Usage { time, ..request("m", tier, [input, 0, 0, 0, 0, 0, 0]) })
    };
    assert_eq!(at("2026-11-20T12:00:00Z", "", 300_000), "1.200000000000");
    assert_eq!(at("2026-11-20T22:00:00Z", "", 300_000), "0.150000000000");
    assert_eq!(at("2026-11-21T05:59:59Z", "flex", 100_000), "0.050000000000");
    assert_eq!(at("2026-11-21T06:00:00Z", "flex", 100_000), "0.100000000000");
}

#[test]
fn the_hour_is_that_of_the_event_whenever_it_is_read() {
    let book = embedded();
    let usage = request("deepseek/deepseek-v4-pro", "", [M, 0, 0, 0, 0, 0, 0]);
    let at = |time: &str| dollars(&book, &Usage { time: parse_rfc3339(time.as_bytes(), Zone::UTC), ..usage });
    assert_eq!(at("2026-11-18T02:00:00Z"), "1.320000000000");
    assert_eq!(at("2026-11-18T05:00:00Z"), "0.660000000000");
    assert_eq!(at("2026-11-21T02:00:00Z"), "0.660000000000", "a Saturday");
    assert_eq!(book.quote(&usage).doubts, [Doubt::Undated]);
}

#[test]
fn factors_stack_on_tokens_and_spare_fees() {
    let book = embedded();
    let with = |geo: &'static str, speed: &'static str| {
        let usage = request("claude-opus-5", "", [M, 0, 0, 0, 0, 0, 1]);
        let (inference_geo, speed) = (RawText::plain(geo.as_bytes()), RawText::plain(speed.as_bytes()));
        dollars(&book, &Usage { terms: Terms { inference_geo, speed, ..Terms::default() }, ..usage })
    };
    assert_eq!(with("global", "standard"), "5.010000000000");
    assert_eq!(with("not_available", ""), "5.010000000000");
    assert_eq!(with("US", ""), "5.510000000000");
    assert_eq!(with("", "fast"), "10.010000000000");
    assert_eq!(with("us", "fast"), "11.010000000000");
}

#[test]
fn residency_and_regional_endpoints_cost_ten_percent_where_the_entry_says_so() {
    let book = embedded();
    let eu = Terms { data_residency: RawText::plain(b"eu"), ..Terms::default() };
    let million = |model| request(model, "", [100_000, 0, 0, 0, 0, 0, 0]);
    assert_eq!(dollars(&book, &Usage { terms: eu, ..million("gpt-5.4") }), "0.275000000000");
    assert_eq!(dollars(&book, &Usage { terms: eu, ..million("gpt-4o") }), "0.250000000000");
    let sonnet = "vertex_ai/claude-sonnet-4-5@20250929";
    let at = |place: &'static str| Terms { vertex_location: RawText::plain(place.as_bytes()), ..Terms::default() };
    let plain = dollars(&book, &million(sonnet));
    assert_eq!(dollars(&book, &Usage { terms: at("global"), ..million(sonnet) }), plain);
    assert_eq!(plain, "0.300000000000");
    assert_eq!(dollars(&book, &Usage { terms: at("europe-west1"), ..million(sonnet) }), "0.330000000000");
}

#[test]
fn a_batch_pays_full_fees_for_searches() {
    assert_eq!(bill(&embedded(), "claude-sonnet-4-6", "batch", [M, 0, 0, 0, 0, 0, 2]), "1.520000000000");
}

#[test]
fn an_unknown_model_is_unpriced_never_free_and_never_guessed() {
    let book = embedded();
    for model in ["claude-opus-99", "gpt-5.4-codex-preview", "in-house-llama", "opus", "claude"] {
        assert_eq!(book.price(&request(model, "", [1; 7])).computed, None, "{model}");
    }
}

#[test]
fn a_geography_costs_ten_percent_more_so_it_is_matched_first() {
    let book = embedded();
    let million = |model| bill(&book, model, "", [M, 0, 0, 0, 0, 0, 0]);
    assert_eq!(million("anthropic.claude-opus-4-6-v1"), "5.000000000000");
    assert_eq!(million("global.anthropic.claude-opus-4-6-v1"), "5.000000000000");
    assert_eq!(million("bedrock/us.anthropic.claude-opus-4-6-v1"), "5.500000000000");
    assert_eq!(million("bedrock/converse/eu.anthropic.claude-opus-4-6-v1:0"), "5.500000000000");
    // No entry with this geography: it may cost more than the bare name, so the bare name is not taken.
    assert!(lookup(&book, "ca.anthropic.claude-opus-4-6-v1").is_none());
}

#[test]
fn an_arn_gives_its_model_and_an_applications_own_profile_gives_none() {
    let book = embedded();
    let found = |arn: &str| lookup(&book, arn).map(|it| it.name);
    let region = "arn:aws:bedrock:us-east-1";
    let model = "us.anthropic.claude-opus-4-6-v1";
    for prefix in ["", "bedrock/", "bedrock/converse/"] {
        let profile = format!("{prefix}{region}:123456789012:inference-profile/{model}");
        assert_eq!(found(&profile).as_deref(), Some(model), "{profile}");
        let own = format!("{prefix}{region}:123456789012:application-inference-profile/claude-opus-4-6");
        assert_eq!(found(&own), None, "{own}");
    }
    let foundation = format!("{region}::foundation-model/amazon.nova-pro-v1:0");
    assert_eq!(found(&foundation).as_deref(), Some("amazon.nova-pro-v1:0"));
    assert_eq!(found("arn:aws:bedrock:us-east-1:1:provisioned-model/claude-opus-4-6"), None);
}

#[test]
fn a_version_is_never_shortened() {
    let book = embedded();
    for (model, unwanted) in [
        ("gpt-5.9", "gpt-5"),
        ("gpt-5-9", "gpt-5"),
        ("claude-opus-4-9", "claude-opus-4"),
        ("claude-opus-4-6-1", "claude-opus-4-6"),
        ("claude-opus-4-6.1", "claude-opus-4-6"),
        ("gemini-2.55-pro", "gemini-2.5-pro"),
        ("o33", "o3"),
        ("anthropic.claude-opus-4-6-v7:0", "anthropic.claude-opus-4-6-v1"),
    ] {
        assert!(lookup(&book, unwanted).is_some() || unwanted == "claude-opus-4", "{unwanted} is there");
        assert!(lookup(&book, model).is_none(), "{model}");
    }
}

#[test]
fn variants_and_dates_lead_to_the_model_and_free_is_free() {
    let book = embedded();
    for model in [
        "claude-opus-4-6[1m]",
        "claude-opus-4.6",
        "anthropic/claude-opus-4.6:thinking",
        "claude-opus-4-6-latest",
        "claude-opus-4-6@default",
        "claude-opus-4-6-20300101",
        "claude-opus-4-6-2030-01-01",
    ] {
        assert_eq!(bill(&book, model, "", [M, 0, 0, 0, 0, 0, 0]), "5.000000000000", "{model}");
    }
    assert_eq!(bill(&book, "openrouter/anthropic/claude-opus-4-6:free", "", [M, 0, 0, 0, 0, 0, 0]), "0.000000000000");
    assert!(lookup(&book, "claude-opus-4-6-20301301").is_none(), "no month 13");
}

#[test]
fn nothing_of_a_request_is_billed_twice_when_a_gateway_answers_it() {
    let book = embedded();
    let hit =
        Usage { cache_hit: true, time: Some(Timestamp::from_ms(0)), ..request("gpt-5.4", "", [M, M, 0, 0, M, 0, 3]) };
    assert_eq!(dollars(&book, &hit), "0.000000000000");
}
