//! Asks an org: who we are, what we may do with each object, what is left of its allocations, and
//! whether its change events can be subscribed to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crosswalk::clients::salesforce::pubsub::{self, Reaction, Start};
use crosswalk::clients::salesforce::{Client, Options};
use crosswalk::clients::transport::Transport;
use crosswalk::clients::{Error, Refusal};
use crosswalk::config::{Config, Grant, Salesforce, Source};
use crosswalk::mapping::Mapping;

use super::fit::Types;
use super::needs::{self, Object};
use super::org;
use super::report::{Line, Report, State};

/// A subscription that was not refused within this time stands.
const SUBSCRIBE_WAIT: Duration = Duration::from_secs(2);

/// One org as one bridge uses it.
pub struct Asked<'a> {
    pub config: &'a Config,
    pub source: &'a Source,
    pub mapping: &'a Mapping,
    /// Of the attributes of each workspace of the bridge.
    pub types: &'a [&'a Types],
}

impl Asked<'_> {
    /// The id of the org, if it lets us in.
    pub async fn ask(&self, transport: &Arc<dyn Transport>, report: &mut Report) -> Option<String> {
        let configured = self.source.salesforce()?;
        let client = Client::new(self.options(configured), Arc::clone(transport));
        let org_id = self.log_in(configured, &client, report).await?;
        if !self.version(configured, &client, report).await {
            return Some(org_id);
        }
        let needed = needs::of_org(self.mapping);
        for (name, need) in &needed {
            self.object(&client, name, need, report).await;
        }
        self.users(&client, &needed, report).await;
        self.events(configured, &client, report).await;
        let names: Vec<&str> = needed.keys().map(String::as_str).collect();
        self.hints(&names.join(", "), report);
        Some(org_id)
    }

    fn options(&self, configured: &Salesforce) -> Options {
        Options {
            login_url: configured.login_url.clone(),
            client_id: configured.client_id.clone(),
            grant: configured.grant.clone(),
            api_version: configured.api_version.clone(),
            client_token: configured.client_token.clone(),
            request_timeout: self.config.sink.request_timeout,
        }
    }

    async fn log_in(
        &self,
        configured: &Salesforce,
        client: &Client,
        report: &mut Report,
    ) -> Option<String> {
        let source = &self.source.id;
        let grant = match configured.grant {
            Grant::ClientCredentials { .. } => "client credentials",
            Grant::JwtBearer { .. } => "a key (JWT bearer)",
        };
        match client.session().identity().await {
            Ok(identity) => {
                let (org, user) = (&identity.org_id, &identity.user_id);
                let what =
                    format!("{source}: the login with {grant} works, org {org}, user {user}");
                report.add(Line::ok(what));
                Some(identity.org_id)
            }
            Err(error) => {
                let (why, fix) = login_failure(&error);
                let what = format!("{source}: the login with {grant} failed: {why}");
                report.add(Line::missing(what, fix));
                None
            }
        }
    }

    /// Whether the version is served, and what is left of the allocations.
    async fn version(&self, configured: &Salesforce, client: &Client, report: &mut Report) -> bool {
        let (source, version) = (&self.source.id, &configured.api_version);
        match client.limits().await {
            Ok(limits) => {
                let what = format!("{source}: API version {version} is served");
                report.add(Line::ok(what));
                report.extend(org::budget(source.as_str(), &limits));
                true
            }
            Err(Error::Refused(Refusal {
                status: 404 | 410, ..
            })) => {
                report.add(Line::missing(
                    format!("{source}: API version {version} is not served"),
                    "set api_version to one that the org lists at /services/data",
                ));
                false
            }
            Err(error) => {
                let fix = "give the user View Setup and Configuration, or see them under Setup > \
                           Company Information";
                let what = format!("{source}: the allocations cannot be asked for: {error}");
                report.add(Line::warning(what, fix));
                true
            }
        }
    }

    async fn object(&self, client: &Client, name: &str, need: &Object, report: &mut Report) {
        let source = &self.source.id;
        match client.describe(name).await {
            Ok(told) => report.extend(org::judge(source.as_str(), name, need, &told, self.types)),
            Err(Error::Refused(Refusal {
                status: 403 | 404, ..
            })) => {
                let what = format!(
                    "{source}: {name} is not there, or the integration user may not read it"
                );
                let fix = "give its permission set Read on the object, and what \
                           docs/salesforce-setup.md lists";
                report.add(Line::missing(what, fix));
                return;
            }
            Err(error) => {
                let what = format!("{source}: {name} cannot be described: {error}");
                report.add(Line::missing(
                    what,
                    "try again, then check the org's status",
                ));
                return;
            }
        }
        for path in &need.parents {
            // The mapping admits only names here; the row is not looked at.
            let soql = format!("SELECT {path} FROM {name} LIMIT 1");
            if let Err(error) = client.query(&soql, 1).await {
                let what = format!("{source}: {path} of {name} cannot be read: {error}");
                let fix = "let the integration user see users and roles, or do not map it";
                report.add(Line::missing(what, fix));
            }
        }
    }

    /// The sweep of users tells the names of owners.
    async fn users(&self, client: &Client, needed: &BTreeMap<String, Object>, report: &mut Report) {
        let soql = "SELECT Id, Name, Email, IsActive, UserRole.Name, SystemModstamp FROM User \
                    LIMIT 1";
        let Err(error) = client.query(soql, 1).await else {
            return;
        };
        let state = match needed.values().any(|need| !need.parents.is_empty()) {
            true => State::Missing,
            false => State::Warning,
        };
        let what = format!("{}: users cannot be read: {error}", self.source.id);
        let fix = "give the integration user View All Users and View Roles";
        report.add(Line::new(state, what, fix));
    }

    async fn events(&self, configured: &Salesforce, client: &Client, report: &mut Report) {
        let (source, channel) = (&self.source.id, &self.config.feeds.channel);
        match self.subscribe(configured, client).await {
            Ok(true) => report.add(Line::ok(format!(
                "{source}: {channel} can be subscribed to"
            ))),
            Ok(false) => report.add(Line::new(
                self.weight(),
                format!("{source}: the integration user may not subscribe to {channel}"),
                "give its permission set View All Records on the objects",
            )),
            Err(error) => {
                let (why, fix) = match error.reaction() {
                    Reaction::Fatal { why, hint } => (why.to_owned(), hint),
                    Reaction::AllocationUsedUp => (
                        "the deliveries of 24 hours are used up".to_owned(),
                        "they free up by themselves; see which other subscribers there are",
                    ),
                    _ => (
                        error.to_string(),
                        "check pubsub.endpoint, and that this machine and its proxy let gRPC \
                         through to it",
                    ),
                };
                let what = format!("{source}: {channel} cannot be subscribed to: {why}");
                report.add(Line::new(self.weight(), what, fix));
            }
        }
    }

    /// Where nothing flows from Salesforce, much goes on without its events.
    fn weight(&self) -> State {
        match needs::listens_to_org(self.mapping) {
            true => State::Missing,
            false => State::Warning,
        }
    }

    /// False where we may not.
    async fn subscribe(
        &self,
        configured: &Salesforce,
        client: &Client,
    ) -> Result<bool, pubsub::Error> {
        let channel = &self.config.feeds.channel;
        let options = pubsub::Options {
            endpoint: configured.pubsub.endpoint.clone(),
            ca_file: configured.pubsub.ca_file.clone(),
            connect_timeout: self.config.sink.connect_timeout,
            request_timeout: self.config.sink.request_timeout,
            ..pubsub::Options::default()
        };
        let events = pubsub::Client::new(options, client.session())?;
        let topic = events.get_topic(channel).await?;
        if !topic.can_subscribe {
            return Ok(false);
        }
        let mut stream = events.subscribe(channel, Start::Latest, 1).await?;
        match tokio::time::timeout(SUBSCRIBE_WAIT, stream.next()).await {
            Ok(Err(error)) => Err(error),
            // Nothing happened meanwhile; a refusal would have come at once.
            Ok(Ok(_)) | Err(_) => Ok(true),
        }
    }

    /// What no call tells for sure.
    fn hints(&self, objects: &str, report: &mut Report) {
        let source = &self.source.id;
        report.add(Line::warning(
            format!("{source}: no call tells which objects send change events"),
            format!("see under Setup > Change Data Capture that these are selected: {objects}"),
        ));
        report.add(Line::warning(
            format!(
                "{source}: records and events that the user may not see are withheld in silence"
            ),
            format!("see that its permission set has View All Records on {objects}"),
        ));
    }
}

/// The failure and what to do about it.
fn login_failure(error: &Error) -> (String, String) {
    let reach = "check login_url, and that this machine reaches it";
    match error {
        Error::Login { code, hint, .. } => {
            let hint = hint.trim_start_matches([';', ' ']);
            let fix = match (hint, code.as_str()) {
                ("", "not_sent" | "no_answer") => reach,
                ("", _) => "see what docs/salesforce-setup.md says of the app and its flow",
                (hint, _) => hint,
            };
            (code.clone(), fix.to_owned())
        }
        other => (other.to_string(), reach.to_owned()),
    }
}
