//! A made-up Claude Code history: a size and a seed enter, session files and their truth leave. It knows prices by itself.
//!
//! What makes such files hard to bill is in them. Every content block repeats the usage, in half of the sessions with an output
//! that grows until the last block; some answers break off before it. Some endpoints give no `requestId`. A forked session begins
//! with lines of another under its own id. Side chains have answers of their own and replay their parent's; `progress` lines wrap
//! them. Failures are `<synthetic>` answers. Tool inputs, tool results and prompts hold `usage` objects that nobody is billed for,
//! as JSON and as JSON in a string. A few files end in a torn line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use costtop::cli::demo::random::Random;
use costtop::money::Money;
use costtop::time::Timestamp;

use super::truth::{Sums, Truth};

/// Picodollars per token (dollars per million tokens × 10⁶): input, output, 5-minute write, 1-hour write, read. Anthropic's list
/// prices of November 2025. With how often a session uses the model, of 100.
const MODELS: [(&str, [u64; 5], u64); 5] = [
    ("claude-opus-4-5-20251101", [5_000_000, 25_000_000, 6_250_000, 10_000_000, 500_000], 34),
    ("claude-sonnet-4-5-20250929", [3_000_000, 15_000_000, 3_750_000, 6_000_000, 300_000], 40),
    ("claude-haiku-4-5-20251001", [1_000_000, 5_000_000, 1_250_000, 2_000_000, 100_000], 16),
    ("claude-opus-4-1-20250805", [15_000_000, 75_000_000, 18_750_000, 30_000_000, 1_500_000], 4),
    ("claude-sonnet-4-20250514", [3_000_000, 15_000_000, 3_750_000, 6_000_000, 300_000], 6),
];
const HAIKU: usize = 2;
/// Picodollars of one web search: $10 per thousand.
const WEB_SEARCH: u64 = 10_000_000_000;
/// 2025-11-25T00:00:00Z: in the past on any machine, and all models were there.
const START_MS: i64 = 1_764_028_800_000;
const SPAN_MS: u64 = 30 * 86_400_000;
const PROJECTS: [&str; 8] = ["webapp", "infra", "ml-pipeline", "cli-tool", "docs", "game", "billing", "mobile"];
const ID: &[u8] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Sessions whose ends later ones may fork from.
const FORKABLE: usize = 40;

/// Writes about `bytes` bytes of history below `folder`/projects, and `folder`/truth.json.
///
/// # Errors
/// What the file system says.
pub fn write(folder: &Path, bytes: u64, seed: u64) -> io::Result<Truth> {
    let mut history = History::new(seed);
    for project in PROJECTS {
        fs::create_dir_all(folder.join(format!("projects/-home-ada-src-{project}")))?;
    }
    while history.truth.bytes < bytes {
        let session = history.session();
        let file = File::create(folder.join("projects").join(session.path))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        for (place, line) in session.lines.iter().enumerate() {
            let torn = session.torn && place + 1 == session.lines.len();
            // A cut before the closing brace leaves no whole object; half of a line is surely before it.
            let written = if torn { &line.text.as_bytes()[..line.text.len() / 2] } else { line.text.as_bytes() };
            out.write_all(written)?;
            history.truth.bytes += written.len() as u64;
            if !torn {
                out.write_all(b"\n")?;
                history.truth.bytes += 1;
            }
        }
        history.truth.lines += session.lines.len() as u64;
        history.truth.files += 1;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.set_modified(UNIX_EPOCH + Duration::from_millis(session.end_ms.cast_unsigned()))?;
    }
    let truth = history.finish();
    fs::write(folder.join("truth.json"), format!("{:#}\n", truth.to_json()))?;
    Ok(truth)
}

/// A line, and whether it opens a response: the fork's copy of that line decides whom the response belongs to.
#[derive(Clone)]
struct Line {
    text: String,
    opens: Option<usize>,
    /// Speaks to and of the session; other lines are not copied by a fork.
    is_talk: bool,
}

struct Session {
    path: String,
    lines: Vec<Line>,
    torn: bool,
    end_ms: i64,
}

