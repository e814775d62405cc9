//! One model's rates as they are billed: its entry enters, rows of text leave. The rates come from the billing rules, fallbacks filled in.

use super::figures::{aligned, crossing, dollars, steps, table};
use super::text::count;
use crate::label::clean;
use crate::price::entry::{Kind, ModelPrice, OffPeak, Uplift};
use crate::price::names::{Step, Wanted};
use crate::price::rate::{Rate, Ratio};
use crate::price::rules::{Bill, Conditions, Doubt, Plan};
use crate::price::{ModelListing, PriceBook};
use crate::time::Timestamp;
use crate::usage::{Media, RawText, Terms, Tokens, Usage};

/// Minutes of a week: off-peak hours repeat in it.
const WEEK: i64 = 7 * 24 * 60;

/// A row: a word and what it says; without a word it belongs to the row above.
pub type Row = (&'static str, String);

/// Whose price it is, and how the name led there.
pub fn heading(found: &ModelListing) -> Vec<Row> {
    let provider = match found.price.provider.as_str() {
        "" => String::new(),
        provider => format!(" ({})", clean(provider)),
    };
    let how = if found.steps.is_empty() { "by this very name".to_owned() } else { steps(&found.steps) };
    vec![("price", format!("{}{provider} in the {}", clean(&found.name), table(&found.table))), ("matched", how)]
}

/// What `found` costs at an instant.
pub fn of(book: &PriceBook, wanted: &Wanted<'_>, found: &ModelListing, at: Timestamp) -> Vec<Row> {
    let price = &*found.price;
    let mut rows = Vec::new();
    if found.steps.contains(&Step::FreeVariant) {
        rows.push(("rates", "a free variant: every rate is $0.00".to_owned()));
        return rows;
    }
    if price.other_unit {
        rows.push(("unpriced", "this model is billed by another unit than tokens".to_owned()));
        return rows;
    }
    let is_shown = |kind: &Kind| *kind <= Kind::CacheWrite1h || price.states(*kind);
    let (text, media): (Vec<Kind>, Vec<Kind>) =
        Kind::ALL.into_iter().filter(is_shown).partition(|kind| *kind <= Kind::Reasoning);
    let (mut word, mut has_derived) = ("rates", false);
    for kinds in [text, media].into_iter().filter(|kinds| !kinds.is_empty()) {
        let (lines, derived) = rate_table(price, &kinds);
        has_derived |= derived;
        rows.extend(lines.into_iter().map(|line| (std::mem::take(&mut word), line)));
    }
    if has_derived {
        rows.push(("", "* not stated for this row: billed so by the rules of docs/prices.md".to_owned()));
    }
    let plan = Plan::new(price, &Conditions::default(), Vec::new());
    rows.extend(fees(price, &plan));
    for tier in tiers(price) {
        let plan = Plan::new(price, &Conditions { tier, ..Conditions::default() }, Vec::new());
        let odd = plan.doubts.iter().filter(|doubt| matches!(doubt, Doubt::TierOdd { .. }));
        rows.extend(odd.map(|doubt| ("doubt", doubt.to_string())));
    }
    if price.provider == "anthropic" && price.uplift(Uplift::Fast).is_none() {
        rows.push(("doubt", Doubt::FastUnknown.to_string()));
    }
    for (cause, ratio) in &price.uplifts {
        rows.push(("factor", format!("× {ratio} on all tokens where {}", cause.name())));
    }
    if let Some(off_peak) = &price.off_peak {
        rows.push(("off-peak", hours(off_peak)));
    }
    let [model, provider, region] =
        [wanted.model, wanted.provider, wanted.region].map(|it| RawText::plain(it.as_bytes()));
    let terms = Terms { region, ..Terms::default() };
    let quote = book.quote(&Usage { model, provider, terms, time: Some(at), ..Usage::default() });
    if quote.remainder != Ratio::ONE {
        rows.push((
            "discount",
            format!("× {} on the whole bill at that time, by [[prices.discount]]", quote.remainder),
        ));
    }
    rows
}

/// Dollars without the sign, at least cents.
pub fn figure(decimal: &str) -> String {
    dollars(decimal).trim_start_matches('$').to_owned()
}

/// A line of the table: which requests it is for, and which statements of the entry would stand behind it.
struct Case<'a> {
    name: String,
    tier: &'a str,
    above: u64,
    time: Option<Timestamp>,
}

