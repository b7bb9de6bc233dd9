//! Tests of the file beside this one.

use super::*;

#[test]
fn a_row_without_a_key_always_goes_to_the_same_partition() {
    let file = FileSha([7; 32]);
    // Fixed: another version of this program must choose the same ones.
    let chosen: Vec<i32> = (0..8).map(|row| partition_of_row(&file, row, 6)).collect();
    assert_eq!(chosen, [2, 0, 2, 5, 4, 4, 3, 3]);
}

#[test]
fn rows_spread_evenly_over_partitions() {
    for partitions in [1, 3, 6, 16] {
        let mut counts = vec![0; partitions as usize];
        for row in 0..60_000 {
            counts[partition_of_row(&FileSha([1; 32]), row, partitions) as usize] += 1;
        }
        let even = 60_000 / partitions;
        assert!(
            counts
                .iter()
                .all(|count| (even * 9 / 10..=even * 11 / 10).contains(count)),
            "{counts:?}"
        );
    }
}

#[test]
fn other_files_spread_their_rows_otherwise() {
    let spread = |file: u8| {
        (0..64)
            .map(|row| partition_of_row(&FileSha([file; 32]), row, 6))
            .collect::<Vec<_>>()
    };
    assert_ne!(spread(1), spread(2));
}

#[test]
fn what_can_not_be_delivered_is_reported_once() {
    let mut config = PublisherConfig::new(crate::Connection::new("127.0.0.1:1"));
    config.delivery_timeout_ms = 300;
    let publisher = Publisher::new(&config).unwrap();
    let record = Outgoing {
        topic: "t",
        partition: Some(0),
        key: None,
        payload: None,
        headers: &[],
        timestamp_ms: None,
    };
    for _ in 0..3 {
        publisher.send(&record).unwrap();
    }
    let error = publisher.flush(Duration::from_secs(20)).unwrap_err();
    assert!(
        matches!(error, Error::Delivery { failed: 3, .. } | Error::Fatal { .. }),
        "{error}"
    );
    assert_eq!(
        publisher.deliveries(),
        Deliveries {
            sent: 3,
            acknowledged: 0,
            failed: 3
        }
    );
}
