//! Bridges that share an org must not be taken for each other, nor write the same fields. Pure.

use std::collections::BTreeSet;

use crosswalk::mapping::Sharing;

use super::report::Line;

/// Fields that are named in a line.
const NAMED_MAX: usize = 5;

/// What one bridge writes where.
pub struct Scope {
    pub bridge: String,
    pub org_id: String,
    pub token: String,
    /// `Lead.Email`.
    pub written: BTreeSet<String>,
}

/// `sharing` tells of two bridges, by their places, what their scopes say.
pub fn judge(scopes: &[Scope], sharing: impl Fn(usize, usize) -> Sharing) -> Vec<Line> {
    let mut lines = Vec::new();
    for (place, one) in scopes.iter().enumerate() {
        for (next, other) in scopes.iter().enumerate().skip(place + 1) {
            if one.org_id == other.org_id {
                lines.extend(between(one, other, &sharing(place, next)));
            }
        }
    }
    lines
}

fn between(one: &Scope, other: &Scope, sharing: &Sharing) -> Vec<Line> {
    let both = format!("bridges {} and {}", one.bridge, other.bridge);
    let org = &one.org_id;
    let mut lines = Vec::new();
    if one.token == other.token {
        lines.push(Line::missing(
            format!("{both} mark their writes to org {org} with one client_token"),
            "give each bridge a token of its own: each would take the other's writes for its own",
        ));
    }
    if !sharing.both.is_empty() {
        let scopes: Vec<&str> = sharing.both.iter().map(String::as_str).collect();
        lines.push(Line::missing(
            format!("{both} both take {} of org {org}", scopes.join(", ")),
            "let each scope be one bridge's: name it under `scope.only` of that one",
        ));
    }
    let is_apart = |field: &str| {
        let object = field.split_once('.').map_or(field, |(object, _)| object);
        sharing.apart.contains(object)
    };
    let shared: Vec<&str> = one
        .written
        .intersection(&other.written)
        .map(String::as_str)
        .filter(|field| !is_apart(field))
        .collect();
    if !shared.is_empty() {
        let more = match shared.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = &shared[..shared.len().min(NAMED_MAX)];
        lines.push(Line::missing(
            format!("{both} both write {}{more} of org {org}", named.join(", ")),
            "name both workspaces in one bridge, or let each mapping write fields or take scopes \
             of its own",
        ));
    }
    if lines.is_empty() {
        lines.push(Line::ok(format!(
            "{both} share org {org} and no field of one record"
        )));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::report::State;

    fn scope(bridge: &str, org_id: &str, token: &str, written: &[&str]) -> Scope {
        Scope {
            bridge: bridge.into(),
            org_id: org_id.into(),
            token: token.into(),
            written: written.iter().map(|name| (*name).into()).collect(),
        }
    }

    fn states(scopes: &[Scope]) -> Vec<State> {
        let lines = judge(scopes, |_, _| Sharing::default()).into_iter();
        lines.map(|line| line.state).collect()
    }

    #[test]
    fn one_org_of_two_bridges_needs_two_tokens_and_fields_of_their_own() {
        let eu = || scope("eu", "00D1", "a", &["Lead.Email", "Lead.EU_Key__c"]);
        let apart = scope("us", "00D1", "b", &["Lead.US_Key__c"]);
        assert_eq!(states(&[eu(), apart]), [State::Ok]);
        let same = scope("us", "00D1", "a", &["Lead.US_Key__c"]);
        assert_eq!(states(&[eu(), same]), [State::Missing]);
        let both = [eu(), scope("us", "00D1", "b", &["Lead.Email"])];
        let lines = judge(&both, |_, _| Sharing::default());
        assert!(lines[0].what.contains("both write Lead.Email of org 00D1"));
        let elsewhere = scope("us", "00D2", "a", &["Lead.Email"]);
        assert_eq!(states(&[eu(), elsewhere]), []);
        // Records of different scopes are others, whichever fields are written.
        let apart = Sharing {
            apart: ["Lead".to_owned()].into(),
            both: BTreeSet::new(),
        };
        let lines = judge(&both, |_, _| apart.clone());
        assert_eq!(lines[0].state, State::Ok);
        let taken = Sharing {
            apart: BTreeSet::new(),
            both: ["Lead.Region__c = EMEA".to_owned()].into(),
        };
        let lines = judge(&both, |_, _| taken.clone());
        assert!(
            lines[0]
                .what
                .contains("both take Lead.Region__c = EMEA of org 00D1")
        );
    }
}
