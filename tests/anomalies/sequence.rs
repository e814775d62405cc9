//! Nothing but the charges decides: not how they are cut, how fast they come, in which order within the watermark, nor a restart.

use std::collections::HashMap;
use std::sync::LazyLock;

use costtop::alarm::anomaly::Charge;
use costtop::alarm::{Alarms, Anomalies, Transition};
use costtop::config::DetectorsConfig;
use costtop::engine::Post;
use costtop::engine::names::Names;
use costtop::label::Label;
use costtop::money::Money;
use costtop::time::{Timestamp, Zone};
use proptest::prelude::*;

use crate::company::{Chance, Company, DAY, MINUTE, start};

/// Four days with one of everything, and what is said of them charge by charge.
static EVENTFUL: LazyLock<(Company, Vec<String>)> = LazyLock::new(|| {
    let company = eventful();
    let said = one_by_one(&company);
    (company, said)
});

fn eventful() -> Company {
    let mut company = Company::ordinary(11, 4);
    let at = |hour: i64| start().plus_ms(3 * DAY + hour * 60 * MINUTE);
    company.add_storm(at(2), 15);
    company.add_loop(at(9), "dev-04", 40);
    company.mistake_price(at(11), at(12), 4);
    company.break_cache(at(13), at(15), "coding-agent");
    company
}

/// What a transition says, whether or not it is heard.
fn said(transitions: &[Transition]) -> Vec<String> {
    let text = |alarm: &Transition| {
        format!("{} {} {} {} {}", alarm.time, alarm.state.name(), alarm.severity.name(), alarm.incident, alarm.message)
    };
    transitions.iter().map(text).collect()
}

struct Run {
    anomalies: Anomalies,
    alarms: Alarms,
    said: Vec<String>,
}

impl Run {
    fn new() -> Run {
        Run { anomalies: Anomalies::new(DetectorsConfig::ALL, Zone::UTC), alarms: Alarms::default(), said: Vec::new() }
    }

    fn apply(&mut self, posts: &[Post], names: &Names, now: Timestamp) {
        self.anomalies.apply(posts, names, now, &mut self.alarms);
        self.said.extend(said(&self.alarms.take_transitions()));
    }

    fn finish(mut self, names: &Names, now: Timestamp) -> Vec<String> {
        self.anomalies.finish(names, now, &mut self.alarms);
        self.said.extend(said(&self.alarms.take_transitions()));
        self.said
    }
}

fn one_by_one(company: &Company) -> Vec<String> {
    let mut run = Run::new();
    for post in &company.posts {
        run.apply(std::slice::from_ref(post), &company.names, post.time);
    }
    let last = company.posts.last().unwrap().time;
    let said = run.finish(&company.names, last);
    let causes = ["surge", "cache", "price", "errors"];
    assert!(causes.iter().all(|cause| said.iter().any(|line| line.contains(cause))), "{said:#?}");
    said
}

/// The posts as they arrive when each takes up to `most` milliseconds, with their arrivals.
fn arrivals(posts: &[Post], most: i64, chance: &mut Chance) -> Vec<(Timestamp, Post)> {
    let mut arrivals: Vec<_> = posts.iter().map(|post| (post.time.plus_ms(chance.below(most)), *post)).collect();
    arrivals.sort_by_key(|(arrival, _)| *arrival);
    arrivals
}

