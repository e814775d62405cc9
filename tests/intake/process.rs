//! The whole program with a state of its own, started, killed and started again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection.query_row("SELECT sequence FROM head", [], |row| row.get(0)).unwrap()
    }
}

/// `costtop serve`, killed when a test ends before it.
pub struct Server(Child);

impl Server {
    pub fn start(world: &World) -> Server {
        let listen = format!("127.0.0.1:{}", world.port);
        let mut command = Command::new(env!("CARGO_BIN_EXE_costtop"));
        command.args(["serve", "--listen", &listen, "--state", World::STATE]).envs(world.environment());
        Server(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    pub fn process(&self) -> u32 {
        self.0.id()
    }

    /// Asks it to end as a supervisor does, and waits until it has.
    pub fn end(mut self) {
        let process = i32::try_from(self.0.id()).unwrap();
        // SAFETY: kill(2) touches no memory; the child has not been waited for, so the number is still its own.
        assert_eq!(unsafe { libc::kill(process, libc::SIGTERM) }, 0);
        let end = Instant::now() + Duration::from_secs(60);
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert!(status.success(), "{status}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended, and been waited for, already.
        let _ = self.0.kill();
        let _ = self.0.wait();
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
