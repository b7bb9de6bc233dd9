//! Tests of the file beside this one.

use std::time::Instant;

use muster_spec::SourceId;
use proptest::prelude::*;

use super::*;

fn collector(next: i64, rows_max: usize, bytes_max: usize) -> Collector {
    Collector::new(SourceId(7), "events".into(), 3, next, Limits { rows_max, bytes_max })
}

fn push(collector: &mut Collector, offset: i64, payload: Option<&[u8]>) -> bool {
    collector.push(
        Instant::now(),
        offset,
        1_000 + offset,
        None,
        payload,
        std::iter::empty(),
    )
}

#[test]
fn nothing_received_makes_no_batch() {
    let mut collector = collector(5, 10, 100);
    assert!(collector.close().is_none());
    assert_eq!(collector.next(), 5);
}

#[test]
fn offsets_without_records_are_covered_by_the_delta() {
    let mut collector = collector(5, 10, 100);
    push(&mut collector, 9, Some(b"a"));
    push(&mut collector, 12, Some(b"b"));
    let batch = collector.close().unwrap();
    assert_eq!(batch.delta, OffsetDelta::new(Offset(5), Offset(13)));
    assert_eq!(batch.offsets, [9, 12]);
    assert_eq!(
        (batch.source, batch.partition, &*batch.topic),
        (SourceId(7), 3, "events")
    );
}

#[test]
fn a_record_that_comes_again_is_passed_over() {
    let mut collector = collector(0, 10, 100);
    for offset in [0, 1, 1, 0, 2] {
        push(&mut collector, offset, Some(b"x"));
    }
    assert_eq!(collector.close().unwrap().offsets, [0, 1, 2]);
}

#[test]
fn rows_and_bytes_close_a_batch() {
    let mut by_rows = collector(0, 2, 1_000);
    assert!(!push(&mut by_rows, 0, None));
    assert!(push(&mut by_rows, 1, None));
    let mut by_bytes = collector(0, 1_000, 8);
    assert!(!push(&mut by_bytes, 0, Some(b"1234567")));
    assert!(push(&mut by_bytes, 1, Some(b"8")));
}

#[test]
fn a_null_is_not_an_empty_payload() {
    let mut collector = collector(0, 10, 100);
    push(&mut collector, 0, None);
    push(&mut collector, 1, Some(b""));
    let batch = collector.close().unwrap();
    assert_eq!(
        (batch.payloads.get(0), batch.payloads.get(1)),
        (None, Some(b"".as_slice()))
    );
}

proptest! {
    /// However records are spread over offsets and batches: every record comes out once, deltas meet, none is empty.
    #[test]
    fn deltas_meet_and_hold_every_record_once(
        start in 0_i64..1_000,
        records in prop::collection::vec((1_i64..5, 0_usize..20, any::<bool>()), 0..300),
        rows_max in 1_usize..40,
        bytes_max in 1_usize..400,
    ) {
        let mut collector = collector(start, rows_max, bytes_max);
        let (mut sent, mut batches, mut offset) = (Vec::new(), Vec::new(), start - 1);
        for (step, size, close_after) in records {
            offset += step;
            sent.push(offset);
            let full = push(&mut collector, offset, Some(&vec![1; size]));
            if full || close_after {
                batches.extend(collector.close());
            }
        }
        batches.extend(collector.close());
        let mut next = start;
        for batch in &batches {
            prop_assert!(batch.delta.follows(Offset(next)));
            prop_assert!(batch.len() <= rows_max);
            prop_assert!(batch.offsets.iter().all(|offset| batch.delta.contains(Offset(*offset))));
            prop_assert_eq!(batch.delta.to.0, batch.offsets.last().unwrap() + 1);
            prop_assert_eq!(batch.payloads.len(), batch.len());
            prop_assert_eq!(batch.headers.len(), batch.len());
            next = batch.delta.to.0;
        }
        let received: Vec<i64> = batches.iter().flat_map(|batch| batch.offsets.clone()).collect();
        prop_assert_eq!(received, sent);
    }
}
