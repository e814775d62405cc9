//! A click does what is drawn where it falls, and the wheel moves what lies under it.

use costtop::engine::view::{ChargeOrder, LEFT, RIGHT, SortKey};
use costtop::ui::action::Action;
use costtop::ui::keys::{KEYS, Mode};
use costtop::ui::layout::{Page, Panel};
use costtop::ui::state::{Overlay, Selection};
use costtop::ui::theme::{Depth, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Seat, drilled, frame_in, sample};

/// The text in a place, as it is drawn.
fn text_at(buffer: &Buffer, place: Rect) -> String {
    place.positions().map(|at| buffer[at].symbol()).collect::<String>().trim().to_owned()
}

fn targets(seat: &Seat) -> Vec<(String, Action)> {
    let (buffer, targets) = frame_in(&Theme::midnight(Depth::TrueColor), &seat.state, &seat.shown);
    let seen = targets.places().filter(|(place, _)| place.area() > 0);
    seen.map(|(place, action)| (text_at(&buffer, place), action)).collect()
}

/// Clicks the first place whose text holds these words.
#[track_caller]
fn click(seat: &mut Seat, words: &str) {
    let all = targets(seat);
    let found = all.iter().rev().find(|(text, _)| text.contains(words));
    let (_, action) = found.unwrap_or_else(|| panic!("no '{words}' among {all:?}"));
    seat.act(*action);
}

#[test]
fn every_place_does_what_it_says() {
    let label = |panel: Panel, key: SortKey| match (panel, key) {
        (Panel::Left, SortKey::Name) => "MODEL",
        (_, SortKey::Name) => "USER",
        (_, SortKey::Cost) => "$ 15m",
        (_, SortKey::Burn) => "$/h",
        (_, SortKey::Tokens) => "TOKENS",
        (_, SortKey::Hit) => "HIT",
        (_, SortKey::Requests) => "REQUESTS",
    };
    for (width, height) in [(200, 60), (120, 36), (80, 24), (60, 15)] {
        let seat = Seat::new(width, height, sample::alarmed());
        let (mut rows, mut headings, mut windows, mut keys) = (0, 0, 0, 0);
        for (said, action) in targets(&seat) {
            match action {
                Action::Select(panel @ (Panel::Left | Panel::Right), row) => {
                    let table = &seat.shown.view.tables[if panel == Panel::Left { LEFT } else { RIGHT }];
                    let name = table.rows[row - table.offset].name.as_ref().unwrap().as_str();
                    let words = said.trim_start_matches(['▸', '▲', '◆', '●', ' ']);
                    assert!(words.starts_with(&name[..8.min(name.len())]), "'{said}' is not '{name}'");
                    rows += 1;
                }
                Action::Select(..) => rows += 1,
                Action::SortBy(panel, key) => {
                    assert_eq!(said, label(panel, key), "{width}x{height}");
                    headings += 1;
                }
                Action::SetWindow(window) => {
                    assert_eq!(said, window.name());
                    windows += 1;
                }
                Action::Focus(_) => {}
                other => {
                    let binding = KEYS.iter().find(|binding| binding.action == other).unwrap();
                    assert!(
                        said.contains(binding.footer) || said == binding.keys[0],
                        "'{said}' is not '{}'",
                        binding.footer
                    );
                    keys += 1;
                }
            }
        }
        assert!(rows >= 2 && headings >= 3 && keys >= 5, "{width}x{height}: {rows} {headings} {keys}");
        assert_eq!(windows, if width >= 120 { 8 } else { usize::from(width == 80) });
    }
}

