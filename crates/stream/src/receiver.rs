//! The receiver's handle: starts the thread that is the group's member, and tells it what to do.
//!
//! Held by the wiring. Commands are carried out within some ten milliseconds, in order, and never wait for Kafka.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use muster_spec::{Offset, SourceId};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::BaseConsumer;

use crate::context::Context;
use crate::receiving::{Command, Receiving};
use crate::{Assigner, Error, Lag, Received, ReceiverConfig};

/// A member of a consumer group on a thread of its own.
pub struct Receiver {
    commands: Sender<Command>,
    lag: Arc<Mutex<Vec<Lag>>>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Receiver {
    /// Joins the group. What it receives comes out of the channel; `assigner` says where each partition starts. When
    /// the channel's other end is dropped, the receiver leaves the group and ends.
    pub fn start(
        config: ReceiverConfig,
        assigner: Arc<dyn Assigner>,
    ) -> Result<(Self, tokio::sync::mpsc::Receiver<Received>), Error> {
        let consumer: BaseConsumer<Context> =
            BaseConsumer::from_config_and_context(&config.client_config(), Context::default())
                .map_err(|error| Error::from_kafka("make a client", error))?;
        let (sender, received) = tokio::sync::mpsc::channel(config.capacity.max(1));
        let (commands, inbox) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let lag = Arc::new(Mutex::new(Vec::new()));
        let shared = lag.clone();
        std::thread::Builder::new()
            .name("muster-receive".to_owned())
            .spawn(move || {
                Receiving::new(config, assigner, consumer, sender, inbox, shared).run();
                // Nobody waits when the handle is gone.
                let _ = end.send(());
            })
            .map_err(|_| Error::Ended)?;
        Ok((
            Self {
                commands,
                lag,
                ended: Mutex::new(ended),
            },
            received,
        ))
    }

    /// Fetches no more of a source until [`Receiver::resume`]; what was received already still comes.
    pub fn pause(&self, source: SourceId) {
        self.tell(Command::Pause(source));
    }

    /// Fetches a paused source again, from where it stood.
    pub fn resume(&self, source: SourceId) {
        self.tell(Command::Resume(source));
    }

    /// Gives a source up and asks the assigner for it again, without leaving the group: after its token was raised by
    /// another process, after a gap was accepted in the ledger, after a commit found its topic changed.
    pub fn retake(&self, source: SourceId) {
        self.tell(Command::Retake(source));
    }

    /// Tells Kafka how far the ledger is, for tools that show lag. Never read back; losing it costs nothing.
    pub fn commit_hint(&self, source: SourceId, next: Offset) {
        self.tell(Command::Hint(source, next));
    }

    /// Receives nothing new, closes all open batches and then hands out [`Received::Drained`]. The partitions stay
    /// held, so that what was received can be committed before [`Receiver::stop`].
    pub fn drain(&self) {
        self.tell(Command::Drain);
    }

    /// How far behind each held source is; a second old at most while Kafka answers.
    pub fn lag(&self) -> Vec<Lag> {
        self.lag.lock().expect("no holder of this lock panics").clone()
    }

    /// Gives all partitions up, leaves the group and ends the thread. After `timeout` it is left to end by itself.
    pub fn stop(&self, timeout: Duration) -> Result<(), Error> {
        self.tell(Command::Stop(Instant::now() + timeout));
        let ended = self.ended.lock().expect("no holder of this lock panics");
        match ended.recv_timeout(timeout) {
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => Ok(()),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(Error::TimedOut {
                action: "leave the group",
                timeout_ms: timeout.as_millis() as u64,
            }),
        }
    }

    fn tell(&self, command: Command) {
        // A thread that has ended said so over the channel.
        let _ = self.commands.send(command);
    }
}
