//! Five hundred hostile strings and fifty credentials in every field, live: on every screen, in titles, events, hooks, the log and the
//! state nothing of them acts, and no credential stays.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::console::{Console, without_own_sequences};
use super::credentials::credentials;
use super::hostile::{self, ESCAPED, assert_harmless, escaped, raw, strings};
use super::place::{Place, append, text};

/// A line of now with these bytes between the quotes of every field, and a prompt beside them.
fn line(inside: &[u8]) -> Vec<u8> {
    let time = costtop::time::Timestamp::now();
    let head = format!(r#"{{"ts":"{time}","input_tokens":5,"cost_usd":"1.00","prompt":"canary-of-a-prompt""#);
    hostile::line(&head, |_| inside.to_vec())
}

/// Lets what a key does be drawn; most of these keys change something.
fn press(console: &mut Console, keys: &str) {
    console.press(keys);
    let before = console.seen().bytes.len();
    console.comes(Duration::from_millis(80), |seen| seen.bytes.len() > before);
}

fn walk(console: &mut Console) {
    let esc = "\x1b";
    for keys in [
        "z",
        esc,
        "\t",
        "z",
        "G",
        esc,
        "\t",
        "z",
        "G",
        esc,
        "\r",
        "z",
        esc,
        "\t",
        "\r",
        "\x1b[6~",
        "\r",
        "\r",
        "}",
        "}",
        esc,
        esc,
        esc,
        "g",
        "\t",
        "\r",
        "G",
        "\r",
        "}",
        esc,
        esc,
        "s",
        "S",
        "]",
        ",",
        ".",
        "n",
        "[",
        "a",
        "\x1b[6~",
        "G",
        "\r",
        esc,
        esc,
        "i",
        "\x1b[6~",
        "G",
        "i",
        "?",
        "G",
        "?",
        "bt",
        "bp",
        "bf",
        "ba",
        "bh",
        "bk",
        "bs",
        "bm",
        "bu",
        "/",
        "\x1b[200~\u{9b}2J\u{202e}\x07evil\x1b[201~",
        "\r",
        "/",
        esc,
        "A",
        "t",
        "t",
    ] {
        press(console, keys);
    }
    for _ in 0..12 {
        press(console, "\x1b");
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn nothing_hostile_acts_and_no_credential_stays() {
    let place = Place::new();
    let (bodies, log, said) = (place.path("bodies"), place.log("a.jsonl"), place.path("said.log"));
    let budgets: String = ["user", "team", "session", "model", "cost_center", "key"]
        .map(|each| {
            let per = if each == "session" { "" } else { "per = \"month\"\n" };
            format!("[[budget]]\nname = \"each {each}\"\neach = \"{each}\"\nlimit = 0.01\n{per}")
        })
        .concat();
    place.configure(&format!(
        "[labels]\ncost_center = [\"cost_center\"]\n{budgets}[[hook]]\non = [\"page\", \"critical\"]\nper_hour = 3600\ncommand = [\"/bin/sh\", \"-c\", \"cat >> '{0}'; env >> '{0}.env'\"]\n",
        bodies.display()
    ));
    append(&log, "");
    let mut console = place.open(&[text(&log), "--state", "t", "--log", text(&said)]);
    console.wait_for_text("● LIVE");
    let credentials = credentials();
    // A few at a time, so that hooks run for some of each kind: of a flood most alarms find the queue full, which is said.
    let mut texts: Vec<Vec<u8>> = strings().iter().map(|text| escaped(text).into_bytes()).collect();
    texts.extend(raw().into_iter().chain(ESCAPED.map(str::as_bytes)).map(<[u8]>::to_vec));
    texts.extend(credentials.iter().map(|(_, text, _)| escaped(text).into_bytes()));
    let cents = |charges: usize| format!("${charges}.00");
    let mut charges = 0;
    for (at, some) in texts.chunks(40).enumerate() {
        append(&log, some.iter().flat_map(|text| line(text)).collect::<Vec<u8>>());
        charges += some.len();
        if at % 4 == 0 {
            // Ids that are one to the ledger make one charge of two: what is counted is not the subject here.
            console.comes(Duration::from_millis(300), |seen| seen.shows(&cents(charges)));
        }
    }
    console.wait_for("most of the money", |seen| seen.text().contains("$5") || seen.text().contains("$6"));
    walk(&mut console);
    for (columns, rows) in [(200, 60), (80, 24), (40, 8)] {
        console.resize(columns, rows);
        walk(&mut console);
    }
    console.wait_for("a hook has run", |_| bodies.exists());
    console.quit();

    // The screen.
    let seen = console.seen();
    assert_harmless("the screen", &without_own_sequences(&seen.bytes));
    assert!(seen.terminal.callbacks().strange.is_empty(), "{:?}", seen.terminal.callbacks().strange);
    let titles = &seen.terminal.callbacks().titles;
    assert!(titles.iter().all(|title| title.trim_start_matches("▲ ").starts_with("costtop")), "{titles:?}");

    // What is written beside it.
    let events = fs::read_to_string(&said).unwrap();
    assert_harmless("the log", &events);
    assert!(events.lines().count() > 100, "{events}");
    let heard = fs::read_to_string(&bodies).unwrap();
    assert_harmless("hooks", &heard);
    for body in heard.lines() {
        serde_json::from_str::<serde_json::Value>(body).expect("each line is one alarm");
    }
    assert!(heard.lines().count() > 10, "{heard}");
    for folder in [place.path(""), "/".into()] {
        assert!(!folder.join("pwned").exists(), "something was executed");
    }

    // Nowhere a credential, nowhere a prompt.
    let state = files(&place.path("state"));
    assert!(state.iter().any(|path| path.ends_with("state.db")), "{state:?}");
    let read = |path: &Path| fs::read(path).unwrap();
    let mut all: Vec<(String, Vec<u8>)> = state.iter().map(|path| (path.display().to_string(), read(path))).collect();
    all.push(("the screen".to_owned(), seen.bytes.clone()));
    all.push(("the log".to_owned(), events.into_bytes()));
    all.push(("hooks".to_owned(), [heard.into_bytes(), read(&place.path("bodies.env"))].concat()));
    for (what, bytes) in &all {
        let holds = |needle: &[u8]| memchr::memmem::find(bytes, needle).is_some();
        for (name, _, secret) in &credentials {
            assert!(!holds(&secret.as_bytes()[..secret.len().min(16)]), "{what}: {name}");
        }
        assert!(!holds(b"canary-of-a-prompt"), "{what}: a prompt");
    }
    assert!(all.iter().any(|(_, bytes)| memchr::memmem::find(bytes, b"key:").is_some()));
}
