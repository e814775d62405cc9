//! OpenTelemetry's protobuf, written and read the slow way: a writer for tests, and a reader that says in JSON what a request says in
//! protobuf, so that the two encodings can be held against each other.

use costtop::source::Signal;
use serde_json::{Map, Value, json};

/// Appends a field that holds bytes: a text or a message.
pub fn put(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | 2), out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends a field of eight bytes.
pub fn put_fixed(number: u32, bits: u64, out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | 1), out);
    out.extend_from_slice(&bits.to_le_bytes());
}

/// Appends a field that is a number.
pub fn put_varint(number: u32, value: u64, out: &mut Vec<u8>) {
    varint(u64::from(number << 3), out);
    varint(value, out);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// An attribute: texts, whole numbers, decimals, truths, and lists of texts.
pub fn put_attribute(number: u32, name: &str, value: &Value, out: &mut Vec<u8>) {
    let mut pair = Vec::new();
    put(1, name.as_bytes(), &mut pair);
    put(2, &any(value), &mut pair);
    put(number, &pair, out);
}

/// The message of a value.
pub fn any(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::String(text) => put(1, text.as_bytes(), &mut out),
        Value::Bool(truth) => put_varint(2, u64::from(*truth), &mut out),
        Value::Number(number) => match number.as_i64() {
            Some(number) => put_varint(3, number.cast_unsigned(), &mut out),
            None => put_fixed(4, number.as_f64().unwrap_or(f64::NAN).to_bits(), &mut out),
        },
        Value::Array(elements) => {
            let mut array = Vec::new();
            for element in elements {
                put(1, &any(element), &mut array);
            }
            put(5, &array, &mut out);
        }
        Value::Null | Value::Object(_) => put(6, b"", &mut out),
    }
    out
}

enum Field<'a> {
    Number(u64),
    Eight(u64),
    Four,
    Bytes(&'a [u8]),
}

/// All fields of a message, or `None` if it is none.
fn fields(mut rest: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let tag = take_varint(&mut rest)?;
        if tag >> 3 == 0 || tag > u64::from(u32::MAX) {
            return None;
        }
        let field = match tag & 7 {
            0 => Field::Number(take_varint(&mut rest)?),
            1 => Field::Eight(u64::from_le_bytes(take(&mut rest, 8)?.try_into().ok()?)),
            5 => take(&mut rest, 4).map(|_| Field::Four)?,
            2 => {
                let length = usize::try_from(take_varint(&mut rest)?).ok()?;
                Field::Bytes(take(&mut rest, length)?)
            }
            _ => return None,
        };
        fields.push((tag >> 3, field));
    }
    Some(fields)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value: u128 = 0;
    for place in 0..10 {
        let byte = take(rest, 1)?[0];
        value |= u128::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return u64::try_from(value).ok();
        }
    }
    None
}

/// What a request in protobuf says, in JSON. `None`: it cannot be read, or holds a text that JSON cannot.
pub fn json_of(signal: Signal, body: &[u8]) -> Option<Value> {
    let [of_resource, of_scope, records] = match signal {
        Signal::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
        Signal::Traces => ["resourceSpans", "scopeSpans", "spans"],
        Signal::Metrics => ["resourceMetrics", "scopeMetrics", "metrics"],
    };
    let mut resources = Vec::new();
    for resource in bytes_of(&fields(body)?, 1) {
        let parts = fields(resource)?;
        let mut attributes = Vec::new();
        for resource in bytes_of(&parts, 1) {
            attributes.extend(pairs(&fields(resource)?, 1)?);
        }
        let mut scopes = Vec::new();
        for scope in bytes_of(&parts, 2) {
            let parts = fields(scope)?;
            let mut name = Value::Null;
            for scope in bytes_of(&parts, 1) {
                name = last_text(&fields(scope)?, 1)?;
            }
            let mut all = Vec::new();
            for record in bytes_of(&parts, 2) {
                all.push(match signal {
                    Signal::Logs => log(record)?,
                    Signal::Traces => span(record)?,
                    Signal::Metrics => metric(record)?,
                });
            }
            scopes.push(json!({"scope": {"name": name}, records: all}));
        }
        resources.push(json!({"resource": {"attributes": attributes}, of_scope: scopes}));
    }
    Some(json!({of_resource: resources}))
}

fn bytes_of<'a>(fields: &[(u64, Field<'a>)], wanted: u64) -> Vec<&'a [u8]> {
    let bytes = |field: &(u64, Field<'a>)| match field {
        (number, Field::Bytes(bytes)) if *number == wanted => Some(*bytes),
        _ => None,
    };
    fields.iter().filter_map(bytes).collect()
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(Into::into)
}

