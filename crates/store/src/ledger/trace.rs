//! What became of one record: its batch, its files, its predictions, the alerts around it.
//!
//! Used by `muster trace`. Every statement here finds its rows by an index, however many the ledger has.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use muster_batch::Reason;
use muster_spec::{
    BatchId, ContractName, ContractVersion, ModelVersion, Offset, PipelineName, RunId, SourceId, TopicId,
};
use tokio_postgres::Row;

use super::Ledger;
use super::listed::{LISTED, LISTED_COLUMNS, listed};
use crate::error::Error;
use crate::files::ListedFile;

/// A source that a record may have come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedSource {
    /// The source.
    pub id: SourceId,
    /// Its topic.
    pub topic: Arc<str>,
    /// The topic's id.
    pub topic_id: TopicId,
    /// How many topics of this name came before.
    pub incarnation: u32,
    /// Its partition.
    pub partition: i32,
    /// What comes next in it; `None` before its first batch.
    pub next_offset: Option<Offset>,
}

/// The batch that a record was received in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedBatch {
    /// The batch.
    pub id: BatchId,
    /// The contract.
    pub contract: ContractName,
    /// The contract's version that judged it.
    pub contract_version: ContractVersion,
    /// The source's revision it was judged against.
    pub revision: i64,
    /// When it was committed.
    pub committed_at: DateTime<Utc>,
    /// Whether the record had been delivered before.
    pub is_duplicate: bool,
    /// Whether any of its records had no value.
    pub has_tombstones: bool,
    /// Whether rows of it were past their age and are gone.
    pub is_retained: bool,
}

/// A listed file that may hold something of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedFile {
    /// Its batch, or the batch of its claim.
    pub batch: BatchId,
    /// `good`, `bad`, `features`.
    pub kind: String,
    /// The claim whose features it holds.
    pub claim: Option<i64>,
    /// The file.
    pub file: ListedFile,
}

/// A prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct TracedPrediction {
    /// Its claim; with its offset, the id it goes by.
    pub claim: i64,
    /// The batch its row was good in.
    pub batch: BatchId,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// What it was made for.
    pub purpose: String,
    /// The run.
    pub run: RunId,
    /// The model.
    pub model: ModelVersion,
    /// The folder of the model's files, below the project's.
    pub model_path: String,
    /// The entity's key.
    pub entity: Option<String>,
    /// The score.
    pub score: f64,
    /// Its band.
    pub band: String,
    /// What each feature added, largest first; `None` where reasons are made on demand.
    pub reasons: Option<Vec<Reason>>,
    /// When it was made.
    pub scored_at: DateTime<Utc>,
}

/// An alert.
#[derive(Clone, Debug, PartialEq)]
pub struct TracedAlert {
    /// The ledger's number.
    pub id: i64,
    /// What was met.
    pub condition: String,
    /// What it is about.
    pub about: String,
    /// `firing` or `resolved`.
    pub state: String,
    /// What was measured.
    pub measured: Option<f64>,
    /// What it was held against.
    pub threshold: Option<f64>,
    /// Over what.
    pub measured_over: String,
    /// Who was to be told; `None` for all.
    pub target: Option<String>,
    /// The run it was raised in.
    pub run: Option<RunId>,
    /// When it was raised.
    pub raised_at: DateTime<Utc>,
}

/// A prediction's reasons as two columns. The numbers as PostgreSQL reads them, which is to the bit.
pub(super) const REASONS: &str = "CASE WHEN reasons IS NOT NULL THEN
      ARRAY(SELECT each ->> 'feature' FROM jsonb_array_elements(reasons) WITH ORDINALITY AS told (each, place)
        ORDER BY place) END,
    CASE WHEN reasons IS NOT NULL THEN
      ARRAY(SELECT (each ->> 'contribution')::double precision
        FROM jsonb_array_elements(reasons) WITH ORDINALITY AS told (each, place) ORDER BY place) END";

/// What [`REASONS`] gave, from this column on.
pub(super) fn reasons(row: &Row, from: usize) -> Option<Vec<Reason>> {
    let features: Vec<&str> = row.get::<_, Option<_>>(from)?;
    let contributions: Vec<f64> = row.get::<_, Option<_>>(from + 1)?;
    let reasons = features.into_iter().zip(contributions);
    let reasons = reasons.map(|(feature, contribution)| Reason {
        feature: feature.into(),
        contribution,
    });
    Some(reasons.collect())
}

