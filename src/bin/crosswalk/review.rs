//! `crosswalk review list|show|decide`: what waits for a person, and the answer.

use anyhow::{Context, bail};
use crosswalk::domain::ReviewId;
use serde_json::{Value, json};

use crate::admin_client::{self, Place, not_running};

/// See and answer what waits for a person.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the open review items.
    ///
    /// The running process is asked at its admin port. Values of a conflict are shown by `show`.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  crosswalk review list --config crosswalk.yaml\n  \
        crosswalk review list --json | jq -r '.[] | [.review, .reason] | @tsv'"
    )]
    List(List),
    /// Show one item with everything that is known of it; the values of both sides of a conflict.
    #[command(
        verbatim_doc_comment,
        after_help = "Example:\n  crosswalk review show rev_0123456789abcdef0123456789abcdef"
    )]
    Show(Show),
    /// Answer an item. The answer goes through the log and is carried out in its turn.
    ///
    /// --link says which candidate is the counterpart, --apart that none is, --keep whose value
    /// stands in a conflict, --retry tries again what was refused, --approve and --refuse say
    /// whether a mass change goes on, --dismiss closes the item and does nothing.
    #[command(
        verbatim_doc_comment,
        after_help = "Examples:\n  \
        crosswalk review decide rev_… --link sales/Contact/0035g00000ABCDEAA5 --by ann\n  \
        crosswalk review decide rev_… --keep support/contact/6961d4041c1e12de4c5499cc --by ann\n  \
        crosswalk review decide rev_… --retry --by ann"
    )]
    Decide(Decide),
}

#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    place: Place,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Show {
    /// The item's id, rev_…
    review: String,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("answer").required(true))]
struct Decide {
    /// The item's id, rev_…
    review: String,
    /// This candidate is the counterpart: source/object/id.
    #[arg(long, value_name = "RECORD", group = "answer")]
    link: Option<String>,
    /// None of the candidates is the counterpart; they are never joined by what they share.
    #[arg(long, group = "answer")]
    apart: bool,
    /// The value of this record stands: source/object/id.
    #[arg(long, value_name = "RECORD", group = "answer")]
    keep: Option<String>,
    /// Try again what was refused.
    #[arg(long, group = "answer")]
    retry: bool,
    /// Close it; nothing is done.
    #[arg(long, group = "answer")]
    dismiss: bool,
    /// Let a mass change go on: what waits is written.
    #[arg(long, group = "answer")]
    approve: bool,
    /// Give a mass change up: what waits is not written.
    #[arg(long, group = "answer")]
    refuse: bool,
    /// Who answers; stands in the journal.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    place: Place,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::List(list) => {
            let items = items(&list.place)?;
            if list.json {
                println!("{}", Value::Array(items));
            } else {
                print_list(&items);
            }
            Ok(())
        }
        Command::Show(show) => {
            let review = review_id(&show.review)?;
            let items = items(&show.place)?;
            let item = items.iter().find(|item| item["review"] == review.as_str());
            let item = item.with_context(|| format!("{review} is not open"))?;
            println!("{}", serde_json::to_string_pretty(item)?);
            Ok(())
        }
        Command::Decide(decide) => answer(&decide),
    }
}

fn items(place: &Place) -> anyhow::Result<Vec<Value>> {
    let base = place.base()?;
    let answer = admin_client::ask(&base, "/v1/reviews", &[])?;
    let mut answer = answer.with_context(|| not_running(&base))?;
    match answer["reviews"].take() {
        Value::Array(items) => Ok(items),
        _ => bail!("the process at {base} is of another version: it lists no reviews"),
    }
}

fn print_list(items: &[Value]) {
    if items.is_empty() {
        println!("nothing waits for a person");
        return;
    }
    let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    for item in items {
        println!("{}  {}", text(item, "review"), text(item, "kind"));
        println!("  record   {}", text(item, "record"));
        println!("  reason   {}", text(item, "reason"));
        for candidate in item["candidates"].as_array().into_iter().flatten() {
            println!("  concerns {}", candidate.as_str().unwrap_or_default());
        }
        println!("  answer   {}", text(item, "answers"));
    }
}

fn answer(decide: &Decide) -> anyhow::Result<()> {
    let review = review_id(&decide.review)?;
    let (answer, record) = match (&decide.link, &decide.keep) {
        (Some(to), _) => ("link", Some(to)),
        (_, Some(record)) => ("keep", Some(record)),
        _ if decide.retry => ("retry", None),
        _ if decide.apart => ("apart", None),
        _ if decide.approve => ("approve", None),
        _ if decide.refuse => ("refuse", None),
        _ => ("dismiss", None),
    };
    let mut body = json!({"by": decide.by, "answer": answer});
    if let Some(record) = record {
        body["record"] = json!(record);
    }
    let base = decide.place.base()?;
    let path = format!("/v1/reviews/{review}");
    let told = admin_client::tell(&base, &path, &body)?;
    let told = told.with_context(|| not_running(&base))?;
    let decision = told["decision"].as_str().unwrap_or_default();
    println!("{review} is answered: {answer}; decision {decision}");
    Ok(())
}

/// The id in its one form: it becomes part of an address.
fn review_id(given: &str) -> anyhow::Result<String> {
    match ReviewId::parse(given.trim()) {
        Ok(review) => Ok(review.to_string()),
        Err(_) => bail!("{given:?} is no review item: it looks like rev_ and 32 hex digits"),
    }
}
