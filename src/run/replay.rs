//! What would have fired: the ledger's charges and the corrections of budgets enter in the order of their times, transitions leave. Its clock
//! is the time of each.

use std::io;

use super::fold::Fold;
use crate::alarm::{Adjustment, Alarms, Anomalies, Budgets, ScopeError, Transition};
use crate::config::Config;
use crate::engine::counters::Counters;
use crate::engine::names::Names;
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
    adjustments: &[Adjustment],
    mut tell: impl FnMut(&Transition) -> io::Result<()>,
) -> Result<u64, ReplayError> {
    let mut fold = Fold::new(engine, (Timestamp::MIN, Timestamp::MAX), false, |_| {})?;
    let mut alarms = Alarms::default();
    let mut anomalies = Anomalies::new(config.alarm.detectors, config.zone);
    let mut adjustments: Vec<&Adjustment> = adjustments.iter().collect();
    adjustments.sort_by(|one, other| (one.time, &one.id).cmp(&(other.time, &other.id)));
    let mut adjustments = adjustments.into_iter().peekable();
    let mut budgets: Option<Budgets> = None;
    let mut last = Timestamp::MIN;
    let mut count = 0;
    loop {
        let charges = fold.next(engine, AT_ONCE)?;
        if charges.is_empty() {
            for adjustment in adjustments {
                correct(adjustment, &mut budgets, config, engine.ledger().1, &mut alarms)?;
                tell_all(&mut alarms, &mut tell)?;
            }
            let names = engine.names();
            anomalies.finish(names, last, &mut alarms);
            tell_all(&mut alarms, &mut tell)?;
            return Ok(count);
        }
        for charge in charges {
            last = charge.time;
            count += 1;
            while let Some(adjustment) = adjustments.next_if(|adjustment| adjustment.time <= last) {
                correct(adjustment, &mut budgets, config, engine.ledger().1, &mut alarms)?;
                tell_all(&mut alarms, &mut tell)?;
            }
            let names = engine.names();
            anomalies.fold(charge, names, last, &mut alarms);
            let budgets = begun(&mut budgets, config, last)?;
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

/// The budgets, which begin with what comes first.
fn begun<'b>(budgets: &'b mut Option<Budgets>, config: &Config, at: Timestamp) -> Result<&'b mut Budgets, ScopeError> {
    Ok(match budgets {
        Some(budgets) => budgets,
        none => none.insert(Budgets::new(config.zone, &config.budgets, at)?),
    })
}

/// Corrects budgets at an adjustment's time.
fn correct(
    adjustment: &Adjustment,
    budgets: &mut Option<Budgets>,
    config: &Config,
    names: &mut Names,
    alarms: &mut Alarms,
) -> Result<(), ScopeError> {
    let budgets = begun(budgets, config, adjustment.time)?;
    budgets.tick(names, adjustment.time, alarms);
    budgets.correct(adjustment, false, names, alarms);
    Ok(())
}

/// What one charge did, in order of time: it may have ended a minute, a period and a recovery.
fn tell_all(alarms: &mut Alarms, tell: &mut impl FnMut(&Transition) -> io::Result<()>) -> io::Result<()> {
    let mut transitions = alarms.take_transitions();
    transitions.sort_by_key(|transition| transition.time);
    transitions.iter().filter(|transition| transition.is_news()).try_for_each(tell)
}
