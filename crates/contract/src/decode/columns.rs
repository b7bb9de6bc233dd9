//! The columns of a contract's fields, filled row by row.
//!
//! Used by the decoders of records and of text lines. A row is pushed whole, so the columns are always equally long,
//! and nothing but buffers grows: by the value's own size for text and bytes, by its fixed width and one bit for all
//! else. Every column is nullable.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Field as ArrowField, Float32Type, Float64Type, Int32Type, Int64Type,
    Schema, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
};
use muster_spec::{Contract, FieldKind};

use super::slot::Slot;

/// The Arrow type of a field's column.
pub fn data_type(kind: &FieldKind) -> DataType {
    match kind {
        FieldKind::Boolean => DataType::Boolean,
        FieldKind::Int => DataType::Int32,
        FieldKind::Long => DataType::Int64,
        FieldKind::Float => DataType::Float32,
        FieldKind::Double => DataType::Float64,
        FieldKind::Text | FieldKind::Enum(_) => DataType::Utf8,
        FieldKind::Bytes => DataType::Binary,
        FieldKind::Date => DataType::Date32,
        FieldKind::TimestampMillis => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        FieldKind::TimestampMicros => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        FieldKind::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
    }
}

/// The Arrow schema of a contract's rows: its fields in order, every one nullable.
pub fn schema(contract: &Contract) -> SchemaRef {
    let fields = contract
        .fields
        .iter()
        .map(|field| ArrowField::new(&field.name, data_type(&field.kind), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Row-atomic builders of a contract's columns.
#[derive(Debug)]
pub struct Columns {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
}

impl Columns {
    /// Empty columns of the contract's fields with room for `capacity` rows.
    pub fn new(contract: &Contract, capacity: usize) -> Self {
        Self {
            schema: schema(contract),
            columns: contract
                .fields
                .iter()
                .map(|field| Column::new(&field.kind, capacity))
                .collect(),
            rows: 0,
        }
    }

    /// How many rows were pushed.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row was pushed.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a row: one slot a field, in the contract's order.
    ///
    /// # Panics
    /// When there are not as many slots as fields, or a slot is neither null nor of its field's kind.
    #[inline]
    pub fn push(&mut self, row: &[Slot<'_>]) {
        assert_eq!(row.len(), self.columns.len(), "a row has one slot a field");
        for (column, slot) in self.columns.iter_mut().zip(row) {
            column.push_slot(slot);
        }
        self.rows += 1;
    }

    /// Adds a row whose slots are made one by one, in the contract's order.
    ///
    /// # Panics
    /// When a slot is neither null nor of its field's kind.
    #[inline]
    pub fn push_each<'s>(&mut self, mut slot: impl FnMut(usize) -> Slot<'s>) {
        for (number, column) in self.columns.iter_mut().enumerate() {
            column.push(slot(number));
        }
        self.rows += 1;
    }

    /// Adds `rows` rows a column at a time.
    ///
    /// # Panics
    /// When `fill` does not add as many values to each column.
    pub(crate) fn fill(&mut self, rows: usize, mut fill: impl FnMut(usize, &mut Column)) {
        self.rows += rows;
        for (at, column) in self.columns.iter_mut().enumerate() {
            fill(at, column);
            assert_eq!(column.len(), self.rows, "every column takes every row");
        }
    }

    /// The rows as Arrow.
    ///
    /// # Panics
    /// When a text slot was not UTF-8, or a column's text or bytes exceed 2 GiB: batches are bounded far below.
    pub fn finish(self) -> RecordBatch {
        let arrays = self.columns.into_iter().zip(self.schema.fields());
        let arrays = arrays.map(|(column, field)| column.finish(field.data_type())).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(self.schema, arrays, &options)
            .expect("columns are made from the schema and filled row by row")
    }
}

/// One column while it is filled: values, for text and bytes their ends too, and which are there.
#[derive(Debug)]
pub(crate) enum Column {
    Boolean(Bits, Bits),
    Int(Vec<i32>, Bits),
    Long(Vec<i64>, Bits),
    Float(Vec<f32>, Bits),
    Double(Vec<f64>, Bits),
    Decimal(Vec<i128>, Bits),
    Bytes(Vec<u8>, Vec<i32>, Bits),
}

impl Column {
    pub(crate) fn new(kind: &FieldKind, capacity: usize) -> Self {
        let valid = Bits::with_capacity(capacity);
        match kind {
            FieldKind::Boolean => Self::Boolean(Bits::with_capacity(capacity), valid),
            FieldKind::Int | FieldKind::Date => Self::Int(Vec::with_capacity(capacity), valid),
            FieldKind::Long | FieldKind::TimestampMillis | FieldKind::TimestampMicros => {
                Self::Long(Vec::with_capacity(capacity), valid)
            }
            FieldKind::Float => Self::Float(Vec::with_capacity(capacity), valid),
            FieldKind::Double => Self::Double(Vec::with_capacity(capacity), valid),
            FieldKind::Decimal { .. } => Self::Decimal(Vec::with_capacity(capacity), valid),
            FieldKind::Text | FieldKind::Enum(_) | FieldKind::Bytes => {
                let mut offsets = Vec::with_capacity(capacity + 1);
                offsets.push(0);
                Self::Bytes(Vec::with_capacity(capacity * 8), offsets, valid)
            }
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, slot: Slot<'_>) {
        self.push_slot(&slot);
    }

    /// As [`Column::push`], the slot left where it is: copying it costs as much as pushing it.
    #[inline]
    fn push_slot(&mut self, slot: &Slot<'_>) {
        match (self, slot) {
            (Self::Bytes(bytes, offsets, valid), Slot::Bytes(value)) => {
                append(bytes, value);
                push_end(offsets, bytes.len());
                valid.push(true);
            }
            (Self::Int(values, valid), Slot::Int(value)) => push_value(values, valid, *value),
            (Self::Long(values, valid), Slot::Long(value)) => push_value(values, valid, *value),
            (Self::Float(values, valid), Slot::Float(value)) => push_value(values, valid, *value),
            (Self::Double(values, valid), Slot::Double(value)) => push_value(values, valid, *value),
            (Self::Decimal(values, valid), Slot::Decimal(value)) => push_value(values, valid, *value),
            (Self::Boolean(values, valid), Slot::Boolean(value)) => {
                values.push(*value);
                valid.push(true);
            }
            (column, Slot::Null) => column.push_null(),
            (_, slot) => wrong_kind(slot),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Boolean(_, valid)
            | Self::Int(_, valid)
            | Self::Long(_, valid)
            | Self::Float(_, valid)
            | Self::Double(_, valid)
            | Self::Decimal(_, valid)
            | Self::Bytes(_, _, valid) => valid.len,
        }
    }

    #[inline]
    fn push_null(&mut self) {
        match self {
            Self::Boolean(values, valid) => {
                values.push(false);
                valid.push(false);
            }
            Self::Int(values, valid) => push_null(values, valid),
            Self::Long(values, valid) => push_null(values, valid),
            Self::Float(values, valid) => push_null(values, valid),
            Self::Double(values, valid) => push_null(values, valid),
            Self::Decimal(values, valid) => push_null(values, valid),
            Self::Bytes(bytes, offsets, valid) => {
                push_end(offsets, bytes.len());
                valid.push(false);
            }
        }
    }

    pub(crate) fn finish(self, data_type: &DataType) -> ArrayRef {
        match self {
            Self::Boolean(values, valid) => Arc::new(BooleanArray::new(values.finish(), valid.nulls())),
            Self::Int(values, valid) if *data_type == DataType::Date32 => {
                primitive::<Date32Type>(values, valid, data_type)
            }
            Self::Int(values, valid) => primitive::<Int32Type>(values, valid, data_type),
            Self::Long(values, valid) => match data_type {
                DataType::Timestamp(TimeUnit::Millisecond, _) => {
                    primitive::<TimestampMillisecondType>(values, valid, data_type)
                }
                DataType::Timestamp(..) => primitive::<TimestampMicrosecondType>(values, valid, data_type),
                _ => primitive::<Int64Type>(values, valid, data_type),
            },
            Self::Float(values, valid) => primitive::<Float32Type>(values, valid, data_type),
            Self::Double(values, valid) => primitive::<Float64Type>(values, valid, data_type),
            Self::Decimal(values, valid) => Arc::new(
                Decimal128Array::new(ScalarBuffer::from(values), valid.nulls()).with_data_type(data_type.clone()),
            ),
            Self::Bytes(bytes, offsets, valid) => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                let (bytes, nulls) = (Buffer::from_vec(bytes), valid.nulls());
                if *data_type == DataType::Utf8 {
                    Arc::new(StringArray::new(offsets, bytes, nulls))
                } else {
                    Arc::new(BinaryArray::new(offsets, bytes, nulls))
                }
            }
        }
    }
}

#[inline]
fn push_value<T>(values: &mut Vec<T>, valid: &mut Bits, value: T) {
    values.push(value);
    valid.push(true);
}

#[inline]
fn push_null<T: Default>(values: &mut Vec<T>, valid: &mut Bits) {
    values.push(T::default());
    valid.push(false);
}

/// Appends a text. Most are short, and two stores of a fixed size that overlap are cheaper than a call to copy.
#[inline]
fn append(bytes: &mut Vec<u8>, value: &[u8]) {
    if let (Some(first), Some(last), true) = (value.first_chunk::<8>(), value.last_chunk::<8>(), value.len() <= 16) {
        bytes.extend_from_slice(first);
        bytes.truncate(bytes.len() + value.len() - 16);
        bytes.extend_from_slice(last);
    } else if let (Some(first), Some(last), true) = (value.first_chunk::<4>(), value.last_chunk::<4>(), value.len() < 8)
    {
        bytes.extend_from_slice(first);
        bytes.truncate(bytes.len() + value.len() - 8);
        bytes.extend_from_slice(last);
    } else if value.len() < 4 {
        for byte in value {
            bytes.push(*byte);
        }
    } else {
        bytes.extend_from_slice(value);
    }
}

#[inline]
fn push_end(offsets: &mut Vec<i32>, end: usize) {
    offsets.push(i32::try_from(end).expect("a column of a batch stays below 2 GiB"));
}

#[cold]
fn wrong_kind(slot: &Slot<'_>) -> ! {
    panic!(
        "a slot is of its field's kind, and {:?} is not",
        std::mem::discriminant(slot)
    )
}

fn primitive<T: ArrowPrimitiveType>(values: Vec<T::Native>, valid: Bits, data_type: &DataType) -> ArrayRef {
    let array = PrimitiveArray::<T>::new(ScalarBuffer::from(values), valid.nulls());
    Arc::new(array.with_data_type(data_type.clone()))
}

/// Bits, packed as Arrow packs them: the first in a byte's lowest place.
#[derive(Debug)]
pub(crate) struct Bits {
    words: Vec<u64>,
    word: u64,
    len: usize,
    unset: bool,
}

impl Bits {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            words: Vec::with_capacity(capacity.div_ceil(64)),
            word: 0,
            len: 0,
            unset: false,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, bit: bool) {
        self.word |= u64::from(bit) << (self.len & 63);
        self.unset |= !bit;
        self.len += 1;
        if self.len & 63 == 0 {
            self.words.push(self.word.to_le());
            self.word = 0;
        }
    }

    fn finish(mut self) -> BooleanBuffer {
        if self.len & 63 != 0 {
            self.words.push(self.word.to_le());
        }
        BooleanBuffer::new(Buffer::from_vec(self.words), 0, self.len)
    }

    /// Nothing when every bit is set: Arrow's way to say that a column has no null.
    fn nulls(self) -> Option<NullBuffer> {
        self.unset.then(|| NullBuffer::new(self.finish()))
    }
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
