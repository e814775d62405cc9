//! An alarm's life from pending to resolved: what is told, what persons change, what survives a restart.

use costtop::alarm::{AlarmState, Alarms, Condition, Identity, Which};
use costtop::config::Severity;
use costtop::label::Label;
use costtop::time::Timestamp;

use crate::world::{at, brief, mara, usd};

const MINUTE: i64 = 60_000;

fn identity() -> Identity {
    Identity { rule: Label::new("surge"), scope: "user", key: Some(Label::new("ada")), period_start: None }
}

fn surge(time: Timestamp, severity: Severity) -> Condition {
    Condition {
        identity: identity(),
        severity,
        cause: "surge",
        message: "ada spends more than usual".to_owned(),
        spent: usd("3"),
        limit: usd("1"),
        excess: usd("2"),
        passed: 0,
        time,
        hold_ms: 0,
        until: None,
        episodic: true,
        silent: false,
    }
}

/// Event time and the clock go to the same instant, and what happened is told.
fn pass(alarms: &mut Alarms, time: Timestamp) -> Vec<String> {
    alarms.flow(time);
    alarms.tick(time);
    brief(&alarms.take_transitions())
}

fn told(alarms: &mut Alarms) -> Vec<String> {
    brief(&alarms.take_transitions())
}

fn start() -> Timestamp {
    at("2026-11-21T10:00:00Z")
}

fn firing(severity: Severity) -> Alarms {
    let mut alarms = Alarms::default();
    alarms.raise(surge(start(), severity));
    alarms.take_transitions();
    alarms
}

fn state(alarms: &Alarms) -> AlarmState {
    alarms.statuses()[0].state
}

fn reloaded(alarms: &Alarms, now: Timestamp) -> Alarms {
    let mut next = Alarms::default();
    next.load(&alarms.save(), now).unwrap();
    next
}

#[test]
fn a_condition_with_a_hold_fires_when_it_has_held_for_so_long_in_event_time() {
    let start = start();
    let condition = Condition { hold_ms: MINUTE, ..surge(start, Severity::Page) };
    let mut alarms = Alarms::default();
    alarms.raise(condition.clone());
    alarms.tick(start.plus_ms(60 * MINUTE));
    alarms.flow(start.plus_ms(MINUTE - 1));
    assert_eq!(told(&mut alarms), [""; 0], "the clock on the wall does not count");
    assert_eq!(state(&alarms), AlarmState::Pending);
    alarms.recover(&identity(), start.plus_ms(MINUTE - 1));
    assert_eq!(told(&mut alarms), [""; 0], "a pending alarm goes without a word");
    assert_eq!(alarms.statuses(), []);
    alarms.raise(condition);
    alarms.flow(start.plus_ms(5 * MINUTE));
    let fired = alarms.take_transitions();
    assert_eq!(brief(&fired), ["firing page"]);
    assert_eq!(fired[0].time, start.plus_ms(MINUTE), "when it had held, however late that was seen");
    alarms.clear(&identity(), start.plus_ms(6 * MINUTE), false);
    assert_eq!(told(&mut alarms), ["resolved page"]);
    assert_eq!(pass(&mut alarms, start.plus_ms(6 * MINUTE + 24 * 60 * MINUTE)), [""; 0]);
    assert_eq!(alarms.statuses(), [], "shown for a day");
}

#[test]
fn it_recovers_for_ten_minutes_before_it_is_over() {
    let mut alarms = firing(Severity::Page);
    alarms.recover(&identity(), start().plus_ms(MINUTE));
    assert_eq!(told(&mut alarms), ["recovering page"]);
    assert_eq!(pass(&mut alarms, start().plus_ms(11 * MINUTE - 1)), [""; 0]);
    assert_eq!(state(&alarms), AlarmState::Recovering);
    alarms.tick(start().plus_ms(100 * MINUTE));
    assert_eq!(told(&mut alarms), [""; 0], "a feed that stands still resolves nothing");
    alarms.flow(start().plus_ms(100 * MINUTE));
    let over = alarms.take_transitions();
    assert_eq!(brief(&over), ["resolved page"]);
    assert_eq!(over[0].time, start().plus_ms(11 * MINUTE));
}

