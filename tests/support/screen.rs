//! One fixed moment as the engine would publish it, for screens, benches and the gallery. The sums reconcile.

use std::collections::HashMap;

use costtop::alarm::{AlarmState, AlarmStatus, BudgetState, BudgetStatus};
use costtop::config::Severity;
use costtop::engine::counters::Counters;
use costtop::engine::names::{NONE, NameId};
use costtop::engine::record::Intake;
use costtop::engine::view::{By, Chart, GroupRow, RIGHT, Spread, Table, View, ViewQuery, Window};
use costtop::label::Label;
use costtop::money::{Cost, Money};
use costtop::source::{SourceState, SourceStatus};
use costtop::time::{Period, Timestamp, Zone, parse_rfc3339};
use costtop::ui::snapshot::{BellStatus, EventLine, Mark, Snapshot};

/// Reads an instant.
pub fn at(text: &str) -> Timestamp {
    parse_rfc3339(text.as_bytes(), Zone::UTC).expect("fixed times are well formed")
}

/// The moment of the sample.
pub fn now() -> Timestamp {
    at("2026-09-21T14:32:07Z")
}

pub fn usd(text: &str) -> Money {
    Money::parse(text.as_bytes()).expect("fixed amounts are well formed")
}

pub fn cost(text: &str) -> Cost {
    Cost::parse(text.as_bytes()).expect("fixed amounts are well formed")
}

struct Line(&'static str, &'static str, &'static str, i64, i64, f64, Option<&'static str>, [i64; 8]);

const MODELS: [Line; 8] = [
    Line("claude-opus-4-8", "7.86", "38.9", 288, 1_200_000, 0.84, Some("0.41"), [4, 4, 3, 7, 3, 6, 8, 4]),
    Line("gpt-6-sol", "4.31", "19.6", 96, 2_000_000, 0.48, Some("0.12"), [4, 8, 4, 7, 3, 4, 8, 4]),
    Line("claude-sonnet-5-5", "3.02", "14.1", 74, 3_100_000, 0.83, Some("0.06"), [7, 7, 8, 8, 7, 8, 3, 6]),
    Line("gemini-3.1-pro", "1.77", "9.0", 41, 1_600_000, 0.22, Some("0.09"), [5, 7, 6, 7, 7, 4, 3, 8]),
    Line("gpt-5.6-luna", "0.83", "4.2", 38, 2_900_000, 0.55, Some("0.01"), [4, 4, 5, 4, 3, 5, 8, 8]),
    Line("claude-haiku-5-5", "0.41", "2.1", 29, 390_000, 0.77, Some("0.01"), [8, 8, 3, 3, 8, 7, 7, 5]),
    Line("text-embedding-3-large", "0.14", "0.6", 22, 1_100_000, 0.0, Some("0.004"), [8, 8, 6, 5, 3, 7, 6, 8]),
    Line("in-house-llama", "0", "0", 22, 210_000, 0.0, None, [0; 8]),
];

const USERS: [(&str, &str, &str, &str); 7] = [
    ("ci-evals", "6.94", "37.2", "claude-opus-4-8"),
    ("ana.silva", "3.87", "15.0", "gpt-6-sol"),
    ("svc-support", "2.61", "13.3", "claude-sonnet-5-5"),
    ("m.chen", "2.20", "10.8", "claude-opus-4-8"),
    ("batch-nightly", "1.32", "6.1", "gemini-3.1-pro"),
    ("j.okafor", "0.79", "3.6", "gpt-5.6-luna"),
    ("r.lindqvist", "0.46", "2.0", "claude-haiku-5-5"),
];

pub fn sums(spent: &str, requests: i64, tokens: i64, hit: f64) -> Counters {
    let prompt = tokens * 9 / 10;
    let cache_read = (prompt as f64 * hit) as i64;
    Counters {
        requests,
        input: prompt - cache_read,
        cache_read,
        output: tokens - prompt,
        computed: usd(spent),
        ..Counters::default()
    }
}

pub fn group(id: NameId, name: Option<&str>, sums: Counters, burn: &str) -> GroupRow {
    GroupRow {
        id,
        name: name.map(Label::new),
        sums,
        burn: usd(burn),
        trend: [Money::ZERO; 8],
        p95: None,
        most_on: None,
        last: None,
    }
}

pub fn table(by: By, rows: Vec<GroupRow>, groups: usize) -> Table {
    let mut all = Counters::default();
    let mut burn = Money::ZERO;
    for row in &rows {
        all.add(&row.sums, 1);
        burn += row.burn;
    }
    Table { rows, groups, unfiltered: groups, sums: all, burn, ..Table::empty(by) }
}

