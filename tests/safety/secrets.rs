//! Credentials and prompts through everything that prints, and everything that is written.

use super::credentials::{HARMLESS, credentials};
use super::hostile::escaped;
use super::place::{Place, groups, line, text};

/// Words of prompts and completions, in every shape of log that holds some.
const PROMPT: &str = "canary-of-a-prompt";

fn log(place: &Place) -> std::path::PathBuf {
    let mut bytes = Vec::new();
    for (number, (_, credential, _)) in credentials().iter().enumerate() {
        bytes.extend(line(number, escaped(credential).as_bytes()));
    }
    for (number, harmless) in HARMLESS.iter().enumerate() {
        bytes.extend(line(1000 + number, escaped(harmless).as_bytes()));
    }
    let prompts = [
        format!(
            r#"{{"type":"assistant","uuid":"u1","sessionId":"s1","timestamp":"2026-11-21T10:00:00Z","requestId":"req_011CSHoEeqs5C35K2UUqR7Fy","message":{{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","role":"assistant","model":"claude-sonnet-4-6","content":[{{"type":"text","text":"{PROMPT}"}}],"usage":{{"input_tokens":5,"output_tokens":5}},"stop_reason":"end_turn"}}}}"#
        ),
        format!(
            r#"{{"id":"x","call_type":"completion","model":"gpt-5.4","messages":[{{"role":"user","content":"{PROMPT}"}}],"response":{{"choices":[{{"message":{{"content":"{PROMPT}"}}}}]}},"prompt_tokens":5,"completion_tokens":5,"total_tokens":10,"startTime":"2026-11-21T10:00:00Z","endTime":"2026-11-21T10:00:01Z"}}"#
        ),
        format!(
            r#"{{"model":"gpt-5.4","input_tokens":5,"prompt":"{PROMPT}","messages":"{PROMPT}","error":"{PROMPT}"}}"#
        ),
        format!(r#"{{"model":"gpt-5.4","input_tokens":-5,"prompt":"{PROMPT}"}}"#),
        format!("{PROMPT} and no JSON"),
        format!(r#"{{"model":"gpt-5.4","prompt":"{PROMPT}"#),
    ];
    bytes.extend(prompts.join("\n").bytes());
    place.write("app.jsonl", bytes)
}

/// Panics where a credential or a prompt stands in `bytes`.
#[track_caller]
fn assert_none(what: &str, bytes: &[u8]) {
    let holds = |needle: &[u8]| memchr::memmem::find(bytes, needle).is_some();
    for (name, _, secret) in credentials() {
        // Neither whole nor the most of it.
        let part = &secret.as_bytes()[..secret.len().min(20)];
        assert!(!holds(part), "{what}: {name}");
    }
    assert!(!holds(PROMPT.as_bytes()), "{what}: a prompt");
}

#[test]
fn no_output_holds_any() {
    let place = Place::new();
    let log = log(&place);
    for by in groups() {
        for format in ["table", "json", "csv", "markdown", "prometheus"] {
            let said = place.said(&["report", text(&log), "--by", by, "--format", format]);
            assert_none(&format!("report --by {by} --format {format}"), said.as_bytes());
            if by == "user" && format == "json" {
                let harmless = HARMLESS.iter().filter(|text| !text.is_empty());
                harmless.for_each(|name| assert!(said.contains(name), "'{name}' is gone"));
                assert!(said.matches("\"key:").count() >= 40, "{said}");
            }
        }
    }
    for words in [&["events"][..], &["explain"], &["alarms"], &["alarms", "--format", "ndjson"]] {
        let said = place.said(&[words, &[text(&log)]].concat());
        assert_none(&words.join(" "), said.as_bytes());
        assert!(said.contains("key:"), "{words:?}: {said}");
    }
}

#[test]
fn what_events_prints_still_counts_the_same() {
    let place = Place::new();
    let log = log(&place);
    let first = place.said(&["events", text(&log)]);
    let again = place.write("again.jsonl", &first);
    assert_eq!(place.said(&["events", text(&again)]), first);
}