#[test]
fn what_comes_back_is_the_same_incident_and_not_told_again() {
    let mut alarms = firing(Severity::Page);
    let incident = alarms.statuses()[0].incident.clone();
    alarms.recover(&identity(), start().plus_ms(MINUTE));
    alarms.raise(surge(start().plus_ms(5 * MINUTE), Severity::Page));
    assert_eq!(told(&mut alarms), ["recovering page", "(firing page again)"]);
    alarms.recover(&identity(), start().plus_ms(6 * MINUTE));
    assert_eq!(pass(&mut alarms, start().plus_ms(16 * MINUTE)), ["recovering page", "resolved page"]);
    alarms.raise(surge(start().plus_ms(75 * MINUTE), Severity::Page));
    assert_eq!(told(&mut alarms), ["(firing page again)"]);
    let status = alarms.statuses().remove(0);
    assert_eq!((status.count, status.first, &status.incident), (2, start(), &incident));
    alarms.recover(&identity(), start().plus_ms(76 * MINUTE));
    pass(&mut alarms, start().plus_ms(86 * MINUTE));
    alarms.raise(surge(start().plus_ms(146 * MINUTE), Severity::Page));
    assert_eq!(told(&mut alarms), ["firing page"], "an hour later it is another one");
    assert_ne!(alarms.statuses()[0].incident, incident);
}

#[test]
fn what_comes_back_worse_is_told() {
    let mut alarms = firing(Severity::Warn);
    alarms.recover(&identity(), start().plus_ms(MINUTE));
    pass(&mut alarms, start().plus_ms(11 * MINUTE));
    alarms.raise(surge(start().plus_ms(20 * MINUTE), Severity::Page));
    assert_eq!(told(&mut alarms), ["firing page"]);
    assert_eq!(alarms.statuses()[0].count, 2);
    alarms.recover(&identity(), start().plus_ms(21 * MINUTE));
    alarms.raise(surge(start().plus_ms(22 * MINUTE), Severity::Critical));
    assert_eq!(told(&mut alarms), ["recovering page", "firing critical"], "also while it recovers");
    alarms.raise(surge(start().plus_ms(23 * MINUTE), Severity::Warn));
    assert_eq!(told(&mut alarms), [""; 0], "less is no news");
    assert_eq!(alarms.statuses()[0].severity, Severity::Critical);
}

#[test]
fn an_acknowledgement_holds_through_a_recovery_and_ends_with_a_rise() {
    let mut alarms = firing(Severity::Warn);
    assert_eq!(alarms.acknowledge(Which::Incident("another"), &mara(), start()), 0);
    assert_eq!(alarms.acknowledge(Which::All, &mara(), start()), 1);
    assert_eq!(told(&mut alarms), ["acknowledged warn"]);
    alarms.recover(&identity(), start().plus_ms(MINUTE));
    alarms.raise(surge(start().plus_ms(2 * MINUTE), Severity::Warn));
    assert_eq!(told(&mut alarms), ["recovering warn", "(acknowledged warn again)"]);
    alarms.raise(surge(start().plus_ms(3 * MINUTE), Severity::Page));
    assert_eq!(told(&mut alarms), ["firing page"]);
    alarms.recover(&identity(), start().plus_ms(4 * MINUTE));
    let incident = alarms.statuses()[0].incident.clone();
    assert_eq!(alarms.acknowledge(Which::Incident(&incident), &mara(), start().plus_ms(5 * MINUTE)), 1);
    assert_eq!(state(&alarms), AlarmState::Recovering, "seen, and still about to end");
    alarms.raise(surge(start().plus_ms(6 * MINUTE), Severity::Page));
    assert_eq!(state(&alarms), AlarmState::Acknowledged);
    assert_eq!(alarms.counts().acknowledged, 1);
}

#[test]
fn a_snooze_ends_at_its_time_and_is_heard_again() {
    let mut alarms = firing(Severity::Page);
    let until = start().plus_ms(30 * MINUTE);
    assert_eq!(alarms.snooze(Which::All, start(), &mara(), start()), 0, "a snooze that is over before it begins");
    assert_eq!(alarms.snooze(Which::All, until, &mara(), start()), 1);
    assert_eq!(told(&mut alarms), ["snoozed page"]);
    let status = alarms.statuses().remove(0);
    assert_eq!((status.state, status.until), (AlarmState::Snoozed, Some(until)));
    let mut restarted = reloaded(&alarms, start().plus_ms(10 * MINUTE));
    assert_eq!(restarted.statuses(), alarms.statuses());
    for alarms in [&mut alarms, &mut restarted] {
        assert_eq!(pass(alarms, until.plus_ms(-1)), [""; 0]);
        assert_eq!(pass(alarms, until), ["firing page"]);
        assert_eq!(alarms.statuses()[0].until, None);
    }
}