#[test]
fn a_click_selects_and_the_next_one_opens_all_the_way_down_to_a_request() {
    let mut seat = Seat::new(120, 36, sample::busy());
    click(&mut seat, "gpt-6-sol ");
    let chosen = seat.shown.view.tables[LEFT].rows[1].id;
    assert_eq!(
        (seat.state.visit.focus, seat.state.visit.tables[LEFT].cursor.selected),
        (Panel::Left, Selection::Row(chosen))
    );
    assert_eq!(seat.state.visit.page, Page::Overview);
    click(&mut seat, "ana.silva");
    assert_eq!(
        (seat.state.visit.focus, seat.state.visit.page),
        (Panel::Right, Page::Overview),
        "the first one only selects"
    );
    click(&mut seat, "gpt-6-sol ");
    assert_eq!(seat.state.visit.page, Page::Overview, "the keyboard was elsewhere");
    click(&mut seat, "gpt-6-sol ");
    assert_eq!(seat.state.visit.page, Page::Entity);
    let charge = |seat: &Seat| {
        targets(seat).into_iter().find(|(_, action)| *action == Action::Select(Panel::Charges, 1)).unwrap()
    };
    let (_, action) = charge(&seat);
    seat.act(action);
    assert_eq!((seat.state.visit.focus, seat.state.visit.page), (Panel::Charges, Page::Entity));
    seat.act(action);
    assert_eq!(seat.state.visit.page, Page::Request);
    click(&mut seat, "esc back");
    assert_eq!(seat.state.visit.page, Page::Entity, "the last line's keys are pressed");
    for order in [ChargeOrder::Costliest, ChargeOrder::Newest] {
        click(&mut seat, if order == ChargeOrder::Newest { "TIME" } else { "COST" });
        assert_eq!(seat.state.visit.charges.order, order);
    }
}

#[test]
fn headings_order_and_the_same_one_again_turns_the_order_round() {
    let mut seat = Seat::new(120, 36, sample::busy());
    let order = |seat: &Seat| {
        let query = &seat.shown.view.query.tables[RIGHT];
        (query.sort, query.reversed, seat.state.visit.focus)
    };
    seat.act(Action::SortBy(Panel::Right, SortKey::Burn));
    assert_eq!(order(&seat), (SortKey::Burn, false, Panel::Right));
    seat.act(Action::SortBy(Panel::Right, SortKey::Burn));
    assert_eq!(order(&seat), (SortKey::Burn, true, Panel::Right));
    seat.act(Action::SortBy(Panel::Right, SortKey::Cost));
    assert_eq!(order(&seat), (SortKey::Cost, false, Panel::Right));
    seat.press("space");
    seat.act(Action::SortBy(Panel::Right, SortKey::Name));
    assert_eq!(order(&seat).0, SortKey::Cost, "a frozen view keeps its order");
}

#[test]
fn the_wheel_moves_what_lies_under_it_and_nothing_else() {
    let mut base = sample::busy();
    base.view.tables[RIGHT] = sample::many_users(500, 0, 500);
    let mut seat = Seat::new(120, 36, base.clone());
    seat.shown = base;
    let rows = seat.state.layout(&seat.shown).rows(Panel::Right);
    let wheel = |seat: &mut Seat, by: i8| {
        // The whole list is at hand: no answer is waited for.
        costtop::ui::state::update(&mut seat.state, Action::Wheel(Panel::Right, by), &seat.shown);
        seat.state.visit.tables[RIGHT].cursor
    };
    let id = |seat: &Seat, place: usize| Selection::Row(seat.shown.view.tables[RIGHT].rows[place].id);
    let cursor = wheel(&mut seat, 3);
    assert_eq!((cursor.offset, cursor.selected), (3, id(&seat, 3)), "the selection stays in sight");
    assert_eq!(seat.state.visit.focus, Panel::Left, "the keyboard stays");
    costtop::ui::state::update(&mut seat.state, Action::Arrived, &seat.shown);
    let cursor = wheel(&mut seat, -3);
    assert_eq!((cursor.offset, cursor.selected), (0, id(&seat, 3)), "a new snapshot did not scroll back");
    for _ in 0..200 {
        wheel(&mut seat, 3);
    }
    assert_eq!(wheel(&mut seat, 3).offset, 500 - rows, "not beyond the last row");
    seat.state.overlay = Some(Overlay::Help);
    assert_eq!(wheel(&mut seat, -3).offset, 500 - rows, "nothing below a sheet moves");
}

#[test]
fn what_lies_on_top_is_clicked() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("?");
    let (_, on_sheet) = frame_in(&Theme::midnight(Depth::None), &seat.state, &seat.shown);
    assert_eq!(on_sheet.at(60, 18), Some(Action::Back));
    seat.act(Action::Back);
    assert!(seat.state.overlay.is_none());
    seat.press("b");
    assert_eq!(seat.state.mode(), Mode::Choosing);
    click(&mut seat, "team");
    assert_eq!((seat.state.mode(), seat.state.visit.tables[LEFT].by.name()), (Mode::Screen, "team"));
    seat.press("b");
    seat.act(Action::CloseChoices);
    let mut seat = Seat::new(120, 36, drilled::many_alarms());
    seat.press("a");
    seat.act(Action::Select(Panel::Alarms, 1));
    assert_eq!(seat.state.visit.page, Page::Alarms);
}
