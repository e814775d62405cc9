//! What the operator decided: defaults < file < environment < flags. Text enters, a checked [`Config`] leaves; it opens nothing else.

mod budget;
mod document;
mod error;
mod file;
mod labels;
mod load;
mod mapping;
mod number;
mod path;
mod permission;
mod price;
mod print;
mod server;
mod state;

pub use budget::specificity;
pub(crate) use document::{Document, Table, Value};
pub(crate) use error::any_of;
pub use error::{ConfigError, Origin, remedy};
pub use labels::{LabelConfig, LabelSlots, Labels, LabelsError};
pub use load::{Loaded, Origins, Overrides, VARIABLES, default_path, themes_folder};
pub use mapping::{
    CostUnit, MOST_PATHS as MOST_MAPPING_PATHS, MappedField, MappingConfig, PRESETS, Test, TimeFormat, TimeUnit,
};
pub use path::{KeyPath, spell_path};
pub use permission::{Exposed, exposed};
pub use print::TEMPLATE;
pub use state::StateConfig;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::label::Label;
use crate::money::Cost;
use crate::time::{Period, Timestamp, Zone};
use crate::usage::{Dimension, Format, Medium, UserField};

/// Everything that can be configured, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where days begin and how times are shown.
    pub zone: Zone,
    /// Which of a log's names is the user, best first.
    pub user: Vec<UserField>,
    /// Dimensions of the operator's own.
    pub labels: Labels,
    /// Logs of the operator's own.
    pub mappings: Vec<MappingConfig>,
    /// What to follow when no SOURCE is named.
    pub sources: Vec<SourceConfig>,
    /// Prices of the operator's own.
    pub prices: PriceConfig,
    /// Limits.
    pub budgets: Vec<BudgetConfig>,
    /// How alarms are heard.
    pub alarm: AlarmConfig,
    /// Who may send and ask over a network.
    pub server: ServerConfig,
    /// How much of the past is kept charge by charge.
    pub state: StateConfig,
    /// Commands to run on alarms.
    pub hooks: Vec<HookConfig>,
    /// Name of the theme.
    pub theme: String,
    /// With which signs the screen is drawn.
    pub graph: GraphChoice,
    /// Clicks and the wheel are the screen's, not the terminal's own selection.
    pub mouse: bool,
}

impl Config {
    /// What it names that gives power to whoever wrote it; `None`: its file may be anybody's.
    #[must_use]
    pub fn names_power(&self) -> Option<&'static str> {
        let has_server = self.server != ServerConfig::default();
        (!self.hooks.is_empty()).then_some("hooks").or(has_server.then_some("tokens or certificates"))
    }
}

/// With which signs the screen is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum GraphChoice {
    /// By locale and terminal.
    #[default]
    Auto,
    /// Braille dots and fine lines.
    Braille,
    /// Blocks and square corners.
    Block,
    /// Nothing beyond ASCII.
    Ascii,
}

impl GraphChoice {
    /// Every choice, in the order of help.
    pub const ALL: [GraphChoice; 4] = [GraphChoice::Auto, GraphChoice::Braille, GraphChoice::Block, GraphChoice::Ascii];

    /// The word of configuration and command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            GraphChoice::Auto => "auto",
            GraphChoice::Braille => "braille",
            GraphChoice::Block => "block",
            GraphChoice::Ascii => "ascii",
        }
    }
}

/// One source with what the operator knows about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// `path` or `listen` as written: a file, folder, glob, `-`, `unix:PATH`, `http://HOST:PORT`…
    pub spec: String,
    /// The only format that is read from it; `None`: whatever a line is.
    pub format: Option<Format>,
    /// Dimensions where the log has none.
    pub labels: Vec<(Dimension, Label)>,
    /// A subscription pays for what it says: costs are list-price equivalents, and no money of budgets unless they ask for it.
    pub subscription: bool,
}

impl SourceConfig {
    /// A source of which nothing else is known.
    #[must_use]
    pub fn new(spec: &str) -> SourceConfig {
        SourceConfig { spec: spec.to_owned(), format: None, labels: Vec::new(), subscription: false }
    }
}

/// When something holds: from an instant on, before another; without either, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

impl Validity {
    /// Whether it holds at `time`.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| time >= from) && self.until.is_none_or(|until| time < until)
    }
}

/// `[prices]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceConfig {
    /// Files in the grammar of `LiteLLM`'s price map; the last one wins.
    pub files: Vec<PriceFile>,
    /// Flat prices by model name; several of one model hold one after another, the oldest first.
    pub models: BTreeMap<String, Vec<FlatPrice>>,
    /// Names in logs that mean another model.
    pub aliases: BTreeMap<String, String>,
    /// Contract discounts.
    pub discounts: Vec<Discount>,
}

/// A price map on disk and when its prices hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceFile {
    /// The file.
    pub path: PathBuf,
    /// When.
    pub valid: Validity,
}

impl From<PathBuf> for PriceFile {
    fn from(path: PathBuf) -> PriceFile {
        PriceFile { path, valid: Validity::default() }
    }
}

