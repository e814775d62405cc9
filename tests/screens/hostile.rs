//! No text, no size and no sequence of keys may make drawing fail.

use costtop::engine::view::RIGHT;
use costtop::time::Timestamp;
use costtop::ui::action::Action;
use costtop::ui::keys::{KEYS, Mode};
use costtop::ui::state::update;
use costtop::ui::theme::Depth;
use proptest::prelude::*;

use super::{Seat, drilled, frame, sample, state, symbols};

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
        6 => proptest::sample::select(keys),
        2 => Just(Action::Open),
        1 => any::<char>().prop_map(Action::Type),
        1 => (0u16..260, 0u16..90).prop_map(|(width, height)| Action::Resize(width, height)),
        1 => Just(Action::Arrived),
        1 => (0i64..10_000_000).prop_map(|ms| Action::Clock(Timestamp::from_ms(1_790_000_000_000 + ms))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn no_size_and_no_keys_make_drawing_fail(
        width in 0u16..250, height in 0u16..80, actions in prop::collection::vec(any_action(), 0..16), which in 0usize..6,
    ) {
        let snapshot = match which {
            0 => sample::busy(),
            1 => sample::alarmed(),
            2 => sample::empty(),
            3 => sample::with_nameless(),
            4 => drilled::many_alarms(),
            _ => {
                let mut snapshot = sample::busy();
                snapshot.view.tables[RIGHT] = sample::many_users(500, 480, 60);
                snapshot
            }
        };
        let mut seat = Seat::new(width, height, snapshot);
        for action in actions {
            seat.act(action);
            seat.buffer(Depth::TrueColor);
        }
        seat.buffer(Depth::None);
    }

    #[test]
    fn answers_that_never_come_make_nothing_fail(actions in prop::collection::vec(any_action(), 0..16)) {
        let snapshot = drilled::many_alarms();
        let mut state = state(120, 36, &snapshot);
        for action in actions {
            update(&mut state, action, &snapshot);
            frame(&state, &snapshot, Depth::TrueColor);
        }
    }

    #[test]
    fn esc_to_the_root_ends_where_it_began(
        before in prop::collection::vec(any_action(), 0..12), after in prop::collection::vec(any_action(), 0..24),
    ) {
        let mut seat = Seat::new(120, 36, drilled::many_alarms());
        let to_root = |seat: &mut Seat| {
            // Typing and choosing are left first, then sheets, zooms and screens.
            for _ in 0..200 {
                if seat.state.depth() == 0 && seat.state.mode() == Mode::Screen && seat.state.overlay.is_none() {
                    return;
                }
                seat.press("esc");
            }
        };
        let still = |actions: Vec<Action>| actions.into_iter().filter(|action| {
            !matches!(action, Action::Resize(..) | Action::Clock(_))
        });
        still(before).for_each(|action| seat.act(action));
        to_root(&mut seat);
        prop_assert_eq!(seat.state.depth(), 0);
        let began = seat.state.visit.clone();
        // Wherever it goes from here, each screen it returns to is the one it left.
        let mut left = Vec::new();
        for action in still(after) {
            let (depth, visit) = (seat.state.depth(), seat.state.visit.clone());
            seat.act(action);
            match seat.state.depth() {
                deeper if deeper > depth => left.push(visit),
                higher if higher < depth => prop_assert_eq!(Some(seat.state.visit.clone()), left.pop()),
                _ => {}
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        to_root(&mut seat);
        prop_assert_eq!(&seat.state.visit, &left[0]);
        prop_assert_eq!(seat.state.visit.scope.clone(), began.scope);
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

#[test]
fn the_smallest_sizes_of_every_screen() {
    for keys in ["enter", "tab enter", "enter tab tab b s tab enter", "a", "b", "/"] {
        let mut seat = Seat::new(120, 36, drilled::many_alarms());
        seat.press(keys);
        for width in (0..=130).step_by(3) {
            for height in (0..=40).step_by(2) {
                seat.act(Action::Resize(width, height));
                seat.buffer(Depth::TrueColor);
            }
        }
    }
}
