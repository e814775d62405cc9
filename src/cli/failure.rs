//! Why a command ended: an error enters, one line on stderr and an exit code leave.

use std::io;
use std::process::ExitCode;

use crate::label::harmless;

/// What a command can end with besides success.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It could not be done: 1. A reader that closed its end of the pipe has what it wanted: 0, and silence.
    #[error("{}", whole(.0))]
    Failed(#[from] anyhow::Error),
    /// It was asked for in a wrong way: 2.
    #[error("{0}")]
    Usage(String),
    /// The configuration is refused: 78, `EX_CONFIG` of sysexits.h.
    #[error("{0}")]
    Configuration(String),
}

impl Failure {
    /// Wrong usage; `text` says what, where, remedy.
    #[must_use]
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure::Usage(text.into())
    }

    /// A refused configuration; `text` says what, where (`file:line`), remedy.
    #[must_use]
    pub fn configuration(text: impl std::fmt::Display) -> Failure {
        Failure::Configuration(text.to_string())
    }

    /// The number the process ends with.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Failure::Failed(_) if self.is_closed_pipe() => 0,
            Failure::Failed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Configuration(_) => 78,
        }
    }

    /// What is printed; `None` when there is nothing to say.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        // A path or a word of the command line may hold what moves a cursor.
        (!self.is_closed_pipe()).then(|| harmless(format!("costtop: {self}").trim_end()))
    }

    /// Prints it and gives the exit code.
    #[must_use]
    pub fn end(self) -> ExitCode {
        if let Some(message) = self.message() {
            // Where stderr is closed too, the exit code has to do.
            let _ = io::Write::write_all(&mut io::stderr(), format!("{message}\n").as_bytes());
        }
        ExitCode::from(self.code())
    }

    fn is_closed_pipe(&self) -> bool {
        let Failure::Failed(error) = self else { return false };
        error.chain().any(|cause| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        })
    }
}

/// What could not be done, and why, each sentence ahead of its cause. One that holds its cause, with the remedy behind it, is the last.
fn whole(error: &anyhow::Error) -> String {
    let mut causes = error.chain().map(ToString::to_string);
    let mut last = causes.next().unwrap_or_default();
    let mut text = last.clone();
    for cause in causes {
        if last.contains(&cause) {
            break;
        }
        text.push_str(": ");
        text.push_str(&cause);
        last = cause;
    }
    text
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Failed(error.into())
    }
}

/// What the parser refuses, in the form of all other errors.
impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Failure {
        let text = error.render().to_string();
        Failure::Usage(text.strip_prefix("error: ").unwrap_or(&text).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;
    use anyhow::Context;

    fn io(kind: io::ErrorKind) -> Failure {
        let error: anyhow::Result<()> = Err(io::Error::from(kind)).context("cannot write the report");
        Failure::Failed(error.unwrap_err())
    }

    #[test]
    fn each_kind_has_its_code() {
        assert_eq!(io(io::ErrorKind::PermissionDenied).code(), 1);
        assert_eq!(Failure::usage("x").code(), 2);
        assert_eq!(Failure::configuration("x").code(), 78);
    }

    #[test]
    fn a_closed_pipe_is_quiet_however_deep_it_lies() {
        let failure = io(io::ErrorKind::BrokenPipe);
        assert_eq!((failure.code(), failure.message()), (0, None));
    }

    #[test]
    fn the_message_says_the_whole_chain_and_moves_no_cursor() {
        let failure = Failure::Failed(anyhow::anyhow!("no\x1b[2J such file").context("cannot open 'x'"));
        assert_eq!(failure.message().unwrap(), "costtop: cannot open 'x': no\u{fffd}[2J such file");
    }

    #[test]
    fn a_cause_that_its_sentence_holds_is_said_once() {
        let source = io::Error::from_raw_os_error(libc::ENOTDIR);
        let refused = StoreError::Io { path: "/file/below".into(), what: "make the folder", source };
        let text = "state '/file/below': cannot make the folder: Not a directory (os error 20); check owner, permissions and free space, \
                    or run with --no-state";
        let failed = |error: anyhow::Error| Failure::Failed(error).message().unwrap();
        assert_eq!(failed(refused.into()), format!("costtop: {text}"));
        // What SQLite itself says of its error is no second cause.
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        let source = rusqlite::Error::SqliteFailure(code, Some("unable to open database file".to_owned()));
        let refused = anyhow::Error::from(StoreError::Sqlite { path: "/state.db".into(), source });
        let text =
            "state '/state.db': unable to open database file; check free space and permissions, or run with --no-state";
        assert_eq!(failed(refused.context("cannot read the state")), format!("costtop: cannot read the state: {text}"));
    }
}
