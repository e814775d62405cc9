//! Events of Anthropic's Messages stream, logged one per line: `message_start` names the answer and what it read, `message_delta` says what
//! it used so far, all of it again each time. An event enters with the start before it; at most one usage leaves.
//!
//! Identity: the answer's id, of which the ledger keeps the last word; nothing is summed. Only a start says whose the counts behind it
//! are; where several streams of one file are open, a request's own name or what they read tells them apart, else the last to begin is
//! meant. Says [`Origin::Api`](crate::usage::Origin), final with a stop reason. Costtop's own names may stand around each event.

use crate::time::Zone;
use crate::usage::{Media, RawText, Rejection, Tokens, Usage};

use super::context::{Reader, Writer, remembered};
use super::own::{self, Key};
use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, anthropic, finish, number};

/// Streams of one file that are remembered at a time; those that are over are forgotten first.
const MOST_STREAMS: usize = 8;

/// The answers that are being streamed, the last to begin at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Streams(Vec<Start>);

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Start {
    /// What the application calls the request; empty where it does not.
    request: Box<[u8]>,
    id: Box<[u8]>,
    model: Box<[u8]>,
    tier: Box<[u8]>,
    geo: Box<[u8]>,
    speed: Box<[u8]>,
    tokens: Tokens,
    /// It has said why it stopped: what follows is another's.
    is_over: bool,
}

impl Streams {
    pub fn save(&self, to: &mut Writer<'_>) {
        to.number(self.0.len() as u64);
        self.0.iter().for_each(|start| start.save(to));
    }

    pub fn load(from: &mut Reader<'_>) -> Option<Streams> {
        let count = usize::try_from(from.number()?).ok().filter(|count| *count <= MOST_STREAMS)?;
        let starts: Option<Vec<Start>> = (0..count).map(|_| Start::load(from)).collect();
        starts.map(Streams)
    }

    /// What an older version kept: the last stream to begin, without its request.
    pub fn load_one(from: &mut Reader<'_>) -> Option<Streams> {
        Some(Streams(vec![Start::load_named(Box::default(), from)?]))
    }

    /// Another begins.
    fn begin(&mut self, start: Start) {
        if self.0.len() == MOST_STREAMS {
            let oldest = self.0.iter().position(|start| start.is_over).unwrap_or(0);
            self.0.remove(oldest);
        }
        self.0.push(start);
    }

    /// The stream that an event goes on with: the last to begin of those that it may mean. One that has said why it stopped is meant by
    /// nothing but the metrics behind it.
    fn of(&mut self, event: &Fields<'_>, metrics: Option<&Tokens>) -> Option<&mut Start> {
        let request = event.own.text(Key::RequestId).bytes();
        let may_mean = |start: &&mut Start| {
            (!start.is_over || metrics.is_some()) && (request.is_empty() || *start.request == *request)
        };
        let reads_the_same = |start: &Start| match (metrics, &event.usage) {
            (Some(metrics), _) => start.prompt() == (metrics.input, metrics.cache_read, metrics.cache_write_5m),
            (None, Some(counts)) => counts.over(start.tokens).is_ok_and(|now| {
                counts.states_input() && Start { tokens: now, ..Start::default() }.prompt() == start.prompt()
            }),
            (None, None) => false,
        };
        let mut last = None;
        for start in self.0.iter_mut().rev().filter(may_mean) {
            if reads_the_same(start) {
                return Some(start);
            }
            last = last.or(Some(start));
        }
        last
    }
}

impl Start {
    /// Uncached, read from the cache, written to it.
    fn prompt(&self) -> (u32, u32, u32) {
        let Tokens { input, cache_read, cache_write_5m, cache_write_1h, .. } = self.tokens;
        (input, cache_read, cache_write_5m.saturating_add(cache_write_1h))
    }

    fn save(&self, to: &mut Writer<'_>) {
        for text in [&self.request, &self.id, &self.model, &self.tier, &self.geo, &self.speed] {
            to.text(text);
        }
        let Tokens { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches } = self.tokens;
        for count in [input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches] {
            to.number(count.into());
        }
        to.flag(self.is_over);
    }

    fn load(from: &mut Reader<'_>) -> Option<Start> {
        let request = from.text()?;
        Start::load_named(request, from)
    }

    fn load_named(request: Box<[u8]>, from: &mut Reader<'_>) -> Option<Start> {
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
        Some(Start { request, id, model, tier, geo, speed, tokens, is_over: from.flag()? })
    }
}

/// The values of one event, unread.
struct Fields<'a> {
    own: own::Fields<'a>,
    kind: RawText<'a>,
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
    streams: &mut Option<Box<Streams>>,
    each: &mut E,
) -> Reading {
    let mut fields = Fields {
        own: own::Fields::new(),
        kind: RawText::NONE,
        message: b"",
        usage: None,
        stop_reason: RawText::NONE,
        metrics: Metrics::default(),
    };
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"type" => fields.kind = marks.note_type(value)?.text(),
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
            _ => match Key::of(key) {
                Key::Other => marks.note(key, value)?,
                key => fields.own.keep(key, value, &mut marks)?,
            },
        }
        Ok(())
    });
    let is_mine = |format| format == Format::AnthropicStream;
    finish(walked.and_then(|_| scanner.end()), marks, is_mine, each, move |_| fields.usage(streams, zone))
}

impl<'a> Fields<'a> {
    fn usage<'u>(&self, streams: &'u mut Option<Box<Streams>>, zone: Zone) -> Result<Usage<'u>, Skip>
    where
        'a: 'u,
    {
        let is_start = self.kind.is(b"message_start");
        if is_start {
            let request = remembered(&self.own.text(Key::RequestId).bytes());
            let streams = streams.get_or_insert_default();
            // What follows a start that cannot be read is of this message, or of none.
            let (start, broken) = match begin(self.message) {
                Ok(start) => (start, None),
                Err(skip) => (Start::default(), Some(skip)),
            };
            streams.begin(Start { request, ..start });
            if let Some(skip) = broken {
                return Err(skip);
            }
        }
        let metrics = self.metrics.tokens().map_err(Skip::Rejected)?;
        let counts = self.usage.as_ref();
        if !is_start && counts.is_none() && metrics.is_none() {
            return Err(Skip::NotUsage);
        }
        // Without its start nobody knows whose counts these are.
        let streams = streams.as_deref_mut();
        let start = streams.and_then(|it| if is_start { it.0.last_mut() } else { it.of(self, metrics.as_ref()) });
        let Some(start) = start else { return Err(Skip::Rejected(Rejection::Model)) };
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
        let own: &own::Fields<'u> = &self.own;
        let amounts = own.amounts().map_err(Skip::Rejected)?;
        let mut usage = own.frame(zone, start.tokens, RawText::plain(&start.model), amounts);
        usage.media = Media::default();
        usage.is_final = start.is_over || metrics.is_some();
        usage.ids.response = RawText::plain(&start.id).or(usage.ids.response);
        if usage.provider.is_empty() && start.model.starts_with(b"claude") {
            usage.provider = RawText::plain(b"anthropic");
        }
        let terms = &mut usage.terms;
        terms.tier = RawText::plain(&start.tier).or(terms.tier);
        terms.inference_geo = RawText::plain(&start.geo).or(terms.inference_geo);
        terms.speed = RawText::plain(&start.speed).or(terms.speed);
        usage.stop_reason = self.stop_reason.or(usage.stop_reason);
        Ok(usage)
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
