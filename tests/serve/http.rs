//! What a server answers over HTTP: the same figures as the report, metrics that a scraper can read, refusals in JSON; and how it ends.

use std::os::unix::process::ExitStatusExt;

use crate::place::{Place, append, charge};
use crate::served::Server;

fn spent() -> Place {
    let place = Place::new();
    place.configure("[[budget]]\nname = \"everything\"\nlimit = 10.00\nper = \"month\"\n");
    for (id, user, dollars) in [("a", "ana", "0.50"), ("b", "ben", "1.25"), ("c", "ana", "0.25")] {
        append(&place.log("a.jsonl"), charge(id, user, dollars));
    }
    place
}

#[test]
fn the_snapshot_says_what_the_report_says() {
    let place = spent();
    let server = Server::start(&place, &[]);
    let live = server.until_cost("2.00");
    let report = place.report(&[place.path("logs").to_str().unwrap()]);
    for part in ["schema", "totals", "budgets", "groups", "intake", "last_event"] {
        assert_eq!(live[part], report[part], "{part}");
    }
    let live = server.get("/v1/snapshot?by=user,model").json();
    let report = place.report(&["--by", "user,model", place.path("logs").to_str().unwrap()]);
    assert_eq!(live["groups"], report["groups"]);
    assert_eq!(live["groups"][0]["key"]["user"], "ben");
    // What is posted counts in both.
    let posted = server.post("/v1/events", &charge("d", "ana", "1.00"));
    assert_eq!((posted.status, posted.json()["records"].as_u64()), (200, Some(1)));
    assert_eq!(server.get("/v1/snapshot").json()["totals"]["cost_usd"], "3.000000000000");
    assert_eq!(server.get("/v1/snapshot?by=user").json()["groups"][0]["cost_usd"], "1.750000000000", "ana leads now");
    // A correction moves it to another group, and another cost.
    let corrected = charge("d", "ben", "4.00").replace("{\"ts\"", "{\"revision\":2,\"ts\"");
    assert_eq!(server.post("/v1/events", &corrected).status, 200);
    let groups = server.get("/v1/snapshot?by=user").json()["groups"].clone();
    let cost = |at: usize| (groups[at]["key"]["user"].as_str().unwrap(), groups[at]["cost_usd"].as_str().unwrap());
    assert_eq!((cost(0), cost(1)), (("ben", "5.250000000000"), ("ana", "0.750000000000")));
}

#[test]
fn metrics_are_lines_a_scraper_reads() {
    let place = spent();
    append(&place.log("a.jsonl"), charge("evil", "x\\\"} 1\\n# \\u001b[2J", "0.10"));
    let server = Server::start(&place, &[]);
    server.until_cost("2.10");
    let answer = server.get("/metrics?by=user");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    let mut declared = std::collections::HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(declared.insert(rest.split(' ').next().unwrap().to_owned()), "declared twice: {line}");
        } else if !line.starts_with("# HELP ") {
            let name = line.split(['{', ' ']).next().unwrap();
            assert!(declared.contains(name), "not declared: {line}");
            let value = line.rsplit_once(' ').unwrap().1;
            assert!(value.parse::<f64>().is_ok(), "no number: {line}");
        }
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    for wanted in [
        "costtop_cost_usd{user=\"ben\"} 1.250000000000",
        "costtop_budget_spent_usd{budget=\"everything\",key=\"\"} 2.100000000000",
        "costtop_intake_records{fate=\"charge\"} 4",
        "costtop_intake_rejected_total{class=\"json\"} 0",
        "costtop_durable 1",
        "costtop_caught_up 1",
        "costtop_alarms{state=\"firing\",severity=\"page\"} 0",
    ] {
        assert!(text.lines().any(|line| line == wanted), "no '{wanted}' in\n{text}");
    }
    assert!(text.contains("costtop_source_up{place=\"0\","), "{text}");
    assert!(server.get("/metrics").text().contains("costtop_requests{model=\"claude-sonnet-4-6\"} 4"));
}

#[test]
fn refusals_are_json_and_say_what_to_do() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    for (answer, status, words) in [
        (server.get("/v1/nothing"), 404, "/v1/snapshot"),
        (server.post("/v1/snapshot", ""), 405, "asked by GET"),
        (server.get("/v1/adjust"), 405, "asked by POST"),
        (server.get("/v1/snapshot?by=modle"), 400, "unknown grouping 'modle'"),
        (server.post("/v1/alarms/ack", "{"), 400, "not understood"),
        (server.post("/v1/view", "{\"schema\":\"costtop.view.v999\"}"), 400, "the same version on both sides"),
        (server.post("/v1/adjust", "{\"id\":\"x\",\"cost_usd\":\"1\",\"budget\":\"none\"}"), 409, "no budget 'none'"),
    ] {
        let said = answer.json();
        assert!(answer.status == status && said["error"].as_str().unwrap().contains(words), "{status} {answer:?}");
    }
}

