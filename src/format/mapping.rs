//! What a mapping describes: a record enters, at most one usage leaves. The mapping says where each fact stands, in which unit, and
//! what includes what (docs/mapping.md); its paths are compiled, and a record is walked once.
//!
//! Mappings of the configuration come before every reader, as the operator knows the log. Those built in come before costtop's own
//! grammar, whose names they share, and each is known by a key at the top that no other format has (`presets.rs`).

mod presets;
mod tell;

use std::sync::Arc;

use crate::config::{MOST_MAPPING_PATHS, MappedField, MappingConfig, Test, TimeFormat};
use crate::time::{TimePattern, Timestamp, Zone};
use crate::usage::{ByMedium, Dimensions, Format, Ids, MappingName, Media, Medium, Rejection, Terms, Tokens, Usage};

use super::paths::Paths;
use super::scanner::{Scalar, Scanner, Stop};
use super::{Marks, Reading, Skip, number};

pub(super) use presets::{Hints, hint, hinted, of as preset};
pub use tell::{Fact, Told};

/// Status of a request that a mapping only says to have failed.
const FAILED: u16 = 500;
/// Facts there are.
const FIELDS: usize = MappedField::ALL.len();

/// What stands at the end of each path of a mapping.
type Found<'a> = [Scalar<'a>; MOST_MAPPING_PATHS];

/// The mappings of a configuration, in its order, beside those built in.
#[derive(Clone, Debug)]
pub struct Mappings {
    own: Vec<Mapping>,
    /// Built-in ones that one of the configuration has the name of.
    replaced: Hints,
}

impl Mappings {
    /// Compiles the mappings of a configuration; `None` where there are none.
    #[must_use]
    pub fn new(configured: &[MappingConfig]) -> Option<Arc<Mappings>> {
        if configured.is_empty() {
            return None;
        }
        let own: Vec<Mapping> = configured.iter().map(Mapping::new).collect();
        let replaced = presets::named_by(&own);
        Some(Arc::new(Mappings { own, replaced }))
    }

    pub(super) fn own(&self) -> &[Mapping] {
        &self.own
    }

    pub(super) const fn replaced(&self) -> Hints {
        self.replaced
    }
}

/// Reads `record` if the built-in mapping of that format describes it, and none before it may. One of the configuration never comes here:
/// those are asked before.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    format: Format,
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    each: &mut E,
) -> Reading {
    let Some(mapping) = preset(format) else {
        return super::own::read(record, zone, marks, &mut super::own::Order::default(), each);
    };
    match mapping.read_noting(record, zone, &mut marks) {
        Err(stop) => Reading::Stopped(stop),
        Ok(Some(said)) if hinted(marks.hints()).next().is_some_and(|first| first.format == format) => {
            each(said.as_ref().map_err(|skip| *skip));
            Reading::Done(format)
        }
        Ok(_) => Reading::Foreign(marks),
    }
}

/// One mapping, compiled.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    format: Format,
    paths: Paths,
    has: Vec<usize>,
    when: Vec<Compiled>,
    unless: Vec<Compiled>,
    failed: Vec<Compiled>,
    cache_hit: Vec<Compiled>,
    /// The slots of each fact, best first.
    fields: [Vec<usize>; FIELDS],
    time: Clock,
    is_built_in: bool,
    config: MappingConfig,
}

/// A slot and what may stand there.
#[derive(Clone, Debug)]
struct Compiled {
    slot: usize,
    any_of: Vec<Box<[u8]>>,
}

#[derive(Clone, Debug)]
enum Clock {
    Auto,
    Parts(u8),
    Pattern(TimePattern),
}

/// What a record says by a mapping; `None`: the mapping describes others.
pub(super) type Said<'a> = Option<Result<Usage<'a>, Skip>>;

impl Compiled {
    fn holds(&self, found: &Found<'_>) -> bool {
        let text = found[self.slot].plain();
        !text.is_empty() && self.any_of.iter().any(|wanted| text.is(wanted))
    }
}

/// Whether a value says nothing: Envoy prints `-` for what is not there.
fn is_nothing(value: Scalar<'_>) -> bool {
    match value {
        Scalar::Null => true,
        Scalar::Text(text) => text.is_empty() || text.is(b"-"),
        _ => false,
    }
}

