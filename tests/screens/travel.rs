//! Where the user is: in, beside and out again, and what is asked on the way.

use costtop::alarm::AlarmState;
use costtop::engine::view::{By, ChargeOrder, End, LEFT, RIGHT, Scope, Window};
use costtop::ui::action::{Action, Effect};
use costtop::ui::layout::{Page, Panel};
use costtop::ui::state::Selection;
use costtop::ui::theme::Depth;
use costtop::usage::Dimension;

use super::{Seat, drilled, frame, sample, symbols};

fn status(seat: &Seat) -> String {
    seat.text().lines().nth(34).unwrap().trim().to_owned()
}

#[test]
fn from_the_overview_to_a_request_and_back_to_every_place_as_it_was() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("s s ] / c enter");
    let overview = seat.state.visit.clone();
    assert!(status(&seat).starts_with("all ▸ overview  models /c"));

    seat.press("enter");
    assert_eq!(seat.state.visit.page, Page::Entity);
    assert_eq!(seat.state.visit.scope, Scope::ALL.with(By::MODEL, 10));
    assert_eq!(seat.state.visit.window, Window::H1, "the window comes along");
    assert_eq!(seat.state.visit.tables[LEFT].by, By::USER);
    assert_eq!(seat.state.visit.charges.order, ChargeOrder::Costliest);
    assert!(status(&seat).starts_with("all ▸ claude-opus-4-8"), "{}", status(&seat));
    seat.press("down S [");
    let model = seat.state.visit.clone();

    seat.press("enter");
    assert_eq!(seat.state.visit.scope, Scope::ALL.with(By::MODEL, 10).with(By::USER, 53));
    assert!(status(&seat).starts_with("all ▸ claude-opus-4-8 ▸ m.chen"), "{}", status(&seat));
    assert_eq!(seat.state.visit.tables[LEFT].by, By::Dimension(Dimension::Project), "the model is open already");
    seat.press("tab");
    assert_eq!(seat.state.visit.tables[RIGHT].by, By::Session);
    let user = seat.state.visit.clone();

    seat.press("enter");
    assert_eq!(seat.state.visit.page, Page::Session);
    assert_eq!(seat.state.visit.charges.order, ChargeOrder::Oldest);
    seat.press("down down");
    let session = seat.state.visit.clone();
    assert!(seat.text().contains("regress-runner"), "{}", seat.text());

    seat.press("enter");
    assert_eq!(seat.state.visit.page, Page::Request);
    assert_eq!(seat.charge, seat.state.visit.charge.map(|(id, _)| id));
    assert!(seat.text().contains("req_01HV8K9Q2F"), "{}", seat.text());

    for visit in [session, user, model, overview] {
        seat.press("esc");
        assert_eq!(seat.charge, None, "the charge is closed");
        assert_eq!(seat.state.visit, visit);
    }
    assert_eq!(seat.state.depth(), 0);
}

#[test]
fn neighbours_are_those_of_the_list_that_was_left() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("down enter");
    assert!(status(&seat).starts_with("all ▸ gpt-6-sol"), "{}", status(&seat));
    seat.press("tab ] }");
    assert!(status(&seat).starts_with("all ▸ claude-sonnet-5-5"), "{}", status(&seat));
    assert_eq!((seat.state.visit.focus, seat.state.visit.window), (Panel::Right, Window::H1), "panel and window stay");
    seat.press("{ {");
    assert!(status(&seat).starts_with("all ▸ claude-opus-4-8"), "{}", status(&seat));
    seat.press("{");
    assert!(status(&seat).starts_with("all ▸ claude-opus-4-8"), "there is none before the first");
    seat.press("esc");
    assert_eq!(seat.state.visit.tables[LEFT].cursor.selected, Selection::Row(11), "where it was");
}

#[test]
fn neighbours_of_a_request_are_the_requests_beside_it() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("tab enter tab tab down enter");
    assert_eq!(seat.state.visit.charge.map(|(id, _)| id), Some(1));
    seat.press("}");
    assert_eq!((seat.state.visit.charge.map(|(id, _)| id), seat.charge), (Some(2), Some(2)));
    // A request leads to its session.
    seat.press("enter");
    assert_eq!(seat.state.visit.page, Page::Session);
    assert_eq!(seat.charge, None);
    seat.press("esc");
    assert_eq!(seat.charge, Some(2), "it is asked for again");
}

