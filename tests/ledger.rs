//! Every billed request counts exactly once: any order, any split, any repeat gives the same money, owner and minute.

use costtop::engine::bill::CostMode;
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::{Batch, BatchBuilder, Place, Surroundings};
use costtop::engine::report::{GroupBy, ReportQuery};
use costtop::engine::rows::Rows;
use costtop::engine::view::{Chart, RIGHT, ViewQuery, Window};
use costtop::engine::{Engine, Options};
use costtop::money::Cost;
use costtop::price::Priced;
use costtop::time::{Timestamp, Zone};
use costtop::usage::{Dimension, Dimensions, Ids, Origin, OwnLabel, RawText, Tokens, Usage, UserField};
use proptest::prelude::*;

#[path = "ledger/horizon.rs"]
mod horizon;

const KEY: IdentityKey = IdentityKey(11, 12);
/// 2026-11-21T10:00:00Z.
const NOON: i64 = 1_795_255_200_000;
const NOW: Timestamp = Timestamp::from_ms(NOON + 3_600_000);

/// One record of a world; ids and names by number, 0 is none.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    origin: u8,
    side: bool,
    response: u8,
    request: u8,
    call: u8,
    span: u8,
    short: bool,
    hit: bool,
    last: bool,
    revision: u8,
    second: Option<u16>,
    output: u32,
    input: u32,
    user: u8,
    session: u8,
    model: u8,
    reported: Option<u64>,
    priced: bool,
    place: u32,
}

const BASE: Said = Said {
    origin: 0,
    side: false,
    response: 1,
    request: 1,
    call: 0,
    span: 0,
    short: false,
    hit: false,
    last: true,
    revision: 0,
    second: Some(0),
    output: 100,
    input: 10,
    user: 0,
    session: 1,
    model: 1,
    reported: None,
    priced: true,
    place: 0,
};

/// The slot of a label of the operator's own.
const CENTRE: usize = 2;

fn id(kind: &str, number: u8, short: bool) -> String {
    match (number, short) {
        (0, _) => String::new(),
        (_, true) => format!("{kind}_{number}"),
        (_, false) => format!("{kind}_0123456789abc{number}"),
    }
}

fn name(kind: &str, number: u8) -> String {
    if number == 0 { String::new() } else { format!("{kind}{number}") }
}

fn batch_of(said: &[Said]) -> Batch {
    let around = Surroundings { user_order: UserField::DEFAULT.to_vec(), ..Surroundings::default() };
    let mut builder = BatchBuilder::default();
    for record in said {
        let texts = [
            id("msg", record.response, record.short),
            id("req", record.request, record.short),
            id("call", record.call, false),
            id("span", record.span, false),
            name("user", record.user),
            name("session", record.session),
            name("model", record.model),
            name("centre", (record.output % 3) as u8),
        ];
        let raw = |place: usize| RawText::plain(texts[place].as_bytes());
        let mut own = [RawText::NONE; OwnLabel::MOST];
        own[CENTRE] = raw(7);
        let usage = Usage {
            origin: [Origin::Api, Origin::Transcript, Origin::Gateway, Origin::OpenTelemetry][record.origin as usize],
            side_chain: record.side,
            is_final: record.last,
            revision: record.revision.into(),
            cache_hit: record.hit,
            ids: Ids { response: raw(0), request: raw(1), call: raw(2), span: raw(3), own_request: false },
            time: record.second.map(|second| Timestamp::from_ms(NOON + i64::from(second) * 1000)),
            tokens: Tokens { input: record.input, output: record.output, ..Tokens::default() },
            model: raw(6),
            dimensions: Dimensions { user: raw(4), session: raw(5), own: Some(&own), ..Dimensions::default() },
            reported: record.reported.map(Cost::from_pico),
            ..Usage::default()
        };
        let place = Place { generation: 1, offset: record.place.into(), index: 0 };
        // A price that depends on the model, so that a wrong winner shows in the money.
        let rate = u64::from(record.model) * 1000;
        let computed = (record.priced && !record.hit)
            .then(|| Cost::from_pico(rate * u64::from(record.output) + u64::from(record.input)))
            .or(record.hit.then_some(Cost::ZERO));
        builder.push(
            &usage,
            Priced { computed, saved_pico: 0, batch: false },
            KEY.identify(&usage, place),
            place,
            &around,
        );
    }
    builder.finish(false)
}

