//! Price files in the grammar of the price map: what is read, and what is refused with file, key and remedy.

use costtop::config::PriceConfig;
use costtop::price::PriceBook;

use super::{dollars, request, with_file};

#[test]
fn numbers_may_be_strings_and_unknown_keys_are_passed_over() {
    let book = with_file(
        "\u{feff}{\"_note\":\"ours\",\"m\":{\"input_cost_per_token\":\" 3e-06 \",\"output_cost_per_token\":\"0.000015\",\"max_tokens\":\"8k\",\
         \"cache_read_input_token_cost\":null,\"supports\":[1,{}],\"input_cost_per_token_above_128_tokens\":6e-06}}",
    );
    assert_eq!(dollars(&book, &request("m", "", [100, 0, 0, 0, 100, 0, 0])), "0.001800000000");
    assert_eq!(dollars(&book, &request("m", "", [100, 28, 0, 0, 0, 0, 0])), "0.000384000000", "at 128, the first rate");
    assert_eq!(
        dollars(&book, &request("m", "", [100, 29, 0, 0, 0, 0, 0])),
        "0.000774000000",
        "a threshold without 'k'"
    );
}

#[test]
fn what_is_no_price_map_is_refused_with_its_place_and_a_remedy() {
    let refused = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let config = PriceConfig { files: vec![file.path().to_owned().into()], ..PriceConfig::default() };
        let name = format!("price file '{}': ", file.path().display());
        let message = PriceBook::new(&config).unwrap_err().to_string();
        message.strip_prefix(&name).unwrap_or_else(|| panic!("{message}")).to_owned()
    };
    let texts = [
        "",
        "{\"m\": {\"input_cost_per_token\": 1e-06,}}",
        "[]",
        "{}",
        r#"{"object":"list","data":[]}"#,
        r#"{"anthropic":{"models":{"claude":{"cost":{"input":3}}}}}"#,
        r#"{"m":null}"#,
        r#"{"m":{"input_cost_per_token":"cheap"}}"#,
        r#"{"m":{"input_cost_per_token":2.5}}"#,
        r#"{"m":{"output_cost_per_token_above_200k_tokens_flex":-1e-06}}"#,
        r#"{"m":{"input_cost_per_token":true}}"#,
        r#"{"m":{"tiered_pricing":{"range":[0,1]}}}"#,
        r#"{"m":{"tiered_pricing":[{"input_cost_per_token":1e-06}]}}"#,
        r#"{"m":{"off_peak_pricing":"at night"}}"#,
        r#"{"m":{"off_peak_pricing":{"hours_utc":"25:00-26:00"}}}"#,
        r#"{"m":{"off_peak_pricing":{"hours_utc":"1093:00-02:00"}}}"#,
        r#"{"m":{"off_peak_pricing":{"hours_utc":"16:30-24:30"}}}"#,
        r#"{"m":{"off_peak_pricing":{"hours_utc":["16:30-00:30",7]}}}"#,
        r#"{"m":{"off_peak_pricing":{"hours_utc":1630}}}"#,
        r#"{"m":{"off_peak_pricing":{"windows":[{"weekdays":"all","hours_utc":"16:30-00:30"}]}}}"#,
        r#"{"m":{"input_cost_per_token":0,"provider_specific_entry":{"us":"ten percent"}}}"#,
        r#"{"m":{"search_context_cost_per_query":0.01}}"#,
        "{\"\\u001b[2J\":{\"input_cost_per_token\":\"\\u001b[2Jxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}}",
    ];
    let all: Vec<String> = texts.iter().map(|text| refused(text)).collect();
    insta::assert_snapshot!("refused_price_files", all.join("\n"));
}
