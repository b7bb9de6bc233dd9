//! Files as events: a publisher that dies, and one that takes up where the ledger is.

use std::fmt::Write;
use std::time::Duration;

use crate::world::{CONTRACT, World};

const ROWS: u64 = 3_000;

/// A file of which every tenth row has an unknown level.
fn file() -> String {
    let mut text = "number,level,hours,occurred_at,target\n".to_owned();
    for number in 0..ROWS {
        let level = if number % 10 == 0 { "medium" } else { "middle" };
        writeln!(text, "{number},{level},{}.5,2026-03-01T00:00:00Z,", number % 90).unwrap();
    }
    text
}

#[test]
fn a_publisher_killed_halfway_and_resumed_puts_every_row_of_the_file_in_once() {
    let Some(world) = World::new("publish", 3) else { return };
    let path = world.path().join("visits.csv");
    std::fs::write(&path, file()).unwrap();
    let path = path.to_str().unwrap();
    let publish = ["publish", path, "--contract", CONTRACT];
    let dying = world.start(&[&publish[..], &["--rate", "1000"]].concat());
    std::thread::sleep(Duration::from_millis(1500));
    drop(dying);
    world.run(&["ingest", "--once"]).with_code(0);
    let held = world.received();
    assert!((1..ROWS).contains(&held), "{held} rows were published before it died");
    let resumed = [&publish[..], &["--resume", "--format", "json"]].concat();
    let published = world.run(&resumed).with_code(0).json();
    assert_eq!(published[0][1]["sent"], ROWS - held, "{published}");
    // Somebody forgets to say `--resume`: every row comes again, and none goes in again.
    world.run(&publish).with_code(0);
    world.run(&["ingest", "--once"]).with_code(0);
    let shown = world.run(&["reconcile", "--format", "json"]).with_code(0).json();
    let rows = shown["reconcile"].as_array().unwrap();
    let sum = |column: &str| rows.iter().map(|row| row[column].as_u64().unwrap()).sum::<u64>();
    let sums = ["received", "good", "bad", "duplicate", "tombstone"].map(sum);
    assert_eq!(sums, [2 * ROWS, ROWS - ROWS / 10, ROWS / 10, ROWS, 0]);
    let repeated = world.run(&resumed).with_code(0).json();
    assert_eq!(repeated[0][1]["sent"], 0, "{repeated}");
}
