//! The operator's own labels among the attributes: a path of keys is met by the attribute that is called so, with dots between them.

use super::value::{Any, Value};
use crate::format::labels::LabelPaths;
use crate::usage::{OwnLabel, RawText};

/// What was found at each path. Empty where no label is looked for.
pub(super) struct Own<'a, 'l> {
    paths: Option<&'l LabelPaths>,
    resource: Vec<Value<'a>>,
    record: Vec<Value<'a>>,
}

impl<'a, 'l> Own<'a, 'l> {
    pub(super) fn new(paths: Option<&'l LabelPaths>) -> Own<'a, 'l> {
        let none = || vec![Value::Absent; paths.map_or(0, LabelPaths::count)];
        Own { paths, resource: none(), record: none() }
    }

    pub(super) fn clear_resource(&mut self) {
        self.resource.fill(Value::Absent);
    }

    pub(super) fn clear_record(&mut self) {
        self.record.fill(Value::Absent);
    }

    pub(super) fn take_resource(&mut self, name: &[u8], value: Any<'a>) {
        take(self.paths, &mut self.resource, name, value);
    }

    pub(super) fn take_record(&mut self, name: &[u8], value: Any<'a>) {
        take(self.paths, &mut self.record, name, value);
    }

    /// What the record has at each path.
    pub(super) fn record(&self) -> &[Value<'a>] {
        &self.record
    }

    /// Goes back to a record that was taken before.
    pub(super) fn set_record(&mut self, record: &[Value<'a>]) {
        self.record.clear();
        self.record.extend_from_slice(record);
    }

    /// By slot; the record's own attributes before its resource's.
    pub(super) fn labels(&self) -> Option<[RawText<'_>; OwnLabel::MOST]> {
        let text = |place: usize| label(&self.record[place]).or(label(&self.resource[place]));
        self.paths.map(|paths| paths.choose(text))
    }
}

fn take<'a>(paths: Option<&LabelPaths>, found: &mut [Value<'a>], name: &[u8], value: Any<'a>) {
    for place in paths.into_iter().flat_map(|paths| paths.called(name)) {
        found[place] = Value::of(value);
    }
}

fn label<'s>(value: &'s Value<'_>) -> RawText<'s> {
    match value {
        Value::Bool(true) => RawText::plain(b"true"),
        Value::Bool(false) => RawText::plain(b"false"),
        other => other.text(),
    }
}
