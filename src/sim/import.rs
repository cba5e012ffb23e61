//! An import in the middle of a history: rows that were read at one time and come at another, and
//! a run that is cut off and begun anew.

use serde_json::Value as Json;

use crate::clients::intercom::contact_snapshot;
use crate::clients::percent;
use crate::clients::salesforce::row;
use crate::domain::{Change, Observation, ObservationBody, ObservationId, RawPayload, Timestamp};
use crate::domain::{RecordSnapshot, SourceId, Topic};
use crate::feeds::pages::{Object, Window};
use crate::sim::mapping::{SALES, SUPPORT, compiled};
use crate::sim::pipeline::{bridge, source};
use crate::sim::world::World;

/// Each so many seeds, an import runs.
const EACH: u64 = 3;
const SALESFORCE: [&str; 2] = ["Contact", "Lead"];

/// How far it is.
pub struct Import {
    run: u64,
    phase: usize,
    /// When the last row comes: the end stands behind it.
    last: i64,
    is_over: bool,
}

impl Import {
    pub fn of(seed: u64) -> Self {
        Self {
            run: 1,
            phase: 0,
            last: 0,
            is_over: !seed.is_multiple_of(EACH),
        }
    }
}

impl World {
    /// With some actions another page is read, from some time in the history on.
    pub(super) fn import_goes_on(&mut self) {
        if self.import.is_over {
            return;
        }
        let rests = if self.import.phase == 0 { 960 } else { 600 };
        if !self.chance.permille(rests) {
            self.import_page();
            self.was_read();
        }
    }

    /// What was begun comes to its end, as a run that is resumed does: until then its rows ask for
    /// nothing.
    pub(super) fn import_is_finished(&mut self) {
        let began = |import: &Import| import.phase > 0 || import.run > 1;
        while began(&self.import) && !self.import.is_over {
            self.import_page();
        }
    }

    fn import_page(&mut self) {
        let rows = match self.import.phase {
            0 | 1 => self.rows_of(SALESFORCE[self.import.phase], None),
            2 => self.contacts_listed(),
            _ => {
                self.import_ends();
                return;
            }
        };
        let (run, topic) = (self.import.run, topic_of(self.import.phase));
        for row in rows {
            let id = ObservationId::of_imported_row(&row.record, run);
            let source = row.record.source.clone();
            let change = Change::Imported { run, row };
            let after = self.chance.delay(2_000, 60_000, 100);
            self.import.last = self.import.last.max(self.now + after);
            self.tell(after, topic, observation(id, source, change, self.now));
        }
        self.import.phase += 1;
        if self.import.phase == 2 && self.import.run == 1 && self.chance.permille(200) {
            self.import.run = 2;
            self.import.phase = 0;
        }
    }

    fn import_ends(&mut self) {
        self.import.is_over = true;
        let run = self.import.run;
        for (name, topic) in [
            (SALES, Topic::SalesforceObserved),
            (SUPPORT, Topic::IntercomObserved),
        ] {
            let id = ObservationId::of_import(&source(name), run, "ended");
            let (of, rows) = (2, 0);
            let change = Change::ImportEnded { run, of, rows };
            let after = (self.import.last - self.now).max(0) + self.chance.between(1, 500);
            self.tell(
                after,
                topic,
                observation(id, source(name), change, self.now),
            );
        }
    }

    pub(super) fn rows_of(&mut self, object: &str, window: Option<Window>) -> Vec<RecordSnapshot> {
        let compiled = compiled(self.outward);
        let asked = Object {
            name: object.to_owned(),
            fields: compiled.people.salesforce_fields(object),
        };
        let soql = percent::encode(&asked.soql(None, window));
        let rows = self.asked_of_the_org(&format!("query?q={soql}"));
        let read = |row| row::snapshot(&source(SALES), object, row, &asked.fields);
        rows.iter()
            .map(|row| read(row).expect("a row can be read"))
            .collect()
    }

    /// The rows that a query finds; a history has fewer than a page.
    pub(super) fn asked_of_the_org(&mut self, query: &str) -> Vec<Json> {
        let login: Json = serde_json::from_slice(&self.remotes.login).expect("a login is JSON");
        let token = format!(
            "Bearer {}",
            login["access_token"].as_str().unwrap_or_default()
        );
        let target = format!("/services/data/v66.0/{query}");
        let call = ("GET", target.as_str());
        let headers = [("authorization", token.as_str())];
        let org = &mut self.remotes.salesforce;
        let answer = org.request(call, &headers, Vec::new(), self.now);
        let mut page: Json = serde_json::from_slice(&answer.body).expect("a page is JSON");
        match page["records"].take() {
            Json::Array(rows) => rows,
            _ => panic!("a query is answered with rows: {page}"),
        }
    }

    pub(super) fn contacts_listed(&mut self) -> Vec<RecordSnapshot> {
        let headers = [
            ("authorization", "Bearer sandbox-access-token"),
            ("intercom-version", "2.14"),
        ];
        let call = ("GET", "/contacts?per_page=150");
        let workspace = &mut self.remotes.intercom;
        let answer = workspace.request(call, &headers, Vec::new(), self.now);
        let page: Json = serde_json::from_slice(&answer.body).expect("a page is JSON");
        let rows = page["data"]
            .as_array()
            .expect("a list is answered with rows");
        let read = |row| contact_snapshot(&source(SUPPORT), row);
        rows.iter()
            .map(|row| read(row).expect("a row can be read"))
            .collect()
    }
}

fn topic_of(phase: usize) -> Topic {
    match phase {
        0 | 1 => Topic::SalesforceObserved,
        _ => Topic::IntercomObserved,
    }
}

pub(super) fn observation(
    id: ObservationId,
    source: SourceId,
    change: Change,
    now: i64,
) -> Observation {
    Observation {
        id,
        bridge: bridge(),
        received_at: Timestamp(now),
        traceparent: None,
        body: ObservationBody::Changed {
            source,
            topic: "import".into(),
            change,
            raw: RawPayload {
                content_type: "application/json".into(),
                bytes: b"{}".to_vec(),
            },
        },
    }
}
