//! Windows of drift: what batches added up, and what each look at a window said.
//!
//! Windows grow with commits. Read by every ingesting process, which looks at those that are due; of several that look
//! at once one is written. Read again for the metrics.

use chrono::{DateTime, Utc};
use muster_batch::{Alert, DriftState, FeatureDrift, Measurement};
use muster_spec::{ModelVersion, PipelineName};
use serde::Serialize;
use tokio_postgres::types::Json;

use super::{Ledger, wire};
use crate::error::Error;

/// A window with rows that no look has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftWindow {
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// Whether commits go to a later one now.
    pub is_over: bool,
    /// Rows counted.
    pub rows: u64,
    /// What batches counted, added up.
    pub counts: Vec<i64>,
    /// The buckets of new levels.
    pub new_levels: Vec<i64>,
    /// How often it was looked at.
    pub looks: u32,
    /// How many rows the last look saw.
    pub looked_rows: u64,
    /// Features that people were told of in this window.
    pub told: Vec<String>,
}

/// What was measured of a feature in the last window that says something.
#[derive(Clone, Debug, PartialEq)]
pub struct DriftSeen {
    /// The feature.
    pub feature: String,
    /// What the look said: `fine`, `warn`, `alert`.
    pub state: String,
    /// The population stability index.
    pub psi: Option<f64>,
    /// Kolmogorov and Smirnov's distance.
    pub ks: Option<f64>,
    /// The share of rows without a value.
    pub missing_ratio: f64,
    /// The share of rows of a new level.
    pub new_levels_ratio: Option<f64>,
    /// Rows looked at.
    pub rows: u64,
}

/// A feature as `put_drift` takes it.
#[derive(Debug, Serialize)]
struct WireFound<'a> {
    feature: &'a str,
    state: &'static str,
    measure: Option<&'static str>,
    rows: u64,
    psi: Option<f64>,
    psi_expected: Option<f64>,
    psi_chance: Option<f64>,
    ks: Option<f64>,
    ks_chance: Option<f64>,
    missing_ratio: f64,
    missing_change: f64,
    missing_chance: f64,
    new_levels_ratio: Option<f64>,
    new_levels_chance: Option<f64>,
    new_levels_distinct: u64,
}

impl Ledger {
    /// The windows of a model that have grown since they were looked at, the oldest first.
    pub async fn drift_windows(
        &self,
        pipeline: &PipelineName,
        model: &ModelVersion,
    ) -> Result<Vec<DriftWindow>, Error> {
        const SQL: &str = "SELECT began_at, ends_at <= clock_timestamp(), rows, counts, new_levels, looks, looked_rows,
              array(SELECT feature FROM drift WHERE drift.tenant = windows.tenant AND drift.pipeline = windows.pipeline
                AND drift.model_version = windows.model_version AND drift.began_at = windows.began_at
                AND drift.state = 'alert')
            FROM drift_windows AS windows
            WHERE tenant = $1 AND pipeline = $2 AND model_version = $3 AND rows > looked_rows ORDER BY began_at";
        let mut session = self.session("read the windows of drift").await?;
        let parameters: super::session::Parameters<'_> = &[&self.tenant(), &pipeline.as_str(), &model.as_str()];
        let rows = session.rows(SQL, parameters).await?;
        let window = |row: &tokio_postgres::Row| DriftWindow {
            began_at: row.get(0),
            is_over: row.get(1),
            rows: row.get::<_, i64>(2) as u64,
            counts: row.get(3),
            new_levels: row.get(4),
            looks: row.get::<_, i32>(5) as u32,
            looked_rows: row.get::<_, i64>(6) as u64,
            told: row.get(7),
        };
        Ok(rows.iter().map(window).collect())
    }

    /// Writes down what a look at a window found, with its alerts; `false` when another process looked before.
    pub async fn put_drift(
        &self,
        pipeline: &PipelineName,
        model: &ModelVersion,
        window: &DriftWindow,
        found: &[FeatureDrift],
        alerts: &[Alert],
    ) -> Result<bool, Error> {
        const SQL: &str = "SELECT put_drift($1, $2, $3, $4, $5, $6, $7, $8)";
        let found = Json(found.iter().map(wire_found).collect::<Vec<_>>());
        let alerts = Json(wire::alerts(alerts, self.tenant()));
        let parameters: super::session::Parameters<'_> = &[
            &self.tenant(),
            &pipeline.as_str(),
            &model.as_str(),
            &window.began_at,
            &(window.looks as i32),
            &(window.rows as i64),
            &found,
            &alerts,
        ];
        let mut session = self.session("write down drift").await?;
        Ok(session.row(SQL, parameters).await?.get(0))
    }

    /// What the last window of a model that says something says of each feature.
    pub async fn drift_seen(&self, pipeline: &PipelineName, model: &ModelVersion) -> Result<Vec<DriftSeen>, Error> {
        const SQL: &str = "SELECT feature, state, psi, ks, missing_ratio, new_levels_ratio, rows FROM drift
            WHERE tenant = $1 AND pipeline = $2 AND model_version = $3 AND began_at = (
              SELECT began_at FROM drift WHERE tenant = $1 AND pipeline = $2 AND model_version = $3 AND state <> 'few'
              ORDER BY began_at DESC LIMIT 1)
            ORDER BY feature";
        let mut session = self.session("read drift").await?;
        let parameters: super::session::Parameters<'_> = &[&self.tenant(), &pipeline.as_str(), &model.as_str()];
        let rows = session.rows(SQL, parameters).await?;
        let seen = |row: &tokio_postgres::Row| DriftSeen {
            feature: row.get(0),
            state: row.get(1),
            psi: row.get(2),
            ks: row.get(3),
            missing_ratio: row.get(4),
            new_levels_ratio: row.get(5),
            rows: row.get::<_, i64>(6) as u64,
        };
        Ok(rows.iter().map(seen).collect())
    }
}

fn wire_found(found: &FeatureDrift) -> WireFound<'_> {
    let value = |measured: Option<Measurement>| measured.map(|measured| measured.value);
    let chance = |measured: Option<Measurement>| measured.map(|measured| measured.chance);
    WireFound {
        feature: &found.feature,
        state: found.state.word(),
        measure: found.worst.map(|(measure, _)| measure.word()),
        rows: found.rows,
        psi: value(found.psi),
        psi_expected: found.psi_expected,
        psi_chance: chance(found.psi),
        ks: value(found.ks),
        ks_chance: chance(found.ks),
        missing_ratio: found.missing_ratio,
        missing_change: found.missing.value,
        missing_chance: found.missing.chance,
        new_levels_ratio: value(found.new_levels),
        new_levels_chance: chance(found.new_levels),
        new_levels_distinct: found.new_levels_distinct,
    }
}

impl DriftSeen {
    /// The state as a number, for a gauge: 0 fine, 1 warn, 2 alert.
    pub fn level(&self) -> i64 {
        [DriftState::Warn, DriftState::Alert]
            .iter()
            .position(|state| state.word() == self.state)
            .map_or(0, |at| at as i64 + 1)
    }
}
