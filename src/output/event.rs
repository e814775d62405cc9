//! One final charge as a line of NDJSON, which is costtop's own input format too. A charge enters, bytes leave; no allocation a field.
//!
//! The keys up to `cost_source` are always there, null when unknown, so that a reader needs no test for absence. What only some
//! logs have (`response_id`, `call_id`, `cache_saved_usd`, `cache_hit`, `billing`, `project`, …, `speed`, `labels`, `revision`) is left out when absent, and
//! `computed_usd` stands beside a reported cost, null when the table has no price.

use std::io::Write as _;

use crate::label::Label;
use crate::money::{Cost, PICO_PER_USD};
use crate::time::{DAY_MS, Timestamp};
use crate::usage::{OwnLabel, Tokens};

/// What a charge costs, and who says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bill {
    /// The log said so; beside it what the table says, if it has a price.
    Reported {
        /// The log's amount.
        cost: Cost,
        /// The table's amount.
        computed: Option<Cost>,
    },
    /// From the table.
    Computed(Cost),
    /// There is no price.
    #[default]
    Unpriced,
}

impl Bill {
    /// The value of `cost_source`.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Bill::Reported { .. } => "reported",
            Bill::Computed(_) => "computed",
            Bill::Unpriced => "unpriced",
        }
    }

    /// The amount that counts; `None` is unpriced, not zero.
    #[must_use]
    pub const fn cost(self) -> Option<Cost> {
        match self {
            Bill::Reported { cost, .. } | Bill::Computed(cost) => Some(cost),
            Bill::Unpriced => None,
        }
    }
}

/// One charge. Ids (and the session) are raw, because a cleaned id would no longer be the same; they leave escaped to plain ASCII.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventRecord<'a> {
    /// Event time.
    pub time: Timestamp,
    /// The request's own id.
    pub request_id: Option<&'a str>,
    /// The provider's name of its answer.
    pub response_id: Option<&'a str>,
    /// A gateway's name of the call.
    pub call_id: Option<&'a str>,
    /// One agent run or conversation.
    pub session_id: Option<&'a str>,
    /// The request this one repeats.
    pub retry_of: Option<&'a str>,
    /// Who is billed.
    pub user: Option<&'a Label>,
    /// The team that pays.
    pub team: Option<&'a Label>,
    /// What the request was for.
    pub feature: Option<&'a Label>,
    /// The agent or tool that asked.
    pub agent: Option<&'a Label>,
    /// The provider.
    pub provider: Option<&'a Label>,
    /// The model.
    pub model: Option<&'a Label>,
    /// Tokens by kind.
    pub tokens: Tokens,
    /// The service tier.
    pub tier: Option<&'a Label>,
    /// HTTP status; 0 is unknown.
    pub status: u16,
    /// Milliseconds; 0 is unknown.
    pub latency_ms: u32,
    /// Why the model stopped.
    pub stop_reason: Option<&'a Label>,
    /// The most output tokens asked for; 0 is unknown.
    pub max_tokens: u32,
    /// The money.
    pub bill: Bill,
    /// Answered from the gateway's own cache.
    pub cache_hit: bool,
    /// Paid by a subscription: the cost is what it would have been at list price.
    pub subscription: bool,
    /// Project, repository or working directory.
    pub project: Option<&'a Label>,
    /// The API key.
    pub key: Option<&'a Label>,
    /// The machine that asked.
    pub host: Option<&'a Label>,
    /// A cloud region.
    pub region: Option<&'a Label>,
    /// `OpenAI` data residency.
    pub data_residency: Option<&'a Label>,
    /// A Vertex location.
    pub vertex_location: Option<&'a Label>,
    /// Where Anthropic ran the model.
    pub inference_geo: Option<&'a Label>,
    /// Anthropic's `standard` or `fast`.
    pub speed: Option<&'a Label>,
    /// The operator's own labels: name and value.
    pub labels: [Option<(&'a str, &'a Label)>; OwnLabel::MOST],
    /// What caching saved, in pico-dollars; where nothing of a cache was used, nothing is said.
    pub saved_pico: i64,
    /// Version of the statement, over endless input; a higher one replaces its class.
    pub revision: Option<u32>,
}

