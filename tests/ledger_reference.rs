//! The ledger against a naive model that keeps every record and works out all charges anew, written from the words of docs/ledger.md.

use std::collections::{BTreeMap, BTreeSet};

use costtop::engine::bill::CostSource;
use costtop::engine::identity::IdentityKey;
use costtop::engine::names::Caps;
use costtop::engine::record::{Batch, BatchBuilder, Place, Surroundings};
use costtop::engine::rows::{Rows, Spill};
use costtop::engine::{Engine, Options, Post};
use costtop::money::Cost;
use costtop::price::Priced;
use costtop::time::Timestamp;
use costtop::usage::{Dimension, Dimensions, Ids, Origin, OwnLabel, RawText, Terms, Tokens, Usage, UserField};
use proptest::prelude::*;

const KEY: IdentityKey = IdentityKey(3, 4);
/// 2026-11-21T10:00:00Z.
const TEN: i64 = 1_795_255_200_000;
const NOW: Timestamp = Timestamp::from_ms(TEN + 3_600_000);

/// One record as the world says it; an empty text is none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    origin: Origin,
    side: bool,
    hit: bool,
    last: bool,
    revision: u32,
    response: String,
    request: String,
    own: bool,
    call: String,
    span: String,
    time: Option<i64>,
    /// Input, read, 5m, 1h, output, reasoning, searches.
    tokens: [u32; 7],
    model: String,
    provider: String,
    tier: String,
    stop: String,
    status: u16,
    latency: u32,
    user: String,
    team: String,
    agent: String,
    project: String,
    session: String,
    reported: Option<u64>,
    place: u64,
}

impl Said {
    fn prompt(&self) -> u64 {
        self.tokens[..4].iter().map(|count| u64::from(*count)).sum()
    }

    /// A function of what the tokens' tie-breakers see, so that equal winners cost the same.
    fn computed(&self) -> Option<u64> {
        if self.hit {
            return Some(0);
        }
        let rate = match self.model.as_str() {
            "cheap" => 7,
            "dear" => 1000,
            _ => return None,
        };
        Some(self.prompt() + rate * u64::from(self.tokens[4]))
    }
}

fn plain(text: &str) -> RawText<'_> {
    RawText::plain(text.as_bytes())
}

fn batch(said: &[Said]) -> Batch {
    let around = Surroundings { user_order: UserField::DEFAULT.to_vec(), ..Surroundings::default() };
    let mut builder = BatchBuilder::default();
    for one in said {
        let [input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches] = one.tokens;
        // A label of the operator's own goes by the rules of project and team.
        let own = [plain(&one.project), RawText::NONE, RawText::NONE, plain(&one.team)];
        let usage = Usage {
            origin: one.origin,
            side_chain: one.side,
            cache_hit: one.hit,
            is_final: one.last,
            revision: one.revision,
            ids: Ids {
                response: plain(&one.response),
                request: plain(&one.request),
                call: plain(&one.call),
                span: plain(&one.span),
                own_request: one.own,
            },
            time: one.time.map(Timestamp::from_ms),
            tokens: Tokens { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, web_searches },
            model: plain(&one.model),
            provider: plain(&one.provider),
            terms: Terms { tier: plain(&one.tier), ..Terms::default() },
            stop_reason: plain(&one.stop),
            status: one.status,
            latency_ms: one.latency,
            dimensions: Dimensions {
                user: plain(&one.user),
                team: plain(&one.team),
                agent: plain(&one.agent),
                project: plain(&one.project),
                session: plain(&one.session),
                own: Some(&own),
                ..Dimensions::default()
            },
            reported: one.reported.map(Cost::from_pico),
            ..Usage::default()
        };
        let place = Place { generation: 1, offset: one.place, index: 0 };
        let priced = Priced { computed: one.computed().map(Cost::from_pico), saved_pico: 0, batch: false };
        builder.push(&usage, priced, KEY.identify(&usage, place), place, &around);
    }
    builder.finish(false)
}

