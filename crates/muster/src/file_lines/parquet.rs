//! A Parquet file as rows of text cells.
//!
//! Used by [`super::FileLines`] and by `validate`. A value is written as the plain text format reads it, so that a number is judged the same
//! whether it came as a number or as text: decimals without the zeros at their end, floats that are whole without a
//! point (a table of floats is how many programs hold whole numbers of which some are missing), timestamps in UTC.
//! Columns are found by name, those of nested structs by their names joined by `_`. There are no physical lines: a row's
//! line is its number from 1.

use std::fs::File;
use std::sync::Arc;

use anyhow::{Context, bail};
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Fields};
use arrow::util::display::FormatOptions;
use muster_batch::raw_lines::Cell;
use muster_batch::{RawLines, Uncut};
use muster_contract::lines::ColumnsFit;
use muster_spec::{Contract, FieldKind, TextFormat};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

/// Rows a run.
const RUN_ROWS: usize = 2048;

/// Rows of a Parquet file.
pub struct ParquetLines {
    reader: ParquetRecordBatchReader,
    fit: Arc<ColumnsFit>,
    /// For each column, what becomes of bytes that are no text.
    foreign: Vec<Foreign>,
    /// Columns of which bytes were shown that are no text.
    shown: Vec<bool>,
    next_row: u64,
    spare: RawLines,
    /// Texts that are taken for no value.
    missing: Vec<String>,
    /// Whether blanks around values are left out.
    trim: bool,
}

/// What becomes of bytes that are no UTF-8.
#[derive(Clone, Copy)]
enum Foreign {
    /// The field is of bytes.
    Taken,
    /// The row cannot be judged.
    Refused,
    /// Nobody asks for the column.
    Shown,
}

/// A column as text.
enum Cells {
    Text(StringArray),
    Bytes(BinaryArray, Foreign),
}

impl ParquetLines {
    /// Opens a file whose columns are those of a contract, found by name.
    pub fn open(file: File, contract: &Contract) -> anyhow::Result<Self> {
        Self::begin(file, Some(contract), &contract.text_format)
    }

    /// Opens a file that has no contract yet: its columns come as they are. Of the format only what holds of any text is
    /// used: which texts mean no value, and blanks.
    pub fn open_unknown(file: File, format: &TextFormat) -> anyhow::Result<Self> {
        Self::begin(file, None, format)
    }

    fn begin(file: File, contract: Option<&Contract>, format: &TextFormat) -> anyhow::Result<Self> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let mut header = Vec::new();
        names(builder.schema().fields(), "", &mut header)?;
        let fit = match contract {
            Some(contract) => ColumnsFit::new(contract, header, b',')?,
            None => ColumnsFit::unknown(header),
        };
        let mut foreign = vec![Foreign::Shown; fit.header.len()];
        let fields = contract.map_or(&[][..], |contract| &contract.fields);
        for (field, column) in fields.iter().zip(&fit.order) {
            if let Some(column) = column {
                foreign[*column] = match field.kind {
                    FieldKind::Bytes => Foreign::Taken,
                    _ => Foreign::Refused,
                };
            }
        }
        Ok(Self {
            shown: vec![false; fit.header.len()],
            reader: builder.with_batch_size(RUN_ROWS).build()?,
            fit: Arc::new(fit),
            foreign,
            next_row: 0,
            spare: RawLines::default(),
            missing: format.missing.clone(),
            trim: format.trim,
        })
    }

    /// The file's columns beside the contract's.
    pub fn fit(&self) -> &Arc<ColumnsFit> {
        &self.fit
    }

    /// The places of columns in which bytes were met that are no text, of a file without a contract.
    pub fn columns_of_bytes(&self) -> Vec<usize> {
        let shown = self.shown.iter().enumerate();
        shown.filter_map(|(place, shown)| shown.then_some(place)).collect()
    }

    /// Takes a run back for its buffers.
    pub fn recycle(&mut self, lines: RawLines) {
        self.spare = lines;
    }

    /// The next rows; `None` at the end of the file.
    pub fn next_run(&mut self) -> anyhow::Result<Option<RawLines>> {
        let Some(batch) = self.reader.next().transpose()? else {
            return Ok(None);
        };
        let mut columns = Vec::with_capacity(self.foreign.len());
        for column in batch.columns() {
            self.cells(column, None, &mut columns)?;
        }
        let mut lines = std::mem::take(&mut self.spare);
        lines.clear();
        lines.first_row = self.next_row;
        lines.width = columns.len();
        for row in 0..batch.num_rows() {
            push(&mut lines, &columns, row, &mut self.shown);
        }
        self.next_row += batch.num_rows() as u64;
        if self.trim {
            lines.trim();
        }
        if !self.missing.is_empty() {
            lines.forget(|text| self.missing.iter().any(|missing| missing.as_bytes() == text));
        }
        Ok(Some(lines))
    }

    /// A column as text, a struct's columns in its place. A null struct's values are null.
    fn cells(&self, column: &ArrayRef, above: Option<&NullBuffer>, into: &mut Vec<Cells>) -> anyhow::Result<()> {
        let nulls = NullBuffer::union(above, column.logical_nulls().as_ref());
        if let DataType::Struct(_) = column.data_type() {
            let mut inner = column.as_struct().columns().iter();
            return inner.try_for_each(|column| self.cells(column, nulls.as_ref(), into));
        }
        let column = if above.is_some() {
            let plain = plain(column)?;
            make_array(plain.to_data().into_builder().nulls(nulls).build()?)
        } else {
            plain(column)?
        };
        let cells = match column.data_type() {
            DataType::Binary => Cells::Bytes(column.as_binary().clone(), self.foreign[into.len()]),
            _ => Cells::Text(text(&column)?),
        };
        into.push(cells);
        Ok(())
    }
}

