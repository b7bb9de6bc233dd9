//! What the tests of this folder look at: two topics of which one has a paused partition, a run, an alert, workers.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use muster_store::ledger::counts::Counts;
use muster_store::ledger::runs::RunState;
use muster_store::ledger::standing::{Firing, LastRun, PipelineStanding, Source, Standing};

use super::workers::{Told, Worker};
use super::{Down, Known};

/// 2026-03-01 12:00:00 UTC.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_366_400, 0).unwrap()
}

fn source(good: u64, bad: u64, lately: u64) -> Source {
    Source {
        contract: "hr.candidate".to_owned(),
        worker: Some("host-1".to_owned()),
        next_offset: Some((good + bad) as i64),
        received_lately: lately,
        counts: Counts {
            received: good + bad + 3,
            good,
            bad,
            duplicate: 2,
            tombstone: 1,
            repaired: 0,
        },
        committed_at: Some(now() - TimeDelta::seconds(4)),
        newest_event: Some(now() - TimeDelta::hours(3)),
        ..Source::default()
    }
}

/// A worker that holds the first two partitions of `hr.candidate.v1`.
pub fn worker() -> Worker {
    let lag = [(0, 0), (1, 40)].map(|(partition, lag)| (("hr.candidate.v1".to_owned(), partition), lag));
    Worker {
        address: "127.0.0.1:8000".to_owned(),
        told: Ok(Told {
            version: "0.1.0".to_owned(),
            ledger_up: Some(true),
            lag: BTreeMap::from(lag),
        }),
    }
}

/// All of it.
pub fn known() -> Known {
    let mut standing = Standing::default();
    standing.at = Some(now());
    let paused = Source {
        paused: Some("stop_above: 95.0 % of the last rows were bad".to_owned()),
        paused_at: Some(now() - TimeDelta::minutes(7)),
        ..source(10, 950, 0)
    };
    for (partition, source) in [(0, source(4_000, 100, 6_000)), (1, source(5_000, 0, 90)), (2, paused)] {
        standing
            .sources
            .insert(("hr.candidate.v1".to_owned(), partition), source);
    }
    standing
        .sources
        .insert(("lms.completion.v1".to_owned(), 0), source(0, 0, 0));
    standing.pipelines = vec![
        PipelineStanding {
            pipeline: "job-change".to_owned(),
            last: Some(LastRun {
                slot: now() - TimeDelta::minutes(2),
                state: RunState::Done,
                predictions: 9_010,
                took: Duration::from_millis(1_250),
                message: None,
            }),
            last_slot: Some(now()),
        },
        PipelineStanding {
            pipeline: "promotion".to_owned(),
            last: None,
            last_slot: None,
        },
    ];
    standing.firing = vec![Firing {
        condition: "bad_ratio".to_owned(),
        about: "hr.candidate".to_owned(),
        measured: Some(0.9896),
        threshold: Some(0.1),
        window: "hr.candidate.v1 partition 2 [0,960)".to_owned(),
        raised_at: now() - TimeDelta::minutes(7),
    }];
    Known {
        standing,
        down: None,
        workers: vec![worker()],
        next_slots: BTreeMap::from([("job-change".to_owned(), Some(now() + TimeDelta::minutes(2)))]),
        age: Duration::ZERO,
    }
}

/// The same when the ledger has been silent for ten minutes, and a worker too.
pub fn stale() -> Known {
    let silent = Worker {
        address: "10.0.0.6:8000".to_owned(),
        told: Err("nobody listens there".to_owned()),
    };
    Known {
        down: Some(Down {
            since: now() + TimeDelta::seconds(1),
            reason: "could not look at the ledger: connection refused".to_owned(),
        }),
        workers: vec![worker(), silent],
        age: Duration::from_mins(10),
        ..known()
    }
}
