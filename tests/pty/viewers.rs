//! Two dashboards over one state (T28): the second looks at the first, counts nothing, acts through it, and takes over when it has ended.

use super::console::Console;
use super::place::{Place, append, charge, text};

fn open(place: &Place) -> Console {
    place.open(&[text(&place.log("a.jsonl")), "--state", "t"])
}

#[test]
fn t28_a_second_dashboard_looks_and_counts_nothing() {
    let place = Place::new();
    place.configure("[[budget]]\nname = \"everything\"\nlimit = 5\nper = \"day\"\n");
    let log = place.log("a.jsonl");
    append(&log, charge("one", "ana", "1.00"));
    let mut owner = open(&place);
    owner.wait_for_text("$1.00");
    let mut viewer = open(&place);
    viewer.wait_for_text("VIEWER of process");
    viewer.wait_for_text("$1.00");
    append(&log, charge("two", "ben", "1.25"));
    owner.wait_for_text("$2.25");
    viewer.wait_for_text("$2.25");
    // A limit breaks: both see the alarm, and a key of the viewer reaches the one that owns it.
    append(&log, charge("three", "ben", "4.00"));
    owner.wait_for_text("ALARM");
    viewer.wait_for_text("ALARM");
    viewer.press("A");
    for console in [&mut owner, &mut viewer] {
        console.wait_for("the alarm to be seen", |seen| !seen.text().contains("ALARM"));
    }
    viewer.quit();
    owner.wait_for_text("$6.25");
    owner.quit();
    let state = place.report(&["--state", "t"]);
    assert_eq!((&state["totals"]["requests"], &state["totals"]["cost_usd"]), (&3.into(), &"6.250000000000".into()));
    assert_eq!(state["intake"]["duplicates"], 0, "nothing was read twice");
}

#[test]
fn t28_a_viewer_takes_over_from_an_owner_that_has_ended() {
    let place = Place::new();
    let log = place.log("a.jsonl");
    append(&log, charge("one", "ana", "1.00"));
    let mut owner = open(&place);
    owner.wait_for_text("$1.00");
    let mut viewer = open(&place);
    viewer.wait_for_text("VIEWER of process");
    owner.quit();
    viewer.wait_for_text("which has ended");
    append(&log, charge("two", "ben", "1.25"));
    viewer.wait_for("the viewer to count", |seen| {
        let text = seen.text();
        text.contains("$2.25") && !text.contains("VIEWER")
    });
    viewer.quit();
    let state = place.report(&["--state", "t"]);
    assert_eq!((&state["totals"]["requests"], &state["intake"]["duplicates"]), (&2.into(), &0.into()));
}
