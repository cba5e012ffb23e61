//! Journal events of what stops writes of ours, and of what undoes them.

use crosswalk::domain::Value;
use crosswalk::domain::journal::{BridgeMode, Claim, DomainEvent};

use super::samples::*;
use super::samples_journal::{code, review};

pub fn brakes() -> Vec<DomainEvent> {
    let claim = |record, value: &str| Claim {
        record,
        value: Value::from(value),
        version: version(),
    };
    let tripped = DomainEvent::BreakerTripped {
        review: review(),
        record: lead(),
        field: code("last_name").into(),
        names: vec![code("LastName").into()],
        claims: vec![claim(lead(), "Sample"), claim(contact(), "Example")],
        reversals: 6,
        since: AT,
    };
    let mode = DomainEvent::ModeChanged {
        mode: BridgeMode::Shadow,
        by: code("ops"),
    };
    let reset = DomainEvent::BreakerReset {
        record: lead(),
        names: vec![code("LastName").into()],
    };
    let revert = DomainEvent::RevertDecided {
        mapping: [0xab; 32],
        since: AT,
        by: code("ops"),
    };
    let braked = DomainEvent::MassChangeBraked {
        review: review(),
        record: lead(),
        field: code("last_name").into(),
        names: vec![code("LastName").into()],
        changed: 51,
        records: 240,
    };
    let settled = DomainEvent::MassChangeSettled {
        review: review(),
        approved_until: Some(AT),
    };
    let mut kinds = self::kinds().into_iter().map(|(_, kind)| command(kind));
    let suppressed = DomainEvent::WriteSuppressed {
        command: kinds.next().unwrap(),
        pair: [7; 16],
    };
    let ended = DomainEvent::SuppressionEnded { record: lead() };
    vec![
        tripped, reset, mode, suppressed, ended, braked, settled, revert,
    ]
}
