//! What a state saved enters an engine: its sums first, the ledger's rows as they are streamed. What makes no sense is told in a few
//! words; what becomes of such a state is for others to decide.

use crate::engine::Engine;
use crate::engine::saved::Damaged;
use crate::store::{Loaded, META_DROPPED, META_INTAKE, StoreError};

/// Names, sessions, what came in, and the cells of those tiers that `is_wanted` names: totals and windows are right from here on.
pub(in crate::run) fn totals(
    engine: &mut Engine,
    loaded: &Loaded,
    is_wanted: impl Fn(u8) -> bool,
) -> Result<(), String> {
    let damaged = |error: Damaged| error.to_string();
    engine.load_names(&loaded.names, &loaded.profiles).map_err(damaged)?;
    let dropped = loaded.value(META_DROPPED).map(String::from_utf8_lossy);
    if !dropped.is_none_or(|days| engine.load_dropped_days(&days)) {
        return Err("the days that were dropped".to_owned());
    }
    for cell in loaded.cells.iter().filter(|cell| is_wanted(cell.tier)) {
        engine.load_cells(cell.tier, cell.time, &cell.bytes).map_err(damaged)?;
    }
    for (id, bytes) in &loaded.sessions {
        engine.load_session(*id, bytes).map_err(damaged)?;
    }
    engine.finish_cells(loaded.value(META_INTAKE)).map_err(damaged)
}

/// The ledger's rows, blob by blob as `stream` gives them out; `each` is told the day of each and how many bytes it has. What is wrong
/// with them leaves.
///
/// # Errors
/// What streaming them failed of.
pub(in crate::run) fn rows(
    engine: &mut Engine,
    stream: impl FnOnce(&mut dyn FnMut(i32, u32, &[u8])) -> Result<(), StoreError>,
    mut each: impl FnMut(i32, usize),
) -> Result<Option<String>, StoreError> {
    let mut failed = None;
    stream(&mut |day, _, bytes| {
        if failed.is_none() {
            each(day, bytes.len());
            failed = engine.load_rows(day, bytes).err();
        }
    })?;
    let failed = failed.or_else(|| engine.finish_rows().err());
    Ok(failed.map(|error| error.to_string()))
}