/// Everything a report can tell, as text.
fn answer(engine: &mut Engine) -> String {
    let centre = Dimension::Own(OwnLabel::new(CENTRE, "centre"));
    let by = [GroupBy::Minute, GroupBy::Session]
        .into_iter()
        .chain([Dimension::User, Dimension::Model, centre].map(GroupBy::Dimension))
        .collect();
    let query = ReportQuery { by, since: None, until: None, zone: Zone::UTC };
    let report = engine.report(&query).expect("rows in memory");
    assert_eq!(report.totals, *engine.total(), "differences and final charges agree");
    let intake = &report.intake;
    assert_eq!(
        intake.records,
        intake.charges + intake.updates + intake.duplicates + intake.merged,
        "every record has one fate: {intake:?}"
    );
    assert_eq!(intake.charges, report.totals.requests.unsigned_abs());
    format!("{:?} {:?} {}", report.totals, report.groups, report.sessions)
}

fn engine_over(batches: &[Vec<Said>]) -> Engine {
    let mut engine = Engine::new(Options::default(), Rows::in_memory(), NOW);
    let mut posts = Vec::new();
    for batch in batches {
        engine.apply(&batch_of(batch), NOW, &mut posts).expect("rows in memory");
    }
    engine
}

fn money_of(said: &[Said]) -> (i128, i64) {
    let engine = engine_over(&[said.to_vec()]);
    (engine.total().cost().pico(), engine.total().requests)
}

/// The same in every order.
fn always(said: &[Said]) -> (i128, i64) {
    let expected = money_of(said);
    let mut backwards = said.to_vec();
    backwards.reverse();
    assert_eq!(money_of(&backwards), expected, "backwards");
    let mut rotated = said.to_vec();
    rotated.rotate_left(1);
    assert_eq!(money_of(&rotated), expected, "rotated");
    expected
}

#[test]
fn growing_usage_counts_its_greatest_statement() {
    // First-wins would say 1,010; adding up 103,030.
    let lines = [1, 8, 100].map(|output| Said { output, last: output == 100, ..BASE });
    assert_eq!(always(&lines), (100_010, 1));
    // Last-wins would take the shorter one.
    let lines = [100, 8].map(|output| Said { output, last: output == 100, ..BASE });
    assert_eq!(always(&lines), (100_010, 1));
    // The final statement wins over a greater partial one.
    let lines = [Said { output: 500, last: false, ..BASE }, Said { output: 100, ..BASE }];
    assert_eq!(always(&lines), (100_010, 1));
}

#[test]
fn one_response_under_two_requests_is_two_charges() {
    let lines = [BASE, Said { request: 2, output: 50, ..BASE }];
    assert_eq!(always(&lines), (150_020, 2));
    // … unless one is a sub-agent's replay.
    let lines = [BASE, Said { request: 2, output: 50, side: true, origin: 1, ..BASE }];
    assert_eq!(always(&lines), (100_010, 1));
}

#[test]
fn a_missing_request_id_joins_by_the_response() {
    let lines = [BASE, Said { request: 0, output: 7, last: false, ..BASE }];
    assert_eq!(always(&lines), (100_010, 1));
    let lines = [Said { request: 0, ..BASE }, Said { request: 0, session: 2, ..BASE }];
    assert_eq!(always(&lines), (100_010, 1), "a long id is good beyond its session");
    let lines = [Said { request: 0, short: true, ..BASE }, Said { request: 0, short: true, session: 2, ..BASE }];
    assert_eq!(always(&lines), (200_020, 2), "a short one is not");
}

