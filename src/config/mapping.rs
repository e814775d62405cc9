//! `[[mapping]]`: what a log that costtop has no reader for means. Paths and units enter, a checked mapping leaves. The mappings that
//! are built in are written in the same words and read by the same code.

use std::path::Path;
use std::sync::LazyLock;

use super::document::{Document, Table, Value};
use super::error::{ConfigError, any_of};
use super::path::{KeyPath, read_path, read_paths, refusal};
use crate::label::clean;
use crate::usage::{Format, Medium, Origin};

mod print;

/// Paths of one mapping, its conditions included.
pub const MOST_PATHS: usize = 96;
/// Places one fact is looked for in a record.
const MOST_PLACES: usize = 8;
/// Mappings of one configuration: each costs a walk over every record that none before it means.
const MOST_MAPPINGS: usize = 16;
/// Longest name, in letters.
const LONGEST_NAME: usize = 32;

/// A log in the operator's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingConfig {
    /// Unique, and no other format's.
    pub name: String,
    /// What must be in a record, whatever it is.
    pub has: Vec<KeyPath>,
    /// What must be said in it; all of them.
    pub when: Vec<Test>,
    /// With one of these it is no usage.
    pub unless: Vec<Test>,
    /// With one of these the request failed.
    pub failed: Vec<Test>,
    /// With one of these the answer came from the gateway's own cache.
    pub cache_hit: Vec<Test>,
    /// Who speaks.
    pub origin: Origin,
    /// Where each fact stands; of its places the first that says something counts.
    pub fields: Vec<(MappedField, Vec<KeyPath>)>,
    /// How times are written.
    pub time_format: TimeFormat,
    /// What a cost of 1 is.
    pub cost_unit: CostUnit,
    /// What a latency of 1 is.
    pub latency_unit: TimeUnit,
    /// The input includes what was read from and written to the cache.
    pub input_includes_cache: bool,
    /// The output includes reasoning.
    pub output_includes_reasoning: bool,
    /// Input and output include audio, images and video.
    pub counts_include_media: bool,
    /// Nobody has compared it with what the log's own maker bills: `explain` says so.
    pub unverified: bool,
}

/// A path and the texts that may stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Where.
    pub path: KeyPath,
    /// What; one of them.
    pub any_of: Vec<String>,
}

/// How a log writes times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// RFC 3339, or a count since 1970 whose unit its size tells.
    #[default]
    Auto,
    /// A count since 1970.
    Since1970(TimeUnit),
    /// A text by a pattern of `strftime`.
    Pattern(String),
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl TimeUnit {
    /// Every unit.
    pub const ALL: [TimeUnit; 4] =
        [TimeUnit::Seconds, TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];

    /// The word of the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TimeUnit::Seconds => "s",
            TimeUnit::Milliseconds => "ms",
            TimeUnit::Microseconds => "us",
            TimeUnit::Nanoseconds => "ns",
        }
    }

    /// A second has 10 to this power of them.
    #[must_use]
    pub const fn places(self) -> u8 {
        match self {
            TimeUnit::Seconds => 0,
            TimeUnit::Milliseconds => 3,
            TimeUnit::Microseconds => 6,
            TimeUnit::Nanoseconds => 9,
        }
    }
}

/// A unit of money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CostUnit {
    /// Dollars.
    #[default]
    Usd,
    /// Hundredths of a dollar.
    Cents,
    /// Millionths of a dollar.
    MicroUsd,
    /// Billionths of a dollar.
    NanoUsd,
}

impl CostUnit {
    /// Every unit.
    pub const ALL: [CostUnit; 4] = [CostUnit::Usd, CostUnit::Cents, CostUnit::MicroUsd, CostUnit::NanoUsd];

    /// The word of the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            CostUnit::Usd => "usd",
            CostUnit::Cents => "cents",
            CostUnit::MicroUsd => "micro-usd",
            CostUnit::NanoUsd => "nano-usd",
        }
    }

    /// A dollar has 10 to this power of them.
    #[must_use]
    pub const fn places(self) -> u8 {
        match self {
            CostUnit::Usd => 0,
            CostUnit::Cents => 2,
            CostUnit::MicroUsd => 6,
            CostUnit::NanoUsd => 9,
        }
    }
}

