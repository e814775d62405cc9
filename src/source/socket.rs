//! Listening on unix sockets and TCP. Connections enter; lines leave here, HTTP is served next door; each connection of lines is a
//! generation of its own. Whoever sends faster than it is taken waits in its own write: nothing is dropped.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net as std_unix;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::TrySendError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::watch::Receiver;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{sleep, timeout};

use super::http::watch::{HEAD, IDLE, Watch};
use super::http::{self, Site};
use super::lines::{Cut, MAX_SOCKET_LINE, StreamCutter};
use super::start::{Outlet, SourceError, stream_status};
use super::{Chunk, Event, SourceId, SourceState};
use crate::label::Label;

/// Connections of one listener at once.
const MAX_CONNECTIONS: usize = 64;
/// Of these, of one address that is not this machine's own, whose programs share one.
const MAX_OF_ONE_ADDRESS: usize = 16;
/// A connection that only waits has its place for this long, however many others want one.
const UNDISTURBED: Duration = Duration::from_millis(500);
/// Bytes of one read; not above a line's cap, as [`StreamCutter`] asks.
const READ: usize = 64 << 10;
/// How often a full queue is tried again.
const RETRY: Duration = Duration::from_millis(2);
/// How long an exhausted listener pauses before it accepts again.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// Where to listen, and for what.
#[derive(Debug)]
pub(super) enum Place {
    /// Lines, on a path.
    Unix(PathBuf),
    /// Lines, on an address.
    Tcp(SocketAddr),
    /// HTTP, on an address.
    Http(SocketAddr),
}

/// A bound listener.
#[derive(Debug)]
pub(super) struct Bound {
    source: Option<SourceId>,
    name: Label,
    speaks: Protocol,
    listener: Listener,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Lines,
    Http,
}

#[derive(Debug)]
enum Listener {
    Unix(std_unix::UnixListener, Unlink),
    Tcp(std::net::TcpListener),
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A process of this user, or root.
    Unix(u32),
    /// An address.
    Tcp(IpAddr),
}

impl Peer {
    /// As it is recorded with what it does.
    pub(super) fn label(&self) -> Label {
        match self {
            Peer::Unix(user) => Label::new(&format!("unix uid {user}")),
            Peer::Tcp(address) => Label::new(&address.to_string()),
        }
    }
}

/// Removes our socket, and only ours, in the end.
#[derive(Debug)]
struct Unlink {
    path: PathBuf,
    inode: u64,
}

impl Drop for Unlink {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            // Gone already is as good.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Binds all, or says which cannot be. `control` is a path for questions over HTTP, which is no source.
pub(super) fn bind(places: Vec<(SourceId, Label, Place)>, control: Option<PathBuf>) -> Result<Vec<Bound>, SourceError> {
    let control = control.map(|path| {
        let name = Label::new(&path.to_string_lossy());
        Ok(Bound { source: None, name, speaks: Protocol::Http, listener: bind_unix(path)? })
    });
    let sources = places.into_iter().map(|(source, name, place)| {
        let (speaks, listener) = match place {
            Place::Unix(path) => (Protocol::Lines, bind_unix(path)?),
            Place::Tcp(address) => (Protocol::Lines, bind_tcp(address, "tcp")?),
            Place::Http(address) => (Protocol::Http, bind_tcp(address, "http")?),
        };
        Ok(Bound { source: Some(source), name, speaks, listener })
    });
    sources.chain(control).collect()
}

fn bind_tcp(address: SocketAddr, scheme: &'static str) -> Result<Listener, SourceError> {
    let refuse = |error| SourceError::Tcp(scheme, address, error);
    let listener = std::net::TcpListener::bind(address).map_err(refuse)?;
    listener.set_nonblocking(true).map_err(refuse)?;
    Ok(Listener::Tcp(listener))
}

fn bind_unix(path: PathBuf) -> Result<Listener, SourceError> {
    match fs::symlink_metadata(&path) {
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(SourceError::NotASocket(path)),
        Ok(_) if std_unix::UnixStream::connect(&path).is_ok() => return Err(SourceError::SocketInUse(path)),
        // Nobody answers: left over from a process that was killed.
        Ok(_) => fs::remove_file(&path).map_err(|error| SourceError::Unix(path.clone(), error))?,
        Err(_) => {} // nothing there, or bind says what is wrong
    }
    // The socket must never, not even for a moment, be open to others: the mask is set before it is made.
    // SAFETY: umask only sets a number of the process; other threads that make files now get stricter ones.
    let before = unsafe { libc::umask(0o177) };
    let bound = std_unix::UnixListener::bind(&path);
    // SAFETY: as above; the old mask is put back.
    unsafe { libc::umask(before) };
    let ready = || {
        let listener = bound?;
        listener.set_nonblocking(true)?;
        let inode = fs::symlink_metadata(&path)?.ino();
        Ok((listener, inode))
    };
    match ready() {
        Ok((listener, inode)) => Ok(Listener::Unix(listener, Unlink { path, inode })),
        Err(error) => Err(SourceError::Unix(path, error)),
    }
}

/// Serves all listeners until told to stop.
pub(super) fn run(bound: Vec<Bound>, outlet: &Outlet, mut stop: Receiver<bool>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            for Bound { source, name, .. } in &bound {
                if let Some(source) = source {
                    outlet.send(stream_status(*source, name, cannot_listen(&error), 0, 0));
                }
            }
            return outlet.caught_up();
        }
    };
    runtime.block_on(async {
        let mut listeners = JoinSet::new();
        for bound in bound {
            listeners.spawn(listen(bound, outlet.clone()));
        }
        outlet.caught_up();
        // An error means that the handle is gone, which is a wish to stop, too.
        let _ = stop.wait_for(|stop| *stop).await;
        listeners.shutdown().await;
    });
}

