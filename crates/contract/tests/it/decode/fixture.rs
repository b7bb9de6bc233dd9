//! Contracts, batches and messages for the tests beside this file.

use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::schema::{NamesRef, ResolvedSchema};
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use muster_batch::{BytesColumn, DecodedBatch, Headers, RawBatch};
use muster_contract::decode::Decoder;
use muster_spec::{Contract, Offset, OffsetDelta, SchemaId, SourceId};
use serde_json::Value as Json;

/// A contract of an Avro schema, with these lines added to its file. The first column is the key.
pub fn contract_of(avsc: &str, lines: &str) -> Arc<Contract> {
    let schema: Json = serde_json::from_str(avsc).expect("the schema is JSON");
    let key = &schema["fields"][0];
    let key = key["source"]
        .as_str()
        .or(key["name"].as_str())
        .expect("the first field has a name");
    let format = if lines.contains("format:") {
        ""
    } else {
        "format: avro\n"
    };
    let yaml = format!("version: 1\ntopic: t\nschema: t.avsc\nkey: {key}\n{format}{lines}");
    let open = |name: &str| (name == "t.avsc").then(|| avsc.to_owned());
    match muster_spec::read::contract("t", "t.contract.yaml", &yaml, &open) {
        Ok(contract) => Arc::new(contract),
        Err(problems) => panic!("{problems:?}\n{yaml}\n{avsc}"),
    }
}

/// The schema of a record with these fields, each as JSON.
pub fn record(fields: &[&str]) -> String {
    format!(
        r#"{{"type": "record", "name": "R", "fields": [{}]}}"#,
        fields.join(", ")
    )
}

/// The id that the tests' writers have.
pub const WRITER: SchemaId = SchemaId(7);

/// A decoder of a contract that knows a writer under [`WRITER`].
pub fn decoder(contract: &Arc<Contract>, writer: &str) -> Decoder {
    let mut decoder = Decoder::new(Arc::clone(contract)).expect("the contract is sound");
    decoder.learn(WRITER, writer).expect("the writer resolves");
    decoder
}

/// A payload: the message behind a frame.
pub fn framed(id: SchemaId, message: &[u8]) -> Vec<u8> {
    [&[0], &id.0.to_be_bytes()[..], message].concat()
}

/// A batch of records without headers.
pub fn batch(payloads: &[Option<Vec<u8>>]) -> RawBatch {
    batch_with(payloads, |_| Vec::new())
}

