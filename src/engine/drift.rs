//! Reported against computed costs. Charges that have both enter; what they come to by model and provider, and where they drift apart,
//! since when and like what, leaves. It judges amounts only: no log is read again.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::bill::{Bill, CostSource, drifts};
use super::ledger::Ledger;
use super::names::{NameId, Names, ProfileId};
use super::view::{Drift, End, ViewQuery, Window};
use crate::label::Label;
use crate::money::{Cost, Money};
use crate::price::names::Wanted;
use crate::price::{PriceBook, Pricer};
use crate::time::{MINUTE_MS, Timestamp};
use crate::usage::{Dimension, RawText, Terms, Tokens, Usage};

/// Drifting charges of one group that are looked at for a cause: the oldest.
const SAMPLES: usize = 64;
/// A cause must explain so many tenths of them.
const TENTHS: usize = 9;
/// Segments of rows read at once for a screen: some 10 ms.
const SEGMENTS_AT_ONCE: usize = 48;
/// While a screen looks at it, it is read again at most this often.
const AGAIN_MS: i64 = 10_000;

/// Requests of one model at one provider that have a reported and a computed cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftRow {
    /// The model's number, by which a screen opens it.
    pub id: NameId,
    /// The provider, where the log names one.
    pub provider: Option<Label>,
    /// The model.
    pub model: Option<Label>,
    /// Requests that have both costs.
    pub compared: u64,
    /// What logs report of them.
    pub reported: Money,
    /// What the table says of them.
    pub computed: Money,
    /// Where some of them drift apart beyond rounding.
    pub finding: Option<Finding>,
}

/// Charges whose reported cost is another one than the table's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How many.
    pub requests: u64,
    /// What logs report of them, less what the table says.
    pub drift: Money,
    /// The oldest of them.
    pub since: Timestamp,
    /// The newest of them.
    pub last: Timestamp,
    /// What their amounts look like.
    pub cause: Cause,
}

/// What reported costs look like beside the table's. A likelihood: the amounts fit it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The batch price of the same tokens.
    BatchRate,
    /// The price of another tier than the log names.
    Tier(Label),
    /// The price with all cache writes of the other duration.
    WriteSplit,
    /// The price with Anthropic's or `OpenAI`'s regional factor, or without it.
    RegionalFactor,
    /// The price of fast mode.
    Fast,
    /// Cache reads and writes at the input rate.
    CacheAsInput,
    /// Cache tokens billed twice: at their rates, and as input.
    CacheInside,
    /// The price without the fees of web searches.
    SearchFee,
    /// The same part of the table's everywhere, less: in millionths.
    Discount(i64),
    /// The same part of the table's everywhere, more: in millionths.
    ListPrice(i64),
    /// The name is an alias of the configuration, perhaps of another model.
    Alias(Label),
    /// Nothing known.
    Unknown,
}

impl Cause {
    /// The word of the JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Cause::BatchRate => "batch_rate",
            Cause::Tier(_) => "tier",
            Cause::WriteSplit => "write_split",
            Cause::RegionalFactor => "regional_factor",
            Cause::Fast => "fast",
            Cause::CacheAsInput => "cache_as_input",
            Cause::CacheInside => "cache_inside",
            Cause::SearchFee => "search_fee",
            Cause::Discount(_) => "discount",
            Cause::ListPrice(_) => "list_price",
            Cause::Alias(_) => "alias",
            Cause::Unknown => "unknown",
        }
    }
}

/// A charge that drifts.
#[derive(Clone, Copy, Debug)]
struct Sample {
    tokens: Tokens,
    tier: NameId,
    reported: Cost,
    computed: Cost,
}

#[derive(Debug, Default)]
struct Group {
    compared: u64,
    reported: Money,
    computed: Money,
    drifted: u64,
    drift: Money,
    last: Timestamp,
    /// The oldest, by time and row.
    samples: BTreeMap<(Timestamp, u32), Sample>,
}

