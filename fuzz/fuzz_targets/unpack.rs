//! Arbitrary bytes as an archive: the first byte chooses gzip or Zstandard. Nothing may panic, go on for ever or grow beyond bounds.
//!
//! `cargo fuzz run unpack fuzz/corpus/unpack`
#![no_main]

use std::io::{Seek, Write};

use costtop::source::unpack::{MAX_FREE, Packing, Unpacker};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, packed)) = bytes.split_first() else { return };
    let packing = if kind % 2 == 0 { Packing::Gzip } else { Packing::Zstd };
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(packed).expect("a temporary file");
    file.rewind().expect("a temporary file");
    let mut unpacker = Unpacker::new(packing, &file).expect("a temporary file");
    let (mut buffer, mut given) = (vec![0; 1 << 20], 0);
    while unpacker.end().is_none() {
        given += unpacker.read(&mut buffer).expect("a temporary file") as u64;
        assert!(given <= 2 * MAX_FREE);
    }
});
