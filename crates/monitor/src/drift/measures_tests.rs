//! Tests of the measures against values that scipy 1.17.1 gives, and of what must hold for all counts.
//!
//! The figures: `p, q` are the counts with half a row added, divided by their sums; `entropy(q, p) + entropy(p, q)`,
//! `entropy(w / w.sum(), p)` of `scipy.stats`, and `ks_2samp(repeat(cells, t), repeat(cells, w)).statistic`.

use proptest::prelude::*;

use super::*;

struct Case {
    training: &'static [u64],
    window: &'static [u64],
    psi: f64,
    entropy: f64,
    ks: f64,
}

const CASES: [Case; 6] = [
    Case {
        training: &[10; 10],
        window: &[10; 10],
        psi: 0.0,
        entropy: 0.0,
        ks: 0.0,
    },
    Case {
        training: &[100, 200, 300, 400],
        window: &[400, 300, 200, 100],
        psi: 0.908_643_038_773_750_3,
        entropy: 0.455_230_763_341_607_7,
        ks: 0.4,
    },
    Case {
        training: &[5000, 3000, 1900, 100],
        window: &[480, 310, 190, 20],
        psi: 0.008_574_347_112_357_049,
        entropy: 0.004_383_807_105_093_071,
        ks: 0.02,
    },
    Case {
        training: &[0, 950, 50],
        window: &[3, 180, 17],
        psi: 0.082_763_283_541_129_97,
        entropy: 0.047_640_401_322_677_62,
        ks: 0.035,
    },
    Case {
        training: &[7],
        window: &[9],
        psi: 0.0,
        entropy: 0.0,
        ks: 0.0,
    },
    Case {
        training: &[1403, 1403, 1402, 1403, 1402, 1403, 1402, 1403, 1402, 1403],
        window: &[15, 19, 22, 25, 21, 20, 18, 22, 30, 8],
        psi: 0.086_432_960_014_747_87,
        entropy: 0.042_260_085_512_698_206,
        ks: 0.060_028_518_465_706_56,
    },
];

#[test]
fn a_measure_is_another_than_scipy_gives() {
    for case in CASES {
        let Case { training, window, .. } = case;
        let measured = [
            (psi(training, window).unwrap(), case.psi),
            (entropy(training, window), case.entropy),
            (ks(training, window).unwrap(), case.ks),
        ];
        for (ours, theirs) in measured {
            assert!(
                (ours - theirs).abs() < 1e-14,
                "{training:?} {window:?}: {ours} and {theirs}"
            );
        }
    }
}

#[test]
fn the_expected_index_is_another_than_its_formula() {
    let expected = psi_expected(&[1000; 10], &[20; 10]).unwrap();
    assert!((expected - 9.0 * (1.0 / 10_000.0 + 1.0 / 200.0)).abs() < 1e-15);
    // With few rows that alone is a textbook's 0.1.
    assert!(psi_expected(&[1000; 10], &[9; 10]).unwrap() > 0.1);
    assert_eq!(psi_expected(&[1, 2], &[0, 0]), None);
}

fn counts(cells: usize) -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
    let some = || {
        prop::collection::vec(
            prop_oneof![2 => 0..3_u64, 3 => 0..10_000_u64, 1 => 0..u64::from(u32::MAX)],
            cells,
        )
    };
    (some(), some())
}

proptest! {
    #[test]
    fn a_measure_is_no_number_or_out_of_its_range((training, window) in (1..12_usize).prop_flat_map(counts)) {
        prop_assert!(entropy(&training, &window) >= 0.0);
        let some = total(&training) > 0 && total(&window) > 0;
        prop_assert_eq!(psi(&training, &window).is_some(), some);
        if some {
            let index = psi(&training, &window).unwrap();
            prop_assert!((0.0..100.0).contains(&index), "{}", index);
            let back = psi(&window, &training).unwrap();
            prop_assert!((index - back).abs() <= 1e-12 * index.max(1.0), "{} and {}", index, back);
            prop_assert!((0.0..=1.0).contains(&ks(&training, &window).unwrap()));
        }
    }

    /// The stated bound: over all values the distance is no smaller, and greater by the largest cell's lesser share at
    /// most.
    #[test]
    fn the_distance_at_edges_is_farther_off_than_stated(
        training in prop::collection::vec(0..40_i32, 1..80), window in prop::collection::vec(-5..45_i32, 1..80),
    ) {
        let cell = |values: &[i32]| {
            let mut cells = [0_u64; 11];
            for value in values {
                cells[((value + 5) / 5).clamp(0, 10) as usize] += 1;
            }
            cells
        };
        let share = |values: &[i32], upto: i32| {
            values.iter().filter(|value| **value <= upto).count() as f64 / values.len() as f64
        };
        let exact = (-5..45).map(|at| (share(&training, at) - share(&window, at)).abs()).fold(0.0, f64::max);
        let at_edges = ks(&cell(&training), &cell(&window)).unwrap();
        let pairs = cell(&training).into_iter().zip(cell(&window));
        let slack = pairs.map(|(one, other)| {
            (one as f64 / training.len() as f64).min(other as f64 / window.len() as f64)
        }).fold(0.0, f64::max);
        prop_assert!(at_edges <= exact + 1e-12, "{} over {}", at_edges, exact);
        prop_assert!(exact <= at_edges + slack + 1e-12, "{} over {} + {}", exact, at_edges, slack);
    }
}
