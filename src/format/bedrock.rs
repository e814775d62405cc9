//! The `usage` of Bedrock's Converse API, and the account of an invocation: the object enters, tokens leave. The input excludes the
//! cache.

use crate::usage::{Rejection, Tokens};

use super::number;
use super::scanner::{Scalar, Scanner, Stop};

/// A `usage` whose values are unread.
#[derive(Default)]
pub(super) struct Counts<'a> {
    input: Scalar<'a>,
    output: Scalar<'a>,
    cache_read: Scalar<'a>,
    cache_write: Scalar<'a>,
    /// The array of that name, checked but unread.
    cache_details: &'a [u8],
}

/// Reads the object ahead; anything else says nothing.
pub(super) fn usage<'a>(value: &mut Scanner<'a>) -> Result<Counts<'a>, Stop> {
    let mut counts = Counts::default();
    value.object(|key, value| {
        match key {
            b"inputTokens" | b"inputTokenCount" => counts.input = value.scalar()?,
            b"outputTokens" | b"outputTokenCount" => counts.output = value.scalar()?,
            b"cacheReadInputTokens" | b"cacheReadInputTokenCount" => counts.cache_read = value.scalar()?,
            b"cacheWriteInputTokens" | b"cacheWriteInputTokenCount" => counts.cache_write = value.scalar()?,
            b"cacheDetails" => counts.cache_details = value.span()?,
            _ => value.skip()?,
        }
        Ok(())
    })?;
    Ok(counts)
}

impl Counts<'_> {
    /// The total of writes counts; the details say how much of it lives for an hour.
    pub(super) fn tokens(&self) -> Result<Tokens, Rejection> {
        let (split_5m, split_1h) = self.split()?;
        let total = number::tokens(self.cache_write)?;
        Ok(Tokens {
            input: number::tokens(self.input)?,
            cache_read: number::tokens(self.cache_read)?,
            cache_write_5m: if self.cache_write.is_null() { split_5m } else { total.saturating_sub(split_1h) },
            cache_write_1h: split_1h,
            output: number::tokens(self.output)?,
            ..Tokens::default()
        })
    }

    /// Written for five minutes, and for an hour.
    fn split(&self) -> Result<(u32, u32), Rejection> {
        let mut sums = Ok((0u32, 0u32));
        let walked = Scanner::new(self.cache_details).array(|entry| {
            let (mut hour, mut count) = (false, Scalar::Null);
            entry.object(|key, value| {
                match key {
                    b"ttl" => hour = value.text()?.is(b"1h"),
                    b"inputTokens" => count = value.scalar()?,
                    _ => value.skip()?,
                }
                Ok(())
            })?;
            sums = sums.and_then(|(five, one)| {
                let count = number::tokens(count)?;
                let add = |sum: u32| sum.checked_add(count).ok_or(Rejection::Number);
                if hour { Ok((five, add(one)?)) } else { Ok((add(five)?, one)) }
            });
            Ok(())
        });
        debug_assert!(walked.is_ok() || self.cache_details.is_empty(), "checked with the line");
        sums
    }
}
