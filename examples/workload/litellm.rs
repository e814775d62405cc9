//! `LiteLLM`'s standard logging payloads of 13 kB: the fixture's whole ones with ids, times and costs of their own.

use std::fmt::Write as _;
use std::io::{self, Write};

use costtop::money::Money;

const FIXTURE: &str = include_str!("../../tests/fixtures/formats/litellm.jsonl");
/// Lines of the fixture with every price of their model; its others are shortened.
const WHOLE_PAYLOAD: usize = 12_000;

/// What the lines come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    pub charges: u64,
    pub bytes: u64,
    pub cost: Money,
}

/// What is a line's own.
#[derive(Clone, Copy)]
enum Own {
    Id,
    Call,
    Start,
    End,
    Cost,
}

/// A line cut where its own parts stand.
struct Template {
    pieces: Vec<(String, Option<Own>)>,
}

impl Template {
    fn new(line: &str) -> Template {
        let value: serde_json::Value = serde_json::from_str(line).expect("the fixture's whole lines are JSON");
        let raw = |key: &str| {
            let value = &value[key];
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        };
        let marks = [
            (raw("id"), Own::Id),
            (raw("litellm_call_id"), Own::Call),
            (raw("startTime"), Own::Start),
            (raw("endTime"), Own::End),
            (raw("response_cost"), Own::Cost),
        ];
        let mut pieces = Vec::new();
        let mut rest = line;
        loop {
            let next = marks
                .iter()
                .filter(|(text, _)| !text.is_empty())
                .filter_map(|(text, own)| Some((rest.find(text.as_str())?, text, *own)))
                .min_by_key(|(at, _, _)| *at);
            let Some((at, text, own)) = next else { break };
            pieces.push((rest[..at].to_owned(), Some(own)));
            rest = &rest[at + text.len()..];
        }
        pieces.push((rest.to_owned(), None));
        Template { pieces }
    }
}

/// Writes about `bytes` bytes of lines to `out`.
///
/// # Errors
/// What `out` says.
pub fn write(out: &mut impl Write, bytes: u64) -> io::Result<Truth> {
    let templates: Vec<Template> =
        FIXTURE.split_inclusive('\n').filter(|line| line.len() >= WHOLE_PAYLOAD).map(Template::new).collect();
    let mut truth = Truth::default();
    let mut line = String::new();
    while truth.bytes < bytes {
        let number = truth.charges;
        let micro = 1_000 + number % 90_000;
        line.clear();
        for (text, own) in &templates[number as usize % templates.len()].pieces {
            line.push_str(text);
            // Writing to a string cannot fail.
            match own {
                None => {}
                Some(Own::Id) => drop(write!(line, "resp_{number:024}")),
                Some(Own::Call) => drop(write!(line, "92184481-a6f6-4541-9e46-{number:012x}")),
                // 2026-11-20, one second apart.
                Some(Own::Start) => drop(write!(line, "{}.5", 1_795_132_800 + number % 86_400)),
                Some(Own::End) => drop(write!(line, "{}.75", 1_795_132_800 + number % 86_400)),
                Some(Own::Cost) => drop(write!(line, "0.{micro:06}")),
            }
        }
        out.write_all(line.as_bytes())?;
        truth.charges += 1;
        truth.bytes += line.len() as u64;
        truth.cost += Money::from_pico(i128::from(micro) * 1_000_000);
    }
    out.flush()?;
    Ok(truth)
}
