//! One frame at 200×60 with 100,000 users behind the visible rows: at most 2 ms, the query's answer included.

#[path = "support/filled.rs"]
mod filled;
#[path = "../examples/workload/own.rs"]
mod own;
#[path = "../tests/support/screen.rs"]
#[allow(dead_code, reason = "the bench needs two of the sample's moments")]
mod sample;

use std::hint::black_box;
use std::time::{Duration, Instant};

use costtop::engine::Engine;
use costtop::engine::view::{RIGHT, Window};
use costtop::time::Zone;
use costtop::ui::action::Action;
use costtop::ui::screen::draw;
use costtop::ui::snapshot::Snapshot;
use costtop::ui::state::{State, update};
use costtop::ui::theme::{Depth, Theme};
use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn frame(criterion: &mut Criterion) {
    let mut snapshot = sample::busy();
    snapshot.view.tables[RIGHT] = sample::many_users(100_000, 50_000, 66);
    let mut state = State::new(sample::now(), (200, 60), Window::M15);
    update(&mut state, Action::Arrived, &snapshot);
    let theme = Theme::midnight(Depth::TrueColor);
    let area = Rect::new(0, 0, 200, 60);
    let (mut shown, mut next) = (Buffer::empty(area), Buffer::empty(area));
    criterion.bench_function("draw 200x60 and its difference", |bencher| {
        bencher.iter(|| {
            next.reset();
            draw(&state, black_box(&snapshot), &theme, &mut next);
            black_box(shown.diff(&next).len());
            std::mem::swap(&mut shown, &mut next);
        });
    });
}

/// From the question to the changed cells: a charge comes, its user is found among 100,000, the frame is drawn and compared.
fn answered_frame(criterion: &mut Criterion) {
    // 1.6 million charges, so that all but a few of the users have spent something.
    let mut engine = filled::filled(&filled::batches(1_600_000, 100_000, 7 * own::DAY_MS, 1), false);
    let new = filled::batches(20_000, 100_000, 60_000, 2);
    let mut new = new.iter().cycle();
    let mut state = State::new(filled::NOW, (200, 60), Window::D7);
    let mut snapshot = Snapshot::empty(filled::NOW, Zone::UTC);
    let theme = Theme::midnight(Depth::TrueColor);
    let area = Rect::new(0, 0, 200, 60);
    let (mut shown, mut next) = (Buffer::empty(area), Buffer::empty(area));
    let mut frame = |engine: &mut Engine, state: &mut State| {
        snapshot.view = engine.view(&state.query(&snapshot));
        update(state, Action::Arrived, &snapshot);
        next.reset();
        draw(state, &snapshot, &theme, &mut next);
        black_box(shown.diff(&next).len());
        std::mem::swap(&mut shown, &mut next);
        (snapshot.view.rebuilding, snapshot.view.tables[RIGHT].groups)
    };
    while frame(&mut engine, &mut state).0 {
        while engine.work().expect("rows in memory") {}
    }
    let users = frame(&mut engine, &mut state).1;
    criterion.bench_function(&format!("query, draw 200x60 and its difference, {users} users"), |bencher| {
        bencher.iter_custom(|frames| {
            let mut spent = Duration::ZERO;
            for _ in 0..frames {
                let batch = new.next().expect("never ends");
                engine.apply(batch, filled::NOW, &mut Vec::new()).expect("rows in memory");
                let begun = Instant::now();
                frame(&mut engine, &mut state);
                spent += begun.elapsed();
            }
            spent
        });
    });
}

criterion_group!(benches, frame, answered_frame);
criterion_main!(benches);
