//! Settings of the roles, each with a default that suits one machine.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::error::Problem;
use crate::config::field::Field;
use crate::domain::nearest::did_you_mean;
use crate::domain::view::REVERSALS_KEPT_MAX;

/// The materialised state on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub path: PathBuf,
    /// Opening cannot be cancelled; past this a fresh directory is taken and rebuilt.
    pub open_timeout: Duration,
    pub checkpoint_interval: Duration,
    pub snapshots_enabled: bool,
    pub snapshots_path: PathBuf,
    pub snapshot_interval: Duration,
}

/// Limits of webhook intake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingest {
    /// How long an append may take before the answer is 503; Intercom gives up after 5 s.
    pub append_timeout: Duration,
    /// Webhooks waiting for the log; beyond it the answer is 503.
    pub queue_max: usize,
    /// Bytes of all bodies being handled; beyond it the answer is 503.
    pub intake_bytes_max: usize,
    /// Notification ids remembered, to answer repetitions without an append.
    pub remembered_max: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    pub batch_observations_max: usize,
    pub batch_bytes_max: usize,
    /// The longest wait of an empty poll: deadlines and questions are looked at this often.
    pub poll_wait: Duration,
    /// When a command without an answer is requested again.
    pub command_deadline: Duration,
    /// The interval of repeated requests doubles up to this.
    pub command_deadline_max: Duration,
    /// Attempts without an answer after which a review item is opened.
    pub command_attempts_before_review: u32,
    /// How long a record waits behind another one with the same match key.
    pub deferral_deadline: Duration,
    /// Commands that walks over all customers of a bridge ask for in a second at most.
    pub walk_commands_per_second_max: u32,
    /// How often somebody may replace what we wrote in a field of a record within the window,
    /// before it is written no more.
    pub breaker_reversals_max: u32,
    pub breaker_window: Duration,
    /// How much of a field's records may be changed through the bridge within an hour, in percent,
    /// before a person is asked; 100 asks nobody.
    pub mass_change_percent_max: u32,
    /// As many may be, whatever the share.
    pub mass_change_records_min: u64,
    /// Journal events between two recorded digests.
    pub digest_every_events: u64,
    /// Changed entries of the view in memory beyond which a checkpoint is made early.
    pub overlay_entries_max: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// Requests at the same time, per bridge and source.
    pub lanes_max: usize,
    /// Commands taken and not yet committed, per system.
    pub commands_max: usize,
    pub request_timeout: Duration,
    pub connect_timeout: Duration,
    /// A first try older than this reads before it writes.
    pub first_try_age_max: Duration,
    pub retry_interval_first: Duration,
    pub retry_interval_max: Duration,
    /// Repetitions of a call whose answer leaves open whether it was carried out.
    pub doubtful_max: u32,
    /// How long requests under way may take once the process is told to stop.
    pub stop_grace: Duration,
}

