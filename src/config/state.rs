//! `[state]`: how long single charges are known. A checked [`StateConfig`] leaves.

use std::time::Duration;

use super::Config;
use super::document::{Table, Value};
use super::error::ConfigError;
use super::load::Origins;

/// How much of the past a state holds charge by charge; sums stay for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateConfig {
    /// Event days whose single charges are kept.
    pub horizon_days: u16,
    /// Bytes of charges that are kept; the oldest days go first.
    pub max_bytes: u64,
    /// A day is dropped when nothing has come for it for so long. No key: there is nothing to choose.
    pub settled: Duration,
}

impl Default for StateConfig {
    fn default() -> StateConfig {
        StateConfig { horizon_days: 90, max_bytes: 1_000_000_000, settled: Duration::from_secs(3600) }
    }
}

/// Budgets of a month and lists of charges need what is in it.
const LEAST_DAYS: u64 = 31;
const MOST_DAYS: u64 = 3660;
/// Less would be gone within a day of one busy gateway.
const LEAST_BYTES: u64 = 64_000_000;
const MOST_BYTES: u64 = 100_000_000_000;

/// The units of a size, the largest first.
const UNITS: [(&str, u64); 2] = [("GB", 1_000_000_000), ("MB", 1_000_000)];

pub(super) fn read_state(table: &Table, config: &mut Config, origins: &mut Origins) -> Result<(), ConfigError> {
    if let Some(horizon) = table.get("horizon") {
        config.state.horizon_days = days(&horizon)?;
        origins.set("state.horizon", horizon.origin());
    }
    if let Some(size) = table.get("max_size") {
        config.state.max_bytes = bytes(&size)?;
        origins.set("state.max_size", size.origin());
    }
    table.finish()
}

fn days(value: &Value) -> Result<u16, ConfigError> {
    let text = value.text("a number of days such as \"90d\"")?;
    let number = text.strip_suffix('d').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(number) = number.and_then(|digits| digits.parse::<u64>().ok()) else {
        let text = crate::label::clean(text);
        return Err(value.refuse(format!("'horizon' is '{text}', no number of days: write it as \"90d\"")));
    };
    match u16::try_from(number) {
        Ok(days) if (LEAST_DAYS..=MOST_DAYS).contains(&number) => Ok(days),
        _ => Err(value.refuse(format!("'horizon' is {text}: write {LEAST_DAYS}d to {MOST_DAYS}d"))),
    }
}

fn bytes(value: &Value) -> Result<u64, ConfigError> {
    let text = value.text("a size such as \"1GB\"")?;
    let size = UNITS.into_iter().find_map(|(unit, bytes)| {
        let digits = text.strip_suffix(unit)?;
        let number: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
        number.checked_mul(bytes)
    });
    match size {
        Some(size) if (LEAST_BYTES..=MOST_BYTES).contains(&size) => Ok(size),
        Some(_) => {
            let (least, most) = (spell(LEAST_BYTES), spell(MOST_BYTES));
            Err(value.refuse(format!("'max_size' is {text}: write {least} to {most}")))
        }
        None => {
            let text = crate::label::clean(text);
            Err(value.refuse(format!("'max_size' is '{text}', no size: write a number with MB or GB, such as \"1GB\"")))
        }
    }
}

/// As it is written: in the largest unit of which it is a whole number.
pub(super) fn spell(bytes: u64) -> String {
    let whole = UNITS.into_iter().find(|(_, unit)| bytes.is_multiple_of(*unit));
    whole.map_or_else(|| bytes.to_string(), |(name, unit)| format!("{}{name}", bytes / unit))
}
