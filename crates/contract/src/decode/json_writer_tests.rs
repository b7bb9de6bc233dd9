//! Rows as objects.

use serde_json::json;

use super::JsonWriter;

fn writer() -> JsonWriter {
    let schema = r#"{"type": "record", "name": "R", "fields": [
        {"name": "number", "type": "long"},
        {"name": "home", "type": {"type": "record", "name": "H", "fields": [
            {"name": "town", "type": "string"},
            {"name": "flat", "type": {"type": "record", "name": "F", "fields": [{"name": "floor", "type": "int"}]}}
        ]}},
        {"name": "work", "type": {"type": "record", "name": "W", "fields": [{"name": "town", "type": "string"}]}},
        {"name": "word", "type": ["null", "string"], "default": null}
    ]}"#;
    let yaml = "version: 1\ntopic: t\nformat: json\nschema: t.avsc\nkey: number\n";
    let contract = muster_spec::read::contract("t", "t.yaml", yaml, &|_| Some(schema.to_owned()));
    JsonWriter::new(&contract.unwrap())
}

fn written(cells: [Option<&str>; 5], missing: &[&str]) -> serde_json::Value {
    let missing: Vec<String> = missing.iter().map(|name| (*name).to_owned()).collect();
    let mut writer = writer();
    let bytes = writer.write(cells.map(|cell| cell.map(str::as_bytes)), &missing);
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn nested_columns_are_objects_and_every_value_is_text() {
    assert_eq!(
        written(
            [Some("007"), Some("Bern \"\\\n"), Some(""), None, Some("\u{1F600}")],
            &[]
        ),
        json!({
            "number": "007",
            "home": {"town": "Bern \"\\\n", "flat": {"floor": ""}},
            "work": {"town": null},
            "word": "\u{1F600}"
        })
    );
}

#[test]
fn columns_that_the_file_lacks_are_left_out() {
    let cells = [Some("1"), Some("Bern"), Some("2"), Some("Basel"), Some("x")];
    assert_eq!(
        written(cells, &["number", "home_flat_floor", "work_town"]),
        json!({"home": {"town": "Bern"}, "word": "x"})
    );
    let all = ["number", "home_town", "home_flat_floor", "work_town", "word"];
    assert_eq!(written(cells, &all), json!({}));
    assert_eq!(written(cells, &["home_town"])["home"], json!({"flat": {"floor": "2"}}));
}
