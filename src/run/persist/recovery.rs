//! After a damaged state: what it said was spent enters, what of it was found again is compared, and the rest is told as unverified.

use crate::engine::Engine;
use crate::engine::claimed::Claimed;
use crate::money::Money;
use crate::output::text::usd;
use crate::store::Recovered;
use crate::time::{DAY_MS, Timestamp, Zone};

/// What the damaged state claimed, until it has been compared.
pub(super) const META_CLAIMED: &str = "claimed";
/// What of it could not be found again.
pub(super) const META_UNVERIFIED: &str = "unverified";
/// It is told for so long; by then whoever has to know does.
const TOLD_FOR_MS: i64 = 30 * DAY_MS;

/// Money that a damaged state held and nobody can verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unverified {
    money: Money,
    /// Everything the damaged state claimed could be read.
    is_whole: bool,
    since: Timestamp,
}

/// What is known of a recovery.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    claimed: Option<(Claimed, bool, Timestamp)>,
    found: Option<Unverified>,
    /// Something is to be saved.
    changed: bool,
}

impl Recovery {
    /// A state was set aside; what it claimed adds to nothing: of two damaged ones the later knows all that was known.
    pub fn claim(&mut self, recovered: &Recovered, zone: Zone, now: Timestamp) {
        let blocks = recovered.cells.iter().map(|cell| (cell.tier, cell.time, cell.bytes.as_slice()));
        self.claimed = Some((Claimed::of(blocks, zone), recovered.is_whole, now));
        self.changed = true;
    }

    /// Takes up what an earlier run saved; `None` for text that it did not.
    pub fn load(&mut self, claimed: Option<&str>, found: Option<&str>) -> Option<()> {
        if let Some(text) = claimed.filter(|text| !text.is_empty()) {
            let (head, days) = text.split_once('\n')?;
            let (is_whole, since) = head.split_once(' ')?;
            let since = Timestamp::from_ms(since.parse().ok()?);
            self.claimed = Some((Claimed::load(days)?, is_whole == "whole", since));
        }
        if let Some(text) = found.filter(|text| !text.is_empty()) {
            let mut words = text.split(' ');
            let (is_whole, since, money) = (words.next()?, words.next()?, words.next()?);
            self.found = Some(Unverified {
                money: Money::from_pico(money.parse().ok()?),
                is_whole: is_whole == "whole",
                since: Timestamp::from_ms(since.parse().ok()?),
            });
        }
        Some(())
    }

    /// All sources have been read as far as they go: what is not known now will not be found.
    pub fn caught_up(&mut self, engine: &Engine) {
        let Some((claimed, is_whole, since)) = self.claimed.take() else { return };
        self.found = Some(Unverified { money: engine.unverified(&claimed), is_whole, since });
        self.changed = true;
    }

    /// What is to be saved, by key; nothing where nothing changed.
    pub fn save(&mut self) -> Vec<(&'static str, Vec<u8>)> {
        if !std::mem::take(&mut self.changed) {
            return Vec::new();
        }
        let word = |is_whole: bool| if is_whole { "whole" } else { "part" };
        let claimed = self.claimed.as_ref().map_or_else(String::new, |(claimed, is_whole, since)| {
            format!("{} {}\n{}", word(*is_whole), since.ms(), claimed.save())
        });
        let found = self.found.map_or_else(String::new, |found| {
            format!("{} {} {}", word(found.is_whole), found.since.ms(), found.money.pico())
        });
        vec![(META_CLAIMED, claimed.into_bytes()), (META_UNVERIFIED, found.into_bytes())]
    }

    /// One sentence for as long as a person should see it.
    pub fn note(&self, zone: Zone, now: Timestamp) -> Option<String> {
        if let Some((_, _, since)) = &self.claimed {
            return Some(format!("state was damaged {}: sources are read anew", day(zone, *since)));
        }
        let found = self.found.filter(|found| found.since.plus_ms(TOLD_FOR_MS) > now)?;
        let (money, day) = (usd(found.money, 2), day(zone, found.since));
        match (found.money > Money::ZERO, found.is_whole) {
            (true, true) => Some(format!("unverified {money}: known before {day}, not found again")),
            (true, false) => Some(format!("unverified {money} or more: known before {day}, not found again")),
            (false, true) => None,
            (false, false) => Some(format!("unverified: not all of the state damaged on {day} could be read")),
        }
    }
}

fn day(zone: Zone, at: Timestamp) -> String {
    zone.format(at, "%Y-%m-%d")
}
