//! What a rotated log or a posted body was packed into. Compressed bytes enter, their content leaves from front to back; nothing is kept
//! but the decoder's window, and nothing grows without bound.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Largest window of a Zstandard frame: what RFC 8878 asks every reader to take, and what `zstd` writes up to level 19.
pub const MAX_WINDOW: u64 = 8 << 20;
/// A file may grow to this size, however small it is packed…
pub const MAX_FREE: u64 = 256 << 20;
/// …and beyond it to so many times its packed size. Logs of like lines reach a hundred; what was made to harm, thousands.
pub const MAX_GROWTH: u64 = 500;
/// Packed bytes read at once.
const READ: usize = 64 << 10;

/// How a file is packed, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// `.gz`, one member or several.
    Gzip,
    /// `.zst`, one frame or several.
    Zstd,
}

impl Packing {
    /// `None` for a file that is read as it is.
    #[must_use]
    pub fn of(path: &Path) -> Option<Packing> {
        match path.extension()?.to_str()? {
            "gz" => Some(Packing::Gzip),
            "zst" => Some(Packing::Zstd),
            _ => None,
        }
    }
}

/// How the content of a packed file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// At its end, and the checksum is right.
    Whole,
    /// In the middle: it is being written, or its writer died.
    Torn,
    /// What is packed there is not what was packed: why.
    Damaged(String),
    /// It grows beyond what a log can be.
    Bomb,
}

/// Where packed bytes are: a file, or memory.
pub trait Packs {
    /// As pread(2).
    fn read_from(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
}

impl Packs for File {
    fn read_from(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.read_at(buffer, at)
    }
}

impl Packs for &[u8] {
    fn read_from(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut rest = usize::try_from(at).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        rest.read(buffer)
    }
}

/// Reads what is packed from its start.
pub struct Unpacker<P = File> {
    decoder: Decoder<P>,
    given: u64,
    end: Option<End>,
}

enum Decoder<P> {
    Gzip(Box<MultiGzDecoder<BufReader<Packed<P>>>>),
    Zstd(Box<Frames<P>>),
}

/// The packed bytes, read by offset so that a descriptor can be shared.
struct Packed<P> {
    place: P,
    at: u64,
    /// The file ended while more was asked for.
    ended: bool,
    /// The system's error, which says nothing of the content.
    failed: Option<io::Error>,
}

struct Frames<P> {
    source: BufReader<Packed<P>>,
    decoder: FrameDecoder,
    open: bool,
}

impl<P> std::fmt::Debug for Unpacker<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").field("given", &self.given).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Unpacker {
    /// `file` is duplicated; its own offset is not moved.
    pub fn new(packing: Packing, file: &File) -> io::Result<Unpacker> {
        Ok(Unpacker::over(packing, file.try_clone()?))
    }
}

impl<'b> Unpacker<&'b [u8]> {
    /// What is packed in `bytes`.
    #[must_use]
    pub fn of_bytes(packing: Packing, bytes: &'b [u8]) -> Unpacker<&'b [u8]> {
        Unpacker::over(packing, bytes)
    }
}

impl<P: Packs> Unpacker<P> {
    fn over(packing: Packing, place: P) -> Unpacker<P> {
        let packed = Packed { place, at: 0, ended: false, failed: None };
        let source = BufReader::with_capacity(READ, packed);
        let decoder = match packing {
            Packing::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(source))),
            Packing::Zstd => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(MAX_WINDOW);
                Decoder::Zstd(Box::new(Frames { source, decoder, open: false }))
            }
        };
        Unpacker { decoder, given: 0, end: None }
    }

    /// Fills `buffer` as far as the content goes. Errors are the system's; what is wrong with the content is an [`End`].
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() && self.end.is_none() {
            let read = match &mut self.decoder {
                Decoder::Gzip(decoder) => decoder.read(&mut buffer[filled..]),
                Decoder::Zstd(frames) => frames.read(&mut buffer[filled..]),
            };
            match read {
                Ok(0) => self.end = Some(End::Whole),
                Ok(read) => {
                    filled += read;
                    self.given += read as u64;
                    if self.given > MAX_FREE && self.given - MAX_FREE > self.packed_bytes().saturating_mul(MAX_GROWTH) {
                        self.end = Some(End::Bomb);
                    }
                }
                Err(error) => {
                    let source = self.source();
                    if let Some(failed) = source.failed.take() {
                        return Err(failed);
                    }
                    self.end = Some(if source.ended { End::Torn } else { End::Damaged(error.to_string()) });
                }
            }
        }
        Ok(filled)
    }

    /// How it ended; `None` while there may be more.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Packed bytes read so far.
    #[must_use]
    pub fn packed_bytes(&self) -> u64 {
        match &self.decoder {
            Decoder::Gzip(decoder) => decoder.get_ref().get_ref().at,
            Decoder::Zstd(frames) => frames.source.get_ref().at,
        }
    }

    fn source(&mut self) -> &mut Packed<P> {
        match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.get_mut().get_mut(),
            Decoder::Zstd(frames) => frames.source.get_mut(),
        }
    }
}

impl<P: Packs> Read for Packed<P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.place.read_from(buffer, self.at) {
                Ok(read) => {
                    self.at += read as u64;
                    self.ended |= read == 0 && !buffer.is_empty();
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let told = io::Error::from(error.kind());
                    self.failed = Some(error);
                    return Err(told);
                }
            }
        }
    }
}