/// Sums by model and provider.
#[derive(Debug, Default)]
pub(super) struct Drifts {
    groups: Vec<((NameId, NameId), Group)>,
    places: FxHashMap<(NameId, NameId), usize>,
    /// Each profile's group, where it has been met.
    of_profile: Vec<Option<u32>>,
}

impl Drifts {
    /// Counts a charge, if it has both costs.
    pub(super) fn note(&mut self, bill: &Bill, names: &Names) {
        let (CostSource::Reported, Some(computed), false) = (bill.source, bill.computed, bill.cache_hit) else {
            return;
        };
        let group = self.group(bill.profile, names);
        group.compared += 1;
        group.reported += bill.cost.into();
        group.computed += computed.into();
        if !drifts(bill.cost, computed) {
            return;
        }
        group.drifted += 1;
        group.drift += Money::from(bill.cost) - Money::from(computed);
        group.last = if group.drifted == 1 { bill.time } else { group.last.max(bill.time) };
        let at = (bill.time, bill.number);
        if group.samples.len() < SAMPLES || group.samples.last_key_value().is_some_and(|(latest, _)| at < *latest) {
            let tier = names.of(bill.profile, Dimension::Tier);
            group.samples.insert(at, Sample { tokens: bill.tokens, tier, reported: bill.cost, computed });
            if group.samples.len() > SAMPLES {
                group.samples.pop_last();
            }
        }
    }

    fn group(&mut self, profile: ProfileId, names: &Names) -> &mut Group {
        let Drifts { groups, places, of_profile } = self;
        let id = profile as usize;
        let place = if let Some(Some(place)) = of_profile.get(id) {
            *place as usize
        } else {
            let key = (names.of(profile, Dimension::Model), names.of(profile, Dimension::Provider));
            let place = *places.entry(key).or_insert_with(|| {
                groups.push((key, Group::default()));
                groups.len() - 1
            });
            if id >= of_profile.len() {
                of_profile.resize(names.profiles().max(id + 1), None);
            }
            of_profile[id] = u32::try_from(place).ok();
            place
        };
        &mut groups[place].1
    }

    /// One row a group: the greatest drift first, then by name.
    pub(super) fn rows(&self, names: &Names, book: Option<&Arc<PriceBook>>) -> Vec<DriftRow> {
        let mut pricer = book.map(|book| Pricer::new(Arc::clone(book)));
        let mut rows: Vec<DriftRow> = Vec::with_capacity(self.groups.len());
        for ((model, provider), group) in &self.groups {
            let finding = group.samples.first_key_value().map(|((since, _), _)| Finding {
                requests: group.drifted,
                drift: group.drift,
                since: *since,
                last: group.last,
                cause: pricer
                    .as_mut()
                    .map_or(Cause::Unknown, |pricer| cause((*model, *provider), group, names, pricer)),
            });
            rows.push(DriftRow {
                id: *model,
                provider: names.named(*provider).cloned(),
                model: names.named(*model).cloned(),
                compared: group.compared,
                reported: group.reported,
                computed: group.computed,
                finding,
            });
        }
        let size = |row: &DriftRow| row.finding.as_ref().map_or(0, |finding| finding.drift.pico().unsigned_abs());
        let weight = |row: &DriftRow| (Reverse(row.finding.is_some()), Reverse(size(row)), Reverse(row.reported));
        rows.sort_by(|a, b| {
            weight(a).cmp(&weight(b)).then_with(|| (&a.model, &a.provider).cmp(&(&b.model, &b.provider)))
        });
        rows
    }
}

