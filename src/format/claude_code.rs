//! Session files of Claude Code: one object per line, of which only the assistant's answers are billed. At most one usage leaves.
//!
//! Identity: `message.id` with `requestId`. Every content block repeats the usage, early ones with a partial output; the ledger
//! keeps the last word. Dimensions: `cwd` is the project, `agentId` the agent, `sessionId` the session; there is no user.
//! `input_tokens` excludes the cache. Says [`Origin::Transcript`], final with a stop reason.

use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Terms, Tokens, Usage};

use super::number;
use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip};

/// Status of an answer that only says that the API failed: the line has no code.
const FAILED: u16 = 500;

/// The values of one line, unread.
#[derive(Default)]
struct Fields<'a> {
    timestamp: Scalar<'a>,
    session: RawText<'a>,
    request: RawText<'a>,
    cwd: RawText<'a>,
    agent: RawText<'a>,
    side_chain: Scalar<'a>,
    api_error: Scalar<'a>,
    cost: Scalar<'a>,
    progress: bool,
    message: Message<'a>,
    wrapped: Wrapped<'a>,
}

/// `data` of a progress line: a sub-agent's line, wrapped.
#[derive(Default)]
struct Wrapped<'a> {
    agent: RawText<'a>,
    timestamp: Scalar<'a>,
    request: RawText<'a>,
    message: Message<'a>,
}

/// The API's answer.
#[derive(Default)]
struct Message<'a> {
    id: RawText<'a>,
    model: RawText<'a>,
    stop_reason: RawText<'a>,
    usage: Option<Counts<'a>>,
}

/// Anthropic's `usage`.
#[derive(Default)]
struct Counts<'a> {
    input: Scalar<'a>,
    output: Scalar<'a>,
    cache_read: Scalar<'a>,
    cache_write: Scalar<'a>,
    split_5m: Scalar<'a>,
    split_1h: Scalar<'a>,
    thinking: Scalar<'a>,
    web_searches: Scalar<'a>,
    tier: RawText<'a>,
    speed: RawText<'a>,
    geo: RawText<'a>,
    /// What an entry of `iterations` is.
    kind: Scalar<'a>,
    /// The array of that name, checked but unread.
    iterations: &'a [u8],
}

