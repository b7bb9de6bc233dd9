//! A folder that cannot be written: nothing goes in, nothing is lost, and it goes on when the folder is there again.

use std::time::Duration;

use crate::oracle::{Producer, check};
use crate::world::World;

const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn a_folder_that_cannot_be_written_is_waited_for_without_a_restart() {
    let Some(world) = World::new("disk", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(300);
    let ingest = world.ingest();
    world.wait_received(producer.log.records(), LIMIT);
    let (folder, aside) = (world.path().join("good-data"), world.path().join("aside"));
    std::fs::rename(&folder, &aside).unwrap();
    // A file where the folder should be: no file can be made in it, whoever asks.
    std::fs::write(&folder, "").unwrap();
    producer.send(300);
    ingest.wait_said("could not seal", LIMIT);
    let received = world.received();
    assert!(
        received < producer.log.records(),
        "nothing of what could not be sealed is in the ledger"
    );
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    world.wait_received(producer.log.records(), LIMIT);
    ingest.wait_ready(LIMIT);
    ingest.signal("TERM");
    ingest.wait(LIMIT).with_code(0);
    check(&world, &producer.log, false);
}
