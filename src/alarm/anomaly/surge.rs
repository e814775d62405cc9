//! Spend far above the usual: a user, a feature or everything costs more in 5 or 30 minutes than it does once in 4,000 times.
//!
//! The figure is log-dollars of minutes in which something was spent, as most users are silent most of the time and wild when they are not.
//! A feature's and the whole's is set against the usual of the hour and kind of day, with one tail for busy and one for quiet hours: the
//! night's noise would hide a day's incident. A user's has no such shape; until a user is known, all users together say what is usual.
//! A sum below the money floor is never an alarm, however rare it is.

use super::bytes::{put_real, put_signed, put_varint, take_count, take_real, take_signed, take_varint};
use super::calendar::Calendar;
use super::charge::{Charge, Entity};
use super::episode::Episode;
use super::keyed::Keyed;
use super::level::Level;
use super::tail::Tail;
use super::trailing::{Trailing, WINDOWS};
use super::{Detector, Reporter};
use crate::alarm::message::dollars;
use crate::engine::names::Names;
use crate::money::{Money, PICO_PER_USD};
use crate::time::Zone;
use crate::usage::Dimension;

/// Users and purposes known at once.
const USERS: usize = 1 << 14;
const PURPOSES: usize = 1 << 10;
/// The windows that are scored: 5 and 30 minutes.
const SCORED: usize = 2;
/// An alarm is a chance below 10^-3.6…
const FIRES: f64 = 3.6;
/// …and over when it is above 10^-2.
const CLEARS: f64 = 2.0;
/// During an alarm so many times fewer minutes are learned: an incident must not become the usual, a new usual must in the end.
const SELDOM: u32 = 8;
/// Spent above the usual within the hour, or it is no alarm.
const FLOOR: f64 = 2.0;
/// Samples before a user's, and before a regime's tail speaks for itself.
const WARM_USER: u32 = 200;
const WARM_REGIME: u32 = 150;
/// Hours whose usual is below this share of the busiest hour's are quiet.
const QUIET: f64 = 0.3;
/// Added to dollars before the logarithm is taken.
const LEAST: f64 = 1e-3;
/// The mean spend forgets over two weeks.
const MEAN_MINUTES: f64 = 14.0 * 24.0 * 60.0;
/// A cent in pico-dollars.
const CENT: i128 = 10_000_000_000;
/// What explains this share of an excess is its cause: what contains it raises no alarm of its own.
const EXPLAINS: f64 = 0.6;

/// One series: what an entity spends.
#[derive(Clone, Debug)]
struct Series {
    trailing: Trailing,
    /// Spent so far, forgetting, in pico-dollars; as of `seen`.
    weight: f64,
    seen: i64,
    windows: [Scored; SCORED],
    episode: Episode,
    /// For users: what their last request was for.
    purpose: Option<Entity>,
    /// Dollars above its mean within the last hour, as of the minute judged last.
    excess: f64,
}

/// One window of one series.
#[derive(Clone, Debug)]
struct Scored {
    /// The usual by hour; none for users.
    level: Option<Box<Level>>,
    /// Busy and quiet hours; users have the first only.
    tails: [Regime; 2],
}

/// A tail with the active minutes it has seen: neighbouring ones are alike, so few are learned.
#[derive(Clone, Copy, Debug)]
struct Regime {
    tail: Tail,
    seen: u32,
}

impl Regime {
    const NEW: Regime = Regime { tail: Tail::new(), seen: 0 };

    /// Scores a value; every `every`-th is learned.
    fn place(&mut self, value: f64, every: u32, warm: u32, prior: Option<&Tail>) -> (f64, bool) {
        let score = self.tail.score(value, warm, prior);
        self.seen += 1;
        let learns = self.seen >= every;
        if learns {
            self.seen = 0;
        }
        if learns {
            self.tail.learn(value, warm, prior);
        }
        (score, learns)
    }
}

impl Series {
    fn new(minute: i64, seasonal: bool) -> Series {
        let window = || Scored { level: seasonal.then(|| Box::new(Level::new(minute))), tails: [Regime::NEW; 2] };
        Series {
            trailing: Trailing::default(),
            weight: 0.0,
            seen: minute,
            windows: [window(), window()],
            episode: Episode::default(),
            purpose: None,
            excess: 0.0,
        }
    }

