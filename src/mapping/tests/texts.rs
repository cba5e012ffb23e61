//! Countries, HTML, joined parts and constants; and that they take whatever comes.

use proptest::prelude::{BoxedStrategy, Strategy, any, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};

use crate::domain::{Fields, Value};
use crate::mapping::country::Form;
use crate::mapping::tests::small_file::{GOOD, check_refused, compile};
use crate::mapping::{FieldMap, Refusal, System, Transform};

/// The field that stands where the small file has its third one.
fn field(text: &str) -> FieldMap {
    let (before, rest) = GOOD
        .split_once("    - intercom: custom_attributes.size")
        .unwrap();
    let (_, after) = rest.split_once("meaning: size band\n").unwrap();
    let file = format!("{before}    - {{meaning: m, owner: intercom, {text}}}\n{after}");
    compile(&file).unwrap().people.fields[2].clone()
}

fn written(field: &FieldMap, system: System, values: &[(&str, &str)]) -> Vec<Value> {
    let values = values.iter();
    let fields: Fields = values
        .map(|(name, value)| ((*name).into(), Value::text(*value)))
        .collect();
    let decided = field.decided_from(system.other(), &fields);
    field
        .desired_in(system, &decided)
        .map(|(_, value)| value)
        .collect()
}

fn check_html(html: &str, expected: &str) {
    let text = Transform::HtmlToText { chars_max: 40 };
    let got = text.to_salesforce(&text.decided(&html.into()), 1).unwrap();
    assert_eq!(got.to_vec(), [Value::text(expected)], "{html}");
}

#[test]
fn html_becomes_what_a_person_reads() {
    check_html(
        "<p>Hi <b>Ada</b>,</p><p>see&nbsp;you&hellip;</p>",
        "Hi Ada,\nsee you…",
    );
    check_html("one<br>two<BR />three<br/>four", "one\ntwo\nthree\nfour");
    check_html("<ul><li>a</li><li>b &amp; c</li></ul>", "- a\n- b & c");
    check_html("a<script>alert('<p>')</script><style>p{}</style>b", "ab");
    check_html("<a href=\"x>y\" title='<'>link</a>", "link");
    check_html("  plain \n\n text ", "plain text");
    check_html("<!-- no <b> -->yes", "yes");
    check_html("", "");
    check_html("<p> </p>", "");
}

#[test]
fn what_only_looks_like_html_stays() {
    check_html("1 < 2 and 3 > 2", "1 < 2 and 3 > 2");
    check_html("a <b", "a <b");
    check_html("&lt;b&gt; &unknown; &amp;lt;", "<b> &unknown; &lt;");
    check_html("<i>it's <a title=\"open>", "it's");
    check_html("a<script>never ends", "a");
    check_html("bell\u{7} and", "bell and");
}

#[test]
fn a_long_text_is_cut_where_the_mapping_says() {
    check_html(&"é".repeat(40), &"é".repeat(40));
    check_html(&"é".repeat(41), &format!("{}…", "é".repeat(39)));
}

/// Each of these looked at all the rest for each tag once.
#[test]
fn a_text_of_tags_that_never_end_takes_no_time() {
    let text = Transform::HtmlToText { chars_max: 1_000 };
    for piece in [
        "<a b=\"", "<", "</", "<!--", "<!-- >", "<script", "&", "<a b='x>", "<a b=\">",
    ] {
        let html = Value::text(piece.repeat(1_000_000 / piece.len()));
        assert!(text.to_salesforce(&html, 1).is_ok(), "{piece}");
    }
}

#[test]
fn a_country_is_written_in_the_form_of_each_side() {
    let country = field(
        "intercom: custom_attributes.country, salesforce: CountryCode__c, direction: both, \
         transform: country, forms: {salesforce: alpha_2}",
    );
    let to_salesforce = |text: &str| {
        written(
            &country,
            System::Salesforce,
            &[("custom_attributes.country", text)],
        )
    };
    assert_eq!(to_salesforce("germany"), ["DE".into()]);
    assert_eq!(to_salesforce("DEU"), ["DE".into()]);
    assert_eq!(to_salesforce(""), [Value::Null]);
    assert_eq!(to_salesforce("Atlantis"), []);
    let decided = country.transform.decided(&"Atlantis".into());
    assert_eq!(
        country.refusal(System::Salesforce, &decided),
        Some(Refusal("no_country"))
    );
    let back = written(&country, System::Intercom, &[("CountryCode__c", "DE")]);
    assert_eq!(back, ["Germany".into()]);
    assert!(country.equivalent(&"DE".into(), &"Germany".into()));
    assert!(!country.equivalent(&"DE".into(), &"FR".into()));
}