/// Rates in pico-dollars per token (dollars per million tokens times 10^6), as decimal text is exact there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlatPrice {
    /// When they hold.
    pub valid: Validity,
    /// Uncached input.
    pub input: u64,
    /// Output.
    pub output: u64,
    /// Cache reads; absent: as input.
    pub cache_read: Option<u64>,
    /// Five-minute writes; absent: as input.
    pub cache_write: Option<u64>,
    /// One-hour writes; absent: as five-minute writes.
    pub cache_write_1h: Option<u64>,
    /// Of each medium its input, its cache reads, its output; what is missing is billed like text.
    pub media: [[Option<u64>; 3]; Medium::COUNT],
}

/// A percentage off computed costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    /// For this provider only.
    pub provider: Option<String>,
    /// For models that match this glob only.
    pub model: Option<String>,
    /// Percent times 10^6 (8 % is 8,000,000): exact.
    pub percent_millionths: u64,
    /// When.
    pub valid: Validity,
}

/// What a budget is kept for: one sum, or one for each user, model, session…
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// One sum over all that matches.
    All,
    /// One sum for each value of a dimension.
    Dimension(Dimension),
    /// One sum for each session, over its lifetime.
    Session,
}

/// Globs by dimension; a charge is meant when all match.
pub type Match = Vec<(Dimension, String)>;

/// `[[budget]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetConfig {
    /// Unique.
    pub name: Label,
    /// Dollars for one period.
    pub limit: Cost,
    /// `None` only with [`Each::Session`]: for the session's lifetime.
    pub per: Option<Period>,
    /// One sum or many.
    pub each: Each,
    /// Parts of the limit that warn, in millionths of it (0.8 is 800,000), ascending.
    pub warn: Vec<u32>,
    /// Globs by dimension; a charge counts when all match.
    pub matches: Match,
    /// Other limits for some; the most specific match wins.
    pub overrides: Vec<(Match, Cost)>,
    /// What subscriptions pay for counts, too, at list price.
    pub include_subscription: bool,
}

/// `[alarm]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmConfig {
    /// Ring at all.
    pub bell: bool,
    /// Ring again until acknowledged.
    pub repeat: Duration,
    /// Minutes since local midnight between which only critical alarms ring.
    pub quiet_hours: Option<(u16, u16)>,
    /// What is looked for beside budgets.
    pub detectors: DetectorsConfig,
}

/// `[alarm.detectors]`: which anomalies are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetectorsConfig {
    /// Spend far above the usual.
    pub surge: bool,
    /// Prompts that are no longer read from the cache.
    pub cache: bool,
    /// A model that costs something else than it did.
    pub price: bool,
    /// Requests that fail and are sent again.
    pub errors: bool,
}

impl DetectorsConfig {
    /// All of them.
    pub const ALL: DetectorsConfig = DetectorsConfig { surge: true, cache: true, price: true, errors: true };

    /// Each by its key.
    #[must_use]
    pub const fn each(&self) -> [(&'static str, bool); 4] {
        [("surge", self.surge), ("cache", self.cache), ("price", self.price), ("errors", self.errors)]
    }

    /// Each by its key, to be changed.
    pub(crate) const fn each_mut(&mut self) -> [(&'static str, &mut bool); 4] {
        [
            ("surge", &mut self.surge),
            ("cache", &mut self.cache),
            ("price", &mut self.price),
            ("errors", &mut self.errors),
        ]
    }
}

/// `[server]`: where what others must show is kept. The secrets themselves are read by who compares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerConfig {
    /// A file with a token a line.
    pub token_file: Option<PathBuf>,
    /// A variable with a token.
    pub token_env: Option<String>,
    /// The chain of this machine's certificate.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Who signs the certificates that clients have to show.
    pub client_ca: Option<PathBuf>,
}

/// `[[hook]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookConfig {
    /// Severities it runs for.
    pub on: Vec<Severity>,
    /// Program and arguments; no shell.
    pub command: Vec<String>,
    /// Killed after this.
    pub timeout: Duration,
    /// Runs in any hour at most; further alarms are counted and said.
    pub per_hour: u32,
}

impl HookConfig {
    /// How long a command may run when nothing is said.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
    /// How often it may run in an hour when nothing is said: a budget for each user may break for hundreds at once.
    pub const PER_HOUR: u32 = 60;
}

/// How loud an alarm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// A badge.
    Info,
    /// A coloured row, no bell.
    Warn,
    /// Rings.
    Page,
    /// Rings, also in quiet hours.
    Critical,
}

impl Severity {
    /// The word of configuration and alarms.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warn => "warn",
            Severity::Page => "page",
            Severity::Critical => "critical",
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            zone: Zone::local(),
            user: UserField::DEFAULT.to_vec(),
            labels: Labels::default(),
            mappings: Vec::new(),
            sources: Vec::new(),
            prices: PriceConfig::default(),
            budgets: Vec::new(),
            alarm: AlarmConfig {
                bell: true,
                repeat: Duration::from_secs(60),
                quiet_hours: None,
                detectors: DetectorsConfig::ALL,
            },
            server: ServerConfig::default(),
            state: StateConfig::default(),
            hooks: Vec::new(),
            theme: "auto".to_owned(),
            graph: GraphChoice::Auto,
            mouse: true,
        }
    }
}
