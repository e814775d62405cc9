//! What budgets say and when: thresholds, latching, periods, late and early charges, restarts.

use costtop::alarm::{AlarmState, Alarms, BudgetState, Budgets, SessionSpend, Transition, Which};
use costtop::engine::Post;
use costtop::engine::names::NONE;
use costtop::money::Money;

use crate::world::{World, at, brief, config, mara, usd};

const DAY: &str = "timezone = \"UTC\"\n[[budget]]\nname = \"everything\"\nlimit = 600.00\nper = \"day\"\n";
const EACH_USER: &str = "timezone = \"UTC\"\n[[budget]]\nname = \"each user\"\neach = \"user\"\nlimit = 1.00\nper = \"day\"\n\
    [[budget.override]]\nmatch = { user = \"ci-*\" }\nlimit = 150\n\
    [[budget.override]]\nmatch = { user = \"ci-free\" }\nlimit = 0\n";
const EACH_RUN: &str = "timezone = \"UTC\"\n[[budget]]\nname = \"agent run\"\neach = \"session\"\nlimit = 0.50\n";

#[test]
fn messages_name_cause_entity_and_amounts() {
    let mut world = World::new(DAY, "2026-11-21T09:00:00Z");
    let mut messages: Vec<String> = Vec::new();
    let mut say =
        |transitions: Vec<Transition>| messages.extend(transitions.into_iter().map(|transition| transition.message));
    say(world.spend("2026-11-21T10:00:00Z", "a", "480"));
    say(world.spend("2026-11-21T11:00:00Z", "a", "123.18"));
    say(world.spend("2026-11-21T12:00:00Z", "a", "120"));
    let mut world = World::new(EACH_USER, "2026-11-21T09:00:00Z");
    say(world.spend("2026-11-21T10:00:00Z", "ci-evals", "121.40"));
    let mut world = World::new(EACH_RUN, "2026-11-21T09:00:00Z");
    let post = world.post(at("2026-11-21T09:00:00Z"), "a", "run-7", usd("0.51239"));
    say(world.apply(&[post]));
    assert_eq!(
        messages,
        [
            "everything passed 80 % of $600.00 today: $480.00 spent",
            "everything passed 100 % of $600.00 today: $603.18 spent",
            "everything passed 120 % of $600.00 today: $723.18 spent",
            "ci-evals passed 80 % of $150.00 (each user, day): $121.40 spent",
            "run-7 passed 100 % of $0.50 (agent run, session): $0.5123 spent",
        ]
    );
}

#[test]
fn a_transition_as_json() {
    let mut world = World::new(EACH_USER, "2026-11-21T09:00:00Z");
    let transitions = world.spend("2026-11-21T10:00:00.123Z", "ada", "1.25");
    insta::assert_snapshot!(serde_json::to_string_pretty(&transitions[0].to_json()).unwrap());
}

#[test]
fn eighty_percent_warns_a_hundred_pages_a_hundred_and_twenty_is_critical() {
    let mut world = World::new(DAY, "2026-11-21T09:00:00Z");
    let mut spend = |amount| brief(&world.spend("2026-11-21T10:00:00Z", "a", amount));
    assert_eq!(spend("479.999999999999"), [""; 0]);
    assert_eq!(spend("0.000000000001"), ["firing warn"]);
    assert_eq!(spend("119.999999999999"), [""; 0]);
    assert_eq!(spend("0.000000000001"), ["firing page"]);
    assert_eq!(spend("119.999999999999"), [""; 0]);
    assert_eq!(spend("0.000000000001"), ["firing critical"]);
    assert_eq!(spend("10000"), [""; 0]);
}

#[test]
fn of_several_crossings_only_the_highest_speaks() {
    let mut world = World::new(DAY, "2026-11-21T09:00:00Z");
    assert_eq!(brief(&world.spend("2026-11-21T10:00:00Z", "a", "5000")), ["firing critical"]);
}

#[test]
fn a_broken_budget_is_latched_until_its_period_ends() {
    let mut world = World::new(DAY, "2026-11-21T09:00:00Z");
    world.spend("2026-11-21T10:00:00Z", "a", "601");
    assert_eq!(brief(&world.spend("2026-11-21T10:01:00Z", "a", "-500")), [""; 0]);
    let status = world.status("everything", None);
    assert_eq!((status.spent, status.state), (usd("101"), BudgetState::Exceeded));
    assert_eq!(brief(&world.spend("2026-11-21T10:02:00Z", "a", "500")), [""; 0], "not again");
    assert_eq!(brief(&world.tick("2026-11-21T23:59:59.999Z")), [""; 0]);
    let resolved = world.tick("2026-11-22T00:00:00Z");
    assert_eq!(brief(&resolved), ["resolved page"]);
    assert_eq!(resolved[0].time, at("2026-11-22T00:00:00Z"));
    let status = world.status("everything", None);
    assert_eq!((status.spent, status.state), (Money::ZERO, BudgetState::Ok));
    assert_eq!(brief(&world.spend("2026-11-22T00:00:00Z", "a", "601")), ["firing page"], "a new day, a new alarm");
}