/// What was billed, and to whom.
struct Response {
    model: usize,
    at_ms: i64,
    session: String,
    sums: Sums,
}

struct History {
    random: Random,
    /// Text as it stands in JSON, escapes included: short, medium, long.
    prose: [Vec<String>; 3],
    responses: Vec<Response>,
    /// Session id and last lines.
    forkable: Vec<(String, Vec<Line>)>,
    truth: Truth,
}

/// Tokens of one answer.
#[derive(Clone, Copy)]
struct Answer {
    input: u64,
    write_5m: u64,
    write_1h: u64,
    read: u64,
    output: u64,
    searches: u64,
}

/// What all lines of a session begin with.
struct Head<'a> {
    session: &'a str,
    project: &'a str,
    version: u64,
}

impl History {
    fn new(seed: u64) -> History {
        let mut random = Random::new(seed);
        let prose = [(8, 60), (60, 200), (150, 420)].map(|(low, high)| {
            (0..150)
                .map(|_| {
                    let words = random.between(low, high);
                    prose(&mut random, words)
                })
                .collect()
        });
        History { random, prose, responses: Vec::new(), forkable: Vec::new(), truth: Truth::default() }
    }

    fn prose(&mut self, length: usize) -> &str {
        let place = self.random.bits() as usize % self.prose[length].len();
        &self.prose[length][place]
    }

    fn id(&mut self, prefix: &str, length: usize) -> String {
        prefix.to_owned() + &self.random.id(ID, length)
    }

