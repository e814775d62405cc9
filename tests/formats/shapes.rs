//! Random requests in each provider's own words, through decoder and pricer, against the providers' price lists and their rules written down
//! once more: whole numbers, one formula, no tables. Ten thousand of them.

use std::sync::{Arc, LazyLock};

use costtop::config::PriceConfig;
use costtop::format::Decoder;
use costtop::price::{PriceBook, Pricer};
use costtop::time::Zone;
use proptest::prelude::*;
use serde_json::{Value, json};

static BOOK: LazyLock<Arc<PriceBook>> = LazyLock::new(|| Arc::new(PriceBook::new(&PriceConfig::default()).unwrap()));

/// Micro-dollars per million tokens: input, cache read, written for 5 minutes, for an hour, output.
type Rates = [u128; 5];

/// Who answers, and how that is told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Anthropic,
    AnthropicBatch,
    Chat,
    Responses,
    Gemini,
    Converse,
    DeepSeek,
    Xai,
    LiteLlm,
}

/// A model as its provider lists it: rates, and those of a prompt above (xAI: from) so many tokens.
struct Listed {
    shape: Shape,
    model: &'static str,
    rates: Rates,
    long: Option<(u64, Rates)>,
    /// For a search, in micro-dollars.
    search: u128,
}

const OPUS: Rates = [5_000_000, 500_000, 6_250_000, 10_000_000, 25_000_000];
const HAIKU: Rates = [100_000, 10_000, 125_000, 200_000, 500_000];
const HAIKU_LONG: Rates = [500_000, 50_000, 625_000, 1_000_000, 2_500_000];
const fn listed(shape: Shape, model: &'static str, rates: Rates, long: Option<(u64, Rates)>, search: u128) -> Listed {
    Listed { shape, model, rates, long, search }
}

/// Price lists of November 2026.
const LISTED: [Listed; 13] = [
    listed(Shape::Anthropic, "claude-opus-4-6", OPUS, None, 10_000),
    listed(Shape::AnthropicBatch, "claude-opus-4-6", OPUS, None, 10_000),
    listed(Shape::Anthropic, "claude-haiku-5-5", HAIKU, Some((100_000, HAIKU_LONG)), 10_000),
    listed(Shape::AnthropicBatch, "claude-haiku-5-5", HAIKU, Some((100_000, HAIKU_LONG)), 10_000),
    listed(
        Shape::Chat,
        "gpt-5.4",
        [2_500_000, 250_000, 2_500_000, 2_500_000, 15_000_000],
        Some((272_000, [5_000_000, 500_000, 5_000_000, 5_000_000, 22_500_000])),
        0,
    ),
    listed(Shape::Chat, "gpt-5", [1_250_000, 125_000, 1_250_000, 1_250_000, 10_000_000], None, 0),
    listed(Shape::Responses, "gpt-5", [1_250_000, 125_000, 1_250_000, 1_250_000, 10_000_000], None, 0),
    listed(
        Shape::Responses,
        "gpt-5.4",
        [2_500_000, 250_000, 2_500_000, 2_500_000, 15_000_000],
        Some((272_000, [5_000_000, 500_000, 5_000_000, 5_000_000, 22_500_000])),
        0,
    ),
    listed(
        Shape::Gemini,
        "gemini-2.5-pro",
        [1_250_000, 125_000, 1_250_000, 1_250_000, 10_000_000],
        Some((200_000, [2_500_000, 250_000, 2_500_000, 2_500_000, 15_000_000])),
        0,
    ),
    listed(
        Shape::Converse,
        "us.anthropic.claude-opus-4-6-v1",
        [5_500_000, 550_000, 6_875_000, 11_000_000, 27_500_000],
        None,
        0,
    ),
    listed(Shape::DeepSeek, "deepseek-chat", [280_000, 28_000, 280_000, 280_000, 420_000], None, 0),
    listed(
        Shape::Xai,
        "grok-4.3",
        [1_250_000, 200_000, 1_250_000, 1_250_000, 2_500_000],
        Some((199_999, [2_500_000, 400_000, 2_500_000, 2_500_000, 5_000_000])),
        0,
    ),
    listed(Shape::LiteLlm, "claude-opus-4-6", OPUS, None, 0),
];

/// Uncached input, read, written for 5 minutes and an hour, output and the reasoning in it, searches.
type Counts = [u32; 7];

/// What the shape can say of these counts: not all tell writes, durations or searches.
fn told(shape: Shape, mut counts: Counts) -> Counts {
    let [_, _, short, long, output, reasoning, searches] = &mut counts;
    *reasoning = (*reasoning).min(*output);
    match shape {
        Shape::Anthropic | Shape::AnthropicBatch => *reasoning = 0,
        Shape::Converse => (*reasoning, *searches) = (0, 0),
        Shape::LiteLlm => *searches = 0,
        _ => (*short, *long, *searches) = (0, 0, 0),
    }
    counts
}

