//! `costtop ack|snooze|silence|resume|adjust`: what the keys do, from a shell, through the process that owns the state.

use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;

use clap::Args;
use clap::builder::{StringValueParser, TypedValueParser};
use serde_json::{Value, json};

use super::Failure;
use super::flags::Global;
use super::remote::Remote;
use super::stdout;
use crate::money::Money;
use crate::time::Timestamp;

/// What `ack` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = ACK_EXAMPLES)]
pub struct AckArgs {
    /// The alarm: its incident, its rule or whom it is about
    #[arg(value_name = "ALARM", required_unless_present = "all", conflicts_with = "all")]
    pub alarm: Option<String>,
    /// Every alarm that fires
    #[arg(long)]
    pub all: bool,
    /// Whom to ask.
    #[command(flatten)]
    pub remote: Remote,
}

const ACK_EXAMPLES: &str = "\
Examples:
  costtop ack everything          the budget of that name
  costtop ack ci-evals            whatever fires about that user
  costtop ack --all

Who did it is kept with the alarm. 'costtop ack x' lists what fires.";

/// What `snooze` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SnoozeArgs {
    /// The alarm: its incident, its rule or whom it is about
    #[arg(value_name = "ALARM", required_unless_present = "all", conflicts_with = "all")]
    pub alarm: Option<String>,
    /// Every alarm that fires
    #[arg(long)]
    pub all: bool,
    /// For how long: 15m, 4h, 2d
    #[arg(long = "for", value_name = "LENGTH", default_value = "1h", value_parser = minutes())]
    pub length: i64,
    /// Whom to ask.
    #[command(flatten)]
    pub remote: Remote,
}

/// What `silence` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SilenceArgs {
    /// For how long: 15m, 4h, 2d [default: until 'costtop resume']
    #[arg(long = "for", value_name = "LENGTH", value_parser = minutes())]
    pub length: Option<i64>,
    /// Whom to ask.
    #[command(flatten)]
    pub remote: Remote,
}

/// What `resume` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct ResumeArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub remote: Remote,
}

/// What `adjust` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = ADJUST_EXAMPLES)]
pub struct AdjustArgs {
    /// Dollars that are added to what was spent; less than nothing gives money back
    #[arg(value_name = "DOLLARS", allow_hyphen_values = true, value_parser = dollars())]
    pub amount: String,
    /// The budget [default: every one that counts for whom it is]
    #[arg(long, value_name = "NAME")]
    pub budget: Option<String>,
    /// For whom: user=ada, team=search, model=…; can be repeated
    #[arg(long = "of", value_name = "KEY=NAME", value_parser = key())]
    pub of: Vec<(String, String)>,
    /// For which session
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// When it counts, in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// A name for this correction: sent again under it, it counts once [default: one of its own]
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Whom to ask.
    #[command(flatten)]
    pub remote: Remote,
}

const ADJUST_EXAMPLES: &str = "\
Examples:
  costtop adjust -10 --budget 'each user' --of user=ada --reason refund
  costtop adjust 25.50 --budget everything --reason 'GPU rent'

It corrects budgets and what they alarm for; what was spent stays what was spent.";

/// `15m`, `4h`, `2d` as minutes.
fn minutes() -> impl TypedValueParser<Value = i64> {
    StringValueParser::new().try_map(|text: String| {
        let split = text.len() - text.chars().last().map_or(0, char::len_utf8);
        let unit = match &text[split..] {
            "m" => 1,
            "h" => 60,
            "d" => 1440,
            _ => 0,
        };
        let minutes = text[..split].parse::<i64>().ok().and_then(|number| number.checked_mul(unit));
        minutes.filter(|minutes| (1..=31 * 1440).contains(minutes)).ok_or("use 15m, 4h or 2d, at most 31d")
    })
}

/// Decimal dollars, kept as they are written.
fn dollars() -> impl TypedValueParser<Value = String> {
    StringValueParser::new().try_map(|text: String| match Money::parse(text.as_bytes()) {
        Ok(Money::ZERO) => Err("0 changes nothing".to_owned()),
        Ok(_) => Ok(text),
        Err(error) => Err(format!("{error}: use decimal dollars such as -10 or 25.50")),
    })
}

/// `user=ada`.
fn key() -> impl TypedValueParser<Value = (String, String)> {
    StringValueParser::new().try_map(|text: String| match text.split_once('=') {
        Some((key, name)) if !key.is_empty() && !name.is_empty() => Ok((key.to_owned(), name.to_owned())),
        _ => Err("write user=ada"),
    })
}

