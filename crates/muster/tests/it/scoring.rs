//! Scorers that share the work, and files that are not what was sealed.

use std::time::Duration;

use crate::oracle::{Producer, check};
use crate::world::{PIPELINE, World};

const LIMIT: Duration = Duration::from_mins(1);

/// A world with six batches and a champion.
pub fn trained(name: &str) -> Option<(World, Producer)> {
    let world = World::new(name, 3)?;
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    for _ in 0..2 {
        producer.send(600);
        world.run(&["ingest", "--once"]).with_code(0);
    }
    world.run(&["train", PIPELINE, "--fold-seeds", "1"]).with_code(0);
    Some((world, producer))
}

#[test]
fn scorers_at_work_at_once_score_every_row_once() {
    let Some((world, producer)) = trained("scorers") else {
        return;
    };
    // Each rests after taking a claim, so that they do meet.
    let scorers: Vec<_> = (0..3)
        .map(|_| world.start_failing(&["score", "--once", "--format", "json"], "claim=sleep(300)"))
        .collect();
    let mut batches = 0;
    for scorer in scorers {
        let passes = scorer.wait(LIMIT).with_code(0).json();
        batches += passes[0]["batches"].as_u64().unwrap();
    }
    assert_eq!(batches, 6, "each batch by one of them");
    check(&world, &producer.log, true);
    let again = world.run(&["score", "--once", "--format", "json"]).with_code(0).json();
    assert_eq!(again[0]["state"], "skipped");
}

#[test]
fn a_batch_whose_file_was_altered_is_parked_and_the_others_are_scored() {
    let Some((world, producer)) = trained("altered") else {
        return;
    };
    let (file, rows) = {
        let listed = world.ask("SELECT path || ' ' || rows FROM files WHERE kind = 'good' ORDER BY id LIMIT 1");
        let (path, rows) = listed.split_once(' ').unwrap();
        (world.path().join(path), rows.parse::<u64>().unwrap())
    };
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();

    let passes = world.run(&["score", "--once", "--format", "json"]).with_code(0).json();
    assert_eq!(
        (&passes[0]["corrupt"], &passes[0]["batches"]),
        (&1.into(), &5.into()),
        "{passes}"
    );
    let good = producer.log.count(&crate::oracle::Outcome::Good);
    assert_eq!(world.ask("SELECT count(*) FROM predictions"), (good - rows).to_string());
    assert_eq!(
        world.ask("SELECT count(*) FROM claims WHERE state = 'corrupt' AND message <> ''"),
        "1"
    );
    assert_eq!(
        world.ask("SELECT count(*) FROM alerts WHERE condition = 'batch_corrupt'"),
        "1"
    );
}