#[test]
fn a_correction_that_adds_before_it_takes_back_breaks_nothing() {
    let mut world = World::new(DAY, "2026-11-21T09:00:00Z");
    world.spend("2026-11-21T10:00:00Z", "a", "400");
    let time = at("2026-11-21T10:00:00Z");
    let more = world.post(time, "a", "", usd("410"));
    let less = world.post(time, "a", "", usd("-400"));
    assert_eq!(brief(&world.apply(&[more, less])), [""; 0]);
    assert_eq!(brief(&world.apply(&[less, more])), [""; 0]);
    assert_eq!(world.status("everything", None).spent, usd("420"));
}

#[test]
fn acknowledged_alarms_are_silent_until_they_rise() {
    let mut world = World::new(DAY, "2026-11-21T09:00:00Z");
    let incident = world.spend("2026-11-21T10:00:00Z", "a", "600").remove(0).incident;
    assert_eq!(world.alarms.acknowledge(Which::Incident("other"), &mara(), world.now), 0);
    assert_eq!(world.alarms.acknowledge(Which::Incident(&incident), &mara(), world.now), 1);
    assert_eq!(brief(&world.alarms.take_transitions()), ["acknowledged page"]);
    assert_eq!(world.alarms.acknowledge(Which::All, &mara(), world.now), 0);
    assert_eq!(world.alarms.counts().acknowledged, 1);
    let risen = world.spend("2026-11-21T11:00:00Z", "a", "120");
    assert_eq!(brief(&risen), ["firing critical"]);
    assert_eq!(risen[0].incident, incident, "the same incident");
    let counts = world.alarms.counts();
    assert_eq!((counts.firing, counts.acknowledged), ([0, 0, 0, 1], 0));
    assert_eq!(world.alarms.statuses()[0].spent, usd("720"));
}

#[test]
fn history_is_shown_and_silent() {
    let mut world = World::new(DAY, "2026-11-21T12:00:00Z");
    let post = Post { history: true, ..world.post(at("2026-11-21T10:00:00Z"), "a", "", usd("601")) };
    assert_eq!(brief(&world.apply(&[post])), ["(firing page)"]);
    let alarm = &world.alarms.statuses()[0];
    assert_eq!((alarm.state, alarm.loud), (AlarmState::Firing, false));
    assert_eq!(brief(&world.tick("2026-11-22T00:00:00Z")), ["(resolved page)"]);
}

#[test]
fn late_charges_alarm_for_ten_minutes_and_are_counted_for_longer() {
    let mut world = World::new(DAY, "2026-11-21T23:00:00Z");
    world.tick("2026-11-22T00:05:00Z");
    let late = world.late("2026-11-21T23:55:00Z", "a", "601");
    assert_eq!(brief(&late), ["firing page"]);
    assert_eq!(late[0].message, "everything passed 100 % of $600.00 on 2026-11-21: $601.00 spent");
    assert_eq!(brief(&world.late("2026-11-21T23:54:59.999Z", "a", "601")), [""; 0], "older: sums only");
    let closed = &world.budgets.closed_statuses(&world.names, 10)[0];
    assert_eq!((closed.spent, closed.period_start), (usd("1202"), at("2026-11-21T00:00:00Z")));
    assert_eq!(world.status("everything", None).spent, Money::ZERO);
    world.tick("2026-11-22T12:00:00Z");
    assert_eq!(brief(&world.late("2026-11-22T11:00:00Z", "a", "601")), ["(firing page)"], "an hour late: silent");
    assert_eq!(brief(&world.late("2026-11-20T11:00:00Z", "a", "601")), [""; 0], "too old for anything");
}

#[test]
fn a_late_charge_joins_what_was_spent_before_its_period_ended() {
    let mut world = World::new(DAY, "2026-11-21T23:00:00Z");
    world.spend("2026-11-21T23:50:00Z", "a", "599");
    world.tick("2026-11-22T00:01:00Z");
    assert_eq!(brief(&world.late("2026-11-21T23:59:00Z", "a", "1")), ["firing page"]);
    assert_eq!(world.budgets.closed_statuses(&world.names, 1)[0].spent, usd("600"));
    assert_eq!(brief(&world.tick("2026-11-22T01:00:00Z")), ["resolved page"], "shown for an hour");
}