fn last_text(fields: &[(u64, Field<'_>)], wanted: u64) -> Option<Value> {
    bytes_of(fields, wanted).last().map_or(Some(Value::Null), |bytes| text(bytes))
}

fn last_eight(fields: &[(u64, Field<'_>)], wanted: u64) -> u64 {
    let eight = |field: &(u64, Field<'_>)| match field {
        (number, Field::Eight(bits)) if *number == wanted => Some(*bits),
        _ => None,
    };
    fields.iter().rev().find_map(eight).unwrap_or(0)
}

fn last_number(fields: &[(u64, Field<'_>)], wanted: u64) -> u64 {
    let number = |field: &(u64, Field<'_>)| match field {
        (number, Field::Number(value)) if *number == wanted => Some(*value),
        _ => None,
    };
    fields.iter().rev().find_map(number).unwrap_or(0)
}

fn hex(fields: &[(u64, Field<'_>)], wanted: u64) -> String {
    let digit = |digit: u8| char::from(b"0123456789ABCDEF"[usize::from(digit)]);
    let id = bytes_of(fields, wanted).last().copied().unwrap_or_default();
    id.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn pairs(fields: &[(u64, Field<'_>)], wanted: u64) -> Option<Vec<Value>> {
    let mut all = Vec::new();
    for pair in bytes_of(fields, wanted) {
        let parts = self::fields(pair)?;
        let mut value = json!({});
        for bytes in bytes_of(&parts, 2) {
            value = value_of(bytes, true)?;
        }
        all.push(json!({"key": last_text(&parts, 1)?, "value": value}));
    }
    Some(all)
}

/// The last of the kinds that is there.
fn value_of(message: &[u8], arrays: bool) -> Option<Value> {
    let mut value = json!({});
    for field in fields(message)? {
        value = match field {
            (1, Field::Bytes(bytes)) => json!({"stringValue": text(bytes)?}),
            (2, Field::Number(truth)) => json!({"boolValue": truth != 0}),
            // As text, so that nothing is lost.
            (3, Field::Number(number)) => json!({"intValue": number.cast_signed().to_string()}),
            (4, Field::Eight(bits)) => double("doubleValue", bits),
            (5, Field::Bytes(array)) if arrays => {
                let mut elements = Vec::new();
                for element in bytes_of(&fields(array)?, 1) {
                    elements.push(value_of(element, false)?);
                }
                json!({"arrayValue": {"values": elements}})
            }
            (6, Field::Bytes(_)) if arrays => json!({"kvlistValue": {}}),
            (7, Field::Bytes(_)) if arrays => json!({"bytesValue": ""}),
            _ => value,
        };
    }
    Some(value)
}

fn double(name: &str, bits: u64) -> Value {
    let number = f64::from_bits(bits);
    let mut members = Map::new();
    members.insert(name.to_owned(), if number.is_finite() { number.into() } else { number.to_string().into() });
    Value::Object(members)
}

fn log(record: &[u8]) -> Option<Value> {
    let parts = fields(record)?;
    let mut body = json!({});
    for bytes in bytes_of(&parts, 5) {
        body = value_of(bytes, true)?;
    }
    Some(json!({
        "timeUnixNano": last_eight(&parts, 1).to_string(),
        "observedTimeUnixNano": last_eight(&parts, 11).to_string(),
        "body": body,
        "attributes": pairs(&parts, 6)?,
        "traceId": hex(&parts, 9),
        "spanId": hex(&parts, 10),
        "eventName": last_text(&parts, 12)?,
    }))
}

fn span(record: &[u8]) -> Option<Value> {
    let parts = fields(record)?;
    let mut code = 0;
    for status in bytes_of(&parts, 15) {
        for field in fields(status)? {
            if let (3, Field::Number(number)) = field {
                code = number;
            }
        }
    }
    Some(json!({
        "traceId": hex(&parts, 1),
        "spanId": hex(&parts, 2),
        "name": last_text(&parts, 5)?,
        "startTimeUnixNano": last_eight(&parts, 7).to_string(),
        "endTimeUnixNano": last_eight(&parts, 8).to_string(),
        "attributes": pairs(&parts, 9)?,
        "status": {"code": code},
    }))
}

fn metric(record: &[u8]) -> Option<Value> {
    let parts = fields(record)?;
    let mut metric = Map::new();
    metric.insert("name".to_owned(), last_text(&parts, 1)?);
    metric.insert("unit".to_owned(), last_text(&parts, 3)?);
    for (number, kind, attributes, sum) in
        [(5, "gauge", 7, 0), (7, "sum", 7, 0), (9, "histogram", 9, 5), (10, "exponentialHistogram", 1, 5)]
    {
        for of_kind in bytes_of(&parts, number) {
            let parts = fields(of_kind)?;
            let mut points = Vec::new();
            for point in bytes_of(&parts, 1) {
                points.push(data_point(point, attributes, sum)?);
            }
            let of_kind = json!({
                "dataPoints": points,
                "aggregationTemporality": last_number(&parts, 2),
            });
            metric.insert(kind.to_owned(), of_kind);
        }
    }
    Some(Value::Object(metric))
}

fn data_point(point: &[u8], attributes: u64, sum: u64) -> Option<Value> {
    let parts = fields(point)?;
    let mut all = Map::new();
    all.insert("attributes".to_owned(), pairs(&parts, attributes)?.into());
    for field in &parts {
        let (name, value) = match field {
            (2, Field::Eight(bits)) => ("startTimeUnixNano", bits.to_string().into()),
            (3, Field::Eight(bits)) => ("timeUnixNano", bits.to_string().into()),
            (4, Field::Eight(bits)) if sum == 0 => ("asDouble", double("v", *bits)["v"].clone()),
            (6, Field::Eight(bits)) if sum == 0 => ("asInt", bits.cast_signed().to_string().into()),
            (number, Field::Eight(bits)) if *number == sum => ("sum", double("v", *bits)["v"].clone()),
            _ => continue,
        };
        if matches!(name, "asDouble" | "asInt") {
            all.remove("asDouble");
            all.remove("asInt");
        }
        all.insert(name.to_owned(), value);
    }
    Some(Value::Object(all))
}