const SOURCES: &str = "SELECT sources.id, sources.topic, sources.topic_id, topics.incarnation, sources.partition,
      sources.next_offset FROM sources JOIN topics USING (topic, topic_id)";

impl Ledger {
    /// The sources of a topic's partition, the topic's last incarnation first.
    pub async fn sources_of(&self, topic: &str, partition: i32) -> Result<Vec<TracedSource>, Error> {
        let sql =
            format!("{SOURCES} WHERE sources.topic = $1 AND sources.partition = $2 ORDER BY topics.incarnation DESC");
        let mut session = self.session("find a source").await?;
        let rows = session.rows(&sql, &[&topic, &partition]).await?;
        Ok(rows.iter().map(source).collect())
    }

    /// A source by its number.
    pub async fn source(&self, id: SourceId) -> Result<Option<TracedSource>, Error> {
        let sql = format!("{SOURCES} WHERE sources.id = $1");
        let mut session = self.session("find a source").await?;
        Ok(session.row_maybe(&sql, &[&id.0]).await?.as_ref().map(source))
    }

    /// The batch that covers an offset.
    pub async fn batch_at(&self, source: SourceId, offset: Offset) -> Result<Option<TracedBatch>, Error> {
        const SQL: &str = "SELECT id, contract, contract_version, revision, committed_at,
              coalesce(duplicate_offsets @> $2, false), tombstone > 0,
              EXISTS (SELECT FROM files WHERE batch_id = last.id AND kind IN ('good', 'bad') AND removed_for = 'retained')
            FROM (SELECT * FROM batches WHERE source_id = $1 AND from_offset <= $2 AND tenant = $3
              ORDER BY from_offset DESC LIMIT 1) AS last
            WHERE to_offset > $2";
        let mut session = self.session("find a record's batch").await?;
        let row = session.row_maybe(SQL, &[&source.0, &offset.0, &self.tenant()]).await?;
        Ok(row.map(|row| TracedBatch {
            id: BatchId(row.get(0)),
            contract: row.get::<_, &str>(1).into(),
            contract_version: row.get::<_, &str>(2).into(),
            revision: row.get(3),
            committed_at: row.get(4),
            is_duplicate: row.get(5),
            has_tombstones: row.get(6),
            is_retained: row.get(7),
        }))
    }

