//! Instants, and periods in a named time zone. Time is always an argument here; nothing reads a clock but [`Timestamp::now`].

mod pattern;

pub use pattern::TimePattern;

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, Datelike, Days, MappedLocalTime, Months, NaiveDate, NaiveTime, Offset, SecondsFormat, TimeZone, Timelike,
    Utc,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// An instant in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

/// Milliseconds in one minute.
pub const MINUTE_MS: i64 = 60_000;
/// Milliseconds in a day of UTC. One of a time zone may be longer or shorter.
pub const DAY_MS: i64 = 1440 * MINUTE_MS;

impl Timestamp {
    /// Before everything a log can say.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// After everything a log can say.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// `ms` milliseconds since the epoch.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Timestamp {
        Timestamp(ms)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Whole minutes since the epoch.
    #[must_use]
    pub const fn minute(self) -> i64 {
        self.0.div_euclid(MINUTE_MS)
    }

    /// The wall clock. Only loops read it; values are handed the result.
    #[must_use]
    pub fn now() -> Timestamp {
        Timestamp(Utc::now().timestamp_millis())
    }

    /// This instant moved by `ms` milliseconds.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms))
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-21T10:00:00.123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// A calendar period in which money is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Period {
    /// From a full hour of the wall clock to the next.
    Hour,
    /// From local midnight to the next: 23 to 25 hours where clocks change.
    Day,
    /// From Monday's midnight to the next.
    Week,
    /// From the first of a month to the first of the next.
    Month,
}

impl Period {
    /// The word of the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
        }
    }
}

/// A named time zone: where days begin and how times are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

/// Its name.
impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Zone, D::Error> {
        let name = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        name.parse().map(Zone).map_err(serde::de::Error::custom)
    }
}

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Zone = Zone(Tz::UTC);

    /// The zone of this machine, else UTC.
    #[must_use]
    pub fn local() -> Zone {
        iana_time_zone::get_timezone().ok().and_then(|name| name.parse().ok()).unwrap_or(Zone::UTC)
    }

    /// The name in the tz database.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The hour of the local day, and whether that day is a Saturday or a Sunday.
    #[must_use]
    pub fn hour(self, at: Timestamp) -> (usize, bool) {
        let local = at.utc().with_timezone(&self.0);
        (local.hour() as usize, local.weekday().num_days_from_monday() >= 5)
    }

    /// The start (inclusive) and end (exclusive) of the period in which `at` falls.
    #[must_use]
    pub fn period(self, period: Period, at: Timestamp) -> (Timestamp, Timestamp) {
        let local = at.utc().with_timezone(&self.0);
        if period == Period::Hour {
            // Whole hours of the wall clock; offsets are whole minutes in every zone of today.
            let offset = i64::from(local.offset().fix().local_minus_utc()) * 1000;
            let start = (at.0 + offset).div_euclid(60 * MINUTE_MS) * 60 * MINUTE_MS - offset;
            return (Timestamp(start), Timestamp(start + 60 * MINUTE_MS));
        }
        let date = local.date_naive();
        let first = match period {
            Period::Hour | Period::Day => date,
            Period::Week => date - Days::new(u64::from(date.weekday().num_days_from_monday())),
            Period::Month => date.with_day(1).unwrap_or(date),
        };
        let next = match period {
            Period::Hour | Period::Day => first + Days::new(1),
            Period::Week => first + Days::new(7),
            Period::Month => first + Months::new(1),
        };
        (self.midnight(first), self.midnight(next))
    }

    /// The first instant of a local date, also where clocks skip midnight.
    #[must_use]
    pub fn midnight(self, date: NaiveDate) -> Timestamp {
        let mut wall = date.and_time(NaiveTime::MIN);
        for _ in 0..48 {
            match self.0.from_local_datetime(&wall) {
                MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => {
                    return Timestamp(at.timestamp_millis());
                }
                MappedLocalTime::None => wall += chrono::TimeDelta::minutes(30),
            }
        }
        Timestamp(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis())
    }

    /// The local date on which `at` falls.
    #[must_use]
    pub fn date(self, at: Timestamp) -> NaiveDate {
        at.utc().with_timezone(&self.0).date_naive()
    }

    /// The instant at which this zone's wall clock shows `wall`; the earlier one where it shows it twice, the next valid one where it skips it.
    #[must_use]
    pub fn instant(self, wall: chrono::NaiveDateTime) -> Timestamp {
        match self.0.from_local_datetime(&wall) {
            MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => Timestamp(at.timestamp_millis()),
            MappedLocalTime::None => {
                let later = wall + chrono::TimeDelta::hours(1);
                self.0.from_local_datetime(&later).earliest().map_or_else(
                    || Timestamp(wall.and_utc().timestamp_millis()),
                    |at| Timestamp(at.timestamp_millis() - i64::from(wall.minute()) * MINUTE_MS),
                )
            }
        }
    }

    /// The local wall clock by a `strftime` pattern.
    #[must_use]
    pub fn format(self, at: Timestamp, pattern: &str) -> String {
        at.utc().with_timezone(&self.0).format(pattern).to_string()
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(name: &str) -> Result<Zone, String> {
        name.parse::<Tz>()
            .map(Zone)
            .map_err(|_| format!("unknown time zone '{name}': use a name such as Europe/Berlin or UTC"))
    }
}

