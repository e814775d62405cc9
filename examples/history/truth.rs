//! What was billed, to the last pico-dollar and token. Responses enter, sums and a verdict on a report leave; it reads no log.

use std::collections::BTreeMap;

use costtop::money::Money;
use serde_json::{Map, Value, json};

/// Sums over responses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub requests: u64,
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write_5m: u64,
    pub cache_write_1h: u64,
    pub cost: Money,
}

impl Sums {
    pub fn add(&mut self, other: &Sums) {
        self.requests += other.requests;
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write_5m += other.cache_write_5m;
        self.cache_write_1h += other.cache_write_1h;
        self.cost += other.cost;
    }

    /// The sums that `costtop report --format json` states in `totals` or in a group.
    pub fn of_report(stated: &Value) -> Option<Sums> {
        let number = |key: &str| stated[key].as_u64();
        Some(Sums {
            requests: number("requests")?,
            input: number("input_tokens")?,
            output: number("output_tokens")?,
            cache_read: number("cache_read_tokens")?,
            cache_write_5m: number("cache_write_5m_tokens")?,
            cache_write_1h: number("cache_write_1h_tokens")?,
            cost: Money::parse(stated["cost_usd"].as_str()?.as_bytes()).ok()?,
        })
    }

    /// With the keys of the report.
    pub fn to_json(&self) -> Value {
        json!({
            "requests": self.requests,
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read_tokens": self.cache_read,
            "cache_write_5m_tokens": self.cache_write_5m,
            "cache_write_1h_tokens": self.cache_write_1h,
            "cost_usd": self.cost.to_string(),
        })
    }
}

/// Everything that a generated history must come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub files: u64,
    pub lines: u64,
    pub bytes: u64,
    pub total: Sums,
    pub by_model: BTreeMap<String, Sums>,
    /// UTC days.
    pub by_day: BTreeMap<String, Sums>,
    pub by_session: BTreeMap<String, Sums>,
}

impl Truth {
    pub fn to_json(&self) -> Value {
        let groups = |groups: &BTreeMap<String, Sums>| -> Map<String, Value> {
            groups.iter().map(|(key, sums)| (key.clone(), sums.to_json())).collect()
        };
        json!({
            "files": self.files,
            "lines": self.lines,
            "bytes": self.bytes,
            "totals": self.total.to_json(),
            "models": groups(&self.by_model),
            "days": groups(&self.by_day),
            "sessions": groups(&self.by_session),
        })
    }

    /// Compares the report grouped by `by` (`model`, `day` or `session`, in UTC) with the truth.
    ///
    /// # Errors
    /// What differs, in one line.
    pub fn check(&self, report: &Value, by: &str) -> Result<(), String> {
        let stated = Sums::of_report(&report["totals"]).ok_or("the report lacks totals")?;
        if stated != self.total {
            return Err(format!("totals: stated {}, true {}", stated.to_json(), self.total.to_json()));
        }
        if report["totals"]["unpriced_requests"] != 0 || report["totals"]["sessions"] != self.by_session.len() {
            return Err(format!("unpriced requests, or not {} sessions: {}", self.by_session.len(), report["totals"]));
        }
        let truth = match by {
            "model" => &self.by_model,
            "day" => &self.by_day,
            "session" => &self.by_session,
            _ => return Err(format!("no truth by '{by}'")),
        };
        let groups = report["groups"].as_array().ok_or("the report lacks groups")?;
        if groups.len() != truth.len() {
            return Err(format!("by {by}: {} groups stated, {} true", groups.len(), truth.len()));
        }
        for group in groups {
            let key = group["key"][by].as_str().unwrap_or_default();
            let stated = Sums::of_report(group);
            if stated.as_ref() != truth.get(key) {
                return Err(format!("{by} '{key}': stated {stated:?}, true {:?}", truth.get(key)));
            }
        }
        Ok(())
    }
}
