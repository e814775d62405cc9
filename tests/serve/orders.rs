//! Orders from a shell: they do what the keys do, who gave them is kept, and they say what is wrong with them.

use std::fs;

use costtop::time::{MINUTE_MS, Timestamp};
use serde_json::{Value, json};

use crate::injection::library;
use crate::place::{Place, append, charge, text};
use crate::served::Server;

/// Two budgets, both broken by ana.
fn broken() -> Place {
    let place = Place::new();
    place.configure(concat!(
        "[[budget]]\nname = \"everything\"\nlimit = 2.00\nper = \"month\"\nwarn = [0.5]\n",
        "[[budget]]\nname = \"each user\"\neach = \"user\"\nlimit = 1.00\nper = \"month\"\n"
    ));
    place
}

fn said(place: &Place, words: &[&str]) -> (Option<i32>, String) {
    let output = place.piped(words);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// What was spent of a budget.
fn budget<'a>(report: &'a Value, name: &str) -> &'a str {
    let mut of = report["budgets"].as_array().unwrap().iter().filter(|budget| budget["name"] == name);
    of.next().unwrap()["spent_usd"].as_str().unwrap()
}

fn who(server: &Server, rule: &str) -> (String, Value) {
    let alarms = server.get("/v1/alarms").json();
    let alarm = alarms["alarms"].as_array().unwrap().iter().find(|alarm| alarm["rule"] == rule).unwrap().clone();
    (alarm["state"].as_str().unwrap().to_owned(), alarm["by"].clone())
}

fn me() -> String {
    let output = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn alarms_are_acknowledged_and_snoozed_by_somebody_and_stay_so() {
    let place = broken();
    let server = Server::start(&place, &[]);
    append(&place.log("a.jsonl"), charge("a", "ana", "2.10"));
    server.until_cost("2.10");
    let (code, text) = said(&place, &["ack", "nothing"]);
    assert!(code == Some(1) && text.contains("no alarm 'nothing'") && text.contains("everything|global|"), "{text}");
    let (code, text) = said(&place, &["ack", "everything"]);
    assert!(code == Some(0) && text.starts_with("acknowledged everything|global||"), "{text}");
    let (code, text) = said(&place, &["snooze", "ana", "--for", "2h"]);
    assert!(code == Some(0) && text.starts_with("snoozed until ") && text.contains("each user|user|ana"), "{text}");
    assert_eq!(said(&place, &["ack", "--all"]), (Some(0), "nothing fires\n".to_owned()));
    assert_eq!(who(&server, "everything"), ("acknowledged".to_owned(), me().into()));
    assert_eq!(who(&server, "each user"), ("snoozed".to_owned(), me().into()));
    assert!(server.said().contains(&format!("seen by {}: everything", me())), "{}", server.said());
    let told = server.get("/v1/alarms").json()["transitions"][0].clone();
    assert_eq!((told["state"].as_str(), told["by"].as_str()), (Some("snoozed"), Some(me().as_str())));
    server.end(libc::SIGTERM);
    let server = Server::start(&place, &[]);
    assert_eq!(who(&server, "everything"), ("acknowledged".to_owned(), me().into()), "after a restart, too");
    assert_eq!(who(&server, "each user"), ("snoozed".to_owned(), me().into()));
}

#[test]
fn the_bell_is_silenced_for_a_while_and_resumed() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let bell = || server.get("/v1/alarms").json()["bell"].clone();
    assert_eq!(bell()["silent"], false);
    let (code, text) = said(&place, &["silence", "--for", "30m"]);
    assert!(code == Some(0) && text.starts_with("the bell is silent until 20"), "{text}");
    assert!(bell()["silent"] == true && bell()["until"].is_string());
    said(&place, &["silence"]);
    assert!(bell()["silent"] == true && bell()["until"].is_null());
    assert_eq!(said(&place, &["resume"]), (Some(0), "the bell rings again\n".to_owned()));
    assert_eq!(bell()["silent"], false);
    for words in [&["silence", "--for", "soon"][..], &["snooze", "--all", "--for", "90d"], &["ack"], &["adjust", "0"]] {
        assert_eq!(said(&place, words).0, Some(2), "{words:?}");
    }
}

