//! The value of an attribute: as it stands on the wire it enters; text and numbers that every reader of formats understands leave.

use std::io::Write;

use crate::format::scanner::Scalar;
use crate::usage::RawText;

/// A value as the wire has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Any<'a> {
    /// Absent, or of a kind that nothing is read from: bytes, maps.
    Nothing,
    Text(RawText<'a>),
    Bool(bool),
    Int(i64),
    Double(f64),
}

/// The value of an attribute that is kept.
///
/// A double is the shortest decimal that reads back as it, which is what JSON writers print: from there on both encodings are one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Value<'a> {
    #[default]
    Absent,
    Text(RawText<'a>),
    Bool(bool),
    Number(Digits),
}

impl<'a> Value<'a> {
    pub(super) fn of(any: Any<'a>) -> Value<'a> {
        match any {
            Any::Nothing => Value::Absent,
            // Nothing said.
            Any::Text(text) if text.is_empty() => Value::Absent,
            Any::Text(text) => Value::Text(text),
            Any::Bool(truth) => Value::Bool(truth),
            Any::Int(number) => Value::Number(Digits::of(format_args!("{number}"))),
            Any::Double(number) => Value::Number(Digits::of(format_args!("{number:e}"))),
        }
    }

    pub(super) const fn is_absent(&self) -> bool {
        matches!(self, Value::Absent)
    }

    /// The text; a number counts as its text, everything else as none.
    pub(super) fn text(&self) -> RawText<'_> {
        match self {
            Value::Text(text) => *text,
            Value::Number(digits) => RawText::plain(digits.bytes()),
            Value::Absent | Value::Bool(_) => RawText::NONE,
        }
    }

    /// As a line of JSON would have it.
    pub(super) fn scalar(&self) -> Scalar<'_> {
        match self {
            Value::Absent => Scalar::Null,
            Value::Text(text) => Scalar::Text(*text),
            Value::Bool(true) => Scalar::True,
            Value::Bool(false) => Scalar::False,
            Value::Number(digits) => Scalar::Number(digits.bytes()),
        }
    }

    /// This value, or `other` where there is none.
    pub(super) const fn or<'s>(&'s self, other: &'s Value<'a>) -> &'s Value<'a> {
        if self.is_absent() { other } else { self }
    }
}

/// Bytes of the longest shortest double, `-2.2250738585072014e-308`; whole numbers are shorter.
const DIGITS: usize = 24;

/// A number's decimal text, in place: nothing is allocated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    bytes: [u8; DIGITS],
    length: u8,
}

impl Digits {
    fn of(number: std::fmt::Arguments<'_>) -> Digits {
        let mut bytes = [0; DIGITS];
        let mut room = &mut bytes[..];
        // What found no room would be no number, and be refused as one.
        let _ = room.write_fmt(number);
        let length = (DIGITS - room.len()) as u8;
        Digits { bytes, length }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::number;
    use crate::money::Cost;
    use proptest::prelude::*;

    #[test]
    fn doubles_are_what_their_shortest_decimal_says() {
        let cost = |number: f64| number::cost(Value::of(Any::Double(number)).scalar()).map(|cost| cost.map(Cost::pico));
        assert_eq!(cost(0.038_434_25), Ok(Some(38_434_250_000)));
        assert_eq!(cost(0.1 + 0.2), Ok(Some(300_000_000_000)));
        assert_eq!(cost(2.5e-7), Ok(Some(250_000)));
        assert!(cost(f64::NAN).is_err() && cost(f64::INFINITY).is_err() && cost(-0.5).is_err());
        assert_eq!(number::tokens(Value::of(Any::Double(48_211.0)).scalar()), Ok(48_211));
        assert_eq!(number::tokens(Value::of(Any::Int(i64::MAX)).scalar()), Err(crate::usage::Rejection::Number));
    }

    proptest! {
        #[test]
        fn every_number_has_room(bits: u64, whole: i64) {
            let number = f64::from_bits(bits);
            let (fast, slow) = (Digits::of(format_args!("{number:e}")), format!("{number:e}"));
            prop_assert_eq!(fast.bytes(), slow.as_bytes());
            let (fast, slow) = (Digits::of(format_args!("{whole}")), whole.to_string());
            prop_assert_eq!(fast.bytes(), slow.as_bytes());
        }
    }
}
