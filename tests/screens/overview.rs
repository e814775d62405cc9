//! The overview: every size, every state, and what every key changes on it.

use costtop::engine::view::{LEFT, RIGHT, SortKey, Window};
use costtop::time::Zone;
use costtop::ui::action::{Action, Effect};
use costtop::ui::keys::KEYS;
use costtop::ui::layout::Panel;
use costtop::ui::snapshot::Snapshot;
use costtop::ui::state::{Overlay, Selection, State, TableVisit, update};
use costtop::ui::theme::Depth;

use super::{frame, sample, state, styles, symbols};

fn screen(width: u16, height: u16, snapshot: &Snapshot) -> String {
    symbols(&frame(&state(width, height, snapshot), snapshot, Depth::TrueColor))
}

/// The question among what an action asks.
fn question(effects: Vec<Effect>) -> Option<costtop::engine::view::ViewQuery> {
    effects.into_iter().find_map(|effect| if let Effect::Query(query) = effect { Some(query) } else { None })
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
    let loading = Snapshot::empty(sample::now(), Zone::UTC);
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
    snapshot.view.until = sample::now().plus_ms(-9 * 86_400_000 - 3_600_000);
    assert!(screen(120, 36, &snapshot).contains("AS OF 9 d ago   Sat 12 Sep 13:32"));
    for (width, height) in [(80, 24), (60, 15), (40, 8), (20, 1)] {
        assert!(screen(width, height, &snapshot).contains("AS OF 9 d ago"), "{width}x{height}");
    }
    snapshot.view.as_of = false;
    snapshot.progress = Some(0.437);
    assert!(screen(80, 24, &snapshot).contains("LOADING 43 %"));
    snapshot.progress = None;
    let full = "not durable since 14:02: cannot make the folder: Read-only file system (os error 30)";
    snapshot.state_note = Some(full.to_owned());
    for (width, height) in [(200, 60), (120, 36), (80, 24), (60, 15)] {
        let text = screen(width, height, &snapshot);
        assert!(text.contains("▲ not durable since 14:02"), "{width}x{height}\n{text}");
    }
    for (width, height) in [(120, 36), (80, 20)] {
        let mut state = state(width, height, &snapshot);
        update(&mut state, Action::Intake, &snapshot);
        let text = symbols(&frame(&state, &snapshot, Depth::TrueColor));
        insta::assert_snapshot!(format!("intake_not_durable_{width}x{height}"), text);
    }
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
    assert_eq!(state.visit.tables[LEFT].cursor.selected, id(2));
    press(&mut state, Action::Up);
    assert_eq!(state.visit.tables[LEFT].cursor.selected, id(1));
    press(&mut state, Action::Last);
    assert_eq!(state.visit.tables[LEFT].cursor.selected, id(7));
    press(&mut state, Action::PageUp);
    assert_eq!(state.visit.tables[LEFT].cursor.selected, id(0));
    press(&mut state, Action::PageDown);
    assert_eq!(state.visit.tables[LEFT].cursor.selected, id(7));
    press(&mut state, Action::First);
    assert_eq!(state.visit.tables[LEFT].cursor.selected, Selection::First);

    let Some(query) = question(press(&mut state, Action::SortNext)) else { panic!("a new order needs a query") };
    assert_eq!(query.tables[LEFT].sort, SortKey::Burn);
    let Some(query) = question(press(&mut state, Action::SortReverse)) else { panic!("so does turning it round") };
    assert!(query.tables[LEFT].reversed);
    let Some(query) = question(press(&mut state, Action::LongerWindow)) else { panic!("so does a window") };
    assert_eq!(query.window, Window::H1);
    press(&mut state, Action::ShorterWindow);
    assert_eq!(state.visit.window, Window::M15);

    press(&mut state, Action::NextPanel);
    assert_eq!(state.visit.focus, Panel::Right);
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

    assert_eq!(press(&mut state, Action::Acknowledge), [Effect::Acknowledge(None)]);
    assert_eq!(press(&mut state, Action::Mute), [Effect::Mute(true)]);
    assert_eq!(press(&mut state, Action::Quit), [Effect::Quit]);
    press(&mut state, Action::Freeze);
    assert!(state.visit.frozen.is_some());
    assert_eq!(press(&mut state, Action::LongerWindow), [], "a frozen view keeps its window");
    assert_eq!(state.visit.window, Window::M15);
    press(&mut state, Action::Freeze);
    assert!(state.visit.frozen.is_none());
}

#[test]
fn the_selection_follows_the_row_not_the_line() {
    let mut snapshot = sample::busy();
    let mut state = state(120, 36, &snapshot);
    update(&mut state, Action::Down, &snapshot);
    let chosen = snapshot.view.tables[LEFT].rows[1].id;
    snapshot.view.tables[LEFT].rows.swap(1, 6);
    update(&mut state, Action::Arrived, &snapshot);
    assert_eq!(state.visit.tables[LEFT].cursor.selected, Selection::Row(chosen));
    assert_eq!(state.visit.tables[LEFT].cursor.place(&TableVisit::at_hand(&snapshot.view.tables[LEFT])), Some(6));
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
    let Some(query) = question(update(&mut state, Action::Last, &snapshot)) else { panic!("needs other rows") };
    assert!(
        query.tables[RIGHT].offset + query.tables[RIGHT].rows >= 100_000 && query.tables[RIGHT].rows <= 60,
        "{query:?}"
    );
    snapshot.view.tables[RIGHT] = sample::many_users(100_000, query.tables[RIGHT].offset, query.tables[RIGHT].rows);
    update(&mut state, Action::Arrived, &snapshot);
    assert_eq!(
        state.visit.tables[RIGHT].cursor.place(&TableVisit::at_hand(&snapshot.view.tables[RIGHT])),
        Some(99_999)
    );
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
    for binding in KEYS {
        assert!(!binding.help.is_empty());
    }
}
