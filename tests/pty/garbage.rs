//! What a log may hold and a disk may do: escape sequences, garbage, endless lines, folders that go away. Counted, shown, survived.

use std::fs::{self, File};
use std::io::Write;

use super::console::{Console, count};
use super::place::{Place, append, charge, text};

/// The figure of a line of the intake sheet.
fn intake(console: &Console, name: &str) -> Option<u64> {
    let screen = console.text();
    let line =
        screen.lines().find_map(|line| line.split_once(&format!("│ {name} ")).map(|(_, rest)| rest.to_owned()))?;
    line.split('│').next()?.trim().replace(',', "").parse().ok()
}

#[track_caller]
fn wait_for_intake(console: &Console, name: &str, figure: u64) {
    console.wait_for(&format!("{figure} {name}"), |seen| {
        let label = format!("│ {name} ");
        let figures = seen.text();
        let found = figures.lines().find_map(|line| line.split_once(label.as_str()));
        let found = found.and_then(|(_, rest)| rest.split('│').next()?.trim().replace(',', "").parse::<u64>().ok());
        found == Some(figure)
    });
    assert_eq!(intake(console, name), Some(figure));
}

fn name(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn escape_sequences_in_names_never_reach_the_terminal() {
    let place = Place::new();
    // A budget for each user brings a name into the alarm's banner, the event list and the window's title.
    place.configure("[[budget]]\nname = \"each user\"\neach = \"user\"\nlimit = 0.01\nper = \"month\"\n");
    let log = place.log("a.jsonl");
    append(&log, "");
    let mut console = place.open(&[text(&log)]);
    console.wait_for_text("● LIVE");
    let attacks = [
        "\u{7}\u{7}bell",
        "\u{1b}]2;pwned-title\u{7}",
        "\u{1b}]52;c;cHduZWQ=\u{7}",
        "\u{1b}]8;;http://evil\u{1b}\\link",
        "\u{1b}[2J\u{1b}[?1049lgone",
        "\u{1b}[8;1;1t\u{1b}g",
        "\u{1b}Ptmux;\u{1b}\u{1b}]9;hi\u{7}\u{1b}\\",
        "\u{9d}2;pwned-c1\u{9c}",
        "\u{9b}31mred",
        "right\u{202e}left",
        "line\nfeed\r\u{8}\u{8}",
    ];
    for (at, attack) in attacks.iter().enumerate() {
        let id = format!("r{at}");
        let line = format!(
            r#"{{"ts":"{}","request_id":{},"session_id":{},"user":{},"team":{},"model":{},"provider":{},"input_tokens":7,"cost_usd":"1.00"}}"#,
            costtop::time::Timestamp::now(),
            name(&id),
            name(attack),
            name(&format!("u{at}{attack}")),
            name(attack),
            name(&format!("m{at}{attack}")),
            name(attack),
        );
        append(&log, line + "\n");
        // The same without its escapes: raw control bytes are no JSON, and are drawn nowhere.
        append(&log, format!("{{\"model\":\"{attack}\",\"input_tokens\":1}}\n").into_bytes());
    }
    console.wait_for_text(&format!("${}.00", attacks.len()));
    for keys in ["z", "z\tz", "z\tz", "zi"] {
        console.press(keys);
    }
    console.wait_for_text("intake");
    console.quit();
    let seen = console.seen();
    let heard = seen.terminal.callbacks();
    // Its own bell may ring for those users; the title and the banner are its own words.
    assert!(heard.bells <= 2, "{} bells", heard.bells);
    assert!(heard.strange.is_empty(), "{:?}", heard.strange);
    assert!(
        heard.titles.iter().all(|title| title.trim_start_matches("▲ ").starts_with("costtop")),
        "{:?}",
        heard.titles
    );
    let c1 =
        String::from_utf8_lossy(&seen.bytes).chars().any(|c| ('\u{80}'..='\u{9f}').contains(&c) || c == '\u{202e}');
    // The emulator leaves U+FFFD out of its screen: what is left of an attack is looked for in what was sent.
    for left in ["\u{fffd}]2;pwned-title\u{fffd}", "\u{fffd}[2J\u{fffd}[?1049lgone", "right\u{fffd}left"] {
        assert!(count(&seen.bytes, left.as_bytes()) > 0, "no '{left}' was drawn");
    }
    assert!(!c1, "a C1 control or a change of direction came through");
}

#[test]
fn garbage_is_counted_and_shown_and_the_next_line_counts() {
    let place = Place::new();
    let log = place.log("a.jsonl");
    append(&log, charge("first", "ana", "1.00"));
    let mut console = place.open(&[text(&log)]);
    console.wait_for_text("● LIVE");
    console.press("i");
    append(&log, "not json at all\n");
    append(&log, [&[0xff, 0xfe, 0x80, b'\n'][..], &[0x1f, 0x8b, 8, 0, 1, 2, 3, b'\n']].concat());
    append(&log, [b"\0\0\0\0\0\0\0\0".as_slice(), charge("after a hole", "ana", "1.00").as_bytes()].concat());
    append(&log, r#"{"model":"m","input_tokens":-5}"#.to_owned() + "\n");
    append(&log, r#"{"model":"m","input_tokens":1e400,"cost_usd":"abc"}"#.to_owned() + "\n");
    append(&log, "{".repeat(100_000) + "\n" + &"[".repeat(100_000) + "\n");
    append(&log, charge("half", "ana", "1.00").split_at(50).0);
    wait_for_intake(&console, "  charges", 2);
    wait_for_intake(&console, "  rejected", 7);
    append(&log, charge("half", "ana", "1.00").split_at(50).1);
    wait_for_intake(&console, "  charges", 3);
    console.press("i");
    console.wait_for("amount and losses", |seen| seen.shows("$3.00") && seen.shows("7 rejected"));
    console.quit();
}

#[test]
fn a_line_of_a_hundred_megabytes_costs_no_memory() {
    let place = Place::new();
    let log = place.log("a.jsonl");
    append(&log, charge("before", "ana", "1.00"));
    let mut file = File::options().append(true).open(&log).unwrap();
    let block = vec![b'x'; 1 << 20];
    file.write_all(br#"{"model":"m","prompt":""#).unwrap();
    for _ in 0..100 {
        file.write_all(&block).unwrap();
    }
    file.write_all(b"\"}\n").unwrap();
    append(&log, charge("after", "ana", "1.00"));
    let mut console = place.open(&[text(&log)]);
    console.wait_for("both lines around it", |seen| seen.shows("$2.00") && seen.shows("1 rejected"));
    // And one that comes while it is followed.
    for _ in 0..100 {
        file.write_all(&block).unwrap();
    }
    file.write_all(b"\n").unwrap();
    append(&log, charge("end", "ana", "1.00"));
    console.wait_for("the line after it", |seen| seen.shows("$3.00") && seen.shows("2 rejected"));
    let peak = console.peak_kib();
    println!("peak {peak} KiB");
    assert!(peak < 120 << 10, "{peak} KiB");
    console.press("i");
    console.wait_for_text("rejected: ");
    console.quit();
}

#[test]
fn a_folder_may_go_and_come_back() {
    let place = Place::new();
    let folder = place.log("deep/er");
    fs::create_dir_all(&folder).unwrap();
    append(&folder.join("a.jsonl"), charge("one", "ana", "1.00"));
    let mut console = place.open(&[text(&place.log("deep"))]);
    console.wait_for_text("$1.00");
    fs::remove_dir_all(place.log("deep")).unwrap();
    console.wait_until_gone("● LIVE");
    fs::create_dir_all(&folder).unwrap();
    append(&folder.join("b.jsonl"), charge("two", "ana", "2.00"));
    console.wait_for("what came back", |seen| seen.shows("$3.00") && seen.shows("● LIVE"));
    console.quit();
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_goes_on() {
    let place = Place::new();
    append(&place.log("good.jsonl"), charge("one", "ana", "1.00"));
    // A name that can never be a folder or a file, for any user: below a file.
    let missing = place.log("good.jsonl").join("below");
    let looped = place.log("loop.jsonl");
    std::os::unix::fs::symlink(&looped, &looped).unwrap();
    let mut console = place.open(&[text(&place.log("good.jsonl")), text(&missing), text(&looped)]);
    console.wait_for("trouble beside the amount", |seen| seen.shows("lost") && seen.shows("$1.00"));
    console.quit();
}
