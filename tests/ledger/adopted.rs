//! A viewer takes over what another engine saves, commit by commit, and has the same sums at every one.

use super::horizon::{apply, consistent, drop_days};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whoever_follows_a_state_sees_what_its_owner_sees(
        world in prop::collection::vec((any_said(), 0i64..5), 2..40),
        size in 1usize..6,
        begin in 0usize..4,
        drops in 0usize..12,
    ) {
        let options = Options { collect_changes: true, ..Options::default() };
        let now = NOW.plus_ms(5 * 86_400_000);
        let mut owner = Engine::new(options, Rows::in_memory(), now);
        let mut state = State::default();
        let mut viewer = None;
        for (number, part) in world.chunks(size).enumerate() {
            if number == begin {
                state.commit(&mut owner);
                viewer = Some(state.restart(now));
            }
            apply(&mut owner, part, now);
            if number == drops {
                drop_days(&mut owner, 0..2);
            }
            let before: Vec<usize> = vec![state.names.len(), state.profiles.len(), state.rows.len()];
            let dropped = state.commit(&mut owner);
            let Some(viewer) = &mut viewer else { continue };
            // What was corrected and then dropped is in no row any more: after a drop a viewer begins anew.
            if number == drops {
                *viewer = state.restart(now);
                continue;
            }
            let names: Vec<_> = state.names.clone().into_iter().skip(before[0]).collect();
            let profiles: Vec<_> = state.profiles.clone().into_iter().skip(before[1]).collect();
            let rows: Vec<&[u8]> = state.rows[before[2] - dropped..].iter().map(|(_, bytes)| bytes.as_slice()).collect();
            let mut posts = Vec::new();
            viewer.adopt((&names, &profiles), &rows, Some(&state.intake), &mut posts).expect("it follows");
            prop_assert_eq!(consistent(&mut owner), consistent(viewer));
            for window in [Window::H24, Window::D7] {
                let query = ViewQuery { window, ..ViewQuery::default() };
                let (mut one, mut two) = (owner.view(&query), viewer.view(&query));
                one.chart = Chart::default();
                two.chart = Chart::default();
                prop_assert_eq!(one, two);
            }
        }
    }
}
