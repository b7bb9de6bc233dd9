//! Tests of the file beside this one.

use crate::{all_text_schema, canonical_form, read, schema_id};

#[test]
fn the_all_text_schema_names_the_columns_and_is_avro() {
    let avsc = r#"{"type":"record","name":"R","namespace":"n","fields":[
        {"name":"a","type":"int","source":"A in %"},
        {"name":"b","type":{"type":"record","name":"B","fields":[{"name":"c","type":["null","string"],"default":null}]}}]}"#;
    let yaml = "version: 1\ntopic: t\nformat: avro\nschema: s.avsc\nkey: a\n";
    let contract = read::contract("t", "t.contract.yaml", yaml, &|_| Some(avsc.to_owned())).unwrap();
    let schema = all_text_schema(&contract);
    assert_eq!(
        canonical_form(&schema).unwrap(),
        r#"{"name":"n.R","type":"record","fields":[{"name":"a","type":["null","string"]},{"name":"b_c","type":["null","string"]}]}"#
    );
    let parsed = apache_avro::Schema::parse_str(&schema).unwrap();
    assert_eq!(parsed.name().unwrap().fullname(None), "n.R");
    assert_ne!(schema_id(&schema), schema_id(avsc));
}
