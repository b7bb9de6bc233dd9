//! Tests of the file beside this one.

use std::collections::BTreeSet;

use super::*;
use proptest::prelude::*;

fn sha(name: u8) -> FileSha {
    FileSha([name; 32])
}

proptest! {
    #[test]
    fn a_row_is_new_once(rows in proptest::collection::vec((0_u8..3, prop_oneof![0_u64..2000, 65_000_u64..66_000, any::<u64>()]), 0..3000)) {
        let mut known = BTreeSet::new();
        let mut file_rows = FileRows::default();
        for (name, row) in &rows {
            prop_assert_eq!(file_rows.insert(sha(*name), *row), known.insert((*name, *row)));
        }
        let all: Vec<(FileSha, u64)> = known.iter().filter(|(_, row)| *row < u64::MAX).map(|(name, row)| (sha(*name), *row)).collect();
        let ranges = ranges(all.iter().rev().copied().collect());
        let listed: Vec<(FileSha, u64)> =
            ranges.iter().flat_map(|range| (range.from..range.to).map(|row| (range.file, row))).collect();
        prop_assert_eq!(&listed, &all);
        prop_assert!(ranges.windows(2).all(|pair| pair[0].file != pair[1].file || pair[0].to < pair[1].from));
        let mut restored = FileRows::default();
        for range in &ranges {
            restored.insert_range(range);
        }
        prop_assert!(all.iter().all(|(file, row)| !restored.insert(*file, *row)));
    }
}

#[test]
fn a_whole_block_is_a_bitmap() {
    let mut file_rows = FileRows::default();
    assert!((0..200_000).all(|row| file_rows.insert(sha(1), row)));
    assert!((0..200_000).all(|row| !file_rows.insert(sha(1), row)));
    assert_eq!(file_rows.files[0].1.len(), 4);
}
