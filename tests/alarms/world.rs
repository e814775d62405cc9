//! A small world to spend in: names, budgets, a clock that the test moves.

use std::path::Path;

use costtop::alarm::{AlarmState, Alarms, BudgetStatus, Budgets, Transition};
use costtop::config::{Config, Loaded, Overrides, Severity};
use costtop::engine::Post;
use costtop::engine::counters::Counters;
use costtop::engine::names::{NONE, Names, ProfileId};
use costtop::label::Label;
use costtop::money::Money;
use costtop::time::{Timestamp, Zone, parse_rfc3339};
use costtop::usage::Dimension;

pub fn at(text: &str) -> Timestamp {
    parse_rfc3339(text.as_bytes(), Zone::UTC).unwrap_or_else(|| panic!("no time: {text}"))
}

pub fn usd(text: &str) -> Money {
    Money::parse(text.as_bytes()).unwrap()
}

pub fn config(text: &str) -> Config {
    Loaded::from_layers(Some((Path::new("config.toml"), text)), &Overrides::default(), &|_| None)
        .unwrap_or_else(|error| panic!("{error}"))
        .config
}

pub struct World {
    pub names: Names,
    pub budgets: Budgets,
    pub alarms: Alarms,
    pub now: Timestamp,
}

impl World {
    pub fn new(text: &str, now: &str) -> World {
        let config = config(text);
        let now = at(now);
        let budgets = Budgets::new(config.zone, &config.budgets, now).unwrap();
        World { names: Names::default(), budgets, alarms: Alarms::default(), now }
    }

    pub fn profile(&mut self, user: &str, team: &str) -> ProfileId {
        let mut profile = [NONE; Dimension::COUNT];
        profile[Dimension::User.place()] = self.names.intern(&Label::new(user));
        profile[Dimension::Team.place()] = self.names.intern(&Label::new(team));
        self.names.profile(profile)
    }

    pub fn post(&mut self, time: Timestamp, user: &str, session: &str, amount: Money) -> Post {
        let profile = self.profile(user, "search");
        let session = self.names.intern(&Label::new(session));
        let sign = if amount < Money::ZERO { -1 } else { 1 };
        let computed = if sign < 0 { -amount } else { amount };
        Post {
            number: 0,
            time,
            profile,
            session,
            sign,
            sums: Counters { computed, requests: 1, ..Counters::default() },
            history: false,
        }
    }

    /// A user spends at an instant and the clock stands there.
    pub fn spend(&mut self, time: &str, user: &str, amount: &str) -> Vec<Transition> {
        self.now = self.now.max(at(time));
        self.late(time, user, amount)
    }

    /// The same, while the clock stands where it stood.
    pub fn late(&mut self, time: &str, user: &str, amount: &str) -> Vec<Transition> {
        let post = self.post(at(time), user, "", usd(amount));
        self.apply(&[post])
    }

    pub fn apply(&mut self, posts: &[Post]) -> Vec<Transition> {
        self.budgets.apply(posts, &self.names, self.now, &mut self.alarms);
        self.alarms.take_transitions()
    }

    pub fn tick(&mut self, time: &str) -> Vec<Transition> {
        self.now = at(time);
        self.budgets.tick(&self.names, self.now, &mut self.alarms);
        self.alarms.take_transitions()
    }

    pub fn statuses(&self) -> Vec<BudgetStatus> {
        self.budgets.statuses(&self.names, usize::MAX)
    }

    pub fn status(&self, name: &str, key: Option<&str>) -> BudgetStatus {
        let wanted =
            |status: &BudgetStatus| status.name.as_str() == name && status.key.as_ref().map(Label::as_str) == key;
        self.statuses().into_iter().find(wanted).unwrap_or_else(|| panic!("no budget {name} {key:?}"))
    }
}

/// `firing page`: what a list of transitions comes down to; silent ones in brackets.
pub fn brief(transitions: &[Transition]) -> Vec<String> {
    let text = |transition: &Transition| {
        let again = if transition.again { " again" } else { "" };
        let text = format!("{} {}{again}", transition.state.name(), transition.severity.name());
        if transition.silent { format!("({text})") } else { text }
    };
    transitions.iter().map(text).collect()
}

/// Who acknowledges and snoozes here.
pub fn mara() -> Label {
    Label::new("mara")
}

/// A transition made by hand.
pub fn transition(incident: &str, state: AlarmState, severity: Severity) -> Transition {
    Transition {
        time: at("2026-11-21T10:00:00Z"),
        state,
        severity,
        rule: Label::new("everything"),
        scope: "global",
        key: None,
        cause: "budget",
        message: "everything passed 100 % of $600.00 today: $603.18 spent".to_owned(),
        spent: usd("603.18"),
        limit: usd("600"),
        excess: usd("3.18"),
        incident: incident.to_owned(),
        silent: false,
        again: false,
        by: None,
    }
}