#[test]
fn charges_are_ordered_by_what_matters_there() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("enter tab tab");
    assert_eq!(seat.state.visit.focus, Panel::Charges);
    assert!(seat.text().contains("costliest first"), "{}", seat.text());
    seat.press("s");
    assert!(seat.text().contains("newest first"), "{}", seat.text());
    seat.press("S");
    assert!(seat.text().contains("newest first"), "nothing to turn round");
    // Going far down asks for rows further down.
    seat.press("end");
    assert_eq!(seat.state.visit.charges.cursor.selected, Selection::Row(39));
}

#[test]
fn turns_tell_what_the_session_had_cost_by_then() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("tab enter tab enter");
    let mut expected = 0;
    let text = seat.text();
    let turns: Vec<&str> = text.lines().skip_while(|line| !line.contains("SUM")).skip(1).take(5).collect();
    for (line, number) in turns.iter().zip((0..40).rev()) {
        let cents = [210, 44, 131, 6, 97, 38, 2, 74][number % 8];
        expected += cents;
        assert!(line.contains(&format!("{}.{:02}", expected / 100, expected % 100)), "{expected} in {line}");
    }
    assert_eq!(turns.len(), 5);
}

#[test]
fn budgets_and_alarms_lead_to_whom_they_are_about() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("backtab end");
    assert_eq!(seat.state.visit.focus, Panel::Budgets);
    seat.press("up enter");
    assert_eq!(seat.state.visit.scope, Scope::ALL.with(By::USER, 50), "{}", seat.text());
    seat.press("esc");
    // A budget for everything leads nowhere.
    seat.press("home enter");
    assert_eq!(seat.state.depth(), 0);
    let mut seat = Seat::new(120, 36, drilled::many_alarms());
    seat.press("a");
    assert_eq!(seat.state.visit.page, Page::Alarms);
    seat.press("enter");
    assert_eq!(seat.state.depth(), 1, "an alarm for everything leads nowhere");
    seat.press("down enter");
    assert_eq!(seat.state.visit.scope, Scope::ALL.with(By::USER, 50));
    assert!(status(&seat).starts_with("all ▸ alarms ▸ ci-evals"), "{}", status(&seat));
    seat.press("}");
    assert!(status(&seat).starts_with("all ▸ alarms ▸ svc-support"), "{}", status(&seat));
    seat.press("esc a");
    assert_eq!(seat.state.depth(), 1, "the alarms are open already");
}

#[test]
fn one_alarm_is_acknowledged_where_one_is_selected_and_all_elsewhere() {
    let mut seat = Seat::new(120, 36, drilled::many_alarms());
    seat.press("A a A down A");
    let expected = [None, Some("everything|".to_owned()), Some("each user|ci-evals".to_owned())];
    assert_eq!(seat.asked, expected.map(Effect::Acknowledge));
    // What is over can neither be acknowledged nor put off.
    seat.press("end A Z");
    assert_eq!(seat.asked.len(), 3);
    seat.press("home Z");
    assert_eq!(seat.asked.last(), Some(&Effect::Snooze("everything|".to_owned(), 15)));
    // One that is snoozed for a quarter of an hour, then for an hour, then for four.
    let at = seat.base.alarms.iter().position(|alarm| alarm.state == AlarmState::Snoozed).unwrap();
    seat.press("down down down");
    for (taken, next) in [(15, 60), (60, 240), (240, 240)] {
        let alarm = &mut seat.shown.alarms[at];
        alarm.until = Some(alarm.since.plus_ms(taken * 60_000));
        seat.press("Z");
        assert_eq!(seat.asked.last(), Some(&Effect::Snooze("surge|3".to_owned(), next)));
    }
}

#[test]
fn a_window_of_the_past_stands_still_until_it_is_told_otherwise() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press(",");
    let End::At(end) = seat.state.visit.end else { panic!("it ends in the past") };
    assert_eq!(end, sample::at("2026-09-21T14:26:00Z"), "half a window before the next whole minute");
    assert!(seat.text().contains("PAST · ends 14:26") && !seat.text().contains("LIVE"), "{}", seat.text());
    seat.press("enter");
    assert_eq!(seat.state.visit.end, End::At(end), "it comes along");
    seat.press("esc .");
    assert_eq!(seat.state.visit.end, End::Now);
    seat.press(", , n");
    assert_eq!(seat.state.visit.end, End::Now);
    assert!(seat.text().contains("LIVE"));
}

