//! The tree of accounts: which account a person belongs to and which account stands above which,
//! as far as the view knows. The way up is followed step by step and never for ever.

use crate::domain::ids::{BridgeId, RecordRef};
use crate::domain::record::MatchRule;
use crate::domain::view::{Customer, RecordState, ViewEntry, ViewRead, customer_of, record_state};
use crate::domain::view_key::ViewKey;

/// The object of companies in Salesforce, and the field in which one names the one above it.
pub const ACCOUNT: &str = "Account";
pub const PARENT: &str = "ParentId";
/// The object of people at accounts, and the field in which one names the account.
pub const CONTACT: &str = "Contact";
pub const ACCOUNT_ID: &str = "AccountId";
/// Accounts on one way up; the trees of orgs are a few deep.
pub const DEPTH_MAX: usize = 32;

/// The field in which a record names the account above it.
pub fn names_above(record: &RecordRef) -> Option<&'static str> {
    match record.object.as_str() {
        ACCOUNT => Some(PARENT),
        CONTACT => Some(ACCOUNT_ID),
        _ => None,
    }
}

/// The account that a record names as the one above it.
pub fn above(record: &RecordRef, state: &RecordState) -> Option<RecordRef> {
    let id = state.value_seen(names_above(record)?).as_text()?;
    RecordRef::new(&record.source, ACCOUNT, id).ok()
}

/// The next record right below an account, in the order of the index: behind one, or the first.
pub fn below<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    account: &RecordRef,
    behind: Option<&RecordRef>,
) -> Option<RecordRef> {
    let (first, end) = ViewKey::below_all(bridge, account);
    let from = behind.map_or(first, |one| ViewKey::below(bridge, account, one).next());
    match &*view.first(&from, &end)?.1 {
        ViewEntry::Below(record) => Some(record.clone()),
        _ => None,
    }
}

/// The record into which its source merged another one of the customer.
pub fn merged_into<'c>(customer: &'c Customer, record: &RecordRef) -> Option<&'c RecordRef> {
    let mut links = customer.links.iter();
    let merge = links.find(|link| link.rule == MatchRule::SourceMerge && link.right == *record)?;
    Some(&merge.left)
}

/// The record that stands where this one stood: the one that it was merged into may have been
/// merged since.
pub fn heir(customer: &Customer, record: &RecordRef) -> Option<RecordRef> {
    let mut heir = record;
    for _ in 0..=customer.links.len() {
        if customer.records.get(heir)?.gone.is_none() {
            return Some(heir.clone());
        }
        heir = merged_into(customer, heir)?;
    }
    None
}

/// The way from an account to the top of its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ascent {
    /// The account itself, the one above it, and so on; at most `DEPTH_MAX`.
    pub path: Vec<RecordRef>,
    pub end: End,
}

/// Why a way up ends where it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The last account names no other.
    Top,
    /// It names one that nobody has told of.
    Unknown(RecordRef),
    /// It names one that has left its source.
    Gone(RecordRef),
    /// It names this one, which is on the way already.
    Circle(RecordRef),
    TooDeep,
}

impl Ascent {
    /// The account at the top, if it is another one than the first and the way leads there.
    pub fn ultimate(&self) -> Option<&RecordRef> {
        let leads_up = !matches!(self.end, End::Circle(_) | End::TooDeep);
        self.path[1..].last().filter(|_| leads_up)
    }

    /// A code for a way that does not end at a top.
    pub fn fault(&self) -> Option<&'static str> {
        match self.end {
            End::Top => None,
            End::Unknown(_) => Some("parent_unknown"),
            End::Gone(_) => Some("parent_gone"),
            End::Circle(_) => Some("circle"),
            End::TooDeep => Some("too_deep"),
        }
    }
}

/// Follows the way up from an account.
pub fn ascend<V: ViewRead + ?Sized>(view: &V, bridge: &BridgeId, account: &RecordRef) -> Ascent {
    let mut path = vec![account.clone()];
    let mut state = record_state(view, bridge, account);
    let end = loop {
        let Some(here) = state.as_deref().filter(|state| state.folded > 0) else {
            break End::Unknown(account.clone());
        };
        let Some(mut next) = path.last().and_then(|last| above(last, here)) else {
            break End::Top;
        };
        if let Some(holder) = customer_of(view, bridge, &next)
            && let Some(heir) = heir(&holder, &next)
        {
            next = heir;
        }
        if path.contains(&next) {
            break End::Circle(next);
        }
        if path.len() >= DEPTH_MAX {
            break End::TooDeep;
        }
        match record_state(view, bridge, &next) {
            Some(known) if known.gone.is_some() => break End::Gone(next),
            Some(known) if known.folded > 0 => state = Some(known),
            _ => break End::Unknown(next),
        }
        path.push(next);
    };
    Ascent { path, end }
}
