//! Points of counters and histograms enter, what they say of usage leaves: those of one interval that differ only in what they count are
//! one record, since a count of cached tokens means nothing without the input they are a part of.
//!
//! Identity: resource, instrumentation, the attributes but the kind, and the interval's end, or, of points that count since a start, the
//! earliest start: there the greatest count wins. What a request's parts count apart is told apart by its kinds. A record of single
//! requests of the same session, or of the same producer where no session is named, makes points void: the ledger's business.

use std::hash::Hasher as _;

use rustc_hash::FxHashMap;
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::attributes::{Attributes, Key};
use super::collect::{Facts, Metric};
use super::gen_ai;
use super::own::Own;
use super::record::{Family, Record, Tool, instant, model_of, producer};
use super::value::{Any, Value};
use crate::format::{Skip, number};
use crate::money::Cost;
use crate::usage::{Dimensions, Ids, Origin, OwnLabel, RawText, Rejection, Terms, Tokens, Usage};

/// Sums of one resource that are put together at a time: 8 MiB. Beyond it what is there is told, and what follows is told apart.
const MOST: usize = 2048;

/// What a point counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    Reasoning,
    Tool,
    Cost,
}

/// The attribute that says what a point of that metric counts, if the metric says what was used.
pub(super) fn counts(name: RawText<'_>) -> Option<&'static [u8]> {
    family(&name.bytes()).map(|(family, _)| kind_key(family).1)
}

/// A metric's family, and what it counts if its points do not say so.
fn family(name: &[u8]) -> Option<(Family, Option<Kind>)> {
    Some(match name {
        b"claude_code.cost.usage" => (Family::ClaudeCode, Some(Kind::Cost)),
        b"claude_code.token.usage" => (Family::ClaudeCode, None),
        b"gemini_cli.token.usage" => (Family::GeminiCli, None),
        b"gen_ai.client.token.usage" => (Family::GenAi, None),
        b"gen_ai.usage.cost" => (Family::GenAi, Some(Kind::Cost)),
        b"gen_ai.client.inference.usage.input_tokens" => (Family::GenAi, Some(Kind::Input)),
        b"gen_ai.client.inference.usage.output_tokens" => (Family::GenAi, Some(Kind::Output)),
        b"gen_ai.client.inference.usage.cache_read.input_tokens" => (Family::GenAi, Some(Kind::CacheRead)),
        b"gen_ai.client.inference.usage.cache_write.input_tokens"
        | b"gen_ai.client.inference.usage.cache_creation.input_tokens" => (Family::GenAi, Some(Kind::CacheWrite)),
        b"gen_ai.client.inference.usage.reasoning.output_tokens" => (Family::GenAi, Some(Kind::Reasoning)),
        _ => return None,
    })
}

fn kind(of: RawText<'_>) -> Option<Kind> {
    Some(match &*of.bytes() {
        b"input" | b"prompt" => Kind::Input,
        b"output" | b"completion" => Kind::Output,
        b"cacheRead" | b"cache" | b"cache_read" => Kind::CacheRead,
        b"cacheCreation" | b"cache_creation" | b"cache_write" => Kind::CacheWrite,
        b"thought" | b"reasoning" => Kind::Reasoning,
        b"tool" => Kind::Tool,
        _ => return None,
    })
}

/// The attribute that says what a point counts: each family has its own, and another's is one like any other.
const fn kind_key(of: Family) -> (Key, &'static [u8]) {
    match of {
        Family::GenAi => (Key::TokenType, b"gen_ai.token.type"),
        Family::ClaudeCode | Family::Codex | Family::GeminiCli => (Key::Type, b"type"),
    }
}

/// Attributes of a resource or a point among which a repeated name is found; exporters keep to half as many. Beyond them each counts.
const MOST_NAMES: usize = 256;

/// What a resource or a point is told by: its attributes, in no order. Each is hashed by itself, so that nothing is kept of them; of
/// several with one name the last counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Fingerprint {
    /// Name and whole.
    known: Vec<(u128, u128)>,
    others: u128,
}

impl Fingerprint {
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.others = 0;
    }

    pub(super) fn add(&mut self, name: &[u8], value: Any<'_>) {
        let value = Value::of(value);
        let whole = if value.is_absent() {
            0
        } else {
            let said = match &value {
                Value::Bool(truth) => RawText::plain(if *truth { b"true" } else { b"false" }),
                other => other.text(),
            };
            hash(&[name, &said.bytes()])
        };
        let name = hash(&[name]);
        if let Some((_, before)) = self.known.iter_mut().find(|(known, _)| *known == name) {
            *before = whole;
        } else if self.known.len() < MOST_NAMES {
            self.known.push((name, whole));
        } else {
            self.others = self.others.wrapping_add(whole);
        }
    }

    pub(super) fn sum(&self) -> u128 {
        self.known.iter().fold(self.others, |sum, (_, whole)| sum.wrapping_add(*whole))
    }
}

