//! Strategies for canonical events and profiles.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::arbitrary::*;
use super::arbitrary_event::customer;
use crate::domain::customer_event::*;
use crate::domain::journal::CustomerKind;
use crate::domain::*;

fn kind() -> impl Strategy<Value = CustomerEventKind> {
    select(vec![
        CustomerEventKind::ContactCreated,
        CustomerEventKind::ContactChanged,
        CustomerEventKind::LeadCreated,
        CustomerEventKind::LeadConverted,
        CustomerEventKind::CompanyChanged,
        CustomerEventKind::Linked,
        CustomerEventKind::Merged,
        CustomerEventKind::Split,
        CustomerEventKind::Conflict,
    ])
}

fn account() -> impl Strategy<Value = AccountContext> {
    let top = (of(record()), of(customer()));
    (record(), of(customer()), top, of(text())).prop_map(|(account, customer, top, fault)| {
        AccountContext {
            account,
            customer,
            ultimate: top.0,
            ultimate_customer: top.1,
            fault,
        }
    })
}

pub fn customer_event() -> BoxedStrategy<CustomerEvent> {
    let id = any::<[u8; 16]>().prop_map(EventId::from_bytes);
    let ids = (of(customer()), of(customer()));
    let lineage = (count(), ids, of(review()), of(text())).prop_map(
        |(sequence, (absorbed, founded), review, policy)| Lineage {
            sequence,
            absorbed,
            founded,
            review,
            policy,
        },
    );
    let head = (id, bridge(), customer(), at(), kind());
    let about = (vec(record(), 0..3), of(account()), vec(text(), 0..3));
    (head, about, of(observation_id()), lineage)
        .prop_map(
            |(
                (id, bridge, customer, at, kind),
                (records, account, fields),
                observation,
                lineage,
            )| {
                CustomerEvent {
                    id,
                    bridge,
                    customer,
                    at,
                    kind,
                    records,
                    account,
                    fields: fields.into_iter().map(Name::from).collect(),
                    observation,
                    lineage,
                }
            },
        )
        .boxed()
}

pub fn profile() -> BoxedStrategy<Profile> {
    let kind = select(vec![CustomerKind::Person, CustomerKind::Company]);
    let state = prop_oneof![
        (fields(), vec(record(), 0..3), of(account())).prop_map(|(fields, records, account)| {
            ProfileState::Golden {
                fields,
                records,
                account,
            }
        }),
        customer().prop_map(|of| ProfileState::Alias { of }),
    ];
    (customer(), bridge(), at(), kind, state)
        .prop_map(|(customer, bridge, at, kind, state)| Profile {
            customer,
            bridge,
            at,
            kind,
            state,
        })
        .boxed()
}
