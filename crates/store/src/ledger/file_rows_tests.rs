//! Ranges of file rows to the ledger's two forms and back.

use proptest::prelude::*;

use super::*;

const FILE: FileSha = FileSha([7; 32]);

fn range(from: u64, to: u64) -> FileRows {
    FileRows { file: FILE, from, to }
}

/// What a multirange's text and a block's digits say.
fn read_back(ranges_of: &[WireFileRows], blocks: &[WireFileBlock]) -> Vec<FileRows> {
    let mut all = Vec::new();
    for given in ranges_of {
        let inside = given.rows.trim_matches(['{', '}']).split("),");
        all.extend(inside.map(|part| {
            let (from, to) = part.trim_matches(['[', ')']).split_once(',').unwrap();
            range(from.parse().unwrap(), to.parse().unwrap())
        }));
    }
    for given in blocks {
        let digits = given.bits.chars().map(|digit| digit.to_digit(16).unwrap());
        let bits = digits.flat_map(|digit| [8, 4, 2, 1].map(|place| if digit & place == 0 { '0' } else { '1' }));
        let bits: String = bits.collect();
        assert_eq!(bits.len() as u64, BLOCK_ROWS);
        all.extend(ranges(FILE, given.block, &bits));
    }
    joined(all)
}

#[test]
fn every_sixth_row_of_a_file_is_a_few_blocks_and_no_range() {
    let given: Vec<FileRows> = (0..300_000).step_by(6).map(|row| range(row, row + 1)).collect();
    let (ranges, blocks) = packed(&given);
    assert_eq!((ranges.len(), blocks.len()), (0, 5));
    assert_eq!(read_back(&ranges, &blocks), given);
}

#[test]
fn a_whole_file_is_one_range_however_long() {
    let (ranges, blocks) = packed(&[range(0, 10_000_000_000)]);
    assert_eq!(ranges[0].rows, "{[0,10000000000)}");
    assert!(blocks.is_empty());
}

#[test]
fn rows_far_apart_take_no_more_room_than_their_ranges() {
    let given: Vec<FileRows> = (0..1_000).map(|at| range(at << 40, (at << 40) + 1)).collect();
    let (ranges, blocks) = packed(&given);
    assert!(blocks.is_empty());
    assert!(ranges[0].rows.len() < 40 * given.len());
}

proptest! {
    #[test]
    fn nothing_is_lost_or_added(
        dense in 0_u64..3,
        gaps in prop::collection::vec((1_u64..400, 1_u64..400), 1..1500),
        leap in 0_u64..200_000,
    ) {
        let mut at = dense * BLOCK_ROWS / 2;
        let mut given = Vec::new();
        for (number, (gap, length)) in gaps.into_iter().enumerate() {
            at += if dense == 0 { gap } else { 1 + gap % 3 } + if number == 700 { leap } else { 0 };
            let length = if dense == 2 && number == 900 { leap + 1 } else { length % 5 + 1 };
            given.push(range(at, at + length));
            at += length;
        }
        let (ranges, blocks) = packed(&given);
        prop_assert_eq!(read_back(&ranges, &blocks), given);
    }
}
