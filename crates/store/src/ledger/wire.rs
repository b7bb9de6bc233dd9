//! How batches, files and alerts travel to the ledger's functions: as JSON whose names are the functions' own.
//!
//! Used by commit, claims and pauses. Ranges travel as PostgreSQL writes multiranges.

use std::fmt::Write as _;

use muster_batch::{Alert, DataFile, DriftCounts};
use serde::Serialize;

use super::commit::BatchCommit;
use super::file_rows::{self, WireFileBlock, WireFileRows};

#[derive(Debug, Serialize)]
pub(super) struct WireBatch<'a> {
    tenant: &'a str,
    source: i64,
    token: uuid::Uuid,
    from: i64,
    to: i64,
    revision: i64,
    contract: &'a str,
    contract_version: &'a str,
    received: u64,
    good: u64,
    bad: u64,
    duplicate: u64,
    tombstone: u64,
    event_micros_min: Option<i64>,
    event_micros_max: Option<i64>,
    duplicate_offsets: String,
    file_rows: Vec<WireFileRows>,
    file_blocks: Vec<WireFileBlock>,
    files: Vec<WireFile<'a>>,
    violations: Vec<WireViolation<'a>>,
    statistics: Vec<WireStatistic<'a>>,
    alerts: Vec<WireAlert<'a>>,
    drift: Vec<WireDrift<'a>>,
}

#[derive(Debug, Serialize)]
struct WireDrift<'a> {
    pipeline: &'a str,
    model_version: &'a str,
    window_secs: u64,
    rows: u64,
    counts: &'a [i64],
    new_levels: &'a [i64],
}

#[derive(Debug, Serialize)]
pub(super) struct WireFile<'a> {
    kind: &'static str,
    path: &'a str,
    rows: u64,
    bytes: u64,
    sha256: String,
    event_micros_min: Option<i64>,
    event_micros_max: Option<i64>,
}

#[derive(Debug, Serialize)]
struct WireViolation<'a> {
    rule: &'a str,
    severity: &'static str,
    rows: u64,
    sample: &'a [i64],
}

#[derive(Debug, Serialize)]
struct WireStatistic<'a> {
    measure: &'a str,
    field: &'a str,
    value: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct WireAlert<'a> {
    tenant: &'a str,
    fingerprint: &'a str,
    condition: &'a str,
    about: &'a str,
    state: &'static str,
    measured: Option<f64>,
    threshold: Option<f64>,
    measured_over: &'a str,
    target: Option<&'a str>,
}

pub(super) fn batch<'a>(given: &'a BatchCommit, tenant: &'a str) -> WireBatch<'a> {
    let sealed = &given.sealed;
    let (file_rows, file_blocks) = file_rows::packed(&sealed.file_rows);
    WireBatch {
        tenant,
        source: sealed.source.0,
        token: sealed.token.0,
        from: sealed.delta.from.0,
        to: sealed.delta.to.0,
        revision: given.revision.0,
        contract: sealed.contract.as_str(),
        contract_version: sealed.contract_version.as_str(),
        received: sealed.received,
        good: sealed.good,
        bad: sealed.bad,
        duplicate: sealed.duplicates,
        tombstone: sealed.tombstones,
        event_micros_min: sealed.event_times.map(|(least, _)| least),
        event_micros_max: sealed.event_times.map(|(_, greatest)| greatest),
        duplicate_offsets: multirange(sealed.duplicate_offsets.iter().copied()),
        file_rows,
        file_blocks,
        files: files(&sealed.files),
        violations: sealed
            .rules
            .iter()
            .map(|rule| WireViolation {
                rule: &rule.rule,
                severity: rule.severity_word(),
                rows: rule.rows,
                sample: &rule.sample,
            })
            .collect(),
        statistics: given
            .statistics
            .iter()
            // A value that is no number has no place in JSON and says nothing.
            .filter(|statistic| statistic.value.is_finite())
            .map(|statistic| WireStatistic {
                measure: &statistic.measure,
                field: &statistic.field,
                value: statistic.value,
            })
            .collect(),
        alerts: alerts(&given.alerts, tenant),
        // A batch without good rows adds nothing to a window.
        drift: given.drift.iter().filter(|counts| counts.rows > 0).map(drift).collect(),
    }
}

fn drift(given: &DriftCounts) -> WireDrift<'_> {
    WireDrift {
        pipeline: given.pipeline.as_str(),
        model_version: given.model.as_str(),
        window_secs: given.window_secs,
        rows: given.rows,
        counts: &given.counts,
        new_levels: &given.new_levels,
    }
}

pub(super) fn files(given: &[DataFile]) -> Vec<WireFile<'_>> {
    given.iter().map(file).collect()
}

pub(super) fn file(given: &DataFile) -> WireFile<'_> {
    WireFile {
        kind: given.kind.word(),
        path: &given.path,
        rows: given.rows,
        bytes: given.bytes,
        sha256: hex(&given.sha256),
        event_micros_min: given.event_times.map(|(least, _)| least),
        event_micros_max: given.event_times.map(|(_, greatest)| greatest),
    }
}

pub(super) fn alerts<'a>(given: &'a [Alert], tenant: &'a str) -> Vec<WireAlert<'a>> {
    given
        .iter()
        .map(|alert| WireAlert {
            tenant,
            fingerprint: &alert.fingerprint,
            condition: &alert.condition,
            about: &alert.about,
            state: alert.state.word(),
            measured: alert.measured.filter(|measured| measured.is_finite()),
            threshold: alert.threshold,
            measured_over: &alert.window,
            target: alert.target.as_deref(),
        })
        .collect()
}

/// Half-open ranges as PostgreSQL writes an `int8multirange`.
pub(super) fn multirange(ranges: impl Iterator<Item = (i64, i64)>) -> String {
    let mut text = String::from("{");
    for (from, to) in ranges {
        if text.len() > 1 {
            text.push(',');
        }
        write!(text, "[{from},{to})").expect("a String takes all text");
    }
    text.push('}');
    text
}

/// The 64 digits of a sha-256.
pub(super) fn hex(sha256: &[u8; 32]) -> String {
    muster_spec::FileSha(*sha256).to_string()
}
