//! From a log's model name to a table entry. What the log says enters, an entry and how it was found leave; a version number is never shortened and nothing is guessed.

use std::fmt;

use super::entry::ModelPrice;

mod change;

use change::Candidate;
pub use change::{Rule, undated};

/// Names tried for one model at most; what an operator's logs need is below ten.
const MAX_CANDIDATES: usize = 64;

/// Longer names are not looked for: no table has one.
pub(super) const MAX_NAME: usize = 512;

/// Names under which logs know a provider whose entries start differently.
const PROVIDERS: [(&str, &str); 32] = [
    ("google", "gemini"),
    ("gcp.gemini", "gemini"),
    ("gcp.gen_ai", "gemini"),
    ("google_ai_studio", "gemini"),
    ("google.generative_ai", "gemini"),
    ("gcp.vertex_ai", "vertex_ai"),
    ("vertex", "vertex_ai"),
    ("google_vertex", "vertex_ai"),
    ("vertexai", "vertex_ai"),
    ("google.vertex", "vertex_ai"),
    ("vertex.anthropic", "vertex_ai"),
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
    ("moonshot_ai", "moonshot"),
    ("z.ai", "zai"),
    ("z_ai", "zai"),
    ("alibaba", "dashscope"),
    ("alibaba_cloud", "dashscope"),
    ("fireworks", "fireworks_ai"),
    ("together", "together_ai"),
    ("togetherai", "together_ai"),
    ("ibm.watsonx.ai", "watsonx"),
];

/// What Vercel's SDK writes behind a provider to say which of its interfaces was asked: `xai.chat`.
const INTERFACES: [&str; 5] = [".chat", ".completion", ".embedding", ".messages", ".responses"];

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
    type Entry;

    /// How many tables there are.
    fn layers(&self) -> usize;

    /// The entry of that name in one table, ASCII case aside, and the name as the table writes it.
    fn find(&self, layer: usize, name: &str) -> Option<(String, Self::Entry)>;

    /// The price in what a table gave.
    fn price<'e>(&self, entry: &'e Self::Entry) -> &'e ModelPrice;
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

/// What one rule came to in a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The rule.
    pub rule: Rule,
    /// The names it made that had not been tried before, in the order in which they are looked for.
    pub names: Vec<String>,
    /// The name among them that a table has.
    pub found: Option<String>,
    /// Why it made no name, where the reason is the operator's business.
    pub kept: Option<&'static str>,
}

/// Finds the entry: rules are tried from the surest to the loosest, and within one rule the strongest table first.
pub fn resolve<T: Tables>(wanted: &Wanted<'_>, alias: Option<&str>, tables: &T) -> Option<Match<T::Entry>> {
    search(wanted, alias, tables, &mut |_, _, _, _| {})
}

/// The same search with every rule that was tried, up to the one that found it.
pub fn trace<T: Tables>(
    wanted: &Wanted<'_>,
    alias: Option<&str>,
    tables: &T,
) -> (Vec<Attempt>, Option<Match<T::Entry>>) {
    let mut attempts = Vec::new();
    let found = search(wanted, alias, tables, &mut |rule, seen, fresh, found| {
        attempts.push(Attempt {
            rule,
            names: fresh.iter().map(|made| made.name.clone()).collect(),
            found: found.map(str::to_owned),
            kept: if fresh.is_empty() { rule.why_not(seen) } else { None },
        });
    });
    (attempts, found)
}

/// Told each rule, the names before it, the names it made, and the one of them that a table has.
type Watch<'w> = dyn FnMut(Rule, &[Candidate], &[Candidate], Option<&str>) + 'w;

fn search<T: Tables>(
    wanted: &Wanted<'_>,
    alias: Option<&str>,
    tables: &T,
    watch: &mut Watch<'_>,
) -> Option<Match<T::Entry>> {
    let named = alias.unwrap_or(wanted.model).trim();
    if named.is_empty() || named.len() > MAX_NAME {
        return None;
    }
    let start: Vec<Step> = alias.map(|_| Step::Alias).into_iter().collect();
    let mut seen: Vec<Candidate> = Vec::new();
    for rule in Rule::ALL {
        let mut fresh: Vec<Candidate> = Vec::new();
        if rule == Rule::AsNamed {
            fresh = as_named(named, wanted, &start);
        }
        for candidate in &seen {
            for made in rule.of(candidate, wanted.region, tables) {
                if seen.len() + fresh.len() < MAX_CANDIDATES && !made.name.is_empty() {
                    fresh.push(made);
                }
            }
        }
        fresh.retain(|made| !seen.iter().any(|it| it.name == made.name));
        let found = first_found(&fresh, tables);
        watch(rule, &seen, &fresh, found.as_ref().map(|(candidate, _)| fresh[*candidate].name.as_str()));
        if let Some((_, found)) = found {
            return Some(found);
        }
        seen.append(&mut fresh);
    }
    None
}

/// The first of `names` that the strongest table has: its place, and the entry.
fn first_found<T: Tables>(names: &[Candidate], tables: &T) -> Option<(usize, Match<T::Entry>)> {
    for layer in 0..tables.layers() {
        for (at, candidate) in names.iter().enumerate() {
            if let Some((name, entry)) = tables.find(layer, &candidate.name) {
                let mut steps = candidate.steps.clone();
                if name != candidate.name {
                    steps.push(Step::Case);
                }
                return Some((at, Match { layer, name, entry, steps }));
            }
        }
    }
    None
}

/// The prefix under which the table keeps a provider's entries.
#[must_use]
pub fn table_provider(provider: &str) -> String {
    let lower = provider.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    let bare = INTERFACES.iter().find_map(|interface| lower.strip_suffix(interface)).unwrap_or(&lower);
    let family = bare.strip_prefix("vertex_ai_").map(|_| "vertex_ai");
    let known = PROVIDERS.iter().find(|(name, _)| *name == bare).map(|(_, prefix)| *prefix);
    family.or(known).unwrap_or(bare).to_owned()
}

/// With provider and region, with provider, bare, and without the provider's own prefix. Some of a provider's models are named as if they
/// had its prefix already, and some providers stand in the table as logs write them, with a hyphen.
fn as_named(named: &str, wanted: &Wanted<'_>, start: &[Step]) -> Vec<Candidate> {
    let known = table_provider(wanted.provider);
    let written = wanted.provider.trim().to_ascii_lowercase();
    let own = named.strip_prefix(&known).and_then(|rest| rest.strip_prefix('/')).filter(|_| !known.is_empty());
    let bare = own.unwrap_or(named);
    let with =
        |step: Option<Step>, name: String| Candidate { name, steps: start.iter().copied().chain(step).collect() };
    let added = || Some(Step::ProviderAdded);
    let mut names = Vec::new();
    if !known.is_empty() {
        if !wanted.region.is_empty() {
            names.push(with(added(), format!("{known}/{}/{bare}", wanted.region)));
        }
        names.push(with(added().filter(|_| own.is_none()), format!("{known}/{bare}")));
        if own.is_some() {
            names.push(with(added(), format!("{known}/{named}")));
        }
        if written.contains('-') {
            names.push(with(added(), format!("{written}/{bare}")));
        }
    }
    names.push(with(own.map(|_| Step::PrefixDropped), bare.to_owned()));
    names
}
