//! OpenTelemetry: the body of an export request enters, what its records say of requests leaves.

use super::Skip;
use crate::source::{Encoding, Signal};
use crate::time::Zone;
use crate::usage::{Rejection, Usage};

/// Reads an export request; `each` is called with a record's place in it.
pub(super) fn read<E>(_: Signal, _: Encoding, _: Zone, _: &[u8], each: &mut E)
where
    E: FnMut(u32, Result<&Usage<'_>, Skip>) + ?Sized,
{
    each(0, Err(Skip::Rejected(Rejection::Json)));
}
