//! The oracle held to its own promise: it sees a single record that is not where it should be.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Log, Outcome, Producer, check};
use crate::world::{PIPELINE, World};

type Plant = fn(&mut Log);

/// What is planted, by name.
const FAULTS: [(&str, Plant); 6] = [
    ("a record that the ledger does not hold", |log| {
        let last = log.incarnations[0][1].last().unwrap().clone();
        log.incarnations[0][1].push(last);
    }),
    ("a record that the ledger holds twice", |log| {
        log.incarnations[0][1].pop();
    }),
    ("a bad row among the good", |log| {
        let good = log.incarnations[0][2]
            .iter_mut()
            .find(|sent| sent.outcome == Outcome::Good);
        good.unwrap().outcome = Outcome::Bad(vec!["level.level".to_owned()]);
    }),
    ("a row in another's place", |log| {
        let good = log.incarnations[0][0]
            .iter_mut()
            .find(|sent| sent.outcome == Outcome::Good);
        good.unwrap().number += 1;
    }),
    ("a bad record whose bytes have changed", |log| {
        let bad = log.incarnations[0][0].iter_mut().find(|sent| !sent.payload.is_empty());
        bad.unwrap().payload.push(0);
    }),
    ("a dead letter with another key", |log| {
        let bad = log.incarnations[0][1].iter_mut().find(|sent| !sent.payload.is_empty());
        bad.unwrap().key = Some(b"another".to_vec());
    }),
];

#[test]
fn the_oracle_sees_every_planted_fault() {
    let Some(world) = World::new("planted", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(600);
    world.run(&["ingest", "--once"]).with_code(0);
    assert_eq!(check(&world, &producer.log, false), 0);
    for (name, plant) in FAULTS {
        let mut log = producer.log.clone();
        plant(&mut log);
        assert!(
            catch_unwind(|| check(&world, &log, false)).is_err(),
            "{name} went by unseen"
        );
    }
    let unscored = catch_unwind(AssertUnwindSafe(|| check(&world, &producer.log, true)));
    assert!(unscored.is_err(), "rows without predictions went by unseen");
    world.run(&["train", PIPELINE, "--fold-seeds", "1"]).with_code(0);
    world.run(&["score", "--once"]).with_code(0);
    check(&world, &producer.log, true);
    world.order("INSERT INTO predictions SELECT * FROM predictions LIMIT 1");
    let doubled = catch_unwind(AssertUnwindSafe(|| check(&world, &producer.log, true)));
    assert!(doubled.is_err(), "a row scored twice went by unseen");
}
