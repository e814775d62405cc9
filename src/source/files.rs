//! The loop around the [`Follower`]: the only place that waits, wakes and reads the clock for files. It decides when to look, never what a file is.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, after, never, select};

use super::follow::{Follower, Look};
use super::start::Outlet;
use super::{Event, SourceId};

/// Files that grew lately are looked at this often; with a dead watcher this and [`FULL`] bound the delay.
const HOT: Duration = Duration::from_millis(250);
/// Everything is looked at this often, names included.
const FULL: Duration = Duration::from_secs(1);
/// Names that come in bursts are listed at most this often.
const NAMES: Duration = Duration::from_millis(50);
/// Statuses are sent at most this often.
const STATUS: Duration = Duration::from_millis(100);
/// Looks, at the start, that may go by until copies are told from what they are copies of.
const SETTLING: u32 = 8;
/// After a wake-up, writes that come at once share one look.
const GATHER: Duration = Duration::from_millis(1);

/// Follows until told to stop, or, once, until everything is read.
pub(super) fn run(
    mut follower: Follower,
    first: SourceId,
    outlet: &Outlet,
    woken: Option<Receiver<()>>,
    stop: &Receiver<()>,
) {
    let once = follower.is_once();
    let woken = woken.unwrap_or_else(never);
    let mut behind = true;
    let mut full_at: Option<Instant> = None;
    let mut status_at: Option<Instant> = None;
    let mut names_wanted = false;
    let mut settling = 0;
    while !outlet.stopped() {
        let now = Instant::now();
        let hints = follower.discovery().watch().map(super::watch::Watch::take).unwrap_or_default();
        if let Some(text) = hints.trouble {
            outlet.send(Event::Note { source: first, text });
        }
        names_wanted |= hints.names;
        let since_full = full_at.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
        let everything = since_full >= FULL || names_wanted && since_full >= NAMES || once || settling > 0;
        let look = if everything {
            Look::Everything
        } else if hints.written.is_empty() {
            Look::Hot
        } else {
            Look::Named(&hints.written)
        };
        if everything {
            full_at = Some(now);
            names_wanted = false;
        }
        let mut last_status = status_at;
        let going = {
            let mut sink = |event| outlet.send(event);
            follower.poll(now, look, &mut sink)
        };
        let mut caught_up = !follower.has_more();
        if behind && caught_up && settling < SETTLING && follower.is_unsettled() {
            settling += 1;
            caught_up = false;
        }
        let now = Instant::now();
        if caught_up || last_status.is_none_or(|at| now.saturating_duration_since(at) >= STATUS) {
            let recent = last_status.is_some_and(|at| now.saturating_duration_since(at) < STATUS);
            if !recent || behind && caught_up {
                for status in follower.statuses() {
                    outlet.send(Event::Status(status));
                }
                last_status = Some(now);
            }
        }
        status_at = last_status;
        if !going {
            return;
        }
        if caught_up && std::mem::take(&mut behind) {
            settling = 0;
            outlet.caught_up();
        }
        if once && caught_up {
            return outlet.ended();
        }
        if !caught_up {
            continue;
        }
        let to_full = FULL.saturating_sub(full_at.map_or(FULL, |at| at.elapsed()));
        let mut pause = if follower.is_hot(now) { to_full.min(HOT) } else { to_full };
        if names_wanted {
            pause = pause.min(NAMES);
        }
        select! {
            recv(woken) -> message => if message.is_ok() { std::thread::sleep(GATHER) },
            recv(stop) -> _ => return,
            recv(after(pause)) -> _ => {}
        }
    }
}

/// Raises the soft limit of open files to the hard one; how many descriptors files may hold: under half of it.
pub(super) fn raise_open_limit() -> usize {
    /// Nobody follows more at once, and some systems answer a hard limit that cannot be had.
    const ENOUGH: libc::rlim_t = 65_536;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the struct is valid and lives through the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return 100;
    }
    let wanted = limit.rlim_max.min(ENOUGH);
    if limit.rlim_cur < wanted {
        let raised = libc::rlimit { rlim_cur: wanted, rlim_max: limit.rlim_max };
        // SAFETY: as above; refused, the old limit stays in force.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
            limit.rlim_cur = wanted;
        }
    }
    usize::try_from(limit.rlim_cur.min(ENOUGH) / 2).map_or(100, |half| half.saturating_sub(16).max(8))
}
