//! The checker: reads ledger and sealed files as anyone could and holds them against what was sent.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use muster_store::FolderStore;
use muster_store::files::{ListedFile, open};
use serde::Deserialize;

use super::dead_letters::check_dead_letters;
use super::{Log, Outcome};
use crate::world::World;

/// The ledger in one look, so that nothing moves between two parts of it.
const LEDGER: &str = "SELECT jsonb_build_object(
  'sources', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', sources.id, 'partition', partition,
      'incarnation', incarnation, 'next', next_offset)), '[]') FROM sources JOIN topics USING (topic, topic_id)),
  'batches', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'source', source_id, 'from', from_offset,
      'to', to_offset, 'received', received, 'good', good, 'bad', bad, 'duplicate', duplicate,
      'tombstone', tombstone, 'repaired', repaired, 'duplicates', (SELECT coalesce(jsonb_agg(jsonb_build_array(lower(range), upper(range))),
        '[]') FROM unnest(duplicate_offsets) AS range))), '[]') FROM batches),
  'files', (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'path', path, 'rows', rows,
      'first_row', first_row, 'file_rows', coalesce(file_rows, rows), 'sha256', encode(sha256, 'hex'), 'batch', batch_id)), '[]') FROM files
      WHERE kind IN ('good', 'bad') AND version_removed IS NULL),
  'violations', (SELECT coalesce(jsonb_agg(jsonb_build_object('batch', batch_id, 'rule', rule_id, 'rows', rows)),
      '[]') FROM violations),
  'statistics', (SELECT coalesce(jsonb_agg(jsonb_build_object('batch', batch_id, 'measure', measure,
      'value', value)), '[]') FROM batch_statistics),
  'predictions', (SELECT coalesce(jsonb_agg(jsonb_build_object('source', source_id, 'offset', record_offset,
      'entity', entity)), '[]') FROM predictions))";

#[derive(Deserialize)]
struct Ledger {
    sources: Vec<Source>,
    batches: Vec<Batch>,
    files: Vec<File>,
    violations: Vec<Violation>,
    statistics: Vec<Statistic>,
    predictions: Vec<Prediction>,
}

#[derive(Deserialize)]
struct Source {
    id: i64,
    partition: usize,
    incarnation: usize,
    next: Option<i64>,
}

#[derive(Deserialize)]
struct Batch {
    id: i64,
    source: i64,
    /// None for a repair.
    from: Option<i64>,
    to: Option<i64>,
    received: u64,
    good: u64,
    bad: u64,
    duplicate: u64,
    tombstone: u64,
    repaired: u64,
    duplicates: Vec<(i64, i64)>,
}

#[derive(Deserialize)]
struct File {
    kind: String,
    path: String,
    rows: u64,
    first_row: u64,
    file_rows: u64,
    sha256: String,
    batch: i64,
}

#[derive(Deserialize)]
struct Violation {
    batch: i64,
    rule: String,
    rows: u64,
}

#[derive(Deserialize)]
struct Statistic {
    batch: i64,
    measure: String,
    value: f64,
}

#[derive(Deserialize)]
struct Prediction {
    source: i64,
    offset: i64,
    entity: String,
}

/// What was found of a record.
#[derive(Debug)]
struct Found {
    outcome: Outcome,
    /// Its number, where the place tells it.
    number: Option<u64>,
    /// Its payload, where it is bad.
    payload: Vec<u8>,
}

/// What the files of a batch hold.
#[derive(Default)]
struct Recount {
    good: u64,
    bad: u64,
    rules: BTreeMap<String, u64>,
}

