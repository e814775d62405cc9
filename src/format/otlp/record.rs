//! One log record or span with the resource it belongs to; which tool wrote it, and when.

use super::attributes::{Attributes, Key};
use super::collect::Facts;
use super::value::Value;
use crate::format::{Skip, number};
use crate::time::{Timestamp, Zone};
use crate::usage::{RawText, Rejection};

/// What is known of a record once its attributes were taken.
pub(super) struct Record<'a> {
    pub(super) resource: Attributes<'a>,
    /// The instrumentation's name.
    pub(super) scope: RawText<'a>,
    pub(super) own: Attributes<'a>,
}

/// A coding agent with telemetry of its own kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    ClaudeCode,
    Codex,
    GeminiCli,
}

impl<'a> Record<'a> {
    /// The record's attribute, else its resource's.
    pub(super) const fn get(&self, key: Key) -> &Value<'a> {
        self.own.get(key).or(self.resource.get(key))
    }

    pub(super) fn text(&self, key: Key) -> RawText<'_> {
        self.get(key).text()
    }

    /// A count of tokens; absent is 0.
    pub(super) fn tokens(&self, key: Key) -> Result<u32, Rejection> {
        number::tokens(self.own.get(key).scalar())
    }

    /// The first of these attributes that is there.
    pub(super) fn first<const COUNT: usize>(&self, keys: [Key; COUNT]) -> &Value<'a> {
        keys.into_iter().map(|key| self.own.get(key)).find(|value| !value.is_absent()).unwrap_or(&Value::Absent)
    }

    /// The tool that wrote the record, by its instrumentation's name, else by its service's, which an operator may have changed.
    pub(super) fn tool(&self) -> Option<Tool> {
        let (scope, service) = (self.scope.bytes(), self.resource.get(Key::ServiceName).text());
        let service = service.bytes();
        if scope.starts_with(b"com.anthropic.claude_code") || *service == *b"claude-code" {
            Some(Tool::ClaudeCode)
        } else if *scope == *b"codex_otel" || service.starts_with(b"codex_") {
            Some(Tool::Codex)
        } else if *scope == *b"gemini-cli" || *service == *b"gemini-cli" {
            Some(Tool::GeminiCli)
        } else {
            None
        }
    }

    /// When it happened: its own time, else the event's, else when a collector saw it.
    pub(super) fn time(&self, facts: &Facts<'_>, zone: Zone) -> Option<Timestamp> {
        instant(facts.time)
            .or_else(|| number::time(self.own.get(Key::EventTimestamp).scalar(), zone))
            .or_else(|| instant(facts.observed))
    }

    /// The HTTP status, if one is stated.
    pub(super) fn status(&self) -> u16 {
        u16::try_from(number::lenient(self.own.get(Key::StatusCode).scalar())).unwrap_or(0)
    }

    pub(super) fn latency(&self) -> u32 {
        number::lenient(self.own.get(Key::DurationMs).scalar())
    }

    /// The team that pays, as resource attributes name it.
    pub(super) fn team(&self) -> RawText<'_> {
        self.text(Key::TeamId).or(self.text(Key::TeamName)).or(self.text(Key::Department))
    }
}

/// Status of a failure that names none.
pub(super) const FAILED: u16 = 500;

/// An instant in nanoseconds since 1970, cut to milliseconds; 0 is none.
pub(super) fn instant(nanoseconds: u64) -> Option<Timestamp> {
    (nanoseconds > 0).then(|| Timestamp::from_ms((nanoseconds / 1_000_000).cast_signed()))
}

/// The model, which usage must name and a failure should.
pub(super) fn model_of(model: RawText<'_>, has_usage: bool) -> Result<RawText<'_>, Skip> {
    match model.is_empty() {
        false => Ok(model),
        true if has_usage => Err(Skip::Rejected(Rejection::Model)),
        true => Err(Skip::NotUsage),
    }
}

/// Who made records and counters of the same requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    ClaudeCode,
    Codex,
    GeminiCli,
    GenAi,
}

/// What exported a record, in place of what `out` held: whose words it speaks, its service and which instance of it, by what an exporter
/// puts on all its signals. Nothing without a service's name.
pub(super) fn producer(family: Family, record: &Record<'_>, out: &mut Vec<u8>) {
    out.clear();
    let text = |key: Key| record.resource.get(key).text();
    if text(Key::ServiceName).is_empty() {
        return;
    }
    out.push(b'0' + family as u8);
    for part in
        [text(Key::ServiceNamespace), text(Key::ServiceName), text(Key::ServiceInstance).or(text(Key::HostName))]
    {
        part.append_to(out);
        out.push(b'\n');
    }
}

/// A name for what has none of its own, from what it says: repeated it says the same, and nothing else does.
pub(super) fn spelled_out<'r, const COUNT: usize>(parts: [RawText<'_>; COUNT], room: &'r mut Vec<u8>) -> RawText<'r> {
    room.clear();
    for part in parts {
        part.append_to(room);
        room.push(b'\n');
    }
    RawText::plain(room)
}
