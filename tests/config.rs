//! Configurations that hold and configurations that are refused, each a file; the texts of all refusals are one snapshot.

// What a test's own functions cannot have, the test cannot have: a panic is its failure.
#![allow(clippy::unwrap_used, reason = "a test may panic, also in the functions its cases share")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use costtop::config::{
    Config, ConfigError, CostUnit, Each, FlatPrice, GraphChoice, Loaded, MappedField, Origin, Overrides, PRESETS,
    Severity, TEMPLATE, TimeFormat, TimeUnit, Validity, default_path, specificity,
};
use costtop::label::Label;
use costtop::money::Cost;
use costtop::time::{Period, Timestamp};
use costtop::usage::{Dimension, Format, Origin as SpeaksAs, UserField};

fn nothing(_: &str) -> Option<String> {
    None
}

fn parse(name: &str, text: &str) -> Result<Loaded, ConfigError> {
    Loaded::from_layers(Some((Path::new(name), text)), &Overrides::default(), &nothing)
}

fn corpus(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

fn valid(name: &str) -> Config {
    let (_, text) = corpus("valid").into_iter().find(|(other, _)| other == name).unwrap();
    parse(name, &text).unwrap().config
}

#[test]
fn every_refusal_says_where_what_and_what_to_write() {
    let mut texts = String::new();
    for (name, text) in corpus("invalid") {
        let error = parse(&name, &text).map(|loaded| loaded.config).expect_err(&name);
        assert!(matches!(error.origin, Origin::File(_, line) if line > 0), "{name}: no line");
        writeln!(texts, "{error}").unwrap();
    }
    assert!(!texts.contains('\x1b'));
    insta::assert_snapshot!(texts);
}

#[test]
fn what_is_printed_reads_back_as_the_same_configuration() {
    for (name, text) in corpus("valid") {
        let loaded = parse(&name, &text).unwrap_or_else(|error| panic!("{error}"));
        let printed = loaded.print_effective();
        let again = parse("printed.toml", &printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        assert_eq!(again.config, loaded.config, "{printed}");
    }
}

#[test]
fn the_effective_configuration_names_where_each_value_came_from() {
    let (_, text) = corpus("valid").into_iter().find(|(name, _)| name == "full.toml").unwrap();
    let flags = Overrides { timezone: Some("UTC".to_owned()), ..Overrides::default() };
    let environment = |name: &str| (name == "COSTTOP_THEME").then(|| "ember".to_owned());
    let loaded = Loaded::from_layers(Some((Path::new("config.toml"), &text)), &flags, &environment).unwrap();
    insta::assert_snapshot!(loaded.print_effective());
}

#[test]
fn every_key_reaches_its_place() {
    let config = valid("full.toml");
    assert_eq!(config.zone.name(), "Europe/Berlin");
    assert_eq!((config.state.horizon_days, config.state.max_bytes), (400, 250_000_000));
    assert_eq!(config.user, [UserField::UserEmail, UserField::User]);
    assert_eq!((config.theme.as_str(), config.graph, config.mouse), ("paper", GraphChoice::Block, false));
    assert_eq!(
        config.sources[0].labels,
        [(Dimension::Team, Label::new("search")), (Dimension::Host, Label::new("gw-1"))]
    );
    assert_eq!(config.sources[0].format, Some(Format::LiteLlmSpend));
    assert_eq!((config.sources[1].spec.as_str(), config.sources[1].format), ("unix:/run/costtop.sock", None));
    assert_eq!((config.sources[0].subscription, config.sources[1].subscription), (false, true));
    assert_eq!(config.prices.aliases["prod chat"], "claude-sonnet-4-6");
    let berlin_new_year = Timestamp::from_ms(1_767_222_000_000);
    assert_eq!(config.prices.discounts[0].valid.from, Some(berlin_new_year));
    assert_eq!(config.prices.discounts[0].percent_millionths, 8_000_000);
    assert_eq!(config.prices.discounts[1].valid.from, Some(berlin_new_year.plus_ms(3_600_000)));
    let [everything, each_user, run] = &config.budgets[..] else { panic!("three budgets") };
    assert_eq!((everything.limit, everything.per), (Cost::from_pico(600_000_000_000_000), Some(Period::Day)));
    assert_eq!((everything.include_subscription, each_user.include_subscription), (true, false));
    assert_eq!((everything.each, &everything.warn[..]), (Each::All, &[500_000, 800_000][..]));
    assert_eq!(everything.matches, [(Dimension::Team, "search".to_owned())]);
    assert_eq!((each_user.each, &each_user.warn[..]), (Each::Dimension(Dimension::User), &[800_000][..]));
    assert_eq!(each_user.overrides[1].1, Cost::from_pico(150_000_000_000_000));
    assert!(specificity(&each_user.overrides[1].0) > specificity(&each_user.overrides[0].0));
    assert_eq!((run.each, run.per), (Each::Session, None));
    assert_eq!(config.alarm.repeat, Duration::from_secs(120));
    assert_eq!(config.alarm.quiet_hours, Some((22 * 60, 7 * 60)));
    assert_eq!(config.hooks[0].on, [Severity::Page, Severity::Critical]);
    assert_eq!(config.hooks[0].timeout, Duration::from_secs(30));
}

#[test]
fn a_mapping_is_read_word_by_word() {
    let config = valid("mappings.toml");
    let [ours, old] = &config.mappings[..] else { panic!("two mappings") };
    let path = |path: &[&str]| path.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    assert_eq!(ours.has, [path(&["llm", "tokens"]), path(&["llm", "served.model"])]);
    let tests: Vec<(Vec<String>, Vec<&str>)> =
        ours.when.iter().map(|test| (test.path.clone(), test.any_of.iter().map(String::as_str).collect())).collect();
    let expected = [
        (path(&["event"]), vec!["completion", "embedding"]),
        (path(&["llm", "billed"]), vec!["true"]),
        (path(&["llm", "version"]), vec!["2"]),
    ];
    assert_eq!(tests, expected);
    assert_eq!((ours.origin, ours.cost_unit, ours.latency_unit), (SpeaksAs::Api, CostUnit::Cents, TimeUnit::Seconds));
    assert!(ours.input_includes_cache && !ours.output_includes_reasoning);
    assert_eq!(ours.places(MappedField::Model).len(), 2);
    assert_eq!(
        (old.origin, old.time_format.clone()),
        (SpeaksAs::Gateway, TimeFormat::Since1970(TimeUnit::Milliseconds))
    );
    let formats: Vec<_> = config.sources.iter().map(|source| source.format.unwrap().name()).collect();
    assert_eq!(formats, ["our-gateway", "kong"]);
    assert!(PRESETS.iter().all(|preset| !preset.name.is_empty()));
}

#[test]
fn numbers_are_exact() {
    let config = valid("numbers.toml");
    let price = FlatPrice {
        valid: Validity::default(),
        input: 100_000,
        output: 1_000,
        cache_read: Some(1_000_000_001),
        cache_write: Some(3_000_000),
        cache_write_1h: Some(1),
        media: [[Some(40_000_000), None, None], [None, Some(500_000), None], [None; 3]],
    };
    assert_eq!(config.prices.models["a"], [price]);
    let limits: Vec<u64> = config.budgets.iter().map(|budget| budget.limit.pico()).collect();
    assert_eq!(limits, [1, u64::MAX, 0]);
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let text = "timezone = \"Asia/Tokyo\"\ntheme = \"a\"\n[alarm]\nbell = true\n[[prices.discount]]\npercent = 1\nfrom = 2026-01-01\n";
    let environment = |name: &str| match name {
        "COSTTOP_TIMEZONE" => Some("Europe/Berlin".to_owned()),
        "COSTTOP_THEME" => Some("b".to_owned()),
        "COSTTOP_USER" => Some("user, key_alias".to_owned()),
        "COSTTOP_BELL" => Some("false".to_owned()),
        _ => None,
    };
    let flags = Overrides { timezone: Some("UTC".to_owned()), ..Overrides::default() };
    let loaded = Loaded::from_layers(Some((Path::new("c.toml"), text)), &flags, &environment).unwrap();
    assert_eq!(loaded.config.zone.name(), "UTC");
    assert_eq!(loaded.origins.get("timezone"), Origin::Flag("--timezone"));
    assert_eq!(loaded.config.theme, "b");
    assert_eq!(loaded.config.user, [UserField::User, UserField::KeyAlias]);
    assert!(!loaded.config.alarm.bell);
    let new_year = Timestamp::from_ms(1_767_225_600_000);
    assert_eq!(loaded.config.prices.discounts[0].valid.from, Some(new_year), "dates are in the zone that holds");

    let flags = Overrides { timezone: Some("Mars".to_owned()), ..Overrides::default() };
    let error = Loaded::from_layers(None, &flags, &nothing).unwrap_err();
    assert_eq!(error.to_string(), "--timezone: unknown time zone 'Mars': use a name such as Europe/Berlin or UTC");
    for (name, value) in [("COSTTOP_TIMEZONE", "Mars"), ("COSTTOP_BELL", "yes"), ("COSTTOP_USER", "me")] {
        let environment = |asked: &str| (asked == name).then(|| value.to_owned());
        let error = Loaded::from_layers(None, &Overrides::default(), &environment).unwrap_err();
        assert_eq!(error.origin, Origin::Environment(name), "{error}");
    }
}

#[test]
fn the_template_is_the_default_and_what_it_shows_is_valid() {
    assert_eq!(parse("template.toml", TEMPLATE).unwrap().config, Config::default());
    let shown: String = TEMPLATE
        .lines()
        .map(|line| line.strip_prefix("# ").unwrap_or(line))
        .filter(|line| line.starts_with('[') || line.contains(" = "))
        .flat_map(|line| [line, "\n"])
        .collect();
    let config = parse("shown.toml", &shown).unwrap_or_else(|error| panic!("{error}\n{shown}")).config;
    assert_eq!((config.budgets.len(), config.hooks.len(), config.sources.len()), (3, 1, 3));
}

#[test]
fn a_missing_file_is_an_error_only_when_it_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let flags = Overrides { config: Some(folder.path().join("none.toml")), ..Overrides::default() };
    let error = Loaded::from_machine(&flags, &nothing).unwrap_err();
    assert_eq!(error.origin, Origin::Flag("--config"));
    assert!(default_path().is_none_or(|path| path.ends_with("costtop/config.toml")));
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "[prices]\nfiles = [\"mine.json\", \"/etc/theirs.json\"]\n").unwrap();
    let environment = |name: &str| (name == "COSTTOP_CONFIG").then(|| path.display().to_string());
    let loaded = Loaded::from_machine(&Overrides::default(), &environment).unwrap();
    let files: Vec<PathBuf> = loaded.config.prices.files.into_iter().map(|file| file.path).collect();
    assert_eq!(files, [folder.path().join("mine.json"), PathBuf::from("/etc/theirs.json")]);
    assert_eq!(loaded.file, Some(path));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_write_may_not_name_hooks() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let flags = Overrides { config: Some(path.clone()), ..Overrides::default() };
    let write = |text: &str, mode: u32| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Loaded::from_machine(&flags, &nothing)
    };
    let hook = "[[hook]]\non = [\"page\"]\ncommand = [\"/bin/true\"]\n";
    assert!(write("theme = \"a\"\n", 0o666).is_ok());
    assert!(write(hook, 0o600).is_ok());
    let error = write(hook, 0o664).unwrap_err().to_string();
    let name = path.display();
    let written = "can be written by others: shut them out with";
    assert_eq!(error, format!("{name}: it names hooks, and '{name}' {written} 'chmod go-w {name}'"));
    // Who can write the folder can put another file in its place.
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(folder.path(), 0o775);
    let error = write(hook, 0o600).unwrap_err().to_string();
    assert!(error.ends_with(&format!("{written} 'chmod go-w {}'", folder.path().display())), "{error}");
    assert!(write("theme = \"a\"\n", 0o600).is_ok());
    mode(folder.path(), 0o1777);
    assert!(write(hook, 0o600).is_ok(), "sticky: nobody can replace another's file");
    // And what the hook runs, with the line that names it.
    let program = folder.path().join("hook");
    std::fs::write(&program, "").unwrap();
    mode(&program, 0o775);
    let own = hook.replace("/bin/true", &program.display().to_string());
    let error = write(&own, 0o600).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{name}:1: others could replace what the hook runs: ")), "{error}");
    mode(&program, 0o755);
    assert!(write(&own, 0o600).is_ok());
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_write_may_not_name_tokens_or_certificates() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let flags = Overrides { config: Some(path.clone()), ..Overrides::default() };
    for server in [
        "token_file = \"tokens\"",
        "token_env = \"COSTTOP_TOKEN\"",
        "certificate = \"cert.pem\"\nkey = \"key.pem\"",
        "certificate = \"cert.pem\"\nkey = \"key.pem\"\nclient_ca = \"clients.pem\"",
    ] {
        std::fs::write(&path, format!("[server]\n{server}\n")).unwrap();
        let load = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Loaded::from_machine(&flags, &nothing)
        };
        assert!(load(0o644).is_ok(), "{server}");
        for mode in [0o664, 0o646] {
            let (error, name) = (load(mode).unwrap_err().to_string(), path.display());
            assert_eq!(
                error,
                format!(
                    "{name}: it names tokens or certificates, and '{name}' can be written by others: shut them out with 'chmod go-w {name}'"
                )
            );
        }
    }
}
