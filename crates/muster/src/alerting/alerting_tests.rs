//! Tests of what is written down of a try.

use super::*;

fn failed(failure: Failure, retry_after: Option<u64>) -> Delivery {
    Delivery::Failed {
        failure,
        why: "answered".to_owned(),
        retry_after: retry_after.map(Duration::from_secs),
    }
}

#[test]
fn a_receiver_that_is_gone_disables_its_target_and_any_other_failure_is_tried_again() {
    assert_eq!(end_of(&Delivery::Taken, 1, 0.5), TryEnd::Delivered);
    for failure in [
        Failure::Throttled,
        Failure::Redirected,
        Failure::ClientError,
        Failure::ServerError,
        Failure::TimedOut,
        Failure::Unreachable,
        Failure::Tls,
        Failure::Refused,
        Failure::Unconfigured,
    ] {
        let TryEnd::Again { wait, rest, trouble } = end_of(&failed(failure, None), 1, 0.5) else {
            panic!("{failure:?} was not tried again");
        };
        assert_eq!(
            (wait.as_secs(), rest, trouble.failure),
            (5, Duration::ZERO, failure.word())
        );
    }
    let end = end_of(&failed(Failure::Gone, None), 1, 0.5);
    assert!(matches!(end, TryEnd::Parked { disable: true, .. }), "{end:?}");
    let end = end_of(&failed(Failure::ServerError, None), retry::TRIES_MAX, 0.5);
    assert!(matches!(end, TryEnd::Parked { disable: false, .. }), "{end:?}");
}

#[test]
fn a_receiver_that_asks_for_time_gets_it_for_all_its_messages() {
    let TryEnd::Again { wait, rest, .. } = end_of(&failed(Failure::Throttled, Some(90)), 1, 0.5) else {
        panic!("it was not tried again");
    };
    assert_eq!((wait.as_secs(), rest.as_secs()), (90, 90));
    let TryEnd::Again { wait, rest, .. } = end_of(&failed(Failure::Throttled, Some(7)), 2, 0.5) else {
        panic!("it was not tried again");
    };
    assert_eq!((wait.as_secs(), rest.as_secs()), (300, 7));
}
