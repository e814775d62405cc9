//! One frame at 200×60 from a snapshot, with 100,000 users behind the visible rows: at most 2 ms.

#[path = "../tests/support/screen.rs"]
#[allow(dead_code, reason = "the bench needs two of the sample's moments")]
mod sample;

use costtop::engine::view::{RIGHT, Window};
use costtop::ui::action::Action;
use costtop::ui::screen::draw;
use costtop::ui::state::{State, update};
use costtop::ui::theme::{Depth, Theme};
use criterion::{Criterion, criterion_group, criterion_main};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::hint::black_box;

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

criterion_group!(benches, frame);
criterion_main!(benches);
