//! Starting and stopping all sources. What to read enters, [`Event`]s leave through a bounded channel; this module reads nothing itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{io, net::SocketAddr};

use crossbeam_channel::{SendTimeoutError, Sender, bounded};

use super::access::{Access, AccessError};
use super::budget::ByteBudget;
use super::database::{self, Database, Manner};
use super::discover::Discovery;
use super::follow::{FollowOptions, Follower};
use super::http::filling::Filling;
use super::spec::{Spec, SpecError};
use super::watch::Watch;
use super::{Event, Position, SourceId, SourceState, SourceStatus, files, socket, stdin};
use crate::label::Label;

/// How often a sender whose channel is full looks whether it should stop.
const STOP_CHECK: Duration = Duration::from_millis(50);

/// A source as the operator named it.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// Its place in the list of sources.
    pub source: SourceId,
    /// As screens show it.
    pub name: Label,
    /// What it means.
    pub spec: Spec,
}

impl SourceSpec {
    /// Reads a SOURCE.
    pub fn parse(source: SourceId, text: &str) -> Result<SourceSpec, SourceError> {
        Ok(SourceSpec { source, name: Label::new(text), spec: Spec::parse(text)? })
    }
}

/// How sources are read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Read what is there, torn ends included, then end.
    pub once: bool,
    /// Let the system's watcher wake us. Off, everything still works, a second later at most.
    pub notify: bool,
    /// Skip what is there at the start (`--from end`); saved positions come first.
    pub from_end: bool,
    /// Where reading ended the last time.
    pub positions: Vec<Position>,
    /// The first number free for a generation; raised above those of `positions` if need be.
    pub next_generation: u32,
    /// Bytes of files on their way.
    pub budget: ByteBudget,
    /// Bytes of sockets, HTTP and stdin on their way. A pool of their own: they may be lent until a disk takes them, and files go on.
    pub streams: ByteBudget,
    /// What listeners ask of whoever comes.
    pub access: Access,
    /// A unix socket for questions over HTTP ([`super::Ask`]), which is no source.
    pub control: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            once: false,
            notify: true,
            from_end: false,
            positions: Vec::new(),
            next_generation: 1,
            budget: ByteBudget::default(),
            streams: ByteBudget::default(),
            access: Access::default(),
            control: None,
        }
    }
}

/// Why sources cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Not a SOURCE.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A one-shot command would never end.
    #[error("source '{0}' never ends: use it with the dashboard or 'costtop serve'")]
    Endless(Label),
    /// There is one standard input.
    #[error("source '-' is named twice: name it once")]
    StdinTwice,
    /// Somebody listens there.
    #[error("cannot listen on '{0}': another program does: stop it, or choose another path")]
    SocketInUse(PathBuf),
    /// A file that is no socket.
    #[error("cannot listen on '{0}': a file is there that is no socket: remove it, or choose another path")]
    NotASocket(PathBuf),
    /// Binding failed.
    #[error("cannot listen on '{0}' ({1}): choose another path, or create its folder")]
    Unix(PathBuf, io::Error),
    /// Binding failed.
    #[error("cannot listen on '{0}://{1}' ({2}): choose another port")]
    Tcp(&'static str, SocketAddr, io::Error),
    /// Not as anybody may come.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The system gives no thread or runtime.
    #[error("cannot start reading ({0}): check the limits of processes and open files")]
    System(#[from] io::Error),
}

/// What all reading threads share.
#[derive(Clone, Debug)]
pub(super) struct Outlet {
    pub(super) events: Sender<Event>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) budget: ByteBudget,
    pub(super) generations: Arc<AtomicU32>,
    /// Bodies that share the budget while they come in.
    pub(super) filling: Arc<Filling>,
    behind: Arc<AtomicUsize>,
    running: Arc<AtomicUsize>,
}

impl Outlet {
    /// The same for what comes in a stream.
    fn streams(&self, options: &Options) -> Outlet {
        Outlet { budget: options.streams.clone(), ..self.clone() }
    }

