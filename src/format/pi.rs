//! Session files of pi, and of the agents built on it: one object per line, of which the assistant's messages are billed. At most one
//! usage leaves.
//!
//! Identity: the entry's id with the message's time; a branch of a session copies entries into a file of its own. The file's first line
//! names session and directory. The input excludes the cache, the output includes reasoning. Says [`Origin::Transcript`], final with a
//! stop reason.

use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Tokens, Usage};

use super::context::{Reader, Writer, remembered};
use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, finish, number};

/// What a file's first line said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Session {
    id: Box<[u8]>,
    project: Box<[u8]>,
}

impl Session {
    pub fn save(&self, to: &mut Writer<'_>) {
        to.text(&self.id);
        to.text(&self.project);
    }

    pub fn load(from: &mut Reader<'_>) -> Option<Session> {
        Some(Session { id: from.text()?, project: from.text()? })
    }
}

/// The values of one line, unread.
#[derive(Default)]
struct Fields<'a> {
    kind: RawText<'a>,
    id: RawText<'a>,
    timestamp: Scalar<'a>,
    cwd: RawText<'a>,
    message: Message<'a>,
}

/// `message`, unread.
#[derive(Default)]
struct Message<'a> {
    role: RawText<'a>,
    model: RawText<'a>,
    provider: RawText<'a>,
    timestamp: Scalar<'a>,
    stop_reason: RawText<'a>,
    usage: Option<Counts<'a>>,
}

/// `usage`, unread.
#[derive(Default)]
struct Counts<'a> {
    input: Scalar<'a>,
    output: Scalar<'a>,
    read: Scalar<'a>,
    write: Scalar<'a>,
    cost: Scalar<'a>,
}

/// Reads `record` if it has this format; `name` is where its name is made.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    (session, name): (&mut Option<Box<Session>>, &mut Vec<u8>),
    each: &mut E,
) -> Reading {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"type" => fields.kind = marks.note_type(value)?.text(),
            b"id" => fields.id = value.text()?,
            b"timestamp" => fields.timestamp = value.scalar()?,
            b"cwd" => {
                marks.pi.directory = true;
                fields.cwd = value.text()?;
            }
            b"parentId" => {
                marks.pi.parent = true;
                value.skip()?;
            }
            b"message" => {
                marks.note_message(value);
                fields.message = Message::read(value)?;
            }
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    let is_mine = |format| format == Format::Pi;
    finish(walked.and_then(|_| scanner.end()), marks, is_mine, each, move |_| fields.usage(session, name, zone))
}

impl<'a> Fields<'a> {
    fn usage<'u>(
        &self,
        session: &'u mut Option<Box<Session>>,
        name: &'u mut Vec<u8>,
        zone: Zone,
    ) -> Result<Usage<'u>, Skip>
    where
        'a: 'u,
    {
        if self.kind.is(b"session") {
            let id = remembered(&self.id.bytes());
            *session = Some(Box::new(Session { id, project: remembered(&self.cwd.bytes()) }));
            return Err(Skip::NotUsage);
        }
        let message = &self.message;
        let Some(counts) = message.usage.as_ref().filter(|_| message.role.is(b"assistant")) else {
            return Err(Skip::NotUsage);
        };
        let tokens = counts.tokens().map_err(Skip::Rejected)?;
        let reported = number::cost(counts.cost).map_err(Skip::Rejected)?;
        if tokens.is_empty() && reported.is_none_or(|cost| cost.pico() == 0) {
            return Err(Skip::NotUsage);
        }
        if message.model.is_empty() {
            return Err(Skip::Rejected(Rejection::Model));
        }
        let time = number::time(message.timestamp.or(self.timestamp), zone);
        name.clear();
        if let Some(time) = time.filter(|_| !self.id.is_empty()) {
            name.extend_from_slice(b"pi:");
            self.id.append_to(name);
            name.extend_from_slice(format!(":{}", time.ms()).as_bytes());
        }
        let (id, project) = session.as_deref().map_or((&[][..], &[][..]), |it| (&it.id, &it.project));
        Ok(Usage {
            origin: Origin::Transcript,
            is_final: !message.stop_reason.is_empty(),
            ids: Ids { response: RawText::plain(name), ..Ids::default() },
            time,
            tokens,
            model: message.model,
            provider: message.provider,
            dimensions: Dimensions {
                project: RawText::plain(project),
                session: RawText::plain(id),
                ..Dimensions::default()
            },
            stop_reason: message.stop_reason,
            reported,
            ..Usage::default()
        })
    }
}

impl<'a> Message<'a> {
    fn read(value: &mut Scanner<'a>) -> Result<Message<'a>, Stop> {
        let mut message = Message::default();
        value.object(|key, value| {
            match key {
                b"role" => message.role = value.text()?,
                b"model" => message.model = value.text()?,
                b"provider" => message.provider = value.text()?,
                b"timestamp" => message.timestamp = value.scalar()?,
                b"stopReason" => message.stop_reason = value.text()?,
                b"usage" => message.usage = Counts::read(value)?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(message)
    }
}

impl<'a> Counts<'a> {
    /// The object ahead; `None` for anything else.
    fn read(value: &mut Scanner<'a>) -> Result<Option<Counts<'a>>, Stop> {
        let mut counts = Counts::default();
        let is_object = value.object(|key, value| {
            match key {
                b"input" => counts.input = value.scalar()?,
                b"output" => counts.output = value.scalar()?,
                b"cacheRead" => counts.read = value.scalar()?,
                b"cacheWrite" => counts.write = value.scalar()?,
                b"cost" => counts.cost = value.member(b"total")?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(is_object.then_some(counts))
    }

    fn tokens(&self) -> Result<Tokens, Rejection> {
        Ok(Tokens {
            input: number::tokens(self.input)?,
            cache_read: number::tokens(self.read)?,
            cache_write_5m: number::tokens(self.write)?,
            output: number::tokens(self.output)?,
            ..Tokens::default()
        })
    }
}
