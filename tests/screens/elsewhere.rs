//! A snapshot that came from another process: it says the same as here, and whatever numbers it holds, it is drawn or refused.

use costtop::engine::view::ViewQuery;
use costtop::ui::snapshot::Snapshot;
use costtop::ui::theme::Depth;
use serde_json::Value;

use super::{drilled, frame, sample, state};

fn sent(snapshot: &Snapshot) -> Value {
    serde_json::to_value(snapshot).unwrap()
}

#[test]
fn what_is_sent_arrives_whole() {
    let busy = sample::busy();
    let open = drilled::answer(&busy, &ViewQuery { split: true, ..ViewQuery::default() }, Some(3));
    for snapshot in [busy, sample::alarmed(), sample::empty(), sample::with_nameless(), drilled::many_alarms(), open] {
        let text = serde_json::to_string(&snapshot).unwrap();
        let arrived: Snapshot = serde_json::from_str(&text).unwrap();
        assert_eq!(arrived, snapshot);
    }
}

/// Every number in a value, by its path.
fn numbers(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Number(_) => out.push(path.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| numbers(item, &format!("{path}/{at}"), out));
        }
        Value::Object(entries) => entries.iter().for_each(|(key, item)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            numbers(item, &format!("{path}/{key}"), out);
        }),
        _ => {}
    }
}

#[test]
fn no_number_of_a_false_server_breaks_the_screen() {
    let whole = sent(&sample::alarmed());
    let mut paths = Vec::new();
    numbers(&whole, "", &mut paths);
    assert!(paths.len() > 200, "{}", paths.len());
    let mut drawn = 0;
    for (at, path) in paths.iter().enumerate() {
        let wrong =
            [Value::from(0), Value::from(-1), Value::from(u64::MAX), Value::from(i64::MAX), Value::from(i64::MIN)];
        // Each number once, with one of the wrong ones; what stands once in a snapshot with all of them.
        let wrong = if path.matches('/').count() <= 3 { &wrong[..] } else { &wrong[at % 5..=at % 5] };
        for wrong in wrong {
            let mut value = whole.clone();
            *value.pointer_mut(path).unwrap() = wrong.clone();
            if let Ok(snapshot) = serde_json::from_value::<Snapshot>(value) {
                frame(&state(120, 36, &snapshot), &snapshot, Depth::Ansi256);
                drawn += 1;
            }
        }
    }
    assert!(drawn > paths.len() / 4, "{drawn} of {}", paths.len());
}
