//! `costtop serve [SOURCE]...`: no screen: follow, listen, alarm, answer HTTP.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use super::flags::{From, Global};
use super::setup::{Setup, state_to_own};
use super::{Failure, places};
use crate::config::SourceConfig;
use crate::run::serve::{self, Console};
use crate::run::{self, Sources};
use crate::source::spec::Spec;
use crate::ui::snapshot::Mark;

/// Where it listens unless told otherwise: the port at which an OpenTelemetry exporter looks first.
const LISTEN: &str = "127.0.0.1:4318";

/// What `serve` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// What to follow [default: the configured sources, else the known places of this machine]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// Answer HTTP and take usage here; can be repeated [default: 127.0.0.1:4318, unless a SOURCE is http://HOST:PORT]
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Vec<String>,
    /// Where to begin in a file that was never read: start or end
    #[arg(long, value_name = "WHERE", value_enum, default_value_t, hide_possible_values = true)]
    pub from: From,
    /// Look at files once a second instead of asking the system to be told of changes
    #[arg(long)]
    pub no_notify: bool,
    /// Ring the terminal's bell, where standard error is one
    #[arg(long)]
    pub bell: bool,
}

const EXAMPLES: &str = "\
Examples:
  costtop serve                                   what this machine has, and http://127.0.0.1:4318
  costtop serve --listen 127.0.0.1:9000 logs/     follow a folder, answer on another port
  curl -s http://127.0.0.1:4318/v1/snapshot?by=model | jq '.groups[] | {key, cost_usd}'
  curl -s http://127.0.0.1:4318/metrics           for Prometheus; also /healthz, /v1/alarms, /v1/status
  costtop attach http://127.0.0.1:4318            its dashboard, which rings here

It owns the state 'default' (--state NAME for another), writes its log to standard error or to --log FILE, and ends
with everything saved on INT or TERM. POST /v1/events and OpenTelemetry's /v1/logs, /v1/traces, /v1/metrics take usage.";

/// Serves until a signal.
///
/// # Errors
/// Wrong usage, a refused configuration, a state or an address in use.
pub fn run(args: &ServeArgs, global: &Global) -> Result<ExitCode, Failure> {
    let mut setup = Setup::new(global)?;
    let state = state_to_own(global, false)?;
    if let Some(folder) = &state {
        setup.keep_label_slots(folder)?;
    }
    let chosen = setup.chosen(&args.sources);
    let sources = Sources::new(&with_listeners(&chosen, &args.listen), &setup.config)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let mut said = Vec::new();
    if args.sources.is_empty() {
        let found = places::found(&chosen, !setup.config.sources.is_empty());
        said.extend(found.into_iter().map(|line| (Mark::Note, "found", line)));
    }
    let listening = sources.specs.iter().filter(|source| matches!(source.spec, Spec::Http(_)));
    said.extend(listening.map(|source| (Mark::Note, "listen", format!("answers at {}", source.name))));
    let setup = run::Setup {
        sources,
        config: setup.config,
        book: setup.book,
        mode: setup.mode,
        state,
        from_end: args.from == From::End,
        notify: !args.no_notify,
        log: global.log.clone(),
        said,
    };
    let stop = serve::signals()?;
    serve::run(setup, Console { lines: global.log.is_none(), bell: args.bell, stop }).map_err(anyhow::Error::from)?;
    // Where standard error is closed nobody reads it.
    let _ = writeln!(io::stderr(), "costtop: ended, everything is saved");
    Ok(ExitCode::SUCCESS)
}

/// The sources, and the listeners that are asked for; without any, the usual one.
fn with_listeners(chosen: &[SourceConfig], listen: &[String]) -> Vec<SourceConfig> {
    let mut sources = chosen.to_vec();
    let wanted: Vec<String> = listen.iter().map(|address| format!("http://{address}")).collect();
    let is_listener = |source: &SourceConfig| source.spec.starts_with("http://");
    let usual = (wanted.is_empty() && !sources.iter().any(is_listener)).then(|| format!("http://{LISTEN}"));
    for spec in wanted.into_iter().chain(usual) {
        if !sources.iter().any(|source| source.spec == spec) {
            sources.push(SourceConfig { spec, format: None, labels: Vec::new() });
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(sources: &[&str], listen: &[&str]) -> Vec<String> {
        let source = |spec: &&str| SourceConfig { spec: (*spec).to_owned(), format: None, labels: Vec::new() };
        let sources: Vec<SourceConfig> = sources.iter().map(source).collect();
        let listen: Vec<String> = listen.iter().map(|text| (*text).to_owned()).collect();
        with_listeners(&sources, &listen).into_iter().map(|source| source.spec).collect()
    }

    #[test]
    fn it_always_listens_somewhere() {
        assert_eq!(specs(&[], &[]), ["http://127.0.0.1:4318"]);
        assert_eq!(
            specs(&["a.jsonl"], &["127.0.0.1:1", "[::1]:1"]),
            ["a.jsonl", "http://127.0.0.1:1", "http://[::1]:1"]
        );
        assert_eq!(specs(&["http://127.0.0.1:9"], &[]), ["http://127.0.0.1:9"]);
        assert_eq!(specs(&["http://127.0.0.1:9"], &["127.0.0.1:9"]), ["http://127.0.0.1:9"]);
    }
}