fn hash(parts: &[&[u8]]) -> u128 {
    let mut hasher = SipHasher13::new();
    for part in parts {
        hasher.write(&(part.len() as u64).to_le_bytes());
        hasher.write(part);
    }
    hasher.finish128().as_u128()
}

/// Points that differ only in what they count.
struct Sum<'a> {
    family: Family,
    own: Attributes<'a>,
    labels: Vec<Value<'a>>,
    is_delta: bool,
    start: u64,
    time: u64,
    counts: [Option<u32>; Kind::Cost as usize],
    cost: Option<Cost>,
}

/// The sums of one resource.
#[derive(Default)]
pub(super) struct Sums<'a> {
    places: FxHashMap<u128, usize>,
    /// With what each is told by.
    sums: Vec<(u128, Sum<'a>)>,
}

impl<'a> Sums<'a> {
    /// There is no room for another.
    pub(super) fn is_full(&self) -> bool {
        self.sums.len() >= MOST
    }

    /// Takes a point; why not where it cannot be counted.
    pub(super) fn take(
        &mut self,
        record: &Record<'a>,
        own: &Own<'a, '_>,
        [resource, point]: [u128; 2],
        (metric, facts, value): (&Metric<'a>, &Facts<'a>, Any<'a>),
    ) -> Result<(), Skip> {
        let (family, counted) = family(&metric.name.bytes()).ok_or(Skip::NotUsage)?;
        let restated = match family {
            // In the words of the conventions Gemini CLI says less.
            Family::GenAi => record.tool() == Some(Tool::GeminiCli) || !gen_ai::is_inference(record),
            _ => false,
        };
        let counted = counted.or_else(|| kind(record.own.get(kind_key(family).0).text())).filter(|_| !restated);
        let value = Value::of(value);
        let Some(counted) = counted.filter(|_| !value.is_absent()) else { return Err(Skip::NotUsage) };
        let count = match counted {
            Kind::Cost => Err(number::cost(value.scalar()).map_err(Skip::Rejected)?),
            _ => Ok(number::tokens(value.scalar()).map_err(Skip::Rejected)?),
        };
        let end = if metric.is_delta { facts.time } else { 0 };
        let told_by = hash(&[
            &resource.to_le_bytes(),
            &record.scope.bytes(),
            &point.to_le_bytes(),
            &[family as u8, u8::from(metric.is_delta)],
            &end.to_le_bytes(),
        ]);
        let place = *self.places.entry(told_by).or_insert(self.sums.len());
        if place == self.sums.len() {
            let sum = Sum {
                family,
                own: record.own.clone(),
                labels: own.record().to_vec(),
                is_delta: metric.is_delta,
                start: u64::MAX,
                time: 0,
                counts: [None; Kind::Cost as usize],
                cost: None,
            };
            self.sums.push((told_by, sum));
        }
        let sum = &mut self.sums[place].1;
        sum.start = sum.start.min(facts.start);
        sum.time = sum.time.max(facts.time);
        match count {
            // Two metrics may count the same.
            Ok(tokens) => sum.counts[counted as usize] = sum.counts[counted as usize].max(Some(tokens)),
            Err(cost) => sum.cost = sum.cost.max(cost),
        }
        Ok(())
    }

    /// Hands each sum to `tell`, in the order in which they began; none is left.
    pub(super) fn tell(
        &mut self,
        record: &mut Record<'a>,
        own: &mut Own<'a, '_>,
        room: &mut Vec<u8>,
        mut tell: impl FnMut(Result<&Usage<'_>, Skip>),
    ) {
        self.places.clear();
        for (told_by, sum) in self.sums.drain(..) {
            record.own = sum.own.clone();
            own.set_record(&sum.labels);
            let labels = own.labels();
            match sum.usage(record, told_by, labels.as_ref(), room) {
                Ok(usage) => tell(Ok(&usage)),
                Err(skip) => tell(Err(skip)),
            }
        }
    }
}

impl Sum<'_> {
    fn usage<'r>(
        &self,
        record: &'r Record<'_>,
        told_by: u128,
        own: Option<&'r [RawText<'r>; OwnLabel::MOST]>,
        room: &'r mut Vec<u8>,
    ) -> Result<Usage<'r>, Skip> {
        let model = match self.family {
            Family::GenAi => record.first([Key::ResponseModel, Key::RequestModel]).text(),
            _ => record.own.get(Key::Model).text(),
        };
        let model = model_of(model, true)?;
        let tokens = self.tokens().map_err(Skip::Rejected)?;
        let text = |key: Key| record.own.get(key).text();
        let email = record.text(Key::UserEmail);
        let provider = match self.family {
            Family::ClaudeCode if model.bytes().starts_with(b"claude") => RawText::plain(b"anthropic"),
            Family::ClaudeCode | Family::Codex => RawText::NONE,
            Family::GeminiCli => RawText::plain(b"gemini"),
            Family::GenAi => record.first([Key::Provider, Key::System]).text(),
        };
        let id = record.text(Key::UserId);
        let user = match self.family {
            Family::GenAi => id.or(text(Key::LiteLlmUser)).or(record.text(Key::UserName)),
            _ => email.or(id).or(record.text(Key::InstallationId)),
        };
        let (call, span, producer) = self.names(record, told_by, room);
        Ok(Usage {
            origin: Origin::Metrics,
            is_final: true,
            ids: Ids { call, span, ..Ids::default() },
            producer,
            time: instant(self.time),
            tokens,
            model,
            provider,
            dimensions: Dimensions {
                end_user: record.text(Key::EndUser),
                user,
                user_email: email.or(text(Key::LiteLlmEmail)),
                key_alias: text(Key::LiteLlmAlias),
                key_hash: text(Key::LiteLlmHash),
                team: text(Key::LiteLlmTeam).or(text(Key::LiteLlmTeamId)).or(record.team()),
                project: if self.family == Family::GenAi { record.text(Key::ServiceName) } else { RawText::NONE },
                agent: text(Key::GenAiAgent).or(record.text(Key::AgentName)).or(record.text(Key::QuerySource)),
                host: record.text(Key::HostName),
                session: text(Key::Conversation).or(record.text(Key::SessionId)),
                own,
                ..Dimensions::default()
            },
            terms: Terms {
                tier: text(Key::ResponseTier).or(text(Key::RequestTier)),
                speed: text(Key::Speed),
                ..Terms::default()
            },
            reported: self.cost,
            ..Usage::default()
        })
    }

    /// What the points are found by, what tells them from others that are found by the same, and what exported them.
    fn names<'r>(
        &self,
        record: &Record<'_>,
        told_by: u128,
        room: &'r mut Vec<u8>,
    ) -> (RawText<'r>, RawText<'r>, RawText<'r>) {
        let since = if self.is_delta { 0 } else { self.start };
        let found_by = hash(&[&told_by.to_le_bytes(), &since.to_le_bytes()]);
        let kinds = self.counts.iter().map(Option::is_some).chain([self.cost.is_some()]);
        let kinds = kinds.fold(0u32, |kinds, is_there| kinds << 1 | u32::from(is_there));
        // Points that count since a start gain kinds as time goes on; they stay the same.
        let apart = if self.is_delta { kinds } else { 0 };
        let call = format!("points-{found_by:032x}").into_bytes();
        let span = format!("points-{found_by:032x}-{apart:02x}").into_bytes();
        // Behind the names of the points, so that one buffer lends all three.
        producer(self.family, record, room);
        let ends = (call.len(), call.len() + span.len());
        room.splice(..0, call.into_iter().chain(span));
        let (names, producer) = room.split_at(ends.1);
        let (call, span) = names.split_at(ends.0);
        (RawText::plain(call), RawText::plain(span), RawText::plain(producer))
    }

    fn tokens(&self) -> Result<Tokens, Rejection> {
        let count = |kind: Kind| self.counts[kind as usize].unwrap_or(0);
        let sum = |one: u32, other: u32| one.checked_add(other).ok_or(Rejection::Number);
        let (input, cache_read, cache_write) = (count(Kind::Input), count(Kind::CacheRead), count(Kind::CacheWrite));
        let (output, reasoning) = (count(Kind::Output), count(Kind::Reasoning));
        let uncached = input.saturating_sub(cache_read).saturating_sub(cache_write);
        let tokens = Tokens { cache_read, cache_write_5m: cache_write, ..Tokens::default() };
        Ok(match self.family {
            Family::ClaudeCode | Family::Codex => Tokens { input, output, ..tokens },
            Family::GenAi => Tokens { input: uncached, output, reasoning: reasoning.min(output), ..tokens },
            Family::GeminiCli => Tokens {
                input: sum(uncached, count(Kind::Tool))?,
                output: sum(output, reasoning)?,
                reasoning,
                ..tokens
            },
        })
    }
}
