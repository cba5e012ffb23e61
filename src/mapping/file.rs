//! The grammar of `mapping.yaml`, as serde reads it. Meaning is checked where it is compiled.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Grows with every change of the file; a bridge activates higher versions only.
    pub version: Spanned<i64>,
    pub people: SectionFile,
    #[serde(default)]
    pub companies: Option<SectionFile>,
    #[serde(default)]
    pub relations: Option<RelationsFile>,
}

/// Which relations between records are carried over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelationsFile {
    #[serde(default)]
    pub contact_company: Option<Spanned<String>>,
}

/// Records of one kind: people, or companies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionFile {
    pub objects: Objects,
    #[serde(rename = "match")]
    pub matching: Spanned<Vec<Spanned<MatchFile>>>,
    #[serde(default)]
    pub ambiguous: Option<Spanned<String>>,
    #[serde(default)]
    pub on_first_link: Option<Spanned<String>>,
    #[serde(default)]
    pub create: Option<Spanned<CreateFile>>,
    pub fields: Vec<Spanned<FieldFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    pub intercom: Spanned<String>,
    /// In the order in which a match is preferred.
    pub salesforce: Spanned<Vec<Spanned<String>>>,
}

/// One match rule; exactly one key is set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchFile {
    /// The Salesforce field that holds `<app_id>:<contact id>`.
    #[serde(default)]
    pub explicit: Option<ExplicitFile>,
    #[serde(default)]
    pub external_id: Option<PairFile>,
    #[serde(default)]
    pub email: Option<PairFile>,
    #[serde(default)]
    pub account_key: Option<PairFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplicitFile {
    pub salesforce: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairFile {
    pub salesforce: Spanned<String>,
    pub intercom: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateFile {
    #[serde(default)]
    pub salesforce_lead: Option<Spanned<CreateLeadFile>>,
    #[serde(default)]
    pub intercom_contact: Option<Spanned<CreateContactFile>>,
    #[serde(default)]
    pub intercom_company: Option<Spanned<CreateCompanyFile>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateContactFile {
    /// The objects whose records may become contacts; all of the section unless given.
    #[serde(default)]
    pub from: Option<Spanned<OneOrMany>>,
    /// A CEL expression over `record`; true creates.
    pub when: Spanned<String>,
    pub role: Spanned<String>,
    /// The Salesforce field whose value becomes the user's external id.
    #[serde(default)]
    pub external_id: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateCompanyFile {
    #[serde(default)]
    pub from: Option<Spanned<OneOrMany>>,
    pub when: Spanned<String>,
    /// `Id`, or the Salesforce field whose value becomes the company id.
    pub company_id: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateLeadFile {
    /// A CEL expression over `contact`; true creates.
    pub when: Spanned<String>,
    /// Intercom paths without which nothing is created.
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,
    /// Constants by API name.
    #[serde(default)]
    pub set: BTreeMap<String, Spanned<String>>,
    /// The Lead field that takes the name of the contact's company.
    #[serde(default)]
    pub company_name: Option<Spanned<String>>,
    /// What stands in required fields while the real value is unknown.
    #[serde(default)]
    pub placeholders: BTreeMap<String, Spanned<String>>,
    /// Whether the org's assignment rules decide the owner of what is created.
    #[serde(default = "yes")]
    pub auto_assign: bool,
}

fn yes() -> bool {
    true
}

/// One mapped field.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldFile {
    /// A path in Intercom's object.
    pub intercom: Spanned<String>,
    /// `Field`, `Object.Field`, or a list of them.
    pub salesforce: Spanned<OneOrMany>,
    #[serde(default)]
    pub meaning: Option<Spanned<String>>,
    #[serde(default)]
    pub owner: Option<Spanned<String>>,
    #[serde(default)]
    pub direction: Option<Spanned<String>>,
    #[serde(default)]
    pub conflict: Option<Spanned<String>>,
    /// For `conflict: restrictive_wins`: the value that is never undone by the other side.
    #[serde(default)]
    pub restrictive: Option<Spanned<bool>>,
    #[serde(default)]
    pub transform: Option<Spanned<String>>,
    /// For `transform: picklist`: Intercom's value to Salesforce's value.
    #[serde(default)]
    pub values: Option<Spanned<BTreeMap<String, String>>>,
    /// For `transform: phone_e164`: the region of numbers written without a country code.
    #[serde(default)]
    pub region: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::One(name) => vec![name],
            Self::Many(names) => names.iter().map(String::as_str).collect(),
        }
    }
}
