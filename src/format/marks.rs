//! The keys by which formats are told apart. A record's keys enter, the one format they speak for leaves. Every reader notes all of
//! them, so that each draws the same conclusion, whichever met the record first.

use super::mapping::{Hints, hint};
use super::scanner::{Scalar, Scanner, Stop};
use super::wrapper::Wrapper;
use super::{Format, answer, own};

/// What was noted of one record.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one record, not states")]
pub(super) struct Marks {
    /// The only format that is read; any other record is none.
    only: Option<Format>,
    /// Built-in mappings that a record may be meant by. Whoever finds one there asks them before it reads the record as its own.
    hints: Hints,
    /// They were asked.
    asked: bool,
    /// `type` is `assistant` or `progress`.
    agent_type: bool,
    /// `type` is one of a Codex rollout's.
    codex_type: bool,
    /// `payload` is there.
    pub(super) payload: bool,
    /// `attributes` are those of an event that Gemini CLI wrote to its file.
    event: bool,
    /// `type` is one of Anthropic's stream events.
    event_type: bool,
    pub(super) gemini: GeminiMarks,
    pub(super) opencode: OpenCodeMarks,
    pub(super) pi: PiMarks,
    /// `type` is `result` or `turn.completed`: the sum of what other records said.
    sum_type: bool,
    /// `message` or `data` is there.
    pub(super) agent_body: bool,
    /// `call_type` is there.
    call_type: bool,
    /// `response_cost` is there.
    pub(super) response_cost: bool,
    /// `spend` is there.
    pub(super) spend: bool,
    /// Where a provider's own usage is, and whose.
    pub(super) answers: answer::Places,
    /// `model`, a token count or a cost of costtop's own grammar is there, or a `type` of its own.
    pub(super) own: bool,
    /// Resources with log records, spans or data points of OpenTelemetry are there.
    pub(super) otlp: bool,
    /// `log` is a text.
    log: bool,
    /// `stream` is `stdout` or `stderr`.
    stream: bool,
    /// `schemaType` is `ModelInvocationLog`.
    pub(super) invocation: bool,
    /// `MESSAGE` is there.
    message: bool,
    /// `__REALTIME_TIMESTAMP` is there.
    journal_time: bool,
    /// `logEvents` is an array that is not empty.
    log_events: bool,
    /// `events` is an array whose first element has a text `message`.
    events: bool,
    /// `@message` is there.
    at_message: bool,
    /// `message` is a text that begins as an object does.
    message_of_json: bool,
}

/// What speaks for Gemini CLI.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one record, not states")]
pub(super) struct GeminiMarks {
    /// `type` is `gemini`.
    answer_type: bool,
    /// `tokens` is an object.
    pub tokens: bool,
    /// `sessionId` is there.
    pub session: bool,
    /// `projectHash` is there.
    pub project: bool,
    /// `$set` is an object.
    pub update: bool,
}

/// What speaks for `OpenCode`, beside `tokens`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OpenCodeMarks {
    /// `sessionID` is there.
    pub session: bool,
    /// `modelID` is there.
    pub model: bool,
}

/// What speaks for pi.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one record, not states")]
pub(super) struct PiMarks {
    /// `type` is `session`.
    session_type: bool,
    /// `type` is `message`.
    message_type: bool,
    /// `cwd` is there.
    pub directory: bool,
    /// `parentId` is there.
    pub parent: bool,
}

impl Marks {
    /// Nothing noted yet. With `only`, a record of another format is none at all.
    pub(super) fn new(only: Option<Format>) -> Marks {
        Marks { only, ..Marks::default() }
    }

    /// The same once the built-in mappings were asked.
    pub(super) fn asked(only: Option<Format>) -> Marks {
        Marks { asked: true, ..Marks::new(only) }
    }

    /// Built-in mappings that are to be asked before the record is of another format.
    #[inline]
    pub(super) const fn hints(&self) -> Hints {
        if self.asked { 0 } else { self.hints }
    }