/// Reads the times logs print: RFC 3339 (`T` or a blank, any offset or a ` UTC`, any fraction, no zone means `zone`).
///
/// Cut to milliseconds. `None` for what is no time.
#[must_use]
pub fn parse_rfc3339(text: &[u8], zone: Zone) -> Option<Timestamp> {
    text.try_into().ok().and_then(parse_usual).or_else(|| parse_any(text, zone))
}

fn parse_any(text: &[u8], zone: Zone) -> Option<Timestamp> {
    let two = |at: usize| -> Option<i64> {
        let (high, low) = (text.get(at)?, text.get(at + 1)?);
        (high.is_ascii_digit() && low.is_ascii_digit()).then(|| i64::from(high - b'0') * 10 + i64::from(low - b'0'))
    };
    let is = |at: usize, expected: u8| text.get(at) == Some(&expected);
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    if !is(4, b'-') || !is(7, b'-') || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    if text.len() == 10 {
        return Some(zone.midnight(NaiveDate::from_ymd_opt(
            i32::try_from(year).ok()?,
            u32::try_from(month).ok()?,
            u32::try_from(day).ok()?,
        )?));
    }
    if !matches!(text.get(10), Some(b'T' | b't' | b' ')) || !is(13, b':') {
        return None;
    }
    let (hour, minute) = (two(11)?, two(14)?);
    let mut at = 16;
    let mut second = 0;
    let mut ms = 0;
    if is(16, b':') {
        second = two(17)?;
        at = 19;
        if is(19, b'.') || is(19, b',') {
            let digits = text[20..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            for place in 0..3 {
                ms = ms * 10 + if place < digits { i64::from(text[20 + place] - b'0') } else { 0 };
            }
            at = 20 + digits;
        }
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let wall = days * DAY_MS + (hour * 60 + minute) * MINUTE_MS + second * 1000 + ms;
    match text.get(at) {
        Some(b'Z' | b'z') if at + 1 == text.len() => Some(Timestamp(wall)),
        Some(sign @ (b'+' | b'-')) => {
            let hours = two(at + 1)?;
            let (minutes, end) = if is(at + 3, b':') {
                (two(at + 4)?, at + 6)
            } else if text.len() > at + 3 {
                (two(at + 3)?, at + 5)
            } else {
                (0, at + 3)
            };
            if end != text.len() || hours > 23 || minutes > 59 {
                return None;
            }
            let offset = (hours * 60 + minutes) * MINUTE_MS;
            Some(Timestamp(if *sign == b'+' { wall - offset } else { wall + offset }))
        }
        None => DateTime::from_timestamp_millis(wall).map(|wall| zone.instant(wall.naive_utc())),
        // As BigQuery and Go print it.
        Some(b' ') if matches!(&text[at..], b" UTC" | b" +0000 UTC") => Some(Timestamp(wall)),
        _ => None,
    }
}

/// What nearly every log prints: `2026-11-21T10:00:00.123Z`. `None`: ask [`parse_any`] what it is.
///
/// Eight characters at a time: less the pattern, digits are at most nine and marks nothing.
fn parse_usual(text: &[u8; 24]) -> Option<Timestamp> {
    const PATTERN: [u64; 3] = words(b"0000-00-00T00:00:00.000Z");
    // With this added a digit beyond nine, or a mark that is another, reaches the top bit.
    const LIMIT: [u64; 3] = words(b"vvvv\x7fvv\x7fvv\x7fvv\x7fvv\x7fvv\x7fvvv\x7f");
    const TOP: u64 = 0x8080_8080_8080_8080;
    let mut odd = 0;
    let mut digits = [0; 3];
    for (place, word) in text.as_chunks::<8>().0.iter().enumerate() {
        digits[place] = u64::from_le_bytes(*word) ^ PATTERN[place];
        odd |= digits[place] | ((digits[place] & !TOP) + LIMIT[place]);
    }
    if odd & TOP != 0 {
        return None;
    }
    // In each byte that is followed by a digit, now the number of both.
    let twos = digits.map(|word| word * 10 + (word >> 8));
    let two = |at: usize| (twos[at / 8] >> (at % 8 * 8) & 0xff).cast_signed();
    let (year, month, day) = (two(0) * 100 + two(2), two(5), two(8));
    let (hour, minute, second) = (two(11), two(14), two(17));
    if !(1..=12).contains(&month)
        || day < 1
        || day > days_in_month(year, month)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let ms = two(20) * 10 + (digits[2] >> 48 & 0xff).cast_signed();
    let seconds = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Timestamp(seconds * 1000 + ms))
}

const fn words(text: &[u8; 24]) -> [u64; 3] {
    let mut words = [0; 3];
    let mut at = 0;
    while at < text.len() {
        words[at / 8] |= (text[at] as u64) << (at % 8 * 8);
        at += 1;
    }
    words
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (after Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zone(name: &str) -> Zone {
        name.parse().expect("a zone of the tz database")
    }

    fn at(text: &str) -> Timestamp {
        parse_rfc3339(text.as_bytes(), Zone::UTC).unwrap_or_else(|| panic!("no time: {text}"))
    }

    fn hours(zone: Zone, period: Period, text: &str) -> i64 {
        let (start, end) = zone.period(period, at(text));
        (end.ms() - start.ms()) / 3_600_000
    }

    #[test]
    fn days_follow_the_clocks_of_the_zone() {
        assert_eq!(hours(zone("Europe/Berlin"), Period::Day, "2026-03-29T12:00:00Z"), 23);
        assert_eq!(hours(zone("Europe/Berlin"), Period::Day, "2026-10-25T12:00:00Z"), 25);
        assert_eq!(hours(zone("America/New_York"), Period::Day, "2026-03-08T12:00:00Z"), 23);
        assert_eq!(hours(zone("America/New_York"), Period::Day, "2026-11-01T12:00:00Z"), 25);
        assert_eq!(hours(Zone::UTC, Period::Month, "2026-02-10T00:00:00Z"), 28 * 24);
        assert_eq!(hours(Zone::UTC, Period::Week, "2026-11-21T00:00:00Z"), 7 * 24);
        assert_eq!(Zone::UTC.period(Period::Week, at("2026-11-22T23:59:59Z")).0, at("2026-11-16T00:00:00Z"));
        assert_eq!(
            zone("Asia/Kathmandu").period(Period::Hour, at("2026-11-21T10:20:00Z")).0,
            at("2026-11-21T10:15:00Z")
        );
    }

    #[test]
    fn a_midnight_that_clocks_skip_is_the_first_valid_instant() {
        // Cairo goes from 00:00 to 01:00 on the last Friday of April.
        let (start, end) = zone("Africa/Cairo").period(Period::Day, at("2026-04-24T12:00:00Z"));
        assert_eq!(start, at("2026-04-23T22:00:00Z"));
        assert_eq!(end, at("2026-04-24T21:00:00Z"));
    }

    #[test]
    fn times_as_logs_print_them() {
        assert_eq!(at("2026-11-21T21:48:53.099Z").ms(), 1_795_297_733_099);
        assert_eq!(at("2026-11-21T21:48:53Z").ms(), 1_795_297_733_000);
        assert_eq!(at("2026-11-21 23:48:53.0999+02:00").ms(), 1_795_297_733_099);
        assert_eq!(at("2026-11-21T16:48:53.099123456-0500").ms(), 1_795_297_733_099);
        assert_eq!(at("2026-11-21 21:48:53.099123 UTC").ms(), 1_795_297_733_099);
        assert_eq!(at("2026-11-21 21:48:53.099 +0000 UTC").ms(), 1_795_297_733_099);
        let berlin = parse_rfc3339(b"2026-11-21T22:48:53.099", zone("Europe/Berlin")).expect("a local time");
        assert_eq!(berlin.ms(), 1_795_297_733_099);
        for text in [
            "",
            "2026",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-21T25:00:00Z",
            "2026-11-21T10:00:00Zx",
            "2026-11-21 10:00:00 CET",
            "2026-11-21 10:00:00 +0100 UTC",
            "yesterday",
            "2026-11-21T10:00:00.Z",
        ] {
            assert_eq!(parse_rfc3339(text.as_bytes(), Zone::UTC), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(ms in 0i64..4_102_444_800_000) {
            let time = Timestamp::from_ms(ms);
            let text = time.to_string();
            prop_assert_eq!(parse_any(text.as_bytes(), Zone::UTC), Some(time));
            prop_assert_eq!(parse_usual(text.as_bytes().try_into().expect("24 characters")), Some(time), "the short way");
        }

        #[test]
        fn the_short_way_knows_only_what_the_long_one_says(ms in 0i64..4_102_444_800_000, at in 0usize..24, byte: u8) {
            let mut text: [u8; 24] = Timestamp::from_ms(ms).to_string().as_bytes().try_into().expect("24 characters");
            text[at] = byte;
            let short = parse_usual(&text);
            prop_assert!(short.is_none() || short == parse_any(&text, Zone::UTC), "{:?}", String::from_utf8_lossy(&text));
        }

        #[test]
        fn every_instant_lies_in_its_period(ms in 1_577_836_800_000i64..1_893_456_000_000, name in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Kathmandu", "Australia/Lord_Howe"])) {
            let zone = zone(name);
            let time = Timestamp::from_ms(ms);
            for period in [Period::Hour, Period::Day, Period::Week, Period::Month] {
                let (start, end) = zone.period(period, time);
                prop_assert!(start <= time && time < end, "{:?} {} {} {}", period, start, time, end);
                prop_assert_eq!(zone.period(period, end).0, end);
            }
        }
    }
}
