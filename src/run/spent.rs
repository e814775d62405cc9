//! What was spent before a start: cells and ledger rows enter, the sums of running budgets leave. Nothing rings.

use std::collections::HashMap;
use std::io;

use crate::alarm::{Adjustment, Alarms, Budgets, SessionSpend, Spent};
use crate::engine::Engine;
use crate::engine::names::{NONE, NameId, ProfileId};
use crate::time::{DAY_MS, MINUTE_MS, Timestamp};

/// Two months: the longest period and the one before it.
const BUDGETS_BACK_MS: i64 = 62 * DAY_MS;

/// Sets budgets up with what the state knows of their periods and, where one is kept for each session, of their sessions; silent.
pub(super) fn take_up_budgets(
    budgets: &mut Budgets,
    engine: &mut Engine,
    alarms: &mut Alarms,
    adjustments: &[Adjustment],
    per_session: bool,
    now: Timestamp,
) -> io::Result<()> {
    let mut cells: Vec<(Timestamp, ProfileId, Spent)> = Vec::new();
    let (from, until) = (now.plus_ms(-BUDGETS_BACK_MS).minute(), now.minute() + 1);
    engine.cells().for_each(from, until, |minute, profile, sums| {
        cells.push((Timestamp::from_ms(minute * MINUTE_MS), profile, Spent::of(sums)));
    });
    let sessions = if per_session { session_parts(engine, now)? } else { Vec::new() };
    budgets.rebuild(cells, sessions, adjustments, engine.ledger().1, now, alarms);
    Ok(())
}

/// What each session cost by profile, so that a budget that counts only some charges of a session counts the same ones again.
fn session_parts(engine: &mut Engine, now: Timestamp) -> io::Result<Vec<SessionSpend>> {
    let since = now.plus_ms(-BUDGETS_BACK_MS);
    let mut parts: HashMap<(NameId, ProfileId), SessionSpend> = HashMap::new();
    let (ledger, names) = engine.ledger();
    ledger.for_each_charge(names, |bill, _| {
        if bill.session != NONE && bill.time >= since {
            let (time, profile, session) = (bill.time, bill.profile, bill.session);
            let new = SessionSpend { first: time, last: time, profile, session, spent: Spent::default() };
            let part = parts.entry((session, profile)).or_insert(new);
            part.first = part.first.min(time);
            part.last = part.last.max(time);
            part.spent.cost += bill.cost.into();
            part.spent.subscription += bill.sums().subscription;
        }
        Ok(())
    })?;
    let mut parts: Vec<SessionSpend> = parts.into_values().collect();
    parts.sort_unstable_by_key(|part| (part.first, part.session, part.profile));
    Ok(parts)
}
