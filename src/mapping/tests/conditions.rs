//! Conditions over a contact: what holds, what is refused, and that neither ends the process.

use std::collections::BTreeSet;

use crate::domain::{Fields, Value};
use crate::mapping::Condition;
use crate::mapping::condition::EXPRESSION_BYTES_MAX;

fn compiled(text: &str) -> Condition {
    Condition::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn check(text: &str, expected: bool) {
    let fields = Fields::from([
        ("role".into(), "lead".into()),
        ("email".into(), "a@b.example".into()),
        ("phone".into(), Value::Null),
        ("unsubscribed_from_emails".into(), Value::Bool(false)),
        ("custom_attributes.seats".into(), Value::Int(600)),
        ("custom_attributes.score".into(), Value::number(0.5)),
        ("custom_attributes.Job Title".into(), "CTO".into()),
    ]);
    let tags = BTreeSet::from(["qualified".to_owned(), "eu".to_owned()]);
    assert_eq!(compiled(text).holds(&fields, &tags), expected, "{text}");
}

fn check_refused(text: &str, expected: &str) {
    let error = Condition::compile(text).map(|_| "nothing").unwrap_err();
    assert!(error.contains(expected), "{text}: {error}");
}

#[test]
fn conditions_see_fields_tags_and_numbers() {
    check("true", true);
    check(
        r#"contact.role == "lead" && "qualified" in contact.tags"#,
        true,
    );
    check(r#""vip" in contact.tags"#, false);
    check("contact.tags.exists(t, t.startsWith('quali'))", true);
    check("contact.tags.all(t, t == 'qualified')", false);
    check("size(contact.tags) == 2", true);
    check("contact.custom_attributes.seats > 500", true);
    check("contact.custom_attributes.score < 1.0", true);
    check("contact.custom_attributes['Job Title'] == 'CTO'", true);
    check("contact.email.endsWith('@b.example')", true);
    check("!contact.unsubscribed_from_emails", true);
    check("contact.role == 'lead' // a remark", true);
}

#[test]
fn a_blank_is_as_if_it_were_not_there() {
    check("has(contact.email)", true);
    check("has(contact.phone)", false);
    check("!has(contact.phone)", true);
    check("has(contact.custom_attributes.seats)", true);
    check("!has(contact.custom_attributes.plan)", true);
    check("'seats' in contact.custom_attributes", true);
    check("!('plan' in contact.custom_attributes)", true);
}

/// Also without any custom attribute: the group itself is always there.
#[test]
fn an_absent_attribute_can_be_asked_for() {
    let lacks = compiled("!has(contact.custom_attributes.plan)");
    assert!(lacks.holds(&Fields::new(), &BTreeSet::new()));
}

#[test]
fn what_cannot_be_evaluated_is_false() {
    check("contact.custom_attributes.missing > 500", false);
    check("contact.phone == \"1\"", false);
    check("contact.phone != \"1\"", false);
    check("!(contact.phone == \"1\")", false);
    check("contact.email > 5", false);
    check("contact.email", false);
    check("1 / 0 == 1", false);
    check("1 % 0 == 0", false);
    check("9223372036854775807 + 1 > 0", false);
    check("-9223372036854775807 - 2 < 0", false);
    check("int('x') == 1", false);
    check("contact.tags[99] == 'a'", false);
    check("contact.email.contains(1)", false);
    // An error on one side does not hide the other.
    check("contact.phone == '1' || contact.role == 'lead'", true);
}

#[test]
fn what_is_no_condition_is_refused() {
    check_refused("", "is empty");
    check_refused("1 +", "line 1, character 4: it ends too early");
    check_refused("contact.role = 'lead'", "character 14");
    check_refused("'open", "is no expression");
    check_refused("99999999999999999999 == 1", "invalid int literal");
    check_refused("'a' + 'b'", "yields a number or a text, not true or false");
    check_refused("contact.custom_attributes.seats + 1", "not true or false");
    check_refused("size(contact.tags)", "not true or false");
    check_refused("contact.tags", "yields a list");
    check_refused("contact.tags.filter(t, t == 'a')", "yields a list");
    check_refused("'qualified'", "yields a text");
    check_refused("'qualified' && true", "yields a text");
    check_refused("has(contact.email) ? 1 : 2", "yields a number");
    check_refused("null", "yields null");
    check_refused("{'a': true}", "yields a map");
}

#[test]
fn what_nobody_knows_is_refused() {
    let only = "`company` is unknown: an expression sees `contact` only";
    check_refused("company.size > 5", only);
    check_refused("email == 'x'", "`email` is unknown");
    check_refused("startWith('a')", "did you mean \"startsWith\"?");
    check_refused(
        "contact.email.matches('(a+)+$')",
        "`matches` is unknown; there are size",
    );
    check_refused("Message{a: 1}.a", "messages are not available");
    check_refused("contact.emial == 'x'", "did you mean \"email\"?");
    check_refused("contact.last_seen_at > 5", "is not kept");
    check_refused("contact.companies == 1", "is a list");
    check_refused("contact == 1", "read as a whole");
    check_refused("contact[contact.role] == 1", "read as a whole");
    check_refused("contact.custom_attributes == 1", "name one of them");
    check_refused(
        "contact.custom_attributes.exists(a, a == 'x')",
        "name one of them",
    );
    check_refused("contact.a.b.c == 1", "contact.a[\"b.c\"]");
    check_refused("contact.tags.qualified", "is a list of names");
}

#[test]
fn work_and_depth_are_bounded() {
    let at_most = |count: usize, text: String| text.replace("..", &"x".repeat(count));
    let longest = at_most(EXPRESSION_BYTES_MAX - 4, "'..'=='".into());
    check_refused(&longest, "longer than 2000 bytes");
    check_refused(
        "contact.tags.all(a, contact.tags.all(b, a == b))",
        "a loop stands inside a loop",
    );
    let nested = |open: &str, middle: &str, close: &str, count: usize| {
        format!("{}{middle}{}", open.repeat(count), close.repeat(count))
    };
    check(&nested("(", "true", ")", 8), true);
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{1:", "}"),
        ("size(", ")"),
        ("!(", ")"),
    ] {
        check_refused(&nested(open, "1", close, 9), "brackets are nested deeper");
        check_refused(&nested(open, "1", close, 200), "brackets are nested deeper");
    }
    check_refused(
        &format!("'{}", "(".repeat(900)),
        "brackets are nested deeper",
    );
    check_refused(
        &format!("')))))))' == {}", "(".repeat(900)),
        "brackets are nested deeper",
    );
    check_refused(
        &format!("{}true", "true?true:".repeat(150)),
        "`?` stands more than 20",
    );
    let deep = "more than 32 operators or calls";
    check_refused(&format!("1{} == 1", "+1".repeat(900)), deep);
    check_refused(&format!("contact{} == 1", ".a".repeat(900)), deep);
    check_refused(&format!("contact{} == 1", "['a']".repeat(300)), deep);
    check_refused(&format!("'a'{} == 1", ".size()".repeat(250)), deep);
    check_refused(&format!("[1]{} == 1", ".map(x,x)".repeat(200)), deep);
    // Not so deep as it looks: the parser balances these.
    check(&format!("true{}", "&&true".repeat(300)), true);
    check(&format!("{}true", "!".repeat(1_900)), true);
}

#[test]
fn a_contact_with_many_tags_is_soon_decided() {
    let tags: BTreeSet<String> = (0..1_000).map(|n| format!("tag {n}")).collect();
    let last = compiled("contact.tags.exists(t, t == 'tag 999')");
    assert!(last.holds(&Fields::new(), &tags));
    let many = format!(
        "[{}].exists(n, n > 8)",
        "9,".repeat(800).trim_end_matches(',')
    );
    assert!(compiled(&many).holds(&Fields::new(), &tags));
}

#[test]
fn the_paths_that_are_read_are_known() {
    let read = |text: &str| -> Vec<String> { compiled(text).paths().into_iter().collect() };
    assert_eq!(
        read("contact.custom_attributes.seats > 5 || has(contact.phone)"),
        ["custom_attributes.seats", "phone"]
    );
    assert_eq!(read("contact.email == 'contact.phone'"), ["email"]);
    assert_eq!(read("contact['email'] == \"it's contact.name\""), ["email"]);
    assert_eq!(
        read("contact.custom_attributes['Job.Title'] == 'x'"),
        ["custom_attributes.Job.Title"]
    );
    assert_eq!(
        read("'seats' in contact.custom_attributes"),
        ["custom_attributes.seats"]
    );
    assert_eq!(read("contact . email == 'a'"), ["email"]);
    assert_eq!(read("contact.email.size() > 3"), ["email"]);
    assert_eq!(
        read("[1].exists(x, x < contact.custom_attributes.seats)").len(),
        1
    );
    assert_eq!(
        read("contact.tags.exists(contact, contact == 'x')").len(),
        0
    );
    assert_eq!(read("contact.tags.exists(t, t == 'x')").len(), 0);
}
