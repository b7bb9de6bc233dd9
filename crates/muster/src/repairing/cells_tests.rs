//! Tests of the file beside this one.

use super::*;

const SCHEMA: &str = r#"{"type": "record", "name": "Visit", "fields": [
    {"name": "number", "type": "long"},
    {"name": "city", "type": ["null", "string"], "default": null, "source": "City name"},
    {"name": "hours", "type": ["null", "double"], "default": null}
]}"#;

fn read(name: &str, text: &str) -> anyhow::Result<Cells> {
    read_as("", name, text)
}

fn read_as(format: &str, name: &str, text: &str) -> anyhow::Result<Cells> {
    let yaml = format!("version: 1\ntopic: visit.v1\nformat: avro\nschema: visit.avsc\nkey: number\n{format}");
    let open = |name: &str| (name == "visit.avsc").then(|| SCHEMA.to_owned());
    let contract = muster_spec::read::contract("visit", "schemas/visit.contract.yaml", &yaml, &open).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    Cells::read(&file, &contract)
}

fn at(cells: &mut Cells, source: i64, offset: i64, key: &str) -> Option<Cell> {
    let place = Place {
        source: SourceId(source),
        offset,
        key: Some(key),
    };
    cells.meet(&place).map(|row| cells.cell(row, 0).clone())
}

#[test]
fn rows_are_named_by_position_or_by_key_and_masked_cells_change_nothing() {
    let csv = "_source,_offset,_rules,City name\n1,5,city.level,Rome\n1,6,x,\n1,7,x,\"\"\n2,5,x,•••\n";
    let mut cells = read("cities.csv", csv).unwrap();
    assert_eq!(cells.fields, [1]);
    assert_eq!(at(&mut cells, 1, 5, "9"), Some(Cell::Text("Rome".into())));
    assert_eq!(at(&mut cells, 1, 6, "9"), Some(Cell::Null));
    assert_eq!(at(&mut cells, 1, 7, "9"), Some(Cell::Text(String::new())));
    assert_eq!(at(&mut cells, 2, 5, "9"), Some(Cell::Kept));
    assert_eq!(at(&mut cells, 2, 6, "9"), None);
    assert_eq!(cells.offsets(SourceId(1)).unwrap().len(), 3);

    let mut cells = read("cities.csv", "number,city\n9,Rome\n").unwrap();
    assert_eq!(at(&mut cells, 1, 5, "9"), Some(Cell::Text("Rome".into())));
    assert!(cells.offsets(SourceId(1)).is_none(), "any row may have the key");

    let json = "{\"number\": 9, \"city\": \"Rome\"}\n\n{\"number\": 10, \"city\": null}\n{\"number\": \"11\"}\n";
    let mut cells = read("cities.jsonl", json).unwrap();
    assert_eq!(at(&mut cells, 1, 5, "9"), Some(Cell::Text("Rome".into())));
    assert_eq!(at(&mut cells, 1, 5, "10"), Some(Cell::Null));
    assert_eq!(at(&mut cells, 1, 5, "11"), Some(Cell::Kept));
}

#[test]
fn json_numbers_are_the_same_numbers_whatever_marks_the_contract_has() {
    let json = "{\"number\": 9, \"hours\": 0.855}\n{\"number\": 10, \"hours\": \"1.234,5\"}\n";
    let mut cells = read_as("text: { decimal: ',', thousands: '.' }\n", "hours.jsonl", json).unwrap();
    assert_eq!(at(&mut cells, 1, 5, "9"), Some(Cell::Text("0,855".into())));
    assert_eq!(at(&mut cells, 1, 6, "10"), Some(Cell::Text("1.234,5".into())));
    assert_eq!(cells.unmet(), 0);
}

#[test]
fn lines_that_name_no_row_are_counted() {
    let mut cells = read("cities.csv", "number,city\n9,Rome\n10,Pisa\n").unwrap();
    at(&mut cells, 1, 5, "9");
    at(&mut cells, 1, 6, "9");
    assert_eq!(cells.unmet(), 1);
}

#[test]
fn what_is_no_file_of_patches_is_refused_without_a_value() {
    for (name, text, said) in [
        (
            "a.csv",
            "city\nRome\n",
            "its rows have no name: it needs the columns `_source` and `_offset`, or the key `number`",
        ),
        ("a.csv", "number,town\n1,Rome\n", "`visit` has no field `town`"),
        (
            "a.csv",
            "_source,_offset,city\n1,x,Rome\n",
            "line 2 names no row: it needs `_source` and `_offset`, or the key",
        ),
        (
            "a.csv",
            "number,city\n1,Rome\n1,Pisa\n",
            "line 3 names a row that another line names",
        ),
        (
            "a.csv",
            "number,city\n1,Rome,Pisa\n",
            "line 2 has another number of cells than the header, or is not UTF-8",
        ),
        (
            "a.jsonl",
            "{\"number\": 1, \"city\": \"Rome\"\n",
            "line 1 is not one JSON object",
        ),
        (
            "a.parquet",
            "",
            "`a.parquet` is a Parquet file: patches are CSV or JSON lines",
        ),
    ] {
        let error = format!("{:#}", read(name, text).unwrap_err());
        let folder = error.replace('\\', "/");
        let told = folder.rsplit("a.csv` is no file of patches: ").next().unwrap();
        let told = told.rsplit("a.jsonl` is no file of patches: ").next().unwrap();
        assert!(told.ends_with(said.trim_start_matches('`')), "{text:?}: {error}");
        assert!(!error.contains("Rome") && !error.contains("Pisa"), "{error}");
    }
    let nothing = format!("{:#}", read("a.csv", "number,_note\n1,x\n").unwrap_err());
    assert!(nothing.ends_with("sets no field of `visit`"), "{nothing}");
}
