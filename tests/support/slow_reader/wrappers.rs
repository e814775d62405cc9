//! What stands around a line, as the slow reader sees it: wrappers are taken off, records are handed to their readers.

use costtop::config::MappingConfig;
use costtop::format::Skip;
use costtop::time::{Timestamp, Zone, parse_rfc3339};
use costtop::usage::Rejection;
use serde_json::Value;

use super::{Expected, Ordered, Record, Text, depth_of, is_lenient, object, otlp, read as read_record, set_time};

/// What a line is.
pub enum Seen {
    Blank,
    Part,
    /// A text goes on in a later element of the same array: joining is for other tests.
    Joined,
    /// `serde_json` refuses it and says why; the scanner may be milder.
    Unsure(String),
    Records,
}

/// What a wrapper says.
#[derive(Default)]
struct Around {
    time: Expected,
    host: Text,
    goes_on: bool,
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Reads one line and appends the fates of its records.
pub fn read(own: &[MappingConfig], line: &str, depth: u32, fates: &mut Vec<Result<Expected, Skip>>) -> Seen {
    if depth == 0 && matches!(line.strip_prefix('\u{feff}').unwrap_or(line).trim_ascii_end(), "{" | "[") {
        return Seen::Part;
    }
    let text = line.strip_prefix('\u{feff}').unwrap_or(line).trim_start_matches(BLANKS);
    match text.chars().next() {
        None => Seen::Blank,
        Some(']') if depth == 0 && text.trim_ascii_end() == "]" => Seen::Blank,
        Some('{') => record(own, text, depth, fates),
        Some('[') if !line.starts_with("[pod/") => array(own, text, depth, fates),
        Some(_) => match prefix(line).filter(|_| depth < 3) {
            Some((around, inner)) => inside(own, &around, inner, depth, fates),
            None if depth > 0 => {
                fates.push(Err(Skip::NotUsage));
                Seen::Records
            }
            None => match serde_json::from_str::<Ordered>(text) {
                Ok(_) => {
                    fates.push(Err(Skip::NotUsage));
                    Seen::Records
                }
                Err(error) => Seen::Unsure(error.to_string()),
            },
        },
    }
}

fn array(own: &[MappingConfig], text: &str, depth: u32, fates: &mut Vec<Result<Expected, Skip>>) -> Seen {
    let records = match serde_json::from_str::<Vec<Record>>(text) {
        Ok(records) => records,
        Err(error) => return several(own, text, depth, fates).unwrap_or_else(|| Seen::Unsure(error.to_string())),
    };
    if records.iter().map(depth_of).max().unwrap_or(0) + 1 > 64 {
        fates.push(Err(Skip::Rejected(Rejection::Depth)));
    } else if records.is_empty() {
        fates.push(Err(Skip::NotUsage));
    }
    if fates.last().is_some()
        && (records.is_empty() || matches!(fates.last(), Some(Err(Skip::Rejected(Rejection::Depth)))))
    {
        return Seen::Records;
    }
    if records.len() > 1 && records.iter().any(super::agents::has_context) {
        // An element says what later ones mean: folding is for other tests.
        return Seen::Joined;
    }
    each(own, &records, depth, fates)
}

fn each(own: &[MappingConfig], records: &[Record], depth: u32, fates: &mut Vec<Result<Expected, Skip>>) -> Seen {
    for (place, record) in records.iter().enumerate() {
        match one(own, record, depth, fates) {
            Seen::Unsure(error) => return Seen::Unsure(error),
            Seen::Joined => return Seen::Joined,
            Seen::Part if place + 1 < records.len() => return Seen::Joined,
            _ => {}
        }
    }
    Seen::Records
}

/// Objects one behind the other, or a part of a list: its first elements, some in the middle, its last ones.
fn several(own: &[MappingConfig], text: &str, depth: u32, fates: &mut Vec<Result<Expected, Skip>>) -> Option<Seen> {
    let text = text.trim_matches(BLANKS);
    let (begin, end) = (text.starts_with('['), text.ends_with(']'));
    let inner = text.strip_prefix('[').unwrap_or(text);
    let inner = inner.strip_suffix(']').unwrap_or(inner).trim_matches(BLANKS);
    let (comma, mut rest) = (inner.ends_with(','), inner.strip_suffix(',').unwrap_or(inner));
    let part = match (begin, comma, end) {
        (false, false, false) => false,
        (_, true, false) | (false, false, true) => true,
        _ => return None,
    };
    let mut records = Vec::new();
    loop {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Record>();
        let record = match values.next()? {
            Ok(record @ Record::Object(_)) => record,
            Err(error) if is_lenient(&error.to_string(), text) => return Some(Seen::Unsure(error.to_string())),
            _ => return None,
        };
        rest = rest[values.byte_offset()..].trim_start_matches(BLANKS);
        records.push(record);
        if rest.is_empty() {
            break;
        }
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    if !part && records.len() < 2 || records[1..].iter().any(|record| depth_of(record) > 64) {
        return None;
    }
    let early = !begin && matches!(&records[0], Record::Object(members) if super::leaves_early(members));
    match (depth_of(&records[0]) > 64, early) {
        // Nobody looks behind it.
        (false, true) => fates.push(Err(Skip::NotUsage)),
        (true, false) => fates.push(Err(Skip::Rejected(Rejection::Depth))),
        // What stands first decides.
        (true, true) => return Some(Seen::Unsure("too deep, and left early".to_owned())),
        (false, false) if records.iter().any(super::agents::has_context) => return Some(Seen::Joined),
        (false, false) => return Some(each(own, &records, depth, fates)),
    }
    Some(Seen::Records)
}

fn record(own: &[MappingConfig], text: &str, depth: u32, fates: &mut Vec<Result<Expected, Skip>>) -> Seen {
    match serde_json::from_str::<Record>(text) {
        Ok(record) => one(own, &record, depth, fates),
        Err(error) => several(own, text, depth, fates).unwrap_or_else(|| Seen::Unsure(error.to_string())),
    }
}

fn one(own: &[MappingConfig], record: &Record, depth: u32, fates: &mut Vec<Result<Expected, Skip>>) -> Seen {
    if let Record::Object(members) = record
        && depth_of(record) <= 64
    {
        let whole = object(members.iter().cloned());
        if !super::is_mapped(own, members, &whole)
            && !super::leaves_early(members)
            && let Some(texts) = wrapped(members, &whole)
        {
            if depth >= 3 {
                fates.push(Err(Skip::NotUsage));
                return Seen::Records;
            }
            let several = texts.len() > 1;
            let mut last = Seen::Records;
            for (around, inner) in texts {
                let before = fates.len();
                match inside(own, &around, &inner, depth, fates) {
                    Seen::Unsure(error) => return Seen::Unsure(error),
                    Seen::Blank if holds_events(&whole) => fates.push(Err(Skip::NotUsage)),
                    Seen::Joined => return Seen::Joined,
                    Seen::Part if several => return Seen::Joined,
                    seen => last = seen,
                }
                debug_assert!(fates.len() >= before);
            }
            return last;
        }
    }
    let mapped = match record {
        Record::Object(members) => super::is_mapped(own, members, &object(members.iter().cloned())),
        Record::Other(_) => false,
    };
    if let Some(requests) = otlp::read(record).or_else(|| super::agents::many(record)).filter(|_| !mapped) {
        fates.extend(requests);
    } else {
        let fate = read_record(own, record);
        let advisors = super::advisors(own, record, &fate);
        fates.push(fate);
        fates.extend(advisors);
    }
    Seen::Records
}

fn inside(
    own: &[MappingConfig],
    around: &Around,
    inner: &str,
    depth: u32,
    fates: &mut Vec<Result<Expected, Skip>>,
) -> Seen {
    if around.goes_on {
        return Seen::Part;
    }
    let before = fates.len();
    let seen = read(own, inner, depth + 1, fates);
    for expected in fates[before..].iter_mut().flatten() {
        if expected.exact_time.is_none() && !expected.time.is_some_and(|time| time >= 1e-9) {
            (expected.exact_time, expected.time) = (around.time.exact_time, around.time.time);
        }
        let host = expected.texts.get("host").cloned().unwrap_or_default().or(around.host.clone());
        expected.texts.insert("host", host);
    }
    match seen {
        // A wrapped text that serde_json refuses: the readers need not agree on it.
        Seen::Unsure(error) if is_lenient(&error, inner) => Seen::Unsure(error),
        other => other,
    }
}

/// The texts in a wrapper that is JSON.
fn wrapped(members: &[(String, Value)], record: &Value) -> Option<Vec<(Around, String)>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let mut around = Around::default();
    if let Value::String(log) = &record["log"]
        && matches!(record["stream"].as_str(), Some("stdout" | "stderr"))
    {
        set_time(&mut around.time, &record["time"]);
        around.goes_on = !log.ends_with('\n');
        return Some(vec![(around, log.clone())]);
    }
    if record.get("MESSAGE").is_none() || record.get("__REALTIME_TIMESTAMP").is_none() {
        return cloudwatch(members, record);
    }
    let message = match &record["MESSAGE"] {
        Value::Array(bytes) => {
            let byte = |value: &Value| super::tokens(value).ok().and_then(|byte| u8::try_from(byte).ok()).unwrap_or(0);
            let bytes: Vec<u8> = bytes.iter().map(byte).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        other => text(other).unwrap_or_default(),
    };
    set_time(&mut around.time, &record["__REALTIME_TIMESTAMP"]);
    around.host = super::text(&record["_HOSTNAME"]);
    Some(vec![(around, message)])
}

/// Events of `CloudWatch`. A `message` alone wraps only what is no usage by itself.
fn cloudwatch(members: &[(String, Value)], record: &Value) -> Option<Vec<(Around, String)>> {
    let event = |event: &Value| {
        let mut around = Around::default();
        set_time(&mut around.time, super::last_of(event, &["timestamp", "@timestamp"]));
        let text = match super::last_of(event, &["message", "@message"]) {
            object @ Value::Object(_) => object.to_string(),
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        (around, text)
    };
    if let Some(events) = record["logEvents"].as_array().filter(|events| !events.is_empty()) {
        return Some(events.iter().map(event).collect());
    }
    let is_json = record["message"].as_str().is_some_and(|message| message.starts_with('{'));
    if asks_events(record) && super::kind(members, record).is_none() {
        return record["events"].as_array().map(|events| events.iter().map(event).collect());
    }
    let wraps = record.get("@message").is_some() || is_json && super::kind(members, record).is_none();
    wraps.then(|| vec![event(record)])
}

fn name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn word(text: &str) -> Option<(&str, &str)> {
    text.split_once(' ').filter(|(word, _)| word.len() < 256)
}

fn at(time: Option<Timestamp>) -> Around {
    Around { time: Expected { exact_time: time, ..Expected::default() }, ..Around::default() }
}

fn host(around: Around, host: &str) -> Around {
    let host = if host == "-" || host.is_empty() { Text::None } else { Text::Is(host.to_owned()) };
    Around { host, ..around }
}

/// The text behind a prefix that is no JSON.
fn prefix(line: &str) -> Option<(Around, &str)> {
    if let Some(rest) = line.strip_prefix("[pod/") {
        let (pod, text) = rest.split_once("] ")?;
        return (pod.len() + 7 <= 256).then_some((Around::default(), text));
    }
    if let Some(rest) = line.strip_prefix('<') {
        let (priority, rest) = rest.split_once('>').filter(|(priority, _)| priority.len() <= 3)?;
        let digits = priority.strip_prefix('+').unwrap_or(priority);
        digits.parse::<u16>().ok().filter(|priority| *priority <= 191)?;
        return syslog(rest);
    }
    if let Some(data) = line.strip_prefix("data:") {
        return Some((Around::default(), if data.trim_ascii() == "[DONE]" { "" } else { data }));
    }
    if let Some(name) = line.strip_prefix("event:").map(str::trim_ascii)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    {
        return Some((Around::default(), ""));
    }
    let first = line.chars().next()?;
    if first.is_ascii_digit() {
        return timed(line).or_else(|| compose(line));
    }
    bsd(line).or_else(|| compose(line))
}

fn timed(line: &str) -> Option<(Around, &str)> {
    let (stamp, rest) = word(line).filter(|(stamp, _)| stamp.as_bytes().get(10) == Some(&b'T'))?;
    let time = Some(parse_rfc3339(stamp.as_bytes(), Zone::UTC)?);
    if let Some((_, rest)) = word(rest).filter(|(stream, _)| ["stdout", "stderr"].contains(stream)) {
        let whole = |text: &'_ str| -> usize { text.strip_suffix('\n').unwrap_or(text).len() };
        let (tags, text) = word(rest).unwrap_or((&rest[..whole(rest)], ""));
        let tag = tags.split(':').next().unwrap_or_default();
        if tag == "P" || tag == "F" {
            return Some((Around { goes_on: tag == "P", ..at(time) }, &text[..whole(text)]));
        }
    }
    if let Some((machine, rest)) = word(rest).filter(|(machine, _)| name(machine))
        && let Some((program, text)) = tagged(rest)
    {
        let known = if program.ends_with(']') { machine } else { "" };
        return Some((host(at(time), known), text));
    }
    let named = word(rest)
        .filter(|(name, text)| text.starts_with("{\"") && !name.is_empty() && !name.starts_with(['{', '[', '"']));
    Some((at(time), named.map_or(rest, |(_, text)| text)))
}

fn syslog(rest: &str) -> Option<(Around, &str)> {
    if let Some(rest) = rest.strip_prefix("1 ") {
        let (stamp, rest) = word(rest)?;
        let time = if stamp == "-" { None } else { Some(parse_rfc3339(stamp.as_bytes(), Zone::UTC)?) };
        let (machine, mut rest) = word(rest)?;
        for _ in 0..3 {
            rest = word(rest)?.1;
        }
        let rest = match rest.chars().next()? {
            '-' => &rest[1..],
            '[' => data(rest)?,
            _ => return None,
        };
        return Some((host(at(time), machine), cee(rest.strip_prefix(' ').unwrap_or(rest))));
    }
    if let Some(found) = bsd(rest) {
        return Some(found);
    }
    let (stamp, rest) = word(rest)?;
    let time = Some(parse_rfc3339(stamp.as_bytes(), Zone::UTC)?);
    let (machine, rest) = word(rest)?;
    let (_, text) = tagged(rest)?;
    Some((host(at(time), machine), text))
}

/// What stands behind structured data.
fn data(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(mut inner) = rest.strip_prefix('[') {
        loop {
            let at = inner.find(['"', ']'])?;
            if inner.as_bytes()[at] == b']' {
                rest = &inner[at + 1..];
                break;
            }
            inner = &inner[at + 1..];
            loop {
                let at = inner.find(['"', '\\'])?;
                let quote = inner.as_bytes()[at] == b'"';
                let after = &inner[at + 1..];
                inner = if quote { after } else { after.get(after.chars().next()?.len_utf8()..)? };
                if quote {
                    break;
                }
            }
        }
    }
    Some(rest)
}

fn bsd(line: &str) -> Option<(Around, &str)> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let stamp = line.as_bytes().get(..16)?;
    let digit = |at: usize| stamp[at].is_ascii_digit();
    let shaped = [4, 5, 7, 8, 10, 11, 13, 14].into_iter().all(|at| digit(at) || at == 4 && stamp[4] == b' ')
        && [(3, b' '), (6, b' '), (9, b':'), (12, b':'), (15, b' ')].into_iter().all(|(at, sign)| stamp[at] == sign);
    if !shaped || !MONTHS.iter().any(|month| line.starts_with(month)) {
        return None;
    }
    let (machine, rest) = word(&line[16..]).filter(|(machine, _)| name(machine) || *machine == "-")?;
    let text = tagged(rest).map_or_else(|| cee(rest), |(_, text)| text);
    Some((host(Around::default(), machine), text))
}

fn tagged(text: &str) -> Option<(&str, &str)> {
    let (program, rest) = text.split_once(':').filter(|(program, _)| program.len() < 256)?;
    let short = program.split('[').next()?;
    let known = !short.is_empty() && short.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/()@".contains(c));
    let closed = short == program || program.ends_with(']');
    (known && closed).then(|| (program, cee(rest.strip_prefix(' ').unwrap_or(rest))))
}

fn cee(text: &str) -> &str {
    text.strip_prefix("@cee:").map_or(text, |rest| rest.strip_prefix(' ').unwrap_or(rest))
}

fn compose(line: &str) -> Option<(Around, &str)> {
    let (service, rest) = line.split_once('|').filter(|(service, _)| service.len() < 256)?;
    let service = service.strip_suffix(' ')?.trim_end_matches([' ', '\t', '\n', '\r', '\u{c}']);
    let text = match rest.strip_prefix(' ') {
        Some(text) => text,
        None if rest.is_empty() || rest == "\n" => rest,
        None => return None,
    };
    name(service).then_some((Around::default(), text))
}

/// Whether the texts in a record are events of `CloudWatch`: Docker's wrapper comes first.
fn holds_events(record: &Value) -> bool {
    let is_docker = record["log"].is_string() && matches!(record["stream"].as_str(), Some("stdout" | "stderr"));
    !is_docker && (record["logEvents"].as_array().is_some_and(|events| !events.is_empty()) || asks_events(record))
}

/// Whether a record is the answer of somebody who asked `CloudWatch` for events.
fn asks_events(record: &Value) -> bool {
    let is_text = |value: &Value| matches!(value, Value::String(_));
    record["events"].as_array().and_then(|events| events.first()).is_some_and(|event| is_text(&event["message"]))
        && record.get("@message").is_none()
        && !record["message"].as_str().is_some_and(|message| message.starts_with('{'))
}
