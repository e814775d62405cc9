//! Listening on sockets. Connections enter; lines leave here, HTTP is served next door; each connection of lines is a
//! generation of its own. Whoever sends faster than it is taken waits in its own write: nothing is dropped.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net as std_unix;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::TrySendError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::watch::Receiver;
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::access::Access;
use super::datagram::{self, Datagrams};
use super::http::watch::{HEAD, IDLE, Watch};
use super::http::{self, Site};
use super::lines::{Cut, MAX_SOCKET_LINE, StreamCutter};
use super::spec::Address;
use super::start::{Outlet, SourceError, stream_status};
use super::{Chunk, Event, SourceId, SourceState, SourceStatus};
use crate::label::Label;

/// Connections of one listener at once.
const MAX_CONNECTIONS: usize = 64;
/// Of these, of one address that is not this machine's own, whose programs share one.
const MAX_OF_ONE_ADDRESS: usize = 16;
/// Connections that wait in the kernel: whoever finds no place there tries again after a whole second.
const BACKLOG: libc::c_int = 1024;
/// Bytes of one read; not above a line's cap, as [`StreamCutter`] asks.
const READ: usize = 64 << 10;
/// How often a full queue is tried again.
const RETRY: Duration = Duration::from_millis(2);
/// How often a listener of HTTP with all places taken looks whether one can be had.
const FULL_RETRY: Duration = Duration::from_millis(2);
/// How often the state of a listener is told at most: a flood of connections is no flood of news.
const TELL: Duration = Duration::from_millis(100);
/// How often a path is tried again where the disk takes no socket.
const BIND_RETRY: Duration = Duration::from_secs(2);
/// How long an exhausted listener pauses before it accepts again.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// Where to listen, and for what.
#[derive(Debug)]
pub(super) enum Place {
    /// Lines, on a path.
    Unix(PathBuf),
    /// A record in each datagram, on a path.
    UnixDatagram(PathBuf),
    /// Lines, on an address.
    Tcp(Address),
    /// A record in each datagram, on an address.
    Udp(SocketAddr),
    /// HTTP, on an address.
    Http(Address),
}

/// A bound listener.
#[derive(Debug)]
pub(super) struct Bound {
    source: Option<SourceId>,
    name: Label,
    speaks: Protocol,
    listener: Listener,
    /// Of a unix socket: removes it in the end.
    _unlink: Option<Unlink>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Lines { tls: bool },
    Http { tls: bool },
}

#[derive(Debug)]
enum Listener {
    Unix(std_unix::UnixListener),
    Tcp(std::net::TcpListener),
    Datagrams(Datagrams),
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A process of this user, or root.
    Unix(u32),
    /// An address, and whose token was shown.
    Tcp(IpAddr, Option<Label>),
}

