//! One journal entry of every event, and of every way a write or read can end.

use std::collections::{BTreeMap, BTreeSet};

use crosswalk::domain::journal::{
    Basis, Claim, CustomerKind, Desire, DomainEvent, EchoSignal, HeldObservation, InputRange,
    JournalEntry, JournalKey, ReadEnding, ReadPurpose, ReviewKind, Verdict, Via, WalkReason,
    WriteEnding,
};
use crosswalk::domain::{
    CustomerId, Gone, MatchKey, MatchRule, Message, RecordRef, ReviewId, Timestamp, Topic, Value,
};

use super::samples::*;
use super::samples_brakes;

pub fn journal() -> Vec<(String, Message)> {
    let mut events = records();
    events.extend(links());
    events.extend(commands());
    events.extend(endings());
    events.extend(waiting());
    events.extend(disputes());
    let mut all = Vec::new();
    for (place, (case, event)) in events.into_iter().enumerate() {
        all.push(entry(
            case,
            JournalKey::Bridge(bridge()),
            place as u64,
            event,
        ));
    }
    let next = all.len();
    for (place, event) in samples_brakes::brakes().into_iter().enumerate() {
        let key = JournalKey::Bridge(bridge());
        all.push(entry("", key, (next + place) as u64, event));
    }
    for (place, event) in bookkeeping().into_iter().enumerate() {
        all.push(entry("", JournalKey::Partition(0), place as u64, event));
    }
    all
}

fn entry(case: &str, key: JournalKey, sequence: u64, event: DomainEvent) -> (String, Message) {
    let name = format!("journal.{}{case}", event.name());
    let is_caused = matches!(key, JournalKey::Bridge(_));
    let entry = JournalEntry {
        key,
        sequence,
        at: AT,
        cause: is_caused.then(observation_id),
        event,
    };
    (name, Message::Journal(Box::new(entry)))
}

pub fn customer(sequence: u64) -> CustomerId {
    CustomerId::founded_at(&bridge(), sequence)
}

pub fn review() -> ReviewId {
    ReviewId::opened_at(&bridge(), 9)
}

fn ids(ids: &[&str]) -> Option<BTreeSet<String>> {
    Some(ids.iter().map(|id| (*id).to_owned()).collect())
}

pub fn code(text: &str) -> String {
    text.to_owned()
}

