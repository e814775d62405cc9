//! `costtop attach URL`: the dashboard of a costtop elsewhere; it rings here.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use crossbeam_channel::{bounded, unbounded};

use super::Failure;
use super::dashboard::shown;
use super::flags::Global;
use super::remote::{Remote, Trust};
use super::setup::Setup;
use crate::engine::view::Window;
use crate::run::attach::{self, Left, Wires};
use crate::ui::{self, Exit, UiError};

/// What `attach` takes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(after_help = EXAMPLES)]
pub struct AttachArgs {
    /// Where it answers [default: the costtop that owns the state here]
    #[arg(value_name = "URL")]
    pub url: Option<String>,
    /// What is shown to it.
    #[command(flatten)]
    pub trust: Trust,
}

const EXAMPLES: &str = "\
Examples:
  costtop attach                                          the one that runs here
  costtop attach http://127.0.0.1:4318
  costtop attach --token-file token --ca-file ca.pem https://costs.example:4318
  ssh -N -L 4318:127.0.0.1:4318 costs & costtop attach http://127.0.0.1:4318

Keys do there what they do here: acknowledging, snoozing and muting go to it, with your name. The bell rings here.";

/// Draws it.
///
/// # Errors
/// Nobody answers there, or the terminal refuses.
pub fn run(args: &AttachArgs, global: &Global) -> Result<ExitCode, Failure> {
    let remote = Remote { url: args.url.clone(), trust: args.trust.clone() };
    let asked = remote.asked(global)?;
    let setup = Setup::new(global)?;
    let elsewhere = asked.elsewhere();
    loop {
        let (zone, own) = attach::first_look(&elsewhere).map_err(|error| asked.failure(error))?;
        let themes = shown(&setup, global)?;
        let (snapshots_in, snapshots) = bounded(1);
        let (effects_in, effects) = unbounded();
        let (rings_in, rings) = bounded(1);
        let wires = Wires { snapshots: snapshots_in, effects, rings: rings_in };
        let looking = elsewhere.clone();
        let thread = std::thread::Builder::new()
            .name("costtop-attach".to_owned())
            .spawn(move || attach::run(&looking, &wires))
            .map_err(|error| anyhow!("cannot start a thread ({error}): check the limits of processes"))?;
        let mouse = setup.config.mouse;
        let options = ui::Options { themes, mouse, zone, window: Window::default(), own, clock: attach::clock };
        let closed = ui::run(options, &snapshots, &effects_in, &rings);
        drop((effects_in, snapshots));
        match (closed, thread.join()) {
            (_, Err(_)) => return Err(anyhow!("looking ended by a panic (see above)").into()),
            (_, Ok(Err(error))) => return Err(asked.failure(error)),
            (Err(UiError::Terminal(error)), _) => {
                return Err(anyhow!("cannot use the terminal ({error}): is TERM right?").into());
            }
            (Err(error), _) => return Err(anyhow::Error::from(error).into()),
            (Ok(Exit::TerminalLost), _) => std::process::exit(1),
            (Ok(Exit::EngineGone), Ok(Ok(Left::Restarted))) => {}
            (Ok(Exit::Signal(_) | Exit::Quit | Exit::EngineGone), Ok(Ok(_))) => return Ok(ExitCode::SUCCESS),
        }
    }
}
