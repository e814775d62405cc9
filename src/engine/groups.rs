//! The standing sums of one table: differences enter by group, visible rows in any order leave. A frame walks numbers, never names.

use std::borrow::Cow;
use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::counters::Counters;
use super::names::{NONE, NameId, Names, OTHER};
use super::view::{SortKey, TableQuery};
use crate::label::Label;
use crate::money::Money;
use crate::time::Timestamp;

/// Parts of a row's trend.
pub(super) const TREND: i64 = 8;
/// Groups of one table. Profiles are fewer (`Caps`); of sessions the rest folds into `(other)` with its money.
const MOST_GROUPS: usize = 1 << 19;
/// Up to this place rows are found by one walk that keeps the best; further down the groups are cut in parts.
const WALKED: usize = 512;

/// Which names pass: those that contain a text, whatever the case, or those that do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// As asked.
    text: String,
    needle: String,
    negated: bool,
}

impl Filter {
    pub(super) fn new(text: &str) -> Filter {
        let (negated, needle) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        Filter { text: text.to_owned(), needle: needle.to_lowercase(), negated }
    }

    pub(super) fn passes(&self, label: Option<&Label>) -> bool {
        if self.needle.is_empty() {
            return true;
        }
        // As screens write it.
        let name = label.map_or("(none)", Label::as_str);
        let contains = if name.is_ascii() && self.needle.is_ascii() {
            let (name, needle) = (name.as_bytes(), self.needle.as_bytes());
            name.windows(needle.len()).any(|part| part.eq_ignore_ascii_case(needle))
        } else {
            name.to_lowercase().contains(&self.needle)
        };
        contains != self.negated
    }
}

/// What stands beside a group's sums.
#[derive(Debug)]
struct Beside {
    trend: [Money; TREND as usize],
    /// Money by model, by number; empty in a table of models.
    models: Vec<(NameId, Money)>,
    /// The newest charge, and whether it may have been moved back in time since.
    last: (Timestamp, bool),
}

/// A table's groups.
#[derive(Debug)]
pub(super) struct Groups {
    places: FxHashMap<NameId, u32>,
    ids: Vec<NameId>,
    sums: Vec<Counters>,
    /// The money of the sums once more, close together: what most tables are ordered by.
    pico: Vec<i128>,
    /// The first bytes of each name: most names are told apart by them.
    heads: Vec<u128>,
    passes: Vec<bool>,
    beside: Vec<Beside>,
    filter: Filter,
    /// Over the groups that pass.
    passing: Counters,
    count: usize,
    /// Groups came that found no room.
    is_full: bool,
    keeps_models: bool,
}

/// Where in its window and when something was spent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Which part of the trend.
    pub(super) part: usize,
    /// Exactly, where it is known.
    pub(super) time: Option<Timestamp>,
}

/// The rows a screen wants.
pub(super) struct Picked {
    /// Places of groups, in order.
    pub(super) places: Vec<usize>,
    pub(super) offset: usize,
    pub(super) selected: Option<usize>,
}

impl Groups {
    /// No groups yet. With `keeps_models`, each remembers on which models it spent.
    pub(super) fn new(filter: &str, keeps_models: bool) -> Groups {
        Groups {
            places: FxHashMap::default(),
            ids: Vec::new(),
            sums: Vec::new(),
            pico: Vec::new(),
            heads: Vec::new(),
            passes: Vec::new(),
            beside: Vec::new(),
            filter: Filter::new(filter),
            passing: Counters::default(),
            count: 0,
            is_full: false,
            keeps_models,
        }
    }

    /// Adds a difference.
    pub(super) fn add(&mut self, id: NameId, model: NameId, sums: &Counters, sign: i64, at: Moment, names: &Names) {
        let Some(place) = self.place(id, names) else { return };
        if self.passes[place] {
            self.passing.add(sums, sign);
        }
        self.sums[place].add(sums, sign);
        let money = signed(sums.cost(), sign);
        self.pico[place] += money.pico();
        let beside = &mut self.beside[place];
        beside.trend[at.part] += money;
        if self.keeps_models {
            match beside.models.binary_search_by_key(&model, |(id, _)| *id) {
                Ok(known) => {
                    beside.models[known].1 += money;
                    if beside.models[known].1 == Money::ZERO {
                        beside.models.remove(known);
                    }
                }
                Err(_) if money == Money::ZERO => {}
                Err(next) => beside.models.insert(next, (model, money)),
            }
        }
        if let Some(time) = at.time {
            beside.last = match (sign > 0, time.cmp(&beside.last.0)) {
                (true, Ordering::Greater | Ordering::Equal) => (time, false),
                (false, Ordering::Equal) => (time, true),
                _ => beside.last,
            };
        }
        if self.sums[place].is_zero() {
            self.remove(place);
        }
    }

