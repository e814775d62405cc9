//! Rings counted over simulated time.

use std::time::Duration;

use costtop::alarm::{AlarmState, AlarmStatus, Transition};
use costtop::config::{AlarmConfig, DetectorsConfig, Severity};
use costtop::notifier::bell::Bell;
use costtop::time::{Timestamp, Zone};

use crate::world::{at, transition, usd};

const MINUTE: i64 = 60_000;

fn bell(quiet_hours: Option<(u16, u16)>) -> Bell {
    Bell::new(
        AlarmConfig { bell: true, repeat: Duration::from_secs(60), quiet_hours, detectors: DetectorsConfig::ALL },
        Zone::UTC,
    )
}

fn page(incident: &str) -> Transition {
    transition(incident, AlarmState::Firing, Severity::Page)
}

/// Seconds from `from` at which it rings within `minutes`, asked every second.
fn rings(bell: &mut Bell, from: Timestamp, minutes: i64) -> Vec<i64> {
    (0..minutes * 60).filter(|second| bell.ring(from.plus_ms(second * 1000))).collect()
}

#[test]
fn it_rings_once_then_ten_times_then_every_quarter_of_an_hour() {
    let (mut bell, start) = (bell(None), at("2026-11-21T10:00:00Z"));
    assert_eq!(rings(&mut bell, start, 10), [] as [i64; 0]);
    bell.hear(&[page("a")], start);
    let expected: Vec<i64> = (0..=10).map(|repeat| repeat * 60).chain([600 + 900, 600 + 1800]).collect();
    assert_eq!(rings(&mut bell, start, 45), expected);
    bell.hear(&[transition("a", AlarmState::Acknowledged, Severity::Page)], start.plus_ms(45 * MINUTE));
    assert_eq!(rings(&mut bell, start.plus_ms(45 * MINUTE), 120), [] as [i64; 0]);
    assert_eq!(bell.next(at("2026-11-21T13:00:00Z")), None);
}

#[test]
fn many_alarms_at_once_are_one_ring() {
    let (mut bell, start) = (bell(None), at("2026-11-21T10:00:00Z"));
    let mut count = 0;
    for second in 0..20 {
        let now = start.plus_ms(second * 1000);
        bell.hear(&[page(&format!("{second}")), page(&format!("{second}b"))], now);
        count += usize::from(bell.ring(now));
    }
    assert_eq!(count, 2, "at 0 s and at 10 s");
    assert_eq!(bell.next(start.plus_ms(19_000)), Some(start.plus_ms(20_000)), "the last ones are owed");
    assert!(bell.ring(start.plus_ms(20_000)));
}

#[test]
fn warnings_history_and_resolutions_are_silent() {
    let (mut bell, start) = (bell(None), at("2026-11-21T10:00:00Z"));
    bell.hear(&[transition("a", AlarmState::Firing, Severity::Warn)], start);
    bell.hear(&[Transition { silent: true, ..page("b") }], start);
    bell.hear(&[transition("c", AlarmState::Resolved, Severity::Page)], start);
    bell.live(start);
    assert_eq!(rings(&mut bell, start, 60), [] as [i64; 0]);
}

#[test]
fn a_rise_rings_again_after_an_acknowledgement() {
    let (mut bell, start) = (bell(None), at("2026-11-21T10:00:00Z"));
    bell.hear(&[page("a")], start);
    assert!(bell.ring(start));
    bell.hear(&[transition("a", AlarmState::Acknowledged, Severity::Page)], start);
    let later = start.plus_ms(5 * MINUTE);
    assert!(!bell.ring(later));
    bell.hear(&[transition("a", AlarmState::Firing, Severity::Critical)], later);
    assert!(bell.ring(later));
}

#[test]
fn quiet_hours_hold_back_pages_but_not_critical_alarms() {
    let (mut bell, night) = (bell(Some((22 * 60, 7 * 60))), at("2026-11-21T23:00:00Z"));
    bell.hear(&[page("a")], night);
    assert_eq!(rings(&mut bell, night, 8 * 60), [] as [i64; 0]);
    assert!(bell.ring(at("2026-11-22T07:00:00Z")), "at the end of the quiet hours");
    bell.hear(&[transition("b", AlarmState::Firing, Severity::Critical)], at("2026-11-22T23:30:00Z"));
    assert!(bell.ring(at("2026-11-22T23:30:00Z")));
    for (time, quiet) in [("21:59", false), ("22:00", true), ("06:59", true), ("07:00", false)] {
        assert_eq!(bell.is_quiet(at(&format!("2026-11-21T{time}:00Z"))), quiet, "{time}");
    }
}