/// An alarm, or all.
fn about(alarm: Option<&String>, all: bool, minutes: Option<i64>) -> Value {
    let mut body = match alarm {
        Some(alarm) => json!({ "alarm": alarm }),
        None => json!({ "all": all }),
    };
    if let Some(minutes) = minutes {
        body["minutes"] = minutes.into();
    }
    body
}

/// The list under `key` in an answer.
fn listed(answer: &Value, key: &str) -> Vec<String> {
    let list = answer[key].as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(crate::label::arrived::cleaned).collect()
}

fn said(lines: &[String]) -> Result<ExitCode, Failure> {
    stdout::lines(lines)?;
    Ok(ExitCode::SUCCESS)
}

/// Acknowledges.
///
/// # Errors
/// Nobody owns the state, or no such alarm.
pub fn ack(args: &AckArgs, global: &Global) -> Result<ExitCode, Failure> {
    let asked = args.remote.asked(global)?;
    let answer: Value = asked.order("/v1/alarms/ack", &about(args.alarm.as_ref(), args.all, None))?;
    let alarms = listed(&answer, "alarms");
    if alarms.is_empty() {
        return said(&["nothing fires".to_owned()]);
    }
    said(&alarms.iter().map(|alarm| format!("acknowledged {alarm}")).collect::<Vec<_>>())
}

/// Snoozes.
///
/// # Errors
/// As [`ack`].
pub fn snooze(args: &SnoozeArgs, global: &Global) -> Result<ExitCode, Failure> {
    let asked = args.remote.asked(global)?;
    let body = about(args.alarm.as_ref(), args.all, Some(args.length));
    let answer: Value = asked.order("/v1/alarms/snooze", &body)?;
    let alarms = listed(&answer, "alarms");
    if alarms.is_empty() {
        return said(&["nothing fires".to_owned()]);
    }
    let until = crate::label::Label::new(answer["until"].as_str().unwrap_or_default());
    said(&alarms.iter().map(|alarm| format!("snoozed until {until}: {alarm}")).collect::<Vec<_>>())
}

/// Silences the bell.
///
/// # Errors
/// Nobody owns the state.
pub fn silence(args: &SilenceArgs, global: &Global) -> Result<ExitCode, Failure> {
    let asked = args.remote.asked(global)?;
    let answer: Value = asked.order("/v1/bell", &json!({ "silent": true, "minutes": args.length }))?;
    let until = match answer["until"].as_str() {
        Some(until) => format!("until {}", crate::label::Label::new(until)),
        None => "until 'costtop resume'".to_owned(),
    };
    said(&[format!("the bell is silent {until}")])
}

/// Lets the bell ring again.
///
/// # Errors
/// Nobody owns the state.
pub fn resume(args: &ResumeArgs, global: &Global) -> Result<ExitCode, Failure> {
    let asked = args.remote.asked(global)?;
    let _: Value = asked.order("/v1/bell", &json!({ "silent": false }))?;
    said(&["the bell rings again".to_owned()])
}

/// Corrects budgets.
///
/// # Errors
/// Nobody owns the state, or no budget counts it.
pub fn adjust(args: &AdjustArgs, global: &Global) -> Result<ExitCode, Failure> {
    let asked = args.remote.asked(global)?;
    let now = Timestamp::now();
    // Of this call alone: the same words another time are another correction.
    let own = || format!("{now}-{:016x}", RandomState::new().hash_one(std::process::id()));
    let id = args.id.clone().unwrap_or_else(own);
    let mut record = json!({
        "type": "adjustment",
        "id": id,
        "ts": args.at.clone().unwrap_or_else(|| now.to_string()),
        "cost_usd": args.amount,
        "budget": args.budget,
        "session_id": args.session,
        "reason": args.reason,
    });
    for (key, name) in &args.of {
        if record.get(key).is_some() {
            return Err(Failure::usage(format!("--of {key}={name}: '{key}' is not whom, or is named twice")));
        }
        record[key.as_str()] = name.as_str().into();
    }
    let answer: Value = asked.order("/v1/adjust", &record)?;
    let moved = answer["adjusted"].as_u64().unwrap_or_default();
    said(&[format!("adjusted {moved} budget{}", if moved == 1 { "" } else { "s" })])
}
