//! The saved form of a detector: numbers enter, bytes leave, and back. A number that cannot be makes the whole state unreadable.

pub(super) use crate::engine::varint::{put_signed, put_varint, take_signed, take_u32, take_varint};

/// Appends a statistic.
pub(super) fn put_real(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Takes what [`put_real`] wrote; `None` for what is no number.
pub(super) fn take_real(bytes: &mut &[u8]) -> Option<f64> {
    let (value, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(f64::from_le_bytes(*value)).filter(|value| value.is_finite())
}

/// Appends money.
pub(super) fn put_money(pico: i128, out: &mut Vec<u8>) {
    out.extend_from_slice(&pico.to_le_bytes());
}

/// Takes what [`put_money`] wrote.
pub(super) fn take_money(bytes: &mut &[u8]) -> Option<i128> {
    let (value, rest) = bytes.split_first_chunk::<16>()?;
    *bytes = rest;
    Some(i128::from_le_bytes(*value))
}

/// Appends yes or no.
pub(super) fn put_flag(flag: bool, out: &mut Vec<u8>) {
    out.push(u8::from(flag));
}

/// Takes what [`put_flag`] wrote.
pub(super) fn take_flag(bytes: &mut &[u8]) -> Option<bool> {
    let (flag, rest) = bytes.split_first()?;
    *bytes = rest;
    (*flag <= 1).then_some(*flag == 1)
}
