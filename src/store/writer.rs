//! The writer thread: commits enter a bounded queue, outcomes leave in their order. Never drops a commit while the disk may recover.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use super::{Commit, State, StoreError};
use crate::time::Timestamp;

/// First wait after a refused commit; doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Longest wait between two tries: a freed disk is noticed within it.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on the disk.
    Committed {
        /// Its number in this state.
        sequence: u64,
        /// From taking it to its being durable, waits included.
        duration: Duration,
    },
    /// The disk refuses; it is kept and tried again. Sent once for each new reason.
    NotDurable {
        /// When the first try failed: what came later is in memory only.
        since: Timestamp,
        /// What, where, remedy.
        error: String,
        /// What, in a few words.
        reason: String,
    },
    /// The database is damaged, or not the one that was gone on from: the writer ends, nothing more becomes durable.
    Lost {
        /// What, where, remedy.
        error: String,
        /// What, in a few words.
        reason: String,
    },
}

/// Owns the store on a thread of its own.
#[derive(Debug)]
pub struct Writer {
    commits: Option<Sender<Box<Commit>>>,
    /// Nothing is sent; dropping it ends a wait.
    stay: Option<Sender<()>>,
    outcomes: Receiver<Outcome>,
    thread: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Writer {
    /// Starts the thread. Stream the rows from `state` before, or from a [`super::Snapshot`]. One that could not be opened yet is tried again
    /// with its first commit.
    pub fn start(state: impl Into<State>) -> Result<Writer, StoreError> {
        let mut state = state.into();
        state.has_been_read();
        let (commits, incoming) = bounded(1);
        let (stay, stop) = bounded(0);
        let (outgoing, outcomes) = unbounded();
        let path = state.folder().to_path_buf();
        let thread = std::thread::Builder::new()
            .name("costtop-writer".to_owned())
            .spawn(move || Writing { state, stop, outgoing }.run(&incoming))
            .map_err(|source| StoreError::Io { path, what: "start its writer thread", source })?;
        Ok(Writer { commits: Some(commits), stay: Some(stay), outcomes, thread: Some(thread) })
    }

    /// Hands over a commit; blocks only while two others wait. Callers keep one in flight.
    pub fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let ended = || StoreError::Ended("it takes no more commits".to_owned());
        self.commits.as_ref().ok_or_else(ended)?.send(Box::new(commit)).map_err(|_| ended())
    }

    /// Outcomes, one [`Outcome::Committed`] for each commit in their order; closed when the writer ended.
    #[must_use]
    pub fn outcomes(&self) -> &Receiver<Outcome> {
        &self.outcomes
    }

    /// Writes what was handed over, empties the log, joins the thread. A disk that refuses is tried once more, not waited for.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), StoreError> {
        self.commits = None;
        self.stay = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(StoreError::Ended("it panicked".to_owned())),
            None => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Whoever wants the result calls `close`.
        let _ = self.join();
    }
}

struct Writing {
    state: State,
    stop: Receiver<()>,
    outgoing: Sender<Outcome>,
}

impl Writing {
    fn run(mut self, incoming: &Receiver<Box<Commit>>) -> Result<(), StoreError> {
        for commit in incoming {
            self.until_durable(&commit)?;
        }
        self.state.close()
    }

    fn until_durable(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let (start, mut wait, mut stopping) = (Instant::now(), FIRST_WAIT, false);
        let mut trouble: Option<(Timestamp, String)> = None;
        loop {
            let error = match self.state.commit(commit) {
                Ok(sequence) => {
                    self.tell(Outcome::Committed { sequence, duration: start.elapsed() });
                    return Ok(());
                }
                Err(error @ (StoreError::Damaged { .. } | StoreError::Moved { .. } | StoreError::Newer { .. })) => {
                    self.tell(Outcome::Lost { error: error.to_string(), reason: error.reason() });
                    return Err(error);
                }
                Err(error) if stopping => return Err(error),
                Err(error) => error,
            };
            let text = error.to_string();
            if trouble.as_ref().is_none_or(|(_, known)| *known != text) {
                let since = trouble.map_or_else(Timestamp::now, |(since, _)| since);
                self.tell(Outcome::NotDurable { since, error: text.clone(), reason: error.reason() });
                trouble = Some((since, text));
            }
            stopping = self.stop.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected);
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn tell(&self, outcome: Outcome) {
        // Nobody listening any more is no reason to stop writing.
        let _ = self.outgoing.send(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    #[test]
    fn closing_while_the_disk_refuses_tries_once_more_and_says_what_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        store.connection.pragma_update(None, "query_only", true).unwrap();
        let writer = Writer::start(store).unwrap();
        writer.commit(Commit { names: vec![(1, "one".to_owned())], ..Commit::default() }).unwrap();
        let refused = writer.outcomes().recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(matches!(refused, Outcome::NotDurable { .. }), "{refused:?}");
        let outcomes = writer.outcomes().clone();
        assert!(matches!(writer.close(), Err(StoreError::Sqlite { .. })));
        assert_eq!(outcomes.try_iter().count(), 0, "the same reason is told once");
        assert_eq!(Store::open(folder.path()).unwrap().1.sequence, 0);
    }
}
