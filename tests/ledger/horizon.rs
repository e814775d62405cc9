//! Days are dropped: their charges stay as sums, what comes for them later is told and not added, and a restart knows all of it.

use costtop::run::spill;
use costtop::time::DAY_MS;

use super::*;

/// Records with the day, counted from the first, of each.
fn batch_by_day(said: &[(Said, i64)]) -> Batch {
    let mut batch = batch_of(&said.iter().map(|(said, _)| said.clone()).collect::<Vec<_>>());
    for (record, (_, day)) in batch.records.iter_mut().zip(said) {
        record.time = record.time.map(|time| time.plus_ms(day * DAY_MS));
    }
    batch
}

fn day(number: i64) -> i32 {
    costtop::engine::days::day_of(NOON + number * DAY_MS)
}

fn drop_days(engine: &mut Engine, days: impl IntoIterator<Item = i64>) {
    engine.drop_days(&days.into_iter().map(day).collect::<Vec<_>>());
    while engine.drop_on().expect("rows in memory") {}
}

fn apply(engine: &mut Engine, said: &[(Said, i64)], now: Timestamp) {
    engine.apply(&batch_by_day(said), now, &mut Vec::new()).expect("rows in memory");
}

/// Every record has one fate, and sums, bills and what was dropped agree.
fn consistent(engine: &mut Engine) -> String {
    let by = vec![GroupBy::Day, GroupBy::Dimension(Dimension::User), GroupBy::Dimension(Dimension::Model)];
    let query = ReportQuery { by, since: None, until: None, zone: Zone::UTC };
    let report = engine.report(&query).expect("rows in memory");
    assert_eq!(report.totals, *engine.total(), "bills and what was dropped are all that was posted");
    let mut cells = costtop::engine::counters::Counters::default();
    engine.cells().for_each(i64::MIN / 16, i64::MAX / 16, |_, _, sums| cells.add(sums, 1));
    assert_eq!(cells, report.totals, "so are the cells");
    let intake = &report.intake;
    let fates = intake.charges + intake.updates + intake.duplicates + intake.merged + intake.late;
    assert_eq!(intake.records, fates, "{intake:?}");
    assert_eq!(intake.charges, report.totals.requests.unsigned_abs());
    format!("{:?} {:?} {} {:?}", report.totals, report.groups, report.sessions, intake)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_is_dropped_no_sum_changes(
        world in prop::collection::vec((any_said(), 0i64..5), 1..40),
        size in 1usize..6,
        drops in prop::collection::vec(0i64..2, 12),
    ) {
        let options = Options { collect_changes: true, ..Options::default() };
        let mut now = NOW.plus_ms(5 * DAY_MS);
        let mut steady = Engine::new(options, Rows::in_memory(), now);
        let mut restarted = Engine::new(options, Rows::in_memory(), now);
        let mut state = State::default();
        let mut first_kept = 0;
        for (number, part) in world.chunks(size).enumerate() {
            apply(&mut steady, part, now);
            apply(&mut restarted, part, now);
            if number % 2 == 0 {
                state.commit(&mut restarted);
            }
            let before = *steady.total();
            let until = (first_kept + drops[number % drops.len()]).min(5);
            // Days that hold nothing are not dropped: what comes for them is as new as anything.
            if until > first_kept {
                for engine in [&mut steady, &mut restarted] {
                    drop_days(engine, first_kept..until);
                }
                first_kept = until;
            }
            prop_assert_eq!(*steady.total(), before, "dropping moves no money");
            state.commit(&mut restarted);
            now = now.plus_ms(3_600_000 * 20);
            steady.tick(now);
            restarted.tick(now);
            state.commit(&mut restarted);
            restarted = state.restart(now);
            prop_assert_eq!(consistent(&mut steady), consistent(&mut restarted));
        }
    }
}

/// A pair of ids for each number, its day in it.
fn charge(number: u32, of_day: i64) -> (Said, i64) {
    (Said { request: (number % 200) as u8, output: number, place: number, ..BASE }, of_day)
}

/// One batch of so many charges of a day, all with ids of their own.
fn many(of_day: i64, count: u32) -> Batch {
    let said: Vec<_> = (0..count).map(|number| charge(number, of_day)).collect();
    let mut batch = batch_by_day(&said);
    for (number, record) in batch.records.iter_mut().enumerate() {
        record.ids.request = (of_day as u128 + 1) << 100 | (number as u128 + 1) << 64;
        record.ids.response = record.ids.request ^ 1;
    }
    batch
}