    fn session(&mut self) -> Session {
        let session = self.random.uuid();
        let project = PROJECTS[self.random.between(0, 7) as usize];
        let head = Head { session: &session, project, version: self.random.between(180, 258) };
        let mut at_ms = START_MS + self.random.between(0, SPAN_MS - 1).cast_signed();
        let main_model = self.model();
        let (hour_cache, grows) = (self.random.chance(450), self.random.chance(500));
        let without_requests = self.random.chance(40);
        let mut context = self.random.between(12_000, 24_000);
        let mut lines = vec![
            plain(format!(
                r#"{{"type":"file-history-snapshot","messageId":"{0}","snapshot":{{"messageId":"{0}","trackedFileBackups":{{}},"timestamp":"{1}"}},"isSnapshotUpdate":false}}"#,
                self.random.uuid(),
                Timestamp::from_ms(at_ms)
            )),
            plain(format!(r#"{{"type":"summary","summary":"{}","leafUuid":"{}"}}"#, self.prose(0), "0")),
        ];
        if !self.forkable.is_empty() && self.random.chance(60) {
            self.fork(&session, &mut lines);
        }
        for turn in 0..self.random.between(15, 260) {
            at_ms += self.random.skewed(35_000).cast_signed();
            let question = self.question(&head, at_ms, turn % 6 == 0);
            lines.push(question);
            let model = if self.random.chance(900) { main_model } else { HAIKU };
            let new = self.random.skewed(1200);
            // An expired cache is written anew, whole.
            let (write, read) = if self.random.chance(30) { (context, 0) } else { (new, context) };
            context = if context < 150_000 { context + new } else { self.random.between(15_000, 40_000) };
            let answer = Answer {
                input: self.random.between(1, 12),
                write_5m: if hour_cache { 0 } else { write },
                write_1h: if hour_cache { write } else { 0 },
                read,
                output: self.random.skewed(420),
                searches: u64::from(self.random.chance(5)),
            };
            at_ms += self.random.between(2_000, 25_000).cast_signed();
            let request = if without_requests { None } else { Some(self.id("req_011C", 20)) };
            let side = self.random.chance(60).then(|| self.random.hex(8));
            self.answer(&head, &mut lines, at_ms, model, answer, request.as_deref(), grows, side.as_deref());
            if self.random.chance(4) {
                lines.push(failure(&head, &self.random.uuid(), at_ms + 5_000));
            }
        }
        if self.forkable.len() < FORKABLE {
            let tail = self.random.between(6, 60) as usize;
            let talk: Vec<Line> = lines.iter().filter(|line| line.is_talk).cloned().collect();
            self.forkable.push((session.clone(), talk[talk.len().saturating_sub(tail)..].to_vec()));
        }
        let torn = self.random.chance(20);
        if torn {
            lines.push(self.question(&head, at_ms, true));
        }
        let path = format!("-home-ada-src-{project}/{session}.jsonl");
        Session { path, lines, torn, end_ms: at_ms }
    }

    fn model(&mut self) -> usize {
        let mut rest = self.random.between(0, 99);
        for (place, (_, _, share)) in MODELS.iter().enumerate() {
            if rest < *share {
                return place;
            }
            rest -= share;
        }
        HAIKU
    }

    /// The end of another session under this session's id. Of equal times the lesser session wins, so that no order of files matters.
    fn fork(&mut self, session: &str, lines: &mut Vec<Line>) {
        let place = self.random.bits() as usize % self.forkable.len();
        let (parent, tail) = &self.forkable[place];
        for line in tail {
            let text = line.text.replacen(parent.as_str(), session, 1);
            if let Some(response) = line.opens.map(|place| &mut self.responses[place])
                && session < response.session.as_str()
            {
                session.clone_into(&mut response.session);
            }
            // A fork of the fork finds the same first lines.
            lines.push(Line { text, ..line.clone() });
        }
    }

    fn question(&mut self, head: &Head, at_ms: i64, is_prompt: bool) -> Line {
        let decoy = self.random.chance(40);
        let uuid = self.random.uuid();
        let mut text = head.begin("user", false, &uuid, at_ms);
        if is_prompt {
            let prompt = self.prose(0);
            let _ = write!(text, r#","message":{{"role":"user","content":"{prompt}"#);
            if decoy {
                text.push_str(r#" {\"type\":\"assistant\",\"requestId\":\"req_decoy_in_a_prompt\",\"message\":{\"id\":\"msg_decoy_in_a_prompt\",\"model\":\"claude-opus-4-5-20251101\",\"usage\":{\"input_tokens\":99999999,\"output_tokens\":99999999}}}\n"#);
            }
            text.push_str(r#""},"thinkingMetadata":{"level":"high","disabled":false,"triggers":[]}}"#);
        } else {
            let tool = self.id("toolu_01", 22);
            let output = self.prose(2);
            let _ = write!(
                text,
                r#","message":{{"role":"user","content":[{{"tool_use_id":"{tool}","type":"tool_result","content":"{output}","is_error":false}}]}},"toolUseResult":{{"stdout":"{output}","stderr":"","interrupted":false,"isImage":false"#
            );
            if decoy {
                // A sub-agent's sum, which its own lines bill already.
                text.push_str(r#","totalTokens":99999999,"usage":{"input_tokens":99999999,"output_tokens":99999999,"service_tier":"standard"}"#);
            }
            text.push_str("}}");
        }
        Line { text, opens: None, is_talk: true }
    }

    /// The lines of one answer, and what it is billed.
    #[allow(clippy::too_many_arguments, reason = "one answer has so many facts, and one caller")]
    fn answer(
        &mut self,
        head: &Head,
        lines: &mut Vec<Line>,
        at_ms: i64,
        model: usize,
        answer: Answer,
        request: Option<&str>,
        grows: bool,
        side: Option<&str>,
    ) {
        let id = self.id("msg_01", 22);
        let kinds: &[&str] = match self.random.between(0, 5) {
            0 => &["text"],
            1 => &["tool_use"],
            2 => &["thinking", "tool_use"],
            3 => &["text", "tool_use"],
            4 => &["thinking", "text", "tool_use"],
            _ => &["tool_use", "tool_use"],
        };
        let breaks_off = kinds.len() > 1 && self.random.chance(5);
        let mut stated = 0;
        for (place, kind) in kinds.iter().enumerate() {
            let last = place + 1 == kinds.len();
            if last && breaks_off {
                break;
            }
            let output = if last || !grows { answer.output } else { self.random.between(1, answer.output.min(8)) };
            stated = if last { output } else { output.max(stated) };
            let stop = if !last {
                "null"
            } else if *kind == "tool_use" {
                "\"tool_use\""
            } else {
                "\"end_turn\""
            };
            let block = self.block(kind);
            let usage = Answer { output, ..answer }.usage();
            let name = MODELS[model].0;
            // Some clients state the usage before the content.
            let body = if self.random.chance(100) {
                format!(
                    r#"{{"model":"{name}","id":"{id}","type":"message","role":"assistant","usage":{usage},"stop_reason":{stop},"stop_sequence":null,"content":[{block}]}}"#
                )
            } else {
                format!(
                    r#"{{"model":"{name}","id":"{id}","type":"message","role":"assistant","content":[{block}],"stop_reason":{stop},"stop_sequence":null,"usage":{usage}}}"#
                )
            };
            let uuid = self.random.uuid();
            let said_ms = at_ms + 400 * i64::try_from(place).unwrap_or(0);
            let request = request.map(|id| format!(r#","requestId":"{id}""#)).unwrap_or_default();
            let mut text = head.begin("assistant", side.is_some(), &uuid, said_ms);
            if let Some(agent) = side {
                let _ = write!(text, r#","agentId":"{agent}""#);
            }
            let _ = write!(text, r#","message":{body}{request}}}"#);
            lines.push(Line { text, opens: (place == 0).then_some(self.responses.len()), is_talk: true });
            if let Some(agent) = side {
                if self.random.chance(300) {
                    let mut text = head.begin("progress", false, &self.random.uuid(), said_ms);
                    let _ = write!(
                        text,
                        r#","data":{{"type":"agent_progress","agentId":"{agent}","message":{{"type":"assistant","timestamp":"{}","uuid":"{uuid}","message":{body}{request}}}}}}}"#,
                        Timestamp::from_ms(said_ms)
                    );
                    lines.push(plain(text));
                }
            } else if last && self.random.chance(10) {
                // A side chain that begins with its parent's answer.
                let mut text = head.begin("assistant", true, &self.random.uuid(), said_ms + 1_000);
                let _ = write!(text, r#","agentId":"{}","message":{body}{request}}}"#, self.random.hex(8));
                lines.push(plain(text));
            }
        }
        let billed = Answer { output: stated, ..answer };
        let (session, sums) = (head.session.to_owned(), billed.billed(model));
        self.responses.push(Response { model, at_ms, session, sums });
    }

    fn block(&mut self, kind: &str) -> String {
        match kind {
            "thinking" => {
                let length = self.random.between(200, 500) as usize;
                let signature = self.random.id(ID, length);
                format!(r#"{{"type":"thinking","thinking":"{}","signature":"{signature}"}}"#, self.prose(1))
            }
            "text" => format!(r#"{{"type":"text","text":"{}"}}"#, self.prose(1)),
            _ => {
                let (id, file) = (self.id("toolu_01", 22), self.random.hex(8));
                let tool = ["Bash", "Edit", "Read", "Grep", "Write"][self.random.between(0, 4) as usize];
                let decoy = if self.random.chance(30) {
                    r#","usage":{"input_tokens":99999999,"output_tokens":99999999},"message":{"id":"msg_decoy_in_a_tool_input","model":"claude-opus-4-5-20251101","usage":{"input_tokens":99999999,"output_tokens":99999999}}"#
                } else {
                    ""
                };
                let old = self.prose(1).to_owned();
                let new = self.prose(1);
                format!(
                    r#"{{"type":"tool_use","id":"{id}","name":"{tool}","input":{{"file_path":"/home/ada/src/x/{file}.rs","old_string":"{old}","new_string":"{new}"{decoy}}}}}"#
                )
            }
        }
    }

    fn finish(self) -> Truth {
        let mut truth = self.truth;
        let mut add = |groups: fn(&mut Truth) -> &mut BTreeMap<String, Sums>, key: &str, sums: &Sums| {
            groups(&mut truth).entry(key.to_owned()).or_default().add(sums);
        };
        let mut total = Sums::default();
        for response in &self.responses {
            total.add(&response.sums);
            let day = Timestamp::from_ms(response.at_ms).to_string();
            add(|truth| &mut truth.by_model, MODELS[response.model].0, &response.sums);
            add(|truth| &mut truth.by_day, &day[..10], &response.sums);
            add(|truth| &mut truth.by_session, &response.session, &response.sums);
        }
        truth.total = total;
        truth
    }
}

impl Answer {
    fn usage(self) -> String {
        let Answer { input, write_5m, write_1h, read, output, searches } = self;
        format!(
            r#"{{"input_tokens":{input},"cache_creation_input_tokens":{},"cache_read_input_tokens":{read},"cache_creation":{{"ephemeral_5m_input_tokens":{write_5m},"ephemeral_1h_input_tokens":{write_1h}}},"output_tokens":{output},"service_tier":"standard","inference_geo":"not_available","server_tool_use":{{"web_search_requests":{searches},"web_fetch_requests":0}},"speed":"standard"}}"#,
            write_5m + write_1h
        )
    }

    fn billed(self, model: usize) -> Sums {
        let [input, output, write_5m, write_1h, read] = MODELS[model].1;
        let pico = self.input * input
            + self.output * output
            + self.write_5m * write_5m
            + self.write_1h * write_1h
            + self.read * read
            + self.searches * WEB_SEARCH;
        Sums {
            requests: 1,
            input: self.input,
            output: self.output,
            cache_read: self.read,
            cache_write_5m: self.write_5m,
            cache_write_1h: self.write_1h,
            cost: Money::from_pico(pico.into()),
        }
    }
}

impl Head<'_> {
    fn begin(&self, kind: &str, side: bool, uuid: &str, at_ms: i64) -> String {
        let Head { session, project, version } = self;
        format!(
            r#"{{"parentUuid":"{uuid}","isSidechain":{side},"userType":"external","cwd":"/home/ada/src/{project}","sessionId":"{session}","version":"2.1.{version}","gitBranch":"main","type":"{kind}","uuid":"{uuid}","timestamp":"{}""#,
            Timestamp::from_ms(at_ms)
        )
    }
}

fn plain(text: String) -> Line {
    Line { text, opens: None, is_talk: false }
}

/// An answer that only says that the API failed.
fn failure(head: &Head, uuid: &str, at_ms: i64) -> Line {
    let mut text = head.begin("assistant", false, uuid, at_ms);
    let none = Answer { input: 0, write_5m: 0, write_1h: 0, read: 0, output: 0, searches: 0 };
    let _ = write!(
        text,
        r#","isApiErrorMessage":true,"message":{{"id":"{uuid}","container":null,"model":"<synthetic>","role":"assistant","stop_reason":"stop_sequence","stop_sequence":"","type":"message","usage":{},"content":[{{"type":"text","text":"API Error: 529 overloaded"}}]}}}}"#,
        none.usage()
    );
    plain(text)
}

/// Words as they stand in JSON, with the escapes that code is full of.
fn prose(random: &mut Random, words: u64) -> String {
    const WORDS: [&str; 56] = [
        "the",
        "function",
        "returns",
        "error",
        "when",
        "parsing",
        "config",
        "because",
        "value",
        "missing",
        "let",
        "me",
        "check",
        "file",
        "read",
        "update",
        "test",
        "cargo",
        "build",
        "failed",
        "with",
        "type",
        "mismatch",
        "expected",
        "struct",
        "found",
        "enum",
        "module",
        "import",
        "path",
        "result",
        "option",
        "async",
        "await",
        "refactor",
        "request",
        "response",
        "cache",
        "token",
        "session",
        "user",
        "id",
        "index",
        "loop",
        "buffer",
        "channel",
        "thread",
        "lock",
        r"\n    let",
        r";\n    return",
        r#"\"usage\""#,
        r"```rust\n",
        r"\t{\n",
        "—",
        "café",
        "日本",
    ];
    let mut text = String::new();
    for _ in 0..words {
        text.push_str(WORDS[random.between(0, 55) as usize]);
        text.push(' ');
    }
    text
}
