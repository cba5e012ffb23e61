//! `crosswalk.customer`: canonical events and profiles.

use crate::domain::customer_event::{AccountContext, CustomerEvent, CustomerEventKind, Lineage};
use crate::domain::customer_event::{Profile, ProfileState};

record!(CustomerEvent {
    id,
    bridge,
    customer,
    at,
    kind,
    records,
    account,
    fields,
    observation,
    lineage,
});

symbols!(CustomerEventKind {
    1 "CONTACT_CREATED" => ContactCreated,
    2 "CONTACT_CHANGED" => ContactChanged,
    3 "LEAD_CREATED" => LeadCreated,
    4 "LEAD_CONVERTED" => LeadConverted,
    5 "COMPANY_CHANGED" => CompanyChanged,
    6 "LINKED" => Linked,
    7 "MERGED" => Merged,
    8 "SPLIT" => Split,
    9 "CONFLICT" => Conflict,
});

record!(AccountContext {
    account,
    customer,
    ultimate,
    ultimate_customer,
    fault
});

record!(Lineage {
    sequence,
    absorbed,
    review,
    policy,
    founded
});

record!(Profile {
    customer,
    bridge,
    at,
    kind,
    state
});

union!(ProfileState {
    0 "Golden" => Golden { fields, records, account },
    1 "Alias" => Alias { of },
});
