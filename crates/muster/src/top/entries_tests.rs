//! Tests of what is known of sources as people read it.

use std::time::Duration;

use super::super::test_known::{known, stale, worker};
use super::super::workers::Worker;
use super::*;

fn by_name(known: &Known) -> Vec<Topic> {
    topics(known, Sort::Topic, false)
}

#[test]
fn a_topic_is_the_sum_of_its_partitions_and_paused_when_one_of_them_is() {
    let topics = by_name(&known());
    let [candidates, completions] = &topics[..] else {
        panic!("{topics:?}")
    };
    assert_eq!(candidates.whole.counts.good, 9_010);
    assert_eq!(candidates.whole.counts.bad, 1_050);
    assert_eq!(candidates.whole.state, State::Paused);
    assert_eq!(candidates.whole.paused_of, (1, 3));
    assert!((candidates.whole.rate - 101.5).abs() < 1e-9);
    let states: Vec<State> = candidates.partitions.iter().map(|entry| entry.state).collect();
    assert_eq!(states, [State::Running, State::Running, State::Paused]);
    assert_eq!(completions.whole.state, State::Quiet, "nobody says that it is read");
    let all = total(&known(), &topics);
    assert_eq!((all.counts.good, all.paused_of), (9_010, (1, 4)));
}

#[test]
fn lag_is_what_the_holders_say_and_is_never_made_up() {
    let lags = |known: &Known| -> Vec<Lag> {
        let topics = by_name(known);
        let mut lags: Vec<Lag> = topics[0].partitions.iter().map(|entry| entry.lag).collect();
        lags.push(topics[0].whole.lag);
        lags
    };
    assert_eq!(
        lags(&known()),
        [Lag::Records(0), Lag::Records(40), Lag::Unknown, Lag::AtLeast(40)]
    );
    let nobody = Known {
        workers: Vec::new(),
        ..known()
    };
    assert_eq!(lags(&nobody), [Lag::Unknown; 4]);
    // While partition 2 passes from one to another both tell of it.
    let with = |lag: u64| {
        let mut worker = worker();
        if let Ok(told) = &mut worker.told {
            told.lag.insert(("hr.candidate.v1".to_owned(), 2), lag);
        }
        worker
    };
    let two: Vec<Worker> = vec![with(7), with(9)];
    let passing = Known {
        workers: two,
        ..known()
    };
    assert_eq!(lags(&passing)[2..], [Lag::Records(9), Lag::Records(49)]);
}

#[test]
fn what_is_caught_up_is_not_behind_and_ages_grow_while_the_ledger_is_silent() {
    let behind = |known: &Known| -> Vec<Option<u64>> {
        by_name(known)[0]
            .partitions
            .iter()
            .map(|entry| entry.behind_secs)
            .collect()
    };
    assert_eq!(behind(&known()), [Some(0), Some(4), None]);
    assert_eq!(behind(&stale()), [Some(0), Some(604), None]);
    let newest = by_name(&known())[0].whole.newest_secs;
    assert_eq!(newest, Some(Duration::from_hours(3).as_secs() as i64));
}

#[test]
fn topics_are_sorted_by_what_is_asked_for_and_names_decide_between_equals() {
    let mut known = known();
    let mut third = known.standing.sources[&("hr.candidate.v1".to_owned(), 1)].clone();
    third.counts.bad = 5_000;
    third.received_lately = 60_000;
    known.standing.sources.insert(("a.last".to_owned(), 0), third);
    let names = |sort, reversed| -> Vec<String> {
        let topics = topics(&known, sort, reversed);
        topics
            .iter()
            .map(|topic| topic.whole.topic.split('.').next().unwrap().to_owned())
            .collect()
    };
    for (sort, expected) in [
        (Sort::Topic, ["a", "hr", "lms"]),
        (Sort::State, ["hr", "a", "lms"]),
        (Sort::Rate, ["a", "hr", "lms"]),
        (Sort::Lag, ["hr", "a", "lms"]),
        (Sort::BadRatio, ["a", "hr", "lms"]),
    ] {
        assert_eq!(names(sort, false), expected, "{sort:?}");
        let turned: Vec<&str> = expected.into_iter().rev().collect();
        assert_eq!(names(sort, true), turned, "{sort:?} turned");
    }
    let all: Vec<Sort> = std::iter::successors(Some(Sort::Topic), |sort| Some(sort.next()))
        .take(6)
        .collect();
    assert_eq!(all[5], Sort::Topic, "the keys come round");
}
