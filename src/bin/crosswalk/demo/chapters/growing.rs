//! A visitor becomes a Lead, and the Lead follows the visitor.

use anyhow::Context;
use serde_json::{Value, json};

use crate::demo::cast::{ADA, COMPANY, QUESTIONS};
use crate::demo::chapters::{CALM, values};
use crate::demo::story::Story;

pub async fn visitors_write(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Visitors write in Intercom; Salesforce is not troubled");
    let mark = story.salesforce_mark();
    let known = story.stage.intercom.deliveries().len();
    for question in QUESTIONS {
        let contact = story
            .act(json!({"verb": "visitor_writes", "body": question}))
            .await?;
        story.intercom(&format!("an anonymous visitor: {question}"));
        story.visitors.push(contact);
    }
    // The first of them is Ada, and will be a Lead; the others leave no trace.
    for contact in &story.visitors[1..] {
        story.script.nothing_for(contact, "an anonymous visitor");
    }
    story.quiet(CALM).await?;
    let notifications = story.stage.intercom.deliveries().len() - known;
    story.crosswalk(&format!(
        "keeps {notifications} notifications: no address, no tag, so there is nothing to do"
    ));
    let leads = story.stage.rows("Lead").len();
    let requests = story.stage.salesforce.request_log_since(mark).len();
    story.salesforce(&format!("{leads} Leads, {requests} requests received"));
    Ok(())
}

pub async fn one_qualifies(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("One leaves an e-mail address and is tagged \"qualified\": a Lead appears");
    let ada = story.visitors[0].clone();
    let company = json!({
        "verb": "create_company", "company_id": "engines-ltd", "name": COMPANY,
    });
    story.act(company).await?;
    story.intercom(&format!("the company {COMPANY} is known here"));
    let details = json!({
        "name": ADA.name, "email": ADA.email, "custom_attributes": {"company_size": "51-200"},
    });
    story.edit(&ada, details).await?;
    story.intercom(&format!(
        "a visitor is {} <{}>, size 51-200",
        ADA.name, ADA.email
    ));
    let attach = json!({
        "verb": "attach_company", "contact_id": ada, "company_id": "engines-ltd",
    });
    story.act(attach).await?;
    story.script.lead(&ADA, &[&ada]);
    story.script.holds(
        ADA.name,
        &[("Company", COMPANY), ("Company_Size__c", "51-200")],
    );
    story.intercom(&format!(
        "she belongs to {COMPANY} and is tagged \"qualified\""
    ));
    let mark = story.salesforce_mark();
    story.qualify(&ada).await?;
    let lead = story.until_lead(&ada).await?;
    let requests = story.stage.salesforce.request_log_since(mark);
    let asked = requests
        .iter()
        .filter(|entry| entry.path.contains("/query"));
    story.crosswalk(&format!(
        "looks {} times who that could be, finds nobody, and creates a Lead",
        asked.count()
    ));
    show_lead(story, &lead);
    story.quiet(CALM).await.map(|_| ())
}

fn show_lead(story: &Story, lead: &Value) {
    let text = |name: &str| lead[name].as_str().unwrap_or("nothing").to_owned();
    let names = [
        "FirstName",
        "LastName",
        "Email",
        "Company",
        "Company_Size__c",
        "LeadSource",
        "Status",
    ];
    story.salesforce(&format!("Lead {} stands:", text("Id")));
    story.salesforce(&format!(
        "  Intercom_Contact_ID__c = {}",
        text("Intercom_Contact_ID__c")
    ));
    for pair in names.chunks(2) {
        let shown = pair.iter().map(|name| format!("{name} = {}", text(name)));
        story.salesforce(&format!("  {}", shown.collect::<Vec<_>>().join(", ")));
    }
}

pub async fn she_changes_details(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("She tells more: the Lead follows, and only what changed is written");
    let ada = story.visitors[0].clone();
    let title = "Programmer";
    story
        .script
        .update(ADA.name, &[("Phone", ADA.phone_e164), ("Title", title)]);
    let mark = story.salesforce_mark();
    let set = json!({"phone": ADA.phone, "custom_attributes": {"job_title": title}});
    story.edit(&ada, set).await?;
    story.intercom(&format!(
        "her phone is {}, her job title {title}",
        ADA.phone
    ));
    story.until_field(&ada, "Title", title).await?;
    show_writes(story, mark);
    story.quiet(CALM).await.map(|_| ())
}

/// Every write since a mark, with the fields it named.
fn show_writes(story: &Story, mark: u64) {
    for entry in story.writes_since(mark) {
        let fields = values(&entry.fields);
        story.salesforce(&format!("{} {}: {fields}", entry.method, entry.target));
    }
}

pub async fn told_thrice_and_backwards(story: &mut Story) -> anyhow::Result<()> {
    story
        .voice
        .chapter("Three times and out of order: the same news changes nothing twice");
    let ada = story.visitors[0].clone();
    let hold = json!({"verb": "hold_deliveries", "on": true});
    story.act(hold).await?;
    let (first, second) = ("Countess", "Enchantress of Number");
    story
        .edit(&ada, json!({"custom_attributes": {"job_title": first}}))
        .await?;
    let later = json!({"custom_attributes": {"job_title": second, "company_size": "201-500"}});
    story.edit(&ada, later).await?;
    story.intercom(&format!(
        "her title becomes {first}, then {second}, her company larger"
    ));
    story.script.update(
        ADA.name,
        &[("Title", second), ("Company_Size__c", "201-500")],
    );
    let mark = story.salesforce_mark();
    let release = json!({"verb": "release_deliveries", "order": "reverse", "times": 3});
    let released = story.stage.intercom.act(release)?;
    let held = released["notifications"].as_array().map_or(0, Vec::len);
    story.intercom(&format!(
        "delivers these {held} notifications three times, the newest first"
    ));
    story.until_field(&ada, "Title", second).await?;
    let stats = story.quiet(CALM).await?;
    let unchanged = &stats["partitions"]["0"]["unchanged"];
    let older = unchanged["older"].as_u64().unwrap_or(0);
    story.crosswalk(&format!(
        "{} deliveries, 1 change: {older} told what was out of date, the others were repetitions",
        held * 3
    ));
    show_writes(story, mark);
    let lead = story.lead_of(&ada).context("her Lead has vanished")?;
    story.salesforce(&format!("the Lead's title is {}", lead["Title"]));
    Ok(())
}