/// Declares the facts that a mapping can find, each with the word for it, in one place.
macro_rules! mapped_fields {
    ($($field:ident $name:literal $doc:literal,)*) => {
        /// A fact of a request that a mapping can find.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum MappedField {
            $(#[doc = $doc] $field,)*
        }

        impl MappedField {
            /// Every fact, in the order of the documentation.
            pub const ALL: &'static [MappedField] = &[$(MappedField::$field,)*];

            /// The word of the configuration and of `explain`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(MappedField::$field => $name,)*
                }
            }
        }
    };
}

mapped_fields! {
    Time "time" "When it happened.",
    Model "model" "The model.",
    Provider "provider" "The provider.",
    Input "input" "Input tokens.",
    Output "output" "Output tokens.",
    CacheRead "cache_read" "Tokens read from the provider's cache.",
    CacheWrite "cache_write" "All tokens written to it; those for an hour are among them.",
    CacheWrite5m "cache_write_5m" "Tokens written for five minutes.",
    CacheWrite1h "cache_write_1h" "Tokens written for an hour.",
    Reasoning "reasoning" "Reasoning tokens.",
    WebSearches "web_searches" "Searches billed by the call.",
    AudioInput "audio_input" "Audio in the input.",
    AudioRead "audio_cache_read" "Audio read from the provider's cache.",
    AudioOutput "audio_output" "Audio in the output.",
    ImageInput "image_input" "Images in the input.",
    ImageRead "image_cache_read" "Images read from the provider's cache.",
    ImageOutput "image_output" "Images in the output.",
    VideoInput "video_input" "Video in the input.",
    VideoRead "video_cache_read" "Video read from the provider's cache.",
    VideoOutput "video_output" "Video in the output.",
    Cost "cost" "What the log says it cost.",
    User "user" "Who asked.",
    EndUser "end_user" "On whose behalf.",
    UserEmail "user_email" "The e-mail address of who asked.",
    Key "key" "The API key's readable name.",
    KeyHash "key_hash" "The API key's hash or id.",
    Team "team" "The team that pays.",
    Project "project" "Project, repository, working directory.",
    Feature "feature" "What it was for.",
    Agent "agent" "The agent or tool that asked.",
    Host "host" "The machine that asked.",
    Session "session" "The run or conversation.",
    ResponseId "response_id" "The provider's name of its answer.",
    RequestId "request_id" "The provider's name of the request.",
    CallId "call_id" "The gateway's name of the call.",
    Status "status" "The HTTP status.",
    Latency "latency" "From request to last token.",
    StopReason "stop_reason" "Why the model stopped.",
    MaxTokens "max_tokens" "The most output tokens asked for.",
    Tier "tier" "The service tier that was served.",
    Region "region" "The cloud region.",
    RetryOf "retry_of" "The request that this one repeats.",
    Revision "revision" "The version of the statement.",
}

impl MappedField {
    /// Of a medium: in the input, among what was read from the cache, in the output.
    #[must_use]
    pub const fn of(medium: Medium) -> [MappedField; 3] {
        match medium {
            Medium::Audio => [MappedField::AudioInput, MappedField::AudioRead, MappedField::AudioOutput],
            Medium::Image => [MappedField::ImageInput, MappedField::ImageRead, MappedField::ImageOutput],
            Medium::Video => [MappedField::VideoInput, MappedField::VideoRead, MappedField::VideoOutput],
        }
    }
}

impl MappingConfig {
    /// The places of a fact.
    #[must_use]
    pub fn places(&self, field: MappedField) -> &[KeyPath] {
        self.fields.iter().find(|(other, _)| *other == field).map_or(&[], |(_, places)| places)
    }

    fn paths(&self) -> usize {
        let tests = [&self.when, &self.unless, &self.failed, &self.cache_hit];
        self.has.len()
            + tests.iter().map(|tests| tests.len()).sum::<usize>()
            + self.fields.iter().map(|(_, places)| places.len()).sum::<usize>()
    }
}

/// The words for who speaks.
pub(super) const SPEAKERS: [(&str, Origin); 3] =
    [("gateway", Origin::Gateway), ("api", Origin::Api), ("telemetry", Origin::OpenTelemetry)];

/// The mappings that are built in, in the order in which they are tried.
pub static PRESETS: LazyLock<Vec<MappingConfig>> = LazyLock::new(|| {
    let document = Document::new(Path::new("presets.toml"), include_str!("presets.toml"));
    let read = || {
        let parsed = document.parse()?;
        let root = document.root(&parsed);
        let mappings = root.get("mapping").map_or(Ok(Vec::new()), |mappings| read_mappings(&mappings, &mut |_, _| {}));
        root.finish()?;
        mappings
    };
    read().expect("the built-in mappings are read by a test")
});

