//! A home of its own for each test, and lines that carry a text in every field a line can have.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use assert_cmd::Command;

use costtop::usage::Dimension;

use super::hostile;

/// A label of the operator's own, budgets that name what they are about, and a price for one model.
pub const CONFIG: &str = r#"
[labels]
cost_center = ["cost_center"]
[[budget]]
name = "each user"
each = "user"
limit = 0.01
per = "month"
[[budget]]
name = "each session"
each = "session"
limit = 0.01
[[budget]]
name = "each cost center"
each = "cost_center"
limit = 0.01
per = "day"
"#;

pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(place.path("home/.config/costtop")).unwrap();
        place.write("home/.config/costtop/config.toml", CONFIG);
        place
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub fn write(&self, below: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
        command.args(words).args(["--timezone", "UTC"]).current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.path("home")).env("TMPDIR", self.folder.path()).timeout(Duration::from_secs(120));
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What it prints, stderr behind stdout.
    pub fn said(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        both(&output)
    }
}

/// Both streams of a program, which must be UTF-8.
pub fn both(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap()
}

/// A line with these bytes between the quotes of every field, `number` in its time.
pub fn line(number: usize, inside: &[u8]) -> Vec<u8> {
    let time = format!("2026-11-21T10:{:02}:{:02}.{:03}Z", number / 60_000 % 60, number / 1000 % 60, number % 1000);
    hostile::line(&format!(r#"{{"ts":"{time}","input_tokens":5,"cost_usd":"1.00""#), |_| inside.to_vec())
}

/// What a report can be grouped by.
pub fn groups() -> impl Iterator<Item = &'static str> {
    Dimension::ALL.into_iter().map(Dimension::name).chain(["session", "cost_center"])
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