/// Holds everything against what was sent. `predicted` says whether every good row was to be scored by now. How many
/// dead letters were published more often than once: none where nothing went wrong.
pub fn check(world: &World, log: &Log, predicted: bool) -> u64 {
    let ledger: Ledger = serde_json::from_str(&world.ask(LEDGER)).unwrap();
    let mut found: HashMap<(i64, i64), Vec<Found>> = HashMap::new();
    let mut recounts: HashMap<i64, Recount> = HashMap::new();
    for file in &ledger.files {
        read(world, file, &mut found, recounts.entry(file.batch).or_default());
    }
    for batch in &ledger.batches {
        for (from, to) in &batch.duplicates {
            for offset in *from..*to {
                let record = Found {
                    outcome: Outcome::Duplicate,
                    number: None,
                    payload: Vec::new(),
                };
                found.entry((batch.source, offset)).or_default().push(record);
            }
        }
        let recount = recounts.remove(&batch.id).unwrap_or_default();
        match batch.from.zip(batch.to) {
            Some(delta) => check_batch(batch, delta, recount, &ledger),
            None => check_repair(batch, &recount),
        }
    }
    assert!(
        recounts.is_empty(),
        "files of batches that the ledger does not know: {:?}",
        recounts.keys()
    );
    for source in &ledger.sources {
        check_deltas(source, &ledger, &log.incarnations[source.incarnation][source.partition]);
    }
    check_records(&ledger, log, &found);
    if predicted {
        check_predictions(&ledger, log);
    }
    let reconciled = world.run(&["reconcile", "--format", "json"]).with_code(0).json();
    assert_eq!(reconciled["faults"], serde_json::json!([]));
    let received = log.records() - log.count(&Outcome::Lost);
    let rows = reconciled["reconcile"].as_array().unwrap();
    let sum = |column: &str| rows.iter().map(|row| row[column].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("received"), sum("repaired")), (received, log.repaired()));
    check_dead_letters(world, log)
}

/// Every record of the log lies in exactly one place, the right one.
fn check_records(ledger: &Ledger, log: &Log, found: &HashMap<(i64, i64), Vec<Found>>) {
    let source_of: HashMap<(usize, usize), i64> = ledger
        .sources
        .iter()
        .map(|source| ((source.incarnation, source.partition), source.id))
        .collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (incarnation, partitions) in log.incarnations.iter().enumerate() {
        for (partition, records) in partitions.iter().enumerate() {
            let source = source_of.get(&(incarnation, partition)).copied();
            for (offset, sent) in records.iter().enumerate() {
                let place = source.and_then(|source| found.get(&(source, offset as i64)));
                let right = match (&sent.outcome, place.map(Vec::as_slice)) {
                    // The ledger counts tombstones and lists no file for them; `check_batch` holds their sum.
                    (Outcome::Tombstone | Outcome::Lost, None) => true,
                    // As it came on the bad side, and once on the good one.
                    (expected, Some([one, other])) if sent.repaired => {
                        seen += 1;
                        let (bad, good) = if one.outcome == Outcome::Good {
                            (other, one)
                        } else {
                            (one, other)
                        };
                        bad.outcome == *expected
                            && bad.payload == sent.payload
                            && good.outcome == Outcome::Good
                            && good.number == Some(sent.number)
                    }
                    (expected, Some([found])) if !sent.repaired => {
                        seen += 1;
                        let same_payload = !matches!(expected, Outcome::Bad(_)) || found.payload == sent.payload;
                        found.outcome == *expected
                            && found.number.is_none_or(|number| number == sent.number)
                            && same_payload
                    }
                    _ => false,
                };
                if !right {
                    wrong.push(format!(
                        "{incarnation}/{partition}/{offset} number {}: {sent:?} is {place:?}",
                        sent.number
                    ));
                }
            }
        }
    }
    let shown = wrong.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        wrong.is_empty(),
        "{} records are not in their one place:\n{shown}",
        wrong.len()
    );
    assert_eq!(seen, found.len(), "the files hold positions that were never sent");
}

