//! Tests of the file beside this one.

use super::*;
use crate::judge::test_batch::contract;

fn outcomes(tests: &str) -> Vec<(bool, Vec<String>)> {
    let rules = "text: { decimal: ',' }
rules:
  - { id: amount.range, field: amount, between: [0, 1] }
  - { id: amount.small, field: amount, between: [0, 0.5], severity: warn }
  - { id: key.required, field: key, required: true }
  - { id: key.unique, field: key, unique: { within: 1h } }
";
    let outcomes = run_tests(&contract(&format!("{rules}tests:\n{tests}"))).unwrap();
    outcomes
        .into_iter()
        .map(|outcome| (outcome.passed(), outcome.actual))
        .collect()
}

#[test]
fn a_test_passes_when_exactly_its_rules_are_broken() {
    let told = outcomes(
        "  - { given: { key: 1, amount: 0.1 }, expect: [] }
  - { given: { key: 1, amount: 7 }, expect: [amount.small, amount.range] }
  - { given: { key: 1, amount: 7 }, expect: [amount.range] }
  - { given: { amount: '0,25' }, expect: [key.required] }
  - { given: { key: '12', amount: '0.25' }, expect: [amount.type] }
  - { given: { key: 1.5 }, expect: [key.type] }
",
    );
    let passed: Vec<bool> = told.iter().map(|(passed, _)| *passed).collect();
    assert_eq!(passed, [true, true, false, true, true, true], "{told:?}");
    assert_eq!(told[2].1, ["amount.range", "amount.small"]);
}
