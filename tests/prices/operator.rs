//! The operator's own prices: files, flat models, aliases, discounts.

use std::io::Write as _;
use std::path::PathBuf;

use costtop::config::{Discount, FlatPrice, PriceConfig, PriceFile, Validity};
use costtop::price::{PriceBook, Table};
use costtop::time::Timestamp;
use costtop::usage::{RawText, Usage};

use super::{dollars, lookup, request};

fn flat(input: u64, output: u64) -> FlatPrice {
    FlatPrice { input, output, ..FlatPrice::default() }
}

fn discount(provider: Option<&str>, model: Option<&str>, percent_millionths: u64) -> Discount {
    let (provider, model) = (provider.map(str::to_owned), model.map(str::to_owned));
    Discount { provider, model, percent_millionths, valid: Validity::default() }
}

fn named(path: impl Into<PathBuf>) -> PriceFile {
    path.into().into()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn files_stand_over_the_table_and_flat_models_over_both() {
    let first = file(
        r#"{"gpt-5.4":{"input_cost_per_token":1e-06,"output_cost_per_token":1e-06},"o3":{"input_cost_per_token":"7e-06","output_cost_per_token":0}}"#,
    );
    let last = file(r#"{"GPT-5.4":{"input_cost_per_token":3e-06,"output_cost_per_token":1e-06}}"#);
    let mut config = PriceConfig { files: vec![named(first.path()), named(last.path())], ..PriceConfig::default() };
    config.models.insert("In-House".to_owned(), vec![flat(200_000, 600_000)]);
    config.models.insert("gpt-4o".to_owned(), vec![flat(1, 1)]);
    let book = PriceBook::new(&config).unwrap();
    let million = |model| dollars(&book, &request(model, "", [1_000_000, 0, 0, 0, 0, 0, 0]));
    assert_eq!(million("openai/gpt-5.4"), "3.000000000000");
    assert_eq!(million("o3"), "7.000000000000");
    assert_eq!(million("in-house"), "0.200000000000");
    assert_eq!(million("gpt-4o"), "0.000001000000");
    assert_eq!(million("claude-opus-4-6"), "5.000000000000");
    assert_eq!(lookup(&book, "gpt-5.4").unwrap().table, Table::File(last.path().into()));
    assert_eq!(lookup(&book, "gpt-4o").unwrap().table, Table::Configuration);
    assert_eq!(lookup(&book, "o4-mini").unwrap().table.date(), Some("2026-11-21"));
    let models = book.models(None);
    assert_eq!(models.iter().filter(|it| it.name.eq_ignore_ascii_case("gpt-5.4")).count(), 1);
    assert!(models.len() > 3_000 && models[0].name == "In-House" || models[0].name == "gpt-4o");
}

#[test]
fn a_flat_model_may_state_its_media() {
    let mut config = PriceConfig::default();
    let media = [[Some(30_000_000), None, Some(60_000_000)], [None; 3], [None; 3]];
    config.models.insert("our-voice".to_owned(), vec![FlatPrice { media, ..flat(2_000_000, 8_000_000) }]);
    let book = PriceBook::new(&config).unwrap();
    let mut spoken = request("our-voice", "", [1000, 0, 0, 0, 500, 0, 0]);
    (spoken.media.input, spoken.media.output, spoken.media.is_split) = ([800, 0, 0], [300, 0, 0], true);
    // 200 × 2 + 800 × 30 + 200 × 8 + 300 × 60 millionths.
    assert_eq!(dollars(&book, &spoken), "0.044000000000");
    assert_eq!(book.quote(&spoken).doubts, []);
}

#[test]
fn an_alias_means_another_model() {
    let mut config = PriceConfig::default();
    config.aliases.insert("prod-chat".to_owned(), "claude-opus-4-6".to_owned());
    config.aliases.insert("gpt-5.4".to_owned(), "gpt-5.5".to_owned());
    let book = PriceBook::new(&config).unwrap();
    assert_eq!(dollars(&book, &request("Prod-Chat", "", [1_000_000, 0, 0, 0, 0, 0, 0])), "5.000000000000");
    assert_eq!(lookup(&book, "gpt-5.4").unwrap().name, "gpt-5.5");
    assert_eq!(lookup(&book, "prod-chat").unwrap().steps[0].to_string(), "alias of the configuration");
}

#[test]
fn discounts_take_their_percent_off_what_is_computed() {
    let mut config = PriceConfig::default();
    config.discounts.push(discount(Some("anthropic"), None, 8_000_000));
    config.discounts.push(Discount {
        valid: Validity { from: Some(Timestamp::from_ms(1_000)), until: Some(Timestamp::from_ms(2_000)) },
        ..discount(None, Some("claude-*"), 50_000_000)
    });
    let book = PriceBook::new(&config).unwrap();
    let at = |ms| {
        let usage = request("anthropic/claude-opus-4-6", "", [0, 1_000_000, 0, 0, 0, 0, 0]);
        book.price(&Usage { time: Some(Timestamp::from_ms(ms)), ..usage })
    };
    let pico = |ms| at(ms).computed.unwrap().pico();
    assert_eq!(pico(999), 460_000_000_000);
    assert_eq!(pico(1_000), 250_000_000_000);
    assert_eq!(pico(2_000), 460_000_000_000);
    assert_eq!(at(999).saved_pico, 4_140_000_000_000);
    assert_eq!(dollars(&book, &request("claude-opus-4-6", "", [0, 1_000_000, 0, 0, 0, 0, 0])), "0.460000000000");
    assert_eq!(dollars(&book, &request("gpt-5.4", "", [1_000_000, 0, 0, 0, 0, 0, 0])), "5.000000000000");
    let named = Usage { provider: RawText::plain(b"Anthropic"), ..request("gpt-5.4", "", [1_000, 0, 0, 0, 0, 0, 0]) };
    assert_eq!(dollars(&book, &named), "0.002300000000");
}

#[test]
fn what_cannot_be_used_is_refused_with_its_place_and_remedy() {
    let message = |config: &PriceConfig| PriceBook::new(config).unwrap_err().to_string();
    let missing = PriceConfig { files: vec![named("no/such.json")], ..PriceConfig::default() };
    assert!(message(&missing).starts_with("price file 'no/such.json': "));
    assert!(message(&missing).ends_with("correct [prices] files or the file's permissions"));
    let bad = file(r#"{"m":{"input_cost_per_token":"cheap"}}"#);
    let bad = PriceConfig { files: vec![named(bad.path())], ..PriceConfig::default() };
    assert!(message(&bad).contains("model 'm', field 'input_cost_per_token': 'cheap' is no price"));
    let much = PriceConfig { discounts: vec![discount(None, None, 100_000_001)], ..PriceConfig::default() };
    assert_eq!(message(&much), "[[prices.discount]] number 1: more than 100 percent: use 0 to 100");
    let glob = PriceConfig { discounts: vec![discount(None, Some("a["), 1)], ..PriceConfig::default() };
    assert!(message(&glob).starts_with("[[prices.discount]] number 1: 'a[' is no glob"));
}
