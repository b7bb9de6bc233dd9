//! What a quality report asks: the counts, rules, expectations and files of one batch or of one day.
//!
//! Read-only. Counts come from the batches' own rows, so they are the same whatever became of the files since. Samples
//! are positions; values are in the files alone.

use chrono::{DateTime, NaiveDate, Utc};
use muster_spec::{BatchId, ContractName};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::Ledger;
use super::counts::{Counts, SUMS};
use super::listed::{LISTED, LISTED_COLUMNS, listed};
use crate::error::Error;
use crate::files::{ListedFile, joined_files};

/// What is reported on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One batch.
    Batch(BatchId),
    /// What was committed on a day, in UTC.
    Day(NaiveDate),
}

/// A batch, as a report names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedBatch {
    /// Its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its delta; `None` for a repair.
    pub delta: Option<(i64, i64)>,
    /// The source's revision that it was judged against.
    pub revision: i64,
    /// When it was committed.
    pub committed_at: DateTime<Utc>,
    /// The source's batch before it.
    pub previous: Option<BatchId>,
    /// The source's batch after it.
    pub next: Option<BatchId>,
}

/// A rule that was broken in an hour of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HourOfRule {
    /// The rule's id.
    pub rule: String,
    /// Whether it is only counted.
    pub is_warning: bool,
    /// The hour, 0 to 23.
    pub hour: u32,
    /// How many records broke it.
    pub rows: u64,
}

/// Where a record that broke a rule is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenAt {
    /// The rule's id.
    pub rule: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
}

/// What batches measured of an expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeasuredOver {
    /// In how many batches.
    pub batches: u64,
    /// In how many it was beyond its ends.
    pub missed: u64,
    /// The least value.
    pub least: Option<f64>,
    /// The greatest value.
    pub greatest: Option<f64>,
}

/// A file of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedFile {
    /// The file.
    pub file: ListedFile,
    /// Whether its rows are good.
    pub is_good: bool,
    /// The file's bytes.
    pub bytes: u64,
    /// The topic its rows came from.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

/// A day with batches, or a batch, and what it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent<T> {
    /// Which one.
    pub of: T,
    /// What it counts.
    pub counts: Counts,
}

impl Ledger {
    /// A contract's batch; `None` where it has no such batch.
    pub async fn reported_batch(
        &self,
        contract: &ContractName,
        batch: BatchId,
    ) -> Result<Option<ReportedBatch>, Error> {
        const SQL: &str = "SELECT sources.topic, sources.partition, batches.from_offset, batches.to_offset,
              batches.revision, batches.committed_at,
              (SELECT id FROM batches AS other WHERE other.source_id = batches.source_id
                 AND other.from_offset < batches.from_offset ORDER BY other.from_offset DESC LIMIT 1),
              (SELECT id FROM batches AS other WHERE other.source_id = batches.source_id
                 AND other.from_offset > batches.from_offset ORDER BY other.from_offset LIMIT 1)
            FROM batches JOIN sources ON sources.id = batches.source_id
            WHERE batches.id = $1 AND batches.contract = $2 AND batches.tenant = $3";
        let mut session = self.session("read a batch").await?;
        let row = session
            .row_maybe(SQL, &[&batch.0, &contract.as_str(), &self.tenant()])
            .await?;
        Ok(row.map(|row| ReportedBatch {
            topic: row.get(0),
            partition: row.get(1),
            delta: row.get::<_, Option<i64>>(2).map(|from| (from, row.get(3))),
            revision: row.get(4),
            committed_at: row.get(5),
            previous: row.get::<_, Option<i64>>(6).map(BatchId),
            next: row.get::<_, Option<i64>>(7).map(BatchId),
        }))
    }

    /// The last days on which batches of a contract were committed, newest first, up to and with `until`.
    pub async fn recent_days(
        &self,
        contract: &ContractName,
        until: Option<NaiveDate>,
        days_max: u32,
    ) -> Result<Vec<Recent<NaiveDate>>, Error> {
        let sql = format!(
            "SELECT (committed_at AT TIME ZONE 'UTC')::date AS day, {SUMS} FROM batches
             WHERE contract = $1 AND tenant = $2
               AND ($3::date IS NULL OR committed_at < ($3::date + 1)::timestamp AT TIME ZONE 'UTC')
             GROUP BY day ORDER BY day DESC LIMIT $4"
        );
        let mut session = self.session("list the days of a contract").await?;
        let rows = session
            .rows(
                &sql,
                &[&contract.as_str(), &self.tenant(), &until, &i64::from(days_max)],
            )
            .await?;
        Ok(rows.iter().map(|row| recent(row, row.get(0))).collect())
    }

