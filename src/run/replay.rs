//! What would have fired: the ledger's charges enter in the order of their times, transitions leave. Its clock is the time of each charge.

use std::io;

use super::fold::Fold;
use crate::alarm::{Alarms, Anomalies, Budgets, ScopeError, Transition};
use crate::config::Config;
use crate::engine::counters::Counters;
use crate::engine::{Engine, Post};
use crate::money::Money;
use crate::time::Timestamp;

/// Charges folded between two looks at the ledger's parts.
const AT_ONCE: usize = 1 << 14;

/// The replay cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A glob of the configuration.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The temporary file, or what is told cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Folds all charges through budgets and detectors; `tell` gets every transition that is news, in order of time. Returns how many charges
/// there were.
///
/// # Errors
/// See [`ReplayError`].
pub fn replay(
    engine: &mut Engine,
    config: &Config,
    mut tell: impl FnMut(&Transition) -> io::Result<()>,
) -> Result<u64, ReplayError> {
    let mut fold = Fold::new(engine, (Timestamp::MIN, Timestamp::MAX), false, |_| {})?;
    let mut alarms = Alarms::default();
    let mut anomalies = Anomalies::new(config.alarm.detectors, config.zone);
    let mut budgets: Option<Budgets> = None;
    let mut last = Timestamp::MIN;
    let mut count = 0;
    loop {
        let charges = fold.next(engine, AT_ONCE)?;
        let names = engine.names();
        if charges.is_empty() {
            anomalies.finish(names, last, &mut alarms);
            tell_all(&mut alarms, &mut tell)?;
            return Ok(count);
        }
        for charge in charges {
            last = charge.time;
            count += 1;
            anomalies.fold(charge, names, last, &mut alarms);
            let budgets = match &mut budgets {
                Some(budgets) => budgets,
                none => none.insert(Budgets::new(config.zone, &config.budgets, last)?),
            };
            let spent = Counters { requests: 1, computed: Money::from_pico(charge.cost.into()), ..Counters::default() };
            let post = Post {
                number: 0, // budgets do not ask which row it is
                time: last,
                profile: charge.profile,
                session: charge.session,
                sign: 1,
                sums: spent,
                history: false,
            };
            budgets.apply(&[post], names, last, &mut alarms);
            tell_all(&mut alarms, &mut tell)?;
        }
    }
}

/// What one charge did, in order of time: it may have ended a minute, a period and a recovery.
fn tell_all(alarms: &mut Alarms, tell: &mut impl FnMut(&Transition) -> io::Result<()>) -> io::Result<()> {
    let mut transitions = alarms.take_transitions();
    transitions.sort_by_key(|transition| transition.time);
    transitions.iter().filter(|transition| transition.is_news()).try_for_each(tell)
}
