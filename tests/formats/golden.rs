//! Bills that another implementation computed from providers' own usage objects, fed as lines through decoder and pricer.

use costtop::config::PriceConfig;
use costtop::format::{Decoder, Line};
use costtop::money::Money;
use costtop::price::{PriceBook, Pricer};
use costtop::time::Zone;
use costtop::usage::Usage;
use serde_json::Value;
use std::sync::Arc;

use super::slow_reader;

/// Dollars by which a float's bill may differ: 10^-9.
const TOLERANCE_PICO: u128 = 1_000;

fn counts(usage: &Usage<'_>) -> Value {
    let t = usage.tokens;
    serde_json::json!([
        t.input,
        t.cache_read,
        t.cache_write_5m,
        t.cache_write_1h,
        t.output,
        t.reasoning,
        t.web_searches
    ])
}

#[test]
fn every_golden_line_costs_what_it_says() {
    let book = Arc::new(PriceBook::new(&PriceConfig::default()).unwrap());
    let mut pricer = Pricer::new(Arc::clone(&book));
    let mut decoder = Decoder::new(Zone::UTC);
    let (mut wrong, mut checked, mut doubted) = (Vec::new(), 0, 0);
    for text in include_str!("../fixtures/formats/golden.jsonl").lines() {
        let case: Value = serde_json::from_str(text).unwrap();
        let line = case["line"].to_string();
        slow_reader::compare(line.as_bytes());
        let kind = decoder.decode(0, line.as_bytes(), &mut |_, result| {
            let usage = result.unwrap_or_else(|skip| panic!("{skip:?}: {line}"));
            checked += 1;
            if !case["tokens"].is_null() {
                assert_eq!(counts(usage), case["tokens"], "{text}");
            }
            let computed = pricer.price(usage).computed.map(Money::from);
            let Some(expected) = case["cost"].as_str() else {
                // A price in doubt: any amount, but it must be said.
                let quote = book.quote(usage);
                assert!(!quote.doubts.is_empty() || quote.unpriced.is_some(), "nothing is doubted: {text}");
                doubted += 1;
                return;
            };
            let expected = Money::parse(expected.as_bytes()).unwrap();
            if computed.is_none_or(|it| (it - expected).pico().unsigned_abs() > TOLERANCE_PICO) {
                wrong.push(format!("{text}\n  ours {computed:?}, expected {expected:?}"));
            }
        });
        let Line::Known(format) = kind else { panic!("{kind:?}: {text}") };
        assert_eq!(format.name(), case["format"], "{text}");
    }
    assert_eq!((checked, doubted), (272, 2));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Requests to models of every maker that has one in the price map, in every tier, on both sides of every threshold, with bills that
/// `tests/prices/bills.py` made of decimals: counts and the last digit of the cost are the same.
#[test]
fn every_bill_made_of_decimals_is_ours_to_the_last_digit() {
    let mut pricer = Pricer::new(Arc::new(PriceBook::new(&PriceConfig::default()).unwrap()));
    let mut decoder = Decoder::new(Zone::UTC);
    let (mut wrong, mut checked, mut providers) = (Vec::new(), 0, std::collections::BTreeSet::new());
    for text in include_str!("../fixtures/prices/bills.jsonl").lines() {
        let case: Value = serde_json::from_str(text).unwrap();
        let line = case["line"].to_string();
        slow_reader::compare(line.as_bytes());
        decoder.decode(0, line.as_bytes(), &mut |_, result| {
            let usage = result.unwrap_or_else(|skip| panic!("{skip:?}: {line}"));
            checked += 1;
            providers.insert(case["line"]["provider"].as_str().unwrap().to_owned());
            let expected = Money::parse(case["cost"].as_str().unwrap().as_bytes()).unwrap();
            let computed = pricer.price(usage).computed.map(Money::from);
            if computed != Some(expected) || counts(usage) != case["tokens"] {
                wrong.push(format!("{text}\n  ours {computed:?}, expected {expected:?}"));
            }
        });
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((checked, providers.len() > 15), (800, true), "{providers:?}");
}
