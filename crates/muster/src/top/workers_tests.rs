//! Tests of what is read of a worker.

use proptest::prelude::*;

use super::*;
use crate::metrics::Metrics;

#[test]
fn what_our_own_metrics_say_is_read_back() {
    let metrics = Metrics::new();
    metrics.lag.with_label_values(&["hr.candidate.v1", "0"]).set(1_234_567);
    metrics.lag.with_label_values(&["hr.candidate.v1", "11"]).set(0);
    metrics.ledger_up.set(1);
    let told = read(&metrics.text().unwrap());
    assert_eq!(told.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(told.ledger_up, Some(true));
    let lag = [(0, 1_234_567), (11, 0)].map(|(partition, lag)| (("hr.candidate.v1".to_owned(), partition), lag));
    assert_eq!(told.lag, BTreeMap::from(lag));
}

#[test]
fn an_address_is_read_as_people_write_it_and_shown_without_a_password() {
    for (written, asked, seen) in [
        ("localhost:8000", "http://localhost:8000/metrics", "localhost:8000"),
        ("http://10.0.0.5:8000", "http://10.0.0.5:8000/metrics", "10.0.0.5:8000"),
        ("http://10.0.0.5:8000/", "http://10.0.0.5:8000/metrics", "10.0.0.5:8000"),
        (
            "https://muster.example/a/metrics",
            "https://muster.example/a/metrics",
            "muster.example",
        ),
        (
            "http://user:secret@host:1/a",
            "http://user:secret@host:1/a/metrics",
            "host:1",
        ),
    ] {
        let url = address(written).unwrap();
        assert_eq!((url.as_str(), shown(&url).as_str()), (asked, seen));
    }
    for written in ["", "http://", "ftp://host", "a b"] {
        assert!(address(written).is_err(), "{written}");
    }
}

#[tokio::test]
async fn a_worker_that_is_named_and_silent_is_told_with_the_reason_and_one_that_was_guessed_is_not_missed() {
    // Bound and closed again: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let urls = [
        format!("http://user:hunter2@{free}"),
        silent.local_addr().unwrap().to_string(),
    ];
    let begun = std::time::Instant::now();
    let told = Workers::new(&urls).unwrap().ask().await;
    assert!(begun.elapsed() < ANSWER_LIMIT * 2, "both at once");
    let reasons: Vec<&str> = told
        .iter()
        .map(|worker| worker.told.as_ref().unwrap_err().as_str())
        .collect();
    assert_eq!(reasons, ["nobody listens there", "no answer in 2 s"]);
    assert!(!format!("{told:?}").contains("hunter2"), "{told:?}");

    let guessed = Workers {
        are_guessed: true,
        ..Workers::new(&urls[..1]).unwrap()
    };
    assert_eq!(guessed.ask().await, []);
}

proptest! {
    #[test]
    fn a_label_comes_back_as_it_went_in(topic in "[a-z\"\\\\\n,={} é]{0,12}", lag in 0_i64..1_000_000) {
        let metrics = Metrics::new();
        metrics.lag.with_label_values(&[&*topic, "3"]).set(lag);
        let told = read(&metrics.text().unwrap());
        prop_assert_eq!(told.lag, BTreeMap::from([((topic, 3), lag as u64)]));
    }

    #[test]
    fn no_text_is_too_odd_to_read(text in "(muster_source_lag_records)?[\\PC\n]{0,60}") {
        read(&text);
    }
}
