//! The workspaces and orgs.

use std::time::Duration;

use crate::config::error::{Place, Problem};
use crate::config::field::Field;
use crate::config::oauth::{Grant, Pubsub};
use crate::config::secret::Secret;
use crate::domain::SourceId;

/// Longest `client=` token that Salesforce keeps whole in `changeOrigin`, by our rule.
const CLIENT_TOKEN_CHARS_MAX: usize = 40;

/// One workspace or one org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub id: SourceId,
    pub kind: SourceKind,
    pub(super) place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    Intercom(Intercom),
    Salesforce(Salesforce),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intercom {
    /// The workspace's code; webhooks name it.
    pub app_id: String,
    /// The key of webhook signatures.
    pub client_secret: Secret,
    pub access_token: Secret,
    /// Without a slash at its end.
    pub base_url: String,
    pub api_version: String,
    /// Whether a write may create the custom attributes that it needs.
    pub create_attributes: bool,
    /// Percent of each request window that is left to the workspace's other apps.
    pub reserve_percent: u32,
    /// How long a new contact may stay unknown to search.
    pub search_lag: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salesforce {
    /// Without a slash at its end.
    pub login_url: String,
    pub client_id: String,
    pub grant: Grant,
    pub api_version: String,
    /// Marks our writes in `Sforce-Call-Options`; one per bridge.
    pub client_token: String,
    pub pubsub: Pubsub,
}

impl Source {
    pub fn intercom(&self) -> Option<&Intercom> {
        match &self.kind {
            SourceKind::Intercom(intercom) => Some(intercom),
            SourceKind::Salesforce(_) => None,
        }
    }

    pub fn salesforce(&self) -> Option<&Salesforce> {
        match &self.kind {
            SourceKind::Salesforce(salesforce) => Some(salesforce),
            SourceKind::Intercom(_) => None,
        }
    }

    pub(super) fn read(id: SourceId, place: Place, field: &Field<'_>) -> Result<Self, Problem> {
        let table = field.table(&["intercom", "salesforce"])?;
        let kind = match (table.get("intercom"), table.get("salesforce")) {
            (Some(field), None) => SourceKind::Intercom(Intercom::read(&field)?),
            (None, Some(field)) => SourceKind::Salesforce(Salesforce::read(&field)?),
            _ => {
                let text = format!("{} needs one of intercom and salesforce", field.path);
                return Err(Problem::new(&place, text));
            }
        };
        Ok(Self { id, kind, place })
    }
}

impl Intercom {
    fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let table = field.table(&[
            "app_id",
            "client_secret",
            "access_token",
            "base_url",
            "api_version",
            "create_attributes",
            "reserve_percent",
            "search_lag_seconds",
        ])?;
        Ok(Self {
            app_id: code(&table.require("app_id")?)?,
            client_secret: table.require("client_secret")?.secret()?,
            access_token: table.require("access_token")?.secret()?,
            base_url: table.or(
                "base_url",
                "https://api.intercom.io".into(),
                Field::base_url,
            )?,
            api_version: table.or("api_version", "2.14".into(), api_version)?,
            create_attributes: table.or("create_attributes", false, Field::truth)?,
            reserve_percent: table.or("reserve_percent", 20, |field| {
                Ok(field.whole_number(1, 90)? as u32)
            })?,
            search_lag: table.or(
                "search_lag_seconds",
                Duration::from_secs(120),
                Field::seconds,
            )?,
        })
    }
}

impl Salesforce {
    fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let table = field.table(&[
            "login_url",
            "client_id",
            "client_secret",
            "oauth",
            "api_version",
            "client_token",
            "pubsub",
        ])?;
        Ok(Self {
            login_url: table.require("login_url")?.base_url()?,
            client_id: table.require("client_id")?.text()?,
            grant: Grant::read(&table)?,
            api_version: table.or("api_version", "66.0".into(), api_version)?,
            client_token: client_token(&table.require("client_token")?)?,
            pubsub: table.or("pubsub", Pubsub::default(), Pubsub::read)?,
        })
    }
}

fn code(field: &Field<'_>) -> Result<String, Problem> {
    let text = field.text()?;
    if text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    {
        return Ok(text);
    }
    Err(field.problem("must be the workspace's code, letters and digits such as abc123"))
}

fn api_version(field: &Field<'_>) -> Result<String, Problem> {
    let text = field.text()?;
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    match text.split_once('.') {
        Some((major, minor)) if digits(major) && digits(minor) => Ok(text),
        _ => Err(field.problem(format!(
            "is \"{text}\"; it must be a version such as \"2.14\""
        ))),
    }
}

fn client_token(field: &Field<'_>) -> Result<String, Problem> {
    let text = field.text()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    if text.len() > CLIENT_TOKEN_CHARS_MAX || !text.chars().all(allowed) {
        return Err(field.problem(format!(
            "must be at most {CLIENT_TOKEN_CHARS_MAX} of A-Z a-z 0-9 _ . / -"
        )));
    }
    Ok(text)
}
