//! What an action does to the state, and what the engine must be asked afterwards.

use super::visit::Visit;
use super::{Action, ChargesVisit, Effect, Frozen, Motion, Overlay, Page, Panel, Snapshot, State};
use crate::engine::view::{End, LEFT, View, Window};
use crate::time::{MINUTE_MS, Timestamp};

/// Minutes of the first snooze, and what each one is followed by.
const SNOOZES: [i64; 3] = [15, 60, 240];

/// Changes the state by one action, seen against the snapshot on screen.
pub fn update(state: &mut State, action: Action, snapshot: &Snapshot) -> Vec<Effect> {
    let mut effects: Vec<Effect> = apply(state, action, snapshot).into_iter().collect();
    let open = state.visit.charge.map(|(id, _)| id);
    if state.opened != open {
        state.opened = open;
        effects.push(Effect::Charge(open));
    }
    if state.visit.frozen.is_none() {
        let query = state.query(snapshot);
        if state.asked.as_ref() != Some(&query) {
            state.asked = Some(query.clone());
            effects.push(Effect::Query(query));
        }
    }
    effects
}

fn motion(action: Action) -> Option<Motion> {
    match action {
        Action::Up => Some(Motion::Rows(-1)),
        Action::Down => Some(Motion::Rows(1)),
        Action::PageUp => Some(Motion::Pages(-1)),
        Action::PageDown => Some(Motion::Pages(1)),
        Action::First => Some(Motion::First),
        Action::Last => Some(Motion::Last),
        _ => None,
    }
}

fn apply(state: &mut State, action: Action, snapshot: &Snapshot) -> Option<Effect> {
    let is_key = !matches!(action, Action::Arrived | Action::Behind(_) | Action::Clock(_) | Action::Resize(..));
    if is_key {
        state.opening = false;
    }
    if let Some(motion) = motion(action) {
        if state.scrolls(snapshot) {
            state.scroll(snapshot, motion);
        }
        return None;
    }
    match action {
        Action::Quit => return Some(Effect::Quit),
        Action::Acknowledge if state.can_acknowledge(snapshot) => {
            return Some(Effect::Acknowledge(state.selected_alarm(snapshot).map(|alarm| alarm.incident.clone())));
        }
        Action::Snooze if state.can_snooze(snapshot) => return snooze(state, snapshot),
        Action::Mute if state.can_mute(snapshot) => return Some(Effect::Mute(!snapshot.bell.muted)),
        Action::Clock(now) => state.now = now,
        Action::Resize(width, height) => {
            state.size = (width, height);
            if matches!(state.layout(snapshot).shape, super::Shape::Meter | super::Shape::Line) {
                (state.typing, state.menu) = (None, None);
            }
            if state.arrived {
                state.settle(snapshot);
            }
        }
        Action::Arrived => {
            state.settle(snapshot);
            if state.opening && !state.awaits_rows(snapshot) {
                state.opening = false;
                travel(state, Action::Open, snapshot);
            }
        }
        Action::Behind(count) => {
            if let Some(frozen) = &mut state.visit.frozen {
                frozen.behind = count;
            }
        }
        Action::Mouse => state.mouse = !state.mouse,
        Action::Help => state.toggle(Overlay::Help),
        Action::Intake => state.toggle(Overlay::Intake),
        Action::Back if state.overlay.is_some() => state.overlay = None,
        Action::Back if state.visit.zoomed => state.visit.zoomed = false,
        Action::Back => {
            if let Some(visit) = state.below.pop() {
                state.visit = visit;
            }
        }
        _ => {
            point(state, action, snapshot);
            travel(state, action, snapshot);
            arrange(state, action, snapshot);
            write(state, action);
        }
    }
    None
}

/// What was clicked, or lies under the wheel.
fn point(state: &mut State, action: Action, snapshot: &Snapshot) {
    match action {
        Action::Focus(panel) if state.offers(snapshot, panel) => focus(state, panel),
        Action::Select(panel, place) if state.offers(snapshot, panel) => {
            if state.visit.focus == panel && state.marked(panel, snapshot) == Some(place) {
                travel(state, Action::Open, snapshot);
            } else {
                focus(state, panel);
                state.move_in(panel, snapshot, Motion::Place(place));
            }
        }
        Action::SortBy(panel, key) if state.offers(snapshot, panel) => {
            focus(state, panel);
            if let Some(at) = state.table(panel).filter(|_| state.sorts(snapshot)) {
                state.visit.tables[at].sort_by(key);
            }
        }
        Action::OrderCharges(order) if state.offers(snapshot, Panel::Charges) => {
            focus(state, Panel::Charges);
            if state.sorts(snapshot) && state.visit.charges.order != order {
                state.visit.charges = ChargesVisit::ordered(order);
            }
        }
        Action::Wheel(panel, rows) if state.offers(snapshot, panel) => {
            state.move_in(panel, snapshot, Motion::Sight(i64::from(rows)));
        }
        _ => {}
    }
}

fn focus(state: &mut State, panel: Panel) {
    if state.visit.focus != panel {
        (state.visit.focus, state.visit.line) = (panel, 0);
    }
}