/// What the samples look like: each hypothesis prices them again, and the first that fits nearly all of them is it.
fn cause((model, provider): (NameId, NameId), group: &Group, names: &Names, pricer: &mut Pricer) -> Cause {
    let raw = |name: NameId| names.named(name).map_or(RawText::NONE, |label| RawText::plain(label.as_str().as_bytes()));
    let samples: Vec<(Usage<'_>, Sample)> = group
        .samples
        .iter()
        .map(|((time, _), sample)| {
            let terms = Terms { tier: raw(sample.tier), ..Terms::default() };
            let (model, provider, tokens) = (raw(model), raw(provider), sample.tokens);
            (Usage { time: Some(*time), model, provider, tokens, terms, ..Usage::default() }, *sample)
        })
        .collect();
    let needed = (samples.len() * TENTHS).div_ceil(10);
    // A price that depended on what the ledger does not keep cannot be varied.
    let told =
        |usage: &Usage<'_>, sample: &Sample, pricer: &mut Pricer| pricer.price(usage).computed == Some(sample.computed);
    let mut fits = |change: &dyn Fn(&mut Usage<'_>)| {
        let fitting = samples.iter().filter(|(usage, sample)| {
            let mut other = *usage;
            change(&mut other);
            told(usage, sample, pricer)
                && pricer.price(&other).computed.is_some_and(|cost| !drifts(sample.reported, cost))
        });
        fitting.count() >= needed
    };
    if fits(&|usage| usage.terms.tier = RawText::plain(b"batch")) {
        return Cause::BatchRate;
    }
    for tier in ["standard", "flex", "priority"] {
        if fits(&|usage| usage.terms.tier = RawText::plain(tier.as_bytes())) {
            return Cause::Tier(Label::new(tier));
        }
    }
    let to_5m = |usage: &mut Usage<'_>| {
        let tokens = &mut usage.tokens;
        (tokens.cache_write_5m, tokens.cache_write_1h) =
            (tokens.cache_write_5m.saturating_add(tokens.cache_write_1h), 0);
    };
    let to_1h = |usage: &mut Usage<'_>| {
        let tokens = &mut usage.tokens;
        (tokens.cache_write_5m, tokens.cache_write_1h) =
            (0, tokens.cache_write_5m.saturating_add(tokens.cache_write_1h));
    };
    if fits(&to_5m) || fits(&to_1h) {
        return Cause::WriteSplit;
    }
    if fits(&|usage| usage.terms.inference_geo = RawText::plain(b"us"))
        || fits(&|usage| usage.terms.data_residency = RawText::plain(b"eu"))
        || fits(&|usage| usage.terms.vertex_location = RawText::plain(b"us-central1"))
    {
        return Cause::RegionalFactor;
    }
    if fits(&|usage| usage.terms.speed = RawText::plain(b"fast")) {
        return Cause::Fast;
    }
    if fits(&|usage| {
        let prompt = usage.tokens.prompt();
        let tokens = &mut usage.tokens;
        (tokens.cache_read, tokens.cache_write_5m, tokens.cache_write_1h) = (0, 0, 0);
        tokens.input = u32::try_from(prompt).unwrap_or(u32::MAX);
    }) {
        return Cause::CacheAsInput;
    }
    if fits(&|usage| usage.tokens.input = u32::try_from(usage.tokens.prompt()).unwrap_or(u32::MAX)) {
        return Cause::CacheInside;
    }
    if fits(&|usage| usage.tokens.web_searches = 0) {
        return Cause::SearchFee;
    }
    let text = |name: NameId| names.named(name).map_or("", Label::as_str);
    let wanted = Wanted { model: text(model), provider: text(provider), region: "" };
    if let Some(alias) = pricer.book().alias(&wanted) {
        return Cause::Alias(Label::new(alias));
    }
    constant(&samples, needed)
}