impl<P: Packs> Frames<P> {
    /// Zero at the end of the last frame. A frame is decoded block by block, so that its window is all that is held.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.open && self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if self.open && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
                continue;
            }
            if self.open {
                let told = self.decoder.get_checksum_from_data();
                if told.is_some() && told != self.decoder.get_calculated_checksum() {
                    return Err(io::Error::other("the checksum is another"));
                }
            }
            self.open = false;
            if io::BufRead::fill_buf(&mut self.source)?.is_empty() {
                return Ok(0);
            }
            // The end that is found here is no torn one.
            self.source.get_mut().ended = false;
            match self.decoder.reset(&mut self.source) {
                Ok(()) => self.open = true,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut (&mut self.source).take(length.into()), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn unpack(packing: Packing, packed: &[u8]) -> (Vec<u8>, End) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(packed).unwrap();
        let mut unpacker = Unpacker::new(packing, &file).unwrap();
        let (mut content, mut buffer) = (Vec::new(), vec![0; 7000]);
        loop {
            let read = unpacker.read(&mut buffer).unwrap();
            content.extend(&buffer[..read]);
            if let Some(end) = unpacker.end() {
                return (content, end.clone());
            }
        }
    }

    fn text() -> Vec<u8> {
        (0..9000u32)
            .flat_map(|at| format!("{} line {at}\n", at.wrapping_mul(2_654_435_761) % 9973).into_bytes())
            .collect()
    }

    #[test]
    fn members_and_frames_one_behind_the_other_are_one_content() {
        let text = text();
        let (a, b) = text.split_at(50_000);
        for (packing, pack) in [(Packing::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Packing::Zstd, zstd)] {
            assert_eq!(unpack(packing, &pack(&text)), (text.clone(), End::Whole));
            assert_eq!(unpack(packing, &[pack(a), pack(b)].concat()), (text.clone(), End::Whole), "{packing:?}");
        }
        // A skippable frame of three bytes before, as some writers put their notes there.
        let skipped = [&b"\x50\x2a\x4d\x18\x03\0\0\0abc"[..], &zstd(&text)].concat();
        assert_eq!(unpack(Packing::Zstd, &skipped), (text, End::Whole));
    }

    #[test]
    fn every_cut_is_torn_and_gives_a_true_beginning() {
        let text = text();
        for (packing, packed) in [(Packing::Gzip, gzip(&text)), (Packing::Zstd, zstd(&text))] {
            for cut in (1..packed.len()).step_by(611).chain(packed.len() - 9..packed.len()) {
                let (content, end) = unpack(packing, &packed[..cut]);
                assert_eq!(end, End::Torn, "{packing:?} cut at {cut}");
                assert!(text.starts_with(&content));
            }
        }
    }

    #[test]
    fn another_checksum_and_what_is_not_packed_are_damage() {
        let text = text();
        let mut packed = gzip(&text);
        let at = packed.len() - 6;
        packed[at] ^= 1;
        let (content, end) = unpack(Packing::Gzip, &packed);
        assert!(matches!(end, End::Damaged(_)) && content == text, "{end:?}");
        let mut packed = zstd(&text);
        let at = packed.len() - 2;
        packed[at] ^= 1;
        assert!(matches!(unpack(Packing::Zstd, &packed).1, End::Damaged(_)));
        for packing in [Packing::Gzip, Packing::Zstd] {
            let (content, end) = unpack(packing, b"{\"model\":\"plain text under a wrong name\"}\n");
            assert!(matches!(end, End::Damaged(_)) && content.is_empty(), "{end:?}");
        }
    }

    #[test]
    fn what_grows_beyond_a_log_is_cut_short() {
        // A frame with a window of 128 KiB, then blocks of one repeated byte: 128 KiB of content in four bytes each.
        let blocks = [0x02, 0x00, 0x10, b'a'].repeat(280 * 8);
        let packed = [&b"\x28\xb5\x2f\xfd\x00\x38"[..], &blocks].concat();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&packed).unwrap();
        let mut unpacker = Unpacker::new(Packing::Zstd, &file).unwrap();
        let mut buffer = vec![0; 1 << 20];
        let mut given = 0;
        while unpacker.end().is_none() {
            given += unpacker.read(&mut buffer).unwrap() as u64;
        }
        assert_eq!(unpacker.end(), Some(&End::Bomb));
        assert!(given < MAX_FREE + packed.len() as u64 * MAX_GROWTH + (1 << 20));
    }

    proptest! {
        #[test]
        fn no_change_of_a_byte_makes_it_panic_or_go_on_for_ever(
            at in 0usize..4096, to in any::<u8>(), cut in 0usize..4096, zstandard in any::<bool>()
        ) {
            let text = &text()[..20_000];
            let (packing, mut packed) =
                if zstandard { (Packing::Zstd, zstd(text)) } else { (Packing::Gzip, gzip(text)) };
            let length = packed.len();
            packed[at % length] = to;
            packed.truncate(length - cut % length / 4);
            let (content, _) = unpack(packing, &packed);
            prop_assert!(content.len() <= 4 << 20);
        }

        #[test]
        fn no_bytes_behind_a_magic_number_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            unpack(Packing::Zstd, &[&b"\x28\xb5\x2f\xfd"[..], &bytes].concat());
            unpack(Packing::Gzip, &[&b"\x1f\x8b\x08"[..], &bytes].concat());
        }
    }

    #[test]
    fn a_window_beyond_the_limit_is_refused_before_it_is_allocated() {
        // Magic, a descriptor without content size, and a window of 128 MiB.
        let (content, end) = unpack(Packing::Zstd, b"\x28\xb5\x2f\xfd\x00\x88\x01\0\0");
        assert!(matches!(end, End::Damaged(why) if why.contains("window")) && content.is_empty());
    }
}