#[test]
fn a_dropped_day_gives_back_its_ids_and_says_what_comes_late() {
    let now = NOW.plus_ms(10 * DAY_MS);
    let (rows, trouble) = spill::rows(1 << 16);
    assert!(trouble.is_none());
    let mut engine = Engine::new(Options { collect_changes: true, ..Options::default() }, rows, now);
    for of_day in 0..10 {
        engine.apply(&many(of_day, 2000), now, &mut Vec::new()).expect("room");
    }
    let (before, ids) = (*engine.total(), engine.ledger().0.ids());
    drop_days(&mut engine, 0..7);
    assert_eq!(*engine.total(), before);
    assert_eq!(engine.ledger().0.ids() * 10, ids * 3, "only three days are known by their ids");
    let mut left = 0;
    let (ledger, names) = engine.ledger();
    ledger
        .for_each_bill(names, |_, _, _| {
            left += 1;
            Ok(())
        })
        .expect("rows");
    assert_eq!(left, 6000);
    // All of it again: what is known repeats, what is not comes late, and nothing is added.
    for of_day in 0..10 {
        engine.apply(&many(of_day, 2000), now, &mut Vec::new()).expect("room");
    }
    let intake = engine.intake();
    assert_eq!((intake.duplicates, intake.late, intake.charges), (6000, 14_000, 20_000));
    assert_eq!(*engine.total(), before);
    assert_eq!(intake.late_cost.pico() * 10, before.cost().pico() * 7, "what came late is told in money");
    // A day that was never dropped accepts what is older still.
    engine.apply(&many(-400, 5), now, &mut Vec::new()).expect("room");
    assert_eq!(engine.intake().late, 14_000);
    assert_eq!(engine.total().requests, before.requests + 5);
    consistent(&mut engine);
}

#[test]
fn a_charge_that_reaches_into_a_kept_day_stays_known() {
    let now = NOW.plus_ms(3 * DAY_MS);
    let mut engine = Engine::new(Options { collect_changes: true, ..Options::default() }, Rows::in_memory(), now);
    let mut state = State::default();
    // An answer that began before midnight and ended after it, and a gateway's record of a day later.
    let first = (Said { last: false, output: 1, second: Some(50_000), origin: 1, ..BASE }, 0);
    let last = (Said { output: 500, second: Some(100), origin: 1, ..BASE }, 1);
    let gateway = (Said { origin: 2, call: 7, second: Some(200), ..BASE }, 2);
    apply(&mut engine, &[first.clone(), last.clone(), gateway.clone()], now);
    state.commit(&mut engine);
    for dropped in 0..3 {
        drop_days(&mut engine, [dropped]);
        state.commit(&mut engine);
        engine = state.restart(now);
        let known = dropped < 2;
        apply(&mut engine, &[first.clone(), last.clone(), gateway.clone()], now);
        assert_eq!((engine.total().requests, engine.intake().late == 0), (1, known), "day {dropped}");
        state.commit(&mut engine);
        consistent(&mut engine);
    }
    assert_eq!(engine.ledger().0.ids(), 0);
}

#[test]
fn a_row_whose_older_versions_lie_in_a_kept_day_does_not_come_back() {
    let now = NOW.plus_ms(3 * DAY_MS);
    let mut engine = Engine::new(Options { collect_changes: true, ..Options::default() }, Rows::in_memory(), now);
    let mut state = State::default();
    apply(&mut engine, &[(Said { last: false, output: 1, ..BASE }, 2)], now);
    state.commit(&mut engine);
    // The same request, of which an older and longer record is found.
    apply(&mut engine, &[(Said { output: 900, ..BASE }, 0)], now);
    state.commit(&mut engine);
    drop_days(&mut engine, [0]);
    let total = *engine.total();
    state.commit(&mut engine);
    let mut again = state.restart(now);
    assert_eq!(again.ledger().0.ids(), 0, "it is dropped, whatever the state still holds of it");
    assert_eq!(*again.total(), total);
    consistent(&mut again);
}

/// All ids of a day look alike to the index but for the numbers in them: what tells them apart is in the rows.
#[test]
fn ids_that_left_memory_are_known_until_their_day_is_dropped() {
    let now = NOW.plus_ms(12 * DAY_MS);
    let options = Options { collect_changes: true, ..Options::default() };
    let (storage, trouble) = spill::rows_and_ids(1 << 16, 3000);
    assert!(trouble.is_none());
    let mut cold = Engine::new(options, storage, now);
    let mut warm = Engine::new(options, Rows::in_memory(), now);
    let mut both = |of_day: i64| {
        for engine in [&mut cold, &mut warm] {
            engine.apply(&many(of_day, 2000), now, &mut Vec::new()).expect("room");
        }
    };
    (0..10).for_each(&mut both);
    (0..10).for_each(&mut both);
    for engine in [&mut cold, &mut warm] {
        assert_eq!((engine.intake().charges, engine.intake().duplicates), (20_000, 20_000));
        drop_days(engine, 0..7);
    }
    assert_eq!(cold.ledger().0.ids(), warm.ledger().0.ids());
    for of_day in [10, 11, 3, 8, 10] {
        for engine in [&mut cold, &mut warm] {
            engine.apply(&many(of_day, 2000), now, &mut Vec::new()).expect("room");
        }
    }
    assert_eq!(cold.intake().late, 2000);
    assert_eq!(cold.ledger().0.ids(), warm.ledger().0.ids());
    assert_eq!(consistent(&mut cold), consistent(&mut warm));
}
