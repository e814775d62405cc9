//! An export request in protobuf enters, its records leave through [`Collect`]. Numbers of fields are those of opentelemetry-proto 1.

use super::collect::{Collect, Facts, Metric, Walked};
use super::value::Any;
use super::wire::{Field, Message};
use crate::format::scanner::Stop;
use crate::source::Signal;
use crate::usage::RawText;

/// Status of a span that failed.
const ERROR: u64 = 2;

/// Reads the whole request; what came before an error has been told.
pub(super) fn walk<'a>(signal: Signal, body: &'a [u8], to: &mut impl Collect<'a>) -> Walked {
    each(body, 1, |of_resource| {
        to.resource();
        // A message's fields may stand in any order: first whose records these are, then the records.
        each(of_resource, 1, |resource| attributes(resource, 1, |name, value| to.resource_attribute(name, value)))?;
        each(of_resource, 2, |of_scope| {
            to.scope(RawText::NONE);
            each(of_scope, 1, |scope| {
                let mut name = RawText::NONE;
                each(scope, 1, |text| {
                    name = RawText::plain(text);
                    Ok(())
                })?;
                to.scope(name);
                Ok(())
            })?;
            each(of_scope, 2, |record| match signal {
                Signal::Logs => log(record, to),
                Signal::Traces => span(record, to),
                Signal::Metrics => metric(record, to),
            })
        })?;
        to.resource_end();
        Ok(())
    })
}

/// Hands the fields of that number to `take`, if they hold bytes.
fn each<'a>(message: &'a [u8], number: u32, mut take: impl FnMut(&'a [u8]) -> Walked) -> Walked {
    let mut fields = Message::new(message);
    while let Some(field) = fields.next()? {
        if let (found, Field::Bytes(bytes)) = field
            && found == number
        {
            take(bytes)?;
        }
    }
    Ok(())
}

fn attributes<'a>(message: &'a [u8], number: u32, mut take: impl FnMut(RawText<'a>, Any<'a>)) -> Walked {
    each(message, number, |pair| attribute(pair, &mut take))
}

fn attribute<'a>(pair: &'a [u8], take: &mut impl FnMut(RawText<'a>, Any<'a>)) -> Walked {
    let (mut name, mut value) = (RawText::NONE, Any::Nothing);
    let mut fields = Message::new(pair);
    while let Some(field) = fields.next()? {
        match field {
            (1, Field::Bytes(text)) => name = RawText::plain(text),
            (2, Field::Bytes(bytes)) => value = any(bytes)?,
            _ => {}
        }
    }
    take(name, value);
    Ok(())
}

/// Of an array, its first element.
fn any(message: &[u8]) -> Result<Any<'_>, Stop> {
    let mut value = Any::Nothing;
    let mut fields = Message::new(message);
    while let Some(field) = fields.next()? {
        value = match field {
            (5, Field::Bytes(array)) => first(array)?,
            (6 | 7, Field::Bytes(_)) => Any::Nothing,
            (number, field) => plain(number, field).unwrap_or(value),
        };
    }
    Ok(value)
}

const fn plain(number: u32, field: Field<'_>) -> Option<Any<'_>> {
    match (number, field) {
        (1, Field::Bytes(text)) => Some(Any::Text(RawText::plain(text))),
        (2, Field::Varint(truth)) => Some(Any::Bool(truth != 0)),
        (3, Field::Varint(number)) => Some(Any::Int(number.cast_signed())),
        (4, Field::Fixed64(bits)) => Some(Any::Double(f64::from_bits(bits))),
        _ => None,
    }
}

/// Arrays and maps in an array are not entered.
fn first(array: &[u8]) -> Result<Any<'_>, Stop> {
    let mut found = None;
    each(array, 1, |element| {
        let mut value = Any::Nothing;
        let mut fields = Message::new(element);
        while let Some((number, field)) = fields.next()? {
            value = plain(number, field).unwrap_or(value);
        }
        found = found.or(Some(value));
        Ok(())
    })?;
    Ok(found.unwrap_or(Any::Nothing))
}