    /// Moves money of a group from one part of the trend to another.
    pub(super) fn shift(&mut self, id: NameId, money: Money, from: usize, to: usize) {
        let id = if self.places.contains_key(&id) { id } else { OTHER };
        if let Some(place) = self.places.get(&id) {
            let trend = &mut self.beside[*place as usize].trend;
            trend[from] += -money;
            trend[to] += money;
        }
    }

    fn place(&mut self, id: NameId, names: &Names) -> Option<usize> {
        if let Some(place) = self.places.get(&id) {
            return Some(*place as usize);
        }
        // Once something was folded, whatever is not known stays folded: what comes may correct it.
        self.is_full |= self.places.len() >= MOST_GROUPS;
        if self.is_full && id != OTHER {
            return self.place(OTHER, names);
        }
        let place = self.ids.len();
        let label = names.named(id);
        let passes = self.filter.passes(label);
        self.places.insert(id, u32::try_from(place).ok()?);
        self.ids.push(id);
        self.sums.push(Counters::default());
        self.pico.push(0);
        self.heads.push(head(names.label(id)));
        self.passes.push(passes);
        self.count += usize::from(passes);
        self.beside.push(Beside {
            trend: [Money::ZERO; TREND as usize],
            models: Vec::new(),
            last: (Timestamp::MIN, false),
        });
        Some(place)
    }

    fn remove(&mut self, place: usize) {
        self.places.remove(&self.ids[place]);
        self.count -= usize::from(self.passes[place]);
        self.ids.swap_remove(place);
        self.sums.swap_remove(place);
        self.pico.swap_remove(place);
        self.heads.swap_remove(place);
        self.passes.swap_remove(place);
        self.beside.swap_remove(place);
        if let Some(moved) = self.ids.get(place) {
            self.places.insert(*moved, place as u32);
        }
    }

    /// Lets other names pass.
    pub(super) fn filter(&mut self, text: &str, names: &Names) {
        if self.filter.text == text {
            return;
        }
        self.filter = Filter::new(text);
        (self.passing, self.count) = (Counters::default(), 0);
        for (place, id) in self.ids.iter().enumerate() {
            let passes = self.filter.passes(names.named(*id));
            self.passes[place] = passes;
            if passes {
                self.passing.add(&self.sums[place], 1);
                self.count += 1;
            }
        }
    }

    /// Groups, whatever the filter.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Groups that pass, and their sums.
    pub(super) fn passing(&self) -> (usize, &Counters) {
        (self.count, &self.passing)
    }

    /// Whether a name passes the filter.
    pub(super) fn lets_pass(&self, id: NameId, names: &Names) -> bool {
        self.filter.passes(names.named(id))
    }

    /// Sums of the group without a name.
    pub(super) fn nameless(&self) -> Counters {
        self.places.get(&NONE).map(|place| self.sums[*place as usize]).unwrap_or_default()
    }

    pub(super) fn id(&self, place: usize) -> NameId {
        self.ids[place]
    }

    pub(super) fn sums(&self, place: usize) -> &Counters {
        &self.sums[place]
    }

    pub(super) fn trend(&self, place: usize) -> [Money; TREND as usize] {
        self.beside[place].trend
    }

    /// The newest charge of a group and whether that must be looked up again.
    pub(super) fn last(&self, place: usize) -> (Timestamp, bool) {
        self.beside[place].last
    }

    /// What looking it up again found.
    pub(super) fn correct_last(&mut self, place: usize, last: Timestamp) {
        self.beside[place].last = (last, false);
    }

    /// The model on which a group spent most; of several the one with the least name.
    pub(super) fn most_on(&self, place: usize, names: &Names) -> Option<NameId> {
        let best = self.beside[place].models.iter().reduce(|best, other| {
            let by_money = other.1.cmp(&best.1);
            let order = by_money.then_with(|| names.label(best.0).cmp(names.label(other.0)));
            if order.is_gt() { other } else { best }
        });
        best.map(|(model, _)| *model)
    }