/// What is pulled from Salesforce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feeds {
    /// The channel of change events; case counts.
    pub channel: String,
    /// Where a subscription starts whose cursor Salesforce no longer takes.
    pub after_gap: AfterGap,
    /// Between two sweeps of the users.
    pub owners_interval: Duration,
    /// Entries of one append.
    pub batch_entries_max: usize,
    pub batch_bytes_max: usize,
    /// How long a subscription may say nothing before it counts as dead.
    pub liveness: Duration,
    /// Rows an import appends in a second at most, for each bridge.
    pub import_rows_per_second_max: u32,
    /// Between two sweeps of a bridge.
    pub sweep_interval: Duration,
    /// What was saved less than this ago may still be on its way: it is left to the next sweep.
    pub sweep_settle: Duration,
    /// How much of the window before a sweep reads again.
    pub sweep_overlap: Duration,
    /// Rows a sweep appends in a second at most, for each bridge.
    pub sweep_rows_per_second_max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterGap {
    /// At the oldest event that is kept: repetitions are recognised, the day's allocation pays.
    Earliest,
    /// At the next event: what lies between is left to an import.
    Latest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    pub format: LoggingFormat,
    /// A level or a filter such as `info,crosswalk::sink=debug`.
    pub level: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggingFormat {
    Pretty,
    Json,
}

impl View {
    pub(super) fn read(
        field: Option<&Field<'_>>,
        default_path: PathBuf,
        snapshots_path: PathBuf,
    ) -> Result<Self, Problem> {
        let default = Self {
            path: default_path,
            open_timeout: Duration::from_secs(30),
            checkpoint_interval: Duration::from_secs(5),
            snapshots_enabled: false,
            snapshots_path,
            snapshot_interval: Duration::from_secs(60 * 60),
        };
        let Some(field) = field else {
            return Ok(default);
        };
        let table = field.table(&[
            "path",
            "open_timeout_seconds",
            "checkpoint_interval_seconds",
            "snapshots_enabled",
            "snapshots_path",
            "snapshot_interval_seconds",
        ])?;
        Ok(Self {
            snapshots_enabled: table.or("snapshots_enabled", false, Field::truth)?,
            snapshots_path: table.or("snapshots_path", default.snapshots_path, Field::file_path)?,
            snapshot_interval: table.or(
                "snapshot_interval_seconds",
                default.snapshot_interval,
                Field::seconds,
            )?,
            path: table.or("path", default.path, Field::file_path)?,
            open_timeout: table.or("open_timeout_seconds", default.open_timeout, Field::seconds)?,
            checkpoint_interval: table.or(
                "checkpoint_interval_seconds",
                default.checkpoint_interval,
                Field::seconds,
            )?,
        })
    }
}

impl Default for Ingest {
    fn default() -> Self {
        Self {
            append_timeout: Duration::from_secs(4),
            queue_max: 1_024,
            intake_bytes_max: 64 * 1_048_576,
            remembered_max: 50_000,
        }
    }
}

impl Ingest {
    pub(super) fn read(field: &Field<'_>, body_bytes_max: usize) -> Result<Self, Problem> {
        let default = Self::default();
        let table = field.table(&[
            "append_timeout_ms",
            "queue_max",
            "intake_bytes_max",
            "remembered_max",
        ])?;
        // One body of the largest size must fit, or it could never be taken.
        let bytes_min = body_bytes_max as u64;
        Ok(Self {
            append_timeout: table.or("append_timeout_ms", default.append_timeout, |field| {
                Ok(Duration::from_millis(field.whole_number(10, 4_500)?))
            })?,
            queue_max: table.or("queue_max", default.queue_max, |f| count(f, 1, 100_000))?,
            intake_bytes_max: table.or("intake_bytes_max", default.intake_bytes_max, |field| {
                count(field, bytes_min, 1 << 32)
            })?,
            remembered_max: table.or("remembered_max", default.remembered_max, |field| {
                count(field, 2, 10_000_000)
            })?,
        })
    }
}

impl Default for Processor {
    fn default() -> Self {
        Self {
            batch_observations_max: 500,
            batch_bytes_max: 8 * 1_048_576,
            poll_wait: Duration::from_millis(50),
            command_deadline: Duration::from_secs(60),
            command_deadline_max: Duration::from_secs(900),
            command_attempts_before_review: 5,
            deferral_deadline: Duration::from_secs(300),
            walk_commands_per_second_max: 60,
            breaker_reversals_max: 6,
            breaker_window: Duration::from_secs(600),
            mass_change_percent_max: 20,
            mass_change_records_min: 50,
            digest_every_events: 10_000,
            overlay_entries_max: 50_000,
        }
    }
}

impl Processor {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let default = Self::default();
        let table = field.table(&[
            "batch_observations_max",
            "batch_bytes_max",
            "poll_wait_ms",
            "command_deadline_seconds",
            "command_deadline_max_seconds",
            "command_attempts_before_review",
            "deferral_deadline_seconds",
            "walk_commands_per_second_max",
            "breaker_reversals_max",
            "breaker_window_seconds",
            "mass_change_percent_max",
            "mass_change_records_min",
            "digest_every_events",
            "overlay_entries_max",
        ])?;
        let seconds = |key: &str, default: Duration| table.or(key, default, Field::seconds);
        Ok(Self {
            batch_observations_max: table.or(
                "batch_observations_max",
                default.batch_observations_max,
                |field| count(field, 1, 10_000),
            )?,
            batch_bytes_max: table.or("batch_bytes_max", default.batch_bytes_max, |field| {
                count(field, 1, 1 << 30)
            })?,
            poll_wait: table.or("poll_wait_ms", default.poll_wait, |field| {
                Ok(Duration::from_millis(field.whole_number(1, 60_000)?))
            })?,
            command_deadline: seconds("command_deadline_seconds", default.command_deadline)?,
            command_deadline_max: seconds(
                "command_deadline_max_seconds",
                default.command_deadline_max,
            )?,
            command_attempts_before_review: table.or(
                "command_attempts_before_review",
                default.command_attempts_before_review,
                |field| Ok(count(field, 1, 1_000)? as u32),
            )?,
            deferral_deadline: seconds("deferral_deadline_seconds", default.deferral_deadline)?,
            walk_commands_per_second_max: table.or(
                "walk_commands_per_second_max",
                default.walk_commands_per_second_max,
                |field| Ok(count(field, 1, 100_000)? as u32),
            )?,
            breaker_reversals_max: table.or(
                "breaker_reversals_max",
                default.breaker_reversals_max,
                |field| Ok(count(field, 2, REVERSALS_KEPT_MAX as u64)? as u32),
            )?,
            breaker_window: seconds("breaker_window_seconds", default.breaker_window)?,
            mass_change_percent_max: table.or(
                "mass_change_percent_max",
                default.mass_change_percent_max,
                |field| Ok(count(field, 1, 100)? as u32),
            )?,
            mass_change_records_min: table.or(
                "mass_change_records_min",
                default.mass_change_records_min,
                |field| field.whole_number(1, 1 << 32),
            )?,
            digest_every_events: table.or(
                "digest_every_events",
                default.digest_every_events,
                |field| field.whole_number(1, 1 << 32),
            )?,
            overlay_entries_max: table.or(
                "overlay_entries_max",
                default.overlay_entries_max,
                |field| count(field, 1_000, 10_000_000),
            )?,
        })
    }
}