#[test]
fn where_nothing_falls_into_the_window_one_key_moves_it_to_the_newest_event() {
    let mut base = sample::busy();
    base.view.as_of = true;
    base.view.newest = Some(sample::at("2026-09-12T08:15:30Z"));
    let mut seat = Seat::new(120, 36, base);
    assert!(seat.line("q quit").contains("n now"), "{}", seat.text());
    seat.press("n");
    assert_eq!(seat.state.visit.end, End::At(sample::at("2026-09-12T08:16:00Z")));
    assert!(seat.text().contains("PAST · ends Sat 12 Sep 08:16"), "{}", seat.text());
}

#[test]
fn a_frozen_screen_is_left_and_found_as_it_was() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("space down enter");
    assert!(seat.state.visit.frozen.is_none(), "what opens is live");
    assert!(!seat.text().contains("FROZEN"));
    seat.press("esc");
    assert!(seat.state.visit.frozen.is_some());
    assert!(seat.text().contains("FROZEN"));
}

#[test]
fn figures_of_something_else_are_never_shown_under_a_new_name() {
    let snapshot = sample::busy();
    let mut state = super::state(120, 36, &snapshot);
    costtop::ui::state::update(&mut state, Action::Open, &snapshot);
    // The answer is still on its way.
    let text = symbols(&frame(&state, &snapshot, Depth::None));
    assert!(text.contains("all ▸ claude-opus-4-8") && text.contains("reading"), "{text}");
    for figure in ["18.34", "88.80", "ana.silva", "412.60"] {
        assert!(!text.contains(figure), "{figure} in\n{text}");
    }
}

#[test]
fn keys_that_are_pressed_before_the_rows_come_are_not_lost() {
    let mut seat = Seat::new(120, 36, sample::busy());
    // The answers to the new order and to what is opened are on their way while the next keys are pressed.
    let asked = seat.shown.clone();
    for action in [Action::SortNext, Action::Down, Action::Down] {
        costtop::ui::state::update(&mut seat.state, action, &asked);
    }
    seat.act(Action::Arrived);
    assert_eq!(seat.state.visit.tables[LEFT].cursor.selected, Selection::Row(12));
    let asked = seat.shown.clone();
    for action in [Action::Open, Action::Down, Action::NextPanel, Action::Last] {
        costtop::ui::state::update(&mut seat.state, action, &asked);
    }
    let query = seat.state.query(&asked);
    seat.shown = drilled::answer(&seat.base, &query, None);
    seat.act(Action::Arrived);
    assert_eq!(seat.state.visit.tables[LEFT].cursor.selected, Selection::Row(53));
    assert_eq!(seat.state.visit.tables[RIGHT].cursor.selected, Selection::Row(203));
}

#[test]
fn help_and_footer_tell_the_keys_of_this_screen() {
    let mut seat = Seat::new(120, 36, drilled::many_alarms());
    let footer = |seat: &Seat| seat.text().lines().last().unwrap().to_owned();
    for words in ["⏎ open", "/ filter", "b by", "a alarms"] {
        assert!(footer(&seat).contains(words), "no '{words}' in '{}'", footer(&seat));
    }
    seat.press("enter");
    for words in ["esc back", "{ } siblings", "b by"] {
        assert!(footer(&seat).contains(words), "no '{words}' in '{}'", footer(&seat));
    }
    seat.press("esc a");
    for words in ["esc back", "A ack", "Z snooze"] {
        assert!(footer(&seat).contains(words), "no '{words}' in '{}'", footer(&seat));
    }
    assert!(!footer(&seat).contains("sort") && !footer(&seat).contains("window"), "{}", footer(&seat));
    seat.press("?");
    assert!(seat.text().contains("silent for 15 min") && !seat.text().contains("order by"), "{}", seat.text());
    seat.press("? esc /");
    for words in ["⏎ keep", "esc drop", "Ctrl-U clear"] {
        assert!(footer(&seat).contains(words), "no '{words}' in '{}'", footer(&seat));
    }
}
