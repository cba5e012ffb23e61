//! `--serve`: everything keeps running, with lines to copy, until a signal ends it.

use std::time::Duration;

use crate::demo::cast;
use crate::demo::chapters::sales::text;
use crate::demo::story::Story;
use crate::signals::Signals;

const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Prints addresses and ready lines, then waits for a signal. Fails if crosswalk ends before.
pub async fn serve(story: &mut Story, signals: &mut Signals) -> anyhow::Result<()> {
    show(story)?;
    loop {
        tokio::select! {
            signal = signals.next() => {
                story.voice.plain("");
                story.crosswalk(&format!("{signal}: stopping"));
                return Ok(());
            }
            () = tokio::time::sleep(LOOK_AGAIN) => story.stage.child.alive()?,
        }
    }
}

fn show(story: &Story) -> anyhow::Result<()> {
    let stage = &story.stage;
    let crosswalk = std::env::current_exe()?;
    let crosswalk = crosswalk.display();
    let (intercom, salesforce) = (stage.intercom.base_url(), stage.salesforce.base_url());
    let (webhooks, admin) = (&stage.child.webhooks, &stage.child.admin);
    let config = stage.child.config().display();
    let secret = cast::WEBHOOK_SECRET;
    let ada = story.visitors.first().map_or("", String::as_str);
    let lead = story
        .lead_of(ada)
        .map_or_else(String::new, |row| text(&row["Id"]));
    let app = cast::APP_ID;
    let lines = format!(
        r#"
Everything keeps running until Ctrl-C.
  Intercom     {intercom}
  Salesforce   {salesforce}
  webhooks     {webhooks}
  admin        {admin}

# what crosswalk counts, and whether it is well
curl -s {admin}/metrics | grep ^crosswalk_
curl -s {admin}/readyz

# who is who, and what is being decided
{crosswalk} identity explain {email} --config {config} --admin {admin}
curl -s '{admin}/v1/explain?query={email}'
{crosswalk} identity show {email} --config {config} --admin {admin}
{crosswalk} tail journal --from-beginning --no-follow --config {config}
{crosswalk} review list --config {config} --admin {admin}
curl -s {admin}/v1/reviews
{crosswalk} verify --config {config} --admin {admin}

# act as a person in Intercom, then look into Salesforce
curl -s {intercom}/__sandbox/act -d '{{"verb":"update_contact","id":"{ada}",
  "set":{{"custom_attributes":{{"job_title":"Analyst"}}}}}}'
curl -s {salesforce}/__sandbox/state
curl -s {salesforce}/__sandbox/requests

# act as a person in Salesforce, then look into Intercom
curl -s {salesforce}/__sandbox/act -d '{{"verb":"update","id":"{lead}",
  "fields":{{"Title":"Countess"}}}}'
curl -s {intercom}/__sandbox/state
curl -s {intercom}/__sandbox/requests

# make Salesforce refuse the next write, then act again
curl -s {salesforce}/__sandbox/faults -d '{{"kind":"server_error","method":"PATCH"}}'

# sign and post a notification yourself; without -H it is refused
BODY='{{"type":"notification_event","app_id":"{app}","topic":"ping","id":null,
  "data":{{"item":{{"type":"ping","message":"hello"}}}}}}'
SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha1 -hmac {secret} | sed 's/.*= /sha1=/')
curl -si {webhooks} -H "X-Hub-Signature: $SIGNATURE" --data-binary "$BODY"
"#,
        email = cast::ADA.email,
    );
    for line in lines.lines() {
        story.voice.plain(line);
    }
    Ok(())
}
