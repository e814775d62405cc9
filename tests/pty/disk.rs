//! T26 on a screen: the dashboard opens on a disk that takes nothing, counts, and says since when and why nothing is kept.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::console::Console;
use super::place::{COSTTOP, Place, append, charge, text};

/// In a mount namespace of its own, whose state's folder is on a file system that cannot be written.
const READ_ONLY: &str = "mount -t tmpfs -o ro,size=1m none \"$XDG_STATE_HOME\" && exec \"$@\"";

#[test]
fn t26_the_dashboard_opens_on_a_read_only_disk_and_says_what_is_not_kept() {
    let tried =
        Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "none", "/tmp"]).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        println!("T26 on a screen: left out, this machine lets nobody mount (unshare -rm)");
        return;
    }
    let place = Place::new();
    let log = place.log("a.jsonl");
    append(&log, charge("one", "ana", "1.00"));
    let words = ["-rm", "sh", "-c", READ_ONLY, "sh", COSTTOP, text(&log), "--state", "t"];
    let mut console = Console::start(place.command("unshare", &words), 120, 36);
    console.wait_for_text("$1.00");
    console.wait_for_text("▲ not durable since ");
    console.wait_for_text("Read-only file");
    append(&log, charge("two", "ben", "1.25"));
    console.wait_for_text("$2.25");
    console.press("i");
    console.wait_for("the sheet", |seen| seen.shows("▸ intake") && seen.shows("Read-only file system"));
    console.press("\x1b");
    console.wait_until_gone("▸ intake");
    console.press("q");
    let status = console.wait_for_end(Duration::from_secs(20));
    console.drain();
    assert_eq!(status.exit_code(), 1, "nothing was kept");
    let said = console.text();
    assert!(said.contains("Read-only file system") && said.contains("--no-state"), "{said}");
}
