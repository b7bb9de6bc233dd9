//! Dead letters where nothing goes wrong and where something does: damaged files, a topic that is missing, a ring.

use std::collections::BTreeSet;
use std::time::Duration;

use muster_sandbox::MockBroker;
use muster_sandbox::kafka::operator::read_topic;
use muster_stream::{Connection, Topics};

use crate::oracle::{Producer, check};
use crate::program::{muster, run};
use crate::real_file::fresh_project;
use crate::world::{INGEST, World};

const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn two_workers_at_once_publish_every_dead_letter_once_to_a_topic_they_make() {
    let Some(world) = World::new("letters", 4) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 4);
    let workers = [world.ingest(), world.ingest()];
    for worker in &workers {
        worker.wait_said("took a source", LIMIT);
    }
    for _ in 0..6 {
        producer.send(300);
        std::thread::sleep(Duration::from_millis(400));
    }
    world.wait_received(producer.log.records(), LIMIT);
    // What they have published while they ran, not what they publish on their way out.
    let begun = std::time::Instant::now();
    while world.ask("SELECT count(*) FROM due_bad_files") != "0" {
        assert!(begun.elapsed() < LIMIT, "{}", workers[0].said());
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(3));
    let bad = world.ask("SELECT sum(bad) FROM batches");
    let metric = |name: &str| {
        workers
            .iter()
            .map(|worker| worker.metric(name))
            .sum::<f64>()
            .to_string()
    };
    assert_eq!(metric("muster_dead_letters_published_total"), bad);
    assert_eq!(metric("muster_dead_letter_lag_records"), "0");
    for worker in workers {
        worker.signal("TERM");
        worker.wait(LIMIT).with_code(0);
    }
    assert_eq!(
        check(&world, &producer.log, false),
        0,
        "dead letters were published twice"
    );
    let dead_topic = world.dead_topic();
    let facts = Topics::new(&Connection::new(&world.brokers))
        .unwrap()
        .describe(&[&dead_topic], LIMIT)
        .unwrap();
    assert_eq!(facts[&dead_topic].partitions, 4, "as many as its origin has");
}

#[test]
fn a_damaged_bad_file_is_told_of_once_and_the_other_sources_dead_letters_go_on() {
    let Some(world) = World::new("torn", 3) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(900);
    world
        .start_failing(&INGEST, "dead_letters.publish=return(kill)")
        .wait(LIMIT)
        .killed();
    // What ten seconds would do: the dead worker's lease runs out.
    let later = "UPDATE dead_letter_cursors SET leased_until = clock_timestamp()";
    world.order(later);
    let path = world.ask("SELECT path FROM due_bad_files ORDER BY batch_id LIMIT 1");
    let file = world.path().join(path);
    let whole = std::fs::read(&file).unwrap();
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn[middle] ^= 1;
    std::fs::write(&file, &torn).unwrap();
    let alerts = "SELECT count(*) FROM alerts WHERE condition = 'dead_letters'";
    for _ in 0..2 {
        world.run(&["ingest", "--once"]).with_code(0);
        assert_eq!(world.ask("SELECT count(DISTINCT source_id) FROM due_bad_files"), "1");
        assert_eq!(world.ask(alerts), "1", "known trouble is not told again");
        world.order(later);
    }
    std::fs::remove_file(&file).unwrap();
    world.run(&["ingest", "--once"]).with_code(0);
    assert_eq!(world.ask(alerts), "2", "it is gone: that is news");
    assert_eq!(
        world.ask("SELECT count(*) FROM dead_letter_cursors WHERE fault <> ''"),
        "1"
    );
    std::fs::write(&file, &whole).unwrap();
    world.order(later);
    world.run(&["ingest", "--once"]).with_code(0);
    assert_eq!(check(&world, &producer.log, false), 0);
    assert_eq!(
        world.ask("SELECT count(*) FROM dead_letter_cursors WHERE fault <> ''"),
        "0"
    );
}

#[test]
fn contracts_whose_dead_letter_topics_form_a_ring_send_nothing_round() {
    let Some(world) = World::new("ring", 2) else { return };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 2);
    producer.send(300);
    let schemas = world.path().join("schemas");
    let yaml = std::fs::read_to_string(schemas.join("school.visit.contract.yaml")).unwrap();
    let (dead, topic) = (world.dead_topic(), &world.topic);
    let back = yaml
        .replace(&dead, "DEAD")
        .replace(topic, &dead)
        .replace("DEAD", topic)
        .replace("ce_id", "none");
    std::fs::write(schemas.join("school.dead.contract.yaml"), back).unwrap();
    for _ in 0..3 {
        world.run(&["ingest", "--once"]).with_code(0);
    }
    let again = "SELECT sum(bad) > 0 FROM batches WHERE contract = 'school.dead'";
    assert_eq!(world.ask(again), "t", "they are bad there too");
    let sent = producer.log.records() as usize;
    assert_eq!(
        read_topic(&world.brokers, topic).unwrap().len(),
        sent,
        "nothing came back"
    );
    assert_eq!(world.ask("SELECT count(*) FROM due_bad_files"), "0");
}

#[test]
fn the_demo_publishes_every_dead_letter_once_on_the_in_process_broker() {
    let folder = tempfile::tempdir().unwrap();
    let mut generate = muster();
    generate.args(["generate", "hr.candidate", "--rows", "1500", "--faults", "0.2", "--out"]);
    run({
        generate.arg(folder.path());
        generate
    })
    .with_code(0);
    let project = fresh_project(&folder.path().join("hr.candidate.csv"), "hr.candidate.v1");
    let topics = ["hr.candidate.v1", "lms.completion.v1", "feedback.review.v1"];
    let dead = topics.map(|topic| format!("{topic}.dead"));
    let made: Vec<(&str, i32)> = topics
        .into_iter()
        .chain(dead.iter().map(String::as_str))
        .map(|topic| (topic, 4))
        .collect();
    let broker = MockBroker::start(&made).unwrap();
    let mut bad = 0;
    for _ in 0..2 {
        let mut demo = muster();
        demo.args(["demo", "--once", "--format", "json", "--brokers", broker.brokers()]);
        demo.arg("--project").arg(project.path());
        let shown = run(demo).with_code(0).json();
        let rows = shown["reconcile"].as_array().unwrap();
        bad = rows.iter().map(|row| row["bad"].as_u64().unwrap()).sum();
    }
    let letters = read_topic(broker.brokers(), &dead[0]).unwrap();
    let places: BTreeSet<_> = letters
        .iter()
        .map(|letter| {
            letter
                .headers
                .iter()
                .filter(|(name, _)| name.starts_with("muster-origin"))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(bad > 100, "{bad}");
    assert_eq!((letters.len() as u64, places.len() as u64), (bad, bad));
}
