//! What `costtop report` takes, and the query it becomes once time zone and time are known.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};

use super::Failure;
use super::bounds::Bound;
use crate::config::{Config, remedy};
use crate::engine::report::{GroupBy, ReportQuery};
use crate::engine::view::Window;
use crate::label::clean;
use crate::output::Format;
use crate::time::{MINUTE_MS, Timestamp};
use crate::usage::Dimension;

/// What `report` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// What to read [default: the state, else the configured sources or known places]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// Groups, outermost first; also a label of your own, by its name in the configuration
    #[arg(long, value_name = "KEY,...", value_delimiter = ',', value_parser = GroupingParser)]
    pub by: Vec<Grouping>,
    /// Count from this time on
    #[arg(long, value_name = "TIME", value_parser = Bound::parse)]
    pub since: Option<Bound>,
    /// Count what is before this time
    #[arg(long, value_name = "TIME", value_parser = Bound::parse)]
    pub until: Option<Bound>,
    /// Count the last minutes, hours or days up to now
    #[arg(long, value_name = "LENGTH", value_parser = window(), conflicts_with_all = ["since", "until"])]
    pub window: Option<Window>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", value_parser = format(), default_value = "table")]
    pub format: Format,
}

const EXAMPLES: &str = "\
Examples:
  costtop report --by model,user --since 7d
  costtop report --by day --since month --format csv > spend.csv
  costtop report --since yesterday --until today logs/*.jsonl
  costtop report --format json | jq -r .totals.cost_usd

TIME is RFC 3339 (2026-11-21T10:00:00Z; without a zone: local), a date, a month (2026-11),
an age (30m, 12h, 7d, 2w), or the start of today, yesterday, week or month.";

impl ReportArgs {
    /// Refuses a key that is named twice.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn check(&self) -> Result<(), Failure> {
        for (place, by) in self.by.iter().enumerate() {
            if self.by[..place].contains(by) {
                return Err(Failure::usage(format!("--by names '{}' twice: name it once", by.name())));
            }
        }
        Ok(())
    }

    /// The query under `config` and at `now`.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a span that ends before it starts, for a key that is no label of the configuration, and what [`ReportArgs::check`] refuses.
    pub fn query(&self, config: &Config, now: Timestamp) -> Result<ReportQuery, Failure> {
        self.check()?;
        let zone = config.zone;
        let by = self.by.iter().map(|by| by.resolve(config)).collect::<Result<_, _>>()?;
        let (since, until) = match self.window {
            Some(window) => (Some(now.plus_ms(-window.minutes() * MINUTE_MS)), Some(now)),
            None => (
                self.since.as_ref().map(|bound| bound.resolve(zone, now)),
                self.until.as_ref().map(|bound| bound.resolve(zone, now)),
            ),
        };
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            return Err(Failure::usage(format!(
                "--since {since} is not before --until {until}: nothing lies between, move one of them"
            )));
        }
        Ok(ReportQuery { by, since, until, zone })
    }
}

/// A grouping as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// One that needs no configuration.
    Known(GroupBy),
    /// Perhaps a label of the operator's own: the configuration tells.
    Own(String),
}

impl Grouping {
    /// As it was named.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Grouping::Known(by) => by.name(),
            Grouping::Own(name) => name,
        }
    }

    fn resolve(&self, config: &Config) -> Result<GroupBy, Failure> {
        match self {
            Grouping::Known(by) => Ok(*by),
            Grouping::Own(name) => config.labels.named(name).map(GroupBy::Dimension).ok_or_else(|| {
                let known: Vec<&str> =
                    known_groupings().chain(config.labels.iter().map(|label| label.label.name())).collect();
                Failure::usage(format!("cannot group by '{}': {}", clean(name), remedy(name, &known)))
            }),
        }
    }
}

fn known_groupings() -> impl Iterator<Item = &'static str> {
    Dimension::ALL.into_iter().map(GroupBy::Dimension).chain(GroupBy::OTHERS).map(GroupBy::name)
}

/// Any word: which labels there are only the configuration knows. Help and completions show the words that always are.
#[derive(Clone)]
struct GroupingParser;

impl TypedValueParser for GroupingParser {
    type Value = Grouping;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Grouping, clap::Error> {
        let name = StringValueParser::new().parse_ref(command, argument, value)?;
        Ok(GroupBy::named(&name).map_or(Grouping::Own(name), Grouping::Known))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(known_groupings().map(PossibleValue::new)))
    }
}

fn window() -> impl TypedValueParser<Value = Window> {
    PossibleValuesParser::new(Window::ALL.map(Window::name))
        .try_map(|name| Window::ALL.into_iter().find(|window| window.name() == name).ok_or("no such window"))
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name))
        .try_map(|name| Format::ALL.into_iter().find(|format| format.name() == name).ok_or("no such format"))
}
