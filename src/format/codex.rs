//! Rollout files of Codex CLI: one object per line, of which `token_count` events state running totals. A line enters with what the
//! earlier ones said; at most one usage leaves: what was used since the last statement.
//!
//! Identity: the session and its running totals, so that a statement is one charge wherever it is read again. A forked session's file
//! begins with copies of its parent's lines: what it says is named after the parent, whose own file says the same under the same name.
//! Dimensions: `cwd` is the project, a sub-agent's role the agent; there is no user. The input includes cache reads and writes, the
//! output includes reasoning. Says [`Origin::Transcript`], always final.

use std::io::Write as _;

use crate::time::{Timestamp, Zone};
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Terms, Tokens, Twin, Usage};

use super::context::{Reader, Writer, remembered};
use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, finish, number};

/// What a file has said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Thread {
    /// The first `session_meta` was read, so nothing before it is missing.
    is_known: bool,
    session: Box<[u8]>,
    /// The session this one was forked from or spawned by.
    parent: Box<[u8]>,
    /// The session that the last `session_meta` names: in a fork, the one whose lines are copied.
    copied: Box<[u8]>,
    /// When the session began, in milliseconds; lines from before are copies.
    born: Option<i64>,
    /// The first line that is no copy, where the file numbers them; else 0.
    first_own: u64,
    project: Box<[u8]>,
    provider: Box<[u8]>,
    agent: Box<[u8]>,
    model: Box<[u8]>,
    tier: Box<[u8]>,
    totals: Option<Counts>,
}

/// Tokens as a rollout counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    input: u64,
    cached: u64,
    cache_write: u64,
    output: u64,
    reasoning: u64,
}

/// The values of one line, unread.
#[derive(Default)]
struct Fields<'a> {
    timestamp: Scalar<'a>,
    ordinal: Scalar<'a>,
    kind: RawText<'a>,
    /// An object, checked.
    payload: &'a [u8],
}

/// Reads `record` if it has this format; `id` is where its name is made.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    (thread, id): (&mut Option<Box<Thread>>, &mut Vec<u8>),
    each: &mut E,
) -> Reading {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"type" => fields.kind = marks.note_type(value)?.text(),
            b"payload" => {
                marks.payload = true;
                fields.payload = value.span()?;
            }
            b"timestamp" => fields.timestamp = value.scalar()?,
            b"ordinal" => fields.ordinal = value.scalar()?,
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    finish(
        walked.and_then(|_| scanner.end()),
        marks,
        |format| format == Format::Codex,
        each,
        move |_| fields.usage(thread.get_or_insert_default(), id, zone),
    )
}

impl<'a> Fields<'a> {
    fn usage<'u>(&self, thread: &'u mut Thread, id: &'u mut Vec<u8>, zone: Zone) -> Result<Usage<'u>, Skip> {
        let payload = Scanner::new(self.payload);
        // Everything was checked with the record.
        let broken = |_: Stop| Skip::Rejected(Rejection::Json);
        match self.kind.bytes().as_ref() {
            b"session_meta" => thread.begin(payload, self.timestamp, zone).map_err(broken)?,
            b"turn_context" => thread.settings(payload).map_err(broken)?,
            _ => {
                let event = Event::read(payload).map_err(broken)?;
                if event.kind.is(b"thread_settings_applied") {
                    thread.settings(Scanner::new(event.settings)).map_err(broken)?;
                } else if event.kind.is(b"token_count") {
                    return self.counted(&event, thread, id, zone);
                }
            }
        }
        Err(Skip::NotUsage)
    }