#[test]
fn mute_holds_back_everything_until_it_ends() {
    let (mut bell, start) = (bell(None), at("2026-11-21T10:00:00Z"));
    bell.mute(Some(start.plus_ms(30 * MINUTE)));
    bell.hear(&[transition("a", AlarmState::Firing, Severity::Critical)], start);
    assert_eq!(rings(&mut bell, start, 30), [] as [i64; 0]);
    assert!(bell.next(start.plus_ms(MINUTE)) > Some(start.plus_ms(MINUTE)), "no busy loop while held back");
    assert!(bell.ring(start.plus_ms(30 * MINUTE)));
    bell.mute(None);
    assert_eq!(rings(&mut bell, start.plus_ms(31 * MINUTE), 600), [] as [i64; 0]);
    bell.unmute();
    assert!(bell.ring(start.plus_ms(700 * MINUTE)));
}

#[test]
fn after_a_restart_it_repeats_once_a_live_line_came() {
    let (mut bell, start) = (bell(None), at("2026-11-21T10:00:00Z"));
    let status = AlarmStatus {
        rule: page("a").rule,
        scope: "global",
        key: None,
        cause: "budget",
        severity: Severity::Page,
        state: AlarmState::Firing,
        since: start,
        first: start,
        count: 1,
        until: None,
        message: String::new(),
        spent: usd("2"),
        limit: usd("1"),
        excess: usd("1"),
        incident: "a".to_owned(),
        loud: true,
        by: None,
    };
    let unheard = AlarmStatus { loud: false, incident: "b".to_owned(), ..status.clone() };
    bell.resume(&[unheard]);
    bell.live(start);
    assert_eq!(rings(&mut bell, start, 60), [] as [i64; 0], "crossed while nobody listened: shown, silent");
    let mut bell = self::bell(None);
    bell.resume(&[status]);
    assert_eq!(rings(&mut bell, start, 60), [] as [i64; 0]);
    bell.live(start.plus_ms(60 * MINUTE));
    assert_eq!(rings(&mut bell, start.plus_ms(60 * MINUTE), 3), [60, 120]);
}

#[test]
fn a_bell_that_is_off_never_rings() {
    let mut bell = Bell::new(
        AlarmConfig {
            bell: false,
            repeat: Duration::from_secs(60),
            quiet_hours: None,
            detectors: DetectorsConfig::ALL,
        },
        Zone::UTC,
    );
    bell.hear(&[page("a")], at("2026-11-21T10:00:00Z"));
    assert_eq!(rings(&mut bell, at("2026-11-21T10:00:00Z"), 60), [] as [i64; 0]);
    assert_eq!(bell.next(at("2026-11-21T13:00:00Z")), None);
}

#[test]
fn what_recovers_is_silent_and_repeats_when_it_comes_back() {
    let (mut bell, start) = (bell(None), at("2026-11-21T10:00:00Z"));
    bell.hear(&[page("a")], start);
    assert_eq!(rings(&mut bell, start, 2), [0, 60]);
    bell.hear(&[transition("a", AlarmState::Recovering, Severity::Page)], start.plus_ms(2 * MINUTE));
    assert_eq!(rings(&mut bell, start.plus_ms(2 * MINUTE), 5), [] as [i64; 0]);
    let again = Transition { again: true, silent: true, ..page("a") };
    bell.hear(std::slice::from_ref(&again), start.plus_ms(7 * MINUTE));
    assert_eq!(rings(&mut bell, start.plus_ms(7 * MINUTE), 2), [0, 60], "the repeat that was due, no new ring");
    bell.hear(&[transition("a", AlarmState::Recovering, Severity::Page)], start.plus_ms(9 * MINUTE));
    bell.hear(&[transition("a", AlarmState::Resolved, Severity::Page), again], start.plus_ms(19 * MINUTE));
    assert_eq!(rings(&mut bell, start.plus_ms(19 * MINUTE), 60), [] as [i64; 0], "after its end nothing is owed");
}
