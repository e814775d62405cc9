//! The same moment as a small company would see it from inside: answers to any question of the screen, made up from fixed figures that
//! reconcile. Needs `sample` beside it.

use costtop::alarm::{AlarmState, BudgetState};
use costtop::config::Severity;
use costtop::engine::bill::CostSource;
use costtop::engine::counters::Counters;
use costtop::engine::drift::{Cause, DriftRow, Finding};
use costtop::engine::names::NameId;
use costtop::engine::record::Place;
use costtop::engine::view::{
    By, ChargeDetail, ChargeId, ChargeOrder, ChargeRow, Charges, Chart, ClassSum, Drift, GroupRow, RecordFacts,
    SessionFacts, Split, Table, TableQuery, TokenClass, View, ViewQuery,
};
use costtop::label::Label;
use costtop::money::{Cost, Money};
use costtop::time::Period;
use costtop::ui::snapshot::{OpenCharge, Snapshot, SourceLine};
use costtop::usage::{Dimension, Origin, Tokens};

use super::sample::{self, at, cost, group, sums, table, usd};

/// Charges in every list.
const CHARGES: u32 = 40;

/// Names of the rows of a table, their dollars in hundredths of what is open, and who spent most on what.
fn rows(by: By) -> Vec<(NameId, Option<&'static str>, i128)> {
    match by {
        By::MODEL => vec![
            (10, Some("claude-opus-4-8"), 72),
            (11, Some("gpt-6-sol"), 17),
            (12, Some("claude-sonnet-5-5"), 8),
            (14, Some("gpt-5.6-luna"), 3),
        ],
        By::USER => vec![
            (50, Some("ci-evals"), 64),
            (53, Some("m.chen"), 21),
            (51, Some("ana.silva"), 8),
            (52, Some("svc-support"), 4),
            (55, Some("j.okafor"), 2),
            (56, Some("r.lindqvist"), 1),
        ],
        By::Session => vec![
            (200, Some("7f3a2c1e-1b60-4a5e-9d35-0a4f2b7c9e11"), 41),
            (201, Some("c0ffee00-52f1-4a1d-8f0e-aa12bb34cc56"), 33),
            (202, Some("nightly-2026-09-21"), 19),
            (203, Some("0b1d-adhoc"), 7),
        ],
        By::Dimension(Dimension::Project) => {
            vec![(300, Some("/srv/evals/regress"), 71), (301, Some("/srv/evals/nightly"), 22), (0, None, 7)]
        }
        By::Dimension(_) => vec![(400, Some("platform"), 60), (401, Some("search"), 30), (0, None, 10)],
    }
}

fn total(query: &ViewQuery) -> Money {
    match query.scope.last() {
        None => usd("18.34"),
        Some((By::MODEL, _)) => usd("7.86"),
        Some((By::USER, _)) => usd("6.94"),
        Some((By::Session, _)) => usd("2.40"),
        Some(_) => usd("3.10"),
    }
}

fn hundredths(money: Money, part: i128) -> Money {
    Money::from_pico(money.pico() * part / 100)
}

fn lets_pass(filter: &str, name: Option<&str>) -> bool {
    let name = name.unwrap_or("(none)").to_lowercase();
    match filter.strip_prefix('!') {
        Some(not) => not.is_empty() || !name.contains(&not.to_lowercase()),
        None => name.contains(&filter.to_lowercase()),
    }
}

fn scoped(query: &TableQuery, total: Money) -> Table {
    let all = rows(query.by);
    let groups = all.iter().map(|(id, name, part)| {
        let spent = hundredths(total, *part);
        let mut row: GroupRow = group(*id, *name, sums(&spent.to_string(), 4 * *part as i64, 40_000, 0.6), "0");
        row.burn = Money::from_pico(spent.pico() * 5);
        row.trend = [1, 2, 4, 3, 6, 5, 8, 7].map(|step| Money::from_pico(step * 1_000_000_000));
        row.p95 = (query.by == By::MODEL).then(|| cost("0.46"));
        row.most_on = (query.by != By::MODEL).then(|| Label::new("claude-opus-4-8"));
        row.last = (query.by == By::Session).then(|| sample::now().plus_ms(-i64::from(*id) * 1000));
        row
    });
    table(query.by, groups.collect(), all.len())
}

