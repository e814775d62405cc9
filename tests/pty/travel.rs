//! From the overview to a single request and back, over a real log: what is shown on the way, and that every place is found again.

use std::path::PathBuf;

use costtop::time::Timestamp;

use super::console::Console;
use super::place::{Place, append, text};

const MODELS: [&str; 3] = ["claude-opus-4-8", "claude-sonnet-4-6", "gpt-5.6-luna"];
const USERS: [&str; 4] = ["ana", "ci-evals", "m.chen", "wei"];

/// Every user on every model, two sessions each, three requests in each; the first models and users spend most.
fn log(place: &Place) -> PathBuf {
    let log = place.log("gateway.jsonl");
    let mut number = 0;
    for (at, model) in MODELS.iter().enumerate() {
        for (of, user) in USERS.iter().enumerate() {
            for session in 0..2 {
                for turn in 0..3 {
                    number += 1;
                    let time = Timestamp::now().plus_ms(-1000 * (200 - number));
                    let cents = (3 - at) * 100 + (4 - of) * 10 + session * 2 + turn;
                    let line = format!(
                        r#"{{"ts":"{time}","request_id":"req_{number:016}","session_id":"{user}-{model}-run-{session}","user":"{user}","team":"search","project":"/srv/regress","model":"{model}","input_tokens":{},"output_tokens":10,"stop_reason":"end_turn","cost_usd":"{}.{:02}"}}"#,
                        1000 + number,
                        cents / 100,
                        cents % 100,
                    );
                    append(&log, line + "\n");
                }
            }
        }
    }
    log
}

fn open(place: &Place) -> Console {
    let console = place.open(&[text(&log(place))]);
    console.wait_for("the dashboard", |seen| seen.shows("● LIVE") && seen.shows("▸  claude-opus-4-8"));
    console
}

/// The marked row.
fn marked(console: &Console, name: &str) {
    console.wait_for(&format!("'{name}' marked"), |seen| {
        seen.text().lines().any(|line| line.contains('▸') && line.contains(name) && line.contains('│'))
    });
}

#[test]
fn in_to_a_request_and_back_to_every_place_as_it_was_left() {
    let place = Place::new();
    let mut console = open(&place);
    // A window, an order and a filter that are not the first ones.
    console.press("]ss");
    console.wait_for_text("tokens ▼");
    console.press("/GPT\r");
    console.wait_for_text("models /GPT");
    console.wait_for_text("1 of 3");
    console.press("/");
    console.wait_for_text("esc drop");
    console.press("\x1b");
    console.wait_until_gone("models /GPT");
    console.press("/claude\rj");
    marked(&console, "claude-");
    console.wait_for_text("2 of 3");
    console.press("k");

    // The model: its users, its money, its requests, and nobody else's.
    console.press("\r");
    console.wait_for_text("all ▸ claude-");
    console.wait_for("its users", |seen| seen.shows("─ users ─") && seen.shows("costliest first 5 of 24"));
    console.wait_until_gone("gpt-5.6-luna");
    console.press("sj");
    console.wait_for_text("$/h ▼");
    marked(&console, "ci-evals");
    console.press("[");
    console.wait_for_text("SPENT 15m");

    // The user on this model: two sessions of three requests.
    console.press("\r");
    console.wait_for_text("▸ ci-evals");
    console.wait_for_text("newest first 5 of 6");
    console.press("\t");
    marked(&console, "ci-evals-cla");

    // The session: its turns, the oldest first.
    console.press("\r");
    console.wait_for_text("oldest first 3");
    console.wait_for("its facts", |seen| seen.shows("/srv/regress") && seen.shows("a turn"));
    console.press("j");

    // The request.
    console.press("\r");
    console.wait_for_text("▸ request ");
    console.wait_for("its figures", |seen| seen.shows("PROMPT") && seen.shows("end_turn"));
    console.wait_for("the line it came from", |seen| seen.shows("gateway.jsonl") && seen.shows("req_00000000000000"));
    console.press("}");
    console.press("{");

    // And out again.
    console.press("\x1b");
    console.wait_for_text("oldest first 3");
    console.press("\x1b");
    console.wait_for_text("newest first 5 of 6");
    marked(&console, "ci-evals-cla");
    console.press("\x1b");
    console.wait_for("the model as it was left", |seen| seen.shows("$/h ▼") && seen.shows("SPENT 15m"));
    marked(&console, "ci-evals");
    console.press("\x1b");
    console.wait_for("the overview as it was left", |seen| {
        seen.shows("all ▸ overview") && seen.shows("tokens ▼") && seen.shows("SPENT 1h") && seen.shows("models /claude")
    });
    marked(&console, "claude-");
    console.quit();
}

#[test]
fn by_anything_and_to_the_neighbours() {
    let place = Place::new();
    let mut console = open(&place);
    for (letter, title, row) in [
        ("t", "─ teams ─", "search"),
        ("p", "─ projects ─", "/srv/regress"),
        ("u", "─ users ─", "ana"),
        ("s", "─ sessions ─", "ana-claude-opus"),
        ("o", "─ sources ─", "gateway.jsonl"),
        ("m", "─ models ─", "claude-opus-4-8"),
    ] {
        console.press("b");
        console.wait_for_text("group by");
        console.press(letter);
        console.wait_for_text(title);
        marked(&console, row);
    }
    console.press("bt");
    marked(&console, "search");
    console.press("\r");
    console.wait_for("the team", |seen| seen.shows("all ▸ search") && seen.shows("newest first 5 of 72"));
    console.press("\x1b");
    console.wait_for_text("all ▸ overview");
    console.press("bu");
    marked(&console, "ana");
    console.press("\r");
    console.wait_for_text("all ▸ ana");
    console.press("}");
    console.wait_for_text("all ▸ ci-evals");
    console.wait_for_text("newest first 5 of 18");
    console.press("{");
    console.wait_for_text("all ▸ ana");
    // A line that comes in while it is open is counted here.
    append(&place.log("gateway.jsonl"), super::place::charge("live-line-000001", "ana", "9.99"));
    console.wait_for_text("newest first 5 of 19");
    console.press("\x1b");
    console.wait_for_text("all ▸ overview");
    console.quit();
}

#[test]
fn every_screen_is_usable_in_a_small_window() {
    let place = Place::new();
    let mut console = open(&place);
    console.press("\r");
    console.wait_for_text("all ▸ claude-opus-4-8");
    for (columns, rows) in [(80, 24), (60, 15)] {
        console.resize(columns, rows);
        console.wait_for("the table at its size", |seen| {
            seen.shows("⇥ sessions")
                && seen.text().lines().count() <= usize::from(rows)
                && seen.shows("all ▸ claude-opus-4-8")
                && seen.shows("q quit")
        });
        console.press("\t");
        console.wait_for_text("─ sessions ─");
        console.press("\t");
        console.wait_for_text("costliest first");
        console.press("\x1b[Z\x1b[Z");
        console.wait_for_text("─ users ─");
    }
    console.resize(120, 36);
    console.wait_for_text("where the money goes");
    console.quit();
}
