//! What is found, how soon, and that it names cause, entity and excess.

use costtop::alarm::anomaly::Charge;
use costtop::alarm::{AlarmState, Alarms, Anomalies, Transition};
use costtop::config::{DetectorsConfig, Severity};
use costtop::money::Money;
use costtop::time::{Timestamp, Zone};

use crate::company::{Company, DAY, MINUTE, start};

/// What a replay of the company's days tells.
pub fn replay(company: &Company) -> Vec<Transition> {
    replay_with(company, DetectorsConfig::ALL)
}

fn replay_with(company: &Company, config: DetectorsConfig) -> Vec<Transition> {
    let mut anomalies = Anomalies::new(config, Zone::UTC);
    let mut alarms = Alarms::default();
    for post in &company.posts {
        anomalies.fold(&Charge::of(post), &company.names, post.time, &mut alarms);
    }
    let last = company.posts.last().unwrap().time;
    anomalies.finish(&company.names, last, &mut alarms);
    alarms.take_transitions()
}

/// What began to fire, or fires louder.
fn firing(transitions: &[Transition]) -> impl Iterator<Item = &Transition> {
    transitions.iter().filter(|transition| transition.state == AlarmState::Firing && transition.is_news())
}

/// The first one of a cause, which must come within so many minutes of its incident.
#[track_caller]
fn within<'t>(transitions: &'t [Transition], cause: &str, began: Timestamp, minutes: i64) -> &'t Transition {
    let first = firing(transitions).find(|transition| transition.cause == cause && transition.time >= began);
    let first = first.unwrap_or_else(|| panic!("no {cause} in {transitions:#?}"));
    assert!(first.time <= began.plus_ms(minutes * MINUTE), "{} after {began}: {}", first.time, first.message);
    first
}

fn eighth_day_at(hour: i64) -> Timestamp {
    start().plus_ms(8 * DAY + hour * 60 * MINUTE)
}

#[test]
fn ordinary_days_are_quiet() {
    let mut told = 0;
    for seed in 1..=4 {
        let transitions = replay(&Company::ordinary(seed, 14));
        let all: Vec<_> = firing(&transitions).map(|alarm| format!("{} {}", alarm.time, alarm.message)).collect();
        told += all.len();
        assert!(all.len() <= 3, "seed {seed}: {all:#?}");
    }
    assert!(told <= 6, "{told} in eight weeks");
}

#[test]
fn a_loop_is_found_within_minutes_and_names_who_loops() {
    for seed in 1..=3 {
        let mut company = Company::ordinary(seed, 9);
        company.add_loop(eighth_day_at(10), "dev-04", 60);
        let transitions = replay(&company);
        within(&transitions, "surge", eighth_day_at(10), 15);
        let his = |alarm: &&Transition| alarm.key.as_ref().is_some_and(|key| key.as_str() == "dev-04");
        let first = firing(&transitions).find(his).unwrap();
        assert_eq!((first.scope, first.cause), ("user", "surge"));
        assert!(first.message.starts_with("dev-04 costs $"), "{}", first.message);
        assert!(first.excess > Money::parse(b"2").unwrap() && first.excess == first.spent - first.limit);
        let paged = firing(&transitions).any(|alarm| alarm.cause == "surge" && alarm.severity == Severity::Page);
        assert!(paged, "its excess becomes material");
        let over = transitions.iter().find(|alarm| {
            alarm.state == AlarmState::Resolved && alarm.incident == first.incident && alarm.time > first.time
        });
        assert!(over.is_some_and(|over| over.time <= eighth_day_at(12)), "{over:?}");
    }
}

#[test]
fn a_storm_of_retries_is_found_within_two_minutes() {
    let mut company = Company::ordinary(3, 9);
    company.add_storm(eighth_day_at(3), 20);
    let transitions = replay(&company);
    let first = within(&transitions, "errors", eighth_day_at(3), 2);
    assert_eq!((first.scope, first.key.as_ref().unwrap().as_str()), ("feature", "support-bot"));
    assert!(first.message.contains(" of the last 30 requests of support-bot failed, within "), "{}", first.message);
    let over = transitions.iter().find(|alarm| alarm.state == AlarmState::Resolved && alarm.incident == first.incident);
    assert!(over.is_some(), "{transitions:#?}");
}

#[test]
fn a_cache_that_breaks_is_found_within_twenty_five_minutes() {
    for (seed, feature) in [(1, "support-bot"), (2, "coding-agent"), (3, "chat")] {
        let mut company = Company::ordinary(seed, 9);
        let (from, until) = (eighth_day_at(12), eighth_day_at(15));
        company.break_cache(from, until, feature);
        let transitions = replay(&company);
        let first = within(&transitions, "cache", from, 25);
        assert_eq!((first.scope, first.key.as_ref().unwrap().as_str()), ("feature", feature));
        assert!(first.excess > Money::ZERO && first.excess == first.spent - first.limit, "{first:?}");
        assert!(first.message.contains("of its prompts from the cache, usually"), "{}", first.message);
    }
}

#[test]
fn a_price_mistake_is_found_within_three_minutes() {
    for times in [2, 5] {
        let mut company = Company::ordinary(1, 9);
        let (from, until) = (eighth_day_at(10), eighth_day_at(12));
        company.mistake_price(from, until, times);
        let transitions = replay(&company);
        let first = within(&transitions, "price", from, 3);
        assert_eq!((first.scope, first.key.as_ref().unwrap().as_str()), ("model", "sonnet"));
        assert!(first.message.starts_with("sonnet costs "), "{}", first.message);
        let last = transitions.iter().rfind(|alarm| alarm.cause == "price").unwrap();
        assert_eq!(last.state, AlarmState::Resolved, "the price is right again");
        // Within a block of ten at both ends, exactly what was paid too much.
        let spent = company.posts.iter().filter(|post| post.time >= from && post.time < until);
        let too_much: i128 = spent.map(|post| post.sums.reported.pico() - post.sums.computed_beside.pico()).sum();
        assert!((last.excess.pico() - too_much).abs() < too_much / 10, "{} of {too_much}", last.excess);
    }
}

#[test]
fn a_contract_price_is_no_alarm() {
    let mut company = Company::ordinary(1, 9);
    company.mistake_price(start(), start().plus_ms(9 * DAY), 3);
    let transitions = replay_with(&company, DetectorsConfig { surge: false, ..DetectorsConfig::ALL });
    assert_eq!(firing(&transitions).filter(|alarm| alarm.cause == "price").count(), 0, "{transitions:#?}");
}

#[test]
fn what_is_switched_off_is_not_looked_for() {
    let mut company = Company::ordinary(3, 9);
    company.add_storm(eighth_day_at(3), 20);
    company.add_loop(eighth_day_at(10), "dev-04", 60);
    let off = DetectorsConfig { surge: false, cache: false, price: false, errors: false };
    assert!(Anomalies::new(off, Zone::UTC).is_off());
    for (config, cause) in
        [(DetectorsConfig { surge: true, ..off }, "surge"), (DetectorsConfig { errors: true, ..off }, "errors")]
    {
        let transitions = replay_with(&company, config);
        assert!(!transitions.is_empty() && transitions.iter().all(|alarm| alarm.cause == cause), "{transitions:#?}");
    }
}
