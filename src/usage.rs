//! What a log line says of one request. A format fills a [`Usage`]; it borrows from the line and knows no price.

mod dimension;
mod format;
mod media;
mod name;

pub use dimension::{Dimension, OwnLabel, OwnLabels};
pub use format::{Format, MappingName};
pub use media::{ByMedium, Media, Medium};

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

use memchr::memchr;

use crate::label::{Label, MAX_BYTES};
use crate::money::Cost;
use crate::time::Timestamp;

/// Text of a log as it stood there: hostile, not cleaned, perhaps with JSON escapes. It leaves as an id's bytes or as a [`Label`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawText<'a> {
    bytes: &'a [u8],
    spelling: Spelling,
}

/// How the bytes of a text mean it. A word big: texts are copied by the dozen for each record, and a byte with padding behind it is
/// copied in overlapping parts that wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(usize)]
enum Spelling {
    #[default]
    Plain,
    Escaped,
}

impl<'a> RawText<'a> {
    /// No text.
    pub const NONE: RawText<'static> = RawText { bytes: b"", spelling: Spelling::Plain };

    /// Bytes that mean what they say.
    #[must_use]
    pub const fn plain(bytes: &'a [u8]) -> RawText<'a> {
        RawText { bytes, spelling: Spelling::Plain }
    }

    /// The inside of a JSON string that holds at least one backslash.
    #[must_use]
    pub const fn escaped(bytes: &'a [u8]) -> RawText<'a> {
        RawText { bytes, spelling: Spelling::Escaped }
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether the bytes hold JSON escapes.
    #[must_use]
    pub const fn is_escaped(self) -> bool {
        matches!(self.spelling, Spelling::Escaped)
    }

    /// The bytes meant, escapes resolved. A broken escape stays as it stands; a lone surrogate becomes U+FFFD.
    #[must_use]
    pub fn bytes(self) -> Cow<'a, [u8]> {
        match self.spelling {
            Spelling::Plain => Cow::Borrowed(self.bytes),
            Spelling::Escaped => Cow::Owned(unescape(self.bytes)),
        }
    }

    /// Whether `text` is what is meant.
    #[must_use]
    #[inline]
    pub fn is(self, text: &[u8]) -> bool {
        match self.spelling {
            Spelling::Plain => self.bytes.len() == text.len() && self.bytes == text,
            Spelling::Escaped => unescape(self.bytes) == text,
        }
    }

    /// Appends the bytes meant to `out`.
    pub fn append_to(self, out: &mut Vec<u8>) {
        match self.spelling {
            Spelling::Plain => out.extend_from_slice(self.bytes),
            Spelling::Escaped => unescape_into(self.bytes, out),
        }
    }

    /// The bytes as they stand between the quotes, for equality tests and caches.
    #[must_use]
    pub const fn as_written(self) -> &'a [u8] {
        self.bytes
    }

    /// The text, safe to draw and to keep.
    #[must_use]
    pub fn label(self) -> Label {
        // An escape takes six bytes at most for one: what lies behind is in no label, and not unescaped.
        let bytes = &self.bytes[..self.bytes.len().min(6 * MAX_BYTES)];
        Label::from_bytes(&RawText { bytes, ..self }.bytes())
    }

    /// Whether its label says the same, for texts that a price is found by: those have no other signs than these.
    #[must_use]
    pub fn is_its_label(self) -> bool {
        !self.is_escaped()
            && self.bytes.len() <= crate::label::MAX_CHARS
            && self.bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
    }

    /// Whether, as an id, it is good beyond its session: it has at least [`GLOBAL_ID_LENGTH`] bytes after its prefix.
    #[must_use]
    pub fn is_global(self) -> bool {
        is_global(&self.bytes())
    }

    /// What stands before the first `sign`, which no escape begins with; nothing where it is not there.
    #[must_use]
    pub fn before(self, sign: u8) -> RawText<'a> {
        memchr(sign, self.bytes).map_or(RawText::NONE, |end| RawText { bytes: &self.bytes[..end], ..self })
    }