    /// Dollars a minute on average, when the log is `age` minutes old.
    fn mean(&self, minute: i64, age: i64) -> f64 {
        let faded = self.weight * (-(minute - self.seen) as f64 / MEAN_MINUTES).exp();
        let weights = MEAN_MINUTES * (1.0 - (-(age.max(1) as f64) / MEAN_MINUTES).exp());
        faded / weights / PICO_PER_USD as f64
    }

    fn spend(&mut self, minute: i64, pico: u64) {
        if minute > self.seen {
            self.weight *= (-(minute - self.seen) as f64 / MEAN_MINUTES).exp();
            self.seen = minute;
        }
        self.weight += pico as f64;
        self.trailing.add(minute, pico);
    }

    fn save(&self, out: &mut Vec<u8>) {
        self.trailing.save(out);
        put_real(self.weight, out);
        put_signed(self.seen, out);
        for window in &self.windows {
            put_varint(window.level.is_some().into(), out);
            if let Some(level) = &window.level {
                level.save(out);
            }
            for regime in &window.tails[..if window.level.is_some() { 2 } else { 1 }] {
                regime.tail.save(out);
                put_varint(regime.seen.into(), out);
            }
        }
        self.episode.save(out);
        put_varint(self.purpose.map_or(0, |purpose| purpose.number() + 1), out);
    }

    fn load(bytes: &mut &[u8]) -> Option<Series> {
        let mut series = Series::new(0, false);
        series.trailing = Trailing::load(bytes)?;
        series.weight = take_real(bytes)?;
        series.seen = take_signed(bytes)?;
        for window in &mut series.windows {
            if take_varint(bytes)? > 0 {
                window.level = Some(Box::new(Level::load(bytes)?));
            }
            for regime in &mut window.tails[..if window.level.is_some() { 2 } else { 1 }] {
                *regime = Regime { tail: Tail::load(bytes)?, seen: take_count(bytes)? };
            }
        }
        series.episode = Episode::load(bytes)?;
        series.purpose = match take_varint(bytes)? {
            0 => None,
            number => Some(Entity::numbered(number - 1)?),
        };
        Some(series)
    }
}

/// The detector.
pub(super) struct Surge {
    calendar: Calendar,
    users: Keyed<Series>,
    purposes: Keyed<Series>,
    all: Series,
    /// What is usual for users, by window.
    population: [Tail; SCORED],
    /// Users and purposes that spent within the hour, in the order in which they began to.
    active: Vec<Entity>,
    /// The first minute of the log.
    first: Option<i64>,
}

impl Surge {
    pub(super) fn new(zone: Zone) -> Surge {
        Surge {
            calendar: Calendar::new(zone),
            users: Keyed::new(USERS),
            purposes: Keyed::new(PURPOSES),
            all: Series::new(0, true),
            population: [Tail::new(); SCORED],
            active: Vec::new(),
            first: None,
        }
    }

    fn series(&mut self, entity: Entity) -> Option<&mut Series> {
        match entity.dimension {
            None => Some(&mut self.all),
            Some(Dimension::User) => self.users.get_mut(entity),
            Some(_) => self.purposes.get_mut(entity),
        }
    }

    /// The active users and purposes within a whole, with their series.
    fn parts(&self, whole: Entity) -> impl Iterator<Item = (Entity, &Series)> {
        self.active.iter().filter(move |part| **part != whole).filter_map(move |part| {
            let series = match part.dimension {
                Some(Dimension::User) => self.users.get(*part)?,
                _ => self.purposes.get(*part)?,
            };
            (whole == Entity::ALL || series.purpose == Some(whole)).then_some((*part, series))
        })
    }

    /// The user, else the purpose, that explains most of an excess, if that is enough of it; and its share.
    fn cause(&self, whole: Entity, excess: f64) -> Option<(Entity, f64)> {
        let shares = self.parts(whole).map(|(part, series)| (part, series.excess / excess));
        shares.filter(|(_, share)| excess > 0.0 && *share >= EXPLAINS).max_by(|one, other| {
            let is_user = |entity: Entity| entity.dimension == Some(Dimension::User);
            is_user(one.0).cmp(&is_user(other.0)).then(one.1.total_cmp(&other.1))
        })
    }

