//! Arbitrary bytes as a log's text: what becomes of them is harmless, short and stays what it is.
//!
//! `cargo fuzz run sanitize_label fuzz/corpus/sanitize_label -- -dict=fuzz/sanitize_label.dict`
#![no_main]

use costtop::label::{Label, MAX_CHARS, clean, harmless, redact};
use costtop::usage::RawText;

#[allow(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../../tests/support/hostile.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for label in [Label::from_bytes(bytes), RawText::plain(bytes).label(), RawText::escaped(bytes).label()] {
        hostile::assert_harmless("a label", label.as_str());
        assert!(!label.as_str().contains('\n') && label.as_str().chars().count() <= MAX_CHARS);
        // What was printed is read again as a log.
        assert_eq!(Label::from_bytes(label.as_str().as_bytes()), label);
        assert_eq!(clean(label.as_str()), label.as_str());
    }
    let redacted = redact(bytes);
    assert_eq!(redact(&redacted), redacted);
    let text = String::from_utf8_lossy(bytes);
    let lines = harmless(&text);
    hostile::assert_harmless("an error", &lines);
    assert_eq!(harmless(&lines), lines);
    assert_eq!(lines.chars().count(), text.chars().count());
});
