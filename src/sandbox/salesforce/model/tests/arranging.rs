//! Tests of what an administrator arranges: automations, stored forms, rights, users.

use serde_json::{Value, json};

use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::changes::Change;
use crate::sandbox::salesforce::model::org::{FIRST_REP, FORMER_REP};
use crate::sandbox::salesforce::model::tests::{Caller, NOW, body, check, lead};

const ORIGIN: &str = "com/salesforce/api/rest/67.0";

fn act(caller: &mut Caller, act: Value) -> Value {
    caller.org.act(&act, NOW).expect("acts")
}

fn stored(caller: &Caller, object: &str, id: &str, field: &str) -> Value {
    caller.org.row(object, id).expect("a row").get(field)
}

fn automation(same_transaction: bool) -> Value {
    json!({
        "verb": "automation",
        "object": "Lead",
        "when_field": "Title",
        "when_origin_contains": "/rest/",
        "set": {"Rating": "Hot", "City": {"normalise": "upper"}},
        "same_transaction": same_transaction,
        "as_user": "0055g00000Rep02AAB",
    })
}

/// The changes that writing a title to a lead causes.
fn titled(caller: &mut Caller) -> Vec<Change> {
    let mut fields = lead();
    fields["City"] = json!("Cork");
    let id = caller.make("Lead", fields);
    let already = caller.org.changes_since(0).len() as u64;
    let target = format!("/sobjects/Lead/{id}");
    assert_eq!(
        caller
            .call("PATCH", &target, json!({"Title": "CTO"}))
            .status,
        204
    );
    assert_eq!(stored(caller, "Lead", &id, "Rating"), "Hot");
    assert_eq!(stored(caller, "Lead", &id, "City"), "CORK");
    caller.org.changes_since(already)
}

#[test]
fn an_automation_is_part_of_the_write_or_a_change_of_its_own() {
    let mut caller = Caller::new();
    act(&mut caller, automation(true));
    let merged = titled(&mut caller);
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].changed_fields, ["City", "Rating", "Title"]);
    assert_eq!(merged[0].change_origin, ORIGIN);

    caller.org.settings.switches.automation_inherits_origin = false;
    let split = titled(&mut caller);
    assert_eq!(split.len(), 2);
    assert_eq!(split[0].transaction_key, split[1].transaction_key);
    assert_eq!((split[0].sequence_number, split[1].sequence_number), (1, 2));
    assert_eq!(split[0].changed_fields, ["Title"]);
    assert_eq!(split[1].changed_fields, ["City", "Rating"]);
    assert_eq!(split[1].change_origin, "");
}

#[test]
fn a_later_automation_has_its_own_transaction_and_user() {
    let mut caller = Caller::new();
    let id = act(&mut caller, automation(false))["id"].clone();
    let changes = titled(&mut caller);
    assert_eq!(changes.len(), 2);
    assert_ne!(changes[0].transaction_key, changes[1].transaction_key);
    assert_eq!(changes[1].commit_user, "0055g00000Rep02AAB");
    assert_eq!(changes[1].change_origin, "");
    let state = caller.org.state(NOW);
    assert_eq!(state["automations"][0]["ran"], 1);
    act(&mut caller, json!({"verb": "remove_automation", "id": id}));
    assert_eq!(caller.org.state(NOW)["automations"], json!([]));
    let gone = json!({"verb": "remove_automation", "id": id});
    assert!(caller.org.act(&gone, NOW).is_err());
}

#[test]
fn an_automation_waits_for_its_field_and_origin_and_never_chases_itself() {
    let mut caller = Caller::new();
    act(&mut caller, automation(false));
    let echo = json!({
        "verb": "automation", "object": "Lead", "set": {"Title": {"normalise": "prefix:x"}},
    });
    act(&mut caller, echo);
    let id = caller.make("Lead", lead());
    let by_person = json!({"verb": "update", "id": id, "fields": {"Title": "CTO"}});
    act(&mut caller, by_person);
    assert_eq!(
        stored(&caller, "Lead", &id, "Rating"),
        Value::Null,
        "not by the API"
    );
    assert_eq!(stored(&caller, "Lead", &id, "Title"), "xCTO");
    for _ in 2..100 {
        act(&mut caller, automation(true));
    }
    let refused = caller.org.act(&automation(true), NOW);
    assert_eq!(refused, Err("there are already 100 automations".to_owned()));
}