    /// Sends, however long the channel is full; `false` once it is time to stop.
    pub(super) fn send(&self, event: Event) -> bool {
        let mut event = event;
        while !self.stopped() {
            match self.events.send_timeout(event, STOP_CHECK) {
                Ok(()) => return true,
                Err(SendTimeoutError::Timeout(back)) => event = back,
                Err(SendTimeoutError::Disconnected(_)) => return false,
            }
        }
        false
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn next_generation(&self) -> u32 {
        self.generations.fetch_add(1, Ordering::Relaxed)
    }

    /// One thread has sent what was there at the start.
    pub(super) fn caught_up(&self) {
        if self.behind.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.send(Event::CaughtUp);
        }
    }

    /// One thread has nothing more to send, ever.
    pub(super) fn ended(&self) {
        if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.send(Event::Ended);
        }
    }
}

/// Running sources; dropping it stops them.
#[derive(Debug)]
pub struct Handle {
    stop: Arc<AtomicBool>,
    budgets: [ByteBudget; 2],
    wakes: Vec<Sender<()>>,
    net: Option<tokio::sync::watch::Sender<bool>>,
    threads: Vec<JoinHandle<()>>,
}

impl Handle {
    /// Stops all reading and waits for the threads. Bytes not yet sent stay in their files.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.budgets.iter().for_each(ByteBudget::close);
        for wake in &self.wakes {
            let _ = wake.try_send(()); // full: it is awake anyway
        }
        if let Some(net) = self.net.take() {
            let _ = net.send(true); // nobody listens: that thread has ended
        }
        for thread in self.threads.drain(..) {
            // A panic was printed by its thread; here it only means that it has ended.
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts reading. Everything that can be refused is refused here; what goes wrong later is a status.
pub fn start(specs: Vec<SourceSpec>, options: &Options, events: Sender<Event>) -> Result<Handle, SourceError> {
    let mut files = Vec::new();
    let mut listeners = Vec::new();
    let (mut databases, mut positions) = (Vec::new(), options.positions.clone());
    let mut standard = None;
    for SourceSpec { source, name, spec } in specs {
        if options.once && spec.is_listener() {
            return Err(SourceError::Endless(name));
        }
        options.access.guards(&name, &spec)?;
        match spec {
            Spec::Path(_) | Spec::Glob(_) => files.push((source, name, spec)),
            Spec::Database(path) => {
                // It speaks of rows, which is nothing for those who follow files.
                positions.retain(|position| position.path != path);
                databases.push(Database::new(source, name, path, &options.positions));
            }
            Spec::Stdin if standard.is_some() => return Err(SourceError::StdinTwice),
            Spec::Stdin => standard = Some((source, name)),
            Spec::Unix(path) => listeners.push((source, name, socket::Place::Unix(path))),
            Spec::UnixDatagram(path) => listeners.push((source, name, socket::Place::UnixDatagram(path))),
            Spec::Tcp(address) => listeners.push((source, name, socket::Place::Tcp(address))),
            Spec::Udp(address) => listeners.push((source, name, socket::Place::Udp(address))),
            Spec::Http(address) => listeners.push((source, name, socket::Place::Http(address))),
        }
    }
    let listens = !listeners.is_empty() || options.control.is_some();
    let kinds = [!files.is_empty(), !databases.is_empty(), standard.is_some(), listens];
    let kinds = kinds.into_iter().map(usize::from).sum::<usize>();
    let saved = options.positions.iter().map(|position| position.generation.saturating_add(1)).max();
    let outlet = Outlet {
        events,
        stop: Arc::default(),
        budget: options.budget.clone(),
        generations: Arc::new(AtomicU32::new(options.next_generation.max(saved.unwrap_or(0)))),
        filling: Arc::default(),
        behind: Arc::new(AtomicUsize::new(kinds.max(1))),
        running: Arc::new(AtomicUsize::new(kinds.max(1))),
    };
    let mut handle = Handle {
        stop: Arc::clone(&outlet.stop),
        budgets: [options.budget.clone(), options.streams.clone()],
        wakes: Vec::new(),
        net: None,
        threads: Vec::new(),
    };
    if listens {
        let (net, stopped) = tokio::sync::watch::channel(false);
        let bound = socket::bind(listeners, options.control.clone())?;
        let access = options.access.clone();
        let outlet = outlet.streams(options);
        handle.threads.push(named("net", move || socket::run(bound, &access, &outlet, stopped))?);
        handle.net = Some(net);
    }
    if let Some((source, name)) = standard {
        let outlet = outlet.streams(options);
        let once = options.once;
        handle.threads.push(named("stdin", move || stdin::run(&io::stdin(), source, &name, once, &outlet))?);
    }
    if kinds == 0 {
        let outlet = outlet.clone();
        handle.threads.push(named("sources", move || {
            outlet.caught_up();
            outlet.ended();
        })?);
    }
    if !databases.is_empty() {
        let (wake, stop) = bounded(1);
        let (outlet, once) = (outlet.clone(), options.once);
        let manner = Manner { once, skips: options.from_end, history: true };
        handle.threads.push(named("databases", move || database::run(databases, manner, &outlet, &stop))?);
        handle.wakes.push(wake);
    }
    if !files.is_empty() {
        handle.wakes.extend(start_files(files, positions, options, outlet, &mut handle.threads)?);
    }
    Ok(handle)
}

fn start_files(
    files: Vec<(SourceId, Label, Spec)>,
    positions: Vec<Position>,
    options: &Options,
    outlet: Outlet,
    threads: &mut Vec<JoinHandle<()>>,
) -> io::Result<Option<Sender<()>>> {
    let follow = FollowOptions {
        once: options.once,
        from_end: options.from_end,
        max_open: files::raise_open_limit(),
        ..FollowOptions::default()
    };
    let (stop, stopped) = bounded(1);
    let notify = options.notify && !options.once;
    threads.push(named("files", move || {
        let (watch, woken, trouble) = match notify.then(Watch::new) {
            Some(Ok((watch, woken))) => (Some(watch), Some(woken), None),
            Some(Err(trouble)) => (None, None, Some(trouble)),
            None => (None, None, None),
        };
        let first = files.first().map_or(0, |file| file.0);
        if let Some(text) = trouble {
            outlet.send(Event::Note { source: first, text });
        }
        let (generations, budget) = (Arc::clone(&outlet.generations), outlet.budget.clone());
        let follower = Follower::new(files, follow, &positions, generations, budget, Discovery::new(watch));
        files::run(follower, first, &outlet, woken, &stopped);
    })?);
    Ok(Some(stop))
}

fn named(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(body)
}

/// A status without byte totals to come: streams.
pub(super) fn stream_status(source: SourceId, name: &Label, state: SourceState, files: u64, read: u64) -> Event {
    Event::Status(SourceStatus {
        source,
        name: name.clone(),
        state,
        files,
        total_bytes: read,
        read_bytes: read,
        dropped: 0,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// For one reading thread.
    pub(in crate::source) fn outlet() -> (Outlet, crossbeam_channel::Receiver<Event>) {
        let (events, taken) = bounded(64);
        let one = || Arc::new(AtomicUsize::new(1));
        let outlet = Outlet {
            events,
            stop: Arc::default(),
            budget: ByteBudget::default(),
            generations: Arc::default(),
            filling: Arc::default(),
            behind: one(),
            running: one(),
        };
        (outlet, taken)
    }

    #[test]
    fn no_source_at_all_ends_at_once() {
        let (events, taken) = bounded(4);
        let _handle = start(Vec::new(), &Options::default(), events).unwrap();
        assert!(matches!(taken.recv(), Ok(Event::CaughtUp)));
        assert!(matches!(taken.recv(), Ok(Event::Ended)));
    }
}
