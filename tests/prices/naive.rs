//! The rules of docs/prices.md a second time, slowly: keys of the price map as text, fractions, no tables. Random entries and requests must
//! cost the same to the last pico-dollar.

use costtop::usage::{RawText, Usage};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{request, with_file};

const BASES: [&str; 5] = [
    "input_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "cache_creation_input_token_cost_above_1hr",
    "output_cost_per_token",
];
const SIZES: [u64; 2] = [100_000, 200_000];

/// Units of half a pico-dollar times 100: half rates and two factors with one decimal place stay whole.
type Fine = i128;
const FINE: Fine = 200;

struct Entry<'a> {
    fields: &'a Map<String, Value>,
    prompt: u64,
    inclusive: bool,
}

impl Entry<'_> {
    fn key(&self, base: &str, size: u64, suffix: &str) -> Option<Fine> {
        let above = if size == 0 { String::new() } else { format!("_above_{}k_tokens", size / 1000) };
        let text = self.fields.get(&format!("{base}{above}{suffix}"))?.as_str()?;
        Some(text.strip_suffix("e-12")?.parse::<Fine>().ok()? * FINE)
    }

    /// Sizes that the prompt crosses, the greatest first, then any size.
    fn sizes(&self) -> Vec<u64> {
        let crossed = |size: &u64| self.prompt > *size || (self.inclusive && self.prompt == *size);
        SIZES.into_iter().rev().filter(crossed).collect()
    }

    fn served(&self, base: &str, suffix: &str) -> Option<Fine> {
        for size in self.sizes() {
            if let Some(rate) = self.key(base, size, suffix).or_else(|| self.key(base, size, "")) {
                return Some(rate);
            }
        }
        self.key(base, 0, suffix).or_else(|| self.key(base, 0, ""))
    }

    fn halved(&self, base: &str) -> Option<Fine> {
        for size in self.sizes() {
            if let Some(rate) = self.key(base, size, "_batches").or_else(|| Some(self.key(base, size, "")? / 2)) {
                return Some(rate);
            }
        }
        self.key(base, 0, "_batches").or_else(|| Some(self.key(base, 0, "")? / 2))
    }

    /// Whether a batch rate of that kind is stated for this prompt.
    fn has_batch(&self, base: &str) -> bool {
        let mut sizes = self.sizes();
        sizes.retain(|size| self.key(base, *size, "").is_some() || self.key(base, *size, "_batches").is_some());
        self.key(base, 0, "_batches").is_some()
            || sizes.first().is_some_and(|size| self.key(base, *size, "_batches").is_some())
    }

    /// Input, read, 5m, 1h, output.
    fn rates(&self, tier: &str) -> [Option<Fine>; 5] {
        if tier == "batch" {
            let input = self.halved(BASES[0]);
            let cache = |base: &str| {
                if self.has_batch(BASES[0]) && !self.has_batch(base) { input } else { self.halved(base).or(input) }
            };
            let write = cache(BASES[2]);
            return [input, cache(BASES[1]), write, self.halved(BASES[3]).or(write), self.halved(BASES[4])];
        }
        let suffix = if tier.is_empty() { String::new() } else { format!("_{tier}") };
        let rate = |base: &str| self.served(base, &suffix);
        let input = rate(BASES[0]);
        let write = rate(BASES[2]).or(input);
        [input, rate(BASES[1]).or(input), write, rate(BASES[3]).or(write), rate(BASES[4])]
    }
}

fn half_even(value: Fine) -> Fine {
    let (quotient, rest) = (value / FINE, value % FINE);
    quotient + Fine::from(rest * 2 > FINE || (rest * 2 == FINE && quotient % 2 == 1))
}

/// Rates under any of the keys; most are left out.
fn entry() -> impl Strategy<Value = Map<String, Value>> {
    let mut keys = Vec::new();
    for base in BASES {
        for size in ["", "_above_100k_tokens", "_above_200k_tokens"] {
            for suffix in ["", "_flex", "_priority", "_batches"] {
                keys.push(format!("{base}{size}{suffix}"));
            }
        }
    }
    let rates = prop::collection::vec(prop::option::weighted(0.4, 0u64..30_000_000), keys.len());
    (rates, prop::sample::select(vec!["openai", "xai", "anthropic"])).prop_map(move |(rates, provider)| {
        let stated = keys.iter().zip(rates).filter_map(|(key, rate)| Some((key.clone(), rate?)));
        let mut fields: Map<String, Value> =
            stated.map(|(key, rate)| (key, Value::String(format!("{rate}e-12")))).collect();
        fields.insert("litellm_provider".to_owned(), Value::String(provider.to_owned()));
        fields.insert("provider_specific_entry".to_owned(), serde_json::json!({"us": 1.1, "fast": 2.5}));
        fields.insert(
            "search_context_cost_per_query".to_owned(),
            serde_json::json!({"search_context_size_medium": "7e-12"}),
        );
        // So that every file is a price map.
        fields.insert("input_cost_per_request".to_owned(), Value::String("3e-12".to_owned()));
        fields
    })
}

fn counts() -> impl Strategy<Value = [u32; 7]> {
    let edge = prop::sample::select(vec![0u32, 1, 99_999, 100_000, 100_001, 199_999, 200_000, 200_001]);
    let small = || prop_oneof![Just(0u32), 0u32..90_000];
    (prop_oneof![edge, 0u32..150_000], small(), small(), small(), small(), 0u32..4)
        .prop_map(|(input, read, short, long, output, searches)| [input, read, short, long, output, 0, searches])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn the_slow_bill_is_the_bill(
        fields in entry(),
        counts in counts(),
        tier in prop::sample::select(vec!["", "flex", "priority", "batch"]),
        is_us in any::<bool>(),
        is_fast in any::<bool>(),
    ) {
        let [input, read, short, long, output, _, searches] = counts;
        let prompt = [input, read, short, long].into_iter().map(u64::from).sum();
        let naive = Entry { fields: &fields, prompt, inclusive: fields["litellm_provider"] == "xai" };
        let rates = naive.rates(tier);
        let terms = [input, read, short, long, output].into_iter().zip(rates).map(|(count, rate)| match (count, rate) {
            (0, _) => Some(0),
            (count, rate) => Some(Fine::from(count) * rate?),
        });
        let tokens: Option<Fine> = terms.sum();
        let expected = tokens.map(|mut sum| {
            sum = if is_us { sum / 10 * 11 } else { sum };
            sum = if is_fast { sum / 10 * 25 } else { sum };
            half_even(sum + (Fine::from(searches) * 7 + 3) * FINE)
        });

        let book = with_file(&serde_json::json!({"m": fields}).to_string());
        let mut usage: Usage<'_> = request("m", tier, counts);
        let word = |holds, word: &'static str| if holds { RawText::plain(word.as_bytes()) } else { RawText::NONE };
        (usage.terms.inference_geo, usage.terms.speed) = (word(is_us, "us"), word(is_fast, "fast"));
        let ours = book.price(&usage).computed.map(|cost| Fine::from(cost.pico()));
        prop_assert_eq!(ours, expected, "{:?}", book.quote(&usage).terms);
    }
}