/// The models, ordered by cost.
pub fn models() -> Table {
    let rows = MODELS.iter().enumerate().map(|(id, line)| {
        let Line(name, spent, burn, requests, tokens, hit, p95, trend) = line;
        let mut row = group(id as NameId + 10, Some(name), sums(spent, *requests, *tokens, *hit), burn);
        row.trend = trend.map(|step| Money::from_pico(i128::from(step) * 1_000_000_000));
        row.p95 = p95.map(cost);
        if p95.is_none() {
            (row.sums.unpriced_requests, row.sums.unpriced_tokens) = (*requests, *tokens);
        }
        if *name == "text-embedding-3-large" {
            (row.sums.input, row.sums.output) = (0, *tokens);
        }
        row
    });
    table(By::MODEL, rows.collect(), MODELS.len())
}

/// The users, ordered by cost: seven of 21, the other fourteen spent the difference.
pub fn users() -> Table {
    let rows = USERS.iter().enumerate().map(|(id, (name, spent, burn, model))| {
        let mut row = group(id as NameId + 50, Some(name), sums(spent, 80, 1_700_000, 0.6), burn);
        row.most_on = Some(Label::new(model));
        row
    });
    let mut table = table(By::USER, rows.collect(), 21);
    table.sums.computed = usd("18.34");
    table.burn = usd("88.5");
    table
}

/// Users with rows for every place, to scroll through.
pub fn many_users(count: usize, offset: usize, rows: usize) -> Table {
    let all = (0..count).map(|place| {
        let spent = format!("{}", count - place);
        group(place as NameId + 1000, Some(&format!("user-{place:05}")), sums(&spent, 3, 9_000, 0.5), "1.5")
    });
    let mut table = table(By::USER, all.collect(), count);
    table.rows = table.rows.split_off(offset.min(count)).into_iter().take(rows).collect();
    table.offset = offset;
    table
}

fn chart(steps: usize) -> Chart {
    let rate = |part: f64| {
        let wave = 50.0 + 14.0 * (part * 19.0).sin() + 6.0 * (part * 97.0).sin() + 3.0 * (part * 311.0).cos();
        let dip = 26.0 * (-((part - 0.53) / 0.13).powi(2)).exp();
        let rise = 75.0 * ((part - 0.74).max(0.0) / 0.26).powf(1.4);
        (wave - dip + rise).max(0.0)
    };
    let step_ms = 900_000 / i64::try_from(steps).expect("a chart has few steps");
    let burn = |step: usize| rate(step as f64 / steps as f64);
    Chart {
        start: now().plus_ms(-step_ms * i64::try_from(steps).expect("a chart has few steps")),
        step_ms,
        steps: (0..steps).map(|step| Money::from_pico((burn(step) * 1e12) as i128)).collect(),
        classes: Vec::new(),
    }
}

pub fn budget(
    name: &str,
    key: Option<&str>,
    per: Period,
    spent: &str,
    limit: &str,
    state: BudgetState,
) -> BudgetStatus {
    let (start, end) = Zone::UTC.period(per, now());
    BudgetStatus {
        name: Label::new(name),
        scope: if key.is_some() { "user" } else { "global" },
        key: key.map(Label::new),
        per: Some(per),
        period_start: start,
        period_end: Some(end),
        spent: usd(spent),
        limit: usd(limit),
        state,
        is_lower_bound: false,
    }
}

pub fn alarm(rule: &str, key: Option<&str>, severity: Severity, state: AlarmState, message: &str) -> AlarmStatus {
    AlarmStatus {
        rule: Label::new(rule),
        scope: if key.is_some() { "user" } else { "global" },
        key: key.map(Label::new),
        cause: "budget",
        severity,
        state,
        since: at("2026-09-21T14:29:40Z"),
        first: at("2026-09-21T14:29:40Z"),
        count: 1,
        until: None,
        message: message.to_owned(),
        spent: Money::ZERO,
        limit: Money::ZERO,
        excess: Money::ZERO,
        incident: format!("{rule}|{}", key.unwrap_or_default()),
        loud: true,
        by: None,
    }
}

fn event(time: &str, mark: Mark, kind: &'static str, text: &str) -> EventLine {
    EventLine { time: at(&format!("2026-09-21T{time}Z")), mark, kind, text: text.to_owned() }
}

fn source(name: &str) -> SourceStatus {
    SourceStatus {
        source: 0,
        name: Label::new(name),
        state: SourceState::Live,
        files: 1,
        total_bytes: 0,
        read_bytes: 0,
        dropped: 0,
    }
}

