//! Themes and signs: every theme in its colours, charts and borders without braille or beyond ASCII, nothing said by colour alone.

use costtop::ui::action::Action;
use costtop::ui::graph::Graph;
use costtop::ui::screen::welcome;
use costtop::ui::snapshot::Snapshot;
use costtop::ui::theme::{Depth, EMBEDDED, Theme};
use costtop::ui::welcome::Welcome;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Seat, drilled, frame_in, sample, styles, symbols};

#[test]
fn every_theme_in_its_colours() {
    let seat = Seat::new(120, 36, sample::busy());
    for (name, _) in EMBEDDED {
        let theme = Theme::embedded(name, Depth::TrueColor).unwrap();
        insta::assert_snapshot!(format!("styles_{name}"), styles(&frame_in(&theme, &seat.state, &seat.shown).0));
    }
}

#[test]
fn charts_bars_and_borders_in_other_signs() {
    for (name, graph) in [("ascii", Graph::Ascii), ("block", Graph::Block)] {
        let theme = Theme::midnight(Depth::TrueColor).with_graph(graph);
        for (width, height) in [(120, 36), (80, 24)] {
            let seat = Seat::new(width, height, sample::alarmed());
            let text = symbols(&frame_in(&theme, &seat.state, &seat.shown).0);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text);
        }
        let mut seat = Seat::new(120, 36, sample::busy());
        seat.press("enter");
        insta::assert_snapshot!(format!("{name}_model"), symbols(&frame_in(&theme, &seat.state, &seat.shown).0));
    }
}

/// Everything a screen can say, at every size at which it says something else.
#[test]
fn in_ascii_no_sign_is_beyond_ascii_and_in_blocks_none_is_braille_or_round() {
    let mut hostile = sample::alarmed();
    hostile.events[0].text = "josé paid 日本 \u{1f469}\u{200d}\u{1f4bb} for ∑ in ～".to_owned();
    hostile.state_note = Some("not durable · since 14:02 …".to_owned());
    hostile.view.as_of = true;
    let empty = Snapshot::empty(sample::now(), costtop::time::Zone::UTC);
    // On the heap one by one: a snapshot is large.
    let mut bases = vec![hostile, empty];
    let others: [fn() -> Snapshot; 4] = [sample::busy, sample::empty, sample::with_nameless, drilled::many_alarms];
    bases.extend(others.iter().map(|base| base()));
    for base in bases {
        for (width, height) in [(200, 60), (120, 36), (80, 24), (60, 15), (40, 8), (20, 1), (12, 4)] {
            for keys in [
                "",
                "?",
                "i",
                "space z M",
                "enter",
                "enter ?",
                "tab enter tab enter",
                "enter tab tab enter",
                "a down",
                "b",
                "/ é 本",
                ",",
            ] {
                let mut seat = Seat::new(200, 60, base.clone());
                if !keys.is_empty() {
                    seat.press(keys);
                }
                seat.act(Action::Resize(width, height));
                let plain = Theme::midnight(Depth::TrueColor);
                let ascii = plain.clone().with_graph(Graph::Ascii);
                let text = symbols(&frame_in(&ascii, &seat.state, &seat.shown).0);
                assert!(text.chars().all(|c| matches!(c, '\n' | ' '..='~')), "{width}x{height} {keys}\n{text}");
                let text = symbols(&frame_in(&plain.with_graph(Graph::Block), &seat.state, &seat.shown).0);
                let wrong = |c: char| matches!(c, '\u{2800}'..='\u{28ff}' | '╭' | '╮' | '╰' | '╯' | '━' | '╸');
                assert!(!text.contains(wrong), "{width}x{height} {keys}\n{text}");
            }
        }
    }
}

#[test]
fn the_panel_with_the_keyboard_has_a_mark_besides_its_colour() {
    for (width, height) in [(200, 60), (120, 36), (80, 24), (60, 15)] {
        let mut seat = Seat::new(width, height, sample::busy());
        for _ in 0..6 {
            let text = seat.text();
            assert_eq!(text.matches("╭▸ ").count(), 1, "{text}");
            seat.press("tab");
        }
    }
}

#[test]
fn where_there_is_nothing_to_read() {
    let feed = [
        ("costtop /var/log/litellm/", "a folder, a file or a glob, followed as it grows"),
        ("your-app | costtop -", "a pipe"),
    ];
    let welcome = Welcome {
        looked: vec![
            "Codex ~/.codex/sessions: 3 files, 1.2 MB; not read".to_owned(),
            "Claude Code ~/.claude/projects: not there".to_owned(),
        ],
        feed: feed.map(|(command, what)| (command.to_owned(), what.to_owned())).to_vec(),
    };
    let show = |width, height, graph| {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        welcome::draw(&welcome, &Theme::midnight(Depth::TrueColor).with_graph(graph), &mut buffer);
        symbols(&buffer)
    };
    for (width, height) in [(120, 36), (80, 24), (40, 8), (20, 1)] {
        insta::assert_snapshot!(format!("welcome_{width}x{height}"), show(width, height, Graph::Braille));
    }
    for width in 0..=100 {
        for height in 0..=30 {
            let text = show(width, height, Graph::Ascii);
            assert!(text.chars().all(|c| matches!(c, '\n' | ' '..='~')), "{text}");
            if width >= 20 && height >= 4 {
                assert!(text.contains("Enter shows the demo") && text.contains("q quit"), "{width}x{height}\n{text}");
            }
        }
    }
}

/// A snapshot, and the keys pressed over it.
type Moment = (fn() -> Snapshot, &'static str);

/// None is refused, nothing is written outside, and even one cell says something.
#[test]
fn every_size_one_by_one() {
    let theme = Theme::midnight(Depth::TrueColor);
    let large =
        [(120, 36), (119, 29), (110, 30), (109, 60), (132, 43), (160, 50), (200, 60), (240, 70), (300, 100), (500, 3)];
    let moments: [Moment; 6] = [
        (sample::busy, ""),
        (sample::alarmed, ""),
        (sample::empty, ""),
        (sample::busy, "enter"),
        (sample::busy, "enter tab tab enter"),
        (drilled::many_alarms, "a down"),
    ];
    for (base, keys) in moments {
        let mut seat = Seat::new(200, 60, base());
        if !keys.is_empty() {
            seat.press(keys);
        }
        let small = (0..=60).flat_map(|width| (0..=30).map(move |height| (width, height)));
        for (width, height) in small.chain(large) {
            let mut state = seat.state.clone();
            costtop::ui::state::update(&mut state, Action::Resize(width, height), &seat.shown);
            let (buffer, _) = frame_in(&theme, &state, &seat.shown);
            assert_eq!(buffer.area, Rect::new(0, 0, width, height));
            if width > 0 && height > 0 {
                assert!(!symbols(&buffer).trim().is_empty(), "{width}x{height} says nothing");
            }
            costtop::ui::state::update(&mut state, Action::Help, &seat.shown);
            frame_in(&theme, &state, &seat.shown);
        }
    }
}
