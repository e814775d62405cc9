//! The layers: defaults < file < environment < flags. Paths, variables and flags enter, one checked configuration leaves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::document::{Document, Table};
use super::error::{ConfigError, Origin};
use super::permission::exposed;
use super::{Config, GraphChoice, file};
use crate::time::Zone;
use crate::usage::UserField;

/// What the command line decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--config FILE`
    pub config: Option<PathBuf>,
    /// `--timezone TZ`
    pub timezone: Option<String>,
    /// `--theme NAME`
    pub theme: Option<String>,
    /// `--graph SIGNS`
    pub graph: Option<GraphChoice>,
    /// `--no-mouse`
    pub no_mouse: bool,
}

/// Where each value came from, by its path in the file: `alarm.bell`, `budget.0`.
#[derive(Clone, Debug, Default)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    pub(super) fn set(&mut self, path: impl Into<String>, origin: Origin) {
        self.0.insert(path.into(), origin);
    }

    /// Where the value at `path` came from.
    #[must_use]
    pub fn get(&self, path: &str) -> Origin {
        self.0.get(path).cloned().unwrap_or_default()
    }
}

/// A configuration and where it came from.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// What holds.
    pub config: Config,
    /// Where each value came from.
    pub origins: Origins,
    /// The file that was read.
    pub file: Option<PathBuf>,
}

/// The variables that are read.
///
/// | variable | stands for |
/// |---|---|
/// | `COSTTOP_CONFIG` | `--config` |
/// | `COSTTOP_TIMEZONE` | `timezone` |
/// | `COSTTOP_THEME` | `theme` |
/// | `COSTTOP_USER` | `user`, names separated by commas |
/// | `COSTTOP_BELL` | `alarm.bell`, `true` or `false` |
pub const VARIABLES: [&str; 5] =
    ["COSTTOP_CONFIG", "COSTTOP_TIMEZONE", "COSTTOP_THEME", "COSTTOP_USER", "COSTTOP_BELL"];

/// Where the file is looked for when none is named: `$XDG_CONFIG_HOME/costtop/config.toml`. `None` without a home.
#[must_use]
pub fn default_path() -> Option<PathBuf> {
    etcetera::choose_base_strategy().ok().map(|base| base.config_dir().join("costtop").join("config.toml"))
}

/// Where the operator's own themes are: `$XDG_CONFIG_HOME/costtop/themes`. `None` without a home.
#[must_use]
pub fn themes_folder() -> Option<PathBuf> {
    default_path().map(|path| path.with_file_name("themes"))
}

