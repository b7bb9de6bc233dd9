//! Tests of the file beside this one.

use super::{Problem, nearest};

#[test]
fn a_hint_names_only_what_could_be_meant() {
    let known = ["format", "schema", "topic", "key"];
    assert_eq!(nearest("fromat", &known), Some("format"));
    assert_eq!(nearest("Topic", &known), Some("topic"));
    assert_eq!(nearest("schemas", &known), Some("schema"));
    assert_eq!(nearest("zzz", &known), None);
    assert_eq!(nearest("", &known), None);
    assert_eq!(nearest("x", &[]), None);
}

#[test]
fn a_problem_is_one_line_and_its_hint_another() {
    let mut problem = Problem {
        file: "schemas/a.contract.yaml".into(),
        line: 3,
        column: 7,
        message: "unknown key `fromat`".into(),
        hint: None,
    };
    assert_eq!(problem.to_string(), "schemas/a.contract.yaml:3:7: unknown key `fromat`");
    problem.hint = Some("did you mean `format`?".into());
    assert_eq!(
        problem.to_string(),
        "schemas/a.contract.yaml:3:7: unknown key `fromat`\n  hint: did you mean `format`?"
    );
}
