//! A screen here for an engine elsewhere: effects of the screen enter, questions and orders leave; answers enter, snapshots and rings leave.
//! It counts nothing itself, and says since when it has had no answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use hyper::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::sleep;

use super::desk::ViewAnswer;
use crate::client::{Address, ClientError, Connection, Credentials};
use crate::engine::view::ViewQuery;
use crate::label::arrived;
use crate::server::view::{MOST_WAIT_MS, SCHEMA, ViewQuestion};
use crate::time::{Timestamp, Zone};
use crate::ui::action::Effect;
use crate::ui::snapshot::Snapshot;
use crate::usage::{Dimension, OwnLabel};

/// After a failure it is tried again so soon…
const RETRY_FIRST: Duration = Duration::from_millis(200);
/// …and no later than this.
const RETRY_LAST: Duration = Duration::from_secs(5);
/// While there is no answer the screen says so this often.
const SAY_AGAIN: Duration = Duration::from_secs(1);

/// An owner that has ended may be about to begin anew, as a service does: so long nobody takes its place.
const TAKE_OVER_AFTER: Duration = Duration::from_secs(10);

/// The clock elsewhere, less the clock here, in milliseconds: ages on the screen are of its clock.
static AHEAD_MS: AtomicI64 = AtomicI64::new(0);

/// The clock of the process that is looked at.
#[must_use]
pub fn clock() -> Timestamp {
    Timestamp::now().plus_ms(AHEAD_MS.load(Ordering::Relaxed))
}

/// Whom to look at.
#[derive(Clone)]
pub struct Elsewhere {
    /// Where it answers.
    pub address: Address,
    /// What is shown to it.
    pub credentials: Credentials,
    /// It owns a state of this machine, which can be taken over when it has ended.
    pub owner: Option<StateOwner>,
}

/// The process that owns a state at which a second one looks.
#[derive(Clone, Debug)]
pub struct StateOwner {
    /// The state's folder.
    pub folder: PathBuf,
    /// Its process id, where it is known.
    pub pid: Option<u32>,
}

impl StateOwner {
    /// `VIEWER of process 4711`.
    fn note(&self) -> String {
        self.pid.map_or_else(|| "VIEWER".to_owned(), |pid| format!("VIEWER of process {pid}"))
    }

    /// Nobody owns the state any more. Where that cannot be told, somebody does.
    fn has_ended(&self) -> bool {
        matches!(crate::store::owner(&self.folder), Ok(None))
    }
}

/// How the screen and this talk.
pub struct Wires {
    /// Snapshots to the screen; holds one.
    pub snapshots: Sender<Arc<Snapshot>>,
    /// What the screen asks.
    pub effects: Receiver<Effect>,
    /// Ring now.
    pub rings: Sender<()>,
}

/// Why looking ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Left {
    /// The screen quit.
    Quit,
    /// Another process answers there now: its numbers mean something else, so that the screen has to begin anew.
    Restarted,
    /// Nobody owns the state any more: whoever looked may take it over.
    Ended,
}

/// What is known of whoever answers, before a screen opens.
///
/// # Errors
/// See [`ClientError`].
pub fn first_look(elsewhere: &Elsewhere) -> Result<(Zone, Vec<OwnLabel>), ClientError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(&elsewhere.address, &elsewhere.credentials).await?;
        let question = Looking::new(0, None).question(0);
        let answer = ask(&mut connection, &question, &elsewhere.address).await?;
        let own = answer.frame.own.iter();
        let own = own.filter_map(|by| if let Dimension::Own(label) = by { Some(*label) } else { None });
        Ok((answer.snapshot.zone, own.collect()))
    })
}

/// Looks until the screen quits.
///
/// # Errors
/// The system gives no runtime, or what answers is refused for good: a wrong token, another version.
pub fn run(elsewhere: &Elsewhere, wires: &Wires) -> Result<Left, ClientError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (effects_in, effects) = unbounded_channel();
    let from_screen = wires.effects.clone();
    // It ends when the screen has hung up.
    std::thread::Builder::new().name("costtop-effects".to_owned()).spawn(move || {
        for effect in from_screen {
            if effects_in.send(effect).is_err() {
                return;
            }
        }
    })?;
    runtime.block_on(look(elsewhere, wires, effects))
}

