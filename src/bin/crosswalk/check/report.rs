//! What a check found, one line for each step.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Ok,
    /// Something will not work, or not always.
    Missing,
    /// A person has to look: it cannot be asked, or it may be meant so.
    Warning,
}

/// One step. Neither text holds a credential or a personal value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub state: State,
    pub what: String,
    /// What to do; empty where `what` says it, or where nothing is to be done.
    pub fix: String,
}

/// Lines are printed as they come, or with JSON all at the end.
pub struct Report {
    is_json: bool,
    lines: Vec<Line>,
}

// === impl State ===

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Warning => "warning",
        }
    }
}

// === impl Line ===

impl Line {
    pub fn ok(what: impl Into<String>) -> Self {
        Self::new(State::Ok, what, "")
    }

    pub fn missing(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(State::Missing, what, fix)
    }

    pub fn warning(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(State::Warning, what, fix)
    }

    pub fn new(state: State, what: impl Into<String>, fix: impl Into<String>) -> Self {
        let one_line = |text: String| text.replace(['\n', '\r'], " ");
        Self {
            state,
            what: one_line(what.into()),
            fix: one_line(fix.into()),
        }
    }

    fn text(&self) -> String {
        let line = format!("{:<7}  {}  {}", self.state.as_str(), self.what, self.fix);
        line.trim_end().to_owned()
    }

    fn json(&self) -> Value {
        json!({"state": self.state.as_str(), "what": self.what, "fix": self.fix})
    }
}

// === impl Report ===

impl Report {
    pub fn new(is_json: bool) -> Self {
        Self {
            is_json,
            lines: Vec::new(),
        }
    }

    pub fn add(&mut self, line: Line) {
        if !self.is_json {
            println!("{}", line.text());
        }
        self.lines.push(line);
    }

    pub fn extend(&mut self, lines: impl IntoIterator<Item = Line>) {
        for line in lines {
            self.add(line);
        }
    }

    pub fn missing(&self) -> usize {
        self.count(State::Missing)
    }

    /// The counts; with JSON also the lines.
    pub fn finish(&self) {
        let (ok, missing) = (self.count(State::Ok), self.missing());
        let warnings = self.count(State::Warning);
        if !self.is_json {
            println!("{ok} ok, {missing} missing, {warnings} to look at");
            return;
        }
        let lines: Vec<Value> = self.lines.iter().map(Line::json).collect();
        let whole = json!({"ok": ok, "missing": missing, "warnings": warnings, "lines": lines});
        println!("{whole}");
    }

    fn count(&self, state: State) -> usize {
        self.lines.iter().filter(|line| line.state == state).count()
    }
}
