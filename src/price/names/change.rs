//! The rules that change a name. A candidate enters, the names that it may stand for leave, with how; a version number is never shortened.

use std::fmt;

use super::{Step, Tables};

/// Geographic prefixes of Bedrock's inference profiles. All but `global` may cost more than the bare name.
const GEOGRAPHIES: [&str; 9] = ["us", "eu", "apac", "au", "jp", "ca", "global", "us-gov", "sa"];

/// A name that is looked for, and how it came about.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
}

/// One rule of the search. Each is tried on all names that the ones before it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// With provider and region, with the provider, bare.
    AsNamed,
    /// Without leading `provider/` segments.
    Segments,
    /// The id at the end of an ARN.
    Arn,
    /// Without a geographic prefix that costs nothing.
    Geography,
    /// `@20251001` for `-20251001`.
    AtDate,
    /// Without `[1m]`, `:thinking`, `-v1:0`.
    Variant,
    /// Without a trailing date.
    Date,
    /// `.` for `-`.
    Punctuation,
}

impl Rule {
    /// From the surest to the loosest.
    pub const ALL: [Rule; 8] = [
        Rule::AsNamed,
        Rule::Segments,
        Rule::Arn,
        Rule::Geography,
        Rule::AtDate,
        Rule::Variant,
        Rule::Date,
        Rule::Punctuation,
    ];

    pub(super) fn of<T: Tables>(self, candidate: &Candidate, region: &str, tables: &T) -> Vec<Candidate> {
        match self {
            Rule::AsNamed => Vec::new(),
            Rule::Segments => without_segments(candidate),
            Rule::Arn => after_arn(candidate, region),
            Rule::Geography => without_geography(candidate, tables),
            Rule::AtDate => at_date(candidate),
            Rule::Variant => without_variant(candidate),
            Rule::Date => without_date(candidate),
            Rule::Punctuation => other_punctuation(candidate),
        }
    }

    /// Why the rule left a name alone that looks as if it were meant.
    pub(super) fn why_not(self, seen: &[Candidate]) -> Option<&'static str> {
        let any = |test: &dyn Fn(&str) -> bool| seen.iter().any(|it| test(&it.name));
        match self {
            Rule::Segments if any(&|name| name.split_once('/').is_some_and(|(first, _)| is_geography(first))) => {
                Some("a geography in front stays: it can cost more")
            }
            Rule::Arn if any(&|name| name.contains("application-inference-profile/")) => {
                Some("an application's own profile does not say its model: give it an alias in [prices.alias]")
            }
            Rule::Geography if any(&|name| name.split_once('.').is_some_and(|(first, _)| is_geography(first))) => {
                Some("the geography stays: the tables do not say that it costs what the bare name costs")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rule::AsNamed => "as named",
            Rule::Segments => "without 'provider/'",
            Rule::Arn => "id of the ARN",
            Rule::Geography => "without geography",
            Rule::AtDate => "'@' as '-'",
            Rule::Variant => "without variant",
            Rule::Date => "without date",
            Rule::Punctuation => "'.' and '-' exchanged",
        })
    }
}

impl Candidate {
    fn then(&self, step: Step, name: impl Into<String>) -> Candidate {
        let mut steps = self.steps.clone();
        if !steps.contains(&step) {
            steps.push(step);
        }
        Candidate { name: name.into(), steps }
    }
}

/// Every tail after a `/`, but never past a segment that names a geography: those can cost more.
fn without_segments(candidate: &Candidate) -> Vec<Candidate> {
    if candidate.steps.contains(&Step::ProviderAdded) || candidate.name.starts_with("arn:") {
        return Vec::new();
    }
    let mut made = Vec::new();
    let mut rest = candidate.name.as_str();
    while let Some((segment, tail)) = rest.split_once('/') {
        if segment.starts_with("arn:") || (is_geography(segment) && segment != "global") {
            break;
        }
        made.push(candidate.then(Step::PrefixDropped, tail));
        rest = tail;
    }
    made
}

fn is_geography(segment: &str) -> bool {
    GEOGRAPHIES.iter().any(|it| it.eq_ignore_ascii_case(segment))
}

/// `arn:aws:bedrock:us-east-1:…:inference-profile/ID` gives ID, in the log's region, else the ARN's, first.
/// An application's own profile says nothing of its model.
fn after_arn(candidate: &Candidate, region: &str) -> Vec<Candidate> {
    let name = candidate.name.as_str();
    if !name.starts_with("arn:") || name.contains("application-inference-profile/") {
        return Vec::new();
    }
    let Some((_, id)) = name.split_once("foundation-model/").or_else(|| name.split_once("inference-profile/")) else {
        return Vec::new();
    };
    let region = if region.is_empty() { name.split(':').nth(3).unwrap_or_default() } else { region };
    let plain = candidate.then(Step::Arn, id);
    let regional = plain.then(Step::ProviderAdded, format!("bedrock/{region}/{id}"));
    if region.is_empty() { vec![plain] } else { vec![regional, plain] }
}

