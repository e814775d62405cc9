//! Listening on unix sockets and loopback TCP. Newline-framed bytes enter, whole lines leave; each connection is a generation of its own.
//! Whoever sends faster than lines are taken waits in its own write: nothing is dropped.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net as std_unix;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::TrySendError;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::lines::{Cut, MAX_SOCKET_LINE, StreamCutter};
use super::start::{Outlet, SourceError, stream_status};
use super::{Chunk, Event, SourceId, SourceState};
use crate::label::Label;

/// Connections of one listener at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;
/// A connection that sends nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(300);
/// Bytes of one read; not above a line's cap, as [`StreamCutter`] asks.
const READ: usize = 64 << 10;
/// How often a full queue is tried again.
const RETRY: Duration = Duration::from_millis(2);
/// How long an exhausted listener pauses before it accepts again.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// Where to listen.
#[derive(Debug)]
pub(super) enum Place {
    /// A path.
    Unix(PathBuf),
    /// A loopback address.
    Tcp(SocketAddr),
}

/// A bound listener.
#[derive(Debug)]
pub(super) struct Bound {
    source: SourceId,
    name: Label,
    listener: Listener,
}

#[derive(Debug)]
enum Listener {
    Unix(std_unix::UnixListener, Unlink),
    Tcp(std::net::TcpListener),
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

/// Binds all, or says which cannot be.
pub(super) fn bind(places: Vec<(SourceId, Label, Place)>) -> Result<Vec<Bound>, SourceError> {
    places
        .into_iter()
        .map(|(source, name, place)| {
            let listener = match place {
                Place::Unix(path) => bind_unix(path)?,
                Place::Tcp(address) => {
                    let refuse = |error| SourceError::Tcp(address, error);
                    let listener = std::net::TcpListener::bind(address).map_err(refuse)?;
                    listener.set_nonblocking(true).map_err(refuse)?;
                    Listener::Tcp(listener)
                }
            };
            Ok(Bound { source, name, listener })
        })
        .collect()
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
                let text = format!("cannot listen ({error}): check the limit of open files");
                outlet.send(stream_status(*source, name, SourceState::Lost(text), 0, 0));
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

enum Accepting {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener),
}

async fn listen(bound: Bound, outlet: Outlet) {
    let Bound { source, name, listener } = bound;
    let (accepting, _unlink) = match listener {
        Listener::Unix(listener, unlink) => {
            (tokio::net::UnixListener::from_std(listener).map(Accepting::Unix), Some(unlink))
        }
        Listener::Tcp(listener) => (tokio::net::TcpListener::from_std(listener).map(Accepting::Tcp), None),
    };
    let accepting = match accepting {
        Ok(accepting) => accepting,
        Err(error) => {
            let text = format!("cannot listen ({error}): check the limit of open files");
            post(&outlet, stream_status(source, &name, SourceState::Lost(text), 0, 0)).await;
            return;
        }
    };
    let read = Arc::new(AtomicU64::new(0));
    let mut connections = JoinSet::new();
    let mut told = None;
    loop {
        let now = (connections.len() as u64, read.load(Ordering::Relaxed));
        if told != Some(now) {
            post(&outlet, stream_status(source, &name, SourceState::Live, now.0, now.1)).await;
            told = Some(now);
        }
        tokio::select! {
            accepted = accept(&accepting), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok(stream) => {
                    let line = Line { source, generation: outlet.next_generation(), read: Arc::clone(&read) };
                    connections.spawn(serve(stream, line, outlet.clone()));
                }
                // Descriptors may be short, or the peer went before we came.
                Err(_) => sleep(ACCEPT_RETRY).await,
            },
            Some(_) = connections.join_next() => {}
            () = sleep(Duration::from_secs(1)) => {}
        }
    }
}

type Stream = Box<dyn AsyncRead + Send + Unpin>;

async fn accept(listener: &Accepting) -> io::Result<Stream> {
    Ok(match listener {
        Accepting::Unix(listener) => Box::new(listener.accept().await?.0),
        Accepting::Tcp(listener) => Box::new(listener.accept().await?.0),
    })
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

async fn serve(mut stream: Stream, line: Line, outlet: Outlet) {
    let mut cutter = StreamCutter::new(MAX_SOCKET_LINE);
    let mut buffer = vec![0; READ];
    loop {
        // Quiet for too long, broken, or closed: either way its last bytes are handed over.
        let Ok(Ok(read @ 1..)) = timeout(IDLE, stream.read(&mut buffer)).await else { break };
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
async fn reserve(outlet: &Outlet, bytes: usize) -> Option<super::budget::Reservation> {
    while !outlet.stopped() {
        if let Some(reserved) = outlet.budget.try_acquire(bytes) {
            return Some(reserved);
        }
        sleep(RETRY).await;
    }
    None
}

/// Waits for a place in the channel without holding up the other connections.
async fn post(outlet: &Outlet, event: Event) -> bool {
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
