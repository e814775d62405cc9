//! Times by a pattern of the operator's: a text enters, an instant leaves.

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, FixedOffset};

use super::{Timestamp, Zone};

/// A pattern of `strftime` that tells an instant.
#[derive(Clone, Debug)]
pub struct TimePattern(Vec<Item<'static>>);

impl TimePattern {
    /// `None` for what is no pattern, and for one that leaves the instant open, such as a time without its date.
    #[must_use]
    pub fn new(pattern: &str) -> Option<TimePattern> {
        let items = StrftimeItems::new(pattern).parse_to_owned().ok()?;
        let pattern = TimePattern(items);
        // One instant, written by the pattern and read again. At noon, so that no pattern of twelve hours passes without its half.
        let sample = DateTime::<FixedOffset>::parse_from_rfc3339("2026-11-21T22:48:00+00:00").ok()?;
        let written = sample.format_with_items(pattern.0.iter()).to_string();
        let read = pattern.read(written.as_bytes(), Zone::UTC)?;
        (read.ms() == sample.timestamp_millis()).then_some(pattern)
    }

    /// The instant, in `zone` where the text names none.
    #[must_use]
    pub fn read(&self, text: &[u8], zone: Zone) -> Option<Timestamp> {
        let text = std::str::from_utf8(text).ok()?;
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.0.iter()).ok()?;
        if let Ok(at) = parsed.to_datetime() {
            return Some(Timestamp::from_ms(at.timestamp_millis()));
        }
        let wall = parsed.to_naive_datetime_with_offset(0).ok()?;
        Some(if parsed.timestamp().is_some() {
            Timestamp::from_ms(wall.and_utc().timestamp_millis())
        } else {
            zone.instant(wall)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_by_a_pattern_are_instants() {
        let berlin: Zone = "Europe/Berlin".parse().expect("a zone");
        for (pattern, text) in [
            ("%d/%b/%Y:%H:%M:%S %z", "21/Nov/2026:21:48:53 +0000"),
            ("%d/%b/%Y:%H:%M:%S %z", "21/Nov/2026:16:48:53 -0500"),
            ("%Y-%m-%d %H:%M:%S%.f", "2026-11-21 22:48:53.0"),
            ("%d.%m.%Y %H:%M:%S", "21.11.2026 22:48:53"),
            ("%m/%d/%Y, %I:%M:%S %p", "11/21/2026, 10:48:53 PM"),
            ("%s", "1795297733"),
        ] {
            let read = TimePattern::new(pattern).expect(pattern).read(text.as_bytes(), berlin);
            assert_eq!(read, Some(Timestamp::from_ms(1_795_297_733_000)), "{pattern}");
        }
        let pattern = TimePattern::new("%d.%m.%Y %H:%M").expect("a pattern");
        for none in ["", "21.11.2026", "31.02.2026 10:00", "21.11.2026 10:00 ", "\u{fffd}"] {
            assert_eq!(pattern.read(none.as_bytes(), berlin), None, "{none}");
        }
    }

    #[test]
    fn what_leaves_the_instant_open_is_no_pattern() {
        for pattern in ["", "soon", "%H:%M:%S", "%Y-%m-%d", "%d %b %H:%M:%S", "%Y-%m-%d %I:%M:%S", "%Q", "%Y-%m-%d %H"]
        {
            assert!(TimePattern::new(pattern).is_none(), "{pattern}");
        }
    }
}
