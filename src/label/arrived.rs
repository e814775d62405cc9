//! Text that another costtop sent: no safer than a log's. It enters through `#[serde(deserialize_with)]` and is clean when it leaves.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer};

use super::clean;

/// A sentence may be so many characters long; a label's bound would cut some of them.
const MOST_CHARS: usize = 1024;
/// Words such as `budget` or `user` that a process learns; more are one word, `other`.
const MOST_WORDS: usize = 256;

/// Words learnt, as long as the process lives.
static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Each part of a label's length cleaned, so that nothing but the length of a sentence is left as it came.
#[must_use]
pub fn cleaned(text: &str) -> String {
    let kept: String = text.chars().take(MOST_CHARS).collect();
    let mut out = String::with_capacity(kept.len());
    let mut rest = kept.as_str();
    while !rest.is_empty() {
        let end = rest.char_indices().nth(super::MAX_CHARS).map_or(rest.len(), |(at, _)| at);
        out.push_str(&clean(&rest[..end]));
        rest = &rest[end..];
    }
    out
}

/// A word of a small vocabulary, kept for ever.
///
/// # Errors
/// No text.
pub fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    Ok(learnt(&<Cow<'_, str>>::deserialize(deserializer)?))
}

fn learnt(text: &str) -> &'static str {
    // A thread that panicked between two words left whole words.
    learn(&mut WORDS.lock().unwrap_or_else(PoisonError::into_inner), text)
}

fn learn(words: &mut BTreeSet<&'static str>, text: &str) -> &'static str {
    let text = clean(text);
    if let Some(word) = words.get(text.as_ref()) {
        return word;
    }
    if words.len() >= MOST_WORDS {
        return "other";
    }
    let word: &'static str = Box::leak(text.into_owned().into_boxed_str());
    words.insert(word);
    word
}

/// A sentence.
///
/// # Errors
/// No text.
pub fn sentence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(cleaned(&<Cow<'_, str>>::deserialize(deserializer)?))
}

/// A sentence or none.
///
/// # Errors
/// Neither text nor null.
pub fn maybe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(<Option<Cow<'_, str>>>::deserialize(deserializer)?.map(|text| cleaned(&text)))
}

/// Sentences.
///
/// # Errors
/// No list of texts.
pub fn sentences<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(<Vec<String>>::deserialize(deserializer)?.iter().map(|text| cleaned(text)).collect())
}

/// Rows of three texts.
///
/// # Errors
/// No list of such rows.
pub fn terms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<[String; 3]>, D::Error> {
    let terms = <Vec<[String; 3]>>::deserialize(deserializer)?;
    Ok(terms.into_iter().map(|term| term.map(|text| cleaned(&text))).collect())
}

/// Names of a small vocabulary with their values.
///
/// # Errors
/// No list of pairs of texts.
pub fn facts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(&'static str, String)>, D::Error> {
    let facts = <Vec<(String, String)>>::deserialize(deserializer)?;
    Ok(facts.iter().map(|(name, value)| (learnt(name), cleaned(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Said {
        #[serde(deserialize_with = "word")]
        kind: super::super::Word,
        #[serde(deserialize_with = "sentence")]
        text: String,
    }

    #[test]
    fn what_moves_a_cursor_arrives_harmless() {
        let said: Said = serde_json::from_str(r#"{"kind":"bud\u001bget","text":"a\u001b[2J\u202eb"}"#).unwrap();
        assert_eq!((said.kind, said.text.as_str()), ("bud\u{fffd}get", "a\u{fffd}[2J\u{fffd}b"));
        let long = format!(r#"{{"kind":"x","text":"{}\u0007"}}"#, "y".repeat(300));
        let said: Said = serde_json::from_str(&long).unwrap();
        assert_eq!(said.text.chars().count(), 301, "longer than a label");
        assert!(said.text.ends_with('\u{fffd}'));
    }

    #[test]
    fn a_vocabulary_without_end_is_one_word() {
        let mut words = BTreeSet::new();
        for number in 0..2 * MOST_WORDS {
            learn(&mut words, &format!("made up {number}"));
        }
        assert_eq!(learn(&mut words, "one more that nobody needs"), "other");
        assert_eq!(learn(&mut words, "made up 7"), "made up 7");
        assert_eq!(words.len(), MOST_WORDS);
    }
}