    /// This text, or `other` where there is none.
    #[must_use]
    pub const fn or(self, other: RawText<'a>) -> RawText<'a> {
        if self.is_empty() { other } else { self }
    }
}

/// Shortest id, after its prefix, that is good for the whole world (docs/ledger.md).
pub const GLOBAL_ID_LENGTH: usize = 12;

/// Whether an id of these bytes is good beyond its session. Its prefix is its leading letters with their `_` or `-`.
#[must_use]
#[inline]
pub fn is_global(id: &[u8]) -> bool {
    if id.len() < GLOBAL_ID_LENGTH {
        return false;
    }
    let letters = id.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let prefix = if letters > 0 && matches!(id.get(letters), Some(b'_' | b'-')) { letters + 1 } else { 0 };
    id.len() - prefix >= GLOBAL_ID_LENGTH
}

/// Resolves JSON escapes.
fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    unescape_into(raw, &mut out);
    out
}

/// The same into a buffer that is there.
fn unescape_into(raw: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
        let plain = memchr(b'\\', rest).unwrap_or(rest.len());
        if plain > 0 {
            out.extend_from_slice(&rest[..plain]);
            at += plain;
            continue;
        }
        let plain = match raw.get(at + 1) {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(&quote @ (b'"' | b'\\' | b'/')) => quote,
            Some(b'u') => {
                if let Some((character, used)) = unescape_unicode(&raw[at..]) {
                    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    at += used;
                    continue;
                }
                b'\\'
            }
            _ => b'\\',
        };
        out.push(plain);
        at += if plain == b'\\' && raw.get(at + 1) != Some(&b'\\') { 1 } else { 2 };
    }
}

/// Reads `\uXXXX`, or two of them that form one character; returns it and the bytes used.
fn unescape_unicode(raw: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| -> Option<u32> {
        (raw.get(at..at + 2)? == b"\\u").then_some(())?;
        let digits = raw.get(at + 2..at + 6)?;
        digits.iter().try_fold(0, |value, digit| Some(value * 16 + char::from(*digit).to_digit(16)?))
    };
    let first = unit(0)?;
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = unit(6)
        && (0xdc00..0xe000).contains(&second)
    {
        return Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, 12));
    }
    Some((char::from_u32(first).unwrap_or('\u{fffd}'), 6))
}

/// Who speaks; decides whose word counts for tokens, money and dimensions (docs/ledger.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Origin {
    /// The API's answer as an application logged it, costtop's own NDJSON included.
    #[default]
    Api = 0,
    /// A coding agent's own session file.
    Transcript = 1,
    /// A gateway between application and provider.
    Gateway = 2,
    /// A client's telemetry of single requests.
    OpenTelemetry = 3,
    /// A client's counters: sums over requests, void where something speaks of the requests themselves.
    Metrics = 4,
}

/// Tokens of one request by kind. The prompt is the sum of the first four; `output` includes `reasoning`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tokens {
    /// Uncached input only.
    pub input: u32,
    /// Read from the provider's prompt cache.
    pub cache_read: u32,
    /// Written to the cache for five minutes (or with no stated duration).
    pub cache_write_5m: u32,
    /// Written to the cache for an hour.
    pub cache_write_1h: u32,
    /// All output, reasoning included.
    pub output: u32,
    /// The part of the output that is reasoning.
    pub reasoning: u32,
    /// Web searches the provider ran, billed by the call.
    pub web_searches: u32,
}

impl Tokens {
    /// Input, cache reads and cache writes together.
    #[must_use]
    pub fn prompt(&self) -> u64 {
        u64::from(self.input)
            + u64::from(self.cache_read)
            + u64::from(self.cache_write_5m)
            + u64::from(self.cache_write_1h)
    }

    /// Prompt and output.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.prompt() + u64::from(self.output)
    }

    /// Nothing was used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Tokens::default()
    }
}

/// The names a log line gives to one request, each in a namespace of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids<'a> {
    /// The provider's name of its answer: `msg_…`, `chatcmpl-…`, `resp_…`.
    pub response: RawText<'a>,
    /// The provider's (or costtop's own) name of the request: `req_…`.
    pub request: RawText<'a>,
    /// A gateway's name of the call.
    pub call: RawText<'a>,
    /// Trace and span of a client's telemetry.
    pub span: RawText<'a>,
    /// The request id is costtop's own: good at any length.
    pub own_request: bool,
}

