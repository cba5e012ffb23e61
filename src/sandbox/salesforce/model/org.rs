//! The org itself: everything it stores, its unique keys, its ids, its people.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::sandbox::derive;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::access::Access;
use crate::sandbox::salesforce::model::allocation::Allocation;
use crate::sandbox::salesforce::model::automation::Automations;
use crate::sandbox::salesforce::model::changes::{Actor, Change, ChangeLog, ChangeType};
use crate::sandbox::salesforce::model::event_log::{EventLog, EventSettings};
use crate::sandbox::salesforce::model::normalise::Normalisers;
use crate::sandbox::salesforce::model::row::Row;
use crate::sandbox::salesforce::model::transaction::Undo;
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::options::Switches;
use crate::sandbox::salesforce::schema::Object;

/// The queue that the assignment rule gives leads to.
pub(crate) const LEAD_QUEUE: &str = "00G5g00000QueueEAB";
/// The person who acts when a script acts without saying who.
pub(crate) const FIRST_REP: &str = "0055g00000Rep01AAB";
/// A person who has left: their user is inactive.
pub(crate) const FORMER_REP: &str = "0055g00000Rep05AAB";
const MANAGER_ROLE: &str = "00E5g00000ManagEAB";
const SALES_ROLE: &str = "00E5g00000SalesEAB";
const SUPPORT_ROLE: &str = "00E5g00000SuppoEAB";
/// The origin of a change made in the product's own pages (salesforce.md 2.7).
const PAGES_ORIGIN: &str = "com/salesforce/api/soap/66.0;client=SfdcInternalAPI/";

/// What an org is set up with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) org_id: String,
    pub(crate) user_id: String,
    pub(crate) base_url: String,
    pub(crate) api_daily_max: u64,
    pub(crate) session_idle_ms: i64,
    /// The key that JWT assertions are checked with, PEM; without it none is accepted.
    pub(crate) jwt_public_key: Option<String>,
    pub(crate) events: EventSettings,
    pub(crate) switches: Switches,
}

/// A simulated org.
#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) settings: Settings,
    rows: BTreeMap<&'static str, BTreeMap<String, Row>>,
    /// Ids of living rows by (object, key field, lower-case value).
    keys: BTreeMap<(&'static str, &'static str, String), BTreeSet<String>>,
    /// Tokens, and when each was last used.
    pub(crate) sessions: BTreeMap<String, i64>,
    pub(crate) allocation: Allocation,
    /// Open query cursors: what is left to hand out.
    pub(crate) cursors: BTreeMap<String, Vec<Value>>,
    pub(crate) changes: ChangeLog,
    pub(crate) access: Access,
    pub(crate) automations: Automations,
    pub(crate) normalisers: Normalisers,
    /// What a try under way has to undo.
    pub(crate) trial: Option<Vec<Undo>>,
    /// The change events made of them.
    pub(crate) events: EventLog,
    pub(crate) drawn: u64,
}

// === impl Org ===

impl Org {
    pub(crate) fn new(settings: Settings) -> Self {
        let mut org = Self {
            events: EventLog::new(&settings.org_id),
            settings,
            rows: BTreeMap::new(),
            keys: BTreeMap::new(),
            sessions: BTreeMap::new(),
            allocation: Allocation::default(),
            cursors: BTreeMap::new(),
            changes: ChangeLog::default(),
            access: Access::default(),
            automations: Automations::default(),
            normalisers: Normalisers::default(),
            trial: None,
            drawn: 0,
        };
        org.settle_people();
        org
    }

