//! Every metric of the process, by name. Labels are bounded sets: never an id, never a value.

use std::sync::OnceLock;

use prometheus::{Encoder, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec};
use prometheus::{IntGaugeVec, Opts, Registry, TextEncoder};

use crate::telemetry::lag::LagMetrics;

/// Seconds: from the half millisecond of a fold to the minute of a paused lane.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0,
];

/// Rows of one request, up to what Salesforce takes.
const ROW_BUCKETS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0];

/// The metrics, registered once. Fields are named as the metric without its prefix.
pub struct Metrics {
    registry: Registry,
    /// `outcome`: accepted, duplicate, ping, bad_signature, dead_letter, unavailable, too_large.
    pub webhooks_total: IntCounterVec,
    pub webhook_duration_seconds: Histogram,
    /// `topic` is a topic of ours.
    pub observations_total: IntCounterVec,
    /// `reason` as in the trace.
    pub observations_unchanged_total: IntCounterVec,
    /// `event` is the event's name.
    pub journal_events_total: IntCounterVec,
    /// `outcome`: committed, aborted, unknown. `stage`: processor, salesforce, intercom.
    pub commits_total: IntCounterVec,
    /// Leases that this process acquired. `stage`: processor, salesforce, intercom, feeds.
    pub takeovers_total: IntCounterVec,
    pub step_duration_seconds: Histogram,
    /// `system`, `kind` (create, update, read, lookup), `outcome` (done, rejected, unknown, …).
    pub commands_total: IntCounterVec,
    /// `system`, `method`, `status` (the HTTP status, or `no_answer`).
    pub requests_total: IntCounterVec,
    /// `system`.
    pub request_duration_seconds: HistogramVec,
    /// Records written by one request to Salesforce.
    pub salesforce_rows_per_request: Histogram,
    /// `system`, `reason`.
    pub retries_total: IntCounterVec,
    /// 1 while a system's lane is paused; `system`, `reason` (credentials, limit, outage).
    pub lane_paused: IntGaugeVec,
    /// Calls used and allowed as the remote last said; `system`, `kind` (used, allowed).
    pub api_calls: IntGaugeVec,
    /// `reason`.
    pub dead_letters_total: IntCounterVec,
    /// `kind`.
    pub review_items_total: IntCounterVec,
    /// `kind`, `account` (known, none): whether the event names an account.
    pub customer_events_total: IntCounterVec,
    /// Records that a sweep repaired: nothing else had told of the change; `source`, `object`.
    pub healed_records_total: IntCounterVec,
    /// From the request of a command to its result, the time on the log included; `system`,
    /// `kind`.
    pub sink: SinkMetrics,
    /// From an entry's append to the commit that took it, of the newest entry taken; `topic`.
    pub processor_lag_seconds: GaugeVec,
    pub quarantined_bridges: IntGaugeVec,
    pub brakes: BrakeMetrics,
    pub view: ViewMetrics,
    pub lag: LagMetrics,
    pub spool: SpoolMetrics,
    pub feeds: FeedMetrics,
}

/// Of what is decided and not written.
pub struct BrakeMetrics {
    /// `partition`. Fields that wait for a person since too many records changed.
    pub fields: IntGaugeVec,
    /// `partition`. Bridges in shadow mode.
    pub bridges: IntGaugeVec,
}

impl BrakeMetrics {
    fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            fields: gauges(
                r,
                "braked_fields",
                "Fields of which too many records changed: they wait for a person",
                &["partition"],
            )?,
            bridges: gauges(
                r,
                "shadow_bridges",
                "Bridges in shadow mode, which write nothing",
                &["partition"],
            )?,
        })
    }
}

/// Of the views of partitions.
pub struct ViewMetrics {
    /// `partition`. While a view is brought up to its journal.
    pub entries_left: IntGaugeVec,
    /// `partition`, `outcome` (taken, failed).
    pub snapshots_total: IntCounterVec,
}

impl ViewMetrics {
    fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            entries_left: gauges(
                r,
                "view_entries_left",
                "Journal entries that a view has yet to fold before it leads",
                &["partition"],
            )?,
            snapshots_total: counters(
                r,
                "view_snapshots_total",
                "Snapshots of the view",
                &["partition", "outcome"],
            )?,
        })
    }
}