fn filtered(mut table: Table, query: &TableQuery) -> Table {
    if query.filter.is_empty() {
        return table;
    }
    table.rows.retain(|row| lets_pass(&query.filter, row.name.as_ref().map(Label::as_str)));
    table.groups = table.rows.len();
    table.sums = Counters::default();
    table.burn = Money::ZERO;
    for row in &table.rows {
        table.sums.add(&row.sums, 1);
        table.burn += row.burn;
    }
    table
}

fn charge(number: u32) -> ChargeRow {
    let model = if number % 3 == 1 { "gpt-6-sol" } else { "claude-opus-4-8" };
    let cents = [210, 44, 131, 6, 97, 38, 2, 74][number as usize % 8];
    ChargeRow {
        id: number,
        time: at("2026-09-21T14:32:06Z").plus_ms(-7_300 * i64::from(number)),
        cost: Cost::parse(format!("{}.{:02}", cents / 100, cents % 100).as_bytes()).expect("well formed"),
        source: match number {
            5 => CostSource::Unpriced,
            6 => CostSource::Reported,
            _ => CostSource::Computed,
        },
        model: Some(Label::new(model)),
        user: (number % 7 != 3).then(|| Label::new("ci-evals")),
        project: Some(Label::new("/srv/evals/regress")),
        session: Some((200, Label::new("7f3a2c1e-1b60-4a5e-9d35-0a4f2b7c9e11"))),
        tokens: Tokens {
            input: 1_100 + 90 * number,
            cache_read: if number % 4 == 2 { 0 } else { 182_000 - 2_000 * number },
            cache_write_5m: 21_000 / (1 + number),
            output: 412 + 50 * number,
            reasoning: 200,
            ..Tokens::default()
        },
        status: if number == 4 { 529 } else { 200 },
        latency_ms: 900 + 350 * number,
        stop_reason: (number != 4)
            .then(|| Label::new(if number.is_multiple_of(5) { "max_tokens" } else { "end_turn" })),
        cache_hit: number == 9,
        subscription: false,
    }
}

fn charges(query: &ViewQuery) -> Charges {
    let mut rows: Vec<ChargeRow> = (0..CHARGES).map(charge).collect();
    match query.charges.order {
        ChargeOrder::Newest => {}
        ChargeOrder::Oldest => rows.reverse(),
        ChargeOrder::Costliest => rows.sort_by_key(|row| std::cmp::Reverse(row.cost)),
    }
    let selected = query.charges.selected.and_then(|id| rows.iter().position(|row| row.id == id));
    let offset = query.charges.offset.min(rows.len());
    let rows: Vec<ChargeRow> = rows.into_iter().skip(offset).take(query.charges.rows).collect();
    let at_hand = CHARGES as usize;
    Charges { rows, offset, at_hand, all: u64::from(CHARGES), selected, since: None }
}

fn split(total: Money) -> Split {
    let class = |tokens, part, rate| ClassSum { tokens, list: hundredths(total, part), rate: Some(rate) };
    let mut classes = [ClassSum::default(); 4];
    classes[TokenClass::Output as usize] = class(42_500, 40, 75_000_000);
    classes[TokenClass::Input as usize] = class(163_000, 31, 15_000_000);
    classes[TokenClass::CacheWrite as usize] = class(37_000, 8, 18_750_000);
    classes[TokenClass::CacheRead as usize] = class(1_020_000, 19, 1_500_000);
    let listed: Money = classes.iter().map(|class| class.list).sum();
    let prices = vec!["built-in table of 2026-09-18, found as claude-opus-4-8".to_owned()];
    Split { classes, rest: total - listed, saved: usd("13.63"), prices }
}

