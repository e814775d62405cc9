//! Burn rate over time: money by stretches of time enters, the rate at the end of each step leaves.

use super::list::{CLASSES, Part, settle};
use super::view::Chart;
use crate::money::Money;
use crate::time::{MINUTE_MS, Timestamp};

/// The burn rate's span.
pub(super) const BURN_MS: i64 = 5 * MINUTE_MS;
/// Steps of a chart.
const MOST_STEPS: usize = 1_000;
/// Milliseconds in an hour.
const HOUR_MS: i128 = 3_600_000;

/// What was spent from one instant to another, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) part: Part,
}

/// How far the first step of a chart looks back before its window, in milliseconds.
pub(super) fn lead_ms(length_ms: i64, steps: usize) -> i64 {
    (length_ms / step_count(steps)).max(BURN_MS)
}

fn step_count(steps: usize) -> i64 {
    i64::try_from(steps.clamp(1, MOST_STEPS)).unwrap_or(1)
}

/// The chart of the `length_ms` before `until`, at the end of each step dollars per hour over the five minutes (or the step, if longer)
/// before it. Stretches are in order of time. With `split`, by class, too.
pub(super) fn chart(stretches: &[Stretch], until: Timestamp, length_ms: i64, steps: usize, split: bool) -> Chart {
    let end = until.ms();
    let start = end - length_ms;
    if steps == 0 {
        return Chart { start: Timestamp::from_ms(start), step_ms: length_ms, ..Chart::default() };
    }
    let count = step_count(steps);
    let span = lead_ms(length_ms, steps);
    let rates = |curve: &Curve<'_>| -> Vec<Money> {
        let rate = |step| {
            let at = start + length_ms * step / count;
            Money::from_pico((curve.at(at) - curve.at(at - span)) * HOUR_MS / i128::from(span))
        };
        (1..=count).map(rate).collect()
    };
    let all = rates(&Curve::new(stretches, |part| part.money, end));
    let mut classes = Vec::new();
    if split {
        let money: Vec<[Money; CLASSES]> = stretches.iter().map(|stretch| stretch.part.classes()).collect();
        let by_class: Vec<Vec<Money>> = (0..CLASSES)
            .map(|class| {
                let of_class = |place: usize| money[place][class];
                rates(&Curve::by_place(stretches, of_class, end))
            })
            .collect();
        classes = (0..all.len())
            .map(|step| {
                let mut parts: [Money; CLASSES] = std::array::from_fn(|class| by_class[class][step]);
                // Each was cut to a pico-dollar by itself.
                settle(&mut parts, all[step]);
                parts
            })
            .collect();
    }
    Chart { start: Timestamp::from_ms(start), step_ms: length_ms / count, steps: all, classes }
}

/// Money spent up to an instant, linear inside a stretch.
struct Curve<'a> {
    stretches: &'a [Stretch],
    money: Vec<i128>,
    /// Money of all stretches before each one.
    before: Vec<i128>,
    now: i64,
}

impl<'a> Curve<'a> {
    fn new(stretches: &'a [Stretch], money: impl Fn(&Part) -> Money, now: i64) -> Curve<'a> {
        Curve::by_place(stretches, |place| money(&stretches[place].part), now)
    }

    fn by_place(stretches: &'a [Stretch], money: impl Fn(usize) -> Money, now: i64) -> Curve<'a> {
        let money: Vec<i128> = (0..stretches.len()).map(|place| money(place).pico()).collect();
        let mut sum = 0;
        let before = money
            .iter()
            .map(|money| {
                let before = sum;
                sum += money;
                before
            })
            .collect();
        Curve { stretches, money, before, now }
    }

    fn at(&self, at: i64) -> i128 {
        let next = self.stretches.partition_point(|stretch| stretch.start < at);
        let Some(place) = next.checked_sub(1) else { return 0 };
        let Stretch { start, end, .. } = self.stretches[place];
        // The last one is still being filled: it ends now.
        let end = end.min(self.now).max(start + 1);
        let share = i128::from((at.min(end) - start).max(0));
        self.before[place] + self.money[place] * share / i128::from(end - start)
    }
}