/// To another screen or panel.
fn travel(state: &mut State, action: Action, snapshot: &Snapshot) {
    match action {
        Action::Open if state.awaits_rows(snapshot) => state.opening = true,
        Action::Open if state.opens(snapshot) => {
            if let Some(siblings) = state.siblings(snapshot) {
                let mut visit = state.visit.through(siblings.door());
                visit.siblings = Some(siblings);
                enter(state, visit);
            }
        }
        Action::Alarms if state.can_open_alarms(snapshot) => {
            let visit = state.visit.alarms();
            enter(state, visit);
        }
        Action::Drift if state.can_open_drift(snapshot) => {
            let visit = state.visit.drift();
            enter(state, visit);
        }
        Action::PreviousSibling | Action::NextSibling if state.has_siblings(snapshot) => {
            let next = state.visit.siblings.as_ref().and_then(|all| all.step(action == Action::NextSibling));
            if let Some((siblings, parent)) = next.zip(state.below.last()) {
                state.visit = state.visit.beside(siblings, parent);
            }
        }
        Action::NextPanel | Action::PreviousPanel if state.has_panels(snapshot) => {
            state.step_panel(snapshot, action == Action::NextPanel);
        }
        Action::Zoom if state.zooms(snapshot) => state.visit.zoomed = !state.visit.zoomed,
        _ => {}
    }
}

fn enter(state: &mut State, visit: Visit) {
    state.below.push(std::mem::replace(&mut state.visit, visit));
}

/// Orders, groupings, windows.
fn arrange(state: &mut State, action: Action, snapshot: &Snapshot) {
    let focused = state.table(state.visit.focus);
    match action {
        Action::SortNext if state.sorts(snapshot) => {
            if let Some(at) = focused {
                state.visit.tables[at].sort_next();
            } else {
                let turns = state.visit.page == Page::Session;
                state.visit.charges.order_next(turns);
            }
        }
        Action::SortReverse if state.reverses(snapshot) => {
            if let Some(at) = focused {
                state.visit.tables[at].reverse();
            }
        }
        Action::Filter | Action::By if state.groups(snapshot) => {
            // Where no table has the keyboard, the first one is meant.
            let at = focused.unwrap_or(LEFT);
            if focused.is_none() {
                state.visit.focus = Panel::Left;
            }
            if action == Action::Filter { state.begin_typing(at) } else { state.begin_choosing(at) }
        }
        Action::ShorterWindow if state.can_change_window(snapshot) => state.visit.window = state.visit.window.shorter(),
        Action::LongerWindow if state.can_change_window(snapshot) => state.visit.window = state.visit.window.longer(),
        Action::SetWindow(window) if state.can_change_window(snapshot) => state.visit.window = window,
        Action::Earlier if state.can_change_window(snapshot) => {
            let base = end(state.visit.end, &snapshot.view);
            state.visit.end = End::At(Timestamp::from_ms((base.ms() - step_ms(state.visit.window)).max(0)));
        }
        Action::Later if state.is_past(snapshot) => {
            let base = end(state.visit.end, &snapshot.view).plus_ms(step_ms(state.visit.window));
            state.visit.end = if base >= state.now { End::Now } else { End::At(base) };
        }
        Action::Now if state.is_past(snapshot) => state.visit.end = End::Now,
        Action::Now if state.can_return_to_now(snapshot) => {
            if let Some(newest) = snapshot.view.newest {
                state.visit.end = End::At(Timestamp::from_ms((newest.minute() + 1) * MINUTE_MS));
            }
        }
        Action::Freeze if state.freezes(snapshot) => {
            let frozen = Frozen { since: state.now, behind: 0 };
            state.visit.frozen = if state.visit.frozen.is_some() { None } else { Some(frozen) };
        }
        _ => {}
    }
}

/// Text and choices.
fn write(state: &mut State, action: Action) {
    match action {
        Action::Type(character) if state.typing.is_some() => state.type_in(character),
        Action::Type(character) => state.choose_letter(character),
        Action::Erase => state.erase(),
        Action::EraseAll => state.edit(String::clear),
        Action::KeepFilter => state.typing = None,
        Action::DropFilter => state.drop_filter(),
        Action::PreviousChoice | Action::NextChoice => state.step_choice(action == Action::NextChoice),
        Action::Choose => state.choose(),
        Action::CloseChoices => state.menu = None,
        _ => {}
    }
}

/// Where the window ends now, in whole minutes.
fn end(end: End, view: &View) -> Timestamp {
    match end {
        End::At(at) => at,
        End::Now => Timestamp::from_ms((view.until.minute() + 1) * MINUTE_MS),
    }
}

/// Half a window, in whole minutes.
fn step_ms(window: Window) -> i64 {
    (window.minutes() / 2).max(1) * MINUTE_MS
}

/// The first snooze of the selected alarm, or a longer one than the one it has.
fn snooze(state: &State, snapshot: &Snapshot) -> Option<Effect> {
    let alarm = state.selected_alarm(snapshot)?;
    let taken = alarm.until.map_or(0, |until| (until.ms() - alarm.since.ms()) / MINUTE_MS);
    let next = SNOOZES.into_iter().find(|minutes| *minutes > taken).unwrap_or(SNOOZES[SNOOZES.len() - 1]);
    Some(Effect::Snooze(alarm.incident.clone(), next))
}