/// What is looked at.
struct Looking {
    viewer: u64,
    process: u64,
    version: u64,
    query: ViewQuery,
    open: Option<u32>,
    /// How often the bell was due there, once that is known.
    rings: Option<u64>,
    last: Option<Arc<Snapshot>>,
    /// Since when nothing was answered.
    cut_off: Option<Instant>,
    retry: Duration,
    owner: Option<StateOwner>,
}

impl Looking {
    fn new(viewer: u64, owner: Option<StateOwner>) -> Looking {
        Looking {
            viewer,
            process: 0,
            version: 0,
            query: ViewQuery::default(),
            open: None,
            rings: None,
            last: None,
            cut_off: None,
            retry: RETRY_FIRST,
            owner,
        }
    }

    fn question(&self, wait_ms: u64) -> Vec<u8> {
        let question = ViewQuestion {
            schema: SCHEMA.to_owned(),
            viewer: self.viewer,
            process: self.process,
            query: self.query.clone(),
            open: self.open,
            after: self.version,
            wait_ms,
        };
        json!(question).to_string().into_bytes()
    }
}

impl Looking {
    /// What it says of its state, after that this is a look at it.
    fn noted(&self, mut snapshot: Snapshot) -> Snapshot {
        if let Some(owner) = &self.owner {
            let told = snapshot.state_note.map_or_else(String::new, |note| format!(" · {note}"));
            snapshot.state_note = Some(format!("{}{told}", owner.note()));
        }
        snapshot
    }

    /// The owner has ended, and nobody began in its place.
    fn may_take_over(&self) -> bool {
        let waited = self.cut_off.is_some_and(|since| since.elapsed() >= TAKE_OVER_AFTER);
        waited && self.owner.as_ref().is_some_and(StateOwner::has_ended)
    }
}

async fn ask(connection: &mut Connection, question: &[u8], address: &Address) -> Result<ViewAnswer, ClientError> {
    let body = connection.ask(Method::POST, "/v1/view", question.to_vec()).await?;
    let foreign = |why: String| ClientError::Foreign(address.name(), why);
    let answer = serde_json::from_slice(&body).and_then(|mut answer: Value| {
        arrived::tame(&mut answer);
        serde_json::from_value(answer)
    });
    let answer: ViewAnswer = answer.map_err(|error| foreign(error.to_string()))?;
    if answer.frame.schema != SCHEMA {
        return Err(foreign("it speaks another version".to_owned()));
    }
    Ok(answer)
}

/// Trouble that does not pass by waiting.
fn is_final(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable(..) | ClientError::System(_) => false,
        ClientError::Refused { status, .. } => matches!(status, 400 | 403 | 404 | 405 | 421),
        _ => true,
    }
}

async fn look(
    elsewhere: &Elsewhere,
    wires: &Wires,
    mut effects: UnboundedReceiver<Effect>,
) -> Result<Left, ClientError> {
    use std::hash::{BuildHasher, RandomState};
    let viewer = RandomState::new().hash_one(std::process::id()) >> 12 | 1;
    let mut looking = Looking::new(viewer, elsewhere.owner.clone());
    let mut connection: Option<Connection> = None;
    loop {
        let question = looking.question(MOST_WAIT_MS);
        let pause = looking.cut_off.map(|_| looking.retry);
        let mut open = connection.take().filter(Connection::is_open);
        let poll = async {
            if let Some(pause) = pause {
                sleep(pause).await;
            }
            let mut connection = match open.take() {
                Some(connection) => connection,
                None => Connection::open(&elsewhere.address, &elsewhere.credentials).await?,
            };
            let answer = ask(&mut connection, &question, &elsewhere.address).await?;
            Ok::<_, ClientError>((connection, answer))
        };
        tokio::pin!(poll);
        let answered = loop {
            tokio::select! {
                biased;
                effect = effects.recv() => match effect {
                    None | Some(Effect::Quit) => return Ok(Left::Quit),
                    Some(effect) => if order(&mut looking, effect, elsewhere).await { break None },
                },
                answered = &mut poll => break Some(answered),
                () = sleep(SAY_AGAIN), if looking.cut_off.is_some() => {
                    if looking.may_take_over() {
                        return Ok(Left::Ended);
                    }
                    if !say_cut_off(&looking, wires) {
                        return Ok(Left::Quit);
                    }
                }
            }
        };
        match answered {
            // A key asks for something else: the question that waits is let go, with its connection.
            None => {}
            Some(Ok((kept, answer))) => {
                connection = Some(kept);
                if looking.process != 0 && answer.frame.process != looking.process {
                    return Ok(Left::Restarted);
                }
                if !take(&mut looking, answer, wires) {
                    return Ok(Left::Quit);
                }
            }
            Some(Err(error)) if is_final(&error) => return Err(error),
            Some(Err(_)) => {
                looking.retry =
                    if looking.cut_off.is_some() { (looking.retry * 2).min(RETRY_LAST) } else { RETRY_FIRST };
                looking.cut_off.get_or_insert_with(Instant::now);
                if !say_cut_off(&looking, wires) {
                    return Ok(Left::Quit);
                }
            }
        }
    }
}