#[test]
fn gateway_and_transcript_speak_of_one_request() {
    let transcript = Said { origin: 1, user: 0, session: 4, second: Some(30), ..BASE };
    let gateway = Said {
        origin: 2,
        request: 0,
        call: 9,
        user: 3,
        session: 5,
        output: 90,
        reported: Some(777),
        second: Some(10),
        ..BASE
    };
    for lines in [[transcript.clone(), gateway.clone()], [gateway, transcript]] {
        let mut engine = engine_over(&[lines.to_vec()]);
        assert_eq!((engine.total().cost().pico(), engine.total().requests), (777, 1), "the gateway's money");
        assert_eq!(engine.total().output, 100, "the transcript's tokens");
        let said = answer(&mut engine);
        assert!(
            said.contains("\"user3\"") && said.contains("\"session4\""),
            "gateway's user, transcript's session: {said}"
        );
        assert!(said.contains("10:00:00"), "the least time: {said}");
    }
}

#[test]
fn a_reported_zero_with_tokens_is_no_report() {
    assert_eq!(always(&[Said { reported: Some(0), ..BASE }]), (100_010, 1));
    assert_eq!(always(&[Said { reported: Some(0), output: 0, input: 0, priced: false, ..BASE }]), (0, 1));
    let unpriced = engine_over(&[vec![Said { reported: Some(0), priced: false, ..BASE }]]);
    assert_eq!((unpriced.total().unpriced_requests, unpriced.total().unpriced_tokens), (1, 110));
    let hit = Said { origin: 2, hit: true, call: 3, reported: Some(0), ..BASE };
    assert_eq!(always(&[BASE, hit]), (100_010, 2), "a gateway hit is a request of its own and costs nothing");
}

#[test]
fn two_charges_that_prove_to_be_one_are_one() {
    let one = Said { origin: 2, response: 1, request: 0, call: 1, ..BASE };
    let two = Said { origin: 3, response: 0, request: 0, span: 2, ..BASE };
    assert_eq!(money_of(&[one.clone(), two.clone()]).1, 2);
    let bridge = Said { origin: 3, response: 1, request: 0, span: 2, ..BASE };
    assert_eq!(always(&[one, two, bridge]).1, 1);
}

#[test]
fn a_response_id_that_everything_bears_stops_linking() {
    let lines: Vec<Said> = (1..=40).map(|request| Said { request, ..BASE }).collect();
    let mut engine = engine_over(&[lines.clone(), lines]);
    assert_eq!(engine.total().requests, 40);
    assert_eq!(engine.intake().id_reused, 32);
    assert_eq!(engine.intake().duplicates, 40);
    answer(&mut engine);
}

#[test]
fn a_higher_revision_replaces_all_facets() {
    let lines = [Said { reported: Some(900), user: 1, ..BASE }, Said { revision: 1, output: 5, user: 2, ..BASE }];
    assert_eq!(always(&lines), (5_010, 1));
}

#[test]
fn the_chosen_cost_follows_the_mode() {
    for (mode, expected) in [(CostMode::Auto, 777), (CostMode::Computed, 100_010), (CostMode::Reported, 777)] {
        let mut engine = Engine::new(Options { mode, ..Options::default() }, Rows::in_memory(), NOW);
        engine.apply(&batch_of(&[Said { reported: Some(777), ..BASE }]), NOW, &mut Vec::new()).expect("rows in memory");
        assert_eq!(engine.total().cost().pico(), expected, "{mode:?}");
    }
}

