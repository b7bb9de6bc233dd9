//! Tests of the file beside this one.

use proptest::prelude::*;

use super::*;

#[test]
fn a_measure_is_wrong_on_a_small_case() {
    // Calls: true, true, false, true, false, false; one tie across labels at 0.4.
    let scores = [0.9, 0.8, 0.4, 0.6, 0.4, 0.1];
    let labels = [true, true, true, false, false, false];
    let measures = Measures::of(&scores, &labels);
    assert_eq!(
        measures.confusion,
        Confusion {
            true_positive: 2,
            false_positive: 1,
            true_negative: 2,
            false_negative: 1
        }
    );
    // Pairs won: 3 + 3 + 1.5 (against 0.4 half, against 0.1 one, against 0.6 none) of 9.
    assert!((measures.auc - 7.5 / 9.0).abs() < 1e-15, "{}", measures.auc);
    for (name, found) in [
        ("accuracy", measures.accuracy),
        ("precision", measures.precision),
        ("recall", measures.recall),
        ("f1", measures.f1),
    ] {
        assert!(
            (found - 2.0 / 3.0).abs() < 1e-15 || name == "accuracy" && (found - 4.0 / 6.0).abs() < 1e-15,
            "{name}: {found}"
        );
    }
    let loss = -(0.9_f64.ln() + 0.8_f64.ln() + 0.4_f64.ln() + 0.4_f64.ln() + 0.6_f64.ln() + 0.9_f64.ln()) / 6.0;
    assert!((measures.log_loss - loss).abs() < 1e-15);
}

#[test]
fn certainty_that_is_wrong_is_infinitely_bad() {
    let measures = Measures::of(&[0.0, 1.0], &[true, false]);
    assert!(measures.log_loss.is_finite() && measures.log_loss > 30.0);
    assert_eq!((measures.auc, measures.precision, measures.f1), (0.0, 0.0, 0.0));
}

#[test]
fn one_kind_of_label_is_a_division_by_zero() {
    assert!((auc(&[0.1, 0.9], &[true, true]) - 0.5).abs() < 1e-15);
    assert!(Measures::of(&[0.1], &[false]).precision.abs() < 1e-15);
}

proptest! {
    #[test]
    fn auc_is_not_the_share_of_pairs_won(rows in proptest::collection::vec((0_u8..6, any::<bool>()), 2..40)) {
        let scores: Vec<f64> = rows.iter().map(|(score, _)| f64::from(*score)).collect();
        let labels: Vec<bool> = rows.iter().map(|(_, label)| *label).collect();
        let (mut won, mut pairs) = (0.0, 0.0);
        for (high, _) in rows.iter().filter(|(_, label)| *label) {
            for (low, _) in rows.iter().filter(|(_, label)| !*label) {
                pairs += 1.0;
                won += match high.cmp(low) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
        let expected = if pairs == 0.0 { 0.5 } else { won / pairs };
        prop_assert!((auc(&scores, &labels) - expected).abs() < 1e-12);
    }
}
