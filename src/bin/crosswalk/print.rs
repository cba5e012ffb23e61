//! What a command answers, on standard output.

use std::io::{ErrorKind, Write as _};

use anyhow::Context;

/// Prints. A reader that has seen enough, as `head` has, is no error.
pub fn print(bytes: &(impl AsRef<[u8]> + ?Sized)) -> anyhow::Result<()> {
    match std::io::stdout().write_all(bytes.as_ref()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write the output"),
    }
}
