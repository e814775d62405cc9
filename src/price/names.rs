//! From a log's model name to a table entry. What the log says enters, an entry and how it was found leave; a version number is never shortened and nothing is guessed.

use std::fmt;

use super::entry::ModelPrice;

/// Names tried for one model at most; what an operator's logs need is below ten.
const MAX_CANDIDATES: usize = 64;

/// Longer names are not looked for: no table has one.
pub(super) const MAX_NAME: usize = 512;

/// Geographic prefixes of Bedrock's inference profiles. All but `global` may cost more than the bare name.
const GEOGRAPHIES: [&str; 9] = ["us", "eu", "apac", "au", "jp", "ca", "global", "us-gov", "sa"];

/// Names under which logs know a provider whose entries start differently.
const PROVIDERS: [(&str, &str); 25] = [
    ("google", "gemini"),
    ("gcp.gemini", "gemini"),
    ("gcp.gen_ai", "gemini"),
    ("google_ai_studio", "gemini"),
    ("gcp.vertex_ai", "vertex_ai"),
    ("vertex", "vertex_ai"),
    ("google_vertex", "vertex_ai"),
    ("vertexai", "vertex_ai"),
    ("aws.bedrock", "bedrock"),
    ("aws_bedrock", "bedrock"),
    ("amazon_bedrock", "bedrock"),
    ("bedrock_converse", "bedrock"),
    ("azure.ai.openai", "azure"),
    ("azure_openai", "azure"),
    ("azure.ai.inference", "azure_ai"),
    ("x_ai", "xai"),
    ("x.ai", "xai"),
    ("mistral_ai", "mistral"),
    ("mistralai", "mistral"),
    ("moonshotai", "moonshot"),
    ("z.ai", "zai"),
    ("alibaba", "dashscope"),
    ("fireworks", "fireworks_ai"),
    ("together", "together_ai"),
    ("ibm.watsonx.ai", "watsonx"),
];

/// What a record says that decides which entry holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// The model as the log names it.
    pub model: &'a str,
    /// The provider as the log names it.
    pub provider: &'a str,
    /// A cloud region.
    pub region: &'a str,
}

/// One change that led from the log's name to the table's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The configuration says it means another model.
    Alias,
    /// The log's provider (and region) put in front.
    ProviderAdded,
    /// Leading `provider/` segments left out.
    PrefixDropped,
    /// The id at the end of an ARN.
    Arn,
    /// A geographic prefix that does not change the price left out.
    GeographyDropped,
    /// `@20251001` for `-20251001`, or `@default` left out.
    AtDate,
    /// `-v1:0`, `:0`, `:thinking`, `[1m]` left out.
    VariantDropped,
    /// `:free` left out: costs nothing.
    FreeVariant,
    /// A trailing date or `-latest` left out.
    DateDropped,
    /// `4.6` for `4-6` or the reverse.
    Punctuation,
    /// Upper and lower case.
    Case,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Alias => "alias of the configuration",
            Step::ProviderAdded => "provider added",
            Step::PrefixDropped => "prefix left out",
            Step::Arn => "id of the ARN",
            Step::GeographyDropped => "geography left out, same price",
            Step::AtDate => "'@' read as '-'",
            Step::VariantDropped => "variant left out",
            Step::FreeVariant => "free variant",
            Step::DateDropped => "date left out",
            Step::Punctuation => "'.' and '-' exchanged",
            Step::Case => "case ignored",
        })
    }
}

/// Tables, the strongest first.
pub trait Tables {
    /// What a table gives.
    type Entry: AsRef<ModelPrice>;

    /// How many tables there are.
    fn layers(&self) -> usize;

    /// The entry of that name in one table, ASCII case aside, and the name as the table writes it.
    fn find(&self, layer: usize, name: &str) -> Option<(String, Self::Entry)>;
}

/// The entry found.
#[derive(Clone, Debug)]
pub struct Match<E> {
    /// Its table.
    pub layer: usize,
    /// Its name there.
    pub name: String,
    /// What it says.
    pub entry: E,
    /// How it was found; empty for the name as the log has it.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Candidate {
    name: String,
    steps: Vec<Step>,
}