/// Reads `[[mapping]]`; `told` hears where each of them stands.
pub(super) fn read_mappings(
    value: &Value,
    told: &mut impl FnMut(usize, &Table),
) -> Result<Vec<MappingConfig>, ConfigError> {
    let mut mappings: Vec<MappingConfig> = Vec::new();
    for table in value.tables("mapping")? {
        told(mappings.len(), &table);
        let name = read_name(&table, &mappings)?;
        if mappings.len() == MOST_MAPPINGS {
            return Err(table.refuse(format!(
                "more than {MOST_MAPPINGS} mappings: leave some out, or pin sources in files of their own"
            )));
        }
        mappings.push(read_mapping(name, &table)?);
    }
    Ok(mappings)
}

fn read_name(table: &Table, others: &[MappingConfig]) -> Result<String, ConfigError> {
    let value = table.need("name", "name = \"our-gateway\"")?;
    let name = value.text("a name such as \"our-gateway\"")?;
    let shown = clean(name);
    let letters = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if !letters || name.len() > LONGEST_NAME || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return Err(value.refuse(format!(
            "a mapping cannot be called '{shown}': use a lower-case letter, then letters, digits, '-' and '_', {LONGEST_NAME} at most"
        )));
    }
    if Format::named(name).is_some() {
        return Err(
            value.refuse(format!("'{shown}' is a format that costtop reads by itself: call the mapping otherwise"))
        );
    }
    if others.iter().any(|other| other.name == name) {
        return Err(value.refuse(format!("two mappings are called '{shown}': give each a name of its own")));
    }
    Ok(name.to_owned())
}

fn read_mapping(name: String, table: &Table) -> Result<MappingConfig, ConfigError> {
    let mut fields = Vec::new();
    for field in MappedField::ALL {
        if let Some(value) = table.get(field.name()) {
            fields.push((
                *field,
                read_paths(&value, "a path such as \"usage.prompt_tokens\", or a list of them", MOST_PLACES)?,
            ));
        }
    }
    let mapping = MappingConfig {
        name,
        has: match table.get("has") {
            Some(value) => {
                read_paths(&value, "a path such as \"usage.prompt_tokens\", or a list of them", MOST_PLACES)?
            }
            None => Vec::new(),
        },
        when: read_tests(table, "when")?,
        unless: read_tests(table, "unless")?,
        failed: read_tests(table, "failed")?,
        cache_hit: read_tests(table, "cache_hit")?,
        origin: read_word(table, "speaks_as", &SPEAKERS)?.unwrap_or(Origin::Gateway),
        time_format: read_time_format(table)?,
        cost_unit: read_word(table, "cost_unit", &CostUnit::ALL.map(|unit| (unit.name(), unit)))?.unwrap_or_default(),
        latency_unit: read_word(table, "latency_unit", &TimeUnit::ALL.map(|unit| (unit.name(), unit)))?
            .unwrap_or(TimeUnit::Milliseconds),
        input_includes_cache: table.get("input_includes_cache").map_or(Ok(false), |value| value.truth())?,
        output_includes_reasoning: table.get("output_includes_reasoning").map_or(Ok(true), |value| value.truth())?,
        counts_include_media: table.get("counts_include_media").map_or(Ok(true), |value| value.truth())?,
        unverified: table.get("unverified").map_or(Ok(false), |value| value.truth())?,
        fields,
    };
    let said = |key: &'static str| table.get(key).is_some();
    let name = &mapping.name;
    table.finish()?;
    if mapping.has.is_empty() && mapping.when.is_empty() {
        return Err(table.refuse(format!(
            "mapping '{name}' would mean every line: write has = [\"usage.prompt_tokens\"], or when = {{ event = \"llm_call\" }}"
        )));
    }
    let states = |field: MappedField| !mapping.places(field).is_empty();
    if ![MappedField::Input, MappedField::Output, MappedField::Cost].into_iter().any(states) {
        return Err(table
            .refuse(format!("mapping '{name}' finds neither tokens nor cost: write input = \"usage.prompt_tokens\"")));
    }
    if !states(MappedField::Model) && !states(MappedField::Cost) {
        return Err(
            table.refuse(format!("mapping '{name}' finds no model, so nothing has a price: write model = \"model\""))
        );
    }
    // The same names mean opposite things in different logs, and a wrong guess bills twice: so it must be said.
    let caches =
        [MappedField::CacheRead, MappedField::CacheWrite, MappedField::CacheWrite5m, MappedField::CacheWrite1h];
    if caches.into_iter().any(states) && !said("input_includes_cache") {
        return Err(table.refuse(format!(
            "mapping '{name}' finds cache tokens: say whether 'input' counts them too, input_includes_cache = true or false"
        )));
    }
    if states(MappedField::Reasoning) && !said("output_includes_reasoning") {
        return Err(table.refuse(format!(
            "mapping '{name}' finds reasoning: say whether 'output' counts it too, output_includes_reasoning = true or false"
        )));
    }
    if Medium::ALL.into_iter().flat_map(MappedField::of).any(states) && !said("counts_include_media") {
        return Err(table.refuse(format!(
            "mapping '{name}' finds audio, images or video: say whether 'input' and 'output' count them too, counts_include_media = true or false"
        )));
    }
    if states(MappedField::CacheWrite) && states(MappedField::CacheWrite5m) {
        return Err(table.refuse(format!(
            "mapping '{name}' finds 'cache_write' and 'cache_write_5m': all writes are the one, those for five minutes the other; leave one out"
        )));
    }
    let paths = mapping.paths();
    if paths > MOST_PATHS {
        return Err(table.refuse(format!("mapping '{name}' has {paths} paths: write at most {MOST_PATHS}")));
    }
    Ok(mapping)
}

