//! Screens and orders over TLS: with a token, with a certificate of their own; and what is said where one of the two is not believed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::client::free_port;
use crate::place::{Place, append, charge, text};
use crate::served::Server;

const TOKEN: &str = "fedcba9876543210";

fn fixture(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name);
    path.to_str().unwrap().to_owned()
}

/// A server that listens on plain HTTP for the test and on https for whom it is about.
struct Guarded {
    place: Place,
    server: Server,
    url: String,
}

impl Guarded {
    /// With this certificate, asking for one that `client_ca` signed where that is named, and for a token where `has_token`.
    fn start(certificate: &str, client_ca: Option<&str>, has_token: bool) -> Guarded {
        let place = Place::new();
        let mut config = format!(
            "[[budget]]\nname = \"everything\"\nlimit = 1.00\nper = \"month\"\n[server]\ncertificate = {:?}\nkey = {:?}\n",
            fixture(certificate),
            fixture("server.key"),
        );
        config += &client_ca.map_or_else(String::new, |name| format!("client_ca = {:?}\n", fixture(name)));
        if has_token {
            config += "token_file = \"tokens\"\n";
            let path = place.path("config/costtop/tokens");
            fs::write(&path, format!("mara {TOKEN}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(place.path("token"), format!("{TOKEN}\n")).unwrap();
        }
        place.configure(&config);
        append(&place.log("a.jsonl"), charge("before", "ana", "0.50"));
        let url = format!("https://127.0.0.1:{}", free_port());
        let server = Server::start(&place, &["--listen", &url]);
        Guarded { place, server, url }
    }

    /// What a command at the URL says, and how it ends.
    fn said(&self, words: &[&str], trust: &[&str]) -> (Option<i32>, String) {
        let at: &[&str] = if words[0] == "attach" { &[&self.url] } else { &["--url", &self.url] };
        let output = self.place.piped(&[words, trust, at].concat());
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    /// A screen shows it and rings; its key and a shell's orders act there, and `who` is kept with what they did.
    fn serves_a_screen_and_a_shell(self, trust: &[&str], who: &str) {
        let mut console = self.place.open(&[&["attach"], trust, &[self.url.as_str()]].concat());
        console.wait_for_text("$0.50 / $1");
        append(&self.place.log("a.jsonl"), charge("crossing", "ben", "0.60"));
        console.wait_for("a ring", |seen| seen.bells() == 1);
        console.press("A");
        console.wait_for_text("1 acknowledged");
        console.press("a");
        console.wait_for_text(&format!("acknowledged by {who}"));
        console.press("q");
        console.quit();
        let (code, told) = self.said(&["snooze", "everything", "--for", "2h"], trust);
        assert!(code == Some(0) && told.starts_with("snoozed until "), "{told}");
        let (code, told) = self.said(&["adjust", "-1", "--budget", "everything", "--reason", "refund"], trust);
        assert_eq!((code, told.as_str()), (Some(0), "adjusted 1 budget\n"));
        assert!(self.server.said().contains(&format!("adjusted by {who}: -$1.00")), "{}", self.server.said());
        let (code, told) = self.said(&["silence", "--for", "5m"], trust);
        assert!(code == Some(0) && told.starts_with("the bell is silent until "), "{told}");
        assert_eq!(self.said(&["resume"], trust), (Some(0), "the bell rings again\n".to_owned()));
        let (code, told) = self.said(&["status"], trust);
        assert!(code == Some(0) && told.contains("today $1.10"), "{told}");
        assert_eq!(self.said(&["check", "-q"], trust).0, Some(0), "the refund took it back");
        assert_eq!(self.server.end(libc::SIGTERM).code(), Some(0));
    }
}

#[test]
fn a_token_opens_screens_and_orders_and_its_name_is_kept() {
    let guarded = Guarded::start("server.pem", None, true);
    let (token, ca) = (text(&guarded.place.path("token")).to_owned(), fixture("ca.pem"));
    guarded.serves_a_screen_and_a_shell(&["--token-file", &token, "--ca-file", &ca], "mara at 127.0.0.1");
}

#[test]
fn a_certificate_opens_screens_and_orders() {
    let guarded = Guarded::start("server.pem", Some("ca.pem"), false);
    let files = ["ca.pem", "client.pem", "client.key"].map(fixture);
    let trust = ["--ca-file", &files[0], "--cert-file", &files[1], "--key-file", &files[2]];
    guarded.serves_a_screen_and_a_shell(&trust, "127.0.0.1");
}

/// `what` is said by every kind of command, on one line that begins with where it asked, and nothing of a token is repeated.
#[track_caller]
fn refused(guarded: &Guarded, trust: &[&str], what: &str) {
    for words in [&["ack", "--all"][..], &["status"], &["attach"]] {
        let (code, told) = guarded.said(words, trust);
        assert_eq!(code, Some(1), "{words:?}: {told}");
        assert!(told.starts_with(&format!("costtop: '{}' {what}", guarded.url)), "{words:?}: {told}");
        assert!(told.lines().count() == 1 && !told.contains("0123456789"), "{told}");
    }
}

#[test]
fn a_token_that_is_missing_or_wrong_is_told_with_where_to_put_it() {
    let guarded = Guarded::start("server.pem", None, true);
    let ca = fixture("ca.pem");
    refused(&guarded, &["--ca-file", &ca], "asks for a token: name a file with one of its tokens with --token-file");
    let wrong = guarded.place.path("wrong");
    fs::write(&wrong, "0123456789abcdef\n").unwrap();
    let trust = ["--ca-file", &ca, "--token-file", text(&wrong)];
    refused(&guarded, &trust, "does not know this token: name a file with one of its tokens with --token-file");
}

#[test]
fn a_servers_certificate_that_cannot_be_believed_is_told_with_the_remedy() {
    for (certificate, what) in [
        ("server.pem", "shows a certificate that nobody in --ca-file has signed: name who did"),
        ("other_expired.pem", "shows a certificate that has expired: renew it there"),
        ("other_early.pem", "shows a certificate that is not valid yet: set the clock"),
        ("other_name.pem", "shows a certificate for another name: ask it by a name that the certificate holds"),
    ] {
        refused(&Guarded::start(certificate, None, true), &["--ca-file", &fixture("other_ca.pem")], what);
    }
    // Nothing is sent to whom nobody vouched for.
    let guarded = Guarded::start("server.pem", None, true);
    let (code, told) = guarded.said(&["ack", "--all"], &[]);
    assert!(code == Some(2) && told.contains("name whom to trust with --ca-file"), "{told}");
}

#[test]
fn a_certificate_of_ones_own_that_is_missing_wrong_or_old_is_told_with_the_remedy() {
    let guarded = Guarded::start("server.pem", Some("ca.pem"), false);
    let (ca, key) = (fixture("ca.pem"), fixture("client.key"));
    let shown = |certificate: &str| fixture(certificate);
    let wanted = "asks for a certificate: show one that it trusts with --cert-file and --key-file";
    refused(&guarded, &["--ca-file", &ca], wanted);
    let stranger = shown("other_client.pem");
    let trust = ["--ca-file", &ca, "--cert-file", &stranger, "--key-file", &key];
    refused(
        &guarded,
        &trust,
        "refuses the certificate of --cert-file: show one that is signed by whom its 'client_ca'",
    );
    let guarded = Guarded::start("other_server.pem", Some("other_ca.pem"), false);
    let (ca, old) = (fixture("other_ca.pem"), shown("other_client_expired.pem"));
    let trust = ["--ca-file", &ca, "--cert-file", &old, "--key-file", &key];
    refused(&guarded, &trust, "says that the certificate of --cert-file has expired: have it renewed");
    // Files that hold none, and half of the two.
    let trust = ["--ca-file", &ca, "--cert-file", &key, "--key-file", &key];
    let (code, told) = guarded.said(&["ack", "--all"], &trust);
    assert!(code == Some(2) && told.contains("cannot show the certificate in"), "{told}");
    let (code, told) = guarded.said(&["ack", "--all"], &["--ca-file", &ca, "--cert-file", &old]);
    assert!(code == Some(2) && told.contains("--key-file"), "{told}");
}