impl Peer {
    /// As it is recorded with what it does.
    pub(super) fn label(&self) -> Label {
        match self {
            Peer::Unix(user) => Label::new(&format!("unix uid {user}")),
            Peer::Tcp(address, None) => Label::new(&address.to_string()),
            Peer::Tcp(address, Some(holder)) => Label::new(&format!("{holder} at {address}")),
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

/// What [`run`] serves.
#[derive(Debug)]
pub(super) struct Listeners {
    bound: Vec<Bound>,
    /// Where the disk takes no socket yet.
    unbound: Option<(PathBuf, SourceError)>,
}

/// Binds all, or says which cannot be. `control` is a path for questions over HTTP, which is no source; a disk that takes no socket there is
/// waited for.
pub(super) fn bind(places: Vec<(SourceId, Label, Place)>, control: Option<PathBuf>) -> Result<Listeners, SourceError> {
    let (control, unbound) = match control.map(|path| (bind_control(path.clone()), path)) {
        Some((Err(error @ SourceError::Unix(..)), path)) => (None, Some((path, error))),
        Some((bound, _)) => (Some(bound), None),
        None => (None, None),
    };
    let sources = places.into_iter().map(|(source, name, place)| {
        let lines = Protocol::Lines { tls: false };
        let (speaks, (listener, unlink)) = match place {
            Place::Unix(path) => (lines, bind_unix(path, stream).map(|(listener, unlink)| (listener, Some(unlink)))?),
            Place::UnixDatagram(path) => {
                let datagrams =
                    |path: &Path| Ok(Listener::Datagrams(Datagrams::unix(std_unix::UnixDatagram::bind(path)?)?));
                (lines, bind_unix(path, datagrams).map(|(listener, unlink)| (listener, Some(unlink)))?)
            }
            Place::Tcp(Address { at, tls }) => {
                (Protocol::Lines { tls }, (bind_tcp(at, if tls { "tls" } else { "tcp" })?, None))
            }
            Place::Udp(at) => {
                let bound = Datagrams::udp(at).map_err(|error| SourceError::Tcp("udp", at, error))?;
                (lines, (Listener::Datagrams(bound), None))
            }
            Place::Http(Address { at, tls }) => {
                (Protocol::Http { tls }, (bind_tcp(at, if tls { "https" } else { "http" })?, None))
            }
        };
        Ok(Bound { source: Some(source), name, speaks, listener, _unlink: unlink })
    });
    Ok(Listeners { bound: sources.chain(control).collect::<Result<_, _>>()?, unbound })
}

fn bind_control(path: PathBuf) -> Result<Bound, SourceError> {
    let name = Label::new(&path.to_string_lossy());
    let (listener, unlink) = bind_unix(path, stream)?;
    Ok(Bound { source: None, name, speaks: Protocol::Http { tls: false }, listener, _unlink: Some(unlink) })
}

fn stream(path: &Path) -> io::Result<Listener> {
    let listener = std_unix::UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(Listener::Unix(listener))
}

fn bind_tcp(address: SocketAddr, scheme: &'static str) -> Result<Listener, SourceError> {
    let refuse = |error| SourceError::Tcp(scheme, address, error);
    let listener = std::net::TcpListener::bind(address).map_err(refuse)?;
    listener.set_nonblocking(true).map_err(refuse)?;
    // SAFETY: a descriptor that is open; the call only makes its queue longer, and where it cannot, the queue stays as it is.
    unsafe { libc::listen(listener.as_raw_fd(), BACKLOG) };
    Ok(Listener::Tcp(listener))
}

fn bind_unix(path: PathBuf, bind: impl Fn(&Path) -> io::Result<Listener>) -> Result<(Listener, Unlink), SourceError> {
    match fs::symlink_metadata(&path) {
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(SourceError::NotASocket(path)),
        Ok(_) if somebody_listens(&path) => return Err(SourceError::SocketInUse(path)),
        // Nobody answers: left over from a process that was killed.
        Ok(_) => fs::remove_file(&path).map_err(|error| SourceError::Unix(path.clone(), error))?,
        Err(_) => {} // nothing there, or bind says what is wrong
    }
    // The socket must never, not even for a moment, be open to others: the mask is set before it is made.
    // SAFETY: umask only sets a number of the process; other threads that make files now get stricter ones.
    let before = unsafe { libc::umask(0o177) };
    let bound = bind(&path);
    // SAFETY: as above; the old mask is put back.
    unsafe { libc::umask(before) };
    match bound.and_then(|listener| Ok((listener, fs::symlink_metadata(&path)?.ino()))) {
        Ok((listener, inode)) => Ok((listener, Unlink { path, inode })),
        Err(error) => Err(SourceError::Unix(path, error)),
    }
}

/// A socket of either kind refuses the other kind, and both refuse when their process is gone.
fn somebody_listens(path: &Path) -> bool {
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    let stream = std_unix::UnixStream::connect(path).map(drop);
    let datagram = std_unix::UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    stream.is_ok() || datagram.is_ok() || !(stream.is_err_and(refused) || datagram.is_err_and(refused))
}

/// Serves all listeners until told to stop.
pub(super) fn run(listeners: Listeners, access: &Access, outlet: &Outlet, mut stop: Receiver<bool>) {
    let Listeners { bound, unbound } = listeners;
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
            listeners.spawn(listen(bound, access.clone(), outlet.clone()));
        }
        if let Some((path, error)) = unbound {
            let text = format!("orders from a shell are not heard yet: {error}");
            post(outlet, Event::Note { source: 0, text }).await;
            listeners.spawn(listen_when_possible(path, access.clone(), outlet.clone()));
        }
        outlet.caught_up();
        // An error means that the handle is gone, which is a wish to stop, too.
        let _ = stop.wait_for(|stop| *stop).await;
        listeners.shutdown().await;
    });
}

async fn listen_when_possible(path: PathBuf, access: Access, outlet: Outlet) {
    loop {
        sleep(BIND_RETRY).await;
        if let Ok(bound) = bind_control(path.clone()) {
            return listen(bound, access, outlet).await;
        }
    }
}

fn cannot_listen(error: &io::Error) -> SourceState {
    SourceState::Lost(format!("cannot listen ({error}): check the limit of open files"))
}

enum Accepting {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener),
}

impl Accepting {
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
                Ok((Box::new(stream), Peer::Tcp(address.ip().to_canonical(), None)))
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
            Peer::Tcp(address, _) if !address.is_loopback() => {
                let is_same = |guest: &&Guest| guest.peer == *peer;
                if self.0.values().filter(is_same).count() >= MAX_OF_ONE_ADDRESS && !self.make_room(is_same) {
                    return false;
                }
            }
            Peer::Tcp(..) => {}
        }
        self.0.len() < MAX_CONNECTIONS || self.make_room(|_| true)
    }

    /// The one that wastes its place most goes.
    fn make_room(&mut self, may_go: impl Fn(&&Guest) -> bool) -> bool {
        let wasted = self
            .0
            .iter()
            .filter(|(_, guest)| may_go(guest))
            .filter_map(|(id, guest)| guest.watch.wastes().map(|wasted| (wasted, *id)));
        let Some((_, id)) = wasted.max() else { return false };
        self.0.remove(&id).inspect(|guest| guest.task.abort()).is_some()
    }

    /// All places are taken by connections that work.
    fn is_full(&self) -> bool {
        self.0.len() >= MAX_CONNECTIONS && self.0.values().all(|guest| guest.watch.wastes().is_none())
    }
}

