//! How things stand in a few figures: for a prompt, a bar, a script. Engine and budgets enter, one line or JSON leaves.

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::alarm::{AlarmStatus, BudgetState, BudgetStatus};
use crate::engine::whole::Spent;
use crate::label::Label;
use crate::money::Money;
use crate::output::text;
use crate::source::{SourceState, SourceStatus};
use crate::time::{Period, Timestamp, Zone};

/// The schema of the JSON; a change of meaning takes a new name.
pub const SCHEMA: &str = "costtop.status.v1";
/// A status is told with its age once it is older than this: a commit comes every second while something does.
const FRESH_MS: i64 = 10_000;

/// How things stood at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: String,
    /// When.
    #[serde(serialize_with = "to_rfc3339", deserialize_with = "from_rfc3339")]
    pub at: Timestamp,
    /// Where days begin.
    pub timezone: Zone,
    /// Dollars per hour over the five minutes before.
    pub burn_usd_per_hour: Money,
    /// Dollars since local midnight.
    pub today_usd: Money,
    /// Dollars since the state began.
    pub total_usd: Money,
    /// The budget of which the greatest part is spent.
    pub budget: Option<FullestBudget>,
    /// Alarms that fire and ring.
    pub alarms: usize,
    /// Alarms that fire and do not ring.
    pub warnings: usize,
    /// Sources in trouble.
    pub lost_sources: usize,
    /// What came in is safe.
    pub durable: bool,
    /// The process that says so.
    pub pid: u32,
}

/// The budget that is the fullest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FullestBudget {
    /// Its name.
    pub name: Label,
    /// Whom it is kept for; `None`: one for all.
    pub key: Option<Label>,
    /// Spent in the period.
    pub spent_usd: Money,
    /// May be spent in it.
    pub limit_usd: Money,
    /// How it stands.
    pub state: BudgetState,
    /// When its period ends; `None`: never.
    #[serde(serialize_with = "maybe_rfc3339", deserialize_with = "from_maybe_rfc3339")]
    pub until: Option<Timestamp>,
}

/// How a status is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Plain text.
    #[default]
    Text,
    /// With the colours of tmux.
    Tmux,
}

/// What a status is made of.
pub struct Standing<'a> {
    /// When.
    pub now: Timestamp,
    /// Where days begin.
    pub zone: Zone,
    /// Burn, today and total.
    pub spent: Spent,
    /// All budgets, of those kept for each of many the fullest.
    pub budgets: &'a [BudgetStatus],
    /// All alarms.
    pub alarms: &'a [AlarmStatus],
    /// All sources.
    pub sources: &'a [SourceStatus],
    /// What came in is safe.
    pub durable: bool,
}

impl Status {
    /// How things stand.
    #[must_use]
    pub fn of(standing: &Standing<'_>) -> Status {
        let fires = |alarm: &&AlarmStatus| alarm.state == crate::alarm::AlarmState::Firing;
        let loud = standing.alarms.iter().filter(|alarm| alarm.is_loud()).count();
        let fullest = standing.budgets.iter().max_by(|one, other| {
            (one.state, one.share()).partial_cmp(&(other.state, other.share())).unwrap_or(std::cmp::Ordering::Equal)
        });
        Status {
            schema: SCHEMA.to_owned(),
            at: standing.now,
            timezone: standing.zone,
            burn_usd_per_hour: standing.spent.burn,
            today_usd: standing.spent.today,
            total_usd: standing.spent.total,
            budget: fullest.map(|budget| FullestBudget {
                name: budget.name.clone(),
                key: budget.key.clone(),
                spent_usd: budget.spent,
                limit_usd: budget.limit,
                state: budget.state,
                until: budget.period_end,
            }),
            alarms: loud,
            warnings: standing.alarms.iter().filter(fires).count() - loud,
            lost_sources: standing.sources.iter().filter(|s| matches!(s.state, SourceState::Lost(_))).count(),
            durable: standing.durable,
            pid: std::process::id(),
        }
    }