/// One charge as a list would show it.
type Shown = (i64, [String; 5], [String; 3], [u32; 7], u64, &'static str);

/// Under which names a record is known beyond itself.
fn names_of(said: &Said, number: usize) -> BTreeSet<String> {
    let long = |id: &str| {
        let prefix = id.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(id.len());
        let rest = if prefix > 0 && id[prefix..].starts_with(['_', '-']) { &id[prefix + 1..] } else { id };
        rest.len() >= 12
    };
    let mut names = BTreeSet::new();
    let session = &said.session;
    let mut add = |space: &str, id: &str, everywhere: bool| {
        if id.is_empty() {
        } else if everywhere {
            names.insert(format!("{space} {id}"));
        } else if !session.is_empty() {
            names.insert(format!("{space} {id} in {session}"));
        }
    };
    let paired = !said.response.is_empty() && !said.request.is_empty() && !said.hit;
    if paired {
        add("pair", &format!("{} {}", said.response, said.request), true);
    }
    if !said.hit {
        if long(&said.response) || !paired {
            add("response", &said.response, long(&said.response));
        }
        let good = said.own || long(&said.request);
        if good || !paired {
            add("request", &said.request, good);
        }
    }
    add("call", &said.call, long(&said.call));
    add("span", &said.span, long(&said.span));
    if names.is_empty() {
        names.insert(format!("place {} {number}", said.place));
    }
    names
}

/// What the record calls its response and its request, as far as other records of its group can know.
fn called(said: &Said) -> (String, String) {
    if said.hit {
        return (String::new(), String::new());
    }
    let names = names_of(said, 0);
    let paired = !said.response.is_empty() && !said.request.is_empty();
    let of = |space: &str, id: &str| {
        if paired {
            return format!("{space} {id}");
        }
        names.iter().find(|name| name.starts_with(space)).cloned().unwrap_or_default()
    };
    (of("response", &said.response), of("request", &said.request))
}

fn model(world: &[Said]) -> Vec<Shown> {
    let mut charges = Vec::new();
    for group in groups(world) {
        let group = in_force(&group);
        let mut pairs: Vec<(i64, (String, String))> = Vec::new();
        for said in group.iter().filter(|said| !said.side) {
            let pair = called(said);
            if pair.0.is_empty() || pair.1.is_empty() {
                continue;
            }
            let time = said.time.unwrap_or(i64::MAX);
            match pairs.iter_mut().find(|other| other.1 == pair) {
                Some(other) => other.0 = other.0.min(time),
                None => pairs.push((time, pair)),
            }
        }
        pairs.sort();
        let mut homes: Vec<Vec<&Said>> = vec![Vec::new(); pairs.len().max(1)];
        for said in group {
            let (response, request) = called(said);
            let own = pairs.iter().position(|(_, pair)| !said.side && *pair == (response.clone(), request.clone()));
            let by_request = pairs.iter().position(|(_, pair)| !request.is_empty() && pair.1 == request);
            let by_response = pairs.iter().position(|(_, pair)| !response.is_empty() && pair.0 == response);
            homes[own.or(by_request).or(by_response).unwrap_or(0)].push(said);
        }
        charges.extend(homes.iter().map(|home| charge(home)));
    }
    charges.sort();
    charges
}

/// Records connected by shared names.
fn groups(world: &[Said]) -> Vec<Vec<&Said>> {
    let mut groups: Vec<(BTreeSet<String>, Vec<&Said>)> = Vec::new();
    for said in world {
        // Twins without a name of their own stand at the same place only when they are the same record.
        let mut names = names_of(said, 0);
        let mut records = vec![said];
        groups.retain_mut(|(others, members)| {
            let apart = others.is_disjoint(&names);
            if !apart {
                names.append(others);
                records.append(members);
            }
            apart
        });
        groups.push((names, records));
    }
    groups.into_iter().map(|(_, records)| records).collect()
}

/// Of each class (names, kind of source, side chain, gateway hit) the records of the highest revision.
fn in_force<'a>(group: &[&'a Said]) -> Vec<&'a Said> {
    let class = |said: &Said| {
        let scoped = |id: &str, space: &str| {
            names_of(said, 0).into_iter().find(|name| name.starts_with(space)).filter(|_| !id.is_empty())
        };
        let place = names_of(said, 0).into_iter().find(|name| name.starts_with("place"));
        (called(said), scoped(&said.call, "call"), scoped(&said.span, "span"), place, said.origin, said.side, said.hit)
    };
    let mut newest: BTreeMap<_, u32> = BTreeMap::new();
    for said in group {
        let revision = newest.entry(class(said)).or_default();
        *revision = (*revision).max(said.revision);
    }
    group.iter().copied().filter(|said| newest[&class(said)] == said.revision).collect()
}

