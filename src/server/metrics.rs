//! `GET /metrics`: what `costtop report --format prometheus` prints of everything, and how the process that counts is doing.
//!
//! Series are bounded: groups by [`super::MOST_GROUPS`], alarms and keys of a budget by [`MOST_SERIES`], sources by the configuration.

use std::io::{self, Write};

use super::EXPOSITION;
use crate::alarm::{AlarmState, AlarmStatus};
use crate::config::Severity;
use crate::money::Money;
use crate::output::prometheus::{declare, labels, sample, seconds};
use crate::output::{Document, Format, Look};
use crate::source::{Reply, SourceState, SourceStatus};
use crate::time::Timestamp;

/// Alarms, and keys of one budget, that have a series of their own: the most severe, the fullest.
pub const MOST_SERIES: usize = 100;

/// How the process that counts is doing.
#[derive(Clone, Debug)]
pub struct Process {
    /// When it began.
    pub started: Timestamp,
    /// Dollars per hour over five minutes.
    pub burn: Money,
    /// From a line's time to its place in the sums.
    pub lag_ms: Option<u64>,
    /// What was there at the start has been read.
    pub caught_up: bool,
    /// What came in is safe.
    pub durable: bool,
    /// The bell is silenced.
    pub silent: bool,
    /// Sources.
    pub sources: Vec<SourceStatus>,
    /// Alarms, the loudest first.
    pub alarms: Vec<AlarmStatus>,
}

/// Everything as Prometheus' text exposition.
#[must_use]
pub fn answer(document: &Document, process: &Process) -> Reply {
    let mut body = Vec::new();
    let written = Format::Prometheus
        .exporter(Look::default())
        .write(document, &mut body)
        .and_then(|()| about_process(process, &mut body))
        .and_then(|()| about_sources(&process.sources, &mut body))
        .and_then(|()| about_alarms(&process.alarms, &mut body));
    match written {
        Ok(()) => Reply { status: 200, content_type: EXPOSITION, body },
        // Memory takes everything.
        Err(error) => super::refusal(500, &format!("the answer cannot be written ({error})")),
    }
}

fn about_process(process: &Process, out: &mut dyn Write) -> io::Result<()> {
    declare(out, "build_info", "gauge", "The version that counts.")?;
    sample(out, "build_info", concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1)?;
    declare(out, "start_timestamp_seconds", "gauge", "When the process began.")?;
    sample(out, "start_timestamp_seconds", "", seconds(process.started))?;
    declare(out, "burn_usd_per_hour", "gauge", "Dollars per hour over the last five minutes.")?;
    sample(out, "burn_usd_per_hour", "", process.burn)?;
    if let Some(lag) = process.lag_ms {
        declare(out, "lag_seconds", "gauge", "From the newest line's own time to its place in the sums.")?;
        sample(out, "lag_seconds", "", format!("{}.{:03}", lag / 1000, lag % 1000))?;
    }
    for (name, help, is) in [
        ("caught_up", "1 once everything that was there at the start has been read.", process.caught_up),
        ("durable", "1 while what came in is safe on disk, or is not to be kept.", process.durable),
        ("bell_silent", "1 while a person has silenced the bell.", process.silent),
    ] {
        declare(out, name, "gauge", help)?;
        sample(out, name, "", u8::from(is))?;
    }
    Ok(())
}

/// A figure of a source.
type Value = fn(&SourceStatus) -> u64;

fn about_sources(sources: &[SourceStatus], out: &mut dyn Write) -> io::Result<()> {
    if sources.is_empty() {
        return Ok(());
    }
    // The place, too: one name may be configured twice.
    let name = |source: &SourceStatus| {
        let place = crate::label::Label::new(&source.source.to_string());
        labels([("place", Some(&place)), ("source", Some(&source.name))])
    };
    let figures: [(&str, &str, &str, Value); 5] = [
        ("source_up", "gauge", "0 while a source is in trouble.", |source| {
            u64::from(!matches!(source.state, SourceState::Lost(_)))
        }),
        ("source_waiting", "gauge", "1 while there is nothing where a source should be.", |source| {
            u64::from(source.state == SourceState::Waiting)
        }),
        ("source_open", "gauge", "Files or connections open.", |source| source.files),
        ("source_read_bytes_total", "counter", "Bytes read.", |source| source.read_bytes),
        ("source_unread_bytes", "gauge", "Bytes that are known and not read yet.", |source| {
            source.total_bytes.saturating_sub(source.read_bytes)
        }),
    ];
    for (metric, kind, help, value) in figures {
        declare(out, metric, kind, help)?;
        for source in sources {
            sample(out, metric, &name(source), value(source))?;
        }
    }
    Ok(())
}

fn about_alarms(alarms: &[AlarmStatus], out: &mut dyn Write) -> io::Result<()> {
    declare(out, "alarms", "gauge", "Alarms by state and severity; resolved ones of the last day.")?;
    for state in AlarmState::ALL {
        for severity in [Severity::Info, Severity::Warn, Severity::Page, Severity::Critical] {
            let count = alarms.iter().filter(|alarm| (alarm.state, alarm.severity) == (state, severity)).count();
            let labels = format!("{{state=\"{}\",severity=\"{}\"}}", state.name(), severity.name());
            sample(out, "alarms", &labels, count)?;
        }
    }
    let alive = |alarm: &&AlarmStatus| !matches!(alarm.state, AlarmState::Pending | AlarmState::Resolved);
    let mut alive: Vec<&AlarmStatus> = alarms.iter().filter(alive).collect();
    alive.sort_by_key(|alarm| std::cmp::Reverse(alarm.severity));
    alive.truncate(MOST_SERIES);
    if !alive.is_empty() {
        declare(out, "alarm_excess_usd", "gauge", "Dollars above the limit of an alarm that is not over.")?;
    }
    alive.into_iter().try_for_each(|alarm| {
        let word = crate::label::Label::new;
        let (scope, state, severity) = (word(alarm.scope), word(alarm.state.name()), word(alarm.severity.name()));
        let labels = labels([
            ("rule", Some(&alarm.rule)),
            ("scope", Some(&scope)),
            ("key", alarm.key.as_ref()),
            ("state", Some(&state)),
            ("severity", Some(&severity)),
        ]);
        sample(out, "alarm_excess_usd", &labels, alarm.excess)
    })
}
