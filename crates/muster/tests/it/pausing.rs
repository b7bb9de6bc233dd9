//! Sources that pause: too much is bad, too many keys are to be remembered. The others go on, and `resume` lets it go on.

use std::time::Duration;

use crate::oracle::{Outcome, Producer, check};
use crate::world::{INGEST, World};

const LIMIT: Duration = Duration::from_mins(1);

/// The condition the only paused source is paused for, and its partition.
fn paused(world: &World) -> String {
    world.ask("SELECT split_part(paused_reason, ':', 1) || ' ' || partition FROM sources WHERE paused_reason <> ''")
}

fn alerts(world: &World, condition: &str) -> String {
    world.ask(&format!("SELECT count(*) FROM alerts WHERE condition = '{condition}'"))
}

fn resume(world: &World) {
    let resumed = [
        "resume",
        "--topic",
        &world.topic,
        "--partition",
        "1",
        "--format",
        "json",
    ];
    let resumed = world.run(&resumed).with_code(0).json();
    assert_eq!(resumed["resumed"].as_array().unwrap().len(), 1);
}

#[test]
fn a_source_with_too_much_bad_pauses_alone_and_goes_on_past_it_when_it_is_resumed() {
    let limits = ("ratio: 0.95, rows: 10000", "ratio: 0.5, rows: 200");
    let Some(world) = World::altered("stopped-above", 3, &[limits]) else {
        return;
    };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(600);
    let mut worker = world.ingest();
    world.wait_received(producer.log.records(), LIMIT);
    producer.send_undecodable(1, 700);
    worker.wait_said("paused a source", LIMIT);
    producer.send(600);
    let others = producer.log.incarnations[0][0].len() + producer.log.incarnations[0][2].len();
    let of_others = "SELECT sum(received) FROM batches JOIN sources ON sources.id = source_id WHERE partition <> 1";
    let begun = std::time::Instant::now();
    while world.ask(of_others) != others.to_string() {
        assert!(begun.elapsed() < LIMIT, "the others stopped too:\n{}", worker.said());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(worker.runs());
    assert_eq!(paused(&world), "stop_above 1");
    assert_eq!(alerts(&world, "stop_above"), "1");
    assert!(worker.metric("muster_source_paused") > 0.0);
    worker.signal("TERM");
    worker.wait(LIMIT).with_code(3);
    world.run(&["ingest", "--once"]).with_code(3);

    // Somebody has looked: each time it is resumed it goes on, until the bad stretch is behind it.
    let mut resumes = 0;
    while world.received() < producer.log.records() {
        assert!(resumes < 8, "resuming does not help");
        resumes += 1;
        let before = world.received();
        resume(&world);
        let ended = world.run(&["ingest", "--once"]);
        assert!([Some(0), Some(3)].contains(&ended.status.code()), "{}", ended.said);
        assert!(world.received() > before, "it goes on");
    }
    world.run(&["ingest", "--once"]).with_code(0);
    check(&world, &producer.log, false);
}

#[test]
fn a_source_with_too_many_keys_pauses_alone_and_goes_on_when_there_is_room_and_it_is_resumed() {
    let few = ("keys_max: 1000000 }", "keys_max: 300 }");
    let Some(world) = World::altered("full", 3, &[few]) else {
        return;
    };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    for number in 0..600 {
        let partition = if number < 300 { number as usize % 3 } else { 1 };
        producer.send_as(partition, number, number, Outcome::Good);
    }
    producer.flush();
    world.run(&["ingest", "--once"]).with_code(3);
    assert_eq!(paused(&world), "keys_full 1");
    assert_eq!(alerts(&world, "keys_full"), "1");
    let of_others = "SELECT sum(received) FROM batches JOIN sources ON sources.id = source_id WHERE partition <> 1";
    assert_eq!(world.ask(of_others), "200", "the others went on");

    let contract = world.path().join("schemas/school.visit.contract.yaml");
    let text = std::fs::read_to_string(&contract).unwrap();
    std::fs::write(&contract, text.replace(few.1, few.0)).unwrap();
    world.run(&["ingest", "--once"]).with_code(3);
    let worker = world.start(&INGEST);
    worker.wait_said("took a source", LIMIT);
    resume(&world);
    world.wait_received(600, LIMIT);
    worker.signal("TERM");
    worker.wait(LIMIT).with_code(0);
    check(&world, &producer.log, false);
}
