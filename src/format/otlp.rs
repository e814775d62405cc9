//! OpenTelemetry: the body of an export request, or a line of a collector's file exporter, enters; what its records say of requests leaves.
//!
//! Two encodings, one reader: protobuf and JSON are walked into the same words ([`collect::Collect`]), so that a request means the same
//! in both. Only attributes on a list are kept (`attributes.rs`); prompts and completions are passed over where they stand. Nothing of
//! a request counts unless all of it can be read.

mod attributes;
mod claude_code;
mod codex;
mod collect;
mod gemini_cli;
mod gen_ai;
mod json;
mod metrics;
mod own;
mod protobuf;
mod record;
mod value;
mod wire;

use attributes::{Attributes, Key};
use collect::{Check, Collect, Facts, Metric};
use metrics::{Fingerprint, Sums};
use own::Own;
use record::{Family, Record, Tool, producer};
use value::Any;

use super::labels::LabelPaths;
use super::scanner::Stop;
use super::{Format, Marks, Reading, Skip};
use crate::source::{Encoding, Signal};
use crate::time::Zone;
use crate::usage::{RawText, Usage};

/// Reads the body of an export request; `each` is called with a record's place in it. In JSON the body says itself what it exports.
pub(super) fn read<E>(
    (signal, encoding): (Signal, Encoding),
    zone: Zone,
    labels: Option<&LabelPaths>,
    body: &[u8],
    each: &mut E,
) where
    E: FnMut(u32, Result<&Usage<'_>, Skip>) + ?Sized,
{
    let mut index = 0;
    let mut numbered = |result: Result<&Usage<'_>, Skip>| {
        each(index, result);
        index += 1;
    };
    let walked = match encoding {
        Encoding::Protobuf => protobuf::walk(signal, body, &mut Check)
            .and_then(|()| protobuf::walk(signal, body, &mut Collector::new(zone, labels, &mut numbered))),
        Encoding::Json => json::find(body, &mut Marks::new(None))
            .and_then(|parts| parts.walk(&mut Collector::new(zone, labels, &mut numbered))),
    };
    if let Err(stop) = walked {
        numbered(Err(refused(stop)));
    }
}

/// Reads `record` if it is an export request in JSON.
pub(super) fn read_record<E>(
    record: &[u8],
    zone: Zone,
    mut marks: Marks,
    labels: Option<&LabelPaths>,
    each: &mut E,
) -> Reading
where
    E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized,
{
    let parts = match json::find(record, &mut marks) {
        Ok(parts) => parts,
        Err(stop) => return Reading::Stopped(stop),
    };
    if marks.meant() != Some(Format::Otlp) {
        return Reading::Foreign(marks);
    }
    let mut collector = Collector::new(zone, labels, each);
    let walked = parts.walk(&mut collector);
    debug_assert!(walked.is_ok(), "walked to its end before");
    if collector.records == 0 {
        each(Err(Skip::NotUsage));
    }
    Reading::Done(Format::Otlp)
}

fn refused(stop: Stop) -> Skip {
    stop.rejection().map_or(Skip::NotUsage, Skip::Rejected)
}

/// Takes records one after the other and tells what each says.
struct Collector<'a, 'e, E: ?Sized> {
    zone: Zone,
    record: Record<'a>,
    own: Own<'a, 'e>,
    /// Where names are put together.
    room: Vec<u8>,
    /// What exported the record.
    producer: Vec<u8>,
    /// What the resource and the record are told by; kept where there are points of metrics.
    fingerprints: [Fingerprint; 2],
    sums: Sums<'a>,
    /// The attributes that follow are those of a point, and this one says what it counts.
    kind_of_point: Option<&'static [u8]>,
    records: u32,
    each: &'e mut E,
}

impl<'e, E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized> Collector<'_, 'e, E> {
    fn new(zone: Zone, labels: Option<&'e LabelPaths>, each: &'e mut E) -> Self {
        let record = Record { resource: Attributes::new(), scope: RawText::NONE, own: Attributes::new() };
        Collector {
            zone,
            record,
            own: Own::new(labels),
            room: Vec::new(),
            producer: Vec::new(),
            fingerprints: Default::default(),
            sums: Sums::default(),
            kind_of_point: None,
            records: 0,
            each,
        }
    }

    /// Tells what the record says that was taken last, by one of the readers of this module.
    fn tell(
        &mut self,
        family: Family,
        read: impl for<'r> FnOnce(&'r Record<'_>, &'r mut Vec<u8>) -> Result<Usage<'r>, Skip>,
    ) {
        self.records += 1;
        match read(&self.record, &mut self.room) {
            Ok(mut usage) => {
                let labels = self.own.labels();
                usage.dimensions.own = labels.as_ref();
                producer(family, &self.record, &mut self.producer);
                usage.producer = RawText::plain(&self.producer);
                (self.each)(Ok(&usage));
            }
            Err(skip) => (self.each)(Err(skip)),
        }
    }
}

