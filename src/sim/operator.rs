//! An operator who says of two records that they are one customer, or that they are not. They see
//! both systems as people see them and nothing of the product.

use crate::domain::{Observation, SourceId};
use crate::domain::{ObservationBody, ObservationId, RecordRef, Timestamp, Topic};
use crate::sim::history::Shown;
use crate::sim::mapping::{SALES, SUPPORT};
use crate::sim::pipeline::{bridge, source};
use crate::sim::world::World;

/// With these remainders an operator speaks, beside imports, sweeps and people who flow outward.
const EACH: u64 = 7;
const SPOKEN: [u64; 3] = [1, 3, 5];
const SPEAKS_PERMILLE: usize = 60;

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
}

impl Operator {
    pub fn of(seed: u64) -> Self {
        Self {
            speaks: SPOKEN.contains(&(seed % EACH)),
            words: Vec::new(),
        }
    }
}

impl World {
    /// With some actions the operator says something too.
    pub(super) fn operator_speaks(&mut self) {
        if !self.operator.speaks || !self.chance.permille(SPEAKS_PERMILLE) {
            return;
        }
        let word = match self.chance.below(10) {
            0..5 => self.pair().map(|pair| (pair, false)),
            5..8 => self.strangers().map(|pair| (pair, true)),
            // What was just said, taken back.
            _ => self.operator.words.last().map(|word| {
                let pair = (word.contact.clone(), word.row.clone());
                (pair, !word.same)
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
        let word = Word {
            at: self.now,
            contact,
            row,
            same,
        };
        self.operator.words.push(word);
        self.operations += 1;
        let number = self.operator.words.len();
        let decided = Observation {
            id: ObservationId::of_decision(&format!("word {number}")),
            bridge: bridge(),
            received_at: Timestamp(self.now),
            traceparent: None,
            body: decided,
        };
        let after = self.chance.delay(50, 2_000, 50);
        self.tell(after, Topic::Decisions, decided);
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
