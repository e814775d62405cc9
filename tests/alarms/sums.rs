//! Sums by period against a naive model: random charges, corrections, late and early ones, in zones with daylight saving.

use costtop::alarm::BudgetState;
use costtop::engine::Post;
use costtop::money::Money;
use costtop::time::{Period, Timestamp, Zone};
use proptest::prelude::*;

use crate::world::World;

const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe"];
/// Around changes of clocks in Berlin, New York and Cairo, and any day.
const STARTS: [i64; 4] = [1_774_737_000_000, 1_772_953_000_000, 1_776_985_000_000, 1_795_297_733_099];
const HOUR: i64 = 3_600_000;

/// One move of the world: the clock goes on, then a charge comes, this much older or newer than the clock; perhaps an earlier one is taken
/// back instead.
#[derive(Clone, Debug)]
struct Move {
    clock_ms: i64,
    age_ms: i64,
    user: usize,
    pico: u64,
    takes_back: Option<prop::sample::Index>,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let clock = prop_oneof![8 => 0..10 * 60_000i64, 2 => 0..8 * HOUR];
    let age = prop_oneof![6 => 0..5_000i64, 2 => 0..30 * 60_000i64, 2 => 0..50 * HOUR, 1 => -3 * HOUR..0i64];
    let take = prop_oneof![4 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
    let one = (clock, age, 0..3usize, 1..2_000_000_000_000u64, take)
        .prop_map(|(clock_ms, age_ms, user, pico, takes_back)| Move { clock_ms, age_ms, user, pico, takes_back });
    prop::collection::vec(one, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn sums_are_those_of_a_naive_model(
        zone in prop::sample::select(ZONES.to_vec()),
        start in prop::sample::select(STARTS.to_vec()),
        period in prop::sample::select(vec![Period::Hour, Period::Day, Period::Week, Period::Month]),
        moves in moves(),
    ) {
        let text = format!(
            "timezone = \"{zone}\"\n[[budget]]\nname = \"all\"\nlimit = 5\nper = \"{0}\"\n\
             [[budget]]\nname = \"each\"\nlimit = 2\neach = \"user\"\nper = \"{0}\"\n",
            period.name()
        );
        let start = Timestamp::from_ms(start);
        let mut world = World::new(&text, &start.to_string());
        let zone: Zone = zone.parse().unwrap();
        let mut posted: Vec<Post> = Vec::new();
        let mut arrivals: Vec<(Timestamp, Post)> = Vec::new();
        for step in &moves {
            world.now = world.now.plus_ms(step.clock_ms);
            let post = match &step.takes_back {
                Some(index) if !posted.is_empty() => Post { sign: -1, ..posted.remove(index.index(posted.len())) },
                _ => {
                    let amount = Money::from_pico(i128::from(step.pico));
                    let post = world.post(world.now.plus_ms(-step.age_ms), ["ada", "bob", "cy"][step.user], "", amount);
                    posted.push(post);
                    post
                }
            };
            arrivals.push((world.now, post));
            world.apply(&[post]);

            // The naive model: all charges whose time has come, filtered anew.
            let (begin, end) = zone.period(period, world.now);
            let sum_of = |user: Option<&str>| -> Money {
                arrivals
                    .iter()
                    // Up to two minutes ahead counts already, if it was so when it came and its period had begun.
                    .filter(|(arrived, post)| {
                        let early = post.time <= arrived.plus_ms(120_000) && post.time < zone.period(period, *arrived).1;
                        post.time <= world.now || early
                    })
                    .filter(|(_, post)| begin <= post.time && post.time < end)
                    .filter(|(_, post)| user.is_none_or(|user| world.names.label(world.names.of(post.profile, costtop::usage::Dimension::User)).as_str() == user))
                    .map(|(_, post)| if post.sign < 0 { -post.sums.cost() } else { post.sums.cost() })
                    .sum()
            };
            let all = world.status("all", None);
            prop_assert_eq!((all.period_start, all.period_end), (begin, Some(end)));
            prop_assert_eq!(all.spent, sum_of(None));
            prop_assert!(all.state >= state(all.spent, all.limit));
            for status in world.statuses().iter().filter(|status| status.key.is_some()) {
                prop_assert_eq!(status.spent, sum_of(status.key.as_ref().map(costtop::label::Label::as_str)));
                prop_assert!(status.state >= state(status.spent, status.limit));
            }
        }
        // A restart: saved alarms and the charges of a store give the same budgets, latches too.
        let saved = world.alarms.save();
        let before = world.statuses();
        let mut next = World::new(&text, &world.now.to_string());
        next.alarms.load(&saved, next.now).unwrap();
        let counted = |(arrived, post): &&(Timestamp, Post)| {
            post.time <= world.now
                || (post.time <= arrived.plus_ms(120_000) && post.time < zone.period(period, *arrived).1)
        };
        let cells = arrivals.iter().filter(counted).map(|(_, post)| {
            (post.time, post.profile, if post.sign < 0 { -post.sums.cost() } else { post.sums.cost() })
        });
        next.budgets.rebuild(cells, [], &[], &mut world.names, world.now, &mut next.alarms);
        prop_assert!(next.alarms.take_transitions().iter().all(|transition| transition.silent));
        let mut after = next.budgets.statuses(&world.names, usize::MAX);
        let place = |status: &costtop::alarm::BudgetStatus| (status.name.clone(), status.key.clone());
        after.sort_by_key(place);
        let mut before = before;
        before.sort_by_key(place);
        prop_assert_eq!(after, before);
    }
}

/// What a sum is, without any latch.
fn state(spent: Money, limit: Money) -> BudgetState {
    if spent >= limit {
        BudgetState::Exceeded
    } else if spent.pico() * 10 >= limit.pico() * 8 {
        BudgetState::Warned
    } else {
        BudgetState::Ok
    }
}
