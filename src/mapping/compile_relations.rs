//! The relations between records: who belongs where.

use crate::mapping::compile::{Relations, names};
use crate::mapping::file::{File, RelationsFile};
use crate::mapping::lint::Findings;

pub fn relations(file: &File, out: &mut Findings) -> Relations {
    let Some(given) = &file.relations else {
        return Relations::default();
    };
    Relations {
        contact_company: contact_company(file, given, out),
        account_tree: account_tree(file, given, out),
    }
}

fn contact_company(file: &File, given: &RelationsFile, out: &mut Findings) -> bool {
    let Some(given) = &given.contact_company else {
        return false;
    };
    let at = "relations.contact_company";
    match given.value.as_str() {
        "to_intercom" => {
            if !maps_both(file) {
                let what = "contacts join companies by Contact.AccountId, and not both are mapped";
                let fix = "map Contact under people and Account under companies, or write `off`";
                out.at(given, at, what, fix);
            }
            true
        }
        "off" => false,
        other => {
            let what = format!("`{other}` is no way a relation goes");
            out.at(given, at, what, "write to_intercom or off");
            true
        }
    }
}

fn account_tree(file: &File, given: &RelationsFile, out: &mut Findings) -> bool {
    let Some(given) = &given.account_tree else {
        return false;
    };
    let at = "relations.account_tree";
    match given.value.as_str() {
        "follow" => {
            if !maps_account(file) {
                let what = "the tree of accounts is followed, and no Account is mapped";
                let fix = "map Account under companies, or write `off`";
                out.at(given, at, what, fix);
            }
            true
        }
        "off" => false,
        other => {
            let what = format!("`{other}` is nothing that can be done with the tree of accounts");
            out.at(given, at, what, "write follow or off");
            false
        }
    }
}

fn maps_account(file: &File) -> bool {
    let companies = file.companies.as_ref();
    companies.is_some_and(|one| names(one, "Account"))
}

fn maps_both(file: &File) -> bool {
    names(&file.people, "Contact") && maps_account(file)
}
