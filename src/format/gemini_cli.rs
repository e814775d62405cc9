//! Chats of Gemini CLI. A line of the newer files, or the whole document of the older ones, enters; a usage leaves for each answer in it.
//!
//! Identity: the message's id, since an answer is written again when it changes and when its session is resumed into another file.
//! Session: that of the document, or of the first line of its file; there is no user and no readable project. Cached tokens are inside
//! the input, thoughts beside the output, tool prompts beside the input. Says [`Origin::Transcript`], always final.

use crate::time::Zone;
use crate::usage::{Dimensions, Ids, Origin, RawText, Rejection, Tokens, Twin, Usage};

use super::context::{Reader, Writer, remembered};
use super::scanner::{Scalar, Scanner, Stop};
use super::{Format, Marks, Reading, Skip, number};

/// What a file's head said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chat {
    session: Box<[u8]>,
    is_subagent: bool,
}

impl Chat {
    pub fn save(&self, to: &mut Writer<'_>) {
        to.text(&self.session);
        to.flag(self.is_subagent);
    }

    pub fn load(from: &mut Reader<'_>) -> Option<Chat> {
        Some(Chat { session: from.text()?, is_subagent: from.flag()? })
    }
}

/// A message, unread.
#[derive(Default)]
struct Message<'a> {
    id: RawText<'a>,
    kind: RawText<'a>,
    timestamp: Scalar<'a>,
    model: RawText<'a>,
    tokens: Option<Counts<'a>>,
}

/// `tokens`, unread.
#[derive(Default)]
struct Counts<'a> {
    input: Scalar<'a>,
    output: Scalar<'a>,
    cached: Scalar<'a>,
    thoughts: Scalar<'a>,
    tool: Scalar<'a>,
}

/// The values of a record: a message's, a head's, or a whole chat's.
#[derive(Default)]
struct Fields<'a> {
    message: Message<'a>,
    session: RawText<'a>,
    chat: RawText<'a>,
    /// Arrays, checked but unread.
    messages: &'a [u8],
}

/// Reads `record` if it has this format.
pub(super) fn read<E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    chat: &mut Option<Box<Chat>>,
    each: &mut E,
) -> Reading {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(record);
    let walked = scanner.object(|key, value| {
        match key {
            b"type" => fields.message.kind = marks.note_type(value)?.text(),
            b"sessionId" => {
                marks.gemini.session = true;
                fields.session = value.text()?;
            }
            b"projectHash" => {
                marks.gemini.project = true;
                value.skip()?;
            }
            b"kind" => fields.chat = value.text()?,
            b"messages" => fields.messages = value.span()?,
            b"tokens" => {
                marks.gemini.tokens = value.peek() == Some(b'{');
                fields.message.tokens = Counts::read(value)?;
            }
            b"$set" => {
                marks.gemini.update = value.peek() == Some(b'{');
                value.object(|key, value| {
                    match key {
                        b"messages" => fields.messages = value.span()?,
                        _ => value.skip()?,
                    }
                    Ok(())
                })?;
            }
            b"id" => fields.message.id = value.text()?,
            b"timestamp" => fields.message.timestamp = value.scalar()?,
            b"model" => {
                fields.message.model = value.clone().text()?;
                marks.note(key, value)?;
            }
            _ => marks.note(key, value)?,
        }
        Ok(())
    });
    if let Err(stop) = walked.and_then(|_| scanner.end()) {
        return Reading::Stopped(stop);
    }
    if marks.meant() != Some(Format::GeminiCli) {
        return Reading::Foreign(marks);
    }
    // A chat resumed in another file has its head there, too.
    if !fields.session.is_empty() {
        let session = remembered(&fields.session.bytes());
        *chat = Some(Box::new(Chat { session, is_subagent: fields.chat.is(b"subagent") }));
    }
    let chat = chat.as_deref();
    if fields.messages.is_empty() {
        match &fields.message.usage(chat, zone) {
            Ok(usage) => each(Ok(usage)),
            Err(skip) => each(Err(*skip)),
        }
        return Reading::Done(Format::GeminiCli);
    }
    let mut is_empty = true;
    let walked = Scanner::new(fields.messages).array(|element| {
        let message = Message::read(element)?;
        match &message.usage(chat, zone) {
            Ok(usage) => each(Ok(usage)),
            Err(skip) => each(Err(*skip)),
        }
        is_empty = false;
        Ok(())
    });
    debug_assert!(walked.is_ok(), "checked with the record");
    if is_empty {
        each(Err(Skip::NotUsage));
    }
    Reading::Done(Format::GeminiCli)
}

impl<'a> Message<'a> {
    fn read(value: &mut Scanner<'a>) -> Result<Message<'a>, Stop> {
        let mut message = Message::default();
        value.object(|key, value| {
            match key {
                b"id" => message.id = value.text()?,
                b"type" => message.kind = value.text()?,
                b"timestamp" => message.timestamp = value.scalar()?,
                b"model" => message.model = value.text()?,
                b"tokens" => message.tokens = Counts::read(value)?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(message)
    }

    fn usage<'u>(&self, chat: Option<&'u Chat>, zone: Zone) -> Result<Usage<'u>, Skip>
    where
        'a: 'u,
    {
        let Some(counts) = self.tokens.as_ref().filter(|_| self.kind.is(b"gemini")) else {
            return Err(Skip::NotUsage);
        };
        let tokens = counts.tokens().map_err(Skip::Rejected)?;
        if tokens.is_empty() {
            return Err(Skip::NotUsage);
        }
        if self.model.is_empty() {
            return Err(Skip::Rejected(Rejection::Model));
        }
        let agent = chat.filter(|chat| chat.is_subagent).map_or(RawText::NONE, |_| RawText::plain(b"subagent"));
        let session = chat.map_or(RawText::NONE, |chat| RawText::plain(&chat.session));
        Ok(Usage {
            origin: Origin::Transcript,
            is_final: true,
            ids: Ids { response: self.id, ..Ids::default() },
            twin: Some(Twin { sessions: [session, RawText::NONE], counts: counts.stated().map_err(Skip::Rejected)? }),
            time: number::time(self.timestamp, zone),
            tokens,
            model: self.model,
            provider: RawText::plain(b"gemini"),
            dimensions: Dimensions { agent, session, ..Dimensions::default() },
            ..Usage::default()
        })
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
                b"cached" => counts.cached = value.scalar()?,
                b"thoughts" => counts.thoughts = value.scalar()?,
                b"tool" => counts.tool = value.scalar()?,
                _ => value.skip()?,
            }
            Ok(())
        })?;
        Ok(is_object.then_some(counts))
    }

    /// As telemetry states them, too.
    fn stated(&self) -> Result<[u32; 5], Rejection> {
        let count = number::tokens;
        Ok([count(self.input)?, count(self.cached)?, count(self.output)?, count(self.thoughts)?, count(self.tool)?])
    }

    fn tokens(&self) -> Result<Tokens, Rejection> {
        let add = |one: u32, other: u32| one.checked_add(other).ok_or(Rejection::Number);
        let (cached, thoughts) = (number::tokens(self.cached)?, number::tokens(self.thoughts)?);
        let uncached = number::tokens(self.input)?.saturating_sub(cached);
        Ok(Tokens {
            input: add(uncached, number::tokens(self.tool)?)?,
            cache_read: cached,
            output: add(number::tokens(self.output)?, thoughts)?,
            reasoning: thoughts,
            ..Tokens::default()
        })
    }
}
