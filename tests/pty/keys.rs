//! Every key of the table does what its help says, in the program.

use std::collections::HashSet;

use costtop::ui::keys::{self, Binding, KEYS, Mode};
use costtop::ui::layout::Page;
use costtop::ui::theme::EMBEDDED;
use vt100::MouseProtocolMode;

use super::console::{Console, count};
use super::place::{Place, append, charge, text};

/// What a terminal sends for a key.
fn bytes(key: &str) -> String {
    match key {
        "up" => "\x1b[A".to_owned(),
        "down" => "\x1b[B".to_owned(),
        "right" => "\x1b[C".to_owned(),
        "left" => "\x1b[D".to_owned(),
        "home" => "\x1b[H".to_owned(),
        "end" => "\x1b[F".to_owned(),
        "pgup" => "\x1b[5~".to_owned(),
        "pgdn" => "\x1b[6~".to_owned(),
        "tab" => "\t".to_owned(),
        "backtab" => "\x1b[Z".to_owned(),
        "esc" => "\x1b".to_owned(),
        "enter" => "\r".to_owned(),
        "backspace" => "\x7f".to_owned(),
        "space" => " ".to_owned(),
        other => match other.strip_prefix("ctrl-") {
            Some(letter) => char::from(letter.as_bytes()[0] & 0x1f).to_string(),
            None => other.to_owned(),
        },
    }
}

/// A dashboard over twenty models of twenty users, from 20 dollars down to one, and what was pressed in it.
struct Tried {
    console: Console,
    place: Place,
    keys: HashSet<&'static str>,
}

impl Tried {
    fn open() -> Tried {
        let place = Place::new();
        let log = place.log("a.jsonl");
        for number in 0..20 {
            let line = charge(&format!("r{number}"), &format!("user-{number:02}"), &format!("{}", 20 - number));
            append(&log, line.replace("claude-sonnet-4-6", &format!("model-{number:02}")));
        }
        let console = place.open(&[text(&log)]);
        console.wait_for("the dashboard", |seen| seen.shows("● LIVE") && seen.shows("$210.00"));
        console.wait_for_text("▸  model-00");
        Tried { console, place, keys: HashSet::new() }
    }

    /// Presses one key of a binding.
    fn press(&mut self, name: &str, key: &str) {
        let binding = KEYS.iter().find(|binding| binding.name == name).unwrap();
        let key = binding.keys.iter().find(|other| **other == key).unwrap();
        self.keys.insert(key);
        self.console.press(&bytes(key));
    }

    /// Each key of a binding in turn, with what it must bring to the screen.
    #[track_caller]
    fn each(&mut self, name: &str, expected: &[&str]) {
        let binding = KEYS.iter().find(|binding| binding.name == name).unwrap();
        assert_eq!(binding.keys.len(), expected.len(), "{name}");
        for (key, words) in binding.keys.iter().zip(expected) {
            self.press(name, key);
            self.console.wait_for_text(words);
        }
    }

    #[track_caller]
    fn shows(&self, words: &str) {
        self.console.wait_for_text(words);
    }
}