impl Mapping {
    fn new(config: &MappingConfig) -> Mapping {
        let mut paths = Paths::default();
        let has = config.has.iter().map(|path| paths.add(path)).collect();
        let mut compiled = |tests: &[Test]| -> Vec<Compiled> {
            let compile = |test: &Test| Compiled {
                slot: paths.add(&test.path),
                any_of: test.any_of.iter().map(|text| text.as_bytes().into()).collect(),
            };
            tests.iter().map(compile).collect()
        };
        let [when, unless, failed, cache_hit] =
            [&config.when, &config.unless, &config.failed, &config.cache_hit].map(|tests| compiled(tests));
        let mut fields = [const { Vec::new() }; FIELDS];
        for (field, places) in &config.fields {
            fields[*field as usize] = places.iter().map(|path| paths.add(path)).collect();
        }
        Mapping {
            format: Format::Mapped(MappingName::new(&config.name)),
            paths,
            has,
            when,
            unless,
            failed,
            cache_hit,
            fields,
            time: match &config.time_format {
                TimeFormat::Auto => Clock::Auto,
                TimeFormat::Since1970(unit) => Clock::Parts(unit.places()),
                // Checked with the configuration.
                TimeFormat::Pattern(pattern) => TimePattern::new(pattern).map_or(Clock::Auto, Clock::Pattern),
            },
            is_built_in: false,
            config: config.clone(),
        }
    }

    /// One that is known by a key which may be anybody's.
    fn built_in(config: &MappingConfig) -> Mapping {
        Mapping { is_built_in: true, ..Mapping::new(config) }
    }

    pub(super) const fn format(&self) -> Format {
        self.format
    }

