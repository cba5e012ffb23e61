//! One mapped field, compiled.

use crate::domain::Value;
use crate::mapping::transform::Transform;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    Intercom,
    Salesforce,
}

/// Which fields of which systems mean the same, and how they flow. This version flows one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMap {
    /// Intercom's path; also the field's name in decisions.
    pub intercom: String,
    /// API names, all in the same objects.
    pub salesforce: Vec<String>,
    /// The objects that have them; empty for all objects of the section.
    pub objects: Vec<String>,
    pub meaning: String,
    pub owner: System,
    pub transform: Transform,
}

impl FieldMap {
    pub fn applies_to(&self, object: &str) -> bool {
        self.objects.is_empty() || self.objects.iter().any(|known| known == object)
    }

    /// What the Salesforce fields should hold for a decided value.
    pub fn to_salesforce(&self, decided: &Value) -> Vec<(&str, Value)> {
        let values = self.transform.to_salesforce(decided, self.salesforce.len());
        self.salesforce
            .iter()
            .map(String::as_str)
            .zip(values)
            .collect()
    }
}
