//! How the program looks in terminals that can show less, and in themes of the operator's own.

use std::fs;

use super::console::{Console, PATIENCE};
use super::place::{COSTTOP, Place, append, charge, text};

/// A dashboard with these variables set over the usual ones.
fn open(place: &Place, variables: &[(&str, &str)], arguments: &[&str]) -> Console {
    append(&place.log("a.jsonl"), charge("first", "josé", "2.00"));
    let log = place.log("a.jsonl");
    let mut command = place.command(COSTTOP, &[&[text(&log)], arguments].concat());
    for (name, value) in variables {
        command.env(name, value);
    }
    let console = Console::start(command, 120, 36);
    console.wait_for("the dashboard", |seen| seen.shows("LIVE") && seen.shows("$2.00"));
    console
}

/// The parameters of every change of style that was sent.
fn styles(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let sequences = text.split("\x1b[").skip(1);
    let parts =
        sequences.filter_map(|sequence| sequence.split_at_checked(sequence.find(|c: char| c.is_ascii_alphabetic())?));
    parts.filter(|(_, end)| end.starts_with('m')).map(|(parameters, _)| parameters.to_owned()).collect()
}

#[test]
fn colours_are_as_many_as_the_terminal_has() {
    let place = Place::new();
    for (variables, arguments, wanted, unwanted) in [
        (&[("COLORTERM", "truecolor")][..], &[][..], Some("38;2;"), None),
        (&[("COLORTERM", "")], &[], Some("38;5;"), Some("38;2;")),
        (&[("COLORTERM", "truecolor")], &["--color", "256"], Some("38;5;"), Some("38;2;")),
        (&[("TERM", "xterm")], &["--color", "truecolor"], Some("38;2;"), None),
        (&[("NO_COLOR", "1")], &[], None, Some("38;")),
        (&[("COLORTERM", "truecolor")], &["--color", "never"], None, Some("38;")),
        (&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")], &["--color", "always"], Some("38;2;"), None),
    ] {
        let mut console = open(&place, variables, arguments);
        console.quit();
        let styles = styles(&console.seen().bytes);
        let has = |wanted: &str| styles.iter().any(|style| style.contains(wanted));
        assert!(wanted.is_none_or(has), "{variables:?} {arguments:?}: no {wanted:?} in {styles:?}");
        assert!(!unwanted.is_some_and(has), "{variables:?} {arguments:?}: {unwanted:?} in {styles:?}");
    }
}

#[test]
fn signs_are_those_of_locale_and_terminal() {
    let place = Place::new();
    for (variables, arguments, corner) in [
        (&[][..], &[][..], "╭"),
        (&[("TERM", "linux")], &[], "┌"),
        (&[("LC_ALL", "C")], &[], "+-"),
        (&[("LC_ALL", "C")], &["--graph", "block"], "┌"),
        (&[], &["--graph", "ascii"], "+-"),
    ] {
        let mut console = open(&place, variables, arguments);
        console.wait_for_text(&format!("{corner}{}", if corner == "+-" { " burn" } else { "─ burn" }));
        console.press("?");
        console.wait_for_text("esc closes");
        console.press("?");
        console.quit();
        if corner == "+-" {
            let seen = console.seen();
            let beyond = seen.bytes.iter().filter(|byte| !byte.is_ascii()).count();
            assert_eq!(beyond, 0, "bytes beyond ASCII for a terminal that has none");
        }
    }
}

#[test]
fn a_theme_of_ones_own_is_shown_and_a_broken_one_refused_by_line() {
    let place = Place::new();
    let themes = place.path("config/costtop/themes");
    fs::create_dir_all(&themes).unwrap();
    fs::write(themes.join("mine.toml"), "[theme]\nname = \"mine\"\ninherits = \"nord\"\n").unwrap();
    fs::write(themes.join("bad.toml"), "[theme]\nname = \"bad\"\ninherits = \"nord\"\n[roles]\ntxt = {}\n").unwrap();
    place.configure("theme = \"mine\"\n");
    let mut console = open(&place, &[], &[]);
    console.wait_for_text("UTC  mine");
    // A file that nobody asked for stops nothing, and is said.
    console.wait_for_text("bad.toml:5: unknown key 'txt' in [roles]");
    console.press("t");
    console.wait_for_text("UTC  midnight");
    console.quit();

    let log = place.log("a.jsonl");
    let mut console = place.open(&[text(&log), "--theme", "bad"]);
    assert_eq!(console.wait_for_end(PATIENCE).exit_code(), 78);
    console.drain();
    console.assert_given_back();
    assert!(
        console.text().contains("bad.toml:5: unknown key 'txt' in [roles]: did you mean 'text'?"),
        "{}",
        console.text()
    );
    for (words, said) in
        [(&["config", "check"][..], "bad.toml:5"), (&["config", "check", "--theme", "x"], "unknown theme 'x'")]
    {
        let output = place.piped(words);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(78) && error.contains(said), "{error}");
    }
}
