//! Wrappers that are text before the line. A line that begins with no bracket of JSON enters; what stands before the text in it leaves.
//!
//! Only forms that nothing else has are known. A year that is not stated is not guessed: RFC 3164 gives no time.

use memchr::{memchr, memmem};

use super::{Head, Lane, Wrapper};
use crate::time::{Zone, parse_rfc3339};
use crate::usage::RawText;

/// Longest name of a host, container or program that is believed.
const MAX_NAME: usize = 256;

/// Whether a line begins as `kubectl logs --prefix` writes it: `[pod/NAME/CONTAINER] `, which is no JSON array.
pub(in crate::format) fn is_kubectl(line: &[u8]) -> bool {
    line.starts_with(b"[pod/")
}

/// Takes the outermost prefix off a line; `None` if it has none that is known.
pub(in crate::format) fn read(line: &[u8], zone: Zone) -> Option<(Head<'_>, &[u8])> {
    match line.first()? {
        b'[' => {
            let end = memmem::find(line.get(..MAX_NAME.min(line.len()))?, b"] ")?;
            is_kubectl(line).then(|| (Head::plain(Wrapper::Kubectl, None), &line[end + 2..]))
        }
        b'<' => syslog(line, zone),
        b'0'..=b'9' => after_time(line, zone).or_else(|| compose(line)),
        b'd' | b'e' if let Some(text) = event(line) => Some((Head::plain(Wrapper::Sse, None), text)),
        _ => bsd(line).or_else(|| compose(line)),
    }
}

/// A line of a stream of server-sent events, as it was logged: the data, or nothing where the line only names what follows or ends the
/// stream.
fn event(line: &[u8]) -> Option<&[u8]> {
    if let Some(data) = line.strip_prefix(b"data:") {
        return Some(if data.trim_ascii() == b"[DONE]" { b"" } else { data });
    }
    let name = line.strip_prefix(b"event:")?.trim_ascii();
    is_name(name).then_some(b"")
}

/// The bytes before the first blank, and those behind it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b' ', text.get(..MAX_NAME.min(text.len()))?)?;
    Some((&text[..end], &text[end + 1..]))
}

fn is_name(word: &[u8]) -> bool {
    let others = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    word.first().is_some_and(u8::is_ascii_alphanumeric) && word.iter().all(others)
}

fn without_newline(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\n").unwrap_or(text)
}

/// `TIME stdout F text` of CRI, `TIME HOST PROGRAM[PID]: text` of a system logger, or a time before a text, or before a word and an object.
fn after_time(line: &[u8], zone: Zone) -> Option<(Head<'_>, &[u8])> {
    let (stamp, rest) = word(line)?;
    if stamp.get(10) != Some(&b'T') {
        return None;
    }
    let time = Some(parse_rfc3339(stamp, zone)?);
    if let Some((stream @ (b"stdout" | b"stderr"), rest)) = word(rest) {
        let (tags, text) = word(rest).unwrap_or_else(|| (without_newline(rest), b""));
        let tag = tags.split(|byte| *byte == b':').next();
        if let Some(tag @ (b"F" | b"P")) = tag {
            let lane = if stream == b"stdout" { Lane::CriOut } else { Lane::CriErr };
            let head = Head { lane: Some(lane), goes_on: tag == b"P", ..Head::plain(Wrapper::Cri, time) };
            return Some((head, without_newline(text)));
        }
    }
    if let Some((host, rest)) = word(rest)
        && let Some((program, text)) = tagged(rest)
        && is_name(host)
    {
        // Without the process id it may as well be a level and a module.
        let host = if program.ends_with(b"]") { RawText::plain(host) } else { RawText::NONE };
        return Some((Head { host, ..Head::plain(Wrapper::Syslog, time) }, text));
    }
    // `aws logs tail` names the stream, others say a level.
    let named = word(rest)
        .filter(|(name, text)| text.starts_with(b"{\"") && !matches!(name.first(), None | Some(b'{' | b'[' | b'"')));
    Some((Head::plain(Wrapper::Timestamp, time), named.map_or(rest, |(_, text)| text)))
}

