//! A contract's fields: what its Avro schema says, flattened to columns.
//!
//! Used by the decoder (types and defaults), by rules (names), by files (Arrow and Parquet columns). The order of
//! fields is the schema's, depth first; a nested record's fields are named `outer_inner`. All columns are nullable in
//! Arrow whatever the schema says: a value that is missing or does not parse is a null with a violation beside it.

mod all_text;
mod canonical;
pub(crate) mod flatten;

pub use all_text::all_text_schema;
pub use canonical::{canonical_form, schema_id};

/// One column of a contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The column's name: the Avro names joined by `_`.
    pub name: String,
    /// The Avro names from the outermost record down; one name for a field that is not nested.
    pub path: Vec<String>,
    /// The name in the header of a text file: the field's property `source`, or its name. Fields with the same one take
    /// the columns of that name in the order in which both stand.
    pub source: String,
    /// What text writes after each of its numbers, as `%`: the field's property `unit`.
    pub unit: Option<String>,
    /// What a value is.
    pub kind: FieldKind,
    /// Whether the schema is a union with null.
    pub nullable: bool,
    /// What a writer that lacks the field means; `None` where the schema gives no default. For a field of a nested
    /// record, the default of the outermost record that has one decides.
    pub default: Option<serde_json::Value>,
    /// Whether a value is about a person: true unless the contract lists the field as public.
    pub personal: bool,
}

/// What a field's value is, and with it its Arrow type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Arrow `Boolean`.
    Boolean,
    /// Arrow `Int32`.
    Int,
    /// Arrow `Int64`.
    Long,
    /// Arrow `Float32`.
    Float,
    /// Arrow `Float64`.
    Double,
    /// Arrow `Utf8`.
    Text,
    /// Arrow `Binary`; also Avro's `fixed`.
    Bytes,
    /// Arrow `Utf8`; one of these symbols.
    Enum(Vec<String>),
    /// Arrow `Date32`: days since 1970-01-01.
    Date,
    /// Arrow `Timestamp(Millisecond, "UTC")`.
    TimestampMillis,
    /// Arrow `Timestamp(Microsecond, "UTC")`.
    TimestampMicros,
    /// Arrow `Decimal128(precision, scale)`.
    Decimal {
        /// Digits in all, 1 to 38.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
}

impl FieldKind {
    /// What people call it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Boolean => "a boolean",
            Self::Int | Self::Long => "a whole number",
            Self::Float | Self::Double => "a number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Enum(_) => "an enum",
            Self::Date => "a date",
            Self::TimestampMillis | Self::TimestampMicros => "a timestamp",
            Self::Decimal { .. } => "a decimal",
        }
    }

    /// Whether a value is a number.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Int | Self::Long | Self::Float | Self::Double | Self::Decimal { .. }
        )
    }

    /// Whether a value is text, of an enum or free.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::Enum(_))
    }

    /// Whether a value is a point in time.
    pub fn is_time(&self) -> bool {
        matches!(self, Self::Date | Self::TimestampMillis | Self::TimestampMicros)
    }
}