#[test]
fn every_key_does_what_its_help_says() {
    let mut tried = Tried::open();

    tried.each("down", &["▸  model-01", "▸  model-02"]);
    tried.each("up", &["▸  model-01", "▸  model-00"]);
    tried.press("last", "end");
    tried.shows("▸  model-19");
    tried.press("first", "home");
    tried.shows("▸  model-00");
    tried.press("last", "G");
    tried.shows("▸  model-19");
    tried.press("first", "g");
    tried.shows("▸  model-00");
    tried.each("page-down", &["▸  model-08"]);
    tried.each("page-up", &["▸  model-00"]);

    // A selected row is kept in sight whatever the order; the first place is not a row.
    tried.press("first", "g");
    tried.press("sort", "s");
    tried.shows("$/h ▼ 8 of 20");
    tried.press("sort", "s");
    tried.shows("tokens ▼ 8 of 20");
    tried.press("reverse", "S");
    tried.shows("tokens ▴ 8 of 20");
    for title in ["requests ▼", "hit ▼", "name ▴"] {
        tried.press("sort", "s");
        tried.shows(title);
    }
    tried.press("reverse", "S");
    tried.shows("name ▼");
    tried.shows("model-19");
    tried.press("sort", "s");
    tried.shows("$ 15m ▼ 8 of 20");
    tried.press("reverse", "S");
    tried.shows("$ 15m ▴ 8 of 20");
    tried.shows("model-19");
    tried.press("reverse", "S");
    tried.shows("$ 15m ▼ 8 of 20");

    for shorter in ["SPENT 5m", "SPENT 1m"] {
        tried.press("shorter-window", "[");
        tried.shows(shorter);
    }
    for longer in ["5m", "15m", "1h", "6h", "24h", "7d", "30d"] {
        tried.press("longer-window", "]");
        tried.shows(&format!("SPENT {longer}"));
        tried.shows(&format!("$ {longer} ▼ 8 of 20"));
    }
    tried.shows("$210.00");

    tried.each("zoom", &["overview ▸ models"]);
    tried.each("back", &["cost per request 30d"]);
    opening(&mut tried);
    writing(&mut tried);
    choosing(&mut tried);
    panning(&mut tried);
    for (name, key, panel) in [
        ("next-panel", "tab", "users"),
        ("next-panel", "right", "events"),
        ("next-panel", "l", "cost per request"),
        ("previous-panel", "backtab", "events"),
        ("previous-panel", "left", "users"),
        ("previous-panel", "h", "models"),
    ] {
        tried.press(name, key);
        tried.press("zoom", "z");
        tried.shows(&format!("overview ▸ {panel}"));
        tried.press("zoom", "z");
        tried.console.wait_until_gone("overview ▸");
    }

    tried.each("drift", &["no request of this window has both a reported and a computed cost"]);
    tried.each("back", &["cost per request"]);
    tried.each("intake", &["records"]);
    tried.press("intake", "i");
    tried.console.wait_until_gone("esc closes");
    tried.each("help", &["esc closes"]);
    let here = |binding: &&Binding| binding.mode == Mode::Screen && binding.pages.contains(&Page::Overview);
    for binding in KEYS.iter().filter(here) {
        tried.shows(binding.help);
        binding.keys.iter().for_each(|key| assert!(tried.console.text().contains(keys::symbol(key)), "{key}"));
    }
    tried.press("back", "esc");
    tried.console.wait_until_gone("esc closes");

    let paints = count(&tried.console.seen().bytes, b"\x1b[2J");
    tried.press("repaint", "ctrl-l");
    tried.console.wait_for("a whole frame", |seen| count(&seen.bytes, b"\x1b[2J") > paints);

    for (theme, _) in EMBEDDED.iter().cycle().skip(1).take(EMBEDDED.len()) {
        tried.press("theme", "t");
        tried.shows(theme);
    }

    let taken = |console: &Console| console.seen().terminal.screen().mouse_protocol_mode() != MouseProtocolMode::None;
    assert!(taken(&tried.console));
    tried.each("mouse", &["mouse off"]);
    assert!(!taken(&tried.console));
    tried.press("mouse", "M");
    tried.console.wait_until_gone("mouse off");
    assert!(taken(&tried.console));

    tried.each("mute", &["♪ bell muted"]);
    tried.press("mute", "m");
    tried.shows("♪ bell on");

    // The rest is tried where alarms ring, where it stops, and where it ends.
    let elsewhere = ["freeze", "acknowledge", "snooze", "suspend", "quit"];
    for binding in KEYS.iter().filter(|binding| !elsewhere.contains(&binding.name)) {
        for key in binding.keys {
            assert!(tried.keys.contains(key), "'{key}' ({}) was not tried", binding.name);
        }
    }
    tried.console.quit();
}

/// In, beside, and out again; the alarms.
fn opening(tried: &mut Tried) {
    tried.each("open", &["all ▸ model-00"]);
    tried.each("next-sibling", &["all ▸ model-01"]);
    tried.each("previous-sibling", &["all ▸ model-00"]);
    tried.each("back", &["all ▸ overview"]);
    tried.each("alarms", &["all ▸ alarms"]);
    tried.each("back", &["all ▸ overview"]);
}

