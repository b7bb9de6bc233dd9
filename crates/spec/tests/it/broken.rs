//! Every broken file of the folder `broken` and what is said about it, in the `.expected` file beside it.
//!
//! `MUSTER_UPDATE_EXPECTED=1` writes the `.expected` files anew; read the difference before committing it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::folder::{contract, folder, pipeline, target, text, told};

fn files(folder: &Path, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = names.filter(|name| name.ends_with(ending)).collect();
    names.into_iter().collect()
}

/// Holds what was said against the `.expected` file; the difference, if there is one.
fn difference(folder: &Path, file: &str, said: &str) -> Option<String> {
    let expected_file = file.replace(".yaml", ".expected");
    if std::env::var_os("MUSTER_UPDATE_EXPECTED").is_some() {
        std::fs::write(folder.join(&expected_file), said).unwrap();
    }
    let expected = text(folder, &expected_file).unwrap_or_default();
    (expected != said).then(|| format!("--- {expected_file}\n{expected}\n--- now\n{said}\n"))
}

#[test]
fn a_broken_contract_has_all_its_problems_told() {
    let folder = folder("tests/broken");
    let files = files(&folder, ".contract.yaml");
    assert!(files.len() > 15);
    let differences = files
        .iter()
        .filter(|file| *file != "good.contract.yaml")
        .filter_map(|file| {
            let problems = contract(&folder, "broken", file).expect_err(file);
            difference(&folder, file, &told(&problems))
        });
    let differences: String = differences.collect();
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn a_broken_pipeline_has_all_its_problems_told() {
    let folder = folder("tests/broken");
    let good = contract(&folder, "good", "good.contract.yaml").unwrap();
    let files = files(&folder, ".pipeline.yaml");
    assert!(files.len() > 2);
    let differences = files.iter().filter_map(|file| {
        let problems = pipeline(&folder, "broken", file, std::slice::from_ref(&good)).expect_err(file);
        difference(&folder, file, &told(&problems))
    });
    let differences: String = differences.collect();
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn a_broken_alert_target_has_all_its_problems_told_and_none_repeats_a_secret() {
    let folder = folder("tests/broken");
    let files = files(&folder, ".target.yaml");
    assert!(files.len() > 3);
    let differences = files.iter().filter_map(|file| {
        let problems = target(&folder, "broken", file).expect_err(file);
        let said = told(&problems);
        assert!(!said.contains("geheim"), "{file} has its secret told: {said}");
        difference(&folder, file, &said)
    });
    let differences: String = differences.collect();
    assert!(differences.is_empty(), "{differences}");
}
