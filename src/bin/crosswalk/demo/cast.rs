//! The people of the story, and the secrets of its two systems: plain constants.
//!
//! Names are borrowed from the history of computing; addresses and telephone numbers belong to
//! nobody (`.example`, 555-01xx).

pub const APP_ID: &str = "engines1";
pub const STRANGER_APP_ID: &str = "stranger9";
pub const WEBHOOK_SECRET: &str = "demo-webhook-secret-1843";
pub const INTERCOM_TOKEN: &str = "demo-intercom-token-1936";
pub const SALESFORCE_CLIENT_ID: &str = "demo-consumer-key";
pub const SALESFORCE_SECRET: &str = "demo-consumer-secret-1945";
pub const SECRETS: [&str; 3] = [WEBHOOK_SECRET, INTERCOM_TOKEN, SALESFORCE_SECRET];

pub const COMPANY: &str = "Analytical Engines";

/// One person as Intercom knows them, and as Salesforce should.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    pub name: &'static str,
    pub first: &'static str,
    pub last: &'static str,
    pub email: &'static str,
    pub phone: &'static str,
    /// The same number as it should stand in Salesforce.
    pub phone_e164: &'static str,
}

pub const ADA: Person = Person {
    name: "Ada King Lovelace",
    first: "Ada King",
    last: "Lovelace",
    email: "ada@analytical.example",
    phone: "(415) 555-0143",
    phone_e164: "+14155550143",
};
pub const GRACE: Person = Person {
    name: "Grace Hopper",
    first: "Grace",
    last: "Hopper",
    email: "grace@compilers.example",
    phone: "+1 415 555 0144",
    phone_e164: "+14155550144",
};
pub const CHARLES: Person = Person {
    name: "Charles Babbage",
    first: "Charles",
    last: "Babbage",
    email: "charles@difference.example",
    phone: "+1 415 555 0145",
    phone_e164: "+14155550145",
};
pub const JOAN: Person = Person {
    name: "Joan Clarke",
    first: "Joan",
    last: "Clarke",
    email: "hut8@bletchley.example",
    phone: "+1 415 555 0146",
    phone_e164: "+14155550146",
};
pub const ALAN: Person = Person {
    name: "Alan Turing",
    first: "Alan",
    last: "Turing",
    email: "hut8@bletchley.example",
    phone: "+1 415 555 0147",
    phone_e164: "+14155550147",
};
pub const KONRAD: Person = Person {
    name: "Konrad Zuse",
    first: "Konrad",
    last: "Zuse",
    email: "konrad@relays.example",
    phone: "+1 415 555 0148",
    phone_e164: "+14155550148",
};
pub const EDSGER: Person = Person {
    name: "Edsger Dijkstra",
    first: "Edsger",
    last: "Dijkstra",
    email: "edsger@shortest-path.example",
    phone: "+1 415 555 0149",
    phone_e164: "+14155550149",
};
pub const MARGARET: Person = Person {
    name: "Margaret Hamilton",
    first: "Margaret",
    last: "Hamilton",
    email: "margaret@landing.example",
    phone: "+1 415 555 0150",
    phone_e164: "+14155550150",
};
pub const EVERYBODY: [Person; 8] = [ADA, GRACE, CHARLES, JOAN, ALAN, KONRAD, EDSGER, MARGARET];

/// What visitors write.
pub const QUESTIONS: [&str; 3] = [
    "Can your engine weave algebraical patterns?",
    "How many cards does one program take?",
    "Is there a discount for astronomers?",
];

const FIRST_NAMES: [&str; 16] = [
    "Mary",
    "Jean",
    "Betty",
    "Kathleen",
    "Frances",
    "Marlyn",
    "Ruth",
    "Evelyn",
    "Dorothy",
    "Katherine",
    "Hedy",
    "Radia",
    "Barbara",
    "Adele",
    "Sophie",
    "Annie",
];
const LAST_NAMES: [&str; 17] = [
    "Somerville",
    "Bartik",
    "Holberton",
    "Antonelli",
    "Spence",
    "Meltzer",
    "Teitelbaum",
    "Berezin",
    "Vaughan",
    "Johnson",
    "Lamarr",
    "Perlman",
    "Liskov",
    "Goldberg",
    "Wilson",
    "Easley",
    "Herschel",
];

/// One of the many whose edits are timed.
#[derive(Debug, Clone)]
pub struct Extra {
    pub first: &'static str,
    pub last: &'static str,
    pub email: String,
    pub phone: String,
}

impl Extra {
    /// The same people in every run.
    pub fn numbered(number: u32) -> Self {
        let place = number as usize;
        Self {
            first: FIRST_NAMES[place % FIRST_NAMES.len()],
            last: LAST_NAMES[place % LAST_NAMES.len()],
            email: format!("extra{number:04}@crowd.example"),
            phone: format!("+1415555{:04}", 100 + number % 100),
        }
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }
}

/// Every text that identifies one of the first `extras` extras or somebody of the cast.
pub fn personal(extras: u32) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for person in EVERYBODY {
        let parts = [person.name, person.first, person.last, person.email];
        texts.extend(parts.map(str::to_owned));
        texts.extend([person.phone, person.phone_e164].map(str::to_owned));
    }
    for extra in (0..extras).map(Extra::numbered) {
        texts.extend([extra.name(), extra.email.clone(), extra.phone.clone()]);
        texts.extend([extra.first, extra.last].map(str::to_owned));
    }
    texts.extend(crate::demo::past::personal());
    texts.extend(QUESTIONS.map(str::to_owned));
    texts.sort();
    texts.dedup();
    texts
}
