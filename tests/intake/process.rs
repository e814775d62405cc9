//! The whole program with a state of its own, started, killed and started again.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::client::free_port;
use crate::terminal::Terminal;

/// A home with a state, a port and a socket, whatever runs there.
pub struct World {
    home: tempfile::TempDir,
    pub port: u16,
}

impl World {
    /// The name of its state.
    pub const STATE: &str = "intake";

    pub fn new() -> World {
        let home = tempfile::tempdir().unwrap();
        // A terminal's program begins there.
        std::fs::create_dir(home.path().join("home")).unwrap();
        World { home, port: free_port() }
    }

    pub fn socket(&self) -> PathBuf {
        self.home.path().join("in.sock")
    }

    /// The database, which others may look at and lock.
    pub fn database(&self) -> PathBuf {
        self.home.path().join("state/costtop").join(World::STATE).join("state.db")
    }

    /// Where its configuration and its state lie.
    pub fn environment(&self) -> [(&'static str, PathBuf); 3] {
        let at = |name: &str| self.home.path().join(name);
        [("XDG_STATE_HOME", at("state")), ("XDG_CONFIG_HOME", at("config")), ("HOME", at("home"))]
    }

    /// The dashboard, listening for HTTP and for lines.
    pub fn start(&self) -> Terminal {
        let (http, lines) = (format!("http://127.0.0.1:{}", self.port), format!("unix:{}", self.socket().display()));
        let arguments = [http.as_ref(), lines.as_ref(), "--state".as_ref(), World::STATE.as_ref()];
        Terminal::start(Path::new(env!("CARGO_BIN_EXE_costtop")), &arguments, &self.environment()).unwrap()
    }

    /// What the state holds, as another process reads it.
    pub fn report(&self) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_costtop"))
            .args(["report", "--format", "json", "--state", World::STATE])
            .envs(self.environment())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn requests(&self) -> u64 {
        self.report()["totals"]["requests"].as_u64().unwrap()
    }

    /// How many commits the state has seen.
    pub fn commits(&self) -> i64 {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = rusqlite::Connection::open_with_flags(self.database(), flags).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        connection.query_row("SELECT sequence FROM head", [], |row| row.get(0)).unwrap()
    }
}

/// Memory of a process now, in bytes.
pub fn memory(process: u32) -> u64 {
    field(process, "VmRSS:")
}

/// The most memory that a process ever held, in bytes.
pub fn most_memory(process: u32) -> u64 {
    field(process, "VmHWM:")
}

fn field(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() << 10
}
