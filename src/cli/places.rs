//! Where this machine usually keeps logs of LLM calls. The environment enters, places and what lies there leave. No log is opened, and of a
//! database its first bytes are read.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::config::SourceConfig;
use crate::output::{figures, text};
use crate::source::discover::Discovery;
use crate::source::spec::Spec;

/// A folder in which a program keeps its log of LLM calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Who writes there.
    pub program: &'static str,
    /// The folder.
    pub path: PathBuf,
    /// Which of the files in it, as a glob; empty: all that are logs by their names.
    pub within: &'static str,
    /// It is written in a format that costtop reads.
    pub is_read: bool,
}

/// Every place that is looked at when no SOURCE is named and none is configured, whether anything is there or not.
#[must_use]
pub fn known() -> Vec<Place> {
    let mut places = Vec::new();
    let read = |program, path| Place { program, path, within: "", is_read: true };
    let claude_code = |path| read("Claude Code", path);
    if let Some(folders) = std::env::var_os("CLAUDE_CONFIG_DIR") {
        for folder in folders.to_string_lossy().split(',').filter(|folder| !folder.is_empty()) {
            let folder = Path::new(folder);
            places.push(claude_code(if folder.ends_with("projects") {
                folder.to_owned()
            } else {
                folder.join("projects")
            }));
        }
    }
    let base = etcetera::choose_base_strategy().ok();
    if let Some(base) = &base {
        places.push(claude_code(base.config_dir().join("claude").join("projects")));
        places.push(claude_code(base.home_dir().join(".claude").join("projects")));
        // Each of the desktop application's agents has a home of its own some levels below.
        let desktop = base.config_dir().join("Claude").join("local-agent-mode-sessions");
        places.push(Place { within: "**/.claude/projects/**/*.jsonl", ..read("Claude Desktop", desktop) });
    }
    let codex = std::env::var_os("CODEX_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    if let Some(home) = codex.or_else(|| base.as_ref().map(|base| base.home_dir().join(".codex"))) {
        for folder in ["sessions", "archived_sessions"] {
            places.push(read("Codex", home.join(folder)));
        }
    }
    if let Some(base) = &base {
        // Beside the chats lie checkpoints and the log of what was typed.
        let gemini = base.home_dir().join(".gemini").join("tmp");
        places.push(Place { within: "*/chats/**/*.json*", ..read("Gemini CLI", gemini) });
        let opencode = base.data_dir().join("opencode");
        places.push(read("OpenCode", opencode.join("storage").join("message")));
        let database = opencode.join("opencode.db");
        places.push(Place { is_read: is_database(&database), ..read("OpenCode", database) });
        places.push(read("pi", base.home_dir().join(".pi").join("agent").join("sessions")));
    }
    places.dedup();
    places
}

impl Place {
    /// What stands for it on the command line.
    fn source(&self) -> PathBuf {
        if self.within.is_empty() { self.path.clone() } else { self.path.join(self.within) }
    }
}

/// Whether a file begins as databases of `SQLite` do.
fn is_database(path: &Path) -> bool {
    const HEAD: &[u8] = b"SQLite format 3\0";
    let mut head = [0; HEAD.len()];
    // Only files: to open a pipe would wait for its writer.
    path.is_file() && std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == HEAD
}

/// The places that are there and can be read, as sources.
#[must_use]
pub fn readable() -> Vec<PathBuf> {
    known().into_iter().filter(|place| place.is_read && place.path.exists()).map(|place| place.source()).collect()
}

/// One line for each source that is read without having been named, and for each known place that cannot be read:
/// `Claude Code ~/.claude/projects: 31 files, 4.2 MB`.
#[must_use]
pub fn found(sources: &[SourceConfig], configured: bool) -> Vec<String> {
    let places = known();
    let mut lines = Vec::new();
    for source in sources {
        let spec = match Spec::parse(&source.spec) {
            Ok(spec @ (Spec::Path(_) | Spec::Glob(_))) => spec,
            Ok(Spec::Database(path)) => Spec::Path(path),
            _ => continue,
        };
        let path = Path::new(&source.spec);
        let place = places.iter().find(|place| !configured && place.source() == path);
        let name = place.map_or_else(|| tilde(path), |place| format!("{} {}", place.program, tilde(&place.path)));
        lines.push(format!("{name}: {}", contents(&spec)));
    }
    if !configured {
        lines.extend(unread(&places));
    }
    lines
}

/// Known places with something in them that costtop cannot read.
fn unread(places: &[Place]) -> Vec<String> {
    let there = places.iter().filter(|place| !place.is_read && place.path.exists());
    there
        .map(|place| {
            let contents = contents(&Spec::Path(place.path.clone()));
            format!("{} {}: {contents}; not read: it is no database of SQLite", place.program, tilde(&place.path))
        })
        .collect()
}

/// `31 files, 4.2 MB`.
fn contents(spec: &Spec) -> String {
    let (mut files, mut remarks) = (Vec::new(), Vec::new());
    Discovery::new(None).scan(spec, &mut files, &mut remarks);
    let sizes = files.iter().filter_map(|file| file.path.metadata().ok()).map(|metadata| metadata.len());
    let (count, bytes) = sizes.fold((0, 0), |(count, bytes), size| (count + 1, bytes + size));
    match count {
        0 => "no files yet".to_owned(),
        _ => format!("{}, {}", figures::number_of(count, "file", "files"), text::bytes(bytes)),
    }
}

/// A path as people write it: the home folder is `~`.
fn tilde(path: &Path) -> String {
    let home = etcetera::choose_base_strategy().ok();
    let below = home.as_ref().and_then(|base| path.strip_prefix(base.home_dir()).ok());
    below.map_or_else(|| figures::path(path), |below| format!("~/{}", figures::path(below)))
}

/// Lines that give costtop something to read, each with what it does.
pub const FEED: [(&str, &str); 3] = [
    ("costtop /var/log/litellm/", "a folder, a file or a glob, followed as it grows"),
    ("your-app | costtop -", "a pipe: a JSON object in each line"),
    (r#"echo '{"model":"claude-sonnet-4-6","output_tokens":9000}' | costtop -"#, "one request, to see it count"),
];

/// Where nothing was found: the places that could have been read, and those that cannot, one line each.
#[must_use]
pub fn looked() -> Vec<String> {
    let places = known();
    let mut lines: Vec<String> = unread(&places);
    let missing = places.iter().filter(|place| place.is_read && !place.path.is_dir());
    lines.extend(missing.map(|place| format!("{} {}: not there", place.program, tilde(&place.path))));
    lines
}

/// What is said where nothing can be read and nobody can be asked.
#[must_use]
pub fn nothing_to_read() -> String {
    let mut text = "nothing to read: no SOURCE, none configured, and no known log on this machine".to_owned();
    for line in unread(&known()) {
        text.extend(["\n  ", &line]);
    }
    let demo = ("costtop demo", "a made-up day");
    // The last one is longer than any column: it stands alone.
    for (command, what) in [demo].iter().chain(&FEED[..2]) {
        text.extend(["\n  ", &format!("{command:<31} {what}")]);
    }
    text.extend(["\n  ", FEED[2].0]);
    text
}