#[test]
fn a_correction_moves_its_budget_once_and_survives() {
    let place = broken();
    let server = Server::start(&place, &[]);
    append(&place.log("a.jsonl"), charge("a", "ana", "2.50"));
    server.until_cost("2.50");
    assert_eq!(place.piped(&["check", "-q"]).status.code(), Some(11));
    let (code, text) = said(&place, &["adjust", "-1", "--budget", "everything", "--reason", "refund"]);
    assert_eq!((code, text.as_str()), (Some(0), "adjusted 1 budget\n"));
    assert_eq!(who(&server, "everything").0, "firing", "a warning is left");
    assert_eq!(place.piped(&["check", "--budget", "everything"]).status.code(), Some(10));
    // The same id again is the same correction.
    let record = r#"{"type":"adjustment","id":"once","user":"ana","cost_usd":"-1.80","reason":"refund"}"#;
    assert_eq!(server.post("/v1/adjust", record).json()["adjusted"], 2);
    assert_eq!(server.post("/v1/adjust", record).json()["adjusted"], 0);
    let live = server.get("/v1/snapshot").json();
    assert_eq!(budget(&live, "everything"), "-0.300000000000");
    assert_eq!(budget(&live, "each user"), "0.700000000000");
    assert_eq!(live["totals"]["adjustments_usd"], "-2.800000000000");
    assert_eq!(live["totals"]["cost_usd"], "2.500000000000", "what was spent stays what was spent");
    assert_eq!(who(&server, "each user").0, "resolved");
    assert!(server.said().contains("adjusted by 127.0.0.1: -$1.80 user ana (refund)"), "{}", server.said());
    let (code, text) = said(&place, &["adjust", "-1", "--budget", "each user"]);
    assert!(code == Some(1) && text.contains("say which user"), "{text}");
    let (code, text) = said(&place, &["adjust", "-1", "--of", "usr=ana"]);
    assert!(code == Some(1) && text.contains("unknown key 'usr'"), "{text}");
    // Answered is kept: killed at once, it is still there.
    server.end(libc::SIGKILL);
    for report in [place.report(&[]), Server::start(&place, &[]).get("/v1/snapshot").json()] {
        assert_eq!(
            (budget(&report, "everything"), budget(&report, "each user")),
            ("-0.300000000000", "0.700000000000")
        );
        assert_eq!(report["totals"]["adjustments_usd"], "-2.800000000000");
    }
    assert_eq!(place.piped(&["check", "-q"]).status.code(), Some(0), "from the state alone");
}

#[test]
fn a_correction_in_a_log_counts_once_over_restarts() {
    let place = broken();
    let record = |id: &str, dollars: &str| {
        format!("{{\"type\":\"adjustment\",{id}\"user\":\"ana\",\"cost_usd\":\"{dollars}\",\"reason\":\"refund\"}}\n")
    };
    let server = Server::start(&place, &[]);
    append(&place.log("a.jsonl"), charge("a", "ana", "2.50"));
    server.until_cost("2.50");
    assert_eq!(who(&server, "each user").0, "firing");
    let adjusted = |server: &Server, dollars: &str| {
        server.until("the correction", || {
            server.get("/v1/snapshot").json()["totals"]["adjustments_usd"].as_str() == Some(dollars)
        });
    };
    // One without an id in a file, one with an id in a file and in a body, which is sent twice.
    append(&place.log("a.jsonl"), record("", "-1.00"));
    append(&place.log("b.jsonl"), record("\"id\":\"r-1\",", "-0.80"));
    adjusted(&server, "-1.800000000000");
    let body = record("\"id\":\"r-1\",", "-0.80") + &record("", "-0.10");
    for _ in 0..2 {
        assert_eq!(server.post("/v1/events", &body).status, 200);
    }
    adjusted(&server, "-1.900000000000");
    assert_eq!(who(&server, "each user").0, "resolved");
    assert!(server.said().contains(": -$1.00 user ana (refund)"), "{}", server.said());
    // An order of the same id is the same correction.
    assert_eq!(server.post("/v1/adjust", record("\"id\":\"r-1\",", "-0.80").trim()).json()["adjusted"], 0);
    // What is kept with the position is not read again.
    server.until("the commit", || place.report(&[])["totals"]["adjustments_usd"] == "-1.900000000000");
    server.end(libc::SIGKILL);
    let server = Server::start(&place, &[]);
    // What comes again under its id is known, in a file and in a body.
    append(&place.log("a.jsonl"), record("\"id\":\"r-1\",", "-0.80") + &charge("b", "ana", "0.25"));
    let live = server.until_cost("2.75");
    assert_eq!(budget(&live, "each user"), "0.850000000000");
    assert_eq!(server.post("/v1/events", &record("\"id\":\"r-1\",", "-0.80")).status, 200);
    let live = server.get("/v1/snapshot").json();
    assert_eq!(live["totals"]["adjustments_usd"], "-1.900000000000");
    assert_eq!(budget(&live, "each user"), "0.850000000000");
}

