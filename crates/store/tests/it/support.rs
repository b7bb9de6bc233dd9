//! What the tests share: a small contract, judged records made by hand, sealed batches without files, a ledger.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use muster_batch::{
    BytesColumn, DataFile, FileKind, Headers, JudgedBatch, KeyEntries, KeyKind, Origin, RawBatch, Refusal, RuleLists,
};
use muster_spec::{Contract, Offset, OffsetDelta, Revision, RuleNumber, SourceId, Token, TopicId};
use muster_store::ledger::commit::BatchCommit;
use muster_store::ledger::migrate::migrate;
use muster_store::ledger::sources::{Assigned, Partition};
use muster_store::{Ledger, Role, RuleCount, Sealed, Settings};
use uuid::Uuid;

pub const SCHEMA: &str = r#"{"type": "record", "name": "Visit", "namespace": "test", "fields": [
  {"name": "visitor_id", "type": ["null", "long"], "default": null},
  {"name": "page", "type": ["null", "string"], "default": null},
  {"name": "seen_at", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}], "default": null}]}"#;

pub const YAML: &str = "version: 1
topic: test.visit.v1
format: avro
schema: test.visit.avsc
key: visitor_id
event_time: { field: seen_at, optional: true }
rules:
  - { id: visitor_id.required, field: visitor_id, required: true }
  - { id: page.length, field: page, length: [1, 20], severity: warn }
  - { id: visitor_id.unique, field: visitor_id, unique: { within: 1h, keys_max: 1000 } }
";

pub fn contract() -> Arc<Contract> {
    contract_from(YAML)
}

pub fn contract_from(yaml: &str) -> Arc<Contract> {
    let open = |name: &str| (name == "test.visit.avsc").then(|| SCHEMA.to_owned());
    let contract = muster_spec::read::contract("test.visit", "schemas/test.visit.contract.yaml", yaml, &open);
    Arc::new(contract.unwrap_or_else(|problems| panic!("{problems:?}")))
}

/// What is to become of one record.
#[derive(Clone, Debug)]
pub enum Fate {
    /// A good row with this key and event time.
    Good(i64, i64),
    /// A bad record that breaks these rules.
    Bad(Vec<&'static str>, Option<Refusal>),
    Duplicate,
    Tombstone,
    /// No record at all: an offset that the log does not hold.
    Absent,
}

pub const NO_TIME: i64 = i64::MIN;

/// A judged batch of `source` in which the record at `from + n` met `fates[n]`.
pub fn judged(contract: &Contract, source: SourceId, from: i64, fates: &[Fate]) -> JudgedBatch {
    let mut records = RawBatch {
        source,
        topic: contract.topic.as_str().into(),
        partition: 0,
        delta: OffsetDelta::new(Offset(from), Offset(from + fates.len() as i64)),
        offsets: Vec::new(),
        timestamps: Vec::new(),
        payloads: BytesColumn::default(),
        keys: BytesColumn::default(),
        headers: Headers::default(),
    };
    let mut out = JudgedBatch {
        good: RecordBatch::new_empty(Arc::new(Schema::empty())),
        good_records: Vec::new(),
        good_event_times: Vec::new(),
        bad_records: Vec::new(),
        violations: RuleLists::default(),
        warnings: RuleLists::default(),
        refusals: Vec::new(),
        duplicates: Vec::new(),
        tombstones: Vec::new(),
        counts: vec![0; contract.rules.len()],
        keys: KeyEntries::default(),
        origin: Origin::Records(records.clone()),
    };
    let mut good_keys = Vec::new();
    let unique = contract.rule("visitor_id.unique").expect("the contract has it").0;
    for (at, fate) in fates.iter().enumerate() {
        let offset = from + at as i64;
        let record = records.offsets.len() as u32;
        if matches!(fate, Fate::Absent) {
            continue;
        }
        records.offsets.push(offset);
        records.timestamps.push(1_700_000_000_000 + offset);
        records.keys.push(Some(&offset.to_be_bytes()));
        let payload = format!("payload-{offset}");
        let null = matches!(fate, Fate::Tombstone);
        records.payloads.push((!null).then_some(payload.as_bytes()));
        if offset % 2 == 0 {
            records.headers.push([("ce_id", Some(payload.as_bytes()))].into_iter());
        } else {
            records.headers.push(std::iter::empty());
        }
        match fate {
            Fate::Good(key, time) => {
                out.good_records.push(record);
                out.good_event_times.push(*time);
                good_keys.push(*key);
                out.keys
                    .push(KeyKind::Unique(unique), *key as u128 * 7, *time, offset, 0);
                out.keys.push(KeyKind::Event, offset as u128, *time, offset, 99);
            }
            Fate::Bad(rules, refusal) => {
                out.bad_records.push(record);
                let numbers: Vec<RuleNumber> = rules
                    .iter()
                    .map(|id| contract.rule(id).unwrap_or_else(|| panic!("no rule `{id}`")))
                    .collect();
                for number in &numbers {
                    out.counts[usize::from(number.0)] += 1;
                }
                out.violations.push(numbers);
                out.warnings.push([]);
                out.refusals.push(*refusal);
            }
            Fate::Duplicate => out.duplicates.push(record),
            Fate::Tombstone => out.tombstones.push(record),
            Fate::Absent => {}
        }
    }
    let schema = Schema::new(vec![
        Field::new("visitor_id", DataType::Int64, true),
        Field::new("page", DataType::Utf8, true),
        Field::new(
            "seen_at",
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            true,
        ),
    ]);
    let pages: Vec<String> = good_keys.iter().map(|key| format!("page-{}", key % 7)).collect();
    let seen: Vec<Option<i64>> = out
        .good_event_times
        .iter()
        .map(|&time| (time != NO_TIME).then_some(time / 1000))
        .collect();
    out.good = RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(Int64Array::from(good_keys)),
            Arc::new(StringArray::from(pages)),
            Arc::new(TimestampMillisecondArray::from(seen).with_timezone("UTC")),
        ],
    )
    .expect("columns are equally long");
    out.origin = Origin::Records(records);
    out
}

