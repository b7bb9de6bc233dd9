//! Tests of the files beside this one: what a change of a contract means, a line each.

use muster_spec::{Contract, read};

use super::{Reads, diff};

const SCHEMA: &str = r#"{"type": "record", "name": "Row", "fields": [
  {"name": "id", "type": "long"},
  {"name": "age", "type": ["null", "int"], "default": null},
  {"name": "size", "type": ["null", "string"], "default": null},
  {"name": "plan", "type": {"type": "enum", "name": "Plan", "symbols": ["a", "b", "c"]}, "default": "a"}]}"#;

const YAML: &str = r"version: 1
topic: test.row.v1
format: avro
schema: row.avsc
key: id
public: [size]
rules:
  - { id: age.range, field: age, between: [18, 99] }
  - { id: size.level, field: size, one_of: [small, large] }
  - { id: size.length, field: size, length: [1, 10] }
  - { id: size.form, field: size, matches: '[a-z]+' }
  - { id: id.unique, field: id, unique: { within: 24h, keys_max: 10 } }
  - { id: row.sense, expect: 'age > 3' }
";

fn contract(yaml: &str, schema: &str) -> Contract {
    let open = |name: &str| (name == "row.avsc").then(|| schema.to_owned());
    read::contract("test.row", "schemas/test.row.contract.yaml", yaml, &open)
        .unwrap_or_else(|problems| panic!("{yaml}\n{problems:?}"))
}

/// The one rule that differs once a part of the contract's text is replaced.
fn rule(from: &str, to: &str) -> String {
    assert!(YAML.contains(from), "{from}");
    let differs = diff(&contract(YAML, SCHEMA), &contract(&YAML.replace(from, to), SCHEMA));
    assert_eq!((&differs.fields[..], &differs.settings[..]), (&[][..], &[][..]));
    let told = differs.rules.iter().map(|rule| {
        let breaks = if rule.breaks { " !" } else { "" };
        format!(
            "{} {} {}: {}{breaks}",
            rule.change.word(),
            rule.rule,
            rule.field.as_deref().unwrap_or("-"),
            rule.what
        )
    });
    told.collect::<Vec<_>>().join("; ")
}

#[test]
fn a_rule_is_called_tighter_or_looser_by_what_it_lets_through() {
    let cases = [
        ("[18, 99]", "[18, 99.0]", ""),
        (
            "[18, 99]",
            "[21, 99]",
            "tightened age.range age: asks 21 to 99, asked 18 to 99 !",
        ),
        (
            "[18, 99]",
            "[18, 65]",
            "tightened age.range age: asks 18 to 65, asked 18 to 99 !",
        ),
        (
            "[18, 99]",
            "[18, null]",
            "loosened age.range age: asks 18 or more, asked 18 to 99",
        ),
        (
            "[18, 99]",
            "[null, 99]",
            "loosened age.range age: asks 99 or less, asked 18 to 99",
        ),
        (
            "[18, 99]",
            "[16, 65]",
            "changed age.range age: asks 16 to 65, asked 18 to 99 !",
        ),
        ("[small, large]", "[large, small]", ""),
        (
            "[small, large]",
            "[small]",
            "tightened size.level size: loses value `large` !",
        ),
        (
            "[small, large]",
            "[small, large, huge]",
            "loosened size.level size: takes value `huge`",
        ),
        (
            "[small, large]",
            "[small, huge]",
            "changed size.level size: loses value `large`, takes value `huge` !",
        ),
        (
            "[1, 10]",
            "[1, 8]",
            "tightened size.length size: asks 1 to 8 characters, asked 1 to 10 characters !",
        ),
        (
            "[1, 10]",
            "[0, 10]",
            "loosened size.length size: asks 0 to 10 characters, asked 1 to 10 characters",
        ),
        (
            "'[a-z]+'",
            "'[a-y]+'",
            "changed size.form size: asks text that matches [a-y]+, asked text that matches [a-z]+ !",
        ),
        (
            "'age > 3'",
            "'age > 2'",
            "changed row.sense -: asks age > 2, asked age > 3 !",
        ),
        ("keys_max: 10", "keys_max: 20", ""),
        (
            "within: 24h",
            "within: 48h",
            "tightened id.unique id: asks a value that no row has within 172800 s before it, asked a value that no row has within 86400 s before it !",
        ),
        (
            "within: 24h",
            "within: 1h",
            "loosened id.unique id: asks a value that no row has within 3600 s before it, asked a value that no row has within 86400 s before it",
        ),
        (
            "'age > 3' }",
            "'age > 3', severity: warn }",
            "loosened row.sense -: a broken one is only counted now",
        ),
        (
            "  - { id: row.sense, expect: 'age > 3' }\n",
            "",
            "removed row.sense -: asked age > 3",
        ),
        (
            "rules:\n",
            "rules:\n  - { id: age.required, field: age, required: true }\n",
            "added age.required age: asks a value !",
        ),
        (
            "rules:\n",
            "rules:\n  - { id: age.required, field: age, required: true, severity: warn }\n",
            "added age.required age: asks a value, only counted",
        ),
    ];
    for (from, to, told) in cases {
        assert_eq!(rule(from, to), told, "{from} -> {to}");
    }
    assert_eq!(
        rule("field: size, length", "field: plan, length"),
        "changed size.length plan: asks 1 to 10 characters, asked 1 to 10 characters !"
    );
}