    /// A part of it that is an alarm of its own explains it.
    fn is_explained(&self, whole: Entity, excess: f64) -> bool {
        self.parts(whole).any(|(_, series)| series.episode.open && series.excess >= EXPLAINS * excess)
    }

    /// Scores the minute of one series: the window that is rarest, and how rare.
    fn score(&mut self, entity: Entity, minute: i64) -> Option<(usize, f64)> {
        let Surge { users, purposes, all, population, calendar, .. } = self;
        let series = match entity.dimension {
            None => all,
            Some(Dimension::User) => users.get_mut(entity)?,
            Some(_) => purposes.get_mut(entity)?,
        };
        let sums = series.trailing.sums();
        let mut best = (0, 0.0);
        for (place, window) in series.windows.iter_mut().enumerate() {
            let spent = sums[place] as f64 / PICO_PER_USD as f64;
            let every = (WINDOWS[place] / 5 * 2) as u32 * if series.episode.open { SELDOM } else { 1 };
            let score = if let Some(level) = &mut window.level {
                let known = level.place(minute, spent, calendar);
                let Some((usual, share)) = known.filter(|_| spent > 0.0) else { continue };
                let value = ((spent + LEAST) / (usual + LEAST)).ln();
                let regime = &mut window.tails[usize::from(share < QUIET)];
                regime.place(value, every, WARM_REGIME, None).0
            } else {
                if sums[place] == 0 {
                    continue;
                }
                let value = (spent + LEAST).ln();
                let prior = &mut population[place];
                let (score, learned) = window.tails[0].place(value, every, WARM_USER, Some(prior));
                if learned {
                    prior.learn(value, WARM_USER, None);
                }
                score
            };
            if score > best.1 {
                best = (place, score);
            }
        }
        Some(best)
    }

    /// Judges the minute of one series.
    fn judge(&mut self, entity: Entity, minute: i64, reporter: &mut Reporter<'_>) {
        let age = minute - self.first.unwrap_or(minute) + 1;
        let Some((window, score)) = self.score(entity, minute) else { return };
        let Some(series) = self.series(entity) else { return };
        let (mean, sums) = (series.mean(minute, age), series.trailing.sums());
        let excess = sums[2] as f64 / PICO_PER_USD as f64 - 60.0 * mean;
        series.excess = excess;
        if series.episode.open {
            series.episode.add(of_pico(series.trailing.current()), of_dollars(mean));
            if score < CLEARS {
                series.episode.end(minute);
                reporter.gone(entity);
                return;
            }
        } else {
            let is_user = entity.dimension == Some(Dimension::User);
            if score <= FIRES || excess < FLOOR || (!is_user && self.is_explained(entity, excess)) {
                return;
            }
            let Some(series) = self.series(entity) else { return };
            series.episode.begin(minute, of_pico(sums[2]), of_dollars(60.0 * mean));
        }
        let cause = self.cause(entity, excess);
        let Some(series) = self.series(entity) else { return };
        let episode = series.episode;
        let message = message(entity, of_pico(sums[window]), window, of_dollars(60.0 * mean), cause, reporter.names);
        reporter.holds(entity, &episode, episode.severity(), message);
    }
}