type Cases = Vec<(&'static str, DomainEvent)>;

fn records() -> Cases {
    let keys = BTreeSet::from([MatchKey::new(MatchRule::Email, "ada@example.com")]);
    let seen = DomainEvent::RecordSeen {
        record: contact(),
        version: version(),
        via: Via::Webhook,
        fields: fields(),
        tags: ids(&["17"]),
        companies: None,
        keys: Some(keys),
    };
    let founded = DomainEvent::CustomerFounded {
        customer: customer(1),
        kind: CustomerKind::Person,
        record: contact(),
    };
    let mapping = DomainEvent::MappingActivated {
        version: 3,
        hash: [0xab; 32],
        body: "version: 3\n".to_owned(),
    };
    let named = DomainEvent::TagNamed {
        source: source("support"),
        tag_id: code("17"),
        name: code("qualified"),
    };
    let left = DomainEvent::RecordLeft {
        record: contact(),
        how: Gone::Deleted,
        at: Some(version()),
    };
    let returned = DomainEvent::RecordReturned { record: contact() };
    [mapping, founded, seen, named, left, returned]
        .map(|event| ("", event))
        .into()
}

fn links() -> Cases {
    let linked = DomainEvent::RecordLinked {
        left: contact(),
        right: lead(),
        rule: MatchRule::Email,
        rule_version: 1,
        evidence: code("0f343b0931126a20f133d67c2b018a3b"),
        customer: customer(1),
        absorbed: Some(customer(5)),
    };
    let deferred = DomainEvent::LinkDeferred {
        record: contact(),
        behind: lead(),
        deadline: AT.plus_ms(60_000),
    };
    let ended = DomainEvent::DeferralEnded {
        record: contact(),
        why: code("linked"),
    };
    let waiting = DomainEvent::RecordWaiting {
        record: contact(),
        missing: vec![code("email")],
    };
    let awaited = DomainEvent::CompanyAwaited {
        record: contact(),
        company: company(),
    };
    let over = DomainEvent::WaitingEnded { record: contact() };
    [linked, deferred, ended, waiting, over, awaited]
        .map(|event| ("", event))
        .into()
}

fn commands() -> Cases {
    let agreed = DomainEvent::FieldAgreed {
        customer: customer(1),
        field: code("last_name").into(),
        value: Value::from("Example"),
        previous: Value::Null,
        by: contact(),
        policy: "founding".into(),
        version: version(),
    };
    let desired = DomainEvent::DesiredChanged {
        record: lead(),
        desires: vec![Desire {
            name: code("LastName").into(),
            value: Value::from("Example"),
            basis: Basis::Agreed,
        }],
    };
    let mut kinds = kinds().into_iter().map(|(_, kind)| command(kind));
    let write = DomainEvent::WriteRequested {
        command: kinds.next().unwrap(),
    };
    let read = DomainEvent::ReadRequested {
        command: kinds.next_back().unwrap(),
        purpose: ReadPurpose::FirstLookup,
    };
    let blocked = DomainEvent::WriteBlocked {
        record: lead(),
        pair: [7; 16],
        review: review(),
    };
    let unblocked = DomainEvent::WriteUnblocked {
        record: lead(),
        why: code("desired_changed"),
    };
    [agreed, desired, write, read, blocked, unblocked]
        .map(|event| ("", event))
        .into()
}

fn endings() -> Cases {
    let write = |ending| DomainEvent::WriteSettled {
        command: command_id(),
        attempt: 1,
        record: lead(),
        ending,
    };
    let read = |ending| DomainEvent::ReadSettled {
        command: command_id(),
        attempt: 1,
        ending,
    };
    let done = WriteEnding::Done {
        created: true,
        values: Some(fields()),
        version: Some(version()),
    };
    let reason = code("no_answer");
    vec![
        (".done", write(done)),
        (".found_other", write(WriteEnding::FoundOther)),
        (".rejected", write(WriteEnding::Rejected(rejection()))),
        (
            ".unknown",
            write(WriteEnding::Unknown {
                reason: reason.clone(),
            }),
        ),
        (".answered", read(ReadEnding::Answered)),
        (".not_found", read(ReadEnding::NotFound)),
        (".rejected", read(ReadEnding::Rejected(rejection()))),
        (".unknown", read(ReadEnding::Unknown { reason })),
    ]
}

fn waiting() -> Cases {
    let held = DomainEvent::ObservationHeld {
        record: contact(),
        held: HeldObservation {
            observation: observation_id(),
            via: Via::Webhook,
            version: version(),
            fields: fields(),
            tags: None,
            companies: Some(crosswalk::domain::RefSet {
                ids: ["6657a3b2c9e77d001f0acafe".to_owned()].into(),
                complete: false,
            }),
        },
        deadline: AT.plus_ms(60_000),
    };
    let released = DomainEvent::HoldReleased {
        record: contact(),
        observation: observation_id(),
        verdict: Verdict::Folded,
    };
    let reread = DomainEvent::RereadRequired { record: contact() };
    let opened = DomainEvent::ReviewOpened {
        review: review(),
        kind: ReviewKind::Ambiguous,
        record: contact(),
        candidates: vec![lead()],
        reason: code("two_candidates"),
    };
    let closed = DomainEvent::ReviewClosed {
        review: review(),
        how: code("linked"),
    };
    let time = DomainEvent::TimeAdvanced { to: AT };
    [held, released, reread, opened, closed, time]
        .map(|event| ("", event))
        .into()
}

fn disputes() -> Cases {
    let claim = |record, value: &str| Claim {
        record,
        value: Value::from(value),
        version: version(),
    };
    let decided = DomainEvent::ConflictDecided {
        customer: customer(1),
        field: code("last_name").into(),
        policy: "newest".into(),
        kept: claim(contact(), "Example"),
        lost: claim(lead(), "Sample"),
    };
    let opened = DomainEvent::ConflictOpened {
        review: review(),
        customer: customer(1),
        field: code("last_name").into(),
        claims: vec![claim(contact(), "Example"), claim(lead(), "Sample")],
    };
    let answered = DomainEvent::ReviewAnswered {
        review: review(),
        answer: format!("keep:{}", lead()),
        by: code("ops"),
    };
    let form = DomainEvent::FormAccepted {
        record: lead(),
        name: code("Phone").into(),
        desired: Value::from("+442079460000"),
        stored: Value::from("(020) 7946 0000"),
    };
    let echo = DomainEvent::EchoSuppressed {
        record: lead(),
        signal: EchoSignal::Tag,
        write: 4,
        fields: vec![code("LastName").into()],
    };
    let record = |object, id| RecordRef::new(&source("sales"), object, id).ok();
    let converted = DomainEvent::LeadConverted {
        lead: lead(),
        contact: record("Contact", "0035g00000ABCDEAA4"),
        account: record("Account", "0015g00000ABCDEAA4"),
        opportunity: None,
    };
    let owner = DomainEvent::OwnerSeen {
        owner: record("User", "0055g00000ABCDEAA4").unwrap(),
        fields: BTreeMap::from([("Name".into(), Value::from("Grace Example"))]),
    };
    let ended = DomainEvent::ImportEnded {
        source: source("sales"),
        run: 1,
        of: 2,
        rows: 120_000,
    };
    let started = DomainEvent::WalkStarted {
        reason: WalkReason::Owner,
        record: record("User", "0055g00000ABCDEAA4"),
        version: 0,
        since: None,
    };
    let advanced = DomainEvent::WalkAdvanced {
        walk: 12,
        to: customer(1),
        customers: 50,
    };
    let over = DomainEvent::WalkEnded {
        walk: 12,
        reason: WalkReason::Import,
        customers: 60_000,
    };
    let told = DomainEvent::PlacesTold {
        walk: 12,
        path: record("Account", "0015g00000ABCDEAA4")
            .into_iter()
            .collect(),
        customers: vec![customer(1), customer(9)],
    };
    let healed = DomainEvent::RecordHealed {
        record: lead(),
        fields: vec!["Title".into()],
    };
    let letter = DomainEvent::LetterSettled {
        letter: code("0@17"),
        how: code("discarded"),
        by: code("ops"),
    };
    let apart = DomainEvent::RecordsKeptApart {
        left: contact(),
        right: lead(),
        by: code("ops"),
    };
    let unlinked = DomainEvent::RecordsUnlinked {
        left: contact(),
        right: lead(),
        by: code("ops"),
        customer: customer(1),
        founded: customer(9),
        moved: vec![lead()],
    };
    let key = MatchKey::new(MatchRule::Email, "info@kestrel.example");
    let shared = DomainEvent::IdentifierShared {
        review: ReviewId::opened_at(&bridge(), 9),
        record: contact(),
        key,
        others: vec![lead()],
    };
    let freed = DomainEvent::IdentifierFreed { key };
    let swept = DomainEvent::SweepEnded {
        source: source("sales"),
        run: 7,
        since: Timestamp(1_768_018_094_000),
        until: Timestamp(1_768_018_994_000),
        compared: 212,
        healed: 1,
    };
    [
        decided, opened, answered, form, echo, converted, owner, ended, started, advanced, over,
        told, healed, swept, letter, apart, unlinked, shared, freed,
    ]
    .map(|event| ("", event))
    .into()
}

fn bookkeeping() -> Vec<DomainEvent> {
    let range = InputRange {
        topic: Topic::IntercomObserved,
        partition: 0,
        from: 10,
        to: 12,
    };
    let consumed = DomainEvent::BatchConsumed {
        inputs: vec![range.clone()],
        observations: vec![(bridge(), observation_id())],
        unchanged: BTreeMap::from([(code("duplicate"), 1)]),
    };
    let digest = DomainEvent::DigestRecorded {
        digest: [0xcd; 32],
        view_version: 1,
    };
    let quarantined = DomainEvent::BridgeQuarantined {
        bridge: bridge(),
        positions: vec![range.clone()],
        reason: code("panic"),
        cause: Some(observation_id()),
    };
    let released = DomainEvent::BridgeReleased {
        bridge: bridge(),
        skip: None,
        by: code("ops"),
    };
    let reread = DomainEvent::BridgeReread {
        bridge: bridge(),
        input: range,
        gone: 0,
        observations: vec![observation_id()],
        unchanged: BTreeMap::from([(code("duplicate"), 1)]),
        ended: true,
    };
    vec![consumed, digest, quarantined, released, reread]
}