fn charge(records: &[&Said]) -> Shown {
    let trust = |said: &Said| match said.origin {
        Origin::Api | Origin::Transcript => 3,
        Origin::Gateway => 2,
        Origin::OpenTelemetry => 1,
        // Sums, which are never one of a request's records.
        Origin::Metrics => 0,
    };
    let winner = records
        .iter()
        .max_by_key(|said| {
            (
                (trust(said), !said.side, said.last, said.revision, said.tokens[4], said.prompt(), said.time),
                (said.tokens, &said.provider, &said.model, &said.tier, &said.stop, said.status, said.latency),
                !said.hit,
            )
        })
        .expect("a charge has records");
    let used = winner.tokens != [0; 7];
    let reported =
        [Origin::Gateway, Origin::Api, Origin::OpenTelemetry, Origin::Transcript].iter().find_map(|origin| {
            let of = records.iter().filter(|said| said.origin == *origin);
            of.filter_map(|said| said.reported.filter(|cost| *cost > 0 || !used || said.hit)).max()
        });
    let (cost, source) = match (reported, winner.computed().or((!used).then_some(0))) {
        (Some(cost), _) => (cost, "reported"),
        (None, Some(cost)) => (cost, "computed"),
        (None, None) => (0, "unpriced"),
    };
    let pick = |transcript_first: bool, of: fn(&Said) -> &String| {
        let order = if transcript_first {
            [Origin::Transcript, Origin::Api, Origin::OpenTelemetry, Origin::Gateway]
        } else {
            [Origin::Gateway, Origin::Api, Origin::OpenTelemetry, Origin::Transcript]
        };
        records
            .iter()
            .filter(|said| !of(said).is_empty())
            .min_by_key(|said| {
                let rank = order.iter().position(|origin| *origin == said.origin);
                (rank, said.side, said.time.unwrap_or(i64::MAX), of(said))
            })
            .map(|said| of(said).clone())
            .unwrap_or_default()
    };
    let who = [
        pick(false, |said| &said.user),
        pick(false, |said| &said.team),
        pick(true, |said| &said.agent),
        pick(false, |said| &said.project),
        pick(true, |said| &said.session),
    ];
    let time = records.iter().filter_map(|said| said.time).min().unwrap_or(NOW.ms());
    (time, who, [winner.model.clone(), winner.provider.clone(), winner.tier.clone()], winner.tokens, cost, source)
}

