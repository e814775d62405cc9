//! Charges through the ledger to the budgets, while usage is corrected and clocks are wrong: sums exact, no alarm twice (T32, T33).

use costtop::alarm::{Alarms, BudgetState, BudgetStatus, Budgets, Transition};
use costtop::config::{AlarmConfig, DetectorsConfig};
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::{BatchBuilder, Place, Surroundings};
use costtop::engine::rows::Rows;
use costtop::engine::view::{ViewQuery, Window};
use costtop::engine::{Engine, Options};
use costtop::money::{Cost, Money};
use costtop::notifier::bell::Bell;
use costtop::price::Priced;
use costtop::time::{Timestamp, Zone};
use costtop::usage::{Ids, RawText, Tokens, Usage};

use crate::world::{at, brief, config, usd};

const KEY: IdentityKey = IdentityKey(3, 4);
const HOUR_MS: i64 = 3_600_000;
const DAY: &str = "timezone = \"UTC\"\n[[budget]]\nname = \"everything\"\nlimit = 600.00\nper = \"day\"\n";

/// The engine, its budgets and the bell, with a clock that the test moves where it likes.
struct Live {
    engine: Engine,
    budgets: Budgets,
    alarms: Alarms,
    bell: Bell,
    now: Timestamp,
    rings: usize,
}

impl Live {
    fn new(text: &str, now: Timestamp) -> Live {
        let config = config(text);
        let alarm = AlarmConfig {
            bell: true,
            repeat: std::time::Duration::MAX,
            quiet_hours: None,
            detectors: DetectorsConfig::ALL,
        };
        Live {
            engine: Engine::new(Options { zone: config.zone, ..Options::default() }, Rows::in_memory(), now),
            budgets: Budgets::new(config.zone, &config.budgets, now).unwrap(),
            alarms: Alarms::default(),
            bell: Bell::new(alarm, config.zone),
            now,
            rings: 0,
        }
    }

    /// What a line says of a request, when the clock shows `self.now`. Of two lines the final one counts, else the one of more tokens.
    fn line(
        &mut self,
        request: u32,
        time: Timestamp,
        (dollars, output, is_final): (u64, u32, bool),
    ) -> Vec<Transition> {
        let id = format!("req_{request:012}");
        let usage = Usage {
            is_final,
            ids: Ids { request: RawText::plain(id.as_bytes()), ..Ids::default() },
            time: Some(time),
            tokens: Tokens { output, ..Tokens::default() },
            model: RawText::plain(b"model"),
            ..Usage::default()
        };
        let priced = Priced { computed: Some(Cost::from_pico(dollars * 1_000_000_000_000)), ..Priced::default() };
        let place = Place { generation: 1, offset: u64::from(request), index: 0 };
        let mut builder = BatchBuilder::default();
        builder.push(&usage, priced, KEY.identify(&usage, place), place, &Surroundings::default());
        let mut posts = Vec::new();
        self.engine.tick(self.now);
        self.engine.apply(&builder.finish(false), self.now, &mut posts).unwrap();
        self.budgets.apply(&posts, self.engine.names(), self.now, &mut self.alarms);
        self.heard()
    }

    fn spend(&mut self, request: u32, time: Timestamp, dollars: u64) -> Vec<Transition> {
        self.line(request, time, (dollars, 1, true))
    }

    fn clock(&mut self, now: Timestamp) -> Vec<Transition> {
        self.now = now;
        self.engine.tick(now);
        self.budgets.tick(self.engine.names(), now, &mut self.alarms);
        self.heard()
    }

    fn heard(&mut self) -> Vec<Transition> {
        let transitions = self.alarms.take_transitions();
        self.bell.hear(&transitions, self.now);
        self.rings += usize::from(self.bell.ring(self.now));
        transitions
    }

    fn total(&self) -> Money {
        self.engine.total().cost()
    }

    fn window(&mut self, window: Window) -> Money {
        self.engine.view(&ViewQuery { window, ..ViewQuery::default() }).window.cost()
    }

    fn budget(&self) -> BudgetStatus {
        self.budgets.statuses(self.engine.names(), 1).remove(0)
    }

    fn closed(&self) -> Money {
        self.budgets.closed_statuses(self.engine.names(), 1).iter().map(|status| status.spent).sum()
    }
}

