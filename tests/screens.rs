//! What a user sees: whole screens at the sizes people have, the colours of two, and what every key changes.

#[path = "support/screen.rs"]
mod sample;

use costtop::engine::view::{LEFT, RIGHT, Window};
use costtop::time::Timestamp;
use costtop::ui::action::{Action, Effect};
use costtop::ui::keys::KEYS;
use costtop::ui::layout::Panel;
use costtop::ui::screen::draw;
use costtop::ui::snapshot::Snapshot;
use costtop::ui::state::{Overlay, Selection, State, update};
use costtop::ui::theme::{Depth, Theme};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::fmt::Write;

fn state(width: u16, height: u16, snapshot: &Snapshot) -> State {
    let mut state = State::new(sample::now(), (width, height), Window::M15);
    update(&mut state, Action::Arrived, snapshot);
    state
}

fn frame(state: &State, snapshot: &Snapshot, depth: Depth) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, state.size.0, state.size.1));
    draw(state, snapshot, &Theme::midnight(depth), &mut buffer);
    buffer
}

/// The symbols, line by line, between bars so that blanks at the end show.
fn symbols(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                out.push_str(symbol);
                skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            } else {
                skip -= 1;
            }
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

/// Runs of equal style: `row:from-to foreground background modifiers`.
fn styles(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut from = 0;
        while from < buffer.area.width {
            let style = buffer[(from, y)].style();
            let to = (from..buffer.area.width).take_while(|x| buffer[(*x, y)].style() == style).last().unwrap_or(from);
            let (fg, bg, modifiers) = (style.fg.unwrap_or_default(), style.bg.unwrap_or_default(), style.add_modifier);
            if format!("{fg}{bg}{modifiers:?}") != "ResetResetNONE" {
                let _ = writeln!(out, "{y}:{from}-{to} {fg} {bg} {modifiers:?}");
            }
            from = to + 1;
        }
    }
    out
}

fn screen(width: u16, height: u16, snapshot: &Snapshot) -> String {
    symbols(&frame(&state(width, height, snapshot), snapshot, Depth::TrueColor))
}

#[test]
fn the_overview_at_every_size() {
    let busy = sample::busy();
    for (width, height) in [(200, 60), (120, 36), (80, 24), (60, 15), (40, 8), (20, 1)] {
        insta::assert_snapshot!(format!("overview_{width}x{height}"), screen(width, height, &busy));
    }
}

#[test]
fn the_alarm_state() {
    let alarmed = sample::alarmed();
    for (width, height) in [(120, 36), (80, 24), (40, 8), (20, 1)] {
        insta::assert_snapshot!(format!("alarm_{width}x{height}"), screen(width, height, &alarmed));
    }
}

#[test]
fn before_and_without_requests() {
    insta::assert_snapshot!("empty_120x36", screen(120, 36, &sample::empty()));
    let loading = Snapshot::empty(sample::now(), costtop::time::Zone::UTC);
    let first = State::new(sample::now(), (120, 36), Window::M15);
    insta::assert_snapshot!("loading_120x36", symbols(&frame(&first, &loading, Depth::TrueColor)));
}

#[test]
fn the_sheets_over_the_screen() {
    let busy = sample::busy();
    for (name, action) in [("help", Action::Help), ("intake", Action::Intake)] {
        for (width, height) in [(120, 36), (80, 20)] {
            let mut state = state(width, height, &busy);
            update(&mut state, action, &busy);
            insta::assert_snapshot!(
                format!("{name}_{width}x{height}"),
                symbols(&frame(&state, &busy, Depth::TrueColor))
            );
        }
    }
}

#[test]
fn colours_mean_what_the_theme_says_and_none_appear_without() {
    let alarmed = sample::alarmed();
    let state = state(120, 36, &alarmed);
    insta::assert_snapshot!("styles_truecolor", styles(&frame(&state, &sample::busy(), Depth::TrueColor)));
    let plain = frame(&state, &alarmed, Depth::None);
    for cell in plain.content() {
        assert!(cell.fg == ratatui::style::Color::Reset && cell.bg == ratatui::style::Color::Reset);
    }
    insta::assert_snapshot!("styles_no_color", styles(&plain));
}

