//! Events of Anthropic's Messages stream, logged one per line: `message_start` names the answer and what it read, `message_delta` says what
//! it used so far, all of it again each time. An event enters with the start before it; at most one usage leaves.
//!
//! Identity: the answer's id, of which the ledger keeps the last word; nothing is summed. The streams of one file follow each other:
//! only the start before a delta says whose it is. Says [`Origin::Api`](crate::usage::Origin), final with a stop reason.

use crate::time::Zone;
use crate::usage::{Ids, RawText, Rejection, Terms, Tokens, Usage};

use super::context::{Reader, Writer, remembered};
use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, anthropic, finish, number};

/// The answer that is being streamed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Start {
    id: Box<[u8]>,
    model: Box<[u8]>,
    tier: Box<[u8]>,
    geo: Box<[u8]>,
    speed: Box<[u8]>,
    tokens: Tokens,
    /// It has said why it stopped: what follows is another's.
    is_over: bool,
}

impl Start {
    pub fn save(&self, to: &mut Writer<'_>) {
        for text in [&self.id, &self.model, &self.tier, &self.geo, &self.speed] {
            to.text(text);
        }
        let Tokens { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches } = self.tokens;
        for count in [input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches] {
            to.number(count.into());
        }
        to.flag(self.is_over);
    }

    pub fn load(from: &mut Reader<'_>) -> Option<Start> {
        let [id, model, tier, geo, speed] = [from.text()?, from.text()?, from.text()?, from.text()?, from.text()?];
        let mut count = || from.number().and_then(|count| u32::try_from(count).ok());
        let tokens = Tokens {
            input: count()?,
            cache_read: count()?,
            cache_write_5m: count()?,
            cache_write_1h: count()?,
            output: count()?,
            reasoning: count()?,
            web_searches: count()?,
        };
        Some(Start { id, model, tier, geo, speed, tokens, is_over: from.flag()? })
    }
}

/// The values of one event, unread.
#[derive(Default)]
struct Fields<'a> {
    kind: RawText<'a>,
    time: Scalar<'a>,
    message: &'a [u8],
    usage: Option<anthropic::Counts<'a>>,
    stop_reason: RawText<'a>,
    metrics: Metrics<'a>,
}

/// `amazon-bedrock-invocationMetrics`, unread.
#[derive(Default)]
struct Metrics<'a> {
    input: Scalar<'a>,
    output: Scalar<'a>,
    read: Scalar<'a>,
    write: Scalar<'a>,
}

/// Reads `record` if it is an event.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    start: &mut Option<Box<Start>>,
    each: &mut E,
) -> Reading {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"type" => fields.kind = marks.note_type(value)?.text(),
            b"ts" | b"timestamp" => fields.time = value.scalar()?,
            b"message" => {
                marks.note_message(value);
                fields.message = value.span()?;
            }
            b"usage" => {
                fields.usage = anthropic::usage(&mut value.clone())?;
                marks.note(key, value)?;
            }
            b"delta" => fields.stop_reason = value.member(b"stop_reason")?.text(),
            b"amazon-bedrock-invocationMetrics" => fields.metrics = Metrics::read(value)?,
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    let is_mine = |format| format == Format::AnthropicStream;
    finish(walked.and_then(|_| scanner.end()), marks, is_mine, each, move |_| fields.usage(start, zone))
}

impl<'a> Fields<'a> {
    fn usage<'u>(&self, start: &'u mut Option<Box<Start>>, zone: Zone) -> Result<Usage<'u>, Skip>
    where
        'a: 'u,
    {
        let is_start = self.kind.is(b"message_start");
        if is_start {
            // What follows is of this message, or of none.
            *start = None;
            *start = Some(Box::new(begin(self.message)?));
        }
        let metrics = self.metrics.tokens().map_err(Skip::Rejected)?;
        let counts = self.usage.as_ref();
        if !is_start && counts.is_none() && metrics.is_none() {
            return Err(Skip::NotUsage);
        }
        // Without its start nobody knows whose counts these are.
        let Some(start) = start.as_deref_mut().filter(|start| !start.is_over || metrics.is_some()) else {
            return Err(Skip::Rejected(Rejection::Model));
        };
        if let Some(counts) = counts {
            start.tokens = counts.over(start.tokens).map_err(Skip::Rejected)?;
        }
        if let Some(metrics) = metrics {
            // How long a write lives, only the start says.
            let cache_write_1h = start.tokens.cache_write_1h.min(metrics.cache_write_5m);
            let cache_write_5m = metrics.cache_write_5m - cache_write_1h;
            let Tokens { reasoning, web_searches, .. } = start.tokens;
            start.tokens = Tokens { cache_write_5m, cache_write_1h, reasoning, web_searches, ..metrics };
        }
        start.is_over |= !self.stop_reason.is_empty();
        let start = &*start;
        if start.model.is_empty() {
            return Err(Skip::Rejected(Rejection::Model));
        }
        let is_claude = start.model.starts_with(b"claude");
        Ok(Usage {
            is_final: start.is_over || metrics.is_some(),
            ids: Ids { response: RawText::plain(&start.id), ..Ids::default() },
            time: number::time(self.time, zone),
            tokens: start.tokens,
            model: RawText::plain(&start.model),
            provider: if is_claude { RawText::plain(b"anthropic") } else { RawText::NONE },
            terms: Terms {
                tier: RawText::plain(&start.tier),
                inference_geo: RawText::plain(&start.geo),
                speed: RawText::plain(&start.speed),
                ..Terms::default()
            },
            stop_reason: self.stop_reason,
            ..Usage::default()
        })
    }
}

/// The `message` of a start; of nothing where it has none.
fn begin(message: &[u8]) -> Result<Start, Skip> {
    let mut start = Start::default();
    if message.is_empty() {
        return Ok(start);
    }
    let mut counts = None;
    let walked = Scanner::new(message).object(|key, value| {
        match key {
            b"id" => start.id = remembered(&value.text()?.bytes()),
            b"model" => start.model = remembered(&value.text()?.bytes()),
            b"usage" => counts = anthropic::usage(value)?,
            _ => value.skip()?,
        }
        Ok(())
    });
    walked.map_err(|_| Skip::Rejected(Rejection::Json))?;
    if let Some(counts) = counts {
        start.tokens = counts.over(Tokens::default()).map_err(Skip::Rejected)?;
        start.tier = remembered(&counts.tier.bytes());
        start.geo = remembered(&counts.geo.bytes());
        start.speed = remembered(&counts.speed.bytes());
    }
    Ok(start)
}

impl<'a> Metrics<'a> {
    fn read(value: &mut Scanner<'a>) -> Result<Metrics<'a>, Stop> {
        let mut metrics = Metrics::default();
        value.object(|key, value| {
            match key {
                b"inputTokenCount" => metrics.input = value.scalar()?,
                b"outputTokenCount" => metrics.output = value.scalar()?,
                b"cacheReadInputTokenCount" => metrics.read = value.scalar()?,
                b"cacheWriteInputTokenCount" => metrics.write = value.scalar()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(metrics)
    }

    /// `None`: there are none.
    fn tokens(&self) -> Result<Option<Tokens>, Rejection> {
        if self.input.is_null() && self.output.is_null() {
            return Ok(None);
        }
        Ok(Some(Tokens {
            input: number::tokens(self.input)?,
            output: number::tokens(self.output)?,
            cache_read: number::tokens(self.read)?,
            cache_write_5m: number::tokens(self.write)?,
            ..Tokens::default()
        }))
    }
}
