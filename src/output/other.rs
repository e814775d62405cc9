//! Records of costtop's own format that are no charges, for those who pass them on: a line of a log enters, a line that is safe to print
//! leaves. What is none of them costs a look at its length and first bytes.

use std::fmt::Write as _;

use memchr::memmem;
use serde_json::{Map, Value};

/// What is passed on.
const TYPES: [&str; 3] = ["adjustment", "transfer", "outcome"];
/// Longer ones are no such records.
const LONGEST: usize = 16 << 10;

/// The record in `line`, if it is one of them: its members as they stood, in plain ASCII.
pub fn line(line: &[u8]) -> Option<String> {
    if line.len() > LONGEST || TYPES.iter().all(|word| memmem::find(line, word.as_bytes()).is_none()) {
        return None;
    }
    let record: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let kind = record.get("type")?.as_str()?;
    if !TYPES.contains(&kind) {
        return None;
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

    #[test]
    fn only_adjustments_transfers_and_outcomes_are_passed_on() {
        let refund = r#"{"type":"adjustment","user":"ada","cost_usd":"-10.00"}"#;
        assert_eq!(line(refund.as_bytes()).as_deref(), Some(refund));
        for other in [
            r#"{"type":"charge","note":"adjustment"}"#,
            r#"{"model":"outcome","input_tokens":1}"#,
            "adjustment",
            r#"[{"type":"outcome"}]"#,
            r#"{"type":"outcome""#,
        ] {
            assert_eq!(line(other.as_bytes()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_on_moves_no_cursor_and_says_the_same(key in ".{0,20}", value in ".{0,40}") {
            let record = serde_json::json!({"type": "outcome", key: value});
            let passed = line(record.to_string().as_bytes()).unwrap();
            prop_assert!(passed.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            prop_assert_eq!(serde_json::from_str::<Value>(&passed).unwrap(), record);
        }
    }
}