/// Does what the screen asks; `true`: there is another question now.
async fn order(looking: &mut Looking, effect: Effect, elsewhere: &Elsewhere) -> bool {
    let (path, body) = match effect {
        Effect::Query(query) => {
            let is_new = looking.query != query;
            looking.query = query;
            return is_new;
        }
        Effect::Charge(open) => {
            let is_new = looking.open != open;
            looking.open = open;
            return is_new;
        }
        Effect::Acknowledge(Some(alarm)) => ("/v1/alarms/ack", json!({ "alarm": alarm })),
        Effect::Acknowledge(None) => ("/v1/alarms/ack", json!({ "all": true })),
        Effect::Snooze(alarm, minutes) => ("/v1/alarms/snooze", json!({ "alarm": alarm, "minutes": minutes })),
        Effect::Mute(silent) => ("/v1/bell", json!({ "silent": silent })),
        Effect::Quit => return false,
    };
    if post(elsewhere, path, &body).await.is_err() {
        // What was not done is not shown as done; that there is no answer shows at the next question.
        looking.version = 0;
        return true;
    }
    false
}

async fn post(elsewhere: &Elsewhere, path: &str, body: &Value) -> Result<Vec<u8>, ClientError> {
    let mut connection = Connection::open(&elsewhere.address, &elsewhere.credentials).await?;
    connection.ask(Method::POST, path, body.to_string().into_bytes()).await
}

/// Shows an answer, and rings if the bell was due; `false`: nobody looks any more.
fn take(looking: &mut Looking, answer: ViewAnswer, wires: &Wires) -> bool {
    let ViewAnswer { frame, snapshot } = answer;
    AHEAD_MS.store(snapshot.now.ms().saturating_sub(Timestamp::now().ms()), Ordering::Relaxed);
    (looking.process, looking.version) = (frame.process, frame.version);
    (looking.cut_off, looking.retry) = (None, RETRY_FIRST);
    let rings = looking.rings.replace(frame.rings).is_some_and(|before| frame.rings > before);
    let snapshot = Arc::new(looking.noted(snapshot));
    looking.last = Some(Arc::clone(&snapshot));
    if wires.snapshots.send(snapshot).is_err() {
        return false;
    }
    if rings {
        // One that waits there is a ring.
        let _ = wires.rings.try_send(());
    }
    true
}

/// The last answer again, with since when it is the last; `false`: nobody looks any more.
fn say_cut_off(looking: &Looking, wires: &Wires) -> bool {
    let (Some(last), Some(since)) = (&looking.last, looking.cut_off) else { return true };
    let ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
    let mut snapshot = Snapshot { cut_off: Some(clock().plus_ms(-ms)), ..Snapshot::clone(last) };
    if let Some(owner) = looking.owner.as_ref().filter(|owner| owner.has_ended()) {
        let left = TAKE_OVER_AFTER.saturating_sub(since.elapsed()).as_secs();
        snapshot.state_note = Some(format!("{} which has ended: counting here in {left} s", owner.note()));
    }
    !matches!(wires.snapshots.try_send(Arc::new(snapshot)), Err(TrySendError::Disconnected(_)))
}
