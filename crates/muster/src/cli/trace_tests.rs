//! Tests of the file beside this one: what can be traced, as it is typed.

use muster_spec::Offset;

use super::{Traced, what};

#[test]
fn a_key_may_hold_anything_and_what_is_no_position_is_refused() {
    let record = |topic: &str, partition, offset| Traced::Record {
        topic: topic.to_owned(),
        partition,
        offset: Offset(offset),
    };
    let prediction = |claim, offset| Traced::Prediction {
        claim,
        offset: Offset(offset),
    };
    let cases = [
        ("hr.candidate.v1/0/182", Some(record("hr.candidate.v1", 0, 182))),
        ("a/12/0", Some(record("a", 12, 0))),
        ("prediction/12-182", Some(prediction(12, 182))),
        ("entity/8949", Some(Traced::Entity("8949".to_owned()))),
        ("entity/a/b c", Some(Traced::Entity("a/b c".to_owned()))),
        ("entity/", None),
        ("prediction/12", None),
        ("prediction/12/182", None),
        ("prediction/-12-1", None),
        ("hr.candidate.v1/0", None),
        ("hr.candidate.v1/0/-1", None),
        ("hr.candidate.v1/x/1", None),
        ("/0/1", None),
        ("", None),
    ];
    for (text, meant) in cases {
        assert_eq!(what(text).ok(), meant, "{text}");
    }
}
