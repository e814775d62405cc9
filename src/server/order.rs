//! Orders from a shell or from a screen elsewhere: JSON enters, a typed order leaves, or what is wrong with it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::alarm::Adjustment;
use crate::label::{Label, clean};
use crate::money::Money;
use crate::time::{Timestamp, Zone, parse_rfc3339};
use crate::usage::Dimension;

/// Nobody sleeps for longer than a month.
const MOST_MINUTES: i64 = 31 * 1440;
/// No correction of a budget is larger than this, in dollars.
const MOST_DOLLARS: i128 = 1_000_000_000;

/// What a person wants changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// This alarm has been seen; without one, every firing one.
    Acknowledge(Option<String>),
    /// This alarm is silent for so many minutes; without one, every firing one.
    Snooze(Option<String>, i64),
    /// The bell is silent for so many minutes; `None`: until it is resumed.
    Silence(Option<i64>),
    /// The bell rings again.
    Resume,
    /// Budgets are corrected. Who did it is still to be said.
    Adjust(Box<Adjustment>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlarmOrder {
    alarm: Option<String>,
    #[serde(default)]
    all: bool,
    minutes: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BellOrder {
    silent: bool,
    minutes: Option<i64>,
}

impl Order {
    /// Reads the body that came to `path`; `known` are the dimensions that there are.
    pub(super) fn read(path: &str, body: &[u8], known: &[Dimension]) -> Result<Order, String> {
        match path {
            "/v1/bell" => {
                let bell: BellOrder = parse(body, r#"{"silent":true,"minutes":30}"#)?;
                let minutes = bell.minutes.map(minutes).transpose()?;
                Ok(if bell.silent { Order::Silence(minutes) } else { Order::Resume })
            }
            "/v1/adjust" => adjustment(body, known).map(|adjustment| Order::Adjust(Box::new(adjustment))),
            _ => {
                let snooze = path.ends_with("snooze");
                let example =
                    if snooze { r#"{"alarm":"everything","minutes":60}"# } else { r#"{"alarm":"everything"}"# };
                let order: AlarmOrder = parse(body, example)?;
                if order.all == order.alarm.is_some() {
                    return Err(format!(r#"say which alarm, or "all":true: {example}"#));
                }
                match (snooze, order.minutes) {
                    (false, None) => Ok(Order::Acknowledge(order.alarm)),
                    (false, Some(_)) => Err(format!("'minutes' has no meaning here: send {example}")),
                    (true, Some(length)) => Ok(Order::Snooze(order.alarm, minutes(length)?)),
                    (true, None) => Err(format!("say for how many minutes: {example}")),
                }
            }
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8], example: &str) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| {
        let error = error.to_string();
        format!("not understood ({}): send {example}", clean(&error))
    })
}

fn minutes(minutes: i64) -> Result<i64, String> {
    if (1..=MOST_MINUTES).contains(&minutes) {
        return Ok(minutes);
    }
    Err(format!("'minutes' is {minutes}: use 1 to {MOST_MINUTES}"))
}

/// An adjustment record as NDJSON has it, with an id.
fn adjustment(body: &[u8], known: &[Dimension]) -> Result<Adjustment, String> {
    const EXAMPLE: &str = r#"{"type":"adjustment","id":"…","ts":"2026-11-21T10:00:00Z","user":"ada","cost_usd":"-10.00","reason":"refund"}"#;
    let record: Map<String, Value> = parse(body, EXAMPLE)?;
    let mut read = Adjustment {
        id: Label::new(""),
        time: Timestamp::now(),
        budget: None,
        of: Vec::new(),
        session: None,
        amount: Money::ZERO,
        reason: None,
        by: Label::new(""),
    };
    for (key, value) in &record {
        let text = match value {
            Value::String(text) => text.clone(),
            // As written: no float in between.
            Value::Number(number) if key == "cost_usd" => number.to_string(),
            Value::Null => continue,
            _ => return Err(format!("'{}' is no text: send {EXAMPLE}", clean(key))),
        };
        let label = Label::new(&text);
        match key.as_str() {
            "type" if text == "adjustment" => {}
            "type" => return Err(format!("type '{label}' is not taken here: send {EXAMPLE}")),
            "id" => read.id = label,
            "ts" => {
                read.time = parse_rfc3339(text.as_bytes(), Zone::UTC)
                    .ok_or_else(|| format!("'ts' is '{label}': use RFC 3339, such as 2026-11-21T10:00:00Z"))?;
            }
            "budget" => read.budget = Some(label),
            "session_id" => read.session = Some(label),
            "reason" => read.reason = Some(label),
            "cost_usd" => {
                let amount =
                    Money::parse(text.as_bytes()).map_err(|error| format!("'cost_usd' is '{label}': {error}"))?;
                if amount == Money::ZERO || amount.pico().abs() > MOST_DOLLARS * 1_000_000_000_000 {
                    return Err(format!("'cost_usd' is '{label}': use dollars other than 0, at most {MOST_DOLLARS}"));
                }
                read.amount = amount;
            }
            name => match known.iter().find(|dimension| dimension.name() == name) {
                Some(dimension) => read.of.push((*dimension, label)),
                None => return Err(format!("unknown key '{}': send {EXAMPLE}", clean(name))),
            },
        }
    }
    if read.amount == Money::ZERO {
        return Err(format!("say by how much in 'cost_usd': {EXAMPLE}"));
    }
    if read.id.as_str().is_empty() {
        return Err(format!("say an 'id' that is yours alone, so that a repeated request counts once: {EXAMPLE}"));
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, body: &str) -> Result<Order, String> {
        Order::read(path, body.as_bytes(), &Dimension::ALL)
    }

    #[test]
    fn orders_say_exactly_one_thing() {
        let one = Order::Acknowledge(Some("everything".to_owned()));
        assert_eq!(read("/v1/alarms/ack", r#"{"alarm":"everything"}"#), Ok(one));
        assert_eq!(read("/v1/alarms/snooze", r#"{"all":true,"minutes":60}"#), Ok(Order::Snooze(None, 60)));
        assert_eq!(read("/v1/bell", r#"{"silent":true}"#), Ok(Order::Silence(None)));
        assert_eq!(read("/v1/bell", r#"{"silent":false}"#), Ok(Order::Resume));
        for (path, body) in [
            ("/v1/alarms/ack", "{}"),
            ("/v1/alarms/ack", ""),
            ("/v1/alarms/ack", r#"{"alarm":"a","all":true}"#),
            ("/v1/alarms/ack", r#"{"alarm":"a","minutes":3}"#),
            ("/v1/alarms/snooze", r#"{"alarm":"a"}"#),
            ("/v1/alarms/snooze", r#"{"alarm":"a","minutes":0}"#),
            ("/v1/alarms/snooze", r#"{"alarm":"a","minutes":9223372036854775807}"#),
            ("/v1/bell", r#"{"silence":true}"#),
        ] {
            assert!(read(path, body).is_err(), "{path} {body}");
        }
    }

    #[test]
    fn an_adjustment_is_a_record_with_an_id() {
        let record = r#"{"type":"adjustment","id":"a1","ts":"2026-11-21T10:00:00Z","user":"ada","cost_usd":"-10.00"}"#;
        let Ok(Order::Adjust(read_one)) = read("/v1/adjust", record) else { panic!("an adjustment") };
        assert_eq!((read_one.amount.to_string().as_str(), read_one.of.len()), ("-10.000000000000", 1));
        for (wrong, said) in [
            (r#"{"id":"a","cost_usd":"0"}"#, "other than 0"),
            (r#"{"id":"a"}"#, "by how much"),
            (r#"{"cost_usd":"-1"}"#, "an 'id'"),
            (r#"{"id":"a","cost_usd":"ten"}"#, "not a decimal number"),
            (r#"{"id":"a","cost_usd":"-1","usr":"ada"}"#, "unknown key 'usr'"),
            (r#"{"id":"a","cost_usd":"-1","type":"transfer"}"#, "type 'transfer'"),
            (r#"{"id":"a","cost_usd":"1e30"}"#, "too large"),
        ] {
            let error = read("/v1/adjust", wrong).unwrap_err();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }
}