#[test]
fn a_lost_source_is_no_good_health() {
    let place = Place::new();
    let coming = place.log("not-there-yet.jsonl");
    let server = Server::start(&place, &[coming.to_str().unwrap()]);
    assert_eq!(server.get("/healthz").status, 200, "what is not there yet is waited for");
    drop(server);
    // A file where a folder should be: nothing can come there.
    append(&coming, "{}\n");
    let below = coming.join("a.jsonl");
    let server = Server::start(&place, &[below.to_str().unwrap()]);
    let health = server.get("/healthz");
    assert_eq!((health.status, health.json()["status"].as_str()), (503, Some("failing")));
    assert!(health.json()["reasons"][0].as_str().unwrap().contains("not-there-yet.jsonl/a.jsonl"), "{health:?}");
    assert!(
        server
            .get("/metrics")
            .text()
            .lines()
            .any(|line| line.starts_with("costtop_source_up{place=\"1\"") && line.ends_with(" 0"))
    );
}

#[test]
fn it_ends_with_everything_saved_and_goes_on_where_it_ended() {
    let place = spent();
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        let server = Server::start(&place, &[]);
        server.until_cost("2.00");
        assert!(server.said().contains("answers at http://127.0.0.1:"), "{}", server.said());
        assert_eq!(server.end(signal).code(), Some(0));
    }
    let report = place.report(&[]);
    assert_eq!(report["totals"]["cost_usd"], "2.000000000000");
    // Killed, it has what was committed; nothing counts twice.
    let server = Server::start(&place, &[]);
    assert_eq!(server.post("/v1/events", &charge("z", "ana", "3.00")).status, 200);
    assert_eq!(server.end(libc::SIGKILL).signal(), Some(libc::SIGKILL));
    let server = Server::start(&place, &[]);
    let live = server.until_cost("5.00");
    assert_eq!(live["totals"]["requests"], 4);
    assert!(place.piped(&["serve", "--listen", "127.0.0.1:1"]).status.code() == Some(1), "one owner of a state");
}

#[test]
fn without_any_source_it_stays_up_and_listens() {
    let place = Place::new();
    let port = crate::client::free_port();
    let said = place.path("said");
    let mut child = place.start(&["serve", "--listen", &format!("127.0.0.1:{port}"), "--no-state"], &said);
    let answer = crate::client::send(&mut crate::client::connect(port), "GET /v1/snapshot", &[], b"").unwrap();
    assert_eq!(answer.json()["totals"]["requests"], 0);
    // SAFETY: kill(2) touches no memory; the child has not been waited for.
    unsafe { libc::kill(i32::try_from(child.id()).unwrap(), libc::SIGTERM) };
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn of_datagrams_a_budget_says_that_it_is_a_lower_bound() {
    let place = Place::new();
    let port = crate::client::free_port();
    place.configure(&format!(
        "[[budget]]\nname = \"everything\"\nlimit = 1.00\nper = \"month\"\n[[source]]\nlisten = \"udp://127.0.0.1:{port}\"\n"
    ));
    let server = Server::start(&place, &[&format!("udp://127.0.0.1:{port}")]);
    let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(charge("crossing", "ana", "1.10").as_bytes(), ("127.0.0.1", port)).unwrap();
    let snapshot = server.until_cost("1.10");
    assert_eq!(snapshot["budgets"][0]["lower_bound"], true);
    let alarm = server.get("/v1/alarms").json()["alarms"][0]["message"].clone();
    assert_eq!(alarm, "everything passed 100 % of $1.00 this month: at least $1.10 spent (UDP loses some)");
    let checked = place.piped(&["check"]);
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(text.contains("exceeded: everything: at least $1.10 of $1.00"), "{text}");
    let mut console = place.open(&["attach", &server.url()]);
    console.wait_for_text("≥$1.10 / $1");
    console.quit();
    // Files alone lose nothing.
    let plain = spent();
    let snapshot = Server::start(&plain, &[]).until_cost("2.00");
    assert!(snapshot["budgets"][0]["lower_bound"].is_null(), "{snapshot}");
}