#[test]
fn values_are_stored_in_another_form_than_written() {
    let mut caller = Caller::new();
    let cases = [
        (
            "Phone",
            "phone",
            json!("+1 415 555 0100"),
            json!("(415) 555-0100"),
        ),
        (
            "MobilePhone",
            "phone",
            json!("+353871234567"),
            json!("+353 871 234 567"),
        ),
        ("Title", "trim", json!(" a  b "), json!("a b")),
        ("FirstName", "upper", json!("zoë"), json!("ZOË")),
        (
            "Company_Size__c",
            "picklist",
            json!("1000+"),
            json!("1000+"),
        ),
        (
            "Status",
            "picklist",
            json!("open - not contacted"),
            json!("Open - Not Contacted"),
        ),
        (
            "UTM_Source__c",
            "prefix:utm-",
            json!("mail"),
            json!("utm-mail"),
        ),
    ];
    let mut fields = lead();
    for (field, how, written, _) in &cases {
        let form = json!({"verb": "normalise", "object": "Lead", "field": field, "how": how});
        act(&mut caller, form);
        fields[*field] = written.clone();
    }
    let id = caller.make("Lead", fields);
    for (field, _, _, expected) in &cases {
        assert_eq!(&stored(&caller, "Lead", &id, field), expected, "{field}");
    }
    let money = json!({"Name": "A", "AnnualRevenue": 12.345_6});
    let account = caller.make("Account", money);
    assert_eq!(stored(&caller, "Account", &account, "AnnualRevenue"), 12.35);
    let none = json!({"verb": "normalise", "object": "Lead", "field": "Title", "how": "none"});
    act(&mut caller, none);
    let target = format!("/sobjects/Lead/{id}");
    caller.call("PATCH", &target, json!({"Title": "c  d"}));
    assert_eq!(stored(&caller, "Lead", &id, "Title"), "c  d");
    let odd = json!({"verb": "normalise", "object": "Lead", "field": "Title", "how": "odd"});
    assert!(caller.org.act(&odd, NOW).is_err());
}

#[test]
fn a_describe_lists_exactly_what_the_integration_user_may_use() {
    let mut caller = Caller::new();
    let named = |caller: &mut Caller, field: &str| {
        let described = body(&caller.call("GET", "/sobjects/Contact/describe", Value::Null));
        let fields = described["fields"].as_array().cloned().unwrap_or_default();
        fields.into_iter().find(|one| one["name"] == *field)
    };
    let key = named(&mut caller, "External_User_ID__c").expect("the field");
    assert_eq!(
        (&key["externalId"], &key["unique"]),
        (&json!(true), &json!(true))
    );
    let contact = caller.make(
        "Contact",
        json!({"LastName": "D", "External_User_ID__c": "u1"}),
    );
    let verbs = [
        ("remove_field", "External_User_ID__c"),
        ("hide_field", "Support_Tier__c"),
    ];
    for (verb, field) in verbs {
        act(
            &mut caller,
            json!({"verb": verb, "object": "Contact", "field": field}),
        );
        assert!(named(&mut caller, field).is_none(), "{field}");
        let written = caller.call(
            "POST",
            "/sobjects/Contact",
            json!({"LastName": "D", field: "x"}),
        );
        check(&written, 400, "INVALID_FIELD", "No such column");
        let soql = format!("SELECT {field} FROM Contact");
        check(&caller.query(&soql), 400, "INVALID_FIELD", "No such column");
        let shown = body(&caller.call("GET", &format!("/sobjects/Contact/{contact}"), Value::Null));
        assert!(shown.get(field).is_none());
    }
    let by_person =
        json!({"verb": "update", "id": contact, "fields": {"Support_Tier__c": "Basic"}});
    act(&mut caller, by_person);
    let read_only = json!({
        "verb": "hide_field", "object": "Contact", "field": "Title", "rights": "read",
    });
    act(&mut caller, read_only);
    assert_eq!(
        named(&mut caller, "Title").expect("shown")["updateable"],
        false
    );
    let written = caller.call(
        "POST",
        "/sobjects/Contact",
        json!({"LastName": "D", "Title": "x"}),
    );
    check(&written, 400, "INVALID_FIELD_FOR_INSERT_UPDATE", "Title");
    let required = json!({"verb": "hide_field", "object": "Contact", "field": "LastName"});
    assert!(caller.org.act(&required, NOW).is_err());
}

#[test]
fn a_revoked_object_is_as_if_it_were_not_there() {
    let mut caller = Caller::new();
    act(
        &mut caller,
        json!({"verb": "revoke_object", "object": "Account"}),
    );
    check(
        &caller.query("SELECT Id FROM Account"),
        400,
        "INVALID_TYPE",
        "'Account'",
    );
    let described = caller.call("GET", "/sobjects/Account/describe", Value::Null);
    check(&described, 404, "NOT_FOUND", "");
    let all = body(&caller.call("GET", "/sobjects", Value::Null));
    assert!(!all.to_string().contains("\"Account\""));
    act(&mut caller, json!({"verb": "restore_access"}));
    assert_eq!(caller.query("SELECT Id FROM Account").status, 200);
}

