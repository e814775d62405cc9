//! What most commands begin with: flags enter; the checked configuration, prices, sources and the state's folder leave.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::flags::{self, Global};
use super::{Failure, places};
use crate::config::{Config, Loaded, Overrides, SourceConfig};
use crate::engine::bill::CostMode;
use crate::price::PriceBook;
use crate::run::{self, Sources};
use crate::source::SourceError;
use crate::store::location;
use crate::time::Timestamp;

/// A command's surroundings.
pub struct Setup {
    /// What the operator decided.
    pub config: Config,
    /// Prices.
    pub book: Arc<PriceBook>,
    /// Which cost counts.
    pub mode: CostMode,
    /// When the command began.
    pub now: Timestamp,
}

/// The configuration of this machine under the flags.
pub fn load_config(global: &Global) -> Result<Loaded, Failure> {
    let overrides = Overrides {
        config: global.config.clone(),
        timezone: global.timezone.map(|zone| zone.name().to_owned()),
        theme: global.theme.clone(),
        graph: global.graph,
        no_mouse: global.no_mouse,
    };
    Loaded::from_machine(&overrides, &|name| std::env::var(name).ok()).map_err(Failure::configuration)
}

impl Setup {
    /// Reads the configuration and the prices it names.
    pub fn new(global: &Global) -> Result<Setup, Failure> {
        Setup::with_config(global, load_config(global)?.config)
    }

    /// The same over a configuration that is already there.
    pub fn with_config(global: &Global, config: Config) -> Result<Setup, Failure> {
        let book = run::prices(&config).map_err(Failure::configuration)?;
        let mode = match global.cost {
            flags::CostMode::Auto => CostMode::Auto,
            flags::CostMode::Computed => CostMode::Computed,
            flags::CostMode::Reported => CostMode::Reported,
        };
        Ok(Setup { config, book, mode, now: Timestamp::now() })
    }

    /// Moves the operator's own labels to where the state in `folder` keeps them, before anything is made of them.
    pub fn keep_label_slots(&mut self, folder: &Path) -> Result<(), Failure> {
        run::keep_label_slots(&mut self.config, folder).map_err(|error| match error {
            run::SlotsError::Labels(..) => Failure::configuration(error),
            run::SlotsError::Store(error) => Failure::from(anyhow::Error::from(error)),
        })
    }

    /// What to read: the sources named, else the configured ones, else the known places of this machine; none where none is there.
    #[must_use]
    pub fn chosen(&self, named: &[String]) -> Vec<SourceConfig> {
        if !named.is_empty() {
            named.iter().map(|spec| self.configured(spec)).collect()
        } else if !self.config.sources.is_empty() {
            self.config.sources.clone()
        } else {
            places::readable().iter().map(|path| self.configured(&path.display().to_string())).collect()
        }
    }

    /// The same, checked.
    pub fn sources(&self, named: &[String]) -> Result<Sources, Failure> {
        let sources = self.chosen(named);
        if sources.is_empty() {
            return Err(Failure::usage(places::nothing_to_read()));
        }
        self.checked(&sources)
    }

    /// Sources as they are named, and their listeners as the configuration guards them.
    pub fn checked(&self, sources: &[SourceConfig]) -> Result<Sources, Failure> {
        Sources::new(sources, &self.config).map_err(|error| match error {
            SourceError::Access(error) => Failure::configuration(error),
            error => Failure::usage(error.to_string()),
        })
    }

    /// A SOURCE of the command line keeps the labels that the configuration gives the same one.
    fn configured(&self, spec: &str) -> SourceConfig {
        let known = self.config.sources.iter().find(|source| source.spec == spec);
        known.cloned().unwrap_or_else(|| SourceConfig::new(spec))
    }
}

/// The folder of the state that a one-shot command reads when no SOURCE is named; `None`: none wanted, or none there.
pub fn state_to_read(global: &Global) -> Result<Option<PathBuf>, Failure> {
    if global.no_state {
        return Ok(None);
    }
    let name = global.state.as_deref().unwrap_or(location::DEFAULT_NAME);
    let folder = location::folder(name).map_err(|error| Failure::usage(error.to_string()))?;
    match (folder.is_dir(), &global.state) {
        (true, _) => Ok(Some(folder)),
        (false, None) => Ok(None),
        (false, Some(name)) => Err(Failure::usage(format!(
            "no state '{name}' in '{}': start the dashboard with --state {name} first, or name a SOURCE",
            folder.parent().unwrap_or(&folder).display()
        ))),
    }
}

/// The folder of the state that the dashboard owns: `default` without a SOURCE, none with one unless it is named.
pub fn state_to_own(global: &Global, sources_named: bool) -> Result<Option<PathBuf>, Failure> {
    let name = match &global.state {
        Some(name) => name.as_str(),
        None if global.no_state || sources_named => return Ok(None),
        None => location::DEFAULT_NAME,
    };
    location::folder(name).map(Some).map_err(|error| Failure::usage(error.to_string()))
}
