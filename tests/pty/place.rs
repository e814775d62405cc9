//! A place of its own for each test: home, configuration, state, temporary files and logs, all gone afterwards; and lines with amounts
//! that are known.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use costtop::time::{MINUTE_MS, Timestamp};
use portable_pty::CommandBuilder;

use super::console::Console;

/// The program.
pub const COSTTOP: &str = env!("CARGO_BIN_EXE_costtop");

pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// Days begin in UTC; no budget.
    pub fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        for below in ["home", "config/costtop", "state", "tmp", "logs"] {
            fs::create_dir_all(place.folder.path().join(below)).unwrap();
        }
        place.configure("");
        place
    }

    pub fn configure(&self, text: &str) {
        let path = self.folder.path().join("config/costtop/config.toml");
        fs::write(path, format!("timezone = \"UTC\"\n{text}")).unwrap();
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// The path of a log.
    pub fn log(&self, name: &str) -> PathBuf {
        self.path("logs").join(name)
    }

    fn surroundings(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("HOME", self.path("home")),
            ("XDG_CONFIG_HOME", self.path("config")),
            ("XDG_STATE_HOME", self.path("state")),
            ("TMPDIR", self.path("tmp")),
            ("PATH", std::env::var_os("PATH").unwrap_or_default().into()),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "xterm-256color".into()),
        ]
    }

    /// `program` for a terminal, with these arguments, in this place.
    pub fn command(&self, program: &str, arguments: &[&str]) -> CommandBuilder {
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        for (name, value) in self.surroundings() {
            command.env(name, value);
        }
        command.cwd(self.folder.path());
        command
    }

    /// costtop in a terminal of 120 × 36.
    pub fn open(&self, arguments: &[&str]) -> Console {
        Console::start(self.command(COSTTOP, arguments), 120, 36)
    }

    /// costtop without a terminal that goes on; what it says goes to a file.
    pub fn start(&self, arguments: &[&str], said: &Path) -> std::process::Child {
        let mut command = Command::new(COSTTOP);
        command.args(arguments).env_clear().envs(self.surroundings()).current_dir(self.folder.path());
        // Who runs the tests under `nohup` ignores hangups, and a child would, too.
        // SAFETY: signal(2) may be called between fork and exec, and touches no memory.
        unsafe {
            command.pre_exec(|| match libc::signal(libc::SIGHUP, libc::SIG_DFL) {
                libc::SIG_ERR => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            });
        }
        let said = OpenOptions::new().create(true).append(true).open(said).unwrap();
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(said).spawn().unwrap()
    }

    /// The same as the last words of another program's, to which can be written.
    pub fn start_by(&self, by: &[&str], arguments: &[&str], said: &Path) -> std::process::Child {
        let mut command = Command::new(by[0]);
        command.args(&by[1..]).arg(COSTTOP).args(arguments).env_clear().envs(self.surroundings());
        let said = OpenOptions::new().create(true).append(true).open(said).unwrap();
        let command = command.current_dir(self.folder.path()).stdin(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::null()).stderr(said).spawn().unwrap()
    }

    /// costtop without a terminal.
    pub fn piped(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(COSTTOP);
        command.args(arguments).env_clear().envs(self.surroundings()).current_dir(self.folder.path());
        command.stdin(std::process::Stdio::null()).output().unwrap()
    }

    /// The report of a state or of sources, as JSON.
    pub fn report(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.piped(&[&["report", "--format", "json"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// One request of now that cost so much, as an application would log it.
pub fn charge(id: &str, user: &str, dollars: &str) -> String {
    charge_at(0, id, user, dollars)
}

/// The same, so many minutes from now.
pub fn charge_at(minutes: i64, id: &str, user: &str, dollars: &str) -> String {
    let time = Timestamp::now().plus_ms(minutes * MINUTE_MS);
    format!(
        r#"{{"ts":"{time}","request_id":"{id}","user":"{user}","model":"claude-sonnet-4-6","input_tokens":100,"output_tokens":10,"cost_usd":"{dollars}"}}"#
    ) + "\n"
}

/// Adds to the end of a file in one write; makes it where it is not there.
pub fn append(path: &Path, bytes: impl AsRef<[u8]>) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(bytes.as_ref()).unwrap();
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
