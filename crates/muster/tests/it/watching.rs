//! `ingest --watch`: files that are dropped while it runs, and what is published of them after a restart.

use std::fmt::Write as _;
use std::time::Duration;

use muster_sandbox::kafka::operator::read_topic;

use crate::program::Program;
use crate::world::{CONTRACT, INGEST, World};

const LIMIT: Duration = Duration::from_mins(1);
const ROWS: u64 = 1_000;

/// A file of numbered rows.
fn file(from: u64, rows: u64) -> String {
    let mut text = "number,level,hours,occurred_at,target\n".to_owned();
    for number in from..from + rows {
        writeln!(text, "{number},middle,{}.5,2026-03-01T00:00:00Z,", number % 90).unwrap();
    }
    text
}

fn watch(world: &World) -> Program {
    world.start(&[&INGEST[..], &["--watch"]].concat())
}

/// What it says of a file it has published.
fn published(ingest: &Program, name: &str) -> String {
    let begun = std::time::Instant::now();
    loop {
        let said = ingest.said();
        let line = said
            .lines()
            .find(|line| line.contains("published a file") && line.contains(name));
        if let Some(line) = line {
            return line.to_owned();
        }
        assert!(begun.elapsed() < LIMIT, "`{name}` was not published:\n{said}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn end(ingest: Program) {
    ingest.signal("TERM");
    ingest.wait(LIMIT).with_code(0);
}

#[test]
fn a_file_dropped_while_it_runs_goes_in_once_and_after_a_restart_only_what_is_missing() {
    let Some(world) = World::new("watched", 3) else { return };
    let folder = world.path().join("raw-data").join(CONTRACT);
    std::fs::create_dir_all(&folder).unwrap();
    let ingest = watch(&world);
    ingest.wait_said("took a source", LIMIT);
    std::fs::write(folder.join("first.csv"), file(0, ROWS)).unwrap();
    let told = published(&ingest, "first.csv");
    assert!(told.contains(&format!("sent={ROWS}")), "{told}");
    world.wait_received(ROWS, LIMIT);
    assert!(folder.join("first.csv").exists(), "it is left in place");
    end(ingest);
    assert_eq!(read_topic(&world.brokers, &world.topic).unwrap().len() as u64, ROWS);

    // Half of another file is published by somebody who dies.
    let second = world.path().join("second.csv");
    std::fs::write(&second, file(ROWS, 2 * ROWS)).unwrap();
    let dying = world.start(&[
        "publish",
        second.to_str().unwrap(),
        "--contract",
        CONTRACT,
        "--rate",
        "1000",
    ]);
    std::thread::sleep(Duration::from_millis(1200));
    drop(dying);
    world.run(&["ingest", "--once"]).with_code(0);
    let held = world.received() - ROWS;
    assert!(
        (1..2 * ROWS).contains(&held),
        "{held} rows were published before it died"
    );
    std::fs::rename(&second, folder.join("second.csv")).unwrap();
    let ingest = watch(&world);
    let told = published(&ingest, "first.csv");
    assert!(
        told.contains("sent=0") && told.contains(&format!("held={ROWS}")),
        "{told}"
    );
    let told = published(&ingest, "second.csv");
    assert!(
        told.contains(&format!("sent={} held={held}", 2 * ROWS - held)),
        "{told}"
    );
    world.wait_received(3 * ROWS, LIMIT);
    end(ingest);
    assert_eq!(read_topic(&world.brokers, &world.topic).unwrap().len() as u64, 3 * ROWS);
    assert_eq!(
        world.ask("SELECT sum(received) || ' ' || sum(good) || ' ' || sum(duplicate) FROM batches"),
        format!("{0} {0} 0", 3 * ROWS)
    );
}
