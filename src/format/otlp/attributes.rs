//! The attributes that are kept, by name. Whatever is not in this list, prompts and completions among it, is passed over.

use super::value::{Any, Value};

macro_rules! keys {
    ($($key:ident $text:literal $(| $other:literal)*,)*) => {
        /// What something is read from: an attribute, by the names that it has, the best first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Key { $($key,)* }

        const NAMES: [&[&[u8]]; [$(Key::$key,)*].len()] = [$(&[$text $(, $other)*],)*];

        impl Key {
            fn of(name: &[u8]) -> Option<Key> {
                match name {
                    $($text $(| $other)* => Some(Key::$key),)*
                    _ => None,
                }
            }
        }
    };
}

keys! {
    // Who exports.
    ServiceName b"service.name",
    ServiceNamespace b"service.namespace",
    ServiceInstance b"service.instance.id",
    HostName b"host.name",
    TeamId b"team.id",
    TeamName b"team.name" | b"team",
    Department b"department",
    // Who asks.
    SessionId b"session.id",
    UserId b"user.id",
    UserName b"user.name",
    UserEmail b"user.email",
    AccountId b"user.account_id" | b"user.account_uuid",
    EndUser b"enduser.id" | b"enduser.pseudo.id" | b"litellm.end_user.id" | b"metadata.user_api_key_end_user_id",
    // Events.
    EventName b"event.name",
    EventTimestamp b"event.timestamp",
    EventSequence b"event.sequence",
    EventKind b"event.kind",
    Model b"model",
    DurationMs b"duration_ms",
    StatusCode b"status_code" | b"http.status_code" | b"http.response.status_code",
    ErrorType b"error.type",
    // Claude Code.
    CostUsd b"cost_usd",
    InputTokens b"input_tokens",
    OutputTokens b"output_tokens",
    CacheReadTokens b"cache_read_tokens",
    CacheCreationTokens b"cache_creation_tokens",
    RequestId b"request_id",
    Speed b"speed",
    QuerySource b"query_source",
    AgentName b"agent.name",
    // Codex.
    ConversationId b"conversation.id",
    InputCount b"input_token_count",
    OutputCount b"output_token_count",
    CachedCount b"cached_token_count",
    CacheWriteCount b"cache_write_token_count",
    ReasoningCount b"reasoning_token_count",
    ServiceTier b"service_tier",
    // Gemini CLI.
    CachedContentCount b"cached_content_token_count",
    ThoughtsCount b"thoughts_token_count",
    ToolCount b"tool_token_count",
    PromptId b"prompt_id",
    AuthType b"auth_type",
    InstallationId b"installation.id",
    Role b"role",
    // What a point counts.
    Type b"type",
    TokenType b"gen_ai.token.type",
    // GenAI: the conventions, by age; then what OpenLLMetry, OpenInference and LiteLLM say instead.
    Operation b"gen_ai.operation.name",
    Provider b"gen_ai.provider.name",
    System b"gen_ai.system",
    RequestModel b"gen_ai.request.model",
    ResponseModel b"gen_ai.response.model",
    ResponseId b"gen_ai.response.id",
    Conversation b"gen_ai.conversation.id",
    FinishReasons b"gen_ai.response.finish_reasons",
    MaxTokens b"gen_ai.request.max_tokens",
    GenAiAgent b"gen_ai.agent.name",
    GenAiAgentId b"gen_ai.agent.id",
    GenAiWorkflow b"gen_ai.workflow.name" | b"traceloop.workflow.name",
    UsageInput b"gen_ai.usage.input_tokens",
    UsagePrompt b"gen_ai.usage.prompt_tokens",
    UsageOutput b"gen_ai.usage.output_tokens",
    UsageCompletion b"gen_ai.usage.completion_tokens",
    UsageTotal b"gen_ai.usage.total_tokens" | b"llm.usage.total_tokens",
    UsageCacheRead b"gen_ai.usage.cache_read.input_tokens" | b"gen_ai.usage.cache_read_input_tokens",
    UsageCacheWrite b"gen_ai.usage.cache_write.input_tokens",
    UsageCacheCreation b"gen_ai.usage.cache_creation.input_tokens" | b"gen_ai.usage.cache_creation_input_tokens",
    UsageReasoning b"gen_ai.usage.reasoning.output_tokens" | b"gen_ai.usage.reasoning_tokens",
    AudioInput b"gen_ai.usage.audio.input_tokens" | b"llm.token_count.prompt_details.audio",
    AudioRead b"gen_ai.usage.audio.cache_read.input_tokens",
    AudioOutput b"gen_ai.usage.audio.output_tokens" | b"llm.token_count.completion_details.audio",
    ImageInput b"gen_ai.usage.image.input_tokens",
    ImageRead b"gen_ai.usage.image.cache_read.input_tokens",
    ImageOutput b"gen_ai.usage.image.output_tokens",
    VideoInput b"gen_ai.usage.video.input_tokens",
    VideoRead b"gen_ai.usage.video.cache_read.input_tokens",
    VideoOutput b"gen_ai.usage.video.output_tokens",
    TextOutput b"gen_ai.usage.text.output_tokens",
    UsageCost b"gen_ai.usage.cost",
    ResponseTier b"openai.response.service_tier" | b"gen_ai.openai.response.service_tier",
    RequestTier b"openai.request.service_tier" | b"gen_ai.openai.request.service_tier",
    RequestType b"llm.request.type",
    SpanKind b"openinference.span.kind" | b"traceloop.span.kind",
    LlmModel b"llm.model_name",
    LlmProvider b"llm.provider",
    LlmSystem b"llm.system",
    LlmPrompt b"llm.token_count.prompt",
    LlmCompletion b"llm.token_count.completion",
    LlmTotal b"llm.token_count.total",
    LlmCacheRead b"llm.token_count.prompt_details.cache_read",
    LlmCacheWrite b"llm.token_count.prompt_details.cache_write",
    LlmReasoning b"llm.token_count.completion_details.reasoning",
    LlmCost b"llm.cost.total",
    LiteLlmCall b"litellm.call_id",
    LiteLlmHit b"litellm.cache_hit",
    LiteLlmCost b"gen_ai.cost.total_cost" | b"litellm.cost.total_cost" | b"litellm.cost.total",
    LiteLlmUser b"metadata.user_api_key_user_id" | b"litellm.metadata.user_api_key_user_id",
    LiteLlmEmail b"metadata.user_api_key_user_email" | b"litellm.metadata.user_api_key_user_email",
    LiteLlmAlias b"metadata.user_api_key_alias" | b"litellm.metadata.user_api_key_alias",
    LiteLlmHash b"metadata.user_api_key_hash" | b"litellm.api_key.hash",
    LiteLlmTeam b"metadata.user_api_key_team_alias" | b"litellm.team.alias",
    LiteLlmTeamId b"metadata.user_api_key_team_id" | b"litellm.team.id",
}

