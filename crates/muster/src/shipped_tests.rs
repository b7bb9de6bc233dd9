//! Tests of the file beside this one.

use std::path::Path;

use super::{PROJECT, SAMPLE, lay_out};
use crate::project::Project;

#[test]
fn a_new_folder_becomes_a_project_that_checks_with_rows_to_publish() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("people");
    assert!(lay_out(&project).unwrap());
    assert_eq!(Project::load(&project).unwrap().contracts.len(), 3);
    assert!(project.join(SAMPLE[0].0).is_file());
    assert!(!lay_out(&project).unwrap(), "it is a project now");
}

#[test]
fn rows_that_are_there_stay_the_only_ones() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("raw-data/hr.candidate")).unwrap();
    assert!(lay_out(folder.path()).unwrap());
    assert!(folder.path().join("schemas/hr.candidate.avsc").is_file());
    assert!(!folder.path().join(SAMPLE[0].0).exists());
}

#[test]
fn a_folder_of_something_else_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.txt"), "").unwrap();
    assert!(!lay_out(folder.path()).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn no_file_of_the_shipped_project_is_left_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for part in ["alerts", "pipelines", "schemas"] {
        for entry in std::fs::read_dir(root.join(part)).unwrap() {
            let path = format!("{part}/{}", entry.unwrap().file_name().to_string_lossy());
            assert!(PROJECT.iter().any(|(shipped, _)| *shipped == path), "{path}");
        }
    }
}