/// Reads `record` if it has this format.
pub(super) fn read(record: &[u8], zone: Zone, each: &mut impl FnMut(Result<&Usage<'_>, Skip>)) -> Reading {
    let mut marks = Marks::default();
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"type" => {
                let kind = marks.note_type(value)?;
                fields.progress = matches!(kind, Scalar::Text(text) if text.bytes().as_ref() == b"progress");
            }
            b"message" => {
                marks.agent_body = true;
                fields.message = message(value)?;
            }
            b"data" => {
                marks.agent_body = true;
                fields.wrapped = wrapped(value)?;
            }
            b"timestamp" => fields.timestamp = value.scalar()?,
            b"sessionId" => fields.session = value.text()?,
            b"requestId" => fields.request = value.text()?,
            b"cwd" => fields.cwd = value.text()?,
            b"agentId" => fields.agent = value.text()?,
            b"isSidechain" => fields.side_chain = value.scalar()?,
            b"isApiErrorMessage" => fields.api_error = value.scalar()?,
            b"costUSD" => fields.cost = value.scalar()?,
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    match walked.and_then(|_| scanner.end()) {
        Err(stop) => return Reading::Stopped(stop),
        Ok(()) if marks.format() != Some(Format::ClaudeCode) => return Reading::Foreign(marks),
        Ok(()) => {}
    }
    // By reference: a usage is large, and a match by value copies it.
    match &fields.usage(zone) {
        Ok(usage) => each(Ok(usage)),
        Err(skip) => each(Err(*skip)),
    }
    Reading::Done
}

fn wrapped<'a>(value: &mut Scanner<'a>) -> Result<Wrapped<'a>, Stop> {
    let mut wrapped = Wrapped::default();
    let mut agent = RawText::NONE;
    value.object(|key, value| {
        match key {
            b"agentId" => agent = value.text()?,
            b"message" => {
                wrapped = Wrapped::default();
                value.object(|key, value| {
                    match key {
                        b"timestamp" => wrapped.timestamp = value.scalar()?,
                        b"requestId" => wrapped.request = value.text()?,
                        b"message" => wrapped.message = message(value)?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
            }
            _ => value.skip()?,
        }
        Ok(())
    })?;
    wrapped.agent = agent;
    Ok(wrapped)
}

fn message<'a>(value: &mut Scanner<'a>) -> Result<Message<'a>, Stop> {
    let mut message = Message::default();
    value.object(|key, value| {
        match key {
            b"id" => message.id = value.text()?,
            b"model" => message.model = value.text()?,
            b"stop_reason" => message.stop_reason = value.text()?,
            b"usage" => message.usage = usage(value)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(message)
}

fn usage<'a>(value: &mut Scanner<'a>) -> Result<Option<Counts<'a>>, Stop> {
    let mut counts = Counts::default();
    let is_object = value.object(|key, value| {
        match key {
            b"input_tokens" => counts.input = value.scalar()?,
            b"output_tokens" => counts.output = value.scalar()?,
            b"cache_read_input_tokens" => counts.cache_read = value.scalar()?,
            b"cache_creation_input_tokens" => counts.cache_write = value.scalar()?,
            b"cache_creation" => {
                (counts.split_5m, counts.split_1h) = (Scalar::Null, Scalar::Null);
                value.object(|key, value| {
                    match key {
                        b"ephemeral_5m_input_tokens" => counts.split_5m = value.scalar()?,
                        b"ephemeral_1h_input_tokens" => counts.split_1h = value.scalar()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"output_tokens_details" => counts.thinking = value.member(b"thinking_tokens")?,
            b"server_tool_use" => counts.web_searches = value.member(b"web_search_requests")?,
            b"service_tier" => counts.tier = value.text()?,
            b"speed" => counts.speed = value.text()?,
            b"inference_geo" => counts.geo = value.text()?,
            b"type" => counts.kind = value.scalar()?,
            b"iterations" => counts.iterations = value.span()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(is_object.then_some(counts))
}

impl<'a> Fields<'a> {
    fn usage(&self, zone: Zone) -> Result<Usage<'a>, Skip> {
        let (message, timestamp, request, agent) = if self.progress {
            let wrapped = &self.wrapped;
            let timestamp = wrapped.timestamp.or(self.timestamp);
            (&wrapped.message, timestamp, wrapped.request.or(self.request), wrapped.agent.or(self.agent))
        } else {
            (&self.message, self.timestamp, self.request, self.agent)
        };
        let counts = message.usage.as_ref().ok_or(Skip::NotUsage)?;
        let model = message.model.bytes();
        if model.as_ref() == b"<synthetic>" {
            return Err(Skip::NotUsage);
        }
        if model.is_empty() {
            return Err(Skip::Rejected(Rejection::Model));
        }
        let tokens = counts.with_compactions().map_err(Skip::Rejected)?;
        let reported = number::cost(self.cost).map_err(Skip::Rejected)?;
        Ok(Usage {
            origin: Origin::Transcript,
            // A progress line stands in the parent's file and repeats what the sub-agent's own file says, often before its last
            // word: it must not pass for a parent's statement, which would win over that word.
            side_chain: self.progress || self.side_chain.is_true(),
            is_final: !message.stop_reason.is_empty(),
            ids: Ids { response: message.id, request, ..Ids::default() },
            time: number::time(timestamp, zone),
            tokens,
            model: message.model,
            provider: if model.starts_with(b"claude") { RawText::plain(b"anthropic") } else { RawText::NONE },
            dimensions: Dimensions { project: self.cwd, agent, session: self.session, ..Dimensions::default() },
            terms: Terms { tier: counts.tier, inference_geo: counts.geo, speed: counts.speed, ..Terms::default() },
            status: if self.api_error.is_true() { FAILED } else { 0 },
            stop_reason: message.stop_reason,
            reported,
            ..Usage::default()
        })
    }
}

impl Counts<'_> {
    /// The totals and the compactions of the context, which the API bills but leaves out of them.
    fn with_compactions(&self) -> Result<Tokens, Rejection> {
        let mut sum = self.tokens()?;
        let mut refused = None;
        let walked = Scanner::new(self.iterations).array(|entry| {
            if let Some(counts) = usage(entry)?
                && counts.kind.text().bytes().as_ref() == b"compaction"
            {
                match counts.tokens().and_then(|more| plus(sum, more)) {
                    Ok(more) => sum = more,
                    Err(rejection) => refused = Some(rejection),
                }
            }
            Ok(())
        });
        debug_assert!(walked.is_ok() || self.iterations.is_empty(), "checked with the line");
        refused.map_or(Ok(sum), Err)
    }

    /// The total of writes counts; the split says how much of it lives for an hour. An old client has no split, a thin endpoint no
    /// total.
    fn tokens(&self) -> Result<Tokens, Rejection> {
        let output = number::tokens(self.output)?;
        let (split_5m, split_1h) = (number::tokens(self.split_5m)?, number::tokens(self.split_1h)?);
        let total = number::tokens(self.cache_write)?;
        Ok(Tokens {
            input: number::tokens(self.input)?,
            cache_read: number::tokens(self.cache_read)?,
            cache_write_5m: if self.cache_write.is_null() { split_5m } else { total.saturating_sub(split_1h) },
            cache_write_1h: split_1h,
            output,
            reasoning: number::tokens(self.thinking)?.min(output),
            web_searches: number::tokens(self.web_searches)?,
        })
    }
}

/// The sum of two counts, kind by kind.
fn plus(one: Tokens, other: Tokens) -> Result<Tokens, Rejection> {
    let add = |one: u32, other: u32| one.checked_add(other).ok_or(Rejection::Number);
    Ok(Tokens {
        input: add(one.input, other.input)?,
        cache_read: add(one.cache_read, other.cache_read)?,
        cache_write_5m: add(one.cache_write_5m, other.cache_write_5m)?,
        cache_write_1h: add(one.cache_write_1h, other.cache_write_1h)?,
        output: add(one.output, other.output)?,
        reasoning: add(one.reasoning, other.reasoning)?,
        web_searches: add(one.web_searches, other.web_searches)?,
    })
}
