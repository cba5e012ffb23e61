//! The people in both systems, and what an administrator has set up: chance decides what they do.

use serde_json::{Value as Json, json};

use crate::sim::history::{Shown, Side};
use crate::sim::mapping::CLIENT_TOKEN;
use crate::sim::world::World;

const TIERS: [&str; 3] = ["Mr.", "Ms.", "Dr."];
const STATUSES: [&str; 3] = [
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Not Converted",
];
const REPS: [&str; 3] = [
    "0055g00000Rep01AAB",
    "0055g00000Rep02AAB",
    "0055g00000Rep03AAB",
];
/// Addresses that both systems use: some people are in both from the start.
const PEOPLE: usize = 6;
/// 2026-03-01, about when trials end.
const TRIALS_S: i64 = 1_772_323_200;
/// Web addresses of companies, some of them of everybody's mail.
const SITES: [&str; 4] = [
    "https://kestrel.example",
    "www.heron.example",
    "https://gmail.com",
    "mail.yahoo.com",
];
/// Of new leads in Intercom, those with an address of their own.
const ALONE_PERMILLE: usize = 350;

impl World {
    /// Automations and the first people.
    pub(super) fn arrange(&mut self) {
        let ours = format!("client={CLIENT_TOKEN}");
        let arrangements = [
            json!({"verb": "normalise", "object": "Lead", "field": "Phone", "how": "phone"}),
            json!({"verb": "automation", "object": "Lead", "when_origin_contains": ours,
                "set": {"Rating": "Hot"}, "same_transaction": true}),
            json!({"verb": "automation", "object": "Lead", "when_origin_contains": ours,
                "when_field": "Title", "set": {"Status": "Working - Contacted"},
                "same_transaction": true}),
            json!({"verb": "automation", "object": "Lead", "when_origin_contains": ours,
                // Each time another value: one that is set back to what stood there is no change
                // in the org, no event tells of it, and only a sweep can (they come later).
                "when_field": "External_User_ID__c",
                "set": {"External_User_ID__c": {"normalise": "prefix:x "}},
                "same_transaction": self.chance.permille(500)}),
        ];
        for (place, act) in arrangements.into_iter().enumerate() {
            let permille = if place == 3 { 150 } else { 350 };
            if self.chance.permille(permille) {
                self.remotes
                    .act_in_salesforce(&act, self.now)
                    .expect("it can be arranged");
            }
        }
        for _ in 0..2 {
            self.new_lead_in_intercom();
        }
    }

    /// One act of one person, in either system.
    pub(super) fn somebody_acts(&mut self) {
        if self.crosses() {
            return;
        }
        if self.outward && self.chance.permille(60) {
            return self.new_person_in_salesforce();
        }
        match self.chance.below(100) {
            0..34 => self.agent_edits(),
            34..64 => self.rep_edits(),
            64..72 => {
                self.agent_edits();
                self.rep_edits();
            }
            72..82 => self.agent_qualifies(),
            82..88 => self.new_lead_in_intercom(),
            88..93 => self.new_person_in_salesforce(),
            93..96 => self.rep_converts(),
            96 => self.new_company(),
            97 => self.agents_merge(),
            _ => self.rep_deletes(),
        }
    }

