//! Files whose lines hold other than one record each: objects without a newline between them, lists with a line for each element.

use costtop::format::{Decoder, Line, Skip};
use costtop::time::Zone;
use costtop::usage::Rejection;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ANSWERS, CLAUDE_CODE, LITELLM, OWN, bedrock_log, gateway, slow_reader};

/// Offset, index, prompt of each record that these lines hold, as one file.
fn read(text: &str) -> Vec<(u64, u32, Result<u64, Skip>)> {
    let (mut decoder, mut seen, mut offset) = (Decoder::new(Zone::UTC), Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        decoder.decode(offset, line.as_bytes(), &mut |at, result| {
            seen.push((at.offset, at.index, result.map(|usage| usage.tokens.prompt())));
        });
        offset += line.len() as u64;
    }
    assert!(decoder.go_on_with(costtop::format::context::Context::default()).parts().is_empty(), "{text}");
    seen
}

fn record(prompt: u64) -> String {
    json!({"model": "m", "input_tokens": prompt}).to_string()
}

#[test]
fn what_firehose_delivers_without_newlines_is_read() {
    let event = |id: u32| json!({"id": id, "timestamp": 1_795_297_733_099_u64, "message": record(id.into())});
    let delivery = |ids: &[u32]| {
        let events: Vec<Value> = ids.iter().map(|id| event(*id)).collect();
        json!({"messageType": "DATA_MESSAGE", "logEvents": events}).to_string()
    };
    let control = json!({"messageType": "CONTROL_MESSAGE", "logEvents": []}).to_string();
    let line = [delivery(&[1, 2]), control, delivery(&[3])].concat();
    slow_reader::compare(line.as_bytes());
    let expected = [(0, 0, Ok(1)), (0, 1, Ok(2)), (0, 2, Err(Skip::NotUsage)), (0, 3, Ok(3))];
    assert_eq!(read(&line), expected);
}

#[test]
fn a_list_with_a_line_for_each_element_is_read() {
    let [a, b, c] = [1, 2, 3].map(record);
    let prompts = |text: &str| -> Vec<_> { read(text).into_iter().map(|(_, _, said)| said).collect() };
    for text in [
        // As PostgreSQL's json_agg prints it.
        format!("[{a}, \n {b}, \n {c}]\n"),
        format!("[{a},\n{b},\n{c}]"),
        format!("[\n{a},\n{b},\n{c}\n]\n"),
        format!("[\r\n{a},{b},\r\n{c}\r\n]\r\n"),
        format!("{a},\n{b},\n{c},\n"),
        format!(
            "[\n{{\n  \"model\": \"m\",\n  \"input_tokens\": 1\n}},\n{b},\n{{\n  \"model\": \"m\",\n  \"input_tokens\": 3\n}}\n]\n"
        ),
    ] {
        assert_eq!(prompts(&text), [Ok(1), Ok(2), Ok(3)], "{text}");
    }
    // What broke off says so, and what is whole counts.
    let json = Err(Skip::Rejected(Rejection::Json));
    assert_eq!(prompts(&format!("[{a},\n{{\"model\":\"m\",\"inp\n{c}]\n")), [Ok(1), json, Ok(3)]);
    assert_eq!(prompts(&format!("[{a},{b}\n{c}\n")), [json, Ok(3)]);
    assert_eq!(prompts(&format!("[\nnote\n{a}\n")), [json, json, Ok(1)]);
}

/// Tokens, cost, model and key of each record.
fn facts(text: &str) -> Vec<String> {
    let (mut decoder, mut seen) = (Decoder::new(Zone::UTC), Vec::new());
    for line in text.split_inclusive('\n') {
        decoder.decode(0, line.as_bytes(), &mut |_, result| {
            seen.push(match result {
                Ok(usage) => {
                    let key = super::text(usage.dimensions.key_hash);
                    format!("{:?} {:?} {} {key}", usage.tokens, usage.reported, super::text(usage.model))
                }
                Err(skip) => format!("{skip:?}"),
            });
        });
    }
    seen
}