fn shown(engine: &mut Engine) -> Vec<Shown> {
    let mut charges = Vec::new();
    let (ledger, names) = engine.ledger();
    ledger
        .for_each_bill(names, |bill, _, names| {
            let of = |dimension| names.label(names.of(bill.profile, dimension)).as_str().to_owned();
            let own = |slot| of(Dimension::Own(OwnLabel::new(slot, "own")));
            assert_eq!([own(0), own(1), own(3)], [of(Dimension::Project), String::new(), of(Dimension::Team)]);
            let t = &bill.tokens;
            charges.push((
                bill.time.ms(),
                [
                    of(Dimension::User),
                    of(Dimension::Team),
                    of(Dimension::Agent),
                    of(Dimension::Project),
                    names.label(bill.session).as_str().to_owned(),
                ],
                [of(Dimension::Model), of(Dimension::Provider), of(Dimension::Tier)],
                [t.input, t.cache_read, t.cache_write_5m, t.cache_write_1h, t.output, t.reasoning, t.web_searches],
                bill.cost.pico(),
                match bill.source {
                    CostSource::Reported => "reported",
                    CostSource::Computed => "computed",
                    CostSource::Unpriced => "unpriced",
                },
            ));
            Ok(())
        })
        .expect("rows in memory");
    charges.sort();
    charges
}

/// What must hold whatever is in the engine: differences, cells and final charges agree, and every record has one fate.
fn agrees(engine: &mut Engine, posts: &[Post]) {
    let mut by_posts = costtop::engine::counters::Counters::default();
    for post in posts {
        by_posts.add(&post.sums, post.sign);
    }
    let mut by_charges = costtop::engine::counters::Counters::default();
    let (mut whole, mut short) = (Vec::new(), Vec::new());
    let (ledger, names) = engine.ledger();
    let walked = ledger.for_each_bill(names, |bill, _, _| {
        by_charges.add(&bill.sums(), 1);
        whole.push(*bill);
        Ok(())
    });
    walked.expect("rows can be read");
    let walked = ledger.for_each_charge(names, |bill, _| {
        short.push(*bill);
        Ok(())
    });
    walked.expect("rows can be read");
    assert_eq!(whole, short);
    let mut by_cells = costtop::engine::counters::Counters::default();
    engine.cells().for_each(i64::MIN / 16, i64::MAX / 16, |_, _, sums| by_cells.add(sums, 1));
    assert_eq!(by_posts, by_charges);
    assert_eq!(by_cells, by_charges);
    assert_eq!(*engine.total(), by_charges);
    let intake = engine.intake();
    assert_eq!(intake.records, intake.charges + intake.updates + intake.duplicates + intake.merged, "{intake:?}");
    assert_eq!(intake.charges, by_charges.requests.unsigned_abs());
}

fn any_text(kind: &'static str, empty: u32, values: u8) -> impl Strategy<Value = String> {
    prop_oneof![
        empty => Just(String::new()),
        4 => (0..values).prop_map(move |number| format!("{kind}_0123456789ab{number}")),
        1 => (0..values).prop_map(move |number| format!("{kind}_{number}")),
    ]
}

fn any_name(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(names).prop_map(str::to_owned)
}

prop_compose! {
    fn any_said()(
        origin in prop::sample::select(vec![Origin::Api, Origin::Transcript, Origin::Gateway, Origin::OpenTelemetry]),
        flags in (prop::bool::weighted(0.2), prop::bool::weighted(0.05), any::<bool>(), prop::bool::weighted(0.2)),
        revision in prop::sample::select(vec![0u32, 0, 0, 0, 1, 2]),
        ids in (any_text("msg", 1, 3), any_text("req", 2, 4), any_text("call", 4, 2), any_text("span", 4, 2)),
        time in prop::option::weighted(0.85, (0i64..5).prop_map(|step| TEN + step * 20_000)),
        tokens in prop::array::uniform7(prop::sample::select(vec![0u32, 0, 5])),
        output in prop::sample::select(vec![0u32, 5, 400]),
        what in (any_name(&["cheap", "dear", "unknown"]), any_name(&["", "a", "b"]), any_name(&["", "batch"]), any_name(&["", "end"])),
        who in (any_name(&["", "u", "v"]), any_name(&["", "t", "s"]), any_name(&["", "g", "h"]), any_name(&["", "p", "q"]), any_name(&["", "run1", "run2"])),
        numbers in (prop::sample::select(vec![0u16, 200, 500]), 0u32..2, prop::option::weighted(0.4, prop::sample::select(vec![0u64, 77, 78]))),
        place in 0u64..1000,
    ) -> Said {
        let mut tokens = tokens;
        tokens[4] = output;
        Said {
            origin, side: flags.0, hit: flags.1, last: flags.2, revision,
            response: ids.0, request: ids.1, own: flags.3, call: ids.2, span: ids.3, time, tokens,
            model: what.0, provider: what.1, tier: what.2, stop: what.3, status: numbers.0, latency: numbers.1,
            user: who.0, team: who.1, agent: who.2, project: who.3, session: who.4, reported: numbers.2, place,
        }
    }
}

