//! One line for a prompt: from whoever runs, else from what was kept; quick in both.

use std::time::{Duration, Instant};

use crate::place::{Place, append, charge, charge_at};
use crate::served::Server;

/// The promise is 50 ms for a release build on a quiet machine (docs/figures.md); here others build and test at the same time.
const QUICK: Duration = Duration::from_millis(400);

fn line(place: &Place, words: &[&str]) -> String {
    let output = place.piped(&[&["status"], words].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The best of some: what it takes when nothing else runs.
fn quickest(place: &Place) -> Duration {
    let once = |_| {
        let begun = Instant::now();
        line(place, &[]);
        begun.elapsed()
    };
    (0..7).map(once).min().unwrap()
}

#[test]
fn it_tells_how_things_stand_and_afterwards_how_they_stood() {
    let place = Place::new();
    place.configure("[[budget]]\nname = \"everything\"\nlimit = 10.00\nper = \"month\"\nwarn = [0.5]\n");
    append(&place.log("a.jsonl"), charge("a", "ana", "7.15"));
    let nothing = place.piped(&["status"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(String::from_utf8(nothing.stderr).unwrap().contains("nothing is known in"));
    let server = Server::start(&place, &[]);
    server.until_cost("7.15");
    assert_eq!(line(&place, &[]), "$85.80/h · today $7.15 · 71 % of everything · ◆1");
    let tmux = line(&place, &["--format", "tmux"]);
    assert!(tmux.contains("#[fg=yellow]71 % of everything#[default]"), "{tmux}");
    let json: serde_json::Value = serde_json::from_str(&line(&place, &["--format", "json"])).unwrap();
    assert_eq!(
        (json["schema"].as_str(), json["today_usd"].as_str()),
        (Some("costtop.status.v1"), Some("7.150000000000"))
    );
    assert_eq!(json["pid"], server.pid());
    assert_eq!(line(&place, &["--url", &server.url()]), line(&place, &[]));
    server.end(libc::SIGTERM);
    let kept: serde_json::Value = serde_json::from_str(&line(&place, &["--format", "json"])).unwrap();
    assert_eq!((&kept["today_usd"], &kept["budget"]), (&json["today_usd"], &json["budget"]));
}

#[test]
fn it_is_quick_whatever_the_history() {
    let place = Place::new();
    let mut lines = String::new();
    for number in 0..30_000i64 {
        lines.push_str(&charge_at(-number * 4, &format!("r{number}"), &format!("u{}", number % 50), "0.01"));
    }
    append(&place.log("a.jsonl"), lines);
    let server = Server::start(&place, &[]);
    server.until_cost("300.00");
    // While it reads what is there it may have no time for an answer.
    let patience = Instant::now() + Duration::from_secs(30);
    while !place.piped(&["status"]).status.success() {
        assert!(Instant::now() < patience, "no answer from {}", server.pid());
    }
    let running = quickest(&place);
    server.end(libc::SIGTERM);
    assert!(std::fs::metadata(place.path("state/costtop/default/state.db")).unwrap().len() > 1_000_000);
    let kept = quickest(&place);
    assert!(running < QUICK && kept < QUICK, "{running:?} from the process, {kept:?} from the state");
    println!("status: {running:?} from the process, {kept:?} from a state of 90 days");
}

#[test]
fn check_tells_by_its_exit_code() {
    let place = Place::new();
    let code = |words: &[&str]| place.piped(&[&["check"], words].concat()).status.code();
    assert_eq!(code(&[]), Some(20), "nothing is configured");
    place.configure(&format!(
        "[[source]]\npath = \"{}\"\n[[budget]]\nname = \"everything\"\nlimit = 10.00\nper = \"month\"\nwarn = [0.5]\n",
        place.path("logs").display()
    ));
    append(&place.log("a.jsonl"), charge("a", "ana", "1.00"));
    assert_eq!(code(&[]), Some(0), "from the sources");
    append(&place.log("a.jsonl"), charge("b", "ana", "5.00"));
    assert_eq!(code(&["--budget", "everything"]), Some(10));
    append(&place.log("a.jsonl"), charge("c", "ana", "5.00"));
    let output = place.piped(&["check"]);
    assert_eq!(output.status.code(), Some(11));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "exceeded: everything: $11.00 of $10.00 (110 %)\n");
    assert_eq!(code(&["--budget", "evrything", "-q"]), Some(20));
    let server = Server::start(&place, &[]);
    server.until_cost("11.00");
    assert_eq!(code(&[]), Some(11), "from the server");
    assert_eq!(code(&["--url", &server.url()]), Some(11));
}
