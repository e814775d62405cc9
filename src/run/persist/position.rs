//! Where a file was read to, as a state keeps it: a position with what its decoder knows there enters, bytes leave, and back.

use crate::format::context::Context;
use crate::source::Position;
use crate::store::SavedPosition;
use crate::time::Timestamp;

/// How a saved context begins. Those of earlier versions are an offset of 8 bytes and nothing else.
const CONTEXT: u8 = 1;
/// Where no record is unfinished.
const NOTHING_OPEN: u64 = u64::MAX;

/// A position with what its decoder needs to go on: where the first record begins that was not whole yet, and what the lines before
/// said. Nothing of the record itself is kept, it may hold a prompt.
pub(super) fn with_context(position: Position, saved: Option<Timestamp>) -> SavedPosition {
    let mut context = Vec::new();
    if position.open_since.is_some() || !position.context.is_empty() {
        context.push(CONTEXT);
        context.extend_from_slice(&position.open_since.unwrap_or(NOTHING_OPEN).to_le_bytes());
        context.extend_from_slice(&position.context);
    }
    SavedPosition { position, saved, context }
}

/// `None` if [`with_context`] did not write it.
pub(in crate::run) fn from_context(saved: &SavedPosition) -> Option<Position> {
    let mut position = saved.position.clone();
    let (since, context) = match saved.context.as_slice() {
        [] => return Some(position),
        [CONTEXT, rest @ ..] if rest.len() >= 8 => rest.split_first_chunk::<8>()?,
        old => (<&[u8; 8]>::try_from(old).ok()?, &[][..]),
    };
    let since = u64::from_le_bytes(*since);
    if since != NOTHING_OPEN {
        position.open_since = Some(since).filter(|since| *since <= position.offset);
        position.open_since?;
    }
    Context::load(context)?;
    position.context = context.into();
    Some(position)
}
