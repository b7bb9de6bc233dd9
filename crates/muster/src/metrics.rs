//! What the process counts, under Prometheus' conventions: base units, `_total`, labels from closed sets.
//!
//! One [`Metrics`] is made by each long-running command and cloned into its parts; the stage crates return counts and
//! know nothing of it. Labels hold names from contracts and pipelines, topics and partitions: never an id of a person,
//! an offset or a file.

use chrono::{DateTime, Utc};
use muster_spec::{Contract, Measure, Pipeline};
use muster_store::ledger::drift::DriftSeen;
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// The verdicts that [`Metrics::rows`] tells apart.
pub const VERDICTS: [&str; 4] = ["good", "bad", "duplicate", "tombstone"];

/// The labels of a feature's drift: names of a view's columns, as many as it has.
const OF_FEATURE: [&str; 2] = ["pipeline", "feature"];

/// All metrics. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// `muster_records_received_total{topic}`: records judged and committed.
    pub received: IntCounterVec,
    /// `muster_rows_total{contract,verdict}`: committed rows; verdict is good, bad, duplicate or tombstone.
    pub rows: IntCounterVec,
    /// `muster_violations_total{contract,rule}`: broken rules of committed rows, warnings included.
    pub violations: IntCounterVec,
    /// `muster_refusals_total{contract,reason}`: records that would not decode.
    pub refusals: IntCounterVec,
    /// `muster_batches_committed_total{contract}`
    pub batches: IntCounterVec,
    /// `muster_batches_fenced_total{contract}`: batches dropped because another worker holds their source.
    pub fenced: IntCounterVec,
    /// `muster_decode_duration_seconds`: one batch of records to rows.
    pub decode_secs: Histogram,
    /// `muster_judge_duration_seconds`: one batch of rows to verdicts.
    pub judge_secs: Histogram,
    /// `muster_commit_duration_seconds`: one commit statement.
    pub commit_secs: Histogram,
    /// `muster_seal_duration_seconds`: one batch's files, from the last row to their final names.
    pub seal_secs: Histogram,
    /// `muster_stage_errors_total{stage,error_type}`: environment faults that were tried again.
    pub errors: IntCounterVec,
    /// `muster_source_lag_records{topic,partition}`: records not yet committed.
    pub lag: IntGaugeVec,
    /// `muster_source_paused{topic,partition}`: 1 while a source is paused.
    pub paused: IntGaugeVec,
    /// `muster_dead_letters_published_total{contract}`: bad records that a dead-letter topic's brokers acknowledged.
    pub dead_letters: IntCounterVec,
    /// `muster_dead_letter_lag_records{contract}`: bad records listed in the ledger and not yet published, by any
    /// worker; a file of which a part was published counts whole.
    pub dead_letter_lag: IntGaugeVec,
    /// `muster_last_commit_timestamp_seconds`
    pub last_commit: Gauge,
    /// `muster_runs_total{pipeline,state}`: passes over a pipeline's runs, by what they came to.
    pub runs: IntCounterVec,
    /// `muster_predictions_total{pipeline,band}`
    pub predictions: IntCounterVec,
    /// `muster_run_duration_seconds`
    pub run_secs: Histogram,
    /// `muster_batches_corrupt_total{pipeline}`: batches parked because a file is missing or altered.
    pub corrupt: IntCounterVec,
    /// `muster_alert_deliveries_total{target,outcome}`: tries; outcome is delivered or what went wrong.
    pub alert_deliveries: IntCounterVec,
    /// `muster_alerts_waiting{target}`: alerts in the outbox that the target was not told of.
    pub alerts_waiting: IntGaugeVec,
    /// `muster_alert_messages_parked{target}`: messages that were given up.
    pub alerts_parked: IntGaugeVec,
    /// `muster_alert_message_oldest_seconds{target}`: for how long the oldest message that is not delivered is tried.
    pub alert_oldest_secs: IntGaugeVec,
    /// `muster_alert_target_disabled{target}`: 1 when the target wants no more messages.
    pub alert_disabled: IntGaugeVec,
    /// `muster_alerts_unassigned`: alerts that no sender has looked at.
    pub alerts_unassigned: IntGauge,
    /// `muster_bad_ratio_max{contract}`: the share of bad rows that a contract expects at most.
    pub bad_ratio_max: GaugeVec,
    /// `muster_run_deadline_timestamp_seconds{pipeline}`: the second slot after the last that ran.
    pub run_deadline: GaugeVec,
    /// `muster_drift_measured{pipeline}`: 1 while the champion's training is known and new rows are held against it.
    pub drift_measured: IntGaugeVec,
    /// `muster_drift_rows_uncounted_total{pipeline}`: good rows whose features could not be computed at ingest.
    pub drift_uncounted: IntCounterVec,
    /// `muster_drift_psi{pipeline,feature}`: the population stability index of the last window that says something.
    pub drift_psi: GaugeVec,
    /// `muster_drift_ks{pipeline,feature}`: Kolmogorov and Smirnov's distance there.
    pub drift_ks: GaugeVec,
    /// `muster_drift_missing_ratio{pipeline,feature}`: the share of rows without a value there.
    pub drift_missing: GaugeVec,
    /// `muster_drift_new_levels_ratio{pipeline,feature}`: the share of rows of levels that training did not see there.
    pub drift_new_levels: GaugeVec,
    /// `muster_drift_state{pipeline,feature}`: 0 fine, 1 to be looked at, 2 people are told.
    pub drift_state: IntGaugeVec,
    /// `muster_ledger_up`: 1 while the ledger answers.
    pub ledger_up: IntGauge,
}

