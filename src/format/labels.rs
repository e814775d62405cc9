//! The operator's own labels: paths of keys enter, what a record has there leaves, whatever its format. A walk of its own, so no format
//! knows of them; without labels it never happens.

use crate::config::KeyPath;
use crate::usage::{OwnLabel, RawText};

use super::paths::Paths;
use super::scanner::{Scalar, Scanner};

/// Paths of one label that are looked for, best first, the one of costtop's own output included.
pub const MOST_PATHS: usize = 9;
/// Where costtop prints them: `"labels":{"cost_center":"4711"}`.
const OWN_OUTPUT: &str = "labels";

/// Where a record may have labels, so that a record is walked once.
#[derive(Clone, Debug, Default)]
pub struct LabelPaths {
    paths: Paths,
    /// Each path's slot of a label; of one label the best first.
    slots: Vec<usize>,
    /// Each path's keys with dots between them.
    names: Vec<Box<[u8]>>,
    own: Vec<OwnLabel>,
}

impl LabelPaths {
    /// The paths of all labels, of each the first that is there counts; beyond [`MOST_PATHS`] they are not looked for. `None` without labels.
    #[must_use]
    pub fn new<'p>(labels: impl Iterator<Item = (OwnLabel, &'p [KeyPath])>) -> Option<LabelPaths> {
        let mut all = LabelPaths::default();
        for (label, configured) in labels {
            all.own.push(label);
            let printed = [OWN_OUTPUT.to_owned(), label.name().to_owned()];
            for path in std::iter::once(&printed[..]).chain(configured.iter().map(Vec::as_slice)).take(MOST_PATHS) {
                all.paths.add(path);
                all.slots.push(label.slot());
                all.names.push(path.join(".").into_bytes().into());
            }
        }
        (!all.slots.is_empty()).then_some(all)
    }

    /// The text at each label's first path that has one, by slot. Numbers and booleans are text; of an array its first text. A path may go on
    /// into a text that is an object itself; it is unescaped in `room`.
    #[must_use]
    pub fn find<'a>(&self, record: &'a [u8], room: &'a mut Vec<u8>) -> [RawText<'a>; OwnLabel::MOST] {
        let mut found = [Scalar::Null; OwnLabel::MOST * MOST_PATHS];
        let mut labels = [RawText::NONE; OwnLabel::MOST];
        // A record that became a usage was walked to its end before: this walk ends there, too.
        if self.paths.read(&mut Scanner::new(record), &mut found, |_, _| Ok(())).is_ok() {
            self.paths.read_encoded(record, room, &mut found);
            labels = self.choose(|place| found[place].plain());
        }
        labels
    }

    /// The labels that are looked for.
    #[must_use]
    pub fn own(&self) -> &[OwnLabel] {
        &self.own
    }

    /// How many paths there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// The places of the paths whose keys, with dots between them, are `name`.
    pub fn called(&self, name: &[u8]) -> impl Iterator<Item = usize> {
        self.names.iter().enumerate().filter(move |(_, own)| ***own == *name).map(|(place, _)| place)
    }

    /// The text at each label's first path that has one, by slot, where `text` is what stands at a path.
    #[must_use]
    pub fn choose<'a>(&self, text: impl Fn(usize) -> RawText<'a>) -> [RawText<'a>; OwnLabel::MOST] {
        let mut labels = [RawText::NONE; OwnLabel::MOST];
        for (place, slot) in self.slots.iter().enumerate() {
            labels[*slot] = labels[*slot].or(text(place));
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn paths(labels: &[(&str, &[&str])]) -> LabelPaths {
        let labels: Vec<(OwnLabel, Vec<Vec<String>>)> = labels
            .iter()
            .enumerate()
            .map(|(slot, (name, paths))| {
                let paths = paths.iter().map(|path| path.split('.').map(str::to_owned).collect()).collect();
                (OwnLabel::new(slot, name), paths)
            })
            .collect();
        LabelPaths::new(labels.iter().map(|(label, paths)| (*label, paths.as_slice()))).expect("labels")
    }

    fn found(paths: &LabelPaths, record: &str) -> Vec<String> {
        paths
            .find(record.as_bytes(), &mut Vec::new())
            .map(|text| String::from_utf8_lossy(&text.bytes()).into_owned())
            .to_vec()
    }

    #[test]
    fn the_first_path_that_has_something_counts() {
        let paths = paths(&[("cost_center", &["metadata.cost_center", "cost_center"]), ("variant", &["variant"])]);
        for (record, expected) in [
            (r#"{"cost_center":"top","metadata":{"cost_center":"deep"},"variant":"b"}"#, ["deep", "b"]),
            (r#"{"cost_center":"top","metadata":{"cost_center":null}}"#, ["top", ""]),
            (r#"{"cost_center":"top","metadata":"none","variant":{"a":1}}"#, ["top", ""]),
            (r#"{"cost_center":4711,"variant":true}"#, ["4711", "true"]),
            (r#"{"cost_center":["","x","y"],"variant":[1,["z"],{"a":"b"}]}"#, ["x", ""]),
            (r#"{"metadata":{"cost_center":"a"},"metadata":{"other":1},"cost_center":"b"}"#, ["b", ""]),
            (r#"{"variant":"a","variant":"\u0062"}"#, ["", "b"]),
            (r#"{"labels":{"variant":"printed","other":"x"},"variant":"said"}"#, ["", "printed"]),
            (r#"{"metadata":"{\"cost_center\":\"in\\u0073ide\"}","cost_center":"top"}"#, ["inside", ""]),
            (
                r#"{"metadata":"{\"cost_center\":7,\"cost_center\":8}","metadata":"{\"other\":1}","cost_center":"top"}"#,
                ["top", ""],
            ),
            (r#"{"metadata":"{\"cost_center\":\"broken\"","cost_center":"top"}"#, ["top", ""]),
            (r#"["variant"]"#, ["", ""]),
            (r#"{"variant":"a""#, ["", ""]),
        ] {
            assert_eq!(found(&paths, record)[..2], expected, "{record}");
        }
    }

    #[test]
    fn a_value_may_be_a_label_and_hold_another() {
        let paths = paths(&[("a", &["x"]), ("b", &["x.y"]), ("c", &["x"])]);
        assert_eq!(found(&paths, r#"{"x":"text"}"#), ["text", "", "text", ""]);
        assert_eq!(found(&paths, r#"{"x":{"y":"below"}}"#), ["", "below", "", ""]);
        assert_eq!(found(&paths, r#"{"x":{"y":"below"},"x":"text"}"#), ["text", "", "text", ""]);
    }

    /// What the paths mean, over a parsed value.
    fn slowly(record: &Value, path: &str) -> Option<String> {
        let value = path.split('.').try_fold(record, |value, key| value.get(key))?;
        let value = match value {
            Value::Array(items) => items.iter().find(|item| item.as_str().is_some_and(|text| !text.is_empty()))?,
            value => value,
        };
        match value {
            Value::String(text) => (!text.is_empty()).then(|| text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            _ => None,
        }
    }

    fn values() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec!["1", "\"t\"", "\"\"", "null", "true", "-2.5", "\"\\u00e9\""]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
            let member = (prop::sample::select(vec!["a", "b", "c", "labels", "own"]), inner.clone());
            prop_oneof![
                prop::collection::vec(member, 0..4).prop_map(|members| {
                    let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
                prop::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_a_parsed_record_says(record in values()) {
            let configured: [&[&str]; 3] = [&["a.b", "a", "c.a.b"], &["b"], &["a.b.c", "c"]];
            let names = ["own", "b", "c"];
            let paths = paths(&[0, 1, 2].map(|slot| (names[slot], configured[slot])));
            let parsed: Value = serde_json::from_str(&record).expect("JSON");
            for (slot, label) in found(&paths, &record).iter().take(3).enumerate() {
                let printed = format!("labels.{}", names[slot]);
                let expected = std::iter::once(printed.as_str()).chain(configured[slot].iter().copied()).find_map(|path| slowly(&parsed, path));
                prop_assert_eq!(label, &expected.unwrap_or_default(), "{} of {}", names[slot], record);
            }
        }
    }
}
