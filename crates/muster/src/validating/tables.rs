//! Files whose values are typed already, as rows of text cells.
//!
//! Used by [`super::validate`]. A value is written as the plain text format reads it, so that a number is judged the same
//! whether it came as a number or as text. There are no physical lines: a row's line is its number from 1.

use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use anyhow::Context;
use apache_avro::types::Value;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::FormatOptions;
use muster_batch::RawLines;
use muster_batch::raw_lines::Cell;
use muster_contract::lines::ColumnsFit;
use muster_spec::Contract;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

/// Rows a run.
const RUN_ROWS: usize = 8192;

/// Rows of a Parquet file.
pub struct ParquetRows {
    reader: ParquetRecordBatchReader,
    pub(super) fit: Arc<ColumnsFit>,
    next_row: u64,
}

impl ParquetRows {
    /// Opens a file; its columns are found by name.
    pub fn open(file: File, name: &str, contract: &Contract) -> anyhow::Result<Self> {
        let unread = || format!("could not read `{name}` as a Parquet file of `{}`", contract.name);
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).with_context(unread)?;
        let header = builder
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let fit = Arc::new(ColumnsFit::new(contract, header, b',').with_context(unread)?);
        let reader = builder.with_batch_size(RUN_ROWS).build().with_context(unread)?;
        Ok(Self {
            reader,
            fit,
            next_row: 0,
        })
    }

    pub(super) fn next_run(&mut self) -> anyhow::Result<Option<RawLines>> {
        let Some(batch) = self.reader.next().transpose()? else {
            return Ok(None);
        };
        let columns: Vec<ArrayRef> = batch.columns().iter().map(as_text).collect::<anyhow::Result<_>>()?;
        let mut run = Run::new(self.next_row, columns.len());
        for row in 0..batch.num_rows() {
            for column in &columns {
                let text = column.as_string::<i32>();
                run.cell((!text.is_null(row)).then(|| text.value(row)));
            }
            run.end_row();
        }
        self.next_row += batch.num_rows() as u64;
        Ok(Some(run.lines))
    }
}

/// A column as text: timestamps in UTC by RFC 3339, everything else as Arrow writes it.
fn as_text(column: &ArrayRef) -> anyhow::Result<ArrayRef> {
    let zoned = match column.data_type() {
        DataType::Timestamp(_, _) => {
            let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            Arc::new(arrow::compute::cast(column, &utc)?)
        }
        _ => Arc::clone(column),
    };
    let format = FormatOptions::new()
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.6fZ"))
        .with_date_format(Some("%Y-%m-%d"));
    let options = CastOptions {
        safe: false,
        format_options: format,
    };
    cast_with_options(&zoned, &DataType::Utf8, &options)
        .with_context(|| format!("a column of {} cannot be read as text", column.data_type()))
}

/// Rows of an Avro object container.
pub struct AvroRows {
    reader: apache_avro::Reader<'static, BufReader<File>>,
    pub(super) fit: Arc<ColumnsFit>,
    next_row: u64,
}

impl AvroRows {
    /// Opens a container; its fields are found by name.
    pub fn open(file: File, name: &str, contract: &Contract) -> anyhow::Result<Self> {
        let unread = || format!("could not read `{name}` as an Avro file of `{}`", contract.name);
        let reader = apache_avro::Reader::new(BufReader::new(file)).with_context(unread)?;
        let mut header = Vec::new();
        names(reader.writer_schema(), "", &mut header);
        let fit = Arc::new(ColumnsFit::new(contract, header, b',').with_context(unread)?);
        Ok(Self {
            reader,
            fit,
            next_row: 0,
        })
    }

    pub(super) fn next_run(&mut self) -> anyhow::Result<Option<RawLines>> {
        let mut run = Run::new(self.next_row, self.fit.header.len());
        while run.rows() < RUN_ROWS {
            let Some(value) = self.reader.next().transpose()? else {
                break;
            };
            run.record(&value);
            run.end_row();
        }
        let rows = run.rows();
        self.next_row += rows as u64;
        Ok((rows > 0).then_some(run.lines))
    }
}

/// The names of a record's fields, nested ones joined as a contract's columns are.
fn names(schema: &apache_avro::Schema, before: &str, header: &mut Vec<String>) {
    if let apache_avro::Schema::Record(record) = schema {
        for field in &record.fields {
            let name = if before.is_empty() {
                field.name.clone()
            } else {
                format!("{before}_{}", field.name)
            };
            if matches!(field.schema, apache_avro::Schema::Record(_)) {
                names(&field.schema, &name, header);
            } else {
                header.push(name);
            }
        }
    }
}

/// A run of rows while it is filled.
struct Run {
    lines: RawLines,
}

impl Run {
    fn new(first_row: u64, width: usize) -> Self {
        Self {
            lines: RawLines {
                first_row,
                width,
                ..RawLines::default()
            },
        }
    }

    fn rows(&self) -> usize {
        self.lines.lines.len()
    }

    fn cell(&mut self, text: Option<&str>) {
        let cell = match text {
            None => Cell::NULL,
            Some("") => Cell::EMPTY,
            Some(text) => {
                let start = self.lines.text.len() as u32;
                self.lines.text.extend_from_slice(text.as_bytes());
                Cell {
                    start,
                    end: self.lines.text.len() as u32,
                }
            }
        };
        self.lines.cells.push(cell);
    }

    fn end_row(&mut self) {
        let line = self.lines.first_row + self.lines.lines.len() as u64 + 1;
        self.lines.lines.push(line);
    }

    /// The cells of a record, nested ones in place.
    fn record(&mut self, value: &Value) {
        let Value::Record(fields) = value else { return };
        for (_, value) in fields {
            match value {
                Value::Record(_) => self.record(value),
                other => self.cell(text_of(other).as_deref()),
            }
        }
    }
}

/// A value as the plain text format reads it; `None` for null.
fn text_of(value: &Value) -> Option<String> {
    let instant = |seconds: i64, nanos: u32| {
        let instant = chrono::DateTime::from_timestamp(seconds, nanos);
        instant.map_or_else(
            || seconds.to_string(),
            |instant| instant.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        )
    };
    Some(match value {
        Value::Null => return None,
        Value::Union(_, inner) => return text_of(inner),
        Value::Boolean(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Long(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::String(value) | Value::Enum(_, value) => value.clone(),
        Value::Date(days) => {
            let date = chrono::DateTime::from_timestamp(i64::from(*days) * 86_400, 0);
            date.map_or_else(|| days.to_string(), |date| date.format("%Y-%m-%d").to_string())
        }
        Value::TimestampMillis(millis) => instant(millis.div_euclid(1000), millis.rem_euclid(1000) as u32 * 1_000_000),
        Value::TimestampMicros(micros) => {
            instant(micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000) as u32 * 1000)
        }
        Value::Uuid(value) => value.to_string(),
        other => match serde_json::Value::try_from(other.clone()) {
            Ok(serde_json::Value::String(text)) => text,
            Ok(json) => json.to_string(),
            Err(_) => String::new(),
        },
    })
}
