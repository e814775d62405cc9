//! Collecting the body of a request: packed or plain bytes enter as they come, one whole body leaves with its part of the byte budget, or
//! why it is refused. Never holds what was not lent, nor a content beyond the cap.

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::answer::Refusal;
use super::filling::{FIRST, Place};
use super::watch::{HEAD, LEAST_RATE, Running};
use crate::source::budget::Reservation;
use crate::source::socket;
use crate::source::start::Outlet;
use crate::source::unpack::{End, Packing, Unpacker};

/// Largest body, unpacked: what OpenTelemetry's collector takes.
pub(super) const MAX_BODY: usize = 20 << 20;
/// Largest packed body. With its content it has to find room in the pool that all bodies share.
pub(super) const MAX_PACKED: usize = 8 << 20;
/// What is lent at once. A body up to this size waits at most once with a part in hand, the first; so few may do so that bodies
/// cannot wait for each other.
const STEP: usize = 1 << 20;
/// The budget is waited for so long; then the sender is asked to come again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Content that is unpacked at once, before others have their turn.
const SLICE: usize = 64 << 10;

/// A whole body.
pub(super) struct Whole {
    pub(super) bytes: Vec<u8>,
    pub(super) reserved: Reservation,
}

/// Reads `incoming` to its end, at most `most` bytes of it; `declared` is what its head says.
pub(super) async fn collect(
    mut incoming: Incoming,
    declared: Option<u64>,
    most: usize,
    running: &Running,
    outlet: &Outlet,
) -> Result<Whole, Refusal> {
    if declared.is_some_and(|bytes| bytes > most as u64) {
        return Err(Refusal::TooLarge(most));
    }
    let declared = declared.map(|bytes| usize::try_from(bytes).unwrap_or(most));
    let mut place = outlet.filling.begin();
    // Lent before it is read, and no more than it has shown to fill: a head can promise anything. A body up to FIRST has it all at once.
    let mut lent = declared.map_or(FIRST, |bytes| bytes.min(FIRST));
    let mut reserved = lend(outlet, &mut place, lent, declared != Some(lent), running).await?;
    let mut bytes = Vec::with_capacity(lent);
    let begun = Instant::now();
    loop {
        let frame = tokio::select! {
            frame = timeout(HEAD, incoming.frame()) => frame.map_err(|_| Refusal::Slow)?,
            () = place.is_cut() => return Err(Refusal::Slow),
        };
        let Some(frame) = frame else { break };
        // Trailers say nothing that counts.
        let Ok(data) = frame.map_err(|_| Refusal::BrokeOff)?.into_data() else { continue };
        running.came(data.len() as u64);
        place.came(data.len());
        let length = bytes.len() + data.len();
        if length > most {
            return Err(Refusal::TooLarge(most));
        }
        if length > lent {
            let missing = length - lent;
            // A body up to STEP is lent the rest at once and can end; a larger one is believed as far as it came.
            let more = declared.map_or(lent, |bytes| bytes.saturating_sub(lent)).clamp(missing, STEP.max(missing));
            reserved.add(lend(outlet, &mut place, more, false, running).await?);
            lent += more;
            bytes.reserve_exact(lent - bytes.len());
        }
        bytes.extend_from_slice(&data);
        let passed = begun.elapsed();
        if passed > HEAD && (bytes.len() as u64) < LEAST_RATE * passed.as_secs() {
            return Err(Refusal::Slow);
        }
    }
    reserved.shrink(bytes.len());
    bytes.shrink_to_fit();
    Ok(Whole { bytes, reserved })
}

/// Unpacks a body. Its content is measured before it is kept: what would grow beyond `most` costs its reading, and no memory.
pub(super) async fn unpack(packed: Whole, packing: Packing, most: usize, outlet: &Outlet) -> Result<Whole, Refusal> {
    let mut scratch = vec![0; SLICE];
    let mut length = 0;
    let mut unpacker = Unpacker::of_bytes(packing, &packed.bytes);
    while unpacker.end().is_none() {
        length += read(&mut unpacker, &mut scratch)?;
        if length > most {
            return Err(Refusal::TooLarge(most));
        }
        tokio::task::yield_now().await;
    }
    if unpacker.end() != Some(&End::Whole) {
        return Err(Refusal::Packed);
    }
    let reserved = reserve(outlet, length).await?;
    let mut bytes = vec![0; length];
    let mut unpacker = Unpacker::of_bytes(packing, &packed.bytes);
    let mut at = 0;
    while at < length {
        let end = length.min(at + SLICE);
        at += match read(&mut unpacker, &mut bytes[at..end])? {
            0 => return Err(Refusal::Packed),
            read => read,
        };
        tokio::task::yield_now().await;
    }
    Ok(Whole { bytes, reserved })
}

fn read(unpacker: &mut Unpacker<&[u8]>, to: &mut [u8]) -> Result<usize, Refusal> {
    // Memory has no errors of its own; all that can be wrong is the content.
    unpacker.read(to).map_err(|_| Refusal::Packed)
}

/// Whoever waits for room waits for us: it is not the sender that is slow.
async fn lend(
    outlet: &Outlet,
    place: &mut Place,
    bytes: usize,
    in_part: bool,
    running: &Running,
) -> Result<Reservation, Refusal> {
    if let Some(reserved) = place.lend_now(bytes, in_part, outlet) {
        return Ok(reserved);
    }
    running.waits();
    let lent = timeout(PATIENCE, place.lend(bytes, in_part, outlet)).await;
    running.reads();
    lent.map_err(|_| Refusal::Busy)?.ok_or(Refusal::Ending)
}

async fn reserve(outlet: &Outlet, bytes: usize) -> Result<Reservation, Refusal> {
    match timeout(PATIENCE, socket::reserve(outlet, bytes)).await {
        Ok(Some(reserved)) => Ok(reserved),
        Ok(None) => Err(Refusal::Ending),
        Err(_) => Err(Refusal::Busy),
    }
}