    fn settle_people(&mut self) {
        let user_id = self.settings.user_id.clone();
        let people = [
            (user_id.as_str(), "Crosswalk", "Integration", SUPPORT_ROLE),
            (FIRST_REP, "Rosa", "Lindqvist", SALES_ROLE),
            ("0055g00000Rep02AAB", "Tomás", "Okafor", SALES_ROLE),
            ("0055g00000Rep03AAB", "Mei", "Brandt", SUPPORT_ROLE),
            ("0055g00000Rep04AAB", "Ifeoma", "Castellan", MANAGER_ROLE),
            (FORMER_REP, "Piotr", "Halloran", SALES_ROLE),
        ];
        for (id, first, last, role) in people {
            let email = format!("{}@example.com", last.to_lowercase());
            self.settle(
                "User",
                id,
                json!({
                    "FirstName": first,
                    "LastName": last,
                    "Username": email,
                    "Email": email,
                    "IsActive": id != FORMER_REP,
                    "UserRoleId": role,
                }),
            );
        }
        self.settle("UserRole", SALES_ROLE, json!({"Name": "Account Executive"}));
        self.settle("UserRole", MANAGER_ROLE, json!({"Name": "Sales Manager"}));
        self.settle(
            "UserRole",
            SUPPORT_ROLE,
            json!({"Name": "Customer Success"}),
        );
        self.settle(
            "Group",
            LEAD_QUEUE,
            json!({"Name": "Inbound Leads", "Type": "Queue"}),
        );
    }

    fn settle(&mut self, object: &str, id: &str, values: Value) {
        let Some(object) = objects::named(object) else {
            return;
        };
        let mut row = self.blank_row(id.to_owned(), "", 0);
        for (name, value) in values.as_object().into_iter().flatten() {
            if let Some(field) = object.field(name) {
                row.fields.insert(field.name, value.clone());
            }
        }
        self.put(object, row);
    }

    /// A row without values.
    pub(crate) fn blank_row(&self, id: String, origin: &str, now_ms: i64) -> Row {
        let by = self.settings.user_id.clone();
        Row {
            id,
            fields: BTreeMap::new(),
            deleted: false,
            created_ms: now_ms,
            created_by: by.clone(),
            modified_ms: now_ms,
            modified_by: by,
            stamp_ms: now_ms,
            origin: origin.to_owned(),
        }
    }

    /// A number that nothing had before.
    pub(crate) fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    pub(crate) fn new_id(&mut self, object: &Object) -> String {
        let number = self.draw();
        ids::record_id(object.prefix, number)
    }

    /// Someone who changes something through this origin.
    pub(crate) fn actor(&mut self, user_id: &str, origin: &str, now_ms: i64) -> Actor {
        let number = self.draw();
        Actor {
            user_id: user_id.to_owned(),
            origin: origin.to_owned(),
            now_ms,
            transaction_key: derive::uuid(&self.settings.org_id, "transaction", number),
            sequence: 0,
            auto_assign: false,
        }
    }

    /// Someone at the product's own pages.
    pub(crate) fn person(&mut self, user_id: &str, now_ms: i64) -> Actor {
        self.actor(user_id, PAGES_ORIGIN, now_ms)
    }

    /// A row, deleted or not.
    pub(crate) fn row(&self, object: &str, id: &str) -> Option<&Row> {
        self.rows.get(object)?.get(id)
    }

    /// All rows of an object, oldest first.
    pub(crate) fn rows_of(&self, object: &str) -> impl Iterator<Item = &Row> {
        self.rows.get(object).into_iter().flat_map(BTreeMap::values)
    }

    /// Stores a row and keeps the keys true.
    pub(crate) fn put(&mut self, object: &'static Object, row: Row) {
        let id = row.id.clone();
        let before = self.exchange(object, &id, Some(row));
        if let Some(trial) = &mut self.trial {
            trial.push(Undo { object, id, before });
        }
    }

