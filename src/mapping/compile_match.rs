//! What makes two records one customer, what is done where several do, and what never does.

use serde_saphyr::Spanned;

use crate::domain::journal::CustomerKind;
use crate::domain::nearest::did_you_mean;
use crate::domain::record::MatchRule;
use crate::domain::view::HOLDERS_KEPT_MAX;
use crate::mapping::compile::MatchBy;
use crate::mapping::compile_transform::country;
use crate::mapping::field::Ambiguous;
use crate::mapping::file::ProtectFile;
use crate::mapping::file::{DomainFile, EmailFile, ExplicitFile, MatchFile, PairFile, PhoneFile};
use crate::mapping::identifier::{Form, Pattern, Protection};
use crate::mapping::lint::Findings;
use crate::mapping::names::{field_fault, path_fault};

const KINDS: &str = "explicit, external_id, email, phone, account_key, domain";
/// Patterns are compared with each identifier.
const BLOCKED_MAX: usize = 200;
/// One aggregate holds all records of a customer.
const RECORDS_MAX_MAX: usize = 1_000;

pub fn rules(
    kind: CustomerKind,
    file: &Spanned<Vec<Spanned<MatchFile>>>,
    at: &str,
    out: &mut Findings,
) -> Vec<MatchBy> {
    let at = format!("{at}.match");
    if file.value.is_empty() {
        let what = "no way to find a counterpart is named";
        out.at(file, &at, what, "add a rule, such as `- explicit: {…}`");
    }
    let mut rules: Vec<MatchBy> = Vec::new();
    for item in &file.value {
        let Some(by) = match_by(kind, item, &at, out) else {
            continue;
        };
        if rules.iter().any(|known| known.rule == by.rule) {
            let what = "a rule of this kind stands above already";
            out.at(item, &at, what, "keep one of each kind");
        } else {
            rules.push(by);
        }
    }
    // The order of the rules is fixed: our own key, an id both systems hold, the address.
    rules.sort_by_key(|by| by.rule);
    rules
}

fn match_by(
    kind: CustomerKind,
    file: &Spanned<MatchFile>,
    at: &str,
    out: &mut Findings,
) -> Option<MatchBy> {
    let MatchFile {
        explicit,
        external_id,
        email,
        phone,
        account_key,
        domain,
    } = &file.value;
    let of_pair = |pair: &PairFile| Names {
        salesforce: pair.salesforce.clone(),
        intercom: pair.intercom.clone(),
    };
    let mut ways: Vec<MatchBy> = Vec::new();
    if let Some(file) = explicit {
        ways.push(explicit_rule(file, at, out));
    }
    if let Some(file) = external_id {
        ways.push(of_pair(file).rule(kind, MatchRule::ExternalId, Form::Exact, at, out));
    }
    if let Some(file) = email {
        ways.push(email_rule(kind, file, at, out));
    }
    if let Some(file) = phone {
        ways.push(phone_rule(kind, file, at, out));
    }
    if let Some(file) = account_key {
        ways.push(of_pair(file).rule(kind, MatchRule::AccountKey, Form::Exact, at, out));
    }
    if let Some(file) = domain {
        ways.push(domain_rule(kind, file, at, out));
    }
    if ways.len() != 1 {
        let what = format!("a match rule names one way, this one names {}", ways.len());
        let fix = format!("write one of {KINDS} per list item");
        out.at(file, at, what, fix);
        return None;
    }
    let by = ways.pop()?;
    fits(kind, &by, file, at, out).then_some(by)
}

fn fits(
    kind: CustomerKind,
    by: &MatchBy,
    file: &Spanned<MatchFile>,
    at: &str,
    out: &mut Findings,
) -> bool {
    let fits = match by.rule {
        MatchRule::Email | MatchRule::ExternalId | MatchRule::Phone => kind == CustomerKind::Person,
        MatchRule::AccountKey | MatchRule::Domain => kind == CustomerKind::Company,
        _ => true,
    };
    if !fits {
        let (what, fix) = match kind {
            CustomerKind::Person => (
                format!("{} is a rule for companies", by.rule.label()),
                "use external_id, email or phone",
            ),
            CustomerKind::Company => (
                "email, external_id and phone are rules for people".to_owned(),
                "use account_key or domain",
            ),
        };
        out.at(file, at, what, fix);
    }
    fits
}

/// The two fields that a rule compares.
struct Names {
    salesforce: Spanned<String>,
    intercom: Spanned<String>,
}

impl Names {
    fn rule(
        &self,
        kind: CustomerKind,
        rule: MatchRule,
        form: Form,
        at: &str,
        out: &mut Findings,
    ) -> MatchBy {
        if let Some((what, fix)) = path_fault(kind, &self.intercom.value) {
            out.at(&self.intercom, at, what, fix);
        }
        let salesforce = salesforce_field(&self.salesforce, at, out).into();
        let intercom = self.intercom.value.clone().into();
        MatchBy {
            form,
            ..MatchBy::exact(rule, salesforce, intercom)
        }
    }
}

fn explicit_rule(file: &ExplicitFile, at: &str, out: &mut Findings) -> MatchBy {
    let salesforce = salesforce_field(&file.salesforce, at, out).into();
    MatchBy::exact(MatchRule::Explicit, salesforce, "id".into())
}