/// What each of two witnesses of one request knows who share no id: its session, and what they counted. A request can have equals, so
/// this is no name; the ledger lets each record of the one kind stand beside one of the other (docs/ledger.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Twin<'a> {
    /// The session as the other witness may call it. The second is none mostly.
    pub sessions: [RawText<'a>; 2],
    /// Whatever both count, in one order, as it was stated.
    pub counts: [u32; 5],
}

impl<'a> Twin<'a> {
    /// By what went in: what came out is not known at once.
    #[must_use]
    pub fn of_prompt(session: RawText<'a>, tokens: &Tokens) -> Twin<'a> {
        let written = tokens.cache_write_5m.saturating_add(tokens.cache_write_1h);
        Twin { sessions: [session, RawText::NONE], counts: [tokens.input, tokens.cache_read, written, 0, 0] }
    }
}

/// Who and what a request was for. `user` is chosen later, by the operator's order of preference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dimensions<'a> {
    /// The application's end user.
    pub end_user: RawText<'a>,
    /// The caller's user name or id.
    pub user: RawText<'a>,
    /// The caller's e-mail address.
    pub user_email: RawText<'a>,
    /// The readable name of the API key.
    pub key_alias: RawText<'a>,
    /// The API key's hash; shown where it has no alias.
    pub key_hash: RawText<'a>,
    /// The team that pays.
    pub team: RawText<'a>,
    /// The project, repository or working directory.
    pub project: RawText<'a>,
    /// What the request was for: a task type, a route, a product feature.
    pub feature: RawText<'a>,
    /// The agent, sub-agent or tool that asked.
    pub agent: RawText<'a>,
    /// The machine that asked.
    pub host: RawText<'a>,
    /// One agent run or conversation.
    pub session: RawText<'a>,
    /// What the record says for the operator's own labels, by place; `None` where none is looked for.
    pub own: Option<&'a [RawText<'a>; OwnLabel::MOST]>,
}

/// What else the bill depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms<'a> {
    /// The service tier that was served, else the one asked for: `standard`, `batch`, `flex`, `priority`, …
    pub tier: RawText<'a>,
    /// A cloud region (`us-east-1`).
    pub region: RawText<'a>,
    /// `OpenAI` data residency (`eu`, `us`).
    pub data_residency: RawText<'a>,
    /// A Vertex location (`global`, `europe-west1`).
    pub vertex_location: RawText<'a>,
    /// Where Anthropic ran the model (`us`, `global`, `not_available`).
    pub inference_geo: RawText<'a>,
    /// Anthropic's `standard` or `fast`.
    pub speed: RawText<'a>,
}

/// Amounts that costtop itself computed before and printed: kept, not priced again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restated {
    /// Computed from a table; beside it the log may have reported another.
    Computed(Cost),
    /// There was no price.
    Unpriced,
}

/// What one log line says of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage<'a> {
    /// Who speaks.
    pub origin: Origin,
    /// What exported it, of telemetry: a service and its instance.
    pub producer: RawText<'a>,
    /// A sub-agent's replay of its parent's conversation.
    pub side_chain: bool,
    /// The last word on this request, not a partial one.
    pub is_final: bool,
    /// Version of the statement; a higher one replaces its class.
    pub revision: u32,
    /// Answered from the gateway's own cache: tokens, but no money.
    pub cache_hit: bool,
    /// The request's names.
    pub ids: Ids<'a>,
    /// Where another kind of log speaks of the same requests under other names: how they find each other.
    pub twin: Option<Twin<'a>>,
    /// When it happened; absent is counted `undated`.
    pub time: Option<Timestamp>,
    /// Tokens by kind.
    pub tokens: Tokens,
    /// What of them is no text. The ledger keeps what they cost, not them.
    pub media: Media,
    /// The model as the log names it.
    pub model: RawText<'a>,
    /// The provider as the log names it.
    pub provider: RawText<'a>,
    /// Who and what for.
    pub dimensions: Dimensions<'a>,
    /// What else the bill depends on.
    pub terms: Terms<'a>,
    /// HTTP status; 0 when the log has none. From 400 on, the request failed.
    pub status: u16,
    /// Milliseconds from request to last token; 0 when the log has none.
    pub latency_ms: u32,
    /// Why the model stopped.
    pub stop_reason: RawText<'a>,
    /// The most output tokens asked for; 0 when the log has none.
    pub max_tokens: u32,
    /// The request this one repeats.
    pub retry_of: RawText<'a>,
    /// The cost as the log states it.
    pub reported: Option<Cost>,
    /// The cost as costtop stated it before.
    pub restated: Option<Restated>,
    /// What caching saved as costtop stated it before, in pico-dollars.
    pub saved_pico: Option<i64>,
    /// A subscription pays for it: its cost is what it would have been at list price.
    pub subscription: bool,
}

