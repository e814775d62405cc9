//! Mappings: those of a configuration, word by word, and those built in, over lines made of the names that each vendor documents.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use costtop::config::{Loaded, MappedField, MappingConfig, Overrides, PRESETS};
use costtop::format::mapping::{Mappings, Told};
use costtop::format::{Decoder, Format, Line, Skip};
use costtop::money::Cost;
use costtop::time::Zone;
use costtop::usage::{MappingName, Media, Origin, Rejection, Tokens, Usage};
use proptest::prelude::*;

use super::{OWN, slow_reader, text};

fn mappings(toml: &str) -> Vec<MappingConfig> {
    let file = Some((Path::new("config.toml"), toml));
    Loaded::from_layers(file, &Overrides::default(), &|_| None)
        .unwrap_or_else(|error| panic!("{error}"))
        .config
        .mappings
}

fn read_with<T>(own: &[MappingConfig], line: &str, check: impl FnOnce(Line, Result<&Usage<'_>, Skip>) -> T) -> T {
    slow_reader::compare_with(own, line.as_bytes());
    let mapped = Mappings::new(own);
    let decoder = || {
        let mut decoder = Decoder::new(Zone::UTC);
        decoder.map(mapped.as_ref());
        decoder
    };
    let kind = decoder().decode(0, line.as_bytes(), &mut |_, _| {});
    let (mut check, mut checked) = (Some(check), None);
    decoder().decode(0, line.as_bytes(), &mut |_, result| {
        checked = Some((check.take().expect("one record"))(kind, result));
    });
    checked.unwrap_or_else(|| panic!("no record in {line}"))
}

fn said<T>(own: &[MappingConfig], line: &str, check: impl FnOnce(&Usage<'_>) -> T) -> T {
    read_with(own, line, |_, result| check(result.unwrap_or_else(|skip| panic!("{skip:?}: {line}"))))
}

fn skipped(own: &[MappingConfig], line: &str) -> Skip {
    read_with(own, line, |_, result| result.err().unwrap_or_else(|| panic!("counted: {line}")))
}

const OURS: &str = r#"
[[mapping]]
name = "our-gateway"
has = ["llm.tokens"]
when = { event = ["completion", "embedding"] }
unless = { "llm.state" = "pending" }
failed = { ok = false }
cache_hit = { "llm.cache" = "HIT" }
time = "at"
time_format = "%d/%b/%Y:%H:%M:%S %z"
model = ["llm.served", "llm.model"]
provider = "llm.vendor"
input = "llm.tokens.in"
output = "llm.tokens.out"
cache_read = "llm.tokens.cached"
cache_write = "llm.tokens.written"
cache_write_1h = "llm.tokens.written_1h"
reasoning = "llm.tokens.thought"
web_searches = "llm.searches"
audio_input = "llm.media.audio_in"
audio_cache_read = "llm.media.audio_cached"
audio_output = "llm.media.audio_out"
image_input = "llm.media.image_in"
image_cache_read = "llm.media.image_cached"
image_output = "llm.media.image_out"
video_input = "llm.media.video_in"
video_cache_read = "llm.media.video_cached"
video_output = "llm.media.video_out"
cost = "price.amount"
cost_unit = "micro-usd"
user = ['who."user.name"', "who.id"]
end_user = "who.customer"
user_email = "who.mail"
key = "key.name"
key_hash = "key.hash"
team = "who.team"
project = "who.project"
feature = "route"
agent = "agent"
host = "host"
session = "conversation"
response_id = "llm.id"
request_id = "llm.request"
call_id = "id"
status = "http.status"
latency = "seconds"
latency_unit = "s"
stop_reason = "llm.stop"
max_tokens = "llm.limit"
tier = "llm.tier"
region = "llm.region"
retry_of = "again"
revision = "version"
input_includes_cache = true
output_includes_reasoning = false
counts_include_media = true
"#;

const LINE: &str = r#"{"event":"completion","id":"call-000000000001","at":"21/Nov/2026:11:00:00 +0100","ok":true,"seconds":1.8345,"route":"chat","agent":"planner","host":"gw-1","conversation":"s-1","again":"call-0","version":2,"http":{"status":"200"},"who":{"user.name":"ada","id":7,"customer":"c-9","mail":"ada@example.com","team":"search","project":"shop"},"key":{"name":"ci","hash":"h-1"},"price":{"amount":"23060.55"},"llm":{"model":"asked","served":"claude-opus-4-6","vendor":"anthropic","id":"msg_01Mapped0000000001","request":"req_01Mapped0000000001","state":"done","cache":"MISS","stop":"end_turn","limit":4096,"tier":"standard","region":"us-east-1","searches":1,"media":{"audio_in":40,"audio_cached":30,"audio_out":10,"image_in":"5","image_cached":0,"image_out":4,"video_in":3,"video_cached":1,"video_out":2.0},"tokens":{"in":1000,"out":50,"cached":"600","written":300,"written_1h":100.0,"thought":20}}}"#;

#[test]
fn every_word_of_a_mapping_reaches_its_place() {
    let ours = mappings(OURS);
    assert_eq!(ours[0].fields.len(), MappedField::ALL.len() - 1, "all words but cache_write_5m");
    read_with(&ours, LINE, |kind, result| {
        let usage = result.unwrap();
        assert_eq!(kind, Line::Known(Format::Mapped(MappingName::new("our-gateway"))));
        let expected = Tokens {
            input: 100,
            cache_read: 600,
            cache_write_5m: 200,
            cache_write_1h: 100,
            output: 70,
            reasoning: 20,
            web_searches: 1,
        };
        assert_eq!(usage.tokens, expected);
        let media = Media { input: [10, 5, 2], cache_read: [30, 0, 1], output: [10, 4, 2], is_split: true };
        assert_eq!(usage.media, media);
        assert_eq!((usage.origin, usage.is_final, usage.revision, usage.cache_hit), (Origin::Gateway, true, 2, false));
        assert_eq!(usage.time.unwrap().to_string(), "2026-11-21T10:00:00.000Z");
        assert_eq!(usage.reported.map(Cost::pico), Some(23_060_550_000));
        assert_eq!(
            [usage.model, usage.provider, usage.stop_reason].map(text),
            ["claude-opus-4-6", "anthropic", "end_turn"]
        );
        let who = &usage.dimensions;
        let who =
            [who.user, who.end_user, who.user_email, who.key_alias, who.key_hash, who.team, who.project, who.feature]
                .map(text);
        assert_eq!(who, ["ada", "c-9", "ada@example.com", "ci", "h-1", "search", "shop", "chat"]);
        let who = &usage.dimensions;
        assert_eq!([who.agent, who.host, who.session, usage.retry_of].map(text), ["planner", "gw-1", "s-1", "call-0"]);
        let ids = [usage.ids.response, usage.ids.request, usage.ids.call].map(text);
        assert_eq!(ids, ["msg_01Mapped0000000001", "req_01Mapped0000000001", "call-000000000001"]);
        assert!(!usage.ids.own_request);
        assert_eq!((usage.status, usage.latency_ms, usage.max_tokens), (200, 1834, 4096));
        assert_eq!([usage.terms.tier, usage.terms.region].map(text), ["standard", "us-east-1"]);
    });
}

#[test]
fn conditions_decide_what_a_record_is() {
    let ours = mappings(OURS);
    for (change, to) in [
        (r#""event":"completion","#, ""),
        (r#""event":"completion""#, r#""event":"login""#),
        (r#""event":"completion""#, r#""event":null"#),
        (r#""tokens":{"#, r#""others":{"#),
    ] {
        let line = LINE.replace(change, to);
        assert_eq!(skipped(&ours, &line), Skip::NotUsage, "{line}");
    }
    assert_eq!(skipped(&ours, &LINE.replace(r#""state":"done""#, r#""state":"pending""#)), Skip::NotUsage);
    said(&ours, &LINE.replace("completion", r"embedd\u0069ng"), |usage| assert_eq!(usage.tokens.output, 70));
    said(&ours, &LINE.replace(r#""ok":true"#, r#""ok":false"#), |usage| assert_eq!(usage.status, 500));
    let refused = LINE.replace(r#""ok":true"#, r#""ok":false"#).replace(r#""200""#, "429");
    said(&ours, &refused, |usage| assert_eq!(usage.status, 429));
    said(&ours, &LINE.replace("MISS", "HIT"), |usage| assert!(usage.cache_hit));
    // The first place that says something: `-`, an empty text and null say nothing.
    for nothing in ["\"-\"", "\"\"", "null"] {
        said(&ours, &LINE.replace(r#""claude-opus-4-6""#, nothing), |usage| assert_eq!(text(usage.model), "asked"));
    }
    for bad in [r#""in":-1"#, r#""in":"many""#, r#""in":{}"#, r#""in":true"#] {
        assert_eq!(skipped(&ours, &LINE.replace(r#""in":1000"#, bad)), Skip::Rejected(Rejection::Number), "{bad}");
    }
    let nameless = LINE.replace(r#""model":"asked","served":"claude-opus-4-6","#, "");
    said(&ours, &nameless, |usage| assert_eq!(text(usage.model), "", "money needs no model"));
    let unpaid = nameless.replace(r#""23060.55""#, "null");
    assert_eq!(skipped(&ours, &unpaid), Skip::Rejected(Rejection::Model));
}

#[test]
fn a_mapping_of_the_configuration_comes_first() {
    let ours = mappings(
        "[[mapping]]\nname = \"mine\"\nhas = \"model\"\nmodel = \"model\"\ninput = \"input_tokens\"\nuser = \"team\"\n",
    );
    let line = OWN.lines().next().unwrap();
    said(&ours, line, |usage| assert_eq!([usage.dimensions.user, usage.dimensions.team].map(text), ["search", ""]));
    said(&ours, r#"{"type":"system","model":"m","input_tokens":1}"#, |usage| assert_eq!(usage.tokens.input, 1));
    // In a wrapper and in an array, too.
    said(&ours, r#"2026-11-21T10:00:00Z {"model":"m","input_tokens":3}"#, |usage| {
        assert_eq!((usage.tokens.input, usage.time.is_some()), (3, true));
    });
    // One that has a built-in one's name replaces it.
    let mine = mappings("[[mapping]]\nname = \"portkey\"\nhas = \"never\"\nmodel = \"m\"\ninput = \"i\"\n");
    let exported = r#"{"ai_model":"m","req_units":3,"cost":1}"#;
    said(&[], exported, |usage| assert_eq!((usage.tokens.input, usage.reported), (3, None)));
    said(&mine, exported, |usage| assert_eq!((usage.tokens.input, usage.reported.is_some()), (0, true)));
}

#[test]
fn a_pinned_mapping_is_all_that_is_read() {
    let ours = mappings(OURS);
    let mapped = Mappings::new(&ours);
    let mut decoder = Decoder::new(Zone::UTC);
    decoder.map(mapped.as_ref());
    let mut counts = |pin: &str, line: &str| {
        decoder.pin(Some(Format::Mapped(MappingName::new(pin))));
        let mut counted = false;
        decoder.decode(0, line.as_bytes(), &mut |_, result| counted = result.is_ok());
        counted
    };
    let kong = r#"{"started_at":1,"ai":{"proxy":{"meta":{"request_model":"m"},"usage":{"prompt_tokens":1}}}}"#;
    assert!(counts("our-gateway", LINE) && !counts("our-gateway", kong) && !counts("kong", LINE));
    assert!(counts("kong", kong) && counts("kong", &format!("2026-11-21T10:00:00Z {kong}")));
    assert!(!counts("kong", OWN.lines().next().unwrap()));
}

#[test]
fn what_a_mapping_did_is_told() {
    let ours = mappings(OURS);
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut decoder = Decoder::new(Zone::UTC);
    decoder.map(Mappings::new(&ours).as_ref());
    decoder.tell(Arc::clone(&told));
    let mut tell = |line: &str| {
        told.lock().unwrap().clear();
        decoder.decode(0, line.as_bytes(), &mut |_, _| {});
        std::mem::take(&mut *told.lock().unwrap())
    };
    let [Told::Means { mapping, facts, absent, unless, unverified: false }] =
        &tell(&LINE.replace(r#""route":"chat","#, ""))[..]
    else {
        panic!("one mapping")
    };
    assert_eq!((mapping.as_str(), &absent[..], unless), ("our-gateway", &[MappedField::Feature][..], &None));
    let user = facts.iter().find(|fact| fact.field == MappedField::User).unwrap();
    assert_eq!((user.path.as_str(), user.value.as_str()), ("who.\"user.name\"", "ada"));
    let why = |line: &str, tell: &mut dyn FnMut(&str) -> Vec<Told>| match &tell(line)[..] {
        [Told::Passes { why, .. }] => why.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(why(r#"{"event":"completion"}"#, &mut tell), "'llm.tokens' is not there");
    assert_eq!(why(r#"{"event":"login","llm":{"tokens":1}}"#, &mut tell), "'event' is 'login'");
}

/// The fixture of the built-in mappings: a name, then a line.
pub const PRESET_LINES: &str = include_str!("../fixtures/formats/mapped.jsonl");

#[test]
fn every_built_in_mapping_reads_its_vendors_names() {
    let mut seen = std::collections::BTreeSet::new();
    let mut summary = String::new();
    for line in PRESET_LINES.lines() {
        let fate = read_with(&[], line, |kind, result| {
            let Line::Known(format @ Format::Mapped(_)) = kind else { panic!("{kind:?}: {line}") };
            seen.insert(format.name());
            match result {
                Ok(usage) => {
                    let (tokens, who) = (&usage.tokens, &usage.dimensions);
                    let counts =
                        [tokens.input, tokens.cache_read, tokens.cache_write_5m, tokens.output, tokens.reasoning];
                    let names = [
                        usage.model,
                        usage.provider,
                        usage.ids.call,
                        who.user,
                        who.end_user,
                        who.key_alias,
                        who.team,
                        who.session,
                    ];
                    format!(
                        "{}: {counts:?} {} {} status {} {} ms hit {} {:?}\n",
                        format.name(),
                        usage.time.map_or_else(|| "undated".to_owned(), |time| time.to_string()),
                        usage.reported.map_or_else(|| "-".to_owned(), |cost| cost.to_string()),
                        usage.status,
                        usage.latency_ms,
                        usage.cache_hit,
                        names.map(text)
                    )
                }
                Err(skip) => format!("{}: {skip:?}\n", format.name()),
            }
        });
        summary.push_str(&fate);
    }
    assert_eq!(seen, PRESETS.iter().map(|preset| preset.name.as_str()).collect());
    insta::assert_snapshot!(summary);
}

#[test]
fn a_key_that_a_built_in_mapping_is_known_by_may_be_anybodys() {
    for key in [
        r#""ai":true"#,
        r#""ai":{"vendor":"x"}"#,
        r#""ai":{},"response":{"status":"completed"}"#,
        r#""fallback_index":0,"provider":"p""#,
        r#""gen_ai.usage.input_tokens":"-""#,
        r#""llm_prompt_tokens":"-""#,
        r#""llm_summary":"what was said""#,
        r#""tokens_in":"","tokens_out":"","provider":"p""#,
        r#""type":"GENERATION","usageDetails":{}"#,
        r#""request_created_at":"2026-11-21T10:00:00Z""#,
        r#""ai_model":"x","req_units":"-""#,
    ] {
        for usage in [r#""usage":{"prompt_tokens":7,"completion_tokens":1}"#, r#""input_tokens":7"#] {
            let line = format!(r#"{{{key},"model":"m",{usage}}}"#);
            assert_eq!(said(&[], &line, |usage| usage.tokens.prompt()), 7, "{line}");
        }
        assert_eq!(skipped(&[], &format!("{{{key}}}")), Skip::NotUsage, "{key}");
    }
    // What one says is no usage yet is none of another format.
    let row = r#"{"fallback_index":0,"provider":"p","model":"m","status":"processing","cost":0}"#;
    assert_eq!(skipped(&[], row), Skip::NotUsage);
}

/// Mappings whose paths are short, so that random records meet them.
fn random_mapping() -> impl Strategy<Value = String> {
    const FIELDS: &[&str] = &[
        "time",
        "model",
        "output",
        "cache_read",
        "cache_write",
        "cache_write_1h",
        "reasoning",
        "audio_input",
        "audio_cache_read",
        "image_output",
        "cost",
        "user",
        "status",
        "latency",
    ];
    const PATHS: &[&str] =
        &["a", "b", "c", "a.b", "b.a", "a.b.c", "model", "input_tokens", "usage", "usage.a", "type", "message"];
    let fields = prop::collection::btree_map(prop::sample::select(FIELDS), prop::sample::select(PATHS), 0..8);
    let when = prop::option::of((prop::sample::select(PATHS), prop::sample::select(vec!["x", "1", "true"])));
    (prop::sample::select(PATHS), prop::sample::select(PATHS), fields, when, any::<[bool; 3]>(), 0usize..4).prop_map(
        |(has, input, fields, when, [inside, thoughts, media], unit)| {
            let units = ["usd", "cents", "micro-usd", "nano-usd"];
            let mut toml = format!(
                "[[mapping]]\nname = \"random\"\nhas = \"{has}\"\ninput = \"{input}\"\ninput_includes_cache = {inside}\noutput_includes_reasoning = {thoughts}\ncounts_include_media = {media}\ncost_unit = \"{}\"\n",
                units[unit]
            );
            if !fields.contains_key("model") {
                toml.push_str("model = \"model\"\n");
            }
            for (field, path) in fields {
                writeln!(toml, "{field} = \"{path}\"").unwrap();
            }
            if let Some((path, text)) = when {
                writeln!(toml, "when = {{ \"{path}\" = \"{text}\" }}").unwrap();
            }
            toml
        },
    )
}

fn random_record() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "12.0",
        "\"7\"",
        "\"x\"",
        "\"-\"",
        "\"\"",
        "null",
        "true",
        "-2.5",
        "[\"x\"]",
        "\"2026-11-21T10:00:00Z\"",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 24, 5, |inner| {
        let keys = vec!["a", "b", "c", "model", "input_tokens", "usage", "type", "message", "ai", "req_units"];
        prop::collection::vec((prop::sample::select(keys), inner), 0..5).prop_map(|members| {
            let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn the_slow_reader_agrees_on_random_mappings(toml in random_mapping(), record in random_record()) {
        slow_reader::compare_with(&mappings(&toml), record.as_bytes());
    }
}
