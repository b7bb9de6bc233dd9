//! What became of one record, from the bytes on Kafka to the alerts around its scores, and back.
//!
//! Used by `muster trace`. Both ways lead over the record's position: predictions and entities are looked up by it, and from
//! it everything else is found by indexes of the ledger and of the sealed files, of which only the row groups and pages with
//! the row are read. Nothing is computed anew: what is shown is what was stored. Values are masked by the contract that
//! judged the row; hashes are always shown, so that two records can be compared by people who may not see them.

mod digest;
mod values;
mod words;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use muster_spec::{BatchId, Contract, Offset, RunId, SourceId};
use muster_store::files::{BadRecords, SealedRow, row_at};
use muster_store::ledger::repairs::RepairStep;
use muster_store::ledger::trace::{TracedAlert, TracedBatch, TracedFile, TracedPrediction, TracedSource};
use muster_store::{FolderStore, Ledger};
use muster_stream::{AtOffset, Connection, at_offset};
use serde::Serialize;

use crate::contracts;
use crate::repairing::showing::{Step, step};
pub use words::describe;

/// How long a broker may take to show a record.
const LOG_LIMIT: Duration = Duration::from_secs(15);

/// Follows records through a project's ledger and files.
pub struct Tracer {
    /// The ledger.
    pub ledger: Ledger,
    /// The sealed files.
    pub files: Arc<FolderStore>,
    /// Whether values of personal fields are shown.
    pub reveal: bool,
}

/// What became of a record.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    #[serde(skip)]
    source: TracedSource,
    #[serde(skip)]
    offset: Offset,
    /// `TOPIC/PARTITION/OFFSET`.
    pub record: String,
    /// The topic's id, and how many topics of its name came before.
    pub topic_id: String,
    pub incarnation: u32,
    /// `good`, `bad`, `repaired`, `duplicate`, `tombstone`, `no record`, `gap`, `not received`, `retained` where its row was
    /// past its age and is gone, or `lost` where its file is.
    pub verdict: &'static str,
    /// Why, where that takes words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Received>,
    /// The rules of severity error it broke when it came, and those of severity warn.
    pub violations: Vec<String>,
    pub warnings: Vec<String>,
    /// The sha-256 of the record's bytes, which are stored of bad records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_sha256: Option<String>,
    /// The same of what Kafka has there, where that was asked for: nothing where the record is gone from its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<InLog>,
    /// The row as it was first judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Row>,
    /// What was done to it since, in order.
    pub repairs: Vec<Repair>,
    pub predictions: Vec<Prediction>,
    /// Alerts that were raised with its batch.
    pub alerts: Vec<Alert>,
}

/// What Kafka has at a record's position.
#[derive(Clone, Debug, Serialize)]
pub struct InLog {
    /// `record`, `tombstone`, `gone`, or `unreachable` where no broker told.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_sha256: Option<String>,
    /// Why, where no broker told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The batch a record was received in.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    pub batch: i64,
    pub contract: String,
    pub contract_version: String,
    pub revision: i64,
    pub committed_at: String,
}

/// A row of a sealed file.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub file: String,
    /// The file's sha-256 as the ledger lists it.
    pub file_sha256: String,
    pub row_group: usize,
    pub row: u64,
    /// The sha-256 of the row's values.
    pub values_sha256: String,
    /// The values; those that are masked have none.
    pub values: Vec<values::Shown>,
}

/// What was done to a bad row.
#[derive(Clone, Debug, Serialize)]
pub struct Repair {
    #[serde(flatten)]
    pub step: Step,
    /// The row that became good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Row>,
}

/// A prediction with what it was made of.
#[derive(Clone, Debug, Serialize)]
pub struct Prediction {
    /// What `muster trace prediction/ID` takes.
    pub id: String,
    pub pipeline: String,
    pub purpose: String,
    pub run: i64,
    pub model_version: String,
    pub model: String,
    pub scored_at: String,
    /// Its entity's key; none where it is masked.
    pub entity: Option<String>,
    pub score: f64,
    pub band: String,
    /// What each feature added, in log-odds; none where reasons are made on demand.
    pub reasons: Option<Vec<Reason>>,
    /// The features as they were scored.
    pub features: Option<Row>,
    /// Alerts that were raised with its run.
    pub alerts: Vec<Alert>,
}