    /// The wrapper these keys are those of: the record proper is the text in it. A `message` or `events` alone make none of a record that
    /// is usage by itself.
    pub(super) fn wrapper(&self) -> Option<Wrapper> {
        let alone = self.message_of_json || self.events;
        let weak = || (alone && self.detected().is_none()).then_some(Wrapper::CloudWatch);
        self.sure_wrapper().or_else(weak)
    }

    /// Whether the wrapper holds several events.
    pub(super) const fn holds_events(&self) -> bool {
        self.log_events || self.events && !self.at_message && !self.message_of_json
    }

    const fn sure_wrapper(&self) -> Option<Wrapper> {
        if self.log && self.stream {
            Some(Wrapper::Docker)
        } else if self.message && self.journal_time {
            Some(Wrapper::Journal)
        } else if self.log_events || self.at_message {
            Some(Wrapper::CloudWatch)
        } else {
            None
        }
    }

    /// The one format that may read the record: none while built-in mappings are to be asked first. What every reader asks.
    #[inline]
    pub(super) fn meant(&self) -> Option<Format> {
        if self.hints() == 0 { self.format() } else { None }
    }

    /// The one format these keys speak for.
    #[inline]
    pub(super) fn format(&self) -> Option<Format> {
        let found = self.detected()?;
        (self.only.is_none_or(|only| only == found)).then_some(found)
    }

    #[inline]
    fn detected(&self) -> Option<Format> {
        if self.sure_wrapper().is_some() {
            None
        } else if self.otlp || self.event {
            Some(Format::Otlp)
        } else if self.invocation {
            Some(Format::BedrockLog)
        } else if self.call_type && self.response_cost {
            Some(Format::LiteLlm)
        } else if self.call_type && self.spend {
            Some(Format::LiteLlmSpend)
        } else if self.agent_type && self.agent_body {
            Some(Format::ClaudeCode)
        } else if self.codex_type && self.payload {
            Some(Format::Codex)
        } else if self.is_gemini_cli() {
            Some(Format::GeminiCli)
        } else if self.opencode.model && self.opencode.session && self.gemini.tokens {
            Some(Format::OpenCode)
        } else if self.is_pi() {
            Some(Format::Pi)
        } else if self.event_type {
            Some(Format::AnthropicStream)
        } else if let Some(format) = self.answers.format()
            && !self.sum_type
        {
            Some(format)
        } else if self.own {
            Some(Format::Own)
        } else {
            None
        }
    }

    const fn is_gemini_cli(&self) -> bool {
        let GeminiMarks { answer_type, tokens, session, project, update } = self.gemini;
        answer_type && tokens || session && project || update
    }

    const fn is_pi(&self) -> bool {
        let PiMarks { session_type, message_type, directory, parent } = self.pi;
        message_type && parent && self.agent_body || session_type && directory
    }