    /// What was used since the last statement.
    fn counted<'u>(
        &self,
        event: &Event<'a>,
        thread: &'u mut Thread,
        id: &'u mut Vec<u8>,
        zone: Zone,
    ) -> Result<Usage<'u>, Skip> {
        let read = |object: &Option<Unread<'a>>| object.as_ref().map(Unread::counts).transpose();
        let (total, last) = (read(&event.total).map_err(Skip::Rejected)?, read(&event.last).map_err(Skip::Rejected)?);
        let used = thread.used(total, last).ok_or(Skip::NotUsage)?;
        thread.totals = total.or(thread.totals);
        let time = number::time(self.timestamp, zone);
        if thread.is_copy(time, self.ordinal) || used == Counts::default() {
            return Err(Skip::NotUsage);
        }
        let tokens = used.tokens()?;
        if thread.model.is_empty() {
            // A session's own turns begin with their model; what a fork's file says before is its parent's.
            return Err(if thread.parent.is_empty() { Skip::Rejected(Rejection::Model) } else { Skip::NotUsage });
        }
        id.clear();
        if let Some(total) = total
            && thread.is_known
        {
            thread.name(total, last.unwrap_or_default(), id);
        }
        let thread = &*thread;
        Ok(Usage {
            origin: Origin::Transcript,
            side_chain: !thread.parent.is_empty(),
            is_final: true,
            ids: Ids { response: RawText::plain(id), ..Ids::default() },
            twin: thread.twin(last.unwrap_or(used)),
            time,
            tokens,
            model: RawText::plain(&thread.model),
            provider: RawText::plain(&thread.provider),
            dimensions: Dimensions {
                project: RawText::plain(&thread.project),
                agent: RawText::plain(&thread.agent),
                session: RawText::plain(&thread.session),
                ..Dimensions::default()
            },
            terms: Terms { tier: RawText::plain(&thread.tier), ..Terms::default() },
            ..Usage::default()
        })
    }
}