#[test]
fn the_age_is_on_every_screen() {
    let mut snapshot = sample::busy();
    for (width, height) in [(200, 60), (120, 36), (80, 24), (60, 15), (40, 8), (30, 3)] {
        let mut state = state(width, height, &snapshot);
        update(&mut state, Action::Freeze, &snapshot);
        update(&mut state, Action::Clock(sample::now().plus_ms(42_000)), &snapshot);
        update(&mut state, Action::Behind(1204), &snapshot);
        let text = symbols(&frame(&state, &snapshot, Depth::None));
        assert!(text.contains("FROZEN"), "{width}x{height}\n{text}");
        if width >= 60 {
            assert!(text.contains("FROZEN 00:42 · 1,204 behind"), "{width}x{height}\n{text}");
        }
    }
    snapshot.view.as_of = true;
    assert!(screen(80, 24, &snapshot).contains("AS OF Mon 21 Sep 14:32"));
    snapshot.view.as_of = false;
    snapshot.progress = Some(0.437);
    assert!(screen(80, 24, &snapshot).contains("LOADING 43 %"));
    snapshot.progress = None;
    snapshot.state_note = Some("not durable since 14:02".to_owned());
    assert!(screen(120, 36, &snapshot).contains("▲ not durable since 14:02"));
}

#[test]
fn a_row_without_an_owner_is_said_once() {
    let text = screen(120, 36, &sample::with_nameless());
    assert_eq!(text.matches("no owner").count(), 1, "{text}");
}

#[test]
fn every_key_changes_what_it_should() {
    let snapshot = sample::alarmed();
    let press = |state: &mut State, action| update(state, action, &snapshot);
    let mut state = state(120, 36, &snapshot);
    let id = |place: usize| Selection::Row(snapshot.view.tables[LEFT].rows[place].id);

    press(&mut state, Action::Down);
    press(&mut state, Action::Down);
    assert_eq!(state.visit.models.selected, id(2));
    press(&mut state, Action::Up);
    assert_eq!(state.visit.models.selected, id(1));
    press(&mut state, Action::Last);
    assert_eq!(state.visit.models.selected, id(7));
    press(&mut state, Action::PageUp);
    assert_eq!(state.visit.models.selected, id(0));
    press(&mut state, Action::PageDown);
    assert_eq!(state.visit.models.selected, id(7));
    press(&mut state, Action::First);
    assert_eq!(state.visit.models.selected, Selection::First);

    let Some(Effect::Query(query)) = press(&mut state, Action::SortNext) else { panic!("a new order needs a query") };
    assert_eq!(query.tables[LEFT].sort, costtop::engine::view::SortKey::Burn);
    let Some(Effect::Query(query)) = press(&mut state, Action::SortReverse) else { panic!("so does turning it round") };
    assert!(query.tables[LEFT].reversed);
    let Some(Effect::Query(query)) = press(&mut state, Action::LongerWindow) else { panic!("so does a window") };
    assert_eq!(query.window, Window::H1);
    press(&mut state, Action::ShorterWindow);
    assert_eq!(state.visit.window, Window::M15);

    press(&mut state, Action::NextPanel);
    assert_eq!(state.visit.focus, Panel::Users);
    press(&mut state, Action::PreviousPanel);
    press(&mut state, Action::PreviousPanel);
    assert_eq!(state.visit.focus, Panel::Budgets);
    press(&mut state, Action::Zoom);
    assert!(state.visit.zoomed);
    press(&mut state, Action::Help);
    assert_eq!(state.overlay, Some(Overlay::Help));
    press(&mut state, Action::Back);
    assert!(state.overlay.is_none() && state.visit.zoomed, "the sheet first");
    press(&mut state, Action::Back);
    assert!(!state.visit.zoomed);
    press(&mut state, Action::Intake);
    assert_eq!(state.overlay, Some(Overlay::Intake));
    press(&mut state, Action::Intake);

    assert_eq!(press(&mut state, Action::Acknowledge), Some(Effect::Acknowledge));
    assert_eq!(press(&mut state, Action::Mute), Some(Effect::Mute(true)));
    assert_eq!(press(&mut state, Action::Quit), Some(Effect::Quit));
    press(&mut state, Action::Freeze);
    assert!(state.frozen.is_some());
    assert_eq!(press(&mut state, Action::LongerWindow), None, "a frozen view keeps its window");
    assert_eq!(state.visit.window, Window::M15);
    press(&mut state, Action::Freeze);
    assert!(state.frozen.is_none());
}

#[test]
fn the_selection_follows_the_row_not_the_line() {
    let mut snapshot = sample::busy();
    let mut state = state(120, 36, &snapshot);
    update(&mut state, Action::Down, &snapshot);
    let chosen = snapshot.view.tables[LEFT].rows[1].id;
    snapshot.view.tables[LEFT].rows.swap(1, 6);
    update(&mut state, Action::Arrived, &snapshot);
    assert_eq!(state.visit.models.selected, Selection::Row(chosen));
    assert_eq!(state.visit.models.place(&snapshot.view.tables[LEFT]), Some(6));
    let text = symbols(&frame(&state, &snapshot, Depth::None));
    let line = text.lines().find(|line| line.contains('▸') && line.contains("gpt-6-sol"));
    assert!(line.is_some(), "{text}");
}