impl EventRecord<'_> {
    /// Appends the line, its newline included, to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"ts\":\"");
        time(out, self.time);
        out.push(b'"');
        text(out, ",\"request_id\":", self.request_id);
        text(out, ",\"session_id\":", self.session_id);
        label(out, ",\"user\":", self.user);
        label(out, ",\"team\":", self.team);
        label(out, ",\"feature\":", self.feature);
        label(out, ",\"agent\":", self.agent);
        label(out, ",\"provider\":", self.provider);
        label(out, ",\"model\":", self.model);
        number(out, ",\"input_tokens\":", self.tokens.input);
        number(out, ",\"output_tokens\":", self.tokens.output);
        number(out, ",\"reasoning_tokens\":", self.tokens.reasoning);
        number(out, ",\"cache_read_tokens\":", self.tokens.cache_read);
        number(out, ",\"cache_write_5m_tokens\":", self.tokens.cache_write_5m);
        number(out, ",\"cache_write_1h_tokens\":", self.tokens.cache_write_1h);
        number(out, ",\"web_searches\":", self.tokens.web_searches);
        label(out, ",\"tier\":", self.tier);
        known(out, ",\"status\":", u32::from(self.status));
        known(out, ",\"latency_ms\":", self.latency_ms);
        label(out, ",\"stop_reason\":", self.stop_reason);
        known(out, ",\"max_tokens\":", self.max_tokens);
        text(out, ",\"retry_of\":", self.retry_of);
        cost(out, ",\"cost_usd\":", self.bill.cost());
        out.extend_from_slice(b",\"cost_source\":\"");
        out.extend_from_slice(self.bill.source().as_bytes());
        out.push(b'"');
        self.write_rare(out);
        out.extend_from_slice(b"}\n");
    }

    fn write_rare(&self, out: &mut Vec<u8>) {
        if let Bill::Reported { computed, .. } = self.bill {
            cost(out, ",\"computed_usd\":", computed);
        }
        let tokens = &self.tokens;
        if tokens.cache_read > 0 || tokens.cache_write_5m > 0 || tokens.cache_write_1h > 0 {
            let sign = if self.saved_pico < 0 { "-" } else { "" };
            amount(out, &format!(",\"cache_saved_usd\":\"{sign}"), self.saved_pico.unsigned_abs());
        }
        for (key, value) in [(",\"response_id\":", self.response_id), (",\"call_id\":", self.call_id)] {
            if value.is_some() {
                text(out, key, value);
            }
        }
        if self.cache_hit {
            out.extend_from_slice(b",\"cache_hit\":true");
        }
        if self.subscription {
            out.extend_from_slice(b",\"billing\":\"subscription\"");
        }
        for (key, value) in [
            (",\"project\":", self.project),
            (",\"key\":", self.key),
            (",\"host\":", self.host),
            (",\"region\":", self.region),
            (",\"data_residency\":", self.data_residency),
            (",\"vertex_location\":", self.vertex_location),
            (",\"inference_geo\":", self.inference_geo),
            (",\"speed\":", self.speed),
        ] {
            if value.is_some() {
                label(out, key, value);
            }
        }
        let mut lead = ",\"labels\":{";
        for (name, value) in self.labels.iter().flatten() {
            out.extend_from_slice(lead.as_bytes());
            label(out, &format!("\"{name}\":"), Some(value));
            lead = ",";
        }
        if lead == "," {
            out.push(b'}');
        }
        if let Some(revision) = self.revision {
            number(out, ",\"revision\":", revision);
        }
    }
}

fn label(out: &mut Vec<u8>, key: &str, value: Option<&Label>) {
    out.extend_from_slice(key.as_bytes());
    let Some(value) = value else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    // A Label is clean, so its letters of any script stay readable; only JSON's own two marks are left.
    for &byte in value.as_str().as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn text(out: &mut Vec<u8>, key: &str, value: Option<&str>) {
    out.extend_from_slice(key.as_bytes());
    let Some(value) = value else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    if value.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(value.as_bytes());
    } else {
        escape(out, value);
    }
    out.push(b'"');
}

