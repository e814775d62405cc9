//! The generated table.

use costtop::price::embedded;

/// What the generator makes of the small map: sorted without case, retired models only where the map has none.
const EXPECTED: &str = "\
alpha-bands\tdashscope\tb:0:i0.05,o0.4 b:256000:i0.25,o2
alpha-image\talpha\ti=5 m=10 g=40 d:image
alpha-pictures\talpha\tu
Alpha-Rerank\talpha\tu
alpha-search\talpha\tu
alpha-voice\talpha\ti=2 i/flex=1 o=8 o/flex=4 r=0.5 a=30 a/batches=14 e=60
geo-claude\tanthropic\ti=0.8 o=4 s=0.01 x:inference_geo=us:1.1 x:speed=fast:2
night-owl\tdeepseek\ti=0.3 o=1.2 w=0 p:i0.15,o0.6 p+31:0-60,600-0 p+96:0-0 z:Asia/Shanghai
old-model\tanthropic\ti=15 o=75
zeta-chat\tzeta\ti=0.0255 i/flex=0.01275 i@200000=0.051 o=0.15
";

#[test]
fn the_generator_makes_the_same_table_of_the_same_maps() {
    let (map, retired) = (include_str!("../fixtures/prices/map.json"), include_str!("../fixtures/prices/retired.json"));
    let table = embedded::generate(map, retired, "a map", "2026-11-21").unwrap();
    assert_eq!(table, embedded::generate(map, retired, "a map", "2026-11-21").unwrap());
    let (header, body): (Vec<&str>, Vec<&str>) = table.lines().partition(|line| line.starts_with('#'));
    assert_eq!(body, EXPECTED.lines().collect::<Vec<_>>());
    assert!(header.contains(&"# source: a map") && header.contains(&"# date: 2026-11-21"));
    assert!(header.iter().any(|line| line.starts_with("# licence: MIT, Copyright")));
}

#[test]
fn the_committed_table_says_where_it_comes_from() {
    assert_eq!(embedded::date(), "2026-11-21");
    assert!(embedded::source().contains("LiteLLM 1.106.2"));
    for name in ["claude-opus-4-1-20250805", "gpt-5.4", "us.anthropic.claude-opus-4-6-v1", "text-embedding-3-small"] {
        assert!(embedded::find(name).is_some(), "{name}");
    }
    assert!(embedded::find("sample_spec").is_none() && embedded::find("_note").is_none());
}

#[test]
fn a_map_that_is_none_is_refused_with_its_place() {
    let message = |map: &str| embedded::generate(map, "{}", "", "").unwrap_err().to_string();
    assert!(message("[]").contains("not an object of models"));
    assert!(message("{").starts_with("not JSON"));
    let negative = r#"{"m":{"mode":"chat","input_cost_per_token":-1}}"#;
    assert_eq!(
        message(negative),
        "model 'm', field 'input_cost_per_token': '-1' is no price: use dollars a token (or a call), from 0 to 1; $2.50 per million tokens are 2.5e-06"
    );
}
