//! A company that does not exist: its models with their list prices, its people and what they ask for. Constants only.

use crate::money::Cost;

/// Tokens of one request by what they cost. The prompt is the sum of the first four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Uncached input.
    pub input: u64,
    /// Read from the provider's cache.
    pub cache_read: u64,
    /// Written for five minutes.
    pub cache_write_5m: u64,
    /// Written for an hour.
    pub cache_write_1h: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// The part of the output that was reasoning.
    pub reasoning: u64,
}

impl Tokens {
    /// Everything the model read.
    #[must_use]
    pub const fn prompt(&self) -> u64 {
        self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h
    }
}

/// List prices in pico-dollars per token: dollars per million tokens times 10^6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write_5m: u64,
    cache_write_1h: u64,
}

/// A model as logs name it.
#[derive(Debug, PartialEq, Eq)]
pub struct Model {
    /// Without provider.
    pub name: &'static str,
    /// As the gateway calls the provider.
    pub provider: &'static str,
    /// `None`: no price table knows it.
    pub rates: Option<Rates>,
    /// Tells cached tokens apart: when it bills writes, reads, or nothing.
    pub caching: Caching,
    /// Longest prompt in this traffic: below the length at which a long-context price would begin.
    pub longest_prompt: u64,
    /// What its response ids look like.
    pub id: Ids,
    /// In 1,000 output tokens.
    pub reasoning_permille: u64,
}

/// How a provider's prompt cache is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Reads and writes, writes for five minutes or an hour.
    ReadsAndTimedWrites,
    /// Reads and writes.
    ReadsAndWrites,
    /// Reads only.
    Reads,
    /// No cache.
    None,
}

/// Shapes of response ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// `msg_01…`
    Anthropic,
    /// `chatcmpl-…`
    OpenAi,
    /// Hexadecimal digits.
    Bare,
}

const fn rates(input: u64, output: u64, cache_read: u64, cache_write_5m: u64, cache_write_1h: u64) -> Rates {
    Rates { input, output, cache_read, cache_write_5m, cache_write_1h }
}

const fn claude(name: &'static str, rates: Rates, longest_prompt: u64) -> Model {
    Model {
        name,
        provider: "anthropic",
        rates: Some(rates),
        caching: Caching::ReadsAndTimedWrites,
        longest_prompt,
        id: Ids::Anthropic,
        reasoning_permille: 0,
    }
}

const fn openai(name: &'static str, rates: Option<Rates>, caching: Caching, reasoning_permille: u64) -> Model {
    Model { name, provider: "openai", rates, caching, longest_prompt: 120_000, id: Ids::OpenAi, reasoning_permille }
}

/// Prices as of `LiteLLM`'s price map of November 2026.
pub static OPUS: Model =
    claude("claude-opus-5-5", rates(4_000_000, 20_000_000, 200_000, 5_000_000, 8_000_000), 180_000);
/// See [`OPUS`].
pub static SONNET: Model =
    claude("claude-sonnet-5-5", rates(2_000_000, 10_000_000, 100_000, 2_500_000, 4_000_000), 160_000);
/// Five times as dear above 100,000 tokens, which this traffic stays below.
pub static HAIKU: Model = claude("claude-haiku-5-5", rates(100_000, 500_000, 10_000, 125_000, 200_000), 90_000);
/// See [`OPUS`].
pub static SOL: Model = openai(
    "gpt-6-sol",
    Some(rates(2_000_000, 10_000_000, 200_000, 2_500_000, 2_500_000)),
    Caching::ReadsAndWrites,
    420,
);
/// See [`OPUS`].
pub static LUNA: Model =
    openai("gpt-5.6-luna", Some(rates(200_000, 1_200_000, 20_000, 250_000, 250_000)), Caching::ReadsAndWrites, 150);
/// Twice as dear above 200,000 tokens, which this traffic stays below.
pub static GEMINI: Model = Model {
    name: "gemini-3.1-pro-preview",
    provider: "gemini",
    rates: Some(rates(2_000_000, 12_000_000, 200_000, 0, 0)),
    caching: Caching::Reads,
    longest_prompt: 150_000,
    id: Ids::Bare,
    reasoning_permille: 550,
};
/// See [`OPUS`].
pub static EMBEDDING: Model = Model {
    name: "text-embedding-3-large",
    provider: "openai",
    rates: Some(rates(130_000, 0, 0, 0, 0)),
    caching: Caching::None,
    longest_prompt: 8_000,
    id: Ids::Bare,
    reasoning_permille: 0,
};
/// Runs in the company's own rack; no price table knows it.
pub static LLAMA: Model = openai("in-house-llama", None, Caching::None, 0);

