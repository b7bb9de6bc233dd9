//! Model versions, which never change, and the aliases that move over them.
//!
//! Called by `muster train` and `muster models`. The first version of a pipeline becomes champion, later ones
//! challenger until promoted; every move is kept.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_spec::{ModelVersion, PipelineName};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::Ledger;
use crate::error::Error;

/// A model version to keep.
#[derive(Clone, Debug, PartialEq)]
pub struct NewModel {
    /// Its pipeline.
    pub pipeline: PipelineName,
    /// The sha-256 of its files.
    pub version: ModelVersion,
    /// The folder of its files, below the project's.
    pub path: String,
    /// The pipeline file's text.
    pub pipeline_text: String,
    /// The sha-256 of the feature view's SQL.
    pub view_version: String,
    /// Its metrics, as training made them.
    pub metrics: serde_json::Value,
    /// The contracts' versions its rows were read at.
    pub read_versions: BTreeMap<String, i64>,
}

/// A model version as the ledger has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelEntry {
    /// What was kept.
    pub model: NewModel,
    /// The aliases that point at it, in order.
    pub aliases: Vec<String>,
    /// When it was kept.
    pub trained_at: DateTime<Utc>,
}

impl Ledger {
    /// Keeps a model version. The alias it took, `champion` or `challenger`; `None` when it was kept before.
    pub async fn keep_model(&self, model: &NewModel) -> Result<Option<String>, Error> {
        const SQL: &str = "SELECT keep_model($1, $2, $3, $4, $5, $6, $7)";
        let mut session = self.session("keep a model version").await?;
        let row = session
            .row(
                SQL,
                &[
                    &model.pipeline.as_str(),
                    &model.version.as_str(),
                    &model.path,
                    &model.pipeline_text,
                    &model.view_version,
                    &model.metrics,
                    &Json(&model.read_versions),
                ],
            )
            .await?;
        Ok(row.get(0))
    }

    /// Points an alias at a version. A challenger that becomes champion is challenger no more.
    pub async fn move_alias(&self, pipeline: &PipelineName, alias: &str, version: &ModelVersion) -> Result<(), Error> {
        const SQL: &str = "SELECT move_alias($1, $2, $3)";
        let mut session = self.session("move an alias").await?;
        let row = session
            .row(SQL, &[&pipeline.as_str(), &alias, &version.as_str()])
            .await?;
        if row.get(0) {
            return Ok(());
        }
        Err(Error::Missing {
            what: "model version",
            name: format!("{pipeline}@{}", version.short()),
        })
    }

    /// The model versions of a pipeline, newest first.
    pub async fn models(&self, pipeline: &PipelineName) -> Result<Vec<ModelEntry>, Error> {
        const SQL: &str =
            "SELECT versions.pipeline, versions.model_version, path, pipeline_text, view_version, metrics,
              read_versions, trained_at,
              array(SELECT alias FROM model_aliases AS aliases WHERE aliases.pipeline = versions.pipeline
                AND aliases.model_version = versions.model_version ORDER BY alias)
            FROM model_versions AS versions WHERE versions.pipeline = $1 ORDER BY trained_at DESC, model_version";
        let mut session = self.session("read the models").await?;
        let rows = session.rows(SQL, &[&pipeline.as_str()]).await?;
        rows.iter().map(model_entry).collect()
    }

    /// The version an alias points at.
    pub async fn model(&self, pipeline: &PipelineName, alias: &str) -> Result<Option<ModelEntry>, Error> {
        let found = self.models(pipeline).await?;
        let points = |entry: &ModelEntry| entry.aliases.iter().any(|known| known == alias);
        Ok(found.into_iter().find(points))
    }
}

fn model_entry(row: &Row) -> Result<ModelEntry, Error> {
    let Json(read_versions) = row
        .try_get::<_, Json<BTreeMap<String, i64>>>(6)
        .map_err(|error| Error::Answer(error.to_string()))?;
    Ok(ModelEntry {
        model: NewModel {
            pipeline: row.get::<_, &str>(0).into(),
            version: row.get::<_, &str>(1).into(),
            path: row.get(2),
            pipeline_text: row.get(3),
            view_version: row.get(4),
            metrics: row.get(5),
            read_versions,
        },
        trained_at: row.get(7),
        aliases: row.get(8),
    })
}
