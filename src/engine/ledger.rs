//! Every billed request counts exactly once, in any order (docs/ledger.md). Records enter, differences leave.
//!
//! Records of one class (same ids, same kind of source, side chain or not) share a row; rows that share an id form a ring,
//! the group. A group's bills are a pure function of its rows, and what goes downstream is new − old.

mod bills;
mod difference;
mod dropped;
mod entry;
mod load;
mod rings;
mod spans;
mod spoken;

use std::io;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Post;
use super::bill::{self, Class, CostMode};
use super::changed::Changed;
use super::days::{Days, day_of};
use super::identity::{RecordIds, link};
use super::index::Index;
use super::names::Names;
use super::rows::{FACETS, Row, Rows};
use crate::money::Cost;
use difference::{differs, said_nothing};
use rings::same_class;

pub use entry::Entry;

/// Requests with one response id before that id stops linking: more means that something reuses it.
const MOST_REQUESTS_OF_A_RESPONSE: usize = 8;
/// Rows of one group. Beyond it a record that would only lend a facet (a replay of a replay) is counted and not kept, and a pair
/// stands alone: an id that connects so much means nothing.
const MOST_ROWS_OF_A_GROUP: usize = 128;
/// The same for requests that are found by what they counted, of which one session may have many equal ones. Beyond it a request is
/// found by its name alone.
const MOST_TWINS_OF_A_GROUP: usize = 256;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is a charge of its own.
    Charge,
    /// It changed its charge.
    Update,
    /// It said nothing new.
    Duplicate,
    /// Of another kind than the records before, it joined their charge.
    Merged,
    /// Of a day that was dropped, and no charge is known that it belongs to: what it would cost is told, not added.
    Late(Cost),
}

/// What applying one record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What became of the record.
    pub fate: Fate,
    /// How the number of charges changed: records can also show that two charges were one.
    pub charges: i64,
    /// Its response id stopped linking.
    pub id_reused: bool,
}

/// Where a ledger keeps what it knows.
#[derive(Default)]
pub struct Storage {
    /// Its rows.
    pub rows: Rows,
    /// The ids by which they are found.
    pub index: Index,
}

impl From<Rows> for Storage {
    /// All ids stay in memory.
    fn from(rows: Rows) -> Storage {
        Storage { rows, index: Index::default() }
    }
}

/// The ledger.
#[derive(Default)]
pub struct Ledger {
    rows: Rows,
    index: Index,
    /// Facet times of the rows whose dimensions come from different records.
    ragged: FxHashMap<u32, [i64; FACETS]>,
    mode: CostMode,
    /// Nobody asks for differences: none are worked out.
    is_quiet: bool,
    /// Scopes that something speaks for: points of counters over them are void. Each has a row of its own, so that a state knows it.
    spoken: FxHashSet<u128>,
    /// Rows of points by what may void them.
    points: FxHashMap<u128, Vec<u32>>,
    /// Rows changed since they were last collected; `None` when nobody collects.
    changed: Option<Changed<u32>>,
    /// Event days whose rows were dropped.
    days: Days,
    /// Rows that a state holds in versions of several days, and the last of these.
    moved: FxHashMap<u32, i32>,
    /// Dropped rows of which a state still holds a version, and in which day.
    buried: Vec<(u32, Row, i32)>,
}

impl Ledger {
    /// An empty ledger over `storage`.
    #[must_use]
    pub fn new(storage: Storage, mode: CostMode, collect_changes: bool) -> Ledger {
        let Storage { rows, index } = storage;
        Ledger { rows, index, mode, changed: collect_changes.then(Changed::default), ..Ledger::default() }
    }

