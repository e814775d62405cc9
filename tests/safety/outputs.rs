//! The hostile strings through everything that prints what a log says.

use super::hostile::{ESCAPED, assert_harmless, escaped, raw, strings};
use super::place::{Place, groups, line, text};

/// All strings in all fields, each also alone; bytes that are no UTF-8; lines that are no JSON.
fn log(place: &Place) -> std::path::PathBuf {
    let mut bytes = Vec::new();
    let mut number = 0;
    let mut put = |inside: &[u8]| {
        bytes.extend(line(number, inside));
        number += 1;
    };
    for string in strings() {
        put(escaped(&string).as_bytes());
    }
    raw().into_iter().for_each(&mut put);
    for string in ESCAPED {
        put(string.as_bytes());
    }
    for string in strings() {
        bytes.extend(string.as_bytes());
        bytes.extend(b"\n{\"type\":\"adjustment\",\"ts\":\"2026-11-21T10:00:00Z\",\"reason\":\"");
        bytes.extend(escaped(&string).bytes());
        bytes.extend(b"\",\"cost_usd\":\"1\"}\n");
    }
    place.write("app.jsonl", bytes)
}

#[track_caller]
fn assert_json(lines: &str) {
    for line in lines.lines().filter(|line| !line.starts_with("costtop: ")) {
        let read: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(read.is_ok(), "{line}");
    }
}

#[test]
fn every_report_in_every_format() {
    let place = Place::new();
    let log = log(&place);
    for format in ["table", "json", "ndjson", "csv", "markdown", "prometheus"] {
        for by in groups() {
            let said = place.said(&["report", text(&log), "--by", by, "--format", format]);
            // CSV ends its rows with both; inside a cell there is neither.
            let said = if format == "csv" { said.replace("\r\n", "\n") } else { said };
            assert_harmless(&format!("report --by {by} --format {format}"), &said);
            let rows = said.lines().count();
            match format {
                "csv" => said.lines().filter(|line| !line.starts_with("costtop: ")).for_each(|line| {
                    assert!(!line.starts_with(['=', '+', '@', '\t']) && !line.starts_with("\"="), "{line}");
                }),
                "ndjson" | "json" => assert_json(&said),
                "prometheus" => said
                    .lines()
                    .for_each(|line| assert!(line.starts_with("# ") || line.starts_with("costtop_"), "{line}")),
                _ => {}
            }
            assert!(rows > 1 || format == "json", "{said}");
        }
    }
}

#[test]
fn what_is_printed_line_by_line() {
    let place = Place::new();
    let log = log(&place);
    for words in
        [&["events"][..], &["explain"], &["alarms"], &["alarms", "--format", "ndjson"], &["report", "--color", "never"]]
    {
        let said = place.said(&[words, &[text(&log)]].concat());
        assert_harmless(&words.join(" "), &said);
        assert!(said.lines().count() > 20, "{words:?}: {said}");
        if words.contains(&"events") || words.contains(&"ndjson") {
            assert_json(&said);
        }
    }
    // In colour the only escapes are its own, for bold.
    let said = place.said(&["report", text(&log), "--by", "user", "--color", "always"]);
    let own = ["\u{1b}[1m", "\u{1b}[0m", "\u{1b}[22m"];
    let rest = own.iter().fold(said.clone(), |said, own| said.replace(own, ""));
    assert!(rest.len() < said.len());
    assert_harmless("report in colour", &rest);
}

/// Ids that are no UTF-8 cannot stand in JSON, so two of them may read back as one; all others are themselves.
#[test]
fn what_events_prints_reads_back_as_the_same() {
    let place = Place::new();
    let lines: Vec<u8> =
        strings().iter().enumerate().flat_map(|(at, string)| line(at, escaped(string).as_bytes())).collect();
    let log = place.write("app.jsonl", lines);
    let first = place.said(&["events", text(&log)]);
    let again = place.write("again.jsonl", &first);
    let second = place.said(&["events", text(&again)]);
    for (read, printed) in second.lines().zip(first.lines()) {
        assert_eq!(read, printed);
    }
    assert_eq!(second.lines().count(), first.lines().count());
}

/// What a provider bills is as hostile as a log: names of models, keys and costs.
#[test]
fn what_reconcile_makes_of_a_bill() {
    let place = Place::new();
    let log = log(&place);
    let quoted = |string: &str| serde_json::to_string(string).unwrap();
    let usage = strings().into_iter().map(|string| {
        format!(
            "{{\"uncached_input_tokens\":5,\"output_tokens\":1,\"api_key_id\":{0},\"workspace_id\":{0},\"model\":{0},\"service_tier\":{0},\"inference_geo\":{0}}}",
            quoted(&string)
        )
    });
    let costs = strings().into_iter().map(|string| {
        format!(
            "{{\"currency\":\"USD\",\"amount\":\"1.5\",\"workspace_id\":{0},\"description\":{0},\"cost_type\":\"tokens\",\"model\":{0},\"token_type\":{0}}}",
            quoted(&string)
        )
    });
    let bills: [(&str, Vec<String>, &[&str]); 2] =
        [("usage", usage.collect(), &["day", "model", "key"]), ("cost", costs.collect(), &["day", "model"])];
    for (name, results, keys) in bills {
        let bill = format!(
            "{{\"data\":[{{\"starting_at\":\"2026-11-21T00:00:00Z\",\"ending_at\":\"2026-11-22T00:00:00Z\",\"results\":[{}]}}],\"has_more\":false}}",
            results.join(",")
        );
        let file = place.write(&format!("{name}.json"), bill);
        for by in keys {
            for format in ["table", "json"] {
                let output = place.run(&["reconcile", text(&file), text(&log), "--by", by, "--format", format]);
                let said = super::place::both(&output);
                assert_harmless(&format!("reconcile {name} --by {by} --format {format}"), &said);
                assert!(matches!(output.status.code(), Some(0 | 12)), "{said}");
            }
        }
    }
    // What is no bill at all is refused with some of it.
    for string in strings().iter().step_by(20) {
        let file = place.write("none.json", format!("{{{}:{}}}", quoted(string), quoted(string)));
        assert_harmless("a refusal", &super::place::both(&place.run(&["reconcile", text(&file), text(&log)])));
    }
}
