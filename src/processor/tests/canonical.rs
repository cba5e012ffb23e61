//! Canonical events and profiles: what each journal event tells, and what none ever tells.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::domain::customer_event::{CustomerEvent, CustomerEventKind as Kind, ProfileState};
use crate::domain::journal::{Claim, CustomerKind, DomainEvent as E, EchoSignal, Via, WriteEnding};
use crate::domain::view::ViewRead;
use crate::domain::{Change, Command, CommandId, CommandKind, CustomerId, Fields, Gone};
use crate::domain::{JournalEntry, JournalKey, MatchRule, Message, ObjectName, ObservationId};
use crate::domain::{RecordRef, ReviewId, Timestamp, Topic, Value, Version, ViewKey};
use crate::domain::{WriteCommand, WriteTarget};
use crate::ports::view_store::MemoryStore;
use crate::processor::evolve::evolve;
use crate::processor::overlay::Overlay;
use crate::processor::project::{history, profile};
use crate::processor::tests::world::*;
use crate::processor::view::View;

const ADA: &str = "ada@example.com";
const SECRETS: [&str; 5] = [ADA, "Lovelace", "+44 20 7946", "Countess", "gold-plan"];

fn customer(number: u8) -> CustomerId {
    CustomerId::from_bytes([number; 16])
}

fn review() -> ReviewId {
    ReviewId::from_bytes([9; 16])
}

fn seen(record: RecordRef, via: Via, fields: &[(&str, &str)]) -> E {
    let text = |(name, value): &(&str, &str)| ((*name).into(), Value::text(*value));
    E::RecordSeen {
        record,
        version: Version::second(1),
        via,
        fields: fields.iter().map(text).collect(),
        tags: None,
        companies: None,
        keys: None,
    }
}

fn founded(number: u8, kind: CustomerKind, record: RecordRef) -> E {
    let customer = customer(number);
    E::CustomerFounded {
        customer,
        kind,
        record,
    }
}

fn linked(
    (left, right): (RecordRef, RecordRef),
    rule: MatchRule,
    into: u8,
    absorbed: Option<u8>,
) -> E {
    E::RecordLinked {
        left,
        right,
        rule,
        rule_version: 1,
        evidence: "hash".into(),
        customer: customer(into),
        absorbed: absorbed.map(customer),
    }
}

fn claim(record: RecordRef, value: &str) -> Claim {
    let value = Value::text(value);
    let version = Version::second(1);
    Claim {
        record,
        value,
        version,
    }
}

fn create(origin: RecordRef) -> Command {
    let target = WriteTarget::Create {
        object: ObjectName::new("Lead").unwrap(),
        key_field: "Intercom_Contact_ID__c".into(),
        key_value: "abc123:c2".into(),
        origin,
    };
    Command {
        id: CommandId::from_bytes([7; 16]),
        bridge: bridge(),
        source: sales(),
        attempt: 1,
        requested_at: Timestamp(1),
        deadline: Timestamp(2),
        lane: "lane".into(),
        cause: ObservationId::from_bytes([1; 16]),
        caused_at: Timestamp(0),
        kind: CommandKind::Write(WriteCommand {
            target,
            sequence: 1,
            fields: Vec::new(),
            auto_assign: true,
            read_first: false,
        }),
    }
}

/// Ada and her company, known on both sides.
fn first_days() -> Vec<E> {
    let (ada, acme) = (contact("c1"), company("co1"));
    let account = salesforce("Account", "001A");
    let mut shown = seen(
        ada.clone(),
        Via::Webhook,
        &[("email", ADA), ("name", "Ada")],
    );
    if let E::RecordSeen { companies, .. } = &mut shown {
        *companies = Some(["co1".to_owned()].into());
    }
    let mut tagged = seen(ada.clone(), Via::Webhook, &[]);
    if let E::RecordSeen { tags, .. } = &mut tagged {
        *tags = Some(["t1".to_owned()].into());
    }
    vec![
        founded(1, CustomerKind::Person, ada.clone()),
        shown,
        tagged,
        seen(ada.clone(), Via::Webhook, &[("phone", "+44 20 7946")]),
        seen(ada.clone(), Via::Write, &[("phone", "+44 20 7946")]),
        E::FieldAgreed {
            customer: customer(1),
            field: "email".into(),
            value: Value::text(ADA),
            previous: Value::Null,
            by: ada.clone(),
            policy: "founding".into(),
            version: Version::second(1),
        },
        founded(2, CustomerKind::Company, acme.clone()),
        seen(acme.clone(), Via::Webhook, &[("plan.name", "gold-plan")]),
        linked((acme, account.clone()), MatchRule::AccountKey, 2, None),
        seen(account, Via::Lookup, &[("Intercom_Plan__c", "gold-plan")]),
        seen(ada, Via::Webhook, &[("name", "Ada Lovelace")]),
    ]
}

