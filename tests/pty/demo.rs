//! The demo, as someone sees it who has just installed the program.

use std::time::Duration;

use super::place::Place;

/// What the demo left in its folder for temporary files.
fn left_behind(place: &Place) -> usize {
    place.path("tmp").read_dir().unwrap().count()
}

#[test]
fn within_half_a_minute_the_demo_moves_and_rings() {
    let place = Place::new();
    let mut console = place.open(&["demo"]);
    console.wait_for("the dashboard", |seen| seen.shows("● LIVE") && seen.shows("everything · day"));
    let first = console.age();
    let spent = |screen: &str| screen.lines().nth(2).unwrap_or_default().to_owned();
    let figures = spent(&console.text());
    assert!(console.comes(Duration::from_secs(10), |seen| !seen.shows(&figures)), "nothing moves:\n{}", console.text());
    let moved = console.age();
    assert!(console.comes(Duration::from_secs(30), |seen| seen.bells() > 0), "no ring:\n{}", console.text());
    println!("dashboard after {first:?}, moved after {moved:?}, rang after {:?}", console.age());
    assert!(console.age() < Duration::from_secs(30), "{:?}", console.age());
    let screen = console.text();
    assert!(screen.contains("▲") && screen.contains("A acknowledge"), "{screen}");
    console.press("A");
    console.wait_for("no banner", |seen| !seen.shows("A acknowledge") || seen.bells() > 1);
    console.quit();
    assert_eq!(left_behind(&place), 0, "the demo's folder is left behind");
}

#[test]
fn without_a_terminal_the_demo_prints_its_report() {
    let place = Place::new();
    let output = place.piped(&["demo"]);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(report.contains("MODEL") || report.contains("model"), "{report}");
    assert!(!report.contains('\x1b') && report.lines().count() > 5, "{report}");
    assert_eq!(left_behind(&place), 0, "the demo's folder is left behind");
}

#[test]
fn a_signal_ends_the_demo_and_its_folder_goes_with_it() {
    let place = Place::new();
    let mut console = place.open(&["demo"]);
    console.wait_for_text("● LIVE");
    assert!(left_behind(&place) > 0);
    console.signal(libc::SIGTERM);
    assert!(console.wait_for_end(Duration::from_secs(10)).success());
    console.drain();
    console.assert_given_back();
    assert_eq!(left_behind(&place), 0, "the demo's folder is left behind");
}
