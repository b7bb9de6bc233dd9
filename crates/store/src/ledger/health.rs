//! What a health check, the metrics and a report ask: how far, how fresh, what is stopped, which rules break most.
//!
//! Read-only; answered from counts, never from rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_spec::{ContractName, PipelineName};

use super::Ledger;
use crate::error::Error;

/// The ledger at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// When the last batch was committed.
    pub last_batch_at: Option<DateTime<Utc>>,
    /// Sources known.
    pub sources: u64,
    /// Sources that are paused.
    pub paused: u64,
    /// Runs that are open.
    pub runs_open: u64,
    /// Alerts that someone is still to be told of.
    pub alerts_due: u64,
}

/// A rule with how often it was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRule {
    /// The contract.
    pub contract: String,
    /// The rule.
    pub rule: String,
    /// Whether it is only counted.
    pub is_warning: bool,
    /// How many records broke it.
    pub rows: u64,
}

/// How a pipeline's predictions fall.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PredictionCounts {
    /// Predictions.
    pub count: u64,
    /// Predictions by band.
    pub bands: BTreeMap<String, u64>,
}

/// A prediction to show.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownPrediction {
    /// The entity's key.
    pub entity: Option<String>,
    /// The score.
    pub score: f64,
    /// The band.
    pub band: String,
    /// Feature names and contributions, largest first.
    pub reasons: Option<serde_json::Value>,
    /// Topic, partition and offset of the row.
    pub position: Option<(String, i32, i64)>,
    /// The model version.
    pub model: String,
}

impl Ledger {
    /// The ledger at a glance.
    pub async fn health(&self) -> Result<Health, Error> {
        const SQL: &str = "SELECT (SELECT max(committed_at) FROM batches), (SELECT count(*) FROM sources),
            (SELECT count(*) FROM sources WHERE paused_reason IS NOT NULL),
            (SELECT count(*) FROM runs WHERE state = 'open'),
            (SELECT count(*) FROM alerts WHERE assigned_at IS NULL)
              + (SELECT count(*) FROM alert_deliveries WHERE message_id IS NULL AND NOT muted)
              + (SELECT coalesce(sum(alerts), 0)::bigint FROM alert_messages WHERE state = 'open')";
        let row = self.session("look at the ledger").await?.row(SQL, &[]).await?;
        let count = |column: usize| row.get::<_, i64>(column) as u64;
        Ok(Health {
            last_batch_at: row.get(0),
            sources: count(1),
            paused: count(2),
            runs_open: count(3),
            alerts_due: count(4),
        })
    }

    /// Every rule that was broken, most often first; of one contract or of all.
    pub async fn broken_rules(&self, contract: Option<&ContractName>) -> Result<Vec<BrokenRule>, Error> {
        const SQL: &str = "SELECT contract, rule_id, bool_and(severity = 'warn'), sum(rows)::bigint FROM violations
            WHERE $1::text IS NULL OR contract = $1 GROUP BY contract, rule_id ORDER BY 4 DESC, contract, rule_id";
        let mut session = self.session("count violations").await?;
        let rows = session.rows(SQL, &[&contract.map(ContractName::as_str)]).await?;
        Ok(rows
            .iter()
            .map(|row| BrokenRule {
                contract: row.get(0),
                rule: row.get(1),
                is_warning: row.get(2),
                rows: row.get::<_, i64>(3) as u64,
            })
            .collect())
    }

    /// How a pipeline's predictions for a purpose fall into bands.
    pub async fn prediction_counts(&self, pipeline: &PipelineName, purpose: &str) -> Result<PredictionCounts, Error> {
        const SQL: &str = "SELECT band, count(*) FROM predictions JOIN claims ON claims.id = predictions.claim_id
            WHERE claims.pipeline = $1 AND claims.purpose = $2 GROUP BY band";
        let mut session = self.session("count predictions").await?;
        let rows = session.rows(SQL, &[&pipeline.as_str(), &purpose]).await?;
        let bands: BTreeMap<String, u64> = rows
            .iter()
            .map(|row| (row.get(0), row.get::<_, i64>(1) as u64))
            .collect();
        Ok(PredictionCounts {
            count: bands.values().sum(),
            bands,
        })
    }

    /// A few predictions of a pipeline to show: the last run's first rows, by position.
    pub async fn prediction_sample(
        &self,
        pipeline: &PipelineName,
        purpose: &str,
        count_max: u32,
    ) -> Result<Vec<ShownPrediction>, Error> {
        const SQL: &str = "WITH last AS (
              SELECT max(run_id) AS run_id FROM claims
              WHERE pipeline = $1 AND purpose = $2 AND state = 'done' AND predictions > 0)
            SELECT entity, score, band, reasons, topic, partition, record_offset, model_version
            FROM prediction_details JOIN last USING (run_id) WHERE pipeline = $1 AND purpose = $2
            ORDER BY topic, partition, source_id, record_offset LIMIT $3";
        let mut session = self.session("read predictions").await?;
        let rows = session
            .rows(SQL, &[&pipeline.as_str(), &purpose, &i64::from(count_max)])
            .await?;
        Ok(rows
            .iter()
            .map(|row| ShownPrediction {
                entity: row.get(0),
                score: row.get(1),
                band: row.get(2),
                reasons: row.get(3),
                position: row
                    .get::<_, Option<String>>(4)
                    .map(|topic| (topic, row.get(5), row.get(6))),
                model: row.get(7),
            })
            .collect())
    }
}