#[test]
fn a_record_printed_for_people_says_what_it_says_in_one_line() {
    let mut checked = 0;
    for line in [LITELLM, ANSWERS, gateway::SPEND, bedrock_log::LOG].into_iter().flat_map(str::lines) {
        let Some(mut value) = serde_json::from_str::<Value>(line).ok().filter(Value::is_object) else { continue };
        // As long as real ones are.
        if let Some(Ok(Value::Object(mut metadata))) = value["metadata"].as_str().map(serde_json::from_str) {
            metadata.insert("headers".to_owned(), "x".repeat(3000).into());
            value["metadata"] = Value::Object(metadata).to_string().into();
            checked += 1;
        }
        let pretty = serde_json::to_string_pretty(&value).unwrap() + "\n";
        assert_eq!(facts(&pretty), facts(&value.to_string()), "{line}");
        let marked = format!("\u{feff}{}", pretty.replace('\n', "\r\n"));
        assert_eq!(facts(&marked), facts(&value.to_string()), "{line}");
    }
    assert!(checked > 5, "{checked} rows keep metadata as text");
}

#[test]
fn what_somebody_asked_cloudwatch_for_is_read() {
    let event = |id: u64| {
        let message = json!({"model": "m", "input_tokens": id, "prompt": "x".repeat(2000)}).to_string();
        json!({"logStreamName": "s", "timestamp": 1_795_297_733_099_u64, "message": message})
    };
    let answer =
        json!({"events": [event(1), event(2), {"timestamp": 1, "message": "START"}], "searchedLogStreams": []});
    slow_reader::compare(answer.to_string().as_bytes());
    let expected = [(0, 0, Ok(1)), (0, 1, Ok(2)), (0, 2, Err(Skip::NotUsage))];
    assert_eq!(read(&answer.to_string()), expected);
    assert_eq!(read(&(serde_json::to_string_pretty(&answer).unwrap() + "\n")), expected);
    // Events of something else beside what is usage by itself.
    let usage = json!({"model": "m", "input_tokens": 7, "events": [event(1)]}).to_string();
    slow_reader::compare(usage.as_bytes());
    assert_eq!(read(&usage), [(0, 0, Ok(7))]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Records in one line say what they say in a line each.
    #[test]
    fn records_in_one_line_are_what_they_are_in_lines_of_their_own(
        picked in prop::collection::vec((0usize..6, any::<prop::sample::Index>(), 0usize..4), 2..6),
        part in 0usize..3,
    ) {
        let lines: Vec<(&str, &str)> = picked.iter().map(|(fixture, place, between)| {
            let all = [OWN, CLAUDE_CODE, LITELLM, ANSWERS, gateway::SPEND, bedrock_log::LOG][*fixture];
            let whole: Vec<&str> = all.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok_and(|value| {
                // Behind what is left early nobody looks.
                value.is_object() && value["type"] != "user" && value["type"] != "file-history-snapshot"
            })).collect();
            (*place.get(&whole), ["", " ", ",", "\t, "][*between])
        }).collect();
        let mut decoder = Decoder::new(Zone::UTC);
        let mut alone = Vec::new();
        for (line, _) in &lines {
            decoder.decode(0, line.as_bytes(), &mut |_, result| alone.push(format!("{result:?}")));
        }
        let inside: String = lines.iter().map(|(line, between)| [*line, between].concat()).collect();
        let inside = inside.trim_end_matches([',', ' ', '\t']);
        let line = [format!("[{inside},"), format!("{inside},"), format!("{inside}]")][part].clone();
        slow_reader::compare(line.as_bytes());
        let mut together = Vec::new();
        let kind = decoder.decode(0, line.as_bytes(), &mut |at, result| {
            assert_eq!(at.index as usize, together.len());
            together.push(format!("{result:?}"));
        });
        prop_assert!(kind != Line::Blank);
        prop_assert_eq!(together, alone);
    }
}
