//! Every figure of a view is what a sum over the ledger's charges says: any scope, grouping, filter, order, window and end, whatever
//! comes in between, in whatever pieces it is read.

#[path = "views/naive.rs"]
mod naive;

use std::collections::BTreeMap;
use std::sync::Arc;

use costtop::config::Config;
use costtop::engine::identity::IdentityKey;
use costtop::engine::record::{Batch, BatchBuilder, Place, Surroundings};
use costtop::engine::rows::Rows;
use costtop::engine::view::{By, ChargeOrder, ChargesQuery, End, Scope, SortKey, TableQuery, View, ViewQuery, Window};
use costtop::engine::{Engine, Options};
use costtop::money::Cost;
use costtop::price::PriceBook;
use costtop::time::{MINUTE_MS, Timestamp};
use costtop::usage::{Dimension, Dimensions, Ids, Origin, RawText, Tokens, Usage, UserField};
use proptest::prelude::*;

const KEY: IdentityKey = IdentityKey(21, 22);
/// 2026-11-21T10:00:00Z.
const START: i64 = 1_795_255_200_000;
const MODELS: [&str; 3] = ["claude-sonnet-4-6", "gpt-4o", "nobody-knows"];

/// One record; names by number, 0 is none.
#[derive(Clone, Debug)]
struct Said {
    id: u8,
    origin: u8,
    user: u8,
    project: u8,
    session: u8,
    model: u8,
    /// Before the clock when it comes, or ahead of it.
    seconds_ago: i64,
    output: u32,
    read: u32,
    reported: Option<u64>,
    fails: bool,
}

fn any_said() -> impl Strategy<Value = Said> {
    let who = (0u8..4, 0u8..3, 0u8..4, 0u8..3);
    let seconds = prop_oneof![4 => -30i64..120, 3 => 0i64..1200, 2 => 0i64..20_000, 1 => 0i64..400_000];
    let used = (0u32..400, 0u32..3000, prop::option::weighted(0.3, 1u64..5_000_000_000), prop::bool::weighted(0.1));
    (0u8..40, 0u8..3, who, seconds, used).prop_map(|(id, origin, who, seconds_ago, used)| Said {
        id,
        origin,
        user: who.0,
        project: who.1,
        session: who.2,
        model: who.3,
        seconds_ago,
        output: used.0,
        read: used.1,
        reported: used.2,
        fails: used.3,
    })
}

fn name(kind: &str, number: u8) -> String {
    if number == 0 { String::new() } else { format!("{kind}{number}") }
}

fn batch(said: &[Said], now: Timestamp, book: &Arc<PriceBook>) -> Batch {
    let around = Surroundings { user_order: UserField::DEFAULT.to_vec(), ..Surroundings::default() };
    let mut builder = BatchBuilder::default();
    for (offset, record) in said.iter().enumerate() {
        let texts = [
            format!("req_0123456789ab{}", record.id),
            name("User", record.user),
            name("project", record.project),
            name("session", record.session),
        ];
        let raw = |place: usize| RawText::plain(texts[place].as_bytes());
        let usage = Usage {
            origin: [Origin::Api, Origin::Gateway, Origin::Transcript][usize::from(record.origin)],
            is_final: true,
            ids: Ids { request: raw(0), ..Ids::default() },
            time: Some(now.plus_ms(-record.seconds_ago * 1000)),
            tokens: Tokens { input: 7, output: record.output, cache_read: record.read, ..Tokens::default() },
            model: RawText::plain(MODELS[usize::from(record.model)].as_bytes()),
            dimensions: Dimensions { user: raw(1), project: raw(2), session: raw(3), ..Dimensions::default() },
            reported: record.reported.map(Cost::from_pico),
            status: if record.fails { 500 } else { 200 },
            ..Usage::default()
        };
        let place = Place { generation: 1, offset: offset as u64, index: 0 };
        builder.push(&usage, book.price(&usage), KEY.identify(&usage, place), place, &around);
    }
    builder.finish(false)
}

/// A question by numbers, so that it shrinks; ids are chosen among the names that the engine has met.
#[derive(Clone, Debug)]
struct Asked {
    window: usize,
    minutes_back: Option<i64>,
    scope: Vec<(usize, u8)>,
    by: [usize; 2],
    sort: usize,
    reversed: bool,
    filter: &'static str,
    offset: usize,
    order: u8,
    split: bool,
    shows_charges: bool,
}

const BY: [By; 4] = [By::MODEL, By::USER, By::Dimension(Dimension::Project), By::Session];