fn stacked(mut chart: Chart) -> Chart {
    chart.classes = chart
        .steps
        .iter()
        .map(|step| {
            let mut classes = [40, 31, 9, 0].map(|part| hundredths(*step, part));
            classes[3] = *step - classes.into_iter().sum::<Money>();
            classes
        })
        .collect();
    chart
}

/// The charge of this number, as it looks when it is open.
pub fn open(number: ChargeId) -> OpenCharge {
    let row = charge(number);
    let place = Place { generation: 3, offset: 1_048_576 + u64::from(number), index: 0 };
    let record = |origin, offset| RecordFacts {
        origin,
        side_chain: false,
        place: Place { offset, ..place },
        source: Some(Label::new("/var/log/gateway.jsonl")),
    };
    let terms = [
        ("input", "1,100 × $15.00/M", "$0.0165"),
        ("cache read", "182,000 × $1.50/M", "$0.273"),
        ("computed", "", "$0.2895"),
    ];
    OpenCharge {
        charge: ChargeDetail {
            dimensions: vec![
                (Dimension::User, Label::new("ci-evals")),
                (Dimension::Team, Label::new("platform")),
                (Dimension::Project, Label::new("/srv/evals/regress")),
                (Dimension::Model, Label::new("claude-opus-4-8")),
                (Dimension::Provider, Label::new("anthropic")),
            ],
            reported: (number == 6).then(|| cost("2.05")),
            computed: Some(row.cost),
            saved_pico: 2_457_000_000_000,
            batch: false,
            records: vec![record(Origin::Gateway, place.offset), record(Origin::Transcript, 77)],
            row,
        },
        terms: terms.map(|term: (&str, &str, &str)| [term.0.to_owned(), term.1.to_owned(), term.2.to_owned()]).to_vec(),
        notes: vec![
            "priced by the built-in table of 2026-09-18, name matched exactly; the prompt is below 200k tokens"
                .to_owned(),
        ],
        line: if number == 7 {
            SourceLine::Gone("the line is gone: the file was rotated away".to_owned())
        } else {
            SourceLine::Read {
                place: "/var/log/gateway.jsonl, byte 1,048,576".to_owned(),
                format: "litellm",
                facts: vec![
                    ("response id", "msg_01HV8K9Q2FA11D".to_owned()),
                    ("request id", "req_01HV8K9Q2F".to_owned()),
                    ("max tokens", "8192".to_owned()),
                ],
            }
        },
    }
}

/// What the engine would publish for this question.
pub fn answer(base: &Snapshot, query: &ViewQuery, charge: Option<ChargeId>) -> Snapshot {
    let mut snapshot = base.clone();
    let inside = !query.scope.is_all();
    let money = total(query);
    let old = std::mem::take(&mut snapshot.view);
    let steps = old.chart.steps.iter().copied().take(query.chart_steps).collect();
    let chart = Chart { steps, ..old.chart.clone() };
    let [left, right] = &query.tables;
    let of = |query: &TableQuery| {
        let all = match query.by {
            By::MODEL if !inside => old.tables[0].clone(),
            By::USER if !inside => old.tables[1].clone(),
            _ => scoped(query, money),
        };
        filtered(all, query)
    };
    let mut window = old.window;
    if inside {
        window = sums(&money.to_string(), 288, 1_262_500, 0.836);
        window.saved = usd("13.63");
    }
    snapshot.view = View {
        query: query.clone(),
        scope_names: query.scope.parts().iter().map(|_| Some(Label::new("open"))).collect(),
        burn: if inside { hundredths(money, 495) } else { old.burn },
        today: if inside { sums("168.40", 9_000, 90_000_000, 0.8) } else { old.today },
        window,
        tables: [of(left), of(right)],
        charges: if query.charges.rows > 0 { charges(query) } else { Charges::default() },
        chart: if query.split { stacked(chart) } else { old.chart.clone() },
        split: query.split.then(|| split(money)),
        drift: query.drift.then(drift),
        session: query.scope.parts().iter().any(|(by, _)| *by == By::Session).then(|| SessionFacts {
            first: at("2026-09-21T14:20:00Z"),
            last: at("2026-09-21T14:32:06Z"),
            turns: 40,
            cost: money,
            dimensions: vec![
                (Dimension::User, Label::new("ci-evals")),
                (Dimension::Project, Label::new("/srv/evals/regress")),
                (Dimension::Agent, Label::new("regress-runner")),
                (Dimension::Model, Label::new("claude-opus-4-8")),
            ],
        }),
        ..old
    };
    let is_of_user = query.scope.last() == Some((By::USER, 50));
    if is_of_user {
        snapshot.scope_budgets =
            vec![sample::budget("each user", Some("ci-evals"), Period::Day, "141.20", "150", BudgetState::Warned)];
    }
    snapshot.open = charge.map(open);
    snapshot
}