fn any_said() -> impl Strategy<Value = Said> {
    let ids = (0u8..3, 0u8..4, 0u8..3, 0u8..3, prop::bool::weighted(0.1));
    let kind =
        (0u8..4, prop::bool::weighted(0.2), prop::bool::weighted(0.05), any::<bool>(), prop::bool::weighted(0.1));
    let usage = (prop::sample::select(vec![0u32, 1, 5, 400]), 10u32..12, prop::option::weighted(0.9, 0u16..300));
    let who = (0u8..3, 0u8..4, 1u8..3);
    let money = (prop::option::weighted(0.4, prop::sample::select(vec![0u64, 77, 78])), prop::bool::weighted(0.9));
    (ids, kind, usage, who, money, 0u32..1000).prop_map(|(ids, kind, usage, who, money, place)| Said {
        response: ids.0,
        request: ids.1,
        call: ids.2,
        span: ids.3,
        short: ids.4,
        origin: kind.0,
        side: kind.1,
        hit: kind.2,
        last: kind.3,
        revision: u8::from(kind.4),
        output: usage.0,
        input: usage.1,
        second: usage.2,
        user: who.0,
        session: who.1,
        model: who.2,
        reported: money.0,
        priced: money.1,
        place,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_order_any_split_any_repeat(
        world in prop::collection::vec(any_said(), 1..14),
        shuffles in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>(), 1usize..5), 3),
    ) {
        let expected = answer(&mut engine_over(std::slice::from_ref(&world)));
        for (repeat, seed, size) in shuffles {
            let mut other = world.clone();
            other.push(repeat.get(&world).clone());
            // A seeded shuffle.
            let mut state = seed | 1;
            for place in (1..other.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                other.swap(place, (state >> 33) as usize % (place + 1));
            }
            let batches: Vec<Vec<Said>> = other.chunks(size).map(<[Said]>::to_vec).collect();
            prop_assert_eq!(&answer(&mut engine_over(&batches)), &expected);
            // And once more over itself.
            let mut engine = engine_over(&batches);
            engine.apply(&batch_of(&world), NOW, &mut Vec::new()).expect("rows in memory");
            prop_assert_eq!(&answer(&mut engine), &expected);
        }
    }

    #[test]
    fn windows_hold_what_the_charges_say(
        world in prop::collection::vec(any_said(), 1..30),
        moves in prop::collection::vec((0i64..40, 0usize..4), 1..6),
    ) {
        let mut engine = Engine::new(Options::default(), Rows::in_memory(), Timestamp::from_ms(NOON));
        let mut now = NOON;
        let mut rest = world.as_slice();
        for (minutes, take) in moves {
            now += minutes * 60_000 + 1_000;
            let (some, later) = rest.split_at(take.min(rest.len()));
            rest = later;
            engine.apply(&batch_of(some), Timestamp::from_ms(now), &mut Vec::new()).expect("rows in memory");
            engine.tick(Timestamp::from_ms(now));
            for window in [Window::M5, Window::M15, Window::H1] {
                let view = engine.view(&ViewQuery { window, ..ViewQuery::default() });
                let from = Timestamp::from_ms((view.until.minute() + 1 - window.minutes()) * 60_000);
                let until = Timestamp::from_ms((view.until.minute() + 1) * 60_000);
                let query = ReportQuery { by: vec![GroupBy::Dimension(Dimension::User)], since: Some(from), until: Some(until), zone: Zone::UTC };
                let report = engine.report(&query).expect("rows in memory");
                prop_assert_eq!(view.window, report.totals);
                for row in &view.tables[RIGHT].rows {
                    let group = report.groups.iter().find(|group| group.key[0] == row.name).expect("the same users");
                    prop_assert_eq!(row.sums, group.sums);
                    prop_assert_eq!(row.trend.iter().copied().sum::<costtop::money::Money>(), row.sums.cost());
                }
            }
        }
    }
}

/// Saves an engine's changes as a state would, blob by blob in order of commit.
#[derive(Default)]
struct State {
    names: std::collections::BTreeMap<u32, String>,
    profiles: std::collections::BTreeMap<u32, Vec<u8>>,
    rows: Vec<(i32, Vec<u8>)>,
    cells: std::collections::BTreeMap<(u8, i64), Vec<u8>>,
    sessions: std::collections::BTreeMap<u32, Vec<u8>>,
    intake: Vec<u8>,
    dropped: String,
}