/// A raw id may hold what moves a terminal's cursor, also beyond ASCII: only plain ASCII stands for itself.
fn escape(out: &mut Vec<u8>, value: &str) {
    for character in value.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            ' '..='~' => out.push(character as u8),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a Vec cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
}

fn number(out: &mut Vec<u8>, key: &str, value: u32) {
    out.extend_from_slice(key.as_bytes());
    digits(out, u64::from(value));
}

/// Zero stands for unknown.
fn known(out: &mut Vec<u8>, key: &str, value: u32) {
    out.extend_from_slice(key.as_bytes());
    if value == 0 {
        out.extend_from_slice(b"null");
    } else {
        digits(out, u64::from(value));
    }
}

fn cost(out: &mut Vec<u8>, key: &str, value: Option<Cost>) {
    out.extend_from_slice(key.as_bytes());
    match value {
        None => out.extend_from_slice(b"null"),
        Some(value) => amount(out, "\"", value.pico()),
    }
}

/// Behind `lead`, which ends in a quote and perhaps a sign.
fn amount(out: &mut Vec<u8>, lead: &str, pico: u64) {
    out.extend_from_slice(lead.as_bytes());
    digits(out, pico / PICO_PER_USD);
    out.push(b'.');
    padded::<12>(out, pico % PICO_PER_USD);
    out.push(b'"');
}

fn digits(out: &mut Vec<u8>, mut value: u64) {
    let mut buffer = [0; 20];
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&buffer[at..]);
}

/// The last `PLACES` digits of `value`, zeros included.
fn padded<const PLACES: usize>(out: &mut Vec<u8>, mut value: u64) {
    let mut buffer = [b'0'; PLACES];
    for digit in buffer.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&buffer);
}

/// RFC 3339 as `Timestamp` displays it, several times as fast (year, month and day after Howard Hinnant, `civil_from_days`).
fn time(out: &mut Vec<u8>, time: Timestamp) {
    let days = time.ms().div_euclid(DAY_MS);
    // Years 0000 to 9999; what lies outside is rare and takes the slow way.
    if !(-719_528..=2_932_896).contains(&days) {
        let _ = write!(out, "{time}");
        return;
    }
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let ms = time.ms().rem_euclid(DAY_MS);
    padded::<4>(out, year.cast_unsigned());
    for (mark, part) in
        [(b'-', month), (b'-', day), (b'T', ms / 3_600_000), (b':', ms / 60_000 % 60), (b':', ms / 1000 % 60)]
    {
        out.push(mark);
        padded::<2>(out, part.cast_unsigned());
    }
    out.push(b'.');
    padded::<3>(out, (ms % 1000).cast_unsigned());
    out.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_raw_id_moves_no_cursor() {
        for character in ['\0', '\x1b', '\x7f', '\u{80}', '\u{9b}', '\u{9f}', '\u{a0}', '\u{202e}', '\u{feff}', '😀']
        {
            let mut out = Vec::new();
            text(&mut out, "", Some(&format!("req_{character}\"\\")));
            assert!(out.iter().all(|byte| (0x20..0x7f).contains(byte)), "{character:?}");
        }
    }

    proptest! {
        #[test]
        fn times_are_those_of_timestamp(ms in -70_000_000_000_000i64..300_000_000_000_000) {
            let mut out = Vec::new();
            time(&mut out, Timestamp::from_ms(ms));
            prop_assert_eq!(String::from_utf8(out).unwrap(), Timestamp::from_ms(ms).to_string());
        }

        #[test]
        fn costs_are_those_of_money(pico in any::<u64>()) {
            let mut out = Vec::new();
            cost(&mut out, "", Some(Cost::from_pico(pico)));
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("\"{}\"", Cost::from_pico(pico)));
        }

        #[test]
        fn any_text_is_plain_ascii_and_reads_back(value in any::<String>()) {
            let mut out = Vec::new();
            text(&mut out, "", Some(&value));
            prop_assert!(out.iter().all(|byte| (0x20..0x7f).contains(byte)));
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), value);
        }
    }
}