/// A batch that was told as none, a discount, and a model on which all agree.
fn drift() -> Drift {
    let row = |id, model: &str, provider: Option<&str>, reported: &str, computed: &str, finding| DriftRow {
        id,
        provider: provider.map(Label::new),
        model: Some(Label::new(model)),
        compared: 1_204,
        reported: usd(reported),
        computed: usd(computed),
        finding,
    };
    let finding = |requests, drift: &str, cause| {
        let (since, last) = (at("2026-09-20T07:10:00Z"), at("2026-09-21T14:31:59Z"));
        Some(Finding { requests, drift: usd(drift), since, last, cause })
    };
    let rows = vec![
        row(10, "claude-opus-4-8", Some("anthropic"), "5.02", "7.86", finding(318, "-2.84", Cause::BatchRate)),
        row(11, "gpt-5", Some("openai"), "4.40", "4.00", finding(1_204, "0.40", Cause::ListPrice(100_000))),
        row(13, "gemini-2.5-pro", None, "1.77", "1.7701", None),
    ];
    Drift { rows, is_known: true }
}

/// Alarms in every state.
pub fn many_alarms() -> Snapshot {
    let mut snapshot = sample::alarmed();
    let alarm = |rule, key, severity, state, message| {
        let mut alarm = sample::alarm(rule, Some(key), severity, state, message);
        alarm.cause = if rule == "each user" { "budget" } else { rule };
        alarm
    };
    snapshot.alarms[0].excess = usd("3.18");
    (snapshot.alarms[0].spent, snapshot.alarms[0].limit) = (usd("603.18"), usd("600"));
    (snapshot.alarms[1].spent, snapshot.alarms[1].limit) = (usd("151.77"), usd("150"));
    snapshot.alarms[1].excess = usd("1.77");
    let mut later = alarm(
        "surge",
        "m.chen",
        Severity::Page,
        AlarmState::Snoozed,
        "m.chen spends 4.2 times as much as usual: $9.40 more so far",
    );
    (later.until, later.excess, later.count) = (Some(at("2026-09-21T14:44:40Z")), usd("9.40"), 2);
    snapshot.alarms.push(later);
    let pending = "cache hits of svc-support fell to 9 % (54 % before)";
    snapshot.alarms.push(alarm("cache", "svc-support", Severity::Warn, AlarmState::Pending, pending));
    let recovering = "errors of batch-nightly: 18 of the last 30 requests";
    snapshot.alarms.push(alarm("errors", "batch-nightly", Severity::Warn, AlarmState::Recovering, recovering));
    let over = "ana.silva passed 80 % of $10.00 of its day at 09:12:44";
    let mut over = alarm("each user", "ana.silva", Severity::Info, AlarmState::Resolved, over);
    over.since = at("2026-09-20T19:03:00Z");
    snapshot.alarms.push(over);
    for (at, alarm) in snapshot.alarms.iter_mut().enumerate().skip(2) {
        alarm.incident = format!("{}|{at}", alarm.rule);
    }
    snapshot
}
