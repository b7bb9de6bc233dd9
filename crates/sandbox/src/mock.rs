//! librdkafka's mock cluster: a broker inside this process, for `demo` and for quick tests.
//!
//! It keeps 5 MiB a partition and then drops the oldest in silence, so a publisher must not run ahead of its consumer by
//! more. A group's first join takes it 3 s. What must stay true: the cluster lives on one thread of its own, because the
//! handle may not pass between threads; the thread ends when [`MockBroker`] is dropped.

use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use rdkafka::mocking::MockCluster;

use crate::error::{Error, Result};

struct NewTopic {
    name: String,
    partitions: i32,
    answer: Sender<Result<()>>,
}

/// A running mock broker.
#[derive(Debug)]
pub struct MockBroker {
    brokers: String,
    orders: Option<Sender<NewTopic>>,
    thread: Option<JoinHandle<()>>,
}

impl MockBroker {
    /// Starts one broker with these topics, given as name and number of partitions.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self> {
        let (orders, received) = channel::<NewTopic>();
        let (started, address) = channel();
        let thread = std::thread::Builder::new()
            .name("mock-broker".to_owned())
            .spawn(move || {
                let cluster = match MockCluster::new(1) {
                    Ok(cluster) => cluster,
                    Err(error) => {
                        let _ = started.send(Err(Error::Client(error)));
                        return;
                    }
                };
                let _ = started.send(Ok(cluster.bootstrap_servers()));
                while let Ok(topic) = received.recv() {
                    let made = cluster.create_topic(&topic.name, topic.partitions, 1);
                    let _ = topic.answer.send(made.map_err(Error::Client));
                }
            })
            .map_err(|_| Error::MockGone)?;
        let brokers = address.recv().map_err(|_| Error::MockGone)??;
        let broker = Self {
            brokers,
            orders: Some(orders),
            thread: Some(thread),
        };
        for (name, partitions) in topics {
            broker.create_topic(name, *partitions)?;
        }
        Ok(broker)
    }

    /// Where clients connect, as `bootstrap.servers` takes it.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Makes a topic; one that exists already is an error. The mock has no request for it, so that clients cannot.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<()> {
        let (answer, answered) = channel();
        let topic = NewTopic {
            name: name.to_owned(),
            partitions,
            answer,
        };
        self.orders
            .as_ref()
            .ok_or(Error::MockGone)?
            .send(topic)
            .map_err(|_| Error::MockGone)?;
        answered.recv().map_err(|_| Error::MockGone)?
    }
}

impl Drop for MockBroker {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
