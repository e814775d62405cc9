//! A small company that spends: people in office hours, services around the clock, and what can go wrong with them. Deterministic by seed.

use costtop::engine::Post;
use costtop::engine::counters::Counters;
use costtop::engine::names::{NONE, Names};
use costtop::label::Label;
use costtop::money::Money;
use costtop::time::{Timestamp, Zone, parse_rfc3339};
use costtop::usage::Dimension;

pub const MINUTE: i64 = 60_000;
pub const DAY: i64 = 1440 * MINUTE;

/// Pico-dollars for an uncached input token, an output token, a cached and a written one.
const PRICE: [i128; 4] = [3_000_000, 15_000_000, 300_000, 3_750_000];
const PEOPLE: u32 = 14;
const SERVICES: u32 = 4;

/// A Monday at midnight.
pub fn start() -> Timestamp {
    parse_rfc3339(b"2026-11-02T00:00:00Z", Zone::UTC).unwrap()
}

/// Numbers that look like chance (Knuth's MMIX generator).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5555)
    }

    pub fn part(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, end: i64) -> i64 {
        (self.part() * end as f64) as i64
    }

    /// Around `middle`, a factor of `spread` up or down most of the time.
    fn around(&mut self, middle: f64, spread: f64) -> f64 {
        let normal: f64 = (0..6).map(|_| self.part()).sum::<f64>() / 3.0 - 1.0;
        middle * spread.powf(normal * 1.7)
    }
}

/// The posts of some days.
pub struct Company {
    pub names: Names,
    pub posts: Vec<Post>,
    chance: Chance,
}

/// One request as it is made up.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub time: Timestamp,
    pub user: &'a str,
    pub feature: &'a str,
    pub prompt: f64,
    /// The part of it that is read from the cache.
    pub cached: f64,
    pub output: f64,
    pub failed: bool,
}

impl Company {
    /// So many ordinary days from [`start`].
    pub fn ordinary(seed: u64, days: i64) -> Company {
        let mut company = Company { names: Names::default(), posts: Vec::new(), chance: Chance::new(seed) };
        for day in 0..days {
            let midnight = start().plus_ms(day * DAY);
            for person in 0..PEOPLE {
                let sessions = if day % 7 < 5 { 3 + company.chance.below(5) } else { i64::from(person == 0) };
                for _ in 0..sessions {
                    let at = midnight.plus_ms(8 * 60 * MINUTE + company.chance.below(10 * 60 * MINUTE));
                    let turns = 2 + company.chance.below(14);
                    let feature = if person % 3 == 0 { "chat" } else { "coding-agent" };
                    company.session(at, &format!("dev-{person:02}"), feature, turns, 40_000.0);
                }
            }
            for service in 0..SERVICES {
                for _ in 0..150 {
                    let at = midnight.plus_ms(company.chance.below(DAY));
                    company.session(at, &format!("svc-{service:02}"), "support-bot", 1, 15_000.0);
                }
            }
        }
        company.sort();
        company
    }

    pub fn sort(&mut self) {
        self.posts.sort_by_key(|post| post.time);
    }

    /// Turns of one conversation, its context growing.
    pub fn session(&mut self, at: Timestamp, user: &str, feature: &str, turns: i64, gap_ms: f64) {
        let mut time = at;
        let mut prompt = self.chance.around(8_000.0, 2.0);
        for turn in 0..turns {
            let hits = self.chance.part() < if turn == 0 { 0.7 } else { 0.9 };
            let request = Request {
                time,
                user,
                feature,
                prompt,
                cached: if hits { 0.9 } else { 0.0 },
                output: self.chance.around(350.0, 2.5),
                failed: self.chance.part() < 0.01,
            };
            self.request(request);
            prompt = (prompt + self.chance.around(900.0, 2.0)).min(180_000.0);
            time = time.plus_ms(self.chance.around(gap_ms, 2.0) as i64 + 1);
        }
    }

    pub fn request(&mut self, request: Request) {
        let mut profile = [NONE; Dimension::COUNT];
        for (dimension, name) in
            [(Dimension::User, request.user), (Dimension::Feature, request.feature), (Dimension::Model, "sonnet")]
        {
            profile[dimension.place()] = self.names.intern(&Label::new(name));
        }
        let read = (request.prompt * request.cached) as i64;
        let rest = request.prompt as i64 - read;
        let (input, written) = (rest / 2, rest - rest / 2);
        let output = request.output as i64;
        let priced = |rates: [i128; 4]| {
            let tokens = [input, output, read, written];
            tokens.iter().zip(rates).map(|(tokens, rate)| i128::from(*tokens) * rate).sum::<i128>()
        };
        let sums = if request.failed {
            Counters { requests: 1, errors: 1, ..Counters::default() }
        } else {
            let cost = Money::from_pico(priced(PRICE));
            let uncached = Money::from_pico(priced([PRICE[0], PRICE[1], PRICE[0], PRICE[0]]));
            Counters {
                requests: 1,
                input,
                cache_read: read,
                cache_write_5m: written,
                output,
                reported: cost,
                computed_beside: cost,
                saved: uncached - cost,
                ..Counters::default()
            }
        };
        let profile = self.names.profile(profile);
        let number = self.posts.len() as u32;
        self.posts.push(Post { number, time: request.time, profile, session: NONE, sign: 1, sums, history: false });
    }

    /// One person's agent runs in a loop, a request every few seconds.
    pub fn add_loop(&mut self, at: Timestamp, user: &str, minutes: i64) {
        let turns = minutes * 60 / 6;
        self.session(at, user, "coding-agent", turns, 5_000.0);
        self.sort();
    }

    /// A service's requests fail and are sent again, about one a second.
    pub fn add_storm(&mut self, at: Timestamp, minutes: i64) {
        for second in 0..minutes * 60 {
            let failed = self.chance.part() > 0.06;
            let time = at.plus_ms(second * 1000 + self.chance.below(1000));
            let (user, feature) = ("svc-01", "support-bot");
            self.request(Request { time, user, feature, prompt: 100.0, cached: 0.0, output: 60.0, failed });
        }
        self.sort();
    }

    /// Nothing of a feature is read from the cache any more.
    pub fn break_cache(&mut self, from: Timestamp, until: Timestamp, feature: &str) {
        let feature = self.names.find(feature).unwrap();
        for post in &mut self.posts {
            let sums = &mut post.sums;
            if post.time < from || post.time >= until || sums.cache_read == 0 {
                continue;
            }
            if self.names.of(post.profile, Dimension::Feature) == feature {
                let extra = Money::from_pico(i128::from(sums.cache_read) * (PRICE[0] - PRICE[2]));
                sums.input += sums.cache_read;
                sums.cache_read = 0;
                sums.reported += extra;
                sums.computed_beside += extra;
                sums.saved -= extra;
            }
        }
    }

    /// The log reports so many times the price.
    pub fn mistake_price(&mut self, from: Timestamp, until: Timestamp, times: i128) {
        for post in self.posts.iter_mut().filter(|post| post.time >= from && post.time < until) {
            post.sums.reported = Money::from_pico(post.sums.reported.pico() * times);
        }
    }
}
