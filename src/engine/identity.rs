//! Which names of a request are good, and their 128-bit keyed hashes (docs/ledger.md). Raw ids enter, hashes leave; never a cleaned label.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use super::record::Place;
use crate::time::Timestamp;
use crate::usage::{Origin, RawText, Twin, Usage, is_global};

/// Ids shorter than this are hashed in one piece.
const WHOLE: usize = 64;

/// Bits of [`RecordIds::links`]: by which ids a record finds its group.
pub mod link {
    /// By its response id.
    pub const RESPONSE: u8 = 1;
    /// By its request id.
    pub const REQUEST: u8 = 2;
    /// By response and request id together.
    pub const PAIR: u8 = 4;
    /// By its third id (call or span).
    pub const CALL: u8 = 8;
    /// By its fourth id (span beside a call).
    pub const SPAN: u8 = 16;
    /// It had no id; its place names it.
    pub const PLACE: u8 = 32;
    /// Its third and fourth id are what it counted: equal requests share them.
    pub const TWIN: u8 = 64;
}

/// The hashed names of one record; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordIds {
    /// The provider's answer.
    pub response: u128,
    /// The request.
    pub request: u128,
    /// The gateway's call, or the place of a record without ids.
    pub call: u128,
    /// Trace and span.
    pub span: u128,
    /// Which of them link; see [`link`].
    pub links: u8,
}

impl RecordIds {
    /// Both halves of a (response, request) pair are there.
    #[must_use]
    pub const fn is_pair(&self) -> bool {
        self.response != 0 && self.request != 0
    }

    /// A request that others are equal to is told from them by its response id alone.
    #[must_use]
    pub const fn is_twin(&self) -> bool {
        self.links & link::TWIN != 0
    }

    /// The hash under which a pair of short ids is found.
    #[must_use]
    pub const fn pair(&self) -> u128 {
        self.response.rotate_left(41) ^ self.request.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }

    /// The hashes by which this record finds its group.
    #[inline]
    #[must_use]
    pub fn linking(&self) -> Linking<'_> {
        // A place is kept where a call's id is.
        let call = if self.links & link::PLACE == 0 { 0 } else { link::CALL };
        Linking { ids: self, left: self.links & (link::PLACE - 1) | call }
    }

    /// Whether `hash` is one of the linking ids.
    #[must_use]
    pub fn links_by(&self, hash: u128) -> bool {
        self.linking().any(|own| own == hash)
    }
}

/// The linking ids of one record, in the order of their bits; mostly there is one.
#[derive(Clone, Debug)]
pub struct Linking<'a> {
    ids: &'a RecordIds,
    left: u8,
}

