//! Lines in costtop's own format: a plan enters, charges with their costs and their truth leave, in order of time.
//!
//! Users are of unlike weight: a tenth of the charges falls on few of them. A session is one user's run of about twelve requests on
//! one model, and its prompt grows; one request in a hundred fails.

use std::fmt::Write as _;
use std::io::{self, Write};

use costtop::cli::demo::random::Random;
use costtop::money::Money;
use costtop::time::Timestamp;

/// Picodollars per token: input, output, read, write. List prices of November 2025.
const MODELS: [(&str, [u64; 4]); 5] = [
    ("claude-haiku-4-5", [1_000_000, 5_000_000, 100_000, 1_250_000]),
    ("claude-sonnet-4-5", [3_000_000, 15_000_000, 300_000, 3_750_000]),
    ("claude-opus-4-5", [5_000_000, 25_000_000, 500_000, 6_250_000]),
    ("gpt-5-mini", [250_000, 2_000_000, 25_000, 250_000]),
    ("gpt-5", [1_250_000, 10_000_000, 125_000, 1_250_000]),
];
const FEATURES: [&str; 7] = ["coding-agent", "chat", "support-bot", "search", "summarize", "nightly-eval", "ci-review"];
/// Sessions that are going on at one time.
const OPEN: usize = 64;
/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;

/// What to write.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub charges: u64,
    pub users: u64,
    /// From the first to the last charge, in milliseconds.
    pub span_ms: u64,
    /// Of the first charge, in milliseconds since the epoch.
    pub start_ms: i64,
    pub seed: u64,
}

/// What the lines come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub charges: u64,
    pub bytes: u64,
    pub tokens: u64,
    pub cost: Money,
}

#[derive(Clone, Copy)]
struct Session {
    number: u64,
    user: u64,
    model: usize,
    prompt: u64,
    left: u64,
}

/// Writes all lines to `out`.
///
/// # Errors
/// What `out` says.
pub fn write(out: &mut impl Write, plan: &Plan) -> io::Result<Truth> {
    let mut random = Random::new(plan.seed);
    let mut truth = Truth::default();
    let mut open = [Session { number: 0, user: 0, model: 0, prompt: 0, left: 0 }; OPEN];
    let mut sessions = 0;
    let mut line = String::new();
    for number in 0..plan.charges {
        let session = &mut open[random.bits() as usize % OPEN];
        if session.left == 0 {
            sessions += 1;
            *session = Session {
                number: sessions,
                user: user(&mut random, plan.users, sessions),
                model: random.between(0, 4) as usize,
                prompt: random.skewed(8_000),
                left: random.between(1, 23),
            };
        }
        session.left -= 1;
        let at = plan.start_ms + (u128::from(plan.span_ms) * u128::from(number) / u128::from(plan.charges)) as i64;
        let failed = random.chance(10);
        let new = random.skewed(900);
        session.prompt = (session.prompt + new).min(180_000);
        let read = if failed || random.chance(120) { 0 } else { session.prompt - new };
        let write = if failed { 0 } else { (session.prompt - read) * 9 / 10 };
        let input = if failed { 0 } else { session.prompt - read - write };
        let output = if failed { 0 } else { random.skewed(350) };
        let (model, [price_input, price_output, price_read, price_write]) = MODELS[session.model];
        let pico = input * price_input + output * price_output + read * price_read + write * price_write;
        let (cost, user) = (Money::from_pico(pico.into()), session.user);
        line.clear();
        let _ = writeln!(
            line,
            r#"{{"ts":"{}","request_id":"r{}-{number:08}","session_id":"s{:07}","user":"user-{user:03}","team":"team-{}","feature":"{}","model":"{model}","input_tokens":{input},"output_tokens":{output},"cache_read_tokens":{read},"cache_write_tokens":{write},"cost_usd":{cost},"latency_ms":{},"status":{}}}"#,
            Timestamp::from_ms(at),
            plan.seed,
            session.number,
            user % 8,
            FEATURES[(user % 7) as usize],
            900 + output * 9,
            if failed { 529 } else { 200 },
        );
        out.write_all(line.as_bytes())?;
        truth.charges += 1;
        truth.bytes += line.len() as u64;
        truth.tokens += input + output + read + write;
        truth.cost += cost;
    }
    out.flush()?;
    Ok(truth)
}

/// Every user has a session before any has a second; later ones fall on the first users more often.
fn user(random: &mut Random, users: u64, session: u64) -> u64 {
    if session <= users {
        return session - 1;
    }
    let bound = random.between(1, users);
    random.between(0, bound - 1)
}
