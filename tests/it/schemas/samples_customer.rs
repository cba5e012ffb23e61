//! One canonical event of every kind, and a profile of either state.

use crosswalk::domain::customer_event::{
    AccountContext, CustomerEvent, CustomerEventKind, Lineage, Profile, ProfileState,
};
use crosswalk::domain::journal::CustomerKind;
use crosswalk::domain::{CustomerId, EventId, Message, RecordRef, ReviewId, Value};

use super::samples::*;

const KINDS: [CustomerEventKind; 9] = [
    CustomerEventKind::ContactCreated,
    CustomerEventKind::ContactChanged,
    CustomerEventKind::LeadCreated,
    CustomerEventKind::LeadConverted,
    CustomerEventKind::CompanyChanged,
    CustomerEventKind::Linked,
    CustomerEventKind::Merged,
    CustomerEventKind::Split,
    CustomerEventKind::Conflict,
];

pub fn customers() -> Vec<(String, Message)> {
    let mut all: Vec<(String, Message)> = KINDS.into_iter().map(event).collect();
    all.push(("profile.golden".to_owned(), profile(golden())));
    let alias = ProfileState::Alias { of: customer(1) };
    all.push(("profile.alias".to_owned(), profile(alias)));
    all
}

fn customer(sequence: u64) -> CustomerId {
    CustomerId::founded_at(&bridge(), sequence)
}

fn event(kind: CustomerEventKind) -> (String, Message) {
    let sequence = kind as u64 + 10;
    let is_conflict = kind == CustomerEventKind::Conflict;
    let account = AccountContext {
        account: RecordRef::new(&source("sales"), "Account", "0015g00000ABCDEAA4").unwrap(),
        customer: Some(customer(3)),
        ultimate: RecordRef::new(&source("sales"), "Account", "0015g00000TOPTOAA0").ok(),
        ultimate_customer: Some(customer(4)),
        fault: None,
    };
    let event = CustomerEvent {
        id: EventId::at("main", sequence),
        bridge: bridge(),
        customer: customer(1),
        at: AT,
        kind,
        records: vec![contact(), lead()],
        account: (kind != CustomerEventKind::CompanyChanged).then_some(account),
        fields: vec!["email".into(), "name".into()],
        observation: Some(observation_id()),
        lineage: Lineage {
            sequence,
            absorbed: (kind == CustomerEventKind::Merged).then(|| customer(5)),
            founded: (kind == CustomerEventKind::Split).then(|| customer(6)),
            review: is_conflict.then(|| ReviewId::opened_at(&bridge(), 9)),
            policy: (kind == CustomerEventKind::Linked).then(|| "email".to_owned()),
        },
    };
    let case = format!("customer_event.{}", kind.label());
    (case, Message::CustomerEvent(Box::new(event)))
}

fn golden() -> ProfileState {
    ProfileState::Golden {
        fields: [
            ("email".into(), Value::from("ada@example.com")),
            ("phone".into(), Value::Null),
        ]
        .into(),
        records: vec![lead(), contact()],
        account: None,
    }
}

fn profile(state: ProfileState) -> Message {
    Message::Profile(Box::new(Profile {
        customer: customer(1),
        bridge: bridge(),
        at: AT,
        kind: CustomerKind::Person,
        state,
    }))
}