/// Leads that were there, that we made, and what becomes of them.
fn leads() -> Vec<E> {
    let (ada, bob) = (contact("c1"), contact("c2"));
    let (there, ours) = (salesforce("Lead", "00Q1"), salesforce("Lead", "00Q2"));
    let became = salesforce("Contact", "0031");
    let account = salesforce("Account", "001B");
    vec![
        founded(3, CustomerKind::Person, there.clone()),
        seen(there.clone(), Via::Feed, &[("Email", ADA)]),
        linked((ada.clone(), there.clone()), MatchRule::Email, 1, Some(3)),
        founded(4, CustomerKind::Person, bob.clone()),
        seen(bob.clone(), Via::Webhook, &[("email", "bob@example.com")]),
        E::WriteRequested {
            command: create(bob.clone()),
        },
        linked((bob.clone(), ours.clone()), MatchRule::Created, 4, None),
        E::WriteSettled {
            command: CommandId::from_bytes([7; 16]),
            attempt: 1,
            record: ours.clone(),
            ending: WriteEnding::Done {
                created: true,
                values: None,
                version: None,
            },
        },
        seen(ours.clone(), Via::Feed, &[("Title", "Countess")]),
        E::EchoSuppressed {
            record: ours,
            signal: EchoSignal::Tag,
            write: 1,
            fields: vec!["Title".into()],
        },
        linked((ada, became.clone()), MatchRule::Conversion, 1, None),
        seen(became.clone(), Via::Row, &[("AccountId", "001B")]),
        E::LeadConverted {
            lead: there,
            contact: Some(became.clone()),
            account: Some(account),
            opportunity: None,
        },
        seen(became, Via::Feed, &[("Title", "Countess")]),
    ]
}

/// Conflicts, and what tells analysts nothing.
fn last_days() -> Vec<E> {
    let (ada, there) = (contact("c1"), salesforce("Contact", "0031"));
    let (kept, lost) = (claim(ada.clone(), "Lovelace"), claim(there, "Countess"));
    vec![
        E::ConflictDecided {
            customer: customer(1),
            field: "name".into(),
            policy: "newest".into(),
            kept: kept.clone(),
            lost: lost.clone(),
        },
        E::ConflictOpened {
            review: review(),
            customer: customer(1),
            field: "name".into(),
            claims: vec![kept, lost],
        },
        E::ReviewAnswered {
            review: review(),
            answer: "dismiss".into(),
            by: "ops".into(),
        },
        E::OwnerSeen {
            owner: salesforce("User", "0051"),
            fields: Fields::from([("Name".into(), Value::text("Countess"))]),
        },
        E::RecordLeft {
            record: ada,
            how: Gone::Archived,
            at: None,
        },
        E::TimeAdvanced { to: Timestamp(99) },
    ]
}

fn journal() -> Vec<JournalEntry> {
    let events = [first_days(), leads(), last_days()].into_iter().flatten();
    let entry = |(place, event)| JournalEntry {
        key: JournalKey::Bridge(bridge()),
        sequence: place as u64 + 1,
        at: Timestamp(1_000 + place as i64),
        cause: Some(ObservationId::from_bytes([place as u8; 16])),
        event,
    };
    let mapping = E::MappingActivated {
        version: 1,
        hash: [0; 32],
        body: String::new(),
    };
    let mut all = vec![JournalEntry {
        key: JournalKey::Bridge(bridge()),
        sequence: 0,
        at: Timestamp(0),
        cause: None,
        event: mapping,
    }];
    all.extend(events.enumerate().map(entry));
    all
}

/// Rebuilds a view and tells again what each entry tells.
fn told_again(journal: &[JournalEntry]) -> (View, Vec<Option<CustomerEvent>>) {
    let mut view = View::open(Box::new(MemoryStore::default())).unwrap();
    let mut told = Vec::new();
    for entry in journal {
        let mut overlay = Overlay::new(&view);
        let first_sight = history::is_first_sight(&overlay, &bridge(), &entry.event);
        evolve(&mut overlay, entry);
        told.push(history::tell(&overlay, entry, first_sight));
        let changes = overlay.into_changes();
        view.apply(changes, 0);
    }
    (view, told)
}