/// A batch's counts are those of its files, and its records add up.
fn check_batch(batch: &Batch, (from, to): (i64, i64), recount: Recount, ledger: &Ledger) {
    let about = format!("batch {} [{from}, {to})", batch.id);
    assert_eq!(
        (batch.good, batch.bad),
        (recount.good, recount.bad),
        "{about}: counts and files differ"
    );
    assert_eq!(
        batch.received,
        batch.good + batch.bad + batch.duplicate + batch.tombstone,
        "{about}"
    );
    let duplicates: i64 = batch.duplicates.iter().map(|(from, to)| to - from).sum();
    assert_eq!(
        batch.duplicate, duplicates as u64,
        "{about}: duplicates and their offsets differ"
    );
    let of_batch = ledger.violations.iter().filter(|violation| violation.batch == batch.id);
    let counted: BTreeMap<String, u64> = of_batch
        .map(|violation| (violation.rule.clone(), violation.rows))
        .collect();
    assert_eq!(counted, recount.rules, "{about}: violations and files differ");
    let judged = batch.good + batch.bad;
    let ratio = ledger
        .statistics
        .iter()
        .find(|found| found.batch == batch.id && found.measure == "bad_ratio");
    if judged > 0 {
        let ratio = ratio.unwrap_or_else(|| panic!("{about} has no bad_ratio")).value;
        assert!(
            (ratio - batch.bad as f64 / judged as f64).abs() < 1e-9,
            "{about}: bad_ratio {ratio}"
        );
    }
}

/// A repair's rows are those of its file, and it counts nothing else.
fn check_repair(batch: &Batch, recount: &Recount) {
    let counted = (batch.received, batch.good, batch.bad, batch.duplicate + batch.tombstone);
    assert_eq!(counted, (0, 0, 0, 0), "batch {} is a repair", batch.id);
    assert_eq!(
        (batch.repaired, 0),
        (recount.good, recount.bad),
        "batch {} is a repair",
        batch.id
    );
}

/// A source's deltas follow one another without gap or overlap, up to where the ledger reads on, and hold as many
/// tombstones as were sent.
fn check_deltas(source: &Source, ledger: &Ledger, sent: &[super::Sent]) {
    let mut deltas: Vec<(i64, i64, &Batch)> = ledger
        .batches
        .iter()
        .filter(|batch| batch.source == source.id)
        .filter_map(|batch| Some((batch.from?, batch.to?, batch)))
        .collect();
    deltas.sort_by_key(|(from, ..)| *from);
    let lost = |from: i64, to: i64| {
        sent[from as usize..to as usize]
            .iter()
            .all(|sent| sent.outcome == Outcome::Lost)
    };
    let mut next = 0;
    for (from, to, _) in &deltas {
        assert!(
            *from >= next,
            "deltas of {}/{} overlap",
            source.incarnation,
            source.partition
        );
        assert!(
            lost(next, *from),
            "a gap before {from} in {}/{}",
            source.incarnation,
            source.partition
        );
        next = *to;
    }
    assert_eq!(
        source.next.unwrap_or(0),
        next,
        "where {}/{} reads on",
        source.incarnation,
        source.partition
    );
    assert_eq!(
        next,
        sent.len() as i64,
        "{}/{} was not read to its end",
        source.incarnation,
        source.partition
    );
    let tombstones = sent.iter().filter(|sent| sent.outcome == Outcome::Tombstone).count() as u64;
    assert_eq!(
        deltas.iter().map(|(.., batch)| batch.tombstone).sum::<u64>(),
        tombstones
    );
}

