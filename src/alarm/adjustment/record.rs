//! An adjustment as JSON has it: the members of a record enter, an [`Adjustment`] leaves, or what is wrong with it. Decides neither whether
//! it counts nor what to do with members that nobody knows.

use serde_json::{Map, Value};

use super::Adjustment;
use crate::label::{Label, clean};
use crate::money::Money;
use crate::time::{Timestamp, Zone, parse_rfc3339};
use crate::usage::{Dimension, UserField};

/// What to write.
pub const EXAMPLE: &str =
    r#"{"type":"adjustment","id":"…","ts":"2026-11-21T10:00:00Z","user":"ada","cost_usd":"-10.00","reason":"refund"}"#;

/// No correction of a budget is larger than this, in dollars.
const MOST_DOLLARS: i128 = 1_000_000_000;

/// By which names a record says for whom it is.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Everything by which charges can be told apart here.
    pub known: &'a [Dimension],
    /// Which of a record's names is the user, best first.
    pub user_order: &'a [UserField],
    /// Where times without a zone are.
    pub zone: Zone,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The adjustment; where the record has no id or no time, those are empty and `now`.
    pub adjustment: Adjustment,
    /// Its time, if there is one that can be read.
    pub time: Option<Timestamp>,
    /// A time that cannot be read.
    pub bad_time: Option<Label>,
    /// The first member that means nothing here.
    pub unknown: Option<String>,
}

impl Stated {
    /// Reads the members of a record.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn read(record: &Map<String, Value>, names: Names<'_>, now: Timestamp) -> Result<Stated, String> {
        let adjustment = Adjustment {
            id: Label::new(""),
            time: now,
            budget: None,
            of: Vec::new(),
            session: None,
            amount: Money::ZERO,
            reason: None,
            by: Label::new(""),
        };
        let mut stated = Stated { adjustment, time: None, bad_time: None, unknown: None };
        let mut users = Vec::new();
        for (key, value) in record {
            stated.member(key, value, names, &mut users)?;
        }
        let stated_user = |field: &UserField| users.iter().find(|(of, _)| of == field).map(|(_, label)| label.clone());
        if let Some(user) = names.user_order.iter().find_map(stated_user) {
            stated.adjustment.of.push((Dimension::User, user));
        }
        if stated.adjustment.amount == Money::ZERO {
            return Err(format!("say by how much in 'cost_usd': {EXAMPLE}"));
        }
        stated.adjustment.time = stated.time.unwrap_or(now);
        Ok(stated)
    }

    fn member(
        &mut self,
        key: &str,
        value: &Value,
        names: Names<'_>,
        users: &mut Vec<(UserField, Label)>,
    ) -> Result<(), String> {
        let text = match value {
            Value::Null => return Ok(()),
            Value::String(text) => Some(text.clone()),
            // As written: no float in between.
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let dimension = match key {
            "task_type" => Some(Dimension::Feature),
            name => names.known.iter().copied().find(|dimension| dimension.name() == name),
        };
        let user = match key {
            "user" | "user_id" => Some(UserField::User),
            "end_user" => Some(UserField::EndUser),
            "user_email" => Some(UserField::UserEmail),
            "key" => Some(UserField::KeyAlias),
            _ => None,
        };
        let user = user.filter(|field| names.user_order.contains(field));
        let others = ["type", "id", "ts", "timestamp", "budget", "session_id", "reason", "cost_usd"];
        if dimension.is_none() && user.is_none() && !others.contains(&key) {
            self.unknown.get_or_insert_with(|| clean(key).into_owned());
            return Ok(());
        }
        let Some(text) = text else { return Err(format!("'{}' is no text: send {EXAMPLE}", clean(key))) };
        let label = Label::new(&text);
        if label.as_str().is_empty() {
            return Ok(());
        }
        let of = &mut self.adjustment;
        match key {
            "type" if text == "adjustment" => {}
            "type" => return Err(format!("type '{label}' is not taken here: send {EXAMPLE}")),
            "id" => of.id = label,
            "ts" | "timestamp" => {
                self.time = parse_rfc3339(text.as_bytes(), names.zone).or(self.time);
                self.bad_time = if self.time.is_none() { Some(label) } else { None };
            }
            "budget" => of.budget = Some(label),
            "session_id" => of.session = Some(label),
            "reason" => of.reason = Some(label),
            "cost_usd" => {
                let amount =
                    Money::parse(text.as_bytes()).map_err(|error| format!("'cost_usd' is '{label}': {error}"))?;
                if amount == Money::ZERO || amount.pico().abs() > MOST_DOLLARS * 1_000_000_000_000 {
                    return Err(format!("'cost_usd' is '{label}': use dollars other than 0, at most {MOST_DOLLARS}"));
                }
                of.amount = amount;
            }
            _ => {
                if let Some(field) = user {
                    users.push((field, label.clone()));
                }
                if let Some(dimension) = dimension.filter(|dimension| *dimension != Dimension::User) {
                    of.of.push((dimension, label));
                }
            }
        }
        Ok(())
    }
}
