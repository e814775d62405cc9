//! Standard input as a source: one stream, read to its end. Bytes enter, whole lines leave; a slow reader makes the writer wait.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::lines::{Cut, MAX_FILE_LINE, StreamCutter};
use super::start::{Outlet, stream_status};
use super::{Chunk, Event, SourceId, SourceState};
use crate::label::Label;

/// Bytes of one read.
const READ: usize = 256 << 10;
/// How long a quiet input is waited for before looking whether to stop, in milliseconds.
const STOP_CHECK_MS: i32 = 100;

/// Reads `input` until it ends or it is time to stop.
pub(super) fn run(input: &impl AsFd, source: SourceId, name: &Label, once: bool, outlet: &Outlet) {
    let generation = outlet.next_generation();
    let status = |state, read| outlet.send(stream_status(source, name, state, 1, read));
    status(SourceState::Live, 0);
    if !once {
        // What a pipe holds at the start cannot be told from what comes: nothing of it is history.
        outlet.caught_up();
    }
    let send = |cut: Cut, ends, reserved| {
        let Cut { offset, bytes, too_long } = cut;
        outlet.send(Event::Chunk(Chunk {
            bytes,
            too_long,
            longest_line: MAX_FILE_LINE,
            ends,
            history: once,
            reserved,
            ..Chunk::empty(source, generation, offset)
        }))
    };
    let mut cutter = StreamCutter::new(MAX_FILE_LINE as usize);
    let mut buffer = vec![0; READ];
    let mut total = 0;
    let end = loop {
        match wait(input) {
            Ok(false) if outlet.stopped() => return,
            Ok(false) => continue,
            Ok(true) => {}
            Err(error) => break SourceState::Lost(format!("cannot read standard input ({error}): start again")),
        }
        let Some(mut reserved) = outlet.budget.acquire(READ) else { return };
        let read = match read(input, &mut buffer) {
            Ok(0) => break SourceState::Ended,
            Ok(read) => read,
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => continue,
            Err(error) => break SourceState::Lost(format!("cannot read standard input ({error}): start again")),
        };
        total += read as u64;
        if let Some(cut) = cutter.push(&buffer[..read]) {
            reserved.shrink(cut.bytes.len());
            if !send(cut, false, Some(reserved)) {
                return;
            }
        }
    };
    send(cutter.finish(), true, None);
    status(end, total);
    if once {
        outlet.caught_up();
    }
    outlet.ended();
}

/// Whether something can be read (or the end was reached) within a moment.
fn wait(input: &impl AsFd) -> io::Result<bool> {
    let mut asked = libc::pollfd { fd: input.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd, and the count says so.
    match unsafe { libc::poll(&raw mut asked, 1, STOP_CHECK_MS) } {
        0 => Ok(false),
        1.. => Ok(true),
        _ => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            error => Err(error),
        },
    }
}

/// read(2) past the standard library's buffer, which poll(2) would not know of.
fn read(input: &impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is valid for writes of its length.
    let read = unsafe { libc::read(input.as_fd().as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::start::tests::outlet;
    use std::io::Write;

    #[test]
    fn a_pipe_is_read_to_its_torn_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let (outlet, events) = outlet();
        let thread = std::thread::spawn(move || run(&reader, 3, &Label::new("-"), true, &outlet));
        writer.write_all(b"one\ntw").unwrap();
        writer.write_all(b"o\ntorn").unwrap();
        drop(writer);
        thread.join().unwrap();
        let events: Vec<Event> = events.try_iter().collect();
        let bytes: Vec<u8> = events
            .iter()
            .flat_map(|event| if let Event::Chunk(chunk) = event { chunk.bytes.clone() } else { Vec::new() })
            .collect();
        assert_eq!(bytes, b"one\ntwo\ntorn");
        let [.., Event::Status(status), Event::CaughtUp, Event::Ended] = &events[..] else { panic!("{events:?}") };
        assert_eq!((status.state.clone(), status.read_bytes), (SourceState::Ended, 12));
    }
}