#[test]
fn what_is_ahead_of_the_clock_waits_for_its_time() {
    let mut world = World::new(DAY, "2026-11-21T23:59:30Z");
    assert_eq!(brief(&world.late("2099-01-01T00:00:00Z", "a", "5000")), [""; 0]);
    assert_eq!(brief(&world.late("2026-11-22T00:00:10Z", "a", "700")), [""; 0], "the next day has not begun");
    assert_eq!(brief(&world.late("2026-11-21T23:59:59Z", "a", "600")), ["firing page"], "seconds ahead count");
    assert_eq!(world.status("everything", None).spent, usd("600"));
    assert_eq!(brief(&world.tick("2026-11-22T00:00:05Z")), ["resolved page"]);
    assert_eq!(brief(&world.tick("2026-11-22T00:00:10Z")), ["firing page"]);
    assert_eq!(world.status("everything", None).spent, usd("700"));
    assert_eq!(world.budgets.dropped(), 0);
}

#[test]
fn each_user_has_a_sum_and_the_most_specific_limit() {
    let mut world = World::new(EACH_USER, "2026-11-21T09:00:00Z");
    assert_eq!(brief(&world.spend("2026-11-21T10:00:00Z", "ada", "0.99")), ["firing warn"]);
    assert_eq!(brief(&world.spend("2026-11-21T10:00:00Z", "bob", "1.00")), ["firing page"]);
    assert_eq!(brief(&world.spend("2026-11-21T10:00:00Z", "ci-evals", "119")), [""; 0]);
    assert_eq!(brief(&world.spend("2026-11-21T10:00:00Z", "ci-free", "0.000000000001")), ["firing page"]);
    assert_eq!(brief(&world.spend("2026-11-21T10:00:00Z", "", "500")), [""; 0], "nobody is no user");
    let shown: Vec<String> = world
        .budgets
        .statuses(&world.names, 3)
        .iter()
        .map(|status| format!("{} {} {:?}", status.key.as_ref().unwrap(), status.limit, status.state))
        .collect();
    assert_eq!(shown, ["ci-free 0.000000000000 Exceeded", "bob 1.000000000000 Exceeded", "ada 1.000000000000 Warned"]);
}

#[test]
fn a_budget_counts_what_it_matches() {
    let text = format!("{DAY}match = {{ team = \"sea*\", user = \"a?a\" }}\n");
    let mut world = World::new(&text, "2026-11-21T09:00:00Z");
    for user in ["ada", "ava", "bob", ""] {
        world.spend("2026-11-21T10:00:00Z", user, "1");
    }
    assert_eq!(world.status("everything", None).spent, usd("2"));
}

#[test]
fn sessions_are_limited_over_their_lifetime() {
    let mut world = World::new(EACH_RUN, "2026-11-21T09:00:00Z");
    let mut spend = |time: &str, amount: &str| {
        world.now = at(time);
        let post = world.post(at(time), "a", "run-7", usd(amount));
        brief(&world.apply(&[post]))
    };
    assert_eq!(spend("2026-11-21T10:00:00Z", "0.30"), [""; 0]);
    assert_eq!(spend("2026-11-22T09:00:00Z", "0.20"), ["firing page"]);
    assert_eq!(spend("2026-11-22T09:00:01Z", "0.05"), [""; 0]);
    assert_eq!(brief(&world.tick("2026-11-23T09:20:00Z")), ["(resolved page)"], "a day without a charge");
    let status = world.status("agent run", Some("run-7"));
    assert_eq!((status.spent, status.period_start), (usd("0.55"), at("2026-11-21T10:00:00Z")));
    world.tick("2026-11-30T09:20:00Z");
    assert_eq!(world.statuses(), []);
}

/// What a restart keeps: the saved alarms and the sums of the store.
fn restart(world: &World, text: &str, spent: &str, now: &str) -> (World, Vec<Transition>) {
    let saved = world.alarms.save();
    let mut next = World::new(text, now);
    next.alarms.load(&saved, next.now).unwrap();
    assert_eq!(next.alarms.save(), saved);
    let profile = next.profile("a", "search");
    let cells = [(at("2026-11-21T10:00:00Z"), profile, usd(spent))];
    next.budgets.rebuild(cells, [], &[], &mut next.names, next.now, &mut next.alarms);
    let transitions = next.alarms.take_transitions();
    (next, transitions)
}

