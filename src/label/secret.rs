//! Credentials in a log's text. Bytes enter, the same leave with `key:` and eight digits in the place of each credential; nothing is kept.
//!
//! Shapes are those that issuers document: a prefix of their own and a body of a known alphabet. What has no shape of its own (a bare
//! number in hexadecimal) is taken for one only where a name before it says so, because ids and hashes look the same.

use std::borrow::Cow;
use std::hash::Hasher;
use std::ops::Range;

use siphasher::sip::SipHasher13;

/// Shorter texts hold no credential: they are not looked at.
const LEAST: usize = 10;
/// So often a text with replaced parts is looked through again.
const MOST_PASSES: usize = 8;
/// What stands in the place of a credential, before its digits.
const MARK: &[u8] = b"key:";
const DIGITS: usize = 8;

/// Which bytes a body consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    /// Letters and digits.
    Plain,
    /// And `-`, `_`.
    Word,
    /// And `.`, `/`, `+`, `=`, `%`, `~`: base64, tokens in parts.
    Parts,
    /// Capital letters and digits.
    Capital,
}

impl Body {
    const fn has(self, byte: u8) -> bool {
        match self {
            Body::Plain => byte.is_ascii_alphanumeric(),
            Body::Word => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Body::Parts => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'+' | b'=' | b'%' | b'~')
            }
            Body::Capital => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        }
    }

    /// How many bytes of it `bytes` begins with.
    fn run(self, bytes: &[u8]) -> usize {
        bytes.iter().position(|byte| !self.has(*byte)).unwrap_or(bytes.len())
    }
}

