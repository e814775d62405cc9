//! Five hundred hostile strings in every field of what comes in, live: through everything that a server answers, what commands make of
//! its answers, and a screen elsewhere.

use costtop::usage::Dimension;

use crate::console::without_own_sequences;
use crate::hostile::{self, ESCAPED, assert_harmless, escaped, strings};
use crate::place::{Place, append};
use crate::served::Server;

/// A line of now with this between the quotes of every field; its identity is its own, so that each counts.
fn line(number: usize, inside: &str) -> String {
    let time = costtop::time::Timestamp::now();
    let head = format!(r#"{{"ts":"{time}","input_tokens":5,"cost_usd":"1.00","status":{}"#, 200 + number % 2 * 300);
    let own = |field: &str| if field.ends_with("_id") { format!("{number}-{inside}") } else { inside.to_owned() };
    String::from_utf8(hostile::line(&head, |field| own(field).into_bytes())).unwrap()
}

/// A server that has taken all of them in, from a file whose name is hostile, too.
fn served() -> (Place, Server) {
    let place = Place::new();
    let budgets: String = ["user", "team", "session", "model", "cost_center", "key"]
        .map(|each| {
            let per = if each == "session" { "" } else { "per = \"month\"\n" };
            format!("[[budget]]\nname = \"each {each}\"\neach = \"{each}\"\nlimit = 0.01\n{per}")
        })
        .concat();
    place.configure(&format!("[labels]\ncost_center = [\"cost_center\"]\n{budgets}"));
    let lines = strings().into_iter().map(|string| escaped(&string)).chain(ESCAPED.map(str::to_owned));
    let lines: Vec<String> = lines.enumerate().map(|(number, inside)| line(number, &inside)).collect();
    append(&place.log("a\u{1b}[2J\u{202e}.jsonl"), lines[..lines.len() / 2].concat());
    let server = Server::start(&place, &[]);
    let posted = server.post("/v1/events", &lines[lines.len() / 2..].concat());
    assert_eq!(posted.status, 200, "{}", posted.text());
    assert_harmless("the answer to a post", posted.text());
    server.until("all of them", || {
        server.get("/v1/snapshot").json()["totals"]["requests"].as_u64().is_some_and(|known| known > 450)
    });
    (place, server)
}

#[test]
fn nothing_hostile_leaves_by_any_answer() {
    let (_place, server) = served();
    for by in Dimension::ALL.into_iter().map(Dimension::name).chain(["cost_center", "user,model,key,cost_center"]) {
        for path in ["/v1/snapshot", "/metrics"] {
            let answer = server.get(&format!("{path}?by={by}"));
            assert_eq!(answer.status, 200, "{path}?by={by}: {}", answer.text());
            assert_harmless(&format!("{path}?by={by}"), answer.text());
            assert!(answer.text().contains('\u{fffd}'), "{path}?by={by} says nothing of them");
            if path == "/metrics" {
                assert!(answer.text().lines().all(|line| line.starts_with("# ") || line.starts_with("costtop_")));
            } else {
                answer.json();
            }
        }
    }
    for path in ["/v1/alarms", "/v1/status", "/healthz"] {
        let answer = server.get(path);
        assert_harmless(path, answer.text());
        answer.json();
    }
    assert!(server.get("/v1/alarms").text().contains('\u{fffd}'));
    // What a screen elsewhere asks for, by each of its tables.
    let question =
        r#"{"schema":"costtop.view.v1","viewer":7,"process":0,"query":QUERY,"open":null,"after":0,"wait_ms":0}"#;
    let query = serde_json::to_string(&costtop::engine::view::ViewQuery::default()).unwrap();
    let answer = server.post("/v1/view", &question.replace("QUERY", &query));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_harmless("/v1/view", answer.text());
    assert!(answer.text().contains('\u{fffd}'));
    // Refusals, of orders that name what is hostile, too.
    for (path, body) in [
        ("/v1/alarms/ack", r#"{"alarm":"\u001b]0;pwned-title\u0007\u202e"}"#),
        ("/v1/alarms/snooze", r#"{"alarm":"\u009b2J","minutes":5}"#),
        ("/v1/adjust", r#"{"budget":"\u001b[2J","cost_usd":"-1","reason":"\u202e\u001b[2J"}"#),
        ("/v1/adjust", r#"{"budget":"each user","user":"\u009b2J","cost_usd":"-1","reason":"\u202e\u001b[2J"}"#),
        ("/v1/view", r#"{"schema":"\u001b[2J"}"#),
    ] {
        assert_harmless(path, server.post(path, body).text());
    }
    assert_harmless("a path", server.get("/\u{202e}\u{9b}2J").text());
    assert_harmless("its log", &server.said());
    assert_eq!(server.end(libc::SIGTERM).code(), Some(0));
}

#[test]
fn nothing_hostile_leaves_by_a_command_that_asks_a_server_or_reads_its_state() {
    let (place, server) = served();
    let said = |words: &[&str]| {
        let output = place.piped(words);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_harmless(&words.join(" "), &text.replace("\r\n", "\n"));
        (output.status.code(), text)
    };
    let (code, text) = said(&["ack", "nothing"]);
    assert!(code == Some(1) && text.contains('\u{fffd}'), "it names what fires: {text}");
    let orders: [&[&str]; 3] = [&["snooze", "--all", "--for", "1h"], &["resume"], &["silence"]];
    for words in
        orders.into_iter().chain([&["adjust", "-1", "--of", "user=\u{1b}[2J\u{202e}", "--reason", "\u{9b}2J"][..]])
    {
        said(words);
    }
    for format in ["text", "json"] {
        said(&["status", "--format", format]);
    }
    // Its own colours are tmux's, which are text.
    said(&["status", "--format", "tmux"]);
    assert_eq!(said(&["check"]).0, Some(11));
    for by in ["user", "cost_center"] {
        for format in ["table", "json", "csv", "markdown", "prometheus"] {
            let (code, text) = said(&["report", "--by", by, "--format", format]);
            assert!(code == Some(0) && text.contains('\u{fffd}'), "{by} {format}: {text}");
        }
    }
    server.end(libc::SIGKILL);
    said(&["status"]);
    said(&["alarms"]);
    said(&["events"]);
    assert_eq!(said(&["check"]).0, Some(11), "of what was saved");
}

#[test]
fn nothing_hostile_reaches_a_screen_elsewhere() {
    let (place, server) = served();
    let mut console = place.open(&["attach", &server.url()]);
    console.wait_for_text("● LIVE");
    let keys =
        "z|\x1b|\t|G|\t|G|\t|G|\r|z|\x1b|\x1b|a|\x1b[6~|G|\r|\x1b|\x1b|i|i|bt|bp|bk|bm|bu|\t|\r|G|\r|}|\x1b|\x1b|\x1b";
    for key in keys.split('|') {
        let before = console.seen().bytes.len();
        console.press(key);
        console.comes(std::time::Duration::from_millis(150), |seen| seen.bytes.len() > before);
    }
    for _ in 0..6 {
        console.press("\x1b");
    }
    // An escape and a letter that come together are one key: here that letter is not the one that ends.
    console.press("z");
    console.quit();
    let seen = console.seen();
    let shown = without_own_sequences(&seen.bytes);
    assert_harmless("the screen", &shown);
    assert!(shown.contains('\u{fffd}'), "it shows none of them");
    assert!(seen.terminal.callbacks().strange.is_empty(), "{:?}", seen.terminal.callbacks().strange);
    let titles = &seen.terminal.callbacks().titles;
    assert!(titles.iter().all(|title| title.trim_start_matches("▲ ").starts_with("costtop")), "{titles:?}");
}
