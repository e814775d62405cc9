//! The dashboard in front of the core: what the screen asks enters as effects, snapshots and rings leave, no faster than it can take them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError};

use super::core::{self, Core, Front};
use super::persist::Opened;
use super::setup::{RunError, Setup};
use super::viewpoint::Viewpoint;
use crate::alarm::Which;
use crate::engine::view::ViewQuery;
use crate::label::Label;
use crate::time::{Timestamp, Zone};
use crate::ui::action::Effect;
use crate::ui::snapshot::Snapshot;

/// Snapshots are at least this far apart…
const PUBLISH_APART: Duration = Duration::from_millis(50);
/// …and at least this many times as far apart as one takes to make, so that a large answer costs a few percent of a core.
const PUBLISH_SHARE: u32 = 20;

/// How the engine's thread talks to the screen.
pub struct Wires {
    /// Snapshots to the screen; holds one.
    pub snapshots: Sender<Arc<Snapshot>>,
    /// What the screen asks.
    pub effects: Receiver<Effect>,
    /// Ring now.
    pub rings: Sender<()>,
}

/// Runs until the screen quits. Everything applied is committed before it returns.
///
/// # Errors
/// See [`RunError`].
pub fn run(setup: Setup, wires: &Wires) -> Result<(), RunError> {
    let zone = setup.config.zone;
    let mut screen = Screen {
        wires,
        zone,
        who: super::person::own_name(),
        viewpoint: Viewpoint::default(),
        shown: 0,
        ringing: false,
        published: None,
        cost: Duration::ZERO,
    };
    core::run(setup, &mut screen, &wires.effects)
}

struct Screen<'a> {
    wires: &'a Wires,
    zone: Zone,
    /// Who sits in front of it.
    who: Label,
    viewpoint: Viewpoint,
    /// The core's version that was published last.
    shown: u64,
    /// The next snapshot is followed by a ring.
    ringing: bool,
    published: Option<Instant>,
    /// What the last snapshot took to make.
    cost: Duration,
}

impl Screen<'_> {
    fn publish_in(&self) -> Duration {
        let apart = PUBLISH_APART.max(self.cost * PUBLISH_SHARE);
        self.published.map_or(Duration::ZERO, |at| apart.saturating_sub(at.elapsed()))
    }
}

impl Front for Screen<'_> {
    type Order = Effect;

    fn opening(&mut self, opened: &mut Opened, now: Timestamp) -> bool {
        let view = opened.engine.view(&ViewQuery::default());
        let first = Snapshot { view, ..Snapshot::empty(now, self.zone) };
        self.wires.snapshots.send(Arc::new(first)).is_ok()
    }

    fn order(&mut self, core: &mut Core, effect: Effect) -> io::Result<bool> {
        let now = Timestamp::now();
        match effect {
            Effect::Query(query) => self.viewpoint.query = query,
            Effect::Acknowledge(incident) => {
                let which = incident.as_deref().map_or(Which::All, Which::Incident);
                core.acknowledge(which, &self.who, now);
            }
            Effect::Snooze(incident, minutes) => {
                core.snooze(Which::Incident(&incident), minutes, &self.who, now);
            }
            Effect::Mute(true) => core.silence(None, &self.who, now),
            Effect::Mute(false) => core.resume(&self.who, now),
            Effect::Charge(id) => self.viewpoint.open(id),
            Effect::Quit => return Ok(false),
        }
        // What a key asked for is answered at once.
        self.published = None;
        Ok(true)
    }

    fn show(&mut self, core: &mut Core, rings: bool, now: Timestamp) -> io::Result<bool> {
        if rings {
            self.ringing = true;
            self.published = None;
        }
        if core.version == self.shown || !self.publish_in().is_zero() {
            return Ok(true);
        }
        let begun = Instant::now();
        let snapshot = self.viewpoint.snapshot(core, now)?;
        self.cost = begun.elapsed();
        self.published = Some(Instant::now());
        Ok(match self.wires.snapshots.try_send(Arc::new(snapshot)) {
            Ok(()) => {
                self.shown = core.version;
                // What rings is on its way to the screen before the ring is. A ring that waits there is a ring.
                if std::mem::take(&mut self.ringing) {
                    let _ = self.wires.rings.try_send(());
                }
                true
            }
            Err(TrySendError::Full(_)) => true, // the screen is busy: again next time
            Err(TrySendError::Disconnected(_)) => false,
        })
    }

    fn due_in(&self, core: &Core) -> Option<Duration> {
        (core.version != self.shown).then(|| self.publish_in().max(Duration::from_millis(5)))
    }
}
