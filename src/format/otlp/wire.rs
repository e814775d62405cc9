//! Protobuf on the wire: the bytes of one message enter, its fields leave one after the other, borrowed. Nothing is allocated, and
//! nothing is entered that the caller does not enter.

use crate::format::scanner::Stop;

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Text, bytes, or a message.
    Bytes(&'a [u8]),
}

/// A cursor over the fields of one message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Message<'a> {
        Message { rest: bytes }
    }

    /// The next field, with its number; `None` behind the last. Groups, which OpenTelemetry never had, are refused.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Field<'a>)>, Stop> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = u32::try_from(self.varint()?).map_err(|_| Stop::Syntax)?;
        let number = tag >> 3;
        if number == 0 {
            return Err(Stop::Syntax);
        }
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(*self.take()?)),
            5 => Field::Fixed32(u32::from_le_bytes(*self.take()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Stop::Syntax)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Stop::Syntax)?;
                self.rest = rest;
                Field::Bytes(bytes)
            }
            _ => return Err(Stop::Syntax),
        };
        Ok(Some((number, field)))
    }

    fn take<const LENGTH: usize>(&mut self) -> Result<&'a [u8; LENGTH], Stop> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Stop::Syntax)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// At most ten bytes; of the tenth one bit is left.
    fn varint(&mut self) -> Result<u64, Stop> {
        let mut value = 0;
        for (place, byte) in self.rest.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            if place == 9 && bits > 1 {
                return Err(Stop::Syntax);
            }
            value |= bits << (7 * place);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[place + 1..];
                return Ok(value);
            }
        }
        Err(Stop::Syntax)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(bytes: &[u8]) -> Result<Vec<(u32, Field<'_>)>, Stop> {
        let mut message = Message::new(bytes);
        let mut fields = Vec::new();
        while let Some(field) = message.next()? {
            fields.push(field);
        }
        Ok(fields)
    }

    #[test]
    fn every_wire_type_is_read() {
        let bytes =
            [&[0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 1, 0, 0, 0, 0x21][..], &[2, 0, 0, 0, 0, 0, 0, 0]]
                .concat();
        let expected =
            vec![(1, Field::Varint(150)), (2, Field::Bytes(b"hi")), (3, Field::Fixed32(1)), (4, Field::Fixed64(2))];
        assert_eq!(fields(&bytes), Ok(expected));
        assert_eq!(
            fields(&[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
            Ok(vec![(1, Field::Varint(u64::MAX))])
        );
    }

    #[test]
    fn what_is_cut_off_or_no_field_is_refused() {
        for bytes in [
            &[0x08][..],                                                            // no value
            &[0x12, 0x05, b'h'],                                                    // longer than what is there
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],    // a length beyond everything
            &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],    // 65 bits
            &[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], // eleven bytes
            &[0x0b, 0x0c],                                                          // a group
            &[0x00, 0x01],                                                          // field 0
            &[0x1d, 1, 2],
            &[0x21, 1, 2, 3],
        ] {
            assert_eq!(fields(bytes), Err(Stop::Syntax), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(fields) = fields(&bytes) {
                prop_assert!(fields.len() <= bytes.len() / 2);
            }
        }
    }
}