/// A batch as if it had been sealed: counts and listed files, nothing on disk.
pub fn sealed(contract: &Contract, source: &Assigned, from: i64, to: i64, bad: u64) -> Sealed {
    let received = (to - from) as u64;
    let good = received - bad;
    let stem = format!("s{}-{from}-{to}-{}", source.source, source.token);
    let file = |kind: FileKind, path: String, rows: u64| DataFile {
        kind,
        path,
        rows,
        bytes: 1,
        event_times: (kind != FileKind::Bad).then_some((from * 1_000_000, to * 1_000_000)),
        sha256: [7; 32],
        contract_version: Some(contract.version.clone()),
        token: source.token,
    };
    let mut files = Vec::new();
    if good > 0 {
        files.push(file(
            FileKind::Good,
            format!("good-data/test.visit/{stem}.parquet"),
            good,
        ));
        files.push(file(FileKind::Keys, format!("good-data/test.visit/{stem}.keys"), good));
    }
    let mut rules = Vec::new();
    if bad > 0 {
        files.push(file(FileKind::Bad, format!("bad-data/test.visit/{stem}.parquet"), bad));
        rules.push(RuleCount {
            rule: "visitor_id.required".into(),
            severity: muster_spec::Severity::Error,
            rows: bad,
            sample: vec![from],
        });
    }
    Sealed {
        source: source.source,
        contract: contract.name.clone(),
        contract_version: contract.version.clone(),
        token: source.token,
        delta: OffsetDelta::new(Offset(from), Offset(to)),
        files,
        received,
        good,
        bad,
        duplicates: 0,
        tombstones: 0,
        rules,
        event_times: (good > 0).then_some((from * 1_000_000, to * 1_000_000)),
        duplicate_offsets: Vec::new(),
        file_rows: Vec::new(),
    }
}

pub fn to_commit(sealed: Sealed) -> BatchCommit {
    BatchCommit {
        sealed,
        revision: Revision(0),
        statistics: Vec::new(),
        alerts: Vec::new(),
        drift: Vec::new(),
    }
}

pub fn partition(contract: &Contract, topic_id: TopicId, partition: i32, partitions: i32) -> Partition {
    Partition {
        contract: contract.name.clone(),
        topic: contract.topic.as_str().into(),
        topic_id,
        partition,
        partitions,
    }
}

pub fn topic_id() -> TopicId {
    TopicId(Uuid::new_v4())
}

pub fn token() -> Token {
    Token(Uuid::new_v4())
}

/// A migrated ledger in a database of its own, with one contract kept.
pub struct Fixture {
    pub settings: Settings,
    pub contract: Arc<Contract>,
    pub ingest: Ledger,
    pub score: Ledger,
}

impl Fixture {
    pub async fn new() -> Self {
        let address = muster_sandbox::postgres::fresh_database("store").expect("a PostgreSQL");
        let mut settings = Settings::new(address);
        settings.connections_max = 8;
        migrate(&settings).await.expect("migrates");
        let contract = contract();
        let ingest = Ledger::new(&settings, Role::Ingest).expect("an address");
        ingest.keep_contract(&contract).await.expect("keeps the contract");
        let score = Ledger::new(&settings, Role::Score).expect("an address");
        Self {
            settings,
            contract,
            ingest,
            score,
        }
    }

    /// Assigns partitions 0 to `count` of a topic to a worker.
    pub async fn assign(&self, topic_id: TopicId, count: i32, worker: &str) -> Vec<Assigned> {
        let wanted: Vec<Partition> = (0..count)
            .map(|at| partition(&self.contract, topic_id, at, count))
            .collect();
        self.ingest.assign(worker, &wanted).await.expect("assigns")
    }

    /// A plain connection with the owner's rights, to look at or damage the tables.
    pub async fn owner(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.settings.address, tokio_postgres::NoTls)
            .await
            .expect("connects");
        tokio::spawn(connection);
        client.batch_execute("SET search_path = muster").await.expect("sets");
        client
    }

    /// One number from one row.
    pub async fn number(&self, sql: &str) -> i64 {
        self.owner().await.query_one(sql, &[]).await.expect(sql).get(0)
    }

    /// The sums add up and the ledger says so.
    pub async fn adds_up(&self) {
        let reconciled = self.ingest.reconcile().await.expect("reconciles");
        assert_eq!(reconciled.faults, Vec::<String>::new());
    }
}
