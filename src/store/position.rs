//! A saved position as bytes and back. Version 2, and 1, which had no time; others and wrong lengths are refused, never guessed.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::SavedPosition;
use crate::source::Position;
use crate::time::Timestamp;

const VERSION: u8 = 2;
/// As version 2 without the time at the end of the fixed fields.
const WITHOUT_TIME: u8 = 1;

/// Little-endian fields in the order of [`Position`], the path's and then the context's length, milliseconds since 1970, their bytes.
/// What the decoder needs to go on is the context, whoever writes it.
pub(super) fn encode(saved: &SavedPosition, out: &mut Vec<u8>) {
    let position = &saved.position;
    let path = position.path.as_os_str().as_bytes();
    out.clear();
    out.push(VERSION);
    out.push(u8::from(position.dead));
    for number in [position.device, position.inode, position.offset, position.head_hash, position.mark_hash] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for number in [position.head_length, position.mark_length, path.len() as u32, saved.context.len() as u32] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&saved.saved.map_or(i64::MIN, Timestamp::ms).to_le_bytes());
    out.extend_from_slice(path);
    out.extend_from_slice(&saved.context);
}

/// `None` if the bytes are not what [`encode`] writes.
pub(super) fn decode(generation: u32, bytes: &[u8]) -> Option<SavedPosition> {
    let (&[version, dead], rest) = bytes.split_first_chunk()?;
    if ![VERSION, WITHOUT_TIME].contains(&version) || dead > 1 {
        return None;
    }
    let (long, rest) = rest.split_first_chunk::<40>()?;
    let (short, rest) = rest.split_first_chunk::<16>()?;
    let (saved, rest) = if version == WITHOUT_TIME {
        (None, rest)
    } else {
        let (time, rest) = rest.split_first_chunk::<8>()?;
        (Some(i64::from_le_bytes(*time)).filter(|time| *time != i64::MIN), rest)
    };
    let long = long.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect::<Vec<_>>();
    let short = short.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect::<Vec<_>>();
    let (path, context) = rest.split_at_checked(short[2] as usize)?;
    if context.len() != short[3] as usize {
        return None;
    }
    Some(SavedPosition {
        position: Position {
            generation,
            path: PathBuf::from(OsString::from_vec(path.to_vec())),
            device: long[0],
            inode: long[1],
            offset: long[2],
            head_length: short[0],
            head_hash: long[3],
            mark_length: short[1],
            mark_hash: long[4],
            dead: dead == 1,
            open_since: None,
            context: std::sync::Arc::default(),
        },
        saved: saved.map(Timestamp::from_ms),
        context: context.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cut_and_no_extra_byte_is_taken_for_a_position() {
        let saved = SavedPosition {
            position: Position {
                generation: 3,
                path: "/var/log/a.jsonl".into(),
                device: 1,
                inode: 2,
                offset: u64::MAX,
                head_length: 1024,
                head_hash: 4,
                mark_length: 4096,
                mark_hash: 5,
                dead: true,
                open_since: None,
                context: std::sync::Arc::default(),
            },
            saved: Some(Timestamp::from_ms(-7)),
            context: b"totals".to_vec(),
        };
        let mut bytes = Vec::new();
        encode(&saved, &mut bytes);
        assert_eq!(decode(3, &bytes), Some(saved));
        for length in 0..bytes.len() {
            assert_eq!(decode(3, &bytes[..length]), None);
        }
        bytes.push(0);
        assert_eq!(decode(3, &bytes), None);
    }

    #[test]
    fn a_position_of_version_1_is_read_and_has_no_time() {
        let mut bytes = Vec::new();
        let saved = SavedPosition {
            position: Position {
                generation: 9,
                path: "a".into(),
                device: 1,
                inode: 2,
                offset: 3,
                head_length: 3,
                head_hash: 4,
                mark_length: 3,
                mark_hash: 5,
                dead: false,
                open_since: None,
                context: std::sync::Arc::default(),
            },
            saved: None,
            context: vec![1],
        };
        encode(&saved, &mut bytes);
        assert_eq!(decode(9, &bytes), Some(saved.clone()));
        bytes[0] = 1;
        bytes.drain(58..66);
        assert_eq!(decode(9, &bytes), Some(saved));
    }
}