/// Of appends that the brokers do not take.
pub struct SpoolMetrics {
    pub appends: IntGaugeVec,
    pub bytes: IntGaugeVec,
    pub spooled_total: IntCounterVec,
}

/// How late the sinks are.
pub struct SinkMetrics {
    pub command_latency_seconds: HistogramVec,
    /// `direction` is to_intercom or to_salesforce.
    pub sync_latency_seconds: HistogramVec,
}

/// What the feeds measure; fields as in `Metrics`, without `feed_`.
pub struct FeedMetrics {
    /// `change` (create, update, …, row), `outcome` (appended, kept, repeated, dead_letter).
    pub events_total: IntCounterVec,
    /// From the commit of the newest change taken to its append here; `source`, as configured.
    pub lag_seconds: GaugeVec,
    /// `reason` as in health: silent, broken, unauthorised, limit_used_up, …
    pub reconnects_total: IntCounterVec,
    /// Rows of imports, `source` and `object`.
    pub imported_rows_total: IntCounterVec,
    /// Rows that sweeps compared, `source` and `object`.
    pub swept_rows_total: IntCounterVec,
    /// Windows in which changes may be missing; each has a notification.
    pub gaps_total: IntCounterVec,
    /// When the cursor was last appended, in seconds of the epoch; `source`, `feed`. Its age is
    /// `time()` less this, also when the feed hangs.
    pub cursor_timestamp_seconds: GaugeVec,
}

/// The process's metrics.
pub fn metrics() -> &'static Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| Metrics::new().expect("metric names are unique and well formed"))
}

impl Metrics {
    fn new() -> Result<Self, prometheus::Error> {
        let r = Registry::new_custom(Some("crosswalk".into()), None)?;
        Ok(Self {
            webhooks_total: counters(&r, "webhooks_total", "Webhook posts", &["outcome"])?,
            webhook_duration_seconds: histogram(
                &r,
                "webhook_duration_seconds",
                "From the last byte of a webhook to its answer",
            )?,
            observations_total: counters(&r, "observations_total", "Observations", &["topic"])?,
            observations_unchanged_total: counters(
                &r,
                "observations_unchanged_total",
                "Observations that changed nothing",
                &["reason"],
            )?,
            journal_events_total: counters(&r, "journal_events_total", "Events", &["event"])?,
            commits_total: counters(&r, "commits_total", "Commits", &["stage", "outcome"])?,
            takeovers_total: counters(&r, "takeovers_total", "Leases acquired", &["stage"])?,
            step_duration_seconds: histogram(&r, "step_duration_seconds", "A batch's step")?,
            commands_total: counters(
                &r,
                "commands_total",
                "Commands that were settled",
                &["system", "kind", "outcome"],
            )?,
            requests_total: counters(
                &r,
                "requests_total",
                "HTTP requests to a remote system",
                &["system", "method", "status"],
            )?,
            request_duration_seconds: histograms(
                &r,
                "request_duration_seconds",
                "HTTP requests to a remote system",
                &["system"],
            )?,
            salesforce_rows_per_request: sizes(
                &r,
                "salesforce_rows_per_request",
                "Records written by one request to Salesforce",
            )?,
            retries_total: counters(&r, "retries_total", "Retries", &["system", "reason"])?,
            lane_paused: gauges(&r, "lane_paused", "1 while paused", &["system", "reason"])?,
            api_calls: gauges(
                &r,
                "api_calls",
                "Calls as the remote counts",
                &["system", "kind"],
            )?,
            dead_letters_total: counters(&r, "dead_letters_total", "Dead letters", &["reason"])?,
            review_items_total: counters(&r, "review_items_total", "Review items", &["kind"])?,
            customer_events_total: counters(
                &r,
                "customer_events_total",
                "Customer events, by whether they name an account",
                &["kind", "account"],
            )?,
            healed_records_total: counters(
                &r,
                "healed_records_total",
                "Records that a sweep repaired",
                &["source", "object"],
            )?,
            sink: SinkMetrics::new(&r)?,
            processor_lag_seconds: lags(
                &r,
                "processor_lag_seconds",
                "From an entry's append to the commit that took it",
                &["topic"],
            )?,
            quarantined_bridges: gauges(
                &r,
                "quarantined_bridges",
                "Bridges set aside after a panic",
                &["partition"],
            )?,
            brakes: BrakeMetrics::new(&r)?,
            view: ViewMetrics::new(&r)?,
            feeds: FeedMetrics::new(&r)?,
            lag: LagMetrics::new(&r)?,
            spool: SpoolMetrics::new(&r)?,
            registry: r,
        })
    }