/// A busy, healthy quarter of an hour.
pub fn busy() -> Snapshot {
    let models = models();
    let mut window = models.sums;
    window.saved = usd("31.20");
    let mut intake = Intake {
        files: 3,
        bytes: 104_857_600,
        lines: 48_113,
        records: 48_113,
        charges: 47_200,
        duplicates: 910,
        rejected: Default::default(),
        ..Intake::default()
    };
    intake.rejected[0] = 3;
    Snapshot {
        now: now(),
        zone: Zone::UTC,
        view: View {
            query: ViewQuery { window: Window::M15, chart_steps: 140, ..ViewQuery::default() },
            until: now(),
            burn: usd("88.80"),
            burn_all: usd("88.80"),
            requests_per_minute: 41,
            window,
            window_all: window,
            today: sums("412.60", 13_204, 300_000_000, 0.6),
            today_all: sums("412.60", 13_204, 300_000_000, 0.6),
            total: sums("7906.11", 471_020, 9_000_000_000, 0.6),
            sessions: 812,
            chart: chart(140),
            tables: [models, users()],
            spread: Spread {
                requests: 588,
                bins: [190, 168, 181, 46, 3],
                p50: Some(cost("0.011")),
                p95: Some(cost("0.14")),
                p99: Some(cost("0.73")),
                max: Some(cost("2.10")),
            },
            intake,
            unpriced_models: vec![(Label::new("in-house-llama"), 210_000)],
            newest: Some(now()),
            ..View::default()
        },
        budgets: vec![
            budget("everything", None, Period::Day, "412.60", "600", BudgetState::Ok),
            budget("everything", None, Period::Month, "7906.11", "12000", BudgetState::Ok),
            budget("each user", Some("ci-evals"), Period::Day, "141.20", "150", BudgetState::Warned),
            budget("opus", None, Period::Hour, "38.90", "60", BudgetState::Ok),
        ],
        scope_budgets: Vec::new(),
        open: None,
        alarms: vec![
            alarm("each user", Some("ci-evals"), Severity::Warn, AlarmState::Firing, "ci-evals passed 90 %"),
            alarm("cache", Some("svc-support"), Severity::Warn, AlarmState::Acknowledged, "cache hits fell"),
        ],
        events: vec![
            event("14:31:52", Mark::Alarm, "anomaly", "ci-evals × claude-opus-4-8  2.1× usual · loop · +$9.40 so far"),
            event("14:29:40", Mark::Limit, "budget", "ci-evals/day passed 90 %  $135.00 of $150.00"),
            event("14:24:03", Mark::Warn, "price", "in-house-llama has no price · 210k tokens unpriced"),
            event("14:20:11", Mark::Good, "cache", "svc-support hits back to 83 % (40 % for 6 min)"),
            event("14:17:30", Mark::Note, "source", "gateway.jsonl rotated, old file drained (412 lines)"),
            event("14:02:00", Mark::Note, "start", "read 48,110 lines in 0.31s, 3 rejected"),
        ],
        numbers: HashMap::from([(Label::new("ci-evals"), 50), (Label::new("svc-support"), 52)]),
        sources: vec![source("/var/log/gateway.jsonl"), source("unix:/run/costtop.sock"), source("~/.claude/projects")],
        lag_ms: Some(420),
        progress: None,
        bell: BellStatus { enabled: true, muted: false },
        cut_off: None,
        state_note: None,
    }
}

/// Two alarms that ring.
pub fn alarmed() -> Snapshot {
    let mut snapshot = busy();
    snapshot.view.today.computed = usd("603.18");
    snapshot.view.today_all.computed = usd("603.18");
    (snapshot.view.burn, snapshot.view.burn_all) = (usd("214.10"), usd("214.10"));
    snapshot.budgets[0] = budget("everything", None, Period::Day, "603.18", "600", BudgetState::Exceeded);
    let message = "everything passed $600.00 at 14:28:21, now $603.18, burning $214.10/h";
    snapshot.alarms.insert(0, alarm("everything", None, Severity::Page, AlarmState::Firing, message));
    let message = "ci-evals passed $150.00 of its day at 14:31:02, now $151.77";
    snapshot.alarms[1] = alarm("each user", Some("ci-evals"), Severity::Critical, AlarmState::Firing, message);
    snapshot
}

/// Nothing has been spent yet.
pub fn empty() -> Snapshot {
    let mut snapshot = Snapshot::empty(now(), Zone::UTC);
    snapshot.progress = None;
    let waiting = SourceStatus { state: SourceState::Waiting, files: 0, ..source("/var/log/gateway.jsonl") };
    let lost = SourceState::Lost("permission denied: let this user read it".to_owned());
    snapshot.sources = vec![waiting, SourceStatus { state: lost, ..source("/var/log/litellm/proxy.jsonl") }];
    snapshot
}

/// The last row of the table belongs to nobody.
pub fn with_nameless() -> Snapshot {
    let mut snapshot = busy();
    let users = &mut snapshot.view.tables[RIGHT];
    users.rows.truncate(5);
    users.rows.push(group(NONE, None, sums("1.25", 40, 90_000, 0.1), "5.6"));
    users.groups = 6;
    users.nameless = users.rows[5].sums;
    let mut all = Counters::default();
    users.rows.iter().for_each(|row| all.add(&row.sums, 1));
    users.sums = all;
    snapshot
}
