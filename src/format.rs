//! A line of a log enters, what it says of requests leaves as [`Usage`], or why it says nothing. Knows no price, opens nothing, keeps no prompt.
//!
//! Which format a line has depends on the line alone, never on its neighbours (`Marks::format`); a decoder only remembers the last
//! format to try it first, so that a line is walked once, and the order of a line's keys to find them faster. What a line says can
//! depend on earlier ones of its file: a text in parts, running totals. That is the [`Context`], which each file has for itself.
//! docs/formats.md holds the mapping of every field.

pub mod labels;
pub mod number;
pub mod scanner;

mod answer;
mod anthropic;
mod bedrock;
mod bedrock_log;
mod claude_code;
mod codex;
pub mod context;
mod gemini;
mod gemini_cli;
mod litellm;
mod litellm_spend;
pub mod mapping;
mod marks;
mod media;
mod openai;
mod opencode;
mod otlp;
mod own;
mod paths;
mod pi;
mod responses;
mod several;
mod stream;
pub mod wrapper;

use std::sync::{Arc, Mutex, PoisonError};

use crate::source::Frame;
use crate::time::{Timestamp, Zone};
pub use crate::usage::Format;
use crate::usage::{Dimensions, Rejection, Usage};
use context::Context;
use labels::LabelPaths;
use mapping::{Hints, Mapping, Mappings, Told};
use marks::Marks;
use scanner::{Scanner, Stop};
use several::Objects;
use wrapper::{Framed, Head, Joined, MAX_WRAPPERS, Wrapper};

/// Why a record becomes no charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// It is not about usage.
    NotUsage,
    /// It is one of costtop's own that stands beside usage, an adjustment, a transfer or an outcome; [`Decoder::take_beside`] has it.
    Beside,
    /// It cannot be counted.
    Rejected(Rejection),
}

/// What a line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing but blanks: a line, but no record.
    Blank,
    /// Records of this format; of an array, the last one's.
    Known(Format),
    /// A part of a text that a wrapper cut: the record comes with its last part.
    Part,
    /// No known format, or not JSON, or left early because its type rules usage out.
    Unknown,
}

/// Where in what was read a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Offset of the line it begins in.
    pub offset: u64,
    /// 0, or its place among the records of a line.
    pub index: u32,
    /// The outermost wrapper around it.
    pub wrapper: Option<Wrapper>,
}

/// A record of costtop's own that is no usage, but means something to who counts what was spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Offset of the line it begins in.
    pub offset: u64,
    /// When it happened, as it says or as what is wrapped around it does.
    pub time: Option<Timestamp>,
    /// The record; empty where it is longer than [`Beside::LONGEST`].
    pub record: Vec<u8>,
}

impl Beside {
    /// Longer ones say something else.
    pub const LONGEST: usize = 16 << 10;
}

/// Turns lines into usage. One per thread; its buffers are as large as the largest texts it had to unescape.
#[derive(Clone, Debug)]
pub struct Decoder {
    zone: Zone,
    only: Option<Format>,
    last: Format,
    order: own::Order,
    labels: Option<Arc<LabelPaths>>,
    mappings: Option<Arc<Mappings>>,
    /// Where what mappings did is told, if anyone wants to know.
    told: Option<Arc<Mutex<Vec<Told>>>>,
    context: Context,
    /// Records beside usage that nobody took yet.
    beside: Vec<Beside>,
    /// Where metadata is unescaped.
    room: Vec<u8>,
    /// Where wrapped texts are unescaped, the outermost first.
    texts: [Vec<u8>; MAX_WRAPPERS],
}

impl Decoder {
    /// A decoder that reads times without a zone in `zone`.
    #[must_use]
    pub fn new(zone: Zone) -> Decoder {
        Decoder {
            zone,
            only: None,
            last: Format::Own,
            order: own::Order::default(),
            labels: None,
            mappings: None,
            told: None,
            context: Context::default(),
            beside: Vec::new(),
            room: Vec::new(),
            texts: Default::default(),
        }
    }

    /// From here on also looks for the operator's own labels.
    pub fn look_for(&mut self, labels: Option<Arc<LabelPaths>>) {
        self.labels = labels;
    }

    /// From here on reads what these mappings describe before anything else.
    pub fn map(&mut self, mappings: Option<&Arc<Mappings>>) {
        if self.mappings.as_ref().map(Arc::as_ptr) != mappings.map(Arc::as_ptr) {
            self.mappings = mappings.cloned();
        }
    }

    /// From here on tells `told` what mappings did with each record: those of the configuration, and one built in that means it.
    pub fn tell(&mut self, told: Arc<Mutex<Vec<Told>>>) {
        self.told = Some(told);
    }