/// The line that says them.
fn line(shape: Shape, model: &str, [input, read, short, long, output, reasoning, searches]: Counts) -> Value {
    let prompt = input + read + short + long;
    let anthropic = json!({
        "id": "msg_01Shape0000000001", "type": "message", "role": "assistant", "model": model, "usage": {
            "input_tokens": input, "cache_read_input_tokens": read, "cache_creation_input_tokens": short + long, "output_tokens": output,
            "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
            "server_tool_use": {"web_search_requests": searches},
            "service_tier": if shape == Shape::AnthropicBatch { "batch" } else { "standard" }}});
    let details = json!({"cached_tokens": read, "audio_tokens": 0});
    match shape {
        Shape::Anthropic => anthropic,
        Shape::AnthropicBatch => json!({"custom_id": "a", "result": {"type": "succeeded", "message": anthropic}}),
        Shape::Chat => json!({"id": "chatcmpl-shape000000001", "object": "chat.completion", "model": model, "usage": {
            "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
            "prompt_tokens_details": details, "completion_tokens_details": {"reasoning_tokens": reasoning}}}),
        Shape::Responses => json!({"id": "resp_shape0000000001", "object": "response", "model": model, "usage": {
            "input_tokens": prompt, "output_tokens": output, "total_tokens": prompt + output,
            "input_tokens_details": {"cached_tokens": read}, "output_tokens_details": {"reasoning_tokens": reasoning}}}),
        Shape::Gemini => json!({"responseId": "shape-00000000001", "modelVersion": model, "usageMetadata": {
            "promptTokenCount": prompt, "cachedContentTokenCount": read, "candidatesTokenCount": output - reasoning,
            "thoughtsTokenCount": reasoning, "totalTokenCount": prompt + output}}),
        Shape::Converse => json!({"requestId": "shape-00000000001", "model": model, "usage": {
            "inputTokens": input, "outputTokens": output, "totalTokens": prompt + output, "cacheReadInputTokens": read,
            "cacheWriteInputTokens": short + long, "cacheDetails": [{"ttl": "1h", "inputTokens": long}, {"ttl": "5m", "inputTokens": short}]}}),
        Shape::DeepSeek => {
            json!({"id": "chatcmpl-shape000000001", "object": "chat.completion", "model": model, "provider": "deepseek", "usage": {
            "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
            "prompt_cache_hit_tokens": read, "prompt_cache_miss_tokens": input,
            "completion_tokens_details": {"reasoning_tokens": reasoning}}})
        }
        Shape::Xai => {
            json!({"id": "chatcmpl-shape000000001", "object": "chat.completion", "model": model, "provider": "xai", "usage": {
            "prompt_tokens": prompt, "completion_tokens": output - reasoning, "total_tokens": prompt + output,
            "prompt_tokens_details": details, "completion_tokens_details": {"reasoning_tokens": reasoning}}})
        }
        Shape::LiteLlm => json!({
            "id": "msg_01Shape0000000001", "litellm_call_id": "00000000-0000-0000-0000-000000000001", "call_type": "acompletion",
            "status": "success", "model": format!("anthropic/{model}"), "custom_llm_provider": "anthropic", "startTime": 1_795_297_729.0,
            "endTime": 1_795_297_730.0, "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output, "response_cost": 0.0,
            "cache_hit": null, "metadata": {"usage_object": {
                "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
                "completion_tokens_details": {"reasoning_tokens": reasoning},
                "prompt_tokens_details": {"cached_tokens": read, "cache_creation_tokens": short + long,
                    "cache_creation_token_details": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long}},
                "cache_read_input_tokens": read, "cache_creation_input_tokens": short + long}}}),
    }
}

/// What they cost, in half pico-dollars: a micro-dollar for a million tokens is a pico-dollar for one.
fn cost(of: &Listed, counts: Counts) -> u128 {
    let prompt: u64 = counts[..4].iter().map(|count| u64::from(*count)).sum();
    let rates = match of.long {
        Some((above, long)) if prompt > above => long,
        _ => of.rates,
    };
    let tokens: u128 = counts[..5].iter().zip(rates).map(|(count, rate)| u128::from(*count) * rate).sum();
    let tokens = if of.shape == Shape::AnthropicBatch { tokens } else { 2 * tokens };
    tokens + 2 * u128::from(counts[6]) * of.search * 1_000_000
}

fn counts() -> impl Strategy<Value = Counts> {
    let edge =
        || prop::sample::select(vec![0u32, 1, 99_999, 100_000, 100_001, 199_999, 200_000, 271_999, 272_000, 272_001]);
    let small = || prop_oneof![2 => Just(0u32), 3 => 0u32..90_000];
    (prop_oneof![edge(), 0u32..150_000], small(), small(), small(), 0u32..60_000, 0u32..20_000, 0u32..4).prop_map(
        |(input, read, short, long, output, reasoning, searches)| {
            [input, read, short, long, output, reasoning, searches]
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
    #[test]
    fn a_request_costs_what_its_provider_lists_whoever_tells_it(which in 0..LISTED.len(), counts in counts()) {
        let of = &LISTED[which];
        let counts = told(of.shape, counts);
        // What used nothing is told by no provider.
        prop_assume!(counts.iter().any(|count| *count > 0));
        let line = line(of.shape, of.model, counts).to_string();
        super::slow_reader::compare(line.as_bytes());
        let mut pricer = Pricer::new(Arc::clone(&BOOK));
        let mut read = Vec::new();
        Decoder::new(Zone::UTC).decode(0, line.as_bytes(), &mut |_, result| {
            let usage = result.unwrap_or_else(|skip| panic!("{skip:?}: {line}"));
            let t = usage.tokens;
            let told = [t.input, t.cache_read, t.cache_write_5m, t.cache_write_1h, t.output, t.reasoning, t.web_searches];
            read.push((told, pricer.price(usage).computed));
        });
        let [(told, Some(computed))] = &read[..] else { panic!("{read:?}: {line}") };
        prop_assert_eq!(*told, counts, "{}", line);
        let (halves, exact) = (cost(of, counts), u128::from(computed.pico()));
        prop_assert!(halves.div_ceil(2) == exact || halves / 2 == exact, "{} half pico-dollars, {}: {}", halves, exact, line);
    }
}
