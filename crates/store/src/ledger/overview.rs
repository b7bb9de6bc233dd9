//! Sums over the whole ledger for people who look: rules, bands, the last predictions.
//!
//! Read by `muster demo`. Reads only; what it shows is what was committed.

use serde::{Deserialize, Serialize};
use tokio_postgres::types::Json;

use super::Ledger;
use crate::error::Error;

/// How often a rule was broken, over all batches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleTotal {
    /// The rule's id.
    pub rule: String,
    /// Rows that broke it.
    pub rows: u64,
}

/// How many predictions fell in a band.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BandCount {
    /// The band.
    pub band: String,
    /// Its predictions.
    pub predictions: u64,
}

/// A prediction as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownPrediction {
    /// The pipeline.
    pub pipeline: String,
    /// The entity's key.
    pub entity: Option<String>,
    /// The probability.
    pub score: f64,
    /// Its band.
    pub band: String,
    /// Its reasons, largest first; empty where they are made on demand.
    pub reasons: Vec<ShownReason>,
    /// The topic of the row that was scored.
    pub topic: Option<String>,
    /// Its partition.
    pub partition: Option<i32>,
    /// Its offset.
    pub offset: Option<i64>,
    /// The model version.
    pub model_version: String,
}

/// What one feature added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownReason {
    /// The feature.
    pub feature: String,
    /// Its contribution in log-odds.
    pub contribution: f64,
}

impl Ledger {
    /// Every rule that was broken, most often first.
    pub async fn rule_totals(&self) -> Result<Vec<RuleTotal>, Error> {
        const SQL: &str = "SELECT rule_id, sum(rows)::bigint FROM violations GROUP BY rule_id ORDER BY 2 DESC, 1";
        let rows = self.session("sum the violations").await?.rows(SQL, &[]).await?;
        let total = |row: &tokio_postgres::Row| RuleTotal {
            rule: row.get(0),
            rows: row.get::<_, i64>(1) as u64,
        };
        Ok(rows.iter().map(total).collect())
    }

    /// The bands of all predictions, fullest first.
    pub async fn band_counts(&self) -> Result<Vec<BandCount>, Error> {
        const SQL: &str = "SELECT band, count(*) FROM predictions GROUP BY band ORDER BY 2 DESC, 1";
        let rows = self.session("count the predictions").await?.rows(SQL, &[]).await?;
        let count = |row: &tokio_postgres::Row| BandCount {
            band: row.get(0),
            predictions: row.get::<_, i64>(1) as u64,
        };
        Ok(rows.iter().map(count).collect())
    }

    /// Some of the last predictions, highest scores of the last claim first.
    pub async fn last_predictions(&self, count_max: u32) -> Result<Vec<ShownPrediction>, Error> {
        const SQL: &str = "SELECT pipeline, entity, score, band, coalesce(reasons, '[]'), topic, partition,
              record_offset, model_version
            FROM prediction_details ORDER BY run_id DESC, score DESC, source_id, record_offset LIMIT $1";
        let mut session = self.session("read the last predictions").await?;
        let rows = session.rows(SQL, &[&i64::from(count_max)]).await?;
        rows.iter().map(shown).collect()
    }
}

fn shown(row: &tokio_postgres::Row) -> Result<ShownPrediction, Error> {
    let Json(reasons) = row
        .try_get::<_, Json<Vec<ShownReason>>>(4)
        .map_err(|error| Error::Answer(error.to_string()))?;
    Ok(ShownPrediction {
        pipeline: row.get(0),
        entity: row.get(1),
        score: row.get(2),
        band: row.get(3),
        reasons,
        topic: row.get(5),
        partition: row.get(6),
        offset: row.get(7),
        model_version: row.get(8),
    })
}
