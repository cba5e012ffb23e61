//! One mapped field, compiled.

use std::collections::BTreeSet;

use smallvec::{SmallVec, smallvec};

use crate::domain::{Name, Shows, Value};
use crate::mapping::transform::{Refusal, Transform, Written};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    Intercom,
    Salesforce,
}

/// Which way a field flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    ToSalesforce,
    ToIntercom,
    Both,
}

/// What counts where both sides changed a field, neither knowing of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The owner's value.
    OwnerWins,
    /// The later one by the clocks of the sources; where they overlap, the owner's.
    NewestWins,
    /// The stricter one: an opt-out is never undone by the other side.
    RestrictiveWins,
    /// A person decides.
    Review,
    /// Both, value by value: for sets.
    Merge,
}

/// What is done where several records match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ambiguous {
    /// A person decides.
    #[default]
    Review,
    /// The one with the lowest id, which mostly is the oldest.
    Best,
    /// All of them are the customer.
    All,
}

/// What happens to values that differ when two existing records are linked for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFirstLink {
    /// Blanks are filled, values stay.
    #[default]
    FillBlank,
    /// The owner's value goes to the other side, where it has one.
    Owner,
    /// Values that differ are put before a person; blanks are filled.
    Review,
    /// Nothing is written until the record changes.
    ReportOnly,
}

/// Which fields of which systems mean the same, and how they flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMap {
    /// The field's name in decisions: Intercom's path, mostly.
    pub intercom: Name,
    /// Intercom's paths: one, or those that are joined.
    pub paths: Vec<Name>,
    /// Names, all in the same objects. `Id`, `attributes.type` and `Owner.…` can be read only.
    pub salesforce: Vec<Name>,
    /// The objects that have them; empty for all objects of the section.
    pub objects: Vec<String>,
    pub meaning: String,
    /// Who uses it, in the words of the file; empty where it does not say.
    pub used_by: Vec<String>,
    pub owner: System,
    pub direction: Direction,
    pub conflict: Conflict,
    /// For `RestrictiveWins`: the stricter of true and false.
    pub restrictive: bool,
    pub transform: Transform,
    pub blank: Blank,
    /// Texts that stand for nothing, in either system: they say no more than a blank.
    pub stand_ins: BTreeSet<String>,
    /// Whether it may never be blank: nothing is created without it, and it is never emptied.
    pub required: bool,
    /// What is written where nothing is decided, in the form of the system it flows to.
    pub default: Option<Value>,
}

/// What a blank does to the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blank {
    /// It empties the field there, too.
    #[default]
    Clear,
    /// Nothing: what stands there stays.
    Skip,
}

impl System {
    pub fn other(self) -> Self {
        match self {
            Self::Intercom => Self::Salesforce,
            Self::Salesforce => Self::Intercom,
        }
    }
}

impl Direction {
    /// The name in the mapping file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToSalesforce => "to_salesforce",
            Self::ToIntercom => "to_intercom",
            Self::Both => "both",
        }
    }
}

impl Conflict {
    /// The name in the mapping file, in the journal and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnerWins => "owner_wins",
            Self::NewestWins => "newest_wins",
            Self::RestrictiveWins => "restrictive_wins",
            Self::Review => "review",
            Self::Merge => "merge",
        }
    }
}

impl FieldMap {
    pub fn applies_to(&self, object: &str) -> bool {
        self.objects.is_empty() || self.objects.iter().any(|known| known == object)
    }

    /// Whether a change in a system is a decision about the field.
    pub fn flows_from(&self, system: System) -> bool {
        self.flows_to(system.other())
    }

    /// Whether the field is written to a system.
    pub fn flows_to(&self, system: System) -> bool {
        match self.direction {
            Direction::Both => true,
            Direction::ToSalesforce => system == System::Salesforce,
            Direction::ToIntercom => system == System::Intercom,
        }
    }

    /// Its path, where a value can be written to it.
    pub fn path(&self) -> Option<&Name> {
        let one = (self.paths.len() == 1).then(|| self.paths.first());
        one.flatten().filter(|path| **path == self.intercom)
    }