/// Every good row has one prediction, and nothing else has any.
fn check_predictions(ledger: &Ledger, log: &Log) {
    let place_of: HashMap<i64, (usize, usize)> = ledger
        .sources
        .iter()
        .map(|source| (source.id, (source.incarnation, source.partition)))
        .collect();
    let mut predicted: HashMap<(i64, i64), u64> = HashMap::new();
    for prediction in &ledger.predictions {
        let (incarnation, partition) = place_of[&prediction.source];
        let sent = &log.incarnations[incarnation][partition][prediction.offset as usize];
        assert!(
            sent.outcome == Outcome::Good || sent.repaired,
            "a prediction for {sent:?}"
        );
        assert_eq!(prediction.entity, sent.number.to_string());
        *predicted.entry((prediction.source, prediction.offset)).or_default() += 1;
    }
    assert!(predicted.values().all(|&count| count == 1), "rows were scored twice");
    assert_eq!(
        predicted.len() as u64,
        log.count(&Outcome::Good) + log.repaired(),
        "not every good row was scored"
    );
}

/// All predictions as (entity, score, band), in order.
pub fn predictions(world: &World) -> Vec<(String, f64, String)> {
    let all = world.ask(
        "SELECT coalesce(jsonb_agg(jsonb_build_array(entity, score, band) ORDER BY entity::bigint, score), '[]')
         FROM predictions",
    );
    serde_json::from_str(&all).unwrap()
}

fn read(world: &World, file: &File, found: &mut HashMap<(i64, i64), Vec<Found>>, recount: &mut Recount) {
    let mut sha256 = [0; 32];
    for (at, byte) in sha256.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&file.sha256[2 * at..2 * at + 2], 16).unwrap();
    }
    let listed = ListedFile {
        path: file.path.clone(),
        rows: file.rows,
        first_row: file.first_row,
        file_rows: file.file_rows,
        sha256,
    };
    for batch in open(&FolderStore::new(world.path()), &listed, None).unwrap() {
        let rows = batch.unwrap();
        let sources = rows["_source"].as_primitive::<Int64Type>();
        let offsets = rows["_offset"].as_primitive::<Int64Type>();
        for row in 0..rows.num_rows() {
            let record = if file.kind == "good" {
                recount.good_row(&rows, row)
            } else {
                recount.bad_row(&rows, row)
            };
            found
                .entry((sources.value(row), offsets.value(row)))
                .or_default()
                .push(record);
        }
    }
}

impl Recount {
    fn good_row(&mut self, rows: &RecordBatch, row: usize) -> Found {
        self.good += 1;
        // The one warning there is, judged once more by hand.
        if rows["hours"].as_primitive::<Float64Type>().value(row) > 40.0 {
            self.count("hours.long");
        }
        let number = rows["number"].as_primitive::<Int64Type>().value(row) as u64;
        Found {
            outcome: Outcome::Good,
            number: Some(number),
            payload: Vec::new(),
        }
    }

    fn bad_row(&mut self, rows: &RecordBatch, row: usize) -> Found {
        self.bad += 1;
        let broken = rules(rows, "_violations", row);
        for rule in broken.iter().chain(&rules(rows, "_warnings", row)) {
            self.count(rule);
        }
        let payload = rows["_payload"].as_binary::<i32>().value(row).to_vec();
        Found {
            outcome: Outcome::Bad(broken),
            number: Some(number_of(rows, row)),
            payload,
        }
    }

    fn count(&mut self, rule: &str) {
        *self.rules.entry(rule.to_owned()).or_default() += 1;
    }
}

fn rules(rows: &RecordBatch, column: &str, row: usize) -> Vec<String> {
    let listed = rows[column].as_list::<i32>().value(row);
    let mut rules: Vec<String> = listed.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    rules.sort();
    rules
}

/// The number of a bad record, from its header: each is its name's length, its name, its value's length, its value.
fn number_of(rows: &RecordBatch, row: usize) -> u64 {
    let headers = rows["_headers"].as_binary::<i32>();
    assert!(headers.is_valid(row), "a bad record has lost its headers");
    let bytes = headers.value(row);
    let name = [&5_u32.to_le_bytes()[..], b"ce_id"].concat();
    assert!(bytes.starts_with(&name), "a bad record has lost its header");
    std::str::from_utf8(&bytes[name.len() + 4..]).unwrap().parse().unwrap()
}
