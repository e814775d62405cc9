//! Down from the overview to one charge and its line, live and after a restart.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use costtop::config::{BudgetConfig, Config, Each, Loaded, Overrides};
use costtop::engine::view::{By, ChargeOrder, ChargesQuery, Scope, TableQuery, TokenClass, ViewQuery, Window};
use costtop::label::Label;
use costtop::money::Cost;
use costtop::time::Timestamp;
use costtop::ui::action::Effect;
use costtop::ui::snapshot::{Snapshot, SourceLine};
use costtop::usage::Dimension;

use super::Running;

impl Running {
    /// The first snapshot that `is_it`.
    fn when(&self, is_it: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let snapshot = self.snapshots.recv_deadline(end).expect("the answer in time");
            if is_it(&snapshot) {
                return snapshot;
            }
        }
    }

    fn ask(&self, query: &ViewQuery) -> Arc<Snapshot> {
        self.effects.send(Effect::Query(query.clone())).expect("it runs");
        self.when(|snapshot| snapshot.view.query == *query && !snapshot.view.rebuilding)
    }

    fn open(&self, id: u32) -> Arc<Snapshot> {
        self.effects.send(Effect::Charge(Some(id))).expect("it runs");
        self.when(|snapshot| snapshot.open.is_some())
    }
}

fn line(number: u32, extra: &str) -> String {
    let ts = Timestamp::now().plus_ms(i64::from(number) * 1000 - 60_000);
    format!(
        "{{\"request_id\":\"req_drill_{number:06}\",\"ts\":\"{ts}\",\"user\":\"ana\",\"session_id\":\"run-{}\",\"model\":\"claude-sonnet-4-6\",\
         \"input_tokens\":1000,\"output_tokens\":{},\"cache_read_tokens\":500,\"max_tokens\":8192{extra}}}\n",
        number % 2,
        100 + number
    )
}

fn write(log: &Path) {
    std::fs::write(log, (0..6).map(|number| line(number, "")).collect::<String>()).expect("works on this machine");
}

fn of_model(snapshot: &Snapshot) -> ViewQuery {
    let model = snapshot.view.tables[0].rows[0].id;
    ViewQuery {
        window: Window::H1,
        scope: Scope::ALL.with(By::MODEL, model),
        tables: [TableQuery::by(By::USER), TableQuery::by(By::Session)],
        charges: ChargesQuery { order: ChargeOrder::Costliest, rows: 10, ..ChargesQuery::default() },
        chart_steps: 40,
        split: true,
        ..ViewQuery::default()
    }
}

fn budgets() -> Config {
    let budget = |name: &str, each| BudgetConfig {
        name: Label::new(name),
        limit: Cost::from_pico(10_000_000_000_000),
        per: Some(costtop::time::Period::Month),
        each,
        warn: Vec::new(),
        matches: Vec::new(),
        overrides: Vec::new(),
        include_subscription: false,
    };
    let user = budget("each user", Each::Dimension(Dimension::User));
    let run = BudgetConfig { per: None, ..budget("agent run", Each::Session) };
    Config { budgets: vec![user, budget("everything", Each::All), run], ..Config::default() }
}

#[test]
fn from_the_overview_to_a_line_and_back() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    write(&log);
    for round in 0..2 {
        let running = Running::start_with(&log, Some(&state), budgets());
        let overview = running.until(6);
        let query = of_model(&overview);
        let view = running.ask(&query).view.clone();
        assert_eq!(view.window.requests, 6, "round {round}");
        assert_eq!(view.scope_names, [Some(Label::new("claude-sonnet-4-6"))]);
        assert_eq!(view.tables.each_ref().map(|table| table.groups), [1, 2]);
        let split = view.split.as_ref().expect("asked for");
        assert_eq!(split.rest.pico(), 0, "list prices, and nothing but: {split:?}");
        assert_eq!(split.classes[TokenClass::Input as usize].rate, Some(3_000_000));
        assert!(split.prices.iter().any(|line| line.starts_with("rates")), "{:?}", split.prices);
        assert_eq!(view.charges.rows.len(), 6);
        assert!(view.charges.rows.windows(2).all(|pair| pair[0].cost >= pair[1].cost));

        let dearest = view.charges.rows[0].id;
        let open = running.open(dearest).open.clone().expect("open");
        assert_eq!(open.charge.row.id, dearest);
        let terms: Vec<&str> = open.terms.iter().map(|term| term[0].as_str()).collect();
        assert_eq!(terms, ["input", "output", "cache read", "computed"]);
        assert_eq!(open.terms[0][1..], ["1,000 × $3.00/M", "$0.003"]);
        let SourceLine::Read { place, format, facts } = open.line else { panic!("gone: {:?}", open.line) };
        assert!(place.ends_with(&format!("byte {}", line(0, "").len() * 5)), "{place}");
        assert_eq!(format, "own");
        assert!(facts.contains(&("request", "req_drill_000005".to_owned())), "{facts:?}");
        assert!(facts.contains(&("at most", "8,192 output tokens".to_owned())), "{facts:?}");

        let session = view.charges.rows[0].session.clone().expect("a session").0;
        let turns = ViewQuery {
            scope: query.scope.with(By::Session, session),
            charges: ChargesQuery { order: ChargeOrder::Oldest, rows: 10, ..ChargesQuery::default() },
            ..query.clone()
        };
        let snapshot = running.ask(&turns);
        assert_eq!(snapshot.view.session.as_ref().map(|facts| facts.turns), Some(3));
        assert!(snapshot.view.charges.rows.windows(2).all(|pair| pair[0].time <= pair[1].time));
        let names: Vec<&str> = snapshot.scope_budgets.iter().map(|budget| budget.name.as_str()).collect();
        assert_eq!(names, ["agent run"]);
        assert_eq!(snapshot.scope_budgets[0].spent, snapshot.view.session.as_ref().expect("facts").cost);
        let user = ViewQuery { scope: Scope::ALL.with(By::USER, view.tables[0].rows[0].id), ..query.clone() };
        let snapshot = running.ask(&user);
        assert_eq!(snapshot.scope_budgets.len(), 1);
        // All of it, unless a month began within the last minute.
        assert!(snapshot.scope_budgets[0].spent <= snapshot.view.window.cost());
        assert_eq!(snapshot.scope_budgets[0].key, Some(Label::new("ana")));

        running.effects.send(Effect::Charge(None)).expect("it runs");
        running.when(|snapshot| snapshot.open.is_none());
        running.quit();
    }
}

