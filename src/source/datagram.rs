//! Datagrams: a record each, on a unix socket or over UDP. Whole lines leave. A unix sender waits while its datagrams are not taken; what
//! comes over UDP too fast is lost in the kernel, which counts it, and the count is handed on.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram as StdUnix;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::budget::Reservation;
use super::socket::{Teller, post, reserve};
use super::start::Outlet;
use super::{Chunk, Event, SourceId, SourceState};

/// Largest record on a unix socket.
const MAX_UNIX: usize = 64 << 10;
/// Largest record over UDP: beyond it networks cut datagrams into parts, and lose them whole.
const MAX_UDP: usize = 8 << 10;
/// Records that wait in one chunk, in bytes.
const CHUNK: usize = 256 << 10;
/// What the kernel is asked to hold of a socket; it gives what `net.core.rmem_max` allows.
const HELD: libc::c_int = 4 << 20;
/// `SO_MEMINFO` of Linux, and the place of the drops in it.
const SO_MEMINFO: libc::c_int = 55;
const DROPS: usize = 8;
/// How often losses are looked at while nothing comes.
const LOOK: Duration = Duration::from_secs(1);
/// How long a broken socket is left alone.
const RETRY: Duration = Duration::from_millis(200);

/// A bound socket.
#[derive(Debug)]
pub(super) enum Datagrams {
    Unix(StdUnix),
    Udp(std::net::UdpSocket),
}

impl Datagrams {
    pub(super) fn udp(address: SocketAddr) -> io::Result<Datagrams> {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        widen(socket.as_raw_fd());
        Ok(Datagrams::Udp(socket))
    }

    pub(super) fn unix(socket: StdUnix) -> io::Result<Datagrams> {
        socket.set_nonblocking(true)?;
        widen(socket.as_raw_fd());
        Ok(Datagrams::Unix(socket))
    }
}

enum Socket {
    Unix(tokio::net::UnixDatagram),
    Udp(tokio::net::UdpSocket),
}

impl Socket {
    fn new(bound: Datagrams) -> io::Result<Socket> {
        Ok(match bound {
            Datagrams::Unix(socket) => Socket::Unix(tokio::net::UnixDatagram::from_std(socket)?),
            Datagrams::Udp(socket) => Socket::Udp(tokio::net::UdpSocket::from_std(socket)?),
        })
    }

    async fn readable(&self) -> io::Result<()> {
        match self {
            Socket::Unix(socket) => socket.readable().await,
            Socket::Udp(socket) => socket.readable().await,
        }
    }

    fn take(&self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.try_recv(to),
            Socket::Udp(socket) => socket.try_recv(to),
        }
    }

    const fn most(&self) -> usize {
        match self {
            Socket::Unix(_) => MAX_UNIX,
            Socket::Udp(_) => MAX_UDP,
        }
    }

    /// Datagrams that the kernel has dropped since the socket was made. Those of a unix socket are never dropped.
    fn dropped(&self) -> u32 {
        match self {
            Socket::Unix(_) => 0,
            Socket::Udp(socket) => drops(socket.as_raw_fd()),
        }
    }
}

/// A larger buffer, where the system gives one: a smaller one is no error, what overflows is counted.
fn widen(socket: RawFd) {
    let (held, length) = (HELD, size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: a valid pointer to one number, and the length says so.
    unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, (&raw const held).cast(), length) };
}

#[cfg(target_os = "linux")]
fn drops(socket: RawFd) -> u32 {
    let mut info = [0u32; 9];
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: a valid pointer to nine numbers, and the length says so; the kernel writes no more.
    let got =
        unsafe { libc::getsockopt(socket, libc::SOL_SOCKET, SO_MEMINFO, info.as_mut_ptr().cast(), &raw mut length) };
    if got == 0 { info[DROPS] } else { 0 }
}

/// Other systems do not tell.
#[cfg(not(target_os = "linux"))]
fn drops(_: RawFd) -> u32 {
    0
}

/// Takes datagrams until it is time to stop, and tells how much came.
pub(super) async fn serve(bound: Datagrams, source: SourceId, outlet: &Outlet, teller: &Teller) -> io::Result<()> {
    let socket = Socket::new(bound)?;
    let most = socket.most();
    let mut taking = Taking { source, generation: outlet.next_generation(), offset: 0, known: 0 };
    // One byte more than a record may have, or a longer one would look as if it had just that.
    let mut buffer = vec![0; most + 1];
    let (mut read, mut dropped) = (0, 0);
    teller.tell(SourceState::Live, 1, (0, 0)).await;
    loop {
        match timeout(LOOK, socket.readable()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(_)) => sleep(RETRY).await,
        }
        // Lent before anything is taken: what waits in the kernel makes a unix sender wait.
        let Some(mut reserved) = reserve(outlet, CHUNK).await else { return Ok(()) };
        let mut bytes = Vec::new();
        let mut too_long = 0;
        while bytes.len() + most < CHUNK {
            match socket.take(&mut buffer) {
                Ok(length) if length > most => too_long += 1,
                Ok(length) => {
                    bytes.extend_from_slice(&buffer[..length]);
                    if bytes.last().is_some_and(|byte| *byte != b'\n') {
                        bytes.push(b'\n');
                    }
                }
                // Nothing there, or trouble that the next look finds again.
                Err(_) => break,
            }
        }
        let lost = u64::from(socket.dropped().wrapping_sub(taking.known));
        if bytes.is_empty() && too_long == 0 && lost == 0 {
            continue;
        }
        reserved.shrink(bytes.len());
        read += bytes.len() as u64;
        dropped += lost;
        if !post(outlet, taking.chunk(bytes, too_long, lost, most, reserved)).await {
            return Ok(());
        }
        teller.tell(SourceState::Live, 1, (read, dropped)).await;
    }
}

struct Taking {
    source: SourceId,
    generation: u32,
    offset: u64,
    /// Drops that were handed on, as the kernel counts them.
    known: u32,
}

impl Taking {
    fn chunk(&mut self, bytes: Vec<u8>, too_long: u64, dropped: u64, most: usize, reserved: Reservation) -> Event {
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        self.known = self.known.wrapping_add(dropped as u32);
        Event::Chunk(Chunk {
            bytes,
            too_long,
            dropped,
            longest_line: most as u64,
            history: false,
            reserved: Some(reserved),
            ..Chunk::empty(self.source, self.generation, offset)
        })
    }
}
