//! What a SOURCE means. Text enters, a [`Spec`] leaves, or why not; it opens nothing (but looks whether a name with `*` in it exists).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

/// What an operator can name as a source.
#[derive(Clone, Debug)]
pub enum Spec {
    /// A file, or a directory to be walked; which of them is looked up again at each scan.
    Path(PathBuf),
    /// All files whose path matches.
    Glob(Pattern),
    /// `-`.
    Stdin,
    /// A stream socket that we create.
    Unix(PathBuf),
    /// A listener for lines on the loopback interface.
    Tcp(SocketAddr),
    /// A listener for HTTP on the loopback interface.
    Http(SocketAddr),
}

/// A glob with the folder from which it is walked.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The components before the first one with a wildcard.
    pub base: PathBuf,
    /// Matches whole paths; `*` does not cross `/`.
    pub matcher: GlobMatcher,
    /// Hidden folders are entered because the pattern names one.
    pub hidden: bool,
    /// Folders below `base` that are entered; `None` with `**`.
    pub depth: Option<usize>,
}

/// Why a SOURCE is refused: what, where, remedy.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SpecError {
    /// Nothing there.
    #[error("empty source: name a file, a folder, a glob, '-', 'unix:PATH', 'tcp://HOST:PORT' or 'http://HOST:PORT'")]
    Empty,
    /// A scheme that will come.
    #[error("source '{0}': '{1}' is not supported yet: use 'unix:PATH', 'http://127.0.0.1:PORT' or a file")]
    NotYet(String, &'static str),
    /// A scheme nobody promised.
    #[error("source '{0}': unknown scheme: use a path, 'unix:PATH', 'tcp://HOST:PORT' or 'http://HOST:PORT'")]
    UnknownScheme(String),
    /// `unix:` alone.
    #[error("source '{0}': no path after 'unix:': write 'unix:/run/costtop.sock'")]
    NoSocketPath(String),
    /// Not HOST:PORT.
    #[error("source '{0}': not HOST:PORT: write 'tcp://127.0.0.1:4777'")]
    Address(String),
    /// Nobody else may send without having shown who it is.
    #[error("source '{0}': only this machine may send there: use 127.0.0.1, ::1 or localhost")]
    NotLoopback(String),
    /// Not a glob.
    #[error("source '{0}': not a valid pattern: {1}")]
    Pattern(String, String),
}

impl Spec {
    /// Reads a SOURCE of the command line or the configuration. A leading `~/` is the home folder.
    pub fn parse(text: &str) -> Result<Spec, SpecError> {
        if text.is_empty() {
            return Err(SpecError::Empty);
        }
        if text == "-" {
            return Ok(Spec::Stdin);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err(SpecError::NoSocketPath(text.to_owned())),
                path => Ok(Spec::Unix(expand_home(path))),
            };
        }
        if let Some(address) = text.strip_prefix("tcp://") {
            return loopback(text, address).map(Spec::Tcp);
        }
        if let Some(address) = text.strip_prefix("http://") {
            return loopback(text, address).map(Spec::Http);
        }
        for scheme in ["udp://", "https://"] {
            if text.starts_with(scheme) {
                return Err(SpecError::NotYet(text.to_owned(), scheme));
            }
        }
        if text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            return Err(SpecError::UnknownScheme(text.to_owned()));
        }
        let path = expand_home(text);
        if text.contains(['*', '?', '[', '{']) && !path.exists() {
            return Pattern::new(text, &path).map(Spec::Glob);
        }
        Ok(Spec::Path(path))
    }

    /// Read by the thread that follows files.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self, Spec::Path(_) | Spec::Glob(_))
    }
}

fn expand_home(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ if text == "~" => std::env::home_dir().unwrap_or_else(|| PathBuf::from(text)),
        _ => PathBuf::from(text),
    }
}

fn loopback(text: &str, address: &str) -> Result<SocketAddr, SpecError> {
    let address = address.strip_suffix('/').unwrap_or(address);
    let (host, port) = address.rsplit_once(':').ok_or_else(|| SpecError::Address(text.to_owned()))?;
    let port: u16 = port.parse().map_err(|_| SpecError::Address(text.to_owned()))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => Ok(SocketAddr::new(ip, port)),
        _ if host.is_empty() => Err(SpecError::Address(text.to_owned())),
        _ => Err(SpecError::NotLoopback(text.to_owned())),
    }
}

