//! A contract's fields: what its Avro schema says, flattened to columns.
//!
//! Used by the decoder (types and defaults), by rules (names), by files (Arrow and Parquet columns). The order of
//! fields is the schema's, depth first; a nested record's fields are named `outer_inner`. All columns are nullable in
//! Arrow whatever the schema says: a value that is missing or does not parse is a null with a violation beside it.

/// One column of a contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The column's name: the Avro names joined by `_`.
    pub name: String,
    /// The Avro names from the outermost record down; one name for a field that is not nested.
    pub path: Vec<String>,
    /// The name in the header of a text file: the field's property `source`, or its name.
    pub source: String,
    /// What a value is.
    pub kind: FieldKind,
    /// Whether the schema is a union with null.
    pub nullable: bool,
    /// What a writer that lacks the field means; `None` where the schema gives no default.
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