/// A batch of records whose headers are told by their number.
pub fn batch_with(
    payloads: &[Option<Vec<u8>>],
    headers_of: impl Fn(usize) -> Vec<(&'static str, Vec<u8>)>,
) -> RawBatch {
    let mut column = BytesColumn::default();
    let mut keys = BytesColumn::default();
    let mut headers = Headers::default();
    for (record, payload) in payloads.iter().enumerate() {
        column.push(payload.as_deref());
        keys.push(None);
        let list = headers_of(record);
        headers.push(list.iter().map(|(name, value)| (*name, Some(value.as_slice()))));
    }
    let records = payloads.len() as i64;
    RawBatch {
        source: SourceId(1),
        topic: "t".into(),
        partition: 0,
        delta: OffsetDelta::new(Offset(0), Offset(records)),
        offsets: (0..records).collect(),
        timestamps: vec![-1; payloads.len()],
        payloads: column,
        keys,
        headers,
    }
}

/// A row as people read it: `a=1 b=null`.
pub fn row_text(rows: &RecordBatch, row: usize) -> String {
    let schema = rows.schema();
    let cells = schema.fields().iter().zip(rows.columns()).map(|(field, column)| {
        let value = if column.is_null(row) {
            "null".to_owned()
        } else {
            cell_text(column, row)
        };
        format!("{}={value}", field.name())
    });
    cells.collect::<Vec<_>>().join(" ")
}

/// A cell that is not null as text, times with a `Z`.
pub fn cell_text(column: &ArrayRef, row: usize) -> String {
    let cell = column.slice(row, 1);
    let cell = match column.data_type() {
        // Arrow shows only zones that are offsets.
        DataType::Timestamp(unit, Some(_)) => {
            cast(&cell, &DataType::Timestamp(*unit, Some("+00:00".into()))).expect("the zones are the same")
        }
        _ => cell,
    };
    array_value_to_string(&cell, 0).expect("every type can be shown")
}

/// What became of one record: its row and the rules it was found to break, or why it was refused.
pub fn outcome(decoded: &DecodedBatch, contract: &Contract, record: u32) -> String {
    if let Some(refused) = decoded.refused.iter().find(|refused| refused.record == record) {
        return format!("{} {}", contract.rule_id(refused.rule), refused.reason.code());
    }
    if decoded.tombstones.contains(&record) {
        return "tombstone".to_owned();
    }
    let row = decoded.record_of_row.iter().position(|found| *found == record);
    let row = row.expect("a record is in exactly one place");
    let mut text = row_text(&decoded.rows, row);
    for finding in decoded.findings.iter().filter(|finding| finding.row as usize == row) {
        text.push_str(" !");
        text.push_str(contract.rule_id(finding.rule));
    }
    text
}

/// Every record is in exactly one place, and all lists are in order.
pub fn assert_accounted(decoded: &DecodedBatch) {
    let refused = decoded.refused.iter().map(|refused| refused.record);
    let mut records: Vec<u32> = refused.chain(decoded.record_of_row.iter().copied()).collect();
    records.extend(&decoded.tombstones);
    records.sort_unstable();
    assert_eq!(records, (0..decoded.origin.len() as u32).collect::<Vec<_>>());
    assert_eq!(decoded.rows.num_rows(), decoded.record_of_row.len());
    assert!(decoded.record_of_row.is_sorted());
    assert!(decoded.findings.iter().map(|finding| finding.row).is_sorted());
    let rows = decoded.rows.num_rows();
    assert!(decoded.findings.iter().all(|finding| (finding.row as usize) < rows));
}

/// Encodes JSON as Avro says. A union's value is `[branch number, value]`; bytes and fixed are text of the code points
/// 0 to 255; dates, times and the like are their numbers.
pub fn encode(schema: &str, value: &Json) -> Vec<u8> {
    let schema = Schema::parse_str(schema).expect("the schema is sound");
    let resolved = ResolvedSchema::try_from(&schema).expect("every name is defined");
    let mut out = Vec::new();
    encode_value(&schema, value, resolved.get_names(), &mut out);
    out
}

/// A zig-zag varint.
pub fn long(value: i64) -> Vec<u8> {
    let mut coded = ((value << 1) ^ (value >> 63)) as u64;
    let mut out = Vec::new();
    while coded >= 0x80 {
        out.push(coded as u8 | 0x80);
        coded >>= 7;
    }
    out.push(coded as u8);
    out
}

fn encode_value(schema: &Schema, value: &Json, names: &NamesRef<'_>, out: &mut Vec<u8>) {
    use apache_avro::schema::InnerDecimalSchema;
    let bytes = || -> Vec<u8> { value.as_str().expect("text").chars().map(|unit| unit as u8).collect() };
    let counted = |bytes: &[u8], out: &mut Vec<u8>| {
        out.extend(long(bytes.len() as i64));
        out.extend(bytes);
    };
    match schema {
        Schema::Null => {}
        Schema::Ref { name } => encode_value(names[name], value, names, out),
        Schema::Boolean => out.push(u8::from(value.as_bool().expect("a boolean"))),
        Schema::Float => out.extend((value.as_f64().expect("a number") as f32).to_le_bytes()),
        Schema::Double => out.extend(value.as_f64().expect("a number").to_le_bytes()),
        Schema::String | Schema::Uuid(_) => counted(value.as_str().expect("text").as_bytes(), out),
        Schema::Bytes | Schema::BigDecimal => counted(&bytes(), out),
        Schema::Fixed(fixed) | Schema::Duration(fixed) => {
            assert_eq!(bytes().len(), fixed.size);
            out.extend(bytes());
        }
        Schema::Decimal(decimal) => match decimal.inner {
            InnerDecimalSchema::Bytes => counted(&bytes(), out),
            InnerDecimalSchema::Fixed(_) => out.extend(bytes()),
        },
        Schema::Enum(symbols) => {
            let symbol = symbols
                .symbols
                .iter()
                .position(|symbol| Some(symbol.as_str()) == value.as_str());
            out.extend(long(symbol.expect("a symbol of the enum") as i64));
        }
        Schema::Union(union) => {
            let branch = value[0].as_i64().expect("a branch number");
            out.extend(long(branch));
            encode_value(&union.variants()[branch as usize], &value[1], names, out);
        }
        Schema::Record(record) => {
            for field in &record.fields {
                encode_value(&field.schema, &value[&field.name], names, out);
            }
        }
        Schema::Array(array) => {
            let items = value.as_array().expect("an array");
            if !items.is_empty() {
                out.extend(long(items.len() as i64));
                for item in items {
                    encode_value(&array.items, item, names, out);
                }
            }
            out.push(0);
        }
        Schema::Map(map) => {
            let items = value.as_object().expect("an object");
            if !items.is_empty() {
                out.extend(long(items.len() as i64));
                for (key, item) in items {
                    counted(key.as_bytes(), out);
                    encode_value(&map.types, item, names, out);
                }
            }
            out.push(0);
        }
        // All that is left is written as an int or a long, which look alike.
        _ => out.extend(long(value.as_i64().expect("a whole number"))),
    }
}