impl State {
    fn commit(&mut self, engine: &mut Engine) {
        let changes = engine.take_changes().expect("rows in memory");
        self.names.extend(changes.names);
        self.profiles.extend(changes.profiles);
        self.rows.retain(|(day, _)| !changes.dropped_days.contains(day));
        self.rows.extend(changes.rows.into_iter().map(|(day, _, bytes)| (day, bytes)));
        for (tier, time, bytes) in changes.cells {
            if bytes.is_empty() {
                self.cells.remove(&(tier, time));
            } else {
                self.cells.insert((tier, time), bytes);
            }
        }
        self.sessions.extend(changes.sessions);
        self.intake = changes.intake;
        self.dropped = changes.all_dropped.unwrap_or(std::mem::take(&mut self.dropped));
    }

    fn restart(&self, now: Timestamp) -> Engine {
        let mut engine = Engine::new(Options { collect_changes: true, ..Options::default() }, Rows::in_memory(), now);
        let names: Vec<_> = self.names.clone().into_iter().collect();
        let profiles: Vec<_> = self.profiles.clone().into_iter().collect();
        engine.load_names(&names, &profiles).expect("names");
        assert!(engine.load_dropped_days(&self.dropped));
        for ((tier, time), bytes) in &self.cells {
            engine.load_cells(*tier, *time, bytes).expect("cells");
        }
        for (id, bytes) in &self.sessions {
            engine.load_session(*id, bytes).expect("sessions");
        }
        engine.finish_cells(Some(&self.intake)).expect("intake");
        for (day, blob) in &self.rows {
            engine.load_rows(*day, blob).expect("rows");
        }
        engine.finish_rows().expect("rows");
        engine
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_restart_changes_nothing(
        world in prop::collection::vec(any_said(), 1..24),
        size in 1usize..5,
        days in 0i64..120,
    ) {
        let options = Options { collect_changes: true, ..Options::default() };
        let mut steady = Engine::new(options, Rows::in_memory(), NOW);
        let mut restarted = Engine::new(options, Rows::in_memory(), NOW);
        let mut state = State::default();
        let mut now = NOW;
        for part in world.chunks(size) {
            let batch = batch_of(part);
            steady.apply(&batch, now, &mut Vec::new()).expect("rows in memory");
            restarted.apply(&batch, now, &mut Vec::new()).expect("rows in memory");
            state.commit(&mut restarted);
            // Time passes, so that tiers fold.
            now = now.plus_ms(days * 86_400_000 / 8);
            steady.tick(now);
            restarted.tick(now);
            state.commit(&mut restarted);
            restarted = state.restart(now);
            for window in [Window::M5, Window::H24, Window::D30] {
                let query = ViewQuery { window, ..ViewQuery::default() };
                let (mut one, mut two) = (steady.view(&query), restarted.view(&query));
                // Steps finer than a minute of what has aged are not restored.
                one.chart = Chart::default();
                two.chart = Chart::default();
                prop_assert_eq!(one, two);
            }
        }
        prop_assert_eq!(answer(&mut steady), answer(&mut restarted));
    }
}

#[test]
fn a_chart_shows_five_minutes_of_every_charge() {
    // One charge ten minutes ago, then twenty, then two hours: each window shows it as a plateau of five minutes.
    for (window, minutes_ago) in [(Window::M15, 8), (Window::H1, 20), (Window::H6, 120)] {
        let second = 0;
        let now = Timestamp::from_ms(NOON + minutes_ago * 60_000);
        let mut engine = Engine::new(Options::default(), Rows::in_memory(), now);
        engine
            .apply(&batch_of(&[Said { second: Some(second), ..BASE }]), now, &mut Vec::new())
            .expect("rows in memory");
        let steps = 600;
        let view = engine.view(&ViewQuery { window, chart_steps: steps, ..ViewQuery::default() });
        let minutes = view.chart.steps.iter().filter(|rate| rate.pico() > 600_000).count() as i64 * window.minutes()
            / steps as i64;
        let expected = if window == Window::H6 { 4..=6 } else { 4..=5 };
        assert!(expected.contains(&minutes), "{window:?}: {minutes} minutes of {:?}", view.chart.steps);
        let most = view.chart.steps.iter().max().expect("steps").pico();
        assert_eq!(most, 100_010 * 12, "{window:?}");
    }
}