    /// The Prometheus text exposition of all metrics.
    pub fn render(&self) -> String {
        let mut out = Vec::new();
        let mut all = self.registry.gather();
        all.extend(self.lag.gather_exporter());
        let done = TextEncoder::new().encode(&all, &mut out);
        done.expect("writing to memory does not fail");
        String::from_utf8(out).expect("the text format is UTF-8")
    }
}

impl SpoolMetrics {
    fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            appends: gauges(r, "spool_appends", "Appends that wait on disk", &[])?,
            bytes: gauges(r, "spool_bytes", "Bytes that wait on disk", &[])?,
            spooled_total: counters(r, "spooled_total", "Appends that went to disk", &[])?,
        })
    }
}

impl SinkMetrics {
    fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            command_latency_seconds: histograms(
                r,
                "command_latency_seconds",
                "From the request of a command to its result",
                &["system", "kind"],
            )?,
            sync_latency_seconds: histograms(
                r,
                "sync_latency_seconds",
                "From a change's arrival at our edge to the answer to the write that followed",
                &["direction"],
            )?,
        })
    }
}

impl FeedMetrics {
    fn new(r: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            events_total: counters(
                r,
                "feed_events_total",
                "Changes that were pulled",
                &["change", "outcome"],
            )?,
            lag_seconds: lags(
                r,
                "feed_lag_seconds",
                "From the commit of a change to its append",
                &["source"],
            )?,
            reconnects_total: counters(
                r,
                "feed_reconnects_total",
                "Subscriptions that ended and were opened again",
                &["reason"],
            )?,
            imported_rows_total: counters(
                r,
                "feed_imported_rows_total",
                "Rows that imports appended",
                &["source", "object"],
            )?,
            swept_rows_total: counters(
                r,
                "feed_swept_rows_total",
                "Rows that sweeps compared",
                &["source", "object"],
            )?,
            gaps_total: counters(
                r,
                "feed_gaps_total",
                "Windows in which changes may be missing",
                &["source"],
            )?,
            cursor_timestamp_seconds: lags(
                r,
                "feed_cursor_timestamp_seconds",
                "When the cursor was last appended",
                &["source", "feed"],
            )?,
        })
    }
}

pub(super) fn counters(
    r: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let made = IntCounterVec::new(Opts::new(name, help), labels)?;
    r.register(Box::new(made.clone()))?;
    Ok(made)
}

pub(super) fn gauges(
    r: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    let made = IntGaugeVec::new(Opts::new(name, help), labels)?;
    r.register(Box::new(made.clone()))?;
    Ok(made)
}

pub(super) fn lags(
    r: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<GaugeVec, prometheus::Error> {
    let made = GaugeVec::new(Opts::new(name, help), labels)?;
    r.register(Box::new(made.clone()))?;
    Ok(made)
}

fn histogram(r: &Registry, name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    let opts = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
    let made = Histogram::with_opts(opts)?;
    r.register(Box::new(made.clone()))?;
    Ok(made)
}

fn sizes(r: &Registry, name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    let opts = HistogramOpts::new(name, help).buckets(ROW_BUCKETS.to_vec());
    let made = Histogram::with_opts(opts)?;
    r.register(Box::new(made.clone()))?;
    Ok(made)
}

fn histograms(
    r: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<HistogramVec, prometheus::Error> {
    let opts = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
    let made = HistogramVec::new(opts, labels)?;
    r.register(Box::new(made.clone()))?;
    Ok(made)
}
