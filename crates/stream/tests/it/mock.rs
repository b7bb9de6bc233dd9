//! The same on librdkafka's mock broker, which `demo` uses.

use std::sync::Arc;
use std::time::Duration;

use muster_sandbox::MockBroker;
use muster_stream::{Connection, Error, ReceiverConfig, Topics};

use crate::oracle::{Desk, Ledger, Process, wait_until};
use crate::world::{PATIENCE, publisher, send};

#[test]
fn the_mock_gives_topic_ids_and_every_event_once() {
    let broker = MockBroker::start(&[("events", 4)]).unwrap();
    let topics = Topics::new(&Connection::new(broker.brokers())).unwrap();
    let facts = topics.describe(&["events", "nobody"], PATIENCE).unwrap();
    assert_eq!(facts.len(), 1);
    assert_eq!(facts["events"].partitions, 4);

    let publisher = publisher(broker.brokers());
    for number in 0..5_000 {
        send(&publisher, "events", number);
    }
    publisher.flush(PATIENCE).unwrap();
    let ledger = Arc::new(Ledger::default());
    let config = ReceiverConfig::new(Connection::new(broker.brokers()), "group", vec!["events".to_owned()]);
    let process = Process::start(config.clone(), Desk::new(&ledger));
    wait_until(30, "all events", || ledger.count() == 5_000);
    wait_until(10, "the ends", || {
        process
            .told
            .lock()
            .unwrap()
            .iter()
            .filter(|event| event.contains("CaughtUp"))
            .count()
            == 4
    });
    process.stop();
    for number in 5_000..6_000 {
        send(&publisher, "events", number);
    }
    publisher.flush(PATIENCE).unwrap();
    let process = Process::start(config, Desk::new(&ledger));
    wait_until(30, "what came later", || ledger.count() == 6_000);
    ledger.assert_clean(6_000);
    process.stop();
}

#[test]
fn a_topic_the_mock_lacks_is_an_error_that_says_so() {
    let broker = MockBroker::start(&[]).unwrap();
    let topics = Topics::new(&Connection::new(broker.brokers())).unwrap();
    let error = topics.ensure("missing", None, PATIENCE).unwrap_err();
    assert!(
        matches!(&error, Error::NoTopic { topic } if topic == "missing"),
        "{error}"
    );
    let error = topics.ensure("missing", Some(2), Duration::from_secs(5)).unwrap_err();
    assert!(matches!(error, Error::Kafka { .. } | Error::Topic { .. }), "{error}");
    broker.create_topic("missing", 2).unwrap();
    assert_eq!(topics.ensure("missing", Some(2), PATIENCE).unwrap().partitions, 2);
}

#[test]
fn a_broker_that_does_not_answer_costs_bounded_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let topics = Topics::new(&Connection::new(silent.local_addr().unwrap().to_string())).unwrap();
    let begun = std::time::Instant::now();
    let error = topics.describe(&["events"], Duration::from_secs(1)).unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_millis(2_500),
        "{error} after {:?}",
        begun.elapsed()
    );
}
