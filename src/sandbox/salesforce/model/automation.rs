//! Automations an administrator has set up: when a record is written, other fields of it are set,
//! within the same transaction or right after it (salesforce.md 0.12 and 2.6).

use serde_json::{Value, json};

use crate::sandbox::salesforce::model::changes::{Actor, ChangeType};
use crate::sandbox::salesforce::model::fields;
use crate::sandbox::salesforce::model::normalise::How;
use crate::sandbox::salesforce::model::org::Org;
use crate::sandbox::salesforce::model::row::Row;
use crate::sandbox::salesforce::schema::{Field, Object};

/// How many automations one org keeps.
const AUTOMATIONS_MAX: usize = 100;

/// What becomes of a field.
#[derive(Debug, Clone)]
enum Setting {
    /// This value; `None` clears.
    Value(Option<Value>),
    /// Its own value in another form.
    Normalise(How),
}

/// One automation.
#[derive(Debug, Clone)]
struct Automation {
    id: String,
    object: &'static Object,
    when_field: Option<&'static str>,
    when_origin_contains: Option<String>,
    set: Vec<(&'static Field, Setting)>,
    same_transaction: bool,
    as_user: String,
    /// The act it was made by, for the state.
    told: Value,
    ran: u64,
}

/// Every automation, in the order they were made.
#[derive(Debug, Default)]
pub(crate) struct Automations {
    list: Vec<Automation>,
}

// === impl Automation ===

impl Automation {
    fn fits(&self, object: &Object, changed: &[String], origin: &str) -> bool {
        let field = self
            .when_field
            .is_none_or(|wanted| changed.iter().any(|name| name == wanted));
        let origin = self
            .when_origin_contains
            .as_deref()
            .is_none_or(|part| origin.contains(part));
        self.object.name == object.name && !changed.is_empty() && field && origin
    }

    fn lay(&self, row: &mut Row) {
        for (field, setting) in &self.set {
            let value = match setting {
                Setting::Value(value) => value.clone(),
                Setting::Normalise(how) => row
                    .fields
                    .get(field.name)
                    .map(|value| how.apply(field, value)),
            };
            match value {
                Some(value) => row.fields.insert(field.name, value),
                None => row.fields.remove(field.name),
            };
        }
    }
}

// === impl Automations ===

impl Automations {
    pub(crate) fn state(&self) -> Value {
        let one = |automation: &Automation| {
            let mut shape = automation.told.clone();
            shape["id"] = json!(automation.id);
            shape["ran"] = json!(automation.ran);
            shape
        };
        Value::Array(self.list.iter().map(one).collect())
    }

    pub(crate) fn remove(&mut self, id: &str) -> Result<(), String> {
        let before = self.list.len();
        self.list.retain(|automation| automation.id != id);
        if self.list.len() == before {
            return Err(format!("there is no automation {id}"));
        }
        Ok(())
    }
}

// === impl Org ===

impl Org {
    /// Sets an automation up; answers its id.
    pub(crate) fn add_automation(
        &mut self,
        object: &'static Object,
        as_user: String,
        act: &Value,
    ) -> Result<String, String> {
        if self.automations.list.len() >= AUTOMATIONS_MAX {
            return Err(format!("there are already {AUTOMATIONS_MAX} automations"));
        }
        let text = |name: &str| act.get(name).and_then(Value::as_str);
        let when_field = text("when_field")
            .map(|name| settable(object, name))
            .transpose()?;
        let given = act.get("set").and_then(Value::as_object);
        let given = given.filter(|set| !set.is_empty());
        let mut set = Vec::new();
        for (name, value) in given.ok_or("set must name at least one field")? {
            let field = settable(object, name)?;
            let how = value.get("normalise").and_then(Value::as_str);
            let setting = match how {
                Some(how) => Setting::Normalise(How::read(how)?),
                None => Setting::Value(fields::stored(field, value).map_err(|r| r.sentence())?),
            };
            set.push((field, setting));
        }
        let id = format!("automation-{}", self.draw());
        self.automations.list.push(Automation {
            id: id.clone(),
            object,
            when_field: when_field.map(|field| field.name),
            when_origin_contains: text("when_origin_contains").map(str::to_owned),
            set,
            same_transaction: act.get("same_transaction").and_then(Value::as_bool) == Some(true),
            as_user,
            told: act.clone(),
            ran: 0,
        });
        Ok(id)
    }

    /// Before the row is saved: what is merged into the write itself. A create is one event even
    /// if its transaction changes the record again (salesforce.md 2.5).
    pub(crate) fn automate_within(&mut self, object: &Object, row: &mut Row, actor: &Actor) {
        let merged = |org: &Self, row: &Row| {
            org.settings.switches.automation_inherits_origin
                || org.row(object.name, &row.id).is_none()
        };
        if !merged(self, row) {
            return;
        }
        let changed = self.would_change(object, row);
        let counts = u64::from(self.trial.is_none());
        for automation in &mut self.automations.list {
            if automation.same_transaction && automation.fits(object, &changed, &actor.origin) {
                automation.lay(row);
                automation.ran += counts;
            }
        }
    }

    /// After the row was saved: what is a change of its own, in the same transaction without an
    /// origin, or in a later one by another user.
    pub(crate) fn automate_after(
        &mut self,
        object: &'static Object,
        id: &str,
        (created, changed): (bool, &[String]),
        actor: &mut Actor,
    ) {
        if self.automations.list.is_empty() {
            return;
        }
        let merged = created || self.settings.switches.automation_inherits_origin;
        let due: Vec<Automation> = self
            .automations
            .list
            .iter()
            .filter(|one| !(one.same_transaction && merged))
            .filter(|one| one.fits(object, changed, &actor.origin))
            .cloned()
            .collect();
        for automation in due {
            self.run_automation(object, id, &automation, actor);
        }
    }

    /// A row that an automation would make invalid stays as it is. The row is saved without a
    /// look at automations: none starts another, which bounds every chain.
    fn run_automation(
        &mut self,
        object: &'static Object,
        id: &str,
        automation: &Automation,
        actor: &mut Actor,
    ) {
        let Some(mut row) = self.row(object.name, id).cloned() else {
            return;
        };
        automation.lay(&mut row);
        if self.check_row(object, &row).is_err() || self.would_change(object, &row).is_empty() {
            return;
        }
        if automation.same_transaction {
            let origin = std::mem::take(&mut actor.origin);
            self.save(object, row, ChangeType::Update, actor);
            actor.origin = origin;
        } else {
            let mut later = self.actor(&automation.as_user, "", actor.now_ms);
            self.save(object, row, ChangeType::Update, &mut later);
        }
        let counts = u64::from(self.trial.is_none());
        let counted = self.automations.list.iter_mut();
        for one in counted.filter(|one| one.id == automation.id) {
            one.ran += counts;
        }
    }
}

fn settable(object: &'static Object, name: &str) -> Result<&'static Field, String> {
    object
        .field(name)
        .filter(|field| field.updateable)
        .ok_or_else(|| format!("{} has no field {name} that can be set", object.name))
}