/// Rates of `kinds` by tier, prompt size and hour, in dollars per million tokens; whether some are not stated by the entry.
fn rate_table(price: &ModelPrice, kinds: &[Kind]) -> (Vec<String>, bool) {
    let tiers: Vec<(&str, &str)> = [("standard", ""), ("batch", "batches")]
        .into_iter()
        .chain(tiers(price).into_iter().map(|tier| (tier, tier)))
        .collect();
    let sizes: Vec<u64> = if price.bands.is_empty() {
        std::iter::once(0).chain(price.thresholds()).collect()
    } else {
        price.bands.iter().map(|band| band.above).collect()
    };
    let from = crossing(Some(price)).0;
    let mut cases = Vec::new();
    for (name, tier) in &tiers {
        for above in &sizes {
            let size = if *above == 0 { String::new() } else { format!(", prompt {from} {}", count(*above)) };
            cases.push(Case { name: format!("{}{size}", clean(name)), tier, above: *above, time: None });
        }
    }
    let quiet = quiet_instant(price);
    if quiet.is_some() {
        cases.push(Case { name: "standard, off-peak".to_owned(), tier: "", above: 0, time: quiet });
    }
    let head = std::iter::once("USD per million tokens").chain(kinds.iter().map(|kind| kind.name()));
    let mut rows = vec![head.map(str::to_owned).collect::<Vec<_>>()];
    let mut has_derived = false;
    for case in cases {
        let Some(bill) = billed(price, &case) else { continue };
        let mut row = vec![case.name.clone()];
        for kind in kinds {
            let Some(rate) = bill.rates[*kind as usize] else {
                row.push("- ".to_owned());
                continue;
            };
            let derived = !is_stated(price, &case, *kind);
            has_derived |= derived;
            row.push(format!("{}{}", figure(&per_million(rate)), if derived { "*" } else { " " }));
        }
        rows.push(row);
    }
    let is_figure: Vec<bool> = (0..=kinds.len()).map(|column| column > 0).collect();
    (aligned(&rows, &is_figure, "  "), has_derived)
}

/// The tiers the entry names, beside standard and batch.
fn tiers(price: &ModelPrice) -> Vec<&str> {
    let mut tiers: Vec<&str> = price.rates.iter().map(|rate| rate.tier.as_str()).collect();
    tiers.retain(|tier| !tier.is_empty() && *tier != "batches");
    tiers.sort_unstable();
    tiers.dedup();
    tiers
}

/// The bill of the least request that falls under `case`; only its rates are looked at.
fn billed(price: &ModelPrice, case: &Case<'_>) -> Option<Bill> {
    let plan = Plan::new(price, &Conditions { tier: case.tier, ..Conditions::default() }, Vec::new());
    let input = if case.above == 0 { 0 } else { u32::try_from(case.above + 1).ok()? };
    plan.bill(&Tokens { input, ..Tokens::default() }, &Media::default(), case.time).ok()
}

/// Whether the entry itself says this rate for exactly this case.
fn is_stated(price: &ModelPrice, case: &Case<'_>, kind: Kind) -> bool {
    if case.time.is_some() {
        return price.off_peak.as_ref().is_some_and(|off_peak| off_peak.rates[kind as usize].is_some());
    }
    if !price.bands.is_empty() && case.tier.is_empty() {
        let band = price.bands.iter().find(|band| band.above == case.above);
        return band.is_some_and(|band| band.rates[kind as usize].is_some());
    }
    price.rate(kind, case.above, case.tier).is_some()
}

/// Half-attodollars a token as dollars per million, exact.
fn per_million(half_atto: u64) -> String {
    // Half of an odd number of attodollars shows as one place more than a rate can have.
    let whole = Rate::parse_per_million(&format!("{}e-12", half_atto / 2)).map(Rate::per_million).unwrap_or_default();
    if half_atto.is_multiple_of(2) { whole } else { format!("{}5", pointed(&whole)) }
}

/// With all twelve places of a rate.
fn pointed(decimal: &str) -> String {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    format!("{whole}.{fraction:0<12}")
}

fn fees(price: &ModelPrice, plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    let search = plan.bill(&Tokens::default(), &Media::default(), None).ok().and_then(|bill| bill.search);
    match (price.search, search) {
        (Some(rate), _) => rows.push(("search", format!("{} each web search", dollars(&rate.per_call())))),
        (None, Some(_)) => {
            rows.push(("search", "$0.01 each web search, as Anthropic lists; the table has no price".to_owned()));
        }
        (None, None) => {}
    }
    if let Some(rate) = price.per_request {
        rows.push(("request", format!("{} each request, beside its tokens", dollars(&rate.per_call()))));
    }
    rows
}

/// An instant at which the off-peak rates hold.
fn quiet_instant(price: &ModelPrice) -> Option<Timestamp> {
    price.off_peak.as_ref()?;
    let plan = Plan::new(price, &Conditions::default(), Vec::new());
    let at = |minute: i64| Timestamp::from_ms(minute * 60_000);
    let is_quiet = |minute: &i64| {
        plan.bill(&Tokens::default(), &Media::default(), Some(at(*minute))).is_ok_and(|bill| bill.off_peak)
    };
    (0..WEEK).find(is_quiet).map(at)
}

/// `Mon-Fri 16:30-00:30 UTC`.
fn hours(off_peak: &OffPeak) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let windows = off_peak.windows.iter().map(|window| {
        let days: Vec<&str> =
            DAYS.iter().enumerate().filter(|(day, _)| window.weekdays >> day & 1 == 1).map(|(_, name)| *name).collect();
        let days = match days.len() {
            7 => "every day".to_owned(),
            _ => days.join(" "),
        };
        let span = |(start, end): &(u16, u16)| {
            if start == end { "all day".to_owned() } else { format!("{}-{}", clock(*start), clock(*end)) }
        };
        format!("{days} {}", window.minutes.iter().map(span).collect::<Vec<_>>().join(" and "))
    });
    let text = windows.collect::<Vec<_>>().join("; ");
    match off_peak.weekday_zone {
        Some(zone) => format!("{text} UTC, weekdays of {}", zone.name()),
        None => format!("{text} UTC"),
    }
}
