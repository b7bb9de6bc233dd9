//! Tests of the sample generator.

use super::*;

fn bytes(plan: Plan) -> (Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    let made = write(plan, folder.path(), |_| ()).unwrap();
    (
        std::fs::read(&made.files[0]).unwrap(),
        std::fs::read_to_string(&made.truth).unwrap(),
    )
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_another_seed_others() {
    let plan = Plan {
        rows: 500,
        faults: 0.2,
        seed: 7,
    };
    assert_eq!(bytes(plan), bytes(plan));
    assert_ne!(bytes(plan).0, bytes(Plan { seed: 8, ..plan }).0);
}

#[test]
fn no_fault_means_an_empty_truth_and_no_misfit_file() {
    let folder = tempfile::tempdir().unwrap();
    let made = write(
        Plan {
            rows: 300,
            faults: 0.0,
            seed: 1,
        },
        folder.path(),
        |_| (),
    )
    .unwrap();
    assert_eq!(made.files.len(), 1);
    assert_eq!(std::fs::read_to_string(made.truth).unwrap(), "file,row,rule\n");
}

#[test]
fn every_kind_of_fault_appears() {
    let truth = bytes(Plan {
        rows: 3_000,
        faults: 0.5,
        seed: 3,
    })
    .1;
    for ending in [
        ".required",
        "row.ragged",
        "columns",
        ".type",
        ".range",
        ".level",
        ".unique",
        ".format",
        ".encoding",
        "record.undecodable",
    ] {
        assert!(
            truth.lines().any(|line| line.ends_with(ending)),
            "no `{ending}` among the faults"
        );
    }
}