/// Finds the entry: changes are tried from the surest to the loosest, and within one change the strongest table first.
pub fn resolve<T: Tables>(wanted: &Wanted<'_>, alias: Option<&str>, tables: &T) -> Option<Match<T::Entry>> {
    let named = alias.unwrap_or(wanted.model).trim();
    if named.is_empty() || named.len() > MAX_NAME {
        return None;
    }
    let start: Vec<Step> = alias.map(|_| Step::Alias).into_iter().collect();
    let mut seen: Vec<Candidate> = Vec::new();
    let mut fresh = as_named(named, wanted, &start);
    let mut next = 0;
    loop {
        if let Some(found) = first_found(&fresh, tables) {
            return Some(found);
        }
        seen.append(&mut fresh);
        let change = CHANGES.get(next)?;
        next += 1;
        for candidate in &seen {
            for made in change.of(candidate, wanted.region, tables) {
                if seen.len() + fresh.len() < MAX_CANDIDATES && !made.name.is_empty() {
                    fresh.push(made);
                }
            }
        }
        fresh.retain(|made| !seen.iter().any(|it| it.name == made.name));
    }
}

/// A kind of change to a name.
#[derive(Clone, Copy)]
enum Change {
    Segments,
    Arn,
    Geography,
    AtDate,
    Variant,
    Date,
    Punctuation,
}

/// From the surest to the loosest; each is tried on all names that the ones before it made.
const CHANGES: [Change; 7] = [
    Change::Segments,
    Change::Arn,
    Change::Geography,
    Change::AtDate,
    Change::Variant,
    Change::Date,
    Change::Punctuation,
];

impl Change {
    fn of<T: Tables>(self, candidate: &Candidate, region: &str, tables: &T) -> Vec<Candidate> {
        match self {
            Change::Segments => without_segments(candidate),
            Change::Arn => after_arn(candidate, region),
            Change::Geography => without_geography(candidate, tables),
            Change::AtDate => at_date(candidate),
            Change::Variant => without_variant(candidate),
            Change::Date => without_date(candidate),
            Change::Punctuation => other_punctuation(candidate),
        }
    }
}

fn first_found<T: Tables>(names: &[Candidate], tables: &T) -> Option<Match<T::Entry>> {
    for layer in 0..tables.layers() {
        for candidate in names {
            if let Some((name, entry)) = tables.find(layer, &candidate.name) {
                let mut steps = candidate.steps.clone();
                if name != candidate.name {
                    steps.push(Step::Case);
                }
                return Some(Match { layer, name, entry, steps });
            }
        }
    }
    None
}

/// The prefix under which the table keeps a provider's entries.
fn table_provider(provider: &str) -> String {
    let lower = provider.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    let family = lower.strip_prefix("vertex_ai_").map(|_| "vertex_ai");
    let known = PROVIDERS.iter().find(|(name, _)| *name == lower).map(|(_, prefix)| *prefix);
    family.or(known).map_or(lower.clone(), str::to_owned)
}

/// With provider and region, with provider, bare, and without the provider's own prefix.
fn as_named(named: &str, wanted: &Wanted<'_>, start: &[Step]) -> Vec<Candidate> {
    let provider = table_provider(wanted.provider);
    let own = named.strip_prefix(&provider).and_then(|rest| rest.strip_prefix('/')).filter(|_| !provider.is_empty());
    let bare = own.unwrap_or(named);
    let with =
        |step: Option<Step>, name: String| Candidate { name, steps: start.iter().copied().chain(step).collect() };
    let mut names = Vec::new();
    if !provider.is_empty() {
        if !wanted.region.is_empty() {
            names.push(with(Some(Step::ProviderAdded), format!("{provider}/{}/{bare}", wanted.region)));
        }
        names.push(with(own.is_none().then_some(Step::ProviderAdded), format!("{provider}/{bare}")));
    }
    if own.is_none() {
        names.push(with(None, named.to_owned()));
    } else {
        names.push(with(Some(Step::PrefixDropped), bare.to_owned()));
    }
    names
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
        if is_geography(segment) && segment != "global" {
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
            && bare.is_some_and(|bare| siblings.iter().all(|it| it.as_ref().rates == bare.as_ref().rates))
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
            && is_number(version)
            && version.len() == 1
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
    let name = candidate.name.as_str();
    let dotless = |at: usize| name.get(..at).zip(name.get(at..));
    if let Some((model, tail)) = name.rsplit_once(['-', '@'])
        && (is_compact_date(tail) || tail == "latest")
    {
        return vec![candidate.then(Step::DateDropped, model)];
    }
    if let Some((model, tail)) = name.len().checked_sub(11).and_then(dotless)
        && let Some(date) = tail.strip_prefix('-')
        && date.as_bytes()[4] == b'-'
        && date.as_bytes()[7] == b'-'
        && is_compact_date(&date.replace('-', ""))
    {
        return vec![candidate.then(Step::DateDropped, model)];
    }
    Vec::new()
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