/// Tells how a listener is doing; of one that is no source, nothing.
pub(super) struct Teller {
    source: Option<SourceId>,
    name: Label,
    outlet: Outlet,
}

impl Teller {
    /// Its state, its connections, and what came: bytes read, datagrams dropped.
    pub(super) async fn tell(&self, state: SourceState, files: u64, (read, dropped): (u64, u64)) {
        let Some(source) = self.source else { return };
        if let Event::Status(status) = stream_status(source, &self.name, state, files, read) {
            post(&self.outlet, Event::Status(SourceStatus { dropped, ..status })).await;
        }
    }
}

async fn listen(bound: Bound, access: Access, outlet: Outlet) {
    let Bound { source, name, speaks, listener, _unlink } = bound;
    let teller = Teller { source, name, outlet: outlet.clone() };
    let accepting = match listener {
        Listener::Unix(listener) => tokio::net::UnixListener::from_std(listener).map(Accepting::Unix),
        Listener::Tcp(listener) => tokio::net::TcpListener::from_std(listener).map(Accepting::Tcp),
        Listener::Datagrams(bound) => {
            let Some(source) = source else { return };
            if let Err(error) = datagram::serve(bound, source, &outlet, &teller).await {
                teller.tell(cannot_listen(&error), 0, (0, 0)).await;
            }
            return;
        }
    };
    let accepting = match accepting {
        Ok(accepting) => accepting,
        Err(error) => return teller.tell(cannot_listen(&error), 0, (0, 0)).await,
    };
    let read = Arc::new(AtomicU64::new(0));
    let (site, tls) = match speaks {
        Protocol::Http { tls } => {
            let (generation, read) = (outlet.next_generation(), Arc::clone(&read));
            let site = Site { source, generation, read, access: access.clone(), outlet: outlet.clone() };
            (Some(Arc::new(site)), access.http_tls().filter(|_| tls))
        }
        Protocol::Lines { tls } => (None, access.lines_tls().filter(|_| tls)),
    };
    let mut connections = JoinSet::new();
    let mut door = Door::default();
    let mut told = None;
    loop {
        let now = (connections.len() as u64, read.load(Ordering::Relaxed));
        let mut news = told.is_none_or(|(before, _)| before != now);
        if news && told.is_none_or(|(_, at): (_, Instant)| at.elapsed() >= TELL) {
            teller.tell(SourceState::Live, now.0, (now.1, 0)).await;
            told = Some((now, Instant::now()));
            news = false;
        }
        let full = door.is_full();
        // A connection of lines that works goes on working until it ends.
        let pause = match (full && site.is_some(), news) {
            (true, _) => FULL_RETRY,
            (false, true) => TELL,
            (false, false) => Duration::from_secs(1),
        };
        tokio::select! {
            // Others wait in the kernel's queue.
            accepted = accepting.accept(), if !full => match accepted {
                Ok((stream, peer)) => {
                    if !door.has_room_for(&peer) {
                        continue; // it is closed
                    }
                    let watch = Watch::new();
                    let arrival = arrive(stream, tls.clone());
                    let task = match (&site, source) {
                        (Some(site), _) => {
                            let (peer, watch, site) = (peer.clone(), Arc::clone(&watch), Arc::clone(site));
                            connections.spawn(async move {
                                if let Some(stream) = arrival.await {
                                    http::serve(stream, peer, watch, site).await;
                                }
                            })
                        }
                        (None, Some(source)) => {
                            let line = Line { source, generation: outlet.next_generation(), read: Arc::clone(&read) };
                            let (watch, outlet) = (Arc::clone(&watch), outlet.clone());
                            connections.spawn(async move {
                                if let Some(stream) = arrival.await {
                                    serve(stream, line, watch, outlet).await;
                                }
                            })
                        }
                        (None, None) => continue,
                    };
                    door.0.insert(task.id(), Guest { peer, watch, task });
                    // It is heard before others can take its place: a flood of mute ones shuts out nobody who speaks at once.
                    tokio::task::yield_now().await;
                }
                // Descriptors may be short, or the peer went before we came.
                Err(_) => sleep(ACCEPT_RETRY).await,
            },
            Some(ended) = connections.join_next_with_id() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                door.0.remove(&id);
            }
            () = sleep(pause) => {}
        }
    }
}

/// The stream, once TLS is agreed on where it is spoken; `None` if it is not in time.
async fn arrive(stream: Stream, tls: Option<TlsAcceptor>) -> Option<Stream> {
    let Some(tls) = tls else { return Some(stream) };
    match timeout(HEAD, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(_)) | Err(_) => None,
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
