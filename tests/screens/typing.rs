//! Filters and groupings: text that is typed, and what it does to the rows.

use costtop::engine::view::{By, LEFT, RIGHT};
use costtop::ui::keys::Mode;
use costtop::ui::layout::Panel;
use costtop::ui::theme::Depth;
use costtop::usage::{Dimension, OwnLabel};
use ratatui::style::Modifier;

use super::{Seat, sample};

#[test]
fn a_filter_is_live_and_its_chip_stays_as_long_as_it_does() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("down down / o p");
    assert_eq!(seat.state.mode(), Mode::Typing);
    assert!(seat.text().contains("models /op") && seat.text().contains("1 of 8"), "{}", seat.text());
    assert!(!seat.text().contains("gpt-6-sol  "), "{}", seat.text());
    seat.press("u s enter");
    assert_eq!(seat.state.mode(), Mode::Screen);
    assert!(seat.line("models /opus").contains("1 of 8"));
    assert!(seat.text().lines().nth(34).unwrap().contains("all ▸ overview  models /opus"));
    // Keys are keys again.
    seat.press("tab");
    assert_eq!(seat.state.visit.focus, Panel::Right);
    seat.press("backtab / esc");
    assert!(seat.state.visit.tables[LEFT].filter.is_empty());
    assert!(!seat.text().contains("/opus"));
}

#[test]
fn dropped_it_leaves_everything_as_it_was() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("down down");
    let before = seat.state.visit.clone();
    seat.press("/ g p t down esc");
    assert_eq!(seat.state.visit, before);
}

#[test]
fn what_matched_is_underlined_whatever_the_case() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("/ O P U S enter");
    let buffer = seat.buffer(Depth::None);
    let row = (0..36).find(|y| buffer[(4, *y)].symbol() == "c" && buffer[(11, *y)].symbol() == "o").unwrap();
    let underlined: String = (0..78)
        .filter(|x| buffer[(*x, row)].modifier.contains(Modifier::UNDERLINED))
        .map(|x| buffer[(x, row)].symbol())
        .collect();
    assert_eq!(underlined, "opus");
}

#[test]
fn an_exclamation_mark_turns_it_round() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("/ ! g p t enter");
    assert!(seat.text().contains("6 of 8") && !seat.text().contains("gpt-5.6-luna  "), "{}", seat.text());
}

#[test]
fn text_is_erased_by_what_a_reader_takes_for_a_character() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.press("/");
    seat.write("aé日👩\u{200d}💻");
    let filter = |seat: &Seat| seat.state.visit.tables[LEFT].filter.clone();
    assert_eq!(filter(&seat), "aé日👩\u{200d}💻");
    seat.press("backspace");
    assert_eq!(filter(&seat), "aé日");
    seat.press("ctrl-u");
    assert_eq!(filter(&seat), "");
    assert_eq!(seat.state.mode(), Mode::Typing);
    // Nothing left to erase.
    seat.press("backspace");
    assert_eq!(filter(&seat), "");
}

#[test]
fn hostile_text_and_long_text_change_nothing_else() {
    let mut seat = Seat::new(80, 24, sample::busy());
    seat.press("/");
    seat.write("\u{1b}[2J\u{9b}31m\r\n\u{202e}q");
    assert_eq!(seat.state.visit.tables[LEFT].filter, "[2J31mq");
    seat.write(&"日本語".repeat(200));
    assert_eq!(seat.state.visit.tables[LEFT].filter.chars().count(), 64);
    for cell in seat.buffer(Depth::TrueColor).content() {
        assert!(!cell.symbol().chars().any(char::is_control));
    }
    assert!(seat.text().contains('…'), "its end is in sight: {}", seat.text());
    assert!(seat.asked.is_empty(), "no key of it acted: {:?}", seat.asked);
}

#[test]
fn a_grouping_is_two_keys_away_on_both_tables() {
    let mut seat = Seat::new(120, 36, sample::busy());
    seat.state.own = vec![OwnLabel::new(2, "cost_center"), OwnLabel::new(0, "variant")];
    let choices = costtop::ui::state::choices(&seat.state.own);
    assert_eq!(choices.last(), Some(&('2', By::Dimension(Dimension::Own(OwnLabel::new(0, "variant"))))));
    for (letter, by) in choices {
        seat.press("b");
        assert_eq!(seat.state.mode(), Mode::Choosing);
        seat.press(&letter.to_string());
        assert_eq!(seat.state.visit.tables[LEFT].by, by);
        assert!(seat.text().contains(&format!("─ {}s ─", by.name())), "{}", seat.text());
        assert!(seat.text().contains(&format!("   {} ", by.name().to_uppercase())), "{}", seat.text());
    }
    seat.press("tab b down down enter");
    assert_eq!(seat.state.visit.tables[RIGHT].by, By::Dimension(Dimension::Project));
    seat.press("b x esc");
    assert_eq!(seat.state.visit.tables[RIGHT].by, By::Dimension(Dimension::Project));
    // From a panel that is no table, the first one is meant.
    seat.press("tab b u");
    assert_eq!((seat.state.visit.focus, seat.state.visit.tables[LEFT].by), (Panel::Left, By::USER));
}
