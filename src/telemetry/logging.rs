//! Sets the process's log output up, once: pretty for people, JSON lines for machines.
//!
//! Always on standard error: standard output belongs to the command's own answer.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Pretty,
    Json,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("\"{0}\" is no log filter; write a level such as info, or target=level pairs")]
    Filter(String),
    #[error("the log output is set up already")]
    Twice,
}

/// Starts logging. `level` is a level or a filter; libraries below `warn` stay silent unless the
/// filter names them.
pub fn start(format: Format, level: &str) -> Result<(), Error> {
    let filter = filter(level)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_span_events(FmtSpan::NONE);
    let started = match format {
        Format::Pretty => builder
            .with_ansi(stderr().is_terminal())
            .with_target(false)
            .try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|_| Error::Twice)
}

fn filter(level: &str) -> Result<EnvFilter, Error> {
    let bare = !level.contains(['=', ',']);
    let directives = match level {
        "off" | "error" | "warn" => level.to_owned(),
        level if bare => format!("warn,crosswalk={level}"),
        filter => filter.to_owned(),
    };
    EnvFilter::try_new(directives).map_err(|_| Error::Filter(level.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_level_is_ours_and_leaves_libraries_at_warn() {
        let shown = filter("debug").unwrap().to_string();
        assert!(
            shown.contains("crosswalk=debug") && shown.contains("warn"),
            "{shown}"
        );
        assert_eq!(filter("error").unwrap().to_string(), "error");
        assert!(filter("crosswalk=loud").is_err());
    }
}
