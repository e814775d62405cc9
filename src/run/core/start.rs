//! From a setup to a core that goes on where its state ended: state and configuration enter, alarms, budgets and detectors stand as they did.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::{Core, Front};
use crate::alarm::{Adjustments, Alarms, Budgets};
use crate::config::{Config, Each};
use crate::engine::Options;
use crate::engine::bill::CostMode;
use crate::notifier::bell::Bell;
use crate::notifier::command::Hooks;
use crate::run::decode::Shared;
use crate::run::desk::Desk;
use crate::run::detect::Detection;
use crate::run::generations::Generations;
use crate::run::label_paths;
use crate::run::memory::Leftover;
use crate::run::persist::Opened;
use crate::run::pipeline::Pipeline;
use crate::run::places::Places;
use crate::run::publish::EventLog;
use crate::run::reprice::{fingerprint, reprice};
use crate::run::setup::{RunError, Setup};
use crate::run::spent::take_up_budgets;
use crate::run::viewpoint::Watched;
use crate::source;
use crate::source::spec::Spec;
use crate::store::location;
use crate::time::Timestamp;
use crate::ui::snapshot::Mark;

/// What runs from here on.
pub(super) struct Started {
    pub core: Core,
    pub pipeline: Pipeline,
    pub desk: Desk,
}

/// Opens the state, shows its totals, loads its rows and begins to read. `None`: the front has gone away meanwhile.
pub(super) fn start(setup: Setup, front: &mut impl Front) -> Result<Option<Started>, RunError> {
    let now = Timestamp::now();
    let options =
        Options { zone: setup.config.zone, mode: setup.mode, own: setup.config.labels.own(), ..Options::default() };
    let mut opened = match &setup.state {
        Some(folder) => Opened::open(folder, options, (setup.config.labels.slots(), setup.config.state), now)?,
        None => Opened::without_state(options, now),
    };
    opened.engine.use_prices(Arc::clone(&setup.book));
    if setup.state.is_some() {
        // Totals first: the rows follow while they are on the screen.
        if !front.opening(&mut opened, now) {
            return Ok(None);
        }
        opened.load_rows(options, now)?;
        // A damaged state was set aside with its engine.
        opened.engine.use_prices(Arc::clone(&setup.book));
    }
    let shared = Shared {
        zone: setup.config.zone,
        key: opened.key,
        book: setup.book,
        around: Arc::clone(&setup.sources.around),
        labels: label_paths(&setup.config),
        keep_names: false,
        bodies: Arc::clone(&opened.bodies),
    };
    let positions = std::mem::take(&mut opened.positions);
    let mut log = EventLog::new(setup.log.as_deref()).map_err(RunError::Log)?;
    let reading = source::Options {
        notify: setup.notify,
        from_end: setup.from_end,
        next_generation: opened.next_generation,
        positions: positions.clone(),
        access: setup.sources.access.clone(),
        control: control(setup.state.as_deref(), &mut log, now),
        ..source::Options::default()
    };
    for (mark, kind, text) in &setup.said {
        log.add(now, *mark, kind, text);
    }
    let desk = Desk::start()?;
    let mut places = Places::default();
    for position in &positions {
        places.note(position);
    }
    let prices = fingerprint(&shared.book);
    if opened.prices.as_ref() != Some(&prices) {
        for text in reprice(&mut opened.engine, &places, &shared)? {
            log.add(now, Mark::Note, "price", &text);
        }
        (opened.prices, opened.repriced) = (Some(prices), true);
    }
    let mut core = Core::new(setup.config, opened, setup.mode, log, now, shared.clone())?;
    core.places = places;
    for position in &positions {
        core.generations.insert(position.generation);
    }
    // Who listens for datagrams never knows that all came; what the kernel has dropped once stays missing.
    if setup.sources.specs.iter().any(|source| matches!(source.spec, Spec::Udp(_))) || core.engine.intake().dropped > 0
    {
        core.budgets.count_a_lower_bound();
    }
    let pipeline = Pipeline::start(setup.sources.specs, &reading, &shared)?;
    Ok(Some(Started { core, pipeline, desk }))
}

impl Core {
    fn new(
        config: Config,
        mut opened: Opened,
        mode: CostMode,
        mut log: EventLog,
        now: Timestamp,
        shared: Shared,
    ) -> Result<Core, RunError> {
        let mut budgets = Budgets::new(config.zone, &config.budgets, now)?;
        let mut alarms = Alarms::default();
        for note in opened.notes.drain(..) {
            log.add(now, Mark::Warn, "state", &note);
        }
        if let Some(saved) = opened.alarms.take()
            && let Err(error) = alarms.load(&saved, now)
        {
            log.add(now, Mark::Warn, "state", &format!("saved alarms cannot be read ({error}): they begin anew"));
        }
        let per_session = config.budgets.iter().any(|budget| budget.each == Each::Session);
        let adjustments = match opened.adjustments.as_deref().map(|saved| Adjustments::load(saved, now)).transpose() {
            Ok(adjustments) => adjustments.unwrap_or_default(),
            Err(error) => {
                let text = format!("saved adjustments cannot be read ({error}): budgets stand without them");
                log.add(now, Mark::Warn, "state", &text);
                Adjustments::default()
            }
        };
        take_up_budgets(&mut budgets, &mut opened.engine, &mut alarms, adjustments.kept(), per_session, now)?;
        let detectors = opened.detectors.take();
        let (engine, beside) = (&opened.engine, (&mut alarms, now));
        let detection = Detection::new(config.alarm.detectors, config.zone, detectors.as_deref(), engine, beside);
        let mut bell = Bell::new(config.alarm, config.zone);
        bell.resume(&alarms.statuses());
        let hooks = Hooks::start(&config.hooks)?;
        let prices = opened.prices.take().unwrap_or_default();
        let mut persistence = opened.start_writer(mode, config.labels.slots(), prices, config.state)?;
        if opened.repriced {
            persistence.touch();
        }
        let mut core = Core {
            config,
            mode,
            shared,
            places: Places::default(),
            engine: opened.engine,
            budgets,
            alarms,
            adjustments,
            told: VecDeque::new(),
            rings: 0,
            watched: Watched::default(),
            asks: VecDeque::new(),
            since: now,
            detection,
            bell,
            hooks,
            persistence,
            log,
            sources: Vec::new(),
            posts: Vec::new(),
            generations: Generations::default(),
            uncooled: None,
            started: Instant::now(),
            applied: 0,
            caught_up_after: None,
            caught_up: false,
            ended_after: None,
            lag_ms: None,
            version: 1,
            minute: now.minute(),
            moved: Instant::now(),
            leftover: Leftover::new(),
        };
        core.transitions(now);
        Ok(core)
    }
}

/// Where orders from a shell come in; `None` without a state, or where the system has no room for the path.
fn control(state: Option<&Path>, log: &mut EventLog, now: Timestamp) -> Option<PathBuf> {
    let path = location::control(state?);
    if path.as_os_str().len() > location::LONGEST_SOCKET {
        let text = "the state's path is too long for a socket: orders from a shell are not heard";
        log.add(now, Mark::Warn, "state", text);
        return None;
    }
    Some(path)
}