#[test]
fn a_restart_keeps_what_fires_and_what_was_seen() {
    let mut world = World::new(DAY, "2026-11-21T09:00:00Z");
    world.spend("2026-11-21T10:00:00Z", "a", "601");
    let (mut next, transitions) = restart(&world, DAY, "601", "2026-11-21T11:00:00Z");
    assert_eq!(brief(&transitions), [""; 0]);
    assert_eq!(next.alarms.statuses(), world.alarms.statuses());
    assert_eq!(brief(&next.spend("2026-11-21T11:00:00Z", "a", "10")), [""; 0], "not announced again");

    world.alarms.acknowledge(Which::All, &mara(), world.now);
    let (next, _) = restart(&world, DAY, "601", "2026-11-21T11:00:00Z");
    assert_eq!(next.alarms.statuses()[0].state, AlarmState::Acknowledged);

    // Corrected below the limit while it was down: still latched.
    let (next, transitions) = restart(&world, DAY, "300", "2026-11-21T11:00:00Z");
    assert_eq!(brief(&transitions), [""; 0]);
    assert_eq!(next.status("everything", None).state, BudgetState::Exceeded);
}

#[test]
fn what_was_crossed_while_it_was_down_is_shown_and_silent() {
    let mut world = World::new(DAY, "2026-11-21T09:00:00Z");
    world.spend("2026-11-21T10:00:00Z", "a", "500");
    let (next, transitions) = restart(&world, DAY, "601", "2026-11-21T11:00:00Z");
    assert_eq!(brief(&transitions), ["(firing page)"]);
    assert_eq!(next.alarms.counts().firing, [0, 0, 1, 0]);
    let (_, transitions) = restart(&world, DAY, "601", "2026-11-22T11:00:00Z");
    assert_eq!(brief(&transitions), ["resolved warn"], "its day is over");
}

#[test]
fn another_limit_ends_the_latch() {
    let mut world = World::new(DAY, "2026-11-21T09:00:00Z");
    world.spend("2026-11-21T10:00:00Z", "a", "601");
    let (next, transitions) = restart(&world, &DAY.replace("600", "700"), "601", "2026-11-21T11:00:00Z");
    assert_eq!(brief(&transitions), ["(resolved page)", "(firing warn)"]);
    assert_eq!(next.status("everything", None).state, BudgetState::Warned);
    let (next, transitions) = restart(&world, "timezone = \"UTC\"", "601", "2026-11-21T11:00:00Z");
    assert_eq!(brief(&transitions), ["(resolved page)"], "the budget is gone");
    assert_eq!(next.alarms.counts().firing, [0; 4]);
}

#[test]
fn sessions_come_back_from_the_store() {
    let mut world = World::new(EACH_RUN, "2026-11-21T09:00:00Z");
    let profile = world.profile("a", "search");
    let post = world.post(world.now, "a", "run-7", usd("0.1"));
    let (first, last) = (at("2026-11-20T09:00:00Z"), at("2026-11-21T08:00:00Z"));
    let run = SessionSpend { first, last, profile, session: post.session, spent: usd("0.45") };
    let nameless = SessionSpend { session: NONE, ..run };
    world.budgets.rebuild([], [run, nameless], &[], &mut world.names, world.now, &mut world.alarms);
    assert_eq!(brief(&world.alarms.take_transitions()), ["(firing warn)"]);
    assert_eq!(world.status("agent run", Some("run-7")).period_start, first);
    assert_eq!(brief(&world.apply(&[post])), ["firing page"]);
}

#[test]
fn saved_alarms_that_are_broken_are_refused_or_left_out() {
    let mut alarms = Alarms::default();
    for text in ["", "[]", "{\"version\":1}", "{\"version\":1,\"alarms\":[]}"] {
        assert!(alarms.load(text, at("2026-11-21T09:00:00Z")).is_err(), "{text}");
    }
    let mut world = World::new(DAY, "2026-11-21T09:00:00Z");
    world.spend("2026-11-21T10:00:00Z", "a", "601");
    for (good, bad) in [("\"firing\"", "\"burning\""), ("601.0", "sixty"), ("\"global\"", "\"world\"")] {
        let saved = world.alarms.save();
        assert!(saved.contains(good), "{saved}");
        alarms.load(&saved.replace(good, bad), world.now).unwrap();
    }
    assert_eq!(alarms.statuses(), []);
}

#[test]
fn a_glob_that_does_not_compile_is_refused() {
    let mut budgets = config(DAY).budgets;
    budgets[0].matches.push((costtop::usage::Dimension::User, "[".to_owned()));
    let error = Budgets::new(costtop::time::Zone::UTC, &budgets, at("2026-11-21T09:00:00Z")).err().unwrap();
    assert!(error.to_string().starts_with("'[' is no glob"), "{error}");
}