    /// Why what is cold stays in memory although there is a file for it.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.rows.trouble().or_else(|| self.index.trouble())
    }

    /// The same ledger, which appends no differences any more: they are not asked for.
    #[must_use]
    pub fn quiet(self) -> Ledger {
        Ledger { is_quiet: true, ..self }
    }

    /// Rows kept.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Whether there is a row of that number.
    ///
    /// # Errors
    /// The rows' file cannot be read.
    pub fn has(&mut self, number: u32) -> io::Result<bool> {
        self.rows.has(number)
    }

    /// Ids known.
    #[must_use]
    pub fn ids(&self) -> usize {
        self.index.len()
    }

    /// Prepares for records with these ids; changes nothing.
    pub fn warm<'a>(&self, ids: impl Iterator<Item = &'a RecordIds>) {
        for hash in ids.flat_map(RecordIds::linking) {
            self.index.warm(hash);
        }
    }

    /// Applies one record and appends the differences it makes to `posts`.
    ///
    /// # Errors
    /// The rows' file cannot be read or written; the record is then not applied.
    pub fn apply(&mut self, entry: &Entry<'_>, names: &mut Names, posts: &mut Vec<Post>) -> io::Result<Applied> {
        let mut row = entry.row();
        let mut found: [Option<u32>; 5] = [None; 5];
        for (slot, hash) in found.iter_mut().zip(row.ids.linking()) {
            *slot = self.find(hash)?;
        }
        let mut roots = found.iter().flatten().copied();
        let Some(first) = roots.next() else {
            if row.dated && !self.days.is_empty() && self.days.contains(day_of(row.time)) {
                let cost = bill::alone(0, &row, self.mode).cost;
                return Ok(Applied { fate: Fate::Late(cost), charges: 0, id_reused: false });
            }
            self.append_alone(row, posts, entry.history)?;
            let (fate, charges) = if self.is_void(&row) { (Fate::Merged, 0) } else { (Fate::Charge, 1) };
            return Ok(Applied { fate, charges, id_reused: false });
        };
        let lonely = self.rows.get(first)?;
        if lonely.next == first && same_class(&lonely, &row) && roots.clone().all(|other| other == first) {
            return self.update_alone(first, &lonely, &row, names, posts, entry.history);
        }
        let mut groups: Vec<Vec<Class>> = vec![self.group(first)?];
        for other in roots {
            if !groups.iter().flatten().any(|class| class.number == other) {
                groups.push(self.group(other)?);
            }
        }
        let mut id_reused = false;
        if row.ids.links & link::RESPONSE != 0 && exhausted(&row, &groups) {
            row.ids.links &= !link::RESPONSE;
            let response = row.ids.response;
            groups.retain(|group| {
                group.iter().any(|class| row.ids.linking().any(|hash| hash != response && class.row.ids.links_by(hash)))
            });
            if groups.is_empty() {
                if row.ids.links == 0 {
                    row.ids.links = link::PAIR;
                }
                return self.stand_apart(row, names, posts, entry.history);
            }
            id_reused = !groups.iter().flatten().any(|class| same_class(&class.row, &row));
        }
        let most = if row.ids.is_twin() { MOST_TWINS_OF_A_GROUP } else { MOST_ROWS_OF_A_GROUP };
        if groups.iter().map(Vec::len).sum::<usize>() >= most {
            let known = |group: &Vec<Class>| group.iter().find(|class| same_class(&class.row, &row)).copied();
            match groups.iter().enumerate().find_map(|(place, group)| Some((place, known(group)?))) {
                Some((place, own)) => {
                    // What else it could connect would be too much: its ids stay what they are.
                    groups = vec![groups.swap_remove(place)];
                    row.ids.links = own.row.ids.links;
                }
                None if row.ids.is_twin() && self.find(row.ids.response)?.is_none() => {
                    row.ids.links = link::RESPONSE | link::TWIN;
                    self.append_alone(row, posts, entry.history)?;
                    return Ok(Applied { fate: Fate::Charge, charges: 1, id_reused: false });
                }
                None if row.side_chain || !row.ids.is_pair() => {
                    return Ok(Applied { fate: Fate::Merged, charges: 0, id_reused: false });
                }
                None => {
                    row.ids.links = link::PAIR;
                    return self.stand_apart(row, names, posts, entry.history);
                }
            }
        }
        let applied = self.join_groups(&groups, row, names, posts, entry.history)?;
        Ok(Applied { id_reused, ..applied })
    }

    /// A pair whose other ids no longer link: it is found by itself, or begins a group.
    fn stand_apart(
        &mut self,
        row: Row,
        names: &mut Names,
        posts: &mut Vec<Post>,
        history: bool,
    ) -> io::Result<Applied> {
        if let Some(known) = self.find(row.ids.pair())? {
            let group = self.group(known)?;
            return self.join_groups(&[group], row, names, posts, history);
        }
        self.append_alone(row, posts, history)?;
        Ok(Applied { fate: Fate::Charge, charges: 1, id_reused: true })
    }

    fn append_alone(&mut self, mut row: Row, posts: &mut Vec<Post>, history: bool) -> io::Result<()> {
        row.next = self.rows.len() as u32;
        let number = self.rows.push(&row)?;
        self.enter(&row.ids, number);
        self.touch(number);
        self.note_points(number, &row);
        if !self.is_quiet && !self.is_void(&row) {
            posts.push(Post::of(&bill::alone(number, &row, self.mode), 1, history));
        }
        Ok(())
    }

    /// The common repeat: a record of the only class of its group.
    fn update_alone(
        &mut self,
        number: u32,
        old: &Row,
        new: &Row,
        names: &mut Names,
        posts: &mut Vec<Post>,
        history: bool,
    ) -> io::Result<Applied> {
        let before = self.class(number, *old);
        let mut after = bill::join(&before, new, names);
        after.row.ids.links |= new.ids.links;
        self.note_move(number, old.time, after.row.time);
        let fate = if said_nothing(&before, &after) {
            if after.row.place != old.place {
                self.store(&after)?;
            }
            Fate::Duplicate
        } else {
            self.store(&after)?;
            if after.row.ids.links != old.ids.links {
                self.index_new(after.row.ids.linking(), &[after])?;
            }
            let (old_bill, new_bill) =
                (bill::bill(&[&before], names, self.mode), bill::bill(&[&after], names, self.mode));
            if differs(&old_bill, &new_bill) && !self.is_void(old) {
                self.rows.cover(number, new_bill.time.ms());
                if !self.is_quiet {
                    posts.push(Post::of(&old_bill, -1, history));
                    posts.push(Post::of(&new_bill, 1, history));
                }
            }
            Fate::Update
        };
        Ok(Applied { fate, charges: 0, id_reused: false })
    }

    fn join_groups(
        &mut self,
        groups: &[Vec<Class>],
        row: Row,
        names: &mut Names,
        posts: &mut Vec<Post>,
        history: bool,
    ) -> io::Result<Applied> {
        let mut before = Vec::new();
        for group in groups {
            self.bills_of(group, names, &mut before);
        }
        let mut classes: Vec<Class> = groups.iter().flatten().copied().collect();
        let mut joined_kind = false;
        if let Some(class) = classes.iter_mut().find(|class| same_class(&class.row, &row)) {
            let mut after = bill::join(class, &row, names);
            after.row.ids.links |= row.ids.links;
            if said_nothing(class, &after) && groups.len() == 1 {
                if after.row.place != class.row.place {
                    self.store(&after)?;
                }
                return Ok(Applied { fate: Fate::Duplicate, charges: 0, id_reused: false });
            }
            let (number, before) = (class.number, std::mem::replace(class, after).row.time);
            self.note_move(number, before, after.row.time);
        } else {
            joined_kind = true;
            let number = self.rows.push(&row)?;
            self.note_points(number, &row);
            classes.push(Class { number, row, times: row.even_times() });
        }
        // One ring, in order of number so that it is the same ring whatever came first.
        classes.sort_by_key(|class| class.number);
        let count = classes.len();
        for place in 0..count {
            classes[place].row.next = classes[(place + 1) % count].number;
        }
        for class in &classes {
            self.store(class)?;
        }
        self.index_new(row.ids.linking(), &classes)?;
        let charges = self.post_difference(before, &classes, names, posts, history);
        let fate = if charges > 0 {
            Fate::Charge
        } else if joined_kind {
            Fate::Merged
        } else {
            Fate::Update
        };
        Ok(Applied { fate, charges, id_reused: false })
    }
}

/// The response id has all the requests it may have, and this record brings another.
fn exhausted(row: &Row, groups: &[Vec<Class>]) -> bool {
    if row.side_chain || !row.ids.is_pair() {
        return false;
    }
    let mut requests: Vec<u128> = groups
        .iter()
        .flatten()
        .filter(|class| {
            !class.row.side_chain && class.row.ids.response == row.ids.response && class.row.ids.request != 0
        })
        .filter(|class| class.row.ids.links & link::RESPONSE != 0)
        .map(|class| class.row.ids.request)
        .collect();
    requests.sort_unstable();
    requests.dedup();
    requests.len() >= MOST_REQUESTS_OF_A_RESPONSE && requests.binary_search(&row.ids.request).is_err()
}
