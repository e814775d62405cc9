//! One person's look at the engine: what a screen asks stays here, snapshots leave. The screen may be here or elsewhere.

use std::collections::HashMap;
use std::io;

use super::core::Core;
use super::open::open;
use super::publish::{numbers, progress};
use crate::config::Each;
use crate::engine::Post;
use crate::engine::view::{By, ChargeId, Split, ViewQuery};
use crate::label::{Label, clean};
use crate::output::rates;
use crate::price::names::Wanted;
use crate::price::rules::Unpriced;
use crate::time::Timestamp;
use crate::ui::snapshot::{BellStatus, OpenCharge, Snapshot};

/// Keys shown of a budget that is kept for each user, model or session.
const KEYS_OF_A_BUDGET: usize = 3;
/// Open charges that are watched for corrections at once; beyond, those watched first are read again.
const MOST_WATCHED: usize = 64;

/// What one screen asks.
#[derive(Default)]
pub(super) struct Viewpoint {
    pub query: ViewQuery,
    open: Option<Opened>,
    /// A model's prices as sentences, and the minute in which they were made.
    prices: Option<(Label, i64, Vec<String>)>,
}

/// The charge that is open, under the number by which it was opened.
struct Opened {
    id: ChargeId,
    /// What was found, and how often it had been corrected by then; `None`: not looked for yet.
    found: Option<(Option<OpenCharge>, u64)>,
}

/// Charges that are open somewhere, and how often each has been corrected since.
#[derive(Default)]
pub(super) struct Watched(HashMap<ChargeId, u64>);

impl Watched {
    /// A batch changed these charges.
    pub fn apply(&mut self, posts: &[Post]) {
        if self.0.is_empty() {
            return;
        }
        for post in posts {
            if let Some(corrections) = self.0.get_mut(&post.number) {
                *corrections += 1;
            }
        }
    }

    /// Watches a charge under each of its numbers.
    fn watch(&mut self, ids: [Option<ChargeId>; 2]) {
        if self.0.len() >= MOST_WATCHED {
            self.0.clear();
        }
        for id in ids.into_iter().flatten() {
            self.0.entry(id).or_default();
        }
    }

    /// Corrections of a charge; `None`: it is not watched any more.
    fn corrections(&self, ids: [Option<ChargeId>; 2]) -> Option<u64> {
        ids.into_iter().flatten().map(|id| self.0.get(&id)).sum()
    }
}

impl Opened {
    /// The number it was opened by, and the one it has now.
    fn ids(&self) -> [Option<ChargeId>; 2] {
        let known = self.found.as_ref().and_then(|(found, _)| found.as_ref()).map(|open| open.charge.row.id);
        [Some(self.id), known.filter(|known| *known != self.id)]
    }

    fn look(&mut self, core: &mut Core) -> io::Result<()> {
        let corrections = core.watched.corrections(self.ids());
        if let (Some((_, then)), Some(now)) = (&self.found, corrections)
            && *then == now
        {
            return Ok(());
        }
        let found = open(&mut core.engine, self.id, &core.places, &core.shared, core.mode)?;
        self.found = Some((found, 0));
        core.watched.watch(self.ids());
        let corrections = core.watched.corrections(self.ids()).unwrap_or(0);
        if let Some((_, then)) = &mut self.found {
            *then = corrections;
        }
        Ok(())
    }
}

impl Viewpoint {
    /// Opens a charge, or closes it.
    pub fn open(&mut self, id: Option<ChargeId>) {
        if self.open.as_ref().map(|open| open.id) != id {
            self.open = id.map(|id| Opened { id, found: None });
        }
    }

    /// Everything a frame is drawn from.
    ///
    /// # Errors
    /// The ledger's rows cannot be read.
    pub fn snapshot(&mut self, core: &mut Core, now: Timestamp) -> io::Result<Snapshot> {
        if let Some(open) = &mut self.open {
            open.look(core)?;
        }
        let mut view = core.engine.view(&self.query);
        if view.split.is_some() {
            let prices = self.prices(core, now);
            view.split = view.split.map(|split| Split { prices, ..split });
        }
        core.log.unpriced(now, &view);
        let parts = self.query.scope.parts().iter();
        let parts: Vec<_> = parts.map(|(by, id)| (each(*by), *id)).collect();
        let budgets = core.budgets.statuses(core.engine.names(), KEYS_OF_A_BUDGET);
        let scope_budgets = core.budgets.statuses_of(&parts, core.engine.names());
        let alarms = core.alarms.statuses();
        let numbers = numbers(core.engine.names(), &alarms, &[&budgets, &scope_budgets]);
        let found = self.open.as_ref().and_then(|open| open.found.as_ref());
        Ok(Snapshot {
            now,
            zone: core.config.zone,
            view,
            budgets,
            scope_budgets,
            open: found.and_then(|(open, _)| open.clone()),
            alarms,
            numbers,
            events: core.log.lines(),
            sources: core.sources.clone(),
            lag_ms: core.lag_ms,
            progress: (!core.caught_up).then(|| progress(&core.sources)),
            bell: BellStatus { enabled: core.config.alarm.bell, muted: core.bell.is_muted(now) },
            cut_off: None,
            state_note: core.persistence.note(core.config.zone, now).map(|text| clean(&text).into_owned()),
        })
    }

    /// What a model costs here, as `costtop prices` tells it; where the scope is one model.
    fn prices(&mut self, core: &Core, now: Timestamp) -> Vec<String> {
        let parts = self.query.scope.parts().iter();
        let model = parts.filter(|(by, _)| *by == By::MODEL).find_map(|(_, id)| core.engine.names().named(*id));
        let Some(model) = model.cloned() else { return Vec::new() };
        if let Some((known, minute, prices)) = &self.prices
            && (known, *minute) == (&model, now.minute())
        {
            return prices.clone();
        }
        let book = &core.shared.book;
        let wanted = Wanted { model: model.as_str(), ..Wanted::default() };
        let rows = book.lookup(&wanted, Some(now)).map(|found| {
            let heading = rates::heading(&found);
            heading.into_iter().chain(rates::of(book, &wanted, &found, now))
        });
        let sentence = |(word, text): (&str, String)| format!("{word:8} {text}").trim_end().to_owned();
        let prices = match rows {
            Some(rows) => rows.map(sentence).collect(),
            None => vec![format!("unpriced {}", Unpriced::Unknown)],
        };
        self.prices = Some((model, now.minute(), prices.clone()));
        prices
    }
}

/// For what a budget is kept, if it is kept for each of these.
const fn each(by: By) -> Each {
    match by {
        By::Dimension(dimension) => Each::Dimension(dimension),
        By::Session => Each::Session,
    }
}