impl Thread {
    /// A `session_meta`. The first one is the file's own; in a fork, those of the sessions it copies follow.
    fn begin(&mut self, mut payload: Scanner<'_>, timestamp: Scalar<'_>, zone: Zone) -> Result<(), Stop> {
        let mut meta = Meta::default();
        payload.object(|key, value| {
            match key {
                b"id" => meta.id = value.text()?,
                b"timestamp" => meta.born = value.scalar()?,
                b"cwd" => meta.cwd = value.text()?,
                b"model_provider" => meta.provider = value.text()?,
                b"forked_from_id" => meta.forked_from = value.text()?,
                b"parent_thread_id" => meta.parent = value.text()?,
                b"agent_role" => meta.role = value.text()?,
                b"subagent_history_start_ordinal" => meta.first_own = value.scalar()?,
                b"source" => meta.spawned = spawned(value)?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        self.copied = remembered(&meta.id.bytes());
        if self.is_known {
            return Ok(());
        }
        self.is_known = !self.copied.is_empty();
        self.session.clone_from(&self.copied);
        let (parent, agent) = meta.spawned;
        self.parent = remembered(&meta.forked_from.or(meta.parent).or(parent).bytes());
        self.born = number::time(meta.born.or(timestamp), zone).map(Timestamp::ms);
        self.first_own = number::running(meta.first_own).unwrap_or(0);
        self.project = remembered(&meta.cwd.bytes());
        self.provider = remembered(&meta.provider.bytes());
        self.agent = remembered(&meta.role.or(agent).bytes());
        Ok(())
    }

    /// A `turn_context`, or the settings that an event applies: what holds for the requests that follow.
    fn settings(&mut self, mut payload: Scanner<'_>) -> Result<(), Stop> {
        let (mut model, mut tier, mut cwd) = (RawText::NONE, None, RawText::NONE);
        payload.object(|key, value| {
            match key {
                b"model" => model = value.text()?,
                b"service_tier" => tier = Some(value.text()?),
                b"cwd" => cwd = value.text()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        let known = |text: RawText<'_>| Some(remembered(&text.bytes())).filter(|text| !text.is_empty());
        self.model = known(model).unwrap_or_else(|| std::mem::take(&mut self.model));
        self.project = known(cwd).unwrap_or_else(|| std::mem::take(&mut self.project));
        if let Some(tier) = tier {
            self.tier = remembered(&tier.bytes());
        }
        Ok(())
    }

    /// What a statement adds to the one before; `None`: nothing that anybody can tell.
    fn used(&self, total: Option<Counts>, last: Option<Counts>) -> Option<Counts> {
        let Some(total) = total else { return last };
        match self.totals {
            Some(before) if before == total => None,
            // Equal to the last request alone: counting began anew, even where it has overtaken what was before.
            Some(before) if before == Counts::default() || last != Some(total) => {
                total.minus(before).or(last).or(Some(total))
            }
            Some(_) => Some(total),
            // From the beginning of a session, all of it. Else what came before is not known, or is another session's.
            None if self.is_known && self.parent.is_empty() => Some(total),
            None => last,
        }
    }

    /// Whether a line was certainly copied from the parent.
    fn is_copy(&self, time: Option<Timestamp>, ordinal: Scalar<'_>) -> bool {
        if self.parent.is_empty() {
            return false;
        }
        let is_older = time.zip(self.born).is_some_and(|(time, born)| time.ms() < born);
        is_older || !ordinal.is_null() && number::running(ordinal).is_ok_and(|ordinal| ordinal < self.first_own)
    }

    /// The session whose statement this may be a copy of, else its own.
    fn family(&self) -> &[u8] {
        if self.copied != self.session || self.parent.is_empty() { &self.copied } else { &self.parent }
    }

    /// How telemetry finds the statement: each of its events counts one request, of the session that made it.
    fn twin(&self, last: Counts) -> Option<Twin<'_>> {
        let Counts { input, cached, output, reasoning, .. } = last;
        let counts = [input, cached, output, reasoning, 0].map(u32::try_from);
        let [Ok(input), Ok(cached), Ok(output), Ok(reasoning), _] = counts else { return None };
        Some(Twin {
            sessions: [RawText::plain(&self.session), RawText::plain(self.family())],
            counts: [input, cached, output, reasoning, 0],
        })
    }

    /// The name of a statement.
    fn name(&self, total: Counts, last: Counts, id: &mut Vec<u8>) {
        let family = self.family();
        id.extend_from_slice(b"codex:");
        id.extend_from_slice(family);
        for counts in [total, last] {
            let Counts { input, cached, cache_write, output, reasoning } = counts;
            let written = write!(id, ":{input}-{cached}-{cache_write}-{output}-{reasoning}");
            debug_assert!(written.is_ok(), "memory takes everything");
        }
    }

    pub fn save(&self, to: &mut Writer<'_>) {
        to.flag(self.is_known);
        for text in [
            &self.session,
            &self.parent,
            &self.copied,
            &self.project,
            &self.provider,
            &self.agent,
            &self.model,
            &self.tier,
        ] {
            to.text(text);
        }
        to.flag(self.born.is_some());
        to.number(self.born.unwrap_or(0).cast_unsigned());
        to.number(self.first_own);
        to.flag(self.totals.is_some());
        let Counts { input, cached, cache_write, output, reasoning } = self.totals.unwrap_or_default();
        for number in [input, cached, cache_write, output, reasoning] {
            to.number(number);
        }
    }

    pub fn load(from: &mut Reader<'_>) -> Option<Thread> {
        let is_known = from.flag()?;
        let mut text = || from.text();
        let [session, parent, copied, project, provider, agent, model, tier] =
            [text()?, text()?, text()?, text()?, text()?, text()?, text()?, text()?];
        let has_born = from.flag()?;
        let born = from.number()?.cast_signed();
        let first_own = from.number()?;
        let has_totals = from.flag()?;
        let totals = Counts {
            input: from.number()?,
            cached: from.number()?,
            cache_write: from.number()?,
            output: from.number()?,
            reasoning: from.number()?,
        };
        Some(Thread {
            is_known,
            session,
            parent,
            copied,
            born: has_born.then_some(born),
            first_own,
            project,
            provider,
            agent,
            model,
            tier,
            totals: has_totals.then_some(totals),
        })
    }
}

/// A `session_meta`, unread.
#[derive(Default)]
struct Meta<'a> {
    id: RawText<'a>,
    born: Scalar<'a>,
    cwd: RawText<'a>,
    provider: RawText<'a>,
    forked_from: RawText<'a>,
    parent: RawText<'a>,
    role: RawText<'a>,
    first_own: Scalar<'a>,
    /// The session that spawned it, and as what.
    spawned: (RawText<'a>, RawText<'a>),
}

/// `source`, where it is that of a sub-agent: `{"subagent":"review"}` or `{"subagent":{"thread_spawn":{…}}}`.
fn spawned<'a>(source: &mut Scanner<'a>) -> Result<(RawText<'a>, RawText<'a>), Stop> {
    let (mut parent, mut role, mut nickname) = (RawText::NONE, RawText::NONE, RawText::NONE);
    source.object(|key, value| {
        if key != b"subagent" {
            return value.skip();
        }
        if value.peek() == Some(b'"') {
            role = value.text()?;
            return Ok(());
        }
        value.object(|key, value| {
            if key != b"thread_spawn" {
                return value.skip();
            }
            value.object(|key, value| {
                match key {
                    b"parent_thread_id" => parent = value.text()?,
                    b"agent_role" => role = value.text()?,
                    b"agent_nickname" => nickname = value.text()?,
                    _ => value.skip()?,
                }
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(())
    })?;
    Ok((parent, role.or(nickname)))
}

/// An `event_msg`, unread.
#[derive(Default)]
struct Event<'a> {
    kind: RawText<'a>,
    settings: &'a [u8],
    total: Option<Unread<'a>>,
    last: Option<Unread<'a>>,
}

/// A usage whose values are unread.
#[derive(Default)]
struct Unread<'a> {
    input: Scalar<'a>,
    cached: Scalar<'a>,
    cache_write: Scalar<'a>,
    output: Scalar<'a>,
    reasoning: Scalar<'a>,
}

impl<'a> Event<'a> {
    fn read(mut payload: Scanner<'a>) -> Result<Event<'a>, Stop> {
        let mut event = Event::default();
        payload.object(|key, value| {
            match key {
                b"type" => event.kind = value.text()?,
                b"thread_settings" => event.settings = value.span()?,
                b"info" => {
                    (event.total, event.last) = (None, None);
                    value.object(|key, value| {
                        match key {
                            b"total_token_usage" => event.total = Unread::read(value)?,
                            b"last_token_usage" => event.last = Unread::read(value)?,
                            _ => value.skip()?,
                        }
                        Ok(())
                    })?;
                }
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(event)
    }
}

impl<'a> Unread<'a> {
    /// The object ahead; `None` for anything else.
    fn read(value: &mut Scanner<'a>) -> Result<Option<Unread<'a>>, Stop> {
        let mut counts = Unread::default();
        let is_object = value.object(|key, value| {
            match key {
                b"input_tokens" => counts.input = value.scalar()?,
                b"cached_input_tokens" => counts.cached = value.scalar()?,
                b"cache_write_input_tokens" => counts.cache_write = value.scalar()?,
                b"output_tokens" => counts.output = value.scalar()?,
                b"reasoning_output_tokens" => counts.reasoning = value.scalar()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(is_object.then_some(counts))
    }

    fn counts(&self) -> Result<Counts, Rejection> {
        Ok(Counts {
            input: number::running(self.input)?,
            cached: number::running(self.cached)?,
            cache_write: number::running(self.cache_write)?,
            output: number::running(self.output)?,
            reasoning: number::running(self.reasoning)?,
        })
    }
}

impl Counts {
    /// What was added since `before`; `None` where a count went down, so that counting began anew.
    fn minus(self, before: Counts) -> Option<Counts> {
        Some(Counts {
            input: self.input.checked_sub(before.input)?,
            cached: self.cached.checked_sub(before.cached)?,
            cache_write: self.cache_write.checked_sub(before.cache_write)?,
            output: self.output.checked_sub(before.output)?,
            reasoning: self.reasoning.checked_sub(before.reasoning)?,
        })
    }

    /// Cache reads and writes are inside the input, reasoning is inside the output.
    fn tokens(self) -> Result<Tokens, Skip> {
        let count = |count: u64| u32::try_from(count).map_err(|_| Skip::Rejected(Rejection::Number));
        let cache_read = self.cached.min(self.input);
        let cache_write = self.cache_write.min(self.input - cache_read);
        Ok(Tokens {
            input: count(self.input - cache_read - cache_write)?,
            cache_read: count(cache_read)?,
            cache_write_5m: count(cache_write)?,
            output: count(self.output)?,
            reasoning: count(self.reasoning.min(self.output))?,
            ..Tokens::default()
        })
    }
}
