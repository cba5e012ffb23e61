//! The story so far: the voice, the stage, the script, and the verbs that chapters are told with.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::demo::cast::{self, Person};
use crate::demo::chapters::values;
use crate::demo::check::calls::{self, Call};
use crate::demo::latency::Latency;
use crate::demo::script::Script;
use crate::demo::stage::Stage;
use crate::demo::voice::{Place, Voice};

/// How long the story waits for something that should happen.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const LOOK_AGAIN: Duration = Duration::from_millis(3);
/// Between two things that one person does: people take their time, and so two changes of one
/// contact never fall into one millisecond.
const A_MOMENT: Duration = Duration::from_millis(40);

pub struct Story {
    pub voice: Voice,
    pub stage: Stage,
    pub script: Script,
    /// The contacts of the first chapter, in order; the first of them becomes Ada.
    pub visitors: Vec<String>,
    /// From Intercom to Salesforce.
    pub latency: Latency,
    pub latency_to_intercom: Latency,
    /// How many of the crowd took part.
    pub extras: u32,
    /// Digests of the view and of its rebuild.
    pub digests: (String, String),
    /// Of the process that was killed: what it had counted, where it logged, its memory's peak.
    pub before: Option<(Value, PathBuf, Option<f64>)>,
}

impl Story {
    pub fn new(voice: Voice, stage: Stage) -> Self {
        Self {
            voice,
            stage,
            script: Script::new(cast::APP_ID),
            visitors: Vec::new(),
            latency: Latency::default(),
            latency_to_intercom: Latency::default(),
            extras: 0,
            digests: (String::new(), String::new()),
            before: None,
        }
    }

    pub fn intercom(&self, text: &str) {
        self.voice.say(Place::Intercom, text);
    }

    pub fn crosswalk(&self, text: &str) {
        self.voice.say(Place::Crosswalk, text);
    }

    pub fn salesforce(&self, text: &str) {
        self.voice.say(Place::Salesforce, text);
    }

    /// Somebody does something in Intercom; answers the id it is about.
    pub async fn act(&self, act: Value) -> anyhow::Result<String> {
        let verb = act["verb"].clone();
        let acted = self.stage.intercom.act(act);
        let acted = acted.with_context(|| format!("Intercom refused {verb}"))?;
        tokio::time::sleep(A_MOMENT).await;
        Ok(acted["id"].as_str().unwrap_or_default().to_owned())
    }

    /// A lead with everything a person of the cast tells about themselves, but the phone.
    pub async fn new_lead(&self, person: &Person) -> anyhow::Result<String> {
        let lead = json!({
            "verb": "create_contact", "role": "lead", "name": person.name, "email": person.email,
        });
        self.act(lead).await
    }

    pub async fn qualify(&self, contact: &str) -> anyhow::Result<()> {
        let tag = json!({"verb": "tag", "contact_id": contact, "name": "qualified"});
        self.act(tag).await.map(|_| ())
    }

    pub async fn edit(&self, contact: &str, set: Value) -> anyhow::Result<()> {
        let edit = json!({"verb": "update_contact", "id": contact, "set": set});
        self.act(edit).await.map(|_| ())
    }

    /// Somebody in sales made a Contact long ago; answers its row.
    pub fn known_contact(&self, fields: Value) -> anyhow::Result<Value> {
        let create = json!({"verb": "create", "object": "Contact", "fields": fields});
        let id = self.stage.salesforce.act(create)?["id"].take();
        let rows = self.stage.rows("Contact").into_iter();
        let row = rows.into_iter().find(|row| row["Id"] == id);
        row.context("Salesforce does not show the Contact that was just made")
    }

    /// The Lead of a contact.
    pub fn lead_of(&self, contact: &str) -> Option<Value> {
        let key = self.script.key(contact);
        let leads = self.stage.rows("Lead").into_iter();
        leads
            .into_iter()
            .find(|row| row["Intercom_Contact_ID__c"] == key.as_str())
    }