    pub(super) fn some_rep(&mut self) -> &'static str {
        self.chance.one_of::<&str>(&REPS)
    }

    fn address(&mut self) -> String {
        format!("person{}@example.com", self.chance.below(PEOPLE))
    }

    /// A word that nobody used before.
    pub(super) fn word(&mut self, kind: &str) -> String {
        self.words += 1;
        format!("{kind}{}", self.words)
    }

    pub(super) fn number(&mut self) -> String {
        self.words += 1;
        let line = self.words % 10_000;
        match self.chance.below(3) {
            0 => format!("(415) 555-{line:04}"),
            1 => format!("415-555-{line:04}"),
            _ => format!("+1415555{line:04}"),
        }
    }

    fn new_lead_in_intercom(&mut self) {
        // Of somebody whom nobody else can be, it can be told which value has to stand.
        let email = match self.chance.permille(ALONE_PERMILLE) {
            true => format!("{}@example.com", self.word("alone")),
            false => self.address(),
        };
        let name = self.word("Ada N");
        let mut act = json!({
            "verb": "create_contact", "role": "lead", "name": name, "email": email,
        });
        if self.chance.permille(500) {
            act["phone"] = json!(self.number());
            act["custom_attributes"] = json!({"job_title": self.word("Title ")});
        }
        let made = self.remotes.act_in_intercom(&act, self.now);
        if let Some(made) = made.filter(|_| self.chance.permille(700)) {
            self.tag(&made["id"]);
        }
    }

    fn tag(&mut self, id: &Json) {
        let act = json!({"verb": "tag", "contact_id": id, "name": "qualified"});
        self.remotes.act_in_intercom(&act, self.now);
    }

    fn agent_qualifies(&mut self) {
        if let Some(id) = self.some_contact() {
            self.tag(&json!(id));
        }
    }

    fn agent_edits(&mut self) {
        let Some(id) = self.some_contact() else {
            return;
        };
        let set = match self.chance.below(26) {
            place @ 0..12 | place @ 20..24 => {
                let place = if place < 12 { place } else { 12 };
                self.agent_sets(&id, place / 4);
                return self.was_edited(Side::Intercom, &id, place / 4);
            }
            12..14 => json!({"custom_attributes": {"support_tier": *self.chance.one_of(&TIERS)}}),
            14..16 => json!({"unsubscribed_from_emails": self.chance.permille(500)}),
            16..19 => json!({"name": self.word("Ada N")}),
            19 => json!({"email": self.address()}),
            _ => {
                // Within some hours of a midnight somewhere, on any day of two months.
                let at = TRIALS_S + self.chance.between(0, 60 * 24) * 3_600;
                json!({"custom_attributes": {"trial_ends": at}})
            }
        };
        let act = json!({"verb": "update_contact", "id": id, "set": set});
        self.remotes.act_in_intercom(&act, self.now);
    }

    fn rep_edits(&mut self) {
        let Some((_, id)) = self.some_row() else {
            return;
        };
        let fields = match self.chance.below(24) {
            place @ 0..12 | place @ 20..24 => {
                let place = if place < 12 { place } else { 12 };
                self.rep_sets(&id, place / 4);
                return self.was_edited(Side::Salesforce, &id, place / 4);
            }
            12..14 => json!({"Salutation": *self.chance.one_of(&TIERS)}),
            14..16 => json!({"HasOptedOutOfEmail": self.chance.permille(500)}),
            16..18 => json!({"Status": *self.chance.one_of(&STATUSES)}),
            18 => json!({"OwnerId": self.some_rep()}),
            _ => json!({"Title": self.word("Title "), "Phone": self.number()}),
        };
        let user = self.some_rep();
        let act = json!({"verb": "update", "id": id, "fields": fields, "as_user": user});
        self.remotes.act_in_salesforce(&act, self.now);
    }

    fn new_person_in_salesforce(&mut self) {
        let object = *self.chance.one_of(&["Lead", "Contact"]);
        let mut fields = json!({
            "LastName": self.word("Byron"), "Email": self.address(), "Title": self.word("Title "),
        });
        if self.outward && self.chance.permille(600) {
            // Somebody whom nobody in Intercom knows yet, or can know.
            fields["Email"] = match self.chance.permille(500) {
                true => json!(format!("{}@example.com", self.word("own"))),
                false => Json::Null,
            };
        }
        if object == "Lead" {
            fields["Company"] = json!("Analytical Engines");
        }
        let act = json!({"verb": "create", "object": object, "fields": fields});
        self.remotes.act_in_salesforce(&act, self.now);
    }

    /// A company in either system. Those of one site are one company, but where the site is
    /// everybody's.
    fn new_company(&mut self) {
        let (name, site) = (self.word("Works "), *self.chance.one_of(&SITES));
        if self.chance.permille(500) {
            let act = json!({"verb": "create_company", "name": name, "website": site});
            let made = self.remotes.act_in_intercom(&act, self.now);
            self.remotes.has_site(made, site);
        } else {
            let fields = json!({"Name": name, "Website": site});
            let act = json!({"verb": "create", "object": "Account", "fields": fields});
            let made = self.remotes.act_in_salesforce(&act, self.now);
            self.remotes.has_site(made, site);
        }
    }

    fn rep_converts(&mut self) {
        let Some(("Lead", id)) = self.some_row() else {
            return;
        };
        let act = json!({"verb": "convert_lead", "id": id});
        self.remotes.act_in_salesforce(&act, self.now);
    }

    fn rep_deletes(&mut self) {
        if let Some((_, id)) = self.some_row() {
            let act = json!({"verb": "delete", "id": id});
            self.remotes.act_in_salesforce(&act, self.now);
        }
    }

    fn agents_merge(&mut self) {
        let (Some(from), Some(into)) = (self.some_contact(), self.some_contact()) else {
            return;
        };
        if from != into {
            let act = json!({"verb": "merge", "from": from, "into": into});
            self.remotes.act_in_intercom(&act, self.now);
        }
    }

    pub(super) fn some_contact(&mut self) -> Option<String> {
        let living = |(_, shown): &(&String, &Shown)| shown["state"] == "active";
        let ids: Vec<String> = self
            .remotes
            .contacts
            .iter()
            .filter(living)
            .map(|(id, _)| id.clone())
            .collect();
        (!ids.is_empty()).then(|| self.chance.one_of(&ids).clone())
    }

    pub(super) fn some_row(&mut self) -> Option<(&'static str, String)> {
        let living =
            |shown: &Shown| shown["IsDeleted"] == "false" && shown["IsConverted"] != "true";
        let rows: Vec<(&'static str, String)> = self
            .remotes
            .rows
            .iter()
            .filter(|(_, shown)| living(shown))
            .map(|(id, shown)| {
                let object = if shown["object"] == "Lead" {
                    "Lead"
                } else {
                    "Contact"
                };
                (object, id.clone())
            })
            .collect();
        (!rows.is_empty()).then(|| self.chance.one_of(&rows).clone())
    }
}
