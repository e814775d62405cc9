//! The report of everything since the state began, from sums that are kept while somebody asks for it: no charge is looked at again.

use rustc_hash::FxHashMap;

use super::Engine;
use super::counters::Counters;
use super::names::{NameId, OTHER, ProfileId};
use super::report::{Report, ReportGroup};
use crate::label::Label;
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp};
use crate::usage::Dimension;

/// Sums of everything by profile, moved by every difference once they were asked for.
#[derive(Default)]
pub(super) struct Whole(FxHashMap<ProfileId, Counters>);

impl Whole {
    pub(super) fn post(&mut self, profile: ProfileId, sums: &Counters, sign: i64) {
        self.0.entry(profile).or_default().add(sums, sign);
    }
}

/// One group while it is summed.
#[derive(Default)]
struct Sum {
    sums: Counters,
    sessions: u64,
}

/// What was spent, in three figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Dollars per hour over the last five minutes.
    pub burn: Money,
    /// Since local midnight.
    pub today: Money,
    /// Since the state began.
    pub total: Money,
}

impl Engine {
    /// What was spent, at the cost of nothing.
    #[must_use]
    pub fn spent(&self) -> Spent {
        Spent { burn: self.recent.burn(), today: self.today.2.cost(), total: self.total.cost() }
    }

    /// Totals of everything, grouped by `by`; without any, totals only. Of groups the `most` costliest, the others together as
    /// `(other)`. A session counts in the group of its first charge. The first event is known as closely as the sums of its time are.
    ///
    /// The first call with a grouping reads all sums once; after it the cost is that of the profiles and the sessions.
    #[must_use]
    pub fn whole(&mut self, by: &[Dimension], most: usize) -> Report {
        Report {
            totals: self.total,
            sessions: self.sessions.count(),
            groups: if by.is_empty() { Vec::new() } else { self.whole_by(by, most) },
            intake: self.intake.clone(),
            unpriced_models: self.unpriced_models(),
            first_event: self.cells.first().map(|minute| Timestamp::from_ms(minute * MINUTE_MS)),
            last_event: self.newest,
            ..Report::default()
        }
    }

    fn whole_by(&mut self, by: &[Dimension], most: usize) -> Vec<ReportGroup> {
        if self.whole.is_none() {
            let mut whole = Whole::default();
            self.cells.for_each(i64::MIN / 2, i64::MAX / 2, |_, profile, sums| whole.post(profile, sums, 1));
            self.whole = Some(whole);
        }
        let Some(Whole(profiles)) = &self.whole else { return Vec::new() };
        let names = &self.names;
        let key = |profile: ProfileId| -> Vec<NameId> { by.iter().map(|by| names.of(profile, *by)).collect() };
        let mut groups: FxHashMap<Vec<NameId>, Sum> = FxHashMap::default();
        for (profile, sums) in profiles {
            groups.entry(key(*profile)).or_default().sums.add(sums, 1);
        }
        for (_, session) in self.sessions.iter() {
            if let Some(group) = groups.get_mut(&key(session.profile)) {
                group.sessions += 1;
            }
        }
        // Corrections leave profiles in which nothing is left.
        groups.retain(|_, group| !group.sums.is_zero());
        let mut groups: Vec<(Vec<NameId>, Sum)> = groups.into_iter().collect();
        let label = |id: &NameId| names.named(*id);
        groups.sort_by(|(one, left), (other, right)| {
            let by_cost = right.sums.cost().cmp(&left.sums.cost());
            by_cost.then_with(|| one.iter().map(label).cmp(other.iter().map(label)))
        });
        if groups.len() > most {
            let rest = groups.split_off(most);
            let others = vec![OTHER; by.len()];
            let at = groups.iter().position(|(key, _)| *key == others).unwrap_or_else(|| {
                groups.push((others, Sum::default()));
                groups.len() - 1
            });
            for (_, group) in rest {
                groups[at].1.sums.add(&group.sums, 1);
                groups[at].1.sessions += group.sessions;
            }
        }
        let labels = |key: &[NameId]| -> Vec<Option<Label>> { key.iter().map(|id| label(id).cloned()).collect() };
        let groups = groups.iter();
        groups.map(|(key, sum)| ReportGroup { key: labels(key), sums: sum.sums, sessions: sum.sessions }).collect()
    }
}
