//! The end of the story: wait until nothing moves, hold everything against the script, sum up.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};

use crate::demo::cast;
use crate::demo::check::{self, Evidence, Failure, Verdict};
use crate::demo::privacy;
use crate::demo::quiet::{all_events, events, observations};
use crate::demo::story::Story;
use crate::demo::summary::Summary;

const CALM: Duration = Duration::from_secs(1);
/// A conflict for a person is a review item, too.
const REVIEWS: [&str; 2] = ["review_opened", "conflict_opened"];
/// What the process may take at its peak.
const MEMORY_MB_MAX: f64 = 150.0;

/// Judges the finished story.
pub async fn judge(story: &mut Story) -> anyhow::Result<Summary> {
    let stats = story.quiet(CALM).await?;
    let state = story.stage.salesforce.state();
    let verdict = check::check(
        &story.script,
        &Evidence {
            salesforce: &state,
            salesforce_log: &story.stage.salesforce.request_log(),
            intercom: &story.stage.intercom.state(),
            intercom_log: &story.stage.intercom.request_log(),
        },
    );
    keep_evidence(story);
    let letters = story.stage.child.tail("dead-letters").await?;
    let metrics = story.stage.admin.get("/metrics").await?;
    let mut failures = verdict.failures.clone();
    failures.extend(counted(story, &stats, letters.len() as u64));
    failures.extend(at_the_door(story));
    failures.extend(doors(story, &metrics).await?);
    failures.extend(logged(story)?);
    failures.extend(digests(story));
    let first = story.before.as_ref().and_then(|(.., memory)| *memory);
    let peaks = [first, story.stage.child.memory_peak_mb()];
    let memory = peaks.into_iter().flatten().reduce(f64::max);
    if let Some(found) = memory.filter(|found| *found > MEMORY_MB_MAX) {
        let expected = format!("at most {MEMORY_MB_MAX} MB at the peak");
        failures.push(Failure::new("memory", expected, format!("{found} MB")));
    }
    let counts = Counts {
        stats: &stats,
        letters: letters.len() as u64,
        memory,
    };
    Ok(Summary {
        figures: figures(story, &verdict, &counts),
        failures,
        notes: notes(story),
    })
}

/// Beside what crosswalk kept, for whoever looks into a failure. Not being able to is no failure.
fn keep_evidence(story: &Story) {
    let stage = &story.stage;
    let evidence = json!({
        "salesforce": stage.salesforce.state(),
        "salesforce_requests": stage.salesforce.request_log(),
        "intercom": stage.intercom.state(),
        "intercom_requests": stage.intercom.request_log(),
    });
    let path = stage.child.config().with_file_name("evidence.json");
    let _ = std::fs::write(path, evidence.to_string());
}

struct Counts<'a> {
    stats: &'a Value,
    letters: u64,
    memory: Option<f64>,
}

fn figures(story: &Story, verdict: &Verdict, counts: &Counts<'_>) -> Vec<(&'static str, Value)> {
    let stats = counts.stats;
    let told = |names: &[&str]| story.counted(stats, |stats| events(stats, names));
    let conflicts = told(&["conflict_decided", "conflict_opened"]);
    let echoes = told(&["echo_suppressed"]);
    let (view, rebuild) = &story.digests;
    let [p50, p99] = [50, 99].map(|percent| story.latency.percentile_ms(percent));
    let back = &story.latency_to_intercom;
    let [back_p50, back_p99] = [50, 99].map(|percent| back.percentile_ms(percent));
    vec![
        ("observations", json!(story.counted(stats, observations))),
        ("journal_events", json!(story.counted(stats, all_events))),
        ("writes_salesforce", json!(verdict.writes_salesforce)),
        ("writes_intercom", json!(verdict.writes_intercom)),
        ("echoes_suppressed", json!(echoes)),
        ("conflicts", json!(conflicts)),
        ("review_items", json!(told(&REVIEWS))),
        ("dead_letters", json!(counts.letters)),
        ("lost", json!(verdict.lost)),
        ("duplicate_writes", json!(verdict.duplicate_writes)),
        ("converged", json!(verdict.converged)),
        ("view_digest", json!(view)),
        ("rebuild_digest", json!(rebuild)),
        ("elapsed_ms", json!(story.voice.elapsed_ms())),
        ("sync_latency_ms_p50", json!(p50)),
        ("sync_latency_ms_p99", json!(p99)),
        ("sync_latency_to_intercom_ms_p50", json!(back_p50)),
        ("sync_latency_to_intercom_ms_p99", json!(back_p99)),
        ("vm_hwm_mb", json!(counts.memory)),
    ]
}

