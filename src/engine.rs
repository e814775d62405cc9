//! The engine: a plain value without I/O, clock, thread or colour. Batches of records enter, answers to queries leave.
//!
//! Its only file is the one it is lent for cold ledger rows (`rows::Spill`); time is always an argument.

mod answer;
pub mod bill;
pub mod cells;
mod changed;
mod charge;
mod chart;
pub mod claimed;
pub mod counters;
pub mod days;
mod detail;
pub mod drift;
mod dropped;
mod groups;
pub mod identity;
pub mod index;
mod kept;
pub mod ledger;
mod list;
pub mod names;
pub mod recent;
pub mod record;
pub mod report;
pub mod reprice;
pub mod rows;
pub mod saved;
mod scope;
pub mod sessions;
pub mod spread;
mod standing;
pub mod tier;
mod top;
pub mod varint;
pub mod view;
pub mod whole;

use std::io;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use bill::{Bill, CostMode};
use cells::Cells;
use counters::Counters;
use dropped::Dropped;
use ledger::{Entry, Fate, Ledger, Storage};
use list::ListPrices;
use names::{Caps, NameId, Names, ProfileId};
use recent::Recent;
use record::{Batch, Intake};
use sessions::Sessions;
use standing::{Known, Standing};

use crate::label::Label;
use crate::price::PriceBook;
use crate::time::{MINUTE_MS, Period, Timestamp, Zone};
use crate::usage::{Dimension, OwnLabels};

/// A record this far ahead of the clock is counted `clock_skew` and waits for its time.
pub const SKEW_MS: i64 = 2 * MINUTE_MS;
/// Records whose ids are looked for ahead of their turn, at once.
const WARMED_TOGETHER: usize = 16;
/// While batches come in, cells are folded each time the newest event has moved this far.
const FOLD_APART_MS: i64 = 6 * 60 * MINUTE_MS;

/// A difference: what one record changed, for one (time, profile, session). Everything downstream of the ledger lives on these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    /// The charge's number: the row whose tokens won.
    pub number: u32,
    /// Event time of the charge.
    pub time: Timestamp,
    /// All its dimensions but the session.
    pub profile: ProfileId,
    /// Its session.
    pub session: NameId,
    /// 1 adds, −1 takes back.
    pub sign: i64,
    /// The charge's sums, unsigned by `sign`.
    pub sums: Counters,
    /// Read as history: rings no bell.
    pub history: bool,
}

impl Post {
    /// The difference that a bill makes.
    #[must_use]
    pub fn of(bill: &Bill, sign: i64, history: bool) -> Post {
        let &Bill { number, time, profile, session, .. } = bill;
        Post { number, time, profile, session, sign, sums: bill.sums(), history }
    }
}

/// How an engine counts.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where days begin.
    pub zone: Zone,
    /// Which cost counts.
    pub mode: CostMode,
    /// Bounds on names.
    pub caps: Caps,
    /// The operator's own labels, for those who ask what is known of a charge or a session.
    pub own: OwnLabels,
    /// Remember what changed, for a state.
    pub collect_changes: bool,
    /// Keep sums, cells, sessions and windows, which live on differences. A report is made of the ledger's charges and needs none of
    /// them: without, no difference is worked out.
    pub windows: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            zone: Zone::UTC,
            mode: CostMode::Auto,
            caps: Caps::default(),
            own: OwnLabels::default(),
            collect_changes: false,
            windows: true,
        }
    }
}

/// Everything costtop knows about what was spent.
pub struct Engine {
    options: Options,
    names: Names,
    ledger: Ledger,
    cells: Cells,
    sessions: Sessions,
    recent: Recent,
    /// The questions asked last, with their sums.
    kept: Vec<Standing>,
    /// Questions asked so far.
    asked: u64,
    lists: ListPrices,
    /// Reported against computed costs, while a screen looks at it.
    drift: Option<drift::Scan>,
    /// The rows of a state are still to come: nothing can be told from charges.
    rows_missing: bool,
    /// Charges of dropped days, summed.
    dropped: Dropped,
    /// What went wrong where nobody could be told.
    trouble: Option<io::Error>,
    /// Start and end of the local day, and its sums.
    today: (Timestamp, Timestamp, Counters),
    /// Sums by profile, once somebody asked for them.
    whole: Option<whole::Whole>,
    total: Counters,
    unpriced: FxHashMap<NameId, (i64, i64)>,
    intake: Intake,
    newest: Option<Timestamp>,
    now: Timestamp,
    /// Cells were folded last when this was the newest event.
    folded: Option<Timestamp>,
    /// Moves whenever an answer may have changed.
    version: u64,
    /// Labels and profiles that the state has.
    saved_names: usize,
    saved_profiles: usize,
}

