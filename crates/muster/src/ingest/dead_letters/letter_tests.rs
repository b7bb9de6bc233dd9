//! Tests of the file beside this one.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int64Array, ListBuilder, RecordBatch, StringBuilder};
use muster_batch::Headers;
use muster_spec::{BatchId, Offset, Revision, SourceId, TopicId};
use muster_store::files::ListedFile;
use muster_store::ledger::dead_letters::DueBadFile;

use super::{Letters, Origin};

type Given<'a> = (&'a str, Option<&'a [u8]>);

/// A bad file with one record that came with these headers.
fn file(headers: &[Given<'_>], rules: &[&str]) -> RecordBatch {
    let mut encoded = Headers::default();
    encoded.push(headers.iter().copied());
    let encoded = Some(encoded.encoded(0)).filter(|encoded| !encoded.is_empty());
    let mut violations = ListBuilder::new(StringBuilder::new());
    for rule in rules {
        violations.values().append_value(rule);
    }
    violations.append(true);
    let columns: [(&str, ArrayRef); 5] = [
        ("_offset", Arc::new(Int64Array::from(vec![41]))),
        ("_key", Arc::new(BinaryArray::from_opt_vec(vec![None]))),
        ("_headers", Arc::new(BinaryArray::from_opt_vec(vec![encoded]))),
        ("_payload", Arc::new(BinaryArray::from_opt_vec(vec![Some(b"\x00raw")]))),
        ("_violations", Arc::new(violations.finish())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn origin(topic: &str) -> Origin {
    Origin::of(&DueBadFile {
        source: SourceId(1),
        topic: topic.into(),
        topic_id: TopicId(uuid::Uuid::nil()),
        partition: 3,
        batch: BatchId(1),
        revision: Revision(2),
        file: ListedFile::whole("", 1, [0; 32]),
        from: Offset(0),
        to: Offset(42),
    })
}

/// The headers it is published with, values as text; null is `-`.
fn published(headers: &[Given<'_>], rules: &[&str]) -> Option<Vec<String>> {
    let rows = file(headers, rules);
    let origin = origin("visits");
    let letters = Letters::read(&rows).unwrap();
    assert_eq!((letters.key(0), letters.payload(0)), (None, Some(&b"\x00raw"[..])));
    let text = |value: Option<&[u8]>| value.map_or("-".to_owned(), |value| String::from_utf8(value.to_vec()).unwrap());
    let headers = letters.headers(0, &origin)?;
    Some(
        headers
            .iter()
            .map(|(name, value)| format!("{name}={}", text(value.as_deref())))
            .collect(),
    )
}

const OURS: [&str; 6] = [
    "muster-origin-topic=visits",
    "muster-origin-topic-id=00000000-0000-0000-0000-000000000000",
    "muster-origin-partition=3",
    "muster-origin-offset=41",
    "muster-revision=2",
    "muster-reasons=level.level,hours.range",
];

#[test]
fn headers_go_out_as_they_came_with_the_position_and_the_rules_after_them() {
    let rules = ["level.level", "hours.range"];
    assert_eq!(published(&[], &rules).unwrap(), OURS);
    let came: [Given<'_>; 4] = [
        ("ce_id", Some(b"7")),
        ("empty", Some(b"")),
        ("null", None),
        ("ce_id", Some(b"8")),
    ];
    let all = published(&came, &rules).unwrap();
    assert_eq!(all[..4], ["ce_id=7", "empty=", "null=-", "ce_id=8"]);
    assert_eq!(all[4..], OURS);
}

#[test]
fn a_dead_letter_that_was_put_back_into_its_topic_is_a_record_of_its_own() {
    let came: [Given<'_>; 4] = [
        ("muster-origin-topic", Some(b"visits")),
        ("muster-origin-offset", Some(b"5")),
        ("muster-reasons", Some(b"level.level")),
        ("ce_id", Some(b"7")),
    ];
    let all = published(&came, &["level.level", "hours.range"]).unwrap();
    assert_eq!(all[..1], ["ce_id=7"]);
    assert_eq!(all[1..], OURS);
}

#[test]
fn a_dead_letter_of_another_topic_is_not_published_again() {
    assert_eq!(
        published(&[("muster-origin-topic", Some(b"others"))], &["level.level"]),
        None
    );
    assert_eq!(published(&[("muster-origin-topic", None)], &["level.level"]), None);
}
