//! What records carry comes through as it was sent.

use muster_stream::{Outgoing, PublisherConfig, partition_of_row};

use crate::oracle::{Desk, Ledger, Process, wait_until};
use crate::world::{PATIENCE, World};

struct Case {
    key: Option<&'static [u8]>,
    payload: Option<&'static [u8]>,
    headers: &'static [(&'static str, Option<&'static [u8]>)],
    timestamp_ms: Option<i64>,
}

const CASES: [Case; 6] = [
    Case {
        key: Some(b"k"),
        payload: Some(b"all there"),
        headers: &[("one", Some(b"1"))],
        timestamp_ms: Some(1),
    },
    Case {
        key: Some(b"k"),
        payload: None,
        headers: &[],
        timestamp_ms: Some(2),
    },
    Case {
        key: None,
        payload: Some(b""),
        headers: &[],
        timestamp_ms: Some(3),
    },
    Case {
        key: Some(b""),
        payload: Some(&[0, 255, 0]),
        headers: &[("null", None), ("", Some(b""))],
        timestamp_ms: Some(5),
    },
    Case {
        key: None,
        payload: None,
        headers: &[("twice", Some(b"a")), ("twice", Some(b"b"))],
        timestamp_ms: Some(4),
    },
    Case {
        key: Some(&[255, 254]),
        payload: Some(b"\xff\xfe no utf-8"),
        headers: &[("raw", Some(&[0, 1, 255]))],
        timestamp_ms: Some(1_700_000_000_000),
    },
];

#[test]
fn a_tombstone_a_missing_key_and_a_null_header_stay_what_they_are() {
    let Some(world) = World::new("records", 1) else { return };
    let publisher = world.publisher();
    for case in &CASES {
        let outgoing = Outgoing {
            topic: &world.topic,
            partition: Some(0),
            key: case.key,
            payload: case.payload,
            headers: case.headers,
            timestamp_ms: case.timestamp_ms,
        };
        publisher.send(&outgoing).unwrap();
    }
    publisher.flush(PATIENCE).unwrap();

    let process = Process::start(world.config(), Desk::new(&std::sync::Arc::new(Ledger::default())));
    let received = || {
        process
            .batches
            .lock()
            .unwrap()
            .iter()
            .map(muster_batch::RawBatch::len)
            .sum::<usize>()
    };
    wait_until(20, "all records", || received() == CASES.len());
    let batches = process.batches.lock().unwrap().clone();
    let mut cases = CASES.iter();
    for batch in &batches {
        for row in 0..batch.len() {
            let case = cases.next().unwrap();
            assert_eq!(batch.payloads.get(row), case.payload);
            assert_eq!(batch.keys.get(row), case.key);
            assert_eq!(batch.headers.iter(row).collect::<Vec<_>>(), case.headers);
            assert_eq!(Some(batch.timestamps[row]), case.timestamp_ms);
        }
    }
    process.stop();
}

#[test]
fn rows_bytes_and_time_each_close_a_batch() {
    let Some(world) = World::new("closing", 1) else { return };
    world.publish(0, 5_000);
    for (rows_max, bytes_max, expected_max) in [(100, 1 << 20, 100), (8192, 1_000, 112)] {
        let mut config = world.config();
        config.group = format!("{}.{rows_max}", config.group);
        config.batch_rows_max = rows_max;
        config.batch_bytes_max = bytes_max;
        config.batch_open_ms = 60_000;
        let ledger = std::sync::Arc::new(Ledger::default());
        let process = Process::start(config, Desk::new(&ledger));
        wait_until(20, "most records", || ledger.count() >= 4_900);
        let batches = process.batches.lock().unwrap().clone();
        assert!(
            batches.iter().all(|batch| batch.len() <= expected_max),
            "{rows_max} {bytes_max}"
        );
        assert!(batches.iter().all(|batch| batch.byte_len() < bytes_max + 20));
        // What is left is closed by time alone, which here never comes, or by draining.
        process.receiver.drain();
        wait_until(10, "drained", || process.was_told("Drained"));
        ledger.assert_clean(5_000);
        process.stop();
    }
}

#[test]
fn a_full_log_read_to_its_end_is_told_after_its_last_batch() {
    let Some(world) = World::new("end", 2) else { return };
    world.publish(0, 3_000);
    let ledger = std::sync::Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "both ends", || {
        process
            .told
            .lock()
            .unwrap()
            .iter()
            .filter(|event| event.contains("CaughtUp"))
            .count()
            == 2
    });
    ledger.assert_clean(3_000);
    wait_until(5, "lag of nothing", || {
        let lag = process.receiver.lag();
        lag.len() == 2 && lag.iter().all(|lag| lag.offsets() == Some(0) && lag.fetching)
    });
    process.stop();
}

#[test]
fn a_published_row_without_a_key_is_found_in_its_partition() {
    let Some(world) = World::new("keyless", 6) else { return };
    let config = PublisherConfig::new(muster_stream::Connection::new(&world.brokers));
    let publisher = muster_stream::Publisher::new(&config).unwrap();
    let file = muster_spec::FileSha([9; 32]);
    for row in 0_u64..100 {
        let payload = row.to_le_bytes();
        let partition = Some(partition_of_row(&file, row, 6));
        let outgoing = Outgoing {
            topic: &world.topic,
            partition,
            key: None,
            payload: Some(&payload),
            headers: &[],
            timestamp_ms: None,
        };
        publisher.send(&outgoing).unwrap();
    }
    let deliveries = publisher.flush(PATIENCE).unwrap();
    assert_eq!(
        (deliveries.sent, deliveries.acknowledged, deliveries.failed),
        (100, 100, 0)
    );
    let ledger = std::sync::Arc::new(Ledger::default());
    let process = Process::start(world.config(), Desk::new(&ledger));
    wait_until(20, "all rows", || ledger.count() == 100);
    for batch in process.batches.lock().unwrap().iter() {
        for payload in batch.payloads.iter().flatten() {
            let row = u64::from_le_bytes(*payload.first_chunk().unwrap());
            assert_eq!(batch.partition, partition_of_row(&file, row, 6));
        }
    }
    ledger.assert_clean(100);
    process.stop();
}