/// What one feature added to the raw score.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    pub feature: String,
    pub contribution: f64,
}

/// An alert.
#[derive(Clone, Debug, Serialize)]
pub struct Alert {
    pub id: i64,
    pub condition: String,
    pub about: String,
    pub state: String,
    pub measured: Option<f64>,
    pub threshold: Option<f64>,
    pub measured_over: String,
    pub target: Option<String>,
    pub raised_at: String,
}

impl Trace {
    /// Looks at what Kafka has at the record's position; blocks.
    pub fn look_at_log(&mut self, connection: &Connection) {
        let topic = (&*self.source.topic, self.source.topic_id);
        let found = at_offset(connection, topic, self.source.partition, self.offset, LOG_LIMIT);
        let (state, payload, why) = match found {
            Ok(AtOffset::Payload(payload)) => ("record", Some(payload), None),
            Ok(AtOffset::Tombstone) => ("tombstone", None, None),
            Ok(AtOffset::Gone) => ("gone", None, None),
            Err(error) => ("unreachable", None, Some(error.to_string())),
        };
        self.kafka = Some(InLog {
            state,
            payload_sha256: payload.as_deref().map(digest::of_bytes),
            why,
        });
    }
}

impl Tracer {
    /// What became of a topic's record, in each of the topic's incarnations that has a record there.
    pub async fn record(&self, topic: &str, partition: i32, offset: Offset) -> anyhow::Result<Vec<Trace>> {
        let mut traces = Vec::new();
        for source in self.ledger.sources_of(topic, partition).await? {
            traces.push(self.trace(&source, offset).await?);
        }
        // An older topic of the name is only meant where it got that far.
        let mut newest = true;
        traces.retain(|trace| std::mem::take(&mut newest) || trace.verdict != NOT_RECEIVED);
        Ok(traces)
    }

    /// What became of the record of a prediction.
    pub async fn prediction(&self, claim: i64, offset: Offset) -> anyhow::Result<Vec<Trace>> {
        match self.ledger.position_of(claim, offset).await? {
            Some(source) => Ok(vec![self.at(source, offset).await?]),
            None => Ok(Vec::new()),
        }
    }

    /// What became of the records that an entity was scored by.
    pub async fn entity(&self, key: &str, count: u32) -> anyhow::Result<Vec<Trace>> {
        let mut traces = Vec::new();
        for (source, offset) in self.ledger.positions_of(key, count).await? {
            traces.push(self.at(source, offset).await?);
        }
        Ok(traces)
    }

    async fn at(&self, source: SourceId, offset: Offset) -> anyhow::Result<Trace> {
        let found = self.ledger.source(source).await?;
        let source = found.with_context(|| format!("the ledger has lost source {source}"))?;
        self.trace(&source, offset).await
    }

    async fn trace(&self, source: &TracedSource, offset: Offset) -> anyhow::Result<Trace> {
        match self.follow(source, offset).await {
            Ok(trace) if trace.verdict != LOST => Ok(trace),
            // A file may be merged into another between its listing and its reading: listed again, it is found there.
            _ => self.follow(source, offset).await,
        }
    }

