//! The transform `owner`: the table of who is who, and who owns what it does not name.

use serde_saphyr::Spanned;

use crate::mapping::field::Direction;
use crate::mapping::file::FieldFile;
use crate::mapping::lint::Findings;
use crate::mapping::owners::{Owners, owner_id};
use crate::mapping::transform::Transform;

/// Admins of one table.
const USERS_MAX: usize = 1_000;

pub fn owners(
    file: &Spanned<FieldFile>,
    direction: Direction,
    at: &str,
    out: &mut Findings,
) -> Transform {
    let field = &file.value;
    let at_users = format!("{at}.users");
    let given = field.users.as_ref();
    let count = given.map_or(0, |given| given.value.len());
    if count == 0 || count > USERS_MAX {
        let what = format!("{count} admins are named");
        let fix =
            format!("name 1 to {USERS_MAX}, each with the id of a user: `users: {{814860: 005…}}`");
        match given {
            Some(given) => out.at(given, &at_users, what, fix),
            None => out.at(file, &at_users, what, fix),
        }
        return Transform::Owner(Owners::default());
    }
    let mut known = Vec::new();
    for (admin, user) in given.iter().flat_map(|given| &given.value) {
        match owner_id(user.trim()) {
            Some(id) => known.push((admin.clone(), id)),
            None => {
                let what = format!("`{user}` is no id of a user or a queue");
                let fix = "write the id that begins with 005 or 00G, of 15 or 18 characters";
                given
                    .iter()
                    .for_each(|given| out.at(given, &at_users, what.clone(), fix));
            }
        }
    }
    let mut owners = Owners::new(known);
    let lost = owners
        .lost_on_the_way_back()
        .filter(|_| direction != Direction::ToSalesforce);
    if let (Some((one, other)), Some(given)) = (lost, given) {
        let what = format!("`{one}` and `{other}` are one user, who has one way back");
        let fix = "give each its own user, or write `direction: to_salesforce`";
        out.at(given, &at_users, what, fix);
    }
    fallback(file, &mut owners, at, out);
    Transform::Owner(owners)
}

fn fallback(file: &Spanned<FieldFile>, owners: &mut Owners, at: &str, out: &mut Findings) {
    let Some(given) = &file.value.fallback else {
        return;
    };
    if let Some(user) = &given.value.salesforce {
        owners.fallback_user = owner_id(user.value.trim());
        if owners.fallback_user.is_none() {
            let what = format!("`{}` is no id of a user or a queue", user.value);
            let fix = "write the id that begins with 005 or 00G, of 15 or 18 characters";
            out.at(user, &format!("{at}.fallback.salesforce"), what, fix);
        }
    }
    if let Some(admin) = &given.value.intercom {
        owners.fallback_admin = Some(admin.value.trim().to_lowercase());
    }
}
