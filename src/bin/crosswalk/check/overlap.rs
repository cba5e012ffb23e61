//! Bridges that share an org must not be taken for each other, nor write the same fields. Pure.

use std::collections::BTreeSet;

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

pub fn judge(scopes: &[Scope]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (place, one) in scopes.iter().enumerate() {
        for other in scopes.iter().skip(place + 1) {
            if one.org_id == other.org_id {
                lines.extend(between(one, other));
            }
        }
    }
    lines
}

fn between(one: &Scope, other: &Scope) -> Vec<Line> {
    let both = format!("bridges {} and {}", one.bridge, other.bridge);
    let org = &one.org_id;
    let mut lines = Vec::new();
    if one.token == other.token {
        lines.push(Line::missing(
            format!("{both} mark their writes to org {org} with one client_token"),
            "give each bridge a token of its own: each would take the other's writes for its own",
        ));
    }
    let shared: Vec<&str> = one
        .written
        .intersection(&other.written)
        .map(String::as_str)
        .collect();
    if !shared.is_empty() {
        let more = match shared.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named = &shared[..shared.len().min(NAMED_MAX)];
        lines.push(Line::missing(
            format!("{both} both write {}{more} of org {org}", named.join(", ")),
            "name both workspaces in one bridge, or let each mapping write fields of its own",
        ));
    }
    if lines.is_empty() {
        lines.push(Line::ok(format!("{both} share org {org} and no field")));
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
        judge(scopes).into_iter().map(|line| line.state).collect()
    }

    #[test]
    fn one_org_of_two_bridges_needs_two_tokens_and_fields_of_their_own() {
        let eu = || scope("eu", "00D1", "a", &["Lead.Email", "Lead.EU_Key__c"]);
        let apart = scope("us", "00D1", "b", &["Lead.US_Key__c"]);
        assert_eq!(states(&[eu(), apart]), [State::Ok]);
        let same = scope("us", "00D1", "a", &["Lead.US_Key__c"]);
        assert_eq!(states(&[eu(), same]), [State::Missing]);
        let lines = judge(&[eu(), scope("us", "00D1", "b", &["Lead.Email"])]);
        assert!(lines[0].what.contains("both write Lead.Email of org 00D1"));
        let elsewhere = scope("us", "00D2", "a", &["Lead.Email"]);
        assert_eq!(states(&[eu(), elsewhere]), []);
    }
}
