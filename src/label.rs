//! Text that is safe to draw and to keep. Raw bytes of a log enter, a [`Label`] leaves; nothing else may reach a screen, file or alert.

mod secret;

pub mod arrived;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest label, in characters; the rest is cut.
pub const MAX_CHARS: usize = 128;
/// Bytes of a text that are looked at: more than a label ever shows, also where credentials before its end are much longer than what
/// stands in their place.
pub(crate) const MAX_BYTES: usize = 8192;

/// Text of a log, cleaned: no control, format, private-use or surrogate characters, at most [`MAX_CHARS`] characters.
///
/// Each refused character becomes U+FFFD, so that tampering shows. A zero-width joiner stays inside an emoji.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

/// A word of costtop's own small vocabulary, such as `budget` or `user`.
pub type Word = &'static str;

impl Label {
    /// Cleans a text of ours or of the operator.
    #[must_use]
    pub fn new(text: &str) -> Label {
        Label(Arc::from(clean(text).as_ref()))
    }

    /// The door for a log's text: credentials in it are replaced, it is cleaned, and what is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Label {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_BYTES)]);
        // Cleaned first, so that what is cleaned again, as it is when it is printed and read, stays the same.
        let text = if is_plain(&text) { text } else { Cow::Owned(tamed_all(&text, false)) };
        let label = match redact(text.as_bytes()) {
            Cow::Borrowed(_) => Label::new(&text),
            Cow::Owned(redacted) => Label::new(&String::from_utf8_lossy(&redacted)),
        };
        // A cut lets what is left be seen otherwise: an address that has lost its end has another password.
        if text.len() > MAX_CHARS { label.redacted() } else { label }
    }

    /// Looked through until nothing is found: what is put in may be cut again.
    fn redacted(mut self) -> Label {
        for _ in 0..MAX_CHARS {
            let Cow::Owned(redacted) = redact(self.0.as_bytes()) else { break };
            self = Label::new(&String::from_utf8_lossy(&redacted));
        }
        self
    }

    /// The cleaned text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// From another process it is no safer than from a log.
impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Label, D::Error> {
        Ok(Label::new(&<Cow<'_, str>>::deserialize(deserializer)?))
    }
}

impl std::borrow::Borrow<str> for Label {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// `bytes` of a log with each credential in them (a key, a token, a password by its name) replaced by `key:` and eight digits, the same for
/// the same credential. For what leaves as bytes, such as ids; a label does it by itself.
#[must_use]
pub fn redact(bytes: &[u8]) -> Cow<'_, [u8]> {
    secret::redact(bytes)
}

/// The cleaned form of `text`, borrowed where nothing had to change.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_CHARS && is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(4 * MAX_CHARS));
    let mut before: Option<char> = None;
    let mut rest = text.chars().peekable();
    for place in 0..MAX_CHARS {
        let Some(character) = rest.next() else { break };
        // Nothing follows the last one: a label that is cleaned again stays the same.
        let next = rest.peek().copied().filter(|_| place + 1 < MAX_CHARS);
        out.push(tamed(character, before, next));
        before = Some(character);
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// The harmless form of a text of ours that may quote others, of several lines and any length: newlines stay, nothing is cut.
#[must_use]
pub fn harmless(text: &str) -> String {
    tamed_all(text, true)
}

/// Nothing but what ASCII prints.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// The whole text, tamed; newlines stay where there may be `lines`.
fn tamed_all(text: &str, lines: bool) -> String {
    let mut before: Option<char> = None;
    let mut rest = text.chars().peekable();
    let mut out = String::with_capacity(text.len());
    while let Some(character) = rest.next() {
        let tamed = tamed(character, before, rest.peek().copied());
        out.push(if lines && character == '\n' { character } else { tamed });
        before = Some(character);
    }
    out
}

/// What stands in a character's place, between those beside it.
fn tamed(character: char, before: Option<char>, next: Option<char>) -> char {
    let joins_emoji = character == '\u{200d}' && before.is_some_and(is_emoji_part) && next.is_some_and(is_emoji_part);
    if joins_emoji || !is_refused(character) { character } else { '\u{fffd}' }
}

/// Unicode general categories Cc, Cf, Co and Cs (the last cannot occur in a `char`); table of Cf from Unicode 16.
fn is_refused(character: char) -> bool {
    matches!(character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'                                  // Cc
        | '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' // Cf
        | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0001}' | '\u{e0020}'..='\u{e007f}'
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}') // Co
        || matches!(character, '\u{2028}' | '\u{2029}') // line breaks to some terminals
}

/// Pictographs, their modifiers and the variation selector: what a joiner may stand between.
fn is_emoji_part(character: char) -> bool {
    matches!(character, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2190}'..='\u{21ff}' | '\u{2b00}'..='\u{2bff}' | '\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cut_has_left_is_looked_through() {
        let text = format!(
            "lin_\u{fffd}://f_%0C-whse;c_S2vapCCCCCCC%%%%w-KEY=www2wwwwwwwr5_@G.-gl{}1:@:www/",
            "\u{fffd}".repeat(90)
        );
        let label = Label::from_bytes(text.as_bytes());
        assert_eq!(Label::from_bytes(label.as_str().as_bytes()), label);
    }

    #[test]
    fn a_replaced_credential_stays_as_it_is_when_it_is_read_again() {
        // A key inside an address: its stand-in lets the address be seen as one with a password.
        let text = b"://f_%0C-whsec_S2vapCCCCCCCC%%%%w@G.-gl1:@:/%";
        let redacted = redact(text);
        assert!(!redacted.windows(6).any(|part| part == b"S2vapC"), "{}", String::from_utf8_lossy(&redacted));
        assert_eq!(redact(&redacted), redacted);
    }

    #[test]
    fn plain_text_passes_untouched() {
        assert!(matches!(clean("ci-evals"), Cow::Borrowed("ci-evals")));
        assert_eq!(clean("Zoë 日本語"), "Zoë 日本語");
        assert_eq!(clean("👩\u{200d}💻"), "👩\u{200d}💻");
    }

    #[test]
    fn nothing_that_moves_a_cursor_passes() {
        assert_eq!(clean("a\x1b[31mred"), "a\u{fffd}[31mred");
        assert_eq!(clean("\u{9b}2J"), "\u{fffd}2J");
        assert_eq!(clean("a\r\nb\tc\x07\x7f\0"), "a\u{fffd}\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(clean("user\u{202e}nimda"), "user\u{fffd}nimda");
        assert_eq!(clean("a\u{200d}b"), "a\u{fffd}b");
        assert_eq!(clean("\u{e000}\u{feff}\u{2028}"), "\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(clean(&"ü".repeat(500)).chars().count(), MAX_CHARS);
        assert_eq!(clean(&"u".repeat(500)).len(), MAX_CHARS);
        let cut = "u".repeat(MAX_CHARS - 2) + "👩\u{200d}💻";
        assert_eq!(clean(&clean(&cut)), clean(&cut), "cleaned twice");
        assert_eq!(Label::from_bytes(b"\xff\xfe ok").as_str(), "\u{fffd}\u{fffd} ok");
    }

    #[test]
    fn an_error_keeps_its_lines_and_its_length() {
        let text = format!("a\u{9b}2J\n{}\u{202e}👩\u{200d}💻\u{200d}", "x".repeat(500));
        assert_eq!(harmless(&text), format!("a\u{fffd}2J\n{}\u{fffd}👩\u{200d}💻\u{fffd}", "x".repeat(500)));
    }

    #[test]
    fn a_credential_that_the_end_of_a_label_cuts_is_replaced_too() {
        let key = format!("{}{}", ["sk", "-proj-"].concat(), "a1B2".repeat(40));
        let label = Label::from_bytes(format!("{}{key} tail", "x ".repeat(55)).as_bytes());
        assert!(label.as_str().contains("key:") && !label.as_str().contains("proj"), "{label}");
        assert!(label.as_str().ends_with(" tail"), "{label}");
    }
}
