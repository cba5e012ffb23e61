//! The command line: one subcommand per file; this one only chooses among them.

mod admin;
mod admin_client;
mod backfill;
mod bridge;
mod check;
mod dead_letters;
mod demo;
mod entry_json;
mod event_json;
mod feeds;
mod field_report;
mod history;
mod identity;
mod imports;
mod lag;
mod letters;
mod log_file;
mod mapping;
mod mappings;
mod open_log;
mod partition;
mod past;
mod print;
mod processors;
mod rebuild;
mod revert;
mod review;
mod roles;
mod run;
mod sandbox;
mod secrets;
mod shadow;
mod shares;
mod signals;
mod sinks;
mod sweeps;
mod tail;
mod topics;
mod verify;
mod view_answers;
mod what_if;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Keeps Intercom and Salesforce telling the same story about the same customer.
///
/// One configuration file names the workspaces, the orgs and which of them belong together;
/// `run` keeps them joined. Nothing is written before it is known what stands there.
#[derive(Parser)]
#[command(name = "crosswalk", version, arg_required_else_help = true)]
#[command(disable_help_subcommand = true, verbatim_doc_comment, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  crosswalk demo                                  watch the whole story, no accounts needed
  crosswalk check --config crosswalk.yaml         what is missing in both systems?
  crosswalk run --config crosswalk.yaml           run everything in one process
  crosswalk backfill --bridge main                take in what both systems hold already
  crosswalk tail journal --config crosswalk.yaml  follow what is being decided
  crosswalk identity explain ada@example.com      who is this, and why do they say so?
  crosswalk review list                           what waits for a person?
  crosswalk sandbox both --control                two systems to try a mapping against";

#[derive(Subcommand)]
enum Command {
    Check(check::Arguments),
    Mapping(mapping::Arguments),
    Run(run::Arguments),
    Backfill(backfill::Arguments),
    Bridge(bridge::Arguments),
    Demo(demo::Arguments),
    Sandbox(sandbox::Arguments),
    Tail(tail::Arguments),
    Identity(identity::Arguments),
    Review(review::Arguments),
    Revert(revert::Arguments),
    DeadLetters(dead_letters::Arguments),
    Sweeps(sweeps::Arguments),
    Topics(topics::Arguments),
    Log(log_file::Arguments),
    Verify(verify::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Check(arguments) => check::run(arguments),
        Command::Mapping(arguments) => mapping::run(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Backfill(arguments) => backfill::run(arguments),
        Command::Bridge(arguments) => bridge::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Sandbox(arguments) => sandbox::run(arguments),
        Command::Tail(arguments) => tail::run(arguments),
        Command::Identity(arguments) => identity::run(arguments),
        Command::Review(arguments) => review::run(arguments),
        Command::Revert(arguments) => revert::run(arguments),
        Command::DeadLetters(arguments) => dead_letters::run(arguments),
        Command::Sweeps(arguments) => sweeps::run(arguments),
        Command::Topics(arguments) => topics::run(arguments),
        Command::Log(arguments) => log_file::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: the chain, without the line breaks a cause may hold.
            let line = format!("{error:#}").replace(['\n', '\r'], " ");
            eprintln!("error: {line}");
            ExitCode::FAILURE
        }
    }
}
