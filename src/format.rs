//! A line of a log enters, what it says of requests leaves as [`Usage`], or why it says nothing. Knows no price, opens nothing, keeps no prompt.
//!
//! Which format a line has depends on the line alone, never on its neighbours (`Marks::format`); a decoder only remembers the last
//! format to try it first, so that a line is walked once, and the order of a line's keys to find them faster. docs/formats.md holds the mapping of every field.

pub mod labels;
pub mod number;
pub mod scanner;

mod claude_code;
mod litellm;
mod own;

use std::sync::Arc;

use crate::time::Zone;
use crate::usage::{Dimensions, Rejection, Usage};
use labels::LabelPaths;
use scanner::{Scalar, Scanner, Stop};

/// A log format that costtop reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// costtop's own NDJSON, and the lines of trackers written by hand.
    Own,
    /// Session files of Claude Code.
    ClaudeCode,
    /// `StandardLoggingPayload` of a `LiteLLM` proxy.
    LiteLlm,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 3] = [Format::Own, Format::ClaudeCode, Format::LiteLlm];

    /// The word of `explain` and of the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Own => "own",
            Format::ClaudeCode => "claude-code",
            Format::LiteLlm => "litellm",
        }
    }
}

/// Why a record becomes no charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// It is not about usage.
    NotUsage,
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
    /// No known format, or not JSON, or left early because its type rules usage out.
    Unknown,
}

/// Turns lines into usage. One per thread.
#[derive(Clone, Debug)]
pub struct Decoder {
    zone: Zone,
    last: Format,
    order: own::Order,
    labels: Option<Arc<LabelPaths>>,
}

impl Decoder {
    /// A decoder that reads times without a zone in `zone`.
    #[must_use]
    pub fn new(zone: Zone) -> Decoder {
        Decoder { zone, last: Format::Own, order: own::Order::default(), labels: None }
    }

    /// From here on also looks for the operator's own labels.
    pub fn look_for(&mut self, labels: Option<Arc<LabelPaths>>) {
        self.labels = labels;
    }

    /// Reads one line, with or without its newline. `each` is called once for every record in it, with the record's place in the
    /// line: 0, or the index in an array of records. Nothing is called for a blank line.
    pub fn decode(&mut self, line: &[u8], each: &mut impl FnMut(u32, Result<&Usage<'_>, Skip>)) -> Line {
        match Scanner::new(line).peek() {
            None => Line::Blank,
            Some(b'[') => self.array(line, each),
            _ => {
                let labels = self.labels.clone();
                self.record(line, &mut |result| labelled(labels.as_deref(), line, result, |result| each(0, result)))
            }
        }
    }

    /// Several records in one line, as `LiteLLM` posts them. The whole is checked before the first one counts.
    fn array(&mut self, line: &[u8], each: &mut impl FnMut(u32, Result<&Usage<'_>, Skip>)) -> Line {
        let mut check = Scanner::new(line);
        if let Err(stop) = check.skip().and_then(|()| check.end()) {
            each(0, Err(stop.rejection().map_or(Skip::NotUsage, Skip::Rejected)));
            return Line::Unknown;
        }
        let mut seen = Line::Unknown;
        let mut index = 0;
        let labels = self.labels.clone();
        let walked = Scanner::new(line).array(|element| {
            let record = element.span()?;
            if let known @ Line::Known(_) = self.record(record, &mut |result| {
                labelled(labels.as_deref(), record, result, |result| each(index, result));
            }) {
                seen = known;
            }
            index += 1;
            Ok(())
        });
        debug_assert!(walked.is_ok(), "checked above");
        if index == 0 {
            each(0, Err(Skip::NotUsage));
        }
        seen
    }

    fn record(&mut self, record: &[u8], each: &mut impl FnMut(Result<&Usage<'_>, Skip>)) -> Line {
        let marks = match self.read_as(self.last, record, each) {
            Reading::Done => return Line::Known(self.last),
            Reading::Stopped(stop) => {
                each(Err(stop.rejection().map_or(Skip::NotUsage, Skip::Rejected)));
                return Line::Unknown;
            }
            Reading::Foreign(marks) => marks,
        };
        if let Some(format) = marks.format()
            && format != self.last
            && matches!(self.read_as(format, record, each), Reading::Done)
        {
            self.last = format;
            return Line::Known(format);
        }
        each(Err(Skip::NotUsage));
        Line::Unknown
    }

    fn read_as(&mut self, format: Format, record: &[u8], each: &mut impl FnMut(Result<&Usage<'_>, Skip>)) -> Reading {
        match format {
            Format::Own => own::read(record, self.zone, &mut self.order, each),
            Format::ClaudeCode => claude_code::read(record, self.zone, each),
            Format::LiteLlm => litellm::read(record, self.zone, each),
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
        (Some(labels), Ok(usage)) => {
            let own = labels.find(record);
            let dimensions = Dimensions { own: Some(&own), ..usage.dimensions };
            each(Ok(&Usage { dimensions, ..*usage }));
        }
        (_, result) => each(result),
    }
}

/// How the attempt to read a record as one format ended.
enum Reading {
    /// It has that format; its fate was told.
    Done,
    /// It is whole, but not of that format.
    Foreign(Marks),
    /// It is broken, or was left early.
    Stopped(Stop),
}

/// The keys by which formats are told apart. Every reader notes all of them, so that each draws the same conclusion.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one record, not states")]
struct Marks {
    /// `type` is `assistant` or `progress`.
    agent_type: bool,
    /// `message` or `data` is there.
    agent_body: bool,
    /// `call_type` is there.
    call_type: bool,
    /// `response_cost` is there.
    response_cost: bool,
    /// `model`, a token count or a cost of costtop's own grammar is there, or a `type` of its own.
    own: bool,
}

impl Marks {
    /// The one format these keys speak for.
    const fn format(self) -> Option<Format> {
        if self.call_type && self.response_cost {
            Some(Format::LiteLlm)
        } else if self.agent_type && self.agent_body {
            Some(Format::ClaudeCode)
        } else if self.own {
            Some(Format::Own)
        } else {
            None
        }
    }

    /// Notes a top-level key that the calling reader has no other use for, and passes over its value.
    fn note(&mut self, key: &[u8], value: &mut Scanner<'_>) -> Result<(), Stop> {
        match key {
            b"type" => return self.note_type(value).map(drop),
            b"message" | b"data" => self.agent_body = true,
            b"call_type" => self.call_type = true,
            b"response_cost" => self.response_cost = true,
            _ => self.own |= own::speaks(key),
        }
        value.skip()
    }

    /// Notes the record's `type`. Leaves the line if the type rules usage out: those of Claude Code's other lines, the bulk of a
    /// session file. That happens whatever the format was thought to be, and at the first `type` of a line.
    fn note_type<'a>(&mut self, value: &mut Scanner<'a>) -> Result<Scalar<'a>, Stop> {
        let kind = value.scalar()?;
        self.agent_type = false;
        if let Scalar::Text(text) = kind {
            match text.bytes().as_ref() {
                b"assistant" | b"progress" => self.agent_type = true,
                b"user" | b"system" | b"summary" | b"attachment" | b"file-history-snapshot" | b"queue-operation" => {
                    return Err(Stop::Left);
                }
                b"charge" | b"adjustment" | b"transfer" | b"outcome" => self.own = true,
                _ => {}
            }
        }
        Ok(kind)
    }
}