/// `us.anthropic.…` without `us.`, only where that cannot change the price: `global.` is the bare price,
/// and for others every geography that the tables do have must cost what the bare name costs.
fn without_geography<T: Tables>(candidate: &Candidate, tables: &T) -> Vec<Candidate> {
    let Some((geography, bare)) = candidate.name.split_once('.') else { return Vec::new() };
    if !is_geography(geography) || !bare.contains('.') {
        return Vec::new();
    }
    let find = |name: &str| (0..tables.layers()).find_map(|layer| tables.find(layer, name)).map(|(_, entry)| entry);
    let safe = geography == "global" || {
        let siblings = GEOGRAPHIES.iter().filter(|it| **it != "global").filter_map(|it| find(&format!("{it}.{bare}")));
        let siblings: Vec<_> = siblings.collect();
        let bare = find(bare);
        !siblings.is_empty()
            && bare.is_some_and(|bare| siblings.iter().all(|it| tables.price(it).rates == tables.price(&bare).rates))
    };
    if safe { vec![candidate.then(Step::GeographyDropped, bare)] } else { Vec::new() }
}

/// Vertex writes `model@date`, others `model-date`.
fn at_date(candidate: &Candidate) -> Vec<Candidate> {
    let name = &candidate.name;
    if let Some((model, date)) = name.rsplit_once('@') {
        return match date {
            "default" | "latest" => vec![candidate.then(Step::AtDate, model)],
            _ if is_compact_date(date) => vec![candidate.then(Step::AtDate, format!("{model}-{date}"))],
            _ => Vec::new(),
        };
    }
    match name.rsplit_once('-') {
        Some((model, date)) if is_compact_date(date) => vec![candidate.then(Step::AtDate, format!("{model}@{date}"))],
        Some((model, "latest")) => vec![candidate.then(Step::AtDate, format!("{model}@latest"))],
        _ => Vec::new(),
    }
}

/// Without `[1m]`, `:thinking`, `:free`, `:0`, then without `-v1`.
fn without_variant(candidate: &Candidate) -> Vec<Candidate> {
    let mut made = Vec::new();
    let mut current = candidate.clone();
    loop {
        let name = current.name.as_str();
        let (step, shorter) = if let Some(rest) = name.strip_suffix("[1m]").or_else(|| name.strip_suffix(":thinking")) {
            (Step::VariantDropped, rest)
        } else if let Some(rest) = name.strip_suffix(":free") {
            (Step::FreeVariant, rest)
        } else if let Some((rest, number)) = name.rsplit_once(':')
            && is_number(number)
        {
            (Step::VariantDropped, rest)
        } else if let Some((rest, version)) = name.rsplit_once("-v")
            && version == "1"
            && candidate.name.ends_with(":0")
        {
            (Step::VariantDropped, rest)
        } else {
            return made;
        };
        current = current.then(step, shorter.to_owned());
        made.push(current.clone());
    }
}

/// Without a trailing `-20251001`, `-2025-10-01`, `@20251001` or `-latest`.
fn without_date(candidate: &Candidate) -> Vec<Candidate> {
    undated(&candidate.name).map(|model| candidate.then(Step::DateDropped, model)).into_iter().collect()
}

/// What stands before a trailing date or `-latest`; `None` without one.
#[must_use]
pub fn undated(name: &str) -> Option<&str> {
    if let Some((model, tail)) = name.rsplit_once(['-', '@'])
        && (is_compact_date(tail) || tail == "latest")
    {
        return Some(model);
    }
    let (model, tail) = name.len().checked_sub(11).and_then(|at| name.split_at_checked(at))?;
    let date = tail.strip_prefix('-')?;
    let is_date = date.as_bytes()[4] == b'-' && date.as_bytes()[7] == b'-' && is_compact_date(&date.replace('-', ""));
    is_date.then_some(model)
}

/// `4.6` ↔ `4-6`: between two numbers of at most two digits, all places at once.
fn other_punctuation(candidate: &Candidate) -> Vec<Candidate> {
    [('.', '-'), ('-', '.')]
        .into_iter()
        .filter_map(|(from, to)| {
            let changed = exchange(&candidate.name, from, to);
            (changed != candidate.name).then(|| candidate.then(Step::Punctuation, changed))
        })
        .collect()
}

fn exchange(name: &str, from: char, to: char) -> String {
    let digits_before = |at: usize| name[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
    let digits_after = |at: usize| name[at..].bytes().take_while(u8::is_ascii_digit).count();
    name.char_indices()
        .map(|(at, character)| {
            let between =
                (1..=2).contains(&digits_before(at)) && (1..=2).contains(&digits_after(at + character.len_utf8()));
            if character == from && between { to } else { character }
        })
        .collect()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// YYYYMMDD of this century's twenties to forties.
fn is_compact_date(text: &str) -> bool {
    let part = |from: usize, to: usize| text.get(from..to).and_then(|it| it.parse::<u32>().ok()).unwrap_or_default();
    text.len() == 8
        && is_number(text)
        && (2020..2050).contains(&part(0, 4))
        && (1..=12).contains(&part(4, 6))
        && (1..=31).contains(&part(6, 8))
}
