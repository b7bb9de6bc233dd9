//! What is held against files and models again: every listed file, and the predictions of a run.
//!
//! Used by `muster verify`. Predictions are read a page at a time, so a claim of any size passes in bounded memory.

use muster_batch::Reason;
use muster_spec::pipeline::Band;
use muster_spec::{BatchId, ContractName, ModelVersion, Offset, PipelineName, RunId, SourceId};
use serde::Deserialize;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::Ledger;
use super::listed::{LISTED, LISTED_COLUMNS, listed};
use super::trace::{REASONS, reasons};
use crate::error::Error;
use crate::files::ListedFile;

/// A file as one of its owners lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The file.
    pub file: ListedFile,
    /// `good`, `bad`, `keys`, `features` and so on.
    pub kind: String,
    /// Its bytes.
    pub bytes: u64,
    /// The batch whose rows it holds, or whose features.
    pub batch: BatchId,
    /// The batch's topic and partition.
    pub place: (String, i32),
    /// The batch's delta [from, to); `None` for a repair.
    pub delta: Option<(i64, i64)>,
    /// The run that made it, for features.
    pub run: Option<RunId>,
}

/// A claim that was scored.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredBefore {
    /// The claim.
    pub claim: i64,
    /// Its batch.
    pub batch: BatchId,
    /// The model.
    pub model: ModelVersion,
    /// The folder of the model's files, below the project's.
    pub model_path: String,
    /// The bands its scores were put into; `None` where they were not kept.
    pub bands: Option<Vec<Band>>,
    /// How many predictions it ended with, and how many there are.
    pub predictions: (u64, u64),
    /// The features that were scored; `None` where there was no row.
    pub features: Option<ListedFile>,
}

/// A prediction as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenPrediction {
    /// The source of its row.
    pub source: SourceId,
    /// The offset.
    pub offset: Offset,
    /// The score.
    pub score: f64,
    /// Its band.
    pub band: String,
    /// Its reasons, if they were made then.
    pub reasons: Option<Vec<Reason>>,
}

#[derive(Deserialize)]
struct KeptBand {
    name: String,
    from: f64,
}

impl Ledger {
    /// Every listed file, a row an owner, those of one file after another.
    pub async fn listings(&self, contract: Option<&ContractName>) -> Result<Vec<Listing>, Error> {
        let sql = format!(
            "SELECT {LISTED}, files.kind, files.bytes, batches.id, sources.topic,
              sources.partition, batches.from_offset, batches.to_offset, claims.run_id
            FROM files LEFT JOIN claims ON claims.id = files.claim_id
            JOIN batches ON batches.id = coalesce(files.batch_id, claims.batch_id)
            JOIN sources ON sources.id = batches.source_id
            WHERE files.version_removed IS NULL AND ($1::text IS NULL OR batches.contract = $1)
            ORDER BY files.path, batches.from_offset"
        );
        let at = |column: usize| LISTED_COLUMNS + column;
        let mut session = self.session("list all files").await?;
        let rows = session.rows(&sql, &[&contract.map(ContractName::as_str)]).await?;
        let listing = |row: &Row| {
            Ok(Listing {
                file: listed(row, 0)?,
                kind: row.get(at(0)),
                bytes: row.get::<_, i64>(at(1)) as u64,
                batch: BatchId(row.get(at(2))),
                place: (row.get(at(3)), row.get(at(4))),
                delta: row.get::<_, Option<i64>>(at(5)).map(|from| (from, row.get(at(6)))),
                run: row.get::<_, Option<i64>>(at(7)).map(RunId),
            })
        };
        rows.iter().map(listing).collect()
    }

    /// The folders of all model versions, below the project's.
    pub async fn model_folders(&self) -> Result<Vec<(PipelineName, ModelVersion, String)>, Error> {
        const SQL: &str = "SELECT pipeline, model_version, path FROM model_versions ORDER BY trained_at";
        let mut session = self.session("list all models").await?;
        let rows = session.rows(SQL, &[]).await?;
        let folder = |row: &Row| (row.get::<_, &str>(0).into(), row.get::<_, &str>(1).into(), row.get(2));
        Ok(rows.iter().map(folder).collect())
    }

    /// The claims of a run that were scored.
    pub async fn scored_claims(&self, run: RunId) -> Result<Vec<ScoredBefore>, Error> {
        let sql = format!(
            "SELECT claims.id, claims.batch_id, claims.model_version, model_versions.path, claims.bands,
              claims.predictions, (SELECT count(*) FROM predictions WHERE claim_id = claims.id),
              {LISTED}
            FROM claims JOIN model_versions USING (pipeline, model_version)
            LEFT JOIN files ON files.claim_id = claims.id AND files.version_removed IS NULL
            WHERE claims.run_id = $1 AND claims.state = 'done' ORDER BY claims.id"
        );
        let mut session = self.session("list a run's claims").await?;
        let rows = session.rows(&sql, &[&run.0]).await?;
        let claim = |row: &Row| {
            let bands: Option<Json<Vec<KeptBand>>> = row.get(4);
            let band = |kept: KeptBand| Band {
                name: kept.name,
                from: kept.from,
            };
            Ok(ScoredBefore {
                claim: row.get(0),
                batch: BatchId(row.get(1)),
                model: row.get::<_, &str>(2).into(),
                model_path: row.get(3),
                bands: bands.map(|bands| bands.0.into_iter().map(band).collect()),
                predictions: (row.get::<_, i64>(5) as u64, row.get::<_, i64>(6) as u64),
                features: match row.get::<_, Option<&str>>(7) {
                    Some(_) => Some(listed(row, 7)?),
                    None => None,
                },
            })
        };
        rows.iter().map(claim).collect()
    }

    /// The next predictions of a claim after an offset, in the order of offsets, at most `count`.
    pub async fn predictions_after(
        &self,
        claim: i64,
        offset: Offset,
        count: u32,
    ) -> Result<Vec<WrittenPrediction>, Error> {
        let sql = format!(
            "SELECT source_id, record_offset, score, band, {REASONS} FROM predictions
             WHERE claim_id = $1 AND record_offset > $2 ORDER BY record_offset LIMIT $3"
        );
        let mut session = self.session("read predictions").await?;
        let rows = session.rows(&sql, &[&claim, &offset.0, &i64::from(count)]).await?;
        let written = rows.iter().map(|row| WrittenPrediction {
            source: SourceId(row.get(0)),
            offset: Offset(row.get(1)),
            score: row.get(2),
            band: row.get(3),
            reasons: reasons(row, 4),
        });
        Ok(written.collect())
    }
}