    /// The first day after this one on which batches of a contract were committed.
    pub async fn next_day(&self, contract: &ContractName, day: NaiveDate) -> Result<Option<NaiveDate>, Error> {
        const SQL: &str = "SELECT (min(committed_at) AT TIME ZONE 'UTC')::date FROM batches
            WHERE contract = $1 AND tenant = $2 AND committed_at >= ($3::date + 1)::timestamp AT TIME ZONE 'UTC'";
        let mut session = self.session("find the next day of a contract").await?;
        let row = session.row(SQL, &[&contract.as_str(), &self.tenant(), &day]).await?;
        Ok(row.get(0))
    }

    /// A contract's last batches, newest first.
    pub async fn recent_batches(
        &self,
        contract: &ContractName,
        batches_max: u32,
    ) -> Result<Vec<Recent<BatchId>>, Error> {
        let sql = format!(
            "SELECT id, {SUMS} FROM (
               SELECT * FROM batches WHERE contract = $1 AND tenant = $2 ORDER BY id DESC LIMIT $3) AS last
             GROUP BY id ORDER BY id DESC"
        );
        let mut session = self.session("list the batches of a contract").await?;
        let rows = session
            .rows(&sql, &[&contract.as_str(), &self.tenant(), &i64::from(batches_max)])
            .await?;
        Ok(rows.iter().map(|row| recent(row, BatchId(row.get(0)))).collect())
    }

    /// How many batches are reported on, and what became of their records.
    pub async fn reported_counts(&self, contract: &ContractName, scope: &Scope) -> Result<(u64, Counts), Error> {
        let sql = format!("SELECT count(*), {SUMS} FROM {}", scope.batches());
        let rows = self.reported("count rows", &sql, contract, scope, &[]).await?;
        let counted = |row: &Row| (row.get::<_, i64>(0) as u64, Counts::read(row, 1));
        Ok(rows.first().map(counted).unwrap_or_default())
    }

    /// The counts of each hour of the day that has batches, in order.
    pub async fn reported_hours(&self, contract: &ContractName, scope: &Scope) -> Result<Vec<(u32, Counts)>, Error> {
        let sql = format!(
            "SELECT extract(hour FROM committed_at AT TIME ZONE 'UTC')::integer AS hour, {SUMS} FROM {}
             GROUP BY hour ORDER BY hour",
            scope.batches()
        );
        let rows = self.reported("count rows by hour", &sql, contract, scope, &[]).await?;
        Ok(rows
            .iter()
            .map(|row| (row.get::<_, i32>(0) as u32, Counts::read(row, 1)))
            .collect())
    }

    /// The versions of the contract that judged, in the order in which they came.
    pub async fn reported_versions(&self, contract: &ContractName, scope: &Scope) -> Result<Vec<String>, Error> {
        let sql = format!(
            "SELECT contract_version FROM {} GROUP BY contract_version ORDER BY min(version)",
            scope.batches()
        );
        let rows = self
            .reported("list contract versions", &sql, contract, scope, &[])
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// The rules that were broken, by hour.
    pub async fn reported_rules(&self, contract: &ContractName, scope: &Scope) -> Result<Vec<HourOfRule>, Error> {
        let sql = format!(
            "SELECT rule_id, severity = 'warn', extract(hour FROM batches.committed_at AT TIME ZONE 'UTC')::integer,
               sum(violations.rows)::bigint
             FROM {} JOIN violations ON violations.batch_id = batches.id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            scope.batches()
        );
        let rows = self.reported("count violations", &sql, contract, scope, &[]).await?;
        Ok(rows
            .iter()
            .map(|row| HourOfRule {
                rule: row.get(0),
                is_warning: row.get(1),
                hour: row.get::<_, i32>(2) as u32,
                rows: row.get::<_, i64>(3) as u64,
            })
            .collect())
    }

    /// Where the first records are that broke each rule, `each_max` a rule.
    pub async fn reported_positions(
        &self,
        contract: &ContractName,
        scope: &Scope,
        each_max: u32,
    ) -> Result<Vec<BrokenAt>, Error> {
        let sql = format!(
            "SELECT rule_id, topic, partition, sample FROM (
               SELECT rule_id, topic, partition, sample,
                 row_number() OVER (PARTITION BY rule_id ORDER BY batches.id, sample) AS place
               FROM {} JOIN violations ON violations.batch_id = batches.id
                 JOIN sources ON sources.id = batches.source_id
                 CROSS JOIN LATERAL unnest(sample_offsets[1:4]) AS sample) AS placed
             WHERE place <= $4 ORDER BY rule_id, place",
            scope.batches()
        );
        let rows = self
            .reported("list samples", &sql, contract, scope, &[&i64::from(each_max)])
            .await?;
        Ok(rows
            .iter()
            .map(|row| BrokenAt {
                rule: row.get(0),
                topic: row.get(1),
                partition: row.get(2),
                offset: row.get(3),
            })
            .collect())
    }

    /// What was measured of an expectation that has these ends.
    pub async fn reported_measures(
        &self,
        contract: &ContractName,
        scope: &Scope,
        expectation: &str,
        (min, max): (Option<f64>, Option<f64>),
    ) -> Result<MeasuredOver, Error> {
        let sql = format!(
            "SELECT count(*), count(*) FILTER (WHERE value < given.low OR value > given.high), min(value), max(value)
             FROM {} JOIN batch_statistics ON batch_statistics.batch_id = batches.id
               CROSS JOIN (SELECT $4::text AS id, $5::float8 AS low, $6::float8 AS high) AS given
             WHERE measure = given.id",
            scope.batches()
        );
        let more: [&(dyn ToSql + Sync); 3] = [&expectation, &min, &max];
        let rows = self.reported("read measures", &sql, contract, scope, &more).await?;
        Ok(rows.first().map_or_else(MeasuredOver::default, |row| MeasuredOver {
            batches: row.get::<_, i64>(0) as u64,
            missed: row.get::<_, i64>(1) as u64,
            least: row.get(2),
            greatest: row.get(3),
        }))
    }

    /// The files of rows as they are listed now, in the order of their rows, so that the same rows come first whether files
    /// were merged or not.
    pub async fn reported_files(&self, contract: &ContractName, scope: &Scope) -> Result<Vec<ReportedFile>, Error> {
        let sql = format!(
            "SELECT {LISTED}, files.kind = 'good', files.bytes, topic, partition
             FROM {} JOIN files ON files.batch_id = batches.id JOIN sources ON sources.id = batches.source_id
             WHERE files.kind IN ('good', 'bad') AND files.version_removed IS NULL
             ORDER BY files.kind, topic, partition, sources.id, batches.from_offset NULLS LAST, batches.id",
            scope.batches()
        );
        let rows = self.reported("list files", &sql, contract, scope, &[]).await?;
        let files = rows.iter().map(|row| {
            Ok(ReportedFile {
                file: listed(row, 0)?,
                is_good: row.get(LISTED_COLUMNS),
                bytes: row.get::<_, i64>(LISTED_COLUMNS + 1) as u64,
                topic: row.get(LISTED_COLUMNS + 2),
                partition: row.get(LISTED_COLUMNS + 3),
            })
        });
        let files = files.collect::<Result<Vec<_>, Error>>()?;
        Ok(joined_files(files, |reported| &mut reported.file))
    }

    /// Rows that were removed past their age: they are counted, and in no file any more.
    pub async fn reported_removed(&self, contract: &ContractName, scope: &Scope) -> Result<u64, Error> {
        let sql = format!(
            "SELECT coalesce(sum(files.rows), 0)::bigint FROM {} JOIN files ON files.batch_id = batches.id
             WHERE files.removed_for = 'retained'",
            scope.batches()
        );
        let rows = self.reported("count removed rows", &sql, contract, scope, &[]).await?;
        Ok(rows.first().map_or(0, |row| row.get::<_, i64>(0) as u64))
    }

    /// Runs a statement over the batches that are reported on; `more` are its parameters from `$4` on.
    async fn reported(
        &self,
        action: &'static str,
        sql: &str,
        contract: &ContractName,
        scope: &Scope,
        more: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let contract = contract.as_str();
        let tenant = self.tenant();
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&contract, &tenant];
        match scope {
            Scope::Batch(batch) => parameters.push(&batch.0),
            Scope::Day(day) => parameters.push(day),
        }
        parameters.extend(more.iter().copied());
        self.session(action).await?.rows(sql, &parameters).await
    }
}

impl Scope {
    /// The batches that are meant, as a relation of the name `batches`: `$1` is the contract, `$2` the tenant and `$3`
    /// the batch or the day.
    fn batches(&self) -> &'static str {
        match self {
            Self::Batch(_) => "(SELECT * FROM batches WHERE contract = $1 AND tenant = $2 AND id = $3) AS batches",
            Self::Day(_) => {
                "(SELECT * FROM batches WHERE contract = $1 AND tenant = $2
                   AND committed_at >= $3::date::timestamp AT TIME ZONE 'UTC'
                   AND committed_at < ($3::date + 1)::timestamp AT TIME ZONE 'UTC') AS batches"
            }
        }
    }
}

fn recent<T>(row: &Row, of: T) -> Recent<T> {
    Recent {
        of,
        counts: Counts::read(row, 1),
    }
}
