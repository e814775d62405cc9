//! What containers, journals, loggers and printers put around a record. A wrapped line enters; the text in it leaves, with the wrapper's
//! time and host and whether the text goes on in a later line. Knows no usage.

mod json;
mod parts;
mod prefix;
mod value;

pub use parts::Parts;

pub(super) use json::{docker, event, events, journal};
pub(super) use parts::Joined;
pub(super) use prefix::{is_kubectl, read as prefix};
pub(super) use value::Framed;

use crate::time::Timestamp;
use crate::usage::RawText;

/// Wrappers inside wrappers at most: `docker compose` before a time before syslog. What is wrapped deeper is not read.
pub(super) const MAX_WRAPPERS: usize = 3;

/// A wrapper that is taken off before a line's format is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapper {
    /// Docker's `json-file` log driver.
    Docker,
    /// The Kubernetes container runtime interface: containerd, CRI-O.
    Cri,
    /// `journalctl -o json`.
    Journal,
    /// `CloudWatch`: what a subscription delivers, what a query answers, and an event by itself.
    CloudWatch,
    /// RFC 5424, RFC 3164, and the files that system loggers write.
    Syslog,
    /// `kubectl logs --prefix`.
    Kubectl,
    /// `docker compose logs`.
    Compose,
    /// A time before the line: `kubectl logs --timestamps`, `docker logs -t`.
    Timestamp,
    /// Server-sent events as they came: `data: {…}`.
    Sse,
}

impl Wrapper {
    /// The word of `explain` and of the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Wrapper::Docker => "docker",
            Wrapper::Cri => "cri",
            Wrapper::Journal => "journald",
            Wrapper::CloudWatch => "cloudwatch",
            Wrapper::Syslog => "syslog",
            Wrapper::Kubectl => "kubectl",
            Wrapper::Compose => "compose",
            Wrapper::Timestamp => "timestamp",
            Wrapper::Sse => "sse",
        }
    }
}

/// Which of the texts in a file a line goes on with. Docker and CRI cut long lines, each of a container's two streams by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Lane {
    DockerOut,
    DockerErr,
    CriOut,
    CriErr,
}

/// What a wrapper says of the text in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) wrapper: Wrapper,
    pub(super) time: Option<Timestamp>,
    pub(super) host: RawText<'a>,
    /// `None`: such lines are never cut.
    pub(super) lane: Option<Lane>,
    /// The text goes on in the lane's next line.
    pub(super) goes_on: bool,
}

impl Head<'_> {
    const fn plain(wrapper: Wrapper, time: Option<Timestamp>) -> Head<'static> {
        Head { wrapper, time, host: RawText::NONE, lane: None, goes_on: false }
    }
}
