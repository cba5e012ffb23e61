//! `crosswalk backfill` against both sandboxes: what they hold before crosswalk is installed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::{output, text};
use crate::installation::{Installation, until};

const PEOPLE: usize = 320;

/// Who is where: `both` by address, `keyed` by our key, the rest on one side only.
#[derive(Default)]
struct Crowd {
    /// Intercom id to Contact id.
    both: BTreeMap<String, String>,
    keyed: BTreeMap<String, String>,
    qualified: Vec<String>,
    /// Whom two Contacts have the address of.
    doubtful: String,
}

impl Installation {
    fn populate(&self) -> Crowd {
        let mut crowd = Crowd::default();
        for number in 0..PEOPLE {
            let email = format!("pat{number}@kestrel.example");
            match number % 8 {
                0..=3 => {
                    let there = self.there(number, &email, json!({"Title": "Engineer"}));
                    let here = self.here(number, &email, json!({"phone": "+14155550100"}));
                    crowd.both.insert(here, there);
                }
                4 => {
                    self.there(number, &email, json!({}));
                }
                5 => {
                    self.here(number, &email, json!({}));
                }
                6 => {
                    let here = self.here(number, &email, json!({}));
                    let key = json!({"Intercom_Contact_ID__c": format!("sandbox1:{here}")});
                    // Another address: only the key tells.
                    let there = self.there(number, &format!("old{number}@x.example"), key);
                    crowd.keyed.insert(here, there);
                }
                _ => {
                    let here = self.here(number, &email, json!({}));
                    let tag = json!({"verb": "tag", "contact_id": here, "name": "qualified"});
                    self.intercom.act(tag).unwrap();
                    crowd.qualified.push(here);
                }
            }
        }
        let email = "joan@kestrel.example";
        self.there(9_001, email, json!({}));
        self.there(9_002, email, json!({}));
        crowd.doubtful = self.here(9_000, email, json!({}));
        crowd
    }

    /// The Contacts and Leads by our key.
    fn by_key(&self) -> BTreeMap<String, Value> {
        let rows = self.rows("Contact").into_iter().chain(self.rows("Lead"));
        let keyed = rows.filter_map(|row| {
            let key = row["Intercom_Contact_ID__c"].as_str()?;
            Some((key.strip_prefix("sandbox1:")?.to_owned(), row))
        });
        keyed.collect()
    }

    /// What the whole crowd became, once it has.
    fn is_joined(&self, crowd: &Crowd) -> Result<(), String> {
        let linked = self.by_key();
        for (here, there) in crowd.both.iter().chain(&crowd.keyed) {
            let found = linked.get(here).map(|row| row["Id"].as_str().unwrap());
            if found != Some(there) {
                return Err(format!("{here} is {found:?} and not {there}"));
            }
        }
        for here in &crowd.qualified {
            if !linked.contains_key(here) {
                return Err(format!("no lead was made of {here}"));
            }
        }
        Ok(())
    }
}

fn backfill(admin: &str, more: &[&str]) -> (bool, String) {
    let command = ["backfill", "--bridge", "main", "--admin", admin, "--json"];
    let ended = output(&[&command[..], more].concat());
    let told = text(&ended.stderr) + &text(&ended.stdout);
    (ended.status.success(), told)
}

