//! Tests of the file beside this one.

use super::*;

#[test]
fn a_receiver_may_be_gone_for_three_days_before_a_message_is_given_up() {
    for jitter in [0.0, 0.5, 1.0] {
        let waits: Vec<Duration> = (1..).map_while(|tried| wait(tried, jitter, None)).collect();
        assert_eq!(waits.len() as u32 + 1, TRIES_MAX);
        let total: Duration = waits.iter().sum();
        let days = total.as_secs_f64() / 86_400.0;
        assert!((2.4..4.0).contains(&days), "{days} days");
        assert!(waits.is_sorted(), "{waits:?}");
    }
    assert_eq!(wait(TRIES_MAX, 0.5, Some(Duration::from_secs(1))), None);
}

#[test]
fn senders_that_failed_together_do_not_come_back_together() {
    let first = wait(2, 0.0, None).unwrap();
    let last = wait(2, 1.0, None).unwrap();
    assert_eq!((first.as_secs(), last.as_secs()), (240, 360));
    assert_eq!(wait(0, 0.5, None), wait(1, 0.5, None));
}

#[test]
fn a_receiver_that_asks_for_time_gets_it_within_a_day() {
    assert_eq!(wait(1, 0.5, Some(Duration::from_secs(90))).unwrap().as_secs(), 90);
    assert_eq!(wait(2, 0.5, Some(Duration::from_secs(90))).unwrap().as_secs(), 300);
    assert_eq!(wait(1, 0.5, Some(Duration::MAX)).unwrap(), Duration::from_hours(24));
}