impl Default for Sink {
    fn default() -> Self {
        Self {
            lanes_max: 16,
            commands_max: 256,
            request_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(5),
            first_try_age_max: Duration::from_secs(30),
            retry_interval_first: Duration::from_millis(200),
            retry_interval_max: Duration::from_secs(30),
            doubtful_max: 3,
            stop_grace: Duration::from_secs(10),
        }
    }
}

impl Sink {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let default = Self::default();
        let table = field.table(&[
            "lanes_max",
            "commands_max",
            "request_timeout_seconds",
            "connect_timeout_seconds",
            "first_try_age_max_seconds",
            "retry_interval_first_ms",
            "retry_interval_max_ms",
            "doubtful_max",
            "stop_grace_seconds",
        ])?;
        let counted = |key: &str, default: usize, max: u64| {
            table.or(key, default, |field| count(field, 1, max))
        };
        let seconds = |key: &str, default: Duration| table.or(key, default, Field::seconds);
        let ms = |key: &str, default: Duration| table.or(key, default, Field::milliseconds);
        let sink = Self {
            lanes_max: counted("lanes_max", default.lanes_max, 256)?,
            commands_max: counted("commands_max", default.commands_max, 10_000)?,
            request_timeout: seconds("request_timeout_seconds", default.request_timeout)?,
            connect_timeout: seconds("connect_timeout_seconds", default.connect_timeout)?,
            first_try_age_max: seconds("first_try_age_max_seconds", default.first_try_age_max)?,
            retry_interval_first: ms("retry_interval_first_ms", default.retry_interval_first)?,
            retry_interval_max: ms("retry_interval_max_ms", default.retry_interval_max)?,
            doubtful_max: counted("doubtful_max", default.doubtful_max as usize, 100)? as u32,
            stop_grace: seconds("stop_grace_seconds", default.stop_grace)?,
        };
        if sink.retry_interval_max < sink.retry_interval_first {
            return Err(field.problem(
                "has a retry_interval_max_ms below its retry_interval_first_ms; raise it",
            ));
        }
        Ok(sink)
    }
}

impl Default for Feeds {
    fn default() -> Self {
        Self {
            channel: "/data/ChangeEvents".to_owned(),
            after_gap: AfterGap::Earliest,
            owners_interval: Duration::from_secs(300),
            batch_entries_max: 500,
            batch_bytes_max: 8 * 1_048_576,
            liveness: Duration::from_secs(120),
            import_rows_per_second_max: 1_000,
            sweep_interval: Duration::from_secs(900),
            sweep_settle: Duration::from_secs(60),
            sweep_overlap: Duration::from_secs(600),
            sweep_rows_per_second_max: 200,
        }
    }
}