/// Records at one place are one record, whatever the world drew; of two pairs one is the earlier (ties are decided by what they
/// say, which `tests/ledger.rs` covers by shuffling).
fn sane(mut world: Vec<Said>) -> Vec<Said> {
    for (number, said) in world.iter_mut().enumerate() {
        said.place = said.place * 1000 + number as u64;
        if !said.response.is_empty() && !said.request.is_empty() {
            said.time = Some(said.time.unwrap_or(TEN) + number as i64);
        }
    }
    world
}

fn engine(options: Options, rows: Rows, world: &[Said], size: usize) -> (Engine, Vec<Post>) {
    let mut engine = Engine::new(options, rows, NOW);
    let mut posts = Vec::new();
    for part in world.chunks(size) {
        engine.apply(&batch(part), NOW, &mut posts).expect("rows can be written");
    }
    (engine, posts)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn charges_are_what_the_words_say(world in prop::collection::vec(any_said(), 1..12), size in 1usize..5) {
        let world = sane(world);
        let (mut found, posts) = engine(Options::default(), Rows::in_memory(), &world, size);
        prop_assert_eq!(shown(&mut found), model(&world));
        agrees(&mut found, &posts);
    }
}

/// A file in memory.
#[derive(Default)]
struct Heap(Vec<u8>);

