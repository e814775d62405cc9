//! Orders from a shell or from a screen elsewhere: JSON enters, a typed order leaves, or what is wrong with it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::alarm::{Adjustment, EXAMPLE, Stated, StatedNames};
use crate::label::clean;
use crate::time::{Timestamp, Zone};
use crate::usage::{Dimension, UserField};

/// Nobody sleeps for longer than a month.
const MOST_MINUTES: i64 = 31 * 1440;

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

/// An adjustment record as NDJSON has it, with an id and nothing that is not understood: a person can say it better.
fn adjustment(body: &[u8], known: &[Dimension]) -> Result<Adjustment, String> {
    let record: Map<String, Value> = parse(body, EXAMPLE)?;
    let names = StatedNames { known, user_order: &[UserField::User], zone: Zone::UTC };
    let Stated { adjustment, bad_time, unknown, .. } = Stated::read(&record, names, Timestamp::now())?;
    if let Some(time) = bad_time {
        return Err(format!("'ts' is '{time}': use RFC 3339, such as 2026-11-21T10:00:00Z"));
    }
    if let Some(name) = unknown {
        return Err(format!("unknown key '{name}': send {EXAMPLE}"));
    }
    if adjustment.id.as_str().is_empty() {
        return Err(format!("say an 'id' that is yours alone, so that a repeated request counts once: {EXAMPLE}"));
    }
    Ok(adjustment)
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
