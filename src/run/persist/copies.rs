//! A copy of the state each day, beside the writer: time enters, a sentence leaves where one could not be made. It reads no commit.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::store::StoreError;
use crate::store::copy::{Copy, copies, copy};
use crate::time::{DAY_MS, Timestamp};

/// The newest copy is never much older.
const EVERY_MS: i64 = DAY_MS;
/// The clock is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// After a copy that could not be made, the next is tried this much later.
const AGAIN: Duration = Duration::from_secs(3600);

/// Makes copies on a thread of its own.
#[derive(Debug)]
pub(super) struct Copies {
    folder: PathBuf,
    newest: Option<Timestamp>,
    look: Instant,
    running: Option<JoinHandle<Result<Copy, StoreError>>>,
}

impl Copies {
    /// Of the state in `folder`. The first is due a minute later: what a state has lost by then is read again.
    pub fn new(folder: &Path) -> Copies {
        let newest = copies(folder).first().map(|copy| copy.made);
        Copies { folder: folder.to_owned(), newest, look: Instant::now() + LOOK_EVERY, running: None }
    }

    /// Begins a copy where one is due; a sentence where the last one failed.
    pub fn tick(&mut self, clock: Timestamp, now: Instant) -> Option<String> {
        if let Some(thread) = self.running.take_if(|thread| thread.is_finished()) {
            let failed = match thread.join() {
                Ok(Ok(copy)) => {
                    self.newest = Some(copy.made);
                    return None;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it ended by a panic".to_owned(),
            };
            self.look = now + AGAIN;
            return Some(format!("no copy of the state could be made: {failed}"));
        }
        if now < self.look || self.running.is_some() {
            return None;
        }
        self.look = now + LOOK_EVERY;
        // A clock that was set back makes the newest lie ahead: then one more is made.
        if self.newest.is_some_and(|newest| newest <= clock && clock < newest.plus_ms(EVERY_MS)) {
            return None;
        }
        let folder = self.folder.clone();
        let thread = std::thread::Builder::new().name("costtop-copy".to_owned());
        match thread.spawn(move || copy(&folder, clock)) {
            Ok(thread) => {
                self.running = Some(thread);
                None
            }
            Err(error) => {
                self.look = now + AGAIN;
                Some(format!("no copy of the state could be made: cannot start a thread ({error})"))
            }
        }
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        // A copy that is not whole is begun anew by the next one; but the file must not go on growing behind the process's back.
        if let Some(thread) = self.running.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Commit, Store};

    fn finished(copies: &mut Copies, clock: Timestamp, now: Instant) -> Option<String> {
        loop {
            let said = copies.tick(clock, now);
            if copies.running.is_none() {
                return said;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_copy_a_day_and_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(folder.path()).unwrap();
        store.commit(&Commit { names: vec![(1, "one".to_owned())], ..Commit::default() }).unwrap();
        let mut made = Copies::new(folder.path());
        let mut now = Instant::now();
        assert_eq!((made.tick(Timestamp::from_ms(0), now), made.running.is_none()), (None, true), "too early");
        for day in 1..=3 {
            now += LOOK_EVERY + AGAIN;
            let clock = Timestamp::from_ms(day * EVERY_MS);
            assert_eq!(finished(&mut made, clock, now), None);
            now += LOOK_EVERY;
            assert_eq!(finished(&mut made, clock.plus_ms(EVERY_MS - 1), now), None);
            assert_eq!(copies(folder.path())[0].made, clock, "one a day");
        }
        let kept: Vec<i64> = copies(folder.path()).iter().map(|copy| copy.made.ms() / EVERY_MS).collect();
        assert_eq!(kept, [3, 2]);
        drop(store);
        std::fs::write(folder.path().join("state.db"), "no database").unwrap();
        now += LOOK_EVERY + AGAIN;
        let said = finished(&mut made, Timestamp::from_ms(9 * EVERY_MS), now).expect("it says so");
        assert!(said.starts_with("no copy of the state could be made: "), "{said}");
        assert_eq!(copies(folder.path()).len(), 2, "what there was stays");
    }
}