#[test]
fn live_and_replayed_they_say_the_same() {
    let (company, expected) = &*EVENTFUL;
    let (mut anomalies, mut alarms) = (Anomalies::new(DetectorsConfig::ALL, Zone::UTC), Alarms::default());
    let mut folded: Vec<Charge> = company.posts.iter().map(Charge::of).collect();
    folded.sort_by(|one, other| one.order(other, &company.names));
    let years_later = company.posts.last().unwrap().time.plus_ms(1000 * DAY);
    for charge in &folded {
        anomalies.fold(&Charge { history: true, ..*charge }, &company.names, years_later, &mut alarms);
    }
    anomalies.finish(&company.names, years_later, &mut alarms);
    let transitions = alarms.take_transitions();
    assert_eq!(&said(&transitions), expected);
    let history: Vec<_> = transitions.iter().filter(|alarm| !alarm.silent).collect();
    assert!(history.is_empty(), "history never rings: {history:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn any_cut_any_speed_and_any_order_within_the_watermark_say_the_same(seed: u64, longest in 1i64..2000, tick: bool) {
        let (company, expected) = &*EVENTFUL;
        let mut chance = Chance::new(seed);
        let arrivals = arrivals(&company.posts, 4_900, &mut chance);
        let mut run = Run::new();
        let mut rest = &arrivals[..];
        while !rest.is_empty() {
            let (batch, after) = rest.split_at((1 + chance.below(longest) as usize).min(rest.len()));
            rest = after;
            let posts: Vec<Post> = batch.iter().map(|(_, post)| *post).collect();
            let now = batch.last().unwrap().0;
            run.apply(&posts, &company.names, now);
            if tick {
                run.anomalies.tick(&company.names, now.plus_ms(500), &mut run.alarms);
            }
        }
        let last = arrivals.last().unwrap().0;
        prop_assert_eq!(&run.finish(&company.names, last), expected);
    }

    #[test]
    fn a_restart_anywhere_says_the_same(seed: u64, part in 0.5f64..1.0) {
        let (company, expected) = &*EVENTFUL;
        let mut chance = Chance::new(seed);
        let arrivals = arrivals(&company.posts, 4_900, &mut chance);
        let (before, after) = arrivals.split_at((part * arrivals.len() as f64) as usize);
        let mut run = Run::new();
        for (arrival, post) in before {
            run.apply(std::slice::from_ref(post), &company.names, *arrival);
        }
        let (saved, saved_alarms) = (run.anomalies.save(), run.alarms.save());
        let mut next = Run { said: run.said, ..Run::new() };
        let now = before.last().unwrap().0;
        next.alarms.load(&saved_alarms, now).unwrap();
        prop_assert!(next.anomalies.load(Some(&saved), &company.names, now, &mut next.alarms));
        prop_assert_eq!(next.alarms.save(), saved_alarms, "nothing that stands was lost");
        prop_assert_eq!(next.anomalies.save(), saved, "it reads back");
        // The ledger has what the watermark had not passed.
        let watermark = next.anomalies.watermark();
        for (arrival, post) in before.iter().filter(|(_, post)| post.time > watermark) {
            next.anomalies.wait(post, *arrival);
        }
        for (arrival, post) in after {
            next.apply(std::slice::from_ref(post), &company.names, *arrival);
        }
        let last = arrivals.last().unwrap().0;
        prop_assert_eq!(&next.finish(&company.names, last), expected);
    }

    #[test]
    fn corrections_before_the_watermark_count_once_with_their_final_value(seed: u64) {
        let (company, expected) = &*EVENTFUL;
        let mut chance = Chance::new(seed);
        let mut run = Run::new();
        for post in &company.posts {
            if chance.part() < 0.2 {
                // A record that grows: half of it first, then the whole.
                let mut half = *post;
                half.sums.output /= 2;
                half.sums.reported = Money::from_pico(half.sums.reported.pico() / 2);
                run.apply(&[half], &company.names, post.time);
                run.apply(&[Post { sign: -1, ..half }, *post], &company.names, post.time.plus_ms(2_000));
            } else {
                run.apply(std::slice::from_ref(post), &company.names, post.time);
            }
        }
        let last = company.posts.last().unwrap().time;
        prop_assert_eq!(&run.finish(&company.names, last.plus_ms(2_000)), expected);
    }
}

#[test]
fn names_that_came_in_another_order_say_the_same() {
    let (company, expected) = &*EVENTFUL;
    // All names known before, the last first: every number is another one.
    let mut names = Names::default();
    for id in (2..company.names.labels()).rev() {
        names.intern(&Label::new(company.names.label(id as u32).as_str()));
    }
    let mut profiles = HashMap::new();
    let mut renamed = Run::new();
    for post in &company.posts {
        let profile = *profiles.entry(post.profile).or_insert_with(|| {
            let other = company.names.dimensions(post.profile).map(|id| names.intern(company.names.label(id)));
            names.profile(other)
        });
        renamed.apply(&[Post { profile, ..*post }], &names, post.time);
    }
    let last = company.posts.last().unwrap().time;
    assert_eq!(&renamed.finish(&names, last), expected);
}

#[test]
fn what_comes_after_the_watermark_misses_the_detectors_and_is_counted() {
    let company = Company::ordinary(1, 1);
    let mut run = Run::new();
    let last = company.posts.last().unwrap();
    run.apply(std::slice::from_ref(last), &company.names, last.time);
    assert_eq!(run.anomalies.watermark(), last.time.plus_ms(-5_000));
    run.apply(&company.posts[..10], &company.names, last.time);
    assert_eq!(run.anomalies.missed(), 10);
}

#[test]
fn a_line_from_the_future_moves_no_watermark() {
    let company = Company::ordinary(1, 1);
    let mut run = Run::new();
    let post = company.posts[0];
    run.apply(&[Post { time: post.time.plus_ms(1000 * DAY), ..post }], &company.names, post.time);
    assert!(run.anomalies.watermark() < post.time);
    run.apply(&company.posts, &company.names, company.posts.last().unwrap().time);
    assert_eq!(run.anomalies.missed(), 0);
}

#[test]
fn a_state_that_is_broken_begins_anew_and_ends_what_stood() {
    let (company, _) = &*EVENTFUL;
    let mut run = Run::new();
    let until = start().plus_ms(3 * DAY + (9 * 60 + 30) * MINUTE);
    for post in company.posts.iter().take_while(|post| post.time < until) {
        run.apply(std::slice::from_ref(post), &company.names, post.time);
    }
    let saved = run.anomalies.save();
    assert!(run.alarms.counts().firing.iter().sum::<usize>() > 0, "a loop goes on");
    for broken in [&saved[..saved.len() - 1], &saved[1..], &[], &[&saved[..], &[0]].concat()] {
        let mut next = Run::new();
        next.alarms.load(&run.alarms.save(), until).unwrap();
        assert!(!next.anomalies.load(Some(broken), &company.names, until, &mut next.alarms));
        assert_eq!(next.alarms.counts().firing, [0; 4], "nobody would ever end it");
        assert_eq!(next.anomalies.watermark(), Timestamp::MIN, "all of history is folded again");
    }
}