impl Engine {
    /// An empty engine over `storage` (rows alone, where all ids are to stay in memory), at `now`.
    #[must_use]
    pub fn new(options: Options, storage: impl Into<Storage>, now: Timestamp) -> Engine {
        let ledger = Ledger::new(storage.into(), options.mode, options.collect_changes);
        let mut engine = Engine {
            options,
            names: Names::new(options.caps),
            ledger: if options.windows { ledger } else { ledger.quiet() },
            cells: Cells::new(options.zone, options.collect_changes),
            sessions: Sessions::new(options.collect_changes),
            recent: Recent::default(),
            kept: Vec::new(),
            asked: 0,
            lists: ListPrices::default(),
            drift: None,
            rows_missing: false,
            dropped: Dropped::new(options.collect_changes),
            trouble: None,
            today: (Timestamp::MIN, Timestamp::MIN, Counters::default()),
            whole: None,
            total: Counters::default(),
            unpriced: FxHashMap::default(),
            intake: Intake::default(),
            newest: None,
            now,
            folded: None,
            version: 0,
            saved_names: 0,
            saved_profiles: 0,
        };
        engine.tick(now);
        engine
    }

    /// Why cold rows or ids stay in memory although there are files for them.
    #[must_use]
    pub fn trouble_with_files(&self) -> Option<&str> {
        self.ledger.trouble()
    }

    /// Applies a batch that arrived at `now`; the differences it makes are appended to `posts`, unless the options do without.
    ///
    /// # Errors
    /// The rows' file is in trouble. The ledger may hold a part of one record: nothing of this engine may be saved any more.
    pub fn apply(&mut self, batch: &Batch, now: Timestamp, posts: &mut Vec<Post>) -> io::Result<()> {
        let first_post = posts.len();
        let result = self.enter(batch, now, posts);
        // Also after an error, so that the sums are those of the ledger.
        for post in &posts[first_post..] {
            self.post(post);
        }
        // History may pass by without a tick.
        if self.newest.is_some_and(|newest| self.folded.is_none_or(|folded| newest > folded.plus_ms(FOLD_APART_MS))) {
            self.fold(now);
        }
        result
    }

    fn enter(&mut self, batch: &Batch, now: Timestamp, posts: &mut Vec<Post>) -> io::Result<()> {
        self.version += 1;
        self.advance_recent(now);
        self.intake.add(&batch.intake);
        let ids: Vec<NameId> = batch.labels.iter().map(|label| self.names.intern(label)).collect();
        let id = |index: u32| ids.get(index as usize).copied().unwrap_or(names::NONE);
        let profiles: Vec<ProfileId> =
            batch.profiles.iter().map(|profile| self.names.profile(profile.map(id))).collect();
        for (number, record) in batch.records.iter().enumerate() {
            if number % WARMED_TOGETHER == 0 {
                let next = &batch.records[number..batch.records.len().min(number + WARMED_TOGETHER)];
                record::warm(next);
                self.ledger.warm(next.iter().map(|record| &record.ids));
            }
            let profile = match profiles.get(record.profile as usize) {
                Some(profile) => *profile,
                None => self.names.profile([names::NONE; Dimension::COUNT]),
            };
            let entry = Entry {
                record,
                profile,
                session: id(record.session),
                stop_reason: id(record.stop_reason),
                arrival: now,
                history: batch.history,
            };
            let applied = self.ledger.apply(&entry, &mut self.names, posts)?;
            self.intake.records += 1;
            let charges = applied.charges;
            match applied.fate {
                Fate::Charge => {}
                Fate::Update => self.intake.updates += 1,
                Fate::Duplicate => self.intake.duplicates += 1,
                Fate::Merged => self.intake.merged += 1,
                Fate::Late(cost) => {
                    self.intake.late += 1;
                    self.intake.late_cost += cost.into();
                }
            }
            // Charges that proved to be one: all but one of their records were merged after all.
            self.intake.charges = self.intake.charges.saturating_add_signed(charges);
            if charges < 0 {
                self.intake.merged += charges.unsigned_abs();
            }
            self.intake.id_reused += u64::from(applied.id_reused);
            self.intake.undated += u64::from(record.time.is_none() && applied.fate == Fate::Charge);
            self.intake.no_id += u64::from(record.ids.links == identity::link::PLACE && applied.fate == Fate::Charge);
            // What has no time is of the moment at which it came.
            if let Some(time) = record.time.or((applied.fate == Fate::Charge).then_some(now)) {
                if time > now.plus_ms(SKEW_MS) {
                    self.intake.clock_skew += u64::from(applied.fate == Fate::Charge);
                } else if self.newest.is_none_or(|newest| time > newest) {
                    self.newest = Some(time);
                }
            }
        }
        for spoken in &batch.spoken {
            let arrival = (now, batch.history);
            let void = self.ledger.speak(spoken, arrival, &mut self.names, posts)?;
            // What counted as charges proved to be parts of others.
            self.intake.charges = self.intake.charges.saturating_sub(void);
            self.intake.merged += void;
        }
        Ok(())
    }

