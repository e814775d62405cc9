//! Agent runs and conversations: when each began, whose it is, how many turns, how much money.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::Post;
use super::changed::Changed;
use super::names::{NONE, NameId, ProfileId};
use super::varint::{put_signed, put_varint, take_signed, take_u32};
use crate::money::Money;
use crate::time::Timestamp;

/// One session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its first charge.
    pub first: Timestamp,
    /// Its last charge.
    pub last: Timestamp,
    /// The dimensions of its first charge.
    pub profile: ProfileId,
    /// Requests in it.
    pub turns: i64,
    /// Money spent in it.
    pub cost: Money,
}

/// All sessions by name.
#[derive(Debug, Default)]
pub struct Sessions {
    all: HashMap<NameId, Session, FxBuildHasher>,
    /// Sessions with at least one turn.
    live: u64,
    changed: Option<Changed<NameId>>,
}

impl Sessions {
    /// Empty.
    #[must_use]
    pub fn new(collect_changes: bool) -> Sessions {
        Sessions { changed: collect_changes.then(Changed::default), ..Sessions::default() }
    }

    /// Adds a difference.
    pub fn post(&mut self, post: &Post) {
        if post.session == NONE {
            return;
        }
        if let Some(changed) = &mut self.changed {
            changed.add(post.session);
        }
        let cost = if post.sign < 0 { -post.sums.cost() } else { post.sums.cost() };
        let session = self.all.entry(post.session).or_insert(Session {
            first: post.time,
            last: post.time,
            profile: post.profile,
            turns: 0,
            cost: Money::ZERO,
        });
        let before = session.turns;
        session.turns += post.sign * post.sums.requests;
        session.cost += cost;
        if post.sign > 0 {
            if post.time < session.first || before == 0 {
                session.first = post.time;
                session.profile = post.profile;
            }
            session.last = session.last.max(post.time);
        }
        match (before > 0, session.turns > 0) {
            (false, true) => self.live += 1,
            (true, false) => self.live -= 1,
            _ => {}
        }
    }

    /// Sessions with at least one turn.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.live
    }

    /// One session.
    #[must_use]
    pub fn get(&self, id: NameId) -> Option<&Session> {
        self.all.get(&id).filter(|session| session.turns > 0)
    }

    /// Every session with at least one turn.
    pub fn iter(&self) -> impl Iterator<Item = (NameId, &Session)> {
        self.all.iter().filter(|(_, session)| session.turns > 0).map(|(id, session)| (*id, session))
    }

    /// The saved form of every session changed since the last call.
    pub fn take_changed(&mut self) -> Vec<(NameId, Vec<u8>)> {
        let ids = self.changed.as_mut().map(Changed::take).unwrap_or_default();
        ids.into_iter().filter_map(|id| self.all.get(&id).map(|session| (id, save(session)))).collect()
    }

    /// Puts a saved session back; `false` for bytes that are none.
    pub fn load(&mut self, id: NameId, mut bytes: &[u8]) -> bool {
        let Some(session) = load(&mut bytes) else { return false };
        self.live += u64::from(session.turns > 0);
        self.all.insert(id, session);
        true
    }
}

fn save(session: &Session) -> Vec<u8> {
    let mut out = Vec::with_capacity(40);
    put_signed(session.first.ms(), &mut out);
    put_signed(session.last.ms() - session.first.ms(), &mut out);
    put_varint(session.profile.into(), &mut out);
    put_signed(session.turns, &mut out);
    out.extend_from_slice(&session.cost.pico().to_le_bytes());
    out
}

fn load(bytes: &mut &[u8]) -> Option<Session> {
    let first = take_signed(bytes)?;
    let last = first.checked_add(take_signed(bytes)?)?;
    let profile = take_u32(bytes)?;
    let turns = take_signed(bytes)?;
    let cost = bytes.first_chunk::<16>()?;
    Some(Session {
        first: Timestamp::from_ms(first),
        last: Timestamp::from_ms(last),
        profile,
        turns,
        cost: Money::from_pico(i128::from_le_bytes(*cost)),
    })
}