#[test]
fn parts_are_joined_and_blank_ones_left_out() {
    let place = field(
        "intercom: [custom_attributes.city, location.country], salesforce: Place__c, \
         direction: to_salesforce, transform: concat, separator: ', '",
    );
    let city = ("custom_attributes.city", " Cork ");
    let joined = |values: &[(&str, &str)]| written(&place, System::Salesforce, values);
    assert_eq!(
        joined(&[city, ("location.country", "Ireland")]),
        ["Cork, Ireland".into()]
    );
    assert_eq!(joined(&[city]), ["Cork".into()]);
    assert_eq!(joined(&[("location.country", " ")]), [Value::Null]);
    let file = "intercom: custom_attributes.full_name, salesforce: [FirstName, LastName], \
                direction: to_intercom, transform: concat";
    let name = field(file);
    let parts = [("FirstName", "Ada"), ("LastName", "Lovelace")];
    assert_eq!(
        written(&name, System::Intercom, &parts),
        ["Ada Lovelace".into()]
    );
}

/// The reverse of `split_name` on its own.
#[test]
fn a_name_is_joined_where_it_flows_to_intercom_only() {
    let file = "intercom: custom_attributes.full_name, salesforce: [FirstName, LastName], \
                direction: to_intercom, transform: split_name";
    let parts = [("FirstName", "Ada  King"), ("LastName", "Lovelace")];
    let joined = written(&field(file), System::Intercom, &parts);
    assert_eq!(joined, ["Ada King Lovelace".into()]);
}

#[test]
fn a_constant_stands_wherever_the_other_side_has_a_value() {
    let known = field(
        "intercom: email, salesforce: In_Support__c, direction: to_salesforce, \
         transform: constant, value: yes",
    );
    let of = |email: &str| written(&known, System::Salesforce, &[("email", email)]);
    assert_eq!(of("ada@example.com"), ["yes".into()]);
    assert_eq!(of(""), [Value::Null]);
    assert_ne!(
        known.intercom, "email",
        "another entry of the path decides something else"
    );
    assert_eq!(known.paths, ["email"]);
}

#[test]
fn entries_of_one_path_with_other_transforms_decide_apart() {
    let text = GOOD.replacen(
        "companies:",
        "    - {intercom: phone, salesforce: Digits__c, owner: intercom, direction: \
         to_salesforce, meaning: m}\n    - {intercom: name, salesforce: \
         [Lead.Given__c, Lead.Sur__c], transform: split_name, owner: intercom, direction: \
         to_salesforce, meaning: m}\ncompanies:",
        1,
    );
    let fields = compile(&text).unwrap().people.fields;
    let names: Vec<&str> = fields.iter().map(|field| field.intercom.as_str()).collect();
    let size = "custom_attributes.size";
    assert_eq!(
        names,
        ["name", "phone", size, "phone for Digits__c", "name"]
    );
    assert_eq!(fields[3].paths, ["phone"]);
}

fn one_way() -> BoxedStrategy<Transform> {
    prop_oneof![
        (1..200_usize).prop_map(|chars_max| Transform::HtmlToText { chars_max }),
        ".{0,3}".prop_map(|separator| Transform::Concat { separator }),
        "[a-z]{1,5}".prop_map(|text| Transform::Constant(Value::text(text))),
        (0..2_usize).prop_map(|n| Transform::Country {
            intercom: [Form::Alpha3, Form::Name][n],
            salesforce: Form::Alpha2,
        }),
    ]
    .boxed()
}

fn html() -> BoxedStrategy<String> {
    let pieces = vec![
        "<",
        ">",
        "</",
        "/>",
        "<p>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "=\"",
        "'",
        "&",
        "&lt;",
        "&#",
        "&#x1F980;",
        "&#xFFFFFFFF;",
        "é",
        " ",
        "\n",
        "<br>",
        "li",
        "<li",
        "\u{0}",
        ";",
    ];
    let pieces = proptest::collection::vec(proptest::sample::select(pieces), 0..30);
    pieces.prop_map(|pieces| pieces.concat()).boxed()
}

proptest! {
    /// Any input gives a value, or a refusal that has a name.
    #[test]
    fn what_flows_one_way_takes_anything(
        transform in one_way(),
        text in prop_oneof![any::<String>(), html()],
        number in any::<i64>(),
    ) {
        for value in [Value::Text(text.into()), Value::Int(number), Value::Null] {
            let decided = transform.decided(&value);
            let many = transform.decided_from_intercom(&[&value, &value]);
            for decided in [&decided, &many, &value] {
                match transform.to_salesforce(decided, 1) {
                    Ok(written) => prop_assert_eq!(written.len(), 1),
                    Err(Refusal(code)) => prop_assert_eq!(code, "no_country"),
                }
            }
            if let (Transform::HtmlToText { chars_max }, Ok(written)) =
                (&transform, transform.to_salesforce(&decided, 1))
                && decided.as_text().is_some()
            {
                prop_assert!(written[0].display().chars().count() <= *chars_max);
            }
            let _ = transform.to_intercom(&value);
            let _ = transform.decided_from_salesforce(&[&value, &value]);
            prop_assert!(transform.equivalent(&value, &value));
        }
    }
}