impl Iterator for Linking<'_> {
    type Item = u128;

    #[inline]
    fn next(&mut self) -> Option<u128> {
        let bit = self.left & self.left.wrapping_neg();
        self.left ^= bit;
        match bit {
            link::RESPONSE => Some(self.ids.response),
            link::REQUEST => Some(self.ids.request),
            link::PAIR => Some(self.ids.pair()),
            link::CALL => Some(self.ids.call),
            link::SPAN => Some(self.ids.span),
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
#[repr(u8)]
enum Space {
    Response = 1,
    Request = 2,
    Call = 3,
    Span = 4,
    ScopedResponse = 5,
    ScopedRequest = 6,
    ScopedCall = 7,
    ScopedSpan = 8,
    Place = 9,
    Body = 10,
    Points = 11,
    Session = 12,
    Producer = 13,
    Twin = 14,
}

/// The key of the hashes: random for each state, so that hostile ids cannot be made to collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityKey(pub u64, pub u64);

impl IdentityKey {
    /// A key no other process has.
    #[must_use]
    pub fn random() -> IdentityKey {
        use std::hash::{BuildHasher, RandomState};
        let (one, two) = (RandomState::new(), RandomState::new());
        IdentityKey(one.hash_one(1u8), two.hash_one(2u8))
    }

    /// The names of a record by the rules of docs/ledger.md.
    #[must_use]
    pub fn identify(&self, usage: &Usage<'_>, place: Place) -> RecordIds {
        let ids = &usage.ids;
        if usage.origin == Origin::Metrics {
            return self.identify_points(usage);
        }
        let mut out = RecordIds::default();
        let session = usage.dimensions.session;
        let (response, request) =
            if usage.cache_hit { (RawText::NONE, RawText::NONE) } else { (ids.response, ids.request) };
        let (response, request) = (Name::of(response), Name::of(request));
        let pair = response.exists() && request.exists();
        let request_is_good = request.long || (ids.own_request && request.exists());
        if response.exists() {
            if pair || response.long {
                out.response = self.hash(Space::Response, &response.bytes, RawText::NONE);
                out.links |= if response.long { link::RESPONSE } else { 0 };
            } else if !session.is_empty() {
                out.response = self.hash(Space::ScopedResponse, &response.bytes, session);
                out.links |= link::RESPONSE;
            }
        }
        if request.exists() {
            if pair || request_is_good {
                out.request = self.hash(Space::Request, &request.bytes, RawText::NONE);
                out.links |= if request_is_good { link::REQUEST } else { 0 };
            } else if !session.is_empty() {
                out.request = self.hash(Space::ScopedRequest, &request.bytes, session);
                out.links |= link::REQUEST;
            }
        }
        // Also beside an own request id: others know the same pair without knowing that.
        if pair && !response.long && !request.long {
            out.links |= link::PAIR;
        }
        if let Some(hash) = self.single(Space::Call, Space::ScopedCall, ids.call, session) {
            out.call = hash;
            out.links |= link::CALL;
        }
        if let Some(hash) = self.single(Space::Span, Space::ScopedSpan, ids.span, session) {
            out.span = hash;
            out.links |= link::SPAN;
        }
        if out.links == link::RESPONSE
            && let Some(twin) = &usage.twin
        {
            self.identify_twin(twin, &mut out);
        }
        if out.links == 0 {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&place.generation.to_le_bytes());
            bytes[4..12].copy_from_slice(&place.offset.to_le_bytes());
            bytes[12..].copy_from_slice(&place.index.to_le_bytes());
            out = RecordIds {
                call: self.hash(Space::Place, &bytes, RawText::NONE),
                links: link::PLACE,
                ..RecordIds::default()
            };
        }
        out
    }

    /// By what it counted a record finds those of the same request that call it otherwise. Without a name of its own it would be taken for
    /// its equals, so it has one.
    fn identify_twin(&self, twin: &Twin<'_>, out: &mut RecordIds) {
        let mut bytes = [0; 20];
        for (place, count) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(twin.counts) {
            *place = count.to_le_bytes();
        }
        let [one, other] =
            twin.sessions.map(|session| if session.is_empty() { 0 } else { self.hash(Space::Twin, &bytes, session) });
        if one != 0 {
            (out.call, out.links) = (one, out.links | link::CALL | link::TWIN);
        }
        if one != 0 && other != 0 && one != other {
            (out.span, out.links) = (other, out.links | link::SPAN);
        }
    }

    /// Points of counters: found by what they have in common, told apart by which of them were there. What may void them stands where
    /// requests have their id, and does not link.
    fn identify_points(&self, usage: &Usage<'_>) -> RecordIds {
        let points = |name: RawText<'_>| self.hash(Space::Points, &name.bytes(), RawText::NONE);
        let [session, producer] = self.scopes(usage);
        // Nobody speaks for what names neither.
        let scope = [session, producer, 1].into_iter().find(|scope| *scope != 0).unwrap_or(1);
        RecordIds {
            request: scope,
            call: points(usage.ids.call),
            span: points(usage.ids.span),
            links: link::CALL,
            ..RecordIds::default()
        }
    }

    /// What a record of a request speaks for, so that counters over the same count no more: its session, and what exported it. 0 is none.
    #[must_use]
    pub fn scopes(&self, usage: &Usage<'_>) -> [u128; 2] {
        let of = |space, name: RawText<'_>| {
            if name.is_empty() { 0 } else { self.hash(space, &name.bytes(), RawText::NONE) }
        };
        [of(Space::Session, usage.dimensions.session), of(Space::Producer, usage.producer)]
    }

    /// The hash of a posted body.
    #[must_use]
    pub fn body(&self, bytes: &[u8]) -> u128 {
        self.hash(Space::Body, bytes, RawText::NONE)
    }

    /// The name of a record without ids in a posted body: the body, since when it is known, and the record's place in it.
    #[must_use]
    pub fn in_body(&self, body: u128, since: Timestamp, index: u32) -> RecordIds {
        let mut bytes = [0; 28];
        bytes[..16].copy_from_slice(&body.to_le_bytes());
        bytes[16..24].copy_from_slice(&since.ms().to_le_bytes());
        bytes[24..].copy_from_slice(&index.to_le_bytes());
        RecordIds { call: self.hash(Space::Place, &bytes, RawText::NONE), links: link::PLACE, ..RecordIds::default() }
    }

    #[inline]
    fn single(&self, global: Space, scoped: Space, id: RawText<'_>, session: RawText<'_>) -> Option<u128> {
        if id.is_empty() {
            return None;
        }
        let name = Name::of(id);
        if !name.exists() {
            None
        } else if name.long {
            Some(self.hash(global, &name.bytes, RawText::NONE))
        } else {
            (!session.is_empty()).then(|| self.hash(scoped, &name.bytes, session))
        }
    }

    fn hash(&self, space: Space, bytes: &[u8], session: RawText<'_>) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        // In one piece it is hashed by whole words.
        let mut whole = [0; WHOLE];
        if let Some(place) = whole.get_mut(1..=bytes.len())
            && session.is_empty()
        {
            place.copy_from_slice(bytes);
            whole[0] = space as u8;
            hasher.write(&whole[..=bytes.len()]);
            return hasher.finish128().as_u128().max(1);
        }
        hasher.write_u8(space as u8);
        hasher.write(bytes);
        if !session.is_empty() {
            hasher.write_u8(0);
            hasher.write(&session.bytes());
        }
        hasher.finish128().as_u128().max(1)
    }
}