    /// Why an offset was gone before it could be read.
    pub async fn gap_at(&self, source: SourceId, offset: Offset) -> Result<Option<String>, Error> {
        const SQL: &str = "SELECT reason FROM gaps WHERE source_id = $1 AND from_offset <= $2 AND to_offset > $2";
        let mut session = self.session("find a gap").await?;
        let row = session.row_maybe(SQL, &[&source.0, &offset.0]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// The listed files of rows of these batches, and of features that were made of them.
    pub async fn files_of(&self, batches: &[BatchId]) -> Result<Vec<TracedFile>, Error> {
        let sql = format!(
            "SELECT {LISTED}, batch_id, kind, NULL::bigint FROM files
             WHERE batch_id = ANY ($1) AND kind IN ('good', 'bad') AND version_removed IS NULL
             UNION ALL
             SELECT {LISTED}, claims.batch_id, files.kind, claims.id FROM claims
             JOIN files ON files.claim_id = claims.id AND files.version_removed IS NULL
             WHERE claims.batch_id = ANY ($1)"
        );
        let batches: Vec<i64> = batches.iter().map(|batch| batch.0).collect();
        let mut session = self.session("list a record's files").await?;
        let rows = session.rows(&sql, &[&batches]).await?;
        let file = |row: &Row| {
            Ok(TracedFile {
                file: listed(row, 0)?,
                batch: BatchId(row.get(LISTED_COLUMNS)),
                kind: row.get(LISTED_COLUMNS + 1),
                claim: row.get(LISTED_COLUMNS + 2),
            })
        };
        rows.iter().map(file).collect()
    }

    /// The predictions of a record that is good in one of these batches, oldest first.
    pub async fn predictions_of(
        &self,
        batches: &[BatchId],
        source: SourceId,
        offset: Offset,
    ) -> Result<Vec<TracedPrediction>, Error> {
        let sql = format!(
            "SELECT claims.id, claims.batch_id, claims.pipeline, claims.purpose, claims.run_id,
              claims.model_version, model_versions.path, entity, score, band, scored_at, {REASONS}
            FROM claims JOIN model_versions USING (pipeline, model_version)
            JOIN predictions ON predictions.claim_id = claims.id AND record_offset = $3 AND source_id = $2
            WHERE claims.batch_id = ANY ($1) AND claims.state = 'done' AND predictions.tenant = $4
            ORDER BY scored_at, claims.id"
        );
        let batches: Vec<i64> = batches.iter().map(|batch| batch.0).collect();
        let mut session = self.session("find a record's predictions").await?;
        let rows = session
            .rows(&sql, &[&batches, &source.0, &offset.0, &self.tenant()])
            .await?;
        Ok(rows.iter().map(prediction).collect())
    }

    /// The position of a prediction.
    pub async fn position_of(&self, claim: i64, offset: Offset) -> Result<Option<SourceId>, Error> {
        const SQL: &str = "SELECT source_id FROM predictions
            WHERE claim_id = $1 AND record_offset = $2 AND tenant = $3 LIMIT 1";
        let mut session = self.session("find a prediction").await?;
        let row = session.row_maybe(SQL, &[&claim, &offset.0, &self.tenant()]).await?;
        Ok(row.map(|row| SourceId(row.get(0))))
    }

    /// The positions that an entity was scored at, the latest first.
    pub async fn positions_of(&self, entity: &str, count: u32) -> Result<Vec<(SourceId, Offset)>, Error> {
        const SQL: &str = "SELECT source_id, record_offset FROM predictions
            WHERE entity = $1 AND tenant = $2 AND source_id IS NOT NULL
            GROUP BY source_id, record_offset ORDER BY max(scored_at) DESC, record_offset DESC LIMIT $3";
        let mut session = self.session("find an entity's predictions").await?;
        let rows = session.rows(SQL, &[&entity, &self.tenant(), &i64::from(count)]).await?;
        Ok(rows
            .iter()
            .map(|row| (SourceId(row.get(0)), Offset(row.get(1))))
            .collect())
    }

    /// The alerts that were raised with these batches and runs, oldest first.
    pub async fn alerts_of(&self, batches: &[BatchId], runs: &[RunId]) -> Result<Vec<TracedAlert>, Error> {
        const SQL: &str =
            "SELECT id, condition, about, state, measured, threshold, measured_over, target, run_id, raised_at
            FROM alerts WHERE (batch_id = ANY ($1) OR run_id = ANY ($2)) AND tenant = $3 ORDER BY id";
        let batches: Vec<i64> = batches.iter().map(|batch| batch.0).collect();
        let runs: Vec<i64> = runs.iter().map(|run| run.0).collect();
        let mut session = self.session("find alerts").await?;
        let rows = session.rows(SQL, &[&batches, &runs, &self.tenant()]).await?;
        let alert = |row: &Row| TracedAlert {
            id: row.get(0),
            condition: row.get(1),
            about: row.get(2),
            state: row.get(3),
            measured: row.get(4),
            threshold: row.get(5),
            measured_over: row.get(6),
            target: row.get(7),
            run: row.get::<_, Option<i64>>(8).map(RunId),
            raised_at: row.get(9),
        };
        Ok(rows.iter().map(alert).collect())
    }
}

fn source(row: &Row) -> TracedSource {
    TracedSource {
        id: SourceId(row.get(0)),
        topic: row.get::<_, &str>(1).into(),
        topic_id: TopicId(row.get(2)),
        incarnation: row.get::<_, i32>(3) as u32,
        partition: row.get(4),
        next_offset: row.get::<_, Option<i64>>(5).map(Offset),
    }
}

fn prediction(row: &Row) -> TracedPrediction {
    TracedPrediction {
        claim: row.get(0),
        batch: BatchId(row.get(1)),
        pipeline: row.get::<_, &str>(2).into(),
        purpose: row.get(3),
        run: RunId(row.get(4)),
        model: row.get::<_, &str>(5).into(),
        model_path: row.get(6),
        entity: row.get(7),
        score: row.get(8),
        band: row.get(9),
        scored_at: row.get(10),
        reasons: reasons(row, 11),
    }
}
