//! What the integration user may see: removed fields, field-level security, revoked objects.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sandbox::salesforce::model::org::Org;
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::schema::{Field, Kind, Object};

type Place = (&'static str, &'static str);

/// Everything that was taken away; objects and fields that are not named are whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    removed: BTreeSet<Place>,
    hidden: BTreeSet<Place>,
    read_only: BTreeSet<Place>,
    revoked: BTreeSet<&'static str>,
}

/// What someone may do with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// It does not exist, or not for them.
    None,
    Read,
    Write,
}

// === impl Access ===

impl Access {
    pub(crate) fn state(&self) -> Value {
        let names = |places: &BTreeSet<Place>| -> Vec<String> {
            places
                .iter()
                .map(|(object, field)| format!("{object}.{field}"))
                .collect()
        };
        json!({
            "removed_fields": names(&self.removed),
            "hidden_fields": names(&self.hidden),
            "read_only_fields": names(&self.read_only),
            "revoked_objects": self.revoked,
        })
    }
}

// === impl Org ===

impl Org {
    /// The rights of a user: field-level security binds the integration user only, a removed
    /// field is gone for everyone.
    pub(crate) fn rights(&self, user_id: &str, object: &Object, field: &Field) -> Rights {
        let place = (object.name, field.name);
        let bound = user_id == self.settings.user_id;
        if self.access.removed.contains(&place) || (bound && self.access.hidden.contains(&place)) {
            Rights::None
        } else if bound && self.access.read_only.contains(&place) {
            Rights::Read
        } else {
            Rights::Write
        }
    }

    /// The field with this name, as a user sees the object.
    pub(crate) fn field_for(
        &self,
        user_id: &str,
        object: &'static Object,
        name: &str,
    ) -> Option<&'static Field> {
        let field = object.field(name)?;
        (self.rights(user_id, object, field) != Rights::None).then_some(field)
    }

    /// The field with this name, as the API shows the object.
    pub(crate) fn api_field(&self, object: &'static Object, name: &str) -> Option<&'static Field> {
        self.field_for(&self.settings.user_id, object, name)
    }

    /// The relationship with this name, if the API shows its field.
    pub(crate) fn api_relationship(
        &self,
        object: &'static Object,
        name: &str,
    ) -> Option<(&'static Field, &'static [&'static str])> {
        let (field, targets) = object.relationship(name)?;
        self.api_field(object, field.name)
            .map(|field| (field, targets))
    }

    /// The object with this name, if the integration user may use it.
    pub(crate) fn api_object(&self, name: &str) -> Option<&'static Object> {
        objects::named(name).filter(|object| !self.access.revoked.contains(object.name))
    }

    /// Every object the integration user may use.
    pub(crate) fn api_objects(&self) -> Vec<&'static Object> {
        objects::all()
            .iter()
            .filter(|object| !self.access.revoked.contains(object.name))
            .collect()
    }

    /// Takes a custom field away with all its values; no change event tells of it.
    pub(crate) fn remove_field(
        &mut self,
        object: &'static Object,
        name: &str,
    ) -> Result<(), String> {
        let field = known(object, name)?;
        if !field.is_custom() {
            let name = field.name;
            return Err(format!("{name} is a standard field and stays; hide it"));
        }
        self.access.removed.insert((object.name, field.name));
        let holders: Vec<_> = self
            .rows_of(object.name)
            .filter(|row| row.fields.contains_key(field.name))
            .cloned()
            .collect();
        for mut row in holders {
            row.fields.remove(field.name);
            self.put(object, row);
        }
        Ok(())
    }

    /// Sets what the integration user may do with a field.
    pub(crate) fn grant_field(
        &mut self,
        object: &'static Object,
        name: &str,
        rights: Rights,
    ) -> Result<(), String> {
        let field = known(object, name)?;
        if field.required || field.kind == Kind::Id {
            let name = field.name;
            return Err(format!("{name} is required and cannot be hidden"));
        }
        let place = (object.name, field.name);
        self.access.hidden.remove(&place);
        self.access.read_only.remove(&place);
        match rights {
            Rights::None => self.access.hidden.insert(place),
            Rights::Read => self.access.read_only.insert(place),
            Rights::Write => false,
        };
        Ok(())
    }

    /// Takes an object away from the integration user, or gives it back.
    pub(crate) fn revoke_object(&mut self, object: &'static Object, revoked: bool) {
        if revoked {
            self.access.revoked.insert(object.name);
        } else {
            self.access.revoked.remove(object.name);
        }
    }
}

fn known(object: &'static Object, name: &str) -> Result<&'static Field, String> {
    object
        .field(name)
        .ok_or_else(|| format!("{} has no field {name}", object.name))
}
