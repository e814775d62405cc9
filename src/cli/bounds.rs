//! `--since` and `--until`: a word enters, an instant leaves once time zone and time are known. It reads no clock.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::time::{MINUTE_MS, Period, Timestamp, Zone, parse_rfc3339};

/// A bound of a span, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// RFC 3339 with a zone: the same everywhere.
    Instant(Timestamp),
    /// A wall clock's time, in the configured zone.
    Wall(NaiveDateTime),
    /// The first instant of a date, in the configured zone.
    Date(NaiveDate),
    /// So many milliseconds ago: 24 hours a day, also where clocks change, as for `--window`.
    Ago(i64),
    /// The start of the period that is now.
    This(Period),
    /// The start of the day before today.
    Yesterday,
}

/// A word that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown time '{0}': use 2026-11-21T10:00:00Z, 2026-11-21, 2026-11, 30m, 12h, 7d, 2w, today, yesterday, week or month"
)]
pub struct UnknownTime(String);

impl Bound {
    /// Reads one bound.
    ///
    /// # Errors
    /// [`UnknownTime`], which lists what is understood.
    pub fn parse(text: &str) -> Result<Bound, UnknownTime> {
        match text {
            "today" => return Ok(Bound::This(Period::Day)),
            "yesterday" => return Ok(Bound::Yesterday),
            "week" => return Ok(Bound::This(Period::Week)),
            "month" => return Ok(Bound::This(Period::Month)),
            _ => {}
        }
        age(text).map(Bound::Ago).or_else(|| calendar(text)).ok_or_else(|| UnknownTime(text.to_owned()))
    }

    /// The instant meant, in `zone` and at `now`.
    #[must_use]
    pub fn resolve(&self, zone: Zone, now: Timestamp) -> Timestamp {
        match *self {
            Bound::Instant(at) => at,
            Bound::Wall(wall) => zone.instant(wall),
            Bound::Date(date) => zone.midnight(date),
            Bound::Ago(ms) => now.plus_ms(-ms),
            Bound::This(period) => zone.period(period, now).0,
            Bound::Yesterday => {
                let today = zone.period(Period::Day, now).0;
                zone.period(Period::Day, today.plus_ms(-1)).0
            }
        }
    }
}

/// `30m`, `12h`, `7d`, `2w` in milliseconds.
fn age(text: &str) -> Option<i64> {
    let minutes = match text.chars().last()? {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        _ => return None,
    };
    let number = &text[..text.len() - 1];
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<i64>().ok()?.checked_mul(minutes * MINUTE_MS)
}

