//! A server in a place of its own: started, asked, ended; killed when a test ends before.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{self, Answer};
use crate::place::Place;

/// Nothing takes so long unless it is broken, on a machine that is busy with other things, too.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Server {
    child: Option<Child>,
    pub port: u16,
    said: PathBuf,
}

impl Server {
    /// Follows the place's logs; answers once this returns.
    pub fn start(place: &Place, arguments: &[&str]) -> Server {
        let port = client::free_port();
        Server::start_at(place, port, arguments)
    }

    pub fn start_at(place: &Place, port: u16, arguments: &[&str]) -> Server {
        Server::ready(place, port, |words, said| place.start(&[words, arguments].concat(), said))
    }

    /// Started by another program, to which can be written; see [`Server::tell`].
    pub fn start_by(place: &Place, by: &[&str]) -> Server {
        Server::ready(place, client::free_port(), |words, said| place.start_by(by, words, said))
    }

    fn ready(place: &Place, port: u16, start: impl FnOnce(&[&str], &Path) -> Child) -> Server {
        let (listen, logs) = (format!("127.0.0.1:{port}"), place.path("logs"));
        let said = place.path("said");
        let child = start(&["serve", "--listen", &listen, logs.to_str().unwrap()], &said);
        let server = Server { child: Some(child), port, said };
        server.until_ready();
        server
    }

    #[track_caller]
    pub fn until_ready(&self) {
        self.until("ready", || self.try_get("/healthz").is_some_and(|health| health.json()["loading"] == false));
    }

    /// A line for the program that started it.
    pub fn tell(&mut self, word: &str) {
        let stdin = self.child.as_mut().unwrap().stdin.as_mut().unwrap();
        std::io::Write::write_all(stdin, format!("{word}\n").as_bytes()).unwrap();
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it wrote to standard error so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    #[track_caller]
    pub fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < end, "waited for {what}; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn try_get(&self, path: &str) -> Option<Answer> {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        client::send(&mut stream, &format!("GET {path}"), &[], b"").ok()
    }

    pub fn get(&self, path: &str) -> Answer {
        client::send(&mut client::connect(self.port), &format!("GET {path}"), &[], b"").unwrap()
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        let headers = [("Content-Type", "application/json")];
        client::send(&mut client::connect(self.port), &format!("POST {path}"), &headers, body.as_bytes()).unwrap()
    }

    /// The figure of everything, once it is this.
    #[track_caller]
    pub fn until_cost(&self, dollars: &str) -> Value {
        let mut last = Value::Null;
        self.until(&format!("${dollars}"), || {
            last = self.get("/v1/snapshot").json();
            last["totals"]["cost_usd"].as_str().unwrap().starts_with(dollars)
        });
        last
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.as_ref().unwrap().id()).unwrap()
    }

    /// Sends a signal and says how it ended.
    pub fn end(mut self, signal: i32) -> std::process::ExitStatus {
        // SAFETY: kill(2) touches no memory; the child has not been waited for, so the number is still its own.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
        let mut child = self.child.take().unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
