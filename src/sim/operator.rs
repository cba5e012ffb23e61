//! An operator who says of two records that they are one customer, or that they are not, and
//! answers what they are asked. They see both systems and their questions as people see them.

use std::collections::BTreeSet;

use crate::domain::journal::ReviewKind;
use crate::domain::view::ReviewItem;
use crate::domain::{Observation, ObservationBody, ObservationId, RecordRef, ReviewAnswer};
use crate::domain::{SourceId, Timestamp, Topic};
use crate::sim::history::Shown;
use crate::sim::mapping::{SALES, SUPPORT};
use crate::sim::pipeline::{bridge, source};
use crate::sim::world::World;

/// With these remainders an operator speaks, beside imports, sweeps and people who flow outward.
const EACH: u64 = 7;
const SPOKEN: [u64; 3] = [1, 3, 5];
const SPEAKS_PERMILLE: usize = 60;
const ANSWERS_PERMILLE: usize = 120;

/// What an operator said of two records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub at: i64,
    pub contact: String,
    pub row: String,
    pub same: bool,
}

/// Whether an operator has a say in a seed, and what they have said.
pub struct Operator {
    speaks: bool,
    pub words: Vec<Word>,
    /// Records of questions to which the answer was that nothing is to be done.
    pub dismissed: BTreeSet<String>,
    said: usize,
}

impl Operator {
    pub fn of(seed: u64) -> Self {
        Self {
            speaks: SPOKEN.contains(&(seed % EACH)),
            words: Vec::new(),
            dismissed: BTreeSet::new(),
            said: 0,
        }
    }
}

impl World {
    /// With some actions the operator says something too.
    pub(super) fn operator_speaks(&mut self) {
        if !self.operator.speaks {
            return;
        }
        if self.chance.permille(ANSWERS_PERMILLE) {
            self.operator_answers();
        }
        if !self.chance.permille(SPEAKS_PERMILLE) {
            return;
        }
        let word = match self.chance.below(10) {
            0..5 => self.pair().map(|pair| (pair, false)),
            5..8 => self.strangers().map(|pair| (pair, true)),
            // What was just said, taken back.
            _ => self.operator.words.last().and_then(|word| {
                let pair = (word.contact.clone(), word.row.clone());
                let crosses = self.remotes.contacts.contains_key(&pair.0)
                    && self.remotes.rows.contains_key(&pair.1);
                crosses.then_some((pair, !word.same))
            }),
        };
        let Some(((contact, row), same)) = word else {
            return;
        };
        let object = self.remotes.rows[&row]["object"].clone();
        let decided = ObservationBody::LinkDecided {
            left: named(&source(SUPPORT), "contact", &contact),
            right: named(&source(SALES), &object, &row),
            same,
            by: "ann".to_owned(),
        };
        self.operator.words.push(Word {
            at: self.now,
            contact,
            row,
            same,
        });
        self.operator_decides(decided);
    }

    /// Records about which a person was asked, and is asked still or wanted nothing done.
    pub(super) fn asked(&self) -> BTreeSet<String> {
        let mut asked = self.pipeline.asked();
        asked.extend(self.operator.dismissed.iter().cloned());
        asked
    }

    fn operator_decides(&mut self, body: ObservationBody) {
        self.operations += 1;
        self.operator.said += 1;
        let decided = Observation {
            id: ObservationId::of_decision(&format!("word {}", self.operator.said)),
            bridge: bridge(),
            received_at: Timestamp(self.now),
            traceparent: None,
            body,
        };
        let after = self.chance.delay(50, 2_000, 50);
        self.tell(after, Topic::Decisions, decided);
    }

    /// One of the open questions gets an answer.
    fn operator_answers(&mut self) {
        let open = self.pipeline.questions();
        if open.is_empty() {
            return;
        }
        let item = self.chance.one_of(&open).clone();
        let answer = match (item.kind, self.chance.below(10)) {
            (ReviewKind::Ambiguous, 0..=4) => self.some_candidate(&item).map(|to| {
                self.note_word(&item.record, &to, true);
                ReviewAnswer::Link { to }
            }),
            (ReviewKind::Ambiguous, 5..=7) => {
                for other in &item.candidates {
                    self.note_word(&item.record, other, false);
                }
                Some(ReviewAnswer::Apart)
            }
            (ReviewKind::Conflict, 0..=7) => self
                .some_candidate(&item)
                .map(|record| ReviewAnswer::Keep { record }),
            (ReviewKind::Conflict | ReviewKind::Shared, _) | (_, 8..) => {
                let records = item.candidates.iter().chain([&item.record]);
                let ids = records.map(|record| record.id.to_string());
                self.operator.dismissed.extend(ids);
                Some(ReviewAnswer::Dismiss)
            }
            _ => Some(ReviewAnswer::Retry),
        };
        if let Some(answer) = answer {
            self.operator_decides(ObservationBody::ReviewAnswered {
                review: item.id,
                answer,
                by: "ann".to_owned(),
            });
        }
    }

    fn some_candidate(&mut self, item: &ReviewItem) -> Option<RecordRef> {
        let candidates = &item.candidates;
        (!candidates.is_empty()).then(|| self.chance.one_of(candidates).clone())
    }

    /// Takes down what an answer says of two records.
    fn note_word(&mut self, one: &RecordRef, other: &RecordRef, same: bool) {
        let (contact, row) = match one.object.as_str() {
            "contact" => (one, other),
            _ => (other, one),
        };
        self.operator.words.push(Word {
            at: self.now,
            contact: contact.id.to_string(),
            row: row.id.to_string(),
            same,
        });
    }

    /// A contact, and the living row that carries its key.
    fn pair(&mut self) -> Option<(String, String)> {
        let carries = |(row, shown): (&String, &Shown)| {
            let key = &shown["Intercom_Contact_ID__c"];
            let contact = self.remotes.contacts.contains_key(key);
            let lives = shown["IsDeleted"] == "false" && shown["IsConverted"] != "true";
            (contact && lives).then(|| (key.clone(), row.clone()))
        };
        let pairs: Vec<_> = self.remotes.rows.iter().filter_map(carries).collect();
        (!pairs.is_empty()).then(|| self.chance.one_of(&pairs).clone())
    }

    fn strangers(&mut self) -> Option<(String, String)> {
        let (contact, (_, row)) = (self.some_contact()?, self.some_row()?);
        Some((contact, row))
    }
}

fn named(source: &SourceId, object: &str, id: &str) -> RecordRef {
    RecordRef::new(source, object, id).expect("both systems give well-formed ids")
}