/// One of a few words; `None` where nothing is said.
fn read_word<T: Copy>(table: &Table, key: &'static str, words: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
    let Some(value) = table.get(key) else { return Ok(None) };
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let text = value.text(&any_of(&names))?;
    let found = words.iter().find(|(name, _)| *name == text).map(|(_, word)| Some(*word));
    found.ok_or_else(|| value.refuse(format!("'{key}' is '{}': use {}", clean(text), any_of(&names))))
}

fn read_time_format(table: &Table) -> Result<TimeFormat, ConfigError> {
    let Some(value) = table.get("time_format") else { return Ok(TimeFormat::Auto) };
    let text = value.text("\"auto\", \"s\", \"ms\", \"us\", \"ns\" or a pattern such as \"%d/%b/%Y:%H:%M:%S %z\"")?;
    if text == "auto" {
        return Ok(TimeFormat::Auto);
    }
    if let Some(unit) = TimeUnit::ALL.into_iter().find(|unit| unit.name() == text) {
        return Ok(TimeFormat::Since1970(unit));
    }
    if crate::time::TimePattern::new(text).is_none() {
        return Err(value.refuse(format!(
            "'time_format' is '{}', which tells no instant: use auto, s, ms, us, ns, or a pattern with date and time such as \"%d/%b/%Y:%H:%M:%S %z\"",
            clean(text)
        )));
    }
    Ok(TimeFormat::Pattern(text.to_owned()))
}

/// `{ path = "text", other = ["one", "another"] }`
fn read_tests(table: &Table, key: &'static str) -> Result<Vec<Test>, ConfigError> {
    let Some(value) = table.get(key) else { return Ok(Vec::new()) };
    let example = format!("{key} = {{ status = \"success\" }}");
    let mut tests = Vec::new();
    read_tests_below(&value, &[], key, &example, &mut tests)?;
    if tests.is_empty() {
        return Err(value.refuse(format!("'{key}' is empty: write {example}, or leave it out")));
    }
    Ok(tests)
}

/// Dotted keys without quotes are tables in tables.
fn read_tests_below(
    value: &Value,
    above: &[String],
    key: &str,
    example: &str,
    tests: &mut Vec<Test>,
) -> Result<(), ConfigError> {
    for test in value.table(example)?.each() {
        let mut path = above.to_vec();
        path.extend(read_path(&test.key).ok_or_else(|| refusal(value, &test.key))?);
        if test.is_table() {
            read_tests_below(&test, &path, key, example, tests)?;
            continue;
        }
        let items = if test.is_list() { test.list(example)? } else { Vec::new() };
        let texts = if test.is_list() { items.iter().map(Value::plain).collect() } else { vec![test.plain()] };
        let any_of: Option<Vec<String>> = texts.into_iter().collect();
        match any_of {
            Some(any_of) if !any_of.is_empty() => tests.push(Test { path, any_of }),
            _ => {
                let path = clean(&test.key);
                return Err(test.refuse(format!("'{path}' in '{key}' is no text: write {example}, or a list of texts")));
            }
        }
    }
    Ok(())
}
