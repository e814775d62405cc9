//! Who asks what next: a seed and times enter, calls leave, the truth is kept. It writes nothing and reads no clock.
//!
//! Agents' sessions grow turn by turn and read what they wrote before from the cache; jobs send one prefix with changing
//! ends. A few calls fail, a few are answered by the gateway's own cache.

use super::company::{CACHE_BREAKER, Caching, Ids, Model, OPUS, RUNAWAY, Tokens, USERS, User, Way};
use super::random::Random;
use super::truth::Truth;
use crate::time::Timestamp;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer that is billed.
    Answered,
    /// From the gateway's cache, for nothing.
    GatewayHit,
    /// With this HTTP status and no tokens.
    Failed(u16),
}

/// One request, as it was.
#[derive(Clone, Debug)]
pub struct Call {
    /// When the answer was complete.
    pub end: Timestamp,
    /// From request to complete answer.
    pub latency_ms: i64,
    /// Who asked.
    pub user: &'static User,
    /// Which model answered.
    pub model: &'static Model,
    /// The conversation, agent run or job.
    pub session: String,
    /// Whether this is the session's first call.
    pub opens_session: bool,
    /// The provider's id of the answer.
    pub response_id: String,
    /// The id of the request as the client knows it.
    pub request_id: String,
    /// The gateway's id of the attempt.
    pub call_id: String,
    /// What was billed.
    pub tokens: Tokens,
    /// How it ended.
    pub outcome: Outcome,
}

#[derive(Debug)]
struct Session {
    id: String,
    model: &'static Model,
    /// Prompt tokens that the next call sends again.
    context: u64,
    turn: u64,
    turns: u64,
    one_hour_cache: bool,
}

/// Most sessions one user keeps open at a time.
const OPEN_SESSIONS: u64 = 2;
/// Calls in 1,000 that fail.
const FAILS_PERMILLE: u64 = 12;
/// Calls in 1,000 that the gateway answers from its cache, for users that ask the same again.
const HITS_PERMILLE: u64 = 45;
/// Prompts below this many tokens are not cached by any provider.
const SHORTEST_CACHED_PROMPT: u64 = 1024;

/// The stream of calls of one seed.
#[derive(Debug)]
pub struct Traffic {
    random: Random,
    /// Open sessions, by user.
    open: Vec<Vec<Session>>,
    /// The agent that runs away, once it does.
    runaway: Option<Session>,
    /// From when on one user's prompt cache is broken.
    cache_breaks_at: Timestamp,
    truth: Truth,
}

impl Traffic {
    /// A stream in which the prompt cache of [`CACHE_BREAKER`] breaks at `cache_breaks_at`.
    #[must_use]
    pub fn new(seed: u64, cache_breaks_at: Timestamp) -> Traffic {
        Traffic {
            random: Random::new(seed),
            open: USERS.iter().map(|_| Vec::new()).collect(),
            runaway: None,
            cache_breaks_at,
            truth: Truth::default(),
        }
    }

    /// What all calls so far were.
    #[must_use]
    pub const fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Random numbers of the same seed, for what surrounds the calls.
    pub const fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Counts a line that says nothing readable.
    pub const fn add_bad_line(&mut self) {
        self.truth.bad_lines += 1;
    }

    /// The next ordinary call, complete at `end`.
    pub fn call(&mut self, end: Timestamp) -> Call {
        let at = self.pick_user();
        let user = &USERS[at];
        let mut session = self.pick_session(at);
        let broken = user.name == CACHE_BREAKER && end >= self.cache_breaks_at;
        let call = self.turn(user, &mut session, end, broken);
        if session.turn < session.turns && session.context < session.model.longest_prompt {
            self.open[at].push(session);
        }
        call
    }

    /// The next call of the agent that runs away: one session that never ends, dearer with every turn.
    pub fn runaway_call(&mut self, end: Timestamp) -> Call {
        let Some(user) = USERS.iter().find(|user| user.name == RUNAWAY) else { return self.call(end) };
        let mut session = self.runaway.take().unwrap_or_else(|| Session {
            id: self.random.uuid(),
            model: &OPUS,
            context: 30_000,
            turn: 0,
            turns: u64::MAX,
            one_hour_cache: false,
        });
        let answer = self.random.between(1_500, 3_500);
        let call = self.finish(user, &mut session, end, false, answer + 6_000, answer);
        if session.context >= OPUS.longest_prompt {
            session.context = 60_000; // compacted by the agent's framework, then on it goes
        }
        self.runaway = Some(session);
        call
    }

    /// Ends the run that ran away; the next one is a new session.
    pub fn stop_runaway(&mut self) {
        self.runaway = None;
    }

