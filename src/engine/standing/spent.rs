//! What sums are fed with: a charge, or all charges of a cell, which tell less.

use crate::engine::Post;
use crate::engine::bill::Bill;
use crate::engine::counters::Counters;
use crate::engine::names::{NONE, NameId, ProfileId};
use crate::engine::top::Listed;
use crate::money::Cost;
use crate::time::Timestamp;

/// Where figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Source {
    Cells,
    Charges,
}

/// A charge, or all charges of one cell.
pub(super) struct Spent<'a> {
    pub minute: i64,
    pub profile: ProfileId,
    pub sums: &'a Counters,
    /// What only a charge tells.
    pub charge: Option<(Timestamp, NameId, u32)>,
}

impl<'a> Spent<'a> {
    pub fn cell(minute: i64, profile: ProfileId, sums: &'a Counters) -> Spent<'a> {
        Spent { minute, profile, sums, charge: None }
    }

    /// The charge of a bill with these sums.
    pub fn bill(bill: &Bill, sums: &'a Counters) -> Spent<'a> {
        let charge = Some((bill.time, bill.session, bill.number));
        Spent { minute: bill.time.minute(), profile: bill.profile, sums, charge }
    }

    /// The charge of which a difference is a part.
    pub fn post(post: &'a Post) -> Spent<'a> {
        let charge = Some((post.time, post.session, post.number));
        Spent { minute: post.time.minute(), profile: post.profile, sums: &post.sums, charge }
    }

    pub fn source(&self) -> Source {
        if self.charge.is_some() { Source::Charges } else { Source::Cells }
    }

    pub fn session(&self) -> NameId {
        self.charge.map_or(NONE, |(_, session, _)| session)
    }

    /// What it cost, if it is one charge that has a price.
    pub fn request_cost(&self) -> Option<Cost> {
        (self.sums.unpriced_requests == 0).then(|| self.cost())
    }

    fn cost(&self) -> Cost {
        Cost::from_pico(u64::try_from(self.sums.cost().pico()).unwrap_or(u64::MAX))
    }

    pub fn listed(&self) -> Option<Listed> {
        self.charge.map(|(time, _, number)| Listed { number, time, cost: self.cost() })
    }
}
