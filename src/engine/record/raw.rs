//! Names and terms as a log wrote them, but for credentials: a usage enters, bytes beside its batch leave, and back for those who print it.

use crate::engine::varint::{put_varint, take_u32, take_varint};
use crate::label::redact;
use crate::usage::Usage;

/// What a record is called and under which terms it ran: text as it stood in the log but for credentials, for those who print it back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawNames {
    /// Request, response and call id, session, and the request this one repeats.
    pub ids: [Vec<u8>; 5],
    /// Region, data residency, Vertex location, inference geography, speed.
    pub terms: [Vec<u8>; 5],
    /// The most output tokens asked for; 0 is unknown.
    pub max_tokens: u32,
}

impl RawNames {
    /// Appends the saved form of what `usage` says: its length, then each text with its length.
    pub(super) fn save(usage: &Usage<'_>, out: &mut Vec<u8>) {
        let (ids, terms) = (&usage.ids, &usage.terms);
        let mut body = Vec::new();
        for text in [
            ids.request,
            ids.response,
            ids.call,
            usage.dimensions.session,
            usage.retry_of,
            terms.region,
            terms.data_residency,
            terms.vertex_location,
            terms.inference_geo,
            terms.speed,
        ] {
            let bytes = text.bytes();
            let bytes = redact(&bytes);
            put_varint(bytes.len() as u64, &mut body);
            body.extend_from_slice(&bytes);
        }
        put_varint(usage.max_tokens.into(), &mut body);
        out.extend_from_slice(&(body.len() as u32).to_le_bytes());
        out.extend_from_slice(&body);
    }

    /// The call id's place; request and response stand before it.
    pub const CALL: usize = 2;
    /// Bytes before a saved form that tell its length.
    pub const HEAD: usize = 4;

    /// Reads a saved form without its length; `None` for other bytes.
    #[must_use]
    pub fn load(mut bytes: &[u8]) -> Option<RawNames> {
        let bytes = &mut bytes;
        let mut names = RawNames::default();
        for text in names.ids.iter_mut().chain(&mut names.terms) {
            let length = usize::try_from(take_varint(bytes)?).ok()?;
            let (taken, rest) = bytes.split_at_checked(length)?;
            text.extend_from_slice(taken);
            *bytes = rest;
        }
        names.max_tokens = take_u32(bytes)?;
        Some(names)
    }
}
