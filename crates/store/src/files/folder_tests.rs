//! Tests of the file beside this one.

use super::*;

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("good-data"), "in the way").unwrap();
    let store = FolderStore::new(place.path());
    let error = store.create("good-data/a", "x").err().unwrap();
    let text = error.to_string();
    assert!(text.contains("good-data/a") && text.contains("os error"), "{text}");
}

#[test]
fn two_files_of_one_name_do_not_meet() {
    let place = tempfile::tempdir().unwrap();
    let store = FolderStore::new(place.path());
    let mut one = store.create("a/b", "x").unwrap();
    let mut two = store.create("a/b", "x").unwrap();
    one.write_all(b"one").unwrap();
    two.write_all(b"two").unwrap();
    assert_ne!(one.path(), two.path());
    one.rename("x.parquet", false).unwrap();
    assert!(two.rename("x.parquet", false).is_err());
    assert_eq!(fs::read(place.path().join("a/b/x.parquet")).unwrap(), b"one");
    two.rename("x.parquet", true).unwrap();
    assert_eq!(fs::read(place.path().join("a/b/x.parquet")).unwrap(), b"two");
    assert_eq!(store.list("").unwrap(), vec!["a/b/x.parquet"]);
}

#[test]
fn what_is_gone_is_gone_already() {
    let place = tempfile::tempdir().unwrap();
    let store = FolderStore::new(place.path());
    store.remove("a/b").unwrap();
    assert_eq!(store.list("nowhere").unwrap(), Vec::<String>::new());
    assert!(matches!(store.open("a/b"), Err(Error::Damaged { .. })));
}