/// Where the values of a key's names begin; behind the last key, how many names there are.
const SLOTS: [usize; NAMES.len() + 1] = {
    let (mut slots, mut key) = ([0; NAMES.len() + 1], 0);
    while key < NAMES.len() {
        slots[key + 1] = slots[key] + NAMES[key].len();
        key += 1;
    }
    slots
};

/// The attributes of one resource, record or data point.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a> {
    /// By name: which of a key's names counts is not decided by which came last.
    values: [Value<'a>; SLOTS[NAMES.len()]],
}

impl<'a> Attributes<'a> {
    pub(super) const fn new() -> Attributes<'a> {
        Attributes { values: [Value::Absent; SLOTS[NAMES.len()]] }
    }

    pub(super) const fn clear(&mut self) {
        self.values = [Value::Absent; SLOTS[NAMES.len()]];
    }

    /// Takes an attribute, if it is one that is kept. Of several with one name the last counts.
    pub(super) fn set(&mut self, name: &[u8], value: Any<'a>) {
        let Some(key) = Key::of(name) else { return };
        let names = NAMES[key as usize];
        let place = if names.len() == 1 { Some(0) } else { names.iter().position(|known| *known == name) };
        if let Some(place) = place {
            self.values[SLOTS[key as usize] + place] = Value::of(value);
        }
    }

    /// What is said under the best of the key's names that says something.
    pub(super) const fn get(&self, key: Key) -> &Value<'a> {
        let (mut slot, end) = (SLOTS[key as usize], SLOTS[key as usize + 1]);
        while slot + 1 < end && self.values[slot].is_absent() {
            slot += 1;
        }
        &self.values[slot]
    }
}