    /// What stands in `record`, walked to its end. `note` hears each key at the top.
    fn walk<'a>(
        &self,
        record: &'a [u8],
        note: impl FnMut(&[u8], &Scanner<'a>) -> Result<(), Stop>,
    ) -> Result<Found<'a>, Stop> {
        let mut found = [Scalar::Null; MOST_MAPPING_PATHS];
        let mut scanner = Scanner::new(record);
        self.paths.read(&mut scanner, &mut found, note)?;
        scanner.end()?;
        Ok(found)
    }

    /// Whether nothing is stated of what was used, nor that it failed or is none.
    fn is_silent(&self, found: &Found<'_>) -> bool {
        use MappedField as Is;
        let stated =
            [Is::Input, Is::Output, Is::CacheRead, Is::CacheWrite, Is::CacheWrite5m, Is::CacheWrite1h, Is::Cost];
        stated.into_iter().all(|field| self.slot(found, field).is_none())
            && !self.unless.iter().chain(&self.failed).any(|test| test.holds(found))
            && number::lenient(self.value(found, Is::Status)) < 400
    }

    fn means(&self, found: &Found<'_>) -> bool {
        self.has.iter().all(|slot| !found[*slot].is_null()) && self.when.iter().all(|test| test.holds(found))
    }

    /// Reads `record` if it is what the mapping describes. A broken one is not: the reader that comes next says how it is broken.
    pub(super) fn read<'a>(&self, record: &'a [u8], zone: Zone, told: Option<&mut Vec<Told>>) -> Said<'a> {
        match self.walk(record, |_, _| Ok(())) {
            Ok(found) => self.meet(&found, zone, told),
            Err(_) => None,
        }
    }

    /// The same, and notes every key at the top, as each reader does that may meet a record first.
    pub(super) fn read_noting<'a>(&self, record: &'a [u8], zone: Zone, marks: &mut Marks) -> Result<Said<'a>, Stop> {
        let found = self.walk(record, |key, value| marks.note(key, &mut value.clone()))?;
        Ok(self.meet(&found, zone, None))
    }

    fn meet<'a>(&self, found: &Found<'a>, zone: Zone, told: Option<&mut Vec<Told>>) -> Said<'a> {
        if self.is_built_in && self.is_silent(found) {
            return None;
        }
        if let Some(told) = told {
            told.push(self.tell(found));
        }
        self.means(found).then(|| self.usage(found, zone))
    }

    /// The slot whose value counts for a fact: the first that says something.
    fn slot(&self, found: &Found<'_>, field: MappedField) -> Option<usize> {
        self.fields[field as usize].iter().copied().find(|slot| !is_nothing(found[*slot]))
    }

    fn value<'a>(&self, found: &Found<'a>, field: MappedField) -> Scalar<'a> {
        self.slot(found, field).map_or(Scalar::Null, |slot| found[slot])
    }

    fn usage<'a>(&self, found: &Found<'a>, zone: Zone) -> Result<Usage<'a>, Skip> {
        use MappedField as Is;
        if self.unless.iter().any(|test| test.holds(found)) {
            return Err(Skip::NotUsage);
        }
        let value = |field| self.value(found, field);
        let text = |field| self.value(found, field).plain();
        let (tokens, media) = self.tokens(found).map_err(Skip::Rejected)?;
        let reported = number::cost_parts(value(Is::Cost), self.config.cost_unit.places()).map_err(Skip::Rejected)?;
        let model = text(Is::Model);
        let failed = self.failed.iter().any(|test| test.holds(found));
        let status = match u16::try_from(number::lenient(value(Is::Status))).unwrap_or(0) {
            0..400 if failed => FAILED,
            status => status,
        };
        let states_tokens = [Is::Input, Is::Output, Is::CacheRead, Is::CacheWrite, Is::CacheWrite5m, Is::CacheWrite1h]
            .into_iter()
            .any(|field| !value(field).is_null());
        if reported.is_none() && !states_tokens && status < 400 {
            return Err(Skip::NotUsage);
        }
        if model.is_empty() && reported.is_none() {
            // What failed before a model was chosen cost nothing.
            return Err(if tokens.is_empty() { Skip::NotUsage } else { Skip::Rejected(Rejection::Model) });
        }
        Ok(Usage {
            origin: self.config.origin,
            is_final: true,
            revision: number::lenient(value(Is::Revision)),
            cache_hit: self.cache_hit.iter().any(|test| test.holds(found)),
            ids: Ids {
                response: text(Is::ResponseId),
                request: text(Is::RequestId),
                call: text(Is::CallId),
                ..Ids::default()
            },
            time: self.time(value(Is::Time), zone),
            tokens,
            media,
            model,
            provider: text(Is::Provider),
            dimensions: Dimensions {
                user: text(Is::User),
                end_user: text(Is::EndUser),
                user_email: text(Is::UserEmail),
                key_alias: text(Is::Key),
                key_hash: text(Is::KeyHash),
                team: text(Is::Team),
                project: text(Is::Project),
                feature: text(Is::Feature),
                agent: text(Is::Agent),
                host: text(Is::Host),
                session: text(Is::Session),
                ..Dimensions::default()
            },
            terms: Terms { tier: text(Is::Tier), region: text(Is::Region), ..Terms::default() },
            status,
            latency_ms: number::parts_as_ms(value(Is::Latency), self.config.latency_unit.places()),
            stop_reason: text(Is::StopReason),
            max_tokens: number::lenient(value(Is::MaxTokens)),
            retry_of: text(Is::RetryOf),
            reported,
            ..Usage::default()
        })
    }

    fn tokens(&self, found: &Found<'_>) -> Result<(Tokens, Media), Rejection> {
        use MappedField as Is;
        let count = |field| number::tokens(self.value(found, field));
        let (prompt, cached, answer) = self.media(found)?;
        let (mut cache_read, cache_write_1h) = (count(Is::CacheRead)?, count(Is::CacheWrite1h)?);
        let cache_write_5m = if self.value(found, Is::CacheWrite).is_null() {
            count(Is::CacheWrite5m)?
        } else {
            count(Is::CacheWrite)?.saturating_sub(cache_write_1h)
        };
        let (mut output, reasoning) = (count(Is::Output)?, count(Is::Reasoning)?);
        let mut input = count(Is::Input)?;
        let add = |sum: u32, count: u32| sum.checked_add(count).ok_or(Rejection::Number);
        if !self.config.counts_include_media {
            input = prompt.into_iter().try_fold(input, add)?;
            cache_read = cached.into_iter().try_fold(cache_read, add)?;
            output = answer.into_iter().try_fold(output, add)?;
        }
        if !self.config.output_includes_reasoning {
            output = add(output, reasoning)?;
        }
        if self.config.input_includes_cache {
            input = input.saturating_sub(cache_read).saturating_sub(cache_write_5m).saturating_sub(cache_write_1h);
        }
        let tokens = Tokens {
            input,
            cache_read,
            cache_write_5m,
            cache_write_1h,
            output,
            reasoning: reasoning.min(output),
            web_searches: count(Is::WebSearches)?,
        };
        let mut media = Media { output: answer, is_split: answer != ByMedium::default(), ..Media::default() };
        if self.config.input_includes_cache {
            media.split_prompt(prompt, (cached != ByMedium::default()).then_some(cached), &tokens);
        } else {
            (media.input, media.cache_read) = (prompt, cached);
        }
        // A part that its whole does not hold is a wrong path, and a wrong bill.
        if media.within(&tokens) == media { Ok((tokens, media)) } else { Err(Rejection::Number) }
    }

    /// What is said of media: in the input, among what was read from the cache, in the output.
    fn media(&self, found: &Found<'_>) -> Result<(ByMedium, ByMedium, ByMedium), Rejection> {
        let mut parts = [ByMedium::default(); 3];
        for medium in Medium::ALL {
            for (part, field) in parts.iter_mut().zip(MappedField::of(medium)) {
                part[medium as usize] = number::tokens(self.value(found, field))?;
            }
        }
        let [prompt, cached, answer] = parts;
        Ok((prompt, cached, answer))
    }

    fn time(&self, value: Scalar<'_>, zone: Zone) -> Option<Timestamp> {
        match &self.time {
            Clock::Auto => number::time(value, zone),
            Clock::Parts(places) => number::time_in(value, *places),
            Clock::Pattern(pattern) => pattern.read(&value.text().bytes(), zone),
        }
    }
}
