//! What both encodings say in the same words: resources, scopes, and in them records with their attributes.

use super::value::Any;
use crate::format::scanner::Stop;
use crate::usage::RawText;

/// What stands beside the attributes of a log record, a span or a data point. Times are nanoseconds since 1970, 0 is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) start: u64,
    /// When it happened; of a span, when it ended.
    pub(super) time: u64,
    /// When a collector saw it.
    pub(super) observed: u64,
    /// Of a span or an event.
    pub(super) name: RawText<'a>,
    /// Of a log record, if it is a text.
    pub(super) body: RawText<'a>,
    pub(super) trace: Option<[u8; 16]>,
    pub(super) span: Option<[u8; 8]>,
    pub(super) failed: bool,
}

/// A metric whose points say what was used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Metric<'a> {
    pub(super) name: RawText<'a>,
    /// Each point says what came since the one before, not since the start.
    pub(super) is_delta: bool,
}

/// Takes what an export request says, in order. A record's attributes come between `begin` and the record itself.
pub(super) trait Collect<'a> {
    /// A resource begins; its attributes follow.
    fn resource(&mut self);
    fn resource_attribute(&mut self, name: RawText<'a>, value: Any<'a>);
    /// The records that follow were made by this instrumentation.
    fn scope(&mut self, name: RawText<'a>);
    fn begin(&mut self);
    fn attribute(&mut self, name: RawText<'a>, value: Any<'a>);
    fn log(&mut self, facts: &Facts<'a>);
    fn span(&mut self, facts: &Facts<'a>);
    /// Whether a metric of that name says what was used; else it is a record by itself, and its points are none.
    fn metric(&mut self, name: RawText<'a>) -> bool;
    /// A point of a sum, or the sum of a histogram's.
    fn point(&mut self, metric: &Metric<'a>, facts: &Facts<'a>, value: Any<'a>);
    /// A resource's records are all there.
    fn resource_end(&mut self);
}

/// Takes nothing: a walk with it only finds out whether the whole can be read.
pub(super) struct Check;

impl<'a> Collect<'a> for Check {
    fn resource(&mut self) {}
    fn resource_attribute(&mut self, _: RawText<'a>, _: Any<'a>) {}
    fn scope(&mut self, _: RawText<'a>) {}
    fn begin(&mut self) {}
    fn attribute(&mut self, _: RawText<'a>, _: Any<'a>) {}
    fn log(&mut self, _: &Facts<'a>) {}
    fn span(&mut self, _: &Facts<'a>) {}
    fn metric(&mut self, _: RawText<'a>) -> bool {
        true
    }
    fn point(&mut self, _: &Metric<'a>, _: &Facts<'a>, _: Any<'a>) {}
    fn resource_end(&mut self) {}
}

/// How a walk ends.
pub(super) type Walked = Result<(), Stop>;
