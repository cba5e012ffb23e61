//! The grammar of `mapping.yaml`, as serde reads it. Meaning is checked where it is compiled.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// The whole file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Grows with every change of the file; a bridge activates higher versions only.
    #[schemars(with = "i64", range(min = 1))]
    pub version: Spanned<i64>,
    /// Contacts of Intercom, Contacts and Leads of Salesforce.
    pub people: SectionFile,
    /// Companies of Intercom, Accounts of Salesforce.
    pub companies: Option<SectionFile>,
    /// Which relations between records are carried over.
    pub relations: Option<RelationsFile>,
    /// Whose records are written while everybody else's are only looked at.
    #[schemars(with = "Option<PilotFile>")]
    pub pilot: Option<Spanned<PilotFile>>,
}

/// The accounts of a pilot: only they and their people take part.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PilotFile {
    /// Ids of Accounts in Salesforce.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub accounts: Vec<Spanned<String>>,
    /// Companies of Intercom, by their id or their `company_id`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub companies: Vec<Spanned<String>>,
}

/// Which records take part: conditions over one record each; all do where there is none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncludeFile {
    /// A CEL expression over `contact` or `company`.
    #[schemars(with = "Option<String>")]
    pub intercom: Option<Spanned<String>>,
    /// A CEL expression over `record`.
    #[schemars(with = "Option<String>")]
    pub salesforce: Option<Spanned<String>>,
}

/// What no link and no write crosses: a region, a brand, a record type.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeFile {
    /// The path whose value is the scope of a record of Intercom.
    #[schemars(with = "String")]
    pub intercom: Spanned<String>,
    /// The field whose value is the scope of a record of Salesforce, in every object.
    #[schemars(with = "String")]
    pub salesforce: Spanned<String>,
    /// Intercom's value to Salesforce's value; without it they are written alike.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub values: Option<Spanned<BTreeMap<String, String>>>,
    /// The scopes of this bridge, in Intercom's words; all unless given.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub only: Vec<Spanned<String>>,
}

/// Which relations between records are carried over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelationsFile {
    /// Which way a person's company flows: `to_intercom`.
    #[schemars(with = "Option<String>")]
    pub contact_company: Option<Spanned<String>>,
    /// Whether `ParentId` of Accounts is followed to the top of their tree.
    #[schemars(with = "Option<String>", extend("enum" = ["follow", "off"]))]
    pub account_tree: Option<Spanned<String>>,
}

/// Records of one kind: people, or companies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SectionFile {
    /// The objects that belong together.
    pub objects: Objects,
    /// What makes two records one customer, in the order in which it is asked.
    #[serde(rename = "match")]
    #[schemars(with = "Vec<MatchFile>")]
    pub matching: Spanned<Vec<Spanned<MatchFile>>>,
    /// Which records take part; all do unless it is given.
    #[schemars(with = "Option<IncludeFile>")]
    pub include: Option<Spanned<IncludeFile>>,
    /// What no link and no write crosses.
    #[schemars(with = "Option<ScopeFile>")]
    pub scope: Option<Spanned<ScopeFile>>,
    /// What happens where several records match.
    #[schemars(with = "Option<String>", extend("enum" = ["review", "best", "all"]))]
    pub ambiguous: Option<Spanned<String>>,
    /// What keeps one bad identifier from making many records one customer.
    #[schemars(with = "Option<ProtectFile>")]
    pub protect: Option<Spanned<ProtectFile>>,
    /// What happens to values that differ when two existing records are linked.
    #[schemars(
        with = "Option<String>",
        extend("enum" = ["fill_blank", "owner", "review", "report_only"])
    )]
    pub on_first_link: Option<Spanned<String>>,
    /// Which records get a counterpart; without it none does.
    #[schemars(with = "Option<CreateFile>")]
    pub create: Option<Spanned<CreateFile>>,
    /// What flows.
    #[schemars(with = "Vec<FieldFile>")]
    pub fields: Vec<Spanned<FieldFile>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// `contact` or `company`.
    #[schemars(with = "String")]
    pub intercom: Spanned<String>,
    /// In the order in which a match is preferred.
    #[schemars(with = "Vec<String>")]
    pub salesforce: Spanned<Vec<Spanned<String>>>,
}