/// The same part everywhere.
fn constant(samples: &[(Usage<'_>, Sample)], needed: usize) -> Cause {
    let sum = |of: fn(&Sample) -> Cost| samples.iter().map(|(_, sample)| u128::from(of(sample).pico())).sum::<u128>();
    let (reported, computed) = (sum(|sample| sample.reported), sum(|sample| sample.computed));
    let scaled = |cost: Cost| {
        let product = u128::from(cost.pico()).checked_mul(reported)?;
        u64::try_from(product.checked_div(computed)?).ok().map(Cost::from_pico)
    };
    let same = samples
        .iter()
        .filter(|(_, sample)| scaled(sample.computed).is_some_and(|cost| !drifts(sample.reported, cost)))
        .count();
    // One charge is always the same part of itself.
    if same < needed || samples.len() < 2 {
        return Cause::Unknown;
    }
    let millionths = |part: u128| i64::try_from(part * 1_000_000 / computed.max(1)).unwrap_or(i64::MAX);
    match reported.checked_sub(computed) {
        Some(more) => Cause::ListPrice(millionths(more)),
        None => Cause::Discount(millionths(computed - reported)),
    }
}

/// What a screen sees of it: read in steps, so that a long history holds nothing up.
#[derive(Debug)]
pub(super) struct Scan {
    asked: (Window, End),
    /// The window, in milliseconds.
    span: Range<i64>,
    /// The engine's time and version when it began.
    began: Timestamp,
    version: u64,
    /// The segment that is read next; `None`: all are in.
    next: Option<usize>,
    drifts: Drifts,
    /// What was found when all had been read last.
    rows: Option<Vec<DriftRow>>,
}

impl Scan {
    /// Something is left to be read.
    pub(super) fn has_work(&self) -> bool {
        self.next.is_some()
    }

    fn read(&mut self, ledger: &mut Ledger, names: &mut Names, book: Option<&Arc<PriceBook>>) -> io::Result<()> {
        let Some(from) = self.next else { return Ok(()) };
        let segments = ledger.rows().segments();
        let until = segments.min(from + SEGMENTS_AT_ONCE);
        let Scan { span, drifts, .. } = self;
        for segment in from..until {
            if ledger.overlaps(segment, span) {
                ledger.for_each_bill_of(
                    segment,
                    span,
                    names,
                    |_, _, _| true,
                    |bill, names| drifts.note(bill, names),
                )?;
            }
        }
        self.next = (until < segments).then_some(until);
        if self.next.is_none() {
            self.rows = Some(std::mem::take(&mut self.drifts).rows(names, book));
        }
        Ok(())
    }
}

impl Engine {
    /// The drift of a question's window, as it was when all of it had been read last; `None` where nobody asks.
    pub(super) fn look_at_drift(&mut self, query: &ViewQuery, until: Timestamp) -> Option<Drift> {
        if !query.drift {
            self.drift = None;
            return None;
        }
        let asked = (query.window, query.end);
        let end = match query.end {
            End::Now => (until.minute() + 1) * MINUTE_MS,
            End::At(_) => until.ms(),
        };
        let span = end - query.window.minutes() * MINUTE_MS..end;
        let (now, version) = (self.now, self.version);
        let known = self.drift.take().filter(|scan| scan.asked == asked);
        let is_fresh = |scan: &Scan| {
            scan.has_work() || scan.began.plus_ms(AGAIN_MS) > now || (scan.version, &scan.span) == (version, &span)
        };
        let scan = match known {
            Some(scan) if is_fresh(&scan) => scan,
            other => {
                let rows = other.and_then(|scan| scan.rows);
                Scan { asked, span, began: now, version, next: Some(0), drifts: Drifts::default(), rows }
            }
        };
        self.drift = Some(scan);
        if let Err(error) = self.read_drift() {
            self.trouble = Some(error);
        }
        let rows = self.drift.as_ref().and_then(|scan| scan.rows.clone());
        Some(Drift { is_known: rows.is_some(), rows: rows.unwrap_or_default() })
    }

    /// Reads on.
    pub(super) fn read_drift(&mut self) -> io::Result<()> {
        let Engine { drift, ledger, names, lists, rows_missing, .. } = self;
        match drift {
            Some(scan) if !*rows_missing => scan.read(ledger, names, lists.book()),
            _ => Ok(()),
        }
    }

    /// There is drift to be read.
    pub(super) fn has_drift_left(&self) -> bool {
        !self.rows_missing && self.drift.as_ref().is_some_and(Scan::has_work)
    }
}
