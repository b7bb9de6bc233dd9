//! The rows of sealed files, gathered for a report.
//!
//! Used by [`super::of_ledger`] on a blocking thread. Good files are read as they are; the records of bad files are
//! decoded once more, since a bad file keeps bytes. A file that is gone or damaged is told of and left out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use muster_batch::{BytesColumn, DecodedBatch, Headers, RawBatch};
use muster_contract::decode::Decoder;
use muster_spec::{Contract, FieldKind, Offset, OffsetDelta, RuleNumber, SchemaId, SourceId};
use muster_store::files::{self, BadRecords, FileStore};
use muster_store::ledger::report::ReportedFile;

use super::gathering::{BadRow, Gathering};
use super::words;

/// Rows of good and of bad files that are looked at; of more, files from all over are chosen.
pub const ROWS_MAX: u64 = 2_000_000;

/// Finds a writer's schema by its id.
pub type FindSchema<'f> = &'f dyn Fn(SchemaId) -> anyhow::Result<Option<String>>;

/// Reads files for a report.
pub struct Sealed<'s> {
    files: &'s dyn FileStore,
    contract: &'s Arc<Contract>,
    find: FindSchema<'s>,
    decoder: Decoder,
    rules: HashMap<&'s str, RuleNumber>,
    /// The offset that a batch begins at; positions of a day's batches have no common beginning.
    from: i64,
}

impl<'s> Sealed<'s> {
    /// A reader of files of one contract.
    pub fn new(
        files: &'s dyn FileStore,
        contract: &'s Arc<Contract>,
        find: FindSchema<'s>,
        from: i64,
    ) -> anyhow::Result<Self> {
        let rules = contract.rules.iter().enumerate();
        Ok(Self {
            decoder: Decoder::new(Arc::clone(contract))?,
            rules: rules.map(|(at, rule)| (&*rule.id, RuleNumber(at as u16))).collect(),
            files,
            contract,
            find,
            from,
        })
    }

    /// Gathers the rows of these files; what could not be read, in words.
    pub fn gather(&mut self, listed: &[ReportedFile], gathering: &mut Gathering) -> Vec<String> {
        let mut notes = Vec::new();
        for good in [true, false] {
            let of_kind: Vec<&ReportedFile> = listed.iter().filter(|file| file.is_good == good).collect();
            let chosen = spread(&of_kind);
            if chosen.len() < of_kind.len() {
                notes.push(format!(
                    "Of {} {} files, {} from all over the day were looked at for fields and samples; the counts are of \
                     all.",
                    of_kind.len(),
                    if good { "good" } else { "bad" },
                    chosen.len()
                ));
            }
            for file in chosen {
                let read = if good {
                    self.good(file, gathering)
                } else {
                    self.bad(file, gathering)
                };
                if let Err(error) = read {
                    notes.push(format!("A file could not be read: {error:#}."));
                }
            }
        }
        notes
    }

    fn good(&self, listed: &ReportedFile, gathering: &mut Gathering) -> anyhow::Result<()> {
        for rows in files::open(self.files, &listed.file, None)? {
            gathering.good(&rows?);
        }
        Ok(())
    }

    fn bad(&mut self, listed: &ReportedFile, gathering: &mut Gathering) -> anyhow::Result<()> {
        for rows in files::open(self.files, &listed.file, None)? {
            let rows = rows?;
            let records = BadRecords::read(&rows)
                .with_context(|| format!("`{}` has not the columns of a bad file", listed.file.path))?;
            self.bad_rows(&records, listed, gathering)?;
        }
        Ok(())
    }

