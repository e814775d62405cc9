//! Messages of `OpenCode`: one document per message, of which only the assistant's are billed. At most one usage leaves.
//!
//! Identity: the message's `id`; a document is written anew until its message is finished. Dimensions: `path.root` is the project,
//! `agent` the agent, `sessionID` the session; there is no user. The input excludes the cache. Reasoning is inside the output of older
//! versions and beside that of newer ones: only the total tells. Says [`Origin::Transcript`], final with a `finish`.

use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Tokens, Usage};

use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, finish, number};

/// The values of one message, unread.
#[derive(Default)]
struct Fields<'a> {
    id: RawText<'a>,
    session: RawText<'a>,
    role: RawText<'a>,
    model: RawText<'a>,
    provider: RawText<'a>,
    agent: RawText<'a>,
    mode: RawText<'a>,
    root: RawText<'a>,
    cwd: RawText<'a>,
    created: Scalar<'a>,
    cost: Scalar<'a>,
    finish: RawText<'a>,
    tokens: Counts<'a>,
}

/// `tokens`, unread.
#[derive(Default)]
struct Counts<'a> {
    input: Scalar<'a>,
    output: Scalar<'a>,
    reasoning: Scalar<'a>,
    total: Scalar<'a>,
    read: Scalar<'a>,
    write: Scalar<'a>,
}

/// Reads `record` if it has this format.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    each: &mut E,
) -> Reading {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"id" => fields.id = value.text()?,
            b"sessionID" => {
                marks.opencode.session = true;
                fields.session = value.text()?;
            }
            b"role" => fields.role = value.text()?,
            b"modelID" => {
                marks.opencode.model = true;
                fields.model = value.text()?;
            }
            b"providerID" => fields.provider = value.text()?,
            b"agent" => fields.agent = value.text()?,
            b"mode" => fields.mode = value.text()?,
            b"finish" => fields.finish = value.text()?,
            b"time" => fields.created = value.member(b"created")?,
            b"cost" => {
                fields.cost = value.clone().scalar()?;
                marks.note(key, value)?;
            }
            b"path" => {
                (fields.root, fields.cwd) = (RawText::NONE, RawText::NONE);
                value.object(|key, value| {
                    match key {
                        b"root" => fields.root = value.text()?,
                        b"cwd" => fields.cwd = value.text()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"tokens" => {
                marks.gemini.tokens = value.peek() == Some(b'{');
                fields.tokens = Counts::read(value)?;
            }
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    let is_mine = |format| format == Format::OpenCode;
    finish(walked.and_then(|_| scanner.end()), marks, is_mine, each, |_| fields.usage(zone))
}

impl<'a> Fields<'a> {
    fn usage(&self, zone: Zone) -> Result<Usage<'a>, Skip> {
        if !self.role.is(b"assistant") {
            return Err(Skip::NotUsage);
        }
        let tokens = self.tokens.tokens().map_err(Skip::Rejected)?;
        let reported = number::cost(self.cost).map_err(Skip::Rejected)?;
        // A message is written before its answer comes.
        if tokens.is_empty() && reported.is_none_or(|cost| cost.pico() == 0) {
            return Err(Skip::NotUsage);
        }
        if self.model.is_empty() {
            return Err(Skip::Rejected(Rejection::Model));
        }
        Ok(Usage {
            origin: Origin::Transcript,
            is_final: !self.finish.is_empty(),
            ids: Ids { response: self.id, ..Ids::default() },
            time: number::time(self.created, zone),
            tokens,
            model: self.model,
            provider: self.provider,
            dimensions: Dimensions {
                // Outside of a repository the root is the file system's.
                project: if self.root.is(b"/") { self.cwd } else { self.root.or(self.cwd) },
                agent: self.agent.or(self.mode),
                session: self.session,
                ..Dimensions::default()
            },
            stop_reason: self.finish,
            reported,
            ..Usage::default()
        })
    }
}

impl<'a> Counts<'a> {
    /// The object ahead; anything else says nothing.
    fn read(value: &mut Scanner<'a>) -> Result<Counts<'a>, Stop> {
        let mut counts = Counts::default();
        value.object(|key, value| {
            match key {
                b"input" => counts.input = value.scalar()?,
                b"output" => counts.output = value.scalar()?,
                b"reasoning" => counts.reasoning = value.scalar()?,
                b"total" => counts.total = value.scalar()?,
                b"cache" => {
                    (counts.read, counts.write) = (Scalar::Null, Scalar::Null);
                    value.object(|key, value| {
                        match key {
                            b"read" => counts.read = value.scalar()?,
                            b"write" => counts.write = value.scalar()?,
                            _ => value.skip()?,
                        }
                        Ok(())
                    })?;
                }
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(counts)
    }

    fn tokens(&self) -> Result<Tokens, Rejection> {
        let (input, output) = (number::tokens(self.input)?, number::tokens(self.output)?);
        let (read, write) = (number::tokens(self.read)?, number::tokens(self.write)?);
        let (reasoning, total) = (number::tokens(self.reasoning)?, number::tokens(self.total)?);
        let sum = [input, read, write, output, reasoning].into_iter().map(u64::from).sum::<u64>();
        let is_beside = reasoning > 0 && sum == u64::from(total);
        let output = if is_beside { output.checked_add(reasoning).ok_or(Rejection::Number)? } else { output };
        Ok(Tokens {
            input,
            cache_read: read,
            cache_write_5m: write,
            output,
            reasoning: reasoning.min(output),
            ..Tokens::default()
        })
    }
}