impl Model {
    /// What `tokens` cost at list price; `None` is unpriced.
    #[must_use]
    pub const fn cost(&self, tokens: &Tokens) -> Option<Cost> {
        match self.rates {
            None => None,
            Some(rates) => Some(Cost::from_pico(
                tokens.input * rates.input
                    + tokens.cache_read * rates.cache_read
                    + tokens.cache_write_5m * rates.cache_write_5m
                    + tokens.cache_write_1h * rates.cache_write_1h
                    + tokens.output * rates.output,
            )),
        }
    }
}

/// How a user's requests reach the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Through the gateway only.
    Gateway,
    /// The application logs them; the gateway never sees them.
    Application,
    /// Through the gateway, and a part of them in the application's log too.
    Both,
    /// Claude Code, which keeps a transcript.
    ClaudeCode,
}

/// A person, a service or a job.
#[derive(Debug, PartialEq, Eq)]
pub struct User {
    /// As logs name it.
    pub name: &'static str,
    /// Who pays.
    pub team: &'static str,
    /// What the requests are for.
    pub feature: &'static str,
    /// The program that asks.
    pub agent: &'static str,
    /// Where the requests are logged.
    pub way: Way,
    /// Share of all requests, relative to the others.
    pub weight: u64,
    /// Prompt tokens a session begins with.
    pub first_prompt: u64,
    /// Prompt tokens that each turn adds.
    pub growth: u64,
    /// Output tokens of a usual answer.
    pub answer: u64,
    /// Turns of a usual session.
    pub turns: u64,
    /// Its models; the first is asked for most.
    pub models: &'static [&'static Model],
}

/// The user whose agent runs away.
pub const RUNAWAY: &str = "release-bot";
/// The user whose prompt cache breaks: from then on everything is written anew and nothing read.
pub const CACHE_BREAKER: &str = "tomas";

macro_rules! user {
    ($name:literal $team:literal $feature:literal $agent:literal $way:ident $weight:literal : $first:literal + $growth:literal => $answer:literal x $turns:literal [$($model:ident)*]) => {
        User {
            name: $name, team: $team, feature: $feature, agent: $agent, way: Way::$way, weight: $weight,
            first_prompt: $first, growth: $growth, answer: $answer, turns: $turns, models: &[$(&$model),*],
        }
    };
}

/// Fourteen users in four teams.
pub static USERS: [User; 14] = [
    user!("search-api"  "search"   "query-rewrite"  "search-api/4.2"  Both        22: 900 + 60    => 40 x 3    [LUNA HAIKU]),
    user!("indexer"     "search"   "indexing"       "indexer/1.9"     Gateway     12: 1200 + 0    => 1 x 40    [EMBEDDING]),
    user!("mara"        "search"   "coding"         "claude-code"     ClaudeCode  8: 22000 + 1600 => 420 x 10  [OPUS SONNET HAIKU]),
    user!("jonas"       "search"   "chat"           "webchat"         Gateway     4: 9000 + 900   => 620 x 7   [SOL GEMINI]),
    user!("support-bot" "support"  "support-bot"    "helpdesk/7"      Both        18: 5200 + 500  => 320 x 6   [SONNET HAIKU LUNA]),
    user!("voice-ivr"   "support"  "voice"          "ivr/2"           Application 14: 1100 + 120  => 60 x 8    [LUNA HAIKU]),
    user!("lina"        "support"  "chat"           "webchat"         Gateway     3: 6000 + 900   => 520 x 6   [SONNET SOL]),
    user!("ci-evals"    "platform" "nightly-eval"   "evals/0.8"       Application 12: 2600 + 0    => 180 x 30  [HAIKU LUNA LLAMA]),
    user!("release-bot" "platform" "release-agent"  "agentd/1.3"      Both        3: 16000 + 1200 => 460 x 14  [SONNET]),
    user!("tomas"       "platform" "coding"         "agentd/1.3"      Gateway     4: 18000 + 1300 => 480 x 18  [SONNET SOL]),
    user!("priya"       "platform" "chat"           "webchat"         Gateway     3: 9000 + 1200  => 720 x 7   [GEMINI OPUS]),
    user!("etl-enrich"  "data"     "enrichment"     "airflow/dag-17"  Application 20: 1800 + 0    => 90 x 60   [LUNA LLAMA]),
    user!("report-gen"  "data"     "weekly-report"  "reports/3"       Application 3: 32000 + 3000 => 1400 x 4  [GEMINI SONNET]),
    user!("wei"         "data"     "chat"           "notebook"        Gateway     4: 9000 + 1100  => 620 x 8   [SONNET LLAMA]),
];
