//! What a simulated Intercom can be told: its options, and a switch per fact that is not settled.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sandbox::error::Error;
use crate::sandbox::switches;
use crate::sandbox::tls::Tls;

/// How a simulated workspace is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Serves https with this certificate; http without.
    pub tls: Option<Tls>,
    /// The workspace's code.
    pub app_id: String,
    /// The app's secret, the key of webhook signatures.
    pub client_secret: String,
    /// The token that the REST API accepts.
    pub access_token: String,
    /// Where notifications go; none are sent without it.
    pub webhook_url: Option<String>,
    /// How long after a failed delivery the one retry comes (1 minute, intercom.md 1.6).
    pub webhook_retry_after: Duration,
    /// How long an endpoint may take (5 s, intercom.md 1.6).
    pub webhook_timeout: Duration,
    /// Whether the control API answers.
    pub control: bool,
    /// Requests allowed per window of 10 s (10 000 a minute is 1 667, intercom.md 2.2).
    pub rate_limit_per_10s: u32,
    /// How long a new contact cannot be found by search.
    pub search_lag: Duration,
    /// The workspace's time zone: search truncates dates to its days (intercom.md 2.4).
    pub workspace_utc_offset_minutes: i32,
    /// The facts that are not settled.
    pub switches: Switches,
}

/// How timestamps of contacts and companies look in notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookTimestamps {
    /// ISO-8601 with milliseconds and `+00:00`, as captured.
    Iso,
    /// Unix seconds.
    Unix,
}

/// What reading a merged-away contact answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergedReads {
    /// 404 up to version 2.15, 410 with a Link header from 2.16.
    ByVersion,
    /// Always 404.
    NotFound,
    /// Always 410.
    Gone,
}

/// Facts that no source settles; each can be set by name through the control API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// The retry of a notification has the same id: inferred, intercom.md 1.3 and 7.
    pub retry_keeps_notification_id: bool,
    /// `contact.merged` names the absorbed contact: documented, but absent from a capture of
    /// January 2026, intercom.md 0.7.
    pub merged_from_present: bool,
    /// Timestamps in notifications: captures are ISO, newer versions unknown, intercom.md 7.
    pub webhook_timestamps: WebhookTimestamps,
    /// Reading a merged-away contact: by version, intercom.md 0.7.
    pub merged_reads: MergedReads,
    /// A PUT that changes nothing sends nothing and keeps `updated_at`: `updated_at` recorded,
    /// the notification inferred, intercom.md 0.9 and 7.
    pub noop_put_is_silent: bool,
    /// A new user with the e-mail of another user is a 409: third parties say so, a recording of
    /// 2021 shows two such users, intercom.md 7.
    pub email_conflict_on_create: bool,
    /// A merge also sends `contact.deleted` for the absorbed contact: unverified, intercom.md 3.
    pub merge_sends_deleted: bool,
    /// A tag also sends `contact.*.updated`: "expect several notifications for one change",
    /// intercom.md 1.6.
    pub tag_sends_updated: bool,
    /// Attaching a company also sends `contact.*.updated`: a capture of such an update shows one
    /// company and no other change, intercom.md 1.5.
    pub attach_sends_updated: bool,
    /// Reading an archived contact is a 404: a recording of 2021, intercom.md 2.4.
    pub archived_reads_not_found: bool,
    /// Unarchiving a deleted user is 500 (2 of 3 recordings) and not 400, intercom.md 2.3.
    pub unarchive_deleted_is_500: bool,
    /// `updated_at` of a new contact is 2 ms before `created_at`: captured, intercom.md 1.5.
    pub updated_before_created: bool,
    /// An e-mail is stored in lower case, however it was written: its case is said to vary
    /// between what is sent and what is read, intercom.md 3.
    pub emails_are_lowercased: bool,
    /// Contacts have `formatted_phone`: in one of two generations of payloads, intercom.md 1.5.
    pub formatted_phone_present: bool,
    /// A custom attribute that was cleared is shown as null, not left out: client libraries met it
    /// (intercom/python-intercom 92, intercom/intercom-node 144).
    pub cleared_attributes_stay: bool,
    /// A fraction sent for a whole-number attribute is cut off, as documented for
    /// `monthly_spend`; else it is a 400, intercom.md 2.5.
    pub integers_truncate_floats: bool,
    /// How long a new contact cannot be found by search, instead of the option `search_lag`: "a
    /// few minutes" documented, 120 s waited by a recorded suite, intercom.md 2.4.
    pub search_lag_ms: Option<u64>,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            app_id: "sandbox1".to_owned(),
            client_secret: "sandbox-client-secret".to_owned(),
            access_token: "sandbox-access-token".to_owned(),
            webhook_url: None,
            webhook_retry_after: Duration::from_secs(60),
            webhook_timeout: Duration::from_secs(5),
            control: false,
            rate_limit_per_10s: 1_667,
            search_lag: Duration::ZERO,
            workspace_utc_offset_minutes: 0,
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
            retry_keeps_notification_id: true,
            merged_from_present: true,
            webhook_timestamps: WebhookTimestamps::Iso,
            merged_reads: MergedReads::ByVersion,
            noop_put_is_silent: true,
            email_conflict_on_create: true,
            merge_sends_deleted: false,
            tag_sends_updated: false,
            attach_sends_updated: false,
            archived_reads_not_found: true,
            unarchive_deleted_is_500: true,
            updated_before_created: true,
            emails_are_lowercased: true,
            formatted_phone_present: false,
            cleared_attributes_stay: true,
            integers_truncate_floats: true,
            search_lag_ms: None,
        }
    }
}
