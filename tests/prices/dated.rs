//! Prices that hold for a time: history is priced as it was.

use std::sync::Arc;

use costtop::config::{FlatPrice, PriceConfig, PriceFile, Validity};
use costtop::price::names::Wanted;
use costtop::price::rules::{Doubt, Unpriced};
use costtop::price::{PriceBook, Table};
use costtop::time::{Timestamp, Zone, parse_rfc3339};
use costtop::usage::Usage;
use proptest::prelude::*;

use super::request;

fn at(text: &str) -> Option<Timestamp> {
    parse_rfc3339(text.as_bytes(), Zone::UTC)
}

fn between(from: &str, until: &str) -> Validity {
    Validity { from: at(from), until: at(until) }
}

/// A model of the operator's own with a gap in its history, and one of the table that was dearer once.
fn config() -> PriceConfig {
    let flat = |valid, input| FlatPrice { valid, input, output: input, ..FlatPrice::default() };
    let mut config = PriceConfig::default();
    let own = vec![
        flat(between("", "2026-01-01"), 1_000_000),
        flat(between("2026-02-01", "2026-03-01"), 2_000_000),
        flat(between("2026-03-01", ""), 3_000_000),
    ];
    config.models.insert("In-House".to_owned(), own);
    config.models.insert("gpt-5.4".to_owned(), vec![flat(between("", "2026-06-01"), 9_000_000)]);
    config
}

fn book() -> PriceBook {
    PriceBook::new(&config()).unwrap()
}

/// A million tokens of input at a time; `None`: unpriced.
fn dollars(book: &PriceBook, model: &str, time: &str) -> Option<String> {
    let usage = Usage { time: at(time), ..request(model, "", [1_000_000, 0, 0, 0, 0, 0, 0]) };
    book.price(&usage).computed.map(|cost| cost.to_string().trim_end_matches('0').to_owned())
}

#[test]
fn the_price_is_that_of_the_event_not_of_today() {
    let book = book();
    let own = |time| dollars(&book, "openai/in-house", time);
    assert_eq!(own("2019-05-05").as_deref(), Some("1."));
    assert_eq!(own("2025-12-31T23:59:59.999Z").as_deref(), Some("1."));
    assert_eq!(own("2026-02-01T00:00:00Z").as_deref(), Some("2."), "the first instant is inside");
    assert_eq!(own("2026-02-28T23:59:59.999Z").as_deref(), Some("2."));
    assert_eq!(own("2026-03-01T00:00:00Z").as_deref(), Some("3."));
    assert_eq!(own("2030-01-01").as_deref(), Some("3."));
}

#[test]
fn where_no_price_holds_the_next_table_does_or_none() {
    let book = book();
    assert_eq!(dollars(&book, "gpt-5.4", "2026-05-31").as_deref(), Some("9."));
    assert_eq!(dollars(&book, "gpt-5.4", "2026-06-01").as_deref(), Some("5."), "long context of the embedded table");
    assert_eq!(dollars(&book, "in-house", "2026-01-15"), None);
    let usage = Usage { time: at("2026-01-15"), ..request("in-house", "", [1; 7]) };
    assert_eq!(book.quote(&usage).unpriced, Some(Unpriced::OtherTimes));
    assert_eq!(book.quote(&request("in-hous", "", [1; 7])).unpriced, Some(Unpriced::Unknown));
}

#[test]
fn without_a_time_the_price_without_an_end_holds_and_is_in_doubt() {
    let book = book();
    assert_eq!(dollars(&book, "in-house", "").as_deref(), Some("3."));
    assert_eq!(dollars(&book, "gpt-5.4", "").as_deref(), Some("5."));
    for model in ["in-house", "gpt-5.4"] {
        assert_eq!(book.quote(&request(model, "", [1, 0, 0, 0, 1, 0, 0])).doubts, [Doubt::Dateless], "{model}");
    }
    assert_eq!(book.quote(&request("gpt-5.5", "", [1, 0, 0, 0, 1, 0, 0])).doubts, []);
    let dated = Usage { time: at("2026-05-05"), ..request("in-house", "", [1, 0, 0, 0, 1, 0, 0]) };
    assert_eq!(book.quote(&dated).doubts, []);
}

#[test]
fn an_old_price_map_holds_until_its_end() {
    let old = tempfile::NamedTempFile::new().unwrap();
    let map = r#"{"gpt-5.4":{"input_cost_per_token":4e-06,"output_cost_per_token":1e-05,"input_cost_per_token_flex":2e-06},
                 "gone-model":{"input_cost_per_token":1e-06,"output_cost_per_token":1e-06}}"#;
    std::fs::write(old.path(), map).unwrap();
    let file = PriceFile { path: old.path().to_owned(), valid: between("", "2026-03-01") };
    let book = PriceBook::new(&PriceConfig { files: vec![file], ..PriceConfig::default() }).unwrap();
    assert_eq!(dollars(&book, "gpt-5.4", "2026-02-28").as_deref(), Some("4."));
    assert_eq!(dollars(&book, "gpt-5.4", "2026-03-01").as_deref(), Some("5."));
    assert_eq!(dollars(&book, "gone-model", "2026-02-28").as_deref(), Some("1."));
    assert_eq!(dollars(&book, "gone-model", "2026-03-01"), None);
    let wanted = Wanted { model: "gpt-5.4", ..Wanted::default() };
    assert_eq!(book.lookup(&wanted, at("2026-01-01")).unwrap().table, Table::File(old.path().to_owned()));
    assert_eq!(book.lookup(&wanted, None).unwrap().table, Table::Embedded);
    assert!(book.models(at("2026-01-01")).iter().any(|it| it.name == "gone-model"));
    assert!(!book.models(at("2026-04-01")).iter().any(|it| it.name == "gone-model"));
    let everywhere: Vec<Table> = book.everywhere("GPT-5.4").into_iter().map(|it| it.table).collect();
    assert_eq!(everywhere, [Table::File(old.path().to_owned()), Table::Embedded]);
}

proptest! {
    /// What a pricer remembers of one time is not what it says of another.
    #[test]
    fn a_pricer_knows_the_time(days in prop::collection::vec(prop::option::of(0i64..500), 1..60)) {
        let book = Arc::new(book());
        let mut pricer = book.pricer();
        let start = at("2025-11-01").unwrap();
        for (turn, day) in days.into_iter().enumerate() {
            let model = ["in-house", "gpt-5.4", "claude-opus-4-6", "nobody"][turn % 4];
            let time = day.map(|day| start.plus_ms(day * 86_400_000));
            let usage = Usage { time, ..request(model, "", [1_000, 5, 0, 0, 7, 0, 0]) };
            prop_assert_eq!(pricer.price(&usage), book.price(&usage));
        }
    }
}