fn email_rule(kind: CustomerKind, file: &EmailFile, at: &str, out: &mut Findings) -> MatchBy {
    let (mut dots, mut tags) = (true, true);
    for one in &file.ignore {
        match one.value.as_str() {
            "dots" => dots = false,
            "plus_tags" => tags = false,
            other => {
                let what = format!("`{other}` is no part of an address that can be ignored");
                let near = did_you_mean(other, ["dots", "plus_tags"]);
                let fix = format!("use dots, plus_tags{near}");
                out.at(one, &format!("{at}.email.ignore"), what, fix);
            }
        }
    }
    let form = Form::Email { dots, tags };
    let names = Names {
        salesforce: file.salesforce.clone(),
        intercom: file.intercom.clone(),
    };
    names.rule(kind, MatchRule::Email, form, at, out)
}

fn phone_rule(kind: CustomerKind, file: &PhoneFile, at: &str, out: &mut Findings) -> MatchBy {
    let region = file.region.as_ref();
    let region = region.and_then(|given| country(given, &format!("{at}.phone"), out));
    let names = Names {
        salesforce: file.salesforce.clone(),
        intercom: file.intercom.clone(),
    };
    names.rule(kind, MatchRule::Phone, Form::Phone { region }, at, out)
}

fn domain_rule(kind: CustomerKind, file: &DomainFile, at: &str, out: &mut Findings) -> MatchBy {
    let on_match = file.on_match.as_ref();
    let proposes = match on_match.map_or("propose", |given| given.value.as_str()) {
        "propose" => true,
        "link" => false,
        other => {
            let what = format!("`{other}` is nothing that can be done with a match");
            let near = did_you_mean(other, ["propose", "link"]);
            let fix = format!("use propose or link{near}");
            if let Some(given) = on_match {
                out.at(given, &format!("{at}.domain.on_match"), what, fix);
            }
            true
        }
    };
    let names = Names {
        salesforce: file.salesforce.clone(),
        intercom: file.intercom.clone(),
    };
    MatchBy {
        proposes,
        ..names.rule(kind, MatchRule::Domain, Form::Domain, at, out)
    }
}

fn salesforce_field(given: &Spanned<String>, at: &str, out: &mut Findings) -> String {
    if let Some((what, fix)) = field_fault(&given.value) {
        out.at(given, at, what, fix);
    }
    given.value.clone()
}

pub fn ambiguous(
    kind: CustomerKind,
    given: &Option<Spanned<String>>,
    at: &str,
    out: &mut Findings,
) -> Ambiguous {
    const KNOWN: [&str; 3] = ["review", "best", "all"];
    let Some(given) = given else {
        return Ambiguous::default();
    };
    match given.value.as_str() {
        "review" => Ambiguous::Review,
        "best" => Ambiguous::Best,
        "all" if kind == CustomerKind::Company => {
            let what = "a company is one account, not all that match";
            out.at(given, at, what, "use review or best");
            Ambiguous::default()
        }
        "all" => Ambiguous::All,
        other => {
            let what = format!("`{other}` is no policy for several matches");
            let near = did_you_mean(other, KNOWN);
            out.at(
                given,
                at,
                what,
                format!("use one of {}{near}", KNOWN.join(", ")),
            );
            Ambiguous::default()
        }
    }
}

pub fn protection(
    given: &Option<Spanned<ProtectFile>>,
    at: &str,
    out: &mut Findings,
) -> Protection {
    let mut protection = Protection::default();
    let Some(given) = given else {
        return protection;
    };
    let ProtectFile {
        blocked,
        holders_max,
        records_max,
    } = &given.value;
    if let Some(beyond) = blocked.get(BLOCKED_MAX) {
        let what = format!(
            "{} values are blocked, at most {BLOCKED_MAX} can be",
            blocked.len()
        );
        out.at(
            beyond,
            &format!("{at}.blocked"),
            what,
            "use `*` for what they share",
        );
    }
    for one in blocked.iter().take(BLOCKED_MAX) {
        let pattern = Pattern::new(&one.value);
        if pattern.is_everything() {
            let what = format!("`{}` would block every value", one.value);
            let fix = "name what is to be blocked, such as `test@*`";
            out.at(one, &format!("{at}.blocked"), what, fix);
        } else {
            protection.blocked.push(pattern);
        }
    }
    let holders = format!("{at}.holders_max");
    if let Some(most) = limit(holders_max, HOLDERS_KEPT_MAX, &holders, out) {
        protection.holders_max = most;
    }
    let records = format!("{at}.records_max");
    if let Some(most) = limit(records_max, RECORDS_MAX_MAX, &records, out) {
        protection.records_max = most;
    }
    protection
}

/// A number of records from two to a bound.
fn limit(
    given: &Option<Spanned<i64>>,
    bound: usize,
    at: &str,
    out: &mut Findings,
) -> Option<usize> {
    let given = given.as_ref()?;
    let most = usize::try_from(given.value).ok();
    let most = most.filter(|most| (2..=bound).contains(most));
    if most.is_none() {
        let what = format!("{} is not between 2 and {bound}", given.value);
        out.at(given, at, what, "write a number of records");
    }
    most
}