#[test]
fn colours_of_models_stay_when_the_order_changes() {
    let mut snapshot = sample::busy();
    let mut state = state(120, 36, &snapshot);
    let before: Vec<_> = snapshot.view.tables[LEFT].rows.iter().map(|row| (row.id, state.series_of(row.id))).collect();
    snapshot.view.tables[LEFT].rows.reverse();
    update(&mut state, Action::Arrived, &snapshot);
    for (id, series) in before {
        assert_eq!(state.series_of(id), series);
    }
}

#[test]
fn scrolling_goes_through_rows_that_have_not_come_yet() {
    let mut snapshot = sample::busy();
    snapshot.view.tables[RIGHT] = sample::many_users(100_000, 0, 21);
    let mut state = state(120, 36, &snapshot);
    update(&mut state, Action::NextPanel, &snapshot);
    let Some(Effect::Query(query)) = update(&mut state, Action::Last, &snapshot) else { panic!("needs other rows") };
    assert!(
        query.tables[RIGHT].offset + query.tables[RIGHT].rows >= 100_000 && query.tables[RIGHT].rows <= 60,
        "{query:?}"
    );
    snapshot.view.tables[RIGHT] = sample::many_users(100_000, query.tables[RIGHT].offset, query.tables[RIGHT].rows);
    update(&mut state, Action::Arrived, &snapshot);
    assert_eq!(state.visit.users.place(&snapshot.view.tables[RIGHT]), Some(99_999));
    assert!(symbols(&frame(&state, &snapshot, Depth::None)).contains("▸  user-99999"));
}

#[test]
fn the_footer_names_only_keys_that_work_here() {
    let last = |state: &State, snapshot: &Snapshot| {
        let text = symbols(&frame(state, snapshot, Depth::None));
        text.lines().last().unwrap().to_owned()
    };
    let busy = sample::busy();
    let mut state = state(120, 36, &busy);
    let footer = last(&state, &busy);
    assert!(footer.contains("s sort") && footer.contains("A ack") && !footer.contains("esc"), "{footer}");
    let mut calm = sample::busy();
    calm.alarms.clear();
    calm.bell.enabled = false;
    let footer = last(&state, &calm);
    assert!(!footer.contains("A ack") && !footer.contains("mute"), "{footer}");
    update(&mut state, Action::Freeze, &busy);
    assert!(!last(&state, &busy).contains("window"));
    for binding in KEYS.iter().filter(|binding| (binding.works)(&state, &busy)) {
        assert!(!binding.help.is_empty());
    }
}

#[test]
fn text_from_outside_cannot_move_the_cursor() {
    let mut snapshot = sample::busy();
    snapshot.events[0].text = "a\x1b[2J\u{9b}31m\r\n\u{202e}b".to_owned();
    let buffer = frame(&state(120, 36, &snapshot), &snapshot, Depth::None);
    assert!(symbols(&buffer).contains("a\u{fffd}[2J\u{fffd}31m\u{fffd}\u{fffd}\u{fffd}b"), "tampering shows");
    for cell in buffer.content() {
        assert!(!cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", cell.symbol());
    }
}

fn any_action() -> impl Strategy<Value = Action> {
    let keys: Vec<Action> = KEYS.iter().map(|binding| binding.action).collect();
    prop_oneof![
        4 => proptest::sample::select(keys),
        1 => (0u16..260, 0u16..90).prop_map(|(width, height)| Action::Resize(width, height)),
        1 => Just(Action::Arrived),
        1 => (0i64..10_000_000).prop_map(|ms| Action::Clock(Timestamp::from_ms(1_790_000_000_000 + ms))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn no_size_and_no_keys_make_drawing_fail(
        width in 0u16..250, height in 0u16..80, actions in prop::collection::vec(any_action(), 0..12), which in 0usize..5,
    ) {
        let snapshot = match which {
            0 => sample::busy(),
            1 => sample::alarmed(),
            2 => sample::empty(),
            3 => sample::with_nameless(),
            _ => {
                let mut snapshot = sample::busy();
                snapshot.view.tables[RIGHT] = sample::many_users(500, 480, 60);
                snapshot
            }
        };
        let mut state = state(width, height, &snapshot);
        for action in actions {
            update(&mut state, action, &snapshot);
            frame(&state, &snapshot, Depth::TrueColor);
        }
        frame(&state, &snapshot, Depth::None);
    }
}

#[test]
fn the_smallest_sizes_one_by_one() {
    for snapshot in [sample::busy(), sample::alarmed(), sample::empty()] {
        for width in 0..=70 {
            for height in 0..=22 {
                let mut state = state(width, height, &snapshot);
                frame(&state, &snapshot, Depth::TrueColor);
                update(&mut state, Action::Help, &snapshot);
                frame(&state, &snapshot, Depth::TrueColor);
            }
        }
    }
}
