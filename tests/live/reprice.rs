//! What had no price gets one when a table has it: at a start, once, as if it had been there from the beginning.

use std::collections::BTreeMap;
use std::path::Path;

use costtop::config::{Config, Discount, FlatPrice, PriceConfig, Validity};
use costtop::engine::bill::CostMode;
use costtop::engine::report::ReportQuery;
use costtop::money::Money;
use costtop::run::once::{self, Read};
use costtop::time::Timestamp;
use costtop::ui::snapshot::Snapshot;

use super::{Running, write};

fn priced(model: &str, input: u64) -> Config {
    let flat = FlatPrice { input: input * 1_000_000, output: 5_000_000, ..FlatPrice::default() };
    let models = BTreeMap::from([(model.to_owned(), vec![flat])]);
    Config { prices: PriceConfig { models, ..PriceConfig::default() }, ..Config::default() }
}

/// The last snapshot of a run, its totals and what was said of prices.
fn run(log: &Path, state: Option<&Path>, config: Config, lines: u64) -> (Snapshot, Vec<String>) {
    let running = Running::start_with(log, state, config);
    let snapshot = (*running.until(lines)).clone();
    running.quit();
    let said = snapshot.events.iter().filter(|event| event.kind == "price").map(|event| event.text.clone()).collect();
    (snapshot, said)
}

#[test]
fn requests_without_a_price_are_priced_when_one_appears_as_if_it_had_been_there() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    write(&log, 0..300);
    let (before, _) = run(&log, Some(&state), Config::default(), 300);
    let unpriced = before.view.total.unpriced_requests;
    assert!(unpriced > 20, "{unpriced}");
    let (fresh, _) = run(&log, None, priced("nobody-knows", 3), 300);
    // No file is needed: the rows know all that this price depends on.
    let gone = folder.path().join("gone.jsonl");
    std::fs::rename(&log, &gone).expect("works on this machine");
    let config = || priced("nobody-knows", 3);
    let running = Running::start_with(&gone, Some(&state), config());
    let after = running.until(300);
    running.quit();
    assert_eq!(after.view.total, fresh.view.total);
    assert_eq!(after.view.unpriced_models, []);
    let said: Vec<&str> = after.events.iter().map(|event| event.text.as_str()).collect();
    let cost = Money::from_pico(fresh.view.total.cost().pico() - before.view.total.cost().pico());
    let wanted = format!("{unpriced} requests of 'nobody-knows' now priced: ");
    assert!(cost > Money::ZERO && said.iter().any(|text| text.starts_with(&wanted)), "{said:?}");
    // Once: the next start finds it done, and what a charge, a session or a day costs is the same.
    let (again, said) = run(&gone, Some(&state), config(), 300);
    assert_eq!((again.view.total, again.view.tables), (after.view.total, after.view.tables.clone()));
    assert!(said.iter().all(|text| !text.contains("now priced")), "{said:?}");
}

#[test]
fn what_has_a_price_keeps_it_whatever_prices_and_discounts_say_later() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    write(&log, 0..100);
    let (first, _) = run(&log, Some(&state), priced("nobody-knows", 3), 100);
    let mut dearer = priced("nobody-knows", 30);
    dearer.prices.discounts.push(Discount {
        provider: None,
        model: None,
        percent_millionths: 50_000_000,
        valid: Validity::default(),
    });
    let (later, said) = run(&log, Some(&state), dearer, 100);
    assert_eq!(later.view.total, first.view.total);
    assert_eq!(said, [""; 0]);
}