    /// Notes a top-level key that the calling reader has no other use for, and passes over its value.
    pub(super) fn note(&mut self, key: &[u8], value: &mut Scanner<'_>) -> Result<(), Stop> {
        match key {
            b"type" => return self.note_type(value).map(drop),
            b"message" => self.note_message(value),
            b"data" => self.agent_body = true,
            b"@message" => self.at_message = true,
            b"logEvents" => {
                self.log_events = false;
                if value.peek() == Some(b'[') {
                    value.array(|event| {
                        self.log_events = true;
                        event.skip()
                    })?;
                    return Ok(());
                }
            }
            b"events" => self.events = holds_messages(*value)?,
            b"attributes" => self.event = self.note_event(value)?,
            b"payload" => self.payload = true,
            b"sessionId" => self.gemini.session = true,
            b"projectHash" => self.gemini.project = true,
            b"tokens" => self.gemini.tokens = value.peek() == Some(b'{'),
            b"$set" => self.gemini.update = value.peek() == Some(b'{'),
            b"sessionID" => self.opencode.session = true,
            b"modelID" => self.opencode.model = true,
            b"cwd" => self.pi.directory = true,
            b"parentId" => self.pi.parent = true,
            b"call_type" => self.call_type = true,
            b"response_cost" => self.response_cost = true,
            b"spend" => self.spend = true,
            b"log" => self.log = value.peek() == Some(b'"'),
            b"stream" => {
                let stream = value.text()?;
                self.stream = stream.is(b"stdout") || stream.is(b"stderr");
                return Ok(());
            }
            b"schemaType" => {
                self.invocation = value.text()?.is(b"ModelInvocationLog");
                return Ok(());
            }
            b"resourceLogs" | b"resourceSpans" | b"resourceMetrics" | b"resource_logs" | b"resource_spans"
            | b"resource_metrics" => self.otlp |= value.peek() == Some(b'['),
            b"MESSAGE" => self.message = true,
            b"__REALTIME_TIMESTAMP" => self.journal_time = true,
            _ => {
                if self.answers.note(key, value)? {
                    return Ok(());
                }
                self.own |= own::speaks(key);
                self.hints |= hint(key);
            }
        }
        value.skip()
    }

    /// Notes `attributes`, and whether they are an event of Gemini CLI's, which writes them without the request around them.
    pub(super) fn note_event(&mut self, value: &Scanner<'_>) -> Result<bool, Stop> {
        self.event = false;
        if value.peek() == Some(b'{') {
            let name = value.clone().member(b"event.name")?.text();
            self.event = name.bytes().starts_with(b"gemini_cli.");
        }
        Ok(self.event)
    }

    /// Notes that there is a `message`, and what kind of.
    pub(super) fn note_message(&mut self, value: &Scanner<'_>) {
        self.agent_body = true;
        self.message_of_json = ["{", "\\u007b", "\\u007B"].iter().any(|brace| value.is_text_of(brace.as_bytes()));
    }

    /// Notes the record's `type`. Leaves the line if the type rules usage out: those of Claude Code's and Codex's other lines, the bulk
    /// of a session file. That happens whatever the format was thought to be, and at the first `type` of a line.
    pub(super) fn note_type<'a>(&mut self, value: &mut Scanner<'a>) -> Result<Scalar<'a>, Stop> {
        let kind = value.scalar()?;
        (self.agent_type, self.codex_type, self.event_type, self.sum_type) = (false, false, false, false);
        (self.gemini.answer_type, self.pi.session_type, self.pi.message_type) = (false, false, false);
        if let Scalar::Text(text) = kind {
            match text.bytes().as_ref() {
                b"assistant" | b"progress" => self.agent_type = true,
                b"session_meta" | b"turn_context" | b"event_msg" => self.codex_type = true,
                b"user"
                | b"system"
                | b"summary"
                | b"attachment"
                | b"file-history-snapshot"
                | b"queue-operation"
                | b"response_item" => return Err(Stop::Left),
                b"gemini" => self.gemini.answer_type = true,
                b"session" => self.pi.session_type = true,
                b"message" => self.pi.message_type = true,
                b"message_start" | b"message_delta" | b"message_stop" => self.event_type = true,
                b"charge" | b"adjustment" | b"transfer" | b"outcome" => self.own = true,
                b"result" | b"turn.completed" => self.sum_type = true,
                _ => {}
            }
        }
        Ok(kind)
    }
}

/// Whether the value ahead is an array of events as a log keeps them: the first has a text `message`.
fn holds_messages(mut value: Scanner<'_>) -> Result<bool, Stop> {
    let mut first = None;
    if value.peek() == Some(b'[') {
        value.array(|event| {
            if first.is_some() {
                return event.skip();
            }
            first = Some(matches!(event.member(b"message")?, Scalar::Text(_)));
            Ok(())
        })?;
    }
    Ok(first == Some(true))
}
