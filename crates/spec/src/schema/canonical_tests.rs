//! Tests of the file beside this one.

use super::{canonical_form, schema_id};

#[test]
fn schemas_that_mean_the_same_bytes_have_one_form() {
    let cases = [
        (r#"{"type":"int"}"#, r#""int""#),
        (
            r#"{"type":{"type":"string","avro.java.string":"String"}}"#,
            r#""string""#,
        ),
        (r#" ["null" , {"type":"long"}] "#, r#"["null","long"]"#),
        (
            r#"{"doc":"d","fields":[{"default":1,"name":"a","type":"int","aliases":["b"]}],"type":"record","name":"R","namespace":"x.y"}"#,
            r#"{"name":"x.y.R","type":"record","fields":[{"name":"a","type":"int"}]}"#,
        ),
        (
            r#"{"type":"record","name":"x.R","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["A"]}},{"name":"f","type":"E"},{"name":"g","type":{"type":"fixed","name":"y.F","size":"4"}}]}"#,
            r#"{"name":"x.R","type":"record","fields":[{"name":"e","type":{"name":"x.E","type":"enum","symbols":["A"]}},{"name":"f","type":"x.E"},{"name":"g","type":{"name":"y.F","type":"fixed","size":4}}]}"#,
        ),
        (
            r#"{"type":"map","values":{"type":"array","items":"int"}}"#,
            r#"{"type":"map","values":{"type":"array","items":"int"}}"#,
        ),
        (
            r#"{"logicalType":"decimal","scale":2,"precision":5,"type":"bytes","x":1}"#,
            r#"{"type":"bytes","logicalType":"decimal","precision":5,"scale":2}"#,
        ),
    ];
    for (text, form) in cases {
        assert_eq!(canonical_form(text).as_deref(), Some(form), "{text}");
        assert_eq!(canonical_form(form).as_deref(), Some(form), "a form is its own form");
    }
}

#[test]
fn without_logical_types_the_form_is_avros_own() {
    let text = r#"{"type":"record","name":"R","namespace":"n","doc":"d","fields":[
        {"name":"a","type":["null",{"type":"record","name":"In","fields":[{"name":"x","type":{"type":"long"}}]}],"default":null},
        {"name":"b","type":{"type":"array","items":{"type":"map","values":"In"}}},
        {"name":"c","type":{"type":"enum","name":"o.E","symbols":["P","Q"],"default":"P"}}]}"#;
    let avros = apache_avro::Schema::parse_str(text).unwrap().canonical_form();
    assert_eq!(canonical_form(text), Some(avros));
}

#[test]
fn a_schema_id_never_changes() {
    // Stored beside raw bytes for years: these numbers are part of the format.
    assert_eq!(schema_id(r#"{"type":"int"}"#), schema_id(r#""int""#));
    assert_ne!(
        schema_id(r#""int""#),
        schema_id(r#"{"type":"int","logicalType":"date"}"#)
    );
    assert_eq!(schema_id(r#""int""#).0, 529_908_692);
    assert_eq!(schema_id("not json").0, 1_046_991_101);
}