fn line(entry: &JournalEntry, told: Option<&CustomerEvent>) -> String {
    let mut line = format!("{} {}", entry.sequence, entry.event.name());
    let Some(event) = told else {
        return line + ": -";
    };
    let number = |id: &CustomerId| format!("#{}", id.as_bytes()[0]);
    write!(line, ": {} {}", event.kind.label(), number(&event.customer)).unwrap();
    for record in &event.records {
        write!(line, " {}/{}", record.object, record.id).unwrap();
    }
    if let Some(context) = &event.account {
        let holder = context.customer.as_ref().map_or("?".into(), number);
        write!(line, " at {} ({holder})", context.account.id).unwrap();
    }
    if !event.fields.is_empty() {
        write!(line, " [{}]", event.fields.join(" ")).unwrap();
    }
    let lineage = &event.lineage;
    if let Some(absorbed) = &lineage.absorbed {
        write!(line, " absorbed {}", number(absorbed)).unwrap();
    }
    if let Some(policy) = &lineage.policy {
        write!(line, " by {policy}").unwrap();
    }
    line + if lineage.review.is_some() {
        " review"
    } else {
        ""
    }
}

const TOLD: &str = "\
0 mapping_activated: -
1 customer_founded: -
2 record_seen: contact_created #1 contact/c1 [email name]
3 record_seen: -
4 record_seen: contact_changed #1 contact/c1 [phone]
5 record_seen: -
6 field_agreed: -
7 customer_founded: -
8 record_seen: company_changed #2 company/co1 [plan.name]
9 record_linked: linked #2 company/co1 Account/001A at 001A (#2) by account_key
10 record_seen: company_changed #2 Account/001A at 001A (#2) [Intercom_Plan__c]
11 record_seen: contact_changed #1 contact/c1 at 001A (#2) [name]
12 customer_founded: -
13 record_seen: lead_created #3 Lead/00Q1 [Email]
14 record_linked: merged #1 contact/c1 Lead/00Q1 at 001A (#2) absorbed #3 by email
15 customer_founded: -
16 record_seen: contact_created #4 contact/c2 [email]
17 write_requested: -
18 record_linked: linked #4 contact/c2 Lead/00Q2 by created
19 write_settled: lead_created #4 Lead/00Q2
20 record_seen: contact_changed #4 Lead/00Q2 [Title]
21 echo_suppressed: -
22 record_linked: linked #1 contact/c1 Contact/0031 at 001A (#2) by conversion
23 record_seen: -
24 lead_converted: lead_converted #1 Lead/00Q1 Contact/0031 Account/001B at 001B (?)
25 record_seen: contact_changed #1 Contact/0031 at 001B (?) [Title]
26 conflict_decided: conflict #1 contact/c1 Contact/0031 at 001B (?) [name] by newest
27 conflict_opened: conflict #1 contact/c1 Contact/0031 at 001B (?) [name] review
28 review_answered: -
29 owner_seen: -
30 record_left: -
31 time_advanced: -
";

#[test]
fn each_journal_event_tells_its_canonical_event_and_no_other() {
    let journal = journal();
    let (_, told) = told_again(&journal);
    let lines = journal.iter().zip(&told);
    let lines: Vec<String> = lines
        .map(|(entry, told)| line(entry, told.as_ref()))
        .collect();
    assert_eq!(lines.join("\n") + "\n", TOLD);
    for (entry, event) in journal.iter().zip(told) {
        let Some(event) = event else { continue };
        assert_eq!(event.id, entry.id());
        assert_eq!((event.at, event.observation), (entry.at, entry.cause));
        assert_eq!(event.lineage.sequence, entry.sequence);
    }
}

#[test]
fn a_customer_event_holds_no_value_of_a_record() {
    let (view, told) = told_again(&journal());
    let told = format!("{told:?}");
    for secret in SECRETS {
        assert!(!told.contains(secret), "{secret}");
    }
    // They were there to be told, and stand where they belong.
    let shown = journal().into_iter().filter_map(|entry| match entry.event {
        E::RecordSeen { fields, .. } => Some(fields),
        _ => None,
    });
    let shown: Vec<String> = shown.flat_map(|fields| texts(&fields)).collect();
    for secret in SECRETS {
        assert!(shown.iter().any(|text| text.contains(secret)), "{secret}");
    }
    let profile = profile::profile(&view, &bridge(), &customer(1), Timestamp(0)).unwrap();
    let ProfileState::Golden { fields, .. } = profile.state else {
        panic!("nobody absorbed the first customer");
    };
    assert_eq!(texts(&fields), [ADA]);
}

fn texts(fields: &Fields) -> Vec<String> {
    fields.values().map(Value::display).collect()
}

/// A life in the world: two leads are created, change, and Intercom merges them.
fn lived() -> World {
    let mut world = World::new();
    world.created_lead("c1", ADA);
    world.created_lead("c2", "other@example.com");
    let titled = [("email", ADA), ("custom_attributes.job_title", "Countess")];
    let write = world.show(with_tag(lead("c1", 2000, &titled)));
    world.answer(&write[0], written(&salesforce("Lead", "00Qc1"), false));
    world.show(lead("c3", 3000, &[("email", "third@example.com")]));
    world.change(Change::Merged {
        survivor: lead("c1", 5000, &[("email", ADA), ("name", "Ada Lovelace")]),
        absorbed: Some(contact("c2")),
    });
    world
}

