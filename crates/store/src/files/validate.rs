//! What `validate` leaves: `good.parquet`, typed, and `bad.parquet`, as the text was.
//!
//! Written by `muster validate` as judged runs of lines come; memory is bounded by a row group a file. Both files are
//! there in the end, with or without rows, and take the place of those of an earlier run.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, Int64Array, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use muster_batch::{FileKind, JudgedBatch, Origin, RawLines};
use muster_spec::{Check, Contract};

use super::bad::{rule_list_field, rule_lists};
use super::parquet_file::{Layout, ParquetFile};
use super::{FileStore, FolderStore};
use crate::error::Error;

/// Groups and pages of a file that is written on a laptop beside other work: some 40 columns are held at once.
const SMALL: Layout<'static> = Layout {
    group_rows_max: 64 * 1024,
    page_rows_max: 8 * 1024,
    ..Layout::PLAIN
};

/// Takes judged lines of one file.
pub struct ValidateWriter {
    store: FolderStore,
    contract: Arc<Contract>,
    bad_schema: SchemaRef,
    width: usize,
    good: ParquetFile,
    bad: ParquetFile,
    rows: u64,
    rules: Vec<u64>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated {
    /// Rows of the file: good and bad ones, and those that were there before.
    pub rows: u64,
    /// Rows of `good.parquet`.
    pub good: u64,
    /// Rows of `bad.parquet`.
    pub bad: u64,
    /// How often each rule was broken, by rule number.
    pub rules: Vec<u64>,
}

impl ValidateWriter {
    /// Files in `folder`. `fields` is the schema of judged good rows, `header` the text file's column names.
    pub fn create(
        folder: &std::path::Path,
        contract: Arc<Contract>,
        fields: SchemaRef,
        header: &[String],
    ) -> Result<Self, Error> {
        let store = FolderStore::new(folder);
        let bad_schema = bad_schema(header);
        let mut distinct = unique_names(&contract);
        let layout = Layout {
            distinct: &distinct,
            ..SMALL
        };
        let good = ParquetFile::create(&store, FileKind::Good, "", "good", fields, &layout)?;
        distinct.push("_raw");
        let layout = Layout {
            rising: &["_row", "_line"],
            distinct: &distinct,
            ..SMALL
        };
        let bad = ParquetFile::create(&store, FileKind::Bad, "", "bad", Arc::clone(&bad_schema), &layout)?;
        Ok(Self {
            rows: 0,
            rules: vec![0; contract.rules.len()],
            width: header.len(),
            store,
            contract,
            bad_schema,
            good,
            bad,
        })
    }

    /// Adds judged lines.
    pub fn push(&mut self, judged: &JudgedBatch) -> Result<(), Error> {
        let Origin::Lines(lines) = &judged.origin else {
            return Err(encode_error("records have no lines"));
        };
        if judged.good.num_rows() > 0 {
            self.good.write(&judged.good)?;
        }
        if !judged.bad_records.is_empty() {
            let rows = self.bad_rows(judged, lines)?;
            self.bad.write(&rows)?;
        }
        self.rows += lines.len() as u64;
        for (total, count) in self.rules.iter_mut().zip(&judged.counts) {
            *total += count;
        }
        Ok(())
    }

    /// Writes the footers, checks them and gives the files their names.
    pub fn finish(self) -> Result<Validated, Error> {
        let mut good = self.good.finish()?;
        let mut bad = self.bad.finish()?;
        for file in [&mut good, &mut bad] {
            file.sync()?;
            file.check()?;
        }
        good.rename("good.parquet", true)?;
        bad.rename("bad.parquet", true)?;
        self.store.sync_folder("")?;
        Ok(Validated {
            rows: self.rows,
            good: good.rows,
            bad: bad.rows,
            rules: self.rules,
        })
    }

    fn bad_rows(&self, judged: &JudgedBatch, lines: &RawLines) -> Result<RecordBatch, Error> {
        let chosen = &judged.bad_records;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(
                chosen.iter().map(|&line| (lines.first_row + u64::from(line)) as i64),
            )),
            Arc::new(Int64Array::from_iter_values(
                chosen.iter().map(|&line| lines.lines[line as usize] as i64),
            )),
            raw(chosen, lines),
            rule_lists(&judged.violations, &self.contract),
            rule_lists(&judged.warnings, &self.contract),
        ];
        columns.extend((0..self.width).map(|column| cells(chosen, lines, column)));
        RecordBatch::try_new(Arc::clone(&self.bad_schema), columns).map_err(|error| encode_error(&error.to_string()))
    }
}

/// The columns whose values no rule lets repeat, by their names in the contract and in files.
fn unique_names(contract: &Contract) -> Vec<&str> {
    let unique = contract
        .rules
        .iter()
        .filter(|rule| matches!(rule.check, Check::Unique { .. }));
    let fields = unique.filter_map(|rule| contract.fields.get(rule.field?));
    fields
        .flat_map(|field| [field.name.as_str(), field.source.as_str()])
        .collect()
}

/// The bytes of lines that could not be cut.
fn raw(chosen: &[u32], lines: &RawLines) -> ArrayRef {
    let mut builder = BinaryBuilder::new();
    let mut uncut = lines.uncut.iter().peekable();
    for &line in chosen {
        while uncut.next_if(|(at, ..)| *at < line).is_some() {}
        builder.append_option(uncut.next_if(|(at, ..)| *at == line).map(|(_, _, bytes)| bytes));
    }
    Arc::new(builder.finish())
}

/// One column's text, as it stood in the file; null where the line could not be cut, and for an empty unquoted cell.
fn cells(chosen: &[u32], lines: &RawLines, column: usize) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for &line in chosen {
        let cell = if column < lines.width {
            lines.cell(line as usize, column)
        } else {
            None
        };
        builder.append_option(cell.map(String::from_utf8_lossy));
    }
    Arc::new(builder.finish())
}

/// `_row`, `_line`, `_raw`, `_violations`, `_warnings`, then the header's names. A name that stands twice gets a
/// number: a Parquet file whose columns share a name cannot be read by name.
fn bad_schema(header: &[String]) -> SchemaRef {
    let mut fields = vec![
        Field::new("_row", DataType::Int64, false),
        Field::new("_line", DataType::Int64, false),
        Field::new("_raw", DataType::Binary, true),
        rule_list_field("_violations"),
        rule_list_field("_warnings"),
    ];
    let mut taken: HashSet<String> = fields.iter().map(|field| field.name().clone()).collect();
    for name in header {
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !taken.contains(name));
        let free = free.unwrap_or_default();
        taken.insert(free.clone());
        fields.push(Field::new(free, DataType::Utf8, true));
    }
    Arc::new(Schema::new(fields))
}

fn encode_error(reason: &str) -> Error {
    Error::Encode {
        path: "bad.parquet".into(),
        reason: reason.into(),
    }
}