impl Metrics {
    /// All metrics at zero, and the process's own (CPU, memory, open files).
    ///
    /// # Panics
    /// When two metrics share a name: a bug every test would show.
    pub fn new() -> Self {
        let registry = Registry::new();
        let make = Maker { registry: &registry };
        let metrics = Self {
            received: make.counters("records_received_total", "Records judged and committed.", &["topic"]),
            rows: make.counters("rows_total", "Committed rows by verdict.", &["contract", "verdict"]),
            violations: make.counters(
                "violations_total",
                "Broken rules of committed rows.",
                &["contract", "rule"],
            ),
            refusals: make.counters(
                "refusals_total",
                "Records that would not decode.",
                &["contract", "reason"],
            ),
            batches: make.counters("batches_committed_total", "Batches committed.", &["contract"]),
            fenced: make.counters("batches_fenced_total", "Batches dropped by a fence.", &["contract"]),
            decode_secs: make.histogram("decode_duration_seconds", "One batch of records to rows."),
            judge_secs: make.histogram("judge_duration_seconds", "One batch of rows to verdicts."),
            commit_secs: make.histogram("commit_duration_seconds", "One commit statement."),
            seal_secs: make.histogram("seal_duration_seconds", "Closing one batch's files."),
            errors: make.counters(
                "stage_errors_total",
                "Environment faults tried again.",
                &["stage", "error_type"],
            ),
            lag: make.gauges(
                "source_lag_records",
                "Records not yet committed.",
                &["topic", "partition"],
            ),
            paused: make.gauges("source_paused", "1 while a source is paused.", &["topic", "partition"]),
            dead_letters: make.counters(
                "dead_letters_published_total",
                "Bad records published to a dead-letter topic.",
                &["contract"],
            ),
            dead_letter_lag: make.gauges(
                "dead_letter_lag_records",
                "Bad records listed and not yet published.",
                &["contract"],
            ),
            last_commit: make.gauge("last_commit_timestamp_seconds", "When the last batch was committed."),
            runs: make.counters("runs_total", "Passes over a pipeline's runs.", &["pipeline", "state"]),
            predictions: make.counters("predictions_total", "Predictions written.", &["pipeline", "band"]),
            run_secs: make.histogram("run_duration_seconds", "One scoring run."),
            corrupt: make.counters("batches_corrupt_total", "Batches parked as corrupt.", &["pipeline"]),
            alert_deliveries: make.counters(
                "alert_deliveries_total",
                "Tries to deliver an alert message.",
                &["target", "outcome"],
            ),
            alerts_waiting: make.gauges("alerts_waiting", "Alerts a target was not told of.", &["target"]),
            alerts_parked: make.gauges("alert_messages_parked", "Alert messages given up.", &["target"]),
            alert_oldest_secs: make.gauges(
                "alert_message_oldest_seconds",
                "Age of the oldest alert message that is not delivered.",
                &["target"],
            ),
            alert_disabled: make.gauges(
                "alert_target_disabled",
                "1 when the target wants no more messages.",
                &["target"],
            ),
            alerts_unassigned: make.int_gauge("alerts_unassigned", "Alerts no sender has looked at."),
            bad_ratio_max: make.float_gauges(
                "bad_ratio_max",
                "The share of bad rows that a contract expects at most.",
                &["contract"],
            ),
            run_deadline: make.float_gauges(
                "run_deadline_timestamp_seconds",
                "The second slot after the last that ran: past it, two were missed.",
                &["pipeline"],
            ),
            drift_measured: make.gauges(
                "drift_measured",
                "1 while new rows are held against the champion's training.",
                &["pipeline"],
            ),
            drift_uncounted: make.counters(
                "drift_rows_uncounted_total",
                "Good rows whose features could not be computed at ingest.",
                &["pipeline"],
            ),
            drift_psi: make.float_gauges("drift_psi", "Population stability index.", &OF_FEATURE),
            drift_ks: make.float_gauges("drift_ks", "Kolmogorov-Smirnov distance.", &OF_FEATURE),
            drift_missing: make.float_gauges("drift_missing_ratio", "Share of rows without a value.", &OF_FEATURE),
            drift_new_levels: make.float_gauges(
                "drift_new_levels_ratio",
                "Share of rows of levels that training did not see.",
                &OF_FEATURE,
            ),
            drift_state: make.gauges(
                "drift_state",
                "0 fine, 1 to be looked at, 2 people are told.",
                &OF_FEATURE,
            ),
            ledger_up: make.int_gauge("ledger_up", "1 while the ledger answers."),
            registry: registry.clone(),
        };
        let info = make.gauges("build_info", "The version that runs.", &["version"]);
        info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        make.add(prometheus::process_collector::ProcessCollector::for_self());
        metrics
    }

