//! Kafka: do brokers answer, are the contracts' topics there, and is anybody's clock ahead.

use std::time::Duration;

use muster_stream::{Connection, Topics};

use super::{Line, Lines};
use crate::project::Project;

/// A record this far in the future was written by a clock that is ahead.
const AHEAD: Duration = Duration::from_mins(1);

/// Asks the brokers. Blocks.
pub fn look(connection: Option<anyhow::Result<Connection>>, project: Option<&Project>, limit: Duration) -> Vec<Line> {
    let mut lines = Lines::of("brokers");
    match connection {
        None => lines.warn(
            "brokers",
            "none are named",
            "--brokers HOST:PORT or KAFKA_BROKERS names them; `muster demo` brings its own",
        ),
        Some(Err(error)) => lines.fail("settings", format!("{error:#}"), "mend --kafka-config or its file"),
        Some(Ok(connection)) => ask(&connection, project, limit, &mut lines),
    }
    lines.done()
}

fn ask(connection: &Connection, project: Option<&Project>, limit: Duration, lines: &mut Lines) {
    let answered = Topics::new(connection).and_then(|topics| Ok((topics.brokers(limit)?, topics)));
    let topics = match answered {
        Ok((brokers, topics)) => {
            lines.ok("brokers", format!("{} answer: {}", brokers.len(), brokers.join(", ")));
            topics
        }
        Err(error) => {
            let todo = "is Kafka running, is the address what it calls itself (`advertised.listeners`), does it want TLS or \
                        SASL (--kafka-config security.protocol=SASL_SSL)?";
            lines.fail("brokers", format!("`{}`: {error}", connection.brokers()), todo);
            return;
        }
    };
    let contracts = project.map_or(&[][..], |project| &project.contracts);
    let wanted: Vec<&str> = contracts.iter().map(|contract| contract.topic.as_str()).collect();
    let dead = contracts.iter().filter_map(|contract| contract.dead_letter.as_ref());
    let dead: Vec<&str> = dead.map(|dead| dead.topic.as_str()).collect();
    let all: Vec<&str> = wanted.iter().chain(&dead).copied().collect();
    let known = match topics.describe(&all, limit) {
        Ok(known) => known,
        Err(error) => {
            lines.fail(
                "topics",
                error.to_string(),
                "may this user describe topics (`kafka-acls --operation Describe`)?",
            );
            return;
        }
    };
    for topic in all {
        match known.get(topic) {
            Some(facts) => lines.ok(topic, format!("{} partitions", facts.partitions)),
            None if wanted.contains(&topic) => {
                let todo =
                    "have it made with as many partitions as workers shall share, or `muster publish --partitions N`";
                lines.warn(topic, "there is no such topic", todo);
            }
            None => lines.warn(
                topic,
                "there is no such topic for dead letters",
                "have it made: bad records go there",
            ),
        }
    }
    let moment = (chrono::Utc::now() + AHEAD).timestamp_millis();
    for topic in wanted {
        let Some(facts) = known.get(topic) else { continue };
        match topics.partitions_since(topic, facts.partitions, moment, limit) {
            Ok(0) => lines.ok(format!("{topic} clock"), "no record is from the future"),
            Ok(partitions) => lines.warn(
                format!("{topic} clock"),
                format!("records in {partitions} partitions are more than a minute ahead of this machine's clock"),
                "let whoever writes them, and this machine, keep their clocks by NTP",
            ),
            Err(error) => lines.warn(
                format!("{topic} clock"),
                error.to_string(),
                "may this user read the topic?",
            ),
        }
    }
}
