//! Cutting bytes into whole lines. Bytes as they were read enter, whole lines leave; nothing longer than a line may be is ever held.

use memchr::{memchr, memrchr};

/// Longest line in a file or on stdin, newline not counted.
pub const MAX_FILE_LINE: u64 = 16 << 20;
/// Longest line on a socket.
pub const MAX_SOCKET_LINE: usize = 256 << 10;
/// A run of at least so many NUL bytes is a hole that a crash or a truncation left; fewer stay in their line and are judged there.
pub const HOLE: usize = 4;
/// More holes in one read are not the work of a crash; the rest stays in its lines.
const MAX_HOLES: usize = 64;

/// Leading NUL bytes.
#[must_use]
pub fn leading_nuls(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len())
}

/// The parts of `bytes` between its holes, as ranges. Leading NULs are a hole whatever their number.
#[must_use]
pub fn between_holes(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut parts = Vec::new();
    let mut start = leading_nuls(bytes);
    let mut at = start;
    while parts.len() < MAX_HOLES {
        let Some(nul) = memchr(0, &bytes[at..]).map(|found| at + found) else { break };
        let run = leading_nuls(&bytes[nul..]);
        let opens_line = nul == start || bytes[nul - 1] == b'\n';
        if run >= HOLE || opens_line {
            if nul > start {
                parts.push(start..nul);
            }
            start = nul + run;
        }
        at = nul + run;
    }
    if start < bytes.len() {
        parts.push(start..bytes.len());
    }
    parts
}

/// Cuts a stream: its tail is kept until the rest of the line comes, up to a cap.
#[derive(Debug)]
pub struct StreamCutter {
    tail: Vec<u8>,
    cap: usize,
    discarding: bool,
    offset: u64,
}

/// Whole lines of a stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut {
    /// Where in the stream the first byte stands.
    pub offset: u64,
    /// The lines.
    pub bytes: Vec<u8>,
    /// Lines that were longer than the cap and are not among them.
    pub too_long: u64,
}

impl StreamCutter {
    /// A cutter that keeps at most `cap` bytes of an unfinished line.
    #[must_use]
    pub fn new(cap: usize) -> StreamCutter {
        StreamCutter { tail: Vec::new(), cap, discarding: false, offset: 0 }
    }

    /// Adds what was read; `None` while there is no whole line. Of one call's lines only the first can be too long
    /// as long as no more than the cap is added at once.
    pub fn push(&mut self, mut read: &[u8]) -> Option<Cut> {
        let mut too_long = 0;
        if self.discarding {
            let newline = memchr(b'\n', read);
            let skipped = newline.map_or(read.len(), |newline| newline + 1);
            self.offset += skipped as u64;
            read = &read[skipped..];
            newline?;
            self.discarding = false;
            too_long = 1;
        } else if let Some(newline) = memchr(b'\n', read)
            && self.tail.len() + newline > self.cap
        {
            self.offset += (self.tail.len() + newline + 1) as u64;
            self.tail = Vec::new();
            read = &read[newline + 1..];
            too_long = 1;
        }
        let offset = self.offset;
        let bytes = match memrchr(b'\n', read) {
            Some(newline) => {
                let mut bytes = std::mem::take(&mut self.tail);
                bytes.extend_from_slice(&read[..=newline]);
                self.offset += bytes.len() as u64;
                read = &read[newline + 1..];
                bytes
            }
            None => Vec::new(),
        };
        if self.tail.len() + read.len() > self.cap {
            self.offset += (self.tail.len() + read.len()) as u64;
            self.tail = Vec::new();
            self.discarding = true;
        } else {
            self.tail.extend_from_slice(read);
        }
        (too_long > 0 || !bytes.is_empty()).then_some(Cut { offset, bytes, too_long })
    }

    /// The stream ended: its torn end, if any.
    pub fn finish(&mut self) -> Cut {
        let bytes = std::mem::take(&mut self.tail);
        let too_long = u64::from(std::mem::take(&mut self.discarding));
        Cut { offset: self.offset, bytes, too_long }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn holes_part_lines_and_single_nuls_do_not() {
        let parts = |bytes: &[u8]| {
            between_holes(bytes)
                .into_iter()
                .map(|part| String::from_utf8_lossy(&bytes[part]).into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(parts(b"a\nb\n"), ["a\nb\n"]);
        assert_eq!(parts(b"\0\0a\n"), ["a\n"]);
        assert_eq!(parts(b"a\n\0b\n"), ["a\n", "b\n"]);
        assert_eq!(parts(b"{\"a\0\0\0\0\0{b}\n"), ["{\"a", "{b}\n"]);
        assert_eq!(parts(b"u\0t\0f\n"), ["u\0t\0f\n"]);
        assert!(parts(b"\0\0\0\0").is_empty());
    }

    #[test]
    fn a_line_beyond_the_cap_is_counted_and_not_kept() {
        let mut cutter = StreamCutter::new(10);
        assert_eq!(cutter.push(b"0123456"), None);
        assert_eq!(cutter.push(b"789abc"), None);
        assert!(cutter.tail.is_empty());
        assert_eq!(cutter.push(b"def"), None);
        let cut = cutter.push(b"g\nok\npart").unwrap();
        assert_eq!(cut, Cut { offset: 18, bytes: b"ok\n".to_vec(), too_long: 1 });
        assert_eq!(cutter.finish().bytes, b"part");
        assert_eq!(cutter.push(b"0123456789a\n").unwrap().too_long, 1);
    }

    proptest! {
        #[test]
        fn any_cutting_into_reads_gives_the_same_lines(
            text in "[ab\n]{0,200}", cuts in proptest::collection::vec(1usize..12, 1..80)
        ) {
            let (mut cutter, mut lines, mut long) = (StreamCutter::new(12), Vec::new(), 0);
            let (mut rest, mut at) = (text.as_bytes(), cuts.iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at((*at.next().unwrap()).min(rest.len()));
                rest = later;
                if let Some(cut) = cutter.push(now) {
                    prop_assert!(text.as_bytes()[cut.offset as usize..].starts_with(&cut.bytes));
                    lines.extend(cut.bytes);
                    long += cut.too_long;
                }
            }
            let torn = cutter.finish();
            long += torn.too_long;
            lines.extend(torn.bytes);
            let kept: Vec<&str> = text.split_inclusive('\n').filter(|line| line.trim_end_matches('\n').len() <= 12).collect();
            prop_assert_eq!(String::from_utf8(lines).unwrap(), kept.concat());
            prop_assert_eq!(long as usize, text.split_inclusive('\n').count() - kept.len());
        }
    }
}
