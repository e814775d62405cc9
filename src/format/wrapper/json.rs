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