/// What the file says, what it says instead, and the findings.
pub const REFUSED: &[(&str, &str, &str)] = &[
    (
        "      meaning: size band\n",
        "      meaning: size band\n    - {intercom: [custom_attributes.a, custom_attributes.b], \
         salesforce: A__c, transform: concat, owner: intercom, direction: to_salesforce, \
         meaning: m}\n    - {intercom: custom_attributes.b, salesforce: B__c, owner: salesforce, \
         direction: both, meaning: m}\n",
        "38:18: people.fields.intercom: `custom_attributes.b` is written by `B__c`, and what is \
         made of it here would not follow; make it of what people write in Intercom, or let \
         Salesforce make it",
    ),
    (
        "- intercom: name",
        "- intercom: [name, email]",
        "18:17: people.fields.intercom: several paths make one value only where they are joined; \
         add `transform: concat`, or write one entry for each path",
    ),
    (
        "- intercom: phone",
        "- intercom: []",
        "24:17: people.fields.intercom: 0 paths are named; name 1 to 10",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: concat",
        "31:7: people.fields.intercom: concat joins several fields, and one is named; write a \
         list under `intercom`, or leave the transform out",
    ),
    (
        "- intercom: custom_attributes.size\n      salesforce: Lead.Size__c\n      \
         transform: picklist\n      values: {10: 1-10}",
        "- intercom: [email, email]\n      salesforce: Lead.Size__c\n      \
         transform: concat\n      separator: ' and also, '",
        "31:17: people.fields.intercom: `email` is named twice; name each path once
34:18: people.fields.separator: ` and also, ` is too long to stand between parts; at most 10 \
         characters can",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}\n      owner: intercom\n      \
         direction: to_salesforce",
        "transform: concat\n      owner: intercom\n      direction: both",
        "31:7: people.fields.direction: what is joined cannot be taken apart again; write \
         `direction: to_salesforce` or `to_intercom`",
    ),
    (
        "- intercom: custom_attributes.size\n      salesforce: Lead.Size__c\n      \
         transform: picklist\n      values: {10: 1-10}\n      owner: intercom\n      \
         direction: to_salesforce",
        "- intercom: [custom_attributes.size, custom_attributes.b]\n      \
         salesforce: [Size__c, B__c]\n      transform: concat\n      owner: intercom\n      \
         direction: to_intercom",
        "31:17: people.fields.intercom: what is joined is written to one path, 2 are named; \
         write one entry for each path",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}\n      owner: intercom\n      \
         direction: to_salesforce",
        "transform: html_to_text\n      owner: intercom\n      direction: both",
        "31:7: people.fields.direction: a text does not say which HTML it was; write \
         `direction: to_salesforce`",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: html_to_text\n      max_chars: 0",
        "34:18: people.fields.max_chars: 0 is no length of a text; write a number from 1 to \
         131072",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "max_chars: 7",
        "33:18: people.fields.max_chars: max_chars belongs to the transform html_to_text; add \
         `transform: html_to_text`, or leave it out",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "forms: {intercom: name}",
        "33:14: people.fields.forms: forms belongs to the transform country; add `transform: \
         country`, or leave it out",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: country\n      forms: {salesforce: iso}",
        "34:27: people.fields.forms.salesforce: `iso` is no form of a country; write alpha_2, \
         alpha_3 or name",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "placeholders: [n/a, ' ']",
        "33:21: people.fields.placeholders: a placeholder is a text that people write for \
         nothing; name 1 to 20, such as `placeholders: [n/a]`",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "transform: constant",
        "31:7: people.fields.value: a constant is written, and none is named; add `value: TEXT`",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}",
        "value: a",
        "33:14: people.fields.value: value belongs to the transform constant; add `transform: \
         constant`, or leave it out",
    ),
    (
        "transform: picklist\n      values: {10: 1-10}\n      owner: intercom\n      \
         direction: to_salesforce",
        "transform: constant\n      value: a\n      owner: intercom\n      direction: both",
        "31:7: people.fields.direction: a constant says nothing on the way back; write \
         `direction: to_salesforce` or `to_intercom`",
    ),
];

#[test]
fn faults_of_texts_are_named_with_place_and_fix() {
    check_refused(GOOD, REFUSED);
}
