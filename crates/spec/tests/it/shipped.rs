//! The contracts and pipelines that come with the repository.

use std::path::{Path, PathBuf};

use muster_spec::{Contract, Pipeline, Problem, read};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn contract(name: &str) -> Contract {
    let folder = root().join("schemas");
    let file = format!("{name}.contract.yaml");
    let yaml = std::fs::read_to_string(folder.join(&file)).unwrap();
    let open = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    read::contract(name, &format!("schemas/{file}"), &yaml, &open)
        .unwrap_or_else(|problems| panic!("{}", told(&problems)))
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn the_candidate_contract_has_its_22_rules() {
    let contract = contract("hr.candidate");
    let declared = contract.rules.iter().filter(|rule| rule.place.is_some()).count();
    assert_eq!(declared, 22);
    assert_eq!(contract.fields.len(), 15);
}