    /// From here on reads records of one format only, any other is no usage; or, with `None`, of all.
    pub fn pin(&mut self, only: Option<Format>) {
        self.only = only;
        // A mapping that alone is wanted is asked before any reader.
        self.last = only.filter(|only| !matches!(only, Format::Mapped(_))).unwrap_or(self.last);
    }

    /// The lines that follow go on with `context`; returns what those before left. Each file and connection has its own.
    pub fn go_on_with(&mut self, context: Context) -> Context {
        std::mem::replace(&mut self.context, context)
    }

    /// The records beside usage among those read since this was last asked.
    #[inline]
    pub fn take_beside(&mut self) -> Vec<Beside> {
        std::mem::take(&mut self.beside)
    }

    /// Reads one line, with or without its newline, that stands at `offset`. `each` is called once for every record in it, with the
    /// record's place. Nothing is called for a blank line, nor for a part of a text that goes on.
    pub fn decode(&mut self, offset: u64, line: &[u8], each: &mut impl FnMut(At, Result<&Usage<'_>, Skip>)) -> Line {
        let at = At { offset, index: 0, wrapper: None };
        match self.context.parts.frame(offset, line) {
            Framed::Alone => self.line(at, 0, line, each),
            Framed::Held => Line::Part,
            Framed::Whole(offset, text) => self.line(At { offset, ..at }, 0, &text, each),
            Framed::TooLong(offset) => {
                each(At { offset, ..at }, Err(Skip::Rejected(Rejection::TooLong)));
                Line::Unknown
            }
            Framed::Broken(offset) => {
                each(At { offset, ..at }, Err(Skip::Rejected(Rejection::Json)));
                Line::Unknown
            }
            Framed::Torn(offset) => {
                each(At { offset, ..at }, Err(Skip::Rejected(Rejection::Json)));
                if self.context.parts.is_framing() { Line::Unknown } else { self.line(at, 0, line, each) }
            }
        }
    }

    /// Reads a whole body, each record as [`Decoder::decode`] would; none of its texts goes on in another.
    pub fn decode_body(
        &mut self,
        frame: Frame,
        offset: u64,
        body: &[u8],
        each: &mut impl FnMut(At, Result<&Usage<'_>, Skip>),
    ) {
        let at = At { offset, index: 0, wrapper: None };
        match frame {
            Frame::Lines => {
                let mut from = 0;
                for line in body.split_inclusive(|byte| *byte == b'\n') {
                    self.decode(offset + from, line, each);
                    from += line.len() as u64;
                }
            }
            Frame::Values => self.values(at, body, each),
            Frame::Otlp(signal, encoding) => {
                let labels = self.labels.as_deref();
                otlp::read((signal, encoding), self.zone, labels, body, &mut |index, result| {
                    each(At { index, ..at }, result);
                });
            }
        }
    }

    /// JSON values, one after the other; their place in the body is their index. Behind what is no JSON nothing more is read.
    fn values<E>(&mut self, at: At, body: &[u8], each: &mut E)
    where
        E: FnMut(At, Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let mut index = 0;
        let mut rest = body;
        while !rest.trim_ascii_start().is_empty() {
            let mut scanner = Scanner::new(rest);
            let value = scanner.span();
            let value = match value {
                Ok(value) => value,
                Err(stop) => {
                    each(At { index, ..at }, Err(stop.rejection().map_or(Skip::NotUsage, Skip::Rejected)));
                    return;
                }
            };
            let end = value.as_ptr_range().end.addr() - rest.as_ptr().addr();
            let mut numbered = |at: At, result: Result<&Usage<'_>, Skip>| {
                each(At { index, ..at }, result);
                index += 1;
            };
            let numbered: &mut dyn FnMut(At, Result<&Usage<'_>, Skip>) = &mut numbered;
            self.line(at, 0, value, numbered);
            rest = &rest[end..];
        }
    }

    #[inline]
    fn line<E>(&mut self, at: At, depth: usize, line: &[u8], each: &mut E) -> Line
    where
        E: FnMut(At, Result<&Usage<'_>, Skip>) + ?Sized,
    {
        match Scanner::new(line).peek() {
            None => Line::Blank,
            // The end of a list that has a line for each element.
            Some(b']') if depth == 0 && line.trim_ascii() == b"]" => Line::Blank,
            Some(b'{') => self.record(at, depth, line, each),
            Some(b'[') if !wrapper::is_kubectl(line) => self.array(at, depth, line, each),
            Some(_) => self.text(at, depth, line, each),
        }
    }

    /// A line that does not begin as JSON does: perhaps there is some behind a wrapper's prefix.
    fn text<E>(&mut self, at: At, depth: usize, line: &[u8], each: &mut E) -> Line
    where
        E: FnMut(At, Result<&Usage<'_>, Skip>) + ?Sized,
    {
        if depth < MAX_WRAPPERS
            && let Some((head, text)) = wrapper::prefix(line, self.zone)
        {
            return self.wrapped(at, depth, &head, text, each);
        }
        if depth == 0 {
            return self.record(at, depth, line, each);
        }
        // What else a container prints.
        each(at, Err(Skip::NotUsage));
        Line::Unknown
    }

    /// The text in a wrapper, once all its parts are there. The wrapper's time and host count where the record has none.
    fn wrapped<E>(&mut self, mut at: At, depth: usize, head: &Head<'_>, text: &[u8], each: &mut E) -> Line
    where
        E: FnMut(At, Result<&Usage<'_>, Skip>) + ?Sized,
    {
        at.wrapper = at.wrapper.or(Some(head.wrapper));
        let joined =
            head.lane.map_or(Joined::Alone, |lane| self.context.parts.join(lane, at.offset, text, head.goes_on));
        let whole;
        let text = match joined {
            Joined::Alone => text,
            Joined::Whole(offset, text) => {
                at.offset = offset;
                whole = text;
                &whole
            }
            Joined::Held => return Line::Part,
            Joined::TooLong(offset) => {
                at.offset = offset;
                each(at, Err(Skip::Rejected(Rejection::TooLong)));
                return Line::Unknown;
            }
        };
        let mut completed = |at: At, result: Result<&Usage<'_>, Skip>| match result {
            Ok(usage) => {
                let mut usage = *usage;
                usage.time = usage.time.or(head.time);
                usage.dimensions.host = usage.dimensions.host.or(head.host);
                each(at, Ok(&usage));
            }
            Err(skip) => each(at, Err(skip)),
        };
        // By reference to one type: wrappers in wrappers would else be a type each.
        let completed: &mut dyn FnMut(At, Result<&Usage<'_>, Skip>) = &mut completed;
        let known = self.beside.len();
        let line = self.line(at, depth + 1, text, completed);
        for beside in &mut self.beside[known..] {
            beside.time = beside.time.or(head.time);
        }
        line
    }

    /// Several records in one line, as `LiteLLM` posts them. The whole is checked before the first one counts.
    fn array<E>(&mut self, at: At, depth: usize, line: &[u8], each: &mut E) -> Line
    where
        E: FnMut(At, Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let mut check = Scanner::new(line);
        if let Err(stop) = check.skip().and_then(|()| check.end()) {
            if let Some(objects) = Objects::of(line) {
                return self.several(at, depth, objects, each);
            }
            each(at, Err(stop.rejection().map_or(Skip::NotUsage, Skip::Rejected)));
            return Line::Unknown;
        }
        let mut seen = Line::Unknown;
        let mut index = 0;
        let walked = Scanner::new(line).array(|element| {
            let record = element.span()?;
            // Counted here: a wrapped text can hold an array of its own.
            let mut numbered = |at: At, result: Result<&Usage<'_>, Skip>| {
                each(At { index, ..at }, result);
                index += 1;
            };
            if let known @ Line::Known(_) = self.record(at, depth, record, &mut numbered) {
                seen = known;
            }
            Ok(())
        });
        debug_assert!(walked.is_ok(), "checked above");
        if Scanner::new(line).array(|_| Err(Stop::Left)) == Ok(true) {
            each(at, Err(Skip::NotUsage));
        }
        seen
    }

    /// The objects of a line that holds several, each a record.
    #[cold]
    fn several<E>(&mut self, at: At, depth: usize, objects: Objects<'_>, each: &mut E) -> Line
    where
        E: FnMut(At, Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let (mut seen, mut index) = (Line::Unknown, at.index);
        for object in objects {
            let mut numbered = |at: At, result: Result<&Usage<'_>, Skip>| {
                each(At { index, ..at }, result);
                index += 1;
            };
            let numbered: &mut dyn FnMut(At, Result<&Usage<'_>, Skip>) = &mut numbered;
            if let known @ Line::Known(_) = self.record(at, depth, object, numbered) {
                seen = known;
            }
        }
        seen
    }

    #[inline]
    fn record<E>(&mut self, at: At, depth: usize, record: &[u8], each: &mut E) -> Line
    where
        E: FnMut(At, Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let labels = self.labels.clone();
        let mut index = at.index;
        let mut is_beside = false;
        let mut tell = |result: Result<&Usage<'_>, Skip>| {
            is_beside |= matches!(result, Err(Skip::Beside));
            labelled(labels.as_deref(), record, result, |result| each(At { index, ..at }, result));
            index += 1;
        };
        if let Some(format) = self.mapped(record, &mut tell) {
            return Line::Known(format);
        }
        let marks = match self.read_as(self.last, Marks::new(self.only), record, &mut tell) {
            Reading::Done(format) => {
                if is_beside {
                    self.keep_beside(at.offset, record);
                }
                return self.known(format);
            }
            Reading::Stopped(stop) => {
                if stop == Stop::Syntax
                    && let Some(objects) = Objects::of(record)
                {
                    return self.several(at, depth, objects, each);
                }
                tell(Err(stop.rejection().map_or(Skip::NotUsage, Skip::Rejected)));
                return Line::Unknown;
            }
            Reading::Foreign(marks) => marks,
        };
        if let Some(line) = self.preset(marks.hints(), record, &mut tell) {
            return line;
        }
        if let Some(wrapper) = marks.wrapper().filter(|_| depth < MAX_WRAPPERS) {
            if marks.holds_events() && wrapper == Wrapper::CloudWatch {
                return self.events(at, depth, record, each);
            }
            return self.unwrap(at, depth, wrapper, record, each);
        }
        if let Some(format) = marks.format()
            && let Reading::Done(format) = self.read_as(format, Marks::asked(self.only), record, &mut tell)
        {
            if is_beside {
                self.keep_beside(at.offset, record);
            }
            return self.known(format);
        }
        each(at, Err(Skip::NotUsage));
        Line::Unknown
    }

    #[cold]
    fn keep_beside(&mut self, offset: u64, record: &[u8]) {
        let kept = if record.len() <= Beside::LONGEST { record } else { &[] };
        let time = own::time(kept, self.zone);
        self.beside.push(Beside { offset, time, record: kept.to_vec() });
    }

    /// A wrapper that is itself a record of JSON.
    fn unwrap<E>(&mut self, at: At, depth: usize, wrapper: Wrapper, record: &[u8], each: &mut E) -> Line
    where
        E: FnMut(At, Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let mut text = std::mem::take(&mut self.texts[depth]);
        text.clear();
        let head = match wrapper {
            Wrapper::Docker => wrapper::docker(record, self.zone, &mut text),
            Wrapper::CloudWatch => wrapper::event(record, self.zone, &mut text),
            _ => wrapper::journal(record, self.zone, &mut text),
        };
        let line = match head {
            Ok(head) => self.wrapped(at, depth, &head, &text, each),
            Err(stop) => {
                debug_assert!(false, "walked to its end before");
                each(at, Err(stop.rejection().map_or(Skip::NotUsage, Skip::Rejected)));
                Line::Unknown
            }
        };
        self.texts[depth] = text;
        line
    }

    /// The events of one record of `CloudWatch`'s, each a wrapped text; their place among the records of a line counts on.
    fn events<E>(&mut self, at: At, depth: usize, record: &[u8], each: &mut E) -> Line
    where
        E: FnMut(At, Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let mut text = std::mem::take(&mut self.texts[depth]);
        let (mut seen, mut index) = (Line::Unknown, at.index);
        let walked = wrapper::events(record, self.zone, &mut text, |head, text| {
            let mut numbered = |at: At, result: Result<&Usage<'_>, Skip>| {
                each(At { index, ..at }, result);
                index += 1;
            };
            let numbered: &mut dyn FnMut(At, Result<&Usage<'_>, Skip>) = &mut numbered;
            match self.wrapped(at, depth, head, text, numbered) {
                known @ Line::Known(_) => seen = known,
                // An event that says nothing is a record all the same.
                Line::Blank => numbered(At { wrapper: Some(head.wrapper), ..at }, Err(Skip::NotUsage)),
                _ => {}
            }
        });
        debug_assert!(walked.is_ok(), "walked to its end before");
        self.texts[depth] = text;
        seen
    }

    const fn known(&mut self, format: Format) -> Line {
        self.last = format;
        Line::Known(format)
    }

    /// Reads a record that a mapping of the configuration describes, or the mapping that alone is wanted. Its format.
    #[inline]
    fn mapped<E>(&self, record: &[u8], each: &mut E) -> Option<Format>
    where
        E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let own = self.mappings.as_deref().map_or(&[][..], Mappings::own);
        match self.only {
            None => own.iter().find_map(|mapping| self.read_mapped(mapping, record, each)),
            Some(only @ Format::Mapped(_)) => {
                let mapping = own.iter().find(|mapping| mapping.format() == only).or_else(|| mapping::preset(only))?;
                self.read_mapped(mapping, record, each)
            }
            Some(_) => None,
        }
    }

    fn read_mapped<E>(&self, mapping: &Mapping, record: &[u8], each: &mut E) -> Option<Format>
    where
        E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let mut told = self.told.as_ref().map(|told| told.lock().unwrap_or_else(PoisonError::into_inner));
        let said = mapping.read(record, self.zone, told.as_deref_mut())?;
        drop(told);
        each(said.as_ref().map_err(|skip| *skip));
        Some(mapping.format())
    }

    /// Reads a record that one of these built-in mappings describes; where another format alone is wanted, it is no usage.
    #[inline]
    fn preset<E>(&mut self, hints: Hints, record: &[u8], each: &mut E) -> Option<Line>
    where
        E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let hints = hints & !self.mappings.as_deref().map_or(0, Mappings::replaced);
        if hints == 0 {
            return None;
        }
        if self.only.is_some() {
            let foreign = |mapping: &Mapping| mapping.read(record, self.zone, None).is_some();
            let known = mapping::hinted(hints).any(foreign);
            return known.then(|| {
                each(Err(Skip::NotUsage));
                Line::Unknown
            });
        }
        let format = mapping::hinted(hints).find_map(|mapping| self.read_mapped(mapping, record, each))?;
        Some(self.known(format))
    }

    fn read_as<E>(&mut self, format: Format, marks: Marks, record: &[u8], each: &mut E) -> Reading
    where
        E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let zone = self.zone;
        match format {
            Format::Own => own::read(record, zone, marks, &mut self.order, each),
            Format::ClaudeCode => claude_code::read(record, zone, marks, each),
            Format::Codex => codex::read(record, zone, marks, (&mut self.context.codex, &mut self.room), each),
            Format::GeminiCli => gemini_cli::read(record, zone, marks, &mut self.context.chat, each),
            Format::OpenCode => opencode::read(record, zone, marks, each),
            Format::Pi => pi::read(record, zone, marks, (&mut self.context.pi, &mut self.room), each),
            Format::AnthropicStream => stream::read(record, zone, marks, &mut self.context.streams, each),
            Format::LiteLlm => litellm::read(record, zone, marks, each),
            Format::LiteLlmSpend => litellm_spend::read(record, marks, &mut self.room, each),
            Format::BedrockLog => bedrock_log::read(record, zone, marks, each),
            Format::Otlp => otlp::read_record(record, zone, marks, self.labels.as_deref(), each),
            Format::Mapped(_) => mapping::read(format, record, zone, marks, each),
            Format::Anthropic | Format::OpenAiChat | Format::OpenAiResponses | Format::Gemini | Format::Bedrock => {
                answer::read(record, zone, marks, each)
            }
        }
    }
}

/// Hands on what a format read from `record`, with the operator's own labels where there are any.
#[inline]
fn labelled(
    labels: Option<&LabelPaths>,
    record: &[u8],
    result: Result<&Usage<'_>, Skip>,
    each: impl FnOnce(Result<&Usage<'_>, Skip>),
) {
    match (labels, result) {
        // Records of OpenTelemetry bring theirs along.
        (Some(labels), Ok(usage)) if usage.dimensions.own.is_none() => {
            let mut room = Vec::new();
            let own = labels.find(record, &mut room);
            let dimensions = Dimensions { own: Some(&own), ..usage.dimensions };
            each(Ok(&Usage { dimensions, ..*usage }));
        }
        (_, result) => each(result),
    }
}

/// How the attempt to read a record as one format ended.
enum Reading {
    /// It has this format; its fate was told.
    Done(Format),
    /// It is whole, but of none of the formats asked for.
    Foreign(Marks),
    /// It is broken, or was left early.
    Stopped(Stop),
}

/// How every reader ends: a record that was walked to its end and that one of its formats is meant by becomes a usage, or why not.
#[inline]
fn finish<'u, E>(
    walked: Result<(), Stop>,
    marks: Marks,
    is_mine: impl Fn(Format) -> bool,
    each: &mut E,
    usage: impl FnOnce(Format) -> Result<Usage<'u>, Skip>,
) -> Reading
where
    E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized,
{
    if let Err(stop) = walked {
        return Reading::Stopped(stop);
    }
    let Some(format) = marks.meant().filter(|format| is_mine(*format)) else { return Reading::Foreign(marks) };
    // By reference: a usage is large, and a match by value copies it.
    match &usage(format) {
        Ok(usage) => each(Ok(usage)),
        Err(skip) => each(Err(*skip)),
    }
    Reading::Done(format)
}
