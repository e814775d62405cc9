//! From a log's model name to an entry: what must lead where, and what must lead nowhere.

use costtop::usage::{RawText, Terms, Usage};

use super::{embedded, lookup, request};

/// Model, provider and region of a log; the entry; how.
const FOUND: [(&str, &str, &str, &str, &str); 37] = [
    ("claude-opus-4-6", "", "", "claude-opus-4-6", ""),
    ("claude-opus-4-6", "anthropic", "", "claude-opus-4-6", ""),
    ("anthropic/claude-opus-4-6", "", "", "claude-opus-4-6", "prefix left out"),
    ("litellm_proxy/anthropic/claude-opus-4-6", "", "", "claude-opus-4-6", "prefix left out"),
    (" Claude-Opus-4-6 ", "", "", "claude-opus-4-6", "case ignored"),
    ("claude-opus-4.6", "", "", "claude-opus-4-6", "'.' and '-' exchanged"),
    ("claude-opus-4-6[1m]", "", "", "claude-opus-4-6", "variant left out"),
    (
        "anthropic/claude-opus-4.6:thinking",
        "openrouter",
        "",
        "claude-opus-4-6",
        "prefix left out, variant left out, '.' and '-' exchanged",
    ),
    ("claude-opus-4-6-latest", "", "", "claude-opus-4-6", "date left out"),
    ("claude-opus-4-6@20260205", "", "", "claude-opus-4-6-20260205", "'@' read as '-'"),
    ("claude-opus-4-6@default", "vertex_ai", "", "vertex_ai/claude-opus-4-6@default", "provider added"),
    ("gpt-5.4-2031-01-31", "openai", "", "gpt-5.4", "date left out"),
    ("gpt-5-4", "openai", "", "gpt-5.4", "'.' and '-' exchanged"),
    ("gpt-5.4", "azure.ai.openai", "", "azure/gpt-5.4", "provider added"),
    ("gemini-2.5-pro", "gemini", "", "gemini/gemini-2.5-pro", "provider added"),
    ("models/gemini-2.5-pro", "", "", "gemini-2.5-pro", "prefix left out"),
    ("gemini-2.5-pro", "vertex_ai-language-models", "", "gemini-2.5-pro", ""),
    ("openai/gpt-oss-120b", "groq", "", "groq/openai/gpt-oss-120b", "provider added"),
    ("groq/openai/gpt-oss-120b", "groq", "", "groq/openai/gpt-oss-120b", ""),
    ("deepseek-v4-pro", "deepseek", "", "deepseek/deepseek-v4-pro", "provider added"),
    ("us.anthropic.claude-opus-4-6-v1", "bedrock", "", "us.anthropic.claude-opus-4-6-v1", ""),
    ("bedrock/us.anthropic.claude-opus-4-6-v1", "", "", "us.anthropic.claude-opus-4-6-v1", "prefix left out"),
    ("us.anthropic.claude-opus-4-6-v1:0", "bedrock", "", "us.anthropic.claude-opus-4-6-v1", "variant left out"),
    (
        "arn:aws:bedrock:us-east-1:1234:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock",
        "",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "id of the ARN",
    ),
    (
        "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",
        "",
        "",
        "amazon.nova-pro-v1:0",
        "id of the ARN",
    ),
    (
        "amazon.nova-pro-v1:0",
        "bedrock",
        "us-gov-west-1",
        "bedrock/us-gov-west-1/amazon.nova-pro-v1:0",
        "provider added",
    ),
    ("global.amazon.nova-pro-v1:0", "bedrock", "", "amazon.nova-pro-v1:0", "geography left out, same price"),
    ("kimi-k3", "moonshot_ai", "", "moonshot/kimi-k3", "provider added"),
    ("glm-5.3", "z_ai", "", "zai/glm-5.3", "provider added"),
    ("qwen3.8-max", "Alibaba Cloud", "", "dashscope/qwen3.8-max", "provider added"),
    ("grok-4.5", "xai.chat", "", "xai/grok-4.5", "provider added"),
    ("gemini-2.5-pro", "google.generative-ai", "", "gemini/gemini-2.5-pro", "provider added"),
    ("gpt-5.4", "openai.responses", "", "gpt-5.4", ""),
    ("claude-3-5-sonnet-20241022", "anthropic", "", "claude-3-5-sonnet-20241022", ""),
    ("claude-3-opus-20240229", "", "", "claude-3-opus-20240229", ""),
    ("perplexity/kimi-k3", "perplexity", "", "perplexity/perplexity/kimi-k3", "provider added"),
    (
        "codestral-latest",
        "text-completion-codestral",
        "",
        "text-completion-codestral/codestral-latest",
        "provider added",
    ),
];

/// Names that no table has, however alike.
const UNKNOWN: [&str; 22] = [
    "",
    " ",
    "gpt-5.9",
    "gpt-5.41",
    "gpt-5.4-turbo",
    "gpt",
    "gpt-5.4-2026-13-01",
    "gpt-5.4-20260",
    "claude-opus-4-7-1",
    "claude-opus-4-66",
    "claude-opus-4",
    "claude-opus-9-20251001",
    "claude",
    "ca.anthropic.claude-opus-4-6-v1",
    "arn:aws:bedrock:us-east-1:1234:inference-profile/ca.anthropic.claude-opus-4-6-v1",
    "arn:aws:bedrock:us-east-1:1234:application-inference-profile/claude-opus-4-6",
    "azure/eu/claude-opus-4-6",
    "my-deployment",
    "claude-opus-4-6/",
    "sample_spec",
    "\t\n",
    "#",
];

#[test]
fn names_lead_where_they_should() {
    let book = embedded();
    let mut wrong = Vec::new();
    for (model, provider, region, name, steps) in FOUND {
        let usage = Usage {
            provider: RawText::plain(provider.as_bytes()),
            terms: Terms { region: RawText::plain(region.as_bytes()), ..Terms::default() },
            ..request(model, "", [1; 7])
        };
        let found = book.quote(&usage).found.map(|found| {
            let steps: Vec<String> = found.steps.iter().map(ToString::to_string).collect();
            (found.name, steps.join(", "))
        });
        if found != Some((name.to_owned(), steps.to_owned())) {
            wrong.push(format!("{model} of '{provider}' led to {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_alike_is_not_the_same() {
    let book = embedded();
    for model in UNKNOWN {
        let found = lookup(&book, model);
        assert!(found.is_none(), "{model:?} led to {found:?}");
        assert_eq!(book.price(&request(model, "", [1; 7])).computed, None);
    }
}

#[test]
fn a_hostile_name_costs_no_more_than_a_look() {
    let book = embedded();
    for model in ["/".repeat(5_000), "a/".repeat(200), "us.".repeat(100), "1-1.".repeat(100), "é\u{202e}\0".repeat(50)]
    {
        assert!(lookup(&book, &model).is_none());
    }
}

#[test]
fn a_free_variant_is_free_only_of_a_known_model() {
    let book = embedded();
    assert_eq!(super::dollars(&book, &request("gpt-5.4:free", "", [9, 9, 9, 9, 9, 9, 0])), "0.000000000000");
    assert!(lookup(&book, "no-such-model:free").is_none());
}
