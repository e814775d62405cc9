//! Corrections of budgets: what logs say and what persons ask for enters, sums move, and the commit that keeps the cause keeps them.

use tokio::sync::oneshot;

use super::Core;
use crate::alarm::{AdjustError, Adjustment, Found};
use crate::run::beside::said;
use crate::run::persist::{Applied, META_ADJUSTMENTS};
use crate::source::{Receipt, Receiving};
use crate::time::Timestamp;
use crate::ui::snapshot::Mark;

impl Core {
    /// Takes the adjustments that a batch brought. They are kept in the commit that keeps its position, so each moves budgets once.
    pub(super) fn correct(&mut self, found: Vec<Adjustment>, history: bool, now: Timestamp) {
        if found.is_empty() {
            return;
        }
        for adjustment in found {
            match self.adjustments.find(adjustment.clone(), now) {
                Ok(Found::Counts) => self.count(&adjustment, history, now),
                Ok(Found::Waits) => {
                    let time = self.config.zone.format(adjustment.time, "%Y-%m-%d %H:%M:%S");
                    self.tell(now, Mark::Note, "budget", &format!("{}: waits for {time}", said(&adjustment)));
                }
                Ok(Found::Known) => {}
                Err(error) => self.tell(now, Mark::Warn, "budget", &format!("not {}: {error}", said(&adjustment))),
            }
        }
        self.keep_adjustments();
    }

    /// Moves budgets by what a log says; tells what came of it, but of history only what is wrong.
    fn count(&mut self, adjustment: &Adjustment, history: bool, now: Timestamp) {
        let names = self.engine.ledger().1;
        let moved = self.budgets.correct(adjustment, history, names, &mut self.alarms);
        let known = self.budgets.knows(adjustment);
        let heard = if moved == 0 && !history { known.and(Err(AdjustError::Nowhere)) } else { known };
        if let Err(error) = heard {
            self.tell(now, Mark::Warn, "budget", &format!("{}: {error}", said(adjustment)));
        } else if !history {
            self.tell(now, Mark::Note, "budget", &said(adjustment));
        }
    }

    /// Adjustments of logs whose time has come.
    pub(super) fn ripen(&mut self, now: Timestamp) {
        let ripe = self.adjustments.ripe(now).to_vec();
        if ripe.is_empty() {
            return;
        }
        for adjustment in &ripe {
            self.count(adjustment, false, now);
        }
        self.keep_adjustments();
        self.persistence.touch();
    }

    /// A person corrects budgets; returns how many sums moved.
    /// What is to be answered waits for the commit that keeps it.
    ///
    /// # Errors
    /// [`AdjustError`]: nothing moved.
    pub fn adjust(
        &mut self,
        adjustment: Adjustment,
        now: Timestamp,
    ) -> Result<(usize, oneshot::Receiver<Receiving>), AdjustError> {
        let said = said(&adjustment);
        let names = self.engine.ledger().1;
        let moved = self.adjustments.take(adjustment, (&mut self.budgets, names), now, &mut self.alarms)?;
        if moved > 0 {
            self.tell(now, Mark::Note, "budget", &said);
            self.keep_adjustments();
            self.transitions(now);
        }
        let (receipt, safe) = Receipt::new();
        let receipt = Some((receipt, Receiving::default()));
        self.persistence.applied(Applied { generation: 0, position: None, bytes: 0, receipt, reserved: None });
        Ok((moved, safe))
    }

    fn keep_adjustments(&mut self) {
        self.persistence.beside(META_ADJUSTMENTS, self.adjustments.save().into_bytes());
    }
}