/// The clock is put forward instead of waiting.
#[test]
fn a_correction_that_lies_ahead_waits_for_its_time_and_counts_once() {
    let place = Place::new();
    place.configure("[[budget]]\nname = \"a run\"\neach = \"session\"\nlimit = 2.00\n");
    let clock = place.path("clock");
    let ahead = |minutes: i64| {
        // In one step: it is read at any time.
        fs::write(place.path("clock.new"), (minutes * 60).to_string()).unwrap();
        fs::rename(place.path("clock.new"), &clock).unwrap();
    };
    ahead(0);
    let preload = [format!("LD_PRELOAD={}", library().display()), format!("FAULT_CLOCK={}", text(&clock))];
    let start = || Server::start_by(&place, &["env", &preload[0], &preload[1]]);
    let begun = Timestamp::now();
    let record = |id: Option<&str>, minutes: i64, budget: &str, dollars: &str| {
        let ts = begun.plus_ms(minutes * MINUTE_MS).to_string();
        let record =
            json!({"type": "adjustment", "id": id, "ts": ts, "session_id": "s", "budget": budget, "cost_usd": dollars});
        record.to_string() + "\n"
    };
    let server = start();
    let charge = |id: &str, dollars: &str| {
        json!({"ts": begun.to_string(), "request_id": id, "session_id": "s", "model": "m", "cost_usd": dollars})
            .to_string()
            + "\n"
    };
    append(&place.log("a.jsonl"), charge("a", "2.50"));
    // An hour ahead: with an id, without one, and for a budget that does not exist.
    let later = record(Some("later"), 60, "a run", "-1.00");
    append(
        &place.log("a.jsonl"),
        [&*later, &record(None, 60, "a run", "-0.25"), &record(None, 60, "none", "-7.00")].concat(),
    );
    assert_eq!(server.post("/v1/events", &later).status, 200);
    append(&place.log("a.jsonl"), charge("b", "0.50"));
    let live = server.until_cost("3.00");
    assert_eq!(budget(&live, "a run"), "3.000000000000", "its time has not come");
    assert!(server.said().contains("-$1.00 of 'a run' session s: waits for "), "{}", server.said());
    server.until("the commit", || place.report(&[])["totals"]["cost_usd"] == "3.000000000000");
    assert!(server.end(libc::SIGKILL).code().is_none());
    let server = start();
    let live = server.get("/v1/snapshot").json();
    assert_eq!(budget(&live, "a run"), "3.000000000000", "nor after a restart");
    ahead(61);
    server.until("its time", || budget(&server.get("/v1/snapshot").json(), "a run") == "1.750000000000");
    server.until("the word", || server.said().contains("-$7.00 of 'none' session s: no budget 'none': use 'a run'"));
    // Once, however often it is read and started.
    assert_eq!(server.post("/v1/events", &(later + &charge("c", "0.25"))).status, 200);
    assert_eq!(budget(&server.until_cost("3.25"), "a run"), "2.000000000000");
    assert!(server.end(libc::SIGKILL).code().is_none());
    let live = start().get("/v1/snapshot").json();
    assert_eq!(budget(&live, "a run"), "2.000000000000");
    assert_eq!(live["totals"]["adjustments_usd"], "-8.250000000000");
}