    /// Shows a contract's counters at zero, so that the first record or violation is an increase, and its limits.
    pub fn expect_contract(&self, contract: &Contract) {
        let name = contract.name.as_str();
        self.received.with_label_values(&[&contract.topic]);
        for verdict in VERDICTS {
            self.rows.with_label_values(&[name, verdict]);
        }
        for rule in &contract.rules {
            self.violations.with_label_values(&[name, &rule.id]);
        }
        self.batches.with_label_values(&[name]);
        self.fenced.with_label_values(&[name]);
        let expected = contract
            .expectations
            .iter()
            .filter(|expected| expected.measure == Measure::BadRatio);
        for limit in expected.filter_map(|expected| expected.max) {
            self.bad_ratio_max.with_label_values(&[name]).set(limit);
        }
    }

    /// Shows a pipeline's counters at zero.
    pub fn expect_pipeline(&self, pipeline: &Pipeline) {
        let name = pipeline.name.as_str();
        for band in &pipeline.bands {
            self.predictions.with_label_values(&[name, &band.name]);
        }
        for state in ["done", "skipped"] {
            self.runs.with_label_values(&[name, state]);
        }
        self.corrupt.with_label_values(&[name]);
    }

    /// When a pipeline will have missed two slots in a row.
    pub fn set_run_deadline(&self, pipeline: &str, deadline: DateTime<Utc>) {
        self.run_deadline
            .with_label_values(&[pipeline])
            .set(deadline.timestamp_millis() as f64 / 1000.0);
    }

    /// Shows what a window says of a feature.
    pub fn show_drift(&self, pipeline: &str, drift: &DriftSeen) {
        let labels = [pipeline, drift.feature.as_str()];
        let measured = [
            (&self.drift_psi, drift.psi),
            (&self.drift_ks, drift.ks),
            (&self.drift_missing, Some(drift.missing_ratio)),
            (&self.drift_new_levels, drift.new_levels_ratio),
        ];
        for (gauge, value) in measured {
            if let Some(value) = value {
                gauge.with_label_values(&labels).set(value);
            }
        }
        self.drift_state.with_label_values(&labels).set(drift.level());
    }

    /// Takes a feature's drift back: its model is champion no more.
    pub fn hide_drift(&self, pipeline: &str, feature: &str) {
        let labels = [pipeline, feature];
        for gauge in [
            &self.drift_psi,
            &self.drift_ks,
            &self.drift_missing,
            &self.drift_new_levels,
        ] {
            // It may never have been shown: there is nothing to take back then.
            let _ = gauge.remove_label_values(&labels);
        }
        let _ = self.drift_state.remove_label_values(&labels);
    }

    /// All metrics in Prometheus' text form.
    pub fn text(&self) -> anyhow::Result<String> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

/// Makes metrics under the prefix `muster_` and registers them.
struct Maker<'a> {
    registry: &'a Registry,
}

impl Maker<'_> {
    fn add(&self, collector: impl prometheus::core::Collector + 'static) {
        self.registry
            .register(Box::new(collector))
            .expect("every metric has its own name");
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let made = IntCounterVec::new(Opts::new(format!("muster_{name}"), help), labels).expect("a valid name");
        self.add(made.clone());
        made
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let made = IntGaugeVec::new(Opts::new(format!("muster_{name}"), help), labels).expect("a valid name");
        self.add(made.clone());
        made
    }

    fn float_gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        let made = GaugeVec::new(Opts::new(format!("muster_{name}"), help), labels).expect("a valid name");
        self.add(made.clone());
        made
    }

    fn gauge(&self, name: &str, help: &str) -> Gauge {
        let made = Gauge::new(format!("muster_{name}"), help).expect("a valid name");
        self.add(made.clone());
        made
    }

    fn int_gauge(&self, name: &str, help: &str) -> IntGauge {
        let made = IntGauge::new(format!("muster_{name}"), help).expect("a valid name");
        self.add(made.clone());
        made
    }

    fn histogram(&self, name: &str, help: &str) -> Histogram {
        let buckets = vec![
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
        ];
        let made = Histogram::with_opts(HistogramOpts::new(format!("muster_{name}"), help).buckets(buckets))
            .expect("a valid name");
        self.add(made.clone());
        made
    }
}