/// A filter: kept, dropped, taken back.
fn writing(tried: &mut Tried) {
    tried.each("filter", &["⏎ keep"]);
    tried.console.press("-07q");
    tried.shows("models /-07q");
    tried.each("erase", &["models /-07 "]);
    tried.console.wait_until_gone("/-07q");
    tried.each("keep-filter", &["⏎ open"]);
    tried.shows("overview  models /-07");
    tried.press("filter", "/");
    tried.shows("⏎ keep");
    tried.press("erase-all", "ctrl-u");
    tried.console.wait_until_gone("/-07");
    tried.each("drop-filter", &["⏎ open"]);
    tried.shows("▸  model-00");
    // What is pasted is text while text is typed, and nothing at all otherwise.
    tried.console.press("\x1b[200~q\x1b[201~");
    tried.press("filter", "/");
    tried.console.press("\x1b[200~a\rq\x1b[201~");
    tried.shows("models /aq");
    tried.each("drop-filter", &["⏎ open"]);
}

/// What the rows are.
fn choosing(tried: &mut Tried) {
    tried.each("by", &["group by"]);
    tried.each("next-choice", &["▸u   user"]);
    tried.each("previous-choice", &["▸m   model"]);
    tried.each("close-choices", &["⏎ open"]);
    tried.press("by", "b");
    tried.press("next-choice", "down");
    tried.shows("▸u   user");
    tried.press("choose", "enter");
    tried
        .console
        .wait_for("the first table by user", |seen| seen.text().lines().any(|line| line.starts_with("╭▸ users")));
    tried.press("by", "b");
    tried.shows("group by");
    tried.console.press("m");
    tried.console.wait_for("by model again", |seen| seen.text().lines().any(|line| line.starts_with("╭▸ models")));
    tried.shows("▸  model-00");
}

/// Into the past and back.
fn panning(tried: &mut Tried) {
    tried.each("earlier", &["PAST · ends"]);
    tried.each("later", &["● LIVE"]);
    tried.console.wait_until_gone("PAST");
    tried.press("earlier", ",");
    tried.shows("PAST · ends");
    tried.each("now", &["● LIVE"]);
}

#[test]
fn a_frozen_view_stands_still_while_counting_goes_on() {
    let mut tried = Tried::open();
    tried.each("freeze", &["FROZEN"]);
    append(&tried.place.log("a.jsonl"), charge("frozen", "ana", "40"));
    tried.shows("1 behind");
    assert!(tried.console.text().contains("$210.00"));
    // Other orders and windows would need other rows: a frozen view keeps the ones it has.
    tried.press("sort", "s");
    tried.press("longer-window", "]");
    tried.each("down", &["▸  model-01", "▸  model-02"]);
    let screen = tried.console.text();
    assert!(screen.contains("SPENT 15m") && screen.contains("$ 15m ▼ 8 of 20") && !screen.contains("$250"), "{screen}");
    tried.press("freeze", "space");
    tried.shows("$250.00");
    tried.console.wait_until_gone("FROZEN");
    tried.console.quit();
}

/// The footer names a key only where it does something, and each key it names.
#[test]
fn the_footer_names_the_keys_that_work_here() {
    let mut tried = Tried::open();
    let footer = |console: &Console| console.text().lines().last().unwrap_or_default().to_owned();
    let open = footer(&tried.console);
    for words in ["⏎ open", "⇥ panel", "/ filter", "s sort", "b by", "[ ] window", ", past", "? help", "q quit"] {
        assert!(open.contains(words), "no '{words}' in '{open}'");
    }
    assert!(!open.contains("A ack") && !open.contains("esc back"), "{open}");
    tried.press("freeze", "space");
    tried.shows("FROZEN");
    assert!(!footer(&tried.console).contains("s sort"));
    tried.press("freeze", "space");
    tried.console.wait_until_gone("FROZEN");
    tried.press("zoom", "z");
    tried.shows("esc back");
    tried.console.quit();
}
