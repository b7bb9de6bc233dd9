//! Tests of the file beside this one: what is to be ingested again when a file is lost.

use muster_spec::{BatchId, RunId};
use muster_store::files::ListedFile;
use muster_store::ledger::verify::Listing;

use super::{Range, fault};

fn listing(partition: i32, delta: Option<(i64, i64)>, run: Option<i64>) -> Listing {
    Listing {
        file: ListedFile::whole("good-data/a.parquet", 1, [0; 32]),
        kind: "good".to_owned(),
        bytes: 1,
        batch: BatchId(7),
        place: ("t".to_owned(), partition),
        delta,
        run: run.map(RunId),
    }
}

#[test]
fn the_ranges_of_a_files_batches_are_told_and_those_that_follow_each_other_as_one() {
    let range = |partition, from, to| Range {
        topic: "t".to_owned(),
        partition,
        from,
        to,
    };
    let merged = [
        listing(0, Some((0, 10)), None),
        listing(0, Some((10, 20)), None),
        listing(0, Some((25, 30)), None),
        listing(1, Some((30, 31)), None),
    ];
    let told = fault(&merged, "gone".to_owned());
    assert_eq!(told.ranges, [range(0, 0, 20), range(0, 25, 30), range(1, 30, 31)]);
    assert_eq!(told.hint, None);

    let repair = fault(&[listing(0, None, None)], "gone".to_owned());
    assert!(repair.ranges.is_empty() && repair.hint.unwrap().contains("batches 7"));
    let both = fault(
        &[listing(0, Some((0, 10)), None), listing(0, None, None)],
        "gone".to_owned(),
    );
    assert_eq!(both.ranges, [range(0, 0, 10)]);
    assert!(both.hint.unwrap().contains("batches 7"), "rows that no topic has");
    let features = fault(&[listing(0, Some((0, 10)), Some(3))], "gone".to_owned());
    assert!(features.ranges.is_empty(), "the rows are there");
    assert!(features.hint.unwrap().contains("run 3"));
}