    async fn follow(&self, source: &TracedSource, offset: Offset) -> anyhow::Result<Trace> {
        let mut trace = Trace {
            source: source.clone(),
            offset,
            record: format!("{}/{}/{offset}", source.topic, source.partition),
            topic_id: source.topic_id.0.to_string(),
            incarnation: source.incarnation,
            verdict: NOT_RECEIVED,
            why: None,
            batch: None,
            violations: Vec::new(),
            warnings: Vec::new(),
            payload_sha256: None,
            kafka: None,
            row: None,
            repairs: Vec::new(),
            predictions: Vec::new(),
            alerts: Vec::new(),
        };
        let Some(batch) = self.ledger.batch_at(source.id, offset).await? else {
            if let Some(reason) = self.ledger.gap_at(source.id, offset).await? {
                (trace.verdict, trace.why) = ("gap", Some(reason));
            }
            return Ok(trace);
        };
        let contract = self.contract(&batch).await?;
        trace.batch = Some(Received {
            batch: batch.id.0,
            contract: batch.contract.to_string(),
            contract_version: batch.contract_version.to_string(),
            revision: batch.revision,
            committed_at: moment(batch.committed_at),
        });
        let steps = self.ledger.repairs_of(source.id, offset).await?;
        let batches: Vec<BatchId> = std::iter::once(batch.id)
            .chain(steps.iter().map(|step| step.batch))
            .collect();
        let files = self.ledger.files_of(&batches).await?;
        self.judged(&mut trace, (source, offset), &batch, &contract, &files);
        for step in &steps {
            trace
                .repairs
                .push(self.repaired(step, (source, offset), &contract, &files)?);
            if step.good {
                trace.verdict = "repaired";
            }
        }
        self.scored(&mut trace, (source, offset), &contract, &batches, &files)
            .await?;
        Ok(trace)
    }

    /// The contract as it was when it judged the batch.
    async fn contract(&self, batch: &TracedBatch) -> anyhow::Result<Contract> {
        let kept = self
            .ledger
            .kept_contract(&batch.contract, batch.contract_version.as_str());
        let kept = kept
            .await?
            .with_context(|| format!("the ledger has lost a version of `{}`", batch.contract))?;
        contracts::read(&batch.contract, &kept)
    }

    /// Which side it is on, and its row there.
    fn judged(
        &self,
        trace: &mut Trace,
        (source, offset): (&TracedSource, Offset),
        batch: &TracedBatch,
        contract: &Contract,
        files: &[TracedFile],
    ) {
        if batch.is_duplicate {
            trace.verdict = "duplicate";
            return;
        }
        for kind in ["good", "bad"] {
            let Some(file) = files.iter().find(|file| file.kind == kind && file.batch == batch.id) else {
                continue;
            };
            match row_at(&*self.files, &file.file, source.id, offset) {
                Ok(None) => {}
                Ok(Some(found)) => {
                    trace.verdict = kind;
                    refused(trace, &found);
                    let shown = |name: &str| self.is_shown(contract, name);
                    trace.row = Some(row(file, &found, &shown));
                    return;
                }
                Err(error) => {
                    (trace.verdict, trace.why) = (LOST, Some(error.to_string()));
                    return;
                }
            }
        }
        let (verdict, why) = match batch {
            _ if batch.is_retained && batch.has_tombstones => (
                "retained",
                "its row was past its age and is gone, if it had one: records without a value are in its batch too",
            ),
            _ if batch.is_retained => ("retained", "its row was past its age and is gone"),
            _ if batch.has_tombstones => ("tombstone", "a record without a value, or none at this offset"),
            _ => (
                "no record",
                "no record is at this offset: one of a transaction's own, or aborted",
            ),
        };
        (trace.verdict, trace.why) = (verdict, Some(why.to_owned()));
    }

    /// A step with the row that it made good.
    fn repaired(
        &self,
        of: &RepairStep,
        (source, offset): (&TracedSource, Offset),
        contract: &Contract,
        files: &[TracedFile],
    ) -> anyhow::Result<Repair> {
        let file = files.iter().find(|file| file.kind == "good" && file.batch == of.batch);
        let found = match file.filter(|_| of.good) {
            Some(file) => row_at(&*self.files, &file.file, source.id, offset)?.map(|found| (file, found)),
            None => None,
        };
        let shown = |name: &str| self.is_shown(contract, name);
        Ok(Repair {
            step: step(&*self.files, contract, of, (source.id, offset), self.reveal)?,
            row: found.map(|(file, found)| row(file, &found, &shown)),
        })
    }