    /// `$12.31/h · today $84.20 · 71 % of everything · ▲1`. An old one says how old it is, and claims no burn rate.
    #[must_use]
    pub fn line(&self, now: Timestamp, look: Look) -> String {
        let paint = |colour: &str, text: String| match look {
            Look::Tmux => format!("#[fg={colour}]{text}#[default]"),
            Look::Text => text,
        };
        let name = |label: &Label| match look {
            Look::Tmux => label.as_str().replace('#', "##"),
            Look::Text => label.to_string(),
        };
        let age = now.ms() - self.at.ms();
        let zone = self.timezone;
        let mut parts = Vec::new();
        if age <= FRESH_MS {
            parts.push(format!("{}/h", text::usd(self.burn_usd_per_hour, 2)));
        }
        let today = zone.period(Period::Day, now).0 <= self.at;
        let day = if today { "today".to_owned() } else { zone.format(self.at, "%Y-%m-%d") };
        parts.push(format!("{day} {}", text::usd(self.today_usd, 2)));
        if let Some(budget) = self.budget.as_ref().filter(|budget| budget.until.is_none_or(|until| now < until)) {
            let share = text::share(budget.spent_usd, budget.limit_usd);
            // Downwards: 100 % is said of what is spent, and of nothing else.
            let part = share.map_or_else(|| "all".to_owned(), |share| format!("{} %", (share * 100.0).floor()));
            let mut part = format!("{part} of {}", name(&budget.name));
            if let Some(key) = &budget.key {
                let _ = write!(part, " {}", name(key)); // a String takes everything
            }
            parts.push(match budget.state {
                BudgetState::Ok => part,
                BudgetState::Warned => paint("yellow", part),
                BudgetState::Exceeded => paint("red", part),
            });
        }
        if self.alarms > 0 {
            parts.push(paint("red", format!("▲{}", self.alarms)));
        }
        if self.warnings > 0 {
            parts.push(paint("yellow", format!("◆{}", self.warnings)));
        }
        if self.lost_sources > 0 {
            parts.push(paint("red", format!("{} lost", self.lost_sources)));
        }
        if !self.durable {
            parts.push(paint("red", "not durable".to_owned()));
        }
        if age > FRESH_MS {
            parts.push(paint("yellow", format!("{} old", old(age))));
        }
        parts.join(" · ")
    }
}

/// `12 s`, `4 min`, `3 h`, `2 d`.
fn old(ms: i64) -> String {
    let seconds = ms / 1000;
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn to_rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

#[allow(clippy::ref_option, reason = "as serde calls it")]
fn maybe_rfc3339<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(serializer)
}

fn parsed<E: serde::de::Error>(text: &str) -> Result<Timestamp, E> {
    crate::time::parse_rfc3339(text.as_bytes(), Zone::UTC).ok_or_else(|| E::custom("no time of RFC 3339"))
}

fn from_rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    parsed(&String::deserialize(deserializer)?)
}

fn from_maybe_rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<String>::deserialize(deserializer)?.map(|text| parsed(&text)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        let usd = |text: &str| Money::parse(text.as_bytes()).unwrap();
        let at = crate::time::parse_rfc3339(b"2026-11-21T10:00:00Z", Zone::UTC).unwrap();
        Status {
            schema: SCHEMA.to_owned(),
            at,
            timezone: Zone::UTC,
            burn_usd_per_hour: usd("12.314"),
            today_usd: usd("84.2"),
            total_usd: usd("1000"),
            budget: Some(FullestBudget {
                name: Label::new("every#thing"),
                key: None,
                spent_usd: usd("71"),
                limit_usd: usd("100"),
                state: BudgetState::Warned,
                until: Some(at.plus_ms(3_600_000)),
            }),
            alarms: 1,
            warnings: 0,
            lost_sources: 0,
            durable: true,
            pid: 1,
        }
    }

    #[test]
    fn one_line_says_how_things_stand_and_how_old_that_is() {
        let status = status();
        let line = |ms, look| status.line(status.at.plus_ms(ms), look);
        assert_eq!(line(0, Look::Text), "$12.31/h · today $84.20 · 71 % of every#thing · ▲1");
        assert_eq!(
            line(0, Look::Tmux),
            "$12.31/h · today $84.20 · #[fg=yellow]71 % of every##thing#[default] · #[fg=red]▲1#[default]"
        );
        assert_eq!(line(600_000, Look::Text), "today $84.20 · 71 % of every#thing · ▲1 · 10 min old");
        let next_day = line(30 * 3_600_000, Look::Text);
        assert_eq!(
            next_day, "2026-11-21 $84.20 · ▲1 · 1 d old",
            "nothing is claimed of a day or a period that is over"
        );
    }

    #[test]
    fn it_survives_the_way_through_json() {
        let text = serde_json::to_string(&status()).unwrap();
        assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status());
        assert!(text.contains("\"at\":\"2026-11-21T10:00:00.000Z\""), "{text}");
    }
}