impl Spill for Heap {
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        let start = usize::try_from(offset).expect("small");
        bytes.copy_from_slice(&self.0[start..start + bytes.len()]);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        let start = usize::try_from(offset).expect("small");
        self.0.resize(self.0.len().max(start + bytes.len()), 0);
        self.0[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn rows_that_lie_in_the_file_say_the_same(world in prop::collection::vec(any_said(), 2..14), early in 1usize..7) {
        let world = sane(world);
        let (early, late) = world.split_at(early.min(world.len()));
        let filler: Vec<Said> = (0..2000)
            .map(|number| Said { response: String::new(), request: format!("req_{number:020}"), user: "filler".to_owned(), ..one() })
            .collect();
        let all = [early, &filler, late].concat();
        let rows = Rows::with_spill(Box::new(Heap::default()), 0);
        let (mut found, posts) = engine(Options::default(), rows, &all, 100);
        agrees(&mut found, &posts);
        let mut charges = shown(&mut found);
        charges.retain(|charge| charge.1[0] != "filler");
        prop_assert_eq!(charges, model(&world));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn names_that_fold_keep_their_money(
        world in prop::collection::vec(any_said(), 1..16),
        profiles in 1usize..8,
        names in 2usize..16,
    ) {
        let world = sane(world);
        let options = Options { caps: Caps { profiles, names }, ..Options::default() };
        let (mut folded, posts) = engine(options, Rows::in_memory(), &world, 3);
        agrees(&mut folded, &posts);
        prop_assert_eq!(folded.total().requests, model(&world).len() as i64);
    }
}

/// A record that names its user `u`, its session `run1`.
fn one() -> Said {
    Said {
        origin: Origin::Api,
        side: false,
        hit: false,
        last: true,
        revision: 0,
        response: "msg_0123456789ab".to_owned(),
        request: "req_0123456789ab".to_owned(),
        own: false,
        call: String::new(),
        span: String::new(),
        time: Some(TEN),
        tokens: [10, 0, 0, 0, 100, 0, 0],
        model: "cheap".to_owned(),
        provider: String::new(),
        tier: String::new(),
        stop: String::new(),
        status: 200,
        latency: 0,
        user: "u".to_owned(),
        team: String::new(),
        agent: String::new(),
        project: String::new(),
        session: "run1".to_owned(),
        reported: None,
        place: 0,
    }
}

/// Processor time of this thread: what else runs on the machine does not count.
fn thread_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock writes one `timespec`, which is ours.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(done, 0, "the system has this clock");
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Applies `count` records and says how many rows they left and how long the last quarter took beside the second one.
fn flood(count: u32, record: impl Fn(u32) -> Said) -> (usize, f64, Engine) {
    let mut engine = Engine::new(Options::default(), Rows::in_memory(), NOW);
    let mut posts = Vec::new();
    let mut quarters = Vec::new();
    for quarter in 0..4 {
        let world: Vec<Said> = (quarter * count / 4..(quarter + 1) * count / 4).map(&record).collect();
        let batch = batch(&world);
        let begun = thread_seconds();
        engine.apply(&batch, NOW, &mut posts).expect("rows in memory");
        quarters.push(thread_seconds() - begun);
    }
    agrees(&mut engine, &posts);
    let rows = engine.ledger().0.rows().len();
    println!("{count} records, {rows} rows, seconds by quarter {quarters:.3?}");
    (rows, quarters[3] / quarters[1].max(1e-3), engine)
}

#[test]
fn a_request_id_that_everything_bears_builds_no_endless_group() {
    let (_, slower, engine) = flood(8_000, |number| Said { response: format!("msg_{number:012}"), ..one() });
    assert_eq!(engine.total().requests, 8_000);
    assert!(slower < 4.0, "the cost of a record must not follow how many came before: {slower}");
}

#[test]
fn a_call_id_that_everything_bears_builds_no_endless_group() {
    let (_, slower, engine) = flood(8_000, |number| Said {
        response: format!("msg_{number:012}"),
        request: format!("req_{number:012}"),
        call: "call_0123456789ab".to_owned(),
        ..one()
    });
    assert_eq!(engine.total().requests, 8_000);
    assert!(slower < 4.0, "{slower}");
}

#[test]
fn replays_without_end_of_one_response_leave_one_charge_and_few_rows() {
    let (rows, slower, engine) = flood(8_000, |number| Said {
        request: format!("req_{number:012}"),
        side: number > 0,
        origin: Origin::Transcript,
        ..one()
    });
    assert_eq!(engine.total().requests, 1);
    assert!(rows <= 128, "{rows}");
    assert!(slower < 4.0, "{slower}");
}

#[test]
fn a_response_id_reused_without_end_keeps_its_pace() {
    let (_, slower, engine) = flood(40_000, |number| Said { request: format!("req_{number:012}"), ..one() });
    assert_eq!(engine.total().requests, 40_000);
    assert!(slower < 4.0, "{slower}");
}

#[test]
fn groups_that_bridges_chain_together_stay_bounded() {
    let (_, slower, engine) = flood(8_000, |number| Said {
        response: format!("msg_{:012}", number / 2),
        request: String::new(),
        call: format!("call_{:012}", number.div_ceil(2)),
        origin: Origin::Gateway,
        ..one()
    });
    assert!(engine.total().requests >= 1);
    assert!(slower < 4.0, "{slower}");
}

#[test]
fn a_pair_is_one_pair_whoever_says_that_its_request_id_is_its_own() {
    let short = || Said { response: "msg_1".to_owned(), request: "7".to_owned(), ..one() };
    let own = || Said { own: true, ..short() };
    let alone = || Said { response: String::new(), session: String::new(), ..own() };
    for world in [[short(), own(), alone()], [own(), alone(), short()], [alone(), short(), own()]] {
        let (mut engine, posts) = engine(Options::default(), Rows::in_memory(), &world, 1);
        assert_eq!(engine.total().requests, 1);
        agrees(&mut engine, &posts);
    }
}
