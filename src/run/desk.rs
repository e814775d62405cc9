//! Where questions wait: asks enter, replies leave, soon for most, and for a screen elsewhere when there is something new for it.
//! Long answers are written by a thread of their own.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError, bounded};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::answer::{Done, Work};
use super::core::Core;
use super::viewpoint::Viewpoint;
use crate::engine::view::{Scope, ViewQuery};
use crate::label::Label;
use crate::server::view::{SCHEMA, ViewFrame, ViewQuestion};
use crate::server::{self, Question, refusal};
use crate::source::{Receiving, Reply};
use crate::time::Timestamp;
use crate::ui::snapshot::Snapshot;

/// Screens elsewhere at once; another one takes the place of the one that asked longest ago.
const MOST_VIEWERS: usize = 16;
/// Answers that wait to be written.
const MOST_UNWRITTEN: usize = 64;
/// Snapshots for one screen are at least this far apart, unless a key asked for one.
const VIEW_APART: Duration = Duration::from_millis(50);

/// A screen's answer.
#[derive(Serialize, Deserialize)]
pub struct ViewAnswer {
    /// Of which process and version.
    pub frame: ViewFrame,
    /// What is drawn.
    pub snapshot: Snapshot,
}

/// All who wait for an answer.
pub(super) struct Desk {
    /// Tells the numbers of this process from those of another.
    process: u64,
    viewers: Vec<Viewer>,
    /// Orders that are done and not kept yet.
    unsafe_yet: Vec<(oneshot::Receiver<Receiving>, oneshot::Sender<Reply>, Reply)>,
    writer: Sender<(oneshot::Sender<Reply>, Work)>,
}

/// A screen elsewhere.
struct Viewer {
    id: u64,
    viewpoint: Viewpoint,
    /// What it asked last: another question is answered at once.
    asked: Option<(ViewQuery, Option<u32>)>,
    seen: Instant,
    answered: Option<Instant>,
    waiting: Option<Waiting>,
}

struct Waiting {
    reply: oneshot::Sender<Reply>,
    after: u64,
    until: Instant,
    at_once: bool,
}

impl Desk {
    /// An empty desk with its writing thread, which ends when the desk does.
    pub fn start() -> io::Result<Desk> {
        let (writer, work) = bounded::<(oneshot::Sender<Reply>, Work)>(MOST_UNWRITTEN);
        std::thread::Builder::new().name("costtop-answer".to_owned()).spawn(move || {
            for (reply, work) in work {
                if !reply.is_closed() {
                    // Who went away meanwhile asks again.
                    let _ = reply.send(work());
                }
            }
        })?;
        // 0 is no process; what JSON readers take for a float stays exact.
        let process = RandomState::new().hash_one(std::process::id()) >> 12 | 1;
        Ok(Desk { process, viewers: Vec::new(), unsafe_yet: Vec::new(), writer })
    }

    /// Reads what came and answers whom it can.
    ///
    /// # Errors
    /// The ledger's rows cannot be read.
    pub fn answer(&mut self, core: &mut Core, now: Timestamp) -> io::Result<()> {
        while let Some(ask) = core.asks.pop_front() {
            let known = core.dimensions();
            match Question::read(&ask, &known) {
                Ok(Question::View(view)) => self.view(*view, ask.reply),
                Ok(question) => self.question(core, question, &ask.peer, ask.reply, now),
                Err(refused) => tell(ask.reply, refused),
            }
        }
        for (mut safe, reply, answer) in std::mem::take(&mut self.unsafe_yet) {
            match safe.try_recv() {
                Ok(_) => tell(reply, answer),
                Err(TryRecvError::Empty) => self.unsafe_yet.push((safe, reply, answer)),
                Err(TryRecvError::Closed) => {
                    tell(reply, refusal(503, "it is done and not kept yet, the disk refuses: send the same id again"));
                }
            }
        }
        self.show(core, now)
    }

    /// How long until a screen is due.
    pub fn due_in(&self, core: &Core) -> Option<Duration> {
        let due = |viewer: &Viewer| {
            let waiting = viewer.waiting.as_ref()?;
            let end = waiting.until.saturating_duration_since(Instant::now());
            Some(if waiting.at_once || core.version != waiting.after { end.min(viewer.pause()) } else { end })
        };
        self.viewers.iter().filter_map(due).min()
    }

