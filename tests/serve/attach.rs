//! A screen here for a server elsewhere: what it shows, that it rings here, that keys act there, and what it says when nobody answers.

use std::time::{Duration, Instant};

use crate::console::Console;
use crate::place::{Place, append, charge};
use crate::served::Server;

fn half_spent() -> Place {
    let place = Place::new();
    place.configure("[[budget]]\nname = \"everything\"\nlimit = 1.00\nper = \"month\"\n");
    append(&place.log("a.jsonl"), charge("before", "ana", "0.50"));
    place
}

fn attach(place: &Place, server: &Server) -> Console {
    let console = place.open(&["attach", &server.url()]);
    console.wait_for_text("● LIVE");
    console
}

#[test]
fn it_shows_what_is_there_and_rings_here_and_acts_there() {
    let place = half_spent();
    let server = Server::start(&place, &[]);
    let mut console = attach(&place, &server);
    console.wait_for_text("$0.50 / $1");
    assert_eq!(console.bells(), 0);
    append(&place.log("a.jsonl"), charge("crossing", "ben", "0.60"));
    console.wait_for("a ring", |seen| seen.bells() == 1);
    assert!(
        console.text().contains("everything passed 100 % of $1.00"),
        "heard before it is seen:\n{}",
        console.text()
    );
    console.press("A");
    console.wait_for_text("1 acknowledged");
    let alarm = server.get("/v1/alarms").json()["alarms"][0].clone();
    assert_eq!((alarm["state"].as_str(), alarm["by"].as_str()), (Some("acknowledged"), Some("127.0.0.1")));
    console.press("m");
    console.wait_for_text("bell muted");
    assert_eq!(server.get("/v1/alarms").json()["bell"]["silent"], true);
    // Through a table into a user and back: questions go there, rows come from there.
    console.press("\t\r");
    console.wait_for("an entity", |seen| seen.shows("SESSION"));
    console.press("\x1b");
    console.wait_for_text("$1.10 / $1");
    console.quit();
    assert_eq!(server.end(libc::SIGTERM).code(), Some(0));
}

#[test]
fn a_key_is_answered_well_under_a_tenth_of_a_second() {
    let place = half_spent();
    let server = Server::start(&place, &[]);
    let mut console = attach(&place, &server);
    let mut times = Vec::new();
    for (key, window) in ["]", "[", "]", "[", "]", "["].into_iter().zip(["1h", "15m"].into_iter().cycle()) {
        let begun = Instant::now();
        console.press(key);
        console.wait_for(window, |seen| seen.shows(&format!("last {window}")) || seen.shows(&format!(" {window} ")));
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    assert!(times[times.len() / 2] < Duration::from_millis(100), "{times:?}");
    console.quit();
}

#[test]
fn nothing_new_costs_nothing() {
    let place = half_spent();
    let server = Server::start(&place, &[]);
    let console = attach(&place, &server);
    // The burn rate decays for five minutes: answers come once a second meanwhile.
    let before = console.cpu();
    std::thread::sleep(Duration::from_secs(3));
    assert!(console.cpu() - before < Duration::from_millis(600), "{:?} in 3 s", console.cpu() - before);
}

#[test]
fn without_an_answer_it_says_since_when_and_goes_on_by_itself() {
    let place = half_spent();
    let server = Server::start(&place, &[]);
    let port = server.port;
    let mut console = attach(&place, &server);
    console.wait_for_text("$0.50 / $1");
    server.end(libc::SIGKILL);
    console.wait_for_text("NO ANSWER");
    assert!(console.text().contains("$0.50 / $1"), "the last figures stay:\n{}", console.text());
    append(&place.log("a.jsonl"), charge("meanwhile", "ben", "0.25"));
    let again = Server::start_at(&place, port, &[]);
    console.wait_until_gone("NO ANSWER");
    console.wait_for_text("$0.75 / $1");
    console.quit();
    drop(again);
}

#[test]
fn the_one_that_runs_here_needs_no_address() {
    let place = half_spent();
    let server = Server::start(&place, &[]);
    let mut console = place.open(&["attach"]);
    console.wait_for_text("$0.50 / $1");
    console.quit();
    drop(server);
    let output = place.piped(&["attach", "http://127.0.0.1:1"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && text.contains("no answer from 'http://127.0.0.1:1'"), "{text}");
}

#[test]
fn what_a_false_server_says_reaches_no_terminal() {
    use std::io::{Read, Write};
    // It answers everything with names that would clear the screen, ring, and set a title.
    let place = half_spent();
    append(&place.log("a.jsonl"), charge("x", "REPLACED", "0.10"));
    let server = Server::start(&place, &[]);
    server.until_cost("0.60");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, real) = (listener.local_addr().unwrap().port(), server.port);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Ok(mut behind) = std::net::TcpStream::connect(("127.0.0.1", real)) else { return };
            let mut upward = stream.try_clone().unwrap();
            let mut writer = behind.try_clone().unwrap();
            std::thread::spawn(move || std::io::copy(&mut upward, &mut writer));
            std::thread::spawn(move || {
                let mut buffer = [0; 1 << 16];
                while let Ok(read @ 1..) = behind.read(&mut buffer) {
                    // As long as what was there, so that the answer stays whole.
                    let text = String::from_utf8_lossy(&buffer[..read]).replace("REPLACED", "\\u009bXY");
                    if stream.write_all(text.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let mut console = place.open(&["attach", &format!("http://127.0.0.1:{port}")]);
    console.wait_for("figures", |seen| seen.shows("$0.60 / $1"));
    console.wait_for_text("XY");
    let bytes = console.seen().bytes.clone();
    let holds = |what: &str| bytes.windows(what.len()).any(|part| part == what.as_bytes());
    assert!(holds("\u{fffd}XY") && !holds("\u{9b}"), "cleaned on arrival");
    assert!(console.seen().terminal.callbacks().strange.is_empty());
    console.quit();
}