fn any_asked() -> impl Strategy<Value = Asked> {
    let scope = prop::collection::vec((0usize..4, 0u8..4), 0..3);
    let window = (0usize..8, prop::option::weighted(0.25, -2i64..300));
    let table =
        (0usize..6, any::<bool>(), prop::sample::select(vec!["", "", "user", "SER2", "!1", "none", "!"]), 0usize..3);
    let rest = (0u8..3, any::<bool>(), any::<bool>());
    (window, scope, (0usize..4, 0usize..4), table, rest).prop_map(|(window, scope, by, table, rest)| Asked {
        window: window.0,
        minutes_back: window.1,
        scope,
        by: [by.0, by.1],
        sort: table.0,
        reversed: table.1,
        filter: table.2,
        offset: table.3,
        order: rest.0,
        split: rest.1,
        shows_charges: rest.2,
    })
}

impl Asked {
    fn query(&self, engine: &Engine, now: Timestamp) -> ViewQuery {
        let find = |by: By, number: u8| {
            let text = match by {
                By::Session => name("session", number),
                By::Dimension(Dimension::Model) => MODELS[usize::from(number) % MODELS.len()].to_owned(),
                By::Dimension(Dimension::Project) => name("project", number),
                By::Dimension(_) => name("User", number),
            };
            engine.names().find(&text)
        };
        let mut scope = Scope::ALL;
        for (by, number) in &self.scope {
            if let Some(id) = find(BY[*by], *number) {
                scope = scope.with(BY[*by], id);
            }
        }
        let table = |by: usize| TableQuery {
            by: BY[by],
            filter: self.filter.to_owned(),
            sort: SortKey::ALL[self.sort],
            reversed: self.reversed,
            offset: self.offset,
            rows: 3,
            selected: find(BY[by], 2),
        };
        ViewQuery {
            window: Window::ALL[self.window],
            end: self.minutes_back.map_or(End::Now, |back| End::At(now.plus_ms(-back * MINUTE_MS + 1))),
            scope,
            tables: [table(self.by[0]), table(self.by[1])],
            charges: ChargesQuery {
                order: [ChargeOrder::Newest, ChargeOrder::Costliest, ChargeOrder::Oldest][usize::from(self.order)],
                offset: self.offset,
                rows: if self.shows_charges { 4 } else { 0 },
                selected: None,
            },
            chart_steps: 30,
            split: self.split,
            drift: false,
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Apply(Vec<Said>),
    Wait(i64),
    Ask(Asked),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::collection::vec(any_said(), 1..6).prop_map(Step::Apply),
        2 => prop_oneof![5 => 1i64..90, 2 => 60i64..2000, 1 => 1i64..200_000].prop_map(Step::Wait),
        4 => any_asked().prop_map(Step::Ask),
    ]
}

/// The finished answer.
fn answer(engine: &mut Engine, query: &ViewQuery) -> View {
    let mut view = engine.view(query);
    while view.rebuilding {
        while engine.work().expect("rows in memory") {}
        view = engine.view(query);
    }
    view
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_figure_is_a_sum_over_charges(steps in prop::collection::vec(any_step(), 1..40)) {
        let book = Arc::new(PriceBook::new(&Config::default().prices).expect("the default prices are right"));
        let mut now = Timestamp::from_ms(START);
        let mut engine = Engine::new(Options::default(), Rows::in_memory(), now);
        engine.use_prices(Arc::clone(&book));
        let mut asked: Vec<Asked> = Vec::new();
        for step in steps {
            match step {
                Step::Apply(said) => {
                    engine.apply(&batch(&said, now, &book), now, &mut Vec::new()).expect("rows in memory");
                }
                Step::Wait(seconds) => {
                    now = now.plus_ms(seconds * 1000);
                    engine.tick(now);
                }
                Step::Ask(question) => asked.push(question),
            }
            // Standing questions stay right whatever happens.
            for question in asked.iter().rev().take(3) {
                let query = question.query(&engine, now);
                let view = answer(&mut engine, &query);
                naive::check(&mut engine, &query, &view, now, &book)?;
            }
        }
    }
}

/// Lines of one user, some of them twice.
fn many(engine: &mut Engine, book: &Arc<PriceBook>, now: Timestamp, charges: u32) {
    let mut said = Vec::new();
    for number in 0..charges {
        said.push(Said {
            id: (number % 251) as u8,
            origin: 0,
            user: (number % 3) as u8,
            project: 0,
            session: (number % 4) as u8,
            model: 0,
            seconds_ago: i64::from(number % 800),
            output: number,
            read: 0,
            reported: None,
            fails: false,
        });
    }
    for (round, part) in said.chunks(251).enumerate() {
        let batch = batch_of_round(part, now, book, round);
        engine.apply(&batch, now, &mut Vec::new()).expect("rows in memory");
    }
}

/// The same with ids of their own.
fn batch_of_round(said: &[Said], now: Timestamp, book: &Arc<PriceBook>, round: usize) -> Batch {
    let mut batch = batch(said, now, book);
    for record in &mut batch.records {
        record.ids.request = record.ids.request.wrapping_add(round as u128);
    }
    batch
}

#[test]
fn lists_of_many_charges_are_cut_and_filled_again() {
    let book = Arc::new(PriceBook::new(&Config::default().prices).expect("the default prices are right"));
    let mut now = Timestamp::from_ms(START);
    let mut engine = Engine::new(Options::default(), Rows::in_memory(), now);
    engine.use_prices(Arc::clone(&book));
    many(&mut engine, &book, now, 9_000);
    for order in [ChargeOrder::Oldest, ChargeOrder::Costliest, ChargeOrder::Newest] {
        let query =
            ViewQuery { charges: ChargesQuery { order, rows: 50, ..ChargesQuery::default() }, ..ViewQuery::default() };
        let view = answer(&mut engine, &query);
        assert_eq!(view.charges.all, 9_000);
        assert!((1_000..=2_000).contains(&view.charges.at_hand), "{}", view.charges.at_hand);
        naive::check(&mut engine, &query, &view, now, &book).expect("as charges say");
    }
    // Minute by minute the oldest leave.
    let query = ViewQuery {
        charges: ChargesQuery { order: ChargeOrder::Oldest, rows: 50, ..ChargesQuery::default() },
        ..ViewQuery::default()
    };
    for _ in 0..14 {
        now = now.plus_ms(MINUTE_MS);
        engine.tick(now);
        let view = answer(&mut engine, &query);
        while engine.work().expect("rows in memory") {}
        naive::check(&mut engine, &query, &view, now, &book).expect("as charges say");
    }
}

#[test]
fn a_long_history_is_read_in_steps_while_more_comes_in() {
    let book = Arc::new(PriceBook::new(&Config::default().prices).expect("the default prices are right"));
    let now = Timestamp::from_ms(START);
    let mut engine = Engine::new(Options::default(), Rows::in_memory(), now);
    engine.use_prices(Arc::clone(&book));
    many(&mut engine, &book, now, 40_000);
    let user = engine.names().find("User1").expect("a user");
    let query = ViewQuery {
        scope: Scope::ALL.with(By::USER, user),
        tables: [TableQuery::by(By::Session), TableQuery::by(By::MODEL)],
        charges: ChargesQuery { rows: 5, ..ChargesQuery::default() },
        ..ViewQuery::default()
    };
    let mut view = engine.view(&query);
    assert!(view.rebuilding, "not at once");
    let mut rounds = 0;
    while view.rebuilding {
        // New charges and corrections of old ones, where reading has passed and where it has not.
        let said: Vec<Said> = (0..40u8)
            .map(|number| Said {
                id: number,
                origin: number % 2,
                user: number % 3,
                project: 1,
                session: number % 4,
                model: 1,
                seconds_ago: i64::from(number) * 20,
                output: 1_000_000 + rounds,
                read: 5,
                reported: None,
                fails: false,
            })
            .collect();
        let round = if rounds % 2 == 0 { 0 } else { 1000 + rounds as usize };
        engine.apply(&batch_of_round(&said, now, &book, round), now, &mut Vec::new()).expect("rows in memory");
        engine.work().expect("rows in memory");
        view = engine.view(&query);
        rounds += 1;
    }
    assert!(rounds > 0);
    naive::check(&mut engine, &query, &view, now, &book).expect("as charges say");
}

#[test]
fn cells_without_charges_say_since_when_there_are_charges() {
    let book = Arc::new(PriceBook::new(&Config::default().prices).expect("the default prices are right"));
    let now = Timestamp::from_ms(START);
    let options = Options { collect_changes: true, ..Options::default() };
    let mut before = Engine::new(options, Rows::in_memory(), now);
    many(&mut before, &book, now, 500);
    let changes = before.take_changes().expect("rows in memory");
    let mut engine = Engine::new(options, Rows::in_memory(), now);
    let names: BTreeMap<u32, String> = changes.names.into_iter().collect();
    engine.load_names(&names.into_iter().collect::<Vec<_>>(), &changes.profiles).expect("names");
    for (tier, time, bytes) in &changes.cells {
        engine.load_cells(*tier, *time, bytes).expect("cells");
    }
    engine.finish_cells(Some(&changes.intake)).expect("intake");
    let query = ViewQuery { charges: ChargesQuery { rows: 5, ..ChargesQuery::default() }, ..ViewQuery::default() };
    let view = engine.view(&query);
    assert!(view.rebuilding, "rows come after totals");
    assert_eq!(view.window.requests, 500);
    assert!(!engine.is_working(), "nothing can be done about it yet");
    engine.finish_rows().expect("no rows");
    let later = now.plus_ms(3 * 86_400_000);
    engine.tick(later);
    let query = ViewQuery { window: Window::D7, ..query };
    let view = answer(&mut engine, &query);
    assert_eq!((view.charges.all, view.charges.at_hand), (500, 0));
    assert!(view.charges.since.is_some());
}