#[test]
fn t33_a_correction_after_an_alarm_is_exact_and_rings_once() {
    let ten = at("2026-11-21T10:00:00Z");
    let mut live = Live::new(DAY, ten);
    assert_eq!(brief(&live.line(1, ten, (601, 500, false))), ["firing page"]);
    for (dollars, output, is_final, state) in [
        (650, 700, false, BudgetState::Exceeded), // it grows
        (100, 200, true, BudgetState::Exceeded),  // its end says less: latched, whatever is spent now
        (100, 200, true, BudgetState::Exceeded),  // said again
    ] {
        live.now = live.now.plus_ms(1000);
        assert_eq!(brief(&live.line(1, ten, (dollars, output, is_final))), [""; 0], "{dollars}");
        let status = live.budget();
        assert_eq!((status.spent, status.state), (usd(&dollars.to_string()), state));
        assert_eq!((live.total(), live.window(Window::H1)), (status.spent, status.spent));
        assert_eq!(live.engine.total().requests, 1);
    }
    assert_eq!(brief(&live.spend(2, live.now, 550)), [""; 0], "over it again");
    assert_eq!((live.total(), live.budget().spent), (usd("650"), usd("650")));
    assert_eq!(live.rings, 1);
    // What was fired for one severity is no reason to keep quiet about the next.
    live.now = live.now.plus_ms(60_000);
    assert_eq!(brief(&live.line(3, live.now, (10, 1, false))), [""; 0]);
    assert_eq!(brief(&live.line(3, live.now, (80, 2, false))), ["firing critical"], "a correction that passes 120 %");
    assert_eq!(brief(&live.line(3, live.now, (5, 1, true))), [""; 0]);
    assert_eq!((live.total(), live.budget().spent, live.rings), (usd("655"), usd("655"), 2));
}

#[test]
fn t33_a_correction_of_yesterday_moves_yesterday() {
    let late = at("2026-11-21T23:59:00Z");
    let mut live = Live::new(DAY, late);
    assert_eq!(brief(&live.line(1, late, (601, 500, false))), ["firing page"]);
    assert_eq!(brief(&live.clock(at("2026-11-22T00:00:30Z"))), ["resolved page"]);
    assert_eq!(brief(&live.line(1, late, (700, 600, false))), [""; 0], "grows after midnight");
    assert_eq!(brief(&live.line(1, late, (50, 40, true))), [""; 0], "shrinks");
    assert_eq!((live.closed(), live.budget().spent, live.total()), (usd("50"), Money::ZERO, usd("50")));
    assert_eq!(live.rings, 1);
}

#[test]
fn t32_a_charge_eight_days_late_counts_where_it_belongs() {
    let now = at("2026-11-21T10:00:00Z");
    let mut live = Live::new(DAY, now);
    live.spend(1, now, 10);
    assert_eq!(brief(&live.spend(2, now.plus_ms(-8 * 24 * HOUR_MS), 5000)), [""; 0]);
    assert_eq!((live.total(), live.budget().spent, live.closed()), (usd("5010"), usd("10"), Money::ZERO));
    assert_eq!([Window::H24, Window::D7, Window::D30].map(|window| live.window(window)), ["10", "10", "5010"].map(usd));
    assert_eq!(live.rings, 0);
}

#[test]
fn t32_a_charge_two_hours_ahead_counts_once_when_its_time_has_come() {
    let now = at("2026-11-21T10:00:00Z");
    let ahead = now.plus_ms(2 * HOUR_MS);
    let mut live = Live::new(DAY, now);
    live.spend(1, now, 10);
    assert_eq!(brief(&live.spend(2, ahead, 601)), [""; 0]);
    assert_eq!((live.total(), live.budget().spent), (usd("611"), usd("10")), "known, and not yet spent");
    assert_eq!((live.window(Window::H24), live.engine.intake().clock_skew), (usd("10"), 1));
    assert_eq!(brief(&live.line(2, ahead, (602, 2, true))), [""; 0], "corrected while it waits");
    assert_eq!(brief(&live.clock(ahead.plus_ms(-1))), [""; 0]);
    assert_eq!(brief(&live.clock(ahead)), ["firing page"]);
    assert_eq!(brief(&live.clock(ahead.plus_ms(HOUR_MS))), [""; 0]);
    assert_eq!((live.total(), live.budget().spent, live.window(Window::H24)), (usd("612"), usd("612"), usd("612")));
    assert_eq!(live.rings, 1);
}

