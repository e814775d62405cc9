//! Wrappers that are JSON: a checked record enters, the text in it is unescaped into a buffer.

use super::{Head, Lane, Wrapper};
use crate::format::number;
use crate::format::scanner::{Scalar, Scanner, Stop};
use crate::time::Zone;
use crate::usage::RawText;

/// Docker's `{"log":"…\n","stream":"stdout","time":"…"}`. A text without its newline goes on in the next line of its stream.
pub(in crate::format) fn docker<'a>(record: &'a [u8], zone: Zone, room: &mut Vec<u8>) -> Result<Head<'a>, Stop> {
    let (mut log, mut is_err, mut time) = (RawText::NONE, false, Scalar::Null);
    Scanner::new(record).object(|key, value| {
        match key {
            b"log" => log = value.text()?,
            b"stream" => is_err = value.text()?.is(b"stderr"),
            b"time" => time = value.scalar()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    log.append_to(room);
    Ok(Head {
        lane: Some(if is_err { Lane::DockerErr } else { Lane::DockerOut }),
        goes_on: room.last() != Some(&b'\n'),
        ..Head::plain(Wrapper::Docker, number::time(time, zone))
    })
}

/// The journal's export: `MESSAGE` is a text, or an array of its bytes where it is none.
pub(in crate::format) fn journal<'a>(record: &'a [u8], zone: Zone, room: &mut Vec<u8>) -> Result<Head<'a>, Stop> {
    let (mut message, mut bytes): (RawText<'_>, &[u8]) = (RawText::NONE, b"");
    let (mut host, mut time) = (RawText::NONE, Scalar::Null);
    Scanner::new(record).object(|key, value| {
        match key {
            b"MESSAGE" => {
                (message, bytes) = (RawText::NONE, b"");
                if value.peek() == Some(b'[') {
                    bytes = value.span()?;
                } else {
                    message = value.text()?;
                }
            }
            b"_HOSTNAME" => host = value.text()?,
            b"__REALTIME_TIMESTAMP" => time = value.scalar()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    message.append_to(room);
    if !bytes.is_empty() {
        Scanner::new(bytes).array(|byte| {
            // A value that is no byte stands for one that is in no JSON.
            room.push(number::tokens(byte.scalar()?).ok().and_then(|byte| u8::try_from(byte).ok()).unwrap_or(0));
            Ok(())
        })?;
    }
    Ok(Head { host, ..Head::plain(Wrapper::Journal, number::time(time, zone)) })
}

/// An event of `CloudWatch`: its `message` or `@message`, a text or, behind `@message`, an object as it stands.
pub(in crate::format) fn event<'a>(record: &'a [u8], zone: Zone, room: &mut Vec<u8>) -> Result<Head<'a>, Stop> {
    let mut scanner = Scanner::new(record);
    read_event(&mut scanner, zone, room)
}

fn read_event<'a>(scanner: &mut Scanner<'a>, zone: Zone, room: &mut Vec<u8>) -> Result<Head<'a>, Stop> {
    let (mut message, mut object): (RawText<'_>, &[u8]) = (RawText::NONE, b"");
    let mut time = Scalar::Null;
    scanner.object(|key, value| {
        match key {
            b"message" | b"@message" => {
                (message, object) = (RawText::NONE, b"");
                if value.peek() == Some(b'{') {
                    object = value.span()?;
                } else {
                    message = value.text()?;
                }
            }
            b"timestamp" | b"@timestamp" => time = value.scalar()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    message.append_to(room);
    room.extend_from_slice(object);
    Ok(Head::plain(Wrapper::CloudWatch, number::time(time, zone)))
}

/// The events of a subscription's delivery, `{"logEvents":[{"id","timestamp","message"},…]}`, or of what `aws logs filter-log-events`
/// answers, `{"events":[…]}`; each as [`event`] reads it.
pub(in crate::format) fn events(
    record: &[u8],
    zone: Zone,
    room: &mut Vec<u8>,
    mut each: impl FnMut(&Head<'_>, &[u8]),
) -> Result<(), Stop> {
    let (mut delivered, mut asked): (&[u8], &[u8]) = (b"", b"");
    Scanner::new(record).object(|key, value| {
        match key {
            b"logEvents" => delivered = value.span()?,
            b"events" => asked = value.span()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    let mut is_empty = true;
    if Scanner::new(delivered).peek() == Some(b'[') {
        Scanner::new(delivered).array(|event| {
            is_empty = false;
            event.skip()
        })?;
    }
    Scanner::new(if is_empty { asked } else { delivered }).array(|element| {
        room.clear();
        let head = read_event(element, zone, room)?;
        each(&head, room);
        Ok(())
    })?;
    Ok(())
}