impl Loaded {
    /// Reads the configuration of this machine. `environment` looks up a variable.
    ///
    /// A file that is named must exist; the one at the usual place may be missing.
    pub fn from_machine(
        flags: &Overrides,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Loaded, ConfigError> {
        let variable = environment("COSTTOP_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
        let named = match (&flags.config, variable) {
            (Some(path), _) => Some((path.clone(), Origin::Flag("--config"))),
            (None, Some(path)) => Some((path, Origin::Environment("COSTTOP_CONFIG"))),
            (None, None) => None,
        };
        let (path, origin) = match named {
            Some((path, origin)) => (path, Some(origin)),
            None => match default_path() {
                Some(path) => (path, None),
                None => return Loaded::from_layers(None, flags, environment),
            },
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && origin.is_none() => {
                return Loaded::from_layers(None, flags, environment);
            }
            Err(error) => {
                let what = format!("cannot read '{}': {error}; name a readable file", path.display());
                return Err(ConfigError::new(origin.unwrap_or(Origin::File(path, 0)), what));
            }
        };
        let loaded = Loaded::from_layers(Some((&path, &text)), flags, environment)?;
        if let Some(names) = loaded.config.names_power() {
            super::permission::check(&path, names)?;
        }
        loaded.check_programs()?;
        Ok(loaded)
    }

    /// Refuses hooks whose programs others could replace. One that is not there may come; each run looks again.
    fn check_programs(&self) -> Result<(), ConfigError> {
        for (at, hook) in self.config.hooks.iter().enumerate() {
            let Some(program) = hook.command.first() else { continue };
            if let Ok(Some(exposed)) = exposed(Path::new(program)) {
                let origin = self.origins.get(&format!("hook.{at}"));
                return Err(ConfigError::new(origin, format!("others could replace what the hook runs: {exposed}")));
            }
        }
        Ok(())
    }

    /// The same from a text: `file` is its name for errors and the text.
    pub fn from_layers(
        file: Option<(&Path, &str)>,
        flags: &Overrides,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Loaded, ConfigError> {
        let environment = |name| environment(name).filter(|value| !value.is_empty());
        let mut loaded = Loaded { file: file.map(|(path, _)| path.to_owned()), ..Loaded::default() };
        let document = file.map(|(path, text)| Document::new(path, text));
        let parsed = document.as_ref().map(Document::parse).transpose()?;
        let root = document.as_ref().zip(parsed.as_ref()).map(|(document, parsed)| document.root(parsed));

        // The zone first: dates in the file are read in the zone that holds in the end.
        if let Some(root) = &root {
            read_zone(root, &mut loaded)?;
        }
        let zones = [
            (environment("COSTTOP_TIMEZONE"), Origin::Environment("COSTTOP_TIMEZONE")),
            (flags.timezone.clone(), Origin::Flag("--timezone")),
        ];
        for (name, origin) in zones {
            let Some(name) = name else { continue };
            loaded.config.zone = zone(&name).map_err(|what| ConfigError::new(origin.clone(), what))?;
            loaded.origins.set("timezone", origin);
        }
        if let (Some(root), Some((path, _))) = (&root, file) {
            let folder = path.parent().unwrap_or(Path::new(""));
            file::read(root, folder, &mut loaded.config, &mut loaded.origins)?;
        }
        if let Some(names) = environment("COSTTOP_USER") {
            let origin = Origin::Environment("COSTTOP_USER");
            let fields: Result<Vec<UserField>, String> =
                names.split(',').map(|name| file::user_field(name.trim())).collect();
            loaded.config.user = fields.map_err(|what| ConfigError::new(origin.clone(), what))?;
            loaded.origins.set("user", origin);
        }
        if let Some(bell) = environment("COSTTOP_BELL") {
            let origin = Origin::Environment("COSTTOP_BELL");
            loaded.config.alarm.bell = match bell.as_str() {
                "true" | "1" => true,
                "false" | "0" => false,
                other => {
                    let what = format!("'{}' is neither: use true or false", crate::label::clean(other));
                    return Err(ConfigError::new(origin, what));
                }
            };
            loaded.origins.set("alarm.bell", origin);
        }
        let themes = [
            (environment("COSTTOP_THEME"), Origin::Environment("COSTTOP_THEME")),
            (flags.theme.clone(), Origin::Flag("--theme")),
        ];
        for (name, origin) in themes {
            let Some(name) = name else { continue };
            loaded.config.theme = name;
            loaded.origins.set("theme", origin);
        }
        if let Some(graph) = flags.graph {
            loaded.config.graph = graph;
            loaded.origins.set("graph", Origin::Flag("--graph"));
        }
        if flags.no_mouse {
            loaded.config.mouse = false;
            loaded.origins.set("mouse", Origin::Flag("--no-mouse"));
        }
        Ok(loaded)
    }
}

fn read_zone(root: &Table, loaded: &mut Loaded) -> Result<(), ConfigError> {
    let Some(value) = root.get("timezone") else { return Ok(()) };
    loaded.config.zone = zone(value.text("a name such as \"Europe/Berlin\"")?).map_err(|what| value.refuse(what))?;
    loaded.origins.set("timezone", value.origin());
    Ok(())
}

fn zone(name: &str) -> Result<Zone, String> {
    crate::label::clean(name).parse()
}
