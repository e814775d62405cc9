//! What the engine takes: records in, answers out, changes for a state. `cargo bench --bench engine`

#[path = "support/filled.rs"]
mod filled;
#[path = "../examples/workload/own.rs"]
mod own;

use std::hint::black_box;

use costtop::config::Config;
use costtop::engine::Engine;
use costtop::engine::view::{
    By, ChargeOrder, ChargesQuery, End, RIGHT, Scope, SortKey, TableQuery, View, ViewQuery, Window,
};
use costtop::price::PriceBook;
use criterion::{BatchSize, Criterion, Throughput};

use filled::{NOW, batches, filled};

/// Charges of a measured load.
const CHARGES: u64 = 100_000;

fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply");
    group.sample_size(10).throughput(Throughput::Elements(CHARGES));
    for users in [120, 10_000] {
        let batches = batches(CHARGES, users, 28 * own::DAY_MS, 1);
        group.bench_function(format!("{users} users"), |bencher| {
            bencher.iter_with_large_drop(|| filled(&batches, false));
        });
    }
    group.finish();
}

/// Everything a question needs has been read.
fn settled(engine: &mut Engine, query: &ViewQuery) -> View {
    while engine.view(query).rebuilding {
        while engine.work().expect("rows in memory") {}
    }
    engine.view(query)
}

/// One frame's question to a million charges of 100,000 users.
fn query(criterion: &mut Criterion) {
    let mut engine = filled(&batches(1_000_000, 100_000, 7 * own::DAY_MS, 1), false);
    let book = PriceBook::new(&Config::default().prices).expect("the default prices are right");
    engine.use_prices(book.into());
    let cells: usize = engine.cells().len().iter().sum();
    let mut group = criterion.benchmark_group(format!("query 1M charges, {cells} cells"));
    group.sample_size(20);
    let users = |sort, offset| TableQuery { rows: 60, sort, offset, ..TableQuery::by(By::USER) };
    let overview = |users| ViewQuery {
        window: Window::D7,
        tables: [TableQuery::by(By::MODEL), users],
        chart_steps: 200,
        ..ViewQuery::default()
    };
    let first = settled(&mut engine, &overview(users(SortKey::Cost, 0)));
    assert!(first.tables[RIGHT].groups > 60_000, "{} users", first.tables[RIGHT].groups);
    for (name, table) in [
        ("by cost", users(SortKey::Cost, 0)),
        ("by name", users(SortKey::Name, 0)),
        ("at place 30,000", users(SortKey::Cost, 30_000)),
        ("filtered", TableQuery { filter: "7".to_owned(), ..users(SortKey::Tokens, 0) }),
    ] {
        let query = overview(table);
        settled(&mut engine, &query);
        group.bench_function(format!("overview 7d, users {name}"), |bencher| {
            bencher.iter(|| black_box(engine.view(&query)));
        });
    }
    let model = first.tables[0].rows[0].id;
    let user = first.tables[RIGHT].rows[0].id;
    let drilled = ViewQuery {
        scope: Scope::ALL.with(By::MODEL, model),
        charges: ChargesQuery { order: ChargeOrder::Costliest, rows: 20, ..ChargesQuery::default() },
        split: true,
        ..overview(users(SortKey::Cost, 0))
    };
    let of_user = ViewQuery {
        scope: Scope::ALL.with(By::USER, user),
        tables: [TableQuery::by(By::MODEL), TableQuery::by(By::Session)],
        charges: ChargesQuery { rows: 20, ..ChargesQuery::default() },
        ..drilled.clone()
    };
    let sessions = ViewQuery { scope: Scope::ALL, tables: of_user.tables.clone(), ..drilled.clone() };
    // A window that ends elsewhere is another question.
    let mut seconds = 0;
    let mut another = |query: &ViewQuery| {
        seconds += 60;
        ViewQuery { end: End::At(NOW.plus_ms(-seconds * 1000)), ..query.clone() }
    };
    for (name, query) in [("a model", &drilled), ("a user", &of_user), ("all sessions", &sessions)] {
        settled(&mut engine, query);
        group.bench_function(format!("{name} 7d with charges and split"), |bencher| {
            bencher.iter(|| black_box(engine.view(query)));
        });
        group.bench_function(format!("{name} 7d asked anew, to the end"), |bencher| {
            bencher.iter(|| black_box(settled(&mut engine, &another(query))));
        });
        group.bench_function(format!("{name} 7d asked anew, until something else can be done"), |bencher| {
            bencher.iter(|| black_box(engine.view(&another(query))));
        });
    }
    group.finish();
}

/// What a commit takes from the engine after 500 new charges of one minute.
fn save(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("save");
    group.sample_size(10);
    for (name, ids) in [("10k", 10_000), ("1M", 1_000_000)] {
        let mut engine = filled(&batches(ids, 120, 28 * own::DAY_MS, 1), true);
        engine.take_changes().expect("rows in memory");
        let mut seed = 1;
        group.bench_function(format!("500 charges at {name} ids"), |bencher| {
            bencher.iter_batched(
                || {
                    seed += 1;
                    batches(500, 120, 60_000, seed)
                },
                |new| {
                    for batch in &new {
                        engine.apply(batch, NOW, &mut Vec::new()).expect("rows in memory");
                    }
                    engine.take_changes().expect("rows in memory")
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    apply(&mut criterion);
    query(&mut criterion);
    save(&mut criterion);
    criterion.final_summary();
}