#[test]
fn a_warning_that_becomes_an_error_may_make_good_rows_bad() {
    let warn = YAML.replace("'age > 3' }", "'age > 3', severity: warn }");
    let differs = diff(&contract(&warn, SCHEMA), &contract(YAML, SCHEMA));
    let [rule] = &differs.rules[..] else {
        panic!("{differs:?}")
    };
    assert_eq!((rule.change.word(), rule.breaks), ("tightened", true));
}

#[test]
fn a_field_that_comes_or_goes_is_held_against_avros_rules_both_ways() {
    let age = r#"{"name": "age", "type": ["null", "int"], "default": null}"#;
    let cases: [(&str, &str, Reads, Reads, &str); 8] = [
        (age, &age.replace("null, \"int", "null,  \"int"), Reads::All, Reads::All, ""),
        (
            age,
            &format!("{age}, {{\"name\": \"city\", \"type\": \"string\"}}"),
            Reads::None("field `city` in reader schema must have a default value".into()),
            Reads::All,
            "added city: text, without a default",
        ),
        (
            age,
            &format!("{age}, {{\"name\": \"city\", \"type\": \"string\", \"default\": \"x\"}}"),
            Reads::All,
            Reads::All,
            "added city: text, by default \"x\"",
        ),
        (
            r#"{"name": "id", "type": "long"},"#,
            r#"{"name": "id", "type": "int"},"#,
            Reads::None("field `id` in reader schema does not match the type in the writer schema: writer schema is `Long`, but reader schema is `Int`".into()),
            Reads::All,
            "changed id: a whole number of 32 bits was a whole number of 64 bits",
        ),
        (
            r#"["null", "int"], "default": null"#,
            r#""int", "default": 0"#,
            Reads::Some,
            Reads::All,
            "tightened age: may not be null any more; changed age: default 0 was null",
        ),
        (r#""b", "c""#, r#""b""#, Reads::Some, Reads::All, "tightened plan: loses symbol `c`"),
        (r#""b", "c""#, r#""b", "c", "d""#, Reads::All, Reads::Some, "loosened plan: takes symbol `d`"),
        (
            r#""name": "age", "#,
            r#""name": "age", "source": "Age (years)", "#,
            Reads::All,
            Reads::All,
            "changed age: is `Age (years)` in text files, was `age`",
        ),
    ];
    for (from, to, new_reads_old, old_reads_new, told) in cases {
        assert!(SCHEMA.contains(from), "{from}");
        let differs = diff(&contract(YAML, SCHEMA), &contract(YAML, &SCHEMA.replace(from, to)));
        let fields = differs
            .fields
            .iter()
            .map(|field| format!("{} {}: {}", field.change.word(), field.field, field.what));
        assert_eq!(fields.collect::<Vec<_>>().join("; "), told, "{to}");
        assert_eq!(
            (differs.new_reads_old, differs.old_reads_new),
            (new_reads_old, old_reads_new),
            "{to}"
        );
    }
}

#[test]
fn a_removed_field_breaks_who_reads_it() {
    let before = SCHEMA.replace(
        r#"{"name": "plan""#,
        r#"{"name": "city", "type": "string"}, {"name": "plan""#,
    );
    let differs = diff(&contract(YAML, &before), &contract(YAML, SCHEMA));
    let [city] = &differs.fields[..] else {
        panic!("{differs:?}")
    };
    assert_eq!((city.change.word(), city.breaks_readers), ("removed", true));
    assert_eq!(differs.new_reads_old, Reads::All);
    assert!(matches!(differs.old_reads_new, Reads::None(_)), "it has no default");
}

#[test]
fn what_a_contract_says_beside_fields_and_rules_is_told_where_it_changes() {
    let cases = [
        (
            "topic: test.row.v1",
            "topic: test.row.v2",
            "topic",
            "test.row.v1 test.row.v2",
            true,
        ),
        ("format: avro", "format: json", "format", "avro json", true),
        ("key: id", "key: size", "key", "id size", true),
        ("key: id", "key: id\nsubject: id", "subject", "none id", false),
        (
            "key: id",
            "key: id\ntext: { decimal: ',' }",
            "text",
            "delimiter ,, encoding utf-8, decimal . delimiter ,, encoding utf-8, decimal ,",
            true,
        ),
        (
            "key: id",
            "key: id\nevent_id: { field: id, within: 7d }",
            "event_id",
            "none id within 604800 s",
            true,
        ),
    ];
    for (from, to, key, values, breaks) in cases {
        let differs = diff(&contract(YAML, SCHEMA), &contract(&YAML.replace(from, to), SCHEMA));
        let [setting] = &differs.settings[..] else {
            panic!("{to}: {differs:?}")
        };
        assert_eq!((setting.key, setting.breaks), (key, breaks), "{to}");
        assert_eq!(format!("{} {}", setting.old, setting.new), values);
    }
    assert!(diff(&contract(YAML, SCHEMA), &contract(YAML, SCHEMA)).is_empty());
}