#[test]
fn a_correction_that_moves_no_budget_is_counted_and_said() {
    let place = broken();
    let record = |rest: &str| format!("{{\"type\":\"adjustment\",\"cost_usd\":\"-3\",{rest}}}\n");
    // One in what was there before, one in a log, one in a body; of one it is not said whose it is, one is for a period that is over.
    append(&place.log("a.jsonl"), record("\"id\":\"1\",\"budget\":\"every user\""));
    let server = Server::start(&place, &[]);
    append(&place.log("a.jsonl"), record("\"id\":\"2\",\"budget\":\"everyone\"") + &charge("a", "ana", "2.50"));
    let body = record("\"id\":\"3\",\"budget\":\"nobody\"")
        + &record("\"id\":\"4\",\"budget\":\"each user\"")
        + &record("\"id\":\"5\",\"ts\":\"2020-01-01T00:00:00Z\"");
    assert_eq!(server.post("/v1/events", &body).status, 200);
    server.until_cost("2.50");
    for told in [
        "-$3.00 of 'every user': no budget 'every user': use 'everything', 'each user'",
        "-$3.00 of 'everyone': no budget 'everyone': use ",
        "-$3.00 of 'nobody': no budget 'nobody': use ",
        "-$3.00 of 'each user': budget 'each user' is kept for each user: say which user",
        "-$3.00: no budget counts this",
    ] {
        server.until(told, || server.said().contains(told));
    }
    let live = server.get("/v1/snapshot").json();
    assert_eq!((budget(&live, "everything"), budget(&live, "each user")), ("2.500000000000", "2.500000000000"));
    assert_eq!(live["totals"]["adjustments_usd"], "-15.000000000000");
    assert_eq!((&live["intake"]["not_usage"], &live["intake"]["records"]), (&json!(5), &json!(6)));
}

#[test]
fn nobody_there_is_said_with_what_to_do() {
    let place = Place::new();
    let (code, text) = said(&place, &["ack", "--all"]);
    assert!(
        code == Some(1) && text.contains("no costtop runs on the state 'default': start 'costtop serve'"),
        "{text}"
    );
    let (code, text) = said(&place, &["ack", "--all", "--url", "http://127.0.0.1:1"]);
    assert!(code == Some(1) && text.contains("no answer from 'http://127.0.0.1:1'"), "{text}");
    assert_eq!(said(&place, &["ack", "--all", "--url", "nowhere"]).0, Some(2));
    assert_eq!(said(&place, &["resume", "--no-state"]).0, Some(2));
}

#[test]
fn a_dashboard_is_controlled_from_a_shell_without_any_port() {
    let place = broken();
    let log = place.log("a.jsonl");
    append(&log, charge("a", "ana", "0.10"));
    let mut console = place.open(&[text(&log), "--state", "mine"]);
    console.wait_for_text("● LIVE");
    append(&log, charge("b", "ana", "2.10"));
    console.wait_for_text("2 ALARMS");
    let (code, told) = said(&place, &["--state", "mine", "ack", "--all"]);
    assert!(code == Some(0) && told.lines().count() == 2, "{told}");
    console.wait_until_gone("2 ALARMS");
    console.press("a");
    console.wait_for_text(&format!("acknowledged by {}", me()));
    said(&place, &["--state", "mine", "silence"]);
    console.wait_for_text("bell muted");
    let socket = place.path("state/costtop/mine/control.sock");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&socket).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    console.press("q");
    console.quit();
    assert!(!socket.exists(), "gone with its process");
}