fn cannot_listen(error: &io::Error) -> SourceState {
    SourceState::Lost(format!("cannot listen ({error}): check the limit of open files"))
}

enum Accepting {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener),
}

impl Accepting {
    /// With a unix socket comes what removes it in the end.
    fn new(listener: Listener) -> io::Result<(Accepting, Option<Unlink>)> {
        Ok(match listener {
            Listener::Unix(listener, unlink) => {
                (Accepting::Unix(tokio::net::UnixListener::from_std(listener)?), Some(unlink))
            }
            Listener::Tcp(listener) => (Accepting::Tcp(tokio::net::TcpListener::from_std(listener)?), None),
        })
    }

    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Accepting::Unix(listener) => {
                let stream = listener.accept().await?.0;
                let peer = Peer::Unix(stream.peer_cred()?.uid());
                Ok((Box::new(stream), peer))
            }
            Accepting::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Answers are small, and somebody waits for each.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Peer::Tcp(address.ip().to_canonical())))
            }
        }
    }
}

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

type Stream = Box<dyn Duplex>;

/// The connections of one listener.
#[derive(Default)]
struct Door(HashMap<Id, Guest>);

struct Guest {
    peer: Peer,
    watch: Arc<Watch>,
    task: AbortHandle,
}

impl Door {
    /// Whether another connection of `peer` finds a place, one that only holds its own making room if need be.
    fn has_room_for(&mut self, peer: &Peer) -> bool {
        // SAFETY: geteuid has no arguments, cannot fail and touches no memory of ours.
        let user = unsafe { libc::geteuid() };
        match peer {
            Peer::Unix(other) => {
                if *other != user && *other != 0 {
                    return false;
                }
            }
            Peer::Tcp(address) if !address.is_loopback() => {
                let is_same = |guest: &&Guest| guest.peer == *peer;
                if self.0.values().filter(is_same).count() >= MAX_OF_ONE_ADDRESS && !self.make_room(is_same) {
                    return false;
                }
            }
            Peer::Tcp(_) => {}
        }
        self.0.len() < MAX_CONNECTIONS || self.make_room(|_| true)
    }

    /// The one that has wasted its place for the longest time goes.
    fn make_room(&mut self, may_go: impl Fn(&&Guest) -> bool) -> bool {
        let wasted = self.0.iter().filter(|(_, guest)| may_go(guest)).filter_map(|(id, guest)| {
            guest.watch.wastes().filter(|wasted| *wasted >= UNDISTURBED).map(|wasted| (wasted, *id))
        });
        let Some((_, id)) = wasted.max() else { return false };
        self.0.remove(&id).inspect(|guest| guest.task.abort()).is_some()
    }

    /// All places are taken by connections that work.
    fn is_full(&self) -> bool {
        self.0.len() >= MAX_CONNECTIONS && self.0.values().all(|guest| guest.watch.wastes().is_none())
    }
}

