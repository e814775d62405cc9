//! Records of costtop's own format that are no charges, for those who pass them on: a record of a log enters, a line that is safe to print
//! leaves.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::time::Timestamp;

/// What is passed on.
const TYPES: [&str; 3] = ["adjustment", "transfer", "outcome"];

/// The record, if it is one of them: its members as they stood, in plain ASCII. What only stood around it, its time and whom it is for, is
/// put into it, so that it means the same elsewhere.
pub fn line<'a>(
    record: &[u8],
    time: Option<Timestamp>,
    around: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<String> {
    let mut record: Map<String, Value> = serde_json::from_slice(record).ok()?;
    let kind = record.get("type")?.as_str()?;
    if !TYPES.contains(&kind) {
        return None;
    }
    if let Some(time) = time
        && !["ts", "timestamp"].iter().any(|key| record.contains_key(*key))
    {
        record.insert("ts".to_owned(), time.to_string().into());
    }
    for (name, value) in around {
        record.entry(name).or_insert_with(|| value.into());
    }
    let text = serde_json::to_string(&record).ok()?;
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        // Beyond ASCII there are only the insides of texts, where an escape means the same.
        if matches!(character, ' '..='~') {
            plain.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(plain, "\\u{unit:04x}"); // into a String: cannot fail
            }
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(record: &str) -> Option<String> {
        line(record.as_bytes(), None, std::iter::empty())
    }

    #[test]
    fn what_stood_around_it_is_put_in_and_replaces_nothing() {
        let around = [("team", "search"), ("user", "bob")];
        let refund = br#"{"type":"adjustment","user":"ada","cost_usd":"-1"}"#;
        let expected =
            r#"{"type":"adjustment","user":"ada","cost_usd":"-1","ts":"1970-01-01T00:00:00.000Z","team":"search"}"#;
        assert_eq!(line(refund, Some(Timestamp::from_ms(0)), around.into_iter()).as_deref(), Some(expected));
    }

    #[test]
    fn only_adjustments_transfers_and_outcomes_are_passed_on() {
        let refund = r#"{"type":"adjustment","user":"ada","cost_usd":"-10.00"}"#;
        assert_eq!(plain(refund).as_deref(), Some(refund));
        for other in [
            r#"{"type":"charge","note":"adjustment"}"#,
            r#"{"model":"outcome","input_tokens":1}"#,
            "adjustment",
            r#"[{"type":"outcome"}]"#,
            r#"{"type":"outcome""#,
        ] {
            assert_eq!(plain(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_on_moves_no_cursor_and_says_the_same(key in ".{0,20}", value in ".{0,40}") {
            let record = serde_json::json!({"type": "outcome", key: value});
            let passed = plain(&record.to_string()).unwrap();
            prop_assert!(passed.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            prop_assert_eq!(serde_json::from_str::<Value>(&passed).unwrap(), record);
        }
    }
}
