//! What a state that cannot be trusted said was spent, day by day, beside what is known now: the difference is money nobody can verify.

use std::collections::BTreeMap;

use super::Engine;
use super::cells::Cells;
use crate::money::Money;
use crate::time::{MINUTE_MS, Period, Timestamp, Zone};

/// Money by the minute in which a local day begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed(BTreeMap<i64, Money>);

impl Claimed {
    /// From blocks of cells as [`Engine::load_cells`] takes them; those that are none claim nothing.
    #[must_use]
    pub fn of<'a>(blocks: impl Iterator<Item = (u8, i64, &'a [u8])>, zone: Zone) -> Claimed {
        let mut cells = Cells::new(zone, false);
        for (tier, time, bytes) in blocks {
            if !Engine::is_of_dropped(tier) {
                let _ = cells.load_block(tier, time, bytes);
            }
        }
        Claimed::by_day(&cells, zone)
    }

    fn by_day(cells: &Cells, zone: Zone) -> Claimed {
        let mut days = BTreeMap::new();
        let mut day = (i64::MAX, i64::MIN);
        cells.for_each(i64::MIN / 16, i64::MAX / 16, |minute, _, sums| {
            if minute < day.0 || minute >= day.1 {
                let (start, end) = zone.period(Period::Day, Timestamp::from_ms(minute * MINUTE_MS));
                day = (start.minute(), end.minute());
            }
            *days.entry(day.0).or_insert(Money::ZERO) += sums.cost();
        });
        Claimed(days)
    }

    /// Nothing was claimed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As text: a day and its pico-dollars a line.
    #[must_use]
    pub fn save(&self) -> String {
        self.0.iter().map(|(day, money)| format!("{day}={}\n", money.pico())).collect()
    }

    /// What [`Claimed::save`] wrote; `None` for other text.
    #[must_use]
    pub fn load(text: &str) -> Option<Claimed> {
        let day = |line: &str| {
            let (day, money) = line.split_once('=')?;
            Some((day.parse().ok()?, Money::from_pico(money.parse().ok()?)))
        };
        text.lines().map(day).collect::<Option<_>>().map(Claimed)
    }
}

impl Engine {
    /// How much of what was claimed is not known here: summed over days, so that what is new since hides nothing.
    #[must_use]
    pub fn unverified(&self, claimed: &Claimed) -> Money {
        let known = Claimed::by_day(&self.cells, self.options.zone);
        let missing = claimed.0.iter().map(|(day, money)| *money - known.0.get(day).copied().unwrap_or(Money::ZERO));
        missing.filter(|money| *money > Money::ZERO).sum()
    }
}