async fn listen(bound: Bound, outlet: Outlet) {
    let Bound { source, name, speaks, listener } = bound;
    let tell = |state, files, read| {
        let (outlet, status) = (outlet.clone(), source.map(|source| stream_status(source, &name, state, files, read)));
        async move {
            if let Some(status) = status {
                post(&outlet, status).await;
            }
        }
    };
    let (accepting, _unlink) = match Accepting::new(listener) {
        Ok(accepting) => accepting,
        Err(error) => return tell(cannot_listen(&error), 0, 0).await,
    };
    let read = Arc::new(AtomicU64::new(0));
    let site = (speaks == Protocol::Http).then(|| {
        let generation = outlet.next_generation();
        Arc::new(Site { source, generation, read: Arc::clone(&read), outlet: outlet.clone() })
    });
    let mut connections = JoinSet::new();
    let mut door = Door::default();
    let mut told = None;
    loop {
        let now = (connections.len() as u64, read.load(Ordering::Relaxed));
        if told != Some(now) {
            tell(SourceState::Live, now.0, now.1).await;
            told = Some(now);
        }
        tokio::select! {
            // Others wait in the kernel's queue.
            accepted = accepting.accept(), if !door.is_full() => match accepted {
                Ok((stream, peer)) => {
                    if !door.has_room_for(&peer) {
                        continue; // it is closed
                    }
                    let watch = Watch::new();
                    let task = match (&site, source) {
                        (Some(site), _) => {
                            connections.spawn(http::serve(stream, peer.clone(), Arc::clone(&watch), Arc::clone(site)))
                        }
                        (None, Some(source)) => {
                            let line = Line { source, generation: outlet.next_generation(), read: Arc::clone(&read) };
                            connections.spawn(serve(stream, line, Arc::clone(&watch), outlet.clone()))
                        }
                        (None, None) => continue,
                    };
                    door.0.insert(task.id(), Guest { peer, watch, task });
                }
                // Descriptors may be short, or the peer went before we came.
                Err(_) => sleep(ACCEPT_RETRY).await,
            },
            Some(ended) = connections.join_next_with_id() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                door.0.remove(&id);
            }
            () = sleep(Duration::from_secs(1)) => {}
        }
    }
}

struct Line {
    source: SourceId,
    generation: u32,
    read: Arc<AtomicU64>,
}

impl Line {
    fn chunk(&self, cut: Cut, ends: bool, reserved: Option<super::budget::Reservation>) -> Event {
        let Cut { offset, bytes, too_long } = cut;
        Event::Chunk(Chunk {
            bytes,
            too_long,
            longest_line: MAX_SOCKET_LINE as u64,
            ends,
            history: false,
            reserved,
            ..Chunk::empty(self.source, self.generation, offset)
        })
    }
}

async fn serve(mut stream: Stream, line: Line, watch: Arc<Watch>, outlet: Outlet) {
    let mut cutter = StreamCutter::new(MAX_SOCKET_LINE);
    let mut buffer = vec![0; READ];
    let mut patience = HEAD;
    loop {
        // Quiet for too long, broken, or closed: either way its last bytes are handed over.
        let Ok(Ok(read @ 1..)) = timeout(patience, stream.read(&mut buffer)).await else { break };
        if patience == HEAD {
            patience = IDLE;
            watch.works();
        }
        line.read.fetch_add(read as u64, Ordering::Relaxed);
        let Some(cut) = cutter.push(&buffer[..read]) else { continue };
        let Some(reserved) = reserve(&outlet, cut.bytes.len()).await else { return };
        if !post(&outlet, line.chunk(cut, false, Some(reserved))).await {
            return;
        }
    }
    post(&outlet, line.chunk(cutter.finish(), true, None)).await;
}

/// Waits for bytes of the budget without holding up the other connections.
pub(super) async fn reserve(outlet: &Outlet, bytes: usize) -> Option<super::budget::Reservation> {
    while !outlet.stopped() {
        if let Some(reserved) = outlet.budget.try_acquire(bytes) {
            return Some(reserved);
        }
        sleep(RETRY).await;
    }
    None
}

/// Waits for a place in the channel without holding up the other connections.
pub(super) async fn post(outlet: &Outlet, event: Event) -> bool {
    let mut event = event;
    while !outlet.stopped() {
        match outlet.events.try_send(event) {
            Ok(()) => return true,
            Err(TrySendError::Full(back)) => event = back,
            Err(TrySendError::Disconnected(_)) => return false,
        }
        sleep(RETRY).await;
    }
    false
}
