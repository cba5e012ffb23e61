//! Describe answers: what the API tells about an object and its fields (salesforce.md 3.5). Pure.

use serde_json::{Value, json};

use crate::sandbox::salesforce::model::Rights;
use crate::sandbox::salesforce::schema::{Field, Kind, Object};

/// GET /sobjects: the short form of every object.
pub(crate) fn global(objects: &[&Object], version: &str) -> Value {
    let sobjects: Vec<Value> = objects
        .iter()
        .map(|object| short(object, version))
        .collect();
    json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": sobjects})
}

/// GET /sobjects/{object}: the short form of one.
pub(crate) fn basic(object: &Object, version: &str) -> Value {
    json!({"objectDescribe": short(object, version), "recentItems": []})
}

/// GET /sobjects/{object}/describe: the fields that the caller has rights to.
pub(crate) fn full(object: &Object, version: &str, rights: impl Fn(&Field) -> Rights) -> Value {
    let shown = object.fields.iter().filter_map(|one| match rights(one) {
        Rights::None => None,
        Rights::Read => Some(field(&one.clone().read_only())),
        Rights::Write => Some(field(one)),
    });
    let fields: Vec<Value> = shown.collect();
    let mut described = short(object, version);
    described["fields"] = json!(fields);
    described["childRelationships"] = json!([]);
    described["recordTypeInfos"] = json!([{
        "active": true,
        "available": true,
        "defaultRecordTypeMapping": true,
        "developerName": "Master",
        "master": true,
        "name": "Master",
        "recordTypeId": "012000000000000AAA",
    }]);
    described
}

fn short(object: &Object, version: &str) -> Value {
    let base = format!("/services/data/{version}/sobjects/{}", object.name);
    json!({
        "activateable": false,
        "createable": true,
        "custom": false,
        "deletable": true,
        "keyPrefix": object.prefix,
        "label": object.label,
        "labelPlural": object.plural,
        "mergeable": matches!(object.name, "Lead" | "Contact" | "Account"),
        "name": object.name,
        "queryable": true,
        "replicateable": true,
        "retrieveable": true,
        "searchable": true,
        "undeletable": true,
        "updateable": true,
        "urls": {
            "sobject": base,
            "describe": format!("{base}/describe"),
            "rowTemplate": format!("{base}/{{ID}}"),
        },
    })
}

fn field(field: &Field) -> Value {
    let (targets, relationship) = match field.kind {
        Kind::Reference {
            targets,
            relationship,
        } => (targets, Some(relationship)),
        _ => (&[][..], None),
    };
    let (values, restricted) = match field.kind {
        Kind::Picklist { values, restricted } => (values, restricted),
        _ => (&[][..], false),
    };
    let values: Vec<Value> = values
        .iter()
        .map(|value| {
            json!({
                "active": true,
                "defaultValue": field.default == Some(*value),
                "label": value,
                "validFor": null,
                "value": value,
            })
        })
        .collect();
    let flag = field.kind == Kind::Boolean;
    json!({
        "autoNumber": false,
        "byteLength": field.kind.length() * 3,
        "calculated": false,
        "caseSensitive": false,
        "compoundFieldName": null,
        "createable": field.createable,
        "custom": field.is_custom(),
        "defaultValue": if flag { json!(false) } else { Value::Null },
        "defaultedOnCreate": flag || field.default.is_some() || field.name == "OwnerId",
        "deprecatedAndHidden": false,
        "externalId": field.external_id,
        "filterable": !matches!(field.kind, Kind::LongText { length } if length > 255),
        "idLookup": field.id_lookup || field.kind == Kind::Id,
        "label": field.label(),
        "length": field.kind.length(),
        "name": field.name,
        "nameField": field.name == "Name",
        "nillable": !field.required && !flag && field.kind != Kind::Id,
        "picklistValues": values,
        "polymorphicForeignKey": targets.len() > 1,
        "referenceTo": targets,
        "relationshipName": relationship,
        "restrictedPicklist": restricted,
        "soapType": soap_type(field.kind),
        "sortable": true,
        "type": field.kind.name(),
        "unique": field.external_id,
        "updateable": field.updateable,
    })
}

fn soap_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Id | Kind::Reference { .. } => "tns:ID",
        Kind::Boolean => "xsd:boolean",
        Kind::DateTime => "xsd:dateTime",
        Kind::Date => "xsd:date",
        Kind::Currency => "xsd:double",
        Kind::Integer => "xsd:int",
        _ => "xsd:string",
    }
}