impl Pattern {
    fn new(text: &str, path: &Path) -> Result<Pattern, SpecError> {
        let refuse = |error: &dyn std::fmt::Display| SpecError::Pattern(text.to_owned(), error.to_string());
        let whole = path.to_str().ok_or_else(|| refuse(&"not UTF-8"))?;
        let glob = GlobBuilder::new(whole).literal_separator(true).build().map_err(|error| refuse(&error.kind()))?;
        let is_wild = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
        let mut base: PathBuf = path.components().take_while(|part| !is_wild(part)).collect();
        if base.as_os_str().is_empty() {
            base = PathBuf::from(".");
        }
        let wild: Vec<String> = path
            .components()
            .skip_while(|part| !is_wild(part))
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        // A brace may hold a separator, so its depth is not that of its components.
        let unbounded = wild.iter().any(|part| part.contains("**") || part.contains('{'));
        Ok(Pattern {
            base,
            matcher: glob.compile_matcher(),
            hidden: wild.iter().any(|part| part.starts_with('.')),
            depth: (!unbounded).then(|| wild.len().saturating_sub(1)),
        })
    }

    /// Whether `path`, found below `base`, is meant.
    #[must_use]
    pub fn matches(&self, path: &Path) -> bool {
        self.matcher.is_match(path) || path.strip_prefix("./").is_ok_and(|path| self.matcher.is_match(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_source_is_told_by_its_text() {
        assert!(matches!(Spec::parse("-"), Ok(Spec::Stdin)));
        assert!(matches!(Spec::parse("/var/log/a.jsonl"), Ok(Spec::Path(_))));
        assert!(matches!(Spec::parse("unix:/run/c.sock"), Ok(Spec::Unix(path)) if path == Path::new("/run/c.sock")));
        assert!(matches!(Spec::parse("tcp://localhost:4777"), Ok(Spec::Tcp(address)) if address.port() == 4777));
        assert!(matches!(Spec::parse("tcp://[::1]:1"), Ok(Spec::Tcp(_))));
        assert!(matches!(Spec::parse("http://localhost:4318/"), Ok(Spec::Http(address)) if address.port() == 4318));
        let Ok(Spec::Glob(glob)) = Spec::parse("/var/log/litellm/*.jsonl") else { panic!("a glob") };
        assert_eq!((glob.base.as_path(), glob.depth), (Path::new("/var/log/litellm"), Some(0)));
        assert!(glob.matches(Path::new("/var/log/litellm/a.jsonl")));
        assert!(!glob.matches(Path::new("/var/log/litellm/b/a.jsonl")));
        let Ok(Spec::Glob(deep)) = Spec::parse("logs/**/*.jsonl") else { panic!("a glob") };
        assert!(deep.matches(Path::new("logs/a/b/c.jsonl")) && deep.depth.is_none());
        let Ok(Spec::Glob(here)) = Spec::parse("*.jsonl") else { panic!("a glob") };
        assert!(here.base == Path::new(".") && here.matches(Path::new("./a.jsonl")));
    }

    #[test]
    fn refusals_say_what_where_and_the_remedy() {
        for text in ["tcp://0.0.0.0:80", "tcp://example.org:80", "tcp://[::]:80", "tcp://127.0.0.1.evil.org:1"] {
            assert_eq!(Spec::parse(text).unwrap_err(), SpecError::NotLoopback(text.to_owned()));
        }
        assert!(Spec::parse("udp://127.0.0.1:1").unwrap_err().to_string().contains("not supported yet"));
        assert!(Spec::parse("https://127.0.0.1:1").unwrap_err().to_string().contains("'https://'"));
        assert!(matches!(Spec::parse("kafka://b/t"), Err(SpecError::UnknownScheme(_))));
        assert!(matches!(Spec::parse("tcp://localhost"), Err(SpecError::Address(_))));
        assert!(matches!(Spec::parse("unix:"), Err(SpecError::NoSocketPath(_))));
        assert!(matches!(Spec::parse("/logs/[a"), Err(SpecError::Pattern(..))));
        assert_eq!(Spec::parse("").unwrap_err(), SpecError::Empty);
    }
}