    fn pick_user(&mut self) -> usize {
        let all: u64 = USERS.iter().map(|user| user.weight).sum();
        let mut left = self.random.between(0, all - 1);
        for (at, user) in USERS.iter().enumerate() {
            if left < user.weight {
                return at;
            }
            left -= user.weight;
        }
        0
    }

    fn pick_session(&mut self, user: usize) -> Session {
        let open = self.open[user].len() as u64;
        // A new session with a chance that keeps the usual number open.
        if open > 0 && (open >= OPEN_SESSIONS || self.random.chance(850)) {
            return self.open[user].swap_remove(self.random.between(0, open - 1) as usize);
        }
        let user = &USERS[user];
        let favourite = self.random.chance(680);
        let model =
            user.models[if favourite { 0 } else { self.random.between(0, user.models.len() as u64 - 1) as usize }];
        Session {
            id: self.random.uuid(),
            model,
            context: self.random.skewed(user.first_prompt).min(model.longest_prompt / 2),
            turn: 0,
            turns: self.random.skewed(user.turns),
            one_hour_cache: user.way == Way::ClaudeCode && self.random.chance(450),
        }
    }

    fn turn(&mut self, user: &'static User, session: &mut Session, end: Timestamp, broken: bool) -> Call {
        let gateway = matches!(user.way, Way::Gateway | Way::Both);
        if user.way != Way::ClaudeCode && self.random.chance(FAILS_PERMILLE) {
            let status = if self.random.chance(600) { 429 } else { 529 };
            return self.record(user, session, end, Tokens::default(), Outcome::Failed(status));
        }
        let new = if user.growth > 0 { user.growth } else { user.first_prompt / 3 };
        let new = self.random.skewed(new.max(1));
        let answer = if user.answer > 1 { self.random.skewed(user.answer) } else { 0 };
        let hit = gateway && user.weight > 10 && session.turn > 0 && self.random.chance(HITS_PERMILLE);
        if hit {
            let tokens = self.tokens(user, session, broken, new, answer);
            return self.record(user, session, end, tokens, Outcome::GatewayHit);
        }
        self.finish(user, session, end, broken, new, answer)
    }

    fn finish(
        &mut self,
        user: &'static User,
        session: &mut Session,
        end: Timestamp,
        broken: bool,
        new: u64,
        answer: u64,
    ) -> Call {
        let tokens = self.tokens(user, session, broken, new, answer);
        let call = self.record(user, session, end, tokens, Outcome::Answered);
        session.turn += 1;
        if user.growth > 0 {
            session.context = tokens.prompt();
        }
        call
    }

    fn tokens(&mut self, user: &User, session: &Session, broken: bool, new: u64, answer: u64) -> Tokens {
        let model = session.model;
        let prompt = (session.context + new).min(model.longest_prompt);
        let cached = model.caching != Caching::None && session.context >= SHORTEST_CACHED_PROMPT;
        let read = if cached && session.turn > 0 && !broken { session.context.min(prompt) } else { 0 };
        let writes = matches!(model.caching, Caching::ReadsAndWrites | Caching::ReadsAndTimedWrites);
        let uncached = self.random.between(3, 40).min(prompt - read);
        let written = match (cached && writes, user.growth > 0 || broken) {
            (true, true) => prompt - read - uncached,
            (true, false) if session.turn == 0 => session.context.min(prompt),
            _ => 0,
        };
        let one_hour = session.one_hour_cache && model.caching == Caching::ReadsAndTimedWrites;
        Tokens {
            input: prompt - read - written,
            cache_read: read,
            cache_write_5m: if one_hour { 0 } else { written },
            cache_write_1h: if one_hour { written } else { 0 },
            output: answer,
            reasoning: answer * self.random.between(0, model.reasoning_permille) / 1000,
        }
    }

    fn record(
        &mut self,
        user: &'static User,
        session: &Session,
        end: Timestamp,
        tokens: Tokens,
        outcome: Outcome,
    ) -> Call {
        let letters = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        let response_id = match session.model.id {
            Ids::Anthropic => format!("msg_01{}", self.random.id(letters, 22)),
            Ids::OpenAi => format!("chatcmpl-{}", self.random.hex(24)),
            Ids::Bare => self.random.hex(32),
        };
        let request_id = format!("req_011C{}", self.random.id(letters, 20));
        let thinking = self.random.between(250, 900).cast_signed();
        let call = Call {
            end,
            latency_ms: thinking + (tokens.output * self.random.between(6, 14)).cast_signed(),
            user,
            model: session.model,
            session: session.id.clone(),
            opens_session: session.turn == 0,
            response_id,
            request_id,
            call_id: self.random.uuid(),
            tokens,
            outcome,
        };
        self.truth.add(&call);
        call
    }
}