    /// The names of the field in records of a system.
    pub fn names_in(&self, system: System) -> &[Name] {
        match system {
            System::Intercom => &self.paths,
            System::Salesforce => &self.salesforce,
        }
    }

    /// What the fields of a record should hold for a decided value; nothing where it has no form
    /// there, or a blank says nothing.
    pub fn desired_in(
        &self,
        system: System,
        decided: &Value,
    ) -> impl Iterator<Item = (&Name, Value)> {
        let names = self.names_in(system);
        let values = self.written_in(system, decided).unwrap_or_default();
        names.iter().zip(values)
    }

    /// Why a decided value is not written to a system, if the transform refuses it.
    pub fn refusal(&self, system: System, decided: &Value) -> Option<Refusal> {
        self.written_in(system, decided).err()
    }

    fn written_in(&self, system: System, decided: &Value) -> Result<Written, Refusal> {
        if decided.is_blank() {
            if let Some(default) = &self.default {
                return Ok(smallvec![default.clone()]);
            }
            if self.required {
                return Err(Refusal("is_required"));
            }
            if self.blank == Blank::Skip {
                return Ok(Written::new());
            }
        }
        match system {
            System::Intercom => Ok(smallvec![self.transform.to_intercom(decided)?]),
            System::Salesforce => {
                let fields = self.salesforce.len();
                self.transform.to_salesforce(decided, fields)
            }
        }
    }

    /// The decided form of what a record holds; what it does not show counts as blank, and so does
    /// a stand-in.
    pub fn decided_from(&self, system: System, record: &impl Shows) -> Value {
        let shown = |name: &Name| {
            let shown = record.shown(name).filter(|value| !self.stands_in(value));
            shown.unwrap_or(&Value::Null)
        };
        match system {
            System::Intercom => {
                let values: SmallVec<[&Value; 2]> = self.paths.iter().map(shown).collect();
                self.transform.decided_from_intercom(&values)
            }
            System::Salesforce => {
                let values: SmallVec<[&Value; 2]> = self.salesforce.iter().map(shown).collect();
                self.transform.decided_from_salesforce(&values)
            }
        }
    }

    /// Whether nothing can be created in a system of what a record shows, for want of this field.
    pub fn is_missing_for(&self, system: System, record: &impl Shows) -> bool {
        let decided = self.decided_from(system.other(), record);
        self.required && self.flows_to(system) && self.refusal(system, &decided).is_some()
    }

    /// Whether a value only stands for one that nobody knows.
    pub fn stands_in(&self, value: &Value) -> bool {
        let is_one = |text: &str| {
            self.stand_ins
                .iter()
                .any(|one| one.eq_ignore_ascii_case(text))
        };
        value.as_text().is_some_and(|text| is_one(text.trim()))
    }

    /// Whether a record already says what is decided, in its own way of writing it: "Ada King
    /// Lovelace" may be cut in two places.
    pub fn says(&self, system: System, record: &impl Shows, decided: &Value) -> bool {
        self.decided_from(system, record) == *decided
    }

    /// The stricter of two decided values, for `Conflict::RestrictiveWins`; none if they are
    /// equally strict. Blank is false: that is what a checkbox nobody touched holds.
    pub fn stricter<'a>(&self, a: &'a Value, b: &'a Value) -> Option<&'a Value> {
        match (self.is_restrictive(a), self.is_restrictive(b)) {
            (true, false) => Some(a),
            (false, true) => Some(b),
            _ => None,
        }
    }

    fn is_restrictive(&self, value: &Value) -> bool {
        truth(value) == Some(self.restrictive)
    }

    /// Whether it holds several values, whose order says nothing.
    pub fn is_set(&self) -> bool {
        matches!(self.transform, Transform::Set(_))
    }

    /// Whether two values of one of its fields mean the same: the remote's own form of what was
    /// sent.
    pub fn equivalent(&self, sent: &Value, stored: &Value) -> bool {
        self.transform.equivalent(sent, stored)
    }
}

/// A boolean in any of the forms in which the systems hold one.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(bool) => Some(*bool),
        Value::Int(int @ (0 | 1)) => Some(*int == 1),
        Value::Text(text) => text.trim().to_ascii_lowercase().parse().ok(),
        Value::Int(_) | Value::Float(_) => None,
    }
}