/// `<PRI>` and what RFC 5424, RFC 3164 or a newer RFC 3164 with a full time put behind it.
fn syslog(line: &[u8], zone: Zone) -> Option<(Head<'_>, &[u8])> {
    let end = memchr(b'>', line.get(..5.min(line.len()))?)?;
    let priority: u8 = std::str::from_utf8(&line[1..end]).ok()?.parse().ok()?;
    if priority > 191 {
        return None;
    }
    let rest = &line[end + 1..];
    if let Some(rest) = rest.strip_prefix(b"1 ") {
        return rfc5424(rest, zone);
    }
    if let Some(found) = bsd(rest) {
        return Some(found);
    }
    let (stamp, rest) = word(rest)?;
    let time = Some(parse_rfc3339(stamp, zone)?);
    let (host, rest) = word(rest)?;
    let (_, text) = tagged(rest)?;
    Some((Head { host: named(host), ..Head::plain(Wrapper::Syslog, time) }, text))
}

/// `-` stands for nothing.
fn named(host: &[u8]) -> RawText<'_> {
    if host == b"-" { RawText::NONE } else { RawText::plain(host) }
}

/// Time, host, program, process, message id, structured data, text.
fn rfc5424(rest: &[u8], zone: Zone) -> Option<(Head<'_>, &[u8])> {
    let (stamp, rest) = word(rest)?;
    let time = if stamp == b"-" { None } else { Some(parse_rfc3339(stamp, zone)?) };
    let (host, rest) = word(rest)?;
    let mut rest = rest;
    for _ in 0..3 {
        rest = word(rest)?.1;
    }
    let rest = match rest.split_first()? {
        (b'-', rest) => rest,
        (b'[', _) => structured_data(rest)?,
        _ => return None,
    };
    let text = cookie(rest.strip_prefix(b" ").unwrap_or(rest));
    Some((Head { host: named(host), ..Head::plain(Wrapper::Syslog, time) }, text))
}

/// What stands behind `[id name="value" …]…`; in a value `\` protects the next sign.
fn structured_data(text: &[u8]) -> Option<&[u8]> {
    let (mut inside, mut quoted, mut at) = (false, false, 0);
    loop {
        match text.get(at) {
            Some(b'\\') if quoted => at += 1,
            Some(b'"') if inside => quoted = !quoted,
            Some(b']') if inside && !quoted => inside = false,
            Some(b'[') if !inside => inside = true,
            Some(_) if inside => {}
            _ if inside => return None,
            _ => return text.get(at..),
        }
        at += 1;
    }
}

/// `Mmm dd hh:mm:ss HOST PROGRAM[PID]: text`; the program may be missing.
fn bsd(line: &[u8]) -> Option<(Head<'_>, &[u8])> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let (stamp, rest) = line.split_at_checked(16)?;
    let fits = |at: usize, kind: &[u8]| {
        kind.iter().zip(&stamp[at..]).all(|(kind, byte)| match kind {
            b'0' => byte.is_ascii_digit(),
            b'b' => byte.is_ascii_digit() || *byte == b' ',
            other => byte == other,
        })
    };
    if !MONTHS.iter().any(|month| stamp.starts_with(*month)) || !fits(3, b" b0 00:00:00 ") {
        return None;
    }
    let (host, rest) = word(rest)?;
    if !is_name(host) && host != b"-" {
        return None;
    }
    let text = tagged(rest).map_or_else(|| cookie(rest), |(_, text)| text);
    Some((Head { host: named(host), ..Head::plain(Wrapper::Syslog, None) }, text))
}

/// `PROGRAM[PID]: text` or `PROGRAM: text`.
fn tagged(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b':', text.get(..MAX_NAME.min(text.len()))?)?;
    let (program, rest) = (&text[..end], &text[end + 1..]);
    let name = program.split(|byte| *byte == b'[').next().unwrap_or_default();
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-/()@".contains(byte);
    if name.is_empty() || !name.iter().all(known) || !(program.len() == name.len() || program.ends_with(b"]")) {
        return None;
    }
    Some((program, cookie(rest.strip_prefix(b" ").unwrap_or(rest))))
}

/// `@cee:` announces JSON.
fn cookie(text: &[u8]) -> &[u8] {
    match text.strip_prefix(b"@cee:") {
        Some(rest) => rest.strip_prefix(b" ").unwrap_or(rest),
        None => text,
    }
}

/// `name-1  | text`.
fn compose(line: &[u8]) -> Option<(Head<'_>, &[u8])> {
    let bar = memchr(b'|', line.get(..MAX_NAME.min(line.len()))?)?;
    let name = line[..bar].strip_suffix(b" ")?.trim_ascii_end();
    let rest = &line[bar + 1..];
    let text = rest.strip_prefix(b" ").or_else(|| (without_newline(rest).is_empty()).then_some(rest))?;
    is_name(name).then(|| (Head::plain(Wrapper::Compose, None), text))
}
