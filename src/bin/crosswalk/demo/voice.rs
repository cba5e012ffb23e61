//! The storyteller's voice: one line for each thing that happens, for a person to read.

use std::cell::Cell;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::Instant;

/// Lines are never longer.
pub const COLUMNS_MAX: usize = 100;
/// Where the text begins: after the time and the place.
const INDENT: usize = 25;

/// Where something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Intercom,
    Crosswalk,
    Salesforce,
}

/// Tells on standard output, or on standard error where standard output is for a machine.
pub struct Voice {
    begun: Instant,
    to_stderr: bool,
    coloured: bool,
    chapters: Cell<u32>,
    progress_shown: Cell<bool>,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Intercom => "Intercom",
            Self::Crosswalk => "crosswalk",
            Self::Salesforce => "Salesforce",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Intercom => "\x1b[35m",
            Self::Crosswalk => "\x1b[32m",
            Self::Salesforce => "\x1b[36m",
        }
    }
}

impl Voice {
    pub fn new(to_stderr: bool) -> Self {
        let terminal = if to_stderr {
            stderr().is_terminal()
        } else {
            stdout().is_terminal()
        };
        Self {
            begun: Instant::now(),
            to_stderr,
            coloured: terminal,
            chapters: Cell::new(0),
            progress_shown: Cell::new(false),
        }
    }

    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Begins a chapter.
    pub fn chapter(&self, title: &str) {
        let number = self.chapters.get() + 1;
        self.chapters.set(number);
        let line = format!("{number:>2}. {title}");
        self.plain("");
        if self.coloured {
            self.plain(&format!("\x1b[1m{line}\x1b[0m"));
        } else {
            self.plain(&line);
        }
    }

    /// Something happened.
    pub fn say(&self, place: Place, text: &str) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let name = place.name();
        let head = if self.coloured {
            format!("{seconds:>8.3} s  {}{name:<11}\x1b[0m", place.colour())
        } else {
            format!("{seconds:>8.3} s  {name:<11}")
        };
        for (number, line) in wrapped(text, COLUMNS_MAX - INDENT).iter().enumerate() {
            if number == 0 {
                self.plain(&format!("{head}  {line}"));
            } else {
                self.plain(&format!("{:INDENT$}{line}", ""));
            }
        }
    }

    /// A line as it is; also of the summary.
    pub fn plain(&self, line: &str) {
        self.end_progress();
        let line = format!("{line}\n");
        self.write(&line);
    }

    /// A line that the next one replaces; on a terminal only.
    pub fn progress(&self, text: &str) {
        if self.coloured {
            self.write(&format!("\r{:INDENT$}{text}\x1b[K", ""));
            self.progress_shown.set(true);
        }
    }

    fn end_progress(&self) {
        if self.progress_shown.replace(false) {
            self.write("\r\x1b[K");
        }
    }

    /// A reader that has gone, such as `head`, does not end the story.
    fn write(&self, text: &str) {
        let _ = if self.to_stderr {
            stderr().write_all(text.as_bytes())
        } else {
            let mut out = stdout();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
    }
}

/// The text in lines of at most `width` characters, broken at spaces; spaces at its beginning
/// begin every line.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let bare = text.trim_start_matches(' ');
    let indent = text.len() - bare.len();
    let mut lines = Vec::new();
    let mut line = " ".repeat(indent);
    let mut used = indent;
    for word in bare.split(' ') {
        let length = word.chars().count();
        if used > indent && used + 1 + length > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            used = indent;
        }
        if used > indent {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_break_at_spaces() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one", 2), ["one"]);
        assert_eq!(wrapped("", 2), [""]);
        assert_eq!(wrapped("  one two", 6), ["  one", "  two"]);
    }
}
