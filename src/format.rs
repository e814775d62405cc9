//! A line of a log enters, what it says of requests leaves as [`Usage`], or why it says nothing. Knows no price, opens nothing, keeps no prompt.
//!
//! Which format a line has depends on the line alone, never on its neighbours (`Marks::format`); a decoder only remembers the last
//! format to try it first, so that a line is walked once. docs/formats.md holds the mapping of every field.

pub mod number;
pub mod scanner;

mod answer;
mod anthropic;
mod bedrock;
mod claude_code;
mod gemini;
mod litellm;
mod litellm_spend;
mod marks;
mod openai;
mod own;
mod responses;

use crate::time::Zone;
pub use crate::usage::Format;
use crate::usage::{Rejection, Usage};
use marks::Marks;
use scanner::{Scanner, Stop};

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

/// Turns lines into usage. One per thread; its buffer is as large as the largest text it had to unescape.
#[derive(Clone, Debug)]
pub struct Decoder {
    zone: Zone,
    only: Option<Format>,
    last: Format,
    room: Vec<u8>,
}

impl Decoder {
    /// A decoder that reads times without a zone in `zone`.
    #[must_use]
    pub const fn new(zone: Zone) -> Decoder {
        Decoder { zone, only: None, last: Format::Own, room: Vec::new() }
    }

    /// From here on reads records of one format only, any other is no usage; or, with `None`, of all.
    pub fn pin(&mut self, only: Option<Format>) {
        self.only = only;
        self.last = only.unwrap_or(self.last);
    }

    /// Reads one line, with or without its newline. `each` is called once for every record in it, with the record's place in the
    /// line: 0, or the index in an array of records. Nothing is called for a blank line.
    pub fn decode(&mut self, line: &[u8], each: &mut impl FnMut(u32, Result<&Usage<'_>, Skip>)) -> Line {
        match Scanner::new(line).peek() {
            None => Line::Blank,
            Some(b'[') => self.array(line, each),
            _ => self.record(line, &mut |result| each(0, result)),
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
        let walked = Scanner::new(line).array(|element| {
            let record = element.span()?;
            if let known @ Line::Known(_) = self.record(record, &mut |result| each(index, result)) {
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
            Reading::Done(format) => return self.known(format),
            Reading::Stopped(stop) => {
                each(Err(stop.rejection().map_or(Skip::NotUsage, Skip::Rejected)));
                return Line::Unknown;
            }
            Reading::Foreign(marks) => marks,
        };
        if let Some(format) = marks.format()
            && let Reading::Done(format) = self.read_as(format, record, each)
        {
            return self.known(format);
        }
        each(Err(Skip::NotUsage));
        Line::Unknown
    }

    const fn known(&mut self, format: Format) -> Line {
        self.last = format;
        Line::Known(format)
    }

    fn read_as<E>(&mut self, format: Format, record: &[u8], each: &mut E) -> Reading
    where
        E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized,
    {
        let (zone, marks) = (self.zone, Marks::new(self.only));
        match format {
            Format::Own => own::read(record, zone, marks, each),
            Format::ClaudeCode => claude_code::read(record, zone, marks, each),
            Format::LiteLlm => litellm::read(record, zone, marks, each),
            Format::LiteLlmSpend => litellm_spend::read(record, zone, marks, &mut self.room, each),
            _ => answer::read(record, zone, marks, each),
        }
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
    walked: Result<bool, Stop>,
    scanner: &mut Scanner<'_>,
    marks: Marks,
    is_mine: impl Fn(Format) -> bool,
    each: &mut E,
    usage: impl FnOnce(Format) -> Result<Usage<'u>, Skip>,
) -> Reading
where
    E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized,
{
    if let Err(stop) = walked.and_then(|_| scanner.end()) {
        return Reading::Stopped(stop);
    }
    let Some(format) = marks.format().filter(|format| is_mine(*format)) else { return Reading::Foreign(marks) };
    // By reference: a usage is large, and a match by value copies it.
    match &usage(format) {
        Ok(usage) => each(Ok(usage)),
        Err(skip) => each(Err(*skip)),
    }
    Reading::Done(format)
}
