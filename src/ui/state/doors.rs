//! What the selected row leads to, and the rows beside it; the lists of alarms and budgets in the order in which they are shown.

use super::lists::named;
use super::visit::{Door, Siblings};
use super::{AtHand, ChargesVisit, Layout, Page, Panel, Snapshot, State, TableVisit};
use crate::alarm::{AlarmStatus, BudgetStatus};
use crate::engine::drift::DriftRow;
use crate::engine::view::By;
use crate::label::Label;

/// Alarms in the order in which they are shown: firing ones first, those that are over last.
#[must_use]
pub fn alarms(snapshot: &Snapshot) -> Vec<&AlarmStatus> {
    snapshot.alarms.iter().collect()
}

/// Budgets in the order in which they are shown: as configured where all fit, else the worst first. Where something is open, its own.
#[must_use]
pub fn budgets<'a>(state: &State, snapshot: &'a Snapshot, layout: &Layout) -> Vec<&'a BudgetStatus> {
    let mut budgets: Vec<&BudgetStatus> = match state.visit.page {
        Page::Overview => snapshot.budgets.iter().collect(),
        _ if state.visit.is_answered(&snapshot.view) => snapshot.scope_budgets.iter().collect(),
        _ => Vec::new(),
    };
    if budgets.len() > layout.rows(Panel::Budgets) {
        budgets.sort_by(|a, b| b.state.cmp(&a.state).then_with(|| b.share().total_cmp(&a.share())));
    }
    budgets
}

/// Models whose reported and computed costs are compared, in the order in which they are shown; none before they are known.
#[must_use]
pub fn drifting(snapshot: &Snapshot) -> &[DriftRow] {
    snapshot.view.drift.as_ref().map_or(&[], |drift| &drift.rows)
}

/// What tells one of them from another.
#[must_use]
pub fn drift_id(row: &DriftRow) -> String {
    let text = |label: &Option<Label>| label.as_ref().map_or_else(String::new, ToString::to_string);
    format!("{}|{}", text(&row.model), text(&row.provider))
}

/// What tells one budget from another.
#[must_use]
pub fn budget_id(budget: &BudgetStatus) -> String {
    let key = budget.key.as_ref().map_or("", Label::as_str);
    format!("{}|{key}|{}", budget.name, budget.period_start)
}

impl State {
    /// What the selected row of the focused panel leads to.
    #[must_use]
    pub fn door(&self, snapshot: &Snapshot) -> Option<Door> {
        let siblings = self.siblings(snapshot)?;
        Some(siblings.door().clone())
    }

    /// The same, among the rows that are at hand.
    pub(super) fn siblings(&self, snapshot: &Snapshot) -> Option<Siblings> {
        let view = &snapshot.view;
        let visit = &self.visit;
        let answered = visit.is_answered(view);
        let (doors, at) = match visit.focus {
            Panel::Left | Panel::Right => {
                let at = self.table(visit.focus)?;
                let (table, visit) = (&view.tables[at], &visit.tables[at]);
                if !answered || table.by != visit.by {
                    return None;
                }
                let row = visit.cursor.row(&TableVisit::at_hand(table))?;
                let door = |row: &crate::engine::view::GroupRow| Door::Entity {
                    by: table.by,
                    id: row.id,
                    name: row.name.clone(),
                    everywhere: false,
                };
                (table.rows.iter().map(door).collect(), row)
            }
            Panel::Charges => {
                if !answered || view.query.charges.order != visit.charges.order {
                    return None;
                }
                let row = visit.charges.cursor.row(&ChargesVisit::at_hand(&view.charges))?;
                let doors = view.charges.rows.iter().map(|row| Door::Charge { id: row.id, time: row.time });
                (doors.collect(), row)
            }
            Panel::Alarms => {
                let alarms = alarms(snapshot);
                let ids = alarms.iter().map(|alarm| alarm.incident.clone()).collect();
                let row = visit.alarms.row(&AtHand::whole(ids))?;
                let door = |alarm: &&AlarmStatus| spoken_of(self, snapshot, alarm.scope, alarm.key.as_ref());
                some_of(alarms.iter().map(door), row)?
            }
            Panel::Budgets => {
                let budgets = budgets(self, snapshot, &self.layout(snapshot));
                let ids = budgets.iter().map(|budget| budget_id(budget)).collect();
                let row = visit.budgets.row(&AtHand::whole(ids))?;
                let door = |budget: &&BudgetStatus| spoken_of(self, snapshot, budget.scope, budget.key.as_ref());
                some_of(budgets.iter().map(door), row)?
            }
            Panel::Drift => {
                let rows = drifting(snapshot);
                let row = visit.drift.row(&AtHand::whole(rows.iter().map(drift_id).collect()))?;
                let door = |row: &DriftRow| Door::Entity {
                    by: By::MODEL,
                    id: row.id,
                    name: row.model.clone(),
                    everywhere: true,
                };
                some_of(rows.iter().map(|row| Some(door(row))), row)?
            }
            Panel::Request => {
                let open = snapshot.open.as_ref().filter(|open| Some(open.charge.row.id) == self.opened)?;
                let (id, name) = open.charge.row.session.clone()?;
                (vec![Door::Entity { by: By::Session, id, name: Some(name), everywhere: true }], 0)
            }
            _ => return None,
        };
        let here = matches!(&doors[at], Door::Entity { by, id, .. } if visit.scope.parts().contains(&(*by, *id)));
        (!here).then(|| Siblings { doors: doors.into(), at })
    }
}

/// The entity that an alarm or a budget is about.
fn spoken_of(state: &State, snapshot: &Snapshot, scope: &str, key: Option<&Label>) -> Option<Door> {
    let (by, name) = (named(scope, &state.own)?, key?);
    let id = *snapshot.numbers.get(name)?;
    Some(Door::Entity { by, id, name: Some(name.clone()), everywhere: true })
}

/// Those that lead somewhere, each once, and which of them stands at `row`.
fn some_of(doors: impl Iterator<Item = Option<Door>>, row: usize) -> Option<(Vec<Door>, usize)> {
    let mut found: Vec<Door> = Vec::new();
    let mut wanted = None;
    for (place, door) in doors.enumerate() {
        let Some(door) = door else { continue };
        let at = found.iter().position(|other| *other == door).unwrap_or(found.len());
        if at == found.len() {
            found.push(door);
        }
        if place == row {
            wanted = Some(at);
        }
    }
    Some((found, wanted?))
}
