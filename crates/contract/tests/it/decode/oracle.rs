//! On valid input the decoder agrees with `arrow-avro`, and with the values that `apache-avro` wrote.

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use arrow::array::RecordBatch;
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use proptest::prelude::*;

use super::fixture::{WRITER, assert_accounted, batch, cell_text, contract_of, decoder, framed};

/// A type that the writer has and one that the contract has; `%` stands for the field's number.
#[rustfmt::skip]
const KINDS: &[(&str, &str)] = &[
    (r#""boolean""#, r#""boolean""#),
    (r#""int""#, r#""int""#),
    (r#""int""#, r#""long""#),
    (r#""int""#, r#""float""#),
    (r#""int""#, r#""double""#),
    (r#""long""#, r#""long""#),
    (r#""long""#, r#""float""#),
    (r#""long""#, r#""double""#),
    (r#""float""#, r#""float""#),
    (r#""float""#, r#""double""#),
    (r#""double""#, r#""double""#),
    (r#""string""#, r#""string""#),
    (r#""string""#, r#""bytes""#),
    (r#""bytes""#, r#""bytes""#),
    (r#"{"type": "enum", "name": "E%", "symbols": ["A", "B", "C"]}"#, r#"{"type": "enum", "name": "E%", "symbols": ["C", "X", "A", "B"]}"#),
    (r#"{"type": "fixed", "name": "F%", "size": 4}"#, r#"{"type": "fixed", "name": "F%", "size": 4}"#),
    (r#"{"type": "int", "logicalType": "date"}"#, r#"{"type": "int", "logicalType": "date"}"#),
    (r#"{"type": "long", "logicalType": "timestamp-millis"}"#, r#"{"type": "long", "logicalType": "timestamp-millis"}"#),
    (r#"{"type": "long", "logicalType": "timestamp-micros"}"#, r#"{"type": "long", "logicalType": "timestamp-micros"}"#),
    (r#"{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}"#, r#"{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}"#),
];

/// Fields the contract adds: each with its default.
const ADDED: &[&str] = &[
    r#"{"name": "n0", "type": ["null", "string"], "default": null}"#,
    r#"{"name": "n1", "type": "long", "default": -7}"#,
    r#"{"name": "n2", "type": "string", "default": "none"}"#,
    r#"{"name": "n3", "type": "double", "default": 0.5}"#,
];

/// A field: its kind, whether it may be null, whether the contract has it.
#[derive(Clone, Debug)]
struct Column {
    kind: usize,
    nullable: bool,
    kept: bool,
}

#[derive(Clone, Debug)]
struct Case {
    columns: Vec<Column>,
    /// The contract's order: a sort key for each field.
    order: Vec<u16>,
    added: usize,
    rows: Vec<Vec<Option<Value>>>,
}

fn value(kind: usize) -> BoxedStrategy<Value> {
    let written = KINDS[kind].0;
    match written {
        r#""boolean""# => any::<bool>().prop_map(Value::Boolean).boxed(),
        r#""int""# => any::<i32>().prop_map(Value::Int).boxed(),
        r#""long""# => any::<i64>().prop_map(Value::Long).boxed(),
        r#""float""# => any::<f32>().prop_map(Value::Float).boxed(),
        r#""double""# => any::<f64>().prop_map(Value::Double).boxed(),
        r#""string""# => ".{0,20}".prop_map(Value::String).boxed(),
        r#""bytes""# => prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes).boxed(),
        _ if written.contains("enum") => {
            let symbols = ["A", "B", "C"];
            (0..3_u32)
                .prop_map(move |at| Value::Enum(at, symbols[at as usize].to_owned()))
                .boxed()
        }
        _ if written.contains("fixed") => prop::collection::vec(any::<u8>(), 4)
            .prop_map(|bytes| Value::Fixed(4, bytes))
            .boxed(),
        _ if written.contains("date") => (-700_000..2_900_000_i32).prop_map(Value::Date).boxed(),
        _ if written.contains("millis") => (-60_000_000_000_000..250_000_000_000_000_i64)
            .prop_map(Value::TimestampMillis)
            .boxed(),
        _ if written.contains("micros") => (-60_000_000_000_000_000..250_000_000_000_000_000_i64)
            .prop_map(Value::TimestampMicros)
            .boxed(),
        _ => (-999_999_999..=999_999_999_i32)
            .prop_map(|unscaled| Value::Decimal(unscaled.to_be_bytes().to_vec().into()))
            .boxed(),
    }
}

fn case() -> impl Strategy<Value = Case> {
    let column = (0..KINDS.len(), any::<bool>(), prop::bool::weighted(0.8)).prop_map(|(kind, nullable, kept)| Column {
        kind,
        nullable,
        kept,
    });
    (prop::collection::vec(column, 1..10), 0..=ADDED.len()).prop_flat_map(|(columns, added)| {
        let row: Vec<_> = columns
            .iter()
            .map(|column| {
                if column.nullable {
                    prop::option::weighted(0.7, value(column.kind)).boxed()
                } else {
                    value(column.kind).prop_map(Some).boxed()
                }
            })
            .collect();
        let order = prop::collection::vec(any::<u16>(), columns.len());
        (order, prop::collection::vec(row, 1..20)).prop_map(move |(order, rows)| Case {
            columns: columns.clone(),
            order,
            added,
            rows,
        })
    })
}

impl Case {
    fn field(&self, at: usize, kind: &str) -> String {
        let kind = kind.replace('%', &at.to_string());
        let kind = if self.columns[at].nullable {
            format!(r#"["null", {kind}]"#)
        } else {
            kind
        };
        format!(r#", {{"name": "f{at}", "type": {kind}}}"#)
    }

    fn schemas(&self) -> (String, String) {
        let start = r#"{"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}"#;
        let (mut written, mut wanted) = (start.to_owned(), start.to_owned());
        for (at, column) in self.columns.iter().enumerate() {
            written.push_str(&self.field(at, KINDS[column.kind].0));
        }
        let mut order: Vec<usize> = (0..self.columns.len()).filter(|at| self.columns[*at].kept).collect();
        order.sort_by_key(|at| self.order[*at]);
        for at in order {
            wanted.push_str(&self.field(at, KINDS[self.columns[at].kind].1));
        }
        for added in &ADDED[..self.added] {
            wanted.push_str(", ");
            wanted.push_str(added);
        }
        (written + "]}", wanted + "]}")
    }

    fn messages(&self, written: &str) -> Vec<Vec<u8>> {
        let schema = Schema::parse_str(written).expect("the schema is sound");
        let writer = GenericDatumWriter::builder(&schema)
            .build()
            .expect("the schema is whole");
        let message = |(number, row): (usize, &Vec<Option<Value>>)| {
            let mut fields = vec![("id".to_owned(), Value::Long(number as i64))];
            for (at, cell) in row.iter().enumerate() {
                let value = match (self.columns[at].nullable, cell) {
                    (false, cell) => cell.clone().expect("a value"),
                    (true, Some(value)) => Value::Union(1, Box::new(value.clone())),
                    (true, None) => Value::Union(0, Box::new(Value::Null)),
                };
                fields.push((format!("f{at}"), value));
            }
            let message = writer.write_value_to_vec(Value::Record(fields));
            framed(WRITER, &message.expect("the row fits"))
        };
        self.rows.iter().enumerate().map(message).collect()
    }
}

fn by_arrow_avro(written: &str, wanted: &str, messages: &[Vec<u8>]) -> RecordBatch {
    let id = Fingerprint::Id(WRITER.0);
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    let set = store.set(id, AvroSchema::new(written.to_owned()));
    set.expect("the id is new");
    let mut decoder = ReaderBuilder::new()
        .with_batch_size(messages.len())
        .with_reader_schema(AvroSchema::new(wanted.to_owned()))
        .with_writer_schema_store(store)
        .with_active_fingerprint(id)
        .build_decoder()
        .expect("the schemas resolve");
    for message in messages {
        let taken = decoder.decode(message).expect("the message is sound");
        assert_eq!(taken, message.len());
    }
    let rows = decoder.flush().expect("the messages are sound");
    rows.expect("there are rows")
}

/// A cell as text; values that are equal have the same.
fn text(rows: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let column = rows.column_by_name(column).expect("the column is there");
    column.is_valid(row).then(|| cell_text(column, row))
}

/// Whether a written value and a decoded cell mean the same. Times and decimals are left to the other decoder.
fn agree(value: &Value, text: &str, as_float: bool) -> bool {
    match value {
        Value::Boolean(value) => text == value.to_string(),
        Value::Int(value) => text == value.to_string() || same_number(f64::from(*value), text, as_float),
        Value::Long(value) => text == value.to_string() || same_number(*value as f64, text, as_float),
        Value::Float(value) => same_number(f64::from(*value), text, true),
        Value::Double(value) => same_number(*value, text, false),
        Value::String(value) => text == value || text == hex(value.as_bytes()),
        Value::Bytes(value) | Value::Fixed(_, value) => text == hex(value),
        Value::Enum(_, symbol) => text == symbol,
        _ => true,
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = "0123456789abcdef".as_bytes();
    let digit = |half: u8| char::from(digits[usize::from(half)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The same double, or the same float where the contract has one.
fn same_number(value: f64, text: &str, as_float: bool) -> bool {
    let same = if as_float {
        text.parse::<f32>()
            .map(|read| read.total_cmp(&(value as f32)).is_eq() || (read.is_nan() && value.is_nan()))
    } else {
        text.parse::<f64>()
            .map(|read| read.total_cmp(&value).is_eq() || (read.is_nan() && value.is_nan()))
    };
    same == Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn both_decoders_agree(case in case()) {
        let (written, wanted) = case.schemas();
        let messages = case.messages(&written);
        let contract = contract_of(&wanted, "");
        let payloads: Vec<_> = messages.iter().cloned().map(Some).collect();
        let decoded = decoder(&contract, &written).decode(batch(&payloads));
        assert_accounted(&decoded);
        prop_assert!(decoded.refused.is_empty(), "{:?}", decoded.refused);
        prop_assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
        let other = by_arrow_avro(&written, &wanted, &messages);
        prop_assert_eq!(other.num_rows(), decoded.rows.num_rows());
        for field in decoded.rows.schema().fields() {
            for row in 0..other.num_rows() {
                prop_assert_eq!(
                    text(&decoded.rows, field.name(), row),
                    text(&other, field.name(), row),
                    "{} {} {}", field.name(), &written, &wanted
                );
            }
        }
        for (at, column) in case.columns.iter().enumerate().filter(|(_, column)| column.kept) {
            let as_float = KINDS[column.kind].1 == r#""float""#;
            for (row, cells) in case.rows.iter().enumerate() {
                let text = text(&decoded.rows, &format!("f{at}"), row);
                let same = match (&cells[at], &text) {
                    (None, None) => true,
                    (Some(value), Some(text)) => agree(value, text, as_float),
                    _ => false,
                };
                prop_assert!(same, "{:?} {:?}", cells[at], text);
            }
        }
    }
}
