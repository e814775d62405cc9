//! What detectors see of a charge: a post enters, the few numbers they need leave, in an order that no arrival decides.

use std::cmp::Ordering;

use crate::engine::Post;
use crate::engine::names::{NONE, NameId, Names, OTHER, ProfileId};
use crate::time::Timestamp;
use crate::usage::Dimension;

/// One charge. Costs are in pico-dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Event time.
    pub time: Timestamp,
    /// All its dimensions but the session.
    pub profile: ProfileId,
    /// Its session.
    pub session: NameId,
    /// The chosen cost; zero when it has no price.
    pub cost: u64,
    /// What the table says; `None` where the table does not know the model.
    pub list: Option<u64>,
    /// What caching saved by the table; negative where writing it cost more.
    pub saved: i64,
    /// Uncached input tokens.
    pub input: u32,
    /// Tokens read from a cache.
    pub cache_read: u32,
    /// Tokens written to a cache.
    pub cache_write: u32,
    /// Output tokens.
    pub output: u32,
    /// It failed (status 400 and above).
    pub failed: bool,
    /// A gateway's cache answered: no provider was asked.
    pub gateway_hit: bool,
    /// Read as history: rings no bell.
    pub history: bool,
}

impl Charge {
    /// The charge that a post adds or takes back.
    #[must_use]
    pub fn of(post: &Post) -> Charge {
        let sums = &post.sums;
        let pico = |money: crate::money::Money| u64::try_from(money.pico()).unwrap_or(u64::MAX);
        let count = |tokens: i64| u32::try_from(tokens).unwrap_or(u32::MAX);
        let computed = pico(sums.computed) + pico(sums.computed_beside);
        Charge {
            time: post.time,
            profile: post.profile,
            session: post.session,
            cost: pico(sums.cost()),
            list: (computed > 0).then_some(computed),
            saved: i64::try_from(sums.saved.pico()).unwrap_or(0),
            input: count(sums.input),
            cache_read: count(sums.cache_read),
            cache_write: count(sums.cache_write_5m + sums.cache_write_1h),
            output: count(sums.output),
            failed: sums.errors > 0,
            gateway_hit: sums.gateway_hits > 0,
            history: post.history,
        }
    }

    /// Uncached input, cache reads and cache writes.
    #[must_use]
    pub fn prompt(&self) -> u64 {
        u64::from(self.input) + u64::from(self.cache_read) + u64::from(self.cache_write)
    }

    /// By time, then by all that a detector could tell two charges of one millisecond apart by: so the order is the same whatever came
    /// first, and whatever numbers the names have in this process.
    #[must_use]
    pub fn order(&self, other: &Charge, names: &Names) -> Ordering {
        let numbers = |charge: &Charge| {
            let tokens = (charge.input, charge.cache_read, charge.cache_write, charge.output);
            (charge.time, charge.cost, charge.list, charge.saved, tokens, charge.failed, charge.gateway_hit)
        };
        let text = |id: NameId| names.label(id).as_str();
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| {
                let (own, others) = (names.dimensions(self.profile), names.dimensions(other.profile));
                own.iter().map(|id| text(*id)).cmp(others.iter().map(|id| text(*id)))
            })
            .then_with(|| text(self.session).cmp(text(other.session)))
    }

    /// The same charge, whether it was read as history or not.
    #[must_use]
    pub fn is(&self, other: &Charge) -> bool {
        Charge { history: other.history, ..*self } == *other
    }
}

/// Whom a detector watches: one value of a dimension, or everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entity {
    /// `None`: everything.
    pub dimension: Option<Dimension>,
    /// The value.
    pub name: NameId,
}

impl Entity {
    /// Everything.
    pub const ALL: Entity = Entity { dimension: None, name: NONE };

    /// The value of a dimension, unless the log left it out or a bound folded it away: those are not one user.
    #[must_use]
    pub fn of(charge: &Charge, dimension: Dimension, names: &Names) -> Option<Entity> {
        let name = names.of(charge.profile, dimension);
        (name != NONE && name != OTHER).then_some(Entity { dimension: Some(dimension), name })
    }

    /// What the request was for: its feature, else its project. Agents that write their own logs name no feature.
    #[must_use]
    pub fn purpose(charge: &Charge, names: &Names) -> Option<Entity> {
        Entity::of(charge, Dimension::Feature, names).or_else(|| Entity::of(charge, Dimension::Project, names))
    }

    /// The scope of its alarms.
    #[must_use]
    pub fn scope(self) -> &'static str {
        self.dimension.map_or("global", Dimension::name)
    }

    /// For a saved state: the dimension's number plus one, 0 for everything.
    pub(super) fn number(self) -> u64 {
        self.dimension.map_or(0, |dimension| dimension.place() as u64 + 1) << 32 | u64::from(self.name)
    }

    pub(super) fn numbered(number: u64) -> Option<Entity> {
        let name = number as u32;
        match number >> 32 {
            0 => Some(Entity { dimension: None, name }),
            place => {
                let dimension = Dimension::ALL.get(usize::try_from(place - 1).ok()?)?;
                Some(Entity { dimension: Some(*dimension), name })
            }
        }
    }
}
