//! Webhooks that never come, change events that fall into a gap, and the sweeps that find what they
//! would have told.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::clients::percent;
use crate::clients::salesforce::row;
use crate::domain::{
    Change, EventKind, Observation, ObservationBody, ObservationId, Timestamp, Topic,
};
use crate::feeds::pages::{Object, Window};
use crate::sim::import::observation;
use crate::sim::mapping::SALES;
use crate::sim::pipeline::source;
use crate::sim::world::World;

/// Each so many seeds, news are lost.
const EACH: u64 = 4;
/// Of what people change in Intercom, and of the reads of the feed.
const LOST_PERMILLE: usize = 120;
const GAPS_PERMILLE: usize = 60;
const INTERVAL_MS: i64 = 15 * 60_000;
const OVERLAP_MS: i64 = 60_000;
const OBJECTS: [&str; 2] = ["Contact", "Lead"];
/// What no list of live contacts shows: it is known when a write or read finds nothing.
const NEVER_LOST: [&str; 3] = ["contact.deleted", "contact.archived", "contact.merged"];

/// How far it is.
pub struct Sweep {
    pub loses: bool,
    since: i64,
    /// What was lost is looked for once more when all is quiet.
    pub is_final_due: bool,
    /// Records whose creation fell into a gap.
    pub unborn: BTreeSet<String>,
}

impl Sweep {
    pub fn of(seed: u64, now: i64) -> Self {
        let loses = seed % EACH == 1;
        Self {
            loses,
            since: now,
            is_final_due: loses,
            unborn: BTreeSet::new(),
        }
    }
}

impl World {
    /// Whether a notification of what somebody changed never comes.
    pub(super) fn is_lost(&mut self, told: &Observation) -> bool {
        let ObservationBody::Changed { topic, .. } = &told.body else {
            return false;
        };
        let lost = self.faults
            && self.sweep.loses
            && !NEVER_LOST.contains(&topic.as_str())
            && self.chance.permille(LOST_PERMILLE);
        if lost {
            self.tally.count("notification lost", true);
        }
        lost
    }

    /// Takes down what falls into a gap.
    pub(super) fn falls(&mut self, told: &[Observation]) {
        for observation in told {
            if let ObservationBody::Changed { change, .. } = &observation.body
                && let Change::Event(event) = change
                && event.kind == EventKind::Created
            {
                self.sweep.unborn.insert(event.record.id.to_string());
            }
        }
    }

    /// Whether what the feed has to tell now falls into a gap.
    pub(super) fn is_gap(&mut self) -> bool {
        self.faults && self.sweep.loses && self.chance.permille(GAPS_PERMILLE)
    }

    /// Reads what was saved since the last sweep, if it is time for it.
    pub(super) fn sweep_goes_on(&mut self) {
        if self.sweep.loses && self.now - self.sweep.since > INTERVAL_MS {
            self.sweeps();
            self.was_read();
        }
    }

    /// Reads what was saved since the last sweep. The rows come some time later, and behind each
    /// other.
    pub(super) fn sweeps(&mut self) {
        let window = Window {
            since: Timestamp(self.sweep.since - OVERLAP_MS),
            until: Timestamp(self.now),
        };
        self.sweep.since = self.now;
        let mut told = Vec::new();
        for object in OBJECTS {
            for row in self.rows_of(object, Some(window)) {
                told.push((Topic::SalesforceObserved, swept(Change::Swept(row))));
            }
            let gone = self.gone_of(object, window);
            told.extend(gone.map(|change| (Topic::SalesforceObserved, swept(change))));
        }
        let listed = self.contacts_listed().into_iter();
        let listed = listed.filter(|row| row.version.to_ms >= window.since.0);
        let rows: Vec<_> = listed.collect();
        for row in rows {
            told.push((Topic::IntercomObserved, swept(Change::Swept(row))));
        }
        for (topic, (id, of, change)) in told {
            let after = self.chance.delay(2_000, 60_000, 100);
            let observed = observation(id, of, change, self.now);
            self.tell(after, topic, observed);
        }
    }

    fn gone_of(&mut self, object: &str, window: Window) -> impl Iterator<Item = Change> + use<> {
        let asked = Object {
            name: object.to_owned(),
            fields: Vec::new(),
        };
        let soql = percent::encode(&asked.soql_of_gone(None, window));
        let page = self.asked_of_the_org(&format!("queryAll?q={soql}"));
        let read = |row: &Json| {
            let row = row::snapshot(&source(SALES), &asked.name, row, &[]);
            let row = row.expect("a row can be read");
            Change::SweptGone {
                record: row.record,
                at: row.version,
            }
        };
        let gone: Vec<Change> = page.iter().map(read).collect();
        gone.into_iter()
    }
}

fn swept(change: Change) -> (ObservationId, crate::domain::SourceId, Change) {
    let (id, record) = match &change {
        Change::Swept(row) => (ObservationId::of_swept_row(row), &row.record),
        Change::SweptGone { record, at } => {
            let id = ObservationId::of_swept_gone(record, at.from_ms);
            (id, record)
        }
        _ => unreachable!("a sweep shows rows"),
    };
    let source = record.source.clone();
    (id, source, change)
}