    /// Puts a row, or none, where another stood, and keeps the keys true; answers the other.
    pub(crate) fn exchange(
        &mut self,
        object: &'static Object,
        id: &str,
        row: Option<Row>,
    ) -> Option<Row> {
        let table = self.rows.entry(object.name).or_default();
        let before = match row.clone() {
            Some(row) => table.insert(id.to_owned(), row),
            None => table.remove(id),
        };
        for field in object.fields.iter().filter(|field| field.id_lookup) {
            let key = |row: &Row| {
                let text = row.text(field.name).filter(|_| !row.deleted)?;
                Some((object.name, field.name, text.to_lowercase()))
            };
            let (old, new) = (before.as_ref().and_then(key), row.as_ref().and_then(key));
            if old == new {
                continue;
            }
            if let Some(old) = old
                && let Some(ids) = self.keys.get_mut(&old)
            {
                ids.remove(id);
                if ids.is_empty() {
                    self.keys.remove(&old);
                }
            }
            if let Some(new) = new {
                self.keys.entry(new).or_default().insert(id.to_owned());
            }
        }
        before
    }

    /// The living rows with this key, without regard to case.
    pub(crate) fn with_key(
        &self,
        object: &'static Object,
        field: &'static str,
        value: &str,
    ) -> Vec<String> {
        let key = (object.name, field, value.trim().to_lowercase());
        self.keys.get(&key).into_iter().flatten().cloned().collect()
    }

    /// Stores a changed row as this actor's change; answers the names of the fields that differ.
    pub(crate) fn save(
        &mut self,
        object: &'static Object,
        mut row: Row,
        change_type: ChangeType,
        actor: &mut Actor,
    ) -> Vec<String> {
        let changed = match change_type {
            ChangeType::Update => self.would_change(object, &row),
            _ => Vec::new(),
        };
        row.modified_ms = actor.now_ms;
        row.stamp_ms = actor.now_ms;
        row.modified_by = actor.user_id.clone();
        row.origin = actor.origin.clone();
        let id = row.id.clone();
        let told = self.told(object, &row, change_type, &changed);
        self.put(object, row);
        // A write that changes nothing moves the dates but is no event; people and roles are not
        // on the channel, and a try is told to nobody.
        let announced = self.trial.is_none() && !object.is_setup();
        if announced && (change_type != ChangeType::Update || !changed.is_empty()) {
            self.changes.push(
                actor,
                change_type,
                (object.name, &id),
                changed.clone(),
                told,
            );
        }
        changed
    }

    /// The names of the fields that storing this row would change; all its own for a new one.
    pub(crate) fn would_change(&self, object: &Object, row: &Row) -> Vec<String> {
        match self.row(object.name, &row.id) {
            Some(before) => differing(before, row),
            None => row.fields.keys().map(|name| (*name).to_owned()).collect(),
        }
    }

    pub(crate) fn changes_since(&self, since: u64) -> Vec<Change> {
        self.changes.since(since)
    }

    /// Everything, for the control API and the judge of a demo.
    pub(crate) fn state(&mut self, now_ms: i64) -> Value {
        let mut records = serde_json::Map::new();
        for object in objects::all() {
            let rows: Vec<Value> = self
                .rows_of(object.name)
                .map(|row| whole_row(object, row))
                .collect();
            records.insert(object.name.to_owned(), Value::Array(rows));
        }
        json!({
            "org_id": self.settings.org_id,
            "user_id": self.settings.user_id,
            "records": records,
            "sessions": self.sessions.len(),
            "api_requests_used": self.allocation.used(now_ms),
            "switches": self.settings.switches,
            "automations": self.automations.state(),
            "normalisers": self.normalisers.state(),
            "access": self.access.state(),
        })
    }
}

fn differing(before: &Row, after: &Row) -> Vec<String> {
    let names: BTreeSet<&&str> = before.fields.keys().chain(after.fields.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.fields.get(**name) != after.fields.get(**name))
        .map(|name| (*name).to_owned())
        .collect()
}

/// Every field, and where the last change came from.
pub(crate) fn whole_row(object: &Object, row: &Row) -> Value {
    let mut shape = json!({});
    for field in &object.fields {
        shape[field.name] = row.get(field.name);
    }
    shape["sandbox_last_change"] = json!({
        "change_origin": row.origin,
        "user_id": row.modified_by,
        "at_ms": row.modified_ms,
    });
    shape
}