impl Detector for Surge {
    fn rule(&self) -> &'static str {
        "surge"
    }

    fn charge(&mut self, charge: &Charge, reporter: &mut Reporter<'_>) {
        if charge.cost == 0 {
            return;
        }
        let (minute, names) = (charge.time.minute(), reporter.names);
        if self.first.is_none() {
            self.first = Some(minute);
            self.all = Series::new(minute, true);
        }
        let first = self.first.unwrap_or(minute);
        self.all.spend(minute, charge.cost);
        let purpose = Entity::purpose(charge, names);
        let mut forgotten = Vec::new();
        if let Some(user) = Entity::of(charge, Dimension::User, names) {
            let series = self.users.touch(user, minute, names, &mut forgotten, || Series::new(minute, false));
            if series.trailing.is_at_rest() {
                self.active.push(user);
            }
            series.purpose = purpose;
            series.spend(minute, charge.cost);
        }
        if let Some(purpose) = purpose {
            // From the first minute of the log on: before it was heard of, a feature cost nothing.
            let new = || Series::new(first.max(minute - 14 * 24 * 60), true);
            let series = self.purposes.touch(purpose, minute, names, &mut forgotten, new);
            if series.trailing.is_at_rest() {
                self.active.push(purpose);
            }
            series.spend(minute, charge.cost);
        }
        if !forgotten.is_empty() {
            let Surge { users, purposes, active, .. } = self;
            active.retain(|entity| users.get(*entity).or_else(|| purposes.get(*entity)).is_some());
            reporter.forget(&forgotten);
        }
    }

    fn minute(&mut self, minute: i64, reporter: &mut Reporter<'_>) {
        // Users, then what they did, then all: who explains is known before whom it explains.
        let mut active = std::mem::take(&mut self.active);
        active.sort_by_key(|entity| entity.dimension != Some(Dimension::User));
        self.active = active;
        for place in 0..self.active.len() {
            self.judge(self.active[place], minute, reporter);
        }
        if !self.all.trailing.is_at_rest() {
            self.judge(Entity::ALL, minute, reporter);
        }
        let Surge { users, purposes, active, all, .. } = self;
        all.trailing.advance(minute + 1);
        active.retain(|entity| {
            let series = if entity.dimension == Some(Dimension::User) {
                users.get_mut(*entity)
            } else {
                purposes.get_mut(*entity)
            };
            let Some(series) = series else { return false };
            series.trailing.advance(minute + 1);
            let rests = series.trailing.is_at_rest();
            if rests && series.episode.open {
                series.episode.end(minute);
                reporter.gone(*entity);
            }
            !rests
        });
        if all.trailing.is_at_rest() && all.episode.open {
            all.episode.end(minute);
            reporter.gone(Entity::ALL);
        }
    }

    fn is_at_rest(&self) -> bool {
        self.all.trailing.is_at_rest()
    }

    fn holds(&self, entity: Entity) -> bool {
        let series = match entity.dimension {
            None => Some(&self.all),
            Some(Dimension::User) => self.users.get(entity),
            Some(_) => self.purposes.get(entity),
        };
        series.is_some_and(|series| series.episode.open)
    }

    fn save(&self, out: &mut Vec<u8>) {
        put_varint(self.first.is_some().into(), out);
        put_signed(self.first.unwrap_or(0), out);
        self.population.iter().for_each(|tail| tail.save(out));
        self.all.save(out);
        self.users.save(out, Series::save);
        self.purposes.save(out, Series::save);
        put_varint(self.active.len() as u64, out);
        self.active.iter().for_each(|entity| put_varint(entity.number(), out));
    }

    fn load(&mut self, bytes: &mut &[u8], names: &Names) -> Option<()> {
        let known = take_varint(bytes)? > 0;
        let first = take_signed(bytes)?;
        self.first = known.then_some(first);
        for tail in &mut self.population {
            *tail = Tail::load(bytes)?;
        }
        self.all = Series::load(bytes)?;
        self.users.load(bytes, names, Series::load)?;
        self.purposes.load(bytes, names, Series::load)?;
        self.active.clear();
        for _ in 0..take_varint(bytes)? {
            let entity = Entity::numbered(take_varint(bytes)?)?;
            self.series(entity)?;
            self.active.push(entity);
        }
        Some(())
    }
}

fn of_pico(pico: u64) -> Money {
    Money::from_pico(pico.into())
}

/// Money of a statistic, for an alarm's sentence and its excess.
fn of_dollars(dollars: f64) -> Money {
    Money::from_pico((dollars * PICO_PER_USD as f64).round() as i128)
}

/// `dev-040 costs $14.20 in 30 min, usually $0.85 an hour`.
fn message(
    entity: Entity,
    spent: Money,
    window: usize,
    usual: Money,
    cause: Option<(Entity, f64)>,
    names: &Names,
) -> String {
    let who = match entity.dimension {
        None => "everything".to_owned(),
        Some(_) => names.label(entity.name).to_string(),
    };
    // A mean is no sum: more than cents of it would say what nobody knows.
    let cents = Money::from_pico(usual.pico() / CENT * CENT);
    let because = cause.map_or(String::new(), |(part, share)| {
        format!(", {:.0} % of the excess is {}", (share * 100.0).min(100.0), names.label(part.name))
    });
    format!("{who} costs {} in {} min, usually {} an hour{because}", dollars(spent), WINDOWS[window], dollars(cents))
}