    fn post(&mut self, post: &Post) {
        self.total.add(&post.sums, post.sign);
        if let Some(whole) = &mut self.whole {
            whole.post(post.profile, &post.sums, post.sign);
        }
        let cell = self.cells.post(post, &self.names);
        self.sessions.post(post);
        let burning = self.recent.post(post);
        let Engine { kept, names, lists, .. } = self;
        for standing in kept {
            standing.post(post, cell, &mut Known { names, lists });
            if let Some(money) = burning {
                standing.burn(post.profile, money, names);
            }
        }
        if post.time >= self.today.0 && post.time < self.today.1 {
            self.today.2.add(&post.sums, post.sign);
        }
        if post.sums.unpriced_requests != 0 {
            let model = self.names.of(post.profile, Dimension::Model);
            let sums = self.unpriced.entry(model).or_default();
            sums.0 += post.sign * post.sums.unpriced_requests;
            sums.1 += post.sign * post.sums.unpriced_tokens;
        }
    }

    /// The prices at which tokens are listed where a question asks what money was spent on.
    pub fn use_prices(&mut self, book: Arc<PriceBook>) {
        self.lists = ListPrices::new(book);
        self.kept.clear();
    }

    /// Moves the clock: windows advance, old cells fold.
    pub fn tick(&mut self, now: Timestamp) {
        let before = std::mem::replace(&mut self.now, now);
        if self.recent.is_ahead_of(now) {
            self.kept.clear();
            // A file that cannot be read is told by the next record that needs it; until then the burn rate is too low.
            let _ = self.fill_recent();
        }
        self.advance_recent(now);
        self.fold(now);
        if now < self.today.0 || now >= self.today.1 {
            let (start, end) = self.options.zone.period(Period::Day, now);
            let mut sums = Counters::default();
            self.cells.for_each(start.minute(), end.minute(), |_, _, cell| sums.add(cell, 1));
            self.today = (start, end, sums);
            self.version += 1;
        }
        if now.minute() != before.minute() {
            self.advance_kept();
        }
    }

    fn advance_recent(&mut self, now: Timestamp) {
        let Engine { recent, kept, names, .. } = self;
        recent.advance(now, |profile, money| {
            for standing in kept.iter_mut() {
                standing.burn(profile, money, names);
            }
        });
        for detail in kept.iter_mut().filter_map(|standing| standing.detail.as_mut()) {
            detail.advance(now);
        }
    }

    /// Folds old cells. Ages count from the newest event: where a window ends there, because nothing came since, it has its minutes.
    fn fold(&mut self, now: Timestamp) {
        let Some(newest) = self.newest else { return };
        let reference = newest.min(now);
        self.folded = Some(reference);
        if let Some(before) = self.cells.fold(reference) {
            self.kept.retain(|standing| standing.first_minute() >= before);
        }
    }

    /// Moves whenever an answer may have changed by what came in.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Answers change by themselves while something recent grows old.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.recent.is_moving()
    }

    /// Names and profiles.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The ledger.
    pub fn ledger(&mut self) -> (&mut Ledger, &mut Names) {
        (&mut self.ledger, &mut self.names)
    }

    /// The cells.
    #[must_use]
    pub fn cells(&self) -> &Cells {
        &self.cells
    }

    /// The sessions.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Sums of everything.
    #[must_use]
    pub fn total(&self) -> &Counters {
        &self.total
    }

    /// What came in.
    #[must_use]
    pub fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Counts beside records: files opened, torn ends.
    pub fn intake_mut(&mut self) -> &mut Intake {
        &mut self.intake
    }

    /// The newest event that is not ahead of the clock.
    #[must_use]
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// The `most` models without a price that used most tokens, with these, most first. A log can name millions.
    #[must_use]
    pub fn unpriced_models(&self, most: usize) -> Vec<(Label, u64)> {
        let standing = self.unpriced.iter().filter(|(_, (requests, _))| *requests > 0);
        let mut models: Vec<(&Label, u64)> = standing
            .map(|(model, (_, tokens))| (self.names.label(*model), u64::try_from(*tokens).unwrap_or(0)))
            .collect();
        let order = |a: &(&Label, u64), b: &(&Label, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0));
        if models.len() > most {
            models.select_nth_unstable_by(most, order);
            models.truncate(most);
        }
        models.sort_unstable_by(order);
        models.into_iter().map(|(model, tokens)| (model.clone(), tokens)).collect()
    }
}
