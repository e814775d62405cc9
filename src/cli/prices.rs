//! `costtop prices [MODEL]...`: what a model costs here. Names enter, rates as they are billed leave; a near name is a hint, never a price.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::flags::Global;
use super::setup::Setup;
use crate::label::{Label, clean};
use crate::output::{figures, rates};
use crate::price::entry::Kind;
use crate::price::rules::Unpriced;
use crate::price::{ModelListing, PriceBook, Table};
use crate::time::Timestamp;

/// Names shown beside an unknown one.
const NEAR: usize = 3;
/// Names less alike than this are no hint.
const ALIKE: f64 = 0.6;

/// What `prices` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct PricesArgs {
    /// Models as logs name them [default: every model of the tables]
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  costtop prices claude-sonnet-4-6
  costtop prices bedrock/us.anthropic.claude-opus-4-6-v1 my-fine-tune";

/// Prints the rates; ends with 1 if a named model has no price.
///
/// # Errors
/// A refused configuration, or stdout.
pub fn run(args: &PricesArgs, global: &Global) -> Result<ExitCode, Failure> {
    let setup = Setup::new(global)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let all_known = if args.models.is_empty() {
        every_model(&setup.book, &setup.config.prices.aliases, &mut out)?;
        true
    } else {
        named(&setup.book, &args.models, setup.now, &mut out)?
    };
    out.flush()?;
    Ok(ExitCode::from(u8::from(!all_known)))
}

/// Prints the named models; whether all are known.
fn named(book: &PriceBook, models: &[String], now: Timestamp, out: &mut impl Write) -> io::Result<bool> {
    let mut all_known = true;
    for (at, model) in models.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", Label::new(model))?;
        if let Some(found) = book.lookup(model) {
            for (word, text) in rates::of(book, model, &found, now) {
                writeln!(out, "  {}", format!("{word:8} {text}").trim_end())?;
            }
            continue;
        }
        all_known = false;
        writeln!(out, "  unpriced {}", Unpriced::Unknown)?;
        let near = nearest(book, model);
        if !near.is_empty() {
            writeln!(out, "  near     {} (a hint: nothing is ever billed at a near name's price)", near.join(", "))?;
        }
    }
    Ok(all_known)
}

/// Known names that look like `model`, the likest first.
fn nearest(book: &PriceBook, model: &str) -> Vec<String> {
    // Longer words are no slips of the finger, and comparing them costs their square.
    if model.len() > 128 {
        return Vec::new();
    }
    let bare = |name: &str| name.rsplit('/').next().unwrap_or_default().to_lowercase();
    let like = strsim::normalized_damerau_levenshtein;
    let (whole, wanted) = (model.to_lowercase(), bare(model));
    let alike = |found: ModelListing| {
        let likeness = like(&wanted, &bare(&found.name));
        (likeness >= ALIKE).then(|| ((likeness, like(&whole, &found.name.to_lowercase())), found.name))
    };
    // Among names that only differ in what stands before the last '/', the one most like the whole.
    let mut names: Vec<((f64, f64), String)> = book.models().into_iter().filter_map(alike).collect();
    names.sort_by(|(one, name), (other, other_name)| {
        let by_whole = other.1.total_cmp(&one.1);
        other.0.total_cmp(&one.0).then(by_whole).then_with(|| name.cmp(other_name))
    });
    names.into_iter().take(NEAR).map(|(_, name)| clean(&name).into_owned()).collect()
}

/// Every model on a line of its own: standard rates first, so that long names need no width.
fn every_model(book: &PriceBook, aliases: &BTreeMap<String, String>, out: &mut impl Write) -> io::Result<()> {
    let mut rows =
        vec![["input", "output", "cache read", "write 5m", "write 1h", "model", "table"].map(str::to_owned).to_vec()];
    for found in book.models() {
        let stated = [Kind::Input, Kind::Output, Kind::CacheRead, Kind::CacheWrite5m, Kind::CacheWrite1h].map(|kind| {
            found.price.rate(kind, 0, "").map_or_else(|| "-".to_owned(), |rate| rates::figure(&rate.per_million()))
        });
        let mut row = stated.to_vec();
        row.push(clean(&found.name).into_owned());
        row.push(if found.table == Table::Embedded { "embedded".to_owned() } else { figures::table(&found.table) });
        rows.push(row);
    }
    let models = rows.len() as u64 - 1;
    for (name, model) in aliases {
        let stated = ["-", "-", "-", "-", "-"].map(str::to_owned);
        let alias = [clean(name).into_owned(), format!("alias of {}", clean(model))];
        rows.push(stated.into_iter().chain(alias).collect());
    }
    writeln!(
        out,
        "USD per million tokens, as the tables state them; '-' is not stated. 'costtop prices MODEL' shows all rates."
    )?;
    for line in figures::aligned(&rows, &[true, true, true, true, true], "  ") {
        writeln!(out, "{line}")?;
    }
    let date = Table::Embedded.date().unwrap_or("an unknown day");
    writeln!(out, "{}; the embedded table is of {date}", figures::number_of(models, "model", "models"))
}