    fn question(
        &mut self,
        core: &mut Core,
        question: Question,
        peer: &Label,
        reply: oneshot::Sender<Reply>,
        now: Timestamp,
    ) {
        let work = match question {
            Question::Snapshot(by) => core.report(&by, now),
            Question::Metrics(by) => core.metrics(&by, now),
            Question::Alarms => core.alarms_answer(now),
            Question::Status => return tell(reply, server::json(200, &core.status(now))),
            Question::Health => return tell(reply, core.health()),
            Question::Order(order) => {
                return match core.order(order, peer, now) {
                    Done::Now(answer) => tell(reply, answer),
                    Done::Once(safe, answer) => self.unsafe_yet.push((safe, reply, answer)),
                };
            }
            Question::View(_) => return, // a screen waits elsewhere
        };
        self.write(reply, work);
    }

    fn write(&self, reply: oneshot::Sender<Reply>, work: Work) {
        match self.writer.try_send((reply, work)) {
            Ok(()) => {}
            Err(TrySendError::Full((reply, _)) | TrySendError::Disconnected((reply, _))) => {
                tell(reply, refusal(503, "too many ask at once: ask again in a moment"));
            }
        }
    }

    fn view(&mut self, view: ViewQuestion, reply: oneshot::Sender<Reply>) {
        let ViewQuestion { viewer: id, process, mut query, mut open, after, wait_ms, .. } = view;
        if process != 0 && process != self.process {
            // Another process gave these numbers out: here they mean something else.
            (query.scope, open) = (Scope::ALL, None);
            query.charges.selected = None;
            query.tables.iter_mut().for_each(|table| table.selected = None);
        }
        let place = self.viewers.iter().position(|viewer| viewer.id == id).unwrap_or_else(|| self.seat(id));
        let viewer = &mut self.viewers[place];
        let asked = Some((query, open));
        let at_once = process != self.process || viewer.asked != asked;
        if let Some((query, open)) = &asked {
            viewer.viewpoint.query.clone_from(query);
            viewer.viewpoint.open(*open);
        }
        viewer.asked = asked;
        viewer.seen = Instant::now();
        let until = Instant::now() + Duration::from_millis(wait_ms);
        // An older question of the same screen is dropped: it does not wait for its answer any more.
        viewer.waiting = Some(Waiting { reply, after, until, at_once });
    }

    /// A place for a screen that has none.
    fn seat(&mut self, id: u64) -> usize {
        let viewer = Viewer {
            id,
            viewpoint: Viewpoint::default(),
            asked: None,
            seen: Instant::now(),
            answered: None,
            waiting: None,
        };
        if self.viewers.len() < MOST_VIEWERS {
            self.viewers.push(viewer);
            return self.viewers.len() - 1;
        }
        let oldest = self.viewers.iter().enumerate().min_by_key(|(_, viewer)| viewer.seen).map_or(0, |(at, _)| at);
        self.viewers[oldest] = viewer;
        oldest
    }

    fn show(&mut self, core: &mut Core, now: Timestamp) -> io::Result<()> {
        for at in 0..self.viewers.len() {
            let viewer = &mut self.viewers[at];
            let Some(waiting) = &viewer.waiting else { continue };
            if waiting.reply.is_closed() {
                viewer.waiting = None;
                continue;
            }
            let is_new = waiting.at_once || core.version != waiting.after;
            let is_due = (is_new && viewer.pause().is_zero()) || waiting.until <= Instant::now();
            let Some(Waiting { reply, .. }) = viewer.waiting.take_if(|_| is_due) else { continue };
            let snapshot = viewer.viewpoint.snapshot(core, now)?;
            viewer.answered = Some(Instant::now());
            let frame = ViewFrame {
                schema: SCHEMA.to_owned(),
                process: self.process,
                version: core.version,
                rings: core.rings,
                own: core.config.labels.iter().map(|label| crate::usage::Dimension::Own(label.label)).collect(),
            };
            let answer = ViewAnswer { frame, snapshot };
            self.write(reply, Box::new(move || server::json(200, &answer)));
        }
        Ok(())
    }
}

impl Viewer {
    /// How long until its next snapshot may be made.
    fn pause(&self) -> Duration {
        match (&self.waiting, self.answered) {
            (Some(waiting), Some(answered)) if !waiting.at_once => VIEW_APART.saturating_sub(answered.elapsed()),
            _ => Duration::ZERO,
        }
    }
}

fn tell(reply: oneshot::Sender<Reply>, answer: Reply) {
    // Who went away asks again.
    let _ = reply.send(answer);
}
