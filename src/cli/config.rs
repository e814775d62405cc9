//! `costtop config path|print|check|init`: the configuration file. Where it is, what holds, what is wrong, a first one.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use super::flags::Global;
use super::{Failure, dashboard, setup, stdout};
use crate::alarm::Budgets;
use crate::config::{Loaded, Origin, TEMPLATE, default_path};
use crate::output::figures;
use crate::price::PriceError;
use crate::run;
use crate::source::SourceSpec;
use crate::source::access::{Access, AccessError};
use crate::time::Timestamp;
use crate::ui::graph::Graph;
use crate::ui::theme::{Depth, ThemeRefusal};

/// What `config` takes.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(after_help = EXAMPLES, arg_required_else_help = false)]
pub struct ConfigArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What can be done with the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigAction {
    /// Print where the file is looked for
    Path,
    /// Print what holds now: defaults, file, environment and flags together
    Print,
    /// Say what is wrong with it; exit code 78 if anything is
    Check,
    /// Write a commented file where there is none
    Init,
}

const EXAMPLES: &str = "\
Examples:
  costtop config init && $EDITOR \"$(costtop config path)\"
  costtop --config new.toml config check";

/// Does what was asked.
///
/// # Errors
/// A refused configuration; no place for the file; a file that is there already; stdout.
pub fn run(args: &ConfigArgs, global: &Global) -> Result<ExitCode, Failure> {
    match args.action {
        ConfigAction::Path => path(global)?,
        ConfigAction::Print => write!(io::stdout(), "{}", setup::load_config(global)?.print_effective())?,
        ConfigAction::Check => writeln!(io::stdout(), "{}", check(global)?)?,
        ConfigAction::Init => init(&place(global)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Where the file is looked for: `--config`, `COSTTOP_CONFIG`, else the usual place.
fn place(global: &Global) -> Result<PathBuf, Failure> {
    let variable = || std::env::var_os("COSTTOP_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
    let place = global.config.clone().or_else(variable).or_else(default_path);
    place.ok_or_else(|| Failure::usage("no home folder: name the file with --config FILE, or set HOME"))
}

fn path(global: &Global) -> Result<(), Failure> {
    use std::os::unix::ffi::OsStrExt;
    let place = place(global)?;
    // Bytes as they are: this is for "$(costtop config path)".
    let mut line = place.as_os_str().as_bytes().to_vec();
    line.push(b'\n');
    io::stdout().write_all(&line)?;
    if !place.exists() {
        stdout::note("no file there yet: 'costtop config init' writes one");
    }
    Ok(())
}

/// Everything a command would refuse, and what the file comes to.
fn check(global: &Global) -> Result<String, Failure> {
    let loaded = setup::load_config(global)?;
    let config = &loaded.config;
    let themes = dashboard::themes(&config.theme, Depth::TrueColor, Graph::Braille);
    let themes = themes.map_err(|refusal| match refusal {
        ThemeRefusal::File(error) => Failure::configuration(error),
        ThemeRefusal::Unknown(what) => refused(&loaded, "theme", &what),
    })?;
    if let Some(error) = themes.refused().next() {
        return Err(Failure::configuration(error));
    }
    let access = Access::load(&config.server, |name| std::env::var(name).ok()).map_err(|error| {
        let place = match &error {
            AccessError::Read { what, .. }
            | AccessError::Pem { what, .. }
            | AccessError::Shared(what, _)
            | AccessError::NoToken(what)
            | AccessError::TokenLine(what, _)
            | AccessError::Weak(what, _) => what,
            _ => "token_env",
        };
        refused(&loaded, &format!("server.{place}"), &error)
    })?;
    for (at, source) in config.sources.iter().enumerate() {
        let id = u16::try_from(at).unwrap_or(u16::MAX);
        let place = format!("source.{at}");
        let spec = SourceSpec::parse(id, &source.spec).map_err(|error| refused(&loaded, &place, &error))?;
        access.guards(&spec.name, &spec.spec).map_err(|error| refused(&loaded, &place, &error))?;
    }
    run::prices(config).map_err(|error| {
        let place = match &error {
            PriceError::Read { .. } | PriceError::Grammar { .. } => "prices.files".to_owned(),
            PriceError::Discount(number) | PriceError::Glob { number, .. } => format!("prices.discount.{}", number - 1),
        };
        refused(&loaded, &place, &error)
    })?;
    Budgets::new(config.zone, &config.budgets, Timestamp::now())
        .map_err(|error| refused(&loaded, "budget.0", &error))?;
    let prices = &config.prices;
    let counts = [
        (config.sources.len(), "source", "sources"),
        (prices.files.len(), "price file", "price files"),
        (prices.models.len(), "price", "prices"),
        (prices.aliases.len(), "alias", "aliases"),
        (prices.discounts.len(), "discount", "discounts"),
        (config.budgets.len(), "budget", "budgets"),
        (config.hooks.len(), "hook", "hooks"),
    ];
    let there = counts.into_iter().filter(|(count, ..)| *count > 0);
    let mut said: Vec<String> = there.map(|(count, one, many)| figures::number_of(count as u64, one, many)).collect();
    if said.is_empty() {
        said.push("no sources, prices, budgets or hooks".to_owned());
    }
    let file = match &loaded.file {
        Some(file) => figures::path(file),
        None => format!("no file at {}", figures::path(&place(global).unwrap_or_default())),
    };
    Ok(format!("ok: {file}: {}", said.join(", ")))
}

/// A refusal with the line of the file that it is about.
fn refused(loaded: &Loaded, path: &str, what: &dyn std::fmt::Display) -> Failure {
    match loaded.origins.get(path) {
        Origin::Default => Failure::configuration(what),
        origin => Failure::configuration(format!("{origin}: {what}")),
    }
}

/// Writes the commented file; nobody else may read it, as it may come to name hooks and customers.
fn init(place: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    let name = figures::path(place);
    if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("cannot create the folder of '{name}': name another file with --config"))?;
    }
    let opened = std::fs::File::options().write(true).create_new(true).mode(0o600).open(place);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(anyhow::anyhow!("'{name}' is there already: edit it, or move it away first").into());
        }
        opened => opened.with_context(|| format!("cannot create '{name}': name another file with --config"))?,
    };
    if let Err(error) = file.write_all(TEMPLATE.as_bytes()).and_then(|()| file.sync_all()) {
        // Half a file would be read as a whole one; if it cannot be removed either, the error below says where it lies.
        let _ = std::fs::remove_file(place);
        return Err(anyhow::Error::from(error).context(format!("cannot write '{name}': free some space")).into());
    }
    writeln!(io::stdout(), "wrote {name}: every line is a comment until you say otherwise")?;
    Ok(())
}
