//! The log formats by name. The module `format` reads them; configuration and command line only name them.

use super::name::Names;

/// Names of mappings: those built in and those of the configuration.
static NAMES: Names = Names::new();

/// What a mapping is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MappingName(u8);

impl MappingName {
    /// The name as a plain value.
    ///
    /// # Panics
    /// When a process has met more names than any configuration has.
    #[must_use]
    pub fn new(name: &str) -> MappingName {
        MappingName(NAMES.place(name))
    }
}

/// A log format that costtop reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// costtop's own NDJSON, and the lines of trackers written by hand.
    Own,
    /// Session files of Claude Code.
    ClaudeCode,
    /// Rollout files of Codex CLI.
    Codex,
    /// Chats of Gemini CLI.
    GeminiCli,
    /// Messages of `OpenCode`.
    OpenCode,
    /// Session files of pi.
    Pi,
    /// `StandardLoggingPayload` of a `LiteLLM` proxy.
    LiteLlm,
    /// Rows of a `LiteLLM` proxy's table of spend.
    LiteLlmSpend,
    /// Answers of Anthropic's Messages API.
    Anthropic,
    /// Events of its stream.
    AnthropicStream,
    /// Answers of `OpenAI`'s chat completions and embeddings, and of every server that speaks the same.
    OpenAiChat,
    /// Answers of `OpenAI`'s Responses API.
    OpenAiResponses,
    /// Answers of Gemini.
    Gemini,
    /// Answers of Bedrock's Converse API.
    Bedrock,
    /// Export requests of OpenTelemetry.
    Otlp,
    /// Bedrock's model invocation log.
    BedrockLog,
    /// What a mapping describes: one built in, or one of the configuration.
    Mapped(MappingName),
}

impl Format {
    /// Every format that has a reader of its own.
    pub const ALL: [Format; 16] = [
        Format::Own,
        Format::ClaudeCode,
        Format::Codex,
        Format::GeminiCli,
        Format::OpenCode,
        Format::Pi,
        Format::LiteLlm,
        Format::LiteLlmSpend,
        Format::Anthropic,
        Format::AnthropicStream,
        Format::OpenAiChat,
        Format::OpenAiResponses,
        Format::Gemini,
        Format::Bedrock,
        Format::BedrockLog,
        Format::Otlp,
    ];

    /// The word of `explain`, of the configuration and of the documentation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Own => "own",
            Format::ClaudeCode => "claude-code",
            Format::Codex => "codex",
            Format::GeminiCli => "gemini-cli",
            Format::OpenCode => "opencode",
            Format::Pi => "pi",
            Format::LiteLlm => "litellm",
            Format::LiteLlmSpend => "litellm-spend",
            Format::Anthropic => "anthropic",
            Format::AnthropicStream => "anthropic-stream",
            Format::OpenAiChat => "openai-chat",
            Format::OpenAiResponses => "openai-responses",
            Format::Gemini => "gemini",
            Format::Bedrock => "bedrock",
            Format::BedrockLog => "bedrock-log",
            Format::Mapped(MappingName(name)) => NAMES.get(name),
            Format::Otlp => "otlp",
        }
    }

    /// The format of that name that has a reader of its own.
    #[must_use]
    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Whether it is a provider's answer as it came.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(
            self,
            Format::Anthropic | Format::OpenAiChat | Format::OpenAiResponses | Format::Gemini | Format::Bedrock
        )
    }
}