    /// The rows that `query` wants; `burn` is by group.
    pub(super) fn pick(&self, query: &TableQuery, burn: &FxHashMap<NameId, Money>, names: &Names) -> Picked {
        let keys = self.keys(query.sort, burn);
        let order = |a: u32, b: u32| {
            let (a, b) = if query.reversed { (b as usize, a as usize) } else { (a as usize, b as usize) };
            keys[b].cmp(&keys[a]).then_with(|| self.heads[a].cmp(&self.heads[b])).then_with(|| {
                let label = |place: usize| names.label(self.ids[place]).as_str();
                label(a).cmp(label(b)).then(self.ids[a].cmp(&self.ids[b]))
            })
        };
        let passing = || (0..self.ids.len() as u32).filter(|place| self.passes[*place as usize]);
        let selected = query
            .selected
            .and_then(|id| self.places.get(&id).copied())
            .filter(|place| self.passes[*place as usize])
            .map(|own| passing().filter(|other| order(*other, own).is_lt()).count());
        let offset = query.offset.min(self.count.saturating_sub(1));
        let end = (offset + query.rows).min(self.count);
        let places = if end <= WALKED {
            let mut best = best_of(passing(), end, order);
            best.split_off(offset.min(best.len()))
        } else {
            let mut all: Vec<u32> = passing().collect();
            if offset > 0 {
                all.select_nth_unstable_by(offset, |a, b| order(*a, *b));
            }
            let mut rest = all.split_off(offset);
            let wanted = end - offset;
            if wanted < rest.len() {
                rest.select_nth_unstable_by(wanted, |a, b| order(*a, *b));
                rest.truncate(wanted);
            }
            rest.sort_unstable_by(|a, b| order(*a, *b));
            rest
        };
        Picked { places: places.into_iter().map(|place| place as usize).collect(), offset, selected }
    }

    /// What groups are ordered by, by place; the greatest first.
    fn keys(&self, sort: SortKey, burn: &FxHashMap<NameId, Money>) -> Cow<'_, [i128]> {
        let of_sums = |key: fn(&Counters) -> i128| Cow::Owned(self.sums.iter().map(key).collect());
        match sort {
            SortKey::Cost => Cow::Borrowed(&self.pico),
            SortKey::Tokens => of_sums(|sums| sums.tokens().into()),
            SortKey::Requests => of_sums(|sums| sums.requests.into()),
            SortKey::Hit => of_sums(|sums| {
                // The bits of floats that are not negative are ordered as they are.
                sums.cache_hit_ratio().map_or(-1, |ratio| ratio.max(0.0).to_bits().into())
            }),
            SortKey::Name => Cow::Owned(vec![0; self.ids.len()]),
            SortKey::Burn => {
                let mut keys = vec![0; self.ids.len()];
                for (id, money) in burn {
                    if let Some(place) = self.places.get(id) {
                        keys[*place as usize] = money.pico();
                    }
                }
                Cow::Owned(keys)
            }
        }
    }
}

/// The first `count` of `all`, in order: most of them are told from the worst of those by one comparison.
fn best_of(all: impl Iterator<Item = u32>, count: usize, order: impl Fn(u32, u32) -> Ordering) -> Vec<u32> {
    let mut best: Vec<u32> = Vec::with_capacity(count + 1);
    if count == 0 {
        return best;
    }
    for place in all {
        if best.len() == count && best.last().is_some_and(|worst| order(place, *worst).is_gt()) {
            continue;
        }
        let at = best.partition_point(|other| order(*other, place).is_lt());
        best.insert(at, place);
        best.truncate(count);
    }
    best
}

/// The first sixteen bytes of a name, in an order that is the names'.
fn head(label: &Label) -> u128 {
    let bytes = label.as_str().as_bytes();
    let mut head = [0; 16];
    let length = bytes.len().min(head.len());
    head[..length].copy_from_slice(&bytes[..length]);
    u128::from_be_bytes(head)
}

/// `money`, added or taken back.
pub(super) fn signed(money: Money, sign: i64) -> Money {
    if sign < 0 { -money } else { money }
}