fn notes(story: &Story) -> Vec<String> {
    let (there, back) = (&story.latency, &story.latency_to_intercom);
    let mut note = format!(
        "Latency is of {} edits in Intercom and {} in Salesforce.",
        there.measured(),
        back.measured()
    );
    let coalesced = there.coalesced + back.coalesced;
    if coalesced > 0 {
        note.push_str(&format!(
            " {coalesced} more were overtaken by a later edit of the same field and written with \
             it."
        ));
    }
    let bound = "Edits that come faster than they are written may be written together; for those \
                 contacts the script's need is an upper bound. For all others it is exact.";
    vec![note, bound.to_owned()]
}

fn expect(check: &'static str, expected: u64, found: u64) -> Option<Failure> {
    (expected != found).then(|| Failure::new(check, expected.to_string(), found.to_string()))
}

fn counted(story: &Story, stats: &Value, letters: u64) -> Vec<Failure> {
    let script = &story.script;
    let told = |names: &[&str]| story.counted(stats, |stats| events(stats, names));
    let reviews = told(&REVIEWS);
    let letters = expect("dead_letters", script.dead_letters, letters);
    let conflicts = told(&["conflict_decided", "conflict_opened"]);
    let forms = told(&["form_accepted"]);
    letters
        .into_iter()
        .chain(expect("conflicts", script.conflicts, conflicts))
        .chain(expect("accepted_forms", script.accepted_forms, forms))
        .chain(expect("review_items", script.review_items, reviews))
        .collect()
}

/// Every notification that Intercom sent was taken, but those that the script wants refused.
fn at_the_door(story: &Story) -> Vec<Failure> {
    let deliveries = story.stage.intercom.deliveries();
    let ids = |wanted: fn(Option<u16>) -> bool| -> BTreeSet<&str> {
        let matching = deliveries.iter().filter(|one| wanted(one.status));
        matching.map(|one| one.notification_id.as_str()).collect()
    };
    let refused = ids(|status| status == Some(401)).len() as u64;
    let taken = ids(|status| status == Some(200)).len() as u64;
    let sent = ids(|_| true).len() as u64;
    let failures = [
        expect("webhooks_refused", story.script.refused_posts, refused),
        expect("webhooks_taken", sent - refused, taken),
    ];
    failures.into_iter().flatten().collect()
}

async fn doors(story: &Story, metrics: &(u16, String)) -> anyhow::Result<Vec<Failure>> {
    let mut failures = Vec::new();
    if metrics.0 != 200 || !metrics.1.contains("crosswalk_webhooks_total") {
        let expected = "/metrics with crosswalk_webhooks_total".to_owned();
        let found = format!("{} and {} bytes", metrics.0, metrics.1.len());
        failures.push(Failure::new("metrics", expected, found));
    }
    for path in ["/livez", "/readyz"] {
        let (status, body) = story.stage.admin.get(path).await?;
        if status != 200 {
            let expected = format!("{path} answers 200");
            failures.push(Failure::new("health", expected, format!("{status} {body}")));
        }
    }
    Ok(failures)
}

fn logged(story: &Story) -> anyhow::Result<Vec<Failure>> {
    let path = story.stage.child.log();
    let mut log = std::fs::read_to_string(path).context("cannot read what crosswalk logged")?;
    if let Some((_, first, _)) = &story.before {
        let first = std::fs::read_to_string(first);
        log.push_str(&first.context("cannot read what crosswalk logged before it was killed")?);
    }
    let personal = cast::personal(story.extras);
    let found = privacy::found_in(&log, &personal, &cast::SECRETS);
    let failure = |text: &str| {
        let expected = format!("no personal data and no secret in {}", path.display());
        Failure::new("privacy", expected, text.to_owned())
    };
    let mut failures: Vec<Failure> = found.into_iter().map(failure).collect();
    if log.is_empty() {
        let expected = "a log that can be searched".to_owned();
        failures.push(Failure::new(
            "privacy",
            expected,
            "an empty file".to_owned(),
        ));
    }
    Ok(failures)
}

fn digests(story: &Story) -> Option<Failure> {
    let (view, rebuild) = &story.digests;
    let equal = !view.is_empty() && view == rebuild;
    (!equal).then(|| {
        let expected = format!("the rebuild has the view's digest {view:?}");
        Failure::new("rebuild", expected, rebuild.clone())
    })
}