/// One match rule; exactly one key is set.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
#[serde(deny_unknown_fields)]
pub struct MatchFile {
    /// The Salesforce field that holds `<app_id>:<contact id>`.
    pub explicit: Option<ExplicitFile>,
    /// An id that both systems hold.
    pub external_id: Option<PairFile>,
    /// The e-mail address.
    pub email: Option<EmailFile>,
    /// The telephone number, whatever its form.
    pub phone: Option<PhoneFile>,
    /// The governed key of a company.
    pub account_key: Option<PairFile>,
    /// The domain of a company's web address, unless it is one that many share.
    pub domain: Option<DomainFile>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailFile {
    /// The API name of the field.
    #[schemars(with = "String")]
    pub salesforce: Spanned<String>,
    /// The path in Intercom's object.
    #[schemars(with = "String")]
    pub intercom: Spanned<String>,
    /// What of the part before the `@` does not count: `dots`, `plus_tags`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub ignore: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneFile {
    /// The API name of the field.
    #[schemars(with = "String")]
    pub salesforce: Spanned<String>,
    /// The path in Intercom's object.
    #[schemars(with = "String")]
    pub intercom: Spanned<String>,
    /// The region of numbers written without a country code, by its two letters.
    #[schemars(with = "Option<String>")]
    pub region: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainFile {
    /// The API name of the field.
    #[schemars(with = "String")]
    pub salesforce: Spanned<String>,
    /// The path in Intercom's object.
    #[schemars(with = "String")]
    pub intercom: Spanned<String>,
    /// Whether a match is put before a person, or taken: `propose` unless given.
    #[schemars(with = "Option<String>", extend("enum" = ["propose", "link"]))]
    pub on_match: Option<Spanned<String>>,
}

/// What keeps one bad identifier from making many records one customer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtectFile {
    /// Values that never match, whatever their case; `*` stands for any text.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub blocked: Vec<Spanned<String>>,
    /// An identifier that more records hold than this matches none of them.
    #[schemars(with = "Option<i64>", range(min = 2))]
    pub holders_max: Option<Spanned<i64>>,
    /// A customer that would hold more records than this is put before a person first.
    #[schemars(with = "Option<i64>", range(min = 2))]
    pub records_max: Option<Spanned<i64>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplicitFile {
    /// The API name of the field.
    #[schemars(with = "String")]
    pub salesforce: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairFile {
    /// The API name of the field.
    #[schemars(with = "String")]
    pub salesforce: Spanned<String>,
    /// The path in Intercom's object.
    #[schemars(with = "String")]
    pub intercom: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFile {
    /// When a contact becomes a Lead.
    #[schemars(with = "Option<CreateLeadFile>")]
    pub salesforce_lead: Option<Spanned<CreateLeadFile>>,
    /// When a record of Salesforce becomes a contact.
    #[schemars(with = "Option<CreateContactFile>")]
    pub intercom_contact: Option<Spanned<CreateContactFile>>,
    /// When an Account becomes a company.
    #[schemars(with = "Option<CreateCompanyFile>")]
    pub intercom_company: Option<Spanned<CreateCompanyFile>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateContactFile {
    /// The objects whose records may become contacts; all of the section unless given.
    #[schemars(with = "Option<OneOrMany>")]
    pub from: Option<Spanned<OneOrMany>>,
    /// A CEL expression over `record`; true creates.
    #[schemars(with = "String")]
    pub when: Spanned<String>,
    /// Which kind of contact it becomes.
    #[schemars(with = "String", extend("enum" = ["lead", "user"]))]
    pub role: Spanned<String>,
    /// The Salesforce field whose value becomes the user's external id.
    #[schemars(with = "Option<String>")]
    pub external_id: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCompanyFile {
    /// The objects whose records may become companies; all of the section unless given.
    #[schemars(with = "Option<OneOrMany>")]
    pub from: Option<Spanned<OneOrMany>>,
    /// A CEL expression over `record`; true creates.
    #[schemars(with = "String")]
    pub when: Spanned<String>,
    /// `Id`, or the Salesforce field whose value becomes the company id.
    #[schemars(with = "String")]
    pub company_id: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateLeadFile {
    /// A CEL expression over `contact`; true creates.
    #[schemars(with = "String")]
    pub when: Spanned<String>,
    /// Intercom paths without which nothing is created.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub needs: Vec<Spanned<String>>,
    /// Constants by API name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub set: BTreeMap<String, Spanned<String>>,
    /// The Lead field that takes the name of the contact's company.
    #[schemars(with = "Option<String>")]
    pub company_name: Option<Spanned<String>>,
    /// What stands in required fields while the real value is unknown.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub placeholders: BTreeMap<String, Spanned<String>>,
    /// Whether the org's assignment rules decide the owner of what is created.
    #[serde(default = "yes")]
    pub auto_assign: bool,
}

fn yes() -> bool {
    true
}

/// One mapped field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldFile {
    /// A path in Intercom's object; several for `concat`.
    #[schemars(with = "OneOrMany")]
    pub intercom: Spanned<OneOrMany>,
    /// `Field`, `Object.Field`, or a list of them.
    #[schemars(with = "OneOrMany")]
    pub salesforce: Spanned<OneOrMany>,
    /// What the field says, in a person's words.
    #[schemars(with = "String", required)]
    pub meaning: Option<Spanned<String>>,
    /// Teams and processes that use the field: routing, forecast, onboarding.
    #[schemars(with = "Option<Vec<String>>")]
    pub used_by: Option<Spanned<Vec<String>>>,
    /// Whose value counts where nothing else decides.
    #[schemars(with = "String", required, extend("enum" = ["intercom", "salesforce"]))]
    pub owner: Option<Spanned<String>>,
    /// Which way the field flows.
    #[schemars(
        with = "String",
        required,
        extend("enum" = ["to_salesforce", "to_intercom", "both"])
    )]
    pub direction: Option<Spanned<String>>,
    /// For `direction: both`: what counts where both sides changed the field.
    #[schemars(
        with = "Option<String>",
        extend("enum" = ["owner_wins", "newest_wins", "restrictive_wins", "review", "merge"])
    )]
    pub conflict: Option<Spanned<String>>,
    /// For `conflict: restrictive_wins`: the value that is never undone by the other side.
    #[schemars(with = "Option<bool>")]
    pub restrictive: Option<Spanned<bool>>,
    /// What becomes of a value on its way.
    #[schemars(
        with = "Option<String>",
        extend("enum" = [
            "split_name", "phone_e164", "picklist", "date", "date_time", "number", "bands", "set",
            "country", "html_to_text", "concat", "constant", "owner"
        ])
    )]
    pub transform: Option<Spanned<String>>,
    /// For `transform: picklist` and `set`: Intercom's value to Salesforce's value.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub values: Option<Spanned<BTreeMap<String, String>>>,
    /// For `transform: picklist` and `set`: what becomes of a value that `values` does not name.
    #[schemars(with = "Option<String>", extend("enum" = ["pass", "refuse"]))]
    pub unknown: Option<Spanned<String>>,
    /// For `transform: set`: what stands between values in Intercom. For `concat`: what stands
    /// between the parts.
    #[schemars(with = "Option<String>")]
    pub separator: Option<Spanned<String>>,
    /// For `transform: country`: how each system writes countries.
    #[schemars(with = "Option<FormsFile>")]
    pub forms: Option<Spanned<FormsFile>>,
    /// For `transform: html_to_text`: characters after which the text is cut.
    #[schemars(with = "Option<i64>", range(min = 1, max = 131072))]
    pub max_chars: Option<Spanned<i64>>,
    /// For `transform: constant`: what is written wherever the other side has a value.
    #[schemars(with = "Option<String>")]
    pub value: Option<Spanned<String>>,
    /// For `transform: owner`: an admin of Intercom, by id or address, to a user or queue by id.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub users: Option<Spanned<BTreeMap<String, String>>>,
    /// For `transform: owner`: who owns what `users` does not name; else it is left alone.
    #[schemars(with = "Option<FallbackFile>")]
    pub fallback: Option<Spanned<FallbackFile>>,
    /// Whether the field may never be blank: a record is created with it only, and it is never
    /// emptied.
    #[schemars(with = "Option<bool>")]
    pub required: Option<Spanned<bool>>,
    /// For `transform: date`: the time zone in which a day begins, such as `Europe/Berlin`.
    #[schemars(with = "Option<String>")]
    pub time_zone: Option<Spanned<String>>,
    /// For `transform: number`: the sign before a fraction in texts.
    #[schemars(with = "Option<String>", extend("enum" = ["point", "comma"]))]
    pub decimal: Option<Spanned<String>>,
    /// For `transform: bands`: `FROM-TO` or `FROM+`, the lowest first.
    #[schemars(with = "Option<Vec<String>>")]
    pub bands: Option<Spanned<Vec<String>>>,
    /// What a blank does to the other side: `clear` empties the field there, `skip` nothing.
    #[schemars(with = "Option<String>", extend("enum" = ["clear", "skip"]))]
    pub blank: Option<Spanned<String>>,
    /// Texts that stand for nothing in either system, beside those under `create`.
    #[schemars(with = "Option<Vec<String>>")]
    pub placeholders: Option<Spanned<Vec<String>>>,
    /// What is written where nothing is decided, in the form of the system it flows to.
    #[schemars(with = "Option<String>")]
    pub default: Option<Spanned<String>>,
    /// For `transform: phone_e164`: the region of numbers written without a country code.
    #[schemars(with = "Option<String>")]
    pub region: Option<Spanned<String>>,
}

impl FieldFile {
    /// The path in Intercom; several as one text.
    pub fn path(&self) -> String {
        self.intercom.value.names().join(" + ")
    }
}

/// Who owns what an owner owns whom the table does not name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FallbackFile {
    /// An admin, by id or address.
    #[schemars(with = "Option<String>")]
    pub intercom: Option<Spanned<String>>,
    /// A user or queue, by id.
    #[schemars(with = "Option<String>")]
    pub salesforce: Option<Spanned<String>>,
}

/// How each system writes a country.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormsFile {
    /// `name` unless given.
    #[schemars(with = "Option<String>", extend("enum" = ["alpha_2", "alpha_3", "name"]))]
    pub intercom: Option<Spanned<String>>,
    /// `name` unless given.
    #[schemars(with = "Option<String>", extend("enum" = ["alpha_2", "alpha_3", "name"]))]
    pub salesforce: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
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
