//! Tests of verdicts: how often nothing is called drift, and how surely a shift of known size is.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::*;

/// People whose rows drift by what is set here, and not at all as it is by default.
#[derive(Clone, Copy, Debug)]
struct World {
    /// Added to a number whose standard deviation is 1.
    mean: f64,
    /// The share of the most frequent of 60 levels.
    first_level: f64,
    /// The share of rows without a value.
    missing: f64,
    /// The share of levels that nobody had before.
    new_levels: f64,
    /// The share of a rare truth.
    flag: f64,
}

const STEADY: World = World {
    mean: 0.0,
    first_level: 0.3,
    missing: 0.1,
    new_levels: 0.0,
    flag: 0.01,
};

struct Stream(ChaCha8Rng);

impl Stream {
    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Normally distributed, by Box and Muller.
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

fn rows(world: World, count: usize, stream: &mut Stream) -> RecordBatch {
    let (mut score, mut hours, mut flag, mut city, mut size) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..count {
        let present = stream.unit() >= world.missing;
        score.push(present.then(|| stream.normal() + world.mean));
        // Many equal values, most of them 0.
        hours.push(((stream.unit() - 0.7).max(0.0) * 20.0) as i64);
        flag.push(stream.unit() < world.flag);
        let drawn = stream.unit();
        city.push(if drawn < world.new_levels {
            format!("new {}", (drawn * 1e6) as u64)
        } else if stream.unit() < world.first_level {
            "city 0".to_owned()
        } else {
            // Rare ones are rarer still: some are seen once in training, some never.
            format!("city {}", (stream.unit().powi(4) * 400.0) as u64 + 1)
        });
        size.push(format!("{:02}", (stream.unit().sqrt() * 22.0) as u64));
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("score", Arc::new(Float64Array::from(score))),
        ("hours", Arc::new(Int64Array::from(hours))),
        ("flag", Arc::new(BooleanArray::from(flag))),
        ("city", Arc::new(StringArray::from(city))),
        ("size", Arc::new(StringArray::from(size))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

fn trained(count: usize, stream: &mut Stream) -> Reference {
    let sizes = (0..22).map(|size| format!("{size:02}")).collect();
    let ordinals = BTreeMap::from([("size".to_owned(), sizes)]);
    Reference::learn(&rows(STEADY, count, stream), &["city".to_owned()], &ordinals).unwrap()
}

fn window(reference: &Reference, world: World, count: usize, stream: &mut Stream) -> Sketch {
    let mut sketch = Sketch::empty(reference);
    reference.count(&rows(world, count, stream), &mut sketch).unwrap();
    sketch
}

/// Whatever chance does not explain is an alarm, however small.
fn by_chance_alone(false_alarms: f64) -> Drift {
    let any = DriftLimits { warn: 0.0, alert: 0.0 };
    Drift {
        psi: any,
        ks: any,
        missing: any,
        new_levels: any,
        false_alarms,
        ..Drift::default()
    }
}

fn alarms(found: &[FeatureDrift]) -> bool {
    found.iter().any(|drift| drift.state >= DriftState::Warn)
}

#[test]
fn more_of_1000_windows_without_drift_are_called_one_with_drift_than_the_pipeline_allows() {
    const WINDOWS: usize = 1_000;
    const FALSE_ALARMS: f64 = 0.05;
    let mut stream = Stream(ChaCha8Rng::seed_from_u64(14));
    // As many rows in training as in a window, and many more; each window against another training every now and then,
    // so that no lucky one is held against all.
    for (training, count) in [(300, 200), (5_000, 200), (5_000, 2_000)] {
        let (mut by_chance, mut shipped, mut naive) = (0, 0, 0);
        let mut reference = trained(training, &mut stream);
        for at in 0..WINDOWS {
            if at % 50 == 0 {
                reference = trained(training, &mut stream);
            }
            let sketch = window(&reference, STEADY, count, &mut stream);
            by_chance += usize::from(alarms(&judge(&reference, &sketch, &by_chance_alone(FALSE_ALARMS), 0)));
            let found = judge(&reference, &sketch, &Drift::default(), 0);
            shipped += usize::from(alarms(&found));
            naive += usize::from(found.iter().any(|drift| drift.psi.is_some_and(|psi| psi.value >= 0.1)));
        }
        assert!(
            by_chance as f64 <= FALSE_ALARMS * WINDOWS as f64,
            "{by_chance} of {training}, {count}"
        );
        // A thousandth is allowed: of a thousand windows one, and 5 only once in 270 times.
        assert!(shipped < 5, "{shipped} of {training}, {count}");
        // What a fixed limit alone would have called drift.
        assert!(
            training > count + 100 || naive > WINDOWS / 3,
            "{naive} of {training}, {count}"
        );
    }
}

#[test]
fn looking_again_and_again_at_a_growing_window_raises_its_false_alarms() {
    const WINDOWS: usize = 300;
    const FALSE_ALARMS: f64 = 0.1;
    let mut stream = Stream(ChaCha8Rng::seed_from_u64(15));
    let reference = trained(3_000, &mut stream);
    let called = (0..WINDOWS).filter(|_| {
        let mut sketch = Sketch::empty(&reference);
        let (mut looks, mut looked_rows, mut alarm) = (0, 0, false);
        for _ in 0..32 {
            sketch.merge(&window(&reference, STEADY, 50, &mut stream));
            if is_due(sketch.rows, looked_rows, false, 200) {
                alarm |= alarms(&judge(&reference, &sketch, &by_chance_alone(FALSE_ALARMS), looks));
                (looks, looked_rows) = (looks + 1, sketch.rows);
            }
        }
        assert_eq!((looks, looked_rows), (4, 1_600), "at 200, 400, 800 and 1600 rows");
        alarm
    });
    let called = called.count();
    assert!(called as f64 <= FALSE_ALARMS * WINDOWS as f64, "{called}");
}

/// A shift, in a window of so many rows: the feature, the measure and what it says in at least 95 of 100 windows.
type Found = (World, usize, &'static str, DriftMeasure, DriftState);

#[test]
fn a_shift_of_known_size_is_missed_or_found_elsewhere() {
    const WINDOWS: usize = 100;
    let cases: [Found; 8] = [
        (
            World { mean: 0.5, ..STEADY },
            1_000,
            "score",
            DriftMeasure::Psi,
            DriftState::Warn,
        ),
        (
            World { mean: -1.0, ..STEADY },
            300,
            "score",
            DriftMeasure::Psi,
            DriftState::Alert,
        ),
        (
            World { mean: 1.5, ..STEADY },
            250,
            "score",
            DriftMeasure::Psi,
            DriftState::Alert,
        ),
        (
            World {
                first_level: 0.5,
                ..STEADY
            },
            1_000,
            "city",
            DriftMeasure::Psi,
            DriftState::Warn,
        ),
        (
            World {
                first_level: 0.7,
                ..STEADY
            },
            400,
            "city",
            DriftMeasure::Psi,
            DriftState::Alert,
        ),
        (
            World {
                missing: 0.25,
                ..STEADY
            },
            500,
            "score",
            DriftMeasure::Missing,
            DriftState::Alert,
        ),
        (
            World {
                new_levels: 0.1,
                ..STEADY
            },
            500,
            "city",
            DriftMeasure::NewLevels,
            DriftState::Alert,
        ),
        (
            World { flag: 0.3, ..STEADY },
            300,
            "flag",
            DriftMeasure::Psi,
            DriftState::Alert,
        ),
    ];
    let mut stream = Stream(ChaCha8Rng::seed_from_u64(16));
    let reference = trained(5_000, &mut stream);
    for (world, count, feature, measure, state) in cases {
        let (mut found, mut elsewhere) = (0, 0);
        for _ in 0..WINDOWS {
            let sketch = window(&reference, world, count, &mut stream);
            for drift in judge(&reference, &sketch, &Drift::default(), 0) {
                let measured = of(&drift, measure);
                if drift.feature == feature {
                    found += usize::from(measured.is_some_and(|measured| measured.state >= state));
                } else {
                    elsewhere += usize::from(drift.state >= DriftState::Warn);
                }
            }
        }
        assert!(
            found * 100 >= WINDOWS * 95,
            "{world:?}, {count} rows: {found} of {WINDOWS}"
        );
        assert_eq!(elsewhere, 0, "{world:?}");
    }
}

fn of(drift: &FeatureDrift, measure: DriftMeasure) -> Option<Measurement> {
    match measure {
        DriftMeasure::Psi => drift.psi,
        DriftMeasure::Ks => drift.ks,
        DriftMeasure::Missing => Some(drift.missing),
        DriftMeasure::NewLevels => drift.new_levels,
    }
}

#[test]
fn few_rows_say_something() {
    let mut stream = Stream(ChaCha8Rng::seed_from_u64(17));
    let reference = trained(2_000, &mut stream);
    let far = World {
        mean: 9.0,
        missing: 0.9,
        new_levels: 1.0,
        ..STEADY
    };
    let sketch = window(&reference, far, 199, &mut stream);
    let found = judge(&reference, &sketch, &Drift::default(), 0);
    assert!(
        found
            .iter()
            .all(|drift| drift.state == DriftState::Few && drift.worst.is_none()),
        "{found:?}"
    );
    // Many rows, few of them with a value: only the missing ones say something.
    let gone = World {
        missing: 0.99,
        mean: 9.0,
        ..STEADY
    };
    let sketch = window(&reference, gone, 1_000, &mut stream);
    let score = &judge(&reference, &sketch, &Drift::default(), 0)[0];
    assert_eq!(score.psi.unwrap().state, DriftState::Few);
    assert_eq!(score.worst.unwrap().0, DriftMeasure::Missing);
    let none = judge(&reference, &Sketch::empty(&reference), &Drift::default(), 0);
    assert!(
        none.iter()
            .all(|drift| drift.psi.is_none() && drift.missing_ratio == 0.0)
    );
}

#[test]
fn a_constant_that_changes_is_missed() {
    let constant = |value: f64| {
        let column: ArrayRef = Arc::new(Float64Array::from(vec![value; 500]));
        RecordBatch::try_from_iter_with_nullable([("x", column, true)]).unwrap()
    };
    let reference = Reference::learn(&constant(5.0), &[], &BTreeMap::new()).unwrap();
    for value in [4.999, 5.001, 1e300] {
        let mut sketch = Sketch::empty(&reference);
        reference.count(&constant(value), &mut sketch).unwrap();
        let found = &judge(&reference, &sketch, &Drift::default(), 0)[0];
        assert_eq!(found.state, DriftState::Alert, "{value}");
        assert_eq!(found.worst.unwrap().0, DriftMeasure::Ks, "{value}");
    }
}

#[test]
fn a_window_is_looked_at_more_often_than_it_doubles_or_not_at_its_end() {
    for (rows, looked_rows, is_over, due) in [
        (199, 0, false, false),
        (199, 0, true, true),
        (200, 0, false, true),
        (399, 200, false, false),
        (400, 200, false, true),
        (399, 200, true, true),
        (200, 200, true, false),
        (0, 0, true, false),
    ] {
        assert_eq!(
            is_due(rows, looked_rows, is_over, 200),
            due,
            "{rows} {looked_rows} {is_over}"
        );
    }
}
