//! Both remote systems: the sandbox models, with a record of what truly happened in them.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::clients::transport::{Request, Response};
use crate::domain::Topic;
use crate::sandbox::{intercom, salesforce};
use crate::sim::history::{By, Edit, People, Side, shown_contact, shown_row, text};
use crate::sim::mapping::APP_ID;
use crate::sim::wire::{ORG_URL, WORKSPACE_URL};

pub struct Remotes {
    pub intercom: intercom::Simulated,
    pub salesforce: salesforce::Simulated,
    pub edits: Vec<Edit>,
    /// How many requests arrived.
    pub arrived: usize,
    /// One line for each, with the answer, if somebody wants to read them.
    pub requests: Option<Vec<String>>,
    pub contacts: People,
    pub rows: People,
    /// The web addresses of companies and accounts.
    pub sites: BTreeMap<String, String>,
    /// The answer to a login.
    pub login: Vec<u8>,
    pub user_id: String,
    pub org_id: String,
}

impl Remotes {
    pub fn new(now: i64, copies_custom_fields: bool, cleared_stay: bool, tells: bool) -> Self {
        let mut options = salesforce::Options {
            session_idle: std::time::Duration::from_secs(400 * 24 * 3_600),
            ..salesforce::Options::default()
        };
        options.switches.conversion_copies_custom_fields = copies_custom_fields;
        let (user_id, org_id) = (options.user_id.clone(), options.org_id.clone());
        let mut org = salesforce::Simulated::new(&options, ORG_URL);
        let form = "grant_type=client_credentials&client_id=sandbox-client-id\
                    &client_secret=sandbox-client-secret";
        let target = ("POST", "/services/oauth2/token");
        let login = org.request(target, &[], form.into(), now);
        assert_eq!(login.status, 200, "the org lets us in");
        let mut workspace = intercom::Options {
            app_id: APP_ID.into(),
            ..intercom::Options::default()
        };
        workspace.switches.cleared_attributes_stay = cleared_stay;
        let mut workspace = intercom::Simulated::new(&workspace);
        let attributes = [
            ("nickname", "string"),
            ("interests", "string"),
            ("trial_ends", "integer"),
            ("crosswalk_created_from", "string"),
        ];
        for (name, data_type) in attributes {
            let attribute = json!({
                "verb": "define_attribute", "model": "contact", "name": name,
                "data_type": data_type,
            });
            workspace.act(&attribute, now).expect("it can be defined");
        }
        Self {
            intercom: workspace,
            salesforce: org,
            edits: Vec::new(),
            arrived: 0,
            requests: tells.then(Vec::new),
            contacts: People::new(),
            rows: People::new(),
            sites: BTreeMap::new(),
            login: login.body,
            user_id,
            org_id,
        }
    }

    /// A person does something in Intercom. None if the product refused it.
    pub fn act_in_intercom(&mut self, act: &Json, now: i64) -> Option<Json> {
        let done = self.intercom.act(act, now).ok();
        self.note(Side::Intercom, &By::Person, None, now);
        done
    }

    /// A person does something in Salesforce. None if the product refused it.
    pub fn act_in_salesforce(&mut self, act: &Json, now: i64) -> Option<Json> {
        let done = self.salesforce.act(act, now).ok();
        self.note(Side::Salesforce, &By::Person, None, now);
        done
    }

    /// Takes down the web address of what was made.
    pub fn has_site(&mut self, made: Option<Json>, site: &str) {
        if let Some(id) = made.as_ref().and_then(|made| made["id"].as_str()) {
            self.sites.insert(id.to_owned(), site.to_owned());
        }
    }