fn journal(installation: &Installation, name: &str) -> Vec<Value> {
    let lines = installation.topic("journal");
    let all = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|line| line.to_string().contains(&format!("\"{name}\"")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_both_systems_hold_is_joined_once_and_nothing_is_overwritten() {
    let installation = Installation::new().await;
    let crowd = installation.populate();
    let before = installation.rows("Contact");
    let (running, admin) = installation.run().await;
    let (done, told) = backfill(&admin, &[]);
    assert!(done, "{told}");
    let end: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let rows = end["rows"].as_u64().unwrap() as usize;
    // Five of eight are in Salesforce, seven of eight in Intercom; and one tag.
    let people = PEOPLE / 8 * 6 + 2 + PEOPLE / 8 * 7 + 1;
    assert!(rows > people && rows < people + 100, "{told}");
    assert_eq!((&end["state"], &end["run"]), (&json!("done"), &json!(1)));

    until("the crowd", || installation.is_joined(&crowd)).await;
    // What stood in Salesforce stands there: only our key is new.
    for row in before {
        let id = &row["Id"];
        let now = installation.rows("Contact");
        let now = now.iter().find(|one| one["Id"] == *id).unwrap();
        for field in ["FirstName", "LastName", "Email", "Title"] {
            assert_eq!(now[field], row[field], "{field} of {id}");
        }
    }
    let leads = installation.rows("Lead");
    assert_eq!(
        leads.len(),
        crowd.qualified.len(),
        "made for those who qualify, once each"
    );
    let doubt = installation.by_key().contains_key(&crowd.doubtful);
    assert!(!doubt, "two have that address: a person decides");
    // Searches are for those who qualify and whom nobody in the view matches.
    let searches = installation.salesforce.request_log();
    let asked = searches
        .iter()
        .filter(|one| one.path.contains("/query"))
        .count();
    assert!(asked < 3 * crowd.qualified.len(), "{asked} queries");

    // A second import finds nothing new.
    let (requests, leads) = (installation.salesforce.request_log().len(), leads.len());
    let (done, told) = backfill(&admin, &[]);
    assert!(done, "{told}");
    until("the second walk", || {
        match journal(&installation, "walk_ended").len() {
            2 => Ok(()),
            walks => Err(format!("{walks} walks")),
        }
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(installation.rows("Lead").len(), leads);
    let more = installation.salesforce.request_log();
    let writes = more[requests..]
        .iter()
        .filter(|one| one.method != "GET")
        .count();
    assert_eq!(writes, 0, "nothing is written again");
    drop(running);
}

/// Kills the process in the middle of a pilot that takes nearly everybody.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_everybody_takes_the_place_of_a_pilot_that_was_cut_off() {
    let feeds = json!({"import_rows_per_second_max": 150});
    let installation = Installation::with(feeds).await;
    let crowd = installation.populate();
    let list = installation.folder.path().join("pilot.txt");
    std::fs::write(&list, "@kestrel.example\n").unwrap();
    let (running, admin) = installation.run().await;
    let pilot = ["--detach", "--pilot", list.to_str().unwrap()];
    let (asked, told) = backfill(&admin, &pilot);
    assert!(asked, "{told}");
    until("some rows", || {
        match installation.topic("salesforce.observed").lines().count() {
            100.. => Ok(()),
            count => Err(format!("{count} rows")),
        }
    })
    .await;
    drop(running);
    let (running, admin) = installation.run().await;
    let (resumed, told) = backfill(&admin, &["--resume"]);
    assert!(!resumed && told.contains("--pilot"), "{told}");
    let (done, told) = backfill(&admin, &[]);
    assert!(done, "{told}");
    let end: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!((&end["state"], &end["run"]), (&json!("done"), &json!(2)));
    assert_eq!(end["passed_over"], json!(0), "{told}");
    until("the crowd", || installation.is_joined(&crowd)).await;
    assert_eq!(installation.rows("Lead").len(), crowd.qualified.len());
    drop(running);
}

/// Kills the process in the middle of an import. Answers the run that ended after the restart.
async fn killed(is_anchored: bool) -> Value {
    let installation = Installation::new().await;
    let crowd = installation.populate();
    let (_, there) = crowd.both.first_key_value().unwrap();
    let slow = std::fs::read_to_string(installation.config()).unwrap();
    let (fast, slowly) = ("per_second_max\":2000", "per_second_max\":150");
    std::fs::write(installation.config(), slow.replace(fast, slowly)).unwrap();
    let (running, admin) = installation.run().await;
    let (nothing, told) = backfill(&admin, &["--resume"]);
    assert!(!nothing && told.contains("was ever begun"), "{told}");
    if is_anchored {
        let fields = json!({"Department": "Research"});
        let update = json!({"verb": "update", "id": there, "fields": fields});
        installation.salesforce.act(update).unwrap();
        let topic = |topic| installation.topic(topic);
        until("the feed's cursor", || {
            match topic("cursors").contains("\"cdc\"") {
                true => Ok(()),
                false => Err("none".to_owned()),
            }
        })
        .await;
    }
    let (asked, told) = backfill(&admin, &["--detach"]);
    assert!(asked, "{told}");
    let (again, told) = backfill(&admin, &["--detach"]);
    assert!(!again && told.contains("is under way"), "{told}");
    until("some rows", || {
        match installation.topic("salesforce.observed").lines().count() {
            200.. => Ok(()),
            count => Err(format!("{count} rows")),
        }
    })
    .await;
    // SIGKILL, in the middle of it.
    drop(running);
    let (running, admin) = installation.run().await;
    let (done, told) = backfill(&admin, &["--resume"]);
    assert!(done, "{told}");
    until("the crowd", || installation.is_joined(&crowd)).await;
    let leads = installation.rows("Lead").len();
    assert_eq!(leads, crowd.qualified.len());
    drop(running);
    serde_json::from_str(told.lines().last().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_goes_on_where_it_stood() {
    let end = killed(true).await;
    assert_eq!((&end["state"], &end["run"]), (&json!("done"), &json!(1)));
}

/// What happened between the two subscriptions is known to nobody: no row that was read before may
/// stand for what is there now.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_subscription_had_no_position_begins_anew_after_a_kill() {
    let end = killed(false).await;
    assert_eq!((&end["state"], &end["run"]), (&json!("done"), &json!(2)));
}

#[test]
fn a_backfill_without_a_running_process_says_what_to_start() {
    let (told, error) = backfill("127.0.0.1:9", &[]);
    assert!(
        !told && error.contains("start `crosswalk run` first"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilot_takes_those_on_its_list_and_everybody_follows_later() {
    let installation = Installation::new().await;
    let crowd = installation.populate();
    let (running, admin) = installation.run().await;
    let list = installation.folder.path().join("pilot.txt");
    let list = list.to_str().unwrap();
    std::fs::write(list, "Ada Lovelace\n").unwrap();
    let (done, told) = backfill(&admin, &["--pilot", list]);
    assert!(!done && told.contains("line 1 has white space"), "{told}");
    // Tags belong to nobody: to have read them is not to have found somebody.
    std::fs::write(list, "nobody@kestrel.example\n").unwrap();
    let (found, told) = backfill(&admin, &["--pilot", list]);
    assert!(!found && told.contains("nobody on the list"), "{told}");
    let state = installation.intercom.state();
    let contacts = state["contacts"].as_array().unwrap();
    let of = |id: &str| contacts.iter().find(|one| one["id"] == id).unwrap()["email"].clone();
    let chosen: Vec<(&String, &String)> = crowd.both.iter().take(3).collect();
    let mut lines: Vec<String> = chosen
        .iter()
        .map(|(here, _)| of(here).as_str().unwrap().to_uppercase() + " # pilot")
        .collect();
    lines.push(crowd.qualified[0].clone());
    std::fs::write(list, lines.join("\n")).unwrap();
    // A call that fails makes the run wait, and not forget whom it is for.
    let fails = json!({"kind": "server_error", "times": 3, "path_contains": "/contacts"});
    let fails = serde_json::from_value(fails).unwrap();
    installation.intercom.add_fault(fails).unwrap();
    let (done, told) = backfill(&admin, &["--pilot", list]);
    assert!(done, "{told}");
    let end: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    // Three on both sides, the one who qualifies, and the tag.
    assert_eq!(end["rows"], json!(8), "{told}");
    assert_eq!((&end["run"], &end["taken"]), (&json!(2), &json!(7)));
    assert!(end["passed_over"].as_u64().unwrap() > 400, "{told}");
    until("the pilot", || {
        let linked = installation.by_key();
        match linked.len() - crowd.keyed.len() {
            4 => Ok(()),
            other => Err(format!("{other} are linked")),
        }
    })
    .await;
    let linked = installation.by_key();
    assert!(chosen.iter().all(|(here, _)| linked.contains_key(*here)));
    // What is told right after it was asked for is not of the run before.
    let (asked, told) = backfill(&admin, &["--detach"]);
    assert!(asked, "{told}");
    let begun: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!((&begun["rows"], &begun["taken"]), (&json!(0), &json!(null)));
    assert_eq!(
        (&begun["run"], &begun["passed_over"]),
        (&json!(0), &json!(0))
    );
    let (done, told) = backfill(&admin, &["--resume"]);
    assert!(done, "{told}");
    until("the crowd", || installation.is_joined(&crowd)).await;
    assert_eq!(installation.rows("Lead").len(), crowd.qualified.len());
    let cursors = installation.topic("cursors");
    assert!(
        !cursors.to_lowercase().contains("kestrel"),
        "a list stands nowhere"
    );
    drop(running);
}