impl Feeds {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let default = Self::default();
        let table = field.table(&[
            "channel",
            "after_gap",
            "owners_interval_seconds",
            "batch_entries_max",
            "batch_bytes_max",
            "liveness_seconds",
            "import_rows_per_second_max",
            "sweep_interval_seconds",
            "sweep_settle_seconds",
            "sweep_overlap_seconds",
            "sweep_rows_per_second_max",
        ])?;
        let rate = |field: &Field<'_>| Ok(field.whole_number(1, 100_000)? as u32);
        Ok(Self {
            channel: table.or("channel", default.channel, channel)?,
            after_gap: table.or("after_gap", default.after_gap, after_gap)?,
            owners_interval: table.or(
                "owners_interval_seconds",
                default.owners_interval,
                Field::seconds,
            )?,
            batch_entries_max: table.or(
                "batch_entries_max",
                default.batch_entries_max,
                |field| count(field, 1, 10_000),
            )?,
            batch_bytes_max: table.or("batch_bytes_max", default.batch_bytes_max, |field| {
                count(field, 1, 1 << 30)
            })?,
            liveness: table.or("liveness_seconds", default.liveness, Field::seconds)?,
            import_rows_per_second_max: table.or(
                "import_rows_per_second_max",
                default.import_rows_per_second_max,
                rate,
            )?,
            sweep_interval: table.or(
                "sweep_interval_seconds",
                default.sweep_interval,
                Field::seconds,
            )?,
            sweep_settle: table.or("sweep_settle_seconds", default.sweep_settle, Field::seconds)?,
            sweep_overlap: table.or(
                "sweep_overlap_seconds",
                default.sweep_overlap,
                Field::seconds,
            )?,
            sweep_rows_per_second_max: table.or(
                "sweep_rows_per_second_max",
                default.sweep_rows_per_second_max,
                rate,
            )?,
        })
    }
}

fn channel(field: &Field<'_>) -> Result<String, Problem> {
    let text = field.text()?;
    let name = text.strip_prefix("/data/").unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.len() > 100 || !name.chars().all(plain) {
        return Err(field.problem(format!(
            "is \"{text}\"; it must be a channel such as /data/ChangeEvents"
        )));
    }
    Ok(text)
}

fn after_gap(field: &Field<'_>) -> Result<AfterGap, Problem> {
    let text = field.text()?;
    match text.as_str() {
        "earliest" => Ok(AfterGap::Earliest),
        "latest" => Ok(AfterGap::Latest),
        _ => {
            let near = did_you_mean(&text, ["earliest", "latest"]);
            Err(field.problem(format!(
                "is \"{text}\"; it must be earliest or latest{near}"
            )))
        }
    }
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            format: LoggingFormat::Pretty,
            level: "info".to_owned(),
        }
    }
}

impl Logging {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let default = Self::default();
        let table = field.table(&["format", "level"])?;
        let format = table.or("format", default.format, |field| {
            let text = field.text()?;
            match text.as_str() {
                "pretty" => Ok(LoggingFormat::Pretty),
                "json" => Ok(LoggingFormat::Json),
                _ => {
                    let near = did_you_mean(&text, ["pretty", "json"]);
                    let text = format!("is \"{text}\"; it must be pretty or json{near}");
                    Err(field.problem(text))
                }
            }
        })?;
        let level = table.or("level", default.level, level)?;
        Ok(Self { format, level })
    }
}

fn level(field: &Field<'_>) -> Result<String, Problem> {
    let text = field.text()?;
    let known = ["off", "error", "warn", "info", "debug", "trace"];
    for part in text.split(',') {
        let level = part.rsplit('=').next().unwrap_or(part).trim();
        if !known.contains(&level) {
            let near = did_you_mean(level, known);
            return Err(field.problem(format!(
                "has \"{level}\", which is no level; write error, warn, info, debug or trace{near}"
            )));
        }
    }
    Ok(text)
}

fn count(field: &Field<'_>, min: u64, max: u64) -> Result<usize, Problem> {
    Ok(field.whole_number(min, max)? as usize)
}
