//! What a SOURCE means. Text enters, a [`Spec`] leaves, or why not; it opens nothing (but looks whether a name with `*` in it
//! exists, and whether one that ends in `.db` is a folder).

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
    /// A file `*.db`: a database of `SQLite`.
    Database(PathBuf),
    /// `-`.
    Stdin,
    /// A stream socket that we create.
    Unix(PathBuf),
    /// A datagram socket that we create: a record each.
    UnixDatagram(PathBuf),
    /// A listener for lines.
    Tcp(Address),
    /// Datagrams, a record each; those that come too fast are lost.
    Udp(SocketAddr),
    /// A listener for HTTP.
    Http(Address),
}

/// Where a listener listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub at: SocketAddr,
    /// It speaks TLS.
    pub tls: bool,
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
    /// A scheme nobody promised.
    #[error(
        "source '{0}': unknown scheme: use a path, 'unix:PATH', 'unixgram:PATH', 'tcp://HOST:PORT', 'udp://HOST:PORT' or 'http://HOST:PORT'"
    )]
    UnknownScheme(String),
    /// `unix:` alone.
    #[error("source '{0}': no path after '{1}': write '{1}/run/costtop.sock'")]
    NoSocketPath(String, &'static str),
    /// Not HOST:PORT.
    #[error("source '{0}': no HOST:PORT behind '//': write '127.0.0.1:4318', or another IP address, there")]
    Address(String),
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
        let socket = |scheme: &'static str| {
            text.strip_prefix(scheme).map(|path| match path.strip_prefix("//").unwrap_or(path) {
                "" => Err(SpecError::NoSocketPath(text.to_owned(), scheme)),
                path => Ok(expand_home(path)),
            })
        };
        if let Some(path) = socket("unix:") {
            return path.map(Spec::Unix);
        }
        if let Some(path) = socket("unixgram:") {
            return path.map(Spec::UnixDatagram);
        }
        if let Some((scheme, address)) = text.split_once("://") {
            let at = || address_of(text, address);
            let (plain, tls) = (|at| Address { at, tls: false }, |at| Address { at, tls: true });
            match scheme {
                "tcp" => return at().map(plain).map(Spec::Tcp),
                "tls" => return at().map(tls).map(Spec::Tcp),
                "udp" => return at().map(Spec::Udp),
                "http" => return at().map(plain).map(Spec::Http),
                "https" => return at().map(tls).map(Spec::Http),
                _ => {}
            }
        }
        if text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            return Err(SpecError::UnknownScheme(text.to_owned()));
        }
        let path = expand_home(text);
        if text.contains(['*', '?', '[', '{']) && !path.exists() {
            return Pattern::new(text, &path).map(Spec::Glob);
        }
        let is_database = super::database::is_one(&path) && !path.is_dir();
        Ok(if is_database { Spec::Database(path) } else { Spec::Path(path) })
    }

    /// Waits for others to send: never ends by itself.
    #[must_use]
    pub fn is_listener(&self) -> bool {
        !self.is_file() && !matches!(self, Spec::Stdin)
    }

    /// Files of this machine: what is there has an end.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self, Spec::Path(_) | Spec::Glob(_) | Spec::Database(_))
    }
}

fn expand_home(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ if text == "~" => std::env::home_dir().unwrap_or_else(|| PathBuf::from(text)),
        _ => PathBuf::from(text),
    }
}

/// An IP address with a port; `localhost` is one. Other names may mean another machine tomorrow.
fn address_of(text: &str, address: &str) -> Result<SocketAddr, SpecError> {
    let refuse = || SpecError::Address(text.to_owned());
    let address = address.strip_suffix('/').unwrap_or(address);
    let (host, port) = address.rsplit_once(':').ok_or_else(refuse)?;
    let port: u16 = port.parse().map_err(|_| refuse())?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    host.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port)).map_err(|_| refuse())
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
        assert!(matches!(Spec::parse("/home/a/opencode.db"), Ok(Spec::Database(_))));
        assert!(matches!(Spec::parse("tcp://localhost:4777"), Ok(Spec::Tcp(address)) if address.at.port() == 4777));
        assert!(matches!(Spec::parse("tcp://[::1]:1"), Ok(Spec::Tcp(_))));
        assert!(
            matches!(Spec::parse("http://localhost:4318/"), Ok(Spec::Http(address)) if address.at.port() == 4318 && !address.tls)
        );
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
        for text in [
            "tcp://example.org:80",
            "http://127.0.0.1.evil.org:1",
            "udp://127.0.0.1",
            "tls://:1",
            "https://127.0.0.1:x",
        ] {
            assert_eq!(Spec::parse(text).unwrap_err(), SpecError::Address(text.to_owned()));
        }
        assert!(matches!(Spec::parse("kafka://b/t"), Err(SpecError::UnknownScheme(_))));
        for text in ["unix:", "unixgram://"] {
            assert!(matches!(Spec::parse(text), Err(SpecError::NoSocketPath(..))), "{text}");
        }
        assert!(matches!(Spec::parse("/logs/[a"), Err(SpecError::Pattern(..))));
        assert_eq!(Spec::parse("").unwrap_err(), SpecError::Empty);
    }
}