/// An id's bytes and whether it is good beyond its session.
struct Name<'a> {
    bytes: std::borrow::Cow<'a, [u8]>,
    long: bool,
}

impl<'a> Name<'a> {
    fn of(id: RawText<'a>) -> Name<'a> {
        if id.is_empty() || id.is(b"0") {
            return Name { bytes: std::borrow::Cow::Borrowed(b""), long: false };
        }
        let bytes = id.bytes();
        let long = is_global(&bytes);
        Name { bytes, long }
    }

    fn exists(&self) -> bool {
        !self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::{Dimensions, Ids};

    const KEY: IdentityKey = IdentityKey(1, 2);

    fn ids(response: &'static str, request: &'static str, session: &'static str, own: bool) -> RecordIds {
        let raw = |text: &'static str| RawText::plain(text.as_bytes());
        let usage = Usage {
            ids: Ids { response: raw(response), request: raw(request), own_request: own, ..Ids::default() },
            dimensions: Dimensions { session: raw(session), ..Dimensions::default() },
            ..Usage::default()
        };
        KEY.identify(&usage, Place { generation: 1, offset: 2, index: 3 })
    }

    #[test]
    fn long_ids_are_good_everywhere_short_ones_in_their_session() {
        assert_eq!(ids("msg_01ABCDEFGHIJ", "", "a", false), ids("msg_01ABCDEFGHIJ", "", "b", false));
        assert_ne!(ids("msg_1", "", "a", false), ids("msg_1", "", "b", false));
        assert_eq!(ids("msg_1", "", "a", false), ids("msg_1", "", "a", false));
        assert_eq!(ids("msg_1", "", "", false).links, link::PLACE);
        assert_eq!(ids("msg_01ABCDEFGHI", "", "a", false).links, link::RESPONSE, "eleven after the prefix: scoped");
        assert_ne!(ids("msg_01ABCDEFGHI", "", "a", false), ids("msg_01ABCDEFGHI", "", "b", false));
    }

    #[test]
    fn a_pair_of_short_ids_is_good_everywhere_but_only_as_a_pair() {
        let pair = ids("msg_1", "req_1", "a", false);
        assert_eq!(pair, ids("msg_1", "req_1", "b", false));
        assert_eq!(pair.links, link::PAIR);
        assert_ne!(pair.pair(), ids("req_1", "msg_1", "b", false).pair());
    }

    #[test]
    fn own_request_ids_are_good_at_any_length_and_empty_ones_are_none() {
        assert_eq!(ids("", "7", "a", true), ids("", "7", "b", true));
        assert_eq!(ids("", "7", "a", true).links, link::REQUEST);
        for none in ["", "0"] {
            assert_eq!(ids("", none, "a", true).links, link::PLACE, "{none:?}");
        }
        assert_ne!(ids("0123456789abcdef", "", "", false).response, ids("", "0123456789abcdef", "", false).request);
    }

    #[test]
    fn a_hash_depends_on_the_bytes_alone_however_they_are_handed_over() {
        for length in 0..2 * WHOLE {
            let id = vec![b'x'; length];
            let mut hasher = SipHasher13::new_with_keys(KEY.0, KEY.1);
            hasher.write(&[Space::Call as u8]);
            for byte in &id {
                hasher.write(&[*byte]);
            }
            assert_eq!(KEY.hash(Space::Call, &id, RawText::NONE), hasher.finish128().as_u128(), "{length}");
        }
    }

    #[test]
    fn linking_ids_come_in_the_order_of_their_bits() {
        let ids = RecordIds { response: 1, request: 2, call: 3, span: 4, links: 0 };
        for links in 0..=u8::MAX {
            let has = |bits: u8| links & bits != 0;
            let expected = [
                (has(link::RESPONSE), 1),
                (has(link::REQUEST), 2),
                (has(link::PAIR), ids.pair()),
                (has(link::CALL | link::PLACE), 3),
                (has(link::SPAN), 4),
            ];
            let expected: Vec<u128> = expected.into_iter().filter_map(|(on, hash)| on.then_some(hash)).collect();
            assert_eq!(RecordIds { links, ..ids }.linking().collect::<Vec<_>>(), expected, "{links:#b}");
        }
    }

    #[test]
    fn a_gateway_hit_is_its_call_alone() {
        let usage = Usage {
            cache_hit: true,
            ids: Ids {
                response: RawText::plain(b"chatcmpl-0123456789ab"),
                call: RawText::plain(b"call-0123456789ab"),
                ..Ids::default()
            },
            ..Usage::default()
        };
        assert_eq!(KEY.identify(&usage, Place::default()).links, link::CALL);
    }
}