#[test]
fn a_rotated_line_is_found_and_one_that_is_gone_is_not_made_up() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let log = folder.path().join("log.jsonl");
    write(&log);
    let running = Running::start(&log, None);
    let query = of_model(&running.until(6));
    let charges = running.ask(&query).view.charges.rows.clone();
    let moved = folder.path().join("log.jsonl.1");
    std::fs::rename(&log, &moved).expect("works on this machine");
    // Another line of the same length where the first one stood.
    std::fs::write(&log, line(900, "").repeat(6)).expect("works on this machine");
    let open = running.open(charges[0].id).open.clone().expect("open");
    let SourceLine::Read { place, .. } = &open.line else { panic!("gone: {:?}", open.line) };
    assert!(place.contains("log.jsonl.1"), "{place}");

    running.effects.send(Effect::Charge(None)).expect("it runs");
    running.when(|snapshot| snapshot.open.is_none());
    std::fs::remove_file(&moved).expect("works on this machine");
    let open = running.open(charges[1].id).open.clone().expect("open");
    assert!(matches!(&open.line, SourceLine::Gone(why) if why.contains("log.jsonl")), "{:?}", open.line);
    assert_eq!(open.terms.len(), 4, "the ledger's tokens come to the same cost");
    running.quit();
}

#[test]
fn what_was_billed_under_terms_that_are_gone_has_no_terms() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let log = folder.path().join("log.jsonl");
    // Geography changes the price and is not kept.
    std::fs::write(&log, line(1, ",\"inference_geo\":\"us\"")).expect("works on this machine");
    let running = Running::start(&log, None);
    let query = of_model(&running.until(1));
    let row = running.ask(&query).view.charges.rows[0].clone();
    let open = running.open(row.id).open.clone().expect("open");
    assert!(open.terms.iter().any(|term| term[1].contains("1.1")), "{:?}", open.terms);
    running.effects.send(Effect::Charge(None)).expect("it runs");
    running.when(|snapshot| snapshot.open.is_none());
    std::fs::remove_file(&log).expect("works on this machine");
    let open = running.open(row.id).open.clone().expect("open");
    assert!(matches!(open.line, SourceLine::Gone(_)));
    assert!(open.terms.is_empty(), "{:?}", open.terms);
    assert_eq!(open.charge.row.cost, row.cost);
    running.quit();
}

/// A log of the operator's own is read again as it was read first: by its mapping, and where the source is pinned to it.
#[test]
fn a_line_that_a_mapping_describes_is_found_again() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    let mapping = "[[mapping]]\nname = \"ours\"\nhas = \"tok\"\nmodel = \"engine\"\ninput = \"tok.in\"\noutput = \"tok.out\"\n\
                   input_includes_cache = true\ntime = \"at\"\ncall_id = \"no\"\n";
    let loaded = Loaded::from_layers(Some((Path::new("config.toml"), mapping)), &Overrides::default(), &|_| None);
    let config = || loaded.as_ref().expect("a configuration").config.clone();
    let now = Timestamp::now();
    let line = format!(
        "{{\"no\":\"call-000000000001\",\"at\":\"{now}\",\"engine\":\"claude-sonnet-4-6\",\"tok\":{{\"in\":1000,\"out\":7}}}}\n"
    );
    std::fs::write(&log, line).expect("works on this machine");
    // The second round is a start from the state.
    for _ in 0..2 {
        let running = Running::start_with(&log, Some(&state), config());
        let overview = running.until(1);
        let view = running.ask(&of_model(&overview)).view.clone();
        let open = running.open(view.charges.rows[0].id).open.clone().expect("open");
        let SourceLine::Read { format, .. } = open.line else { panic!("not found again: {:?}", open.line) };
        assert_eq!(format, "ours");
        running.quit();
    }
}