#[test]
fn users_and_roles_are_readable_and_not_on_the_change_channel() {
    let mut caller = Caller::new();
    let made = json!({"verb": "create_user", "first_name": "Noor", "last_name": "Haddad",
        "email": "noor@example.com", "role": "Partner Manager"});
    let id = act(&mut caller, made)["id"].clone();
    caller.now_ms += 10_000;
    let rename = json!({"verb": "update", "id": id, "fields": {"LastName": "Haddad-Lee"}});
    caller.org.act(&rename, caller.now_ms).expect("renames");
    assert!(caller.org.changes_since(0).is_empty());
    let soql = "SELECT Id, Name, Email, IsActive, UserRole.Name, SystemModstamp FROM User \
        WHERE SystemModstamp >= 2026-01-10T04:11:40Z ORDER BY SystemModstamp, Id LIMIT 5";
    let found = body(&caller.query(soql));
    assert_eq!(found["totalSize"], 1);
    let user = &found["records"][0];
    assert_eq!(
        (&user["Name"], &user["Id"]),
        (&json!("Noor Haddad-Lee"), &id)
    );
    assert_eq!(user["UserRole"]["Name"], "Partner Manager");
    assert!(caller.org.rows_of("User").count() >= 6);
    let fields = json!({"Name": "A", "OwnerId": FORMER_REP});
    let inactive = caller.call("POST", "/sobjects/Account", fields);
    check(&inactive, 400, "INACTIVE_OWNER_OR_USER", "inactive user");
    caller.make("Account", json!({"Name": "A", "OwnerId": FIRST_REP}));
    let owner = caller.query("SELECT Owner.Name, Owner.Email, Owner.UserRole.Name FROM Account");
    let owner = body(&owner)["records"][0]["Owner"].clone();
    assert_eq!(owner["Email"], "lindqvist@example.com");
    assert_eq!(owner["UserRole"]["Name"], "Account Executive");
}

#[test]
fn a_conversion_into_standing_records_fills_their_blanks_only() {
    let mut caller = Caller::new();
    let account = caller.make("Account", json!({"Name": "Acme", "Phone": "1"}));
    let fields = json!({"LastName": "Doe", "Title": "CEO", "AccountId": account});
    let contact = caller.make("Contact", fields);
    let mut fields = lead();
    fields["Title"] = json!("CTO");
    fields["Phone"] = json!("2");
    fields["Website"] = json!("acme.example");
    let id = caller.make("Lead", fields);
    let task = caller.make("Task", json!({"WhoId": id, "Subject": "Call"}));
    let already = caller.org.changes_since(0).len() as u64;
    let convert = json!({"verb": "convert_lead", "id": id, "contact_id": contact});
    let made = act(&mut caller, convert);
    assert_eq!(made["account_id"], json!(account));
    let changes = caller.org.changes_since(already);
    let told: Vec<(&str, &str)> = changes
        .iter()
        .map(|change| (change.object.as_str(), ids::shorten(&change.record_id)))
        .collect();
    let short = |id: &str| ids::shorten(id).to_owned();
    let expected = [
        ("Account", short(&account)),
        ("Contact", short(&contact)),
        ("Lead", short(&id)),
        ("Task", short(&task)),
    ];
    assert_eq!(
        told,
        expected
            .each_ref()
            .map(|(object, id)| (*object, id.as_str()))
    );
    assert_eq!(changes[0].changed_fields, ["Website"]);
    assert_eq!(changes[1].changed_fields, ["Email", "Phone"]);
    let closed = [
        "ConvertedAccountId",
        "ConvertedContactId",
        "ConvertedDate",
        "IsConverted",
        "Status",
    ];
    assert_eq!(changes[2].changed_fields, closed);
    assert_eq!(stored(&caller, "Contact", &contact, "Title"), "CEO");
}

#[test]
fn a_conversion_that_fails_half_way_leaves_nothing() {
    let mut caller = Caller::new();
    caller.org.settings.switches.conversion_copies_custom_fields = true;
    caller.make(
        "Contact",
        json!({"LastName": "D", "External_User_ID__c": "u1"}),
    );
    let mut fields = lead();
    fields["External_User_ID__c"] = json!("u1");
    let id = caller.make("Lead", fields);
    let already = caller.org.changes_since(0).len() as u64;
    let convert = json!({"verb": "convert_lead", "id": id});
    let refused = caller.org.act(&convert, NOW).expect_err("the key is taken");
    assert!(refused.contains("DUPLICATE_VALUE"), "{refused}");
    assert_eq!(caller.org.rows_of("Account").count(), 0);
    assert!(caller.org.changes_since(already).is_empty());
}