#[test]
fn a_snooze_that_ends_while_it_recovers_wakes_only_what_comes_back() {
    let mut alarms = firing(Severity::Page);
    let until = start().plus_ms(5 * MINUTE);
    alarms.snooze(Which::All, until, &mara(), start());
    alarms.recover(&identity(), start().plus_ms(MINUTE));
    told(&mut alarms);
    assert_eq!(pass(&mut alarms, until.plus_ms(MINUTE)), [""; 0]);
    let mut over = alarms.clone();
    alarms.raise(surge(until.plus_ms(2 * MINUTE), Severity::Page));
    assert_eq!(told(&mut alarms), ["firing page"]);
    assert_eq!(pass(&mut over, start().plus_ms(11 * MINUTE)), ["resolved page"]);
}

#[test]
fn a_snooze_that_ended_while_it_was_down_is_loud_and_not_announced() {
    let mut alarms = firing(Severity::Page);
    alarms.snooze(Which::All, start().plus_ms(30 * MINUTE), &mara(), start());
    let mut next = reloaded(&alarms, start().plus_ms(60 * MINUTE));
    assert_eq!(told(&mut next), [""; 0]);
    let status = next.statuses().remove(0);
    assert_eq!((status.state, status.loud), (AlarmState::Firing, true), "so its bell repeats");
}

#[test]
fn the_hour_after_the_end_survives_a_restart() {
    let mut alarms = firing(Severity::Page);
    alarms.recover(&identity(), start().plus_ms(MINUTE));
    pass(&mut alarms, start().plus_ms(11 * MINUTE));
    let mut next = reloaded(&alarms, start().plus_ms(12 * MINUTE));
    assert_eq!(next.statuses(), alarms.statuses());
    next.raise(surge(start().plus_ms(20 * MINUTE), Severity::Page));
    assert_eq!(told(&mut next), ["(firing page again)"]);
}

#[test]
fn what_is_over_is_bounded() {
    let mut alarms = Alarms::default();
    for number in 0..1000 {
        let mut condition = surge(start(), Severity::Warn);
        condition.identity.key = Some(Label::new(&format!("user-{number}")));
        let identity = condition.identity.clone();
        alarms.raise(condition);
        alarms.clear(&identity, start(), false);
    }
    assert_eq!(alarms.statuses().len(), 256);
}

#[test]
fn what_pages_and_costs_more_and_more_is_heard_again_half_an_hour_after_it_was_seen() {
    let mut alarms = firing(Severity::Page);
    alarms.acknowledge(Which::All, &mara(), start());
    told(&mut alarms);
    let minutes = |minutes: i64| start().plus_ms(minutes * MINUTE);
    // It costs nothing more: it stays seen, and is looked at again later.
    assert_eq!(pass(&mut alarms, minutes(30)), [""; 0]);
    alarms.refresh(&identity(), usd("9"), usd("8"));
    assert_eq!(pass(&mut alarms, minutes(59)), [""; 0]);
    // A restart in between forgets nothing of it.
    let mut alarms = reloaded(&alarms, minutes(59));
    assert_eq!(state(&alarms), AlarmState::Acknowledged);
    assert_eq!(pass(&mut alarms, minutes(60)).len(), 1);
    assert_eq!(state(&alarms), AlarmState::Firing);
    assert!(alarms.statuses()[0].is_loud() && alarms.statuses()[0].by.is_none());
    // Seen again, it has half an hour again; over in between, it says nothing.
    alarms.acknowledge(Which::All, &mara(), minutes(61));
    alarms.refresh(&identity(), usd("20"), usd("19"));
    alarms.recover(&identity(), minutes(70));
    told(&mut alarms);
    assert_eq!(pass(&mut alarms, minutes(81)).len(), 1, "it is over");
    assert_eq!(pass(&mut alarms, minutes(120)), [""; 0]);
}

#[test]
fn what_only_warns_and_budgets_stay_seen_whatever_they_cost() {
    let budget = Condition { episodic: false, ..surge(start(), Severity::Page) };
    for condition in [surge(start(), Severity::Warn), budget] {
        let mut alarms = Alarms::default();
        alarms.raise(condition);
        alarms.acknowledge(Which::All, &mara(), start());
        alarms.refresh(&identity(), usd("9"), usd("8"));
        told(&mut alarms);
        assert_eq!(pass(&mut alarms, start().plus_ms(300 * MINUTE)), [""; 0]);
        assert_eq!(state(&alarms), AlarmState::Acknowledged);
    }
}