fn log<'a>(record: &'a [u8], to: &mut impl Collect<'a>) -> Walked {
    let mut facts = Facts::default();
    to.begin();
    let mut fields = Message::new(record);
    while let Some(field) = fields.next()? {
        match field {
            (1, Field::Fixed64(time)) => facts.time = time,
            (5, Field::Bytes(body)) => facts.body = text(any(body)?),
            (6, Field::Bytes(pair)) => attribute(pair, &mut |name, value| to.attribute(name, value))?,
            (9, Field::Bytes(id)) => facts.trace = id.try_into().ok(),
            (10, Field::Bytes(id)) => facts.span = id.try_into().ok(),
            (11, Field::Fixed64(time)) => facts.observed = time,
            (12, Field::Bytes(name)) => facts.name = RawText::plain(name),
            _ => {}
        }
    }
    to.log(&facts);
    Ok(())
}

fn span<'a>(record: &'a [u8], to: &mut impl Collect<'a>) -> Walked {
    let mut facts = Facts::default();
    to.begin();
    let mut fields = Message::new(record);
    while let Some(field) = fields.next()? {
        match field {
            (1, Field::Bytes(id)) => facts.trace = id.try_into().ok(),
            (2, Field::Bytes(id)) => facts.span = id.try_into().ok(),
            (5, Field::Bytes(name)) => facts.name = RawText::plain(name),
            (7, Field::Fixed64(time)) => facts.start = time,
            (8, Field::Fixed64(time)) => facts.time = time,
            (9, Field::Bytes(pair)) => attribute(pair, &mut |name, value| to.attribute(name, value))?,
            (15, Field::Bytes(status)) => {
                let mut fields = Message::new(status);
                while let Some(field) = fields.next()? {
                    if let (3, Field::Varint(code)) = field {
                        facts.failed = code == ERROR;
                    }
                }
            }
            _ => {}
        }
    }
    to.span(&facts);
    Ok(())
}

/// How the parts of a kind of metric are numbered: the kind in a metric, a point's attributes, and its value.
struct Kind {
    number: u32,
    attributes: u32,
    is_histogram: bool,
}

const KINDS: [Kind; 3] = [
    Kind { number: 7, attributes: 7, is_histogram: false },
    Kind { number: 9, attributes: 9, is_histogram: true },
    // Exponential.
    Kind { number: 10, attributes: 1, is_histogram: true },
];

/// Aggregation temporality of points that say what came since the one before.
const DELTA: u64 = 1;

/// Gauges and summaries have no points that add up: such a metric says nothing.
fn metric<'a>(record: &'a [u8], to: &mut impl Collect<'a>) -> Walked {
    let mut name = RawText::NONE;
    each(record, 1, |text| {
        name = RawText::plain(text);
        Ok(())
    })?;
    if !to.metric(name) {
        return Ok(());
    }
    for kind in &KINDS {
        each(record, kind.number, |of_kind| {
            let mut metric = Metric { name, is_delta: false };
            let mut fields = Message::new(of_kind);
            while let Some(field) = fields.next()? {
                if let (2, Field::Varint(temporality)) = field {
                    metric.is_delta = temporality == DELTA;
                }
            }
            each(of_kind, 1, |of_point| point(of_point, kind, &metric, to))
        })?;
    }
    Ok(())
}

fn point<'a>(record: &'a [u8], kind: &Kind, metric: &Metric<'a>, to: &mut impl Collect<'a>) -> Walked {
    let (mut facts, mut value) = (Facts::default(), Any::Nothing);
    to.begin();
    let mut fields = Message::new(record);
    while let Some(field) = fields.next()? {
        match field {
            (2, Field::Fixed64(time)) => facts.start = time,
            (3, Field::Fixed64(time)) => facts.time = time,
            (4, Field::Fixed64(bits)) if !kind.is_histogram => value = Any::Double(f64::from_bits(bits)),
            (6, Field::Fixed64(bits)) if !kind.is_histogram => value = Any::Int(bits.cast_signed()),
            (5, Field::Fixed64(bits)) if kind.is_histogram => value = Any::Double(f64::from_bits(bits)),
            (number, Field::Bytes(pair)) if number == kind.attributes => {
                attribute(pair, &mut |name, value| to.attribute(name, value))?;
            }
            _ => {}
        }
    }
    to.point(metric, &facts, value);
    Ok(())
}

const fn text(any: Any<'_>) -> RawText<'_> {
    match any {
        Any::Text(text) => text,
        _ => RawText::NONE,
    }
}
