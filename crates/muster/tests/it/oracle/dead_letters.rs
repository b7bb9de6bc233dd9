//! The checker's eye on the dead-letter topic: every bad record lies there as it came, with where it came from and why.

use std::collections::HashMap;

use muster_sandbox::kafka::operator::{FoundRecord, read_topic};

use super::{Log, Outcome, Sent};
use crate::world::World;

/// A record's place: the incarnation of its topic, its partition, its offset.
type Place = (usize, usize, usize);

/// Holds the dead-letter topic against what was sent; how many dead letters lie there more often than once.
pub fn check_dead_letters(world: &World, log: &Log) -> u64 {
    let due = || world.ask("SELECT count(*) FROM due_bad_files");
    if due() != "0" {
        // A worker that died has left them; the next one publishes them when the dead one's lease has run out.
        world.run(&["ingest", "--once"]);
    }
    assert_eq!(due(), "0", "dead letters are still to be published");
    let incarnations = world.ask("SELECT coalesce(jsonb_object_agg(topic_id, incarnation), '{}') FROM topics");
    let incarnations: HashMap<String, usize> = serde_json::from_str(&incarnations).unwrap();
    let mut found: HashMap<Place, u64> = HashMap::new();
    for record in read_topic(&world.brokers, &world.dead_topic()).unwrap() {
        let place = place_of(world, &record, &incarnations);
        let sent = &log.incarnations[place.0][place.1][place.2];
        check_record(&record, sent, place);
        *found.entry(place).or_default() += 1;
    }
    let mut missing = Vec::new();
    for (incarnation, partitions) in log.incarnations.iter().enumerate() {
        for (partition, records) in partitions.iter().enumerate() {
            for (offset, sent) in records.iter().enumerate() {
                let is_bad = matches!(sent.outcome, Outcome::Bad(_));
                if is_bad && !found.contains_key(&(incarnation, partition, offset)) {
                    missing.push(format!("{incarnation}/{partition}/{offset}"));
                }
            }
        }
    }
    assert!(
        missing.is_empty(),
        "{} dead letters are missing: {:?}",
        missing.len(),
        &missing[..missing.len().min(10)]
    );
    found.values().map(|count| count - 1).sum()
}

fn header<'a>(record: &'a FoundRecord, name: &str) -> &'a str {
    let mut values = record.headers.iter().filter(|(found, _)| found == name);
    let (_, value) = values.next().unwrap_or_else(|| panic!("a dead letter has no `{name}`"));
    assert!(values.next().is_none(), "a dead letter has two `{name}`");
    std::str::from_utf8(value).unwrap()
}

fn place_of(world: &World, record: &FoundRecord, incarnations: &HashMap<String, usize>) -> Place {
    assert_eq!(header(record, "muster-origin-topic"), world.topic);
    let number = |name: &str| header(record, name).parse::<usize>().unwrap();
    (
        incarnations[header(record, "muster-origin-topic-id")],
        number("muster-origin-partition"),
        number("muster-origin-offset"),
    )
}

/// A dead letter is a bad record, and as it came.
fn check_record(record: &FoundRecord, sent: &Sent, place: Place) {
    let mut reasons: Vec<String> = header(record, "muster-reasons").split(',').map(str::to_owned).collect();
    reasons.sort();
    assert_eq!(sent.outcome, Outcome::Bad(reasons), "the dead letter of {place:?}");
    assert_eq!(record.payload.as_ref(), Some(&sent.payload), "the payload of {place:?}");
    assert_eq!(record.key, sent.key, "the key of {place:?}");
    assert_eq!(
        header(record, "ce_id"),
        sent.number.to_string(),
        "the headers of {place:?}"
    );
    assert!(header(record, "muster-revision").parse::<u64>().is_ok());
}
