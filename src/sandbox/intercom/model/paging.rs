//! Cursor pages: which part of a sorted list a request sees, and where the next one starts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::sandbox::intercom::model::problem::Problem;

/// Which page is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) per_page: usize,
    /// The last id of the page before, and the number of the page now asked for.
    after: Option<(String, u64)>,
}

/// One page.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) rows: Vec<T>,
    pub(crate) total: usize,
    pub(crate) pages: Value,
}

// === impl Wanted ===

impl Wanted {
    /// Reads `per_page` and `starting_after`; 50 unless told, 150 at most (intercom.md 2.4).
    pub(crate) fn new(per_page: Option<u64>, after: Option<&str>) -> Result<Self, Problem> {
        let per_page = per_page.unwrap_or(50);
        if !(1..=150).contains(&per_page) {
            return Err(Problem::invalid("per_page must be between 1 and 150"));
        }
        let after = after
            .filter(|cursor| !cursor.is_empty())
            .map(read_cursor)
            .transpose()?;
        Ok(Self {
            per_page: usize::try_from(per_page).unwrap_or(50),
            after,
        })
    }

    /// Cuts the page out of the whole sorted list.
    pub(crate) fn cut<T>(&self, rows: Vec<T>, id_of: impl Fn(&T) -> &str) -> Page<T> {
        let total = rows.len();
        let (start, number) = match &self.after {
            None => (0, 1),
            Some((last, number)) => {
                // A row that left the list in the meantime must not end it: ids grow with time.
                let place = rows
                    .iter()
                    .position(|row| id_of(row) == last)
                    .map(|at| at + 1);
                let later = || rows.iter().position(|row| id_of(row) > last.as_str());
                (place.or_else(later).unwrap_or(total), *number)
            }
        };
        let mut rows: Vec<T> = rows.into_iter().skip(start).collect();
        let more = rows.len() > self.per_page;
        rows.truncate(self.per_page);
        let mut pages = json!({
            "type": "pages",
            "page": number,
            "per_page": self.per_page,
            "total_pages": total.div_ceil(self.per_page),
        });
        if let (true, Some(last)) = (more, rows.last()) {
            let cursor = STANDARD.encode(json!([id_of(last), number + 1]).to_string());
            pages["next"] = json!({"page": number + 1, "starting_after": cursor});
        }
        Page { rows, total, pages }
    }
}

fn read_cursor(cursor: &str) -> Result<(String, u64), Problem> {
    let refused = || Problem::new(400, "bad_request", "bad 'starting_after' parameter");
    let bytes = STANDARD.decode(cursor).map_err(|_| refused())?;
    serde_json::from_slice(&bytes).map_err(|_| refused())
}