    /// A request of ours arrives.
    pub fn request(&mut self, topic: Topic, request: &Request, by: &By, now: i64) -> Response {
        let base = match topic {
            Topic::SalesforceWrites => ORG_URL,
            _ => WORKSPACE_URL,
        };
        let target = request.url.strip_prefix(base).unwrap_or(&request.url);
        let headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let call = (request.method.as_str(), target);
        let body = request.body.clone();
        let (status, headers, answer) = if topic == Topic::SalesforceWrites {
            let answer = self.salesforce.request(call, &headers, body, now);
            (answer.status, answer.headers, answer.body)
        } else {
            let answer = self.intercom.request(call, &headers, body, now);
            (answer.status, answer.headers, answer.body)
        };
        let sent = serde_json::from_slice::<Json>(&request.body).unwrap_or_default();
        self.arrived += 1;
        if let Some(requests) = &mut self.requests {
            requests.push(format!(
                "{now} {} {target} {sent} -> {status} {}",
                call.0,
                String::from_utf8_lossy(&answer)
            ));
        }
        let side = match topic {
            Topic::SalesforceWrites => Side::Salesforce,
            _ => Side::Intercom,
        };
        // Whoever asks changes nothing.
        let asks = call.0 == "GET" || target.ends_with("/contacts/search");
        if !asks {
            self.note(side, by, Some(&sent), now);
        }
        Response {
            status,
            headers,
            body: answer,
        }
    }

    /// Takes down what is different since the last call.
    fn note(&mut self, side: Side, by: &By, sent: Option<&Json>, now: i64) {
        let changed: People = match side {
            Side::Intercom => {
                let (changed, gone) = self.intercom.take_changed_contacts();
                for id in gone {
                    self.contacts.remove(&id);
                }
                changed.iter().map(shown_contact).collect()
            }
            Side::Salesforce => {
                let org = &mut self.salesforce;
                let mut rows = |object| {
                    let rows = org.take_changed_rows(object).into_iter();
                    rows.map(move |row| shown_row(object, &row))
                };
                rows("Lead").chain(rows("Contact")).collect()
            }
        };
        for (record, shown) in changed {
            let people = match side {
                Side::Intercom => &mut self.contacts,
                Side::Salesforce => &mut self.rows,
            };
            let known = people.get(&record);
            for (field, new) in &shown {
                let old = known.and_then(|known| known.get(field));
                let old = old.cloned().unwrap_or_default();
                if old == *new {
                    continue;
                }
                let object = shown.get("object").map_or("contact", String::as_str);
                let edit = Edit {
                    at: now,
                    side,
                    object: object.to_owned(),
                    record: record.clone(),
                    field: field.clone(),
                    old,
                    new: new.clone(),
                    by: by.clone(),
                    born: known.is_none(),
                };
                apart(&mut self.edits, edit, sent);
            }
            people.insert(record, shown);
        }
    }
}

/// What we did not ask for, the org's automations did: a change of a field that the request does
/// not name, or to a value that it does not name.
fn apart(edits: &mut Vec<Edit>, edit: Edit, sent: Option<&Json>) {
    let ours = matches!(edit.by, By::Us { .. });
    let Some(sent) = sent.filter(|_| ours && edit.side == Side::Salesforce) else {
        edits.push(edit);
        return;
    };
    let asked = sent.get(&edit.field).map(text);
    match asked {
        Some(asked) if !same_form(&asked, &edit.new) => {
            let (old, new) = (edit.old.clone(), edit.new.clone());
            if asked != old {
                edits.push(Edit {
                    new: asked.clone(),
                    ..edit.clone()
                });
            }
            edits.push(Edit {
                old: if asked != old { asked } else { old },
                new,
                by: By::Automation,
                ..edit
            });
        }
        None if !edit.born => edits.push(Edit {
            by: By::Automation,
            ..edit
        }),
        _ => edits.push(edit),
    }
}

/// Whether two values mean the same number, or the same text.
pub fn same_form(left: &str, right: &str) -> bool {
    let digits = |text: &str| {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let national = digits.len().saturating_sub(10);
        digits[national..].to_owned()
    };
    let (one, other) = (digits(left), digits(right));
    let numbers = one.len() == 10 && left.chars().all(|letter| !letter.is_alphabetic());
    left.eq_ignore_ascii_case(right) || (numbers && one == other)
}
