//! Session files of Claude Code: one object per line, of which only the assistant's answers are billed. At most one usage leaves.
//!
//! Identity: `message.id` with `requestId`. Every content block repeats the usage, early ones with a partial output; the ledger
//! keeps the last word. Dimensions: `cwd` is the project, `agentId` the agent, `sessionId` the session; there is no user.
//! `input_tokens` excludes the cache. Says [`Origin::Transcript`], final with a stop reason.

use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Terms, Twin, Usage};

use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, anthropic, finish, number};

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
    usage: Option<anthropic::Counts<'a>>,
}

/// Reads `record` if it has this format.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    each: &mut E,
) -> Reading {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"type" => {
                let kind = marks.note_type(value)?;
                fields.progress = matches!(kind, Scalar::Text(text) if text.bytes().as_ref() == b"progress");
            }
            b"message" => {
                marks.note_message(value);
                fields.message = message(value)?;
            }
            b"data" => {
                marks.agent_body = true;
                fields.wrapped = wrapped(value)?;
            }
            b"timestamp" => fields.timestamp = value.scalar()?,
            b"sessionId" => {
                marks.gemini.session = true;
                fields.session = value.text()?;
            }
            b"requestId" => fields.request = value.text()?,
            b"cwd" => {
                marks.pi.directory = true;
                fields.cwd = value.text()?;
            }
            b"agentId" => fields.agent = value.text()?,
            b"isSidechain" => fields.side_chain = value.scalar()?,
            b"isApiErrorMessage" => fields.api_error = value.scalar()?,
            b"costUSD" => fields.cost = value.scalar()?,
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    let reading = finish(
        walked.and_then(|_| scanner.end()),
        marks,
        |format| format == Format::ClaudeCode,
        each,
        |_| fields.usage(zone),
    );
    let message = if fields.progress { &fields.wrapped.message } else { &fields.message };
    if let Reading::Done(_) = reading
        && let Some(counts) = message.usage.as_ref().filter(|counts| counts.has_iterations())
        && let Ok(asked) = fields.usage(zone)
    {
        counts.advisors(&asked, each);
    }
    reading
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
            b"usage" => message.usage = anthropic::usage(value)?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(message)
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
        let stated = counts.tokens().map_err(Skip::Rejected)?;
        let tokens = counts.with_compactions().map_err(Skip::Rejected)?;
        let reported = number::cost(self.cost).map_err(Skip::Rejected)?;
        Ok(Usage {
            origin: Origin::Transcript,
            // A progress line stands in the parent's file and repeats what the sub-agent's own file says, often before its last
            // word: it must not pass for a parent's statement, which would win over that word.
            side_chain: self.progress || self.side_chain.is_true(),
            is_final: !message.stop_reason.is_empty(),
            ids: Ids { response: message.id, request, ..Ids::default() },
            // Where no request is named, telemetry calls the answer otherwise. Early lines of an answer state the same prompt.
            twin: if request.is_empty() { Some(Twin::of_prompt(self.session, &stated)) } else { None },
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
