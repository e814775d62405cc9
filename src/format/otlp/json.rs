//! An export request in JSON enters, as exporters post it or a collector's file exporter writes it; its records leave through [`Collect`].
//!
//! Names are read as the specification spells them (`resourceLogs`) and as protobuf does (`resource_logs`); whole numbers as numbers or as
//! text; attributes as a list of pairs or as a plain object.

use super::collect::{Collect, Facts, Metric, Walked};
use super::value::Any;
use crate::format::Marks;
use crate::format::scanner::{Scalar, Scanner, Stop};
use crate::usage::RawText;

/// Where in an export request the records are. Each is a whole value that was walked to its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts<'a> {
    logs: &'a [u8],
    spans: &'a [u8],
    metrics: &'a [u8],
    /// The attributes of a record that is one event by itself.
    event: &'a [u8],
}

/// Finds them; other keys of the record are noted.
pub(super) fn find<'a>(record: &'a [u8], marks: &mut Marks) -> Result<Parts<'a>, Stop> {
    let mut parts = Parts::default();
    let mut scanner = Scanner::new(record);
    scanner.object(|key, value| {
        let part = match key {
            b"attributes" => {
                parts.event = if marks.note_event(value)? { value.span()? } else { b"" };
                return if parts.event.is_empty() { value.skip() } else { Ok(()) };
            }
            b"resourceLogs" | b"resource_logs" => &mut parts.logs,
            b"resourceSpans" | b"resource_spans" => &mut parts.spans,
            b"resourceMetrics" | b"resource_metrics" => &mut parts.metrics,
            _ => return marks.note(key, value),
        };
        marks.otlp |= value.peek() == Some(b'[');
        *part = value.span()?;
        Ok(())
    })?;
    scanner.end()?;
    Ok(parts)
}

