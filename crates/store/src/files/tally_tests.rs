//! Tests of the file beside this one.

use muster_spec::FileSha;
use proptest::prelude::*;

use super::*;

#[test]
fn event_times_without_a_time_have_no_bounds() {
    assert_eq!(bounds(&[]), None);
    assert_eq!(bounds(&[i64::MIN, i64::MIN]), None);
    assert_eq!(bounds(&[i64::MIN, 5, -3, i64::MIN]), Some((-3, 5)));
    assert_eq!(join(None, Some((1, 2))), Some((1, 2)));
    assert_eq!(join(Some((1, 2)), Some((0, 1))), Some((0, 2)));
    assert_eq!(join(None, None), None);
}

proptest! {
    #[test]
    fn offsets_as_ranges_hold_exactly_those_offsets(offsets in prop::collection::btree_set(0..200i64, 0..100)) {
        let mut ranges = Vec::new();
        for &offset in &offsets {
            add_offset(&mut ranges, offset);
        }
        let back: Vec<i64> = ranges.iter().flat_map(|(from, to)| *from..*to).collect();
        prop_assert_eq!(back, offsets.into_iter().collect::<Vec<_>>());
        prop_assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "ranges that meet are one");
    }

    #[test]
    fn joined_rows_of_files_hold_exactly_those_rows(
        ranges in prop::collection::vec((0..3u8, 0..60u64, 0..9u64), 0..40),
    ) {
        let given: Vec<FileRows> = ranges
            .iter()
            .map(|(file, from, length)| FileRows { file: FileSha([*file; 32]), from: *from, to: from + length })
            .collect();
        let rows = |ranges: &[FileRows]| -> std::collections::BTreeSet<(FileSha, u64)> {
            ranges.iter().flat_map(|range| (range.from..range.to).map(|row| (range.file, row))).collect()
        };
        let out = joined(given.clone());
        prop_assert_eq!(rows(&out), rows(&given));
        let apart = |pair: &[FileRows]| pair[0].file != pair[1].file || pair[0].to < pair[1].from;
        prop_assert!(out.windows(2).all(apart));
    }
}