/// Month, date, or date and time.
fn calendar(text: &str) -> Option<Bound> {
    if text.len() == 7 {
        return NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok().map(Bound::Date);
    }
    let at = parse_rfc3339(text.as_bytes(), Zone::UTC)?;
    let wall = DateTime::from_timestamp_millis(at.ms())?.naive_utc();
    let clock = text.get(10..)?;
    Some(if clock.is_empty() {
        Bound::Date(wall.date())
    } else if clock.contains(['Z', 'z', '+', '-']) {
        Bound::Instant(at)
    } else {
        Bound::Wall(wall)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `text` in `zone` at `now`, in UTC.
    fn resolved(text: &str, zone: &str, now: &str) -> String {
        let now = parse_rfc3339(now.as_bytes(), Zone::UTC).unwrap();
        Bound::parse(text).unwrap().resolve(zone.parse().unwrap(), now).to_string()
    }

    #[test]
    fn every_form_in_a_zone() {
        // A Saturday noon in Berlin, one hour ahead of UTC.
        let now = "2026-11-21T11:00:00Z";
        for (text, expected) in [
            ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00.000Z"),
            ("2026-11-20T10:00:00.5+02:00", "2026-11-20T08:00:00.500Z"),
            ("2026-11-20T10:00:00-0500", "2026-11-20T15:00:00.000Z"),
            ("2026-11-20T10:00:00", "2026-11-20T09:00:00.000Z"),
            ("2026-11-20 10:00", "2026-11-20T09:00:00.000Z"),
            ("2026-11-20", "2026-11-19T23:00:00.000Z"),
            ("2026-07-01", "2026-06-30T22:00:00.000Z"),
            ("2026-07", "2026-06-30T22:00:00.000Z"),
            ("30m", "2026-11-21T10:30:00.000Z"),
            ("12h", "2026-11-20T23:00:00.000Z"),
            ("7d", "2026-11-14T11:00:00.000Z"),
            ("2w", "2026-11-07T11:00:00.000Z"),
            ("today", "2026-11-20T23:00:00.000Z"),
            ("yesterday", "2026-11-19T23:00:00.000Z"),
            ("week", "2026-11-15T23:00:00.000Z"),
            ("month", "2026-10-31T23:00:00.000Z"),
        ] {
            assert_eq!(resolved(text, "Europe/Berlin", now), expected, "{text}");
        }
    }

    #[test]
    fn days_have_23_and_25_hours_where_clocks_change() {
        for (text, zone, now, expected) in [
            // Berlin, 29 March: 02:00 becomes 03:00.
            ("today", "Europe/Berlin", "2026-03-29T20:00:00Z", "2026-03-28T23:00:00.000Z"),
            ("yesterday", "Europe/Berlin", "2026-03-30T10:00:00Z", "2026-03-28T23:00:00.000Z"),
            ("today", "Europe/Berlin", "2026-03-30T10:00:00Z", "2026-03-29T22:00:00.000Z"),
            ("2026-03-29T02:30:00", "Europe/Berlin", "2026-03-30T10:00:00Z", "2026-03-29T01:00:00.000Z"),
            // 25 October: 03:00 becomes 02:00; the earlier of two instants is meant.
            ("2026-10-25T02:30:00", "Europe/Berlin", "2026-10-26T10:00:00Z", "2026-10-25T00:30:00.000Z"),
            ("yesterday", "Europe/Berlin", "2026-10-26T10:00:00Z", "2026-10-24T22:00:00.000Z"),
            ("week", "Europe/Berlin", "2026-10-25T20:00:00Z", "2026-10-18T22:00:00.000Z"),
            ("month", "Europe/Berlin", "2026-10-31T20:00:00Z", "2026-09-30T22:00:00.000Z"),
            // An age is a length, not a date.
            ("1d", "Europe/Berlin", "2026-03-29T20:00:00Z", "2026-03-28T20:00:00.000Z"),
            // Cairo skips midnight on 24 April: the day begins at 01:00.
            ("2026-04-24", "Africa/Cairo", "2026-04-25T10:00:00Z", "2026-04-23T22:00:00.000Z"),
            ("yesterday", "Africa/Cairo", "2026-04-25T10:00:00Z", "2026-04-23T22:00:00.000Z"),
            // Over the year's end, and just before a local midnight.
            ("yesterday", "America/New_York", "2026-01-01T12:00:00Z", "2025-12-31T05:00:00.000Z"),
            ("today", "Asia/Kathmandu", "2026-11-21T18:14:59Z", "2026-11-20T18:15:00.000Z"),
            ("today", "Asia/Kathmandu", "2026-11-21T18:15:00Z", "2026-11-21T18:15:00.000Z"),
        ] {
            assert_eq!(resolved(text, zone, now), expected, "{text} in {zone} at {now}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_what_is() {
        for text in [
            "",
            "fortnight",
            "7",
            "d",
            "-7d",
            "+7d",
            "7.5d",
            "7 d",
            "7D",
            "７d",
            "2026",
            "2026-13",
            "2026-+1",
            "2026-02-30",
            "2026-11-21T",
            "2026-11-21T25:00:00Z",
            "99999999999999999d",
            "Today",
            "é",
        ] {
            assert_eq!(Bound::parse(text), Err(UnknownTime(text.to_owned())), "{text:?}");
        }
        assert!(UnknownTime("x".into()).to_string().starts_with("unknown time 'x': use 2026-11-21T10:00:00Z, "));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,12}", now in any::<i32>()) {
            if let Ok(bound) = Bound::parse(&text) {
                let _ = bound.resolve(Zone::UTC, Timestamp::from_ms(i64::from(now) * 1000));
            }
        }

        #[test]
        fn yesterday_ends_where_today_begins(ms in 1_577_836_800_000i64..1_893_456_000_000, name in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe"])) {
            let (zone, now) = (name.parse::<Zone>().unwrap(), Timestamp::from_ms(ms));
            let resolve = |text: &str| Bound::parse(text).unwrap().resolve(zone, now);
            prop_assert_eq!(zone.period(Period::Day, resolve("yesterday")).1, resolve("today"));
            prop_assert!(resolve("month") <= resolve("today") && resolve("week") <= resolve("today") && resolve("today") <= now);
        }
    }
}