/// Prefix, alphabet and least length of the body.
type Shape = (&'static [u8], Body, usize);

/// Bodies are asked for less than issuers make them, so that what was cut is found too.
const SHAPES: [Shape; 62] = [
    // Model providers and gateways; `sk-` alone is looked at more closely.
    (b"AIza", Body::Word, 30),
    (b"ABSK", Body::Parts, 40),
    (b"bedrock-api-key-", Body::Parts, 20),
    (b"gsk_", Body::Plain, 20),
    (b"xai-", Body::Plain, 20),
    (b"pplx-", Body::Plain, 20),
    (b"nvapi-", Body::Word, 20),
    (b"hf_", Body::Plain, 20),
    (b"r8_", Body::Plain, 20),
    (b"fw_", Body::Plain, 16),
    (b"tgp_v1_", Body::Word, 20),
    (b"csk-", Body::Plain, 20),
    (b"jina_", Body::Plain, 20),
    (b"tvly-", Body::Word, 16),
    (b"vck_", Body::Plain, 20),
    (b"lsv2_", Body::Word, 20),
    // Clouds.
    (b"AKIA", Body::Capital, 12),
    (b"ASIA", Body::Capital, 12),
    (b"ABIA", Body::Capital, 12),
    (b"ACCA", Body::Capital, 12),
    (b"ya29.", Body::Word, 16),
    (b"GOCSPX-", Body::Word, 16),
    (b"dop_v1_", Body::Plain, 20),
    (b"dapi", Body::Plain, 30),
    (b"hvs.", Body::Word, 16),
    (b"hvb.", Body::Word, 16),
    (b"sbp_", Body::Plain, 20),
    (b"glsa_", Body::Word, 20),
    // Code and packages.
    (b"ghp_", Body::Plain, 16),
    (b"gho_", Body::Plain, 16),
    (b"ghu_", Body::Plain, 16),
    (b"ghs_", Body::Plain, 16),
    (b"ghr_", Body::Plain, 16),
    (b"github_pat_", Body::Word, 16),
    (b"glpat-", Body::Word, 12),
    (b"gldt-", Body::Word, 12),
    (b"glrt-", Body::Word, 12),
    (b"npm_", Body::Plain, 20),
    (b"pypi-Ag", Body::Word, 20),
    (b"sntrys_", Body::Parts, 20),
    (b"AGE-SECRET-KEY-1", Body::Capital, 16),
    // Messages and payments.
    (b"xoxa-", Body::Word, 10),
    (b"xoxb-", Body::Word, 10),
    (b"xoxe-", Body::Word, 10),
    (b"xoxe.", Body::Word, 10),
    (b"xoxo-", Body::Word, 10),
    (b"xoxp-", Body::Word, 10),
    (b"xoxr-", Body::Word, 10),
    (b"xoxs-", Body::Word, 10),
    (b"xapp-", Body::Word, 10),
    (b"hooks.slack.com/services/", Body::Parts, 16),
    (b"discord.com/api/webhooks/", Body::Parts, 16),
    (b"SG.", Body::Parts, 24),
    (b"sk_live_", Body::Plain, 10),
    (b"sk_test_", Body::Plain, 10),
    (b"rk_live_", Body::Plain, 10),
    (b"rk_test_", Body::Plain, 10),
    (b"whsec_", Body::Parts, 16),
    (b"shpat_", Body::Plain, 20),
    (b"figd_", Body::Word, 20),
    (b"lin_api_", Body::Plain, 20),
    (b"ntn_", Body::Plain, 20),
];

/// The bytes with which a credential may begin, where a word begins.
const FIRST: [bool; 256] = {
    let mut first = [false; 256];
    let mut at = 0;
    while at < SHAPES.len() {
        first[SHAPES[at].0[0] as usize] = true;
        at += 1;
    }
    // `sk-`; a JWT; `Bearer`, `bearer`, `BEARER`, `Basic`, `basic`.
    first[b's' as usize] = true;
    first[b'e' as usize] = true;
    first[b'B' as usize] = true;
    first[b'b' as usize] = true;
    first
};

/// Ends of names whose value is a credential if it looks like one.
const NAMES: [&[u8]; 8] = [b"key", b"token", b"secret", b"signature", b"sig", b"auth", b"authorization", b"credential"];
/// Ends of names whose value is one whatever it looks like.
const PASSWORDS: [&[u8]; 4] = [b"password", b"passwd", b"passphrase", b"pwd"];

/// `bytes` with each credential replaced by `key:` and eight digits that are the same for the same credential, so that two stay two. Text
/// that was UTF-8 stays UTF-8, and what was redacted is not redacted again.
pub fn redact(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(found) = find(bytes, 0) else { return Cow::Borrowed(bytes) };
    let mut out = replaced(bytes, found);
    // What stands in for a part may let the whole be seen as one: an address around a key. What is printed is read again and must stay.
    for _ in 0..MOST_PASSES {
        let Some(found) = find(&out, 0) else { break };
        out = replaced(&out, found);
    }
    Cow::Owned(out)
}

/// Every credential from the first one on, which is `found`, replaced.
fn replaced(bytes: &[u8], mut found: Range<usize>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut from = 0;
    loop {
        out.extend_from_slice(&bytes[from..found.start]);
        out.extend_from_slice(&stand_in(&bytes[found.clone()]));
        from = found.end;
        match find(bytes, from) {
            Some(next) => found = next,
            None => break,
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out
}

/// `key:` and 32 bits of a hash. It has no key of its own: the same credential reads the same on every machine, and of something that
/// nobody can guess 32 bits give nothing away.
fn stand_in(secret: &[u8]) -> [u8; MARK.len() + DIGITS] {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let mut hasher = SipHasher13::new();
    hasher.write(secret);
    let hash = hasher.finish();
    let mut out = [0; MARK.len() + DIGITS];
    out[..MARK.len()].copy_from_slice(MARK);
    for (place, digit) in out[MARK.len()..].iter_mut().enumerate() {
        *digit = HEX[(hash >> (4 * place)) as usize & 15];
    }
    out
}

/// The first credential that begins at `from` or behind it.
fn find(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    if bytes.len() < LEAST {
        return None;
    }
    (from..bytes.len()).find_map(|at| {
        let byte = bytes[at];
        let found = match byte {
            b':' | b'=' => in_address(bytes, at).or_else(|| named(bytes, at)),
            b'-' => key_block(bytes, at),
            b'0'..=b'9' => chat_bot(bytes, at),
            _ if FIRST[byte as usize] && begins_word(bytes, at) => shaped(bytes, at),
            _ => None,
        };
        // Whatever rule found it, no letter of it stays behind.
        found.map(|found| found.start..found.end + Body::Word.run(&bytes[found.end..]))
    })
}

fn begins_word(bytes: &[u8], at: usize) -> bool {
    at == 0 || !bytes[at - 1].is_ascii_alphanumeric()
}

/// A credential with a prefix of its own.
fn shaped(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &bytes[at..];
    for (prefix, body, least) in SHAPES {
        if rest.starts_with(prefix) {
            let length = body.run(&rest[prefix.len()..]);
            if length >= least {
                return Some(at..at + prefix.len() + length);
            }
        }
    }
    match rest[0] {
        b's' => {
            let body = rest.strip_prefix(b"sk-")?;
            let length = Body::Word.run(body);
            looks_random(&body[..length]).then_some(at..at + 3 + length)
        }
        b'e' => web_token(rest).map(|length| at..at + length),
        b'B' | b'b' => {
            let scheme = [b"bearer".as_slice(), b"basic"]
                .into_iter()
                .find(|scheme| rest.get(..scheme.len()).is_some_and(|word| word.eq_ignore_ascii_case(scheme)))?;
            let blanks = rest[scheme.len()..].iter().take_while(|byte| matches!(byte, b' ' | b'+' | b':')).count();
            let start = scheme.len() + blanks;
            let length = Body::Parts.run(&rest[start..]);
            let is_one = length >= 16 && (scheme.len() == 6 || looks_random(&rest[start..start + length]));
            (blanks > 0 && is_one).then_some(at + start..at + start + length)
        }
        _ => None,
    }
}

/// Two or more parts of base64, the first of which is a JSON object: `eyJ` is `{"`.
fn web_token(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"eyJ") {
        return None;
    }
    let first = Body::Word.run(bytes);
    let second = bytes.get(first + 1..).filter(|_| bytes[first] == b'.').map(|rest| Body::Word.run(rest))?;
    // Up to three more: signature, or the parts of an encrypted one.
    (first >= 10 && second >= 8).then(|| Body::Parts.run(bytes))
}

/// `123456789:AA…`: a chat bot's. Of nine digits at least: eight are what stands for a credential.
fn chat_bot(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if !begins_word(bytes, at) {
        return None;
    }
    let rest = &bytes[at..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let body = (9..=11).contains(&digits).then(|| rest[digits..].strip_prefix(b":AA")).flatten()?;
    let length = Body::Word.run(body);
    (length >= 30).then_some(at..at + digits + 3 + length)
}

/// A key in its armour, to the end of it or of the text.
fn key_block(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = &bytes[at..];
    let inside = rest.strip_prefix(b"-----BEGIN")?;
    let end = inside.windows(8).position(|window| window == b"-----END").map(|place| {
        let tail = &inside[place + 8..];
        let closing = tail.windows(5).position(|window| window == b"-----").map_or(tail.len(), |at| at + 5);
        rest.len() - tail.len() + closing
    });
    Some(at..at + end.unwrap_or(rest.len()))
}

/// The password in `scheme://name:password@host`, or a credential in the name's place.
fn in_address(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes[at..].strip_prefix(b"://")?;
    let ends = |byte: &u8| matches!(byte, b'/' | b'?' | b'#' | b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'');
    let authority = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
    let who = &authority[..authority.iter().rposition(|byte| *byte == b'@')?];
    let start = at + 3;
    if who.strip_prefix(MARK).is_some_and(begins_as_digits) {
        return None;
    }
    match who.iter().position(|byte| *byte == b':') {
        Some(colon) => {
            let password = &who[colon + 1..];
            // A name that is a credential goes with its password.
            let from = if find(&who[..colon], 0).is_some() || looks_random(&who[..colon]) { 0 } else { colon + 1 };
            (!password.is_empty() && !is_stand_in(password)).then_some(start + from..start + who.len())
        }
        None => looks_random(who).then_some(start..start + who.len()),
    }
}

/// What stands behind `name=` or `name: ` where the name says that it is a credential.
fn named(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let is_space = |byte: &&u8| matches!(byte, b' ' | b'"' | b'\'');
    let before = &bytes[..at];
    let before = &before[..before.len() - before.iter().rev().take_while(is_space).count()];
    let ends_with = |name: &&[u8]| {
        let tail = before.len().checked_sub(name.len()).map(|from| &before[from..]);
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(name))
    };
    let is_password = PASSWORDS.iter().any(ends_with);
    if !is_password && !NAMES.iter().any(ends_with) {
        return None;
    }
    let start = at + 1 + bytes[at + 1..].iter().take_while(is_space).count();
    let rest = &bytes[start..];
    if is_password {
        // `password: forgotten` is prose.
        let is_prose = bytes[at] == b':' && rest.len() < bytes[at + 1..].len() && bytes[start - 1] == b' ';
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'&' | b';' | b',' | b'"' | b'\'');
        let value = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
        // One that the end of a label has cut is one, too.
        let stood_in = value.len() <= MARK.len() + DIGITS && value.strip_prefix(MARK).is_some_and(is_digits);
        let is_one = if is_prose { looks_random(value) } else { value.len() >= 6 };
        return (is_one && !stood_in).then_some(start..start + value.len());
    }
    let length = Body::Parts.run(rest);
    // What stands for a credential further in is no part of this one: it was looked at before that was replaced, and was none.
    let inner = rest[..length].ends_with(b"key") && rest[length..].strip_prefix(b":").is_some_and(begins_as_digits);
    let value = &rest[..if inner { length - 3 } else { length }];
    (!begins_as_digits(rest) && looks_random(value)).then_some(start..start + value.len())
}

fn is_stand_in(bytes: &[u8]) -> bool {
    bytes.len() == MARK.len() + DIGITS && bytes.strip_prefix(MARK).is_some_and(is_digits)
}

/// Eight digits behind which no letter follows: so ends what a credential was replaced by.
fn begins_as_digits(bytes: &[u8]) -> bool {
    bytes.get(..DIGITS).is_some_and(is_digits) && !bytes.get(DIGITS).is_some_and(|next| Body::Word.has(*next))
}

fn is_digits(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether nobody would have chosen this as a name: at least 16 bytes, and capitals among small letters, or a part of 12 with letters and
/// digits, or one of 20. `sk-customer-support-bot-v2` is a name.
fn looks_random(body: &[u8]) -> bool {
    let has = |part: &[u8], is: fn(&u8) -> bool| part.iter().any(is);
    let mixed = || has(body, u8::is_ascii_uppercase) && has(body, u8::is_ascii_lowercase);
    let mut parts = body.split(|byte| !byte.is_ascii_alphanumeric());
    body.len() >= 16
        && (mixed()
            || parts.any(|part| {
                part.len() >= 20
                    || part.len() >= 12 && has(part, u8::is_ascii_digit) && has(part, u8::is_ascii_alphabetic)
            }))
}

#[cfg(test)]
mod tests;