    /// Waits for something that the story needs to go on.
    pub async fn until<T>(
        &mut self,
        what: &str,
        find: impl Fn(&Self) -> Option<T>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        loop {
            if let Some(found) = find(self) {
                return Ok(found);
            }
            self.stage.child.alive()?;
            if begun.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                bail!("the story stopped: {what} did not happen within {seconds} s");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    pub async fn until_lead(&mut self, contact: &str) -> anyhow::Result<Value> {
        let what = format!("a Lead of the contact {contact}");
        self.until(&what, |story| story.lead_of(contact)).await
    }

    /// Waits until the row of a contact's Lead holds a value.
    pub async fn until_field(
        &mut self,
        contact: &str,
        name: &str,
        value: &str,
    ) -> anyhow::Result<Value> {
        let what = format!("{name} = {value:?} on the Lead of the contact {contact}");
        let find = |story: &Self| story.lead_of(contact).filter(|row| row[name] == value);
        self.until(&what, find).await
    }

    /// The number of the last request that Salesforce received.
    /// The process dies and comes again; `stats` is what it had counted when all was quiet.
    pub async fn killed(&mut self, stats: Value) -> anyhow::Result<()> {
        let (log, memory) = self.stage.kill().await?;
        self.before = Some((stats, log, memory));
        Ok(())
    }

    /// What the processes of the story counted, up to `stats` of the one that runs.
    pub fn counted(&self, stats: &Value, count: impl Fn(&Value) -> u64) -> u64 {
        let before = self.before.as_ref().map_or(0, |(stats, ..)| count(stats));
        before + count(stats)
    }

    pub fn salesforce_mark(&self) -> u64 {
        let log = self.stage.salesforce.request_log();
        log.last().map_or(0, |entry| entry.n)
    }

    /// The calls that asked Salesforce for a change since a mark.
    pub fn writes_since(&self, mark: u64) -> Vec<Call> {
        calls::write_calls(&self.stage.salesforce.request_log_since(mark))
    }

    /// The number of the last request that Intercom received.
    pub fn intercom_mark(&self) -> u64 {
        let log = self.stage.intercom.request_log();
        log.last().map_or(0, |entry| entry.n)
    }

    /// The calls that asked Intercom for a change since a mark.
    pub fn writes_to_intercom_since(&self, mark: u64) -> Vec<Call> {
        calls::intercom_calls(&self.stage.intercom.request_log_since(mark))
    }

    /// Shows each write call that Intercom received since a mark.
    pub fn show_intercom_writes(&self, mark: u64) {
        for call in self.writes_to_intercom_since(mark) {
            self.intercom(&format!(
                "{} {}: {}",
                call.method,
                call.target,
                values(&call.fields)
            ));
        }
    }

    /// Somebody in sales changes a record.
    pub fn sales_edit(&self, id: &str, fields: Value) -> anyhow::Result<()> {
        let edit = json!({"verb": "update", "id": id, "fields": fields});
        self.stage.salesforce.act(edit)?;
        Ok(())
    }

    /// The contact as it stands in Intercom.
    pub fn contact(&self, id: &str) -> Value {
        let state = self.stage.intercom.state();
        let contacts = state["contacts"].as_array().into_iter().flatten();
        let mut found = contacts.filter(|contact| contact["id"] == id);
        found.next().cloned().unwrap_or_default()
    }

    /// Waits until a custom attribute of a contact has a value.
    pub async fn until_attribute(
        &mut self,
        contact: &str,
        name: &str,
        value: &str,
    ) -> anyhow::Result<()> {
        let what = format!("{name} = {value:?} on the contact {contact}");
        let find = |story: &Self| {
            let shown = story.contact(contact);
            (shown["custom_attributes"][name] == value).then_some(())
        };
        self.until(&what, find).await
    }
}