/// The names of columns, nested ones joined as a contract's columns are.
fn names(fields: &Fields, before: &str, header: &mut Vec<String>) -> anyhow::Result<()> {
    for field in fields {
        let name = match before {
            "" => field.name().clone(),
            before => format!("{before}_{}", field.name()),
        };
        match field.data_type() {
            DataType::Struct(inner) => names(inner, &name, header)?,
            kind if kind.is_nested() && !matches!(kind, DataType::Dictionary(..)) => {
                bail!(
                    "the column `{name}` holds lists or maps\n  hint: a contract is a table of single values; leave it out"
                );
            }
            _ => header.push(name),
        }
    }
    Ok(())
}

/// A column without its encoding: no dictionary, bytes of one kind, times that have a zone in UTC.
fn plain(column: &ArrayRef) -> anyhow::Result<ArrayRef> {
    let wanted = match column.data_type() {
        DataType::Dictionary(_, values) => {
            let values = cast(column, values)?;
            return plain(&values);
        }
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Timestamp(unit, _) => DataType::Timestamp(*unit, Some("UTC".into())),
        DataType::Date64 => DataType::Date32,
        DataType::Float16 => DataType::Float32,
        _ => return Ok(Arc::clone(column)),
    };
    Ok(cast(column, &wanted)?)
}

/// A column's values as the plain text format reads them.
fn text(column: &ArrayRef) -> anyhow::Result<StringArray> {
    let format = FormatOptions::new()
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.9fZ"))
        .with_date_format(Some("%Y-%m-%d"));
    let options = CastOptions {
        safe: false,
        format_options: format,
    };
    let kind = column.data_type();
    let texts = cast_with_options(column, &DataType::Utf8, &options);
    let texts = texts.with_context(|| format!("a column of {kind} cannot be read as text"))?;
    let texts = texts.as_string::<i32>();
    let shorten: fn(&str) -> &str = match kind {
        kind if kind.is_floating() => |text| text.strip_suffix(".0").unwrap_or(text),
        kind if kind.is_decimal() => without_zeros,
        _ => return Ok(texts.clone()),
    };
    Ok(texts.iter().map(|text| text.map(shorten)).collect())
}

/// A decimal without the zeros that end its fraction.
fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// Adds a row, and notes which columns' bytes had to be shown as text.
fn push(lines: &mut RawLines, columns: &[Cells], row: usize, are_shown: &mut [bool]) {
    let number = lines.lines.len();
    let mut refused: Option<Vec<u8>> = None;
    for (column, is_shown) in columns.iter().zip(are_shown) {
        let shown;
        let value = match column {
            Cells::Text(texts) => (!texts.is_null(row)).then(|| texts.value(row).as_bytes()),
            Cells::Bytes(values, foreign) => {
                let value = (!values.is_null(row)).then(|| values.value(row));
                match (value.map(std::str::from_utf8), foreign) {
                    (Some(Err(_)), Foreign::Shown) => {
                        *is_shown = true;
                        shown = value.map(|value| String::from_utf8_lossy(value).into_owned());
                        shown.as_deref().map(str::as_bytes)
                    }
                    (Some(Err(_)), Foreign::Refused) => {
                        refused = value.map(<[u8]>::to_vec);
                        None
                    }
                    _ => value,
                }
            }
        };
        let start = lines.text.len() as u32;
        lines.text.extend_from_slice(value.unwrap_or_default());
        lines.cells.push(match value {
            None => Cell::NULL,
            Some([]) => Cell::EMPTY,
            Some(_) => Cell {
                start,
                end: lines.text.len() as u32,
            },
        });
    }
    lines.lines.push(lines.first_row + number as u64 + 1);
    if let Some(bytes) = refused {
        lines.cells.truncate(number * lines.width);
        lines.cells.resize((number + 1) * lines.width, Cell::NULL);
        lines.uncut.push((number as u32, Uncut::Encoding, bytes));
    }
}

#[cfg(test)]
#[path = "parquet_tests.rs"]
mod tests;