    fn bad_rows(
        &mut self,
        records: &BadRecords<'_>,
        listed: &ReportedFile,
        gathering: &mut Gathering,
    ) -> anyhow::Result<()> {
        let raw = raw(records, listed);
        for id in self.decoder.missing(&raw) {
            match (self.find)(id)? {
                Some(text) => self.decoder.learn(id, &text)?,
                None => self.decoder.unknown(id),
            }
        }
        let offsets = raw.offsets.clone();
        let decoded = self.decoder.decode(raw);
        let texts = Texts::of(self.contract, &decoded);
        let mut rows = decoded.record_of_row.iter().enumerate().peekable();
        for (record, &offset) in offsets.iter().enumerate() {
            let row = rows.next_if(|(_, of)| **of as usize == record).map(|(row, _)| row);
            let broken: Vec<RuleNumber> = records
                .violations(record)
                .chain(records.warnings(record))
                .filter_map(|id| self.rules.get(id).copied())
                .collect();
            let bad = BadRecord {
                texts: &texts,
                row,
                partition: listed.partition,
                offset,
                reason: records.reason(record),
            };
            gathering.bad(offset.saturating_sub(self.from).max(0) as u64, &broken, &bad);
        }
        Ok(())
    }
}

/// Files from all over, of not more rows than are looked at.
fn spread<'f>(files: &[&'f ReportedFile]) -> Vec<&'f ReportedFile> {
    let rows: u64 = files.iter().map(|file| file.file.rows).sum();
    let step = rows.div_ceil(ROWS_MAX).max(1) as usize;
    files.iter().copied().step_by(step).collect()
}

/// The records as they came from Kafka.
fn raw(records: &BadRecords<'_>, listed: &ReportedFile) -> RawBatch {
    let mut raw = RawBatch {
        source: SourceId(0),
        topic: listed.topic.as_str().into(),
        partition: listed.partition,
        delta: OffsetDelta::new(Offset(0), Offset(0)),
        offsets: Vec::with_capacity(records.len()),
        timestamps: Vec::with_capacity(records.len()),
        payloads: BytesColumn::default(),
        keys: BytesColumn::default(),
        headers: Headers::default(),
    };
    for record in 0..records.len() {
        records.copy(record, &mut raw);
    }
    raw
}

/// Decoded rows, with the public fields as text.
struct Texts {
    rows: RecordBatch,
    public: Vec<Option<ArrayRef>>,
    kinds: Vec<FieldKind>,
}

impl Texts {
    fn of(contract: &Contract, decoded: &DecodedBatch) -> Self {
        let text = |(field, column): (&muster_spec::Field, &ArrayRef)| {
            let to = match field.kind {
                // Days and moments are written by the calendar, one at a time.
                FieldKind::Date => DataType::Int32,
                FieldKind::TimestampMillis | FieldKind::TimestampMicros => DataType::Int64,
                _ => DataType::Utf8,
            };
            (!field.personal).then(|| cast(column, &to).ok()).flatten()
        };
        let columns = contract.fields.iter().zip(decoded.rows.columns());
        Self {
            public: columns.map(text).collect(),
            kinds: contract.fields.iter().map(|field| field.kind.clone()).collect(),
            rows: decoded.rows.clone(),
        }
    }

    fn text(&self, field: usize, row: usize) -> Option<Cow<'_, str>> {
        let column = self.public[field].as_ref().filter(|column| column.is_valid(row))?;
        if let Some(texts) = column.as_string_opt::<i32>() {
            return Some(texts.value(row).into());
        }
        let value = match column.as_primitive_opt::<Int64Type>() {
            Some(moments) => moments.value(row),
            None => column
                .as_primitive_opt::<arrow::datatypes::Int32Type>()?
                .value(row)
                .into(),
        };
        words::time(&self.kinds[field], value).map(Cow::Owned)
    }
}

/// A bad record.
struct BadRecord<'r> {
    texts: &'r Texts,
    /// Its row; `None` where it would not decode.
    row: Option<usize>,
    partition: i32,
    offset: i64,
    reason: Option<&'r str>,
}

impl BadRow for BadRecord<'_> {
    fn position(&self) -> String {
        position(self.partition, self.offset)
    }

    fn text(&self, field: usize) -> Option<Cow<'_, str>> {
        self.texts.text(field, self.row?)
    }

    fn is_there(&self, field: usize) -> bool {
        self.row.is_some_and(|row| self.texts.rows.column(field).is_valid(row))
    }

    fn refused(&self) -> Option<&str> {
        match self.row {
            Some(_) => None,
            None => Some(self.reason.unwrap_or("its schema is not known any more")),
        }
    }
}

/// Where a record is, within its topic.
pub fn position(partition: i32, offset: i64) -> String {
    format!("{partition}@{offset}")
}
