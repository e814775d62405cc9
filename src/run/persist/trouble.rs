//! Why nothing is durable, and since when: what the store says enters, what an operator must know leaves.

use crate::store::StoreError;
use crate::time::{DAY_MS, Timestamp, Zone};

/// What keeps commits from the disk, if anything does.
#[derive(Debug, Default)]
pub(super) struct Trouble(Option<Cause>);

#[derive(Debug)]
struct Cause {
    since: Timestamp,
    /// What, where, remedy.
    error: String,
    /// What, in a few words.
    reason: String,
}

impl Trouble {
    /// Whether nothing is durable.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// Since when, and why.
    pub fn known(&self) -> Option<(Timestamp, &str)> {
        self.0.as_ref().map(|cause| (cause.since, cause.error.as_str()))
    }

    /// A commit could not even be handed over; the first cause stands.
    pub fn began(&mut self, error: &StoreError, since: Timestamp) {
        self.0.get_or_insert_with(|| Cause { since, error: error.to_string(), reason: error.reason() });
    }

    /// The disk refuses commits, since the start or since the first of several reasons; a sentence where it is another one than before.
    pub fn refused(&mut self, since: Timestamp, error: String, reason: String) -> Option<String> {
        let (since, is_known) = match self.0.take() {
            Some(before) => (before.since.min(since), before.error == error),
            None => (since, false),
        };
        let sentence = format!("state is not durable: {error}");
        self.0 = Some(Cause { since, error, reason });
        (!is_known).then_some(sentence)
    }

    /// No commit will be made any more.
    pub fn lost(&mut self, error: String, reason: String, now: Timestamp) -> String {
        let sentence = format!("state is not durable any more: {error}");
        let since = self.0.as_ref().map_or(now, |before| before.since);
        self.0 = Some(Cause { since, error, reason });
        sentence
    }

    /// A commit is on the disk; a sentence where that is news.
    pub fn over(&mut self) -> Option<String> {
        self.0.take().map(|_| "state is durable again".to_owned())
    }

    /// `not durable since 14:02: disk full`, in the header's words.
    pub fn note(&self, zone: Zone, now: Timestamp) -> Option<String> {
        self.0.as_ref().map(|Cause { since, reason, .. }| {
            let is_today = now.ms() - since.ms() < DAY_MS;
            let since = zone.format(*since, if is_today { "%H:%M" } else { "%Y-%m-%d %H:%M" });
            format!("not durable since {since}: {reason}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(trouble: &mut Trouble, at: i64, error: &str) -> Option<String> {
        trouble.refused(Timestamp::from_ms(at), error.to_owned(), error.to_owned())
    }

    #[test]
    fn a_reason_is_told_once_and_the_first_says_since_when() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.over(), None, "nothing was wrong");
        assert_eq!(refused(&mut trouble, 60_000, "full").as_deref(), Some("state is not durable: full"));
        assert_eq!(refused(&mut trouble, 90_000, "full"), None);
        assert_eq!(refused(&mut trouble, 99_000, "read-only").as_deref(), Some("state is not durable: read-only"));
        assert_eq!(trouble.known(), Some((Timestamp::from_ms(60_000), "read-only")));
        let lost = trouble.lost("gone".to_owned(), "gone".to_owned(), Timestamp::from_ms(120_000));
        assert_eq!(lost, "state is not durable any more: gone");
        let note = |trouble: &Trouble, at: i64| trouble.note(Zone::UTC, Timestamp::from_ms(at));
        assert_eq!(note(&trouble, 120_000).as_deref(), Some("not durable since 00:01: gone"));
        assert_eq!(note(&trouble, 60_000 + DAY_MS).as_deref(), Some("not durable since 1970-01-01 00:01: gone"));
        assert_eq!(trouble.over().as_deref(), Some("state is durable again"));
        assert_eq!((trouble.is_there(), note(&trouble, 0)), (false, None));
    }
}
