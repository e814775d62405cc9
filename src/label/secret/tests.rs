//! Every shape of the corpus is found, nothing else is, and twice is once.

use std::collections::HashSet;

use proptest::prelude::*;

#[path = "../../../tests/support/credentials.rs"]
mod credentials;

use super::*;
use credentials::{HARMLESS, credentials};

fn redacted(text: &str) -> String {
    String::from_utf8(redact(text.as_bytes()).into_owned()).unwrap()
}

#[test]
fn no_credential_stays_and_two_stay_two() {
    let all = credentials();
    assert!(all.len() >= 50, "{}", all.len());
    let mut seen = HashSet::new();
    for (name, text, secret) in &all {
        let out = redacted(text);
        assert!(!out.contains(secret.as_str()) && out.contains("key:"), "{name}: {out}");
        assert!(seen.insert(out.clone()), "{name}: {out} stands for two");
        // Inside of other text, and behind what has no space.
        for around in [format!("before {text} behind"), format!("x/{text}\""), format!("[{text}]")] {
            assert!(!redacted(&around).contains(secret.as_str()), "{name}: {around}");
        }
    }
}

#[test]
fn names_ids_and_hashes_stay() {
    for text in HARMLESS {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn what_stands_around_stays() {
    let key = format!("gh{}{}", "p_", credentials::noise(36, 7));
    let digits = redacted(&key);
    assert_eq!(digits.len(), "key:12345678".len());
    assert_eq!(
        redacted(&format!("https://x-access:{key}@github.com/a")),
        format!("https://x-access:{digits}@github.com/a")
    );
    assert_eq!(redacted(&format!("ü {key}, {key}")), format!("ü {digits}, {digits}"));
}

/// Parts of texts that can come together in ways nobody has thought of.
fn part() -> impl Strategy<Value = String> {
    let corpus: Vec<String> = credentials().into_iter().map(|(_, text, _)| text).collect();
    let words =
        ["key", "token", "password", "Bearer ", ":", "=", " ", "@", "://", ".", "-----BEGIN", "sk-", "eyJ", "\"", "_"];
    prop_oneof![
        4 => proptest::sample::select(corpus),
        2 => proptest::sample::select(HARMLESS.to_vec()).prop_map(str::to_owned),
        4 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9._=/+-]{0,40}",
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn twice_is_once(parts in prop::collection::vec(part(), 0..8)) {
        let once = redacted(&parts.concat());
        prop_assert_eq!(redacted(&once), once);
    }

    #[test]
    fn any_bytes_are_taken(bytes: Vec<u8>) {
        redact(&bytes);
    }
}
