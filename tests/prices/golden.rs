//! Bills computed by another implementation over the same price map.

use costtop::config::PriceConfig;
use costtop::money::Money;
use costtop::price::PriceBook;
use costtop::time::Timestamp;
use costtop::usage::{RawText, Terms, Tokens, Usage};
use serde_json::Value;

/// Dollars by which a float's bill may differ: 10^-9.
const TOLERANCE_PICO: u128 = 1_000;

fn raw<'a>(case: &'a Value, field: &str) -> RawText<'a> {
    RawText::plain(case.get(field).and_then(Value::as_str).unwrap_or_default().as_bytes())
}

/// The usage that a golden case describes.
pub fn usage(case: &Value) -> Usage<'_> {
    let count = |at: usize| u32::try_from(case["tokens"][at].as_u64().unwrap()).unwrap();
    let at = chrono::DateTime::parse_from_rfc3339(case["at"].as_str().unwrap()).unwrap();
    Usage {
        time: Some(Timestamp::from_ms(at.timestamp_millis())),
        model: raw(case, "model"),
        provider: raw(case, "provider"),
        terms: Terms {
            tier: raw(case, "tier"),
            region: raw(case, "region"),
            data_residency: raw(case, "data_residency"),
            vertex_location: raw(case, "vertex_location"),
            inference_geo: raw(case, "inference_geo"),
            speed: raw(case, "speed"),
        },
        tokens: Tokens {
            input: count(0),
            cache_read: count(1),
            cache_write_5m: count(2),
            cache_write_1h: count(3),
            output: count(4),
            reasoning: count(5),
            web_searches: count(6),
        },
        ..Usage::default()
    }
}

/// Every golden case.
pub fn cases() -> Vec<Value> {
    serde_json::from_str(include_str!("../fixtures/prices/golden.json")).unwrap()
}

#[test]
fn every_golden_bill_is_ours() {
    let book = PriceBook::new(&PriceConfig::default()).unwrap();
    let cases = cases();
    assert_eq!(cases.len(), 264);
    let mut wrong = Vec::new();
    for case in &cases {
        let expected = Money::parse(case["cost"].as_str().unwrap().as_bytes()).unwrap();
        let quote = book.quote(&usage(case));
        let computed = quote.priced.computed.map(Money::from);
        if computed.is_none_or(|it| (it - expected).pico().unsigned_abs() > TOLERANCE_PICO) {
            wrong.push(format!(
                "{case}\n  ours {computed:?}, expected {expected:?}, {:?} {:?}",
                quote.terms, quote.unpriced
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