#[test]
fn a_term_that_only_the_line_has_is_read_from_it_and_never_guessed() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    let line = |id: u32, extra: &str| {
        format!(
            "{{\"request_id\":\"r{id}\",\"ts\":\"2026-11-21T10:00:00Z\",\"model\":\"newest\",\"input_tokens\":1000000{extra}}}\n"
        )
    };
    // An alias leads to a model whose price depends on where it ran.
    let text = line(1, "")
        + &line(2, ",\"inference_geo\":\"us\"")
        + &line(3, ",\"cost_usd\":null,\"cost_source\":\"unpriced\"");
    std::fs::write(&log, text).expect("works on this machine");
    let (before, _) = run(&log, Some(&state), Config::default(), 3);
    assert_eq!(before.view.total.unpriced_requests, 3);
    let copy = folder.path().join("copy");
    copy_state(&state, &copy);

    let mut config = Config::default();
    config.prices.aliases.insert("newest".to_owned(), "claude-opus-4-6".to_owned());
    // Whoever only reads the state is told the same, and leaves it as it is.
    let book = costtop::run::prices(&config).expect("works on this machine");
    for _ in 0..2 {
        let read = once::read_state(&copy, &config, &book, CostMode::Auto, Timestamp::now());
        let Read { mut engine, notes, .. } = read.expect("it opens").expect("a state");
        let query = ReportQuery { by: Vec::new(), since: None, until: None, zone: config.zone };
        let totals = engine.report(&query).expect("rows").totals;
        assert_eq!((totals.cost().to_string().as_str(), totals.unpriced_requests), ("10.500000000000", 1));
        assert_eq!(notes, ["2 requests of 'newest' now priced: $10.50"]);
    }
    let (read, said) = run(&log, Some(&state), config.clone(), 3);
    // $5 and $5.50; what was printed as unpriced stays so.
    assert_eq!(read.view.total.cost().to_string(), "10.500000000000");
    assert_eq!(read.view.total.unpriced_requests, 1);
    assert!(said.iter().any(|text| text == "2 requests of 'newest' now priced: $10.50"), "{said:?}");

    std::fs::write(&log, "").expect("works on this machine");
    let running = Running::start_with(&log, Some(&copy), config);
    let gone = running.until(3);
    running.quit();
    assert_eq!(gone.view.total.cost().to_string(), "5.000000000000");
    assert!(
        gone.events.iter().any(|event| event.text.starts_with("2 requests of 'newest' stay unpriced")),
        "{:?}",
        gone.events
    );
}

/// How a log splits the output of a model that draws stands in its lines alone: all of it is pictures only where nobody says otherwise.
#[test]
fn what_a_model_drew_is_priced_from_its_line_and_never_guessed() {
    let folder = tempfile::tempdir().expect("works on this machine");
    let (log, state) = (folder.path().join("log.jsonl"), folder.path().join("state"));
    let line = |id: u32, details: &str| {
        format!(
            "{{\"request_id\":\"r{id}\",\"ts\":\"2026-11-21T10:00:00Z\",\"model\":\"painter\",\"usage\":{{\"input_tokens\":0,\"output_tokens\":1000000,\"total_tokens\":1000000{details}}}}}\n"
        )
    };
    let text = line(1, "") + &line(2, ",\"output_tokens_details\":{\"text_tokens\":1000000,\"image_tokens\":0}");
    std::fs::write(&log, text).expect("works on this machine");
    let (before, _) = run(&log, Some(&state), Config::default(), 2);
    assert_eq!(before.view.total.unpriced_requests, 2);
    let copy = folder.path().join("copy");
    copy_state(&state, &copy);
    let mut config = Config::default();
    config.prices.aliases.insert("painter".to_owned(), "gpt-image-1.5".to_owned());
    let (read, _) = run(&log, Some(&state), config.clone(), 2);
    assert_eq!(read.view.total.cost().to_string(), "42.000000000000", "$32 of pictures and $10 of text");
    std::fs::write(&log, "").expect("works on this machine");
    let (gone, said) = run(&log, Some(&copy), config, 2);
    assert_eq!((gone.view.total.cost(), gone.view.total.unpriced_requests), (Money::ZERO, 2), "{said:?}");
}

fn copy_state(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("works on this machine");
    for entry in std::fs::read_dir(from).expect("works on this machine") {
        let entry = entry.expect("works on this machine");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("works on this machine");
    }
}