#[test]
fn t32_a_clock_that_steps_an_hour_loses_nothing_and_alarms_once() {
    let ten = at("2026-11-21T10:00:00Z");
    for steps in [[-1, 1], [1, -1]] {
        let mut live = Live::new(DAY, ten);
        assert_eq!(brief(&live.spend(1, ten, 601)), ["firing page"]);
        for (request, hours) in (2..).zip(steps) {
            let stepped = live.now.plus_ms(hours * HOUR_MS);
            assert_eq!(brief(&live.clock(stepped)), [""; 0], "{steps:?}");
            // Who writes the log has the same clock.
            assert_eq!(brief(&live.spend(request, stepped, 1)), [""; 0], "{steps:?}");
            assert_eq!((live.budget().spent, live.budget().state), (live.total(), BudgetState::Exceeded), "{steps:?}");
        }
        live.clock(ten.plus_ms(2 * HOUR_MS));
        assert_eq!((live.total(), live.window(Window::H24)), (usd("603"), usd("603")), "{steps:?}");
        assert_eq!(live.rings, 1, "{steps:?}");
    }
}

#[test]
fn t32_a_clock_that_was_ahead_silences_no_alarm() {
    let ten = at("2026-11-21T10:00:00Z");
    let mut live = Live::new(DAY, ten);
    live.clock(ten.plus_ms(HOUR_MS));
    live.clock(ten.plus_ms(1000));
    assert_eq!(brief(&live.spend(1, live.now, 601)), ["firing page"]);
    assert_eq!((live.total(), live.budget().spent, live.rings), (usd("601"), usd("601"), 1));
    // Over midnight the day is over for the budget: it says so, and says it once.
    let mut live = Live::new(DAY, at("2026-11-21T23:30:00Z"));
    live.clock(at("2026-11-22T00:30:00Z"));
    live.clock(at("2026-11-21T23:40:00Z"));
    assert_eq!(brief(&live.spend(1, live.now, 601)), ["firing page"]);
    assert_eq!(brief(&live.spend(2, live.now, 10)), [""; 0]);
    assert_eq!((live.closed(), live.budget().spent, live.rings), (usd("611"), Money::ZERO, 1));
}

#[test]
fn t32_a_clock_that_steps_over_midnight_and_back_opens_no_day_twice() {
    let mut live = Live::new(DAY, at("2026-11-21T23:30:00Z"));
    assert_eq!(brief(&live.spend(1, live.now, 601)), ["firing page"]);
    assert_eq!(brief(&live.clock(at("2026-11-22T00:30:00Z"))), ["resolved page"]);
    assert_eq!(brief(&live.spend(2, live.now, 602)), ["firing page"], "another day");
    assert_eq!(brief(&live.clock(at("2026-11-21T23:30:00Z"))), [""; 0]);
    assert_eq!(brief(&live.spend(3, live.now, 10)), [""; 0], "the first day has had its alarm");
    assert_eq!((live.closed(), live.budget().spent), (usd("611"), usd("602")));
    assert_eq!(brief(&live.clock(at("2026-11-22T00:00:00Z"))), [""; 0]);
    assert_eq!(brief(&live.spend(4, live.now, 20)), [""; 0], "so has the second");
    assert_eq!((live.closed(), live.budget().spent, live.total()), (usd("611"), usd("622"), usd("1233")));
    assert_eq!(live.rings, 2);
}

/// A dollar an hour: a day of 25 hours spends 25, one of 23 hours 23.
#[test]
fn t32_days_of_23_and_25_hours_are_budgets_of_their_own() {
    let text =
        "timezone = \"Europe/Berlin\"\n[[budget]]\nname = \"everything\"\nlimit = 24.00\nper = \"day\"\nwarn = []\n";
    let zone: Zone = "Europe/Berlin".parse().unwrap();
    for (begin, hours, pages) in [
        ("2026-10-23T22:00:00Z", [24, 25, 24], ["2026-10-24 23:30", "2026-10-25 22:30", "2026-10-26 23:30"].as_slice()),
        ("2026-03-27T23:00:00Z", [24, 23, 24], ["2026-03-28 23:30", "2026-03-30 23:30"].as_slice()),
    ] {
        let mut live = Live::new(text, at(begin));
        let (mut paged, mut now, mut request) = (Vec::new(), at(begin), 0);
        for of_day in hours {
            for _ in 0..of_day {
                live.clock(now);
                request += 1;
                live.now = now.plus_ms(HOUR_MS / 2);
                let transitions = live.spend(request, live.now, 1);
                paged.extend(transitions.iter().map(|told| zone.format(told.time, "%Y-%m-%d %H:%M")));
                now = now.plus_ms(HOUR_MS);
            }
            let status = live.budget();
            assert_eq!((status.spent, status.period_end), (usd(&of_day.to_string()), Some(now)), "{begin}");
        }
        assert_eq!(paged, pages);
        assert_eq!((live.rings, live.total()), (pages.len(), usd(&request.to_string())));
    }
}
