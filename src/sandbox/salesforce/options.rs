//! What a simulated Salesforce can be told: its options, and a switch per fact that is not
//! settled.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sandbox::error::Error;
use crate::sandbox::switches;
use crate::sandbox::tls::Tls;

/// What the default entitlement is used for (salesforce.md 0.10).
const SELECTED: [&str; 5] = ["Account", "Contact", "Lead", "Opportunity", "Case"];

/// How a simulated org is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the Pub/Sub API listens; port 0 takes a free one.
    pub pubsub_listen: SocketAddr,
    /// Serves https with this certificate on both ports; http without.
    pub tls: Option<Tls>,
    /// The consumer key that gets tokens.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// The org's id, 18 characters.
    pub org_id: String,
    /// The user the integration runs as, 18 characters.
    pub user_id: String,
    /// Whether the control API answers.
    pub control: bool,
    /// Requests allowed in a rolling day (salesforce.md 3.8).
    pub api_daily_max: u64,
    /// How long an unused token lives (2 h, salesforce.md 4).
    pub session_idle: Duration,
    /// The public key (PEM) that JWT bearer assertions are checked with; without it none is
    /// accepted (salesforce.md 4).
    pub jwt_public_key: Option<String>,
    /// The entities with change events; five unless the org has paid (salesforce.md 0.10).
    pub selected_entities: Vec<String>,
    /// How long after the last response an empty one comes (60 s, salesforce.md 1.4).
    pub keepalive: Duration,
    /// How long a stream may be without outstanding events (60 s, salesforce.md 1.4).
    pub credit_wait: Duration,
    /// How long events are kept (72 h, salesforce.md 1.5).
    pub event_retention: Duration,
    /// Events delivered in a rolling day, over all subscribers (salesforce.md 2.8).
    pub delivered_daily_max: u64,
    /// The facts that are not settled.
    pub switches: Switches,
}

/// What a single-row upsert answers when it updated; 200 or 204, as a number or a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "u16")]
pub enum UpsertUpdateStatus {
    /// 200 with `created: false`.
    Ok,
    /// 204 without a body.
    NoContent,
}

/// Facts that no source settles; each can be set by name through the control API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// 200 since version 46 as recalled, 204 in old documentation, salesforce.md 3.1.
    pub upsert_update_status: UpsertUpdateStatus,
    /// An active assignment rule for leads, run on create and update unless the header says
    /// FALSE: documented behaviour, but an org may have no rule, salesforce.md 3.7.
    pub lead_assignment_rule: bool,
    /// Converting a lead copies custom fields of the same name to the contact: an org's own
    /// setup, salesforce.md 5 (a).
    pub conversion_copies_custom_fields: bool,
    /// `Sforce-Call-Options` becomes part of the change origin: documented for single rows,
    /// salesforce.md 2.7 and 8.
    pub call_options_honoured: bool,
    /// `Sforce-Call-Options` also counts on sObject Collections, where the documentation does
    /// not list it, salesforce.md 2.7 and 8.
    pub call_options_honoured_on_collections: bool,
    /// What an automation changes in the same transaction is part of the write and of its
    /// change origin; else it is a change of its own without an origin, salesforce.md 0.12 and 8.
    pub automation_inherits_origin: bool,
    /// Rows of one request with the same external id are all refused, else all but the first:
    /// recalled, salesforce.md 3.2.
    pub duplicate_key_refuses_all_rows: bool,
    /// Converting into an existing account or contact fills their empty fields from the lead:
    /// "yields UPDATEs" is inferred, salesforce.md 2.6.
    pub conversion_fills_blanks: bool,
    /// The user of a JWT bearer assertion has approved the consumer: an org's own setup,
    /// salesforce.md 4.
    pub jwt_user_approved: bool,
    /// An upsert with `updateOnly=true` and an unknown key is 404, as recalled; else 400,
    /// salesforce.md 3.1.
    pub update_only_unknown_is_404: bool,
    /// One update comes as two events, the standard fields and the custom ones: observed at
    /// API 56 and 58, salesforce.md 0.5.
    pub split_transactions: bool,
    /// The same change of several records in one transaction is one event, salesforce.md 2.6.
    pub merged_events: bool,
    /// Long texts come as diffs where the vendor would, salesforce.md 2.4.
    pub diff_fields: bool,
    /// A change of children of compounds alone lists no LastModifiedDate, so that there is no
    /// top-level bitmap: observed of background writes, salesforce.md 0.6.
    pub nested_only_bitmaps: bool,
    /// Replay ids of 8 bytes, as captured in 2022; else 10, salesforce.md 0.9.
    pub short_replay_ids: bool,
    /// A token endpoint answer carries `expires_in`: it does not, salesforce.md 4.
    pub token_has_expires_in: bool,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            pubsub_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            client_id: "sandbox-client-id".to_owned(),
            client_secret: "sandbox-client-secret".to_owned(),
            org_id: "00D5g00000SandbEAB".to_owned(),
            user_id: "0055g00000CrossAAB".to_owned(),
            control: false,
            api_daily_max: 100_000,
            session_idle: Duration::from_secs(2 * 60 * 60),
            jwt_public_key: None,
            selected_entities: SELECTED.map(str::to_owned).to_vec(),
            keepalive: Duration::from_secs(60),
            credit_wait: Duration::from_secs(60),
            event_retention: Duration::from_secs(72 * 60 * 60),
            delivered_daily_max: 125_000,
            switches: Switches::default(),
        }
    }
}

// === impl Switches ===

impl Switches {
    /// These switches with changes by name laid over them.
    pub fn with(&self, changes: &Value) -> Result<Self, Error> {
        switches::overlaid(self, changes).map_err(Error::Refused)
    }
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            upsert_update_status: UpsertUpdateStatus::Ok,
            lead_assignment_rule: true,
            conversion_copies_custom_fields: false,
            call_options_honoured: true,
            call_options_honoured_on_collections: true,
            automation_inherits_origin: true,
            duplicate_key_refuses_all_rows: true,
            conversion_fills_blanks: true,
            jwt_user_approved: true,
            update_only_unknown_is_404: true,
            split_transactions: false,
            merged_events: true,
            diff_fields: false,
            nested_only_bitmaps: false,
            short_replay_ids: false,
            token_has_expires_in: false,
        }
    }
}

// === impl UpsertUpdateStatus ===

impl TryFrom<Value> for UpsertUpdateStatus {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value.to_string().trim_matches('"') {
            "200" => Ok(Self::Ok),
            "204" => Ok(Self::NoContent),
            other => Err(format!("{other} is neither 200 nor 204")),
        }
    }
}

impl From<UpsertUpdateStatus> for u16 {
    fn from(status: UpsertUpdateStatus) -> Self {
        match status {
            UpsertUpdateStatus::Ok => 200,
            UpsertUpdateStatus::NoContent => 204,
        }
    }
}
