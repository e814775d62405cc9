//! Each screen at the sizes people have, with and without colours.

use costtop::ui::theme::Depth;
use ratatui::style::Color;

use super::{Seat, drilled, sample, styles, symbols};

const SIZES: [(u16, u16); 5] = [(200, 60), (120, 36), (80, 24), (60, 15), (40, 8)];

/// Opened at a size where every panel is in sight, then made smaller, as a window is.
fn look(name: &str, base: &costtop::ui::snapshot::Snapshot, keys: &str) {
    for (width, height) in SIZES {
        let mut seat = Seat::new(200, 60, base.clone());
        if !keys.is_empty() {
            seat.press(keys);
        }
        seat.act(costtop::ui::action::Action::Resize(width, height));
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), seat.text());
        let plain = seat.buffer(Depth::None);
        assert!(plain.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset), "{name}");
        assert_eq!(symbols(&plain), seat.text(), "{name} says something by colour alone");
    }
}

#[test]
fn a_model() {
    look("model", &sample::busy(), "enter");
}

#[test]
fn a_user_with_a_budget() {
    look("user", &sample::busy(), "tab enter");
}

#[test]
fn a_team() {
    look("team", &sample::busy(), "b t enter");
}

#[test]
fn a_session() {
    look("session", &sample::busy(), "tab enter tab enter");
}

#[test]
fn a_request() {
    look("request", &sample::busy(), "enter tab tab enter");
}

#[test]
fn the_alarms() {
    look("alarms", &drilled::many_alarms(), "a down");
}

#[test]
fn the_drift() {
    look("drift", &sample::busy(), "d");
}

/// What subscriptions pay is marked wherever it is shown.
#[test]
fn list_price() {
    let mut paid = sample::busy();
    for sums in [
        &mut paid.view.window,
        &mut paid.view.today,
        &mut paid.view.tables[0].rows[0].sums,
        &mut paid.view.tables[0].sums,
    ] {
        sums.subscription = sums.cost();
    }
    look("list_price", &paid, "");
}

#[test]
fn the_keys() {
    look("keys", &sample::busy(), "enter ?");
}

#[test]
fn the_groupings() {
    look("groupings", &sample::busy(), "b down");
}

#[test]
fn a_filter_while_it_is_typed() {
    look("typing", &sample::busy(), "/ c l a u");
}

#[test]
fn a_filter_that_applies() {
    look("filtered", &sample::busy(), "/ o p u s enter");
}

#[test]
fn a_window_of_the_past() {
    look("past", &sample::busy(), "enter , ,");
}

#[test]
fn a_request_whose_line_is_gone() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("tab enter tab tab down down down down down down down enter");
    insta::assert_snapshot!("request_gone_120x36", seat.text());
}

#[test]
fn the_colours_of_a_model_and_of_the_alarms() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("enter");
    insta::assert_snapshot!("styles_model", styles(&seat.buffer(Depth::TrueColor)));
    let mut seat = Seat::new(120, 36, drilled::many_alarms());
    seat.press("a down");
    insta::assert_snapshot!("styles_alarms", styles(&seat.buffer(Depth::TrueColor)));
    insta::assert_snapshot!("styles_alarms_no_color", styles(&seat.buffer(Depth::None)));
}
