//! What the earlier lines of one file or connection said that its later ones need. A decoder fills it; between two chunks, and over a
//! restart, it is kept as bytes. It holds names, counts and, in memory only, beginnings of unfinished texts; never a prompt on disk.

use super::wrapper::Parts;
use super::{codex, gemini_cli, pi, stream};
use crate::label::redact;

/// How a context is written.
const VERSION: u8 = 2;
/// How it was, with one stream at most.
const ONE_STREAM: u8 = 1;
/// Longest text that is remembered; a longer one is as good as none.
const MAX_TEXT: usize = 1024;
/// No context is written longer: some seventy texts and numbers.
const MAX_SAVED: usize = 80 << 10;

/// What a decoder knows at one place of a file.
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub(super) parts: Parts,
    pub(super) codex: Option<Box<codex::Thread>>,
    pub(super) chat: Option<Box<gemini_cli::Chat>>,
    pub(super) pi: Option<Box<pi::Session>>,
    pub(super) streams: Option<Box<stream::Streams>>,
}

impl Context {
    /// Nothing known. Texts may be of `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Context {
        Context { parts: Parts::new(limit), ..Context::default() }
    }

    /// Texts that go on in a later line. They are not saved: whoever goes on after a restart reads their lines again.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Goes on with `parts`; returns those it had.
    pub fn replace_parts(&mut self, parts: Parts) -> Parts {
        std::mem::replace(&mut self.parts, parts)
    }

    /// Everything but unfinished texts, as bytes; empty where nothing is known.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Context { parts: _, codex, chat, pi, streams } = self;
        if codex.is_none() && chat.is_none() && pi.is_none() && streams.is_none() {
            return bytes;
        }
        bytes.push(VERSION);
        let to = &mut Writer(&mut bytes);
        for is_known in [codex.is_some(), chat.is_some(), pi.is_some(), streams.is_some()] {
            to.flag(is_known);
        }
        if let Some(codex) = codex {
            codex.save(to);
        }
        if let Some(chat) = chat {
            chat.save(to);
        }
        if let Some(pi) = pi {
            pi.save(to);
        }
        if let Some(streams) = streams {
            streams.save(to);
        }
        bytes
    }

    /// What [`Context::save`] wrote; `None` for other bytes.
    #[must_use]
    pub fn load(bytes: &[u8]) -> Option<Context> {
        let mut context = Context::default();
        let Some((version, rest)) = bytes.split_first() else { return Some(context) };
        if !matches!(*version, VERSION | ONE_STREAM) || bytes.len() > MAX_SAVED {
            return None;
        }
        let from = &mut Reader(rest);
        let known = [from.flag()?, from.flag()?, from.flag()?, from.flag()?];
        if known[0] {
            context.codex = Some(Box::new(codex::Thread::load(from)?));
        }
        if known[1] {
            context.chat = Some(Box::new(gemini_cli::Chat::load(from)?));
        }
        if known[2] {
            context.pi = Some(Box::new(pi::Session::load(from)?));
        }
        if known[3] {
            let load = if *version == ONE_STREAM { stream::Streams::load_one } else { stream::Streams::load };
            context.streams = Some(Box::new(load(from)?));
        }
        (from.0.is_empty() && known.contains(&true)).then_some(context)
    }
}

/// Text that is remembered, as it is meant but for credentials: it is written to the disk.
pub(super) fn remembered(bytes: &[u8]) -> Box<[u8]> {
    if bytes.len() > MAX_TEXT {
        return Box::default();
    }
    let kept = redact(bytes);
    if kept.len() > MAX_TEXT { Box::default() } else { kept.into() }
}

/// Writes a context.
pub(super) struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    pub fn text(&mut self, text: &[u8]) {
        self.0.extend_from_slice(&(text.len() as u16).to_le_bytes());
        self.0.extend_from_slice(text);
    }

    pub fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub fn flag(&mut self, flag: bool) {
        self.0.push(flag.into());
    }
}

/// Reads what a [`Writer`] wrote.
pub(super) struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    pub fn text(&mut self) -> Option<Box<[u8]>> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (text, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        self.0 = rest;
        (text.len() <= MAX_TEXT).then(|| text.into())
    }

    pub fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    pub fn flag(&mut self) -> Option<bool> {
        let (&[flag], rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        (flag <= 1).then_some(flag == 1)
    }
}