    /// Whether a column's values are shown: a position's always, a field's where it is public.
    fn is_shown(&self, contract: &Contract, column: &str) -> bool {
        let is_public = |field: usize| !contract.fields[field].personal;
        self.reveal || values::is_of_position(column) || contract.field(column).is_some_and(is_public)
    }

    /// What was predicted of it, and what people were told.
    async fn scored(
        &self,
        trace: &mut Trace,
        (source, offset): (&TracedSource, Offset),
        contract: &Contract,
        batches: &[BatchId],
        files: &[TracedFile],
    ) -> anyhow::Result<()> {
        let predictions = self.ledger.predictions_of(batches, source.id, offset).await?;
        let runs: Vec<RunId> = predictions.iter().map(|prediction| prediction.run).collect();
        let alerts = self.ledger.alerts_of(batches, &runs).await?;
        for prediction in predictions {
            let of_run = alerts.iter().filter(|alert| alert.run == Some(prediction.run));
            let of_run = of_run.map(alert).collect();
            trace
                .predictions
                .push(self.predicted(prediction, (source, offset), contract, files, of_run)?);
        }
        trace.alerts = alerts.iter().filter(|alert| alert.run.is_none()).map(alert).collect();
        Ok(())
    }

    fn predicted(
        &self,
        prediction: TracedPrediction,
        (source, offset): (&TracedSource, Offset),
        contract: &Contract,
        files: &[TracedFile],
        alerts: Vec<Alert>,
    ) -> anyhow::Result<Prediction> {
        let file = files.iter().find(|file| file.claim == Some(prediction.claim));
        let features = match file {
            None => None,
            Some(file) => {
                let found = row_at(&*self.files, &file.file, source.id, offset)?;
                // A feature may be made of any field: shown only with the personal ones.
                let shown = |name: &str| self.reveal || values::is_of_position(name);
                found.map(|found| row(file, &found, &shown))
            }
        };
        let entity_is_public = !contract.fields[contract.key].personal;
        Ok(Prediction {
            id: format!("{}-{offset}", prediction.claim),
            pipeline: prediction.pipeline.to_string(),
            purpose: prediction.purpose,
            run: prediction.run.0,
            model_version: prediction.model.to_string(),
            model: prediction.model_path,
            scored_at: moment(prediction.scored_at),
            entity: prediction.entity.filter(|_| self.reveal || entity_is_public),
            score: prediction.score,
            band: prediction.band,
            reasons: prediction.reasons.map(|reasons| reasons.iter().map(reason).collect()),
            features,
            alerts,
        })
    }
}

/// What a bad file says of a record; a good row has not those columns.
fn refused(trace: &mut Trace, found: &SealedRow) {
    let Some(records) = BadRecords::read(&found.rows) else {
        return;
    };
    trace.violations = records.violations(0).map(str::to_owned).collect();
    trace.warnings = records.warnings(0).map(str::to_owned).collect();
    trace.why = records.reason(0).map(str::to_owned);
    trace.payload_sha256 = records.payload(0).map(digest::of_bytes);
}

const NOT_RECEIVED: &str = "not received";
const LOST: &str = "lost";

fn row(file: &TracedFile, found: &SealedRow, shown: &dyn Fn(&str) -> bool) -> Row {
    let hexadecimal = |bytes: &[u8; 32]| muster_spec::FileSha(*bytes).to_string();
    Row {
        file: file.file.path.clone(),
        file_sha256: hexadecimal(&file.file.sha256),
        row_group: found.row_group,
        row: found.row,
        values_sha256: digest::of_row(&found.rows, 0),
        values: values::of_row(&found.rows, shown),
    }
}

fn reason(reason: &muster_batch::Reason) -> Reason {
    Reason {
        feature: reason.feature.to_string(),
        contribution: reason.contribution,
    }
}

fn alert(alert: &TracedAlert) -> Alert {
    Alert {
        id: alert.id,
        condition: alert.condition.clone(),
        about: alert.about.clone(),
        state: alert.state.clone(),
        measured: alert.measured,
        threshold: alert.threshold,
        measured_over: alert.measured_over.clone(),
        target: alert.target.clone(),
        raised_at: moment(alert.raised_at),
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
