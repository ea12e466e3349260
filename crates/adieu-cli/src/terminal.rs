//! The only place that writes to standard output and standard error.
//!
//! Results go to standard output; if nobody reads them any more, the program ends quietly. Messages go to standard
//! error; if that is closed there is nobody to tell, and the work goes on.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;

/// Writes a result: `text` and, if it lacks one, a line end.
///
/// # Errors
/// If standard output cannot be written; [`nobody_reads`] tells a closed pipe from a full disk.
pub(crate) fn result(text: &str) -> anyhow::Result<()> {
    piece(text)?;
    if text.ends_with('\n') || text.is_empty() { Ok(()) } else { piece("\n") }
}

/// Writes a piece of a result that comes bit by bit.
///
/// # Errors
/// As [`result`].
pub(crate) fn piece(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.context("cannot write the result to standard output")
}

/// Writes a line for people.
pub(crate) fn message(text: &str) {
    // A closed standard error is no reason to stop a training.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes an error with all its causes.
pub(crate) fn complain(error: &anyhow::Error) {
    message(&format!("adieu: {}", described(error)));
}

/// The chain of causes in one line; a cause that its own parent quotes already is left out.
fn described(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Whether the error is that standard output was closed by its reader, as by `adieu list | head -1`.
pub(crate) fn nobody_reads(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    io.is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
}

/// Shows help, the version, or what is wrong with the arguments.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe: there is nobody to tell.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}

/// Whether messages are read in a terminal, so that a progress line can be redrawn.
pub(crate) fn messages_are_seen() -> bool {
    io::stderr().is_terminal()
}

/// Whether results are read in a terminal that knows colours.
pub(crate) fn results_have_colour() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && !dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let io = || io::Error::other("disk on fire");
        let plain: anyhow::Result<()> = Err(io()).context("cannot write a.html");
        assert_eq!(described(&plain.unwrap_err()), "cannot write a.html: disk on fire");
        let quoting: anyhow::Result<()> = Err(io()).context("a.html: disk on fire; choose another");
        assert_eq!(described(&quoting.unwrap_err()), "a.html: disk on fire; choose another");
    }

    #[test]
    fn only_a_closed_pipe_is_nobody_reading() {
        let error = |kind: ErrorKind| anyhow::Error::from(io::Error::from(kind)).context("x");
        assert!(nobody_reads(&error(ErrorKind::BrokenPipe)));
        assert!(!nobody_reads(&error(ErrorKind::StorageFull)));
    }
}