/// Which names the parts of a signal have.
struct Names {
    of_scope: [&'static [u8]; 2],
    records: [&'static [u8]; 2],
}

const LOGS: Names = Names { of_scope: [b"scopeLogs", b"scope_logs"], records: [b"logRecords", b"log_records"] };
const SPANS: Names = Names { of_scope: [b"scopeSpans", b"scope_spans"], records: [b"spans", b"spans"] };
const METRICS: Names = Names { of_scope: [b"scopeMetrics", b"scope_metrics"], records: [b"metrics", b"metrics"] };

impl<'a> Parts<'a> {
    /// Reads all records.
    pub(super) fn walk(self, to: &mut impl Collect<'a>) -> Walked {
        resources(self.logs, &LOGS, to, |record, to| log(record, to))?;
        resources(self.spans, &SPANS, to, |record, to| span(record, to))?;
        resources(self.metrics, &METRICS, to, |record, to| metric(record, to))?;
        if !self.event.is_empty() {
            to.resource();
            to.scope(RawText::NONE);
            to.begin();
            attributes(&mut Scanner::new(self.event), |name, value| to.attribute(name, value))?;
            to.log(&Facts::default());
        }
        Ok(())
    }
}

fn resources<'a, C: Collect<'a>>(
    part: &'a [u8],
    names: &Names,
    to: &mut C,
    mut each: impl FnMut(&mut Scanner<'a>, &mut C) -> Walked,
) -> Walked {
    elements(part, |of_resource| {
        // Members may stand in any order: first whose records these are, then the records.
        let [resource, of_scopes] = members(of_resource, [&[b"resource", b"resource"], &names.of_scope])?;
        to.resource();
        let [pairs] = members(&mut Scanner::new(resource), [&[b"attributes", b"attributes"]])?;
        attributes(&mut Scanner::new(pairs), |name, value| to.resource_attribute(name, value))?;
        elements(of_scopes, |of_scope| {
            let [scope, records] = members(of_scope, [&[b"scope", b"scope"], &names.records])?;
            to.scope(if scope.is_empty() { RawText::NONE } else { Scanner::new(scope).member(b"name")?.text() });
            elements(records, |record| each(record, to))
        })?;
        to.resource_end();
        Ok(())
    })
}

/// The elements of an array that was walked before; of anything else none.
fn elements<'a>(array: &'a [u8], each: impl FnMut(&mut Scanner<'a>) -> Walked) -> Walked {
    if array.is_empty() { Ok(()) } else { Scanner::new(array).array(each).map(drop) }
}

/// The values of these members of the object ahead, by the last that has one of their names.
fn members<'a, const COUNT: usize>(
    value: &mut Scanner<'a>,
    wanted: [&[&'static [u8]; 2]; COUNT],
) -> Result<[&'a [u8]; COUNT], Stop> {
    let mut found: [&[u8]; COUNT] = [b""; COUNT];
    if value.peek().is_none() {
        return Ok(found);
    }
    value.object(|key, value| match wanted.iter().position(|names| names.contains(&key)) {
        Some(place) => {
            found[place] = value.span()?;
            Ok(())
        }
        None => value.skip(),
    })?;
    Ok(found)
}

/// A list of pairs, or a plain object.
fn attributes<'a>(value: &mut Scanner<'a>, mut take: impl FnMut(RawText<'a>, Any<'a>)) -> Walked {
    match value.peek() {
        None => Ok(()),
        Some(b'{') => {
            if value.open_object()? {
                let mut name = value.first_key()?;
                while let Some(found) = name {
                    take(found, flat(value)?);
                    name = value.next_key()?;
                }
            }
            Ok(())
        }
        Some(_) => value
            .array(|pair| {
                let (mut name, mut any) = (RawText::NONE, Any::Nothing);
                pair.object(|key, value| {
                    match key {
                        b"key" => name = value.text()?,
                        b"value" => any = tagged(value)?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
                take(name, any);
                Ok(())
            })
            .map(drop),
    }
}

/// `{"intValue":"12"}`; of an array, its first element.
fn tagged<'a>(value: &mut Scanner<'a>) -> Result<Any<'a>, Stop> {
    let mut any = Any::Nothing;
    value.object(|key, value| {
        match key {
            // Numbers as they are written: what is no whole number is refused where one is needed.
            b"stringValue" | b"string_value" | b"intValue" | b"int_value" => any = Any::Text(value.text()?),
            b"doubleValue" | b"double_value" => any = double(value.scalar()?),
            b"boolValue" | b"bool_value" => any = Any::Bool(value.scalar()?.is_true()),
            b"arrayValue" | b"array_value" => {
                let mut first = None;
                value.object(|key, value| {
                    if key != b"values" {
                        return value.skip();
                    }
                    first = None;
                    value
                        .array(|element| {
                            let element = plain_tagged(element)?;
                            first = first.or(Some(element));
                            Ok(())
                        })
                        .map(drop)
                })?;
                any = first.unwrap_or(Any::Nothing);
            }
            b"kvlistValue" | b"kvlist_value" | b"bytesValue" | b"bytes_value" => {
                value.skip()?;
                any = Any::Nothing;
            }
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(any)
}

/// An element of an array. Arrays and maps in it are not entered.
fn plain_tagged<'a>(value: &mut Scanner<'a>) -> Result<Any<'a>, Stop> {
    let mut any = Any::Nothing;
    value.object(|key, value| {
        match key {
            b"stringValue" | b"string_value" | b"intValue" | b"int_value" => any = Any::Text(value.text()?),
            b"doubleValue" | b"double_value" => any = double(value.scalar()?),
            b"boolValue" | b"bool_value" => any = Any::Bool(value.scalar()?.is_true()),
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(any)
}

/// A plain value; of an array, its first element.
fn flat<'a>(value: &mut Scanner<'a>) -> Result<Any<'a>, Stop> {
    if value.peek() != Some(b'[') {
        return value.scalar().map(of_scalar);
    }
    let mut first = None;
    value.array(|element| {
        let element = of_scalar(element.scalar()?);
        first = first.or(Some(element));
        Ok(())
    })?;
    Ok(first.unwrap_or(Any::Nothing))
}

const fn of_scalar(scalar: Scalar<'_>) -> Any<'_> {
    match scalar {
        Scalar::Null | Scalar::Nested => Any::Nothing,
        Scalar::True => Any::Bool(true),
        Scalar::False => Any::Bool(false),
        Scalar::Number(text) => Any::Text(RawText::plain(text)),
        Scalar::Text(text) => Any::Text(text),
    }
}

/// A double as a number or as text (`"NaN"`).
fn double(scalar: Scalar<'_>) -> Any<'_> {
    let number = match scalar {
        Scalar::Number(text) => str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
        Scalar::Text(text) => str::from_utf8(&text.bytes()).ok().and_then(|text| text.parse().ok()),
        _ => None,
    };
    match (number, scalar) {
        (Some(number), _) => Any::Double(number),
        // Neither: refused where a number is needed.
        (None, Scalar::Text(text)) => Any::Text(text),
        _ => Any::Nothing,
    }
}

fn log<'a>(record: &mut Scanner<'a>, to: &mut impl Collect<'a>) -> Walked {
    let mut facts = Facts::default();
    to.begin();
    record.object(|key, value| {
        match key {
            b"timeUnixNano" | b"time_unix_nano" => facts.time = nanoseconds(value.scalar()?),
            b"observedTimeUnixNano" | b"observed_time_unix_nano" => facts.observed = nanoseconds(value.scalar()?),
            b"body" => facts.body = body(value)?,
            b"eventName" | b"event_name" => facts.name = value.text()?,
            b"traceId" | b"trace_id" => facts.trace = id(value.text()?),
            b"spanId" | b"span_id" => facts.span = id(value.text()?),
            b"attributes" => {
                to.begin();
                attributes(value, |name, value| to.attribute(name, value))?;
            }
            _ => value.skip()?,
        }
        Ok(())
    })?;
    to.log(&facts);
    Ok(())
}

fn span<'a>(record: &mut Scanner<'a>, to: &mut impl Collect<'a>) -> Walked {
    let mut facts = Facts::default();
    to.begin();
    record.object(|key, value| {
        match key {
            b"startTimeUnixNano" | b"start_time_unix_nano" => facts.start = nanoseconds(value.scalar()?),
            b"endTimeUnixNano" | b"end_time_unix_nano" => facts.time = nanoseconds(value.scalar()?),
            b"name" => facts.name = value.text()?,
            b"traceId" | b"trace_id" => facts.trace = id(value.text()?),
            b"spanId" | b"span_id" => facts.span = id(value.text()?),
            b"status" => {
                let code = value.member(b"code")?.text();
                facts.failed = code.is(b"2") || code.is(b"STATUS_CODE_ERROR");
            }
            b"attributes" => {
                to.begin();
                attributes(value, |name, value| to.attribute(name, value))?;
            }
            _ => value.skip()?,
        }
        Ok(())
    })?;
    to.span(&facts);
    Ok(())
}

/// Gauges and summaries have no points that add up: such a metric says nothing.
fn metric<'a>(record: &mut Scanner<'a>, to: &mut impl Collect<'a>) -> Walked {
    let [name, sum, histogram, exponential] = members(
        record,
        [
            &[b"name", b"name"],
            &[b"sum", b"sum"],
            &[b"histogram", b"histogram"],
            &[b"exponentialHistogram", b"exponential_histogram"],
        ],
    )?;
    let name = if name.is_empty() { RawText::NONE } else { Scanner::new(name).text()? };
    if !to.metric(name) {
        return Ok(());
    }
    for (of_kind, is_histogram) in [(sum, false), (histogram, true), (exponential, true)] {
        let [points, temporality] = members(
            &mut Scanner::new(of_kind),
            [&[b"dataPoints", b"data_points"], &[b"aggregationTemporality", b"aggregation_temporality"]],
        )?;
        let temporality = if temporality.is_empty() { RawText::NONE } else { Scanner::new(temporality).text()? };
        let is_delta = temporality.is(b"1") || temporality.is(b"AGGREGATION_TEMPORALITY_DELTA");
        elements(points, |of_point| point(of_point, is_histogram, &Metric { name, is_delta }, to))?;
    }
    Ok(())
}

fn point<'a>(record: &mut Scanner<'a>, is_histogram: bool, metric: &Metric<'a>, to: &mut impl Collect<'a>) -> Walked {
    let (mut facts, mut counted) = (Facts::default(), Any::Nothing);
    to.begin();
    record.object(|key, value| {
        match key {
            b"startTimeUnixNano" | b"start_time_unix_nano" => facts.start = nanoseconds(value.scalar()?),
            b"timeUnixNano" | b"time_unix_nano" => facts.time = nanoseconds(value.scalar()?),
            b"asInt" | b"as_int" if !is_histogram => counted = Any::Text(value.text()?),
            b"asDouble" | b"as_double" if !is_histogram => counted = double(value.scalar()?),
            b"sum" if is_histogram => counted = double(value.scalar()?),
            b"attributes" => {
                to.begin();
                attributes(value, |name, value| to.attribute(name, value))?;
            }
            _ => value.skip()?,
        }
        Ok(())
    })?;
    to.point(metric, &facts, counted);
    Ok(())
}

/// A log record's text: tagged, or plain.
fn body<'a>(value: &mut Scanner<'a>) -> Result<RawText<'a>, Stop> {
    if value.peek() != Some(b'{') {
        return value.text();
    }
    Ok(match tagged(value)? {
        Any::Text(text) => text,
        _ => RawText::NONE,
    })
}

/// Nanoseconds since 1970 as a number or as text; anything else is none.
fn nanoseconds(value: Scalar<'_>) -> u64 {
    let digits = |text: &[u8]| {
        text.iter().try_fold(0u64, |sum, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            sum.checked_mul(10)?.checked_add(digit)
        })
    };
    match value {
        Scalar::Number(text) => digits(text),
        Scalar::Text(text) => digits(&text.bytes()),
        _ => None,
    }
    .unwrap_or(0)
}

/// An id's bytes from its hexadecimal text.
fn id<const LENGTH: usize>(text: RawText<'_>) -> Option<[u8; LENGTH]> {
    let text = text.bytes();
    if text.len() != 2 * LENGTH {
        return None;
    }
    let mut id = [0; LENGTH];
    for (byte, pair) in id.iter_mut().zip(text.as_chunks::<2>().0) {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(id)
}
