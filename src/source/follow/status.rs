//! How each source of files stands: live, waiting, lost or read to its end, and how much of it is unread.

use std::io;
use std::path::Path;

use super::Follower;
use super::file::Role;
use crate::label::Label;
use crate::source::spec::Spec;
use crate::source::{SourceId, SourceState, SourceStatus};

#[derive(Debug)]
pub(super) struct FileSource {
    pub id: SourceId,
    pub name: Label,
    pub spec: Spec,
    pub read: u64,
    pub trouble: Option<String>,
    pub sent: Option<SourceStatus>,
}

impl Follower {
    /// The states that changed since they were last asked for.
    pub fn statuses(&mut self) -> Vec<SourceStatus> {
        let mut sums = vec![(0u64, 0u64); self.sources.len()];
        for file in self.files.values() {
            let (files, unread) = &mut sums[file.source];
            *files += 1;
            *unread += match (&file.archive, &file.role) {
                (Some(archive), _) => archive.unread(file.stamp.size),
                (None, Role::Reader(reader)) => file.stamp.size.saturating_sub(reader.marks.offset),
                (None, Role::Fresh) => file.stamp.size,
                (None, Role::Copy(_)) => 0,
            };
        }
        let once = self.options.once;
        let mut changed = Vec::new();
        for (source, (files, unread)) in self.sources.iter_mut().zip(sums) {
            let state = match (&source.trouble, files) {
                (Some(trouble), _) => SourceState::Lost(trouble.clone()),
                (None, 0) if !once => SourceState::Waiting,
                (None, _) if once && unread == 0 => SourceState::Ended,
                (None, _) => SourceState::Live,
            };
            let status = SourceStatus {
                source: source.id,
                name: source.name.clone(),
                state,
                files,
                total_bytes: source.read + unread,
                read_bytes: source.read,
                dropped: 0,
            };
            if source.sent.as_ref() != Some(&status) {
                source.sent = Some(status.clone());
                changed.push(status);
            }
        }
        changed
    }
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> String {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => "give this user the right to read it, or run as its owner",
        io::ErrorKind::NotADirectory => "a part of the path is a file: correct the path",
        io::ErrorKind::NotFound => "check the name",
        _ if error.raw_os_error() == Some(libc::EMFILE) => "raise the limit of open files (ulimit -n)",
        _ => "it is tried again every second",
    };
    format!("cannot read '{}' ({error}): {remedy}", path.display())
}