impl Usage<'_> {
    /// Whether model, provider, tier, tokens and time, as the ledger keeps them, are all that a price can depend on.
    #[must_use]
    pub fn is_told_by_labels(&self) -> bool {
        let terms = &self.terms;
        let is_standard = |text: RawText<'_>, words: &[&str]| {
            text.is_empty() || words.iter().any(|word| text.as_written().eq_ignore_ascii_case(word.as_bytes()))
        };
        self.restated.is_none()
            && self.media.is_text()
            && terms.region.is_empty()
            && terms.data_residency.is_empty()
            && is_standard(terms.vertex_location, &["global"])
            && is_standard(terms.inference_geo, &["global", "not_available"])
            && is_standard(terms.speed, &["standard", "normal"])
            && [self.model, self.provider, terms.tier].into_iter().all(RawText::is_its_label)
    }
}

/// A name that a log offers for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserField {
    /// `end_user`
    EndUser,
    /// `user`
    User,
    /// `user_email`
    UserEmail,
    /// `key_alias`
    KeyAlias,
}

impl UserField {
    /// The default order.
    pub const DEFAULT: [UserField; 3] = [UserField::EndUser, UserField::User, UserField::KeyAlias];
    /// Every name.
    pub const ALL: [UserField; 4] = [UserField::EndUser, UserField::User, UserField::UserEmail, UserField::KeyAlias];

    /// The word of the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            UserField::EndUser => "end_user",
            UserField::User => "user",
            UserField::UserEmail => "user_email",
            UserField::KeyAlias => "key_alias",
        }
    }
}

/// Why a record cannot be counted; the class it is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rejection {
    /// Not JSON, or cut off.
    Json,
    /// Usage that names no model.
    Model,
    /// A token count or cost that is no whole number of tokens, no amount, or negative.
    Number,
    /// Longer than a line may be.
    TooLong,
    /// Nested deeper than 64.
    Depth,
}

impl Rejection {
    /// Every class, in the order reports show them.
    pub const ALL: [Rejection; 5] =
        [Rejection::Json, Rejection::Model, Rejection::Number, Rejection::TooLong, Rejection::Depth];

    /// The class's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Rejection::Json => "json",
            Rejection::Model => "model",
            Rejection::Number => "number",
            Rejection::TooLong => "too_long",
            Rejection::Depth => "depth",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_resolve_like_serde_json() {
        for raw in [r"a\u005fb", r"\n\t\r\b\f\/\\\x22", r"\ud83d\ude00", r"caf\u00e9", r"tail\u0041"] {
            let raw = raw.replace(r"\x22", "\\\"");
            let expected: String = serde_json::from_str(&format!("\"{raw}\"")).expect("valid JSON");
            assert_eq!(RawText::escaped(raw.as_bytes()).bytes().as_ref(), expected.as_bytes(), "{raw}");
            assert!(RawText::escaped(raw.as_bytes()).is(expected.as_bytes()), "{raw}");
            assert!(!RawText::plain(raw.as_bytes()).is(expected.as_bytes()), "{raw}");
        }
    }

    #[test]
    fn broken_escapes_stay_and_lone_surrogates_show() {
        assert_eq!(unescape(br"\q\"), br"\q\");
        assert_eq!(unescape(br"\u12"), br"\u12");
        assert_eq!(unescape(br"\ud800x"), "\u{fffd}x".as_bytes());
    }
}