impl<'a, E: FnMut(Result<&Usage<'_>, Skip>) + ?Sized> Collect<'a> for Collector<'a, '_, E> {
    fn resource(&mut self) {
        self.record.resource.clear();
        self.fingerprints[0].clear();
        self.own.clear_resource();
    }

    fn resource_attribute(&mut self, name: RawText<'a>, value: Any<'a>) {
        let name = name.bytes();
        self.record.resource.set(&name, value);
        self.fingerprints[0].add(&name, value);
        self.own.take_resource(&name, value);
    }

    fn scope(&mut self, name: RawText<'a>) {
        self.record.scope = name;
    }

    fn begin(&mut self) {
        self.record.own.clear();
        self.fingerprints[1].clear();
        self.own.clear_record();
    }

    fn attribute(&mut self, name: RawText<'a>, value: Any<'a>) {
        let name = name.bytes();
        self.record.own.set(&name, value);
        if self.kind_of_point.is_some_and(|kind| *name != *kind) {
            self.fingerprints[1].add(&name, value);
        }
        self.own.take_record(&name, value);
    }

    fn log(&mut self, facts: &Facts<'a>) {
        let zone = self.zone;
        let Some(event) = Event::of(&self.record, facts) else {
            self.records += 1;
            return (self.each)(Err(Skip::NotUsage));
        };
        self.tell(event.family(), |record, room| match event {
            Event::ClaudeCode { failed } => claude_code::usage(record, facts, failed, zone, room),
            Event::Codex => codex::usage(record, facts, zone, room),
            Event::GeminiCli { failed } => gemini_cli::usage(record, facts, failed, zone, room),
            Event::GenAi => gen_ai::usage(record, facts, false, zone, room),
        });
    }

    fn span(&mut self, facts: &Facts<'a>) {
        let zone = self.zone;
        self.tell(Family::GenAi, |record, room| match record.tool() {
            // What the coding agents trace, their log events say better.
            Some(_) => Err(Skip::NotUsage),
            None => gen_ai::usage(record, facts, true, zone, room),
        });
    }

    fn metric(&mut self, name: RawText<'a>) -> bool {
        self.kind_of_point = metrics::counts(name);
        if self.kind_of_point.is_none() {
            self.records += 1;
            (self.each)(Err(Skip::NotUsage));
        }
        self.kind_of_point.is_some()
    }

    fn point(&mut self, metric: &Metric<'a>, facts: &Facts<'a>, value: Any<'a>) {
        if self.sums.is_full() {
            self.resource_end();
        }
        let told_by = [self.fingerprints[0].sum(), self.fingerprints[1].sum()];
        if let Err(skip) = self.sums.take(&self.record, &self.own, told_by, (metric, facts, value)) {
            self.records += 1;
            (self.each)(Err(skip));
        }
    }

    fn resource_end(&mut self) {
        let Collector { record, own, room, sums, records, each, .. } = self;
        sums.tell(record, own, room, |result| {
            *records += 1;
            each(result);
        });
    }
}

/// What a log record is, by the name of its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    ClaudeCode { failed: bool },
    Codex,
    GeminiCli { failed: bool },
    GenAi,
}

impl Event {
    fn of(record: &Record<'_>, facts: &Facts<'_>) -> Option<Event> {
        let tool = record.tool();
        [facts.body, facts.name, record.own.get(Key::EventName).text()].into_iter().find_map(|name| {
            let name = name.bytes();
            let named =
                [(&b"claude_code."[..], Tool::ClaudeCode), (b"codex.", Tool::Codex), (b"gemini_cli.", Tool::GeminiCli)]
                    .into_iter()
                    .find_map(|(prefix, tool)| Some((Some(tool), name.strip_prefix(prefix)?)));
            Some(match named.unwrap_or((tool, &name)) {
                (Some(Tool::ClaudeCode), b"api_request") => Event::ClaudeCode { failed: false },
                (Some(Tool::ClaudeCode), b"api_error") => Event::ClaudeCode { failed: true },
                (Some(Tool::Codex), b"sse_event" | b"websocket_event") => Event::Codex,
                (Some(Tool::GeminiCli), b"api_response") => Event::GeminiCli { failed: false },
                (Some(Tool::GeminiCli), b"api_error") => Event::GeminiCli { failed: true },
                (None, b"gen_ai.client.inference.operation.details") => Event::GenAi,
                _ => return None,
            })
        })
    }

    /// Whose counters its records void.
    const fn family(self) -> Family {
        match self {
            Event::ClaudeCode { .. } => Family::ClaudeCode,
            Event::Codex => Family::Codex,
            Event::GeminiCli { .. } => Family::GeminiCli,
            Event::GenAi => Family::GenAi,
        }
    }
}