#[test]
fn a_rebuild_tells_the_same_canonical_events() {
    let world = lived();
    let journal: Vec<JournalEntry> = world.journal.clone();
    let (_, again) = told_again(&journal);
    let again: Vec<CustomerEvent> = again.into_iter().flatten().collect();
    assert_eq!(world.told, again);
    let ids: BTreeSet<_> = again.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), again.len());
    let count = |kind| again.iter().filter(|event| event.kind == kind).count();
    let counts = [
        Kind::ContactCreated,
        Kind::LeadCreated,
        Kind::ContactChanged,
        Kind::Linked,
        Kind::Merged,
    ]
    .map(count);
    // What Intercom merged is seen with the survivor; its values move nothing.
    assert_eq!(counts, [3, 2, 1, 2, 1], "{again:#?}");
}

#[test]
fn an_observation_tells_a_profile_once_and_it_is_what_the_view_holds() {
    let mut world = World::new();
    let many = [("email", ADA), ("name", "Ada Lovelace"), ("phone", "1")];
    world.qualify(lead("c1", 1000, &many));
    assert!(world.counted(|event| matches!(event, E::FieldAgreed { .. })) >= 3);
    let customer = world.customer(&contact("c1"));
    let told: Vec<_> = world.profiles.iter().collect();
    assert_eq!(told.len(), 1, "three decisions, one profile");
    let ProfileState::Golden {
        fields, records, ..
    } = &told[0].state
    else {
        panic!("{told:?}");
    };
    assert_eq!(told[0].customer, customer.id);
    assert_eq!(records, &[contact("c1")]);
    let decided = customer.decided.iter();
    let decided: Fields = decided
        .map(|(name, decided)| (name.clone(), decided.value.clone()))
        .collect();
    assert!(decided.len() >= 3 && fields == &decided, "{fields:?}");
    // What changes nothing for the customer tells no profile.
    world.pass(1);
    world.show(with_tag(lead("c1", 2000, &many)));
    assert_eq!(world.profiles.len(), 1);
}

#[test]
fn the_newest_profile_of_every_customer_leads_to_what_the_view_holds() {
    let world = lived();
    let newest: BTreeMap<_, _> = world
        .profiles
        .iter()
        .map(|one| (one.customer, one))
        .collect();
    for event in &world.told {
        let mut profile = newest[&event.customer];
        while let ProfileState::Alias { of } = &profile.state {
            profile = newest[of];
        }
        let id = profile.customer;
        let now = profile::profile(&world.view, &bridge(), &id, profile.at);
        assert_eq!(Some(profile), now.as_ref());
        assert!(world.view.get(&ViewKey::customer(&bridge(), &id)).is_some());
    }
}

#[test]
fn a_customer_that_was_merged_away_gets_an_alias_for_a_profile() {
    let world = lived();
    let kept = world.customer(&contact("c1"));
    let merged = world.told.iter().find(|event| event.kind == Kind::Merged);
    let merged = merged.unwrap();
    let absorbed = merged.lineage.absorbed.unwrap();
    assert_eq!(merged.customer, kept.id);
    let of = |id| {
        world
            .profiles
            .iter()
            .rfind(|one| one.customer == id)
            .unwrap()
    };
    assert_eq!(of(absorbed).state, ProfileState::Alias { of: kept.id });
    let ProfileState::Golden { records, .. } = &of(kept.id).state else {
        panic!("the one that stays has a golden record");
    };
    let records: BTreeSet<_> = records.iter().cloned().collect();
    assert_eq!(records, kept.records.keys().cloned().collect());
    assert!(records.contains(&contact("c2")) && records.len() == 4);
}

#[test]
fn customer_events_and_profiles_stand_under_their_customer() {
    let mut world = World::new();
    world.show(lead("c1", 1000, &[("email", ADA)]));
    let customer = world.customer(&contact("c1")).id;
    let topics = [Topic::CustomerEvents, Topic::CustomerProfiles];
    for topic in topics {
        let mut outputs = world.last.outputs.iter();
        let one = outputs.find(|one| one.topic == topic).unwrap();
        assert_eq!(*one.key, customer.to_string());
        let named = match &one.message {
            Some(Message::CustomerEvent(event)) => event.customer,
            Some(Message::Profile(profile)) => profile.customer,
            other => panic!("{other:?}"),
        };
        assert_eq!(named, customer);
    }
}
