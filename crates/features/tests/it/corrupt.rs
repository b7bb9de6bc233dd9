//! Files that are not what was sealed: each is an error that names the file, and no row of it is used.

use std::fs;

use muster_features::{Error, GoodFile, View, compute};
use muster_spec::Contract;
use sha2::{Digest, Sha256};

use crate::project::{Row, batch, contract, pipeline, seal};

fn view(contract: &Contract) -> View {
    View::compile(
        &pipeline("SELECT hours FROM hr.person", "rows", ""),
        std::slice::from_ref(contract),
    )
    .unwrap()
}

fn rows() -> Vec<Row> {
    (0..50).map(|offset| Row::new(1, "t", 0, offset)).collect()
}

async fn told(files: &[GoodFile]) -> Error {
    compute(&view(&contract("hr.person")), files, None, false)
        .await
        .expect_err("a file is not what was sealed")
}

/// Makes a file's listed length and hash those of the bytes it has now.
fn listed_as_it_is(file: &mut GoodFile) {
    let bytes = fs::read(&file.path).unwrap();
    file.bytes = bytes.len() as u64;
    file.sha256 = Sha256::digest(&bytes).into();
}

#[tokio::test]
async fn a_file_that_is_missing_truncated_or_altered_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let good = seal(folder.path(), "good.parquet", &batch(&rows()));
    let file = seal(folder.path(), "damaged.parquet", &batch(&rows()));
    let files = [good, file.clone()];
    let bytes = fs::read(&file.path).unwrap();

    fs::write(&file.path, &bytes[..bytes.len() / 2]).unwrap();
    let error = told(&files).await;
    assert!(matches!(error, Error::Length { .. }), "{error}");
    assert_eq!(error.corrupt(), Some(file.path.as_path()));

    let mut altered = bytes.clone();
    altered[100] ^= 1;
    fs::write(&file.path, &altered).unwrap();
    let error = told(&files).await;
    assert!(matches!(error, Error::Altered { .. }), "{error}");
    assert_eq!(error.corrupt(), Some(file.path.as_path()));

    fs::remove_file(&file.path).unwrap();
    let error = told(&files).await;
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert_eq!(error.corrupt(), Some(file.path.as_path()));

    fs::create_dir(&file.path).unwrap();
    assert!(told(&files).await.to_string().contains("damaged.parquet"));
}

#[tokio::test]
async fn a_sealed_file_that_is_no_parquet_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let good = seal(folder.path(), "good.parquet", &batch(&rows()));
    let mut file = seal(folder.path(), "garbage.parquet", &batch(&rows()));
    fs::write(&file.path, vec![7; 500]).unwrap();
    listed_as_it_is(&mut file);
    let error = told(&[good, file.clone()]).await;
    assert_eq!(error.corrupt(), Some(file.path.as_path()), "{error}");
}

#[tokio::test]
async fn a_file_that_holds_other_rows_than_listed_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = seal(folder.path(), "good.parquet", &batch(&rows()));
    file.rows += 1;
    let error = told(&[file]).await;
    assert!(matches!(error, Error::Rows { given: 50, listed: 51 }), "{error}");
}

#[tokio::test]
async fn a_file_of_another_contract_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = seal(folder.path(), "good.parquet", &batch(&rows()));
    file.contract = "lms.completion".into();
    let error = told(&[file]).await;
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
}

#[tokio::test]
async fn a_path_with_signs_of_urls_and_patterns_is_only_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a b%20c?d#e/[x]*{y}.parquet", "..dots/ü\\n.good", "_hidden/.x=1/f"];
    for name in names {
        let file = seal(folder.path(), name, &batch(&rows()));
        let frame = compute(&view(&contract("hr.person")), &[file], None, false)
            .await
            .unwrap();
        assert_eq!(frame.features.num_rows(), 50, "{name}");
    }
}
